"""A new ticket on behalf of a requester: found by name or address, or made on the spot."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response
from starlette.datastructures import FormData, UploadFile

from core.access import Permission
from core.conversations import attachments
from core.db import UnitOfWork
from core.errors import DeskError, Invalid
from core.i18n import _
from core.ids import new_id
from core.people import find
from core.people import service as people
from core.people.model import Person
from core.people.service import Known
from core.tickets import fields
from core.tickets import service as tickets
from core.tickets.model import Priority
from webui import rendering
from webui.deps import Staff, Uow
from webui.desk_context import answered, staff_page
from webui.pages import desk_filters
from webui.pages.ticket_files import chunks_of
from webui.public import attempt
from webui.sessions import Viewer

router = APIRouter()
MOST_FILES = 10
_NAMED = re.compile(r"^(.*?)<([^<>]+)>\s*$")


@router.get("/desk/new")
async def new_page(
    request: Request, uow: Uow, viewer: Staff, requester: Annotated[str, Query(max_length=300)] = "",
    category: Annotated[str, Query(max_length=40)] = "",
) -> Response:  # fmt: skip
    viewer.actor.require(Permission.open_ticket)
    return await _form(request, uow, viewer, {"requester": requester, "category": category, "assign": "me"})


@router.get("/desk/new/fields")
async def fields_fragment(
    request: Request, uow: Uow, viewer: Staff, category: Annotated[str, Query(max_length=40)] = ""
) -> Response:
    """The questions of a category, for the form that is being filled in."""
    return rendering.page(request, "desk/new_fields.html", asked=await _asked(uow, category, {}, {}))


@router.get("/desk/people.json")
async def people_json(uow: Uow, viewer: Staff, q: Annotated[str, Query(max_length=200)] = "") -> JSONResponse:
    """Requesters whose name or address begins so: `[{value, hint}]`."""
    found = (await find.find(uow, viewer.actor, q, limit=8)).people if q.strip() else []
    rows = [{"value": _written(each), "hint": each.profile.company} for each in found]
    return JSONResponse(rows, headers={"cache-control": "no-store"})


@router.post("/desk/new")
async def make(request: Request, uow: Uow, viewer: Staff) -> Response:
    form = await request.form(max_files=MOST_FILES, max_fields=300)
    given = {key: value for key, value in form.items() if isinstance(value, str)}
    if given.get("step") == "fields":
        return await _form(request, uow, viewer, given)
    try:
        async with attempt(uow):
            number = await _open(uow, viewer, form, given)
    except DeskError as error:
        field = error.field if isinstance(error, Invalid) and error.field else "form"
        return await _form(request, uow, viewer, given, errors={field: error.words}, status=error.status)
    finally:
        await form.close()
    return answered(request, f"/tickets/{number}", _("The ticket is open."), go=True)


async def _open(uow: UnitOfWork, viewer: Viewer, form: FormData, given: dict[str, str]) -> int:
    requester = await _requester(uow, viewer, given.get("requester", ""))
    priority = given.get("priority") or Priority.normal.value
    if priority not in set(Priority):
        raise Invalid(_("Please choose one of the list."), field="priority")
    assert viewer.actor.id is not None
    files = []
    for each in form.getlist("files"):
        if isinstance(each, UploadFile) and each.filename:
            files.append((await attachments.upload(uow, viewer.actor.id, each.filename, chunks_of(each))).id)
    await uow.session.flush()
    answers = {key.removeprefix("field_"): value for key, value in given.items() if key.startswith("field_")}
    made = await tickets.open_ticket(
        uow, viewer.actor, requester,
        tickets.Request(
            text=given.get("body", ""), subject=given.get("subject", ""), category_id=_uuid(given.get("category", "")),
            priority=Priority(priority), fields=answers, channel="desk", files=files,
            message_id=_uuid(given.get("once", "")),
        ),
    )  # fmt: skip
    if given.get("assign") == "me" and made.ticket.assignee_id is None:
        await tickets.claim(uow, viewer.actor, made.number)
    return made.number


async def _requester(uow: UnitOfWork, viewer: Viewer, typed: str) -> Person:
    """The person who is meant by `Name <address>`, an address or a name; a new one where nobody is."""
    typed = " ".join(typed.split())
    if not typed:
        raise Invalid(_("Whose ticket is it? Type a name or an address."), field="requester")
    named = _NAMED.match(typed)
    name, address = (
        (named[1].strip(), named[2].strip()) if named else ("", typed) if "@" in typed else (typed, "")
    )
    if address:
        email = people.checked_email(address)
        known = await people.by_email(uow, email) or await people.by_email(uow, email, verified=False)
        return known or await _made(uow, viewer, name, email)
    found = [
        each
        for each in (await find.find(uow, viewer.actor, name, limit=20)).people
        if name in (each.name, each.shown)
    ]
    if len(found) > 1:
        raise Invalid(_("Several people have this name. Choose one by address."), field="requester")
    return await people.get(uow, found[0].id) if found else await _made(uow, viewer, name, "")


async def _made(uow: UnitOfWork, viewer: Viewer, name: str, email: str) -> Person:
    viewer.actor.require(Permission.change_people)
    return await people.add(
        uow, name=name[: people.NAME_CHARACTERS], email=email, locale=uow.settings.language
    )


def _written(known: Known) -> str:
    return f"{known.name or known.shown} <{known.email}>" if known.email else known.shown


async def _form(
    request: Request, uow: UnitOfWork, viewer: Viewer, given: dict[str, str], *,
    errors: dict[str, str] | None = None, status: int = 200,
) -> Response:  # fmt: skip
    wrong = errors or {}
    return await staff_page(
        request, uow, viewer, "desk/new.html", status=status, given=given, errors=wrong,
        offered=SimpleNamespace(
            categories=await desk_filters.categories(uow),
            priorities=[(each.value, _(text)) for each, text in desk_filters.PRIORITIES.items()],
        ),
        asked=await _asked(uow, given.get("category", ""), given, wrong), once=given.get("once") or str(new_id()),
        limit_mb=uow.settings.attachment_mb,
    )  # fmt: skip


async def _asked(
    uow: UnitOfWork, category: str, given: dict[str, str], errors: dict[str, str]
) -> list[dict[str, Any]]:
    return [
        {
            "name": f"field_{field.id}", "label": field.label, "kind": field.type, "required": field.required,
            "hint": field.hint or None, "options": [(one, one) for one in field.options],
            "value": given.get(f"field_{field.id}"), "error": errors.get(field.id),
        }
        for field in await fields.of_category(uow, _uuid(category))
    ]  # fmt: skip


def _uuid(raw: str) -> UUID | None:
    try:
        return UUID(raw) if raw else None
    except ValueError:
        return None
