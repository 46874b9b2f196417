"""The adapter, running before the stand-in, with a desk that writes down what it hears."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from adapters.discord.bot import Bot
from core.chat import Answer, CommandSpec, Deliver, Inbound, ParameterSpec, Place
from core.desk import Desk
from core.errors import Unavailable
from core.i18n import _
from tests.adapters.discord.standin import Standin, opened, until

COMMANDS = (
    CommandSpec("status", "Where a ticket stands", (ParameterSpec("ticket", "number", False),)),
    CommandSpec(
        "priority",
        "Set the priority",
        (
            ParameterSpec("ticket", "number", False),
            ParameterSpec("to", "choice", True, choices=("low", "high")),
        ),
        staff=True,
    ),
    CommandSpec("macro", "Answer with a prepared text", (ParameterSpec("name", "text", True, rest=True),)),
)


@dataclass
class Ears:
    """Takes what is delivered. `away` keeps nothing, as a desk without its database; `answers` gives
    what comes back."""

    heard: list[Inbound] = field(default_factory=list)
    refused: int = 0
    away: bool = False
    answers: Callable[[Inbound], Any] = lambda inbound: Answer()

    async def deliver(self, inbound: Inbound) -> Answer:
        if self.away:
            self.refused += 1
            raise Unavailable(_("The desk cannot be reached right now. Please try again in a moment."))
        self.heard.append(inbound)
        found = self.answers(inbound)
        if asyncio.iscoroutine(found):
            found = await found
        assert isinstance(found, Answer)
        return found

    def of(self, kind: type[Inbound]) -> list[Any]:
        return [one for one in self.heard if isinstance(one, kind)]

    async def hears(self, kind: type[Inbound], number: int = 1) -> Any:
        """The so-manieth of its kind, once it is there."""
        await until(lambda: len(self.of(kind)) >= number)
        return self.of(kind)[number - 1]


@dataclass
class World:
    """Everything at hand."""

    desk: Desk
    standin: Standin
    ears: Ears

    @property
    def adapter(self) -> Any:
        return self.standin.adapter

    @property
    def people(self) -> Any:
        return self.standin.server.people

    @property
    def server(self) -> Any:
        return self.standin.server

    @property
    def bot(self) -> Bot:
        return next(iter(self.adapter._bots.values()))

    def channel(self, name: str) -> Any:
        return next(one for one in self.standin.seeded.channels if one.name == name)

    def place(self, channel: Any, thread: Any = None) -> Place:
        bot = self.standin.seeded.app.user.id
        return Place("discord", bot, channel.id, thread.id if thread is not None else "")

    async def shows(self, place: Place) -> list[str]:
        return await self.standin.shows(place)

    def calls(self, method: str, ending: str) -> int:
        return sum(1 for m, path, _status in self.server.calls if m == method and path.endswith(ending))


@asynccontextmanager
async def running(
    desk: Desk,
    standin: Standin,
    ears: Ears | None = None,
    *,
    deliver: Deliver | None = None,
    commands: Sequence[CommandSpec] = COMMANDS,
) -> AsyncIterator[World]:
    """The adapter at work, listening."""
    ears = ears or Ears()
    standin.adapter.offer(commands)
    task = asyncio.create_task(standin.adapter.run(deliver or ears.deliver))
    try:
        world = World(desk, standin, ears)
        await until(lambda: task.done() or (standin.adapter._bots and world.bot.is_listening))
        if task.done():
            await task
        await world.bot.lanes.settled()
        yield world
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def standin(desk: Desk) -> AsyncIterator[Standin]:
    async with opened(desk) as made:
        yield made


@pytest.fixture
async def world(desk: Desk, standin: Standin) -> AsyncIterator[World]:
    async with running(desk, standin) as made:
        yield made
