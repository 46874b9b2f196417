"""What a bot knows of its servers: channels, threads, roles and emoji, learned from the gateway."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, TypeVar

from adapters.discord.reading import flag_set, items, number, string, table
from adapters.discord.shards import ALONE, Shard
from core.chat import Place

T = TypeVar("T")
DM, TEXT, ANNOUNCEMENT = 1, 0, 5
THREADS = (10, 11, 12)
FORUMS = (15, 16)
WITH_THREADS = (TEXT, ANNOUNCEMENT)
TAG_REQUIRED = 1 << 4
MOST = 50_000
"""Channels and threads that are remembered; the longest unseen are asked for again."""
FRESH, MOST_FOREIGN = 10.0, 1_000
"""Seconds in which a channel is what it was when it was asked for, where another session hears of its changes."""


@dataclass(frozen=True, slots=True)
class Room:
    """A channel or thread as the platform describes it."""

    id: str
    kind: int
    name: str = ""
    guild: str = ""
    parent: str = ""
    last: str = ""
    owner: str = ""
    archived: bool = False
    named: tuple[tuple[str, str], ...] = ()
    """A forum's tags that anybody may use, each with its name."""
    applied: tuple[str, ...] = ()
    """The tags of a post."""
    needs_tag: bool = False

    @property
    def tags(self) -> tuple[str, ...]:
        return tuple(tag for tag, _name in self.named)

    @property
    def is_thread(self) -> bool:
        return self.kind in THREADS

    @property
    def is_forum(self) -> bool:
        return self.kind in FORUMS

    @classmethod
    def of(cls, shape: Mapping[str, Any], guild: str = "") -> Room:
        tags = [tag for tag in items(shape, "available_tags") if tag.get("moderated") is not True]
        return cls(
            id=string(shape, "id"),
            kind=number(shape, "type"),
            name=string(shape, "name"),
            guild=string(shape, "guild_id") or guild,
            parent=string(shape, "parent_id"),
            last=string(shape, "last_message_id"),
            owner=string(shape, "owner_id"),
            archived=table(shape, "thread_metadata").get("archived") is True,
            named=tuple((string(tag, "id"), string(tag, "name")) for tag in tags),
            applied=tuple(str(tag) for tag in shape.get("applied_tags") or ()),
            needs_tag=flag_set(shape, "flags", TAG_REQUIRED),
        )


@dataclass(slots=True)
class Guild:
    id: str
    name: str = ""
    roles: dict[str, str] = field(default_factory=dict)
    emoji: dict[str, str] = field(default_factory=dict)
    """Custom emoji by name."""
    own_roles: set[str] = field(default_factory=set)
    """The role that the platform made for the bot itself."""


class Known:
    """Filled by the gateway's own tellings; pure readers look things up here."""

    def __init__(self, bot: str = "", forums: frozenset[str] = frozenset(), shard: Shard = ALONE) -> None:
        self.bot = bot
        self.shard = shard
        self.application = ""
        self.forums = forums
        self.guilds: dict[str, Guild] = {}
        self._rooms: dict[str, Room] = {}
        self._foreign: dict[str, tuple[float, Room]] = {}
        """Those of other sessions, and when they were asked for."""

    def room(self, channel: str) -> Room | None:
        """As it is; None where that is not known (any more)."""
        if (found := self._rooms.get(channel)) is not None:
            return found
        at, foreign = self._foreign.get(channel, (0.0, None))
        return foreign if monotonic() - at < FRESH else None

    def rooms(self) -> Iterator[Room]:
        """All of which this session is told."""
        yield from list(self._rooms.values())

    def is_home(self, channel: str) -> bool:
        """Whether this session is told what happens to a channel, as far as it knows."""
        return channel in self._rooms

    def place(self, channel: str, platform: str) -> Place:
        """The address of a channel: of a thread, its parent and itself."""
        room = self.room(channel)
        if room is not None and room.is_thread and room.parent:
            return Place(platform, self.bot, room.parent, channel)
        return Place(platform, self.bot, channel)

    def learn(self, shape: Mapping[str, Any], guild: str = "") -> Room:
        """Remember a channel or thread as the platform describes it."""
        room = Room.of(shape, guild)
        if not room.id:
            return room
        if self._hears(room):
            put(self._rooms, room.id, room, MOST)
        else:
            put(self._foreign, room.id, (monotonic(), room), MOST_FOREIGN)
        return room

    def hear(self, event: str, data: Mapping[str, Any]) -> None:
        """Take in what an event tells of the servers."""
        guild = string(data, "guild_id")
        match event:
            case "GUILD_CREATE":
                self._guild(data)
            case "GUILD_DELETE":
                self._forget_guild(string(data, "id"))
            case "CHANNEL_CREATE" | "CHANNEL_UPDATE" | "THREAD_CREATE" | "THREAD_UPDATE":
                self.learn(data, guild)
            case "CHANNEL_DELETE" | "THREAD_DELETE":
                self._rooms.pop(string(data, "id"), None)
            case "THREAD_LIST_SYNC":
                for thread in items(data, "threads"):
                    self.learn(thread, guild)
            case "GUILD_ROLE_CREATE" | "GUILD_ROLE_UPDATE" if guild in self.guilds:
                role = table(data, "role")
                self.guilds[guild].roles[string(role, "id")] = string(role, "name")
            case "GUILD_EMOJIS_UPDATE" if guild in self.guilds:
                self.guilds[guild].emoji = emoji_of(data)
            case _:
                pass

    def role(self, role: str) -> str:
        return next((g.roles[role] for g in self.guilds.values() if role in g.roles), "")

    def is_own_role(self, role: str) -> bool:
        return any(role in guild.own_roles for guild in self.guilds.values())

    def emoji_at(self, channel: str, name: str) -> str:
        """The custom emoji of that name where a channel is, as a call names it; empty when there is none."""
        room = self._rooms.get(channel)
        guild = self.guilds.get(room.guild) if room is not None else None
        return emoji_in_call(name, guild.emoji if guild is not None else {})

    def _hears(self, room: Room) -> bool:
        is_told = bool(room.guild) or room.kind == DM
        return self.shard.of == 1 or (is_told and self.shard.hears(room.guild))

    def _guild(self, data: Mapping[str, Any]) -> None:
        guild = string(data, "id")
        if not guild or data.get("unavailable") is True:
            return
        roles = {string(role, "id"): string(role, "name") for role in items(data, "roles")}
        own = {
            string(role, "id")
            for role in items(data, "roles")
            if string(table(role, "tags"), "bot_id") == self.bot
        }
        self.guilds[guild] = Guild(guild, string(data, "name"), roles, emoji_of(data), own)
        for shape in (*items(data, "channels"), *items(data, "threads")):
            self.learn(shape, guild)

    def _forget_guild(self, guild: str) -> None:
        self.guilds.pop(guild, None)
        for room in [one for one in self._rooms.values() if one.guild == guild]:
            del self._rooms[room.id]


def emoji_of(shape: Mapping[str, Any]) -> dict[str, str]:
    """The ids of a server's own emoji, by name."""
    return {string(one, "name"): string(one, "id") for one in items(shape, "emojis")}


def emoji_in_call(name: str, emoji: Mapping[str, str]) -> str:
    number = emoji.get(name, "")
    return f"{name}:{number}" if number else ""


def put(kept: dict[str, T], key: str, value: T, most: int) -> None:
    """As the latest of at most so many."""
    kept.pop(key, None)
    kept[key] = value
    while len(kept) > most:
        del kept[next(iter(kept))]
