"""The port for stored objects: sealed attachments, small pictures, recordings, backups."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Protocol

from core.errors import Invalid, NotFound, Unavailable
from core.i18n import _
from core.ids import new_id

_NAME = re.compile(r"[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


class StoreFull(Unavailable):
    """No room is left; nothing of the object stays behind."""

    code = "store_full"
    status = 507

    def __init__(self) -> None:
        super().__init__(_("There is no room left for files. Nothing was stored."))


class StoreDown(Unavailable):
    """The store does not answer, or refuses the process its rights."""

    code = "store_down"

    def __init__(self) -> None:
        super().__init__(_("The file store does not answer now. Please try again later."))


class FileStore(Protocol):
    """Keeps objects of bytes under names made by `new_name`; every other name is `Invalid`.

    The store sees sealed bytes only. A failing disk or service raises `StoreDown`.
    """

    async def put(self, name: str, chunks: AsyncIterator[bytes]) -> int:
        """Store a stream as a whole or not at all; returns its size in bytes.

        An object of that name is replaced. Raises `StoreFull`, or what the stream raises.
        """
        ...

    def read(self, name: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from `start` to `stop` (exclusive; None is the end); `NotFound` at the first step."""
        ...

    async def size(self, name: str) -> int:
        """The size in bytes; raises `NotFound`."""
        ...

    async def delete(self, name: str) -> None:
        """Remove the object; one that is not there is no error, so that a repeat is harmless."""
        ...

    def names(self) -> AsyncIterator[str]:
        """All names in order: for a backup and for finding what no row refers to."""
        ...


def new_name() -> str:
    """A fresh name `ab/cd/<uuid>`.

    The folders are the id's last, random digits: a UUIDv7 begins with the time, which would
    put everything of one day into one folder.
    """
    name = str(new_id())
    return f"{name[-4:-2]}/{name[-2:]}/{name}"


def check_name(name: str) -> str:
    """The name itself, when `new_name` could have made it; every store asks before it acts."""
    if not _NAME.fullmatch(name):
        raise Invalid(_("This is not the name of a stored file."), field="name")
    return name


def missing() -> NotFound:
    """What every store raises for an object that is not there."""
    return NotFound(_("This file is not there any more."))
