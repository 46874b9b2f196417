"""One delivery row is one call to one platform: which call, by the row's kind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Protocol

from core.chat import (
    FileRef,
    Files,
    Gone,
    Marks,
    NotSupported,
    OpenedThread,
    Place,
    Post,
    Poster,
    Reacts,
    Rooms,
)
from core.conversations.attachments import OpenFile
from core.outbox_model import Delivery


@dataclass(frozen=True, slots=True)
class Opening:
    """A thread to be opened: its title, the card above it, and for whom (empty: for the room)."""

    title: str
    head: Post
    member: str = ""


@dataclass(frozen=True, slots=True)
class FileOut:
    """A file on its way out: what the platform is told of it, and its bytes."""

    ref: FileRef
    found: OpenFile
    chunks: AsyncIterator[bytes]
    part: Post


class Sends(Protocol):
    async def __call__(self, adapter: Any, place: Place, row: Delivery, made: Any) -> Any: ...


async def post(adapter: Poster, place: Place, row: Delivery, made: Any) -> str:
    return await adapter.post(place, made, key=str(row.id))


async def edit(adapter: Poster, place: Place, row: Delivery, made: Post) -> str:
    native = str(row.args["native"])
    await adapter.edit(place, native, made)
    return native


async def delete(adapter: Poster, place: Place, row: Delivery, made: Post) -> str:
    """Where a platform cannot delete it any more, the words go and "deleted" stands there."""
    native = str(row.args["native"])
    try:
        await adapter.delete(place, native)
    except NotSupported:
        await adapter.edit(place, native, made)
    return native


async def react(adapter: Any, place: Place, row: Delivery, made: Post) -> str:
    native = str(row.args["native"])
    if isinstance(adapter, Reacts):
        await adapter.react(place, native, tuple(made.card.text.split()))
    return native


async def mark(adapter: Any, place: Place, row: Delivery, made: Post) -> str:
    native = str(row.args["native"])
    if isinstance(adapter, Marks):
        await adapter.mark(place, native, "sent" if row.args.get("sent") else "failed")
    return native


async def file(adapter: Any, place: Place, row: Delivery, made: FileOut) -> str:
    if not isinstance(adapter, Files):
        raise Gone("takes no files")
    return await adapter.send(place, made.ref, made.chunks, made.part, key=str(row.id))


async def open_thread(adapter: Any, place: Place, row: Delivery, made: Opening) -> OpenedThread:
    return await _rooms(adapter).open_thread(
        place, made.title, made.head, key=str(row.id), member=made.member
    )


async def close_thread(adapter: Any, place: Place, row: Delivery, made: Any) -> str:
    await _rooms(adapter).close_thread(place)
    return ""


async def restore_thread(adapter: Any, place: Place, row: Delivery, made: Any) -> str:
    await _rooms(adapter).restore_thread(place)
    return ""


CALLS: dict[str, Sends] = {
    "post": post,
    "mail": post,
    "edit": edit,
    "delete": delete,
    "react": react,
    "mark": mark,
    "file": file,
    "open": open_thread,
    "close_thread": close_thread,
    "restore_thread": restore_thread,
}


def _rooms(adapter: Any) -> Rooms:
    if not isinstance(adapter, Rooms):
        raise Gone("has no threads")
    return adapter
