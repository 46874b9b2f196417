"""From an event to what stands on a platform: order, holds, retries, edits, deletes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import select, update
from sqlalchemy import text as sql

from adapters.postgres import Embedded
from bot.post import Posting
from bot.router import Router
from bot.tell import Tell
from core import clock, outbox
from core.access import Actor
from core.chat import Card, Deleted, Edited, Place, Post, Reacted, Said, Sender
from core.conversations import service as conversations
from core.conversations.delivered import arrived
from core.desk import Desk
from core.outbox_model import Delivery
from core.people import service as people
from core.tickets import access
from core.tickets import service as tickets
from tests.fakes.chat import FakeChat

HOME = Place("fake", "main", "ada")
ROOM = Place("fake", "main", "room", "thread-1")


@dataclass
class World:
    """A desk with a requester on one platform and an agent's room on the same."""

    desk: Desk
    chat: FakeChat
    router: Router
    tell: Tell
    posting: Posting
    bob: Actor
    number: int = 0

    async def says(self, text: str, native: str, place: Place = HOME, who: str = "ada") -> None:
        said = Said(
            place=place,
            sender=Sender(external=who, name=who.title()),
            native=native,
            at=clock.now(),
            text=text,
        )
        self.number = (await self.router.deliver(said)).ticket or self.number

    async def reply(self, text: str, hold: int = 0) -> UUID:
        async with self.desk.unit(self.bob) as uow:
            _opened, message = await tickets.reply(uow, self.bob, self.number, text, hold=hold)
            return message.id

    async def work(self) -> None:
        """Tell and post until nothing is due."""
        while await self.tell.read():
            pass
        while await self.posting.send_due():
            pass

    async def rows(self) -> list[Delivery]:
        async with self.desk.db.sessions() as session:
            return list(await session.scalars(select(Delivery).order_by(Delivery.id)))


@pytest.fixture
async def world(desk: Desk) -> World:
    chat = FakeChat()
    async with desk.unit() as uow:
        bob = await people.actor_of(uow, await people.add(uow, name="Bob", role="agent"))
    made = World(desk, chat, Router(desk), Tell(desk), Posting(desk, {"fake": chat}), bob)
    await made.says("The printer is on fire", "m1")
    await made.work()
    return made


async def test_an_answer_stands_in_the_requesters_chat_under_its_key(world: World) -> None:
    await world.reply("Help is on its way")
    await world.work()
    assert world.chat.texts() == ["Help is on its way"]
    [row] = await world.rows()
    assert (row.state, row.native) == ("sent", "n1")
    assert world.chat.shown["n1"].key == str(row.id)
    assert world.chat.shown["n1"].author == "Bob"


async def test_what_was_said_is_not_said_again_where_it_was_said(world: World) -> None:
    await world.says("still burning", "m2")
    await world.work()
    assert world.chat.texts() == []


async def test_a_note_never_reaches_the_requester_but_reaches_the_room(world: World) -> None:
    async with world.desk.unit(world.bob) as uow:
        opened = await access.change(uow, world.bob, world.number)
        await conversations.take_seat(uow, opened.thread, ROOM, side="staff")
        await tickets.note(uow, world.bob, world.number, "this one shouts")
    await world.work()
    assert world.chat.texts(HOME) == []
    assert world.chat.texts(ROOM) == ["this one shouts"]


async def test_a_held_reply_is_seen_by_the_room_at_once_and_by_the_requester_later(world: World) -> None:
    async with world.desk.unit(world.bob) as uow:
        opened = await access.change(uow, world.bob, world.number)
        await conversations.take_seat(uow, opened.thread, ROOM, side="staff")
    await world.reply("slow answer", hold=5)
    await world.work()
    assert world.chat.texts(ROOM) == ["slow answer"]
    assert world.chat.texts(HOME) == []
    with clock.fixed(_later(seconds=6)):
        await world.work()
    assert world.chat.texts(HOME) == ["slow answer"]


async def test_a_reply_that_was_taken_back_in_time_is_never_sent(world: World) -> None:
    message_id = await world.reply("oops", hold=5)
    await world.work()
    async with world.desk.unit(world.bob) as uow:
        opened = await access.change(uow, world.bob, world.number)
        message = await tickets.message_in(uow, opened, message_id)
        await conversations.delete(uow, opened.thread, world.bob, message)
    with clock.fixed(_later(seconds=10)):
        await world.work()
    assert world.chat.calls == []
    assert [row.state for row in await world.rows()] == ["cancelled"]


async def test_a_held_reply_that_was_edited_is_sent_as_edited_once(world: World) -> None:
    message_id = await world.reply("frist", hold=5)
    await world.work()
    async with world.desk.unit(world.bob) as uow:
        opened = await access.change(uow, world.bob, world.number)
        await tickets.edit_message(
            uow, world.bob, opened, await tickets.message_in(uow, opened, message_id), "first"
        )
    with clock.fixed(_later(seconds=12)):
        await world.work()
    assert world.chat.calls == [("post", "first")]


async def test_resolving_sends_what_is_held(world: World) -> None:
    await world.reply("the answer", hold=60)
    await world.work()
    assert world.chat.texts() == []
    async with world.desk.unit(world.bob) as uow:
        await tickets.resolve(uow, world.bob, world.number, "done")
    await world.work()
    assert world.chat.texts() == ["the answer"]


async def test_order_is_kept_in_a_place_while_a_platform_is_down(world: World) -> None:
    world.chat.down = True
    for text in ("one", "two", "three"):
        await world.reply(text)
    await world.work()
    assert world.chat.calls == [("post", "one")]
    world.chat.down = False
    for minutes in range(1, 4):
        with clock.fixed(_later(minutes=minutes)):
            await world.work()
    assert world.chat.texts() == ["one", "two", "three"]


async def test_one_dead_place_does_not_hold_up_the_others(world: World) -> None:
    await world.says("another", "x1", Place("fake", "main", "eve"), who="eve")
    second = world.number
    world.chat.pause = 3600
    await world.reply("for eve")
    await world.work()
    world.number = second - 1
    await world.reply("for ada")
    await world.work()
    assert world.chat.texts() == ["for ada"]


async def test_a_pause_is_honoured_to_the_second(world: World) -> None:
    world.chat.pause = 90
    await world.reply("patience")
    await world.work()
    [row] = await world.rows()
    assert timedelta(seconds=85) < row.due_at - clock.now() < timedelta(seconds=91)
    with clock.fixed(_later(seconds=95)):
        await world.work()
    assert world.chat.texts() == ["patience"]


async def test_a_place_that_is_gone_is_given_up_and_can_be_sent_again_by_hand(world: World) -> None:
    world.chat.gone = True
    await world.reply("hello?")
    await world.work()
    [row] = await world.rows()
    assert (row.state, row.error) == ("dead", "gone")
    world.chat.gone = False
    async with world.desk.unit() as uow:
        assert await outbox.send_again(uow, row.id)
    await world.work()
    assert world.chat.texts() == ["hello?"]


async def test_nothing_is_tried_for_ever(world: World) -> None:
    world.chat.down = True
    await world.reply("never")
    await world.work()
    for day in range(1, 15):
        with clock.fixed(_later(days=day)):
            await world.work()
    [row] = await world.rows()
    assert row.state == "dead"
    assert len(world.chat.calls) == outbox.MOST_ATTEMPTS


async def test_who_died_with_a_lease_is_replaced_when_it_ends(world: World) -> None:
    await world.reply("left behind")
    while await world.tell.read():
        pass
    async with world.desk.unit() as uow:
        assert len(await outbox.claim(uow)) == 1
    await world.work()
    assert world.chat.texts() == []
    with clock.fixed(_later(seconds=61)):
        await world.work()
    assert world.chat.texts() == ["left behind"]


async def test_who_was_replaced_before_a_call_hands_the_row_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.posting.sharing, "leads", lambda place: False)
    await world.reply("in other hands")
    while await world.tell.read():
        pass
    await world.posting.send_due()
    [row] = await world.rows()
    assert (row.state, row.lease_until, world.chat.calls) == ("due", None, [])
    monkeypatch.undo()
    await world.work()
    assert world.chat.texts() == ["in other hands"]


async def test_a_call_that_was_made_is_noted_when_the_database_is_back(
    world: World, server: Embedded
) -> None:
    """Else it would be made again: a platform may have nothing by which a second try is known."""
    admin = await asyncpg.connect(server.dsn_of("postgres"))
    name = str(world.desk.db.engine.url.database)
    shows = world.chat.post

    async def shows_and_then(place: Place, part: Post, *, key: str) -> str:
        native = await shows(place, part, key=key)
        await admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", name)
        return native

    world.chat.post = shows_and_then  # type: ignore[method-assign]
    await world.reply("once")
    await world.work()
    await admin.close()
    [row] = await world.rows()
    assert (row.state, row.attempts, row.native) == ("sent", 1, "n1")
    assert world.chat.texts() == ["once"]


async def test_an_edit_waits_while_it_is_noted_that_its_message_arrived(world: World) -> None:
    """Else it would be told before the copy stands, and nobody would put it right."""
    message_id = await world.reply("frist")
    while await world.tell.read():
        pass
    async with world.desk.unit() as uow:
        [row] = await outbox.claim(uow)
    native = await world.chat.post(HOME, Post(Card(text="frist")), key=str(row.id))
    async with world.desk.unit() as noting:
        standing = await arrived(noting, row, native, first=True)
        assert (standing and standing.revision) == 1
        editing = asyncio.create_task(_edit(world, message_id, "first"))
        await _someone_waits_for_a_lock(world)
        assert not editing.done()
        await world.tell.read()
    await editing
    await world.work()
    assert world.chat.texts(HOME) == ["first"]


async def test_the_end_of_a_call_wakes_the_loop_only_when_something_waits(world: World) -> None:
    woken: list[int] = []
    world.posting.freed = lambda: woken.append(len(world.chat.calls))
    await world.reply("one")
    await world.reply("two")
    await world.work()
    assert world.chat.texts(HOME) == ["one", "two"]
    assert woken == [1]


async def test_what_is_under_way_does_not_keep_the_loop_awake(world: World) -> None:
    await world.reply("taken")
    while await world.tell.read():
        pass
    async with world.desk.unit() as uow:
        claimed_at = clock.now()
        assert len(await outbox.claim(uow)) == 1
        assert await outbox.next_due(uow.session) is not None
        assert await outbox.next_due(uow.session, after=claimed_at) is None
    await world.reply("held", hold=5)
    while await world.tell.read():
        pass
    async with world.desk.db.sessions() as session:
        [held] = [row.due_at for row in await world.rows() if row.lease_until is None]
        assert await outbox.next_due(session, after=claimed_at) == held


async def test_edits_deletes_and_reactions_follow_the_copy(world: World) -> None:
    message_id = await world.reply("frist")
    await world.work()
    async with world.desk.unit(world.bob) as uow:
        opened = await access.change(uow, world.bob, world.number)
        message = await tickets.message_in(uow, opened, message_id)
        await tickets.edit_message(uow, world.bob, opened, message, "first")
        await conversations.react(uow, opened.thread, world.bob, message, ["👍"])
    await world.work()
    assert (world.chat.shown["n1"].text, world.chat.shown["n1"].reactions) == ("first", ("👍",))
    async with world.desk.unit(world.bob) as uow:
        opened = await access.change(uow, world.bob, world.number)
        await conversations.delete(
            uow, opened.thread, world.bob, await tickets.message_in(uow, opened, message_id)
        )
    await world.work()
    assert world.chat.texts() == []


async def test_what_the_requester_changes_follows_into_the_room(world: World) -> None:
    async with world.desk.unit(world.bob) as uow:
        opened = await access.change(uow, world.bob, world.number)
        await conversations.take_seat(uow, opened.thread, ROOM, side="staff")
    await world.says("tpyo", "m2")
    await world.work()
    ada = Sender(external="ada")
    await world.router.deliver(
        Edited(place=HOME, sender=ada, native="m2", at=clock.now(), text="typo", version="1")
    )
    await world.router.deliver(Reacted(place=HOME, sender=ada, native="m2", at=clock.now(), emoji=("🔥",)))
    await world.work()
    assert world.chat.texts(ROOM) == ["typo"]
    assert [one.reactions for one in world.chat.shown.values()] == [("🔥",)]
    await world.router.deliver(Deleted(place=HOME, sender=ada, native="m2", at=clock.now()))
    await world.work()
    assert world.chat.texts(ROOM) == []


async def test_what_a_moderator_hides_goes_from_the_requester_and_stays_in_the_room(world: World) -> None:
    async with world.desk.unit(world.bob) as uow:
        opened = await access.change(uow, world.bob, world.number)
        await conversations.take_seat(uow, opened.thread, ROOM, side="staff")
    sent, waiting = await world.reply("rude"), await world.reply("ruder", hold=30)
    while await world.tell.read():
        pass
    await world.posting.send_due()
    assert world.chat.texts(HOME) == ["rude"]
    await _hide(world, sent, waiting)
    with clock.fixed(_later(seconds=31)):
        await world.work()
        assert world.chat.texts(HOME) == []
        assert world.chat.texts(ROOM) == ["rude", "ruder"]
    await _hide(world, sent, waiting, hidden=False)
    with clock.fixed(_later(seconds=32)):
        await world.work()
    assert world.chat.texts(HOME) == ["rude", "ruder"]
    assert world.chat.texts(ROOM) == ["rude", "ruder"]


async def test_agents_without_names_have_none_in_the_requesters_place(world: World) -> None:
    world.desk.means.settings = world.desk.means.settings.model_copy(update={"show_agent_names": False})
    async with world.desk.unit(world.bob) as uow:
        opened = await access.change(uow, world.bob, world.number)
        await conversations.take_seat(uow, opened.thread, ROOM, side="staff")
    await world.reply("hello")
    await world.work()
    authors = {one.place: one.author for one in world.chat.shown.values()}
    assert authors == {HOME: world.desk.means.settings.name, ROOM: "Bob"}


async def test_an_agents_picture_stands_beside_replies_where_the_admin_wants_it(world: World) -> None:
    async with world.desk.unit(world.bob) as uow:
        opened = await access.change(uow, world.bob, world.number)
        await conversations.take_seat(uow, opened.thread, ROOM, side="staff")
    pictures = {"agent_pictures": "https://desk.example/people/{id}.png"}
    for change in (pictures, {"show_agent_names": False}, {"show_agent_names": True, "agent_pictures": ""}):
        world.desk.means.settings = world.desk.means.settings.model_copy(update=change)
        await world.reply("hello")
        await world.work()
    found = [(one.place, one.card.picture) for one in world.chat.shown.values() if one.card.picture]
    assert found == [(HOME, f"https://desk.example/people/{world.bob.id}.png")]


async def _edit(world: World, message_id: UUID, text: str) -> None:
    async with world.desk.unit(world.bob) as uow:
        opened = await access.change(uow, world.bob, world.number)
        message = await tickets.message_in(uow, opened, message_id)
        await tickets.edit_message(uow, world.bob, opened, message, text)


async def _someone_waits_for_a_lock(world: World) -> None:
    query = "select count(*) from pg_locks where not granted"
    async with asyncio.timeout(20):
        while True:
            async with world.desk.db.sessions() as session:
                if await session.scalar(sql(query)):
                    return
            await asyncio.sleep(0.02)


async def _hide(world: World, *ids: UUID, hidden: bool = True) -> None:
    async with world.desk.unit(world.bob) as uow:
        opened = await access.change(uow, world.bob, world.number)
        for one in ids:
            message = await tickets.message_in(uow, opened, one)
            await conversations.hide(uow, opened.thread, message, hidden=hidden)


async def test_an_answer_lost_on_the_way_is_at_least_once(world: World) -> None:
    world.chat.drops_answers = True
    await world.reply("twice at worst")
    await world.work()
    world.chat.drops_answers = False
    with clock.fixed(_later(minutes=1)):
        await world.work()
    assert set(world.chat.texts()) == {"twice at worst"}
    assert len({one.key for one in world.chat.shown.values()}) == 1


async def test_what_was_deleted_before_its_answer_came_does_not_stay(world: World) -> None:
    """Its call had been made, nobody heard of it, and the next try has nothing to say any more."""
    world.chat.drops_answers = True
    message = await world.reply("not for you")
    await world.work()
    world.chat.drops_answers = False
    async with world.desk.unit(world.bob) as uow:
        opened = await access.change(uow, world.bob, world.number)
        found = await tickets.message_in(uow, opened, message)
        await conversations.delete(uow, opened.thread, world.bob, found)
    assert world.chat.texts() == ["not for you"]
    with clock.fixed(_later(minutes=1)):
        await world.work()
    assert world.chat.texts() == []
    assert "due" not in {row.state for row in await world.rows()}


async def test_what_was_edited_before_its_answer_came_says_the_new_words(world: World) -> None:
    """The second try finds what the first has left, and that says the old ones."""
    world.chat.drops_answers = world.chat.knows_keys = True
    message = await world.reply("tomorow")
    await world.work()
    world.chat.drops_answers = False
    async with world.desk.unit(world.bob) as uow:
        opened = await access.change(uow, world.bob, world.number)
        found = await tickets.message_in(uow, opened, message)
        await tickets.edit_message(uow, world.bob, opened, found, "tomorrow")
    assert world.chat.texts() == ["tomorow"]
    with clock.fixed(_later(minutes=1)):
        await world.work()
    assert world.chat.texts() == ["tomorrow"]


async def test_events_are_dealt_with_once_whatever_the_order_of_commits(world: World) -> None:
    """A transaction that commits late is not passed over by the reader."""
    slow = world.desk.db.sessions()
    async with slow as session:
        await session.execute(update(Delivery).values(error=None))
        from core.db import EventRow

        session.add(EventRow(name="test.slow", subject=world.bob.id or UUID(int=0)))
        await session.flush()
        await world.reply("quick")
        assert await world.tell.read() == 0
        assert world.tell.held_up
        await session.commit()
    seen = 0
    while (count := await world.tell.read()) > 0:
        seen += count
    assert seen >= 2
    assert await world.tell.read() == 0
    assert not world.tell.held_up


def _later(**span: float) -> Callable[[], datetime]:
    start = clock.now()

    def moment() -> datetime:
        return start + timedelta(**span)

    return moment
