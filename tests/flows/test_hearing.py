"""The short way of a message and the long one leave the same rows; whatever is not plain goes long."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from bot import talk
from core import clock
from core.chat import Answer, Limits, Place, Said, Sender
from core.conversations import service as conversations
from core.conversations.model import Conversation, Message, MessageCopy
from core.db import Base, EventRow, UnitOfWork
from core.desk import Desk
from core.errors import Forbidden, Invalid
from core.outbox_model import Inbound
from core.people import service as people
from core.people.model import Identity
from core.tickets import access
from core.tickets import service as tickets
from core.tickets.model import Ticket
from tests.core.reading import Cast, cast, counting

OWN = {"id", "tx", "body", "link", "wrapped_key", "place_key", "native", "subject", "number"}
"""Columns that differ between any two rows."""


async def the_long_way(uow: UnitOfWork, inbound: Said, limits: Limits) -> Answer:
    uow.memo.clear()
    return await talk.said(uow, inbound, limits)


def said(who: str, text: str, native: str, **more: Any) -> Said:
    return Said(
        place=Place("webchat", "main", who, who),
        sender=Sender(external=who, name=who.title(), locale="en"),
        native=native,
        at=clock.now(),
        text=text,
        **more,
    )


async def rows(desk: Desk, model: type[Base], who: str, they: Cast) -> list[dict[str, Any]]:
    """All rows of a requester's ticket, without what must differ; ids as the order they came in."""
    actor = await they.actor(who)
    async with desk.unit() as uow:
        ticket = await uow.session.scalar(select(Ticket).where(Ticket.requester_id == actor.id))
        assert ticket is not None
        in_it = {
            Message: Message.conversation_id == ticket.conversation_id,
            EventRow: EventRow.conversation_id == ticket.conversation_id,
            Conversation: Conversation.id == ticket.conversation_id,
            Ticket: Ticket.id == ticket.id,
            MessageCopy: MessageCopy.message_id.in_(
                select(Message.id).where(Message.conversation_id == ticket.conversation_id)
            ),
        }[model]
        found = list(await uow.session.scalars(select(model).where(in_it)))
    known = {
        str(actor.id): "requester",
        str(ticket.id): "ticket",
        str(ticket.conversation_id): "conversation",
    }
    plain = []
    for row in sorted(found, key=lambda row: row.id):
        values = {}
        for column in model.__table__.columns:
            value = getattr(row, column.key)
            if column.key in OWN or column.key.endswith("_at") or column.key == "at":
                value = value is None
            elif column.key == "data":
                value = {
                    k: known.get(str(v), "other" if k in ("origin", "number") else v)
                    for k, v in value.items()
                }
            else:
                value = known.get(
                    str(value), value if column.key not in ("subject", "message_id") else "other"
                )
            values[column.key] = value
        plain.append(values)
    return plain


@pytest.mark.parametrize("model", [Message, MessageCopy, EventRow, Conversation, Ticket])
async def test_both_ways_leave_the_same_rows(desk: Desk, model: type[Base]) -> None:
    they = await cast(desk)
    for who in ("short", "long"):
        they.router.on_said = talk.said if who == "short" else the_long_way
        for number, text in enumerate(("Printers burn", "  still *burning*\r\n", "and more ünïcode…")):
            await they.router.deliver(said(who, text, f"{who}{number}"))
    assert await rows(desk, model, "short", they) == await rows(desk, model, "long", they)


@pytest.mark.parametrize("model", [Message, MessageCopy, EventRow, Conversation, Ticket])
@pytest.mark.parametrize("hold", [0, 5])
async def test_both_ways_of_an_agents_answer_leave_the_same_rows(
    desk: Desk, model: type[Base], hold: int
) -> None:
    they = await cast(desk)
    desk.means.settings = desk.means.settings.model_copy(update={"hold_seconds": hold})
    for who in ("short", "long"):
        number = await they.says(who, "Printers burn", place=who)
        thread = await _thread(they, who, number)
        they.router.on_said = talk.said if who == "short" else the_long_way
        for text in ("First", "  on *paper*\r\n", "// among us", "and more ünïcode…"):
            await they.router.deliver(_from_bob(thread, text, f"{who} {text}"))
        they.router.on_said = talk.said
    assert await rows(desk, model, "short", they) == await rows(desk, model, "long", they)


async def test_an_agent_answers_with_one_statement_that_looks_and_one_that_writes(desk: Desk) -> None:
    they = await cast(desk)
    number = await they.says("ada", "Hello", place="ada")
    thread = await _thread(they, "ada", number)
    await they.router.deliver(_from_bob(thread, "First", "b1"))
    with counting(desk.db) as sent:
        await they.router.deliver(_from_bob(thread, "Second", "b2"))
    assert len(sent) == 2
    # Whoever has the ticket: by the room's rule, only the assignee's words are replies.
    async with desk.unit(they.eve) as uow:
        assert they.eve.id
        await tickets.assign(uow, they.eve, number, to=they.eve.id)
    await they.router.deliver(_from_bob(thread, "Third", "b3"))
    async with desk.unit(they.bob) as uow:
        last = await uow.session.scalar(select(Message).order_by(Message.at.desc()).limit(1))
        assert last is not None
        assert last.kind == "note"


async def test_of_what_is_said_among_others_nothing_is_kept(desk: Desk) -> None:
    they = await cast(desk)
    elsewhere = Place("webchat", "main", "lunch", "thread")
    with counting(desk.db) as sent:
        answer = await they.router.deliver(_from_bob(elsewhere, "Pizza?", "b1"))
    assert (answer.ignored, len(sent)) == (True, 1)
    async with desk.unit() as uow:
        assert list(await uow.session.scalars(select(Inbound))) == []


async def test_what_was_heard_can_be_read_and_was_told(desk: Desk) -> None:
    they = await cast(desk)
    number = await they.says("ada", "Hello")
    async with desk.bus.subscribe() as signals:
        answer = await they.router.deliver(said("ada", "And again", "second"))
        signal = await asyncio.wait_for(anext(signals), 10)
    assert answer.ticket == number
    assert (signal.data["name"], signal.data["subject"]) == ("message.said", answer.message_id)
    async with desk.unit(they.bob) as uow:
        opened = await access.get(uow, they.bob, answer.ticket)
        last = await uow.session.scalar(select(Message).order_by(Message.at.desc()).limit(1))
        assert last is not None
        assert conversations.read(opened.thread, last) == "And again"


async def test_sixteen_at_once_in_one_conversation(desk: Desk) -> None:
    they = await cast(desk)
    first = await they.router.deliver(said("ada", "Hello", "m0"))
    answers = await asyncio.gather(
        *(they.router.deliver(said("ada", f"line {n}", f"m{n}")) for n in range(1, 17)),
        *(they.router.deliver(said("ada", f"line {n}", f"m{n}")) for n in range(1, 17)),
    )
    assert {answer.ticket for answer in answers if not answer.seen_before} == {first.ticket}
    assert sum(answer.seen_before for answer in answers) == 16
    async with desk.unit(they.bob) as uow:
        opened = await access.get(uow, they.bob, first.ticket or 0)
        seqs = await uow.session.scalars(
            select(EventRow.seq).where(EventRow.conversation_id == opened.thread.id).order_by(EventRow.seq)
        )
        assert list(seqs) == list(range(1, 19))
        assert opened.ticket.messages == 17
        assert opened.thread.conversation.seq == 18


async def test_what_is_not_plain_goes_the_long_way(desk: Desk) -> None:
    they = await cast(desk)
    number = await they.says("ada", "Hello")

    async def status() -> tuple[str, bool]:
        async with desk.unit(they.bob) as uow:
            ticket = (await access.get(uow, they.bob, number)).ticket
            return ticket.status, ticket.snoozed_until is not None

    async with desk.unit(they.bob) as uow:
        await tickets.wait(uow, they.bob, number)
    assert await they.says("ada", "Here I am") == number
    assert await status() == ("open", False)
    async with desk.unit(they.bob) as uow:
        await tickets.snooze(uow, they.bob, number, clock.now() + timedelta(days=1))
    assert await they.says("ada", "Wake up") == number
    assert await status() == ("open", False)
    async with desk.unit(they.bob) as uow:
        await tickets.resolve(uow, they.bob, number)
    assert await they.says("ada", "Not yet") == number
    assert await status() == ("open", False)
    async with desk.unit(they.bob) as uow:
        await tickets.close(uow, they.bob, number)
    follow_up = await they.says("ada", "Something else")
    assert follow_up != number
    assert await they.says("ada", "more of it") == follow_up


async def test_an_answer_to_a_message_keeps_its_place(desk: Desk) -> None:
    they = await cast(desk)
    first = await they.router.deliver(said("ada", "Hello", "m0"))
    answer = await they.router.deliver(said("ada", "See above", "m1", reply_to="m0"))
    async with desk.unit() as uow:
        message = await uow.session.scalar(select(Message).where(Message.reply_to_id.is_not(None)))
    assert message is not None
    assert (str(message.id), str(message.reply_to_id)) == (answer.message_id, first.message_id)


async def test_who_may_not_speak_leaves_nothing(desk: Desk) -> None:
    they = await cast(desk)
    await they.router.deliver(said("ada", "Hello", "m0"))
    ada = await they.actor("ada")
    for block in (True, False):
        async with desk.unit() as uow:
            assert ada.id
            await people.block(uow, await people.get(uow, ada.id), blocked=block)
        if block:
            with pytest.raises(Forbidden):
                await they.router.deliver(said("ada", "Rude", "m1"))
    with pytest.raises(Invalid):
        await they.router.deliver(said("ada", " \x00 ", "m2"))
    # What was refused was not noted as done: said again, it is heard.
    assert not (await they.router.deliver(said("ada", "Polite", "m1"))).seen_before
    assert not (await they.router.deliver(said("ada", "Words", "m2"))).seen_before
    async with desk.unit() as uow:
        assert len(list(await uow.session.scalars(select(Message)))) == 3


async def _thread(they: Cast, who: str, number: int) -> Place:
    """The ticket's thread in a desk room, where Bob has claimed it."""
    thread = Place("webchat", "main", "room", f"thread {who}")
    async with they.desk.unit() as uow:
        opened = await access.change(uow, they.bob, number)
        await conversations.take_seat(uow, opened.thread, thread, side="staff")
        digest = people.digest_of_identity(uow, "webchat", "main", "bob")
        if await people.by_identity(uow, digest) is None:
            assert they.bob.id
            uow.session.add(Identity(person_id=they.bob.id, platform="webchat", digest=digest))
    async with they.desk.unit(they.bob) as uow:
        await tickets.claim(uow, they.bob, number)
    return thread


def _from_bob(place: Place, text: str, native: str) -> Said:
    sender = Sender(external="bob", name="Bob", locale="en")
    return Said(place=place, sender=sender, native=native, at=clock.now(), text=text, direct=False)
