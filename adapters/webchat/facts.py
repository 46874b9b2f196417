"""What happened to a conversation, as quiet lines in the visitor's words."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from core.db import EventRow
from core.i18n import _
from core.people.service import Known

NAMES = (
    "ticket.opened",
    "ticket.claimed",
    "ticket.assigned",
    "ticket.released",
    "ticket.resolved",
    "ticket.closed",
    "ticket.reopened",
    "ticket.merged",
    "ticket.rated",
)
"""The events that a visitor is told about."""


def person_in(event: EventRow) -> UUID | None:
    """The agent of whom a fact speaks."""
    name = event.data.get("by") if event.name == "ticket.claimed" else event.data.get("to")
    return UUID(name) if isinstance(name, str) else None


def line(event: EventRow, persons: Mapping[UUID, Known], named: bool) -> str:
    """The words of a fact; empty when it is none of the visitor's business."""
    someone = persons.get(person_in(event) or UUID(int=0))
    who = someone.shown if someone is not None and named else _("A colleague")
    match event.name:
        case "ticket.opened":
            return _("Your message has arrived.")
        case "ticket.claimed":
            return _("{name} is looking into it.").format(name=who)
        case "ticket.assigned" if event.data.get("to"):
            if event.data.get("before"):
                return _("{name} takes over from here.").format(name=who)
            return _("{name} looks after your question.").format(name=who)
        case "ticket.released":
            return _("Your request is back in the queue; the next free colleague takes it.")
        case "ticket.resolved":
            return _("This request was marked as resolved.")
        case "ticket.closed" if event.data.get("reason") != "merged":
            return _("This conversation is closed. Write again whenever you like.")
        case "ticket.reopened":
            return _("This conversation is open again.")
        case "ticket.merged":
            return _("This conversation was joined with another one about the same matter.")
        case "ticket.rated":
            return _("You rated this conversation with {score} of 5.").format(score=event.data.get("score"))
        case _:
            return ""
