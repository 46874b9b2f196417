"""Links that turn one kind of mail off, without signing in (RFC 8058).

A token names a person and a kind, and carries a keyed signature; it does not grow old, for
neither do the mails in people's folders, and it can do nothing but this.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from uuid import UUID

from core.errors import NotFound
from core.i18n import _
from core.notices.rules import KINDS

_SIGNATURE_BYTES = 16
_LONGEST = 120


def token(signing_key: bytes, person_id: UUID, kind: str) -> str:
    content = person_id.bytes + kind.encode()
    return base64.urlsafe_b64encode(_sign(signing_key, content) + content).decode().rstrip("=")


def read(signing_key: bytes, given: str) -> tuple[UUID, str]:
    """Whose mails of which kind; raises `NotFound` for a token that is not ours."""
    try:
        raw = base64.urlsafe_b64decode(given[:_LONGEST] + "=" * (-len(given[:_LONGEST]) % 4))
    except (binascii.Error, ValueError):
        raise _no_such_link() from None
    signature, content = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
    if not hmac.compare_digest(signature, _sign(signing_key, content)) or len(content) <= 16:
        raise _no_such_link()
    kind = content[16:].decode("utf-8", "replace")
    if kind not in KINDS or "mail" not in KINDS[kind].ways:
        raise _no_such_link()
    return UUID(bytes=content[:16]), kind


def _sign(key: bytes, content: bytes) -> bytes:
    return hmac.digest(key, b"unsubscribe|" + content, "sha256")[:_SIGNATURE_BYTES]


def _no_such_link() -> NotFound:
    return NotFound(_("This link does not work. Perhaps a part of it is missing: please copy it whole."))
