"""Conditions in Python and in PostgreSQL say the same of the same rows, the missing ones too."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    DateTime,
    Double,
    Integer,
    MetaData,
    Numeric,
    String,
    Table,
    Text,
    Uuid,
    select,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from core import conditions as c

NOW = datetime(2026, 10, 25, 12, tzinfo=ZoneInfo("Europe/Berlin"))
"""A day with 25 hours: the bounds of days must be the zone's own."""
CHOICES = {"low": "Low", "normal": "Normal", "high": "High"}
LEVELS = list(CHOICES)
FIELDS = c.Fields.of(
    c.Field(name="text", kind=c.Kind.text, label="Text"),
    c.Field(name="whole", kind=c.Kind.number, label="Whole"),
    c.Field(name="real", kind=c.Kind.number, label="Real"),
    c.Field(name="exact", kind=c.Kind.number, label="Exact"),
    c.Field(name="choice", kind=c.Kind.choice, label="Choice", choices=CHOICES, ordered=True),
    c.Field(name="flag", kind=c.Kind.bool, label="Flag"),
    c.Field(name="at", kind=c.Kind.time, label="At"),
    c.Field(name="words", kind=c.Kind.words, label="Words"),
    c.Field(name="set", kind=c.Kind.set, label="Set"),
    c.Field(name="id", kind=c.Kind.id, label="Id"),
    c.Field(name="level", kind=c.Kind.choice, label="Level", choices=CHOICES, ordered=True),
    c.Field(name="numbered", kind=c.Kind.set, label="Numbered"),
    c.Field(name="rank", kind=c.Kind.choice, label="Rank", choices=CHOICES, ordered=True),
)
ROWS = Table(
    "condition_rows",
    MetaData(),
    Column("n", Integer, primary_key=True),
    Column("text", Text),
    Column("whole", Integer),
    Column("real", Double),
    Column("exact", Numeric),
    Column("choice", String(10)),
    Column("flag", Boolean),
    Column("at", DateTime(timezone=True)),
    Column("words", ARRAY(Text)),
    Column("set", ARRAY(String(20))),
    Column("id", Uuid),
    Column("rank", Integer),
    Column("level", Integer),
    Column("numbered", ARRAY(BigInteger)),
    prefixes=["TEMPORARY"],
)

TEXTS = ["a", "A", "ab", "a%", "a_b", "%", "/", "a/b", "\\", "ä", "a\u0308", "ß", "é ", " a", "😀", "'", "1"]
NUMBERS = [0, 1, -1, 2.5, 0.1, 100, 10**9, 10**12, -2.5, 1e-9]
WORDS = ["refund", "refunds", "rückgabe", "a_b", "it's", "x1"]
TAGS = ["vip", "VIP", "a,b", "{}", '"', "null", "ä"]
IDS = [UUID(int=n) for n in range(1, 4)]
TIMES = [
    datetime(2026, 10, 24, 22, tzinfo=UTC),
    datetime(2026, 10, 24, 21, 59, 59, 999999, tzinfo=UTC),
    datetime(2026, 10, 25, 23, tzinfo=UTC),
    datetime(2026, 10, 25, 22, 59, 59, 999999, tzinfo=UTC),
    datetime(2026, 10, 18, 11, tzinfo=UTC),
    datetime(2026, 1, 1, tzinfo=UTC),
    NOW.astimezone(UTC),
]
MOMENTS = ["2026-10-25", "2026-10-24", "2026-01-01T00:00Z", "-7d", "-0m", "+2h", "2026-10-25T02:30", "-9999w"]


def make_rows() -> list[dict[str, object]]:
    """A fixed world in which each field takes each of its values, and is missing, many times."""
    dice = random.Random(7)

    def some(pool: list[object]) -> object:
        return None if dice.random() < 0.2 else dice.choice(pool)

    def several(pool: list[str]) -> object:
        return None if dice.random() < 0.2 else dice.sample(pool, dice.randrange(4))

    return [
        {
            "n": n,
            "text": some([*TEXTS, ""]),
            "whole": some([0, 1, -1, 2, 100, 10**9]),
            "real": some([0.0, 1.0, 2.5, 0.1, -2.5, 1e12, 1e-9]),
            "exact": some([Decimal(0), Decimal("2.5"), Decimal("0.1"), Decimal("100.00"), Decimal(10**12)]),
            "choice": some(list(CHOICES)),
            "flag": some([True, False]),
            "at": some([*TIMES, NOW - timedelta(days=7)]),
            "words": several(WORDS),
            "set": several(TAGS),
            "id": some(list(IDS)),
            "rank": some([0, 1, 2]),
            "level": some([0, 1, 2]),
            "numbered": None if dice.random() < 0.2 else dice.sample([0, 1, 2], dice.randrange(4)),
        }
        for n in range(150)
    ]


def facts_of(row: dict[str, object]) -> dict[str, object]:
    """The row in the words of the fields: the table keeps numbers for some of them."""
    numbered = row["numbered"]
    return row | {
        "rank": _word(row["rank"]),
        "level": _word(row["level"]),
        "numbered": [TAGS[each] for each in numbered] if isinstance(numbered, list) else None,
    }


def _word(level: object) -> str | None:
    return LEVELS[level] if isinstance(level, int) else None


def rank_to_sql(test: c.Test, now: datetime) -> ColumnElement[bool]:
    """A function as a column, as anyone may write one."""
    ranks = LEVELS
    match test.op:
        case c.Op.empty:
            return ROWS.c.rank.is_(None)
        case c.Op.in_ if isinstance(test.value, tuple):
            return ROWS.c.rank.in_([ranks.index(str(value)) for value in test.value])
    rank = ranks.index(str(test.value))
    match test.op:
        case c.Op.is_:
            return ROWS.c.rank == rank
        case c.Op.lt:
            return ROWS.c.rank < rank
        case c.Op.le:
            return ROWS.c.rank <= rank
        case c.Op.gt:
            return ROWS.c.rank > rank
        case c.Op.ge:
            return ROWS.c.rank >= rank
    raise AssertionError(f"a positive operator was promised, not {test.op}")


COLUMNS: dict[str, c.Column] = {name: ROWS.c[name] for name in FIELDS} | {
    "rank": rank_to_sql,
    "level": c.through(ROWS.c.level, {word: n for n, word in enumerate(CHOICES)}),
    "numbered": c.through(ROWS.c.numbered, {tag: n for n, tag in enumerate(TAGS[:3])}),
}
POOLS: dict[c.Kind, list[object]] = {
    c.Kind.text: [*TEXTS],
    c.Kind.number: [*NUMBERS],
    c.Kind.choice: [*CHOICES],
    c.Kind.bool: [True, False],
    c.Kind.time: [*MOMENTS],
    c.Kind.words: [*WORDS[:3], "it's", "x1", "refu"],
    c.Kind.set: [*TAGS],
    c.Kind.id: [str(each) for each in IDS],
}


@st.composite
def single(draw: st.DrawFn) -> dict[str, object]:
    field = FIELDS[draw(st.sampled_from(list(FIELDS)))]
    op = draw(st.sampled_from(c.operators(field)))
    json: dict[str, object] = {"field": field.name, "op": op.value}
    pool = st.sampled_from(POOLS[field.kind])
    if op in (c.Op.empty, c.Op.not_empty):
        return json
    if op is c.Op.in_:
        return json | {"value": draw(st.lists(pool, min_size=1, max_size=4))}
    return json | {"value": draw(pool)}


JSON = st.recursive(
    single(),
    lambda inner: (
        st.builds(lambda parts: {"all": parts}, st.lists(inner, max_size=3))
        | st.builds(lambda parts: {"any": parts}, st.lists(inner, min_size=1, max_size=3))
        | st.builds(lambda part: {"not": part}, inner)
    ),
    max_leaves=8,
).filter(lambda json: _depth(json) <= c.MAX_DEPTH)


def _depth(json: dict[str, object]) -> int:
    parts = json.get("all") or json.get("any") or ([json["not"]] if "not" in json else [])
    assert isinstance(parts, list)
    return 1 + max((_depth(part) for part in parts), default=0)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def rows(database_url: str) -> AsyncIterator[AsyncConnection]:
    """One connection with a temporary table of the fixed world."""
    engine = create_async_engine(make_url(database_url).set(drivername="postgresql+asyncpg"))
    async with engine.connect() as connection:
        await connection.run_sync(ROWS.metadata.create_all)
        await connection.execute(ROWS.insert(), WORLD)
        # A transaction left open would hold up every reader of events on this server.
        await connection.commit()
        yield connection
    await engine.dispose()


WORLD = make_rows()


async def found(connection: AsyncConnection, condition: c.Condition) -> set[int]:
    statement = select(ROWS.c.n).where(c.to_sql(condition, COLUMNS, NOW))
    numbers = set((await connection.scalars(statement)).all())
    await connection.rollback()
    return numbers


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(json=JSON)
async def test_python_and_postgres_agree(rows: AsyncConnection, json: dict[str, object]) -> None:
    condition = c.parse(json, FIELDS)
    expected = {row["n"] for row in WORLD if c.matches(condition, facts_of(row), NOW)}
    assert await found(rows, condition) == expected
    assert await found(rows, c.Not(condition)) == {row["n"] for row in WORLD} - expected
    assert {row["n"] for row in WORLD if c.explain(condition, facts_of(row), NOW).held} == expected
    assert c.parse(c.to_json(condition), FIELDS) == condition
    assert c.describe(condition)


@pytest.mark.parametrize("name", list(FIELDS))
async def test_every_operator_of_a_field_agrees(rows: AsyncConnection, name: str) -> None:
    field = FIELDS[name]
    for op in c.operators(field):
        for value in POOLS[field.kind]:
            json: dict[str, object] = {"field": name, "op": op.value}
            if op not in (c.Op.empty, c.Op.not_empty):
                json["value"] = [value] if op is c.Op.in_ else value
            condition = c.parse(json, FIELDS)
            expected = {row["n"] for row in WORLD if c.matches(condition, facts_of(row), NOW)}
            assert await found(rows, condition) == expected, json


async def test_no_id_at_all_matches_nothing(rows: AsyncConnection) -> None:
    field = c.Field(name="id", kind=c.Kind.id, label="Id", names=("me",))
    mine = c.bind(c.parse({"field": "id", "op": "is", "value": "me"}, c.Fields.of(field)), {"me": []})
    assert await found(rows, mine) == set()
    assert len(await found(rows, c.Not(mine))) == len(WORLD)


def test_what_is_asked_for_positively_stays_plain() -> None:
    """An index on the column can serve it."""
    json = {
        "all": [{"field": "text", "op": "is", "value": "a"}, {"field": "set", "op": "contains", "value": "b"}]
    }
    where = c.to_sql(c.parse(json, FIELDS), COLUMNS, NOW)
    sql = str(where.compile(dialect=postgresql.dialect()))
    assert sql.startswith("condition_rows.text = ")
    assert "condition_rows.set @> " in sql
    assert "coalesce" not in sql
