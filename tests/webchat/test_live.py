"""What open pages are told: changes, typing, the place in the queue; and who has left."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from adapters.webchat import timeline, tokens
from adapters.webchat.hub import Page
from adapters.webchat.settings import Settings
from core import clock
from core.access import SYSTEM
from core.chat import Card, Place, Post
from core.db import EventRow
from core.people import service as people
from core.ports.bus import Signal
from core.presence import Presence
from core.tickets import access, waiting
from core.tickets import service as tickets
from core.tickets import timeline as lines
from core.tickets.fact_words import sentence
from core.tickets.lines import FactLine, MessageLine
from core.tickets.model import Ticket
from tests.webchat.conftest import Visitor, World, opened


def visitor_of(world: World, visitor: Visitor) -> tokens.Visitor:
    return tokens.read(world.desk.means.keys.signing, visitor.session["token"], 0)


async def watching(world: World, visitor: Visitor) -> Any:
    async with world.desk.unit() as uow:
        watched = await timeline.conversations_of(uow, visitor_of(world, visitor))
    return world.chat.hub.page(visitor_of(world, visitor), watched)


async def told(page: Page, kind: str) -> dict[str, Any]:
    """The next thing of a kind that a page is told."""
    async with asyncio.timeout(30):
        while True:
            what = await page.queue.get()
            if what["type"] == kind:
                return what


async def test_a_page_hears_of_a_reply_while_it_is_held_and_when_it_is_there(world: World) -> None:
    ada = await world.visitor()
    await ada.say("one")
    bob = await world.agent()
    with await watching(world, ada) as page:
        async with world.desk.unit(bob) as uow:
            await tickets.reply(uow, bob, 1, "two", hold=1)
        assert (await told(page, "typing"))["thread"] == ada.thread
        while not page.queue.empty():
            page.queue.get_nowait()
        async with asyncio.timeout(30):
            while not [m for m in await ada.messages() if m["side"] == "them"]:
                await world.settle()
        # The hold may have ended between two rounds: what is due now is sent by the next one.
        await world.settle()
        assert (await told(page, "changed"))["thread"] == ada.thread


async def test_a_page_hears_which_message_came_and_of_a_held_one_only_that_someone_writes(
    world: World,
) -> None:
    ada = await world.visitor()
    await ada.say("one")
    bob = await world.agent()
    with await watching(world, ada) as page:
        own = (await ada.say("two")).json()["message"]
        assert (await told(page, "changed"))["said"] == own
        reply = await world.reply(bob, 1, "three")
        heard = [what for what in drained(page) if what.get("said") == str(reply)]
        assert len(heard) == 2, "when it was said and when it was posted: the same, which a page has by then"
        async with world.desk.unit(bob) as uow:
            await tickets.reply(uow, bob, 1, "four", hold=60)
        await world.settle()
        assert [what["type"] for what in drained(page)] == ["typing"]


def drained(page: Page) -> list[dict[str, Any]]:
    return [page.queue.get_nowait() for _each in range(page.queue.qsize())]


async def test_what_is_held_still_is_not_read(world: World) -> None:
    ada = await world.visitor()
    await ada.say("one")
    bob = await world.agent()
    await world.reply(bob, 1, "two")
    held = await world.reply(bob, 1, "three", hold=60)
    await ada.say("four")
    status = (await ada.read())["status"]
    await ada.call("POST", f"conversations/{ada.thread}/read", json={"upto": status["read"]})
    assert (await ada.read())["status"]["unread"] == 0
    async with world.desk.unit(bob) as uow:
        await tickets.send_now(uow, await access.change(uow, bob, 1))
    assert [item["id"] for item in await ada.messages()][-1] == str(held)
    assert (await ada.read())["status"]["unread"] == 1


async def test_the_answer_shows_what_was_said_as_a_look_would(world: World) -> None:
    ada = await world.visitor()
    note = (await ada.upload(b"some words", "notes.txt")).json()["id"]
    for given in ({"text": "**one**"}, {"text": "two", "files": [note]}):
        answer = (await ada.say(**given)).json()
        assert answer["item"]["native"] != answer["item"]["id"] == answer["message"]
        looked = next(item for item in await ada.messages() if item["id"] == answer["message"])
        assert answer["item"] | {"author": looked["author"]} == looked


async def test_notes_make_no_sound(world: World) -> None:
    ada = await world.visitor()
    await ada.say("one")
    bob = await world.agent()
    with await watching(world, ada) as page:
        async with world.desk.unit(bob) as uow:
            await tickets.note(uow, bob, 1, "psst")
        world.desk.bus.publish(Signal("webchat", {"visitor": page.visitor.id, "thread": "end"}))
        assert (await told(page, "changed"))["thread"] == "end"


async def test_a_reply_that_is_being_typed_is_seen_and_a_note_is_not(world: World) -> None:
    ada = await world.visitor()
    await ada.say("one")
    bob = await world.agent()
    assert bob.id is not None
    async with world.desk.unit(bob) as uow:
        conversation = (await access.get(uow, bob, 1)).thread.id
    presence = Presence(world.desk.bus)
    with await watching(world, ada) as page:
        presence.types(conversation, bob.id, note=True)
        world.desk.bus.publish(Signal("webchat", {"visitor": page.visitor.id, "thread": "end"}))
        while (what := await page.queue.get()).get("thread") != "end":
            assert what["type"] != "typing"
        presence.types(conversation, bob.id)
        assert await told(page, "typing") == {"type": "typing", "thread": ada.thread, "on": True}


async def test_typing_of_the_staffs_side_only(world: World) -> None:
    ada = await world.visitor()
    await ada.say("one")
    with await watching(world, ada) as page:
        await ada.call("POST", f"conversations/{ada.thread}/typing", json={"on": True})
        await world.chat.typing(page.visitor.place(ada.thread), on=False)
        assert (await told(page, "typing"))["on"] is False


async def test_a_card_that_is_no_message_is_shown_to_who_looks(world: World) -> None:
    ada = await world.visitor()
    await ada.say("one")
    with await watching(world, ada) as page:
        place = page.visitor.place(ada.thread)
        assert await world.chat.post(place, Post(Card(text="**Here**", title="Look")), key="k1") == "k1"
        assert (await told(page, "card"))["card"]["html"] == "<p><strong>Here</strong></p>\n"


async def test_the_place_in_the_queue_is_told(world: World) -> None:
    first, second = await world.visitor(), await world.visitor()
    await first.say("one")
    await second.say("two")
    with await watching(world, second) as page:
        assert (await told(page, "queue"))["place"] == 2
        bob = await world.agent()
        async with world.desk.unit(bob) as uow:
            await tickets.claim(uow, bob, 1)
        assert (await told(page, "queue"))["place"] == 1


async def test_nobody_is_told_that_an_agent_is_there_who_is_not(world: World) -> None:
    ada = await world.visitor()
    await ada.say("one")
    bob = await world.agent()
    assert bob.id is not None

    async def here() -> bool:
        return bool((await ada.read())["status"]["agent"]["here"])

    async with world.desk.unit() as uow:
        await tickets.assign(uow, SYSTEM, 1, to=bob.id)
    assert not await here(), "a rule gave it to Bob, who may be asleep"
    async with world.desk.unit() as uow:
        (await people.get(uow, bob.id)).last_seen_at = clock.now()
    assert await here(), "Bob has the desk open"
    async with world.desk.unit() as uow:
        (await people.get(uow, bob.id)).last_seen_at = None
    await world.reply(bob, 1, "two")
    assert await here(), "Bob has answered, wherever from"
    later = clock.now() + timedelta(minutes=10)
    with clock.fixed(lambda: later):
        assert not await here(), "Bob has gone since"


async def test_the_wait_is_measured(world: World) -> None:
    bob = await world.agent()
    for number, seconds in enumerate((60, 120, 600), start=1):
        visitor = await world.visitor()
        await visitor.say("help")
        await world.reply(bob, number, "here")
        async with world.desk.unit() as uow:
            ticket = await uow.session.scalar(select(Ticket).where(Ticket.number == number))
            assert ticket is not None
            assert ticket.first_answer_at is not None
            ticket.created_at = ticket.first_answer_at - timedelta(seconds=seconds)
    async with world.desk.db.sessions() as session:
        usual = await waiting.usual_answer(session, "webchat")
        assert usual is not None
        assert round(usual.total_seconds()) == 120
        assert await waiting.usual_answer(session, "telegram") is None
    async with opened(world.desk) as fresh:  # the figure is kept for a minute
        assert (await fresh.visitor()).session["desk"]["usual"] == 120


async def test_a_visitor_who_leaves_and_comes_back_is_noticed(world: World) -> None:
    world.chat.hub.settings = Settings(left_after=0.01)
    ada = await world.visitor()
    await ada.say("one")
    with await watching(world, ada):
        pass
    await seen(world, back=False)
    with await watching(world, ada):
        await seen(world, back=True)
    bob = await world.agent()
    async with world.desk.unit(bob) as uow:
        shown = (await lines.timeline(uow, bob, await access.get(uow, bob, 1))).lines
    facts = [sentence(line) for line in shown if isinstance(line, FactLine)]
    name = next(line.author.name for line in shown if isinstance(line, MessageLine))
    assert [each for each in facts if each.endswith("chat")][:2] == [
        f"{name} left the chat",
        f"{name} came back to the chat",
    ]


async def test_leaving_is_told_once_and_coming_back_also_after_a_restart(world: World) -> None:
    world.chat.hub.settings = Settings(left_after=0.01)
    ada = await world.visitor()
    await ada.say("one")
    for _time in range(2):
        world.chat.hub.leaves(visitor_of(world, ada), 0)
        await asyncio.gather(*world.chat.hub.leaving())
    await seen(world, back=False)
    async with opened(world.desk) as fresh:
        with await watching(fresh, ada):
            await seen(world, back=True)
    async with world.desk.unit() as uow:
        left = EventRow.name == "ticket.requester_left"
        assert len(list(await uow.session.scalars(select(EventRow).where(left)))) == 2


async def test_a_reload_is_no_leaving(world: World) -> None:
    world.chat.hub.settings = Settings(left_after=0.2)
    ada = await world.visitor()
    await ada.say("one")
    with await watching(world, ada):
        pass
    with await watching(world, ada):
        await asyncio.wait_for(asyncio.gather(*world.chat.hub.leaving(), return_exceptions=True), 5)
        async with world.desk.unit() as uow:
            assert not list(
                await uow.session.scalars(select(EventRow).where(EventRow.name == "ticket.requester_left"))
            )


async def test_a_visitor_has_a_few_windows_only(world: World) -> None:
    from contextlib import ExitStack

    import pytest

    from adapters.webchat.hub import MOST_PAGES
    from core.errors import TooMany

    ada = await world.visitor()
    with ExitStack() as stack:
        for _n in range(MOST_PAGES):
            stack.enter_context(await watching(world, ada))
        with pytest.raises(TooMany):
            stack.enter_context(await watching(world, ada))
    assert world.chat.hub.pages == 0


async def test_a_page_that_is_too_slow_looks_at_everything_anew() -> None:
    page = Page(tokens.new_visitor())
    for _n in range(500):
        page.tell({"type": "typing", "thread": "t"})
    assert page.queue.qsize() <= 100
    assert {"type": "changed", "thread": ""} in [page.queue.get_nowait() for _n in range(page.queue.qsize())]


async def test_places_lead_to_pages_by_their_channel(world: World) -> None:
    visitor = tokens.new_visitor()
    with world.chat.hub.page(visitor, {}) as page:
        await asyncio.sleep(0)
        await world.chat.post(
            Place("webchat", "main", visitor.id, "t1"), Post(Card(), message_id="m1"), key="k"
        )
        assert (await told(page, "changed"))["thread"] == "t1"


async def seen(world: World, *, back: bool) -> None:
    async with asyncio.timeout(30):
        while True:
            async with world.desk.unit() as uow:
                rows = list(
                    await uow.session.scalars(
                        select(EventRow)
                        .where(EventRow.name == "ticket.requester_left", EventRow.at <= clock.now())
                        .order_by(EventRow.id)
                    )
                )
            if rows and rows[-1].data["back"] is back:
                assert rows[-1].data["number"] == 1
                return
