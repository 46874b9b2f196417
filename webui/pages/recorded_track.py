"""A track of a recording as an answer: whole, or a range of it (RFC 9110, 14)."""

from __future__ import annotations

from uuid import UUID

from fastapi import Request
from fastapi.responses import Response, StreamingResponse

from core.errors import NotFound
from core.i18n import _
from core.ports.media import Recordings, Source
from webui.pages.ticket_files import headers_of, range_of


async def track_response(
    request: Request, stored: Recordings, recording: UUID, key: bytes, source: Source
) -> Response:
    manifest = await stored.manifest(recording, key)
    size = next((one.size for one in manifest.tracks if one.source is source), None)
    if size is None:
        raise no_recording()
    headers = headers_of(f"{source.value}.webm", inline=True) | {"accept-ranges": "bytes"}
    wanted = range_of(request.headers.get("range", ""), size)
    if wanted is not None and wanted[0] >= wanted[1]:
        return Response(status_code=416, headers=headers | {"content-range": f"bytes */{size}"})
    start, stop = wanted or (0, size)
    headers["content-length"] = str(stop - start)
    if wanted is not None:
        headers["content-range"] = f"bytes {start}-{stop - 1}/{size}"
    return StreamingResponse(
        stored.read(recording, key, source, start, stop),
        status_code=206 if wanted else 200,
        media_type="audio/webm" if source is Source.mic else "video/webm",
        headers=headers,
    )


def no_recording() -> NotFound:
    return NotFound(_("There is no such recording."))
