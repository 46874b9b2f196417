"""The benchmark of load, as small as it comes: everything that is said is committed, shown and counted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.load import meters
from benchmarks.load.__main__ import STEPS, _beyond, _saturated

ROOT = Path(__file__).resolve().parents[2]


def test_shares_are_of_what_there_is() -> None:
    assert meters.spread([]) == {"count": 0}
    spread = meters.spread(number / 1_000 for number in range(1, 101))
    assert [spread[name] for name in ("p50", "p95", "p99", "worst")] == [50.0, 95.0, 99.0, 100.0]
    assert meters.by_kind({"web-1": 1.0, "web-2": 2.5, "all": 1.0}) == {"web": 3.5, "all": 1.0}


@pytest.mark.parametrize(
    ("change", "beyond"),
    [({}, False), ({"commit_ms": {"p99": 251.0}}, True), ({"lost": 1}, True), ({"sent_a_second": 80}, True)],
)
def test_the_knee_is_where_one_promise_breaks(change: dict[str, object], beyond: bool) -> None:
    step = {"rate": 100, "sent_a_second": 99.0, "commit_ms": {"p99": 20.0}, "lost": 0, "refused": 0}
    assert _beyond(step | change) is beyond
    assert sorted(STEPS) == list(STEPS)


def test_what_has_no_more_to_give_is_named() -> None:
    step = {"share_of_a_core": {"web-1": 0.97, "gateway-1": 0.4}, "machine_busy": 0.99}
    assert _saturated(step) == ["web-1", "all cores"]


def test_all_that_is_said_arrives(tmp_path: Path) -> None:
    """All in one, so that it needs no Redis; the parts start in `tests/scale`."""
    folder = tmp_path / "figures.jsonl"
    command = [
        "-m",
        "benchmarks.load",
        "--quick",
        "--tickets",
        "20",
        "--processes",
        "0",
        "--append",
        str(folder),
    ]
    done = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3_000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found == json.loads(folder.read_text())
    step = found["steps"][0]
    assert step["sent"] == step["commit_ms"]["count"] == step["other_platform_ms"]["count"] == 30
    assert [step[name] for name in ("lost", "refused", "not_in_room", "not_on_page")] == [0, 0, 0, 0]
    assert not found["ended"]
    assert not found["pages_failed"]
    assert found["fetches"]
    assert step["cpu_ms_a_message"]["all"] > 0
    assert {"queue", "search", "ticket"} <= set(found["idle_ms"])
