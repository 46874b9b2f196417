"""How a ticket looks in a chat, in platform-free words."""

from __future__ import annotations

from collections.abc import Sequence

from bot.cards import rooms
from core.access import Actor
from core.chat import Button, Card, Field
from core.i18n import _
from core.people.service import Known
from core.tickets.access import Opened
from core.tickets.model import Status

MOST_OFFERED = 5
MARKS = {"open": "○", "in_progress": "◐", "waiting": "◷", "resolved": "●", "closed": "■"}


def status_words(status: str, *, staff: bool = False) -> str:
    if staff:
        return rooms.status(status)
    return {
        "open": _("Open"),
        "in_progress": _("In progress"),
        "waiting": _("Waiting for you"),
        "resolved": _("Resolved"),
        "closed": _("Closed"),
    }.get(status, status)


def ticket(opened: Opened, actor: Actor, assignee: Known | None = None, note: str = "") -> Card:
    """One ticket: what it is, where it stands, what one can do with it."""
    row = opened.ticket
    fields = [Field(_("Status"), status_words(row.status, staff=actor.staff))]
    if assignee is not None or row.assignee_id is None:
        fields.append(Field(_("With"), assignee.shown if assignee else _("nobody yet")))
    if actor.staff:
        fields.append(Field(_("Priority"), rooms.priority(row.priority)))
    return Card(
        title=f"#{row.number} {opened.subject}",
        text=note,
        fields=tuple(fields),
        buttons=tuple(_buttons(opened, actor)),
        tone="good" if row.status == Status.resolved else "neutral",
    )


def ticket_list(tickets: Sequence[Opened], here: int | None = None) -> Card:
    """Several tickets, one line each; `here` is the one that this place holds."""
    if not tickets:
        return Card(text=_("You have no tickets."))
    lines = [
        f"{MARKS[t.ticket.status]} #{t.number} {t.subject} — {status_words(t.ticket.status)}" for t in tickets
    ]
    others = tuple(
        Button(_("Go on with #{number}").format(number=t.number), f"switch:ticket:{t.number}")
        for t in tickets
        if t.ticket.live and t.number != here
    )
    return Card(title=_("Your tickets"), text="\n".join(lines), buttons=others[:MOST_OFFERED])


def rating(number: int) -> Card:
    """Asks how it was, one press."""
    buttons = tuple(Button(f"{score} ★", f"rate:{score}:{number}") for score in range(1, 6))
    return Card(text=_("How was it?"), buttons=buttons)


def problem(words: str) -> Card:
    """Something could not be done, in words."""
    return Card(text=words, tone="warning", private=True)


def _buttons(opened: Opened, actor: Actor) -> list[Button]:
    row = opened.ticket
    if not actor.staff:
        if row.live:
            return [Button(_("Close"), f"close:ticket:{row.number}")]
        return [Button(_("Reopen"), f"reopen:ticket:{row.number}")]
    if not row.live:
        return [Button(_("Reopen"), f"reopen:ticket:{row.number}")]
    if row.assignee_id is None:
        return [Button(_("Claim"), f"claim:ticket:{row.number}", style="primary")]
    return [
        Button(_("Resolve"), f"resolve:ticket:{row.number}", style="primary"),
        Button(_("Release"), f"release:ticket:{row.number}"),
    ]
