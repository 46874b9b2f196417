"""From facts about tickets to their threads in desk rooms, and the cards that show how they stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import select

from bot.rooms import threads
from core.chat import ChatAdapter, Place
from core.conversations.model import Message, MessageCopy, Seat
from core.db import EventRow, UnitOfWork
from core.outbox_model import Delivery
from core.rooms import service as rooms
from core.rooms.model import DeskRoom, RoomThread
from core.tickets.model import Ticket

QUEUE_PAUSE = 15.0
"""Seconds in which changes of a room's queue are gathered into one edit of its card."""
OPENING = ("ticket.opened", "ticket.assigned", "ticket.reopened", "ticket.split")
COUNTING = (
    *OPENING,
    "ticket.claimed",
    "ticket.released",
    "ticket.resolved",
    "ticket.closed",
    "ticket.merged",
)
TOLD = (
    "ticket.claimed", "ticket.released", "ticket.assigned", "ticket.resolved", "ticket.reopened",
    "ticket.closed", "ticket.merged", "ticket.woken", "ticket.rated", "ticket.requester_changed",
    "ticket.requester_left",
)  # fmt: skip
"""Facts that stand as a line in the thread; the others only change the card above it."""


class Rooms:
    """A teller for `bot.tell`."""

    def __init__(self, chats: Mapping[str, ChatAdapter]) -> None:
        self.chats = chats

    async def __call__(self, uow: UnitOfWork, event: EventRow) -> None:
        if event.name == "message.undelivered":
            await self._failed(uow, event)
        elif event.name == "message.file_lost":
            await self._file_lost(uow, event)
        elif event.name.startswith("ticket."):
            await self._ticket(uow, event)
        else:
            return
        await uow.session.flush()

    async def _ticket(self, uow: UnitOfWork, event: EventRow) -> None:
        ticket = await uow.session.get(Ticket, event.subject)
        if ticket is None:
            return
        seen_by = await rooms.of_team(uow.session, ticket.team_id)
        if event.name in OPENING and ticket.live:
            for room in seen_by:
                await threads.want(uow, room, ticket)
        for thread in await rooms.threads_of(uow.session, ticket.id):
            await self._in_thread(uow, event, ticket, thread)
        if event.name in COUNTING:
            await self._count(uow, seen_by)

    async def _in_thread(self, uow: UnitOfWork, event: EventRow, ticket: Ticket, thread: RoomThread) -> None:
        if thread.place_key is None:
            return
        if event.name == "ticket.reopened" and thread.state == "closed":
            uow.session.add(threads.housekeeping("restore_thread", thread.place_key, ticket.conversation_id))
            thread.state = "open"
        if event.name in TOLD:
            args: dict[str, object] = {"event": event.id}
            uow.session.add(threads.card(threads.FACT, thread.place_key, ticket.conversation_id, args))
        await threads.refresh_head(uow, thread, ticket.conversation_id, self._pause(thread.place_key))
        if _ends(event) or thread.state == "closed":
            # What is told or edited afterwards wakes the thread: it goes to sleep again.
            await threads.hurry_head(uow, thread)
            uow.session.add(threads.housekeeping("close_thread", thread.place_key, ticket.conversation_id))
            thread.state = "closed"

    async def _count(self, uow: UnitOfWork, seen_by: Sequence[DeskRoom]) -> None:
        for room in seen_by:
            await threads.refresh_queue(uow, room, QUEUE_PAUSE)

    async def _file_lost(self, uow: UnitOfWork, event: EventRow) -> None:
        """Who reads the message there sees that something is missing."""
        query = select(Ticket.id).where(Ticket.conversation_id == event.conversation_id)
        if (ticket_id := await uow.session.scalar(query)) is None:
            return
        for thread in await rooms.threads_of(uow.session, ticket_id):
            if thread.place_key is not None:
                args: dict[str, object] = {"event": event.id}
                uow.session.add(threads.card(threads.FACT, thread.place_key, event.conversation_id, args))

    async def _failed(self, uow: UnitOfWork, event: EventRow) -> None:
        """An agent's message in a thread shows that it did not reach the requester, and why not. That it
        did is marked when it does (`core.conversations.delivered`)."""
        message = await uow.session.get(Message, event.subject)
        if message is None or message.side != "staff" or not (copies := await _said_at(uow, message)):
            return
        row = await uow.session.get(Delivery, UUID(str(event.data["delivery"])))
        if row is None or row.part != 0:
            return
        side = await uow.session.scalar(select(Seat.side).where(Seat.place_key == row.place_key).limit(1))
        if side != "requester":
            return
        for copy in copies:
            uow.session.add(
                Delivery(
                    kind="mark",
                    place_key=copy.place_key,
                    conversation_id=message.conversation_id,
                    message_id=message.id,
                    args={"native": copy.native, "sent": False},
                )
            )
            args: dict[str, object] = {"error": event.data.get("error", "failed"), "row": str(row.id)}
            uow.session.add(threads.card(threads.TROUBLE, copy.place_key, message.conversation_id, args))

    def _pause(self, place_key: str) -> float:
        adapter = self.chats.get(Place.from_key(place_key).platform)
        return adapter.limits.edit_pause if adapter is not None else 0.0


def _ends(event: EventRow) -> bool:
    """A ticket is over, by itself or because it went into another one."""
    return event.name == "ticket.closed" or (event.name == "ticket.merged" and bool(event.data["source"]))


async def _said_at(uow: UnitOfWork, message: Message) -> Sequence[MessageCopy]:
    query = select(MessageCopy).where(MessageCopy.message_id == message.id, MessageCopy.origin)
    return list(await uow.session.scalars(query))
