"""What the page sends, as the neutral words of chat: pure functions over decoded JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from adapters.webchat.tokens import Visitor, checked_native
from core import text
from core.chat import Deleted, Edited, FileRef, Pressed, Reacted, Said, Submitted, Typing
from core.conversations.attachments import MOST_FILES
from core.errors import Invalid
from core.i18n import _

MOST_EMOJI = 12
MOST_VALUES = 40
_HINTS = ("category", "subject", "page", "article")


def decoded(body: bytes) -> dict[str, Any]:
    """A JSON object; lone surrogates get through here and are mended where text is cleaned."""
    try:
        value = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise Invalid(_("This is not valid JSON.")) from None
    if not isinstance(value, dict):
        raise Invalid(_("A JSON object is expected."))
    return value


def said(
    visitor: Visitor, thread: str, body: Mapping[str, Any], now: datetime, locale: str, zone: str = ""
) -> Said:
    """A message. Its text is checked here, so that what is wrong is said at once."""
    files = _files(body)
    return Said(
        place=visitor.place(thread),
        sender=visitor.sender(locale, zone),
        native=checked_native(string(body, "id", 64)),
        at=now,
        text=text.message(_text(body), may_be_empty=bool(files)),
        files=files,
        reply_to=checked_native(reply_to) if (reply_to := code(body, "reply_to", 64)) else "",
        hints={name: hint for name in _HINTS if (hint := text.clean(string(body, name, 500)))},
    )


def edited(visitor: Visitor, thread: str, native: str, body: Mapping[str, Any], now: datetime) -> Edited:
    """An edit; its version is an id of the page's, so that the same edit twice is one."""
    return Edited(
        place=visitor.place(thread),
        sender=visitor.sender(""),
        native=checked_native(native),
        at=now,
        text=text.message(_text(body), may_be_empty=True),
        version=code(body, "version", 64),
    )


def deleted(visitor: Visitor, thread: str, native: str, now: datetime) -> Deleted:
    return Deleted(
        place=visitor.place(thread), sender=visitor.sender(""), native=checked_native(native), at=now
    )


def reacted(visitor: Visitor, thread: str, native: str, body: Mapping[str, Any], now: datetime) -> Reacted:
    emoji = body.get("emoji")
    if not isinstance(emoji, list) or len(emoji) > MOST_EMOJI or not all(isinstance(e, str) for e in emoji):
        raise Invalid(_("This is not a reaction."), field="emoji")
    return Reacted(
        place=visitor.place(thread),
        sender=visitor.sender(""),
        native=checked_native(native),
        at=now,
        emoji=tuple(text.clean(one[:100]) for one in emoji),
    )


def typing(visitor: Visitor, thread: str, body: Mapping[str, Any], now: datetime) -> Typing:
    return Typing(
        place=visitor.place(thread),
        sender=visitor.sender(""),
        native="typing",
        at=now,
        on=body.get("on") is not False,
    )


def pressed(visitor: Visitor, thread: str, body: Mapping[str, Any], now: datetime, locale: str) -> Pressed:
    button = code(body, "button", 64)
    if not button:
        raise Invalid(_("There is no such button."), field="button")
    return Pressed(
        place=visitor.place(thread),
        sender=visitor.sender(locale),
        native=checked_native(string(body, "id", 64)),
        at=now,
        button=button,
        message=code(body, "message", 64),
        choice=code(body, "choice", 200),
    )


def submitted(
    visitor: Visitor, thread: str, body: Mapping[str, Any], now: datetime, locale: str
) -> Submitted:
    values = body.get("values")
    if not isinstance(values, dict) or len(values) > MOST_VALUES:
        raise Invalid(_("This form cannot be read."), field="values")
    return Submitted(
        place=visitor.place(thread),
        sender=visitor.sender(locale),
        native=checked_native(string(body, "id", 64)),
        at=now,
        form=code(body, "form", 64),
        values={text.clean(str(name)[:64]): text.clean(str(value)[:5_000]) for name, value in values.items()},
    )


def string(body: Mapping[str, Any], name: str, most: int) -> str:
    """A short text of the body; empty when it is missing."""
    value = body.get(name, "")
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Invalid(_("A text is expected here."), field=name)
    if len(value) > most:
        raise Invalid(_("This is too long: at most {most} characters.").format(most=most), field=name)
    return value


def code(body: Mapping[str, Any], name: str, most: int) -> str:
    """A short text that is compared as it is: nothing in it is mended, so it must be whole."""
    value = string(body, name, most)
    if text.clean(value) != value.strip():
        raise Invalid(_("A text is expected here."), field=name)
    return value


def _text(body: Mapping[str, Any]) -> str:
    value = body.get("text", "")
    if not isinstance(value, str):
        raise Invalid(_("A text is expected here."), field="text")
    return value


def _files(body: Mapping[str, Any]) -> tuple[FileRef, ...]:
    given = body.get("files") or []
    if not isinstance(given, list) or len(given) > MOST_FILES:
        raise Invalid(_("At most {most} files in a message.").format(most=MOST_FILES), field="files")
    try:
        return tuple(FileRef(name="", stored=str(UUID(str(one)))) for one in given)
    except ValueError:
        raise Invalid(_("A file is no longer there. Please attach it again."), field="files") from None
