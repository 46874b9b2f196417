"""What people do with calls: ask, ring, invite, admit, decline, transfer, hold, end, rate.

What the engine reports is in `happened.py`, what concerns recording in `recordings.py`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select, update

from core import clock
from core.access import Actor, Permission
from core.calls import access
from core.calls.events import (
    CallAdmitted,
    CallAsked,
    CallDeclined,
    CallEnded,
    CallFailed,
    CallHeld,
    CallInvited,
    CallKnocked,
    CallMissed,
    CallRang,
    CallRated,
    CallRevoked,
    CallScheduled,
    CallTransferred,
)
from core.calls.model import LIVE, RUNNING, WAITING, Call, CallPerson, CallRecording, CallState, Presence
from core.db import UnitOfWork
from core.errors import Forbidden, Invalid, NotFound, Refused, TooMany
from core.events import Event
from core.i18n import _
from core.people import service as people
from core.people.model import Person
from core.tickets import access as ticket_access
from core.tickets import changing, hours, lifecycle
from core.tickets import service as tickets
from core.tickets.access import Opened

MOST_PEOPLE = 6
LINK_HOURS = 12
"""A join link lives so long, or until the call is over."""
LATEST_DAYS = 60


async def ask(
    uow: UnitOfWork, actor: Actor, number: int, *, video: bool = True, at: datetime | None = None
) -> tuple[Call, CallPerson]:
    """Call the other side of a ticket, now or at a time. A ticket that has a call already gives
    that one, with the actor in it. Returns the call and the actor's own place in it."""
    opened = await ticket_access.change(uow, actor, number)
    running = await access.live_of(uow, opened.ticket.id)
    if running is not None:
        if running.state in (CallState.asked, CallState.scheduled) and actor.staff and at is None:
            _ring(uow, opened, running, actor)
        return running, await _place_for(uow, opened, running, actor)
    await _may_ask(uow, actor, opened)
    call = Call(ticket_id=opened.ticket.id, video=video, asked_by=actor.id)
    uow.session.add(call)
    await uow.session.flush()
    await _begin(uow, opened, call, actor, at)
    mine = await _place_for(uow, opened, call, actor)
    await _place_of(uow, call, opened.ticket.requester_id, staff=False)
    if opened.ticket.assignee_id is not None:
        await _place_of(uow, call, opened.ticket.assignee_id, staff=True)
    await uow.session.flush()
    return call, mine


async def invite(uow: UnitOfWork, actor: Actor, call_id: UUID, person_id: UUID) -> CallPerson:
    """One more person may come: a colleague, or anybody that the desk knows."""
    call, opened = await _as_staff(uow, actor, call_id)
    person = await uow.session.get(Person, person_id)
    if person is None or not person.active or person.erased_at is not None:
        raise NotFound(_("There is no such person."))
    row = await _place_of(uow, call, person.id, staff=person.role != "requester")
    told = CallInvited(subject=call.id, number=opened.number, person=person.id, staff=row.staff)
    record(uow, opened, told, actor)
    return row


async def invite_address(
    uow: UnitOfWork, actor: Actor, call_id: UUID, address: str, name: str = ""
) -> CallPerson:
    """The same for whoever has this e-mail address; an expert whom the desk does not know yet is
    added, and gets their link by mail."""
    address = people.checked_email(address)
    if not address:
        raise Invalid(_("Please choose a colleague, or write an e-mail address."), field="who")
    person = await people.by_email(uow, address, verified=False)
    if person is None:
        actor.require(Permission.change_people)
        await _as_staff(uow, actor, call_id)
        person = await people.add(uow, name=name.strip(), email=address)
        await uow.session.flush()
    return await invite(uow, actor, call_id, person.id)


async def transfer(uow: UnitOfWork, actor: Actor, call_id: UUID, to: UUID) -> CallPerson:
    """Give call and ticket to a colleague, who is invited; the actor may leave then."""
    call, opened = await _as_staff(uow, actor, call_id)
    row = await invite(uow, actor, call_id, to)
    if not row.staff:
        raise Invalid(_("This person cannot take tickets."), field="to")
    if opened.ticket.assignee_id != to:
        await tickets.assign(uow, actor, opened.number, to=to)
    record(uow, opened, CallTransferred(subject=call.id, number=opened.number, to=to), actor)
    return row


async def revoke(uow: UnitOfWork, actor: Actor, call_id: UUID, person_id: UUID) -> CallPerson:
    """Make a person's link useless; they are shown out by whoever runs the engine."""
    call, opened = await _as_staff(uow, actor, call_id)
    row = await access.person_in(uow, call.id, person_id)
    if row is None:
        raise NotFound(_("There is no such person."))
    if row.person_id == actor.id:
        raise Refused(_("This is your own link. Leave the call instead."))
    row.turn += 1
    row.presence, row.left_at = Presence.left.value, clock.now()
    record(uow, opened, CallRevoked(subject=call.id, number=opened.number, person=person_id), actor)
    return row


async def enter(uow: UnitOfWork, call: Call, opened: Opened, row: CallPerson, actor: Actor) -> bool:
    """Somebody opens the door with their link. True when they may come in now; else they wait."""
    if call.state == CallState.asked and row.staff:
        _ring(uow, opened, call, actor)
    if call.state == CallState.scheduled:
        _ring(uow, opened, call, actor)
    if row.presence in (Presence.admitted, Presence.present, Presence.away):
        return True
    if row.staff or not uow.settings.call_waiting_room or row.joined_at is not None:
        row.presence = Presence.admitted.value
        return True
    if row.presence != Presence.waiting:
        row.presence = Presence.waiting.value
        record(uow, opened, CallKnocked(subject=call.id, number=opened.number, person=row.person_id), actor)
    return False


async def admit(uow: UnitOfWork, actor: Actor, call_id: UUID, person_id: UUID) -> CallPerson:
    """Let somebody in who waits."""
    call, opened = await _as_staff(uow, actor, call_id)
    row = await access.person_in(uow, call.id, person_id)
    if row is None:
        raise NotFound(_("There is no such person."))
    if row.presence in (Presence.waiting, Presence.invited):
        row.presence = Presence.admitted.value
        record(uow, opened, CallAdmitted(subject=call.id, number=opened.number, person=person_id), actor)
    return row


async def hold(uow: UnitOfWork, call: Call, opened: Opened, actor: Actor, on: bool) -> bool:
    """Put the call on hold, or take it off; False when it is so already."""
    wanted = CallState.on_hold if on else CallState.joined
    if not call.running or call.state == wanted:
        return False
    call.state = wanted.value
    record(uow, opened, CallHeld(subject=call.id, number=opened.number, on=on), actor)
    return True


async def decline(uow: UnitOfWork, call: Call, opened: Opened, row: CallPerson, actor: Actor) -> None:
    """The one who is called does not want to. A call that runs goes on without them."""
    row.presence = Presence.declined.value
    if call.state in WAITING or call.state == CallState.scheduled:
        over(call, CallState.declined, "declined")
        record(uow, opened, CallDeclined(subject=call.id, number=opened.number, by=row.person_id), actor)


async def end(uow: UnitOfWork, call: Call, opened: Opened, actor: Actor, reason: str = "asked") -> None:
    """It is over for all: ended when people were in it, missed when nobody came."""
    if not call.live:
        return
    number = opened.number
    if call.state == CallState.scheduled and actor.id is not None:
        over(call, CallState.declined, "cancelled")
        record(uow, opened, CallDeclined(subject=call.id, number=number, by=actor.id), actor)
        return
    await _everybody_out(uow, call)
    if call.started_at is None:
        over(call, CallState.missed, reason)
        record(uow, opened, CallMissed(subject=call.id, number=number), actor)
        return
    broken = call.broken_at is not None
    over(call, CallState.failed if broken else CallState.ended, reason)
    people = await _count(uow, CallPerson, call, CallPerson.joined_at.is_not(None))
    recordings = await _count(uow, CallRecording, call)
    if broken:
        record(uow, opened, CallFailed(subject=call.id, number=number, reason="engine"), actor)
    record(
        uow,
        opened,
        CallEnded(
            subject=call.id, number=number, seconds=call.seconds, people=people, recordings=recordings,
            reason=reason,
        ),
        actor,
    )  # fmt: skip


async def _everybody_out(uow: UnitOfWork, call: Call) -> None:
    await uow.session.execute(
        update(CallPerson)
        .where(CallPerson.call_id == call.id, CallPerson.presence.in_((Presence.present, Presence.away)))
        .values(presence=Presence.left.value, left_at=clock.now())
        .execution_options(synchronize_session="fetch")
    )


async def rate(uow: UnitOfWork, call: Call, opened: Opened, row: CallPerson, score: int) -> None:
    """How it was for one who took part; the last word counts."""
    if not 1 <= score <= 5:
        raise Invalid(_("A rating is a number from 1 to 5."), field="score")
    if row.joined_at is None:
        raise Refused(_("Only who was in the call can rate it."))
    row.rating = score
    record(uow, opened, CallRated(subject=call.id, number=opened.number, person=row.person_id, score=score))


def record(
    uow: UnitOfWork, opened: Opened, event: Event, actor: Actor | None = None, at: datetime | None = None
) -> None:
    """Write a fact into the ticket's timeline."""
    moment = at or clock.now()
    changing.changed_at(opened, moment)
    uow.emit(event, conversation=opened.thread.id, seq=opened.thread.next_seq(), actor=actor, at=moment)


def over(call: Call, state: CallState, reason: str) -> None:
    call.state, call.reason = state.value, reason
    call.ended_at = call.broken_at or clock.now()
    call.version += 1


async def _begin(uow: UnitOfWork, opened: Opened, call: Call, actor: Actor, at: datetime | None) -> None:
    number = opened.number
    if at is not None:
        if not clock.now() < at < clock.now() + timedelta(days=LATEST_DAYS):
            raise Invalid(_("Choose a time in the next {days} days.").format(days=LATEST_DAYS), field="at")
        _claim(uow, opened, actor)
        call.state, call.scheduled_at = CallState.scheduled.value, at
        record(uow, opened, CallScheduled(subject=call.id, number=number, until=at), actor)
    elif actor.staff:
        _ring(uow, opened, call, actor)
    else:
        call.state = CallState.asked.value
        record(uow, opened, CallAsked(subject=call.id, number=number, video=call.video), actor)


def _claim(uow: UnitOfWork, opened: Opened, actor: Actor) -> None:
    """Calling about a ticket that nobody has takes it, as answering does."""
    ticket = opened.ticket
    if actor.staff and actor.id is not None and ticket.assignee_id is None and uow.settings.claim_on_reply:
        changing.record(uow, opened, actor, lifecycle.claim(ticket, actor.id, clock.now()))


def _ring(uow: UnitOfWork, opened: Opened, call: Call, actor: Actor) -> None:
    _claim(uow, opened, actor)
    call.state, call.rang_at = CallState.ringing.value, clock.now()
    call.version += 1
    record(uow, opened, CallRang(subject=call.id, number=opened.number, video=call.video), actor)


async def _may_ask(uow: UnitOfWork, actor: Actor, opened: Opened) -> None:
    settings = uow.settings
    if not settings.calls:
        raise Refused(_("Calls are switched off here."))
    if not opened.key:
        raise Refused(_("The requester was erased; nobody can be called."))
    if actor.staff:
        actor.require(Permission.reply)
    elif not settings.calls_by_requesters or actor.id is None:
        raise Forbidden(_("Calls are begun by the desk here. Ask for one in a message."))
    if not opened.ticket.live:
        raise Refused(_("This ticket is resolved or closed. Reopen it to make a call."))
    if settings.calls_in_hours_only and not hours.is_open(settings, clock.now()):
        raise Refused(_("Calls are possible in the working hours only."))
    live = select(func.count()).select_from(Call).where(Call.state.in_((*WAITING, *RUNNING)))
    if int(await uow.session.scalar(live) or 0) >= settings.calls_at_once:
        raise TooMany(_("Too many calls run already. Please try again in a few minutes."), after=120)


async def _place_for(uow: UnitOfWork, opened: Opened, call: Call, actor: Actor) -> CallPerson:
    """The actor's own place in a call of a ticket that they may see."""
    if actor.id is None:
        raise Forbidden(_("You are not allowed to do that."))
    return await _place_of(uow, call, actor.id, staff=actor.staff)


async def _place_of(uow: UnitOfWork, call: Call, person_id: UUID, *, staff: bool) -> CallPerson:
    row = await access.person_in(uow, call.id, person_id)
    ends = (call.scheduled_at or clock.now()) + timedelta(hours=LINK_HOURS)
    if row is None:
        if await _count(uow, CallPerson, call, CallPerson.presence != Presence.declined) >= MOST_PEOPLE:
            raise Refused(_("At most {count} people can be in a call.").format(count=MOST_PEOPLE))
        row = CallPerson(call_id=call.id, person_id=person_id, staff=staff, expires_at=ends)
        uow.session.add(row)
        await uow.session.flush()
    elif row.expires_at < ends or row.presence in (Presence.declined, Presence.left):
        row.expires_at = ends
        if row.presence == Presence.declined:
            row.presence = Presence.invited.value
    return row


async def _as_staff(uow: UnitOfWork, actor: Actor, call_id: UUID) -> tuple[Call, Opened]:
    actor.require(Permission.reply)
    call, opened = await access.get(uow, actor, call_id, lock=True)
    if call.state not in LIVE:
        raise Refused(_("This call is over."))
    return call, opened


async def _count(
    uow: UnitOfWork, model: type[CallPerson] | type[CallRecording], call: Call, *such: object
) -> int:
    await uow.session.flush()
    query = select(func.count()).select_from(model).where(model.call_id == call.id, *such)  # type: ignore[arg-type]
    return int(await uow.session.scalar(query) or 0)
