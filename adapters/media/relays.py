"""STUN and TURN servers for browsers, with TURN credentials that end by themselves.

coturn's shared-secret scheme (its option `use-auth-secret`): the user name begins with the second
at which it ends, the password is the HMAC-SHA1 of the user name under the secret.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from adapters.media.settings import Settings
from core.ports.media import IceServer

GOOD_SECONDS = 6 * 3600


def turn_credentials(secret: str, who: str, until: int) -> tuple[str, str]:
    """User name and password, good until that second since the epoch."""
    user = f"{until}:{who}"
    digest = hmac.new(secret.encode(), user.encode(), hashlib.sha1).digest()
    return user, base64.b64encode(digest).decode()


def ice_servers(settings: Settings, who: str, now: float) -> tuple[IceServer, ...]:
    """What a browser is told; TURN only where a secret is set."""
    servers = [IceServer(urls=settings.stun)] if settings.stun else []
    if settings.turn and settings.turn_secret:
        user, password = turn_credentials(settings.turn_secret, who, int(now) + GOOD_SECONDS)
        servers.append(IceServer(urls=settings.turn, username=user, credential=password))
    return tuple(servers)
