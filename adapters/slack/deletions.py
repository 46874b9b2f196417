"""What was deleted while we were away: messages that the desk has and Slack has no more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from core import clock
from core.chat import Deleted, Place, Sender
from core.conversations.model import Message, MessageCopy
from core.desk import Desk
from core.people import service as people

Json = dict[str, Any]

MOST = 200


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a channel that was read without a gap, and the threads read with it."""

    place: Place
    since: str
    until: str
    threads: frozenset[str]


async def missing(desk: Desk, span: Span, messages: Sequence[Json]) -> list[Deleted]:
    """Deletions that nobody told of. Slack says neither when nor who: it counts as the author's."""
    standing = {str(one["ts"]) for one in messages if one.get("subtype") != "tombstone"}
    prefix = Place(span.place.platform, span.place.installation, span.place.channel).key
    query = (
        select(MessageCopy.native, MessageCopy.place_key, Message.author_id)
        .join(Message, Message.id == MessageCopy.message_id)
        .where(
            MessageCopy.origin,
            Message.deleted_at.is_(None),
            MessageCopy.place_key.startswith(prefix, autoescape=True),
            MessageCopy.native > span.since,
            MessageCopy.native < span.until,
        )
        .order_by(MessageCopy.native)
        .limit(MOST)
    )
    found: list[Deleted] = []
    async with desk.unit() as uow:
        for native, key, author in (await uow.session.execute(query)).all():
            place = Place.from_key(key)
            if native in standing or author is None or not _was_read(place.thread, native, span):
                continue
            if external := await people.external_at(uow, author, place.platform, place.installation):
                sender, now = Sender(external), clock.now()
                found.append(
                    Deleted(place=place, sender=sender, native=native, at=now, direct=False, missed=True)
                )
    return found


def _was_read(thread: str, native: str, span: Span) -> bool:
    """Heads stand in the channel, replies in their thread."""
    return thread in ("", native) or thread in span.threads
