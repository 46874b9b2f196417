"""What there is: people, bots, guilds, channels, messages, files, webhooks."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Any

Json = dict[str, Any]


class Kind(IntEnum):
    """Kinds of channels."""

    text = 0
    dm = 1
    voice = 2
    category = 4
    announcement = 5
    announcement_thread = 10
    public_thread = 11
    private_thread = 12
    forum = 15
    media = 16


THREADS = (Kind.announcement_thread, Kind.public_thread, Kind.private_thread)
FORUMS = (Kind.forum, Kind.media)
EPHEMERAL = 1 << 6
LOADING = 1 << 7
HAS_THREAD = 1 << 5
COMPONENTS_V2 = 1 << 15
MESSAGES_KEPT = 50_000
"""Of one channel; older ones are forgotten."""


@dataclass(eq=False, slots=True)
class User:
    id: str
    username: str
    name: str
    bot: bool = False
    avatar: str | None = None
    webhook: bool = False
    blocked: set[str] = field(default_factory=set)
    """Bots to whom this person's direct messages are closed."""


@dataclass(eq=False, slots=True)
class App:
    """A bot with its token; its application has the same id."""

    user: User
    token: str
    privileged: int
    """Which of the privileged intents it may ask for."""
    revoked: bool = False
    commands: dict[str, list[Json]] = field(default_factory=dict)
    """By guild id; the global ones under an empty one."""
    description: str = ""
    shards: int = 1
    """How many sessions the platform recommends to it."""
    fewest_shards: int = 1
    """With fewer it is not connected at all."""

    @property
    def id(self) -> str:
        return self.user.id


@dataclass(eq=False, slots=True)
class Member:
    user: User
    joined_at: datetime
    nick: str | None = None
    roles: list[str] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class Role:
    id: str
    name: str
    permissions: int
    position: int = 1
    color: int = 0
    bot_id: str | None = None


@dataclass(eq=False, slots=True)
class Guild:
    id: str
    name: str
    owner_id: str
    members: dict[str, Member] = field(default_factory=dict)
    roles: dict[str, Role] = field(default_factory=dict)
    emojis: dict[str, str] = field(default_factory=dict)
    """Its own emoji: ids by name."""


@dataclass(eq=False, slots=True)
class Channel:
    """A channel, a direct message channel or a thread."""

    id: str
    kind: Kind
    name: str = ""
    guild: Guild | None = None
    parent: Channel | None = None
    position: int = 0
    options: Json = field(default_factory=dict)
    """What is only kept and handed back: topic, nsfw, slow mode and the like."""
    overwrites: list[Json] = field(default_factory=list)
    tags: list[Json] = field(default_factory=list)
    recipients: list[User] = field(default_factory=list)
    messages: dict[str, Message] = field(default_factory=dict)
    whispers: dict[str, Message] = field(default_factory=dict)
    """Ephemeral answers, each for one person."""
    last_message_id: str | None = None
    renames: deque[float] = field(default_factory=deque)
    owner_id: str = ""
    members: dict[str, datetime] = field(default_factory=dict)
    """Of a thread."""
    archived: bool = False
    locked: bool = False
    archived_at: datetime | None = None
    applied_tags: list[str] = field(default_factory=list)
    said: int = 0
    """Messages of a thread, its starter not counted."""
    gone: bool = False

    @property
    def is_thread(self) -> bool:
        return self.kind in THREADS

    @property
    def is_dm(self) -> bool:
        return self.kind is Kind.dm

    @property
    def holds_messages(self) -> bool:
        return self.kind not in (Kind.category, *FORUMS)


@dataclass(eq=False, slots=True)
class File:
    id: str
    filename: str
    content_type: str
    data: bytes
    description: str | None = None


@dataclass(eq=False, slots=True)
class Message:
    id: str
    channel: Channel
    author: User
    content: str
    at: datetime
    kind: int = 0
    edited_at: datetime | None = None
    nonce: str | int | None = None
    tts: bool = False
    pinned: bool = False
    embeds: list[Json] = field(default_factory=list)
    components: list[Json] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    flags: int = 0
    reference: Json | None = None
    referenced: Message | None = None
    mentions: list[User] = field(default_factory=list)
    mention_roles: list[str] = field(default_factory=list)
    everyone: bool = False
    reactions: dict[str, dict[str, None]] = field(default_factory=dict)
    webhook_id: str | None = None
    app_id: str | None = None
    thread: Channel | None = None
    only_for: str | None = None
    """The one person who sees it."""
    asked_by: Json | None = None
    """The interaction that it answers."""
    extra: Json = field(default_factory=dict)
    """Raw fields that its shape carries beside the others: stickers, a poll, what is still unknown."""
    picture: str | None = None
    """The address of the picture that a webhook shows."""


@dataclass(eq=False, slots=True)
class Webhook:
    id: str
    token: str
    name: str
    channel: Channel
    owner: User
    app_id: str | None = None
    avatar: str | None = None
