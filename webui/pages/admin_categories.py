"""Categories: the tree, and the fields that the tickets of each ask for."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from core.admin import service
from core.crypto.words import fold
from core.db import UnitOfWork
from core.errors import Invalid
from core.i18n import N_, _
from core.tickets.categories import categories as categories_of
from core.tickets.fields import MOST_FIELDS
from core.tickets.model import Category
from webui.deps import Uow
from webui.pages.admin_shell import Given, ManagesDesk, done, given_by, show, trying
from webui.sessions import Viewer

router = APIRouter()
TYPES = {
    "text": N_("Text"),
    "number": N_("Number"),
    "choice": N_("Choice"),
    "date": N_("Date"),
    "bool": N_("Yes or no"),
}


@router.get("/admin/categories")
async def categories(request: Request, uow: Uow, viewer: ManagesDesk) -> Response:
    lines = await categories_of(uow.session, retired=True)
    names = {line.team.id: line.team.name for line in await service.teams(uow.session, retired=True)}
    return await show(
        request, uow, viewer, "admin/categories.html", area="categories", lines=lines, team_names=names
    )


@router.get("/admin/categories/new")
async def new(request: Request, uow: Uow, viewer: ManagesDesk, parent: str = "") -> Response:
    return await _form(request, uow, viewer, None, _blank(parent))


@router.post("/admin/categories")
async def make(request: Request, uow: Uow, viewer: ManagesDesk) -> Response:
    given = await given_by(request)
    if given.text("step"):
        return await _form(request, uow, viewer, None, _stepped(given))
    async with trying(uow) as trial:
        made = await service.make_category(uow, viewer.actor, **_fields(given))
    if trial.failed:
        return await _form(
            request, uow, viewer, None, _typed(given), errors=trial.errors, status=trial.status
        )
    return done(f"/admin/categories/{made.id}", "made")


@router.get("/admin/categories/{category_id:uuid}")
async def category(request: Request, uow: Uow, viewer: ManagesDesk, category_id: UUID) -> Response:
    found = await service.category(uow.session, category_id)
    return await _form(request, uow, viewer, found, _stored(found))


@router.post("/admin/categories/{category_id:uuid}")
async def change(request: Request, uow: Uow, viewer: ManagesDesk, category_id: UUID) -> Response:
    given = await given_by(request)
    if given.text("step"):
        found = await service.category(uow.session, category_id)
        return await _form(request, uow, viewer, found, _stepped(given))
    async with trying(uow) as trial:
        await service.change_category(uow, viewer.actor, category_id, version=given.version, **_fields(given))
    if trial.failed:
        found = await service.category(uow.session, category_id)
        return await _form(
            request, uow, viewer, found, _typed(given), errors=trial.errors, status=trial.status
        )
    return done(f"/admin/categories/{category_id}")


@router.post("/admin/categories/{category_id:uuid}/active")
async def restore(request: Request, uow: Uow, viewer: ManagesDesk, category_id: UUID) -> Response:
    given = await given_by(request)
    await service.keep_category(uow, viewer.actor, category_id, version=given.version, active=True)
    return done(f"/admin/categories/{category_id}", "restored")


@router.post("/admin/categories/{category_id:uuid}/active/delete")
async def retire(request: Request, uow: Uow, viewer: ManagesDesk, category_id: UUID) -> Response:
    given = await given_by(request)
    async with trying(uow) as trial:
        await service.keep_category(uow, viewer.actor, category_id, version=given.version, active=False)
    if trial.failed:
        found = await service.category(uow.session, category_id)
        return await _form(
            request, uow, viewer, found, _stored(found), errors=trial.errors, status=trial.status
        )
    return done("/admin/categories", "retired")


async def _form(
    request: Request,
    uow: UnitOfWork,
    viewer: Viewer,
    found: Category | None,
    values: SimpleNamespace,
    **context: Any,
) -> Response:
    lines = await categories_of(uow.session, retired=False)
    teams = await service.teams(uow.session)
    return await show(
        request,
        uow,
        viewer,
        "admin/category.html",
        area="categories",
        category=found,
        version=found.version if found else -1,
        values=values,
        parents=[
            (str(line.category.id), line.path) for line in lines if not found or line.category.id != found.id
        ],
        teams=[(str(line.team.id), line.team.name) for line in teams],
        types=[(key, _(name)) for key, name in TYPES.items()],
        most_fields=MOST_FIELDS,
        **context,
    )


# --- the rows of fields -----------------------------------------------------------------


def _rows(given: Given) -> list[dict[str, Any]]:
    """The rows as they were typed; wholly empty ones are no rows."""
    count = min(given.whole("rows", 0), MOST_FIELDS + 5)
    rows = [_row(given, n) for n in range(max(0, count))]
    return [row for row in rows if row["label"].strip() or row["id"].strip() or row["options"]]


def _row(given: Given, n: int) -> dict[str, Any]:
    return {
        "id": given.text(f"field-{n}-id"),
        "label": given.text(f"field-{n}-label"),
        "type": given.text(f"field-{n}-type", "text"),
        "required": given.on(f"field-{n}-required"),
        "options": given.lines(f"field-{n}-options"),
        "hint": given.text(f"field-{n}-hint"),
    }


def _stepped(given: Given) -> SimpleNamespace:
    """The form again with a row more, or less, or moved up: nothing is saved yet."""
    values = _typed(given)
    step, _colon, at = given.text("step").partition(":")
    index = int(at) if at.isdecimal() else -1
    if step == "add":
        values.form.append(
            {"id": "", "label": "", "type": "text", "required": False, "options": [], "hint": ""}
        )
    elif step == "remove" and 0 <= index < len(values.form):
        del values.form[index]
    elif step == "up" and 0 < index < len(values.form):
        values.form[index - 1], values.form[index] = values.form[index], values.form[index - 1]
    values.stepped = True
    return values


def _with_ids(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A new field gets its lasting name from its label; names already given stay."""
    taken = {row["id"] for row in rows if row["id"]}
    for row in rows:
        if row["id"]:
            continue
        if not row["label"].strip():
            raise Invalid(_("A field needs a label."), field="fields")
        stem = re.sub(r"[^a-z0-9]+", "_", fold(row["label"])).strip("_")[:30]
        stem = stem if stem[:1].isalpha() else f"field_{stem}".rstrip("_")
        name, count = stem, 2
        while name in taken:
            name, count = f"{stem}_{count}", count + 1
        row["id"] = name
        taken.add(name)
    return rows


def _fields(given: Given) -> dict[str, Any]:
    return {
        "name": given.text("name"),
        "parent_id": given.id("parent_id"),
        "team_id": given.id("team_id"),
        "position": given.whole("position", 0),
        "form": _with_ids(_rows(given)),
    }


def _blank(parent: str) -> SimpleNamespace:
    return SimpleNamespace(name="", parent_id=parent, team_id="", position=0, form=[])


def _typed(given: Given) -> SimpleNamespace:
    return SimpleNamespace(
        name=given.text("name"),
        parent_id=given.text("parent_id"),
        team_id=given.text("team_id"),
        position=given.text("position"),
        form=_rows(given),
    )


def _stored(found: Category) -> SimpleNamespace:
    return SimpleNamespace(
        name=found.name,
        parent_id=str(found.parent_id or ""),
        team_id=str(found.team_id or ""),
        position=found.position,
        form=[dict(row) for row in found.fields],
    )
