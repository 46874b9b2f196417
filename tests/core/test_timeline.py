"""What each side reads of a ticket, in which order, in pages of any size."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from io import BytesIO
from typing import Any
from uuid import UUID, uuid4

import pytest
from PIL import Image
from sqlalchemy import select, update

from core import clock
from core.access import SYSTEM, Actor
from core.chat import FileRef
from core.conversations import service as conversations
from core.conversations.attachments import upload
from core.conversations.model import Message
from core.db import EventRow
from core.desk import Desk
from core.errors import Invalid, NotFound
from core.outbox_model import Delivery
from core.tickets import access, fact_words, timeline
from core.tickets import service as tickets
from core.tickets.events import TicketEvent
from core.tickets.lines import FactLine, Line, MessageLine
from core.tickets.model import Priority
from core.tickets.reading import EXCERPT_CHARACTERS
from tests.core.reading import Cast, cast, counting


async def lines_of(desk: Desk, actor: Actor, number: int, limit: int = 200) -> list[Line]:
    async with desk.unit(actor) as uow:
        opened = await access.get(uow, actor, number)
        return (await timeline.timeline(uow, actor, opened, limit=limit)).lines


def words(lines: Sequence[Line]) -> list[str]:
    """Messages by their text, facts by their name."""
    return [line.name if isinstance(line, FactLine) else line.text for line in lines]


def messages(lines: Sequence[Line]) -> list[MessageLine]:
    return [line for line in lines if isinstance(line, MessageLine)]


async def reply(they: Cast, number: int, text: str, hold: int = 0, **more: Any) -> UUID:
    async with they.desk.unit(they.bob) as uow:
        _opened, message = await tickets.reply(uow, they.bob, number, text, hold=hold, **more)
        return message.id


async def test_each_side_reads_its_own(desk: Desk) -> None:
    they = await cast(desk)
    number = await they.says("ada", "It burns")
    await reply(they, number, "On my way")
    async with desk.unit(they.bob) as uow:
        await tickets.note(uow, they.bob, number, "careful, she is angry")
        await tickets.prioritise(uow, they.bob, number, Priority.high)
        await tickets.resolve(uow, they.bob, number, "Put it out")
    ada = await they.actor("ada")
    staff = await lines_of(desk, they.bob, number)
    theirs = await lines_of(desk, ada, number)
    assert words(staff) == [
        "ticket.opened", "It burns", "ticket.claimed", "On my way", "careful, she is angry",
        "ticket.prioritised", "ticket.resolved",
    ]  # fmt: skip
    assert words(theirs) == ["ticket.opened", "It burns", "ticket.claimed", "On my way", "ticket.resolved"]
    assert [(line.author.name, line.own) for line in messages(theirs)] == [("Ada", True), ("Bob", False)]
    assert [line.seq for line in staff] == list(range(1, 8))
    assert all(not line.ids for line in theirs if isinstance(line, FactLine))


async def test_a_held_reply_is_seen_by_staff_only(desk: Desk) -> None:
    they = await cast(desk)
    number = await they.says("ada", "Hello")
    message_id = await reply(they, number, "Wait for it", hold=60)
    ada = await they.actor("ada")
    held = messages(await lines_of(desk, they.bob, number))[-1]
    assert held.held_until is not None
    assert held.held_until > clock.now()
    assert "Wait for it" not in words(await lines_of(desk, ada, number))
    later = clock.now() + timedelta(seconds=61)
    with clock.fixed(lambda: later):
        assert messages(await lines_of(desk, they.bob, number))[-1].held_until is None
        assert words(await lines_of(desk, ada, number))[-1] == "Wait for it"
    async with desk.unit(they.bob) as uow:
        opened = await access.change(uow, they.bob, number)
        message = await tickets.message_in(uow, opened, message_id)
        await conversations.delete(uow, opened.thread, they.bob, message)
    # Taken back in time: for the requester it never was, not even as a mark.
    with clock.fixed(lambda: later):
        assert [line.deleted for line in messages(await lines_of(desk, ada, number))] == [False]
        assert [line.deleted for line in messages(await lines_of(desk, they.bob, number))] == [False, True]


async def test_deleted_hidden_edited_reported(desk: Desk) -> None:
    they = await cast(desk)
    number = await they.says("ada", "First")
    await they.says("ada", "Rude words")
    await they.says("ada", "Thrid")
    ada = await they.actor("ada")
    async with desk.unit(ada) as uow:
        opened = await access.change(uow, ada, number)
        first, rude, third = list(
            await uow.session.scalars(
                select(Message).where(Message.conversation_id == opened.thread.id).order_by(Message.seq)
            )
        )
        await conversations.delete(uow, opened.thread, ada, first)
        await conversations.report(uow, opened.thread, rude)
        await tickets.edit_message(uow, ada, opened, third, "Third")
    lines = messages(await lines_of(desk, they.bob, number))
    assert [(m.text, m.deleted, m.reported, m.edited, m.revisions) for m in lines] == [
        ("", True, False, False, 0),
        ("Rude words", False, True, False, 0),
        ("Third", False, False, True, 1),
    ]
    async with desk.unit(they.admin) as uow:
        opened = await access.change(uow, they.admin, number)
        await conversations.hide(uow, opened.thread, await tickets.message_in(uow, opened, rude.id))
    staff = messages(await lines_of(desk, they.bob, number))[1]
    theirs = messages(await lines_of(desk, ada, number))[1]
    assert (staff.text, staff.hidden) == ("Rude words", True)
    assert (theirs.text, theirs.hidden) == ("", True)
    async with desk.unit(they.bob) as uow:
        opened = await access.get(uow, they.bob, number)
        before = await timeline.revisions(uow, they.bob, opened, third.id)
        assert [(r.revision, r.text, r.by) for r in before] == [(1, "Thrid", "Ada")]
        with pytest.raises(NotFound):
            await timeline.revisions(uow, they.bob, opened, uuid4())


async def test_files_reactions_quotes(desk: Desk) -> None:
    they = await cast(desk)
    number = await they.says("ada", "Look at this")
    ada = await they.actor("ada")

    async def picture() -> AsyncIterator[bytes]:
        made = BytesIO()
        Image.new("RGB", (40, 20), "red").save(made, "PNG")
        yield made.getvalue()

    async def page() -> AsyncIterator[bytes]:
        yield b"<html><script>alert(1)</script></html>"

    async with desk.unit(ada) as uow:
        assert ada.id
        red = await upload(uow, ada.id, "red.png", picture())
        evil = await upload(uow, ada.id, "evil.png", page())
    refs = tuple(FileRef(name="x", stored=str(each.id)) for each in (red, evil))
    await they.says("ada", "here " * 60, files=refs)
    said = messages(await lines_of(desk, they.bob, number))[-1]
    answer = await reply(they, number, "Nice colour", reply_to=said.id)
    for actor, emoji in ((ada, "👍"), (they.eve, "👍"), (they.eve, "🎉")):
        async with desk.unit(actor) as uow:
            opened = await access.change(uow, actor, number)
            message = await tickets.message_in(uow, opened, answer)
            mine = ["👍", "🎉"] if emoji == "🎉" else [emoji]
            await conversations.react(uow, opened.thread, actor, message, mine)
    lines = messages(await lines_of(desk, they.eve, number))
    assert [(f.name, f.mime, f.inline, f.thumb) for f in lines[1].files] == [
        ("red.png", "image/png", True, True),
        ("evil.png", "application/octet-stream", False, False),
    ]
    assert [(r.emoji, r.count, r.mine) for r in lines[2].reactions] == [("👍", 2, True), ("🎉", 1, True)]
    quote = lines[2].reply_to
    assert quote is not None
    assert (quote.id, quote.author) == (said.id, "Ada")
    assert quote.excerpt.endswith("…")
    assert len(quote.excerpt) == EXCERPT_CHARACTERS
    assert [r.mine for r in messages(await lines_of(desk, they.bob, number))[2].reactions] == [False, False]
    # A page that does not hold what was replied to still quotes it.
    last = messages(await lines_of(desk, they.bob, number, limit=1))
    assert last[0].reply_to == quote


async def test_how_a_reply_fares(desk: Desk) -> None:
    they = await cast(desk)
    number = await they.says("ada", "Hello")
    message_id = await reply(they, number, "Hi")
    ada = await they.actor("ada")

    async def state() -> tuple[str, str]:
        line = messages(await lines_of(desk, they.bob, number))[-1]
        return line.delivery, line.delivery_error

    assert await state() == ("", "")
    async with desk.unit() as uow:
        row = Delivery(kind="post", place_key="webchat\x1fmain\x1fada\x1f", message_id=message_id)
        uow.session.add(row)
    assert await state() == ("pending", "")
    for code, why in (("retry_after", "asked_to_wait"), ("token_revoked", "token_revoked"), ("OSError", "")):
        async with desk.unit() as uow:
            later = clock.now() + timedelta(minutes=30)
            await uow.session.execute(update(Delivery).values(error=code, due_at=later))
        assert await state() == ("pending", why)
    line = messages(await lines_of(desk, they.bob, number))[-1]
    assert timedelta(minutes=29) < line.delivery_wait <= timedelta(minutes=30)
    for given, shown in (("sent", ("sent", "")), ("dead", ("failed", "gone")), ("cancelled", ("", ""))):
        async with desk.unit() as uow:
            await uow.session.execute(update(Delivery).values(state=given, error="gone"))
        assert await state() == shown
    assert messages(await lines_of(desk, ada, number))[-1].delivery == ""


async def test_facts_in_words(desk: Desk) -> None:
    they = await cast(desk)
    number = await they.says("ada", "Hello")
    other = await they.says("joe", "Same here")
    async with desk.unit(they.bob) as uow:
        bob = they.bob
        await tickets.claim(uow, bob, number)
        await tickets.assign(uow, bob, number, to=they.eve.id)
        await tickets.tag(uow, bob, number, add=["vip", "urgent"])
        await tickets.snooze(uow, bob, number, clock.now() + timedelta(days=1))
        await tickets.wake(uow, bob, number)
        await tickets.link(uow, bob, number, other)
        await tickets.follow(uow, bob, number, they.admin.id)
        await tickets.rename(uow, bob, number, "Another subject")
        await tickets.release(uow, bob, number)
        await tickets.wait(uow, bob, number)
        await tickets.resolve(uow, bob, number)
        await tickets.close(uow, bob, number)
        await tickets.reopen(uow, bob, number)
        await tickets.merge(uow, bob, other, number)
    lines = [line for line in await lines_of(desk, they.bob, number) if isinstance(line, FactLine)]
    said = [fact_words.sentence(line) for line in lines]
    assert said[0] == "Ada opened the ticket"
    assert {
        "Bob claimed the ticket",
        "Bob assigned the ticket to Eve",
        f"Bob merged #{other} into #{number}",
    } <= set(said)
    assert "Bob added the tags urgent, vip" in said
    assert "Bob took the ticket from Eve and gave it back to the queue" in said
    assert said.count(f"Bob merged #{other} into #{number}") == 1
    assert not any("{" in sentence or "None" in sentence or "ticket." in sentence for sentence in said)


def test_every_fact_about_tickets_has_words() -> None:
    named = {event.name for event in _all(TicketEvent) if event.name}
    assert named <= set(fact_words._SENTENCES)


def _all(cls: type[TicketEvent]) -> set[type[TicketEvent]]:
    return {cls}.union(*(_all(each) for each in cls.__subclasses__()))


async def test_agents_without_names(desk: Desk) -> None:
    they = await cast(desk)
    number = await they.says("ada", "Hello")
    await reply(they, number, "Hi")
    ada = await they.actor("ada")
    desk.means.settings = desk.means.settings.model_copy(
        update={"show_agent_names": False, "name": "The Desk"}
    )
    theirs = await lines_of(desk, ada, number)
    assert [line.author.name for line in messages(theirs)] == ["Ada", "The Desk"]
    assert messages(theirs)[1].author.id is None
    assert "Bob" not in str(theirs)
    assert str(they.bob.id) not in str(theirs)


async def merged(desk: Desk, they: Cast, chance: random.Random) -> int:
    """Three conversations merged into one ticket, their clocks in disorder."""
    numbers = [await they.says(who, f"{who} begins") for who in ("ada", "joe", "kim")]
    for turn in range(12):
        await they.says(chance.choice(("ada", "joe", "kim")), f"turn {turn}")
    async with desk.unit(they.bob) as uow:
        await tickets.merge(uow, they.bob, numbers[2], numbers[1])
    async with desk.unit(they.bob) as uow:
        await tickets.merge(uow, they.bob, numbers[1], numbers[0])
    await they.says("kim", "after the merge")
    async with desk.unit() as uow:
        for model in (Message, EventRow):
            for row in await uow.session.scalars(select(model)):
                row.at = clock.now() + timedelta(seconds=chance.randint(-50, 50))
    return numbers[0]


@pytest.mark.parametrize("seed", range(4))
async def test_pages_are_the_whole_whatever_the_clocks_say(desk: Desk, seed: int) -> None:
    they = await cast(desk)
    number = await merged(desk, they, random.Random(seed))
    whole = await lines_of(desk, they.bob, number)
    by_conversation: dict[UUID, list[int]] = {}
    for line in whole:
        by_conversation.setdefault(line.conversation_id, []).append(line.seq)
    assert len(by_conversation) == 3
    assert all(seqs == sorted(seqs) for seqs in by_conversation.values())
    assert {line.from_ticket for line in whole} == {None, number + 1, number + 2}
    for limit in (1, 2, 5, 13):
        async with desk.unit(they.bob) as uow:
            opened = await access.get(uow, they.bob, number)
            pages, before = [], None
            while True:
                page = await timeline.timeline(uow, they.bob, opened, before=before, limit=limit)
                pages.append(page.lines)
                before = page.before
                assert page.has_older is (before is not None)
                if before is None:
                    break
            stops = await timeline.stops(uow, they.bob, opened, limit)
            again = [
                (await timeline.timeline(uow, they.bob, opened, before=stop, limit=limit)).lines
                for stop in stops
            ]
        assert [line for page in pages[::-1] for line in page] == whole
        assert [line for page in again[::-1] for line in page] == whole


async def test_in_order_of_time_where_the_clocks_are_right(desk: Desk) -> None:
    they = await cast(desk)
    for who in ("ada", "joe", "ada", "joe"):
        number = await they.says(who, f"{who} speaks")
    async with desk.unit(they.bob) as uow:
        await tickets.merge(uow, they.bob, number, number - 1)
    lines = messages(await lines_of(desk, they.bob, number - 1))
    assert [line.text for line in lines] == ["ada speaks", "joe speaks", "ada speaks", "joe speaks"]
    assert [line.from_ticket for line in lines] == [None, number, None, number]


async def test_a_timeline_costs_the_same_whatever_it_holds(desk: Desk) -> None:
    they = await cast(desk)
    number = await they.says("ada", "Hello")

    async def cost() -> int:
        async with desk.unit(they.bob) as uow:
            opened = await access.get(uow, they.bob, number)
            with counting(desk.db) as sent:
                await timeline.timeline(uow, they.bob, opened)
            return len(sent)

    await reply(they, number, "Hi")
    few = await cost()
    for turn in range(20):
        await they.says("ada", f"more {turn}")
        await reply(they, number, f"yes {turn}")
    assert await cost() == few
    assert few <= 8


async def test_what_is_new_since(desk: Desk) -> None:
    they = await cast(desk)
    number = await they.says("ada", "Hello")
    async with desk.unit(they.bob) as uow:
        opened = await access.get(uow, they.bob, number)
        upto = (await timeline.timeline(uow, they.bob, opened)).upto
    await they.says("ada", "Again")
    message_id = await reply(they, number, "Hi", hold=60)
    ada = await they.actor("ada")
    for actor, expected in (
        (they.bob, ["Again", "ticket.claimed", "Hi"]),
        (ada, ["Again", "ticket.claimed"]),
    ):
        async with desk.unit(actor) as uow:
            opened = await access.get(uow, actor, number)
            assert words(await timeline.since(uow, actor, opened, upto)) == expected
    async with desk.unit(they.bob) as uow:
        opened = await access.get(uow, they.bob, number)
        assert (await timeline.line(uow, they.bob, opened, message_id)).text == "Hi"
    async with desk.unit(ada) as uow:
        opened = await access.get(uow, ada, number)
        with pytest.raises(NotFound):
            await timeline.line(uow, ada, opened, message_id)


@pytest.mark.parametrize("cursor", ["x", "1", "1-", "1-x", "1-9999999999999999999", "1-²", "-", "."])
async def test_nonsense_as_a_cursor_is_refused(desk: Desk, cursor: str) -> None:
    they = await cast(desk)
    number = await they.says("ada", "Hello")
    async with desk.unit(they.bob) as uow:
        opened = await access.get(uow, they.bob, number)
        with pytest.raises(Invalid):
            await timeline.timeline(uow, they.bob, opened, before=cursor)


async def test_who_is_on_it_and_how_far_they_read(desk: Desk) -> None:
    they = await cast(desk)
    number = await they.says("ada", "Hello")
    async with desk.unit(they.bob) as uow:
        await tickets.follow(uow, they.bob, number)
    async with desk.unit(they.bob) as uow:
        opened = await access.get(uow, they.bob, number)
        assert they.bob.id
        await tickets.mark_read(uow, opened, they.bob.id, 2)
    async with desk.unit(they.bob) as uow:
        opened = await access.get(uow, they.bob, number)
        seen = await timeline.participants(uow, they.bob, opened)
    assert [(each.who.name, each.kind, each.read_seq) for each in seen] == [
        ("Ada", "requester", 0),
        ("Bob", "follower", 2),
    ]


async def test_only_what_others_said_waits_to_be_read(desk: Desk) -> None:
    they = await cast(desk)
    number = await they.says("ada", "Hello")

    async def behind() -> set[str]:
        async with desk.unit(they.bob) as uow:
            opened = await access.get(uow, they.bob, number)
            found = await timeline.participants(uow, they.bob, opened)
        return {each.who.name for each in found if each.is_behind}

    async with desk.unit(they.bob) as uow:
        await tickets.follow(uow, they.bob, number)
        await tickets.note(uow, they.bob, number, "careful, she is angry")
    assert await behind() == {"Bob"}
    await reply(they, number, "Held", hold=30)
    assert await behind() == {"Bob"}
    await reply(they, number, "Hello Ada")
    assert await behind() == {"Ada", "Bob"}
    async with desk.unit(they.bob) as uow:
        opened = await access.get(uow, they.bob, number)
        assert they.bob.id
        await tickets.mark_read(uow, opened, they.bob.id, opened.thread.conversation.seq)
    assert await behind() == {"Ada"}


async def test_an_erased_requester_leaves_lines_without_words(desk: Desk) -> None:
    they = await cast(desk)
    number = await they.says("ada", "secret")
    ada = await they.actor("ada")
    async with desk.unit() as uow:
        assert ada.id
        await uow.keys.destroy_person(uow.session, ada.id)
    lines = messages(await lines_of(desk, they.bob, number))
    assert [(line.text, line.erased, line.author.name) for line in lines] == [("", True, "Erased person")]


async def test_the_desk_itself_acts_in_its_own_name(desk: Desk) -> None:
    they = await cast(desk)
    number = await they.says("ada", "Hello")
    async with desk.unit() as uow:
        await tickets.close(uow, SYSTEM, number, reason="time")
    fact = (await lines_of(desk, they.bob, number))[-1]
    assert isinstance(fact, FactLine)
    assert (fact.actor.name, fact.actor.kind, fact.actor.id) == (desk.means.settings.name, "system", None)
