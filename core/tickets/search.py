"""Search over tickets by words, phrases and filters.

The database knows keyed hashes of stems. The newest messages that match are found by `matching`, then
opened where phrases are asked for, and ranked here; only what is shown is highlighted. What the latest
come first of anyhow is looked for no further than the page reaches.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    and_,
    any_,
    bindparam,
    false,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Uuid

from core import clock
from core.access import Actor
from core.conversations.model import Conversation, Message
from core.crypto import words
from core.crypto.fields import Unreadable, unseal_text
from core.db import UnitOfWork
from core.i18n import _
from core.markdown import to_text
from core.people.find import ids_by_name
from core.people.model import Team
from core.tickets import access
from core.tickets.matching import MOST_OPENED, matches, said
from core.tickets.model import Category, Ticket
from core.tickets.queries import Row, compiled, count, page, rows_of
from core.tickets.query_words import Query, names_in, parse_query, to_condition
from core.tickets.wanted import WORD, Wanted
from core.tickets.wanted import wanted as wanted_of

SNIPPET_CHARACTERS = 200
_M = Message.__table__.c
_C = Conversation.__table__.c
_T = Ticket.__table__.c
_ROOT = Conversation.__table__.alias("root")

_SPACE = re.compile(r"\s")
_JUMP = re.compile(r"\s*+(?:#\s*+)?(\d{1,18})\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Snippet:
    """A piece of text and what to mark in it, as (start, end) offsets into it."""

    text: str
    marks: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """A ticket that was found: its row, its marked subject, and the message that fits best."""

    row: Row
    subject: Snippet
    snippet: Snippet
    message_id: UUID | None = None
    seq: int = 0
    note: bool = False
    at: datetime | None = None
    words_hit: int = 0
    phrase: bool = False


@dataclass(frozen=True, slots=True)
class Results:
    """A page of hits. `more` says that there were more matches than were looked at (the newest
    ones), `stopped` that time ran out before all were; `found` counts all pages, of filters alone up to `MOST_COUNTED`;
    `next` is where the next page starts; `jump` the ticket whose number was typed."""

    query: Query
    hits: list[Hit] = field(default_factory=list)
    found: int = 0
    looked_at: int = 0
    more: bool = False
    stopped: bool = False
    next: str | None = None
    previous: str | None = None
    jump: int | None = None

    @property
    def at_least(self) -> bool:
        """Whether `found` counts what this page needed to look at, and the pages after it will find more."""
        return self.more and not self.stopped and self.looked_at < MOST_OPENED

    @property
    def problems(self) -> tuple[str, ...]:
        if not self.stopped:
            return self.query.problems
        return (
            *self.query.problems,
            _("The search took too long and was stopped. Rarer words or narrower filters help."),
        )


async def search(
    uow: UnitOfWork,
    actor: Actor,
    typed: str,
    *,
    after: str | None = None,
    limit: int = 25,
    now: datetime | None = None,
) -> Results:
    """What a person typed into the search box, over the tickets that they may see.

    Never refuses: what is not understood is searched as words, and `problems` says so. `now`, in
    the asker's zone, decides what a day is.
    """
    query = parse_query(typed)
    jump = await _jump(uow, actor, typed)
    wanted = wanted_of(uow.keys.words, query)
    filters = await _filters(uow, actor, query, now or clock.now())
    limit = max(1, min(limit, 100))
    if not wanted.needs:
        return await _filtered(uow, actor, query, filters, wanted, after, limit, jump)
    if not wanted.possible:
        return Results(query, jump=jump)
    start = int(after) if after and after.isascii() and after.isdigit() and len(after) < 6 else 0
    found = await matches(uow, actor, filters, wanted, start + limit + 1)
    ranked = await _ranked(uow, found.rows, wanted)
    shown = ranked[start : start + limit]
    return Results(
        query,
        hits=await _hits(uow, actor, shown, wanted),
        found=len(ranked),
        looked_at=len(found.rows),
        more=found.more,
        stopped=found.stopped,
        next=str(start + limit) if start + limit < len(ranked) else None,
        previous=str(max(0, start - limit)) if start else None,
        jump=jump,
    )


async def condition(uow: UnitOfWork, actor: Actor, typed: str) -> ColumnElement[bool]:
    """What a person typed, for a list of things that belong to tickets, such as calls: the tickets
    that fit the filters and hold all words. Of words the newest `MOST_OPENED` matches are looked at."""
    query = parse_query(typed)
    wanted = wanted_of(uow.keys.words, query)
    filters = await _filters(uow, actor, query, clock.now())
    if not wanted.needs:
        return and_(filters, *(~said(actor, need, Ticket.conversation_id) for need in wanted.without))
    if not wanted.possible:
        return false()
    found = await _ranked(uow, (await matches(uow, actor, filters, wanted)).rows, wanted)
    whole = (each.ticket_id for each in found if each.bits.bit_count() == len(wanted.needs))
    return and_(filters, Ticket.id.in_(list(whole)))


# --- what is wanted ---------------------------------------------------------------------


async def _jump(uow: UnitOfWork, actor: Actor, typed: str) -> int | None:
    number = _JUMP.fullmatch(typed)
    if number is None or not 0 < int(number[1]) < access.LARGEST_NUMBER:
        return None
    found: int | None = await uow.session.scalar(
        select(Ticket.number).where(Ticket.number == int(number[1]), access.visible(actor))
    )
    return found


async def _filters(uow: UnitOfWork, actor: Actor, query: Query, now: datetime) -> ColumnElement[bool]:
    ids: dict[tuple[str, str], list[UUID]] = {}
    for field_name, value in names_in(query):
        ids[field_name, value] = await _ids_of(uow, actor, field_name, value)
    return await compiled(uow, actor, to_condition(query, ids), now)


async def _ids_of(uow: UnitOfWork, actor: Actor, field_name: str, value: str) -> list[UUID]:
    """Whom or what a name in a filter means: teams and categories by name, people by its beginning."""
    if field_name in ("team", "category"):
        model = Team if field_name == "team" else Category
        rows = await uow.session.execute(select(model.id, model.name))
        folded = words.fold(value)
        named = [(each_id, words.fold(name)) for each_id, name in rows]
        exact = [each_id for each_id, name in named if name == folded]
        return exact or [each_id for each_id, name in named if name.startswith(folded)]
    if not actor.staff:
        return []
    return await ids_by_name(uow, value, staff=field_name == "assignee")


# --- ranked -----------------------------------------------------------------------------


@dataclass(slots=True)
class _Ranked:
    """A ticket among the results: how well it fits, and the message that fits best."""

    ticket_id: UUID
    best: Any
    score: tuple[bool, int]
    bits: int
    at: datetime
    phrase: bool


async def _ranked(uow: UnitOfWork, matches: Sequence[Any], wanted: Wanted) -> list[_Ranked]:
    """Tickets, best first: phrases, then the number of words hit, then the latest."""
    every = (1 << len(wanted.needs)) - 1
    texts: dict[UUID, _Texts] = {}
    if wanted.phrases or wanted.without_phrases:
        texts = await _texts(uow, [match.id for match in matches])
    elif wanted.adjacent:
        texts = await _texts(uow, [match.id for match in matches if match.bits == every])
    tickets: dict[UUID, _Ranked] = {}
    unwanted: set[UUID] = set()
    for match in matches:
        phrase = False
        if match.id in texts:
            said = words.fold(f"{texts[match.id].subject}\n\n{texts[match.id].body}")
            if any(each.search(said) for each in wanted.without_phrases):
                unwanted.add(match.ticket_id)
            if not all(each.search(said) for each in wanted.phrases):
                continue
            phrase = bool(wanted.phrases) or bool(wanted.adjacent and wanted.adjacent.search(said))
        score = (phrase, match.bits.bit_count())
        known = tickets.get(match.ticket_id)
        if known is None:
            tickets[match.ticket_id] = _Ranked(match.ticket_id, match, score, match.bits, match.at, phrase)
            continue
        known.bits |= match.bits
        known.phrase = known.phrase or phrase
        known.at = max(known.at, match.at)
        if score > known.score:
            known.best, known.score = match, score
    fitting = (each for each in tickets.values() if each.ticket_id not in unwanted)
    return sorted(fitting, key=lambda each: (each.phrase, each.bits.bit_count(), each.at), reverse=True)


@dataclass(frozen=True, slots=True)
class _Texts:
    """A message and its ticket's subject, in the clear."""

    body: str
    subject: str


_OPENING = (
    select(
        _M.id,
        _M.body,
        _C.id.label("own_id"),
        _C.owner_id,
        _C.wrapped_key,
        _ROOT.c.id.label("root_id"),
        _ROOT.c.owner_id.label("root_owner_id"),
        _ROOT.c.wrapped_key.label("root_wrapped_key"),
        _T.id.label("ticket_id"),
        _T.subject,
    )
    .select_from(Message.__table__)
    .join(Conversation.__table__, _C.id == _M.conversation_id)
    .join(_ROOT, _ROOT.c.id == func.coalesce(_C.root_id, _C.id))
    .join(Ticket.__table__, _T.conversation_id == _ROOT.c.id)
    .where(_M.id == any_(bindparam("ids", type_=ARRAY(Uuid()))))
)


async def _texts(uow: UnitOfWork, ids: Sequence[UUID]) -> dict[UUID, _Texts]:
    """Messages and subjects in the clear; of those whose key is gone, nothing."""
    if not ids:
        return {}
    rows = (await uow.session.execute(_OPENING, {"ids": list(ids)})).all()
    owners = await uow.keys.of_persons(
        uow.session, {each.owner_id for each in rows} | {each.root_owner_id for each in rows}
    )
    made: dict[UUID, bytes] = {}
    subjects: dict[UUID, str] = {}
    texts: dict[UUID, _Texts] = {}

    def key(conversation_id: UUID, owner_id: UUID, wrapped: bytes) -> bytes:
        if conversation_id not in made:
            owner = owners.get(owner_id)
            made[conversation_id] = uow.keys.open_data_key(owner, conversation_id, wrapped) if owner else b""
        return made[conversation_id]

    # By their places, not names: this runs over hundreds of rows.
    for message_id, body, own, owner, wrapped, root, root_owner, root_wrapped, ticket_id, subject in rows:
        if ticket_id not in subjects:
            root_key = key(root, root_owner, root_wrapped)
            subjects[ticket_id] = _opened(root_key, subject, "ticket.subject", ticket_id)
        plain = _opened(key(own, owner, wrapped), body, "message.body", message_id)
        texts[message_id] = _Texts(plain, subjects[ticket_id])
    return texts


def _opened(key: bytes, sealed: bytes | None, field_name: str, row: UUID) -> str:
    if not key or sealed is None:
        return ""
    try:
        return unseal_text(key, sealed, field_name, row)
    except Unreadable:
        return ""


# --- shown ------------------------------------------------------------------------------


async def _hits(uow: UnitOfWork, actor: Actor, shown: Sequence[_Ranked], wanted: Wanted) -> list[Hit]:
    rows = {row.id: row for row in await rows_of(uow, actor, [each.ticket_id for each in shown])}
    texts = await _texts(uow, [each.best.id for each in shown])
    stems = wanted.stems
    return [
        Hit(
            row=rows[each.ticket_id],
            subject=marked(rows[each.ticket_id].subject, stems),
            snippet=excerpt(to_text(texts[each.best.id].body), stems),
            message_id=each.best.id,
            seq=each.best.seq,
            note=each.best.kind == "note",
            at=each.best.at,
            words_hit=each.bits.bit_count(),
            phrase=each.phrase,
        )
        for each in shown
        if each.ticket_id in rows and each.best.id in texts
    ]


async def _filtered(
    uow: UnitOfWork,
    actor: Actor,
    query: Query,
    filters: ColumnElement[bool],
    wanted: Wanted,
    after: str | None,
    limit: int,
    jump: int | None,
) -> Results:
    """Filters alone: an ordinary list, the latest change first."""
    if query.empty:
        return Results(query, jump=jump)
    without = [~said(actor, need, Ticket.conversation_id) for need in wanted.without]
    where = and_(filters, *without)
    listed = await page(uow, actor, where, after=after, limit=limit)
    hits = [Hit(row, Snippet(row.subject), Snippet("")) for row in listed.rows]
    whole = not after and listed.next is None
    found = len(hits) if whole else await count(uow, actor, where)
    return Results(query, hits=hits, found=found, next=listed.next, jump=jump)


def marked(plain: str, stems: Iterable[str]) -> Snippet:
    """A text with the places of the words whose stems were asked for."""
    wanted = frozenset(stems)
    places = [match.span() for match in WORD.finditer(plain) if _is_wanted(match.group(), wanted)]
    return Snippet(plain, tuple(places))


def excerpt(plain: str, stems: Iterable[str], most: int = SNIPPET_CHARACTERS) -> Snippet:
    """The piece of a text that holds most of the wanted words, in one line, its ends at words."""
    line = _SPACE.sub(" ", plain)
    whole = marked(line, stems)
    if len(line) <= most:
        return whole
    start = _best_start(whole.marks, most)
    start = 0 if start < most // 4 else line.rfind(" ", 0, start) + 1
    end = (
        len(line)
        if start + most >= len(line)
        else max(line.rfind(" ", start, start + most), start + most // 2)
    )
    before, behind = ("…" if start else ""), ("…" if end < len(line) else "")
    moved = tuple(
        (a - start + len(before), b - start + len(before)) for a, b in whole.marks if start <= a and b <= end
    )
    return Snippet(f"{before}{line[start:end]}{behind}", moved)


def _best_start(marks: Sequence[tuple[int, int]], most: int) -> int:
    """Where a window of so many characters holds the most marks, with some room before the first."""
    if not marks:
        return 0

    def held(first: int) -> int:
        return sum(1 for a, b in marks if first <= a and b <= first + most * 3 // 4)

    best = max((a for a, _b in marks), key=lambda a: (held(a), -a))
    return max(0, best - most // 4)


def _is_wanted(word: str, wanted: frozenset[str]) -> bool:
    return not wanted.isdisjoint(_stems_of(word))


@lru_cache(maxsize=16_384)
def _stems_of(word: str) -> frozenset[str]:
    """Under which stems a word may have been filed, in any language."""
    return frozenset(stem for code in words.LANGUAGES for stem in words.stems(word, code))
