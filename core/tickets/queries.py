"""Lists of tickets: queues, filters and counts; paged by key, decrypted only where shown.

A page costs at most four queries, whatever the desk's size: the rows, the names of people, the
names of teams, categories and tags.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache, lru_cache
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    and_,
    any_,
    bindparam,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
    tuple_,
    union,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute, aliased
from sqlalchemy.types import BigInteger, Boolean, DateTime, TypeEngine, Uuid

from core import clock
from core.access import Actor, Permission
from core.conditions import All as AllOf
from core.conditions import Any as AnyOf
from core.conditions import Column, Condition, Test, through, to_sql
from core.conditions import Not as NotOf
from core.conditions import bind as bind_names
from core.conversations.model import Audience, Conversation, Message
from core.crypto.fields import Unreadable, unseal_text
from core.crypto.model import PersonKey
from core.db import UnitOfWork
from core.errors import Invalid
from core.i18n import _
from core.people.model import Tag, Team
from core.people.naming import Named, name_for, named
from core.tickets import access
from core.tickets.model import LIVE, Category, Participant, Status, Ticket

AnySelect = Select[*tuple[Any, ...]]

MOST_ROWS = 200
_LATEST = "-updated_at"
MOST_COUNTED = 1_000
"""Counts stop here: a queue of more shows `999+`."""


class Queue(StrEnum):
    """The queues that every desk has. Snoozed tickets are out of the first three until they wake."""

    mine = "mine"
    unassigned = "unassigned"
    my_teams = "my_teams"
    offered = "offered"
    waiting = "waiting"
    snoozed = "snoozed"
    resolved = "resolved"
    closed = "closed"
    all = "all"


COUNTED = (
    Queue.mine, Queue.unassigned, Queue.my_teams, Queue.offered, Queue.waiting, Queue.snoozed, Queue.all,
)  # fmt: skip

SORTS: Mapping[str, tuple[InstrumentedAttribute[Any], ...]] = {
    "updated_at": (Ticket.updated_at, Ticket.number),
    "created_at": (Ticket.created_at, Ticket.number),
    "priority_rank": (Ticket.priority_rank, Ticket.updated_at, Ticket.number),
    "status": (Ticket.status, Ticket.updated_at, Ticket.number),
    "last_requester_at": (Ticket.last_requester_at, Ticket.number),
    "number": (Ticket.number,),
}
"""What a list may be sorted by, `-` before it for descending; each ends in the number, so that
no two rows are equal and a cursor always knows where it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A ticket as a list shows it, in the clear. `unread`: somebody else said something after
    the actor's read mark. `waiting_for` is whose turn it is: `agent` or `requester`."""

    id: UUID
    number: int
    link: str
    subject: str
    status: str
    priority: str
    priority_rank: int
    requester_id: UUID
    requester_name: str
    assignee_id: UUID | None
    assignee_name: str
    team_id: UUID | None
    team_name: str
    category_id: UUID | None
    category_name: str
    tags: tuple[str, ...]
    channel: str
    language: str | None
    organisation_id: UUID | None
    created_at: datetime
    updated_at: datetime
    last_requester_at: datetime | None
    last_staff_at: datetime | None
    resolved_at: datetime | None
    snoozed_until: datetime | None
    merged_into: int | None
    unread: bool
    has_file: bool
    messages: int
    rating: int | None
    waiting_for: str
    version: int

    @property
    def live(self) -> bool:
        return self.status in LIVE


@dataclass(frozen=True, slots=True)
class Page:
    """One page; `next` and `previous` are cursors for `after` and `before`, None at the ends."""

    rows: list[Row] = field(default_factory=list)
    next: str | None = None
    previous: str | None = None


async def page(
    uow: UnitOfWork,
    actor: Actor,
    where: Queue | Condition | ColumnElement[bool],
    sort: str = "-updated_at",
    *,
    after: str | None = None,
    before: str | None = None,
    limit: int = 50,
) -> Page:
    """Tickets that the actor may see, of a queue, a condition or an expression.

    Raises `Invalid` for a sort or a cursor that is none.
    """
    columns, _descending = _sort(sort)
    limit = max(1, min(limit, MOST_ROWS))
    backwards, cursor = before is not None, before if before is not None else after
    values: dict[str, Any] = {"reader": actor.id} | _asked_by(actor)
    if cursor is not None:
        values |= _read_cursor(sort, columns, cursor)
    if isinstance(where, Queue) and actor.may(Permission.see_all_tickets):
        query = _queue_page(where, sort, limit + 1, backwards, cursor is not None, actor.staff)
    else:
        wanted = and_(await expression_of(uow, actor, where), seen_by(actor))
        query = _stretch(wanted, sort, limit + 1, backwards, cursor is not None, actor.staff)
    found = (await uow.session.execute(query, values)).all()
    more, found = len(found) > limit, found[:limit]
    if backwards:
        found = found[::-1]
    rows = await _in_the_clear(uow, actor, found)
    if not rows:
        return Page([], None, None)
    first, last = (_cursor(sort, columns, found[index]) for index in (0, -1))
    older = more if not backwards else True
    newer = more if backwards else after is not None
    return Page(rows, last if older else None, first if newer else None)


async def rows_of(uow: UnitOfWork, actor: Actor, ids: Sequence[UUID]) -> list[Row]:
    """Some tickets by id, in the order asked for; what may not be seen is missing."""
    if not ids:
        return []
    some = Ticket.id == any_(literal(list(ids), ARRAY(Uuid())))
    query = _rows(actor.staff).where(some, access.visible(actor))
    values = {"reader": actor.id} | _asked_by(actor)
    rows = await _in_the_clear(uow, actor, (await uow.session.execute(query, values)).all())
    by_id = {row.id: row for row in rows}
    return [by_id[each] for each in ids if each in by_id]


async def row(uow: UnitOfWork, actor: Actor, number: int) -> Row | None:
    """One ticket as a list shows it, for a line that is to be drawn anew."""
    query = _rows(actor.staff).where(Ticket.number == number, access.visible(actor))
    values = {"reader": actor.id} | _asked_by(actor)
    rows = await _in_the_clear(uow, actor, (await uow.session.execute(query, values)).all())
    return rows[0] if rows else None


async def counts(uow: UnitOfWork, actor: Actor, queues: Sequence[Queue] = COUNTED) -> dict[Queue, int]:
    """How many tickets lie in each queue, in one query; counting stops at `MOST_COUNTED`."""
    if not queues:
        return {}
    everything = actor.may(Permission.see_all_tickets)
    statement = _all_counts(tuple(queues)) if everything else _counts(queues, seen_by(actor))
    found = (await uow.session.execute(statement, _asked_by(actor))).one()
    return dict(zip(queues, (int(number) for number in found), strict=True))


@cache
def _all_counts(queues: tuple[Queue, ...]) -> AnySelect:
    return _counts(queues, true())


def _counts(queues: Sequence[Queue], seen: ColumnElement[bool]) -> AnySelect:
    columns = []
    for queue in queues:
        some = (
            select(literal_column("1"))
            .select_from(Ticket)
            .where(_queue(queue, _ME, _TEAMS, _NOW), seen)
            .limit(plainly(MOST_COUNTED))
            .subquery()
        )
        columns.append(select(func.count()).select_from(some).scalar_subquery().label(queue.name))
    return select(*columns)


async def count(uow: UnitOfWork, actor: Actor, where: Queue | Condition | ColumnElement[bool]) -> int:
    """How many tickets a view holds, `MOST_COUNTED` at most."""
    expression = await expression_of(uow, actor, where)
    some = (
        select(literal_column("1"))
        .select_from(Ticket)
        .where(expression, seen_by(actor))
        .limit(plainly(MOST_COUNTED))
    ).subquery()
    return int(await uow.session.scalar(select(func.count()).select_from(some)) or 0)


def shown_count(number: int) -> str:
    """A count for people: `999+` where counting stopped."""
    return str(number) if number < MOST_COUNTED else f"{MOST_COUNTED - 1}+"


async def history_of(
    uow: UnitOfWork,
    actor: Actor,
    requester_id: UUID,
    *,
    but: UUID | None = None,
    after: str | None = None,
    limit: int = 10,
) -> Page:
    """A requester's tickets, the newest first, `but` one: for the panel beside a ticket."""
    if after is None and actor.may(Permission.see_all_tickets):
        return await _whole_history(uow, actor, requester_id, but or NOBODY, limit)
    mine = Ticket.requester_id == requester_id
    return await page(
        uow, actor, mine if but is None else and_(mine, Ticket.id != but), after=after, limit=limit
    )


async def _whole_history(uow: UnitOfWork, actor: Actor, requester_id: UUID, but: UUID, limit: int) -> Page:
    """The first page for those who see all tickets: its statement is built once."""
    values = {"reader": actor.id, "requester": requester_id, "but": but} | _asked_by(actor)
    found = (await uow.session.execute(_history(limit + 1, actor.staff), values)).all()
    rows = await _in_the_clear(uow, actor, found[:limit])
    if not rows:
        return Page([], None, None)
    columns, _descending = _sort(_LATEST)
    more = len(found) > limit
    return Page(rows, _cursor(_LATEST, columns, found[limit - 1]) if more else None, None)


@lru_cache(maxsize=20)
def _history(most: int, staff: bool) -> AnySelect:
    one = bindparam("requester", type_=Uuid())
    mine = and_(Ticket.requester_id == one, Ticket.id != bindparam("but", type_=Uuid()))
    return _stretch(mine, _LATEST, most, False, False, staff)


# --- what is asked for ------------------------------------------------------------------


def queue_expression(actor: Actor, queue: Queue, now: datetime) -> ColumnElement[bool]:
    """Which tickets a queue holds for an actor."""
    asked = _asked_by(actor)
    return _queue(
        queue,
        literal(asked["me"], Uuid()),
        literal(asked["teams"], ARRAY(Uuid())),
        literal(now, DateTime(timezone=True)),
    )


NOBODY = UUID(int=0)
_ME = bindparam("me", type_=Uuid())
_TEAMS = bindparam("teams", type_=ARRAY(Uuid()))
_NOW = bindparam("now", type_=DateTime(timezone=True))


def _asked_by(actor: Actor) -> dict[str, Any]:
    """The values of a statement that was made once for everybody."""
    return {"me": actor.id or NOBODY, "teams": sorted(actor.teams), "now": clock.now()}


def _queue(queue: Queue, me: Any, teams: Any, now: Any) -> ColumnElement[bool]:
    """Each queue is worded as its partial index is."""
    awake = or_(Ticket.snoozed_until.is_(None), Ticket.snoozed_until <= now)
    match queue:
        case Queue.mine:
            return and_(Ticket.assignee_id == me, _live(), awake)
        case Queue.unassigned:
            return and_(Ticket.assignee_id.is_(None), _live(), awake)
        case Queue.my_teams:
            return and_(Ticket.team_id == any_(teams), _live(), awake)
        case Queue.offered:
            return and_(Ticket.offered_to_id == me, Ticket.offered_until > now)
        case Queue.snoozed:
            # Only live tickets sleep; said again, it finds their index.
            return and_(Ticket.snoozed_until.is_not(None), Ticket.snoozed_until > now, _live())
        case Queue.waiting | Queue.resolved | Queue.closed:
            return Ticket.status == literal_column(f"'{queue.value}'", Text())
        case _:
            return true()


def _live() -> ColumnElement[bool]:
    # Letter by letter what the partial indexes say, not as values that a plan does not know.
    return literal_column("ticket.status in ('open','in_progress','waiting')", Boolean())


async def expression_of(
    uow: UnitOfWork, actor: Actor, where: Queue | Condition | ColumnElement[bool]
) -> ColumnElement[bool]:
    """What a page is asked for, as a condition of a query."""
    if isinstance(where, Queue):
        return queue_expression(actor, where, clock.now())
    if isinstance(where, ColumnElement):
        return where
    return await compiled(uow, actor, where)


async def compiled(
    uow: UnitOfWork, actor: Actor, condition: Condition, now: datetime | None = None
) -> ColumnElement[bool]:
    """A condition over `TICKET_FIELDS`, its `me` and `mine` bound to the actor, as SQL. Days are
    those of the zone of `now`."""
    bound = bind_names(condition, {"me": [actor.id] if actor.id else [], "mine": sorted(actor.teams)})
    words = _tag_words(bound)
    tags: dict[str, int] = {}
    if words:
        found = await uow.session.execute(select(Tag.name, Tag.id).where(Tag.name.in_(words)))
        tags = dict(found.all())
    return to_sql(bound, columns(tags), now or clock.now())


def columns(tags: Mapping[str, int]) -> dict[str, Column]:
    """Which column answers for which field of a condition; `tags` are the ids of tag words."""
    return {
        "status": Ticket.status,
        "priority": Ticket.priority,
        "team": Ticket.team_id,
        "assignee": Ticket.assignee_id,
        "requester": Ticket.requester_id,
        "category": Ticket.category_id,
        "organisation": Ticket.organisation_id,
        "tags": through(Ticket.tags, tags),
        "channel": Ticket.channel,
        "created": Ticket.created_at,
        "updated": Ticket.updated_at,
        "resolved": Ticket.resolved_at,
        "has_file": Ticket.has_file,
        "snoozed_until": Ticket.snoozed_until,
        "snoozed": Ticket.snoozed_until.is_not(None),
        "language": Ticket.language,
        "rating": Ticket.rating,
    }


def seen_by(actor: Actor) -> ColumnElement[bool]:
    """Which tickets an actor may see, worded so that a requester's few tickets are found first
    and the desk's many are never walked. It says what `access.visible` says, but that of what a
    former agent was assigned only live tickets are listed."""
    if actor.may(Permission.see_all_tickets) or actor.may(Permission.see_team_tickets) or actor.id is None:
        return access.visible(actor)
    own = [
        select(Ticket.id).where(Ticket.requester_id == actor.id),
        select(Ticket.id).where(Ticket.assignee_id == actor.id, _live()),
        select(Participant.ticket_id).where(Participant.person_id == actor.id),
    ]
    if actor.organisation is not None:
        own.append(select(Ticket.id).where(Ticket.organisation_id == actor.organisation))
    few = func.any(func.array(union(*own).scalar_subquery(), type_=ARRAY(Uuid())))
    return and_(Ticket.id == few, access.visible(actor))


def _tag_words(condition: Condition) -> set[str]:
    match condition:
        case AllOf(parts) | AnyOf(parts):
            return set().union(*(_tag_words(part) for part in parts))
        case NotOf(part):
            return _tag_words(part)
        case Test():
            if condition.field.name != "tags" or condition.value is None:
                return set()
            values = condition.value if isinstance(condition.value, tuple) else (condition.value,)
            return {str(value) for value in values}


def plainly(most: int) -> ColumnElement[int]:
    """A limit written into the statement. As a bound value it is unknown to a plan that is made
    once for all values, which then expects a tenth of the table."""
    return literal_column(str(int(most)), BigInteger())


# --- pages and cursors ------------------------------------------------------------------


def _sort(sort: str) -> tuple[tuple[InstrumentedAttribute[Any], ...], bool]:
    name = sort.removeprefix("-")
    if name not in SORTS:
        raise Invalid(_("Lists cannot be sorted by that."), field="sort")
    return SORTS[name], sort.startswith("-")


@lru_cache(maxsize=500)
def _queue_page(queue: Queue, sort: str, most: int, backwards: bool, cursor: bool, staff: bool) -> AnySelect:
    """The statement of a queue's page for those who see all tickets: built once, since building it
    costs more than running it."""
    return _stretch(_queue(queue, _ME, _TEAMS, _NOW), sort, most, backwards, cursor, staff)


def _stretch(
    where: ColumnElement[bool], sort: str, most: int, backwards: bool, cursor: bool, staff: bool
) -> AnySelect:
    """So many rows in order, from a cursor on where there is one (`cursor0`, `cursor1`…). They are
    picked first and joined afterwards, or a long list would be joined before it is cut."""
    columns, descending = _sort(sort)
    down = descending != backwards
    picked = select(Ticket.__table__).where(where)
    if cursor:
        here = tuple_(*columns)
        there = tuple_(*(bindparam(f"cursor{n}", type_=_type(column)) for n, column in enumerate(columns)))
        picked = picked.where(here < there if down else here > there)
    if columns[0] is Ticket.last_requester_at:
        picked = picked.where(Ticket.last_requester_at.is_not(None))
    picked = picked.order_by(*(column.desc() if down else column.asc() for column in columns))
    shown = aliased(Ticket, picked.limit(plainly(most)).subquery())
    again = (getattr(shown, column.key) for column in columns)
    return _rows_from(shown, staff).order_by(*(each.desc() if down else each.asc() for each in again))


def _cursor(sort: str, columns: tuple[InstrumentedAttribute[Any], ...], ticket: Any) -> str:
    values = [sort, *(getattr(ticket, column.key) for column in columns)]
    return base64.urlsafe_b64encode(orjson.dumps(values)).decode().rstrip("=")


def _read_cursor(sort: str, columns: tuple[InstrumentedAttribute[Any], ...], cursor: str) -> dict[str, Any]:
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        made_for, *values = orjson.loads(base64.urlsafe_b64decode(padded))
        if made_for != sort or len(values) != len(columns):
            raise ValueError("another list's cursor")
        pairs = enumerate(zip(columns, values, strict=True))
        return {f"cursor{n}": _checked(column, value) for n, (column, value) in pairs}
    except (ValueError, TypeError, OverflowError, binascii.Error):
        raise Invalid(_("This list has moved on. Please start from its beginning."), field="after") from None


def _type(column: InstrumentedAttribute[Any]) -> TypeEngine[Any]:
    if isinstance(column.type, DateTime):
        return DateTime(timezone=True)
    return Text() if isinstance(column.type, Text) else BigInteger()


def _checked(column: InstrumentedAttribute[Any], value: Any) -> Any:
    """A cursor's value, when it can be one; else `ValueError` or `TypeError`."""
    if isinstance(column.type, DateTime):
        at = datetime.fromisoformat(value)
        if at.tzinfo is None:
            raise ValueError("not a moment")
        return at.astimezone(UTC)
    if isinstance(column.type, Text):
        if not isinstance(value, str) or "\0" in value:
            raise ValueError("not a text")
        value.encode()
        return value
    if isinstance(value, bool) or not isinstance(value, int) or not -(2**62) < value < 2**62:
        raise ValueError("not a number")
    return value


# --- rows in the clear ------------------------------------------------------------------

_PLAIN = (
    "id", "number", "link", "subject", "status", "priority", "priority_rank", "requester_id", "assignee_id",
    "team_id", "category_id", "organisation_id", "tags", "channel", "language", "created_at", "updated_at",
    "last_requester_at", "last_staff_at", "resolved_at", "snoozed_until", "has_file", "messages", "rating",
    "version",
)  # fmt: skip


@cache
def _rows(staff: bool) -> AnySelect:
    """A ticket's plain columns with what opens its subject, and whether there is news in it."""
    return _rows_from(Ticket, staff)


def _rows_from(ticket: Any, staff: bool) -> AnySelect:
    reader = bindparam("reader", type_=Uuid())
    # A subquery by primary key, not a join: agents are on thousands of tickets, requesters on few,
    # and a plan that is made for all of them would read the wrong one's whole list.
    mark = (
        select(Participant.read_seq)
        .where(Participant.ticket_id == ticket.id, Participant.person_id == reader)
        .correlate(ticket)
        .scalar_subquery()
    )
    news = [
        Message.conversation_id == ticket.conversation_id,
        Message.seq > func.coalesce(mark, literal_column("0")),
        Message.author_id.is_distinct_from(reader),
    ]
    if not staff:
        said_at = func.coalesce(Message.visible_at, Message.at)
        in_time = or_(Message.deleted_at.is_(None), Message.deleted_at >= said_at)
        news += [Message.audience == Audience.everyone.value, said_at <= _NOW, in_time]
    merged = aliased(Ticket)
    merged_into = (
        select(merged.number).where(merged.id == ticket.merged_into_id).correlate(ticket).scalar_subquery()
    )
    return (
        select(
            *(getattr(ticket, name) for name in _PLAIN),
            merged_into.label("merged_into"),
            exists().where(*news).correlate(ticket).label("unread"),
            Conversation.id.label("conversation_id"),
            Conversation.owner_id,
            Conversation.wrapped_key,
            PersonKey.wrapped,
            PersonKey.intermediate_id,
        )
        .select_from(ticket)
        .join(Conversation, Conversation.id == ticket.conversation_id)
        .join(PersonKey, PersonKey.person_id == Conversation.owner_id, isouter=True)
    )


async def _in_the_clear(uow: UnitOfWork, actor: Actor, found: Sequence[Any]) -> list[Row]:
    if not found:
        return []
    people = await named(uow, [pid for each in found for pid in (each.requester_id, each.assignee_id)])
    names = await names_of(
        uow,
        teams=(each.team_id for each in found),
        categories=(each.category_id for each in found),
        tags=(tag for each in found for tag in each.tags),
    )
    return [await _row(uow, actor, each, people, names) for each in found]


async def _row(uow: UnitOfWork, actor: Actor, each: Any, people: Mapping[UUID, Named], names: Names) -> Row:
    return Row(
        id=each.id,
        number=each.number,
        link=each.link,
        subject=await _subject(uow, each),
        status=each.status,
        priority=each.priority,
        priority_rank=each.priority_rank,
        requester_id=each.requester_id,
        requester_name=name_for(uow, actor, people.get(each.requester_id)),
        assignee_id=each.assignee_id,
        assignee_name=name_for(uow, actor, people.get(each.assignee_id)),
        team_id=each.team_id,
        team_name=names.teams.get(each.team_id, ""),
        category_id=each.category_id,
        category_name=names.categories.get(each.category_id, ""),
        tags=tuple(sorted(names.tags[tag] for tag in each.tags if tag in names.tags)),
        channel=each.channel,
        language=each.language,
        organisation_id=each.organisation_id,
        created_at=each.created_at,
        updated_at=each.updated_at,
        last_requester_at=each.last_requester_at,
        last_staff_at=each.last_staff_at,
        resolved_at=each.resolved_at,
        snoozed_until=each.snoozed_until,
        merged_into=each.merged_into,
        unread=each.unread,
        has_file=each.has_file,
        messages=each.messages,
        rating=each.rating,
        waiting_for=_whose_turn(each.status, each.last_requester_at, each.last_staff_at),
        version=each.version,
    )


def _whose_turn(status: str, requester_at: datetime | None, staff_at: datetime | None) -> str:
    if status == Status.waiting:
        return "requester"
    if staff_at is not None and (requester_at is None or staff_at >= requester_at):
        return "requester"
    return "agent"


async def _subject(uow: UnitOfWork, each: Any) -> str:
    if each.subject is None:
        return _("(no subject)")
    if each.wrapped is None:
        return _("(erased)")
    try:
        owner = await uow.keys.open_person(uow.session, each.owner_id, each.wrapped, each.intermediate_id)
        key = uow.keys.open_data_key(owner, each.conversation_id, each.wrapped_key)
        return unseal_text(key, each.subject, "ticket.subject", each.id)
    except Unreadable:
        return _("(erased)")


@dataclass(frozen=True, slots=True)
class Names:
    """What teams, categories and tags are called."""

    teams: dict[UUID | None, str] = field(default_factory=dict)
    categories: dict[UUID | None, str] = field(default_factory=dict)
    tags: dict[int, str] = field(default_factory=dict)


def _named(kind: str, model: type[Team | Category | Tag], key: str, type_: TypeEngine[Any]) -> AnySelect:
    numbered = model is Tag
    return select(
        literal_column(f"'{kind}'", Text()),
        (literal_column("null", Uuid()) if numbered else model.id).label("uid"),
        (model.id if numbered else literal_column("0", BigInteger())).label("number"),
        model.name,
    ).where(model.id == any_(bindparam(key, type_=ARRAY(type_))))


_NAMES = union_all(
    _named("team", Team, "teams", Uuid()),
    _named("category", Category, "categories", Uuid()),
    _named("tag", Tag, "tags", BigInteger()),
)


async def names_of(
    uow: UnitOfWork,
    *,
    teams: Iterable[UUID | None] = (),
    categories: Iterable[UUID | None] = (),
    tags: Iterable[int] = (),
) -> Names:
    """Names of teams, categories and tags by id, in one query; none where none is asked for."""
    wanted = {
        "teams": [*{each for each in teams if each}],
        "categories": [*{each for each in categories if each}],
        "tags": [*set(tags)],
    }
    names = Names()
    if not any(wanted.values()):
        return names
    for kind, uid, number, name in await uow.session.execute(_NAMES, wanted):
        match kind:
            case "team":
                names.teams[uid] = name
            case "category":
                names.categories[uid] = name
            case _:
                names.tags[number] = name
    return names
