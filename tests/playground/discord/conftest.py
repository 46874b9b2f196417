"""The stand-in with a small guild, and the real discord.py client before it."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yarl

from playground.discord import DiscordServer
from playground.discord.model import App, Channel, Guild, Kind, User

with warnings.catch_warnings():
    # It imports a module of the standard library that says it will go.
    warnings.simplefilter("ignore", DeprecationWarning)
    import discord
    from discord import app_commands, gateway, http

CONTRACT = Path(__file__).parents[4] / "shared" / "platforms" / "discord" / "openapi.json"


@dataclass
class World:
    """The stand-in and who is in it."""

    server: DiscordServer
    guild: Guild
    room: Channel
    forum: Channel
    ada: User
    bob: User
    app: App

    @property
    def people(self) -> Any:
        return self.server.people


class Bot(discord.Client):
    """A client that writes down what it hears."""

    def __init__(self, **options: Any) -> None:
        intents = options.pop("intents", None) or discord.Intents.all()
        super().__init__(
            intents=intents,
            guild_ready_timeout=0.05,
            max_ratelimit_timeout=30,
            allowed_mentions=discord.AllowedMentions.none(),
            **options,
        )
        self.tree = app_commands.CommandTree(self)
        self.heard: list[tuple[str, Any]] = []
        self._more = asyncio.Event()
        self.on_asked: Callable[[discord.Interaction], Any] | None = None

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        super().dispatch(event, *args, **kwargs)
        self.heard.append((event, args[0] if args else None))
        self._more.set()

    async def on_interaction(self, asked: discord.Interaction) -> None:
        if self.on_asked is not None:
            await self.on_asked(asked)

    async def hears(self, event: str, when: Callable[[Any], bool] = lambda what: True) -> Any:
        """The first such thing that it heard, or will hear soon."""
        async with asyncio.timeout(30):
            while True:
                for name, what in self.heard:
                    if name == event and when(what):
                        return what
                self._more.clear()
                await self._more.wait()

    def count(self, event: str) -> int:
        return sum(name == event for name, _what in self.heard)


def small_world(server: DiscordServer) -> World:
    world = server.world
    ada, bob = world.add_user("Ada"), world.add_user("Bob")
    guild = world.add_guild("Analytical Engines", ada)
    world.add_member(guild, bob)
    app = world.add_app("Deskbot")
    world.add_member(guild, app.user)
    room = world.add_channel(guild, "help")
    forum = world.add_channel(guild, "tickets", Kind.forum)
    forum.tags = [
        {"id": world.ids.new(), "name": name, "moderated": False, "emoji_id": None, "emoji_name": None}
        for name in ("open", "done")
    ]
    return World(server, guild, room, forum, ada, bob, app)


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    contract = CONTRACT if CONTRACT.is_file() else None
    async with DiscordServer(contract=contract) as server:
        monkeypatch.setattr(http.Route, "BASE", server.api_url)
        monkeypatch.setattr(gateway.DiscordWebSocket, "DEFAULT_GATEWAY", yarl.URL(server.gateway_url))
        monkeypatch.setattr(discord.Asset, "BASE", server.cdn_url)
        yield small_world(server)


@asynccontextmanager
async def running(world: World, **options: Any) -> AsyncIterator[Bot]:
    """A client that is connected and ready."""
    bot = Bot(**options)
    task = asyncio.create_task(bot.start(world.app.token))
    try:
        ready = asyncio.create_task(bot.hears("ready"))
        await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            ready.cancel()
            await task
        yield bot
    finally:
        await bot.close()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def bot(world: World) -> AsyncIterator[Bot]:
    async with running(world) as client:
        yield client
    hard = [one for one in world.server.questions if not one.soft]
    asked = [f"{one.method} {one.path} {one.where}: {one.what}" for one in hard]
    assert asked == [], "calls that the platform's document does not know"


def text_channel(bot: Bot, world: World) -> discord.TextChannel:
    channel = bot.get_channel(int(world.room.id))
    assert isinstance(channel, discord.TextChannel)
    return channel


def forum_channel(bot: Bot, world: World) -> discord.ForumChannel:
    channel = bot.get_channel(int(world.forum.id))
    assert isinstance(channel, discord.ForumChannel)
    return channel
