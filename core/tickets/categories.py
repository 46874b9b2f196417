"""The tree of categories, flattened for lists and choices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.tickets.model import Category

MOST_CATEGORIES = 500


@dataclass(frozen=True, slots=True)
class CategoryLine:
    """A category in its tree; `depth` 0 is the top, `path` its name with its parents'."""

    category: Category
    depth: int
    path: str


async def categories(session: AsyncSession, *, retired: bool = False) -> Sequence[CategoryLine]:
    """The tree, flattened in order. A child of a retired category is shown where it stands."""
    query = select(Category).order_by(Category.position, Category.name, Category.id).limit(MOST_CATEGORIES)
    if not retired:
        query = query.where(Category.active)
    return _flat(list(await session.scalars(query)))


def _flat(rows: Sequence[Category]) -> list[CategoryLine]:
    here = {row.id for row in rows}
    below: dict[UUID | None, list[Category]] = {}
    for row in rows:
        below.setdefault(row.parent_id if row.parent_id in here else None, []).append(row)
    lines: list[CategoryLine] = []

    def walk(parent: UUID | None, depth: int, path: str) -> None:
        for row in below.get(parent, ()):
            whole = f"{path} / {row.name}" if path else row.name
            lines.append(CategoryLine(row, depth, whole))
            walk(row.id, depth + 1, whole)

    walk(None, 0, "")
    return lines
