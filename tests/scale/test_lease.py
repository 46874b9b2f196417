"""Each lease has one leader, and processes share them; who was paused while another took over does no harm."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import select, update

from bot.leading import Lead, Leading, NotLetGo
from bot.router import Router
from core import clock, inbox, lease
from core.chat import Place, Said, Sender
from core.db import Database
from core.desk import Desk
from core.errors import Unavailable
from core.ids import new_id
from core.lease import DESK, Lease, Replaced
from core.led import Led
from core.outage import MAY_BE_AWAY
from core.people.events import PersonChanged

from .test_bus import until

FIVE = (DESK, "slack/T1", "slack/T2", "telegram", "telegram/7")


async def over(desk: Desk, *names: str) -> None:
    """As if their holder had not been heard of for four seconds."""
    async with desk.db.sessions() as session:
        those = Lease.name.in_(names or (DESK,))
        await session.execute(update(Lease).where(those).values(until=Lease.until - timedelta(seconds=10)))
        await session.commit()


async def taken(desk: Desk, name: str = DESK) -> int:
    async with desk.db.sessions() as session:
        epoch = await lease.take(session, name, new_id())
        await session.commit()
        return epoch


async def write(desk: Desk) -> None:
    async with desk.unit() as uow:
        uow.emit(PersonChanged(subject=new_id()))


class Gateway:
    """A process that strives for some leases, by connections of its own."""

    def __init__(self, db: Database, names: Sequence[str] = (DESK,)) -> None:
        self.leading = Leading(db)
        self.led: list[str] = []
        self.began = 0
        self.strive_for({name: partial(self.lead, name) for name in names})
        self.task = asyncio.create_task(self.leading.run())

    def strive_for(self, work: dict[str, Lead]) -> None:
        self.leading.strive_for(work)

    async def lead(self, name: str) -> None:
        self.led.append(name)
        self.began += 1
        try:
            await asyncio.Event().wait()
        finally:
            self.led.remove(name)

    async def ends(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


@asynccontextmanager
async def gateway(db: Database, names: Sequence[str] = (DESK,)) -> AsyncIterator[Gateway]:
    made = Gateway(db, names)
    try:
        yield made
    finally:
        await made.ends()


@pytest.fixture
async def leading(desk: Desk) -> AsyncIterator[Leading]:
    """The desk's units are fenced by it."""
    made = Leading(desk.db)
    desk.db.fence = partial(made.confirm, names=(DESK,))
    yield made
    desk.db.fence = None


@asynccontextmanager
async def running(leading: Leading, lead: Lead) -> AsyncIterator[asyncio.Task[None]]:
    leading.strive_for({DESK: lead})
    task = asyncio.create_task(leading.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_only_one_takes_it_and_each_counts_one_up(desk: Desk) -> None:
    first = await asyncio.gather(*(taken(desk) for _ in range(8)))
    assert sorted(first) == [0] * 7 + [1]
    await over(desk)
    assert sorted(await asyncio.gather(*(taken(desk) for _ in range(8)))) == [0] * 7 + [2]


async def test_only_the_leader_writes(desk: Desk, leading: Leading) -> None:
    with pytest.raises(Replaced):
        await write(desk)
    began = asyncio.Event()

    async def lead() -> None:
        began.set()
        await asyncio.Event().wait()

    async with running(leading, lead):
        await began.wait()
        await write(desk)
        await over(desk)
        assert await taken(desk) == 2
        with pytest.raises(Replaced):
            await write(desk)
        await until(lambda: not leading.holds(DESK))


async def test_who_stumbles_because_it_was_replaced_stands_by_again(desk: Desk, leading: Leading) -> None:
    woken, led = asyncio.Event(), 0

    async def lead() -> None:
        nonlocal led
        led += 1
        await woken.wait()
        if led == 1:
            leading._held[DESK].until = 0.0  # as the clock says after a long pause
            await write(desk)
        await asyncio.Event().wait()

    async with running(leading, lead) as task:
        await until(lambda: led == 1)
        await over(desk)
        assert await taken(desk) == 2
        woken.set()
        await until(lambda: not leading.holds(DESK))
        await over(desk)
        await until(lambda: led == 2)
        assert not task.done()


async def test_a_leader_that_does_not_let_go_ends_instead_of_standing_by(
    desk: Desk, leading: Leading, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else two pairs of hands would be at the same connections, or nobody would ever lead again."""
    monkeypatch.setattr("bot.leading.LET_GO_SECONDS", 0.1)
    began, released = asyncio.Event(), asyncio.Event()

    async def lead() -> None:
        began.set()
        while not released.is_set():
            with suppress(asyncio.CancelledError):
                await released.wait()

    async with running(leading, lead) as task:
        await began.wait()
        await over(desk)
        assert await taken(desk) == 2
        with pytest.raises(NotLetGo):
            await task
        released.set()


async def test_a_leader_that_fails_while_it_leads_has_failed(desk: Desk, leading: Leading) -> None:
    async def lead() -> None:
        raise RuntimeError("a fault")

    async with running(leading, lead) as task:
        with pytest.raises(RuntimeError, match="a fault"):
            await task


async def test_what_an_old_leader_had_begun_is_finished_or_gone_before_the_next_begins(
    desk: Desk, fresh_url: str
) -> None:
    """It stands still between its check and its commit: the next one waits until the server ends it."""
    held = {DESK: await taken(desk)}
    slow = Database(fresh_url, pool=1, idle_seconds=0.5)
    epochs: list[int] = []

    async def stands_still() -> None:
        async with slow.unit(desk.means) as uow:
            uow.emit(PersonChanged(subject=new_id()))
            await uow.session.flush()
            assert not await lease.confirm(uow.session, held)
            await over_by(desk)
            epochs.append(await taken(desk))

    with pytest.raises(MAY_BE_AWAY):
        await stands_still()
    assert epochs == [2]
    await slow.close()


async def over_by(desk: Desk) -> None:
    """Renewing, or letting it run out, conflicts with no unit that holds the epoch."""
    async with asyncio.timeout(30):
        await over(desk)
        async with desk.db.sessions() as session:
            assert (await session.scalar(select(Lease.epoch))) == 1


# --- several


def shared(*gateways: Gateway) -> Callable[[], bool]:
    """Each is led once, and nobody leads two more than another."""

    def are() -> bool:
        counts = [len(one.led) for one in gateways]
        return (
            sorted(name for one in gateways for name in one.led) == sorted(FIVE)
            and max(counts) - min(counts) < 2
        )

    return are


async def test_a_newcomer_gets_its_part_and_then_nothing_moves(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.leading.STEADY_SECONDS", 0.5)
    async with gateway(desk.db, FIVE) as one:
        await until(lambda: len(one.led) == len(FIVE))
        async with gateway(desk.db, FIVE) as two:
            await until(shared(one, two))
            assert DESK in one.led  # what is led for the desk stays where it is
            began = one.began + two.began
            with pytest.raises(TimeoutError):
                await until(lambda: one.began + two.began > began, seconds=2.0)
            assert shared(one, two)()
        # It has gone in order, and left nothing behind.
        await until(lambda: len(one.led) == len(FIVE), seconds=5.0)


async def test_three_share_and_what_one_leaves_goes_to_the_two_others(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.leading.STEADY_SECONDS", 0.5)
    async with gateway(desk.db, FIVE) as one, gateway(desk.db, FIVE) as two:
        async with gateway(desk.db, FIVE) as three:
            await until(shared(one, two, three))
            assert sorted(len(each.led) for each in (one, two, three)) == [1, 2, 2]
            began = one.began + two.began + three.began
            with pytest.raises(TimeoutError):
                await until(lambda: one.began + two.began + three.began > began, seconds=2.0)
        await until(shared(one, two))
        # One that comes late takes its part of both.
        async with gateway(desk.db, FIVE) as late:
            await until(shared(one, two, late))


async def test_what_one_loses_disturbs_nothing_else_of_it(desk: Desk) -> None:
    async with gateway(desk.db, FIVE) as one:
        await until(lambda: len(one.led) == len(FIVE))
        began = one.began
        await over(desk, "slack/T1")
        assert await taken(desk, "slack/T1") == 2
        await until(lambda: "slack/T1" not in one.led)
        assert (len(one.led), one.began) == (len(FIVE) - 1, began)
        async with desk.db.sessions() as session:
            with pytest.raises(Replaced):
                await one.leading.confirm(session, ["slack/T1", "slack/T2"])
            await one.leading.confirm(session, [DESK, "slack/T2"])


async def test_connections_that_come_and_go_are_led_and_let_go(desk: Desk) -> None:
    async with gateway(desk.db, FIVE) as one:
        await until(lambda: len(one.led) == len(FIVE))
        one.strive_for({name: partial(one.lead, name) for name in (*FIVE[:-1], "discord/9")})
        await until(lambda: sorted(one.led) == sorted((*FIVE[:-1], "discord/9")))


async def test_beside_a_gateway_of_an_older_version_nothing_is_taken(desk: Desk) -> None:
    """It leads everything by the one lease that it knows, and would be disturbed in it."""
    assert await taken(desk, DESK) == 1
    async with gateway(desk.db, FIVE) as one:
        with pytest.raises(TimeoutError):
            await until(lambda: bool(one.led), seconds=1.5)
        await over(desk, DESK)
        await until(lambda: len(one.led) == len(FIVE))


async def test_what_one_of_several_connections_of_a_bot_hears_hangs_on_the_lease_of_that(desk: Desk) -> None:
    """It is said at a place of the bot, which another gateway leads."""
    router = Router(desk)
    router.sharing.share(
        {"discord": frozenset({("discord", "")}), "discord/#1": frozenset({("discord", "#1")})}
    )
    async with gateway(desk.db, ["discord/#1"]) as one:
        await until(lambda: one.led == ["discord/#1"])
        desk.db.fence = lambda session: one.leading.confirm(session, router.sharing.leases_of_unit())
        with lease.about(("discord", "#1")):
            assert not (await router.deliver(said("1"))).ignored
            await router.receive(said("2"))
        for elsewhere in (lease.about(), lease.about(("slack", "T1"))):
            with elsewhere, pytest.raises(Unavailable):
                await router.deliver(said("3"))
        with pytest.raises(Replaced):
            await router.receive(said("3"))
        # It is the bot's, whoever has heard it.
        assert not await inbox_of(desk, router.sharing.of(["discord/#1"]))
        assert await inbox_of(desk, router.sharing.of(["discord"]))
    desk.db.fence = None


def said(native: str) -> Said:
    place = Place("discord", "7", "70")
    return Said(
        place=place, sender=Sender("1"), native=native, at=clock.now(), direct=True, text="The bell rings"
    )


async def inbox_of(desk: Desk, led: Led) -> Sequence[object]:
    async with desk.db.sessions() as session:
        return await inbox.waiting(session, led=led)
