"""What is said on a ticket: by the requester's side, by an agent, among colleagues."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select, update

from core import clock
from core.access import SYSTEM, Actor, Permission
from core.chat import Place
from core.conversations import service as conversations
from core.conversations.model import Audience, Conversation, Message, MessageKind
from core.conversations.service import Saying
from core.db import UnitOfWork
from core.errors import Conflict, NotFound
from core.i18n import _
from core.outbox_model import Delivery
from core.people.model import Person
from core.tickets import access, lifecycle
from core.tickets.access import Opened
from core.tickets.changing import add_participant, record, touched
from core.tickets.model import Status
from core.tickets.opening import Request, open_ticket, say_for_requester, still_used


async def hear(
    uow: UnitOfWork, opened: Opened, actor: Actor, saying: Saying, requester: Person
) -> tuple[Opened, Message]:
    """The requester's side says something: the ticket wakes, reopens, or a follow-up opens."""
    opened = await _followed_to(uow, opened)
    ticket, now = opened.ticket, saying.at or clock.now()
    if ticket.status in (Status.resolved, Status.closed):
        if not lifecycle.may_reopen_by_reply(ticket, uow.settings.reopen_days, now):
            return await _follow_up(uow, opened, actor, saying, requester)
        record(uow, opened, actor, lifecycle.reopen(ticket, "reply", now), at=now)
    elif (woken := lifecycle.wake(ticket, "reply", now)) is not None:
        record(uow, opened, actor, woken, at=now)
    return opened, await say_for_requester(uow, opened, actor, saying)


async def reply(
    uow: UnitOfWork,
    actor: Actor,
    number: int,
    saying_text: str,
    *,
    files: Sequence[UUID] = (),
    via: str = "desk",
    hold: int | None = None,
    message_id: UUID | None = None,
    reply_to: UUID | None = None,
    origin: Place | None = None,
    native: str = "",
    at: datetime | None = None,
    files_follow: bool = False,
) -> tuple[Opened, Message]:
    """An agent answers the requester. It is held for `hold` seconds (the desk's setting when
    None), in which it can be taken back."""
    actor.require(Permission.reply)
    opened = await access.change(uow, actor, number)
    ticket = opened.ticket
    now = at or clock.now()
    if (again := await said_before(uow, actor, message_id)) is not None:
        return opened, again
    if ticket.merged_into_id is not None:
        raise lifecycle.TicketIsMerged(ticket.number)
    if ticket.status == Status.closed:
        raise lifecycle.TicketIsClosed(ticket.number)
    if ticket.assignee_id is None and uow.settings.claim_on_reply and ticket.live and actor.id is not None:
        record(uow, opened, actor, lifecycle.claim(ticket, actor.id, now), at=now)
    held = uow.settings.hold_seconds if hold is None else hold
    first = ticket.first_answer_at is None
    message = await conversations.say(
        uow,
        opened.thread,
        actor,
        Saying(
            text=saying_text,
            side="staff",
            via=via,
            files=files,
            reply_to=reply_to,
            language=ticket.language,
            filed_under=opened.subject,
            held_until=now + timedelta(seconds=held) if held else None,
            origin=origin,
            native=native,
            id=message_id,
            first=first,
            at=now,
            files_follow=files_follow,
        ),
        ticket=ticket.id,
    )
    if first:
        ticket.first_answer_at = now
    ticket.last_staff_at = now
    touched(opened, now, message)
    return opened, message


async def note(
    uow: UnitOfWork,
    actor: Actor,
    number: int,
    note_text: str,
    *,
    files: Sequence[UUID] = (),
    via: str = "desk",
    mentions: Sequence[UUID] = (),
    message_id: UUID | None = None,
    origin: Place | None = None,
    native: str = "",
    at: datetime | None = None,
    files_follow: bool = False,
) -> tuple[Opened, Message]:
    """An internal note: staff only, whatever the ticket's status. Mentioned colleagues follow."""
    actor.require(Permission.note)
    opened = await access.change(uow, actor, number)
    if (again := await said_before(uow, actor, message_id)) is not None:
        return opened, again
    staff = await _staff_among(uow, mentions)
    now = at or clock.now()
    message = await conversations.say(
        uow,
        opened.thread,
        actor,
        Saying(
            text=note_text,
            kind=MessageKind.note,
            audience=Audience.staff,
            side="staff",
            via=via,
            files=files,
            language=opened.ticket.language,
            filed_under=opened.subject,
            mentions=staff,
            id=message_id,
            origin=origin,
            native=native,
            at=now,
            files_follow=files_follow,
        ),
        ticket=opened.ticket.id,
    )
    for person_id in staff:
        await add_participant(uow, opened.ticket.id, person_id, "follower")
    touched(opened, now, message)
    return opened, message


async def edit_message(
    uow: UnitOfWork,
    actor: Actor,
    opened: Opened,
    message: Message,
    new_text: str,
    origin: Place | None = None,
) -> Message:
    """Change one's own words. A held reply starts its seconds anew, so that the change is seen."""
    held = message.visible_at is not None and message.visible_at > clock.now()
    changed = await conversations.edit(
        uow,
        opened.thread,
        actor,
        message,
        new_text,
        origin=origin,
        language=opened.ticket.language,
        filed_under=opened.subject,
    )
    if held:
        changed.visible_at = clock.now() + timedelta(seconds=uow.settings.hold_seconds)
    return changed


async def message_in(uow: UnitOfWork, opened: Opened, message_id: UUID) -> Message:
    """A message of this ticket, its merged-in conversations included; else `NotFound`."""
    message: Message | None = await uow.session.scalar(
        select(Message)
        .join(Conversation, Conversation.id == Message.conversation_id)
        .where(
            Message.id == message_id,
            (Conversation.id == opened.thread.id) | (Conversation.root_id == opened.thread.id),
        )
    )
    if message is None:
        raise NotFound(_("There is no such message."))
    return message


async def send_now(uow: UnitOfWork, opened: Opened, at: datetime | None = None) -> int:
    """Held replies go out at once (resolving and closing flush them)."""
    now = at or clock.now()
    result = await uow.session.execute(
        update(Message)
        .where(
            Message.conversation_id == opened.thread.id,
            Message.visible_at > now,
            Message.deleted_at.is_(None),
        )
        .values(visible_at=now)
    )
    await uow.session.execute(
        update(Delivery)
        .where(Delivery.conversation_id == opened.thread.id, Delivery.state == "due", Delivery.kind == "post")
        .where(Delivery.due_at > now, Delivery.attempts == 0)
        .values(due_at=now)
    )
    return int(getattr(result, "rowcount", 0) or 0)


async def said_before(uow: UnitOfWork, actor: Actor, message_id: UUID | None) -> Message | None:
    """The message of a repeated request. An id that is somebody else's message is refused: what
    was said under it now would be lost without a word."""
    again = await uow.session.get(Message, message_id) if message_id is not None else None
    if again is not None and again.author_id != actor.id:
        raise Conflict(_("This message id is taken. Please send it again under another."))
    return again


async def _followed_to(uow: UnitOfWork, opened: Opened) -> Opened:
    """Where a merged ticket's talk goes on."""
    while opened.ticket.merged_into_id is not None:
        opened = await access.by_id(uow, SYSTEM, opened.ticket.merged_into_id, lock=True)
    return opened


async def _follow_up(
    uow: UnitOfWork, opened: Opened, actor: Actor, saying: Saying, requester: Person
) -> tuple[Opened, Message]:
    made = await open_ticket(
        uow,
        actor,
        requester,
        Request(
            text=saying.text,
            category_id=await still_used(uow, opened.ticket.category_id),
            channel=opened.ticket.channel,
            language=saying.language,
            place=saying.origin,
            native=saying.native,
            files=saying.files,
            message_id=saying.id,
            at=saying.at,
            follow_up_of=opened.ticket,
            files_follow=saying.files_follow,
            missed=saying.missed,
        ),
    )
    message = await uow.session.scalar(select(Message).where(Message.conversation_id == made.thread.id))
    if message is None:
        await uow.session.flush()
        message = await uow.session.scalar(select(Message).where(Message.conversation_id == made.thread.id))
    assert message is not None
    return made, message


async def _staff_among(uow: UnitOfWork, ids: Sequence[UUID]) -> tuple[UUID, ...]:
    if not ids:
        return ()
    rows = await uow.session.scalars(
        select(Person.id).where(Person.id.in_(list(ids)[:20]), Person.active, Person.role != "requester")
    )
    return tuple(rows)
