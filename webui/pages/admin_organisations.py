"""Organisations: customers' companies, their domains, and whether members share tickets."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy import select

from core.admin import organisations
from core.admin.organisations import Company
from core.db import UnitOfWork
from core.people.model import Person
from core.people.naming import named
from webui.deps import Uow
from webui.pages.admin_shell import Given, ManagesStaff, done, given_by, link, show, trying
from webui.sessions import Viewer

router = APIRouter()
HERE = "/admin/organisations"
MOST_MEMBERS = 50


@router.get(HERE)
async def listed(request: Request, uow: Uow, viewer: ManagesStaff, after: str = "") -> Response:
    lines, following = await organisations.listed(uow, viewer.actor, before=_uuid(after))
    return await show(
        request,
        uow,
        viewer,
        "admin/organisations.html",
        area="organisations",
        lines=lines,
        newer=HERE if after else None,
        older=link(HERE, after=following) if following else None,
    )


@router.get(HERE + "/new")
async def new(request: Request, uow: Uow, viewer: ManagesStaff) -> Response:
    return await _form(
        request, uow, viewer, None, SimpleNamespace(name="", domains="", members_see_all=False)
    )


@router.post(HERE)
async def make(request: Request, uow: Uow, viewer: ManagesStaff) -> Response:
    given = await given_by(request)
    async with trying(uow) as trial:
        await organisations.make(uow, viewer.actor, **_fields(given))
    if trial.failed:
        return await _form(
            request, uow, viewer, None, _typed(given), errors=trial.errors, status=trial.status
        )
    return done(HERE, "made")


@router.get(HERE + "/{organisation_id:uuid}")
async def one(request: Request, uow: Uow, viewer: ManagesStaff, organisation_id: UUID) -> Response:
    found = await organisations.get(uow, viewer.actor, organisation_id)
    values = SimpleNamespace(
        name=found.name, domains="\n".join(found.domains), members_see_all=found.members_see_all
    )
    return await _form(request, uow, viewer, found, values)


@router.post(HERE + "/{organisation_id:uuid}")
async def change(request: Request, uow: Uow, viewer: ManagesStaff, organisation_id: UUID) -> Response:
    given = await given_by(request)
    async with trying(uow) as trial:
        await organisations.change(
            uow, viewer.actor, organisation_id, version=given.version, **_fields(given)
        )
    if trial.failed:
        found = await organisations.get(uow, viewer.actor, organisation_id)
        return await _form(
            request, uow, viewer, found, _typed(given), errors=trial.errors, status=trial.status
        )
    return done(f"{HERE}/{organisation_id}")


@router.post(HERE + "/{organisation_id:uuid}/active")
async def restore(request: Request, uow: Uow, viewer: ManagesStaff, organisation_id: UUID) -> Response:
    given = await given_by(request)
    await organisations.keep(uow, viewer.actor, organisation_id, version=given.version, active=True)
    return done(f"{HERE}/{organisation_id}", "restored")


@router.post(HERE + "/{organisation_id:uuid}/active/delete")
async def retire(request: Request, uow: Uow, viewer: ManagesStaff, organisation_id: UUID) -> Response:
    given = await given_by(request)
    await organisations.keep(uow, viewer.actor, organisation_id, version=given.version, active=False)
    return done(HERE, "retired")


async def _form(
    request: Request,
    uow: UnitOfWork,
    viewer: Viewer,
    found: Company | None,
    values: SimpleNamespace,
    **context: Any,
) -> Response:
    members: list[SimpleNamespace] = []
    if found is not None:
        ids = list(
            await uow.session.scalars(
                select(Person.id)
                .where(Person.organisation_id == found.id)
                .order_by(Person.id.desc())
                .limit(MOST_MEMBERS)
            )
        )
        names = await named(uow, ids)
        members = [SimpleNamespace(id=one, name=names[one].shown) for one in ids if one in names]
    return await show(
        request,
        uow,
        viewer,
        "admin/organisation.html",
        area="organisations",
        organisation=found,
        values=values,
        members=members,
        **context,
    )


def _fields(given: Given) -> dict[str, Any]:
    return {
        "name": given.text("name"),
        "domains": given.text("domains"),
        "members_see_all": given.on("members_see_all"),
    }


def _typed(given: Given) -> SimpleNamespace:
    return SimpleNamespace(**_fields(given))


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
