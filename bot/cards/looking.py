"""What somebody who looks something up reads: a person, a transcript, tickets that were found."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo

from bot.cards.rooms import status
from bot.cards.tickets import MARKS
from core.chat import Card, Field
from core.fit import shorten
from core.i18n import _
from core.people.service import Known
from core.tickets import fact_words
from core.tickets.access import Opened
from core.tickets.lines import MessageLine
from core.tickets.queries import Row
from core.tickets.search import Results
from core.tickets.timeline import Timeline


def person(known: Known, history: Sequence[Row], now: datetime) -> Card:
    """Who asks: how to reach them, what time it is there, what they asked before."""
    fields = [
        Field(_("E-mail"), known.email),
        Field(_("Phone"), known.profile.phone),
        Field(_("Company"), known.profile.company),
        Field(_("Language"), known.locale),
        Field(_("Time there"), now.astimezone(known.zone).strftime("%H:%M")),
    ]
    lines = [line(row) for row in history] or [_("No earlier tickets.")]
    text = "\n".join(filter(None, (known.profile.about, f"**{_('Earlier tickets')}**", *lines)))
    return Card(
        title=known.shown,
        text=text,
        fields=tuple(field for field in fields if field.value),
        private=True,
        inside=True,
    )


def transcript(opened: Opened, read: Timeline, zone: tzinfo) -> Card:
    """The last things said and done, oldest first."""
    lines = []
    for each in read.lines:
        at = each.at.astimezone(zone).strftime("%m-%d %H:%M")
        if isinstance(each, MessageLine):
            words = _("(deleted)") if each.deleted else shorten(" ".join(each.text.split()), 400)
            mark = f" ({_('note')})" if each.note else ""
            lines.append(f"`{at}` **{each.author.name}**{mark}: {words}")
        else:
            lines.append(f"`{at}` *{fact_words.sentence(each, zone)}*")
    return Card(title=f"#{opened.number} {opened.subject}", text="\n".join(lines), private=True, inside=True)


def found(results: Results) -> Card:
    """What a search found, and what of it was not understood."""
    lines = [*results.problems]
    lines += [line(hit.row) for hit in results.hits]
    if not results.hits:
        lines.append(_("Nothing was found."))
    elif results.more or results.next:
        lines.append(_("There is more; the desk shows all of it."))
    return Card(title=_("Search"), text="\n".join(lines), private=True, inside=True)


def queue(mine: Sequence[Row], free: Sequence[Row]) -> Card:
    """What there is to do."""
    lines = [f"**{_('Mine')}**", *(line(row) for row in mine)] if mine else [_("You have no open tickets.")]
    lines += [f"**{_('Unassigned')}**", *(line(row) for row in free)] if free else [_("Nobody waits.")]
    return Card(title=_("What there is to do"), text="\n".join(lines), private=True, inside=True)


def line(row: Row) -> str:
    """One ticket in one line."""
    who = row.assignee_name or "–"
    return (
        f"{MARKS.get(row.status, '')} #{row.number} {shorten(row.subject, 80)} — {status(row.status)}, {who}"
    )
