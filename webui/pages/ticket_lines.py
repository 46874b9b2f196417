"""The lines of a ticket's timeline, as the desk's templates draw them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from babel.lists import format_list
from markupsafe import Markup

from core import clock
from core.access import Permission
from core.conversations import undelivered
from core.files.size import in_words
from core.i18n import _, language
from core.markdown import to_html
from core.recent import Recent
from core.tickets.fact_words import sentence
from core.tickets.lines import FactLine, FileLine, Line, MessageLine
from webui import rendering
from webui.pages.desk_filters import channel_words
from webui.sessions import Viewer

ICONS = {
    "ticket.opened": "bell", "ticket.claimed": "user-plus", "ticket.released": "undo", "ticket.assigned": "user",
    "ticket.resolved": "check", "ticket.closed": "lock", "ticket.reopened": "undo", "ticket.waiting": "hourglass",
    "ticket.snoozed": "moon", "ticket.woken": "clock", "ticket.merged": "merge", "ticket.split": "split",
    "ticket.tagged": "tag", "ticket.linked": "link", "ticket.unlinked": "link", "ticket.rated": "star",
    "ticket.offered": "bell", "ticket.exported": "download", "ticket.followed": "eye", "ticket.renamed": "edit",
    "message.edited": "edit", "message.deleted": "trash", "message.hidden": "eye", "message.reported": "flag",
}  # fmt: skip
OFFERS = frozenset({"ticket.offered", "ticket.passed"})
_TAG = re.compile(r"(<[^>]*>)")


_drawn = Recent[Markup](most=4_000, seconds=60)


def drawn_message(item: SimpleNamespace, csrf: str) -> Markup:
    """The HTML of one message. A live page fetches its timeline again whenever something changed:
    what has not changed is not drawn again. All that the macro reads is in the item."""
    return _drawn.get(f"{language()}|{csrf}|{item!r}", lambda: _draw(item, csrf))


def _draw(item: SimpleNamespace, csrf: str) -> Markup:
    module: Any = rendering.environment().get_template("parts/timeline.html").module
    return Markup(module.message(item, csrf))  # noqa: S704  the macro escapes what it is given


def drawn(
    viewer: Viewer,
    number: int,
    lines: Sequence[Line],
    *,
    requester: UUID,
    requester_name: str,
    seen_upto: int,
    unread_after: int | None,
    mentions: Mapping[str, str],
    hold_seconds: int,
) -> list[SimpleNamespace]:
    """Lines with the days between them and the mark before what is new to the viewer."""
    assert viewer.known is not None
    zone, items, day = viewer.known.zone, list[SimpleNamespace](), date.min
    told = False
    for line in lines:
        at = line.at.astimezone(zone)
        if at.date() != day:
            day = at.date()
            again = any(item.id == f"day-{day}" for item in items if item.type == "day")
            items.append(SimpleNamespace(type="day", id=f"day-{line.id if again else day}", at=at))
        if not told and _is_news(line, unread_after):
            told = True
            items.append(SimpleNamespace(type="unread", id="unread-line"))
        if isinstance(line, FactLine) and line.name in OFFERS and items and items[-1].type == "offers":
            items[-1].lines.append(line)
        elif isinstance(line, FactLine) and line.name in OFFERS:
            items.append(SimpleNamespace(type="offers", lines=[line]))
        elif isinstance(line, FactLine):
            items.append(_fact(viewer, line))
        else:
            items.append(
                _message(viewer, number, line, requester, requester_name, seen_upto, mentions, hold_seconds)
            )
    return [_offers(viewer, item.lines) if item.type == "offers" else item for item in items]


def _offers(viewer: Viewer, lines: Sequence[FactLine]) -> SimpleNamespace:
    """A chat that went from one agent to the next is one line, however many were asked."""
    asked = dict.fromkeys(str(line.data["to"]) for line in lines if line.data.get("to"))
    fact = _fact(viewer, lines[-1])
    if len(lines) > 1 and asked:
        fact.text = _("The chat was offered to {names}").format(
            names=format_list(list(asked), locale=language())
        )
    return fact


def _is_news(line: Line, unread_after: int | None) -> bool:
    return (
        unread_after is not None
        and isinstance(line, MessageLine)
        and line.from_ticket is None
        and line.seq > unread_after
        and not line.author.me
    )


def _fact(viewer: Viewer, line: FactLine) -> SimpleNamespace:
    assert viewer.known is not None
    text = sentence(line, viewer.known.zone)
    if line.from_ticket is not None:
        text = f"#{line.from_ticket}: {text}"
    return SimpleNamespace(
        type="fact", id=f"fact-{line.id}", text=text, at=line.at, icon=ICONS.get(line.name, "info")
    )


def _message(
    viewer: Viewer, number: int, line: MessageLine, requester: UUID, requester_name: str, seen_upto: int,
    mentions: Mapping[str, str], hold_seconds: int,
) -> SimpleNamespace:  # fmt: skip
    base = f"/tickets/{number}/messages/{line.id}"
    kind = (
        "note"
        if line.note
        else "bot"
        if line.author.kind != "person"
        else "agent"
        if line.side == "staff"
        else "requester"
    )
    state, state_text = _state(line, requester_name, seen_upto)
    html = to_html(line.text) if line.text else ""
    return SimpleNamespace(
        type="message", id=line.id, unseen_seq=_unseen(line, state), kind=kind, at=line.at, edited=line.edited, deleted=line.deleted, hidden=line.hidden,
        author=SimpleNamespace(id=line.author.id or requester, name=line.author.name),
        html=Markup(_with_mentions(html, mentions) if line.note else html),  # noqa: S704  sanitised in core.markdown
        erased=line.erased, reported=line.reported,
        via=_via(line), attachments=[_attachment(each) for each in line.files],
        reactions=[SimpleNamespace(emoji=one.emoji, n=one.count, mine=one.mine, names="") for one in line.reactions],
        reacts_url=None if line.deleted else f"{base}/reactions",
        quote=_quote(line), state=state, state_text=state_text,
        history_url=f"{base}/revisions" if line.revisions else None,
        held=_held(line, base, hold_seconds), menu=None if line.deleted else _menu(viewer, number, line, base),
    )  # fmt: skip


def _state(line: MessageLine, requester_name: str, seen_upto: int) -> tuple[str, str]:
    if line.side != "staff" or line.note or line.deleted or line.held_until is not None:
        return "none", ""
    if line.delivery == "failed":
        return "failed", _("Not delivered: {why}").format(why=undelivered.why(line.delivery_error))
    if line.from_ticket is None and line.seq <= seen_upto:
        return "seen", seen_by(requester_name)
    if line.delivery == "pending":
        if not line.delivery_error:
            return "sent", _("Being delivered")
        why = undelivered.why(line.delivery_error, line.delivery_wait)
        return "sent", _("Not yet delivered: {why}").format(why=why)
    return ("delivered", _("Delivered")) if line.delivery == "sent" else ("none", "")


def _unseen(line: MessageLine, state: str) -> int | None:
    """Its place in the conversation, where the requester may yet read it."""
    to_be_read = line.side == "staff" and not (line.note or line.deleted or line.held_until)
    return line.seq if to_be_read and state not in ("seen", "failed") and line.from_ticket is None else None


def seen_by(name: str) -> str:
    return _("Seen by {name}").format(name=name)


def _via(line: MessageLine) -> str:
    parts = []
    if line.via not in ("desk", ""):
        parts.append(_("by {channel}").format(channel=channel_words(line.via)))
    if line.from_ticket is not None:
        parts.append(_("in #{number}").format(number=line.from_ticket))
    return " · ".join(parts)


def _quote(line: MessageLine) -> SimpleNamespace | None:
    if line.reply_to is None or line.deleted:
        return None
    quote = line.reply_to
    return SimpleNamespace(url=f"#message-{quote.id}", author=quote.author, excerpt=quote.excerpt)


def _held(line: MessageLine, base: str, seconds: int) -> SimpleNamespace | None:
    if line.held_until is None or not line.own or line.note:
        return None
    return SimpleNamespace(
        url=f"{base}/take-back", now_url=f"{base}/send-now", until=line.held_until,
        seconds=max(seconds, round((line.held_until - clock.now()).total_seconds())),
    )  # fmt: skip


def _menu(viewer: Viewer, number: int, line: MessageLine, base: str) -> SimpleNamespace:
    moderates = viewer.actor.may(Permission.moderate)
    whole = not line.hidden and not line.erased
    return SimpleNamespace(
        edit_url=f"{base}/edit" if line.own and whole else None,
        delete_url=f"{base}/delete" if line.own and whole else None,
        quote=whole,
        reply_to=whole and not line.note,
        link_url=f"/tickets/{number}#message-{line.id}",
        split_url=f"/tickets/{number}/split?message={line.id}"
        if viewer.actor.may(Permission.merge_tickets) and line.from_ticket is None and whole
        else None,
        hide_url=f"{base}/hide" if moderates and not line.hidden else None,
        show_url=f"{base}/hide/delete" if moderates and line.hidden else None,
        report_url=f"{base}/report" if not line.own and not line.reported and not moderates else None,
    )


def _attachment(each: FileLine) -> SimpleNamespace:
    url = f"/files/{each.id}"
    return SimpleNamespace(
        name=each.name,
        url=url,
        thumb_url=f"{url}/thumb" if each.thumb else None,
        size_text=in_words(each.size),
    )


def _with_mentions(html: str, mentions: Mapping[str, str]) -> str:
    """`@Handle` of colleagues stands out; markup itself is left alone."""
    if "@" not in html or not mentions:
        return html
    parts = _TAG.split(html)
    return "".join(part if part.startswith("<") else _marked(part, mentions) for part in parts)


def _marked(text: str, mentions: Mapping[str, str]) -> str:
    def mark(found: re.Match[str]) -> str:
        known = found.group(1).rstrip(".").casefold() in mentions
        return f'<span class="mention">{found.group(0)}</span>' if known else found.group(0)

    return re.sub(r"(?<![\w.])@([\w.-]+)", mark, text)


def handle_of(name: str) -> str:
    """How a colleague is mentioned: the name with dots for spaces."""
    return re.sub(r"[^\w.-]", "", ".".join(name.split()))


def mentioned(text: str, handles: Mapping[str, str]) -> list[UUID]:
    """The ids of colleagues whom a text mentions; `handles` maps folded handles to ids."""
    found = [each.rstrip(".").casefold() for each in re.findall(r"(?<![\w.])@([\w.-]+)", text)]
    return list(dict.fromkeys(UUID(handles[each]) for each in found if each in handles))
