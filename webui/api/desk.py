"""People, teams, categories, macros, files and search over the API."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

from fastapi import Header, Query, Request
from fastapi.responses import Response, StreamingResponse
from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute

from core.access import Actor, Permission
from core.conversations import attachments
from core.conversations.attachments import OpenFile
from core.conversations.model import Attachment, Message
from core.db import UnitOfWork
from core.errors import Invalid, NotFound
from core.i18n import _
from core.people import find
from core.people import service as people
from core.people.model import Team
from core.people.service import Profile
from core.tickets import access, macros, search, timeline
from core.tickets.model import Category, Macro
from webui.api.door import ApiUow, api_router, done_once, needs, once, replayed, sender
from webui.api.shapes import (
    CategoryOut,
    FileOut,
    HitOut,
    MacroChange,
    MacroIn,
    MacroOut,
    Named,
    PeoplePage,
    PersonChange,
    PersonIn,
    PersonOut,
    SearchOut,
    SnippetOut,
    TeamOut,
    person_out,
    ticket_out,
)
from webui.deps import TheSite

if TYPE_CHECKING:
    from hashlib import _Hash

router = api_router("desk")


class Bytes(StreamingResponse):
    """Somebody's file, of which the API says nothing but its size."""

    media_type = "application/octet-stream"


BYTES = {"schema": {"type": "string", "format": "binary"}}
Limit = Annotated[int, Query(ge=1, le=100)]


@router.get("/me")
async def me(uow: ApiUow) -> PersonOut:
    """Whose token this is."""
    return await _person(uow, uow.actor.id or UUID(int=0))


@router.get("/people", dependencies=[needs("people:read")])
async def list_people(
    uow: ApiUow,
    q: Annotated[str, Query(max_length=200)] = "",
    role: Annotated[str | None, Query(max_length=40)] = None,
    after: UUID | None = None,
    limit: Limit = 50,
) -> PeoplePage:
    """People by the beginning of a name or address, or by a whole address."""
    found = await find.find(uow, uow.actor, q, role=role, after=after, limit=limit)
    return PeoplePage(items=[person_out(known) for known in found.people], next=found.next)


@router.post("/people", status_code=201, dependencies=[needs("people:write")], response_model=PersonOut)
@once
async def add_person(request: Request, uow: ApiUow, body: PersonIn) -> PersonOut:
    """A new requester. Staff are invited on the admin pages."""
    uow.actor.require(Permission.change_people)
    if not body.name.strip() and not body.email.strip():
        raise Invalid(_("A name or an address is needed."), field="name")
    if people.zone_of(body.zone).key != body.zone:
        raise Invalid(_("There is no such time zone."), field="zone")
    person = await people.add(
        uow,
        name=body.name,
        email=people.checked_email(body.email),
        locale=body.locale,
        profile=Profile(zone=body.zone),
        platform="api",
    )
    return await _person(uow, person.id)


@router.get("/people/{person_id}", dependencies=[needs("people:read")])
async def get_person(uow: ApiUow, person_id: UUID) -> PersonOut:
    uow.actor.require(Permission.see_people)
    return await _person(uow, person_id)


@router.patch("/people/{person_id}", dependencies=[needs("people:write")])
async def change_person(uow: ApiUow, person_id: UUID, body: PersonChange) -> PersonOut:
    """Change what is named. Staff change themselves on their account page."""
    uow.actor.require(Permission.change_people)
    person = await people.get(uow, person_id)
    if person.role != "requester" and person.id != uow.actor.id:
        uow.actor.require(Permission.manage_staff)
    values = body.model_dump(exclude_none=True)
    zone = values.pop("zone", None)
    await people.change(uow, person, profile={"zone": zone} if zone else None, **values)
    return await _person(uow, person_id)


@router.get("/teams", dependencies=[needs("people:read")])
async def list_teams(uow: ApiUow, after: UUID | None = None, limit: Limit = 50) -> Named[TeamOut]:
    uow.actor.require(Permission.note)
    rows, further = await _by_id(uow, Team, Team.id, after, limit)
    return Named(items=[TeamOut.model_validate(row, from_attributes=True) for row in rows], next=further)


@router.get("/categories", dependencies=[needs("people:read")])
async def list_categories(uow: ApiUow, after: UUID | None = None, limit: Limit = 50) -> Named[CategoryOut]:
    rows, further = await _by_id(uow, Category, Category.id, after, limit)
    return Named(items=[CategoryOut.model_validate(row, from_attributes=True) for row in rows], next=further)


@router.get("/macros", dependencies=[needs("macros:read")])
async def list_macros(uow: ApiUow, after: UUID | None = None, limit: Limit = 50) -> Named[MacroOut]:
    """One's own macros and everyone's."""
    listed = sorted(await macros.listed(uow, uow.actor), key=lambda macro: macro.id)
    later = [macro for macro in listed if after is None or macro.id > after]
    page = later[:limit]
    return Named(items=[_macro(macro) for macro in page], next=page[-1].id if len(later) > limit else None)


@router.post("/macros", status_code=201, dependencies=[needs("macros:write")], response_model=MacroOut)
@once
async def make_macro(request: Request, uow: ApiUow, body: MacroIn) -> MacroOut:
    made = await macros.make(
        uow, uow.actor, name=body.name, body=body.body, actions=body.actions, shared=body.shared
    )
    await uow.session.flush()
    return _macro(made)


@router.patch("/macros/{macro_id}", dependencies=[needs("macros:write")])
async def change_macro(uow: ApiUow, macro_id: UUID, body: MacroChange) -> MacroOut:
    return _macro(await macros.change(uow, uow.actor, macro_id, **body.model_dump(exclude_none=True)))


@router.get("/search", dependencies=[needs("tickets:read")])
async def search_tickets(
    uow: ApiUow,
    q: Annotated[str, Query(max_length=500)],
    after: Annotated[str | None, Query(max_length=300)] = None,
    limit: Limit = 25,
) -> SearchOut:
    """Tickets by words, phrases and filters, over what the asker may see."""
    found = await search.search(uow, uow.actor, q, after=after, limit=limit)
    hits = [
        HitOut(
            ticket=ticket_out(hit.row),
            subject=SnippetOut(text=hit.subject.text, marks=list(hit.subject.marks)),
            snippet=SnippetOut(text=hit.snippet.text, marks=list(hit.snippet.marks)),
            message_id=hit.message_id,
        )
        for hit in found.hits
    ]
    return SearchOut(
        items=hits,
        found=found.found,
        more=found.more,
        problems=list(found.problems),
        next=found.next,
        number=found.jump,
    )


@router.post(
    "/files",
    status_code=201,
    response_model=FileOut,
    openapi_extra={"requestBody": {"content": {Bytes.media_type: BYTES}}},
)
async def upload(
    request: Request,
    site: TheSite,
    actor: Annotated[Actor, sender("tickets:write")],
    x_file_name: Annotated[str, Header(max_length=400)] = "file",
) -> Any:
    """Send a file's bytes as the body; name its id in a message afterwards."""
    person_id = actor.id
    assert person_id is not None
    means, said = site.desk.means, hashlib.sha256(x_file_name.encode() + b"\n")
    async with (
        attachments.receiving(means, x_file_name, _noting(request.stream(), said)) as received,
        site.desk.unit(actor) as uow,
    ):

        async def work() -> FileOut:
            row = await attachments.keep(uow, person_id, received)
            return FileOut(id=row.id, name=received.name, size=row.size, mime=row.mime, kind=row.kind)

        answer = await done_once(request, uow, said.digest(), work)
        if replayed(answer):
            await attachments.discard(means, received)
    return answer


async def _noting(chunks: AsyncIterator[bytes], said: _Hash) -> AsyncIterator[bytes]:
    """What passes goes into the sum by which the same upload is known again."""
    async for chunk in chunks:
        said.update(chunk)
        yield chunk


@router.get(
    "/files/{file_id}",
    dependencies=[needs("tickets:read")],
    response_class=Bytes,
    responses={200: {"description": "The file's bytes", "content": {Bytes.media_type: BYTES}}},
)
async def download(uow: ApiUow, file_id: UUID) -> Response:
    """The bytes of a file of a ticket that the asker may see."""
    file = await _file(uow, file_id)
    row = file.row
    return Bytes(
        file.read(uow.means.files),
        headers={
            "content-length": str(row.size),
            "content-disposition": "attachment",
            "x-content-type-options": "nosniff",
        },
    )


async def _file(uow: UnitOfWork, file_id: UUID) -> OpenFile:
    """A file that stands in the timeline as the asker reads it: not of a note, a held reply or a
    hidden message where those are not for them."""
    row = await uow.session.get(Attachment, file_id)
    message = await uow.session.get(Message, row.message_id) if row and row.message_id else None
    if row is None or message is None:
        raise NotFound(_("There is no such file."))
    opened = await access.by_message(uow, uow.actor, message)
    line = await timeline.line(uow, uow.actor, opened, message.id)
    if file_id not in {each.id for each in line.files}:
        raise NotFound(_("There is no such file."))
    return attachments.opened(row, opened.key)


async def _person(uow: UnitOfWork, person_id: UUID) -> PersonOut:
    await uow.session.flush()
    return person_out(await people.know(uow, await people.get(uow, person_id)))


async def _by_id(
    uow: UnitOfWork, model: type[Any], column: InstrumentedAttribute[UUID], after: UUID | None, limit: int
) -> tuple[list[Any], UUID | None]:
    query = select(model).order_by(column).limit(limit + 1)
    if after is not None:
        query = query.where(column > after)
    rows = list(await uow.session.scalars(query))
    return rows[:limit], rows[limit - 1].id if len(rows) > limit else None


def _macro(macro: Macro) -> MacroOut:
    return MacroOut(
        id=macro.id,
        name=macro.name,
        body=macro.body,
        actions=macro.actions,
        shared=macro.owner_id is None,
        version=macro.version,
    )
