"""Several tickets at once: merged, split, linked."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from core import clock, text
from core.access import Actor, Permission
from core.conversations import service as conversations
from core.conversations.attachments import move
from core.conversations.model import Message, Seat
from core.conversations.service import Thread
from core.crypto import words
from core.crypto.fields import seal_text
from core.db import UnitOfWork
from core.errors import Invalid, NotFound
from core.i18n import _
from core.outbox_model import Delivery
from core.people.model import Person
from core.tickets import access, lifecycle
from core.tickets.access import Opened
from core.tickets.changing import add_participant, record, rewrap, rewrap_children
from core.tickets.describing import MOST_TAGS
from core.tickets.events import TicketLinked, TicketMerged, TicketSplit, TicketUnlinked
from core.tickets.model import Status, Ticket, TicketLink
from core.tickets.opening import Request, open_ticket, still_used


async def merge(uow: UnitOfWork, actor: Actor, number: int, into: int) -> Opened:
    """`number` goes into `into`: its conversation is read there from now on, the requester's places lead
    there, and its data key is wrapped by the other requester's key. Its threads in desk rooms end, or
    every word would stand there twice."""
    actor.require(Permission.merge_tickets)
    if number == into:
        raise Invalid(_("A ticket cannot be merged into itself."), field="into")
    source, target = await access.change_two(uow, actor, number, into)
    for opened in (source, target):
        if opened.ticket.merged_into_id is not None:
            raise lifecycle.TicketIsMerged(opened.number)
    if target.ticket.status == Status.closed:
        raise lifecycle.TicketIsClosed(into)
    now = clock.now()
    if source.ticket.status != Status.closed:
        lifecycle.close(source.ticket, "merged", now)
    source.ticket.merged_into_id = target.ticket.id
    await rewrap(uow, source.thread, target.thread.conversation.owner_id)
    await _hang_under(uow, source.thread, target.thread)
    await uow.session.execute(
        update(Seat)
        .where(Seat.conversation_id == source.thread.id, Seat.active, Seat.side == "requester")
        .values(conversation_id=target.thread.id)
    )
    await add_participant(uow, target.ticket.id, source.ticket.requester_id, "follower")
    target.ticket.tags = sorted(set(target.ticket.tags) | set(source.ticket.tags))[:MOST_TAGS]
    event = TicketMerged(subject=source.ticket.id, number=number, into=target.ticket.id, into_number=into)
    record(uow, source, actor, event)
    record(
        uow,
        target,
        actor,
        TicketMerged(
            subject=target.ticket.id, number=number, into=target.ticket.id, into_number=into, source=False
        ),
    )
    return target


async def split(
    uow: UnitOfWork, actor: Actor, number: int, message_ids: Sequence[UUID], subject: str = ""
) -> Opened:
    """Messages become a ticket of their own. They move: the old timeline keeps the fact."""
    actor.require(Permission.merge_tickets)
    opened = await access.change(uow, actor, number)
    chosen = set(message_ids)
    if not chosen or len(chosen) > 200:
        raise Invalid(_("Choose between 1 and 200 messages."), field="messages")
    moving = list(
        await uow.session.scalars(
            select(Message)
            .where(Message.conversation_id == opened.thread.id, Message.id.in_(chosen))
            .order_by(Message.seq)
        )
    )
    if len(moving) != len(chosen):
        raise NotFound(_("There is no such message."))
    requester = await uow.session.get(Person, opened.ticket.requester_id)
    assert requester is not None
    first = conversations.read(opened.thread, moving[0])
    title = text.line(subject, field="subject", required=False) or text.subject_of(first) or opened.subject
    made = await open_ticket(
        uow,
        actor,
        requester,
        Request(
            subject=title,
            category_id=await still_used(uow, opened.ticket.category_id),
            channel=opened.ticket.channel,
            language=opened.ticket.language,
        ),
    )
    await _move_messages(uow, opened, made, moving)
    uow.session.add(TicketLink(from_id=made.ticket.id, to_id=opened.ticket.id, kind="split"))
    record(
        uow,
        opened,
        actor,
        TicketSplit(
            subject=opened.ticket.id,
            number=number,
            made=made.ticket.id,
            made_number=made.number,
            messages=len(moving),
        ),
    )
    return made


async def link(uow: UnitOfWork, actor: Actor, number: int, to: int, kind: str = "related") -> Opened:
    """Say that two tickets belong together; `parent` makes `to` the parent of `number`."""
    actor.require(Permission.change_ticket)
    if number == to:
        raise Invalid(_("A ticket cannot be linked to itself."), field="to")
    one, other = await access.change_two(uow, actor, number, to)
    if kind == "parent":
        await _no_circle(uow, one.ticket, other.ticket)
        made = one.ticket.parent_id != other.ticket.id
        one.ticket.parent_id = other.ticket.id
    elif kind == "related":
        made = await _relate(uow, one.ticket.id, other.ticket.id)
    else:
        raise Invalid(_("Tickets can be linked as related or parent."), field="kind")
    if not made:
        raise lifecycle.AlreadySo(_("They are linked like this already."))
    record(
        uow,
        one,
        actor,
        TicketLinked(subject=one.ticket.id, number=number, to=other.ticket.id, to_number=to, kind=kind),
    )
    return one


async def unlink(uow: UnitOfWork, actor: Actor, number: int, to: int) -> Opened:
    actor.require(Permission.change_ticket)
    one, other = await access.change_two(uow, actor, number, to)
    parted = False
    for child, parent in ((one.ticket, other.ticket), (other.ticket, one.ticket)):
        if child.parent_id == parent.id:
            child.parent_id = None
            parted = True
    for pair in ((one.ticket.id, other.ticket.id), (other.ticket.id, one.ticket.id)):
        row = await uow.session.get(TicketLink, pair)
        if row is not None:
            await uow.session.delete(row)
            parted = True
    if not parted:
        raise lifecycle.AlreadySo(_("They are not linked."))
    record(
        uow,
        one,
        actor,
        TicketUnlinked(subject=one.ticket.id, number=number, to=other.ticket.id, to_number=to),
    )
    return one


async def _relate(uow: UnitOfWork, one: UUID, other: UUID) -> bool:
    """Whether they were not related before."""
    a, b = sorted((one, other))
    made = await uow.session.execute(
        insert(TicketLink)
        .values(from_id=a, to_id=b, kind="related", at=clock.now())
        .on_conflict_do_nothing()
        .returning(TicketLink.from_id)
    )
    return made.first() is not None


async def _hang_under(uow: UnitOfWork, source: Thread, target: Thread) -> None:
    """What hung under the source hangs under the target now, wrapped by the target's owner."""
    for child in await rewrap_children(uow, source, target.conversation.owner_id):
        child.root_id = target.id
    source.conversation.root_id = target.id


async def _move_messages(
    uow: UnitOfWork, source: Opened, target: Opened, messages: Sequence[Message]
) -> None:
    for message in messages:
        body = conversations.read(source.thread, message)
        message.conversation_id = target.thread.id
        message.seq = target.thread.next_seq()
        if message.body is not None:
            message.body = seal_text(target.key, body, "message.body", message.id)
            names = await conversations.file_names(uow, source.thread, message)
            message.terms = words.terms(
                uow.keys.words, " ".join((target.subject, body, *names)), target.ticket.language
            )
        target.ticket.messages += 1
        source.ticket.messages -= 1
    await move(uow, source.key, target.key, target.thread.id, [m.id for m in messages if m.files])
    await conversations.move_revisions(uow, source.key, target.key, [m.id for m in messages])
    await uow.session.execute(
        update(Delivery)
        .where(Delivery.message_id.in_([m.id for m in messages]))
        .values(conversation_id=target.thread.id)
    )
    target.ticket.has_file = any(m.files for m in messages)
    await uow.session.flush()
    left = select(Message.id).where(Message.conversation_id == source.thread.id, Message.files > 0)
    source.ticket.has_file = await uow.session.scalar(left.limit(1)) is not None
    said = [m.at for m in messages if m.side == "requester"]
    target.ticket.last_requester_at = max(said) if said else None


async def _no_circle(uow: UnitOfWork, child: Ticket, parent: Ticket) -> None:
    above: Ticket | None = parent
    for _step in range(20):
        if above is None or above.parent_id is None:
            return
        if above.parent_id == child.id:
            raise Invalid(_("That would make a circle."), field="to")
        above = await uow.session.get(Ticket, above.parent_id)
    raise Invalid(_("This chain of tickets is too long."), field="to")
