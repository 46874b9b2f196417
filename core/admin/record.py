"""The audit's pages: who changed the desk, who signed in, who gave what to whom.

Events are found kind by kind through the index of names, so that a page costs the same however
many messages lie between two entries.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, or_, select, tuple_, union_all

from core.access import Actor, Permission
from core.db import EventRow, UnitOfWork
from core.events import REGISTRY
from core.kb.model import Article, ArticleText
from core.paging import cursor_of, read_numbered_cursor
from core.people.model import Tag, Team
from core.people.naming import Named, named
from core.tickets.model import Category, Macro, RoutingRule

PAGE = 50
PREFIXES = ("desk.", "person.", "session.", "credential.", "token.", "link.", "article.", "lesson.")
ALSO = (
    "ticket.exported", "message.hidden", "feedback.moderated", "call.recording_played", "call.recording_taken",
    "call.reviewed",
    "review.given",
    "review.opened",
)  # fmt: skip
ABOUT_PEOPLE = ("person.", "session.", "credential.", "token.", "link.")
UNTOLD = ("person.availability_changed", "article.saved")
"""Agents come and go all day, and keep drafts as they write; that is no change of the desk."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One fact of the audit, with the names it speaks of."""

    id: int
    name: str
    at: datetime
    actor: Named | None
    actor_kind: str
    subject: Named | None
    data: dict[str, Any]
    thing: str


@dataclass(frozen=True, slots=True)
class Page:
    entries: list[Entry]
    next: str | None


def kinds() -> list[str]:
    """The names of all events that belong to the audit."""
    return sorted(
        name for name in REGISTRY if (name.startswith(PREFIXES) or name in ALSO) and name not in UNTOLD
    )


async def entries(
    uow: UnitOfWork,
    actor: Actor,
    *,
    of: Collection[str] = (),
    person: UUID | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    after: str = "",
    most: int = PAGE,
) -> Page:
    """A page, the newest first. `of` are kinds, or beginnings of kinds that end with a dot;
    `person` is who did it or to whom it was done."""
    actor.require(Permission.see_audit)
    wanted = [name for name in kinds() if not of or any(_fits(name, each) for each in of)]
    if not wanted:
        return Page([], None)
    cursor = read_numbered_cursor(after)
    parts = [select(_of_kind(name, person, since, until, cursor, most).subquery().c.id) for name in wanted]
    ids = union_all(*parts).subquery()
    query = (
        select(EventRow)
        .where(EventRow.id.in_(select(ids.c.id)))
        .order_by(EventRow.at.desc(), EventRow.id.desc())
        .limit(most + 1)
    )
    rows = list(await uow.session.scalars(query))
    last = rows[most - 1] if len(rows) > most else None
    shown = await _told(uow, rows[:most])
    return Page(shown, cursor_of(last.at, last.id) if last is not None else None)


def _fits(name: str, wanted: str) -> bool:
    return name.startswith(wanted) if wanted.endswith(".") else name == wanted


def _of_kind(
    name: str,
    person: UUID | None,
    since: datetime | None,
    until: datetime | None,
    cursor: tuple[datetime, int] | None,
    most: int,
) -> Select[int]:
    query = select(EventRow.id).where(EventRow.name == name)
    if person is not None:
        query = query.where(or_(EventRow.actor_id == person, EventRow.subject == person))
    if since is not None:
        query = query.where(EventRow.at >= since)
    if until is not None:
        query = query.where(EventRow.at < until)
    if cursor is not None:
        query = query.where(and_(EventRow.at <= cursor[0], tuple_(EventRow.at, EventRow.id) < cursor))
    return query.order_by(EventRow.at.desc(), EventRow.id.desc()).limit(most + 1)


async def _told(uow: UnitOfWork, rows: Sequence[EventRow]) -> list[Entry]:
    about_people = {row.subject for row in rows if row.name.startswith(ABOUT_PEOPLE)}
    people = await named(uow, about_people | {row.actor_id for row in rows})
    things = await _things(uow, rows) | await _articles(uow, rows)
    return [
        Entry(
            id=row.id,
            name=row.name,
            at=row.at,
            actor=people.get(row.actor_id) if row.actor_id else None,
            actor_kind=row.actor_kind,
            subject=people.get(row.subject),
            data=row.data,
            thing=things.get(str(row.data.get("key") or _article_of(row)), ""),
        )
        for row in rows
    ]


async def _things(uow: UnitOfWork, rows: Sequence[EventRow]) -> dict[str, str]:
    """The names of teams, categories, rules, macros and tags that were changed, by their key."""
    keys: dict[str, set[str]] = {}
    for row in rows:
        if row.name == "desk.changed":
            keys.setdefault(str(row.data.get("what")), set()).add(str(row.data.get("key")))
    found: dict[str, str] = {}
    for whats, model in (
        (("team", "team_members"), Team),
        (("category",), Category),
        (("rule",), RoutingRule),
        (("macro",), Macro),
    ):
        ids = [UUID(key) for what in whats for key in keys.get(what, ()) if _is_id(key)]
        if ids:
            lines = await uow.session.execute(select(model.id, model.name).where(model.id.in_(ids)))
            found |= {str(key): name for key, name in lines}
    numbers = [int(key) for key in keys.get("tag", ()) if key.isdecimal()]
    if numbers:
        lines = await uow.session.execute(select(Tag.id, Tag.name).where(Tag.id.in_(numbers)))
        found |= {str(key): name for key, name in lines}
    return found


async def _articles(uow: UnitOfWork, rows: Sequence[EventRow]) -> dict[str, str]:
    """The titles of articles that rows speak of, in their original language."""
    ids = [UUID(key) for row in rows if _is_id(key := _article_of(row))]
    if not ids:
        return {}
    lines = await uow.session.execute(
        select(Article.id, ArticleText.title)
        .join(ArticleText, ArticleText.article_id == Article.id)
        .where(Article.id.in_(ids), ArticleText.language == Article.language)
    )
    return {str(key): title for key, title in lines}


def _article_of(row: EventRow) -> str:
    if row.name.startswith("article."):
        return str(row.subject)
    return str(row.data.get("article", ""))


def _is_id(key: str) -> bool:
    try:
        UUID(key)
    except ValueError:
        return False
    return True
