"""Inbound values as JSON and back, for the rows that wait for their work."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from core import chat
from core.errors import Invalid

_KINDS: dict[str, type[chat.Inbound]] = {
    cls.__name__: cls
    for cls in (
        chat.Said,
        chat.Gathered,
        chat.Edited,
        chat.Deleted,
        chat.Reacted,
        chat.Invoked,
        chat.Pressed,
        chat.Submitted,
        chat.Visited,
        chat.Completing,
        chat.Joined,
        chat.Relocated,
        chat.Typing,
    )
}


def to_json(inbound: chat.Inbound) -> dict[str, Any]:
    """Plain JSON values, with the kind beside them."""
    values = asdict(inbound)
    values["at"] = inbound.at.isoformat()
    if isinstance(inbound, chat.Gathered):
        values["messages"] = [to_json(message) for message in inbound.messages]
    return {"kind": type(inbound).__name__, **values}


def from_json(stored: dict[str, Any]) -> chat.Inbound:
    """The inbound again; raises `Invalid` for what this version does not know."""
    values = dict(stored)
    cls = _KINDS.get(str(values.pop("kind", "")))
    if cls is None:
        raise Invalid("unknown kind of inbound")
    values["place"] = chat.Place(**values["place"])
    values["sender"] = chat.Sender(**values["sender"])
    values["at"] = datetime.fromisoformat(values["at"])
    if "files" in values:
        values["files"] = tuple(chat.FileRef(**one) for one in values["files"])
    if "messages" in values:
        values["messages"] = tuple(from_json(one) for one in values["messages"])
    if "to" in values:
        values["to"] = chat.Place(**values["to"])
    if "emoji" in values:
        values["emoji"] = tuple(values["emoji"])
    return cls(**values)
