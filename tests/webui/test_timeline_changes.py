"""A page that is open asks for what changed: what it then shows is what a page opened anew shows."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from core import clock
from core.access import Actor, Permission
from core.admin import staff
from core.conversations import service as conversations
from core.conversations.model import Conversation, Message
from core.desk import Desk
from core.people import service as people
from core.ports.bus import Signal
from core.tickets import access
from core.tickets import service as tickets
from tests.webui.browsing import Browser
from tests.webui.desk_world import DeskWorld
from webui import live, switchboard

FRAGMENT = {"x-fragment": "1"}
_LINE = re.compile(r'(?=<(?:article|p|div)[^>]* id="(?:message-|fact-|day-|unread-line)[^"]*")')


@pytest.fixture
async def world(desk: Desk) -> DeskWorld:
    return await DeskWorld(desk).settle()


@pytest.fixture
async def bob(world: DeskWorld) -> AsyncIterator[Browser]:
    async with world.signed_in(world.people["bob"]) as browser:
        yield browser


class OpenPage:
    """What the script keeps of a timeline: its lines by id, and where the next question begins."""

    def __init__(self, browser: Browser, number: int) -> None:
        self.browser, self.number = browser, number
        self.lines: dict[str, str] = {}
        self.seq = self.seen = "0"
        self.was_whole = False

    async def open(self) -> OpenPage:
        page = await self.browser.get(f"/tickets/{self.number}/timeline", headers=FRAGMENT)
        self._take(page, whole=True)
        return self

    async def changes(self, *marked: Any) -> OpenPage:
        query = f"after={self.seq}&seen={self.seen}" + "".join(f"&line={line}" for line in marked)
        address = f"/tickets/{self.number}/timeline/changes?{query}"
        page = await self.browser.get(address, headers=FRAGMENT)
        assert page.status_code == 200
        self._take(page, whole="x-whole" in page.headers)
        return self

    async def must_be_up_to_date(self) -> None:
        fresh = await OpenPage(self.browser, self.number).open()
        assert list(self.lines.items()) == list(fresh.lines.items())

    def _take(self, page: Any, whole: bool) -> None:
        self.was_whole = whole
        self.seq, self.seen = page.headers["x-seq"], page.headers["x-seen"]
        if whole:
            self.lines = _lines(page.text)
            return
        old, new = page.text.split('<div data-part="new">')
        self.lines |= {name: line for name, line in _lines(old).items() if name in self.lines}
        self.lines |= _lines(new)


def _lines(html: str) -> dict[str, str]:
    found = {}
    for piece in _LINE.split(html.replace("</div><div data-part", "<div data-part"))[1:]:
        name = re.search(r' id="([^"]+)"', piece)
        assert name is not None
        # Any moment of a day says which day it is.
        piece = re.sub(r'datetime="[^"]+" data-time="day"', "", piece)
        found[name[1]] = " ".join(piece.removesuffix("</div>").split()).removesuffix("</div>").strip()
    return found


async def opened(world: DeskWorld, bob: Browser, number: int | None = None) -> OpenPage:
    return await OpenPage(bob, number or await world.ticket()).open()


async def reply(world: DeskWorld, number: int, words: str, who: str = "bob") -> Message:
    actor = world.actors[who]
    async with world.desk.unit(actor) as uow:
        return (await tickets.reply(uow, actor, number, words, hold=0))[1]


async def on_message(world: DeskWorld, who: str, message: Message, change: Any) -> None:
    actor = world.actors[who]
    async with world.desk.unit(actor) as uow:
        row = await uow.session.get(Message, message.id)
        conversation = await uow.session.get(Conversation, message.conversation_id, with_for_update=True)
        assert row is not None
        assert conversation is not None
        key = await access.thread_key(uow.session, uow.keys, conversation)
        await change(uow, conversations.Thread(conversation, key), actor, row)


async def test_new_lines_come_alone_and_once(world: DeskWorld, bob: Browser) -> None:
    page = await opened(world, bob)
    await world.hears(page.number, "And another thing")
    before = len(page.lines)
    await page.changes()
    assert not page.was_whole
    assert len(page.lines) == before + 1
    await page.must_be_up_to_date()
    lines = dict(page.lines)
    await page.changes()
    assert page.lines == lines


async def test_what_was_missed_in_a_gap_comes_with_the_next_question(world: DeskWorld, bob: Browser) -> None:
    page = await opened(world, bob)
    first = await reply(world, page.number, "One moment")
    await world.hears(page.number, "Thanks")
    async with world.desk.unit(world.actors["mira"]) as uow:
        await tickets.note(uow, world.actors["mira"], page.number, "Ask @Bob.Smith")
        await tickets.tag(uow, world.actors["mira"], page.number, add=["vip"])
    await on_message(world, "bob", first, lambda u, t, a, m: conversations.edit(u, t, a, m, "Two moments"))
    await page.changes()
    assert not page.was_whole
    assert "Two moments" in page.lines[f"message-{first.id}"]
    await page.must_be_up_to_date()


@pytest.mark.parametrize("change", ["edit", "delete", "react", "hide", "show"])
async def test_what_changes_in_an_older_line_is_seen(world: DeskWorld, bob: Browser, change: str) -> None:
    number = await world.ticket()
    message = await reply(world, number, "The first answer")
    page = await opened(world, bob, number)

    async def act(uow: Any, thread: Any, actor: Any, row: Any) -> None:
        match change:
            case "edit":
                await conversations.edit(uow, thread, actor, row, "A better answer")
            case "delete":
                await conversations.delete(uow, thread, actor, row)
            case "react":
                await conversations.react(uow, thread, actor, row, ["👍"])
            case _:
                await conversations.hide(uow, thread, row)

    await on_message(world, "bob", message, act)
    before = page.lines[f"message-{message.id}"]
    if change == "show":
        await page.changes()
        await on_message(world, "bob", message, lambda u, t, a, m: conversations.hide(u, t, m, hidden=False))
    await page.changes()
    assert not page.was_whole
    assert (page.lines[f"message-{message.id}"] == before) is (change == "show")
    await page.must_be_up_to_date()


async def test_who_has_read_and_what_was_delivered_is_seen(world: DeskWorld, bob: Browser) -> None:
    number = await world.ticket()
    message = await reply(world, number, "Please look")
    await reply(world, number, "And here")
    page = await opened(world, bob, number)
    async with world.desk.unit(world.actors["ada"]) as uow:
        there = await access.get(uow, world.actors["ada"], number)
        await tickets.mark_read(uow, there, world.people["ada"].id, message.seq)
    await page.changes()
    assert "Seen by" in page.lines[f"message-{message.id}"]
    await page.must_be_up_to_date()
    await page.changes(message.id)
    await page.must_be_up_to_date()


async def test_the_requesters_chat_is_told_once_that_the_desk_has_read(
    world: DeskWorld, bob: Browser
) -> None:
    page = await opened(world, bob, await world.ticket())
    await world.hears(page.number, "Still there?")
    async with world.desk.bus.subscribe() as signals:
        await page.changes()
        await page.changes()
        world.desk.bus.publish(Signal("end"))
        told = []
        while (signal := await asyncio.wait_for(anext(signals), 10)).topic != "end":
            told.append(signal)
    assert [each.data["upto"] for each in told if each.topic == "read"] == [int(page.seq)]


async def test_a_line_that_is_not_on_the_page_does_not_come_to_its_end(
    world: DeskWorld, bob: Browser
) -> None:
    number = await world.ticket()
    message = await reply(world, number, "Long ago")
    page = await opened(world, bob, number)
    del page.lines[f"message-{message.id}"]
    await page.changes(message.id)
    assert f"message-{message.id}" not in page.lines


async def test_a_new_day_and_what_is_new_are_marked_once(
    world: DeskWorld, bob: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = await opened(world, bob)
    tomorrow = clock.now() + timedelta(days=1)
    monkeypatch.setattr(clock, "now", lambda: tomorrow)
    await world.hears(page.number, "Good morning")
    await page.changes()
    await world.hears(page.number, "Still there?")
    await page.changes()
    assert [name for name in page.lines if name.startswith("day-")] == [
        f"day-{tomorrow.date() - timedelta(days=1)}",
        f"day-{tomorrow.date()}",
    ]
    await page.must_be_up_to_date()


async def test_merged_and_split_conversations_come_whole(world: DeskWorld, bob: Browser) -> None:
    page = await opened(world, bob)
    other = await world.ticket("The same again")
    lea = world.actors["lea"]
    async with world.desk.unit(lea) as uow:
        await tickets.merge(uow, lea, other, page.number)
    await page.changes()
    assert page.was_whole
    await page.must_be_up_to_date()
    await world.hears(page.number, "One thing now")
    await page.changes()
    assert page.was_whole
    await page.must_be_up_to_date()


async def test_a_flood_comes_whole(world: DeskWorld, bob: Browser) -> None:
    page = await opened(world, bob)
    actor = world.actors["ada"]
    async with world.desk.unit(actor) as uow:
        there = await access.change(uow, actor, page.number)
        for number in range(110):
            await conversations.say(uow, there.thread, actor, conversations.Saying(text=f"{number}"))
    await page.changes()
    assert page.was_whole
    await page.must_be_up_to_date()


async def test_who_may_not_see_a_ticket_gets_no_changes(world: DeskWorld, bob: Browser) -> None:
    number = await world.ticket()
    async with world.signed_in(world.people["ada"]) as ada:
        page = await ada.get(f"/tickets/{number}/timeline/changes?after=0", headers=FRAGMENT)
        assert page.status_code == 404
    for query in ("after=x", "after=-1", "after=0&line=no", "after=99999999999999999999"):
        page = await bob.get(f"/tickets/{number}/timeline/changes?{query}", headers=FRAGMENT)
        assert page.status_code == 422


async def test_a_stream_says_first_how_far_its_conversations_are(world: DeskWorld) -> None:
    number = await world.ticket()
    there = await world.get(number)
    conversation = there.thread.id
    stream = live.stream_of(
        world.site, {str(conversation): number}, "me", staff=True, shown={conversation: number}
    )
    assert f"talk:{number}:{there.thread.conversation.seq}" in (await anext(stream))["data"]
    await world.hears(number, "Hello?")
    seq = (await world.get(number)).thread.conversation.seq
    told = (await anext(stream))["data"]
    assert f'"talk:{number}:{seq}"' in told
    assert f'"ticket:{number}"' not in told
    message = await reply(world, number, "Yes")
    await on_message(world, "bob", message, lambda u, t, a, m: conversations.edit(u, t, a, m, "Yes!"))
    told = ""
    while f'"line:{number}:{message.id}"' not in told:
        told = (await anext(stream))["data"]
    async with world.desk.unit(world.actors["bob"]) as uow:
        await tickets.release(uow, world.actors["bob"], number)
    while f'"ticket:{number}"' not in told:
        told = (await anext(stream))["data"]
    while '"counts"' not in told:
        told = (await anext(stream))["data"]
    await stream.aclose()


def test_lists_are_told_at_once_and_then_once_a_second() -> None:
    gathered = switchboard.Gathered()
    gathered.add({"queues"}, 10.0)
    assert gathered.take(gathered.due) == {"queues"}
    gathered.add({"queues", "talk:1:2"}, 10.1)
    assert gathered.due == 10.1 + switchboard.GATHER
    assert gathered.take(gathered.due) == {"talk:1:2"}
    gathered.add({"counts"}, 10.2)
    assert 11 < gathered.due < 11.1
    assert gathered.take(gathered.due) == {"queues", "counts"}
    assert gathered.due == math.inf


async def test_requesters_streams_are_silent_about_notes(world: DeskWorld) -> None:
    number = await world.ticket()
    conversation = (await world.get(number)).thread.id
    stream = live.stream_of(
        world.site, {str(conversation): number}, "me", staff=False, shown={conversation: number}
    )
    await anext(stream)
    async with world.desk.unit(world.actors["bob"]) as uow:
        await tickets.note(uow, world.actors["bob"], number, "Hm")
    note = (await world.get(number)).thread.conversation.seq
    await reply(world, number, "Hello")
    told = (await anext(stream))["data"]
    assert f'"talk:{number}:{note + 1}"' in told
    assert f'"talk:{number}:{note}"' not in told
    await stream.aclose()


@pytest.mark.parametrize("how", ["signed out", "other teams", "another role", "switched off"])
async def test_a_stream_ends_with_the_right_to_it(world: DeskWorld, how: str) -> None:
    number = await world.ticket()
    conversation = (await world.get(number)).thread.id
    bob, root = world.people["bob"], Actor(world.people["ada"].id, permissions=frozenset(Permission))
    stream = live.stream_of(
        world.site, {str(conversation): number}, str(bob.id), staff=True, shown={conversation: number}
    )
    async with world.signed_in(bob), aclosing(stream):
        await anext(stream)
        async with world.desk.unit(root) as uow:
            person = await people.get(uow, bob.id)
            if how == "signed out":
                await staff.sign_out_everywhere(uow, root, bob.id)
            elif how == "switched off":
                await staff.deactivate(uow, root, bob.id)
            else:
                role = "lead" if how == "another role" else person.role
                await staff.change(uow, root, bob.id, version=person.version, role=role, team_ids=())
        async with asyncio.timeout(30):
            async for _told in stream:
                pass


@pytest.mark.parametrize("kind", ["reply", "note"])
async def test_the_answer_to_what_one_says_shows_it(world: DeskWorld, bob: Browser, kind: str) -> None:
    number = await world.ticket()
    page = await opened(world, bob, number)
    asked = f"after={page.seq}&seen={page.seen}"
    await bob.look(f"/tickets/{number}")
    token = bob.page.text.split('name="csrf" content="')[1].split('"')[0]
    fields = {"csrf": token, "kind": kind, "body": "Here it is", "message_id": str(uuid4())}
    for _again in range(2):
        said = await bob.post(f"/tickets/{number}/messages?{asked}", data=fields, headers=FRAGMENT)
        page._take(said, whole="x-whole" in said.headers)
        assert not page.was_whole
        assert [line for line in page.lines.values() if "Here it is" in line]
        await page.must_be_up_to_date()
