"""What became of offering articles: shown, taken, and whether it held.

Somebody who said "That solved it" had a ticket less; if the question came back within a week, it
had not. What agents look up for themselves is counted apart.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_, select

from core import clock
from core.access import Actor, Permission
from core.db import UnitOfWork
from core.kb.model import Article, Outcome, Suggestion
from core.kb.reporting import Scope

HOLDS = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of a number of offers."""

    shown: int = 0
    solved: int = 0
    held: int = 0
    """Said to be solved, and not reopened within a week."""
    young: int = 0
    """Of those that held: said less than a week ago, so that it may still come back."""
    not_needed: int = 0
    human: int = 0
    dismissed: int = 0
    by_agents: int = 0
    inserted: int = 0

    @property
    def unanswered(self) -> int:
        return max(self.shown - self.solved - self.not_needed - self.human - self.dismissed, 0)

    @property
    def solved_rate(self) -> float | None:
        return self.solved / self.shown if self.shown else None

    @property
    def held_rate(self) -> float | None:
        return self.held / self.shown if self.shown else None


async def total(uow: UnitOfWork, actor: Actor, of: Scope) -> Tally:
    actor.require(Permission.see_reports)
    row = (await uow.session.execute(select(*_counts()).where(*_of(of)))).one()
    return Tally(*map(int, row))


async def by(uow: UnitOfWork, actor: Actor, of: Scope, what: str) -> list[tuple[str, Tally]]:
    """By `channel` or `language`, the most used first."""
    actor.require(Permission.see_reports)
    column = Suggestion.language if what == "language" else Suggestion.channel
    query = select(column, *_counts()).where(*_of(of)).group_by(column).order_by(func.count().desc())
    return [(row[0], Tally(*map(int, tuple(row)[1:]))) for row in await uow.session.execute(query)]


async def by_day(uow: UnitOfWork, actor: Actor, of: Scope) -> dict[date, tuple[int, ...]]:
    """Offers of each day, and those of them that solved it."""
    actor.require(Permission.see_reports)
    day = of.day_of(Suggestion.asked_at)
    shown, solved = _counts()[:2]
    query = select(day, shown, solved).where(*_of(of)).group_by(day)
    return {day: (shown, solved) for day, shown, solved in await uow.session.execute(query)}


def _counts() -> list[ColumnElement[int]]:
    """As `Tally` has them."""
    asked = ~Suggestion.by_agent
    solved = and_(asked, Suggestion.outcome == Outcome.solved.value)
    came_back = Suggestion.reopened_at <= func.coalesce(Suggestion.outcome_at, Suggestion.asked_at) + HOLDS
    held = and_(solved, or_(Suggestion.reopened_at.is_(None), ~came_back))
    young = func.coalesce(Suggestion.outcome_at, Suggestion.asked_at) > clock.now() - HOLDS
    conditions: dict[str, Any] = {
        "shown": asked,
        "solved": solved,
        "held": held,
        "young": and_(held, young),
        "not_needed": and_(asked, Suggestion.outcome == Outcome.not_needed.value),
        "human": and_(asked, Suggestion.outcome == Outcome.human.value),
        "dismissed": and_(asked, Suggestion.outcome == Outcome.dismissed.value),
        "by_agents": Suggestion.by_agent,
        "inserted": and_(Suggestion.by_agent, Suggestion.outcome == Outcome.inserted.value),
    }
    return [func.count(case((conditions[each.name], 1))) for each in fields(Tally)]


def _of(of: Scope) -> list[ColumnElement[bool]]:
    """An offer without articles was silence; none was made."""
    where: list[Any] = [of.within(Suggestion.asked_at), func.cardinality(Suggestion.shown) > 0]
    if of.language:
        where.append(Suggestion.language == of.language)
    if of.channel:
        where.append(Suggestion.channel == of.channel)
    if of.categories is not None:
        inside = (
            select(Article.id)
            .where(Article.id == func.any(Suggestion.shown), Article.category_id.in_(of.categories))
            .exists()
        )
        where.append(inside)
    return where
