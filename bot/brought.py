"""What a message brings along besides its words: its files, and what it answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from bot.registry import Turn
from core.chat import FileRef, Invoked, Place
from core.conversations import incoming
from core.conversations import service as conversations
from core.db import UnitOfWork
from core.rooms import service as rooms
from core.tickets.access import Opened


def stored(files: Sequence[FileRef]) -> tuple[UUID, ...]:
    """The files that are with us already."""
    return tuple(UUID(ref.stored) for ref in files if ref.stored)


def follow(files: Sequence[FileRef]) -> bool:
    """Whether some are still to be fetched."""
    return any(not ref.stored for ref in files)


async def replied_to(uow: UnitOfWork, place: Place, native: str) -> UUID | None:
    """The message that is answered, where it is one of ours."""
    message = await conversations.message_at(uow, place, native) if native else None
    return message.id if message else None


async def by_command(turn: Turn, ticket: int) -> dict[str, Any]:
    """How a message is said that came with a command. One that was written into the ticket's own thread
    in a desk room stands there already: it is marked, edited and deleted as any other."""
    inbound = turn.inbound
    extra: dict[str, Any] = {"files": stored(turn.files), "files_follow": follow(turn.files)}
    if not isinstance(inbound, Invoked) or not inbound.standing or turn.here != ticket:
        return extra
    if await rooms.holds(turn.uow.session, inbound.place):
        extra |= {"origin": inbound.place, "native": inbound.native}
    return extra


def expect(turn: Turn, opened: Opened, message_id: UUID) -> None:
    """Ask for the files that came with a command; they are taken now."""
    inbound = turn.inbound
    incoming.expect(turn.uow, opened.thread, message_id, inbound.place, inbound.native, turn.files)
    turn.files = ()
