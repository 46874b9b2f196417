"""Typing goes from one side to the other, wherever both are: best effort, never stored.

While a reply is held, the requester sees that somebody types, since somebody does.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from uuid import UUID

import structlog
from sqlalchemy import func, select

from core.chat import ChatAdapter, Place, PostFailed, Types
from core.conversations.model import Conversation, Seat
from core.desk import Desk
from core.outage import MAY_BE_AWAY
from core.ports.bus import Signal

log = structlog.get_logger("bot.typists")
EVERY = 4.0
"""Seconds between two calls for one place; platforms show typing for five to ten."""
MOST_PLACES = 2_000


async def relay(desk: Desk, chats: Mapping[str, ChatAdapter], leads: Callable[[Place], bool]) -> None:
    """Until cancelled, at the places that this process `leads`."""
    typists = {
        name: chat for name, chat in chats.items() if isinstance(chat, Types) and not chat.limits.timeline
    }
    if not typists:
        await asyncio.Event().wait()
    told: dict[str, float] = {}
    async with desk.bus.subscribe() as signals:
        async for signal in signals:
            if (found := _typing(signal, holds=desk.means.settings.hold_seconds > 0)) is None:
                continue
            if not _is_news(told, "/".join(found)):
                continue
            try:
                for place in await _places(desk, *found):
                    if leads(place):
                        await _tell(typists, place, told)
            except MAY_BE_AWAY as error:
                log.warning("typing.not_told", error=type(error).__name__)


def _typing(signal: Signal, *, holds: bool) -> tuple[str, str, str] | None:
    """Who is to see it: the other side of a conversation or of a place; None for anything else."""
    data = signal.data
    if signal.topic == "typing" and data.get("on"):
        other = "staff" if data.get("side") == "requester" else "requester"
        return str(data.get("conversation") or ""), str(data.get("place") or ""), other
    said = holds and signal.topic == "event" and data.get("name") == "message.said"
    if said and data.get("side") == "staff" and data.get("audience") == "everyone":
        return str(data.get("conversation") or ""), "", "requester"
    return None


def _is_news(told: dict[str, float], key: str) -> bool:
    """Whether it was not told a moment ago; from now on it was."""
    now = time.monotonic()
    if now - told.get(key, -EVERY) < EVERY:
        return False
    if len(told) >= MOST_PLACES:
        told.clear()
    told[key] = now
    return True


async def _places(desk: Desk, conversation: str, place_key: str, side: str) -> list[Place]:
    async with desk.db.sessions() as session:
        if conversation:
            of = UUID(conversation)
            root = func.coalesce(Conversation.root_id, Conversation.id)
            ids = select(root).where(Conversation.id == of)
        else:
            ids = select(Seat.conversation_id).where(Seat.place_key == place_key, Seat.active)
        keys = await session.scalars(
            select(Seat.place_key).where(Seat.conversation_id.in_(ids), Seat.active, Seat.side == side)
        )
        return [Place.from_key(key) for key in keys if key]


async def _tell(typists: Mapping[str, ChatAdapter], place: Place, told: dict[str, float]) -> None:
    adapter = typists.get(place.platform)
    if not isinstance(adapter, Types) or not _is_news(told, place.key):
        return
    try:
        async with asyncio.timeout(5):
            await adapter.typing(place, True)
    except (PostFailed, TimeoutError, OSError) as error:
        log.info("typing.not_shown", platform=place.platform, error=type(error).__name__)
