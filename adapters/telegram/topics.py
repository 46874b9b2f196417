"""Where a ticket will live: a topic of its own in a private chat that may have topics, a chain of replies
in a group that has none and in General."""

from __future__ import annotations

from dataclasses import replace

import structlog
from sqlalchemy import select

from adapters.telegram import outbound
from adapters.telegram.facts import CHAIN
from adapters.telegram.line import Line, chat_id
from adapters.telegram.settings import PLATFORM
from core.chat import Inbound, Invoked, Place, PostFailed, Pressed, Said
from core.conversations import service as conversations
from core.conversations.model import PendingQuestion, Seat
from core.desk import Desk
from core.installations import cursors
from core.text import subject_of

log = structlog.get_logger("telegram.topics")


async def of_its_own(desk: Desk, line: Line, inbound: Said) -> Said:
    """What is said outside of topics begins a ticket: it gets a topic. Which one is remembered, so that
    the same message again does not get a second one. What answers a question begins nothing."""
    me = await line.me()
    chat = inbound.place.channel
    if not me.topics or inbound.place.thread or chat.startswith("-"):
        return inbound
    if await _is_taken(desk, inbound.place) or await _is_asked(desk, inbound.place):
        return inbound
    async with desk.db.sessions() as session:
        known = await cursors.get(session, PLATFORM, line.id, f"topic:{chat}")
    native, _sep, thread = known.partition(":")
    if native == inbound.native and thread:
        return replace(inbound, place=line.place(chat, thread))
    try:
        place = await outbound.open_topic(line, chat, subject_of(inbound.text) or "…")
    except PostFailed as failed:
        # Without a topic the ticket lives in the chat itself.
        log.warning("topic.failed", error=type(failed).__name__)
        return inbound
    async with desk.db.sessions() as session:
        await cursors.move(session, PLATFORM, line.id, f"topic:{chat}", f"{inbound.native}:{place.thread}")
        await session.commit()
    await _copy(line, inbound, place)
    return replace(inbound, place=place)


async def settled(desk: Desk, line: Line, inbound: Inbound) -> Inbound:
    """What answers a message of a chain belongs there: of what is said in General, Telegram does not
    always tell the chain. A chain is no place of its own where the whole group holds a ticket already,
    as one does that was a plain group before."""
    place = inbound.place
    if not place.channel.startswith("-") or not (place.thread == "" or place.thread.startswith(CHAIN)):
        return inbound
    if place.thread and await _is_taken(desk, place):
        return inbound
    if chain := await _chain_around(desk, line, inbound):
        return replace(inbound, place=replace(place, thread=chain))
    whole = replace(place, thread="")
    return replace(inbound, place=whole) if place.thread and await _is_taken(desk, whole) else inbound


async def _chain_around(desk: Desk, line: Line, inbound: Inbound) -> str:
    """The chain of the message that is answered, or whose button is pressed; empty where there is none."""
    match inbound:
        case Said() | Invoked():
            native = inbound.reply_to
        case Pressed():
            native = inbound.message
        case _:
            native = ""
    if not native:
        return ""
    if known := line.chain_with(inbound.place.channel, native):
        return known
    async with desk.unit() as uow:
        found = await conversations.standing_at(uow, inbound.place, native)
    return found[1].thread if found is not None and found[1].thread.startswith(CHAIN) else ""


async def _is_taken(desk: Desk, place: Place) -> bool:
    """Whether a place holds a ticket."""
    async with desk.db.sessions() as session:
        query = select(Seat.id).where(Seat.place_key == place.key, Seat.active).limit(1)
        return await session.scalar(query) is not None


async def _is_asked(desk: Desk, place: Place) -> bool:
    """Whether a form is being asked there, step by step."""
    async with desk.db.sessions() as session:
        query = select(PendingQuestion.place_key).where(PendingQuestion.place_key == place.key).limit(1)
        return await session.scalar(query) is not None


async def _copy(line: Line, inbound: Said, place: Place) -> None:
    """What was said stands in its topic as well; without it the topic would begin with the answer."""
    try:
        await line.client.call(
            "copyMessage",
            chat_id=chat_id(place.channel),
            from_chat_id=chat_id(place.channel),
            message_id=int(inbound.native),
            message_thread_id=int(place.thread),
        )
    except PostFailed as failed:
        log.info("topic.not_copied", error=type(failed).__name__)
