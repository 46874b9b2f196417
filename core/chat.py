"""The words of chat: what comes in from a platform, what goes out to one.

Values here know no platform. An adapter turns payloads into the inbound values by a pure
function, and turns cards and forms into what its platform shows.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol, runtime_checkable

# --- where and who ----------------------------------------------------------------------


BETWEEN = "\x1f"
"""Between the parts of a place's key."""


@dataclass(frozen=True, slots=True)
class Place:
    """A storable address on a platform: write to it hours later, after a restart.

    `installation` is the platform's own name of the workspace, guild or bot; `thread` is
    empty where the channel itself is meant.
    """

    platform: str
    installation: str
    channel: str
    thread: str = ""

    @property
    def key(self) -> str:
        """One string for the whole address; order is kept per key."""
        return BETWEEN.join((self.platform, self.installation, self.channel, self.thread))

    @classmethod
    def from_key(cls, key: str) -> Place:
        platform, installation, channel, thread = key.split(BETWEEN)
        return cls(platform, installation, channel, thread)

    @staticmethod
    def prefix(*parts: str) -> str:
        """What the keys of all places begin with whose platform, installation and channel are these, as far
        as they are given."""
        return BETWEEN.join((*parts, ""))


@dataclass(frozen=True, slots=True)
class Sender:
    """Who spoke, as the platform knows them. `vouched` says that `email` is verified there."""

    external: str
    name: str = ""
    email: str = ""
    locale: str = ""
    zone: str = ""
    vouched: bool = False
    bot: bool = False


@dataclass(frozen=True, slots=True)
class FileRef:
    """A file that came with a message: where the platform keeps it, fetched by a later job,
    or `stored`, the id of an attachment that is with us already."""

    name: str
    size: int | None = None
    mime: str = ""
    locator: str = ""
    stored: str = ""


# --- what comes in ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbound:
    """One fact from a platform. `native` is the platform's id of the message or interaction."""

    place: Place
    sender: Sender
    native: str
    at: datetime
    direct: bool = True
    """Spoken to the bot alone or to the bot by name: what opens a ticket. What is not direct counts
    only in a place that holds a ticket; elsewhere nothing of it is kept."""
    missed: bool = False
    """Said while the desk was away, and found afterwards; `at` is the original time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said(Inbound):
    text: str
    files: tuple[FileRef, ...] = ()
    reply_to: str = ""
    hints: Mapping[str, str] = field(default_factory=dict)
    """What the surface already asked for: category, subject, page."""
    by_name: bool = False
    """It begins with the bot's own name, and is no command."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered(Inbound):
    """Several messages that become one ticket: a message, or a whole thread, that somebody took to
    the desk by a shortcut. `sender` is who did it; each message keeps its own sender."""

    messages: tuple[Said, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited(Inbound):
    """`native` is the id of the edited message; `version` its edit time, where there is one."""

    text: str
    version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted(Inbound):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Reacted(Inbound):
    """The reactions of one person on one message, as a whole: state, not a count."""

    emoji: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoked(Inbound):
    """A command with its arguments as typed."""

    command: str
    arguments: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    reply_to: str = ""
    """The platform's id of the message that it was called on, or said in reply to."""
    files: tuple[FileRef, ...] = ()
    """What was sent along, where it was written as a message."""
    standing: bool = False
    """It was written as a message, which stands in its place under `native`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressed(Inbound):
    """A button or a choice. `button` is `verb:thing:number`; `message` the card it sits on."""

    button: str
    message: str = ""
    choice: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted(Inbound):
    """A form that was sent in."""

    form: str
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Visited(Inbound):
    """Somebody opened the bot's own page; the answer's cards are what it shows them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completing(Inbound):
    """Somebody is typing the value of a command's option; the answer's `choices` help. Never stored."""

    command: str
    option: str
    typed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined(Inbound):
    """The bot came to a place; `left` when it went, or the place did."""

    left: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Relocated(Inbound):
    """The platform gave a place another address."""

    to: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Typing(Inbound):
    """Somebody types. Never stored."""

    on: bool = True


def key_of(inbound: Inbound) -> str:
    """The key of the fact, the same live, in backfill and when the platform repeats itself.

    It names installation, channel and native id, never the envelope. Reactions are state:
    their key holds the state, so that the same state twice is one row.
    """
    place = inbound.place
    base = f"{place.platform}|{place.installation}|{place.channel}"
    match inbound:
        case Said():
            return f"{base}|said|{inbound.native}"
        case Edited():
            version = inbound.version or _short_hash(inbound.text)
            return f"{base}|edited|{inbound.native}|{version}"
        case Deleted():
            return f"{base}|deleted|{inbound.native}"
        case Reacted():
            state = _short_hash(
                "\n".join((inbound.sender.external, *sorted(inbound.emoji), inbound.at.isoformat()))
            )
            return f"{base}|reacted|{inbound.native}|{state}"
        case Gathered() | Invoked() | Pressed() | Submitted():
            return f"{base}|{type(inbound).__name__.lower()}|{inbound.native}"
        case _:
            return f"{base}|{type(inbound).__name__.lower()}|{inbound.native}|{inbound.at.isoformat()}"


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


# --- what goes out ----------------------------------------------------------------------


Tone = Literal["neutral", "good", "warning", "danger", "note"]


@dataclass(frozen=True, slots=True)
class Button:
    """`id` is `verb:thing:number`, at most 64 bytes (the narrowest platform), or a `url`."""

    label: str
    id: str = ""
    url: str = ""
    style: Literal["default", "primary", "danger"] = "default"


@dataclass(frozen=True, slots=True)
class Option:
    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Select:
    id: str
    label: str
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class Field:
    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Card:
    """What the desk shows in a chat, platform-free. `text` is Markdown."""

    text: str = ""
    title: str = ""
    fields: tuple[Field, ...] = ()
    buttons: tuple[Button, ...] = ()
    selects: tuple[Select, ...] = ()
    image: str = ""
    files: tuple[FileRef, ...] = ()
    tone: Tone = "neutral"
    author: str = ""
    picture: str = ""
    """The author's picture, as an address that anyone may fetch."""
    private: bool = False
    """For the one who asked, where a platform can show something to one person only."""
    label: str = ""
    """How that stands which it is about, in a word: for platforms that put labels on threads."""
    labels: tuple[str, ...] = ()
    """All words that `label` may be: a new one takes the place of the others."""
    inside: bool = False
    """Tells what requesters must not read: rather shown to nobody than to all in a place that they share."""


@dataclass(frozen=True, slots=True)
class Input:
    """One question of a form; `kind` decides the control and the check."""

    id: str
    label: str
    kind: Literal["text", "long", "number", "choice", "date", "bool", "email"] = "text"
    required: bool = False
    options: tuple[Option, ...] = ()
    hint: str = ""
    longest: int = 3_000
    value: str = ""
    """What stands in it when it opens."""


@dataclass(frozen=True, slots=True)
class Form:
    id: str
    title: str
    inputs: tuple[Input, ...]
    submit: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a platform can carry: sizes, and which manners it has."""

    text: int
    """Characters of one message, counted as the adapter's own text (`Measures` where it differs)."""
    title: int = 250
    buttons: int = 25
    options: int = 25
    fields: int = 25
    button_label: int = 75
    file_bytes: int = 25_000_000
    files: int = 10
    edits: bool = True
    deletes: bool = True
    reactions: bool = True
    typing: bool = True
    forms: bool = True
    private: bool = True
    """May show something to one person in a shared place."""
    page: bool = False
    """Has a page of the bot's own for each person (see `Visited`)."""
    delete_seen: bool = True
    """Tells the bot when a person deletes a message."""
    typing_seen: bool = False
    threads_of_own: bool = False
    """Can open a place for one requester and the bot (see `Rooms.open_thread`)."""
    own_place_days: int = 0
    """So long such a place stays after its ticket was closed; 0: for ever."""
    timeline: bool = False
    """Shows a ticket's own timeline: what happened, edits and files need no calls of their own."""
    reactions_most: int = 50
    """Reactions that the bot can put on one message."""
    edit_pause: float = 0.0
    """Seconds to let pass between two edits of one card, so that a busy one bursts no rate limit."""
    live: bool = False
    """Its people sit in front of it and wait, as in a chat on a web page."""
    command: str = "/"
    """What stands before a command's name when it is typed there: of its own, or under one command."""
    commands: int = 0
    """So many names have room directly under that one command, the last of them for what has none;
    0 where there is room for all."""
    more: str = ""
    """The name under which the others are."""


# --- what an adapter is -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Answer:
    """What the asker gets back: cards, perhaps a form, and the id under which it was kept."""

    cards: tuple[Card, ...] = ()
    form: Form | None = None
    message_id: str = ""
    ticket: int | None = None
    seen_before: bool = False
    choices: tuple[Option, ...] = ()
    """What completes the option that is being typed."""
    ignored: bool = False
    """It was none of the desk's business: nothing is shown, nothing was kept."""


@dataclass(frozen=True, slots=True)
class Post:
    """One outbound message, ready to be rendered: what one delivery row asks of a platform.

    `reply_to` is the platform's id of the message at that place which it answers. `again` says that
    an earlier try may have succeeded without our hearing of it: where the platform allows it, look
    for what stands there since `since` before saying it once more.
    """

    card: Card
    message_id: str = ""
    reply_to: str = ""
    language: str = "en"
    revision: int = 0
    """Which revision of the message it says."""
    part: int = 0
    """Which part of a long message this is; the first one carries the author's name."""
    again: bool = False
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class OpenedThread:
    """A thread, post or topic that was opened: its address, and the platform's id of the card that
    heads it (empty where the platform takes none with it: then it is posted as the first message)."""

    place: Place
    head: str = ""


@dataclass(frozen=True, slots=True)
class ParameterSpec:
    name: str
    kind: Literal["text", "number", "choice"]
    required: bool
    rest: bool = False
    """Takes the rest of the line."""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """A command as a platform registers it; `title` is one line in English, translated by
    `core.i18n._`. `staff` says that requesters may not use it; `often`, that it must be at hand where a
    platform shows only some of them at once."""

    name: str
    title: str
    parameters: tuple[ParameterSpec, ...] = ()
    staff: bool = False
    usage: str = ""
    often: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a look at a platform found: a scope, an intent or a right, and what will not
    work without it."""

    name: str
    ok: bool
    words: str = ""


Deliver = Callable[[Inbound], Awaitable[Answer]]
Rendered = Any


class ChatAdapter(Protocol):
    """One platform. `http` is an ASGI app that the composition root mounts at /chat/<name>."""

    name: str
    limits: Limits
    http: Any | None

    async def run(self, deliver: Deliver) -> None:
        """Hand over what comes in until cancelled."""
        ...


@runtime_checkable
class HasPage(Protocol):
    """A chat that people open in their browser: `page` is where, below its mount."""

    page: str


@runtime_checkable
class Shares(Protocol):
    """Its connections can be spread over several processes. Until somebody says `lead`, it runs them all."""

    async def shares(self) -> Mapping[str, frozenset[str]]:
        """What one process has to run together, by a name of its own: installations that are connected.
        "" stands for what the environment connects: that is whatever the other names do not hold."""
        ...

    async def lead(self, installations: frozenset[str]) -> None:
        """Run these from now on, and no others; returns once the others are let go."""
        ...


@runtime_checkable
class Poster(Protocol):
    """One call is one delivery row and gives one native id."""

    async def post(self, place: Place, part: Post, *, key: str) -> str: ...
    async def edit(self, place: Place, native: str, part: Post) -> None: ...
    async def delete(self, place: Place, native: str) -> None: ...


@runtime_checkable
class Reacts(Protocol):
    async def react(self, place: Place, native: str, emoji: Sequence[str]) -> None: ...


@runtime_checkable
class Types(Protocol):
    async def typing(self, place: Place, on: bool) -> None: ...


@runtime_checkable
class Rooms(Protocol):
    """Threads, posts or topics under a place. `member` is the platform's id of the one requester for
    whom the thread is opened; empty in a desk room, where those of the room see it."""

    async def open_thread(
        self, place: Place, title: str, head: Post, *, key: str, member: str = ""
    ) -> OpenedThread: ...
    async def close_thread(self, place: Place) -> None: ...
    async def restore_thread(self, place: Place) -> None: ...


@runtime_checkable
class Backfill(Protocol):
    """What was missed, oldest first, through `deliver` and within the platform's rate limits. Called
    after each start and each reconnection; the adapter keeps how far it came in `core.cursors`."""

    async def catch_up(self, deliver: Deliver) -> int: ...


@runtime_checkable
class Files(Protocol):
    """Files as streams. `fetch` reads what `FileRef.locator` names at the platform; `send` puts one
    file to a place as a message of its own and gives its native id."""

    def fetch(self, place: Place, file: FileRef) -> AsyncIterator[bytes]: ...
    async def send(
        self, place: Place, file: FileRef, chunks: AsyncIterator[bytes], part: Post, *, key: str
    ) -> str: ...


@runtime_checkable
class Marks(Protocol):
    """Shows on a message of an agent whether it was delivered; a mark replaces the one before."""

    async def mark(self, place: Place, native: str, state: Literal["sent", "failed"]) -> None: ...


@runtime_checkable
class Recalls(Protocol):
    """Knows what a try left at a place though its answer was lost, where the message was deleted
    meanwhile and is not to be said any more."""

    async def recall(self, place: Place, part: Post, *, key: str, is_file: bool) -> str:
        """The platform's id of what stands there, empty when nothing does. A platform that tells only by
        a second try may say `part` there instead."""
        ...


@runtime_checkable
class Menus(Protocol):
    """Registers commands in the platform's own manner. Called once before `run`."""

    def offer(self, commands: Sequence[CommandSpec]) -> None: ...


@runtime_checkable
class Checks(Protocol):
    """Looks at each connection: does the token hold, which scope, intent or right is missing."""

    async def check(self) -> Sequence[Finding]: ...


@dataclass(frozen=True, slots=True)
class GuideField:
    """One value that an admin brings from the platform, such as a token. Secret ones are never shown."""

    name: str
    label: str
    hint: str = ""
    secret: bool = True
    required: bool = True


@dataclass(frozen=True, slots=True)
class Guide:
    """How to connect a platform, step by step: `steps` are Markdown, `document` is what is to be pasted
    there (a manifest, an invite link, a list of commands)."""

    steps: tuple[str, ...]
    fields: tuple[GuideField, ...]
    document: str = ""


@dataclass(frozen=True, slots=True)
class Tried:
    """What a look with new tokens found: the platform's id and name of the installation, the tokens as
    they are to be kept, and what is missing."""

    external: str
    name: str
    secrets: Mapping[str, str]
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A place that could be a desk room."""

    place: Place
    name: str


@runtime_checkable
class Connects(Protocol):
    """Connecting for real: what to do there, whether the tokens hold, which rooms there are."""

    def guide(self, public_url: str) -> Guide: ...
    async def try_out(self, values: Mapping[str, str]) -> Tried: ...
    async def candidates(self, installation: str) -> Sequence[Candidate]: ...


@runtime_checkable
class Preset(Protocol):
    """Can be connected by the environment, too."""

    def preset(self) -> Mapping[str, str]:
        """The values for `try_out` that the environment gives; empty where it gives none."""
        ...


@runtime_checkable
class Closes(Protocol):
    """Lets go of what it holds open; for whoever asks an adapter something without running it."""

    async def close(self) -> None: ...


@runtime_checkable
class Measures(Protocol):
    """The length of a Markdown text as this platform counts it once rendered."""

    def measure(self, markdown: str) -> int: ...


@runtime_checkable
class Discreet(Protocol):
    """Knows whether a place is read by one person and the bot only."""

    def is_private(self, place: Place) -> bool: ...


# --- errors of posting: data for the outbox ---------------------------------------------


class PostFailed(Exception):
    """A platform did not take a delivery; it may be tried again."""


class RetryAfter(PostFailed):
    """The platform asks for a pause of `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"retry after {seconds} s")
        self.seconds = seconds


class Gone(PostFailed):
    """The place is no longer there, or no longer open to us: trying again is useless."""


class ThreadGone(Gone):
    """The thread was deleted, the place around it stands: a new thread can take its place."""


class ShutOut(Gone):
    """The place lets the bot in no more, and people can change that: it was archived, or the bot removed from
    it. What waits is kept for as long as that is likely."""


class Moved(PostFailed):
    """The place has another address now: `to`."""

    def __init__(self, to: Place) -> None:
        super().__init__("moved")
        self.to = to


class Revoked(PostFailed):
    """The platform does not take our token any more: nothing of this installation can be sent until
    an admin connects it anew. What waits is kept."""


class MissingPermission(PostFailed):
    """The bot lacks a right there: worth trying again for a while, an admin can give it."""


class NotSupported(PostFailed):
    """The platform cannot do that at all (too late to delete, no such emoji): a substitute follows."""
