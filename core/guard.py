"""The spam guard: budgets in memory for what comes from the open web, and a quarantine.

Two steps. `Guard.admit` is asked by the HTTP layer before anything is read from the database,
so that a flood costs next to nothing. `guard` is asked by the router within the unit of work
and may hold an inbound back. An adapter that is open to strangers says so by `visiting`; what
comes by other ways (a workspace's members, rows that are taken up again) passes unasked.

Nothing is kept in the clear: visitors, addresses and texts are keyed hashes under a key that
this process alone knows and forgets.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import time
import unicodedata
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta

from core import clock, inbox
from core.chat import Answer, Card, Edited, Inbound, Said
from core.db import UnitOfWork
from core.desk_settings import DeskSettings
from core.errors import TooMany
from core.i18n import _
from core.people import service as people
from core.rate import network_of

QUICKEST = 1.5
"""Seconds between a page's form token and a stranger's first message that a person needs."""
NEW_FOR = timedelta(seconds=60)
"""So long after their first trace someone counts as brand-new."""
SHORTEST_TEXT = 20
"""Shorter texts ("hello") are said by many and prove nothing."""
VISITOR_MEGABYTES, ADDRESS_MEGABYTES = 500, 2_000
"""An hour, of all files."""
MOST_KEYS = 50_000
"""Entries of one table of budgets; the longest unused go first."""

_SPACE = re.compile(r"\W+", re.UNICODE)


class Budgets:
    """A bucket of tokens for each key, refilled steadily: O(1) a question, bounded in memory."""

    def __init__(self, most: int = MOST_KEYS, now: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._now = now
        self._buckets: OrderedDict[bytes, tuple[float, float]] = OrderedDict()

    def take(self, key: bytes, size: int, seconds: float) -> float:
        """Take one of `size` tokens a `seconds`; 0 when there was one, else the seconds until."""
        wait = self.left_after(key, size, seconds)
        if not wait:
            self.spend(key, size, seconds, 1)
        return wait

    def left_after(self, key: bytes, size: int, seconds: float) -> float:
        """Seconds until there is one; 0 when there is one now. Takes nothing."""
        level = self._level(key, size, seconds)
        return 0.0 if level >= 1 else (1 - level) * seconds / size

    def spend(self, key: bytes, size: int, seconds: float, amount: float) -> None:
        """Take so many, whether they are there or not: what is lacking is waited for by the next one."""
        self._buckets[key] = (self._level(key, size, seconds) - amount, self._now())
        self._buckets.move_to_end(key)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)

    def _level(self, key: bytes, size: int, seconds: float) -> float:
        now = self._now()
        level, since = self._buckets.get(key, (float(size), now))
        return min(float(size), level + (now - since) * size / seconds)

    def __len__(self) -> int:
        return len(self._buckets)


class Turns:
    """So many at a time for each key; the rest wait, and beyond `queue` they are refused.

    Without it a burst on one conversation, waiting for one row's lock, would hold every
    connection to the database, and all other visitors would wait with it.
    """

    def __init__(self, at_once: int, queue: int) -> None:
        self._at_once = at_once
        self._queue = queue
        self._held: dict[bytes, tuple[asyncio.Semaphore, list[None]]] = {}

    @asynccontextmanager
    async def take(self, key: bytes) -> AsyncIterator[None]:
        turn, users = self._held.setdefault(key, (asyncio.Semaphore(self._at_once), []))
        if len(users) >= self._queue:
            raise _too_many(2)
        users.append(None)
        try:
            async with turn:
                yield
        finally:
            users.pop()
            if not users:
                self._held.pop(key, None)

    def __len__(self) -> int:
        return len(self._held)


class Guard:
    """The budgets of one process."""

    def __init__(self, now: Callable[[], float] = time.monotonic, most: int = MOST_KEYS) -> None:
        self._secret = os.urandom(32)
        self._visitors = Budgets(most, now)
        self._addresses = Budgets(most, now)
        self._texts = Budgets(most, now)
        self._uploads = Budgets(most, now)
        self._bytes = Budgets(most, now)
        self._visitor_turns = Turns(1, 60)
        self._address_turns = Turns(6, 300)

    def admit(self, settings: DeskSettings, visitor: str, address: str) -> None:
        """Count one message; raises `TooMany` in friendly words when a budget is used up."""
        self._take(self._addresses, f"a|{network_of(address)}", settings.address_per_minute, address)
        self._take(self._visitors, f"v|{visitor}", settings.messages_per_minute, visitor)

    @asynccontextmanager
    async def turn(self, visitor: str, address: str) -> AsyncIterator[None]:
        """One thing at a time for a visitor, a few for an address, whatever they cost; raises
        `TooMany` when too many wait already."""
        mine, theirs = self._hash(f"v|{visitor}"), self._hash(f"a|{network_of(address)}")
        async with self._visitor_turns.take(mine), self._address_turns.take(theirs):
            yield

    def admit_upload(self, visitor: str, address: str) -> None:
        """Count one upload: at most 30 in ten minutes a visitor, 150 an address; none once their room for an
        hour is used up (`count_upload`)."""
        for key, most in self._rooms(visitor, address):
            if wait := self._bytes.left_after(key, most, 3600):
                raise _too_many(wait)
        self._take(self._uploads, f"a|{network_of(address)}", 150, address, 600)
        self._take(self._uploads, f"v|{visitor}", 30, visitor, 600)

    def count_upload(self, visitor: str, address: str, size: int) -> None:
        """What an upload took of the room that strangers have: nobody fills the disk by files that are never sent."""
        for key, most in self._rooms(visitor, address):
            self._bytes.spend(key, most, 3600, size / 1_048_576)

    def _rooms(self, visitor: str, address: str) -> list[tuple[bytes, int]]:
        named = [(f"v|{visitor}", VISITOR_MEGABYTES)]
        if address:
            named.append((f"a|{network_of(address)}", ADDRESS_MEGABYTES))
        return [(self._hash(key), most) for key, most in named]

    def admit_rarely(self, what: str, visitor: str, address: str, most: int) -> None:
        """Count something that is done a few times an hour, such as asking for a mail."""
        self._take(self._uploads, f"{what}|a|{network_of(address)}", most * 5, address, 3600)
        self._take(self._uploads, f"{what}|v|{visitor}", most, visitor, 3600)

    def said_too_often(self, text: str, most: int) -> bool:
        """Count a stranger's text; True when the same was said too often within the hour."""
        folded = _SPACE.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip()
        if len(folded) < SHORTEST_TEXT:
            return False
        return self._texts.take(self._hash(folded), most, 3600) > 0

    def _take(self, budgets: Budgets, key: str, most: int, of: str, seconds: float = 60) -> None:
        if not of:
            return
        wait = budgets.take(self._hash(key), most, seconds)
        if wait:
            raise _too_many(wait)

    def _hash(self, text: str) -> bytes:
        return hashlib.blake2b(text.encode("utf-8", "replace"), key=self._secret, digest_size=16).digest()


@dataclass(frozen=True, slots=True)
class Visit:
    """What the HTTP layer knows of a request: how old the form token is (None: missing or not
    ours), whether the field that no person sees was filled, whether the host site vouches."""

    guard: Guard
    form_age: float | None = None
    trapped: bool = False
    vouched: bool = False


_visit: ContextVar[Visit | None] = ContextVar("visit", default=None)


@contextmanager
def visiting(visit: Visit) -> Iterator[None]:
    """What is delivered within the block came from the open web."""
    token = _visit.set(visit)
    try:
        yield
    finally:
        _visit.reset(token)


async def guard(uow: UnitOfWork, inbound: Inbound) -> Answer | None:
    """The router's question: None lets it pass; an answer says that it is held."""
    visit = _visit.get()
    if visit is None or not isinstance(inbound, Said | Edited):
        return None
    reason = await _suspicion(uow, inbound, visit)
    if reason is None:
        return None
    await inbox.hold(uow, inbound, reason)
    return Answer(cards=(held_card(),))


def _too_many(wait: float) -> TooMany:
    return TooMany(
        _("That was a lot at once. Please wait a moment, then go on: nothing you wrote is lost."),
        after=max(1.0, wait),
    )


def held_card() -> Card:
    return Card(
        text=_(
            "Thank you. Your message is being looked at before it reaches the team; this may take a little "
            "while. You need not send it again."
        ),
        tone="neutral",
    )


def has_block_word(text: str, words: list[str]) -> bool:
    """Whether a text holds one of the words or phrases, as whole words, however they are written."""
    if not words:
        return False
    folded = f" {_SPACE.sub(' ', _folded(text)).strip()} "
    return any(
        f" {needle} " in folded for word in words if (needle := _SPACE.sub(" ", _folded(word)).strip())
    )


async def _suspicion(uow: UnitOfWork, inbound: Said | Edited, visit: Visit) -> str | None:
    settings = uow.settings
    if has_block_word(inbound.text, settings.block_words):
        return "block_word"
    if visit.vouched or isinstance(inbound, Edited):
        return None
    # A form from the future is signed all the same: this clock is behind, and nobody was quick.
    too_quick = visit.form_age is None or 0 <= visit.form_age < QUICKEST
    if (visit.trapped or too_quick) and await _is_new(uow, inbound):
        return "trap" if visit.trapped else "too_quick"
    if visit.guard.said_too_often(inbound.text, settings.same_text_per_hour):
        return "same_text"
    return None


async def _is_new(uow: UnitOfWork, inbound: Inbound) -> bool:
    place = inbound.place
    digest = people.digest_of_identity(uow, place.platform, place.installation, inbound.sender.external)
    person = await people.by_identity(uow, digest)
    return person is None or person.created_at > clock.now() - NEW_FOR


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
