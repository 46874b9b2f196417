"""LiveKit's server API: Twirp, JSON by POST."""

from __future__ import annotations

from typing import Any

import aiohttp
import structlog

from adapters.media.livekit.tokens import api_token
from adapters.media.settings import LiveKitSettings
from core import clock
from core.errors import NotFound, Unavailable
from core.i18n import _

log = structlog.get_logger("media.livekit")

_TIMEOUT = aiohttp.ClientTimeout(total=10)
_LARGEST = 4 * 1024 * 1024


class Api:
    """Calls methods of one server."""

    def __init__(self, settings: LiveKitSettings, http: aiohttp.ClientSession) -> None:
        self._settings, self._http = settings, http

    async def rooms(self, method: str, room: str, /, **values: Any) -> dict[str, Any]:
        return await self._call("RoomService", method, room, values)

    async def egress(self, method: str, room: str, /, **values: Any) -> dict[str, Any]:
        return await self._call("Egress", method, room, values)

    async def _call(self, service: str, method: str, room: str, values: dict[str, Any]) -> dict[str, Any]:
        url = f"{self._settings.api}/twirp/livekit.{service}/{method}"
        headers = {"Authorization": f"Bearer {api_token(self._settings, room, clock.seconds())}"}
        try:
            async with self._http.post(url, json=values, headers=headers, timeout=_TIMEOUT) as reply:
                return await self._read(reply, method)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            log.warning("livekit.away", method=method, error=type(error).__name__)
            raise Unavailable(_("The call server does not answer now. Please try again later.")) from None

    async def _read(self, reply: aiohttp.ClientResponse, method: str) -> dict[str, Any]:
        if (reply.content_length or 0) > _LARGEST:
            raise ValueError("too long")
        told = await reply.json()
        if reply.status == 200 and isinstance(told, dict):
            return told
        code = str(told.get("code", "")) if isinstance(told, dict) else ""
        if code == "not_found":
            raise NotFound(_("This call is over."))
        log.warning("livekit.refused", method=method, status=reply.status, code=code)
        raise Unavailable(_("The call server refused this step."))
