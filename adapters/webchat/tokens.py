"""Who a visitor is: tokens that the server signs, so that no table is needed.

`<visitor>.<signature>` for those nobody knows, `<visitor>.<until>.<name>.<signature>` for
those a host site vouched for. A form token is the moment of issue, signed for one visitor.
"""

from __future__ import annotations

import base64
import hmac
import re
from dataclasses import dataclass
from hashlib import sha256
from time import time
from typing import ClassVar
from urllib.parse import urlsplit

import jwt

from core.chat import Place, Sender
from core.errors import DeskError, Invalid
from core.i18n import _
from core.ids import new_token

PLATFORM = "webchat"
INSTALLATION = "main"
VOUCHED_FOR = 12 * 3600
"""Seconds for which a vouched visitor stays one; then the host site vouches anew."""
FORM_FOR = 24 * 3600
"""Seconds for which a form token is taken; a page asks for a new one every few hours."""
LONGEST_CLAIM = 3600 + 60
_VISITOR = re.compile(r"[0-9A-Za-z_-]{16,64}")
_THREAD = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NATIVE = re.compile(r"[0-9A-Za-z_-]{8,64}")


class NoVisitor(DeskError):
    """The token is missing, not ours, or too old: the page asks for a new one."""

    code = "no_visitor"
    status: ClassVar[int] = 401


@dataclass(frozen=True, slots=True)
class Visitor:
    """A browser, or a person of the host site; `until` is set for the latter."""

    id: str
    external: str
    until: int | None = None

    @property
    def vouched(self) -> bool:
        return self.until is not None

    def place(self, thread: str) -> Place:
        return Place(PLATFORM, INSTALLATION, self.id, thread)

    def sender(self, locale: str, zone: str = "") -> Sender:
        return Sender(external=self.external, locale=locale, zone=zone, vouched=self.vouched)


@dataclass(frozen=True, slots=True)
class Claims:
    """What a host site says about its visitor."""

    sub: str
    name: str
    email: str


def new_visitor() -> Visitor:
    made = new_token(18)
    return Visitor(made, made)


def vouched_visitor(key: bytes, claims: Claims, now: float) -> Visitor:
    """The same person of the host site is the same visitor in every browser. The place of
    their talk is stored in the clear and holds a keyed hash only."""
    digest = "h" + _sign(key, "host", claims.sub)[:31]
    return Visitor(digest, f"host:{claims.sub}", int(now) + VOUCHED_FOR)


def issue(key: bytes, visitor: Visitor) -> str:
    """The token of a visitor."""
    if visitor.until is None:
        return f"{visitor.id}.{_sign(key, 'visitor', visitor.id)}"
    name = base64.urlsafe_b64encode(visitor.external.encode()).decode().rstrip("=")
    body = f"{visitor.id}.{visitor.until}.{name}"
    return f"{body}.{_sign(key, 'vouched', body)}"


def read(key: bytes, token: str, now: float) -> Visitor:
    """The visitor of a token; raises `NoVisitor`."""
    body, _dot, signature = token[:2_000].rpartition(".")
    parts = body.split(".")
    if not _VISITOR.fullmatch(parts[0]):
        raise _no_visitor()
    if len(parts) == 1 and same(signature, _sign(key, "visitor", body)):
        return Visitor(parts[0], parts[0])
    if len(parts) == 3 and same(signature, _sign(key, "vouched", body)) and int(parts[1]) > now:
        external = base64.urlsafe_b64decode(parts[2] + "=" * (-len(parts[2]) % 4)).decode()
        return Visitor(parts[0], external, int(parts[1]))
    raise _no_visitor()


def check_claims(token: str, secret: str, host: str) -> Claims:
    """The claims of a host site's JSON Web Token (RFC 7519), HS256, valid for an hour at most; one that names
    an audience must name the desk's address, whose `host` this is. Raises `Invalid`."""
    options: jwt.types.Options = {"require": ["exp", "sub"], "verify_aud": False}
    try:
        claims = jwt.decode(token, secret, algorithms=["HS256"], leeway=30, options=options)
    except (jwt.PyJWTError, OverflowError, UnicodeError):
        raise Invalid(_("This sign-in from the host site is not valid."), field="vouched") from None
    sub, expires = claims["sub"], int(claims["exp"])
    is_ours = "aud" not in claims or _names(claims["aud"], host)
    if not is_ours or not sub or len(sub) > 200 or expires > time() + LONGEST_CLAIM:
        raise Invalid(_("This sign-in from the host site is not valid."), field="vouched")
    return Claims(sub, _text(claims.get("name")), _text(claims.get("email")))


def new_form(key: bytes, visitor: str, now: float) -> str:
    stamp = str(int(now * 1000))
    return f"{stamp}.{_sign(key, 'form', visitor, stamp)}"


def form_age(key: bytes, token: str, visitor: str, now: float) -> float | None:
    """Seconds since a form token was issued to the visitor; None when it was not, or long ago:
    one that was taken once must not open the door for others, nor for ever."""
    stamp, _dot, signature = token[:200].partition(".")
    if not stamp.isdigit() or not same(signature, _sign(key, "form", visitor, stamp)):
        return None
    age = now - int(stamp) / 1000
    return age if age <= FORM_FOR else None


def file_key(key: bytes, file_id: str, visitor: str, day: int) -> str:
    """Signs the address of a file, for one visitor and one day (a link cannot send headers)."""
    return _sign(key, "file", file_id, visitor, str(day))


def checked_thread(thread: str) -> str:
    """A conversation's id as the browser invents it: a UUID."""
    if not _THREAD.fullmatch(thread):
        raise Invalid(_("There is no such conversation."), field="conversation")
    return thread


def checked_native(native: str) -> str:
    if not _NATIVE.fullmatch(native):
        raise Invalid(_("This is not an id of a message."), field="id")
    return native


def _sign(key: bytes, *parts: str) -> str:
    made = hmac.new(key, b"webchat|" + "|".join(parts).encode(), sha256).digest()
    return base64.urlsafe_b64encode(made).decode().rstrip("=")


def same(one: str, other: str) -> bool:
    """Compare what a stranger sent with what is right, in constant time."""
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode())


def _names(audience: object, host: str) -> bool:
    named = audience if isinstance(audience, list) else [audience]
    return bool(host) and any(isinstance(one, str) and _host_of(one) == host for one in named)


def _host_of(address: str) -> str:
    try:
        return urlsplit(address).netloc
    except ValueError:
        return ""


def _text(value: object) -> str:
    return value[:254] if isinstance(value, str) else ""


def _no_visitor() -> NoVisitor:
    return NoVisitor(_("Your chat has to start anew. Please reload the page."))
