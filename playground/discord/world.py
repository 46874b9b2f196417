"""The state of the stand-in: who and what there is, and how to find it."""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64encode
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from playground.discord import errors
from playground.discord.errors import Reason, Refused
from playground.discord.events import PRIVILEGED, Event, Intent
from playground.discord.ids import Snowflakes, now
from playground.discord.journal import Journal
from playground.discord.model import (
    App,
    Channel,
    File,
    Guild,
    Json,
    Kind,
    Member,
    Message,
    Role,
    User,
    Webhook,
)
from playground.discord.rights import BOT, EVERYONE, Right

T = TypeVar("T")
FILES_KEPT = 512 * 1024 * 1024
"""Bytes of all files together; the oldest are forgotten first."""


class World:
    """All state, in memory. What changes it announces itself to the bots and to the journal."""

    def __init__(self) -> None:
        self.ids = Snowflakes()
        self.users: dict[str, User] = {}
        self.apps: dict[str, App] = {}
        self.guilds: dict[str, Guild] = {}
        self.channels: dict[str, Channel] = {}
        self.webhooks: dict[str, Webhook] = {}
        self.files: dict[str, File] = {}
        self.journal = Journal()
        self.announce: Callable[[Event], None] = lambda event: None
        self.address = ""
        """Where files and pictures are fetched from; known once the server listens."""
        self.secret = secrets.token_bytes(16)
        self.file_life = 86_400.0
        self.nonce_life = 300.0
        self.nonces: deque[tuple[float, str, Message]] = deque(maxlen=10_000)
        self._file_bytes = 0

    # --- making

    def add_user(self, name: str, *, bot: bool = False, avatar: str | None = None) -> User:
        username = name if bot else name.lower().replace(" ", "_")[:32]
        user = User(self.ids.new(), username, name, bot, avatar)
        self.users[user.id] = user
        return user

    def add_app(self, name: str, *, token: str | None = None, privileged: Intent = PRIVILEGED) -> App:
        user = self.add_user(name, bot=True)
        # The first part of a token tells whose it is.
        named = urlsafe_b64encode(user.id.encode()).decode().rstrip("=")
        app = App(user, token or f"{named}.{secrets.token_urlsafe(24)}", int(privileged))
        self.apps[app.id] = app
        return app

    def add_guild(self, name: str, owner: User, *, shard: tuple[int, int] = (0, 1)) -> Guild:
        """One that belongs to this shard of so many."""
        guild = Guild(self.ids.of_shard(*shard), name, owner.id)
        guild.roles[guild.id] = Role(guild.id, "@everyone", int(EVERYONE), 0)
        guild.members[owner.id] = Member(owner, now())
        self.guilds[guild.id] = guild
        return guild

    def add_role(self, guild: Guild, name: str, permissions: Right = EVERYONE) -> Role:
        role = Role(self.ids.new(), name, int(permissions), len(guild.roles))
        guild.roles[role.id] = role
        return role

    def add_member(self, guild: Guild, user: User, *roles: str) -> Member:
        """Let someone into a guild; a bot gets a role of its own with the rights of a desk."""
        member = Member(user, now(), None, list(roles))
        if user.bot:
            role = self.add_role(guild, user.name, BOT)
            role.bot_id = user.id
            member.roles.append(role.id)
        guild.members[user.id] = member
        return member

    def add_channel(self, guild: Guild, name: str, kind: Kind = Kind.text, **options: object) -> Channel:
        position = sum(1 for _one in self.channels_of(guild))
        channel = Channel(self.ids.new(), kind, name, guild, position=position, options=dict(options))
        self.channels[channel.id] = channel
        return channel

    def dm_between(self, person: User, bot: User) -> Channel:
        for channel in self.channels.values():
            if channel.is_dm and {one.id for one in channel.recipients} == {person.id, bot.id}:
                return channel
        channel = Channel(self.ids.new(), Kind.dm, recipients=[person, bot])
        self.channels[channel.id] = channel
        self.journal.note("channel", channel=channel.id)
        return channel

    def add_file(self, filename: str, data: bytes, content_type: str, description: str | None = None) -> File:
        file = File(self.ids.new(), filename, content_type, data, description)
        self.files[file.id] = file
        self._file_bytes += len(data)
        while self._file_bytes > FILES_KEPT:
            oldest = self.files.pop(next(iter(self.files)))
            self._file_bytes -= len(oldest.data)
        return file

    # --- finding

    def app_of_token(self, token: str) -> App | None:
        return next((app for app in self.apps.values() if secrets.compare_digest(app.token, token)), None)

    def channel(self, channel_id: str) -> Channel:
        return _found(self.channels, channel_id, errors.UNKNOWN_CHANNEL)

    def guild(self, guild_id: str) -> Guild:
        return _found(self.guilds, guild_id, errors.UNKNOWN_GUILD)

    def user(self, user_id: str) -> User:
        return _found(self.users, user_id, errors.UNKNOWN_USER)

    def webhook(self, webhook_id: str) -> Webhook:
        return _found(self.webhooks, webhook_id, errors.UNKNOWN_WEBHOOK)

    def message(self, channel: Channel, message_id: str) -> Message:
        return _found(channel.messages, message_id, errors.UNKNOWN_MESSAGE)

    def channels_of(self, guild: Guild) -> Iterator[Channel]:
        """Channels of a guild, without its threads."""
        return (one for one in self.channels.values() if one.guild is guild and not one.is_thread)

    def threads_of(self, guild: Guild) -> Iterator[Channel]:
        return (one for one in self.channels.values() if one.guild is guild and one.is_thread)

    def threads_in(self, parent: Channel) -> Iterator[Channel]:
        return (one for one in self.channels.values() if one.parent is parent and one.is_thread)

    def guilds_of(self, user_id: str) -> list[Guild]:
        return [guild for guild in self.guilds.values() if user_id in guild.members]

    # --- telling

    def tell(
        self,
        name: str,
        data: Json,
        *,
        intent: Intent = Intent.guilds,
        guild: Guild | None = None,
        channel: Channel | None = None,
        message: Message | None = None,
        only: str | None = None,
    ) -> None:
        """Announce an event to the bots that it concerns."""
        guild_id = guild.id if guild else channel.guild.id if channel and channel.guild else None
        self.announce(Event(name, data, intent, guild_id, channel, message, only))


def _found(things: Mapping[str, T], key: str, otherwise: Reason) -> T:
    thing = things.get(str(key))
    if thing is None:
        raise Refused(otherwise)
    return thing
