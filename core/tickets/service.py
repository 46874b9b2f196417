"""What people do with tickets. Each verb: load and lock, check, change, record the fact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from core import clock, text
from core.access import Actor, Permission
from core.chat import Place
from core.conversations import service as conversations
from core.conversations.model import Audience, Conversation, Message, MessageKind, Seat
from core.conversations.service import Saying, Thread
from core.crypto import words
from core.crypto.fields import seal_json, seal_text
from core.db import UnitOfWork
from core.errors import Conflict, Forbidden, Invalid, NotFound, Refused
from core.events import Event
from core.i18n import _
from core.outbox_model import Delivery
from core.people.model import Person, Tag, Team
from core.tickets import access, fields, lifecycle
from core.tickets.access import Opened
from core.tickets.events import (
    RequesterChanged,
    TicketCategorised,
    TicketFieldsChanged,
    TicketFollowed,
    TicketLinked,
    TicketMerged,
    TicketOpened,
    TicketPassed,
    TicketRated,
    TicketRenamed,
    TicketSplit,
    TicketTagged,
    TicketUnfollowed,
    TicketUnlinked,
)
from core.tickets.intake import decide
from core.tickets.model import (
    PRIORITY_RANK,
    Category,
    Participant,
    Priority,
    Status,
    SurveyAnswer,
    Ticket,
    TicketLink,
)

MOST_TAGS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is known of a ticket when it is opened."""

    text: str = ""
    subject: str = ""
    category_id: UUID | None = None
    priority: Priority | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    channel: str = "desk"
    language: str | None = None
    place: Place | None = None
    native: str = ""
    files: Sequence[UUID] = ()
    message_id: UUID | None = None
    at: datetime | None = None
    follow_up_of: Ticket | None = None
    files_follow: bool = False
    missed: bool = False


# --- opening and talking ----------------------------------------------------------------


async def open_ticket(uow: UnitOfWork, actor: Actor, requester: Person, request: Request) -> Opened:
    """A new ticket with its first message; rules give it a team, a priority, tags, an agent."""
    actor.require(Permission.open_ticket)
    files = bool(request.files) or request.files_follow
    body = text.message(request.text, may_be_empty=files or bool(request.subject))
    subject = (
        text.line(request.subject, field="subject", required=False)
        or text.subject_of(body)
        or _("(no subject)")
    )
    values = await fields.checked(uow, request.category_id, request.fields)
    decision = await decide(
        uow,
        requester,
        request.channel,
        f"{subject}\n{body}",
        request.category_id,
        request.priority,
        request.language or requester.locale,
    )
    at = request.at or clock.now()
    thread = await conversations.start(uow, requester.id)
    ticket = Ticket(
        conversation_id=thread.id,
        requester_id=requester.id,
        organisation_id=requester.organisation_id,
        category_id=decision.category_id,
        team_id=decision.team_id,
        priority=decision.priority.value,
        priority_rank=PRIORITY_RANK[decision.priority],
        tags=list(decision.tags),
        channel=request.channel,
        language=decision.language,
        created_at=at,
        updated_at=at,
    )
    ticket.subject = seal_text(thread.key, subject, "ticket.subject", ticket.id)
    if values:
        ticket.fields = seal_json(thread.key, values, "ticket.fields", ticket.id)
    await uow.session.flush()
    uow.session.add(ticket)
    await uow.session.flush()
    uow.session.add(Participant(ticket_id=ticket.id, person_id=requester.id, kind="requester", added_at=at))
    if request.place is not None:
        await conversations.take_seat(uow, thread, request.place, person_id=requester.id)
    opened = Opened(ticket, thread)
    follow_up = request.follow_up_of
    _record(
        uow,
        opened,
        actor,
        TicketOpened(
            subject=ticket.id,
            number=ticket.number,
            channel=ticket.channel,
            team=ticket.team_id,
            category=ticket.category_id,
            priority=ticket.priority,
            rules=decision.fired or None,
            follow_up_of=follow_up.number if follow_up else None,
        ),
        at=at,
    )
    if body or files:
        await _hear(uow, opened, actor, _request_saying(request, subject, body, at))
    if follow_up is not None:
        uow.session.add(TicketLink(from_id=ticket.id, to_id=follow_up.id, kind="follow_up"))
    if decision.assignee_id is not None:
        event = lifecycle.assign(ticket, to=decision.assignee_id, team=ticket.team_id, now=at)
        _record(uow, opened, actor, event, at=at)
        await uow.session.execute(
            update(Person).where(Person.id == decision.assignee_id).values(last_assigned_at=at)
        )
    return opened


async def hear(
    uow: UnitOfWork, opened: Opened, actor: Actor, saying: Saying, requester: Person
) -> tuple[Opened, Message]:
    """The requester's side says something: the ticket wakes, reopens, or a follow-up opens."""
    opened = await _followed_to(uow, opened)
    ticket, now = opened.ticket, saying.at or clock.now()
    if ticket.status in (Status.resolved, Status.closed):
        if not lifecycle.may_reopen_by_reply(ticket, uow.settings.reopen_days, now):
            return await _follow_up(uow, opened, actor, saying, requester)
        _record(uow, opened, actor, lifecycle.reopen(ticket, "reply", now), at=now)
    elif (woken := lifecycle.wake(ticket, "reply", now)) is not None:
        _record(uow, opened, actor, woken, at=now)
    return opened, await _hear(uow, opened, actor, saying)


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
        _record(uow, opened, actor, lifecycle.claim(ticket, actor.id, now), at=now)
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
    _touched(opened, now, message)
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
        await _add_participant(uow, opened.ticket.id, person_id, "follower")
    _touched(opened, now, message)
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


# --- who has it -------------------------------------------------------------------------


async def claim(uow: UnitOfWork, actor: Actor, number: int) -> Opened:
    """Take a ticket. Of two who claim at once exactly one wins; the other learns who did."""
    actor.require(Permission.claim_ticket)
    opened = await access.change(uow, actor, number)
    assert actor.id is not None
    _record(uow, opened, actor, lifecycle.claim(opened.ticket, actor.id, clock.now()))
    return opened


async def release(uow: UnitOfWork, actor: Actor, number: int) -> Opened:
    """Give a ticket back to the queue: one's own, or anyone's with the right to assign."""
    opened = await access.change(uow, actor, number)
    if opened.ticket.assignee_id != actor.id:
        actor.require(Permission.assign_ticket)
    actor.require(Permission.claim_ticket)
    _record(uow, opened, actor, lifecycle.release(opened.ticket, clock.now()))
    return opened


async def assign(
    uow: UnitOfWork,
    actor: Actor,
    number: int,
    *,
    to: UUID | None = None,
    team: UUID | None = None,
    was: UUID | None = None,
    check_was: bool = False,
) -> Opened:
    """Give it to an agent or a team. With `check_was`, `was` is the assignee the asker saw."""
    actor.require(Permission.assign_ticket)
    opened = await access.change(uow, actor, number)
    if check_was:
        unchanged(opened.ticket.assignee_id, was)
    if to is not None:
        agent = await uow.session.get(Person, to)
        if agent is None or not agent.active or agent.role == "requester":
            raise Invalid(_("This person cannot take tickets."), field="to")
    if team is not None:
        found = await uow.session.get(Team, team)
        if found is None or not found.active:
            raise Invalid(_("There is no such team."), field="team")
    _record(uow, opened, actor, lifecycle.assign(opened.ticket, to=to, team=team, now=clock.now()))
    if to is not None:
        await uow.session.execute(update(Person).where(Person.id == to).values(last_assigned_at=clock.now()))
    return opened


async def hand_over(
    uow: UnitOfWork,
    actor: Actor,
    number: int,
    *,
    to: UUID | None = None,
    team: UUID | None = None,
    words: str = "",
    mentions: Sequence[UUID] = (),
    was: UUID | None = None,
) -> Opened:
    """Give it to a colleague or a team, with a note of what they should know: both or neither.
    `was` is the assignee the asker saw."""
    actor.require(Permission.assign_ticket)
    if words.strip():
        await note(uow, actor, number, words, mentions=mentions)
    return await assign(uow, actor, number, to=to, team=team, was=was, check_was=True)


async def pass_on(uow: UnitOfWork, actor: Actor, number: int, *, reason: str = "passed") -> Opened:
    """Decline an offered chat: it goes to the next free agent."""
    actor.require(Permission.claim_ticket)
    opened = await access.change(uow, actor, number)
    offered = opened.ticket.offered_to_id
    if offered is None or (reason == "passed" and offered != actor.id):
        raise Conflict(_("This chat is not offered to you any more."))
    opened.ticket.offered_to_id = None
    opened.ticket.offered_until = None
    _record(
        uow, opened, actor, TicketPassed(subject=opened.ticket.id, number=number, by=offered, reason=reason)
    )
    return opened


# --- where it stands --------------------------------------------------------------------


async def wait(uow: UnitOfWork, actor: Actor, number: int) -> Opened:
    actor.require(Permission.change_ticket)
    opened = await access.change(uow, actor, number)
    _record(uow, opened, actor, lifecycle.wait(opened.ticket, clock.now()))
    return opened


async def snooze(uow: UnitOfWork, actor: Actor, number: int, until: datetime) -> Opened:
    actor.require(Permission.change_ticket)
    opened = await access.change(uow, actor, number)
    _record(uow, opened, actor, lifecycle.snooze(opened.ticket, until, clock.now()))
    return opened


async def wake(uow: UnitOfWork, actor: Actor, number: int, reason: str = "person") -> Opened:
    actor.require(Permission.change_ticket)
    opened = await access.change(uow, actor, number)
    if (event := lifecycle.wake(opened.ticket, reason, clock.now())) is not None:
        _record(uow, opened, actor, event)
    return opened


async def resolve(uow: UnitOfWork, actor: Actor, number: int, solution: str = "") -> Opened:
    """The request is answered; `solution` is one line for those who look for it later."""
    actor.require(Permission.resolve_ticket)
    opened = await access.change(uow, actor, number)
    kept = text.line(solution, field="solution", most=2_000, required=False)
    event = lifecycle.resolve(opened.ticket, actor.id, clock.now())
    if kept:
        opened.ticket.solution = seal_text(opened.key, kept, "ticket.solution", opened.ticket.id)
    await send_now(uow, opened)
    _record(uow, opened, actor, event)
    return opened


async def close(uow: UnitOfWork, actor: Actor, number: int, reason: str = "person") -> Opened:
    """Done for good. The requester may close their own ticket."""
    opened = await access.change(uow, actor, number)
    if opened.ticket.requester_id != actor.id:
        actor.require(Permission.resolve_ticket)
    await send_now(uow, opened)
    _record(uow, opened, actor, lifecycle.close(opened.ticket, reason, clock.now()))
    return opened


async def reopen(uow: UnitOfWork, actor: Actor, number: int) -> Opened:
    opened = await access.change(uow, actor, number)
    now = clock.now()
    requester = await uow.session.get(Person, opened.ticket.requester_id)
    if requester is None or requester.erased_at is not None:
        raise Refused(_("The requester of this ticket was erased: nobody could read or answer it."))
    if not actor.may(Permission.change_ticket):
        if opened.ticket.requester_id != actor.id:
            actor.require(Permission.change_ticket)
        within = opened.ticket.resolved_at is not None and now - opened.ticket.resolved_at <= timedelta(
            days=uow.settings.reopen_days
        )
        if not within and not opened.ticket.live:
            raise Forbidden(_("This ticket is too old to be reopened. Please open a new one."))
    _record(uow, opened, actor, lifecycle.reopen(opened.ticket, "person", now))
    return opened


# --- what it is about -------------------------------------------------------------------


async def prioritise(
    uow: UnitOfWork, actor: Actor, number: int, priority: Priority, *, was: str | None = None
) -> Opened:
    """Set the priority; `was` is the one the asker saw, so that no change is lost silently."""
    actor.require(Permission.change_ticket)
    opened = await access.change(uow, actor, number)
    if was is not None:
        unchanged(opened.ticket.priority, was)
    _record(uow, opened, actor, lifecycle.prioritise(opened.ticket, priority))
    return opened


async def categorise(
    uow: UnitOfWork,
    actor: Actor,
    number: int,
    category_id: UUID | None,
    *,
    was: UUID | None = None,
    check_was: bool = False,
) -> Opened:
    actor.require(Permission.change_ticket)
    opened = await access.change(uow, actor, number)
    if check_was:
        unchanged(opened.ticket.category_id, was)
    if category_id is not None:
        category = await uow.session.get(Category, category_id)
        if category is None or not category.active:
            raise Invalid(_("There is no such category."), field="category")
    if opened.ticket.category_id == category_id:
        raise lifecycle.AlreadySo(_("Ticket {number} has that category already.").format(number=number))
    event = TicketCategorised(
        subject=opened.ticket.id, number=number, before=opened.ticket.category_id, after=category_id
    )
    opened.ticket.category_id = category_id
    _record(uow, opened, actor, event)
    return opened


async def tag(
    uow: UnitOfWork, actor: Actor, number: int, *, add: Sequence[str] = (), remove: Sequence[str] = ()
) -> Opened:
    """Put tags on and take them off; a new word becomes a tag of the desk."""
    actor.require(Permission.change_ticket)
    opened = await access.change(uow, actor, number)
    adding, removing = await tag_ids(uow, add, make=True), await tag_ids(uow, remove)
    current = set(opened.ticket.tags)
    added, removed = set(adding) - current, set(removing) & current
    if not added and not removed:
        return opened
    if len(current | added) > MOST_TAGS:
        raise Invalid(_("At most {most} tags on a ticket.").format(most=MOST_TAGS), field="tags")
    opened.ticket.tags = sorted((current | added) - removed)
    _record(
        uow,
        opened,
        actor,
        TicketTagged(
            subject=opened.ticket.id,
            number=number,
            added=tuple(sorted(added)),
            removed=tuple(sorted(removed)),
        ),
    )
    return opened


async def rename(
    uow: UnitOfWork, actor: Actor, number: int, subject: str, *, was: str | None = None
) -> Opened:
    actor.require(Permission.change_ticket)
    opened = await access.change(uow, actor, number)
    if was is not None:
        unchanged(opened.subject, was)
    new = text.line(subject, field="subject")
    if new == opened.subject:
        return opened
    opened.ticket.subject = seal_text(opened.key, new, "ticket.subject", opened.ticket.id)
    await _file_under(uow, opened, new)
    _record(uow, opened, actor, TicketRenamed(subject=opened.ticket.id, number=number))
    return opened


async def set_fields(uow: UnitOfWork, actor: Actor, number: int, values: dict[str, Any]) -> Opened:
    """Set custom fields; those not named stay."""
    actor.require(Permission.change_ticket)
    opened = await access.change(uow, actor, number)
    before = opened.fields
    after = await fields.checked(uow, opened.ticket.category_id, before | values, before)
    changed = tuple(
        sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    )
    if changed:
        opened.ticket.fields = seal_json(opened.key, after, "ticket.fields", opened.ticket.id)
        _record(
            uow, opened, actor, TicketFieldsChanged(subject=opened.ticket.id, number=number, fields=changed)
        )
    return opened


async def change_requester(uow: UnitOfWork, actor: Actor, number: int, requester_id: UUID) -> Opened:
    """The ticket is someone else's: its one data key is wrapped by the new requester's key."""
    actor.require(Permission.change_ticket)
    opened = await access.change(uow, actor, number)
    person = await uow.session.get(Person, requester_id)
    if person is None or not person.active or person.erased_at is not None:
        raise Invalid(_("There is no such person."), field="requester")
    if person.id == opened.ticket.requester_id:
        return opened
    if not opened.key:
        raise Refused(_("Its requester was erased: nothing in it can be read any more."))
    event = RequesterChanged(
        subject=opened.ticket.id, number=number, before=opened.ticket.requester_id, after=person.id
    )
    await _rewrap(uow, opened.thread, person.id)
    await _rewrap_children(uow, opened.thread, person.id)
    opened.ticket.requester_id = person.id
    opened.ticket.organisation_id = person.organisation_id
    await _add_participant(uow, opened.ticket.id, person.id, "requester")
    _record(uow, opened, actor, event)
    return opened


# --- who is on it -----------------------------------------------------------------------


async def follow(uow: UnitOfWork, actor: Actor, number: int, person_id: UUID | None = None) -> Opened:
    """Put oneself, or someone else, on a ticket."""
    opened = await access.change(uow, actor, number)
    who = person_id or actor.id
    if who != actor.id or not actor.staff:
        actor.require(Permission.change_ticket)
    if who is None or await uow.session.get(Person, who) is None:
        raise Invalid(_("There is no such person."), field="person")
    if await _add_participant(uow, opened.ticket.id, who, "follower"):
        _record(uow, opened, actor, TicketFollowed(subject=opened.ticket.id, number=number, person=who))
    return opened


async def unfollow(uow: UnitOfWork, actor: Actor, number: int, person_id: UUID | None = None) -> Opened:
    opened = await access.change(uow, actor, number)
    who = person_id or actor.id
    if who != actor.id:
        actor.require(Permission.change_ticket)
    row = await uow.session.get(Participant, (opened.ticket.id, who)) if who else None
    if row is not None and row.kind == "follower":
        await uow.session.delete(row)
        _record(
            uow,
            opened,
            actor,
            TicketUnfollowed(subject=opened.ticket.id, number=number, person=row.person_id),
        )
    return opened


async def mark_read(uow: UnitOfWork, opened: Opened, person_id: UUID, upto: int) -> bool:
    """Move one's own read mark forward; True when it moved."""
    seq = min(upto, opened.thread.conversation.seq)
    statement = insert(Participant).values(
        ticket_id=opened.ticket.id, person_id=person_id, kind="reader", read_seq=seq, added_at=clock.now()
    )
    result = await uow.session.execute(
        statement.on_conflict_do_update(
            index_elements=["ticket_id", "person_id"],
            set_={"read_seq": seq},
            where=Participant.read_seq < seq,
        )
    )
    return bool(getattr(result, "rowcount", 0))


# --- several tickets --------------------------------------------------------------------


async def merge(uow: UnitOfWork, actor: Actor, number: int, into: int) -> Opened:
    """`number` goes into `into`: its conversation is read there from now on, its places lead
    there, and its data key is wrapped by the other requester's key."""
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
    await _rewrap(uow, source.thread, target.thread.conversation.owner_id)
    await _hang_under(uow, source.thread, target.thread)
    await uow.session.execute(
        update(Seat)
        .where(Seat.conversation_id == source.thread.id, Seat.active)
        .values(conversation_id=target.thread.id)
    )
    await _add_participant(uow, target.ticket.id, source.ticket.requester_id, "follower")
    target.ticket.tags = sorted(set(target.ticket.tags) | set(source.ticket.tags))[:MOST_TAGS]
    event = TicketMerged(subject=source.ticket.id, number=number, into=target.ticket.id, into_number=into)
    _record(uow, source, actor, event)
    _record(
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
            category_id=await _still_used(uow, opened.ticket.category_id),
            channel=opened.ticket.channel,
            language=opened.ticket.language,
        ),
    )
    await _move_messages(uow, opened, made, moving)
    uow.session.add(TicketLink(from_id=made.ticket.id, to_id=opened.ticket.id, kind="split"))
    _record(
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
        one.ticket.parent_id = other.ticket.id
    elif kind == "related":
        a, b = sorted((one.ticket.id, other.ticket.id))
        await uow.session.execute(
            insert(TicketLink).values(from_id=a, to_id=b, kind=kind, at=clock.now()).on_conflict_do_nothing()
        )
    else:
        raise Invalid(_("Tickets can be linked as related or parent."), field="kind")
    _record(
        uow,
        one,
        actor,
        TicketLinked(subject=one.ticket.id, number=number, to=other.ticket.id, to_number=to, kind=kind),
    )
    return one


async def unlink(uow: UnitOfWork, actor: Actor, number: int, to: int) -> Opened:
    actor.require(Permission.change_ticket)
    one, other = await access.change_two(uow, actor, number, to)
    if one.ticket.parent_id == other.ticket.id:
        one.ticket.parent_id = None
    for pair in ((one.ticket.id, other.ticket.id), (other.ticket.id, one.ticket.id)):
        row = await uow.session.get(TicketLink, pair)
        if row is not None:
            await uow.session.delete(row)
    _record(
        uow,
        one,
        actor,
        TicketUnlinked(subject=one.ticket.id, number=number, to=other.ticket.id, to_number=to),
    )
    return one


# --- afterwards -------------------------------------------------------------------------


async def rate(uow: UnitOfWork, actor: Actor, number: int, score: int, comment: str = "") -> Opened:
    """The requester's rating, 1 to 5, with a comment; a later one replaces it."""
    opened = await access.change(uow, actor, number)
    if opened.ticket.requester_id != actor.id:
        raise Forbidden(_("Only the requester can rate a ticket."))
    if not 1 <= score <= 5:
        raise Invalid(_("A rating is a number from 1 to 5."), field="score")
    if opened.ticket.live and opened.ticket.first_answer_at is None:
        raise Refused(_("You can rate this ticket once it was answered."))
    kept = text.message(comment, may_be_empty=True)[:4_000]
    sealed = seal_text(opened.key, kept, "survey_answer.comment", opened.ticket.id) if kept else None
    values = {"person_id": actor.id, "score": score, "comment": sealed, "at": clock.now()}
    await uow.session.execute(
        insert(SurveyAnswer)
        .values(ticket_id=opened.ticket.id, **values)
        .on_conflict_do_update(index_elements=["ticket_id"], set_=values)
    )
    opened.ticket.rating = score
    _record(uow, opened, actor, TicketRated(subject=opened.ticket.id, number=number, score=score))
    return opened


# --- shared steps -----------------------------------------------------------------------


def unchanged(now_is: object, was: object) -> None:
    """Raise `Conflict` when what the asker saw is no longer so."""
    if now_is != was:
        raise Conflict(_("Someone changed this in the meantime. Look again, then decide."))


async def tag_ids(uow: UnitOfWork, names: Sequence[str], *, make: bool = False) -> list[int]:
    """The ids of tags by name; with `make`, unknown names become tags."""
    wanted = list(
        dict.fromkeys(text.line(name, field="tags", most=40).casefold() for name in names if name.strip())
    )
    if not wanted:
        return []
    if make:
        await uow.session.execute(
            insert(Tag).values([{"name": name} for name in wanted]).on_conflict_do_nothing()
        )
    return list(await uow.session.scalars(select(Tag.id).where(Tag.name.in_(wanted))))


def _request_saying(request: Request, subject: str, body: str, at: datetime) -> Saying:
    return Saying(
        text=body,
        via=request.channel,
        files=request.files,
        language=request.language,
        filed_under=subject,
        origin=request.place,
        native=request.native,
        id=request.message_id,
        at=at,
        files_follow=request.files_follow,
        missed=request.missed,
    )


async def _hear(uow: UnitOfWork, opened: Opened, actor: Actor, saying: Saying) -> Message:
    message = await conversations.say(uow, opened.thread, actor, saying, ticket=opened.ticket.id)
    if actor.id is not None and actor.id != opened.ticket.requester_id:
        # Somebody else in the requester's thread: what they said is theirs to see, edit and delete.
        await _add_participant(uow, opened.ticket.id, actor.id, "follower")
    opened.ticket.last_requester_at = message.at
    _touched(opened, message.at, message)
    return message


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
        from core.access import SYSTEM

        opened = await access.by_id(uow, SYSTEM, opened.ticket.merged_into_id, lock=True)
    return opened


async def _still_used(uow: UnitOfWork, category_id: UUID | None) -> UUID | None:
    """A ticket's category for another one that comes of it; none where it is out of use now."""
    category = await uow.session.get(Category, category_id) if category_id else None
    return category_id if category is not None and category.active else None


async def _follow_up(
    uow: UnitOfWork, opened: Opened, actor: Actor, saying: Saying, requester: Person
) -> tuple[Opened, Message]:
    made = await open_ticket(
        uow,
        actor,
        requester,
        Request(
            text=saying.text,
            category_id=await _still_used(uow, opened.ticket.category_id),
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


def _record(
    uow: UnitOfWork, opened: Opened, actor: Actor, event: Event, *, at: datetime | None = None
) -> None:
    moment = at or clock.now()
    opened.ticket.version += 1
    opened.ticket.updated_at = moment
    uow.emit(event, conversation=opened.thread.id, seq=opened.thread.next_seq(), actor=actor, at=moment)


def _touched(opened: Opened, at: datetime, message: Message) -> None:
    opened.ticket.version += 1
    opened.ticket.updated_at = at
    opened.ticket.messages += 1
    opened.ticket.has_file = opened.ticket.has_file or message.files > 0


async def _add_participant(uow: UnitOfWork, ticket_id: UUID, person_id: UUID, kind: str) -> bool:
    row = await uow.session.get(Participant, (ticket_id, person_id))
    if row is None:
        uow.session.add(Participant(ticket_id=ticket_id, person_id=person_id, kind=kind))
        return True
    if row.kind == "reader":
        row.kind = kind
        return True
    return False


async def _staff_among(uow: UnitOfWork, ids: Sequence[UUID]) -> tuple[UUID, ...]:
    if not ids:
        return ()
    rows = await uow.session.scalars(
        select(Person.id).where(Person.id.in_(list(ids)[:20]), Person.active, Person.role != "requester")
    )
    return tuple(rows)


async def _rewrap(uow: UnitOfWork, thread: Thread, owner_id: UUID) -> None:
    owner_key = await uow.keys.of_person(uow.session, owner_id)
    thread.conversation.wrapped_key = uow.keys.wrap_data_key(owner_key, thread.id, thread.key)
    thread.conversation.owner_id = owner_id


async def _hang_under(uow: UnitOfWork, source: Thread, target: Thread) -> None:
    """What hung under the source hangs under the target now, wrapped by the target's owner."""
    for child in await _rewrap_children(uow, source, target.conversation.owner_id):
        child.root_id = target.id
    source.conversation.root_id = target.id


async def _rewrap_children(uow: UnitOfWork, thread: Thread, owner_id: UUID) -> list[Conversation]:
    """The conversations that were merged into this one go to the new owner's key with it."""
    query = select(Conversation).where(Conversation.root_id == thread.id).with_for_update()
    children = list(await uow.session.scalars(query))
    for child in children:
        key = await access.thread_key(uow.session, uow.keys, child)
        if key:
            await _rewrap(uow, Thread(child, key), owner_id)
    return children


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
    from core.conversations.attachments import move

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


async def _file_under(uow: UnitOfWork, opened: Opened, subject: str) -> None:
    """Each message is also found by the subject's words: by those of the new one, and no longer
    by those of the old."""
    query = select(Message).where(Message.conversation_id == opened.thread.id, Message.deleted_at.is_(None))
    for message in await uow.session.scalars(query):
        body = conversations.read(opened.thread, message)
        names = await conversations.file_names(uow, opened.thread, message)
        message.terms = words.terms(uow.keys.words, " ".join((subject, body, *names)), opened.ticket.language)


async def _no_circle(uow: UnitOfWork, child: Ticket, parent: Ticket) -> None:
    above: Ticket | None = parent
    for _step in range(20):
        if above is None or above.parent_id is None:
            return
        if above.parent_id == child.id:
            raise Invalid(_("That would make a circle."), field="to")
        above = await uow.session.get(Ticket, above.parent_id)
    raise Invalid(_("This chain of tickets is too long."), field="to")
