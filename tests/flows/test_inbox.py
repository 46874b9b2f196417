"""Nothing said is dropped: faults of ours are kept and worked off; the sender's are told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from sqlalchemy import select, text

from adapters.postgres import Embedded
from bot import talk
from bot.router import Router
from core import clock, inbox
from core.chat import Answer, Edited, Limits, Place, Said, Sender, key_of
from core.db import UnitOfWork
from core.desk import Desk
from core.errors import DeskError, Forbidden, Invalid, NotFound, Unavailable
from core.outbox_model import Inbound
from core.people import service as people
from core.people.model import Person
from core.tickets.model import Ticket

HOME = Place("fake", "main", "ada")


def said(words: str, native: str, place: Place = HOME) -> Said:
    return Said(place=place, sender=Sender(external="ada"), native=native, at=clock.now(), text=words)


@dataclass
class BreaksSometimes:
    """The work behind the door, with a switch that breaks it."""

    broken: bool = True

    async def __call__(self, uow: UnitOfWork, inbound: Said, limits: Limits) -> Answer:
        answer = await talk.said(uow, inbound, limits)
        if self.broken:
            raise RuntimeError("a fault of ours, after half of the work")
        return answer


def later(span: timedelta) -> Callable[[], datetime]:
    """A clock that goes ahead by `span`."""
    return lambda: datetime.now(UTC) + span


async def rows(desk: Desk) -> list[Inbound]:
    async with desk.db.sessions() as session:
        return list(await session.scalars(select(Inbound).order_by(Inbound.id)))


async def tickets_of(desk: Desk) -> list[int]:
    async with desk.db.sessions() as session:
        return list(await session.scalars(select(Ticket.number).order_by(Ticket.number)))


async def test_what_failed_by_our_fault_is_kept_sealed_and_done_later(desk: Desk) -> None:
    router, work = Router(desk), BreaksSometimes()
    router.on_said = work
    answer = await router.deliver(said("the secret printer", "m1"))
    assert answer.cards
    [row] = await rows(desk)
    assert (row.state, row.error) == ("received", "RuntimeError")
    assert b"printer" not in (row.payload or b"")
    assert await tickets_of(desk) == []
    work.broken = False
    assert await router.resume() == 1
    [row] = await rows(desk)
    assert (row.state, row.payload) == ("done", None)
    assert await tickets_of(desk) != []
    assert (await router.deliver(said("the secret printer", "m1"))).seen_before


async def test_after_five_failures_it_is_parked_and_can_be_released(desk: Desk) -> None:
    router, work = Router(desk), BreaksSometimes()
    router.on_said = work
    await router.deliver(said("help", "m1"))
    assert await router.resume() == 1
    assert await router.resume() == 0, "it is not tried again at once"
    for attempt in range(2, inbox.MOST_ATTEMPTS + 1):
        with clock.fixed(later(inbox.PAUSES[-1] * attempt)):
            assert await router.resume() == 1
    [row] = await rows(desk)
    assert row.state == "parked"
    assert await router.resume() == 0
    work.broken = False
    async with desk.unit() as uow:
        assert await inbox.release(uow, row.key)
    await router.resume()
    assert len(await tickets_of(desk)) == 1


async def test_killed_between_the_row_and_its_work_it_is_taken_up_in_order(desk: Desk) -> None:
    before = Router(desk)
    for number in range(3):
        await before.receive(said(f"line {number}", f"m{number}"))
    await before.receive(said("elsewhere", "x1", Place("fake", "main", "eve")))
    after = Router(desk)
    while await after.resume():
        pass
    assert {row.state for row in await rows(desk)} == {"done"}
    assert len(await tickets_of(desk)) == 2
    async with desk.unit() as uow:
        natives = await uow.session.scalars(
            text(
                "select native from message_copy join message on message.id = message_id where place_key = :p order by seq"
            ),
            {"p": HOME.key},
        )
        assert list(natives) == ["m0", "m1", "m2"]


async def test_what_follows_waits_behind_what_waits(desk: Desk) -> None:
    """One message meets a fault of ours; the next ones of its place do not overtake it."""
    router, work = Router(desk), BreaksSometimes()
    await router.deliver(said("hello", "m1"))
    router.on_said = work
    await router.deliver(said("first", "m2"))
    work.broken = False
    assert (await router.deliver(said("second", "m3"))).cards
    edit = Edited(place=HOME, sender=Sender(external="ada"), native="m2", at=clock.now(), text="first!")
    assert (await router.deliver(edit)).cards
    assert {row.state for row in await rows(desk)} == {"done", "received"}
    elsewhere = await router.deliver(said("not concerned", "x1", Place("fake", "main", "eve")))
    assert not elsewhere.cards
    while await router.resume():
        pass
    assert {row.state for row in await rows(desk)} == {"done"}
    async with desk.unit() as uow:
        natives = await uow.session.scalars(
            text(
                "select native from message_copy join message on message.id = message_id where place_key = :p order by seq"
            ),
            {"p": HOME.key},
        )
        assert list(natives) == ["m1", "m2", "m3"]
        assert await uow.session.scalar(text("select count(*) from message_revision")) == 1


async def test_live_and_backfill_of_one_fact_are_one_row(desk: Desk) -> None:
    router = Router(desk)
    await router.receive(said("once", "m1"))
    await router.deliver(said("once", "m1"))
    while await router.resume():
        pass
    await router.receive(said("once", "m1"))
    assert len(await rows(desk)) == 1
    assert len(await tickets_of(desk)) == 1


@pytest.mark.parametrize("words", ["", "   \n\t ", "\x00\x00", "x" * 1_000_000])
async def test_what_cannot_be_a_message_is_told_in_words_and_leaves_nothing(desk: Desk, words: str) -> None:
    with pytest.raises(Invalid) as refused:
        await Router(desk).deliver(said(words, "m1"))
    assert str(refused.value)
    assert await rows(desk) == []
    assert await tickets_of(desk) == []


@pytest.mark.parametrize(
    "words",
    [
        "a\x00b",
        "lone \ud83d surrogate",
        "\u202eright to left\u202c שלום",
        "Z̸̡̛͎̯͚̈́a̶͓͑l̵͇̆g̴̱̈ǫ̷̆" * 50,
        "<script>alert(1)</script>",
        "[" * 5_000,
        " ".join(f"https://example.com/{n}" for n in range(500)),
        "🧑‍🚒" * 200,
    ],
)
async def test_strange_words_are_taken_as_they_are(desk: Desk, words: str) -> None:
    answer = await Router(desk).deliver(said(words, "m1"))
    assert answer.ticket is not None


async def test_a_blocked_requester_is_told_and_not_heard(desk: Desk) -> None:
    router = Router(desk)
    await router.deliver(said("hello", "m1"))
    async with desk.unit() as uow:
        person = await uow.session.scalar(select(Person))
        assert person is not None
        await people.block(uow, person)
    with pytest.raises(Forbidden):
        await router.deliver(said("me again", "m2"))


async def test_an_edit_of_what_nobody_said_is_not_found(desk: Desk) -> None:
    with pytest.raises(NotFound):
        await Router(desk).deliver(
            Edited(place=HOME, sender=Sender(external="ada"), native="m9", at=clock.now(), text="x")
        )


async def test_without_a_database_nothing_is_acknowledged(desk: Desk, server: Embedded) -> None:
    router = Router(desk)
    await router.deliver(said("before", "m1"))
    name = desk.db.engine.url.database
    assert name
    admin = await _admin(server)
    await admin.execute(f'alter database "{name}" allow_connections false')
    await admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", name)
    try:
        with pytest.raises(Unavailable):
            await router.deliver(said("during", "d0"))
    finally:
        await admin.execute(f'alter database "{name}" allow_connections true')
        await admin.close()
    answers = [await _until_back(router, said("during", "d0"))]
    assert answers[0].ticket == 1


async def test_keys_name_the_fact_and_not_the_envelope() -> None:
    one = said("words", "m1")
    assert key_of(one) == key_of(said("other words of the same message", "m1"))
    assert key_of(one) != key_of(said("words", "m2"))
    edit = Edited(
        place=HOME, sender=Sender(external="ada"), native="m1", at=clock.now(), text="a", version="1"
    )
    again = Edited(
        place=HOME, sender=Sender(external="ada"), native="m1", at=clock.now(), text="b", version="2"
    )
    assert len({key_of(one), key_of(edit), key_of(again)}) == 3


async def _until_back(router: Router, inbound: Said) -> Answer:
    for _attempt in range(50):
        try:
            return await router.deliver(inbound)
        except DeskError:
            await asyncio.sleep(0.05)
    raise AssertionError("the database did not come back")


async def _admin(server: Embedded) -> asyncpg.Connection[asyncpg.Record]:
    return await asyncpg.connect(server.dsn_of("postgres"))
