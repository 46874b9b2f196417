"""What was searched for: how much, what most, and what nobody has written yet."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.dialects.postgresql import distinct_on

from core.access import Actor, Permission
from core.db import UnitOfWork
from core.kb import searches
from core.kb.likeness import Asked, Group, grouped
from core.kb.model import KbSearch
from core.kb.reporting import Scope

MOST_WORDINGS = 600
"""Wordings that are looked at for one report: the most frequent."""


async def by_day(uow: UnitOfWork, actor: Actor, of: Scope) -> dict[date, tuple[int, ...]]:
    """Searches of each day, and those of them that found nothing. A search has no topic."""
    actor.require(Permission.see_reports)
    day = of.day_of(KbSearch.at)
    query = (
        select(day, func.count(), func.count().filter(KbSearch.results == 0)).where(*_of(of)).group_by(day)
    )
    return {day: (count, empty) for day, count, empty in await uow.session.execute(query)}


async def most_asked(uow: UnitOfWork, actor: Actor, of: Scope, *, limit: int = 100) -> list[Group]:
    """What is searched for most, alike ones together."""
    return (await _groups(uow, actor, of, unanswered=False))[:limit]


async def to_write(uow: UnitOfWork, actor: Actor, of: Scope, *, limit: int = 100) -> list[Group]:
    """What was looked for and not found, alike ones together: what to write next. What is found by
    now is not among it."""
    return (await _groups(uow, actor, of, unanswered=True))[:limit]


async def _groups(uow: UnitOfWork, actor: Actor, of: Scope, *, unanswered: bool) -> list[Group]:
    actor.require(Permission.see_reports)
    where = [*_of(of), *([KbSearch.results == 0] if unanswered else [])]
    query = (
        select(KbSearch.digest, func.count(), func.max(KbSearch.at))
        .where(*where)
        .group_by(KbSearch.digest)
        .order_by(func.count().desc(), func.max(KbSearch.at).desc())
        .limit(MOST_WORDINGS)
    )
    rows = [(digest, count, last) for digest, count, last in await uow.session.execute(query)]
    asked = await _worded(uow, rows, unanswered)
    return await asyncio.to_thread(grouped, asked)


async def _worded(
    uow: UnitOfWork, rows: Sequence[tuple[bytes, int, datetime]], unanswered: bool
) -> list[Asked]:
    """The groups of the database with the words of their newest search."""
    newest = (
        select(KbSearch.digest, KbSearch.id, KbSearch.words, KbSearch.language, KbSearch.results)
        .where(KbSearch.digest.in_([digest for digest, _count, _last in rows]))
        .ext(distinct_on(KbSearch.digest))
        .order_by(KbSearch.digest, KbSearch.at.desc())
    )
    known: dict[bytes, tuple[UUID, bytes, str, int]] = {
        row[0]: (row[1], row[2], row[3], row[4]) for row in await uow.session.execute(newest)
    }
    found: list[Asked] = []
    for digest, count, last in rows:
        row_id, sealed, language, results = known[digest]
        words = searches.read(uow, row_id, sealed)
        if words and not (unanswered and results):
            found.append(Asked(words, count, last, language))
    return found


def _of(of: Scope) -> list[ColumnElement[bool]]:
    where = [of.within(KbSearch.at)]
    if of.language:
        where.append(KbSearch.language == of.language)
    if of.channel:
        where.append(KbSearch.channel == of.channel)
    return where
