"""Answering and settling: reply, note, resolve, wait, snooze."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from bot.cards import tickets as cards
from bot.commands.registry import Turn, command
from core import clock
from core.access import Permission
from core.chat import Card
from core.errors import Invalid
from core.i18n import _
from core.tickets import service as tickets

_SPAN = re.compile(r"([0-9]{1,4})\s*(m|min|h|d|w)", re.IGNORECASE)
_UNITS = {
    "m": timedelta(minutes=1),
    "min": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}


@command("reply", "Answer the requester", needs=Permission.reply)
async def reply(turn: Turn, ticket: int, text: str) -> Card:
    place = turn.inbound.place
    await tickets.reply(turn.uow, turn.actor, ticket, text, via=place.platform)
    return Card(text=_("On its way."), tone="good", private=True)


@command("note", "Write an internal note", needs=Permission.note)
async def note(turn: Turn, ticket: int, text: str) -> Card:
    await tickets.note(turn.uow, turn.actor, ticket, text, via=turn.inbound.place.platform)
    return Card(text=_("Noted, for colleagues only."), tone="note", private=True)


@command("resolve", "Mark a ticket as resolved, with the solution", needs=Permission.resolve_ticket)
async def resolve(turn: Turn, ticket: int, solution: str = "") -> Card:
    opened = await tickets.resolve(turn.uow, turn.actor, ticket, solution)
    return cards.ticket(opened, turn.actor, note=_("Resolved."))


@command("wait", "Wait for the requester", needs=Permission.change_ticket)
async def wait(turn: Turn, ticket: int) -> Card:
    return cards.ticket(
        await tickets.wait(turn.uow, turn.actor, ticket), turn.actor, note=_("Waiting for the requester.")
    )


@command("snooze", "Put a ticket out of sight for a time: 30m, 4h, 2d, 1w", needs=Permission.change_ticket)
async def snooze(turn: Turn, ticket: int, time: str) -> Card:
    opened = await tickets.snooze(turn.uow, turn.actor, ticket, until(time, clock.now()))
    return cards.ticket(
        opened, turn.actor, note=_("Out of sight until then, or until the requester replies.")
    )


def until(words: str, now: datetime) -> datetime:
    """A moment from words such as 30m, 4h, 2d, 1w; raises `Invalid` with the forms it knows."""
    span = _SPAN.fullmatch(words.strip())
    if span is None:
        raise Invalid(_("Write a time such as 30m, 4h, 2d or 1w."), field="time")
    return now + int(span.group(1)) * _UNITS[span.group(2).casefold()]
