"""Whether browsers can be in calls at all, by the desk's address."""

from __future__ import annotations

from urllib.parse import urlsplit

from core.errors import Refused
from core.i18n import _

_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


def gives_media(public_url: str) -> bool:
    """Browsers give camera and microphone only over HTTPS, or on this very machine."""
    parts = urlsplit(public_url)
    return parts.scheme == "https" or parts.hostname in _THIS_MACHINE


def require(public_url: str) -> None:
    """Raise `Refused` with the way out, before anybody is invited to what cannot work."""
    if not gives_media(public_url):
        raise Refused(
            _(
                "Browsers give camera and microphone only to pages over HTTPS, and this desk's address is none: an "
                "admin must first set DESKBELL_PUBLIC_URL to an https address. Nobody was invited."
            )
        )
