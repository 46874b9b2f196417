"""Events become deliveries: who hears, where, and in which form.

A reader of its own mark: it reads events in order of (transaction, id) up to the oldest
transaction that is still running, so that no event is passed over, and keeps its mark in the
same transaction as the rows that it writes. Each event is dealt with exactly once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from core import clock
from core.conversations.model import Audience, Conversation, Message, MessageCopy, Seat
from core.db import EventRow, UnitOfWork
from core.desk import Desk
from core.outbox_model import Delivery, ReaderMark

READER = "tell"
BATCH = 200

Teller = Callable[[UnitOfWork, EventRow], Awaitable[None]]
"""What follows from one event: notices, mails, cards in desk rooms."""


class Tell:
    """Reads new events and writes what follows from them."""

    def __init__(self, desk: Desk, tellers: Sequence[Teller] = ()) -> None:
        self.desk = desk
        self.tellers = tellers

    async def read(self) -> int:
        """Deal with the next batch; returns how many events it held."""
        async with self.desk.unit() as uow:
            mark = await _mark(uow)
            events = await _next(uow, mark)
            for event in events:
                await self._one(uow, event)
            if events:
                mark.tx, mark.event_id = events[-1].tx, events[-1].id
            return len(events)

    async def _one(self, uow: UnitOfWork, event: EventRow) -> None:
        match event.name:
            case "message.said":
                await _post_everywhere(uow, event)
            case "message.edited":
                await _follow_copies(uow, event, "edit")
            case "message.deleted":
                await _follow_copies(uow, event, "delete")
            case "message.hidden":
                await _hide_or_show(uow, event)
            case "message.reacted":
                await _follow_copies(uow, event, "react")
            case _:
                pass
        for teller in self.tellers:
            await teller(uow, event)


async def _mark(uow: UnitOfWork) -> ReaderMark:
    await uow.session.execute(
        insert(ReaderMark).values(name=READER, tx=0, event_id=0).on_conflict_do_nothing()
    )
    mark = await uow.session.get(ReaderMark, READER, with_for_update=True, populate_existing=True)
    assert mark is not None
    return mark


async def _next(uow: UnitOfWork, mark: ReaderMark) -> Sequence[EventRow]:
    query = (
        select(EventRow)
        .where(
            tuple_(EventRow.tx, EventRow.id) > (mark.tx, mark.event_id),
            EventRow.tx < text("(pg_snapshot_xmin(pg_current_snapshot())::text)::bigint"),
        )
        .order_by(EventRow.tx, EventRow.id)
        .limit(BATCH)
    )
    return list(await uow.session.scalars(query))


async def _post_everywhere(uow: UnitOfWork, event: EventRow) -> None:
    """A message goes to every seat of its conversation but the one it was said in."""
    message = await uow.session.get(Message, event.subject)
    if message is None or message.deleted_at is not None:
        return
    for seat in await seats_of(uow, message.conversation_id):
        if seat.place_key == event.data.get("origin"):
            continue
        if seat.side == "requester" and (message.audience != Audience.everyone or event.data.get("silent")):
            continue
        uow.session.add(
            Delivery(
                kind="post",
                place_key=seat.place_key,
                conversation_id=message.conversation_id,
                message_id=message.id,
                args={"held": True} if seat.side == "requester" else {},
                due_at=_due(message, seat.side),
            )
        )
    await uow.session.flush()


async def _follow_copies(uow: UnitOfWork, event: EventRow, kind: str) -> None:
    """Edits, deletes and reactions follow every copy; what is not sent yet is changed in place."""
    message = await uow.session.get(Message, event.subject, populate_existing=True)
    if message is None:
        return
    waiting = update(Delivery).where(
        Delivery.message_id == message.id, Delivery.kind == "post", Delivery.state == "due"
    )
    if kind == "delete" and message.deleted_at is not None:
        await uow.session.execute(waiting.where(Delivery.lease_until.is_(None)).values(state="cancelled"))
    elif kind == "edit" and message.visible_at is not None:
        await uow.session.execute(
            waiting.where(Delivery.due_at > clock.now()).values(due_at=message.visible_at)
        )
    origin = event.data.get("origin")
    copies = await uow.session.scalars(select(MessageCopy).where(MessageCopy.message_id == message.id))
    for copy in copies:
        if copy.place_key == origin or copy.part > 0:
            continue
        uow.session.add(
            Delivery(
                kind=kind,
                place_key=copy.place_key,
                conversation_id=message.conversation_id,
                message_id=message.id,
                args={"native": copy.native},
            )
        )
    await uow.session.flush()


async def _hide_or_show(uow: UnitOfWork, event: EventRow) -> None:
    """A hidden message goes from the requesters' places only: staff keep it in their rooms. Shown
    again, it is posted there anew; where it was said it never went away."""
    message = await uow.session.get(Message, event.subject, populate_existing=True)
    if message is None or message.deleted_at is not None or message.audience != Audience.everyone:
        return
    hidden = not event.data.get("shown")
    if hidden != (message.hidden_at is not None):
        return  # Decided otherwise in the meantime: that event follows.
    copies = list(await uow.session.scalars(select(MessageCopy).where(MessageCopy.message_id == message.id)))
    said_at = {copy.place_key for copy in copies if copy.origin}
    for seat in await seats_of(uow, message.conversation_id):
        if seat.side != "requester" or seat.place_key in said_at:
            continue
        if hidden:
            for copy in copies:
                if copy.place_key == seat.place_key:
                    uow.session.add(_delivery(message, "delete", copy.place_key, {"native": copy.native}))
                    await uow.session.delete(copy)
        else:
            uow.session.add(_delivery(message, "post", seat.place_key, {"held": True}))
    await uow.session.flush()


def _delivery(message: Message, kind: str, place_key: str, args: dict[str, object]) -> Delivery:
    return Delivery(
        kind=kind,
        place_key=place_key,
        conversation_id=message.conversation_id,
        message_id=message.id,
        args=args,
    )


async def seats_of(uow: UnitOfWork, conversation_id: UUID) -> Sequence[Seat]:
    """Where a conversation is held now; what was merged away is held where it went."""
    conversation = await uow.session.get(Conversation, conversation_id)
    root = conversation.root_id if conversation is not None and conversation.root_id else conversation_id
    return list(await uow.session.scalars(select(Seat).where(Seat.conversation_id == root, Seat.active)))


def _due(message: Message, side: str) -> datetime:
    """The hold is for the requester's side only, and never outlasts a clock that was set back."""
    now = clock.now()
    if side == "requester" and message.visible_at is not None and message.at <= now:
        return max(message.visible_at, message.at)
    return min(message.at, now)
