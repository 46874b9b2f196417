"""Who and what there is: people, bots, chats, topics, messages. State only, no rules."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from itertools import count, islice
from typing import Any

from playground.telegram.clock import Bell, Clock
from playground.telegram.entities import Entity
from playground.telegram.errors import PlayError
from playground.telegram.files import FileStore, StoredFile
from playground.telegram.updates import Misorder, UpdateQueue

MOST_MESSAGES = 50_000
"""Of one chat; the oldest are forgotten."""
MOST_CHANGES = 20_000
ALL_RIGHTS = frozenset(
    {
        "can_manage_chat",
        "can_delete_messages",
        "can_manage_video_chats",
        "can_restrict_members",
        "can_promote_members",
        "can_change_info",
        "can_invite_users",
        "can_post_stories",
        "can_edit_stories",
        "can_delete_stories",
        "can_pin_messages",
        "can_manage_topics",
    }
)


@dataclass(eq=False, slots=True)
class User:
    id: int
    first_name: str
    last_name: str = ""
    username: str = ""
    language_code: str = ""
    deactivated: bool = False

    @property
    def is_bot(self) -> bool:
        return isinstance(self, Bot)

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    def api(self) -> dict[str, Any]:
        shown: dict[str, Any] = {"id": self.id, "is_bot": self.is_bot, "first_name": self.first_name}
        return shown | given(
            last_name=self.last_name, username=self.username, language_code=self.language_code
        )


@dataclass(eq=False, slots=True)
class Bot(User):
    """A bot with its token, its switches and what waits for it."""

    token: str = ""
    privacy: bool = True
    topics: bool = False
    """Whether its private chats have topics."""
    users_create_topics: bool = True
    revoked: bool = False
    blocked_by: set[int] = field(default_factory=set)
    commands: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    """What it says of itself, by kind and language."""
    webhook: Webhook | None = None
    queue: UpdateQueue = field(init=False)


@dataclass(slots=True)
class Webhook:
    url: str
    secret: str = ""
    max_connections: int = 40
    last_error_at: int = 0
    last_error: str = ""


@dataclass(slots=True)
class Member:
    user: User
    status: str = "member"
    """creator, administrator, member, left or kicked."""
    rights: frozenset[str] = frozenset()

    @property
    def is_here(self) -> bool:
        return self.status in ("creator", "administrator", "member")

    @property
    def is_admin(self) -> bool:
        return self.status in ("creator", "administrator")

    def may(self, right: str) -> bool:
        return self.status == "creator" or (self.status == "administrator" and right in self.rights)


@dataclass(slots=True)
class Topic:
    id: int
    name: str
    creator: User
    icon_color: int = 0x6FB9F0
    icon_custom_emoji_id: str = ""
    closed: bool = False


@dataclass(slots=True)
class Media:
    kind: str
    file: StoredFile
    more: dict[str, Any] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class Message:
    id: int
    chat: Chat
    sender: User
    date: int
    text: str = ""
    entities: list[Entity] = field(default_factory=list)
    media: Media | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    """Other content, as the API shows it: location, contact, poll, service messages."""
    thread: int | None = None
    reply_to: Message | None = None
    quote: str = ""
    markup: dict[str, Any] | None = None
    group: str = ""
    """The album it belongs to."""
    origin: dict[str, Any] | None = None
    edited_at: int | None = None
    deleted: bool = False
    pinned: bool = False
    reactions: dict[int, list[dict[str, Any]]] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class Chat:
    id: int
    kind: str
    """private, group or supergroup."""
    title: str = ""
    username: str = ""
    forum: bool = False
    bot: Bot | None = None
    person: User | None = None
    members: dict[int, Member] = field(default_factory=dict)
    topics: dict[int, Topic] = field(default_factory=dict)
    messages: OrderedDict[int, Message] = field(default_factory=OrderedDict)
    migrated_to: Chat | None = None
    general_closed: bool = False
    general_name: str = "General"
    description: str = ""
    last_bot: Bot | None = None
    """The bot that wrote last: it sees commands addressed to nobody."""
    next_id: int = 1
    """The number of the next message."""

    @property
    def key(self) -> str:
        """Private chats have the person's id with every bot, so the bot is part of the key."""
        return f"{self.id}@{self.bot.id}" if self.bot else str(self.id)

    @property
    def has_topics(self) -> bool:
        return self.forum or bool(self.bot and self.bot.topics)

    def member(self, user: User) -> Member | None:
        return self.members.get(user.id)

    def is_here(self, user: User) -> bool:
        if self.bot:
            return user in (self.bot, self.person)
        member = self.member(user)
        return member is not None and member.is_here

    def is_admin(self, user: User) -> bool:
        member = self.member(user)
        return member is not None and member.is_admin

    def may(self, user: User, right: str) -> bool:
        member = self.member(user)
        return member is not None and member.may(right)

    def bots(self) -> list[Bot]:
        if self.bot:
            return [self.bot]
        return [m.user for m in self.members.values() if isinstance(m.user, Bot) and m.is_here]

    def keep(self, message: Message) -> None:
        self.messages[message.id] = message
        self.next_id = message.id + 1
        if len(self.messages) > MOST_MESSAGES:
            self.messages.popitem(last=False)

    def api(self) -> dict[str, Any]:
        shown: dict[str, Any] = {"id": self.id, "type": self.kind}
        if self.person:
            names = {"first_name": self.person.first_name, "last_name": self.person.last_name}
            return shown | given(**names, username=self.person.username)
        return shown | given(title=self.title, username=self.username, is_forum=self.forum)


class World:
    """Everything of one server, and the feed of what changed in it."""

    def __init__(self, misorder: Misorder | None = None) -> None:
        self.clock = Clock()
        self.files = FileStore()
        self.misorder = misorder or Misorder()
        self.users: dict[int, User] = {}
        self.bots: dict[str, Bot] = {}
        self.chats: dict[str, Chat] = {}
        self.bell = Bell()
        self.changes: deque[dict[str, Any]] = deque(maxlen=MOST_CHANGES)
        self.changed = 0
        """The number of the newest change."""
        self._users = count(1_001)
        self._bots = count(7_000_000_001)
        self._groups = count(4_001)
        self._supergroups = count(1_001_000_000_001)

    def add_user(
        self, first_name: str, last_name: str = "", username: str = "", language: str = "en"
    ) -> User:
        user = User(next(self._users), first_name, last_name, username, language)
        self.users[user.id] = user
        self.note("user", user=user.id)
        return user

    def add_bot(
        self,
        name: str,
        username: str,
        *,
        privacy: bool = True,
        topics: bool = False,
        token: str = "",
    ) -> Bot:
        number = int(token.partition(":")[0]) if token else next(self._bots)
        bot = Bot(number, name, username=username, privacy=privacy, topics=topics)
        bot.token = token or f"{bot.id}:playground-{username}-{bot.id % 1000:03d}"
        bot.queue = UpdateQueue(self.clock, self.misorder, 100_000_000 + bot.id % 1000 * 1_000_000)
        self.users[bot.id] = self.bots[bot.token] = bot
        self.note("bot", bot=bot.id)
        return bot

    def add_chat(self, title: str, kind: str = "supergroup", forum: bool = False, username: str = "") -> Chat:
        if kind not in ("group", "supergroup"):
            raise PlayError("a chat with a title is a group or a supergroup")
        number = -next(self._groups) if kind == "group" else -next(self._supergroups)
        chat = Chat(number, kind, title, username, forum)
        self.chats[chat.key] = chat
        self.note("chat", chat=chat.key)
        return chat

    def private(self, person: User, bot: Bot) -> Chat:
        """The private chat of these two, which exists once the person has started the bot."""
        chat = self.chats.get(f"{person.id}@{bot.id}")
        if chat is None:
            raise PlayError("this person never started the bot")
        return chat

    def open_private(self, person: User, bot: Bot) -> Chat:
        chat = Chat(person.id, "private", bot=bot, person=person)
        return self.chats.setdefault(chat.key, chat)

    def user(self, user_id: int) -> User:
        if user_id not in self.users:
            raise PlayError(f"there is no user {user_id}")
        return self.users[user_id]

    def bot(self, bot_id: int | None = None) -> Bot:
        """A bot by its id; without one, the only or first bot."""
        for bot in self.bots.values():
            if bot_id in (None, bot.id):
                return bot
        raise PlayError(f"there is no bot {bot_id}")

    def chat(self, key: str | int, bot_id: int | None = None) -> Chat:
        """A chat by its key, or by its id (a private one with that bot)."""
        found = self.chats.get(str(key))
        if found is None and str(key).isdigit():
            found = self.chats.get(f"{key}@{self.bot(bot_id).id}")
        if found is None:
            raise PlayError(f"there is no chat {key}")
        return found

    def note(self, what: str, **more: Any) -> None:
        """Tell whoever watches that something changed."""
        self.changed += 1
        self.changes.append({"number": self.changed, "what": what, **more})
        self.bell.ring()

    def changes_after(self, number: int) -> list[dict[str, Any]]:
        """Those that are still kept; their numbers have no gaps."""
        many = min(self.changed - number, len(self.changes))
        return list(islice(reversed(self.changes), max(many, 0)))[::-1]

    def close(self) -> None:
        self.files.close()


def given(**values: Any) -> dict[str, Any]:
    """Those that say something."""
    return {key: value for key, value in values.items() if value}
