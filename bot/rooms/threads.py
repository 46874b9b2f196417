"""The threads of tickets in desk rooms: wanted, opened, closed, vanished and opened again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select, update

from bot.copying import Copying, may_stand_at
from core import clock
from core.access import SYSTEM
from core.chat import OpenedThread, Place
from core.conversations.model import Conversation, Message, Seat
from core.db import UnitOfWork
from core.kb import suggesting
from core.outbox_model import Delivery
from core.rooms import service as rooms
from core.rooms.model import DeskRoom, RoomThread
from core.tickets.model import Status, Ticket

HEAD, FACT, QUEUE, TROUBLE = "room_head", "room_fact", "room_queue", "room_trouble"
OWN = "requester_place"
OFFER = "article_offer"
"""Articles for who has just asked; made by `bot.articles`."""
MOST_TOLD = 200
"""Messages that a new thread is told of what was said before; older ones are in the desk."""
MOST_OPENED = 5
"""How often a thread that vanished is opened again."""


async def want(uow: UnitOfWork, room: DeskRoom, ticket: Ticket) -> None:
    """See to it that a ticket has a thread in a room."""
    if await rooms.want_thread(uow, room, ticket.id):
        uow.session.add(_opening(room, ticket))


async def opened(uow: UnitOfWork, row: Delivery, found: OpenedThread, copying: Copying) -> None:
    """The platform has opened a thread: it is a seat now, and hears what was said until here."""
    if "room" not in row.args:
        await _opened_for_requester(uow, row, found.place)
        return
    room_id, ticket_id = UUID(str(row.args["room"])), UUID(str(row.args["ticket"]))
    thread = await uow.session.get(RoomThread, (room_id, ticket_id), with_for_update=True)
    assert row.conversation_id is not None
    conversation = await uow.session.get(Conversation, row.conversation_id, with_for_update=True)
    assert thread is not None
    assert conversation is not None
    thread.place_key, thread.head, thread.state = found.place.key, found.head or None, "open"
    thread.opened += 1
    seat = await take(uow, conversation, found.place)
    if not found.head:
        uow.session.add(card(HEAD, found.place.key, row.conversation_id, {"room": str(room_id)}))
    elif row.attempts > 1:
        # It may stand there since an earlier try, and say how the ticket stood then.
        await refresh_head(uow, thread, row.conversation_id, 0)
    for message in await _said_so_far(uow, conversation):
        if may_stand_at(message, seat):
            await copying.post(uow, message, seat)
    ticket = await uow.session.get(Ticket, ticket_id)
    if ticket is not None and ticket.status == Status.closed:
        # Closed, or merged away, while its thread was being opened.
        uow.session.add(housekeeping("close_thread", found.place.key, row.conversation_id))
        thread.state = "closed"


def want_for_requester(uow: UnitOfWork, place: Place, ticket: Ticket) -> None:
    """A thread under a shared place for one requester and the desk."""
    row = card(OWN, place.key, ticket.conversation_id, {"ticket": str(ticket.id)}, kind="open")
    row.person_id = ticket.requester_id
    uow.session.add(row)


async def _opened_for_requester(uow: UnitOfWork, row: Delivery, place: Place) -> None:
    conversation = await uow.session.get(Conversation, row.conversation_id, with_for_update=True)
    assert conversation is not None
    seat = await take(uow, conversation, place)
    seat.side, seat.person_id = "requester", row.person_id
    if (shown := await suggesting.waiting(uow, conversation.id)) is not None:
        uow.session.add(card(OFFER, place.key, conversation.id, {"suggestion": str(shown.id)}))


async def take(uow: UnitOfWork, conversation: Conversation, place: Place) -> Seat:
    """A staff seat at a place; what was said until now is told by whoever takes it."""
    await uow.session.execute(
        update(Seat).where(Seat.place_key == place.key, Seat.active).values(active=False)
    )
    await uow.session.flush()
    seat = Seat(conversation_id=conversation.id, place_key=place.key, side="staff", from_seq=conversation.seq)
    uow.session.add(seat)
    await uow.session.flush()
    return seat


async def card_sent(uow: UnitOfWork, row: Delivery, native: str) -> None:
    """Cards that are edited later: the platform's id is kept."""
    if row.kind != "post" or not native:
        return
    if row.card == HEAD:
        await uow.session.execute(
            update(RoomThread).where(RoomThread.place_key == row.place_key).values(head=native)
        )
    elif row.card == QUEUE:
        await uow.session.execute(
            update(DeskRoom)
            .where(DeskRoom.place_key == row.place_key, DeskRoom.active)
            .values(queue_native=native)
        )


async def vanished(uow: UnitOfWork, row: Delivery, *, whole: bool) -> bool:
    """A platform has a place no more. True when it was a desk room's: a thread is opened again, a
    whole room is taken out of use and shown to the admins."""
    if row.kind == "open" and "room" not in row.args:
        return False
    if row.kind == "open":
        room = await uow.session.get(DeskRoom, UUID(str(row.args["room"])))
        if room is not None and whole and room.active:
            await _room_gone(uow, room, row)
        return whole
    found = await rooms.thread_at(uow.session, row.place_key)
    if found is None:
        if (queue := await rooms.at(uow.session, row.place_key)) is not None and whole:
            await _room_gone(uow, queue, row)
            return True
        return False
    thread, room = found
    await uow.session.execute(
        update(Seat).where(Seat.place_key == row.place_key, Seat.active).values(active=False)
    )
    await uow.session.execute(
        update(Delivery)
        .where(Delivery.place_key == row.place_key, Delivery.state == "due", Delivery.id != row.id)
        .values(state="cancelled", lease_until=None)
    )
    thread.place_key = thread.head = None
    ticket = await uow.session.get(Ticket, thread.ticket_id)
    if room.active and ticket is not None and ticket.live and thread.opened < MOST_OPENED:
        thread.state = "opening"
        uow.session.add(_opening(room, ticket))
    else:
        thread.state = "closed"
    return True


async def _room_gone(uow: UnitOfWork, room: DeskRoom, row: Delivery) -> None:
    """The whole room is no more: admins see it, and nothing waits for it any longer."""
    await rooms.remove(uow, SYSTEM, room.id, reason="gone")
    await uow.session.execute(
        update(Delivery)
        .where(Delivery.place_key == room.place_key, Delivery.state == "due", Delivery.id != row.id)
        .values(state="cancelled", lease_until=None)
    )


async def refresh_head(uow: UnitOfWork, thread: RoomThread, conversation_id: UUID, pause: float) -> None:
    """The card above a thread shall show how the ticket stands; one edit serves many changes."""
    if thread.place_key is None or thread.head is None:
        return
    if not await _is_coming(uow, HEAD, thread.place_key):
        args = {"native": thread.head, "room": str(thread.room_id)}
        uow.session.add(card(HEAD, thread.place_key, conversation_id, args, kind="edit", after=pause))


async def hurry_head(uow: UnitOfWork, thread: RoomThread) -> None:
    """The card changes before the thread goes to sleep: an edit afterwards would wake it again."""
    await uow.session.flush()
    await uow.session.execute(
        update(Delivery)
        .where(
            Delivery.place_key == thread.place_key,
            Delivery.card == HEAD,
            Delivery.kind == "edit",
            Delivery.state == "due",
        )
        .values(due_at=clock.now(), apart=False)
    )


async def refresh_queue(uow: UnitOfWork, room: DeskRoom, pause: float) -> None:
    """The card that says how many wait in a room."""
    if await _is_coming(uow, QUEUE, room.place_key):
        return
    args = {"room": str(room.id)} | ({"native": room.queue_native} if room.queue_native else {})
    kind = "edit" if room.queue_native else "post"
    uow.session.add(card(QUEUE, room.place_key, None, args, kind=kind, after=pause))


def card(
    name: str,
    place_key: str,
    conversation_id: UUID | None,
    args: Mapping[str, object],
    *,
    kind: str = "post",
    after: float = 0.0,
) -> Delivery:
    """A row whose words a maker makes when it is sent."""
    return Delivery(
        kind=kind,
        place_key=place_key,
        conversation_id=conversation_id,
        card=name,
        args=dict(args),
        apart=after > 0,
        due_at=clock.now() + timedelta(seconds=after),
    )


def housekeeping(kind: str, place_key: str, conversation_id: UUID) -> Delivery:
    return Delivery(kind=kind, place_key=place_key, conversation_id=conversation_id)


def _opening(room: DeskRoom, ticket: Ticket) -> Delivery:
    args = {"room": str(room.id), "ticket": str(ticket.id)}
    return card(HEAD, room.place_key, ticket.conversation_id, args, kind="open")


async def _is_coming(uow: UnitOfWork, name: str, place_key: str) -> bool:
    query = select(Delivery.id).where(
        Delivery.place_key == place_key,
        Delivery.card == name,
        Delivery.state == "due",
        Delivery.lease_until.is_(None),
    )
    return await uow.session.scalar(query.limit(1)) is not None


async def _said_so_far(uow: UnitOfWork, conversation: Conversation) -> list[Message]:
    query = (
        select(Message)
        .join(Conversation, Conversation.id == Message.conversation_id)
        .where(
            (Conversation.id == conversation.id) | (Conversation.root_id == conversation.id),
            Message.deleted_at.is_(None),
        )
        .order_by(Message.at.desc(), Message.seq.desc())
        .limit(MOST_TOLD)
    )
    return list(reversed(list(await uow.session.scalars(query))))
