"""From the gateway to the desk: each channel in order, nothing marked as read before it is kept."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import structlog

from adapters.discord.answering import Answering
from adapters.discord.authors import Authors
from adapters.discord.inbound import to_inbound
from adapters.discord.known import Known
from adapters.discord.lanes import Lanes
from adapters.discord.reacted import Reactions
from adapters.discord.reading import string
from adapters.discord.rest import Rest
from adapters.discord.rooms import room_of
from adapters.discord.spoken import deleted, natives_of_bulk
from adapters.discord.trouble import Refused
from core import clock, tasks
from core.chat import Answer, Card, Deleted, Deliver, Inbound, PostFailed, Said
from core.desk import Desk
from core.errors import DeskError, Unavailable

if TYPE_CHECKING:
    from adapters.discord.missed import Missed
    from adapters.discord.read_marks import ReadMarks

log = structlog.get_logger("discord.hearing")
LONGEST_PAUSE = 15.0
MOST_DONE = 10_000
"""Messages whose repetition is known without asking the desk."""
MOST_ASKED = 64
"""Interactions that are answered at the same time."""
_IN_ORDER = (
    "MESSAGE_CREATE", "MESSAGE_UPDATE", "MESSAGE_DELETE", "MESSAGE_DELETE_BULK",
    "MESSAGE_REACTION_ADD", "MESSAGE_REACTION_REMOVE", "MESSAGE_REACTION_REMOVE_ALL",
    "MESSAGE_REACTION_REMOVE_EMOJI",
)  # fmt: skip


class Hearing:
    """Sorts what comes in: into the lane of its channel, or to be answered at once."""

    def __init__(self, desk: Desk, rest: Rest, known: Known, lanes: Lanes, deliver: Deliver) -> None:
        self.desk = desk
        self.rest = rest
        self.known = known
        self.lanes = lanes
        self.deliver = deliver
        self.authors = Authors(desk, known)
        self.reactions = Reactions(desk, rest, known)
        self.answering = Answering(rest, known, deliver)
        self.marks: ReadMarks | None = None
        self.missed: Missed | None = None
        self._asked: set[asyncio.Task[None]] = set()
        self._done: OrderedDict[str, None] = OrderedDict()

    def hear(self, event: str, data: Mapping[str, Any]) -> None:
        """Take one event in; never waits."""
        match event:
            case "MESSAGE_CREATE" if self.missed is not None:
                self.missed.before_live(string(data, "channel_id"))
                self._in_order(event, data)
            case _ if event in _IN_ORDER:
                self._in_order(event, data)
            case "INTERACTION_CREATE":
                self._answer(data)
            case "TYPING_START" | "CHANNEL_DELETE" | "THREAD_DELETE":
                self._in_passing(event, data)
            case _:
                pass
        self.known.hear(event, data)
        if self.missed is not None:
            self.missed.hear(event, data)

    async def said(self, inbound: Said) -> None:
        """A message, live or from the history, whichever comes first."""
        if inbound.native in self._done:
            return
        self.authors.remember(inbound.native, inbound.sender)
        await self.hand_over(inbound)
        self._done[inbound.native] = None
        while len(self._done) > MOST_DONE:
            self._done.popitem(last=False)

    async def hand_over(self, inbound: Inbound) -> Answer:
        """To the desk, however long it is away; what the sender did wrong is told to them."""
        answer = await self._delivered(inbound)
        if isinstance(inbound, Said) and not answer.ignored and not answer.seen_before:
            await self.answering.reply(inbound, answer)
        return answer

    async def _delivered(self, inbound: Inbound) -> Answer:
        pause = 0.5
        while True:
            try:
                return await self.deliver(inbound)
            except Unavailable:
                log.warning("inbound.waits", kind=type(inbound).__name__, pause=pause)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
            except DeskError as error:
                return Answer(cards=(Card(text=str(error), tone="warning", private=True),))

    async def acquaint(self, channel: str) -> None:
        """See to it that we know what kind of channel this is; a thread may have slept so far."""
        pause = 0.5
        while True:
            try:
                await room_of(self.known, self.rest, channel)
                return
            except Refused:
                return
            except PostFailed:
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    async def close(self) -> None:
        await tasks.end(self._asked)

    def _in_order(self, event: str, data: Mapping[str, Any]) -> None:
        channel = string(data, "channel_id")
        if channel:
            self.lanes.put(channel, lambda: self._work(event, data, channel))

    async def _work(self, event: str, data: Mapping[str, Any], channel: str) -> None:
        await self.acquaint(channel)
        if event.startswith("MESSAGE_REACTION"):
            async for reacted in self.reactions.of(event, data):
                await self.hand_over(reacted)
            return
        for inbound in self._facts(event, data):
            if isinstance(inbound, Said):
                await self.said(inbound)
            elif not isinstance(inbound, Deleted):
                await self.hand_over(inbound)
            elif (named := await self.authors.name(inbound)) is not None:
                await self.hand_over(named)
        if event == "MESSAGE_CREATE" and self.marks is not None:
            self.marks.moved(channel, string(data, "id"), string(data, "guild_id"))

    def _facts(self, event: str, data: Mapping[str, Any]) -> Iterator[Inbound]:
        now = clock.now()
        if event == "MESSAGE_DELETE_BULK":
            for native in natives_of_bulk(data):
                if (one := deleted(native, data, self.known, now)) is not None:
                    yield one
        elif (inbound := to_inbound(event, data, self.known, now)) is not None:
            yield inbound

    def _in_passing(self, event: str, data: Mapping[str, Any]) -> None:
        """What is no part of a conversation: told when it comes, and not again."""
        if (inbound := to_inbound(event, data, self.known, clock.now())) is not None:
            self._start(self._tell(inbound))

    async def _tell(self, inbound: Inbound) -> None:
        try:
            await self.deliver(inbound)
        except DeskError as error:
            log.info("inbound.not_taken", kind=type(inbound).__name__, code=error.code)

    def _answer(self, data: Mapping[str, Any]) -> None:
        if len(self._asked) >= MOST_ASKED:
            log.warning("interaction.dropped")
            return
        self._start(self.answering.answer(data))

    def _start(self, work: Any) -> None:
        task = asyncio.create_task(_logged(work))
        self._asked.add(task)
        task.add_done_callback(self._asked.discard)


async def _logged(work: Any) -> None:
    """The named edge: one payload that breaks us must not end the others."""
    try:
        await work
    except Exception as error:
        log.exception("event.failed", exc_info=error)
