"""Answering and settling: reply, note, resolve, wait, snooze."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from rapidfuzz import fuzz, process

from bot import brought, forms
from bot.cards import tickets as cards
from bot.registry import Turn, command
from core import clock
from core.access import Permission
from core.chat import Card, Form, Invoked
from core.errors import Invalid
from core.i18n import _
from core.tickets import access, macros
from core.tickets import service as tickets
from core.tickets.model import Macro

_SPAN = re.compile(r"([0-9]{1,4})\s*(m|min|h|d|w)", re.IGNORECASE)
_UNITS = {
    "m": timedelta(minutes=1),
    "min": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}


@command("reply", "Answer the requester", needs=Permission.reply, often=True)
async def reply(turn: Turn, ticket: int, text: str = "") -> Card | Form:
    if not text and not turn.files:
        return _asked(turn, "reply", ticket, _("Reply"), _("What the requester reads"))
    place, inbound = turn.inbound.place, turn.inbound
    extra = await brought.by_command(turn, ticket)
    if isinstance(inbound, Invoked):
        extra["reply_to"] = await brought.replied_to(turn.uow, place, inbound.reply_to)
    opened, message = await tickets.reply(turn.uow, turn.actor, ticket, text, via=place.platform, **extra)
    brought.expect(turn, opened, message.id)
    return Card(text=_("On its way."), tone="good", private=True)


@command("note", "Write an internal note", needs=Permission.note, often=True)
async def note(turn: Turn, ticket: int, text: str = "") -> Card | Form:
    if not text and not turn.files:
        return _asked(turn, "note", ticket, _("Note"), _("For colleagues only"))
    extra = await brought.by_command(turn, ticket)
    opened, message = await tickets.note(
        turn.uow, turn.actor, ticket, text, via=turn.inbound.place.platform, **extra
    )
    brought.expect(turn, opened, message.id)
    return Card(text=_("Noted, for colleagues only."), tone="note", private=True)


@command(
    "resolve", "Mark a ticket as resolved, with the solution", needs=Permission.resolve_ticket, often=True
)
async def resolve(turn: Turn, ticket: int, solution: str = "") -> Card:
    opened = await tickets.resolve(turn.uow, turn.actor, ticket, solution)
    return cards.ticket(opened, turn.actor, note=_("Resolved."))


@command("wait", "Wait for the requester", needs=Permission.change_ticket, often=True)
async def wait(turn: Turn, ticket: int) -> Card:
    return cards.ticket(
        await tickets.wait(turn.uow, turn.actor, ticket), turn.actor, note=_("Waiting for the requester.")
    )


@command(
    "snooze",
    "Put a ticket out of sight for a time: 30m, 4h, 2d, 1w",
    needs=Permission.change_ticket,
    often=True,
)
async def snooze(turn: Turn, ticket: int, time: str) -> Card:
    opened = await tickets.snooze(turn.uow, turn.actor, ticket, until(time, clock.now()))
    return cards.ticket(
        opened, turn.actor, note=_("Out of sight until then, or until the requester replies.")
    )


@command("macro", "Answer with a prepared text", needs=Permission.reply, often=True)
async def macro(turn: Turn, ticket: int, macro: str) -> Card:
    chosen = await _macro(turn, macro)
    opened = await access.get(turn.uow, turn.actor, ticket)
    text = await macros.render(turn.uow, turn.actor, chosen, opened)
    if text.strip():
        await tickets.reply(turn.uow, turn.actor, ticket, text, via=turn.inbound.place.platform)
    await macros.act(turn.uow, turn.actor, chosen, ticket)
    return Card(text=_("“{name}” is on its way.").format(name=chosen.name), tone="good", private=True)


async def _macro(turn: Turn, name: str) -> Macro:
    """The macro whose name was meant: exactly, else the only one that comes near."""
    listed = list(await macros.listed(turn.uow, turn.actor))
    for known in listed:
        if known.name.casefold() == name.strip().casefold():
            return known
    near = process.extract(
        name, [known.name for known in listed], scorer=fuzz.WRatio, score_cutoff=70, limit=5
    )
    if len(near) == 1 or (near and near[0][1] >= near[1][1] + 10):
        return listed[near[0][2]]
    known_names = ", ".join(label for label, _score, _index in near) or ", ".join(k.name for k in listed[:10])
    raise Invalid(_("Which one? {names}").format(names=known_names), field="macro")


def _asked(turn: Turn, verb: str, ticket: int, title: str, label: str) -> Form:
    """The text is asked for in a form, where there are forms."""
    if not turn.limits.forms:
        raise Invalid(_("Write the text after the command, please."), field="text")
    return forms.words(turn, verb, ticket, f"{title} #{ticket}", label)


def until(words: str, now: datetime) -> datetime:
    """A moment from words such as 30m, 4h, 2d, 1w; raises `Invalid` with the forms it knows."""
    span = _SPAN.fullmatch(words.strip())
    if span is None:
        raise Invalid(_("Write a time such as 30m, 4h, 2d or 1w."), field="time")
    return now + int(span.group(1)) * _UNITS[span.group(2).casefold()]
