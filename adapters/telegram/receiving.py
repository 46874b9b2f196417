"""From an update to the desk and back to its sender, once: whoever calls this may acknowledge after."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from adapters.telegram import connecting, content, topics
from adapters.telegram.answering import Answering
from adapters.telegram.inbound import album_of, chat_of, gathered, to_inbound
from adapters.telegram.line import Line
from adapters.telegram.settings import PLATFORM
from core import clock, lease
from core.chat import Answer, Deliver, Edited, Inbound, Invoked, Joined, Reacted, Said
from core.desk import Desk
from core.errors import DeskError, Unavailable

log = structlog.get_logger("telegram.receiving")
AT_ONCE = 8
"""Chats that are worked off side by side; within a chat the order is kept."""
AWAY = timedelta(seconds=30)

Update = Mapping[str, Any]


class Receiving:
    """Hands the updates of one bot to the desk. `since` is when it came to listen: what was said long
    before was missed."""

    def __init__(self, desk: Desk, line: Line, deliver: Deliver, answering: Answering) -> None:
        self.desk = desk
        self.line = line
        self.deliver = deliver
        self.answering = answering
        self.since: datetime = clock.now()
        self._side_by_side = asyncio.Semaphore(AT_ONCE)

    async def take(self, updates: Sequence[Any]) -> None:
        """All of them, chat by chat. Raises when one could not be kept: then all come again."""
        chats: dict[str, list[Any]] = {}
        for update in updates:
            chats.setdefault(chat_of(update), []).append(update)
        with lease.about((PLATFORM, self.line.id)):
            results = await asyncio.gather(*map(self._chat, chats.values()), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def _chat(self, updates: Sequence[Any]) -> None:
        async with self._side_by_side:
            albums: dict[str, list[Any]] = {}
            for update in updates:
                if key := album_of(update):
                    albums.setdefault(key, []).append(update)
            for update in updates:
                if key := album_of(update):
                    if key in albums:
                        await self.one(albums.pop(key))
                else:
                    await self.one([update])

    async def one(self, updates: Sequence[Any]) -> None:
        """One fact: an update, or those of a media group."""
        inbound = await self._read(updates)
        if inbound is None:
            return
        inbound = await topics.settled(self.desk, self.line, inbound)
        if isinstance(inbound, Said) and inbound.direct:
            inbound = await topics.of_its_own(self.desk, self.line, inbound)
        if isinstance(inbound, Joined) and inbound.place.channel.startswith("-"):
            await connecting.remember_group(self.desk, self.line, inbound.place.channel, inbound.left)
        try:
            answer = await self.deliver(inbound)
        except Unavailable:
            raise
        except DeskError as error:
            self.answering.refuse(self.line, inbound, error)
            return
        self.answering.show(self.line, inbound, answer if isinstance(answer, Answer) else Answer())

    async def _read(self, updates: Sequence[Any]) -> Inbound | None:
        me = await self.line.me()
        read: list[Inbound] = []
        for update in updates:
            try:
                inbound = to_inbound(update, me)
            except Exception as error:
                # The named edge: what cannot be read must not keep what follows from coming in.
                log.exception("update.unreadable", kind=_kind(update), exc_info=error)
                continue
            if inbound is not None:
                _note_strange(update)
                read.append(inbound)
        if not read:
            return None
        return self._timed(self._by_album(self._as_one(read)))

    def _as_one(self, read: list[Inbound]) -> Inbound:
        said = [one for one in read if isinstance(one, (Said, Invoked))]
        if len(said) < 2:
            return read[0]
        said.sort(key=lambda one: int(one.native))
        unique = list({one.native: one for one in said}.values())
        first = unique[0]
        self.line.remember_album(first.place.channel, first.native, [one.native for one in unique])
        return gathered(unique)

    def _by_album(self, inbound: Inbound) -> Inbound:
        """What happens to any message of a media group happens to the one under which it is kept."""
        if not isinstance(inbound, (Edited, Reacted)):
            return inbound
        first = self.line.first_of_album(inbound.place.channel, inbound.native)
        return replace(inbound, native=first) if first != inbound.native else inbound

    def _timed(self, inbound: Inbound) -> Inbound:
        return replace(inbound, missed=True) if inbound.at < self.since - AWAY else inbound


def _note_strange(update: Any) -> None:
    message = update.get("message") if isinstance(update, Mapping) else None
    if isinstance(message, Mapping) and (strange := content.of(message).strange):
        log.info("message.strange", kind=strange)


def _kind(update: Any) -> str:
    if not isinstance(update, Mapping):
        return type(update).__name__
    return next((str(name)[:40] for name in update if name != "update_id"), "")
