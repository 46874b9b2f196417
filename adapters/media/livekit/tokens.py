"""LiveKit's access tokens: JWTs under the API secret, with grants for a room or for the API."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import jwt

from adapters.media.settings import LiveKitSettings

_JOIN_SECONDS = 3600
_API_SECONDS = 60
_LEEWAY = 60


def join_token(settings: LiveKitSettings, room: str, identity: str, now: float) -> str:
    """Lets one browser into one room."""
    video = {
        "room": room,
        "roomJoin": True,
        "canPublish": True,
        "canSubscribe": True,
        "canPublishData": False,
    }
    return _sign(settings, {"sub": identity, "video": video}, now, _JOIN_SECONDS)


def api_token(settings: LiveKitSettings, room: str, now: float) -> str:
    """Lets this program do what it must with one room, for a minute."""
    video = {"room": room, "roomCreate": True, "roomList": True, "roomAdmin": True, "roomRecord": True}
    return _sign(settings, {"video": video}, now, _API_SECONDS)


def is_genuine(settings: LiveKitSettings, body: bytes, authorization: str) -> bool:
    """Whether a webhook comes from the server: its token is signed with our secret and names the body."""
    try:
        claims = jwt.decode(
            authorization.removeprefix("Bearer "),
            settings.secret,
            algorithms=["HS256"],
            issuer=settings.key,
            leeway=_LEEWAY,
            options={"require": ["exp", "iss"]},
        )
    except jwt.InvalidTokenError:
        return False
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    return hmac.compare_digest(str(claims.get("sha256", "")), digest)


def _sign(settings: LiveKitSettings, claims: dict[str, Any], now: float, seconds: int) -> str:
    times = {"iss": settings.key, "nbf": int(now) - _LEEWAY, "exp": int(now) + seconds}
    return jwt.encode(claims | times, settings.secret, algorithm="HS256")
