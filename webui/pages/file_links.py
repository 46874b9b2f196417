"""Files behind a link of their own: where a chat cannot carry a file, it carries a link to this page.

The page says what the file is before anything is fetched; a look at it by a platform's preview
costs nothing and gives nothing away but the name to whoever holds the link anyway.
"""

from __future__ import annotations

from babel.dates import format_date
from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from core.conversations import file_links
from core.files.size import in_words
from core.i18n import language
from webui import rendering
from webui.deps import TheSite, Uow
from webui.pages.ticket_files import headers_of

router = APIRouter()


@router.get("/f/{token}")
async def page(request: Request, uow: Uow, token: str) -> Response:
    """What the file is, and a button to fetch it."""
    found = await file_links.follow(uow, token)
    shown = rendering.page(
        request,
        "public/file.html",
        name=found.file.name,
        size=in_words(found.file.row.size),
        until=format_date(found.until, "long", locale=language()),
        token=token,
    )
    shown.headers["referrer-policy"] = "no-referrer"
    shown.headers["x-robots-tag"] = "noindex"
    return shown


@router.get("/f/{token}/download")
async def download(uow: Uow, site: TheSite, token: str) -> Response:
    """The file itself, always as a download: nothing in it runs in the desk's origin."""
    found = await file_links.follow(uow, token)
    headers = headers_of(found.file.name, inline=False) | {"content-length": str(found.file.row.size)}
    return StreamingResponse(
        found.file.read(site.desk.means.files), media_type="application/octet-stream", headers=headers
    )
