"""A chat platform in memory, with switches for every way in which a real one fails."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

from core.chat import Deliver, Gone, Limits, Place, Post, PostFailed, RetryAfter


@dataclass(slots=True)
class Shown:
    """What stands on the platform under one native id."""

    place: Place
    text: str
    author: str
    key: str
    reactions: tuple[str, ...] = ()


@dataclass
class FakeChat:
    """`down` fails every call, `gone` says the place is no more, `pause` asks to wait once,
    `drops_answers` does the work and then fails, as a broken connection does."""

    name: str = "fake"
    limits: Limits = field(default_factory=lambda: Limits(text=4096))
    http: None = None
    down: bool = False
    gone: bool = False
    pause: float | None = None
    drops_answers: bool = False
    shown: dict[str, Shown] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    async def run(self, deliver: Deliver) -> None:
        self.deliver = deliver

    async def post(self, place: Place, part: Post, *, key: str) -> str:
        self._trouble("post", part.card.text)
        native = f"n{next(self.numbers)}"
        self.shown[native] = Shown(place, part.card.text, part.card.author, key)
        if self.drops_answers:
            raise PostFailed("connection lost after the work was done")
        return native

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

    def _trouble(self, call: str, what: str) -> None:
        self.calls.append((call, what))
        if self.pause is not None:
            seconds, self.pause = self.pause, None
            raise RetryAfter(seconds)
        if self.gone:
            raise Gone("no such place")
        if self.down:
            raise PostFailed("down")
