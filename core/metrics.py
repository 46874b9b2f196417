"""What this process counts and measures, for Prometheus and for the health page.

Labels are routes, kinds, states and codes only: never an id but that of a connection, a name, or anything that was said.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from core import pace
from core.db import Database, EventRow
from core.events import REGISTRY as EVENTS
from core.version import VERSION

CONTENT_TYPE = CONTENT_TYPE_LATEST
STARTED = time.time()
RECENT_SECONDS = 300.0
RECENT_REQUESTS = 5_000
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

registry = CollectorRegistry()
requests = Counter(
    "deskbell_http_requests", "Requests answered", ["method", "route", "status"], registry=registry
)
request_seconds = Histogram(
    "deskbell_http_request_seconds",
    "Time until an answer began",
    ["route"],
    buckets=BUCKETS,
    registry=registry,
)
inbound = Counter(
    "deskbell_inbound", "Facts that came in from platforms", ["platform", "kind"], registry=registry
)
events = Counter("deskbell_events", "Facts committed by this process", ["name"], registry=registry)
inbound_seconds = Histogram(
    "deskbell_inbound_seconds",
    "From what came in to the commit of what it led to",
    ["platform"],
    buckets=BUCKETS,
    registry=registry,
)
page_seconds = Histogram(
    "deskbell_page_seconds", "From an event to a page that listens", buckets=BUCKETS, registry=registry
)
delivery_seconds = Histogram(
    "deskbell_delivery_seconds",
    "From a delivery's time to its end at the platform",
    ["platform"],
    buckets=(*BUCKETS, 30.0, 60.0, 300.0),
    registry=registry,
)
calls_failed = Counter(
    "deskbell_platform_calls_failed", "Calls that failed", ["platform", "error"], registry=registry
)
job_seconds = Histogram(
    "deskbell_job_seconds", "How long jobs of the schedule take", ["job"], buckets=BUCKETS, registry=registry
)
jobs_failed = Counter("deskbell_jobs_failed", "Jobs of the schedule that failed", ["job"], registry=registry)
sign_ins = Counter("deskbell_sign_ins", "Tries to sign in", ["outcome"], registry=registry)
spans = Counter("deskbell_spans", "Steps of traces, sent or lost", ["outcome"], registry=registry)
leading = Gauge("deskbell_leading", "1 where this process leads", ["lease"], registry=registry)
redis_connected = Gauge(
    "deskbell_redis_connected",
    "1 while Redis carries live updates or none is set, 0 while it is away",
    registry=registry,
)
redis_connected.set(1)
_tickets = Gauge(
    "deskbell_tickets", "Live tickets by status, and those nobody has", ["state"], registry=registry
)
_backup_age = Gauge(
    "deskbell_backup_age_seconds", "Since the last `deskbell backup`; -1: there was none", registry=registry
)
_disk_free = Gauge("deskbell_disk_free_bytes", "Space left where the data folder is", registry=registry)
_inbound_waiting = Gauge(
    "deskbell_inbound_waiting", "Inbound rows whose work is not done", ["state"], registry=registry
)
_deliveries = Gauge("deskbell_deliveries", "Deliveries that are not sent", ["state"], registry=registry)
_oldest_due = Gauge(
    "deskbell_delivery_oldest_due_seconds", "How long the oldest due delivery has waited", registry=registry
)
_reader_lag = Gauge(
    "deskbell_event_reader_lag", "Events that a reader has not dealt with yet", ["reader"], registry=registry
)
_pool = Gauge("deskbell_database_pool", "Connections of the pool", ["state"], registry=registry)
live_pages = Gauge("deskbell_live_subscribers", "Pages that listen for changes", registry=registry)
_memory = Gauge("deskbell_memory_bytes", "Resident memory of this process", registry=registry)
_started = Gauge("deskbell_start_time_seconds", "When this process began (Unix time)", registry=registry)
_build = Gauge("deskbell_build_info", "The version that runs", ["version"], registry=registry)
_build.labels(VERSION).set(1)
_started.set(STARTED)


@dataclass(frozen=True, slots=True)
class Depths:
    """What waits, as a look at the database found it."""

    inbound: dict[str, int]
    deliveries: dict[str, int]
    oldest_due_seconds: float
    readers: dict[str, int]
    tickets: dict[str, int] = field(default_factory=dict)
    backup_age_seconds: float = -1.0


def count_inbound(platform: str, kind: str) -> None:
    """Something came in; `kind` is the name of the neutral value, such as Said."""
    inbound.labels(platform, kind).inc()


def observe_inbound(platform: str, seconds: float) -> None:
    inbound_seconds.labels(platform).observe(seconds)
    pace.note("inbound", seconds)


def observe_page(seconds: float) -> None:
    seconds = max(0.0, seconds)
    page_seconds.observe(seconds)
    pace.note("page", seconds)


def observe_delivery(platform: str, seconds: float) -> None:
    seconds = max(0.0, seconds)
    delivery_seconds.labels(platform).observe(seconds)
    pace.note(f"delivery {platform}", seconds)


def count_call_failed(platform: str, error: str) -> None:
    """`error` is the name of a type."""
    calls_failed.labels(platform, error).inc()
    pace.count(f"call {platform} {error}")


def observe_job(job: str, seconds: float, *, failed: bool) -> None:
    job_seconds.labels(job).observe(seconds)
    if failed:
        jobs_failed.labels(job).inc()


def count_sign_in(outcome: str) -> None:
    """`outcome` is a code, such as done or wrong."""
    sign_ins.labels(outcome).inc()
    pace.count(f"sign_in {outcome}")


def count_spans(count: int, *, sent: bool) -> None:
    spans.labels("sent" if sent else "lost").inc(count)


def set_leading(lease: str, leads: bool) -> None:
    leading.labels(lease).set(leads)


def forget_leading(lease: str) -> None:
    """It is led by nobody any more."""
    with suppress(KeyError):
        leading.remove(lease)


def leads() -> list[str]:
    """What this process leads, by the names of the leases."""
    samples = (sample for family in leading.collect() for sample in family.samples)
    return sorted(sample.labels["lease"] for sample in samples if sample.value)


def pages() -> int:
    """Pages that listen to this process."""
    return int(next(iter(live_pages.collect())).samples[0].value)


def set_redis(connected: bool) -> None:
    redis_connected.set(connected)


def count_events(rows: Iterable[EventRow]) -> None:
    """A listener of the database: what was committed, by name. Names nobody registered are one."""
    for row in rows:
        events.labels(row.name if row.name in EVENTS else "other").inc()


READY = "/readyz"
"""A part that is not ready yet says so: that is no error."""


def observe_request(method: str, route: str, status: int, seconds: float) -> None:
    requests.labels(method, route, str(status)).inc()
    request_seconds.labels(route).observe(seconds)
    recent.add(seconds)
    pace.note("request", seconds)
    if status >= 500 and route != READY:
        pace.count("error")
    elif status in (401, 403, 429):
        pace.count(f"refused {status}")


def exposition(database: Database, depths: Depths, *, disk_free: int | None = None) -> bytes:
    """Everything in Prometheus' text form; the gauges are set to what is so now."""
    _set(_inbound_waiting, depths.inbound)
    _set(_deliveries, depths.deliveries)
    _set(_reader_lag, depths.readers)
    _set(_pool, pool_of(database))
    _set(_tickets, depths.tickets)
    _backup_age.set(depths.backup_age_seconds)
    if disk_free is not None:
        _disk_free.set(disk_free)
    _oldest_due.set(depths.oldest_due_seconds)
    _memory.set(memory_bytes())
    return generate_latest(registry)


def pool_of(database: Database) -> dict[str, int]:
    """Connections in use, idle, and how many there may be."""
    pool = database.engine.pool
    used, idle, size = (getattr(pool, name)() for name in ("checkedout", "checkedin", "size"))
    return {"used": used, "idle": idle, "size": size}


def memory_bytes() -> int:
    """Resident memory; where the system does not tell it (no /proc), the largest it has been."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            pages = int(file.read().split()[1])
    except (OSError, IndexError, ValueError):
        return _largest_memory()
    import resource

    return pages * resource.getpagesize()


def uptime_seconds() -> float:
    return time.time() - STARTED


class Recent:
    """How long the latest requests took, for percentiles without a server of metrics."""

    def __init__(self, most: int = RECENT_REQUESTS) -> None:
        self._seen: deque[tuple[float, float]] = deque(maxlen=most)

    def add(self, seconds: float, at: float | None = None) -> None:
        self._seen.append((time.monotonic() if at is None else at, seconds))

    def percentiles(
        self, *wanted: float, within: float = RECENT_SECONDS, at: float | None = None
    ) -> tuple[int, Sequence[float | None]]:
        """How many requests there were, and the wanted percentiles in seconds (nearest rank)."""
        since = (time.monotonic() if at is None else at) - within
        taken = sorted(seconds for when, seconds in self._seen if when >= since)
        if not taken:
            return 0, [None] * len(wanted)
        return len(taken), [taken[min(len(taken) - 1, int(len(taken) * each))] for each in wanted]


recent = Recent()


def _set(gauge: Gauge, values: dict[str, int]) -> None:
    for label, value in values.items():
        gauge.labels(label).set(value)


def _largest_memory() -> int:
    try:
        import resource
    except ImportError:
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
