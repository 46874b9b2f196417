"""The verbs that change where a ticket stands: each checks, changes, and returns the fact.

Pure: no database, no clock but the given moment. A ticket that was merged away takes no verb.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from core.errors import Conflict, Invalid, Refused
from core.i18n import _
from core.tickets.events import (
    TicketAssigned,
    TicketClaimed,
    TicketClosed,
    TicketPrioritised,
    TicketReleased,
    TicketReopened,
    TicketResolved,
    TicketSnoozed,
    TicketWaiting,
    TicketWoken,
)
from core.tickets.model import LIVE, PRIORITY_RANK, Priority, Status, Ticket

LONGEST_SNOOZE = timedelta(days=366)


class TicketIsClosed(Refused):
    code = "ticket_is_closed"

    def __init__(self, number: int) -> None:
        super().__init__(
            _("Ticket {number} is closed. Reopen it first.").format(number=number), number=number
        )


class TicketIsResolved(Refused):
    code = "ticket_is_resolved"

    def __init__(self, number: int) -> None:
        super().__init__(
            _("Ticket {number} is resolved. Reopen it first.").format(number=number), number=number
        )


class TicketIsMerged(Refused):
    code = "ticket_is_merged"

    def __init__(self, number: int) -> None:
        super().__init__(
            _("Ticket {number} was merged into another one.").format(number=number), number=number
        )


class AlreadyClaimed(Conflict):
    """Somebody else has it; `by` is that person's id, and the surface puts the name in."""

    code = "already_claimed"

    def __init__(self, number: int, by: UUID) -> None:
        super().__init__(
            _("Somebody else has claimed ticket {number} already.").format(number=number),
            number=number,
            by=by,
        )
        self.number = number
        self.by = by


class AlreadySo(Refused):
    """The step would change nothing."""

    code = "already_so"


def claim(ticket: Ticket, agent: UUID, now: datetime) -> TicketClaimed:
    """Take an unassigned ticket; one's own claim again is `AlreadySo`."""
    _live(ticket)
    if ticket.assignee_id == agent:
        raise AlreadySo(_("Ticket {number} is yours already.").format(number=ticket.number))
    if ticket.assignee_id is not None:
        raise AlreadyClaimed(ticket.number, ticket.assignee_id)
    ticket.assignee_id = agent
    _clear_offer(ticket)
    if ticket.status == Status.open:
        ticket.status = Status.in_progress.value
    return TicketClaimed(subject=ticket.id, number=ticket.number, by=agent)


def release(ticket: Ticket, now: datetime) -> TicketReleased:
    """Give it back to the queue."""
    _live(ticket)
    if ticket.assignee_id is None:
        raise AlreadySo(_("Nobody has ticket {number}.").format(number=ticket.number))
    before, ticket.assignee_id = ticket.assignee_id, None
    if ticket.status == Status.in_progress:
        ticket.status = Status.open.value
    return TicketReleased(subject=ticket.id, number=ticket.number, before=before)


def assign(ticket: Ticket, *, to: UUID | None, team: UUID | None, now: datetime) -> TicketAssigned:
    """Give it to an agent, to a team, or to both; a team alone puts it into that team's queue."""
    _live(ticket)
    if to is None and team is None:
        raise Invalid(_("Say to whom: an agent or a team."), field="to")
    new_team = team if team is not None else ticket.team_id
    if (to, new_team) == (ticket.assignee_id, ticket.team_id):
        raise AlreadySo(_("Ticket {number} is there already.").format(number=ticket.number))
    event = TicketAssigned(
        subject=ticket.id,
        number=ticket.number,
        to=to,
        team=new_team,
        before=ticket.assignee_id,
        before_team=ticket.team_id,
    )
    ticket.assignee_id, ticket.team_id = to, new_team
    _clear_offer(ticket)
    if to is not None and ticket.status == Status.open:
        ticket.status = Status.in_progress.value
    if to is None and ticket.status == Status.in_progress:
        ticket.status = Status.open.value
    return event


def prioritise(ticket: Ticket, priority: Priority) -> TicketPrioritised:
    _not_merged(ticket)
    if ticket.status == Status.closed:
        raise TicketIsClosed(ticket.number)
    if ticket.priority == priority:
        raise AlreadySo(_("Ticket {number} has that priority already.").format(number=ticket.number))
    event = TicketPrioritised(
        subject=ticket.id, number=ticket.number, before=ticket.priority, after=priority.value
    )
    ticket.priority = priority.value
    ticket.priority_rank = PRIORITY_RANK[priority]
    return event


def wait(ticket: Ticket, now: datetime) -> TicketWaiting:
    """Wait for the requester; their reply wakes it."""
    _live(ticket)
    if ticket.status == Status.waiting:
        raise AlreadySo(_("Ticket {number} is waiting already.").format(number=ticket.number))
    ticket.status = Status.waiting.value
    return TicketWaiting(subject=ticket.id, number=ticket.number)


def snooze(ticket: Ticket, until: datetime, now: datetime) -> TicketSnoozed:
    """Out of sight until a moment, or until the requester replies."""
    _live(ticket)
    if until <= now:
        raise Invalid(_("The time to wake up must lie in the future."), field="until")
    if until - now > LONGEST_SNOOZE:
        raise Invalid(_("At most a year ahead."), field="until")
    ticket.snoozed_until = until
    return TicketSnoozed(subject=ticket.id, number=ticket.number, until=until)


def wake(ticket: Ticket, reason: str, now: datetime) -> TicketWoken | None:
    """Back to work after a reply or when the snooze is over; None where it was awake."""
    asleep = ticket.snoozed_until is not None or (ticket.status == Status.waiting and reason != "time")
    if not ticket.live or not asleep:
        return None
    ticket.snoozed_until = None
    if ticket.status == Status.waiting and reason != "time":
        ticket.status = (Status.in_progress if ticket.assignee_id else Status.open).value
    return TicketWoken(subject=ticket.id, number=ticket.number, reason=reason)


def resolve(ticket: Ticket, by: UUID | None, now: datetime) -> TicketResolved:
    _not_merged(ticket)
    if ticket.status == Status.closed:
        raise TicketIsClosed(ticket.number)
    if ticket.status == Status.resolved:
        raise AlreadySo(_("Ticket {number} is resolved already.").format(number=ticket.number))
    ticket.status = Status.resolved.value
    ticket.resolved_at = now
    ticket.snoozed_until = None
    _clear_offer(ticket)
    return TicketResolved(subject=ticket.id, number=ticket.number, by=by)


def close(ticket: Ticket, reason: str, now: datetime) -> TicketClosed:
    _not_merged(ticket)
    if ticket.status == Status.closed:
        raise AlreadySo(_("Ticket {number} is closed already.").format(number=ticket.number))
    ticket.status = Status.closed.value
    ticket.closed_at = now
    ticket.resolved_at = ticket.resolved_at or now
    ticket.snoozed_until = None
    _clear_offer(ticket)
    return TicketClosed(subject=ticket.id, number=ticket.number, reason=reason)


def reopen(ticket: Ticket, reason: str, now: datetime) -> TicketReopened:
    _not_merged(ticket)
    if ticket.status in LIVE:
        raise AlreadySo(_("Ticket {number} is open already.").format(number=ticket.number))
    ticket.status = (Status.in_progress if ticket.assignee_id else Status.open).value
    ticket.resolved_at = None
    ticket.closed_at = None
    return TicketReopened(subject=ticket.id, number=ticket.number, reason=reason)


def may_reopen_by_reply(ticket: Ticket, reopen_days: int, now: datetime) -> bool:
    """Whether the requester's reply reopens a resolved ticket, or opens a follow-up instead."""
    if ticket.status != Status.resolved or ticket.merged_into_id is not None:
        return False
    return ticket.resolved_at is not None and now - ticket.resolved_at <= timedelta(days=reopen_days)


def lawful(ticket: Ticket) -> list[str]:
    """What is wrong with a ticket, as codes; empty for a lawful one. For tests and doctors."""
    checks = {
        "status": ticket.status in set(Status),
        "priority": PRIORITY_RANK.get(Priority(ticket.priority)) == ticket.priority_rank,
        "resolved_at": (ticket.status in (Status.resolved, Status.closed))
        == (ticket.resolved_at is not None),
        "closed_at": (ticket.status == Status.closed) == (ticket.closed_at is not None),
        "snooze": ticket.snoozed_until is None or ticket.live,
        "merged": ticket.merged_into_id is None or ticket.status == Status.closed,
        "in_progress": ticket.status != Status.in_progress or ticket.assignee_id is not None,
        "open": ticket.status != Status.open or ticket.assignee_id is None,
        "offer": ticket.offered_to_id is None or (ticket.live and ticket.assignee_id is None),
    }
    return [name for name, fine in checks.items() if not fine]


def _live(ticket: Ticket) -> None:
    _not_merged(ticket)
    if ticket.status == Status.closed:
        raise TicketIsClosed(ticket.number)
    if ticket.status == Status.resolved:
        raise TicketIsResolved(ticket.number)


def _not_merged(ticket: Ticket) -> None:
    if ticket.merged_into_id is not None:
        raise TicketIsMerged(ticket.number)


def _clear_offer(ticket: Ticket) -> None:
    ticket.offered_to_id = None
    ticket.offered_until = None
