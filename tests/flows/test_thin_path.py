"""Visitor to ticket to agent to visitor, through the real door, on a real database."""

from __future__ import annotations

from sqlalchemy import select

from bot.router import Router
from core import clock
from core.chat import Place, Said, Sender
from core.conversations import service as conversations
from core.conversations.model import Message
from core.desk import Desk
from core.people import service as people
from core.tickets import access
from core.tickets import service as tickets

PLACE = Place("webchat", "main", "visitor-1", "conversation-1")
ADA = Sender(external="visitor-1", name="Ada", locale="en")


def said(text: str, native: str) -> Said:
    return Said(place=PLACE, sender=ADA, native=native, at=clock.now(), text=text)


async def test_a_question_becomes_a_ticket_and_is_answered(desk: Desk) -> None:
    router = Router(desk)
    first = await router.deliver(said("The printer is on fire", "m1"))
    again = await router.deliver(said("The printer is on fire", "m1"))
    second = await router.deliver(said("Still burning", "m2"))
    assert first.ticket == second.ticket
    assert again.seen_before
    assert again.message_id == first.message_id

    async with desk.unit() as uow:
        agent = await people.add(uow, name="Bob", role="agent")
        actor = await people.actor_of(uow, agent)
    async with desk.unit(actor) as uow:
        opened, _message = await tickets.reply(uow, actor, first.ticket or 0, "Help is on its way", hold=0)
        assert opened.ticket.assignee_id == agent.id
        assert opened.subject == "The printer is on fire"

    async with desk.unit() as uow:
        opened = await access.get(uow, actor, first.ticket or 0)
        said_so_far = list(
            await uow.session.scalars(
                select(Message).where(Message.conversation_id == opened.thread.id).order_by(Message.seq)
            )
        )
        assert [conversations.read(opened.thread, m) for m in said_so_far] == [
            "The printer is on fire",
            "Still burning",
            "Help is on its way",
        ]
        assert b"printer" not in (said_so_far[0].body or b"")
