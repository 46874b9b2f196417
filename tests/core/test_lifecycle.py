"""The verbs, without a database: what each does, and each unlawful step's named error."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from core.errors import DeskError, Invalid
from core.tickets import lifecycle as verbs
from core.tickets.lifecycle import AlreadyClaimed, AlreadySo, TicketIsClosed, TicketIsMerged, TicketIsResolved
from core.tickets.model import Priority, Status, Ticket

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
BOB, EVE = uuid4(), uuid4()
TEAM = uuid4()


def ticket(status: Status = Status.open, assignee: UUID | None = None) -> Ticket:
    made = Ticket(conversation_id=uuid4(), requester_id=uuid4(), status=status.value, assignee_id=assignee)
    made.number = 42
    if status in (Status.resolved, Status.closed):
        made.resolved_at = NOW
    if status is Status.closed:
        made.closed_at = NOW
    return made


def merged() -> Ticket:
    made = ticket(Status.closed)
    made.merged_into_id = uuid4()
    return made


STEPS: dict[str, Callable[[Ticket], object]] = {
    "claim": lambda t: verbs.claim(t, BOB, NOW),
    "release": lambda t: verbs.release(t, NOW),
    "assign": lambda t: verbs.assign(t, to=EVE, team=None, now=NOW),
    "assign_team": lambda t: verbs.assign(t, to=None, team=TEAM, now=NOW),
    "prioritise": lambda t: verbs.prioritise(t, Priority.urgent),
    "wait": lambda t: verbs.wait(t, NOW),
    "snooze": lambda t: verbs.snooze(t, NOW + timedelta(hours=1), NOW),
    "resolve": lambda t: verbs.resolve(t, BOB, NOW),
    "close": lambda t: verbs.close(t, "person", NOW),
    "reopen": lambda t: verbs.reopen(t, "person", NOW),
}

TABLE: list[tuple[str, Ticket, Status | type[DeskError]]] = [
    ("claim", ticket(), Status.in_progress),
    ("claim", ticket(Status.in_progress, BOB), AlreadySo),
    ("claim", ticket(Status.in_progress, EVE), AlreadyClaimed),
    ("claim", ticket(Status.waiting), Status.waiting),
    ("claim", ticket(Status.resolved), TicketIsResolved),
    ("claim", ticket(Status.closed), TicketIsClosed),
    ("claim", merged(), TicketIsMerged),
    ("release", ticket(Status.in_progress, BOB), Status.open),
    ("release", ticket(), AlreadySo),
    ("release", ticket(Status.closed, BOB), TicketIsClosed),
    ("assign", ticket(), Status.in_progress),
    ("assign", ticket(Status.resolved), TicketIsResolved),
    ("assign_team", ticket(Status.in_progress, BOB), Status.open),
    ("prioritise", ticket(), Status.open),
    ("prioritise", ticket(Status.resolved), Status.resolved),
    ("prioritise", ticket(Status.closed), TicketIsClosed),
    ("wait", ticket(Status.in_progress, BOB), Status.waiting),
    ("wait", ticket(Status.waiting), AlreadySo),
    ("wait", ticket(Status.closed), TicketIsClosed),
    ("snooze", ticket(), Status.open),
    ("snooze", ticket(Status.resolved), TicketIsResolved),
    ("resolve", ticket(), Status.resolved),
    ("resolve", ticket(Status.resolved), AlreadySo),
    ("resolve", ticket(Status.closed), TicketIsClosed),
    ("close", ticket(), Status.closed),
    ("close", ticket(Status.resolved), Status.closed),
    ("close", ticket(Status.closed), AlreadySo),
    ("close", merged(), TicketIsMerged),
    ("reopen", ticket(Status.resolved, BOB), Status.in_progress),
    ("reopen", ticket(Status.closed), Status.open),
    ("reopen", ticket(), AlreadySo),
    ("reopen", merged(), TicketIsMerged),
]


@pytest.mark.parametrize(
    ("step", "before", "after"), TABLE, ids=[f"{s}-{t.status}-{i}" for i, (s, t, _) in enumerate(TABLE)]
)
def test_each_step_leads_on_or_is_refused_by_name(
    step: str, before: Ticket, after: Status | type[DeskError]
) -> None:
    was = before.status
    if isinstance(after, Status):
        STEPS[step](before)
        assert before.status == after
    else:
        with pytest.raises(after) as refused:
            STEPS[step](before)
        assert str(refused.value)
        assert before.status == was
    assert verbs.lawful(before) == []


def test_who_comes_second_is_told_who_was_first() -> None:
    taken = ticket(Status.in_progress, EVE)
    with pytest.raises(AlreadyClaimed) as refused:
        verbs.claim(taken, BOB, NOW)
    assert refused.value.by == EVE


def test_a_snooze_needs_a_moment_ahead_but_not_too_far() -> None:
    for until in (NOW, NOW - timedelta(minutes=1), NOW + timedelta(days=400)):
        with pytest.raises(Invalid):
            verbs.snooze(ticket(), until, NOW)


def test_a_reply_wakes_what_waits_and_what_sleeps() -> None:
    waiting = ticket(Status.waiting, BOB)
    assert verbs.wake(waiting, "reply", NOW) is not None
    assert waiting.status == Status.in_progress
    asleep = ticket()
    asleep.snoozed_until = NOW + timedelta(days=1)
    assert verbs.wake(asleep, "reply", NOW) is not None
    assert asleep.snoozed_until is None
    assert verbs.wake(ticket(), "reply", NOW) is None


def test_the_end_of_a_snooze_does_not_end_the_waiting() -> None:
    both = ticket(Status.waiting, BOB)
    both.snoozed_until = NOW
    assert verbs.wake(both, "time", NOW) is not None
    assert both.status == Status.waiting


def test_a_reply_reopens_within_the_days_and_not_later() -> None:
    done = ticket(Status.resolved)
    assert verbs.may_reopen_by_reply(done, 7, NOW + timedelta(days=7))
    assert not verbs.may_reopen_by_reply(done, 7, NOW + timedelta(days=7, seconds=1))
    assert not verbs.may_reopen_by_reply(ticket(Status.closed), 7, NOW)
