"""The relay between platforms is measured: that figures come out, not how good they are."""

from __future__ import annotations

from benchmarks.adapters import Size, measure


async def test_every_way_has_its_figures() -> None:
    found = await measure(Size(people=2, steady=6, burst=4), ["slack"])
    assert set(found["ways"]) == {
        "telegram to slack (desk room)",
        "slack (desk room) to telegram",
        "discord to slack (desk room)",
        "slack (desk room) to discord",
    }
    for one in found["ways"].values():
        assert 0 < one["p50_ms"] <= one["p95_ms"]
        assert one["per_s"] > 0
        assert one["ratio"] > 0
        assert one["missing"] == 0
    assert {one["missing"] for one in found["floors"].values()} == {0}
