"""Search over tickets by words, phrases and filters.

The database knows keyed hashes of stems. What matches is fetched first, bounded and without any
order, so that rare and absent words never walk the newest rows in vain; then the newest of it is
opened, phrase-checked and ranked here, and only what is shown is highlighted.
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
    case,
    exists,
    false,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import aliased
from sqlalchemy.types import BigInteger, Uuid

from core import clock
from core.access import Actor
from core.conversations.model import Audience, Conversation, Message
from core.crypto import words
from core.crypto.fields import Unreadable, unseal_text
from core.db import UnitOfWork
from core.markdown import to_text
from core.people.find import ids_by_name
from core.people.model import Team
from core.tickets import access
from core.tickets.model import Category, Ticket
from core.tickets.queries import AnySelect, Row, compiled, count, page, plainly, rows_of, seen_by
from core.tickets.query_words import Query, names_in, parse_query, to_condition

MOST_OPENED = 500
"""The newest matches that are decrypted and ranked."""
PROBED = 100
"""So many matches say that a word is not rare."""
MOST_GATHERED = 2_000
"""The same where filters narrow the search, and matches are dearer to find twice than to sort."""
ENOUGH = 50
"""With fewer messages that hold all words, those that hold some are looked at too."""
MOST_WORDS = 12
SNIPPET_CHARACTERS = 200

_WORD = re.compile(r"\w+(?:['’.@_-]\w+)*", re.UNICODE)
_PART = re.compile(r"\w+", re.UNICODE)
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
    ones); `found` counts all pages, of filters alone up to `MOST_COUNTED`; `next` is where the next page starts; `jump` the ticket whose number was typed."""

    query: Query
    hits: list[Hit] = field(default_factory=list)
    found: int = 0
    looked_at: int = 0
    more: bool = False
    next: str | None = None
    previous: str | None = None
    jump: int | None = None

    @property
    def problems(self) -> tuple[str, ...]:
        return self.query.problems


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
    wanted = _wanted(uow, query)
    filters = await _filters(uow, actor, query, now or clock.now())
    limit = max(1, min(limit, 100))
    if not wanted.needs:
        return await _filtered(uow, actor, query, filters, wanted, after, limit, jump)
    if not wanted.possible:
        return Results(query, jump=jump)
    await _plan_for_these_words(uow)
    matches, more = await _matches(uow, actor, filters, wanted)
    ranked = await _ranked(uow, matches, wanted)
    start = int(after) if after and after.isascii() and after.isdigit() and len(after) < 6 else 0
    shown = ranked[start : start + limit]
    return Results(
        query,
        hits=await _hits(uow, actor, shown, wanted),
        found=len(ranked),
        looked_at=len(matches),
        more=more,
        next=str(start + limit) if start + limit < len(ranked) else None,
        previous=str(max(0, start - limit)) if start else None,
        jump=jump,
    )


async def condition(uow: UnitOfWork, actor: Actor, typed: str) -> ColumnElement[bool]:
    """What a person typed, for a list of things that belong to tickets, such as calls: the tickets
    that fit the filters and hold all words. Of words the newest `MOST_OPENED` matches are looked at."""
    query = parse_query(typed)
    wanted = _wanted(uow, query)
    filters = await _filters(uow, actor, query, clock.now())
    if not wanted.needs:
        return and_(filters, *(~_said(actor, need, Ticket.conversation_id) for need in wanted.without))
    if not wanted.possible:
        return false()
    await _plan_for_these_words(uow)
    matches, _more = await _matches(uow, actor, filters, wanted)
    found = await _ranked(uow, matches, wanted)
    whole = (each.ticket_id for each in found if each.bits.bit_count() == len(wanted.needs))
    return and_(filters, Ticket.id.in_(list(whole)))


# --- what is wanted ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Need:
    """One typed word: the stems that it may have been filed under, and their hashes. A word made
    of parts (`e-mail`) is found whole, or by all of its parts."""

    stems: frozenset[str]
    hashes: tuple[int, ...]
    parts: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class _Wanted:
    needs: tuple[_Need, ...] = ()
    required: tuple[_Need, ...] = ()
    phrases: tuple[re.Pattern[str], ...] = ()
    adjacent: re.Pattern[str] | None = None
    without: tuple[_Need, ...] = ()
    without_phrases: tuple[re.Pattern[str], ...] = ()

    @property
    def possible(self) -> bool:
        return all(need.hashes for need in self.needs)

    @property
    def stems(self) -> frozenset[str]:
        return frozenset().union(*(need.stems for need in self.needs))


def _wanted(uow: UnitOfWork, query: Query) -> _Wanted:
    key = uow.keys.words
    free = [_need(key, word) for typed in query.words for word in _WORD.findall(typed)][:MOST_WORDS]
    required = [_need(key, word) for phrase in query.phrases for word in _WORD.findall(phrase)][:MOST_WORDS]
    negated = [each.value for each in query.filters if each.field == "words"]
    in_a_row = " ".join(query.words)
    return _Wanted(
        needs=tuple(dict.fromkeys((*required, *free))),
        required=tuple(dict.fromkeys(required)),
        phrases=tuple(_phrase(phrase) for phrase in query.phrases),
        adjacent=_phrase(in_a_row) if len(_PART.findall(in_a_row)) > 1 else None,
        without=tuple(_need(key, one) for one in negated if len(_PART.findall(one)) == 1),
        without_phrases=tuple(_phrase(one) for one in negated if len(_PART.findall(one)) > 1),
    )


def _need(key: bytes, word: str) -> _Need:
    stems = {words.stems(word, code)[0] for code in words.LANGUAGES}
    parts = _PART.findall(words.fold(word))
    return _Need(
        stems=frozenset(stems | {s for code in words.LANGUAGES for s in words.stems(word, code)}),
        hashes=tuple(sorted(words.hashed(key, stem) for stem in stems)),
        parts=tuple(tuple(words.word_alternatives(key, part)) for part in parts) if len(parts) > 1 else (),
    )


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


# --- what matches -----------------------------------------------------------------------


async def _matches(
    uow: UnitOfWork, actor: Actor, filters: ColumnElement[bool], wanted: _Wanted
) -> tuple[list[Any], bool]:
    """The newest messages that hold all words; when they are few, those that hold some as well."""
    every = and_(*(_holds(need) for need in wanted.needs))
    matches, more = await _newest(uow, actor, filters, wanted, every)
    if len(matches) < ENOUGH and len(wanted.needs) > max(1, len(wanted.required)):
        # The words of a phrase are wanted all the same; the others are only worth a better place.
        fewer = [_holds(need) for need in wanted.required or wanted.needs]
        some = and_(*fewer) if wanted.required else or_(*fewer)
        others, more = await _newest(uow, actor, filters, wanted, some)
        seen = {match.id for match in matches}
        matches += [match for match in others if match.id not in seen]
    return matches, more


async def _newest(
    uow: UnitOfWork,
    actor: Actor,
    filters: ColumnElement[bool],
    wanted: _Wanted,
    holds: ColumnElement[bool],
) -> tuple[list[Any], bool]:
    """At most `MOST_OPENED` matches, the newest; and whether there were more."""
    query, simple = _match_query(actor, filters, wanted, holds)
    # Without any order first: a rare or absent word then never walks the newest rows in vain,
    # whatever the planner believes about it.
    probe = PROBED if simple else MOST_GATHERED
    found = (await uow.session.execute(_placed(query.limit(plainly(probe)), wanted))).all()
    if found and found[0].in_all == probe:
        # There are enough of them to let the planner choose between walking and sorting.
        newest = query.order_by(_M.id.desc()).limit(plainly(MOST_OPENED + 1))
        found = (await uow.session.execute(_placed(newest, wanted))).all()
    latest = sorted(found, key=lambda each: (each.at, each.id), reverse=True)
    return latest[:MOST_OPENED], bool(found) and found[0].in_all > MOST_OPENED


_M = Message.__table__.c
_C = Conversation.__table__.c
_T = Ticket.__table__.c
_ROOT = Conversation.__table__.alias("root")


def _match_query(
    actor: Actor, filters: ColumnElement[bool], wanted: _Wanted, holds: ColumnElement[bool]
) -> tuple[AnySelect, bool]:
    """Messages that match, without any order; and whether words alone decide it."""
    query = select(_M.id, _M.conversation_id, _M.seq, _M.kind, _M.at, _M.terms)
    query = query.where(holds, _readable(actor, clock.now()))
    for need in wanted.without:
        query = query.where(~_said(actor, need, _M.conversation_id))
    seen = seen_by(actor)
    if _is_true(filters) and _is_true(seen):
        return query, True
    return (
        query.join(Conversation, _C.id == _M.conversation_id)
        .join(Ticket, _T.conversation_id == func.coalesce(_C.root_id, _C.id))
        .where(filters, seen)
    ), False


def _placed(query: AnySelect, wanted: _Wanted) -> AnySelect:
    """The newest of some matches, each with its ticket and a bit for each word that it holds."""
    every = query.cte("matched")
    matched = (
        select(*every.c, func.count().over().label("in_all"))
        .order_by(every.c.at.desc(), every.c.id.desc())
        .limit(plainly(MOST_OPENED))
        .cte("newest")
    )
    bits: ColumnElement[Any] = literal_column("0", BigInteger())
    for number, need in enumerate(wanted.needs):
        bits = bits + case(
            (_holds(need, matched.c.terms), literal_column(str(1 << number))), else_=literal_column("0")
        )
    return (
        select(
            matched.c.id,
            matched.c.seq,
            matched.c.kind,
            matched.c.at,
            matched.c.in_all,
            _T.id.label("ticket_id"),
            bits.label("bits"),
        )
        .select_from(matched)
        .join(Conversation.__table__, _C.id == matched.c.conversation_id)
        .join(Ticket.__table__, _T.conversation_id == func.coalesce(_C.root_id, _C.id))
    )


async def _plan_for_these_words(uow: UnitOfWork) -> None:
    """For this transaction only: a plan made for no words in particular would be wrong for rare
    and for common ones, and starting parallel workers takes longer than any search may."""
    await uow.session.execute(
        select(
            func.set_config("plan_cache_mode", "force_custom_plan", True),
            func.set_config("max_parallel_workers_per_gather", "0", True),
        )
    )


def _holds(need: _Need, terms: Any = None) -> ColumnElement[bool]:
    held = _M.terms if terms is None else terms
    whole = _has_any(held, need.hashes)
    if not need.parts:
        return whole
    return or_(whole, and_(*(_has_any(held, part) for part in need.parts)))


def _has_any(terms: Any, hashes: Sequence[int]) -> ColumnElement[bool]:
    # "contains" of one is what the planner estimates best.
    array = literal(list(hashes), ARRAY(BigInteger))
    made: ColumnElement[bool] = terms.bool_op("@>" if len(hashes) == 1 else "&&")(array)
    return made


def _said(actor: Actor, need: _Need, conversation: Any) -> ColumnElement[bool]:
    """Whether the word stands anywhere in the same conversation, where the asker may read it:
    leaving tickets out by a word must not tell what a note says."""
    other = aliased(Message)
    readable = _readable(actor, clock.now(), other)
    return exists().where(other.conversation_id == conversation, _holds(need, other.terms), readable)


def _readable(actor: Actor, now: datetime, of: type[Message] = Message) -> ColumnElement[bool]:
    if actor.staff:
        return true()
    return and_(
        of.audience == Audience.everyone.value,
        of.hidden_at.is_(None),
        or_(func.coalesce(of.visible_at, of.at) <= now, of.author_id == actor.id),
    )


def _is_true(expression: ColumnElement[bool]) -> bool:
    return str(expression) == "true"


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


async def _ranked(uow: UnitOfWork, matches: Sequence[Any], wanted: _Wanted) -> list[_Ranked]:
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

    def key(conversation_id: UUID, owner_id: UUID, wrapped: bytes) -> bytes:
        if conversation_id not in made:
            owner = owners.get(owner_id)
            made[conversation_id] = uow.keys.open_data_key(owner, conversation_id, wrapped) if owner else b""
        return made[conversation_id]

    return {
        each.id: _Texts(
            _opened(key(each.own_id, each.owner_id, each.wrapped_key), each.body, "message.body", each.id),
            _opened(
                key(each.root_id, each.root_owner_id, each.root_wrapped_key),
                each.subject,
                "ticket.subject",
                each.ticket_id,
            ),
        )
        for each in rows
    }


def _opened(key: bytes, sealed: bytes | None, field_name: str, row: UUID) -> str:
    if not key or sealed is None:
        return ""
    try:
        return unseal_text(key, sealed, field_name, row)
    except Unreadable:
        return ""


def _phrase(plain: str) -> re.Pattern[str]:
    """Finds the words in a row in a folded text, whatever stands between them but a blank line:
    that parts a subject from a message."""
    between = r"(?:(?!\n\n)\W)+"
    row = between.join(re.escape(word) for word in _PART.findall(words.fold(plain)))
    return re.compile(rf"(?<!\w){row}(?!\w)")


# --- shown ------------------------------------------------------------------------------


async def _hits(uow: UnitOfWork, actor: Actor, shown: Sequence[_Ranked], wanted: _Wanted) -> list[Hit]:
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
    wanted: _Wanted,
    after: str | None,
    limit: int,
    jump: int | None,
) -> Results:
    """Filters alone: an ordinary list, the latest change first."""
    if query.empty:
        return Results(query, jump=jump)
    without = [~_said(actor, need, Ticket.conversation_id) for need in wanted.without]
    where = and_(filters, *without)
    listed = await page(uow, actor, where, after=after, limit=limit)
    hits = [Hit(row, Snippet(row.subject), Snippet("")) for row in listed.rows]
    whole = not after and listed.next is None
    found = len(hits) if whole else await count(uow, actor, where)
    return Results(query, hits=hits, found=found, next=listed.next, jump=jump)


def marked(plain: str, stems: Iterable[str]) -> Snippet:
    """A text with the places of the words whose stems were asked for."""
    wanted = frozenset(stems)
    places = [match.span() for match in _WORD.finditer(plain) if _is_wanted(match.group(), wanted)]
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
