"""A ticket's session as a file, for quality review: HTML that stands alone, plain text, or JSON.

The fact that it was taken out is recorded first; then the file is streamed, page by page, each
read in a short transaction of its own, so that a slow reader holds nothing.
"""

from __future__ import annotations

import html
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from typing import Any, Protocol

import orjson
from babel.dates import format_datetime

from core import clock, markdown
from core.access import Actor, Permission
from core.db import UnitOfWork
from core.desk import Desk
from core.files.size import in_words
from core.i18n import _, language, set_language
from core.tickets import access
from core.tickets import fields as custom_fields
from core.tickets.events import TicketExported
from core.tickets.fact_words import sentence
from core.tickets.lines import FactLine, Line, MessageLine
from core.tickets.queries import Row, row
from core.tickets.query_words import TICKET_FIELDS
from core.tickets.timeline import stops, timeline

PAGE = 100


class Form(StrEnum):
    html = "html"
    text = "text"
    json = "json"


MIMES = {
    Form.html: "text/html; charset=utf-8",
    Form.text: "text/plain; charset=utf-8",
    Form.json: "application/json",
}
_EXTENSIONS = {Form.html: "html", Form.text: "txt", Form.json: "json"}


@dataclass(frozen=True, slots=True)
class Export:
    """A file that is about to be read: `chunks` may be read once."""

    name: str
    mime: str
    chunks: AsyncGenerator[bytes]


async def export(
    desk: Desk, actor: Actor, number: int, form: Form, *, zone: tzinfo = UTC, notes: bool = True
) -> Export:
    """The whole session of a ticket, internal notes included unless `notes` is off.

    Raises `Forbidden` without the permission, `NotFound` for what may not be seen.
    """
    actor.require(Permission.export_tickets)
    async with desk.unit(actor) as uow:
        opened = await access.change(uow, actor, number)
        uow.emit(
            TicketExported(subject=opened.ticket.id, number=number, form=form.value),
            conversation=opened.thread.id,
            seq=opened.thread.next_seq(),
        )
    return Export(
        name=f"ticket-{number}.{_EXTENSIONS[form]}",
        mime=MIMES[form],
        chunks=_chunks(desk, actor, number, form, zone, notes, language()),
    )


async def _chunks(
    desk: Desk, actor: Actor, number: int, form: Form, zone: tzinfo, notes: bool, spoken: str
) -> AsyncGenerator[bytes]:
    # The file is written while the answer is sent, outside the context that asked for it.
    set_language(spoken)
    writer = _WRITERS[form](zone)
    async with desk.unit(actor) as uow:
        head = await _head(uow, actor, number, desk.means.settings.name)
        opened = await access.get(uow, actor, number)
        pages = await stops(uow, actor, opened, PAGE)
    yield writer.begin(head).encode()
    for before in reversed(pages):
        async with desk.unit(actor) as uow:
            opened = await access.get(uow, actor, number)
            lines = (await timeline(uow, actor, opened, before=before, limit=PAGE)).lines
        wanted = [line for line in lines if notes or isinstance(line, FactLine) or not line.note]
        if wanted:
            yield writer.lines(wanted).encode()
    yield writer.end().encode()


@dataclass(frozen=True, slots=True)
class _Head:
    """What stands above the session."""

    desk: str
    row: Row
    solution: str
    fields: dict[str, str]
    exported_at: datetime


async def _head(uow: UnitOfWork, actor: Actor, number: int, desk: str) -> _Head:
    opened = await access.get(uow, actor, number)
    shown = await row(uow, actor, number)
    assert shown is not None
    labels = {each.id: each.label for each in await custom_fields.of_category(uow, opened.ticket.category_id)}
    answers = {labels.get(name, name): _answer(value) for name, value in opened.fields.items()}
    return _Head(desk, shown, opened.solution, answers, clock.now())


def _answer(value: object) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return str(value)


def _facts_about(head: _Head, zone: tzinfo) -> list[tuple[str, str]]:
    shown = head.row
    pairs = [
        (_("Requester"), shown.requester_name),
        (_("Status"), _chosen("status", shown.status)),
        (_("Priority"), _chosen("priority", shown.priority)),
        (_("Team"), shown.team_name),
        (_("Assignee"), shown.assignee_name),
        (_("Category"), shown.category_name),
        (_("Tags"), ", ".join(shown.tags)),
        (_("Channel"), shown.channel),
        (_("Opened"), _moment(shown.created_at, zone)),
        (_("Resolved"), _moment(shown.resolved_at, zone) if shown.resolved_at else ""),
        (_("Rating"), _("{score} of 5").format(score=shown.rating) if shown.rating else ""),
        (_("Solution"), head.solution),
        *head.fields.items(),
        (_("Exported"), _moment(head.exported_at, zone)),
    ]
    return [(label, value) for label, value in pairs if value]


def _chosen(field: str, value: str) -> str:
    return _((TICKET_FIELDS[field].choices or {}).get(value, value))


def _moment(at: datetime, zone: tzinfo) -> str:
    return format_datetime(at.astimezone(zone), "yyyy-MM-dd HH:mm:ss z", locale=language())


def _state(line: MessageLine) -> list[str]:
    """What must be said about a message beside its words."""
    said = []
    if line.note:
        said.append(_("internal note"))
    if line.edited:
        said.append(_("edited"))
    if line.hidden:
        said.append(_("hidden by a moderator"))
    if line.from_ticket:
        said.append(_("from #{number}").format(number=line.from_ticket))
    if line.delivery == "failed":
        said.append(_("not delivered"))
    return said


def _words(line: MessageLine) -> str:
    if line.deleted:
        return _("(deleted)")
    if line.erased:
        return _("(erased)")
    return line.text


class _Writer(Protocol):
    """One form of the file: a beginning, stretches of lines, an end."""

    def begin(self, head: _Head) -> str: ...
    def lines(self, lines: Sequence[Line]) -> str: ...
    def end(self) -> str: ...


class _Html:
    """One page without any outside address; nothing in it can run."""

    def __init__(self, zone: tzinfo) -> None:
        self.zone = zone

    def begin(self, head: _Head) -> str:
        title = html.escape(f"#{head.row.number} {head.row.subject}")
        rows = "".join(
            f"<tr><th>{html.escape(label)}</th><td>{html.escape(value)}</td></tr>"
            for label, value in _facts_about(head, self.zone)
        )
        return (
            f'<!doctype html>\n<html lang="{language()}"><head><meta charset="utf-8">'
            f"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
            f'<meta name="viewport" content="width=device-width"><title>{title}</title>'
            f"<style>{_STYLE}</style></head>\n<body><header><p>{html.escape(head.desk)}</p><h1>{title}</h1>"
            f"<table>{rows}</table></header>\n<main>\n"
        )

    def lines(self, lines: Sequence[Line]) -> str:
        return "".join(
            self._message(line) if isinstance(line, MessageLine) else self._fact(line) for line in lines
        )

    def end(self) -> str:
        return "</main></body></html>\n"

    def _message(self, line: MessageLine) -> str:
        body = markdown.to_html(line.text) if not (line.deleted or line.erased) else f"<p>{_words(line)}</p>"
        quote = ""
        if line.reply_to:
            quoted = html.escape(f"{line.reply_to.author}: {line.reply_to.excerpt}")
            quote = f"<blockquote>{quoted}</blockquote>"
        files = "".join(f"<li>{html.escape(each.name)} ({in_words(each.size)})</li>" for each in line.files)
        reactions = " ".join(f"{html.escape(each.emoji)} {each.count}" for each in line.reactions)
        state = "".join(f" <em>{html.escape(each)}</em>" for each in _state(line))
        kind = "note" if line.note else line.side
        return (
            f'<article class="{kind}"><header><b>{html.escape(line.author.name)}</b> {self._time(line)}{state}</header>'
            f"{quote}{body}{f'<ul>{files}</ul>' if files else ''}"
            f"{f'<footer>{reactions}</footer>' if reactions else ''}</article>\n"
        )

    def _fact(self, line: FactLine) -> str:
        return f'<p class="fact">{html.escape(sentence(line, self.zone))} {self._time(line)}</p>\n'

    def _time(self, line: Line) -> str:
        return f'<time datetime="{line.at.isoformat()}">{html.escape(_moment(line.at, self.zone))}</time>'


_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:48rem;margin:2rem auto;padding:0 1rem;color:#1c2330;background:#fff}
h1{font-size:1.4rem;margin:.2rem 0 1rem}table{border-collapse:collapse;margin-bottom:2rem}
th{text-align:start;font-weight:600;padding:.1rem 1rem .1rem 0;vertical-align:top}
article{border:1px solid #d5dae3;border-radius:.5rem;padding:.6rem 1rem;margin:.6rem 0;overflow-wrap:anywhere}
article.staff{background:#eef3ff}article.note{background:#fff7dd;border-style:dashed}
article header{font-size:.9rem}time,em,.fact,footer{color:#566074;font-size:.85rem}
blockquote{border-inline-start:3px solid #c3cad6;margin:.4rem 0;padding-inline-start:.8rem;color:#566074}
pre{overflow:auto;background:#f4f5f8;padding:.5rem}
"""


class _Text:
    """Lines that every editor and every pipe can read."""

    def __init__(self, zone: tzinfo) -> None:
        self.zone = zone

    def begin(self, head: _Head) -> str:
        title = f"#{head.row.number} {head.row.subject}"
        about = "\n".join(f"{label}: {value}" for label, value in _facts_about(head, self.zone))
        return f"{title}\n{'=' * min(len(title), 78)}\n{about}\n"

    def lines(self, lines: Sequence[Line]) -> str:
        return "".join(
            self._message(line) if isinstance(line, MessageLine) else self._fact(line) for line in lines
        )

    def end(self) -> str:
        return ""

    def _message(self, line: MessageLine) -> str:
        state = "".join(f" ({each})" for each in _state(line))
        quote = f"> {line.reply_to.author}: {line.reply_to.excerpt}\n" if line.reply_to else ""
        files = "".join(f"[{each.name}, {in_words(each.size)}]\n" for each in line.files)
        body = _words(line)
        reactions = " ".join(f"{each.emoji} {each.count}" for each in line.reactions)
        return (
            f"\n[{_moment(line.at, self.zone)}] {line.author.name}{state}\n"
            f"{quote}{body}{chr(10) if body else ''}{files}{reactions}{chr(10) if reactions else ''}"
        )

    def _fact(self, line: FactLine) -> str:
        return f"\n-- {sentence(line, self.zone)}, {_moment(line.at, self.zone)}\n"


class _Json:
    """One object: `ticket`, and `timeline` as a list of messages and facts."""

    def __init__(self, zone: tzinfo) -> None:
        self.zone = zone
        self.first = True

    def begin(self, head: _Head) -> str:
        shown = head.row
        ticket = {
            "number": shown.number,
            "subject": shown.subject,
            "status": shown.status,
            "priority": shown.priority,
            "requester": shown.requester_name,
            "assignee": shown.assignee_name or None,
            "team": shown.team_name or None,
            "category": shown.category_name or None,
            "tags": shown.tags,
            "channel": shown.channel,
            "created_at": shown.created_at,
            "resolved_at": shown.resolved_at,
            "rating": shown.rating,
            "solution": head.solution or None,
            "fields": head.fields,
        }
        outer = {"desk": head.desk, "exported_at": head.exported_at, "ticket": ticket}
        return f'{orjson.dumps(outer).decode()[:-1]},"timeline":[\n'

    def lines(self, lines: Sequence[Line]) -> str:
        made = ",\n".join(
            orjson.dumps(self._message(line) if isinstance(line, MessageLine) else self._fact(line)).decode()
            for line in lines
        )
        before, self.first = ("" if self.first else ",\n"), False
        return before + made

    def end(self) -> str:
        return "\n]}\n"

    def _message(self, line: MessageLine) -> dict[str, Any]:
        return {
            "type": "note" if line.note else "message",
            "id": str(line.id),
            "at": line.at,
            "side": line.side,
            "author": line.author.name,
            "text": line.text,
            "edited": line.edited,
            "deleted": line.deleted,
            "hidden": line.hidden,
            "via": line.via,
            "reply_to": str(line.reply_to.id) if line.reply_to else None,
            "files": [{"name": each.name, "size": each.size, "type": each.mime} for each in line.files],
            "reactions": {each.emoji: each.count for each in line.reactions},
            "from_ticket": line.from_ticket,
        }

    def _fact(self, line: FactLine) -> dict[str, Any]:
        return {
            "type": "fact",
            "at": line.at,
            "name": line.name,
            "actor": line.actor.name,
            "sentence": sentence(line, self.zone),
            "data": line.data,
            "from_ticket": line.from_ticket,
        }


_WRITERS: dict[Form, Callable[[tzinfo], _Writer]] = {Form.html: _Html, Form.text: _Text, Form.json: _Json}
