"""Alert rules and the dashboard ask for what /metrics has: names, labels, and values of labels."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
import yaml
from prometheus_client import generate_latest

from core import metrics
from tests.postgres.processes import ROOT

ALERTS = [
    rule
    for group in yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())["groups"]
    for rule in group["rules"]
]
DASHBOARD = json.loads((ROOT / "deploy/grafana/deskbell.json").read_text())
STATES = {
    "deskbell_inbound_waiting": {"received", "parked", "held"},
    "deskbell_deliveries": {"due", "dead"},
    "deskbell_database_pool": {"used", "idle", "size"},
    "deskbell_leading": {"gateway"},
    "deskbell_spans_total": {"sent", "lost"},
    "deskbell_sign_ins_total": {"done", "wrong", "unknown"},
}
"""What core.admin.health and core.metrics set."""


@pytest.fixture(scope="module")
def exposed() -> str:
    return generate_latest(metrics.registry).decode()


def kept() -> dict[str, set[str]]:
    """Name of a series → its labels, as Prometheus sees them."""
    found: dict[str, set[str]] = {}
    for family in metrics.registry._names_to_collectors.items():
        name, collector = family
        found[name] = set(getattr(collector, "_labelnames", ()))
        if name.endswith("_bucket"):
            found[name].add("le")
    return found


def asked() -> Iterator[tuple[str, str]]:
    for rule in ALERTS:
        yield rule["alert"], rule["expr"]
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


@pytest.mark.parametrize(("title", "expr"), list(asked()))
def test_it_asks_for_what_there_is(title: str, expr: str) -> None:
    series = kept()
    names = re.findall(r"deskbell_\w+", expr)
    assert names or "up{" in expr
    for name in names:
        assert name in series, f"{title}: {name}"
    labels = set(re.findall(r"by \(([^)]*)\)", expr))
    for label in {one.strip() for group in labels for one in group.split(",")}:
        assert label == "instance" or any(label in series[name] for name in names), f"{title}: {label}"
    for name, label, value in re.findall(r'(deskbell_\w+)\{(\w+)!?="([^"]+)"\}', expr):
        assert label in series[name]
        assert value in STATES[name], f"{title}: {value}"


def test_every_series_that_is_asked_for_is_in_the_exposition(exposed: str) -> None:
    """As Prometheus reads it from /metrics, not only as the program declares it."""
    names = {name for _title, expr in asked() for name in re.findall(r"deskbell_\w+", expr)}
    told = set(re.findall(r"^# TYPE (\w+) ", exposed, re.MULTILINE))
    for name in names:
        # The text form tells a counter with its ending and a histogram without.
        assert {name, re.sub(r"_bucket$", "", name)} & told, name


def test_each_alert_says_what_it_means_here_and_in_the_docs() -> None:
    page = (ROOT / "docs/operations.md").read_text()
    for rule in ALERTS:
        assert rule["annotations"]["summary"]
        assert rule["labels"]["severity"] in ("page", "look")
        assert f"`{rule['alert']}`" in page, rule["alert"]


def test_the_panels_do_not_overlap() -> None:
    places = [(one["gridPos"]["x"], one["gridPos"]["y"]) for one in DASHBOARD["panels"]]
    assert len(set(places)) == len(places)
    assert len({one["id"] for one in DASHBOARD["panels"]}) == len(places)
