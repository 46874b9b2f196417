"""The newest messages that hold some words, found without walking a desk's whole past.

Words are filed twice (`Message`): as they are, and marked with the day they were said on. A rare word is
looked up as it is, all of it at once. For a common one the days are asked, the latest first, until there
are enough: a desk of any age is read only as far back as the answer reaches. Statements are built once for
each shape of a search, since building one takes longer than running it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    and_,
    any_,
    bindparam,
    case,
    column,
    exists,
    false,
    func,
    literal,
    literal_column,
    null,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY, array
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import BigInteger, DateTime, TypeEngine, Uuid

from core import clock
from core.access import Actor
from core.conversations.model import Audience, Conversation, Message
from core.db import UnitOfWork
from core.tickets.model import Ticket
from core.tickets.queries import AnySelect, plainly, seen_by
from core.tickets.wanted import Need, Wanted

MOST_OPENED = 500
"""The newest matches that are decrypted and ranked."""
SOON = 120
"""So many are looked at first where the latest come first anyway: a page needs no more."""
FEW = 2_000
"""So many matches are sorted whole."""
FEW_TICKETS = 500
"""When filters leave so many tickets, or fewer, these are asked for the words."""
CHANGED = ((500, 25_000), (2_000, 100_000))
"""When they leave more, so many of them that changed last are asked first, and then so many, if those are
found among so many tickets of the desk: a filter may leave nothing but old ones."""
AHEAD = timedelta(hours=1)
"""What was said is as old as the last change of its ticket, or older; but clocks of platforms differ."""
ENOUGH = 50
"""With fewer messages that hold all words, those that hold some are looked at too."""
LATEST = 1_000
"""So many messages are looked at first: words that stand everywhere are found there."""
FIRST_DAYS = 16
RARE = 40
"""Words that fewer messages of those days hold are looked up whole: that is soon done."""
BEFORE = 400
"""So many days before the desk's first message are asked too: threads come along with what was said earlier."""
PATIENCE_SECONDS = 3.0
"""For words that are common, with filters that leave little of them."""

_DAY_0 = datetime(2000, 1, 1, tzinfo=UTC)
_STOPPED = "57014"
"""SQLSTATE of a statement that took longer than it may."""


class Which(Enum):
    """Which of the words a message must hold."""

    every = "every"
    required = "required"
    some = "some"


@dataclass(slots=True)
class Matches:
    """Messages, the newest first, each with its ticket and a bit for each word that it holds; whether
    there were more, and whether time ran out before all were looked at."""

    rows: list[Any] = field(default_factory=list)
    more: bool = False
    stopped: bool = False

    @property
    def tickets(self) -> int:
        return len({match.ticket_id for match in self.rows})


async def matches(
    uow: UnitOfWork,
    actor: Actor,
    filters: ColumnElement[bool],
    wanted: Wanted,
    tickets: int = MOST_OPENED,
) -> Matches:
    """The newest messages that hold all words; when they are few, those that hold some as well.

    Where nothing but time ranks them, no more are looked at than hold so many `tickets`."""
    look = _Look(uow, actor, filters, wanted)
    await look.plan_for_these_words()
    if wanted.by_time and tickets < SOON:
        soon = await look.soon(tickets)
        if soon.stopped or not soon.more or soon.tickets >= tickets:
            return soon
    found = await look.newest(Which.every)
    if len(found.rows) < ENOUGH and len(wanted.needs) > max(1, len(wanted.required)):
        # The words of a phrase are wanted all the same; the others are only worth a better place.
        others = await look.newest(Which.required if wanted.required else Which.some)
        seen = {match.id for match in found.rows}
        found.rows += [match for match in others.rows if match.id not in seen]
        found.more, found.stopped = others.more, found.stopped or others.stopped
    return found


def said(actor: Actor, need: Need, conversation: Any) -> ColumnElement[bool]:
    """Whether the word stands anywhere in the same conversation, where the asker may read it:
    leaving tickets out by a word must not tell what a note says."""
    (named,), hashes = _named((need,))
    return _said(named, conversation, actor.staff, hashes | _asked(actor))


_M = Message.__table__.c
_C = Conversation.__table__.c
_T = Ticket.__table__.c
_OLDEST = (
    select(literal_column("(term_days('{0}', message.at))[1]", BigInteger))
    .select_from(Message.__table__)
    .order_by(_M.id)
    .limit(plainly(1))
    .scalar_subquery()
)
"""The day of the first message."""
_NEWEST = bindparam("newest_day", type_=BigInteger)


# --- the shape of a search --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Named:
    """A word by the names of the values that its hashes are given as."""

    names: tuple[str, ...]
    parts: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class _Shape:
    """What a statement depends on, but for values."""

    needs: tuple[_Named, ...]
    required: int
    without: tuple[_Named, ...]
    staff: bool

    def holds(self, which: Which, terms: _Terms) -> ColumnElement[bool]:
        needs = self.needs[: self.required] if which is Which.required else self.needs
        each = (_holds(need, terms) for need in needs)
        return or_(*each) if which is Which.some else and_(*each)


def _named(needs: Sequence[Need], start: int = 0) -> tuple[tuple[_Named, ...], dict[str, Any]]:
    values: dict[str, Any] = {}

    def names(hashes: Sequence[int]) -> tuple[str, ...]:
        given = tuple(f"word_{start + len(values) + number}" for number in range(len(hashes)))
        values.update(zip(given, hashes, strict=True))
        return given

    named = tuple(_Named(names(need.hashes), tuple(map(names, need.parts))) for need in needs)
    return named, values


@dataclass(frozen=True, slots=True)
class _Plain:
    """The words of a message as they are filed."""

    terms: Any
    values: Mapping[str, Any] | None = None

    def has_any(self, names: Sequence[str]) -> ColumnElement[bool]:
        return _has(self.terms, [_given(name, BigInteger(), self.values) for name in names])


@dataclass(frozen=True, slots=True)
class _OfDay:
    """The same, marked with the day."""

    day: Any

    def has_any(self, names: Sequence[str]) -> ColumnElement[bool]:
        marked = [bindparam(name, type_=BigInteger).bool_op("#")(self.day) for name in names]
        return _has(func.term_days(_M.terms, _M.at), marked)


_Terms = _Plain | _OfDay


def _has(terms: Any, some: list[Any]) -> ColumnElement[bool]:
    # "contains" of one is what the planner estimates best.
    made: ColumnElement[bool] = terms.bool_op("@>" if len(some) == 1 else "&&")(array(some))
    return made


def _holds(need: _Named, terms: _Terms) -> ColumnElement[bool]:
    whole = terms.has_any(need.names)
    if not need.parts:
        return whole
    return or_(whole, and_(*(terms.has_any(part) for part in need.parts)))


def _given(name: str, of_type: TypeEngine[Any], values: Mapping[str, Any] | None) -> BindParameter[Any]:
    """A value by its name, or itself for a statement that is built once only."""
    if values is None:
        return bindparam(name, type_=of_type)
    return bindparam(name, values[name], type_=of_type, unique=True)


def _said(
    need: _Named, conversation: Any, staff: bool, values: Mapping[str, Any] | None = None
) -> ColumnElement[bool]:
    other = Message.__table__.alias("other").c
    here = other.conversation_id == conversation
    return exists().where(here, _holds(need, _Plain(other.terms, values)), _readable(other, staff, values))


def _readable(of: Any, staff: bool, values: Mapping[str, Any] | None = None) -> ColumnElement[bool]:
    if staff:
        return true()
    now = _given("now", DateTime(timezone=True), values)
    reader = _given("reader", Uuid(), values)
    return and_(
        of.audience == Audience.everyone.value,
        of.hidden_at.is_(None),
        or_(func.coalesce(of.visible_at, of.at) <= now, of.author_id == reader),
    )


def _asked(actor: Actor) -> dict[str, Any]:
    return {} if actor.staff else {"now": clock.now(), "reader": actor.id}


# --- statements -------------------------------------------------------------------------


@lru_cache(maxsize=500)
def _latest(shape: _Shape, which: Which, most: int) -> AnySelect:
    """Those of the latest messages that match."""
    latest = select(*_columns(_M)).order_by(_M.id.desc()).limit(plainly(LATEST)).subquery()
    held = shape.holds(which, _Plain(latest.c.terms))
    return _with_tickets(_matching(shape, held, latest.c), shape, most)


@lru_cache(maxsize=500)
def _days(shape: _Shape, which: Which, most: int) -> AnySelect:
    return _with_tickets(_by_day(shape, which, most), shape, most)


@lru_cache(maxsize=500)
def _whole(shape: _Shape, which: Which, most: int) -> AnySelect:
    """Up to `FEW` that match, without any order."""
    held = shape.holds(which, _Plain(_M.terms))
    return _with_tickets(_matching(shape, held, _M).limit(plainly(FEW)), shape, most)


@lru_cache(maxsize=500)
def _counted(shape: _Shape, which: Which, rare: int) -> AnySelect:
    """How many of the first days match, up to so many."""
    days = _day_series(_NEWEST - FIRST_DAYS)
    one = select(_M.id).where(shape.holds(which, _OfDay(days.c.day))).limit(plainly(rare)).lateral()
    some = select(one.c.id).select_from(days).join(one, true()).limit(plainly(rare)).subquery()
    return select(func.count()).select_from(some)


def _by_day(shape: _Shape, which: Which, most: int, fitting: ColumnElement[bool] | None = None) -> AnySelect:
    """Of each day the newest, and no day before those after it gave too few."""
    days = _day_series(_OLDEST - BEFORE)
    held = shape.holds(which, _OfDay(days.c.day))
    one = (
        _matching(shape, held if fitting is None else and_(held, fitting), _M)
        .order_by(_M.at.desc(), _M.id.desc())
        .limit(plainly(most + 1))
        .lateral()
    )
    return select(*one.c).select_from(days).join(one, true()).limit(plainly(most + 1))


def _day_series(last: Any) -> Any:
    """From tomorrow back: clocks of platforms may be ahead of ours."""
    series = func.generate_series(_NEWEST, last, literal_column("-1", BigInteger))
    return series.table_valued(column("day", BigInteger)).render_derived()


def _matching(shape: _Shape, held: ColumnElement[bool], of: Any) -> AnySelect:
    query = select(*_columns(of)).where(held, _readable(of, shape.staff))
    return query.where(*(~_said(need, of.conversation_id, shape.staff) for need in shape.without))


def _columns(of: Any) -> list[Any]:
    read_by = [of.audience, of.hidden_at, of.visible_at, of.author_id]
    return [of.id, of.conversation_id, of.seq, of.kind, of.at, of.terms, *read_by]


def _with_tickets(query: AnySelect, shape: _Shape, most: int) -> AnySelect:
    """The newest of some matches, each with its ticket and a bit for each word that it holds."""
    every = query.cte("matched")
    matched = (
        select(*every.c, func.count().over().label("in_all"))
        .order_by(every.c.at.desc(), every.c.id.desc())
        .limit(plainly(most))
        .cte("newest")
    )
    bits: ColumnElement[Any] = literal_column("0", BigInteger())
    if len(shape.needs) == 1:
        bits = literal_column("1", BigInteger())
    for number, need in enumerate(shape.needs if len(shape.needs) > 1 else ()):
        held = _holds(need, _Plain(matched.c.terms))
        bits = bits + case((held, literal_column(str(1 << number))), else_=literal_column("0"))
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


# --- looking ----------------------------------------------------------------------------


class _Look:
    """One search for one actor, whatever combination of the words is looked for."""

    def __init__(self, uow: UnitOfWork, actor: Actor, filters: ColumnElement[bool], wanted: Wanted) -> None:
        self.session, self.filters, self.seen = uow.session, filters, seen_by(actor)
        needs, hashes = _named(wanted.needs)
        without, unwanted = _named(wanted.without, len(hashes))
        self.shape = _Shape(needs, len(wanted.required), without, actor.staff)
        newest = {"newest_day": _day_of(clock.now() + timedelta(days=1))}
        self.values = hashes | unwanted | _asked(actor) | newest
        self._talks_found: list[UUID] | None = None
        self._rare: dict[Which, bool] = {}

    async def plan_for_these_words(self) -> None:
        """For this transaction only: a plan made for no words in particular would be wrong for rare
        and for common ones, starting parallel workers takes longer than any search may, and of ways to
        walk a table none is wanted."""
        await self.session.execute(_PLANNED)

    async def soon(self, tickets: int) -> Matches:
        """The newest of so many tickets, if they are found by looking at little."""
        if self._all_fit or await self._few_talks() is not None or await self._is_rare(Which.every):
            return await self.newest(Which.every, SOON)
        for count, among in CHANGED:
            changed = await self._of_changed(count, among)
            if changed.tickets >= tickets:
                return changed
            if changed.tickets * 4 < tickets:
                break
        for most in sorted({min(tickets * 3 // 2, SOON), SOON}):
            found = await self.newest(Which.every, most)
            if found.stopped or not found.more or found.tickets >= tickets:
                break
        return found

    async def newest(self, which: Which, most: int = MOST_OPENED) -> Matches:
        return await (self._of_words if self._all_fit else self._of_fitting)(which, most)

    @property
    def _all_fit(self) -> bool:
        return _is_true(self.filters) and _is_true(self.seen)

    async def _of_words(self, which: Which, most: int) -> Matches:
        if (found := await self._found(_latest(self.shape, which, most), most)).more:
            return found
        if await self._is_rare(which) and (every := await self._every(which, most)) is not None:
            return every
        if (found := await self._found(_days(self.shape, which, most), most)).more:
            return found
        # With what was said long before the desk began.
        return await self._every(which, most) or found

    async def _every(self, which: Which, most: int) -> Matches | None:
        """All that match, unless they are more than can be sorted soon."""
        rows = (await self.session.execute(_whole(self.shape, which, most), self.values)).all()
        return None if rows and rows[0].in_all >= FEW else _in_order(rows, most)

    async def _of_fitting(self, which: Which, most: int) -> Matches:
        """By whichever is rarer: the tickets that fit, or the words; when both are common, by day."""
        if (few := await self._few_talks()) is not None:
            return await self._inside(few, which, most)
        if await self._is_rare(which):
            held = self.shape.holds(which, _Plain(_M.terms))
            look = self._joined(_matching(self.shape, held, _M))
        else:
            look = _by_day(self.shape, which, most, self._fits(most))
        return await self._in_time(_with_tickets(look, self.shape, most), most)

    async def _of_changed(self, count: int, among: int) -> Matches:
        """What was said in the tickets that changed last, of those that fit: as far back as no other
        of them can have been spoken in."""
        rows = (await self.session.execute(self._changed(count, among))).all()
        own = [row.updated_at for row in rows if row.updated_at is not None]
        if not own:
            return Matches(more=True)
        back_to = own[-1] if len(own) == count else rows[0].horizon
        found = await self._inside([row.conversation_id for row in rows], Which.every, SOON)
        return Matches([match for match in found.rows if match.at > back_to + AHEAD], more=True)

    async def _inside(self, talks: list[UUID], which: Which, most: int) -> Matches:
        """What matches in some conversations."""
        inside = _M.conversation_id == any_(literal(talks, ARRAY(Uuid())))
        look = _matching(self.shape, and_(inside, self.shape.holds(which, _Plain(_M.terms))), _M)
        return await self._found(_with_tickets(look, self.shape, most), most)

    async def _few_talks(self) -> list[UUID] | None:
        """The conversations of the tickets that fit, where these are few."""
        if self._talks_found is None:
            query = self._talks().limit(plainly(FEW_TICKETS + 1))
            self._talks_found = list(await self.session.scalars(query))
        return self._talks_found if len(self._talks_found) <= FEW_TICKETS else None

    async def _is_rare(self, which: Which) -> bool:
        if which not in self._rare:
            counted = await self.session.scalar(_counted(self.shape, which, RARE), self.values)
            self._rare[which] = (counted or 0) < RARE
        return self._rare[which]

    def _fits(self, most: int) -> ColumnElement[bool]:
        """Whether a message is of a ticket that fits. Not a join: that would be made anew for each day."""
        if most > SOON:
            return case((_M.conversation_id.in_(self._talks()), true()))
        # Few are looked at, so each is asked for its ticket: less than to list all that fit. Where it was
        # merged into none, there is no need to ask its conversation.
        fits = case((and_(self.filters, self.seen), true()), else_=false())
        own = select(fits).where(_T.conversation_id == _M.conversation_id, _T.merged_into_id.is_(None))
        merged = (
            select(fits)
            .select_from(Conversation.__table__)
            .join(Ticket.__table__, _T.conversation_id == func.coalesce(_C.root_id, _C.id))
            .where(_C.id == _M.conversation_id)
        )
        asked = (each.correlate(Message.__table__).scalar_subquery() for each in (own, merged))
        return func.coalesce(*asked)

    def _talks(self) -> Any:
        """The conversations of tickets that fit, and those that were merged into them."""
        fitting: Any = select(_T.conversation_id).where(self.filters, self.seen).cte("fitting")
        merged = select(_C.id).where(_C.root_id.in_(select(fitting.c.conversation_id)))
        return union_all(select(fitting.c.conversation_id), merged)

    def _changed(self, count: int, among: int) -> AnySelect:
        """The conversations of so many tickets that fit and changed last, the latest first, among the
        latest of the desk (`horizon`), and those that were merged into them."""
        every = Ticket.__table__.alias("every")
        horizon = (
            select(every.c.updated_at)
            .order_by(every.c.updated_at.desc(), every.c.number.desc())
            .offset(plainly(among))
            .limit(plainly(1))
            .scalar_subquery()
        )
        since = func.coalesce(horizon, literal_column("'epoch'::timestamptz"))
        fitting = (
            select(_T.conversation_id, _T.updated_at)
            .where(self.filters, self.seen, _T.updated_at > since)
            .order_by(_T.updated_at.desc())
            .limit(plainly(count))
            .cte("fitting")
        )
        merged = select(_C.id, null()).where(_C.root_id.in_(select(fitting.c.conversation_id)))
        talks = union_all(select(fitting.c.conversation_id, fitting.c.updated_at), merged).subquery()
        return select(*talks.c, since.label("horizon")).order_by(talks.c.updated_at.desc().nulls_last())

    def _joined(self, query: AnySelect) -> AnySelect:
        return (
            query.join(Conversation.__table__, _C.id == _M.conversation_id)
            .join(Ticket.__table__, _T.conversation_id == func.coalesce(_C.root_id, _C.id))
            .where(self.filters, self.seen)
        )

    async def _found(self, statement: AnySelect, most: int) -> Matches:
        return _in_order((await self.session.execute(statement, self.values)).all(), most)

    async def _in_time(self, statement: AnySelect, most: int) -> Matches:
        """What is found, unless it takes too long: then nothing, and `stopped` says so."""
        try:
            async with self.session.begin_nested():
                await self.session.execute(_limit_of(f"{PATIENCE_SECONDS * 1000:.0f}ms"))
                found = await self._found(statement, most)
                await self.session.execute(_limit_of("0"))
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) != _STOPPED:
                raise
            return Matches(more=True, stopped=True)
        return found


_PLANNED = select(
    func.set_config("plan_cache_mode", "force_custom_plan", True),
    func.set_config("max_parallel_workers_per_gather", "0", True),
    func.set_config("enable_seqscan", "off", True),
)


def _in_order(rows: Sequence[Any], most: int) -> Matches:
    latest = sorted(rows, key=lambda each: (each.at, each.id), reverse=True)
    return Matches(latest, more=bool(latest) and latest[0].in_all > most)


def _is_true(expression: ColumnElement[bool]) -> bool:
    return str(expression) == "true"


def _limit_of(time: str) -> AnySelect:
    return select(func.set_config("statement_timeout", time, True))


def _day_of(at: datetime) -> int:
    """As `term_days` of the database counts them."""
    return (at - _DAY_0).days
