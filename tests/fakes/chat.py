"""A chat platform in memory, with switches for every way in which a real one fails."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

from core.chat import (
    Card,
    Deliver,
    FileRef,
    Gone,
    Limits,
    Moved,
    OpenedThread,
    Place,
    Post,
    PostFailed,
    RetryAfter,
    Revoked,
    ThreadGone,
)


@dataclass(slots=True)
class Shown:
    """What stands on the platform under one native id."""

    place: Place
    text: str
    author: str
    key: str
    reactions: tuple[str, ...] = ()
    card: Card = field(default_factory=Card)


@dataclass
class FakeChat:
    """`down` fails every call, `gone` says the place is no more, `pause` asks to wait once,
    `drops_answers` does the work and then fails, as a broken connection does; `knows_keys` finds what an
    earlier try has left."""

    name: str = "fake"
    limits: Limits = field(default_factory=lambda: Limits(text=4096))
    http: None = None
    down: bool = False
    gone: bool = False
    pause: float | None = None
    drops_answers: bool = False
    knows_keys: bool = False
    refuses: dict[Place, PostFailed] = field(default_factory=dict)
    """Places to which nothing can be posted, and why."""
    shown: dict[str, Shown] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    async def run(self, deliver: Deliver) -> None:
        self.deliver = deliver

    def is_private(self, place: Place) -> bool:
        return place.channel.startswith("dm-")

    async def post(self, place: Place, part: Post, *, key: str) -> str:
        if place in self.refuses:
            raise self.refuses[place]
        self._trouble("post", part.card.text)
        if part.again and self.knows_keys and (earlier := self._under(key)):
            return earlier
        native = f"n{next(self.numbers)}"
        self.shown[native] = Shown(place, part.card.text, part.card.author, key, card=part.card)
        if self.drops_answers:
            raise PostFailed("connection lost after the work was done")
        return native

    async def recall(self, place: Place, part: Post, *, key: str, is_file: bool) -> str:
        self._trouble("recall", key)
        return self._under(key)

    async def edit(self, place: Place, native: str, part: Post) -> None:
        self._trouble("edit", part.card.text)
        self.shown[native].text = part.card.text

    async def delete(self, place: Place, native: str) -> None:
        self._trouble("delete", native)
        self.shown.pop(native, None)

    async def react(self, place: Place, native: str, emoji: Sequence[str]) -> None:
        self._trouble("react", native)
        self.shown[native].reactions = tuple(emoji)

    def texts(self, place: Place | None = None) -> list[str]:
        return [one.text for one in self.shown.values() if place is None or one.place == place]

    def _under(self, key: str) -> str:
        return next((native for native, one in self.shown.items() if one.key == key), "")

    def _trouble(self, call: str, what: str) -> None:
        self.calls.append((call, what))
        if self.pause is not None:
            seconds, self.pause = self.pause, None
            raise RetryAfter(seconds)
        if self.gone:
            raise Gone("no such place")
        if self.down:
            raise PostFailed("down")


@dataclass
class FakePlatform(FakeChat):
    """A platform with threads, files, marks and typing. `thread_gone` names a thread that was deleted
    there; `revoked` refuses our token; `moved` says that a channel has another address."""

    threads: dict[str, str] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    marks: dict[tuple[str, str], str] = field(default_factory=dict)
    kept: dict[str, bytes] = field(default_factory=dict)
    sent: list[tuple[Place, str, bytes]] = field(default_factory=list)
    typed: list[Place] = field(default_factory=list)
    members: dict[str, str] = field(default_factory=dict)
    thread_gone: str = ""
    revoked: bool = False
    moved: Place | None = None
    heads_with_thread: bool = True
    while_posting: Callable[[], Awaitable[object]] | None = None
    """What happens between the call and its answer."""

    async def post(self, place: Place, part: Post, *, key: str) -> str:
        self._trouble_at(place)
        if self.while_posting is not None:
            await self.while_posting()
        self.closed.discard(place.thread)
        return await super().post(place, part, key=key)

    async def edit(self, place: Place, native: str, part: Post) -> None:
        self._trouble_at(place)
        await super().edit(place, native, part)
        self.shown[native].card = part.card
        self.closed.discard(place.thread)  # An edit wakes a thread that sleeps.

    async def open_thread(
        self, place: Place, title: str, head: Post, *, key: str, member: str = ""
    ) -> OpenedThread:
        self._trouble_at(place)
        self._trouble("open", title)
        if head.again and self.knows_keys and (earlier := self._under(key)):
            return OpenedThread(replace(place, thread=earlier), earlier)
        thread = f"t{next(self.numbers)}"
        self.threads[thread], self.members[thread] = title, member
        inside = replace(place, thread=thread)
        if not self.heads_with_thread:
            return OpenedThread(inside)
        self.shown[thread] = Shown(inside, head.card.text, head.card.author, key, card=head.card)
        if self.drops_answers:
            raise PostFailed("connection lost after the work was done")
        return OpenedThread(inside, thread)

    async def close_thread(self, place: Place) -> None:
        self._trouble_at(place)
        self.closed.add(place.thread)

    async def restore_thread(self, place: Place) -> None:
        self._trouble_at(place)
        self.closed.discard(place.thread)

    async def mark(self, place: Place, native: str, state: str) -> None:
        self.marks[place.channel, native] = state

    async def typing(self, place: Place, on: bool) -> None:
        self.typed.append(place)

    async def fetch(self, place: Place, file: FileRef) -> AsyncIterator[bytes]:
        self._trouble("fetch", file.name)
        if file.locator not in self.kept:
            raise Gone("no such file")
        yield self.kept[file.locator]

    async def send(
        self, place: Place, file: FileRef, chunks: AsyncIterator[bytes], part: Post, *, key: str
    ) -> str:
        self._trouble_at(place)
        self._trouble("send", file.name)
        self.sent.append((place, file.name, b"".join([chunk async for chunk in chunks])))
        return f"f{next(self.numbers)}"

    def card_at(self, native: str) -> Card:
        return self.shown[native].card

    def _trouble_at(self, place: Place) -> None:
        if self.revoked:
            raise Revoked("token")
        if place.thread and place.thread == self.thread_gone:
            raise ThreadGone("deleted")
        if self.moved is not None and place.channel != self.moved.channel:
            raise Moved(replace(place, channel=self.moved.channel))
