"""One trace from what somebody says to the call that shows it elsewhere, over the rows that parts hand on."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest
from httpx import ASGITransport, AsyncClient
from sqlalchemy import select

from adapters.otel import OtelTracer, start
from bot.tracing import traced
from core import clock, tracing
from core.chat import Said
from core.db import EventRow
from core.desk import Desk
from core.outbox_model import Delivery
from core.settings import Settings
from tests.fakes.otlp import Collector, Seen, collector
from tests.flows import house
from tests.flows.house import House
from webui.app import make_app
from webui.site import Site

SAID = "the kakapo has eaten my invoice"
KEY = "canary-of-the-collector"


@pytest.fixture
def kept() -> Iterator[Collector]:
    with collector() as running:
        yield running


@pytest.fixture
async def world(desk: Desk) -> AsyncIterator[House]:
    yield await house.build(desk)
    tracing.use(None)


@contextmanager
def process(kept: Collector, part: str) -> Iterator[OtelTracer]:
    """What another process does: it knows of the trace what stands in the rows, and nothing else."""
    tracer = start(kept.url, f"authorization=Bearer%20{KEY}", part=part)
    tracing.use(tracer)
    try:
        yield tracer
    finally:
        tracing.use(None)
        tracer.close()


async def test_a_message_is_one_trace_through_all_parts(world: House, kept: Collector) -> None:
    with process(kept, "gateway"):
        await world.says("ada", SAID)
    with process(kept, "other"):
        await world.work()
    (inbound,) = kept.named("inbound")
    whole = {one.id: one for one in kept.spans if one.trace == inbound.trace}
    assert inbound.parent == ""
    assert inbound.facts == {"deskbell.platform": "here", "deskbell.what": "Said"}
    calls = [one for one in whole.values() if one.name == "platform.call"]
    assert {call.facts["deskbell.platform"] for call in calls} == {"here", "there"}
    for call in calls:
        way = list(_up(call, whole))
        assert [one.name for one in way[:2]] == ["platform.call", "delivery"]
        assert [(one.name, one.part) for one in way[-2:]] == [("event.told", "other"), ("inbound", "gateway")]
    async with world.desk.db.sessions() as session:
        traces = {row.trace for row in await session.scalars(select(EventRow)) if row.trace}
        traces |= {row.trace for row in await session.scalars(select(Delivery)) if row.trace}
    assert {each.split("-")[1] for each in traces} == {inbound.trace}
    assert {one["authorization"] for one in kept.headers} == {f"Bearer {KEY}"}


async def test_nothing_that_anybody_said_or_is_called_is_told(world: House, kept: Collector) -> None:
    with process(kept, "all"):
        await world.says("ada", SAID)
        await world.work()
        with pytest.raises(ValueError, match="kakapo"):
            _breaks()
    told = b"".join(kept.raw)
    for word in (b"kakapo", b"Ada", b"ada", b"example.com", b"dm-", b"desk-room", KEY.encode()):
        assert word not in told, word
    allowed = {f"deskbell.{fact}" for fact in tracing.FACTS} | {"error.type"}
    assert set().union(*(one.facts for one in kept.spans)) <= allowed
    (odd,) = kept.named("odd")
    assert odd.failed
    assert odd.facts == {"deskbell.what": "x" * 100, "error.type": "ValueError"}


async def test_a_call_that_fails_is_told_and_the_next_try_is_of_the_same_trace(
    world: House, kept: Collector
) -> None:
    with process(kept, "all"):
        await world.says("ada", SAID)
        world.there.down = True
        await world.work()
        world.there.down = False
        await world.work(after=30)
    (inbound,) = kept.named("inbound")
    tries = [one for one in kept.named("delivery") if one.trace == inbound.trace]
    assert [one.facts["deskbell.attempt"] for one in tries if one.failed] == [1]
    assert 2 in [one.facts["deskbell.attempt"] for one in tries]


async def test_a_page_is_told_by_its_route_and_a_strangers_own_trace_is_not_believed(
    world: House, kept: Collector
) -> None:
    app = make_app(Site(desk=world.desk, public_url="http://test"))
    theirs = "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"
    async with AsyncClient(transport=ASGITransport(app=app), base_url="http://test") as client:
        with process(kept, "web"):
            await client.get("/sign-in/link/canary-token", headers={"traceparent": theirs})
    (seen,) = kept.spans
    assert seen.name == "GET /sign-in/link/{token}"
    assert not seen.trace.startswith("abab")
    assert set(seen.facts) == {"deskbell.method", "deskbell.route", "deskbell.status"}
    assert b"canary-token" not in b"".join(kept.raw)


async def test_a_collector_that_is_away_costs_nothing_but_the_traces(world: House, kept: Collector) -> None:
    kept.answer = 400
    with process(kept, "all") as tracer:
        await world.says("ada", SAID)
        tracer.flush()
        kept.answer = 200
        await world.says("ada", "and the other one")
    assert len(kept.named("inbound")) == 1
    assert len(world.answers) == 2


async def test_without_an_address_nothing_is_traced_nor_kept(world: House) -> None:
    async with traced(Settings(), "all"):
        assert tracing.current() is None
        assert tracing.span("any") is tracing.NOTHING
        await world.says("ada", SAID)
    async with world.desk.db.sessions() as session:
        assert {row.trace for row in await session.scalars(select(EventRow))} == {None}


async def test_with_an_address_the_desk_is_traced_while_it_runs(world: House, kept: Collector) -> None:
    given = Settings(OTEL_EXPORTER_OTLP_ENDPOINT=kept.url + "/")  # type: ignore[call-arg]
    async with traced(given, "worker"):
        assert tracing.current() is None
        await world.router.deliver(_said())
    assert {one.part for one in kept.spans} == {"worker"}


def test_the_program_starts_without_loading_what_traces() -> None:
    """FastAPI brings the interface of OpenTelemetry along; what does the work is not loaded."""
    words = (
        "import sys, bot.app, bot.running, bot.cli.run\n"
        "found = [m for m in sys.modules if m.startswith(('opentelemetry.sdk', 'opentelemetry.exporter', 'google'))]\n"
        "print(found)"
    )
    told = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def _breaks() -> None:
    with tracing.span("odd", text=SAID, what="x" * 500) as step:
        step.note(name="Ada", address="ada@example.com")
        raise ValueError(SAID)


def _said() -> Said:
    return Said(
        place=house.home("ada"),
        sender=house.sender("ada"),
        native="t1",
        at=clock.now(),
        text=SAID,
        direct=True,
    )


def _up(span: Seen, whole: dict[str, Seen]) -> Iterator[Seen]:
    yield span
    while span.parent:
        span = whole[span.parent]
        yield span
