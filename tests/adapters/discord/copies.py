"""Copies and places as the desk keeps them, for what the adapter looks up there."""

from __future__ import annotations

from uuid import UUID

from core.chat import FileRef, Place, Said, Sender
from core.conversations.model import MessageCopy
from core.desk import Desk


async def ticket_at(desk: Desk, place: Place, external: str, native: str, text: str = "help") -> UUID:
    """A ticket that was opened at a place by what stands there; gives its message."""
    from bot.router import Router
    from core import clock

    said = Said(place=place, sender=Sender(external, "Ada"), native=native, at=clock.now(), text=text)
    answer = await Router(desk).deliver(said)
    assert answer.message_id
    return UUID(answer.message_id)


async def keep(desk: Desk, place: Place, native: str) -> UUID:
    """A message of the desk that stands at a place."""
    message_id = await ticket_at(desk, Place("web", "main", "elsewhere", native), "someone", native)
    async with desk.unit() as uow:
        uow.session.add(MessageCopy(message_id=message_id, place_key=place.key, native=native))
    return message_id


def file(name: str, data: bytes) -> FileRef:
    return FileRef(name, len(data), "text/plain")
