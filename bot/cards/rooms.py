"""What stands in desk rooms: the card above a ticket's thread, its lines, the queue."""

from __future__ import annotations

from datetime import datetime, timedelta

from core.chat import Button, Card, Field, Option, Select
from core.conversations import undelivered
from core.fit import shorten
from core.i18n import _
from core.people.service import Known
from core.tickets.access import Opened
from core.tickets.model import Priority, Status
from core.tickets.queries import Names

MARKS = {"open": "🔵", "in_progress": "🟡", "waiting": "⏳", "resolved": "✅", "closed": "⬛"}
STATES = {"sent": "✅", "failed": "⚠️"}


def head(
    opened: Opened, requester: Known | None, assignee: Known | None, names: Names, tags: list[str], url: str
) -> Card:
    """How a ticket stands: who asks, whose it is, what one can do."""
    row = opened.ticket
    fields = [
        Field(_("Status"), f"{MARKS.get(row.status, '')} {status(row.status)}"),
        Field(_("Priority"), priority(row.priority)),
        Field(_("With"), assignee.shown if assignee else _("nobody yet")),
        Field(_("From"), requester.shown if requester else _("Visitor")),
    ]
    if row.team_id in names.teams:
        fields.append(Field(_("Team"), names.teams[row.team_id]))
    if row.category_id in names.categories:
        fields.append(Field(_("Category"), names.categories[row.category_id]))
    if tags:
        fields.append(Field(_("Tags"), ", ".join(tags)))
    fields.append(Field(_("Channel"), row.channel.capitalize()))
    return Card(
        title=f"#{row.number} {opened.subject}",
        fields=tuple(fields),
        buttons=(*_buttons(opened), Button(_("Open in the desk"), url=url)),
        selects=(_priorities(row.number),) if row.live else (),
        tone="good" if row.status == Status.resolved else "neutral",
        label=status(row.status),
        labels=tuple(status(code) for code in MARKS),
    )


def title(opened: Opened, most: int) -> str:
    """The name of a thread: it never changes, since platforms let names change rarely."""
    return shorten(f"#{opened.number} {' '.join(opened.subject.split())}", most)


def queue(live: int, waiting: int, oldest: datetime | None, now: datetime) -> Card:
    """How much there is to do in a room."""
    if waiting == 0:
        return Card(text=_("**{live}** open, nobody waits for an agent.").format(live=live), tone="good")
    since = span(now - oldest) if oldest is not None else "–"
    words = _("**{live}** open, **{waiting}** without an agent, the oldest for {span}.")
    return Card(text=words.format(live=live, waiting=waiting, span=since), tone="warning")


def trouble(code: str, name: str, wait: timedelta) -> Card:
    """Why a reply did not reach the requester, or not yet, and what to do."""
    kept = code in undelivered.KEPT
    words = _("This has not reached {name} yet: {why}") if kept else _("This did not reach {name}: {why}")
    text = words.format(name=name, why=undelivered.why(code, wait))
    return Card(text=text, tone="warning" if kept else "danger")


def status(code: str) -> str:
    return {
        "open": _("Open"),
        "in_progress": _("In progress"),
        "waiting": _("Waiting"),
        "resolved": _("Resolved"),
        "closed": _("Closed"),
    }.get(code, code)


def priority(code: str) -> str:
    return {
        "low": _("Low"),
        "normal": _("Normal"),
        "high": _("High"),
        "urgent": _("Urgent"),
    }.get(code, code)


def span(time: timedelta) -> str:
    """A span as people say it: `5 min`, `2 h`, `3 d`."""
    minutes = max(int(time.total_seconds() // 60), 0)
    if minutes < 60:
        return _("{count} min").format(count=minutes)
    if minutes < 48 * 60:
        return _("{count} h").format(count=minutes // 60)
    return _("{count} d").format(count=minutes // (24 * 60))


def _priorities(number: int) -> Select:
    options = tuple(Option(priority(one.value), one.value) for one in Priority)
    return Select(f"priority:ticket:{number}", _("Priority"), options)


def _buttons(opened: Opened) -> tuple[Button, ...]:
    row = opened.ticket
    number = row.number
    if not row.live:
        return (Button(_("Reopen"), f"reopen:ticket:{number}"),)
    if row.assignee_id is None:
        return (
            Button(_("Claim"), f"claim:ticket:{number}", style="primary"),
            Button(_("Close"), f"close:ticket:{number}"),
        )
    return (
        Button(_("Resolve"), f"resolve:ticket:{number}", style="primary"),
        Button(_("Release"), f"release:ticket:{number}"),
        Button(_("Close"), f"close:ticket:{number}"),
    )


def test(desk: str) -> Card:
    """What an admin has sent to see whether the way holds."""
    words = _("A test from {desk}: tickets can be shown here.").format(desk=desk)
    return Card(text=words, tone="good")
