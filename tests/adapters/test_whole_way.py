"""Every platform with a stand-in, the whole way: heard, answered, edited, deleted, in a desk room.

The real adapter with the platform's own library against a local server; the desk is real but for
its web. A new platform joins by a folder with `standin.py`: nothing here names one.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from bot import wiring
from bot.loops import Loops
from bot.post import Posting
from bot.router import Router
from bot.tell import Tell
from core.access import Actor
from core.chat import Answer, Inbound, Menus, Place, Rooms, Said
from core.conversations import service as conversations
from core.conversations.model import Message
from core.db import EventRow
from core.desk import Desk
from core.errors import Unavailable
from core.outbox_model import Delivery, ReaderMark
from core.people import service as people
from core.rooms import service as rooms
from core.rooms.model import RoomThread
from core.settings import Settings
from core.tickets import access
from core.tickets import service as tickets
from tests.adapters import contract

FOLDERS = [name for name in contract.folders() if (Path(__file__).parent / name / "standin.py").exists()]
SECONDS = 20.0


@dataclass
class Way:
    """A desk that runs with one platform, and the platform's own view of it."""

    desk: Desk
    standin: Any
    bob: Actor
    heard: list[Inbound]
    refuse: int = 0

    async def number(self) -> int:
        from core.tickets.model import Ticket

        async with self.desk.db.sessions() as session:
            return int(
                await session.scalar(select(Ticket.number).order_by(Ticket.number.desc()).limit(1)) or 0
            )

    async def reply(self, text: str) -> Message:
        number = await self.number()
        async with self.desk.unit(self.bob) as uow:
            return (await tickets.reply(uow, self.bob, number, text, hold=0))[1]

    async def shows(self, text: str, place: Place | None = None) -> None:
        await until(lambda: self._shown(text, place or self.standin.place))

    async def hides(self, text: str, place: Place | None = None) -> None:
        async def gone() -> bool:
            return not await self._shown(text, place or self.standin.place)

        await until(gone)

    async def _shown(self, text: str, place: Place) -> bool:
        return any(text in shown for shown in await self.standin.shows(place))


@pytest.fixture(params=FOLDERS)
async def way(request: pytest.FixtureRequest, desk: Desk) -> AsyncIterator[Way]:
    module = importlib.import_module(f"tests.adapters.{request.param}.standin")
    async with module.opened(desk) as standin, running(desk, standin) as made:
        yield made


@asynccontextmanager
async def running(desk: Desk, standin: Any) -> AsyncIterator[Way]:
    adapter = standin.adapter
    chats = {adapter.name: adapter}
    async with desk.unit() as uow:
        bob = await people.actor_of(uow, await people.add(uow, name="Bob", role="agent"))
        admin = await people.actor_of(uow, await people.add(uow, name="Root", role="admin"))
        if isinstance(adapter, Rooms):
            await rooms.add(uow, admin, standin.room, name="Desk")
    router = Router(desk, limits={adapter.name: adapter.limits})
    made = Way(desk, standin, bob, [])
    if isinstance(adapter, Menus):
        adapter.offer(wiring.menu())

    async def deliver(inbound: Inbound) -> Answer:
        if isinstance(inbound, Said) and made.refuse > 0:
            made.refuse -= 1
            raise Unavailable("away")
        answer = await router.deliver(inbound)
        made.heard.append(inbound)
        return answer

    loops = Loops(
        desk,
        router,
        Tell(desk, wiring.tellers(desk, chats), chats),
        Posting(desk, chats, wiring.makers(Settings(), chats), public_url="http://desk.example"),
    )
    tasks = [asyncio.create_task(loops.run()), asyncio.create_task(adapter.run(deliver))]
    try:
        await standin.ready()
        yield made
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_what_is_said_is_heard_answered_edited_and_taken_back(way: Way) -> None:
    await way.standin.says("The printer is on fire")
    await way.shows("We have your request as")
    [said] = [one for one in way.heard if isinstance(one, Said)]
    assert (said.text, said.place, said.direct) == ("The printer is on fire", way.standin.place, True)
    message = await way.reply("Help is on **its** way")
    await way.shows("its")
    async with way.desk.unit(way.bob) as uow:
        opened = await access.change(uow, way.bob, await way.number())
        found = await tickets.message_in(uow, opened, message.id)
        await tickets.edit_message(uow, way.bob, opened, found, "Help is nearly there")
    await way.shows("Help is nearly there")
    async with way.desk.unit(way.bob) as uow:
        opened = await access.change(uow, way.bob, await way.number())
        found = await tickets.message_in(uow, opened, message.id)
        await conversations.delete(uow, opened.thread, way.bob, found)
    await way.hides("Help is nearly there")


async def test_our_own_words_are_not_heard(way: Way) -> None:
    await way.standin.says("Hello")
    await way.shows("We have your request as")
    await way.reply("An answer of ours")
    await way.shows("An answer of ours")
    await way.standin.says("Thank you")
    await until(lambda: _said(way, 2))
    assert [one.text for one in way.heard if isinstance(one, Said)] == ["Hello", "Thank you"]


async def test_what_could_not_be_kept_comes_again(way: Way) -> None:
    """Nothing is acknowledged before it is kept."""
    way.refuse = 2
    await way.standin.says("Can you hear me?")
    await way.shows("We have your request as")
    assert [one.text for one in way.heard if isinstance(one, Said)] == ["Can you hear me?"]


async def test_what_is_said_while_another_process_leads_is_heard_once_it_is_led_here(way: Way) -> None:
    adapter = way.standin.adapter
    assert await adapter.shares() == {"": frozenset({""})}
    await way.standin.says("Before")
    await way.shows("We have your request as")
    await adapter.lead(frozenset({"another"}))
    await way.standin.says("Meanwhile")
    assert [one.text for one in way.heard if isinstance(one, Said)] == ["Before"]
    await adapter.lead(frozenset({""}))
    await until(lambda: _has_heard(way, "Before", "Meanwhile"))
    await way.standin.says("After")
    await until(lambda: _has_heard(way, "Before", "Meanwhile", "After"))
    await until(lambda: _all_sent(way))


async def _all_sent(way: Way) -> bool:
    async with way.desk.db.sessions() as session:
        told = select(ReaderMark.event_id).where(
            ReaderMark.event_id == select(func.max(EventRow.id)).scalar_subquery()
        )
        due = select(Delivery.id).where(Delivery.state == "due").limit(1)
        return await session.scalar(told) is not None and await session.scalar(due) is None


async def _has_heard(way: Way, *texts: str) -> bool:
    """In this order; what is read once more counts once."""
    return list(dict.fromkeys(one.text for one in way.heard if isinstance(one, Said))) == list(texts)


async def test_a_ticket_has_its_thread_in_a_desk_room(way: Way) -> None:
    if not isinstance(way.standin.adapter, Rooms):
        pytest.skip(f"{way.standin.adapter.name} has no rooms")
    await way.standin.says("Where is my order?")
    await until(lambda: _thread(way))
    thread = await _thread(way)
    assert thread is not None
    place = Place.from_key(str(thread.place_key))
    await way.shows("Where is my order?", place)
    async with way.desk.unit(way.bob) as uow:
        await tickets.claim(uow, way.bob, await way.number())
    await way.shows("Bob claimed the ticket", place)
    await way.shows("Bob is looking into it")


async def test_a_long_answer_arrives_whole(way: Way) -> None:
    await way.standin.says("Tell me everything")
    await way.shows("We have your request as")
    long = "\n\n".join(f"Paragraph {number}. " + "All of it. " * 60 for number in range(20))
    await way.reply(long)
    for number in (0, 10, 19):
        await way.shows(f"Paragraph {number}.")


async def until(true: Callable[[], Awaitable[Any]], seconds: float = SECONDS) -> None:
    """Wait until something holds."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not await true():
                await asyncio.sleep(0.05)
            return
    raise AssertionError("it did not happen in time")


async def _said(way: Way, count: int) -> bool:
    return len([one for one in way.heard if isinstance(one, Said)]) >= count


async def _thread(way: Way) -> RoomThread | None:
    async with way.desk.db.sessions() as session:
        found: RoomThread | None = await session.scalar(
            select(RoomThread).where(RoomThread.place_key.is_not(None)).limit(1)
        )
        return found
