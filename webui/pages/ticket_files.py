"""Files of tickets: uploads before the message they belong to, and files served so that nothing
in them can ever run in the desk's origin."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from urllib.parse import quote, unquote
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.datastructures import UploadFile

from core.access import Actor, Permission
from core.conversations import attachments
from core.conversations.attachments import OpenFile
from core.conversations.model import Attachment, Message
from core.db import UnitOfWork
from core.errors import Invalid, NotFound
from core.files.sniff import may_show
from core.i18n import _
from core.tickets import access
from webui import bodies
from webui.deps import Staff, TheSite, Uow, staff, visit
from webui.sessions import Viewer
from webui.site import Site

router = APIRouter()
CHUNK = 64 * 1024
POLICY = "sandbox; default-src 'none'; frame-ancestors 'none'"
_RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII)


@router.post("/tickets/{number}/files")
async def upload(request: Request, site: TheSite, number: int) -> Response:
    """A file on its way: the body itself, streamed, with its name in `X-File-Name`; or a form
    with a field `file`. Answers `{"id": …}`, which the message then names."""
    async with visit(request) as uow:
        viewer = staff(request)
        viewer.actor.require(Permission.note)
        await access.get(uow, viewer.actor, number)
    return await keep(request, site, viewer)


@router.post("/desk/files")
async def upload_early(request: Request, site: TheSite) -> Response:
    """The same, for a ticket that is still to be made."""
    async with visit(request):
        viewer = staff(request)
        viewer.actor.require(Permission.open_ticket)
    return await keep(request, site, viewer)


async def keep(request: Request, site: Site, viewer: Viewer) -> Response:
    """Take the bytes in, then write the file down: no connection waits for them."""
    assert viewer.actor.id is not None
    named = request.headers.get("x-file-name")
    if named is not None:
        bodies.allow_files(request, site.desk.means.settings.attachment_mb)
        return await _keep(site, viewer.actor, unquote(named)[:500], request.stream())
    form = await request.form(max_files=1)
    try:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise Invalid(_("Choose a file."), field="file")
        return await _keep(site, viewer.actor, file.filename or "", chunks_of(file))
    finally:
        await form.close()


async def _keep(site: Site, actor: Actor, name: str, chunks: AsyncIterator[bytes]) -> Response:
    assert actor.id is not None
    async with attachments.receiving(site.desk.means, name, chunks) as received, site.desk.unit(actor) as uow:
        row = await attachments.keep(uow, actor.id, received)
    return JSONResponse({"id": str(row.id)})


@router.get("/files/{file_id}")
async def file(request: Request, uow: Uow, viewer: Staff, site: TheSite, file_id: UUID) -> Response:
    """A file in the clear, whole or a range of it (RFC 9110, 14)."""
    found = await _file(uow, viewer, file_id)
    size, shown = found.row.size, may_show(found.row.mime)
    headers = headers_of(found.name, inline=shown) | {"accept-ranges": "bytes"}
    mime = found.row.mime if shown else "application/octet-stream"
    wanted = range_of(request.headers.get("range", ""), size)
    if wanted is None:
        headers["content-length"] = str(size)
        return StreamingResponse(found.read(site.desk.means.files), media_type=mime, headers=headers)
    start, stop = wanted
    if start >= stop:
        return Response(status_code=416, headers=headers | {"content-range": f"bytes */{size}"})
    headers |= {"content-length": str(stop - start), "content-range": f"bytes {start}-{stop - 1}/{size}"}
    return StreamingResponse(
        found.read(site.desk.means.files, start, stop), status_code=206, media_type=mime, headers=headers
    )


@router.get("/files/{file_id}/thumb")
async def thumb(uow: Uow, viewer: Staff, site: TheSite, file_id: UUID) -> Response:
    found = await _file(uow, viewer, file_id)
    return StreamingResponse(
        found.read_thumb(site.desk.means.files),
        media_type="image/webp",
        headers=headers_of("thumb.webp", inline=True),
    )


async def chunks_of(upload: UploadFile) -> AsyncIterator[bytes]:
    while chunk := await upload.read(CHUNK):
        yield chunk


async def _file(uow: UnitOfWork, viewer: Viewer, file_id: UUID) -> OpenFile:
    """A file of a ticket that the viewer may see, or the viewer's own that is not yet sent."""
    row = await uow.session.get(Attachment, file_id)
    if row is None or row.deleted_at is not None or not row.object_id:
        raise _missing()
    if row.message_id is None:
        if row.uploader_id != viewer.actor.id or viewer.actor.id is None:
            raise _missing()
        return attachments.opened(row, await uow.keys.of_person(uow.session, viewer.actor.id))
    message = await uow.session.get(Message, row.message_id)
    if message is None or message.deleted_at is not None:
        raise _missing()
    try:
        opened = await access.by_message(uow, viewer.actor, message)
    except NotFound:
        raise _missing() from None
    return attachments.opened(row, opened.key)


def _missing() -> NotFound:
    return NotFound(_("There is no such file."))


def headers_of(name: str, *, inline: bool) -> dict[str, str]:
    how = "inline" if inline else "attachment"
    plain = re.sub(r'[^\x20-\x7e]|["\\%;]', "_", name)
    return {
        "content-disposition": f"{how}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}",
        "content-security-policy": POLICY,
        "x-content-type-options": "nosniff",
        "cache-control": "no-store",
    }


def range_of(header: str, size: int) -> tuple[int, int] | None:
    """The one range that is asked for, as start and stop; None for the whole file, also for
    several ranges and for what is none."""
    found = _RANGE.fullmatch(header.strip())
    if found is None or len(header) > 60:
        return None
    first, last = found.groups()
    if not first:
        if not last:
            return None
        return max(0, size - int(last)), size
    stop = min(int(last) + 1, size) if last else size
    return int(first), max(stop, 0)
