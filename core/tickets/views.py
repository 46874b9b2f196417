"""Saved views: queues of one's own, or shared by the whole desk.

Name and condition may hold a person's words, so both are sealed under the desk's key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select

from core import text
from core.access import Actor, Permission
from core.conditions import Condition, describe, parse, to_json
from core.crypto.fields import Unreadable, seal_json, seal_text, unseal_json, unseal_text
from core.db import UnitOfWork
from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.i18n import _
from core.tickets.model import SavedView
from core.tickets.queries import SORTS, Page, count, page
from core.tickets.query_words import TICKET_FIELDS

NAME_CHARACTERS = 60
MOST_VIEWS = 50
COLUMNS = (
    "number", "subject", "status", "priority", "requester", "assignee", "team", "category", "tags",
    "channel", "created_at", "updated_at", "last_requester_at", "snoozed_until", "messages", "rating",
)  # fmt: skip
"""What a view may show, in the order in which it is offered."""
DEFAULT_COLUMNS = ("number", "subject", "requester", "assignee", "status", "priority", "updated_at")


@dataclass(frozen=True, slots=True)
class View:
    """A saved view in the clear. `condition` is None for one that this version cannot read;
    `mine` says that the reader may change it."""

    id: UUID
    version: int
    name: str
    condition: Condition | None
    sort: str
    columns: tuple[str, ...]
    position: int
    shared: bool
    mine: bool

    @property
    def words(self) -> str:
        """The condition as a phrase."""
        return describe(self.condition) if self.condition is not None else _("(cannot be read)")

    @property
    def json(self) -> dict[str, object]:
        return to_json(self.condition) if self.condition is not None else {"all": []}


async def views(uow: UnitOfWork, actor: Actor) -> list[View]:
    """One's own views and the shared ones, in their order."""
    actor.require(Permission.change_ticket)
    rows = await uow.session.execute(
        select(*SavedView.__table__.columns)
        .where(SavedView.active, _reachable(actor))
        .order_by(SavedView.owner_id.is_not(None), SavedView.position, SavedView.id)
        .limit(2 * MOST_VIEWS)
    )
    return [_in_the_clear(uow, actor, row) for row in rows]


async def view(uow: UnitOfWork, actor: Actor, view_id: UUID) -> View:
    """One view; `NotFound` for another person's."""
    return _in_the_clear(uow, actor, await _get(uow, actor, view_id))


async def tickets_of(
    uow: UnitOfWork,
    actor: Actor,
    shown: View,
    *,
    sort: str | None = None,
    after: str | None = None,
    before: str | None = None,
    limit: int = 50,
) -> Page:
    """The tickets of a view, as far as the reader may see them."""
    condition = _readable(shown)
    return await page(uow, actor, condition, sort or shown.sort, after=after, before=before, limit=limit)


async def count_of(uow: UnitOfWork, actor: Actor, shown: View) -> int:
    return await count(uow, actor, _readable(shown))


async def save(
    uow: UnitOfWork,
    actor: Actor,
    *,
    name: str,
    condition: object,
    sort: str = "-updated_at",
    columns: Sequence[str] = DEFAULT_COLUMNS,
    shared: bool = False,
) -> View:
    """A new view from decoded JSON. Sharing one takes the permission to moderate or to manage."""
    actor.require(Permission.change_ticket)
    if shared:
        _may_share(actor)
    owner = None if shared else actor.id
    have = await uow.session.scalar(
        select(func.count())
        .select_from(SavedView)
        .where(SavedView.active, SavedView.owner_id.is_(None) if shared else SavedView.owner_id == owner)
    )
    if (have or 0) >= MOST_VIEWS:
        raise Invalid(_("At most {most} views.").format(most=MOST_VIEWS), field="name")
    row = SavedView(owner_id=owner, name=b"", condition=b"", position=have or 0)
    _write(uow, row, name, parse(condition, TICKET_FIELDS), sort, columns)
    uow.session.add(row)
    await uow.session.flush()
    return _in_the_clear(uow, actor, row)


async def change(
    uow: UnitOfWork,
    actor: Actor,
    view_id: UUID,
    *,
    version: int,
    name: str | None = None,
    condition: object | None = None,
    sort: str | None = None,
    columns: Sequence[str] | None = None,
    position: int | None = None,
) -> View:
    """Change a view; `version` is the one that was looked at, else `Conflict`."""
    row = await _to_change(uow, actor, view_id, version)
    before = _in_the_clear(uow, actor, row)
    wanted = parse(condition, TICKET_FIELDS) if condition is not None else before.condition
    if wanted is None:
        raise Invalid(_("Please say anew which tickets this view holds."), field="condition")
    _write(
        uow,
        row,
        name if name is not None else before.name,
        wanted,
        sort if sort is not None else row.sort,
        columns if columns is not None else row.columns,
    )
    if position is not None:
        row.position = max(0, min(position, 1_000))
    row.version += 1
    await uow.session.flush()
    return _in_the_clear(uow, actor, row)


async def remove(uow: UnitOfWork, actor: Actor, view_id: UUID, *, version: int) -> None:
    row = await _to_change(uow, actor, view_id, version)
    row.active = False
    row.version += 1


def _reachable(actor: Actor) -> Any:
    return or_(SavedView.owner_id.is_(None), SavedView.owner_id == actor.id)


async def _get(uow: UnitOfWork, actor: Actor, view_id: UUID, *, lock: bool = False) -> SavedView:
    actor.require(Permission.change_ticket)
    query = select(SavedView).where(SavedView.id == view_id, SavedView.active, _reachable(actor))
    if lock:
        await uow.session.flush()
        query = query.with_for_update().execution_options(populate_existing=True)
    row: SavedView | None = await uow.session.scalar(query)
    if row is None:
        raise NotFound(_("There is no such view."))
    return row


async def _to_change(uow: UnitOfWork, actor: Actor, view_id: UUID, version: int) -> SavedView:
    row = await _get(uow, actor, view_id, lock=True)
    if row.owner_id is None:
        _may_share(actor)
    if row.version != version:
        raise Conflict(_("Someone changed this in the meantime. Look again, then decide."))
    return row


def _may_share(actor: Actor) -> None:
    if not (actor.may(Permission.moderate) or actor.may(Permission.manage_desk)):
        raise Forbidden(_("Only leads and admins can change shared views."), permission=Permission.moderate)


def _write(
    uow: UnitOfWork, row: SavedView, name: str, condition: Condition, sort: str, columns: Sequence[str]
) -> None:
    called = text.line(name, field="name", most=NAME_CHARACTERS)
    if sort.removeprefix("-") not in SORTS:
        raise Invalid(_("Lists cannot be sorted by that."), field="sort")
    chosen = [column for column in COLUMNS if column in columns]
    if not chosen or len(chosen) != len(set(columns)):
        raise Invalid(_("There is no such column."), field="columns")
    row.name = seal_text(uow.keys.desk, called, "saved_view.name", row.id)
    row.condition = seal_json(uow.keys.desk, to_json(condition), "saved_view.condition", row.id)
    row.sort = sort
    row.columns = chosen


def _in_the_clear(uow: UnitOfWork, actor: Actor, row: Any) -> View:
    condition: Condition | None
    try:
        condition = parse(
            unseal_json(uow.keys.desk, row.condition, "saved_view.condition", row.id), TICKET_FIELDS
        )
    except (Invalid, Unreadable):
        condition = None
    return View(
        id=row.id,
        version=row.version,
        name=unseal_text(uow.keys.desk, row.name, "saved_view.name", row.id),
        condition=condition,
        sort=row.sort,
        columns=tuple(row.columns) or DEFAULT_COLUMNS,
        position=row.position,
        shared=row.owner_id is None,
        mine=row.owner_id == actor.id
        or (row.owner_id is None and (actor.may(Permission.moderate) or actor.may(Permission.manage_desk))),
    )


def _readable(shown: View) -> Condition:
    if shown.condition is None:
        raise Invalid(_("Please say anew which tickets this view holds."), field="condition")
    return shown.condition
