"""What the stand-in knows: workspaces, people, channels, messages, files, views. All in memory."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

MOST_MESSAGES = 50_000
"""Messages kept of one channel; the oldest go first."""
MOST_EPHEMERALS = 500
MOST_TRIGGERS = 2_000
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

Json = dict[str, Any]


@dataclass(slots=True)
class User:
    id: str
    team: str
    name: str
    real_name: str
    display_name: str = ""
    email: str = ""
    tz: str = "Europe/Berlin"
    locale: str = "en-US"
    is_admin: bool = False
    bot_id: str = ""
    app_id: str = ""
    deleted: bool = False
    title: str = ""

    @property
    def shown(self) -> str:
        return self.display_name or self.real_name or self.name


@dataclass(slots=True)
class Message:
    ts: str
    text: str
    user: str = ""
    team: str = ""
    bot_id: str = ""
    app_id: str = ""
    subtype: str = ""
    username: str = ""
    icons: Json = field(default_factory=dict)
    blocks: list[Json] = field(default_factory=list)
    own_blocks: bool = False
    """Blocks that the sender gave, not those made of the text."""
    attachments: list[Json] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    thread_ts: str = ""
    client_msg_id: str = ""
    edited: Json = field(default_factory=dict)
    reactions: dict[str, list[str]] = field(default_factory=dict)
    metadata: Json = field(default_factory=dict)
    extra: Json = field(default_factory=dict)

    @property
    def is_reply(self) -> bool:
        return bool(self.thread_ts) and self.thread_ts != self.ts


@dataclass(slots=True)
class Ephemeral:
    ts: str
    channel: str
    user: str
    text: str
    blocks: list[Json] = field(default_factory=list)
    thread_ts: str = ""


@dataclass(slots=True)
class Channel:
    id: str
    name: str
    kind: str
    """As events call it: channel, group, im or mpim."""
    teams: list[str]
    creator: str
    created: int
    members: list[str] = field(default_factory=list)
    archived: bool = False
    topic: str = ""
    purpose: str = ""
    messages: dict[str, Message] = field(default_factory=dict)
    threads: dict[str, list[str]] = field(default_factory=dict)
    """Under a parent's ts, its replies in order."""
    read: dict[str, str] = field(default_factory=dict)

    @property
    def is_shared(self) -> bool:
        return len(self.teams) > 1

    def add(self, message: Message) -> None:
        self.messages[message.ts] = message
        if message.is_reply:
            self.threads.setdefault(message.thread_ts, []).append(message.ts)
        while len(self.messages) > MOST_MESSAGES:
            self.drop(self.messages[next(iter(self.messages))])

    def drop(self, message: Message) -> None:
        del self.messages[message.ts]
        replies = self.threads.get(message.thread_ts, [])
        if message.ts in replies:
            replies.remove(message.ts)
        if not replies:
            self.threads.pop(message.thread_ts, None)

    def replies(self, parent: str) -> list[Message]:
        return [self.messages[ts] for ts in self.threads.get(parent, ()) if ts in self.messages]


@dataclass(slots=True)
class File:
    id: str
    team: str
    user: str
    name: str
    title: str
    mimetype: str
    created: int
    length: int
    content: bytes = b""
    arrived: bool = False
    complete: bool = False
    alt_txt: str = ""
    shares: list[tuple[str, str, str]] = field(default_factory=list)
    """Where it was shared: channel, ts, thread."""


@dataclass(slots=True)
class View:
    id: str
    team: str
    user: str
    given: Json
    hash: str
    root: str
    previous: str = ""
    state: Json = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Token:
    value: str
    team: str
    kind: str = "bot"
    scopes: frozenset[str] | None = None
    """None stands for every scope."""
    expires: float | None = None
    revoked: bool = False


@dataclass(slots=True)
class Workspace:
    id: str
    name: str
    domain: str
    installed: bool = False
    bot_user: str = ""
    bot_id: str = ""
    homes: dict[str, View] = field(default_factory=dict)
    stacks: dict[str, list[str]] = field(default_factory=dict)
    """Under a person's id, their open forms, the top one last."""


@dataclass(slots=True)
class App:
    """The one app of this server, as its settings page would show it."""

    id: str = "A0PLAYDESK"
    name: str = "Deskbell"
    client_id: str = "1000000000.2000000000"
    client_secret: str = "play-client-secret"  # noqa: S105  # opens nothing but this stand-in
    signing_secret: str = "play-signing-secret"  # noqa: S105  # opens nothing but this stand-in
    app_token: str = "xapp-1-A0PLAYDESK-play"  # noqa: S105  # opens nothing but this stand-in
    verification: str = "play-verification"
    request_url: str = ""
    """Where events go when Socket Mode is off; commands and interactivity too unless told apart."""
    commands_url: str = ""
    interactivity_url: str = ""
    options_url: str = ""
    socket_mode: bool = True
    events: frozenset[str] | None = None
    """Kinds of events asked for; None stands for all."""
    commands: tuple[str, ...] = ()
    """Slash commands it has; empty: whatever is typed."""
    shortcuts: list[Json] = field(default_factory=list)
    """For the page: {"type": "message" | "global", "callback_id", "name"}."""
    rotation: bool = False


@dataclass(slots=True)
class Trigger:
    team: str
    user: str
    expires: float
    used: bool = False


@dataclass(slots=True)
class Hook:
    """A response_url: five answers within thirty minutes."""

    team: str
    user: str
    channel: str
    expires: float
    message_ts: str = ""
    ephemeral: bool = False
    thread_ts: str = ""
    left: int = 5


class World:
    """Everything, and the numbers that name it."""

    def __init__(self, app: App | None = None) -> None:
        self.app = app or App()
        self.workspaces: dict[str, Workspace] = {}
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self.files: dict[str, File] = {}
        self.views: dict[str, View] = {}
        self.tokens: dict[str, Token] = {}
        self.refresh: dict[str, str] = {}
        self.codes: dict[str, str] = {}
        self.triggers: dict[str, Trigger] = {}
        self.hooks: dict[str, Hook] = {}
        self.ephemerals: deque[Ephemeral] = deque(maxlen=MOST_EPHEMERALS)
        self.statuses: dict[tuple[str, str], Json] = {}
        self._numbers: Iterator[int] = itertools.count(1)
        self._last = 0

    # --- names

    def new_id(self, prefix: str) -> str:
        return f"{prefix}0PLAY{base36(next(self._numbers)):0>5}"

    def new_ts(self) -> str:
        """A time that no other message has."""
        self._last = max(time.time_ns() // 1000, self._last + 1)
        return f"{self._last // 1_000_000}.{self._last % 1_000_000:06d}"

    # --- making

    def add_workspace(self, name: str, domain: str = "") -> Workspace:
        team = Workspace(self.new_id("T"), name, domain or name.lower().replace(" ", "-"))
        self.workspaces[team.id] = team
        return team

    def install(self, team: str, scopes: frozenset[str] | None = None) -> Token:
        """The app comes into a workspace; its first token."""
        place = self.workspaces[team]
        if not place.bot_user:
            place.bot_id = self.new_id("B")
            bot = self.add_user(team, self.app.name.lower(), self.app.name, bot_id=place.bot_id)
            bot.app_id = self.app.id
            place.bot_user = bot.id
        place.installed = True
        return self.new_token(team, scopes)

    def new_token(self, team: str, scopes: frozenset[str] | None = None, lives: float | None = None) -> Token:
        start = "xoxe.xoxb" if lives else "xoxb"
        token = Token(f"{start}-{team}-{base36(next(self._numbers))}-play", team, "bot", scopes)
        token.expires = time.time() + lives if lives else None
        self.tokens[token.value] = token
        return token

    def add_user(self, team: str, name: str, real_name: str = "", **more: Any) -> User:
        user = User(self.new_id("U"), team, name, real_name or name.title(), **more)
        self.users[user.id] = user
        return user

    def add_channel(self, team: str, name: str, creator: str, private: bool = False) -> Channel:
        kind = "group" if private else "channel"
        channel = Channel(self.new_id("C"), name, kind, [team], creator, int(time.time()))
        channel.members.append(creator)
        self.channels[channel.id] = channel
        return channel

    def direct(self, team: str, members: list[str]) -> Channel:
        """The direct conversation of exactly these people, made when missing."""
        for channel in self.channels.values():
            if channel.kind in ("im", "mpim") and set(channel.members) == set(members):
                return channel
        kind, prefix = ("im", "D") if len(members) <= 2 else ("mpim", "C")
        name = "" if kind == "im" else "mpdm-" + "--".join(self.users[u].name for u in members) + "-1"
        channel = Channel(self.new_id(prefix), name, kind, [team], members[0], int(time.time()), members)
        self.channels[channel.id] = channel
        return channel

    def new_trigger(self, team: str, user: str, lives: float) -> str:
        key = f"{next(self._numbers)}.{self._last}.{base36(next(self._numbers)).lower()}"
        self.triggers[key] = Trigger(team, user, time.monotonic() + lives)
        while len(self.triggers) > MOST_TRIGGERS:
            del self.triggers[next(iter(self.triggers))]
        return key

    def new_hook(self, hook: Hook) -> str:
        key = f"{hook.team}-{base36(next(self._numbers))}"
        self.hooks[key] = hook
        while len(self.hooks) > MOST_TRIGGERS:
            del self.hooks[next(iter(self.hooks))]
        return key

    # --- finding

    def bot_of(self, team: str) -> str:
        place = self.workspaces.get(team)
        return place.bot_user if place and place.installed else ""

    def seen_in(self, team: str) -> list[Channel]:
        return [channel for channel in self.channels.values() if team in channel.teams]

    def user_named(self, team: str, name: str) -> User | None:
        """By what is typed after an @: id, handle, display name or full name."""
        folded = name.casefold()
        for user in self.users.values():
            names = (user.name, user.display_name, user.real_name)
            if user.team == team and (user.id == name or folded in [n.casefold() for n in names if n]):
                return user
        return None

    def channel_named(self, team: str, name: str) -> Channel | None:
        for channel in self.seen_in(team):
            if name in (channel.id, channel.name):
                return channel
        return None


def base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits or "0"
