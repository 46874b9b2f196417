"""One bot that is connected: its client, its pace, and what it knows of itself."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from adapters.telegram.facts import CHAIN, Me
from adapters.telegram.pacing import Pacer
from adapters.telegram.settings import PLATFORM
from core.chat import Gone, Place

if TYPE_CHECKING:
    from adapters.telegram.client import Client

MOST_ALBUMS = 2_000
MOST_CHAINS = 5_000


@dataclass
class Line:
    """`albums` maps the messages of media groups to the first one, under whose id they are kept, `chains`
    our own messages to the chain of replies in which they stand."""

    client: Client
    commands: Callable[[], frozenset[str]]
    pacer: Pacer = field(default_factory=Pacer)
    albums: OrderedDict[str, str] = field(default_factory=OrderedDict)
    chains: OrderedDict[str, str] = field(default_factory=OrderedDict)
    offset: int | None = None
    moved: datetime | None = None
    """When the offset was last moved."""
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Only one may ask for updates at a time."""
    _me: Me | None = None

    @property
    def id(self) -> str:
        return self.client.id

    @property
    def secret(self) -> str:
        """What Telegram shows with each update that it posts; follows from the token."""
        return hmac.new(self.client.token.encode(), b"deskbell webhook", hashlib.sha256).hexdigest()

    def place(self, chat: str, thread: str = "") -> Place:
        return Place(PLATFORM, self.id, chat, thread)

    async def me(self) -> Me:
        """Asked once; commands may be offered later."""
        if self._me is None:
            found = await self.client.call("getMe")
            username, topics = str(found.get("username") or ""), found.get("has_topics_enabled") is True
            self._me = Me(self.id, username, topics)
        return replace(self._me, commands=self.commands())

    def remember_album(self, chat: str, first: str, natives: list[str]) -> None:
        for native in natives:
            self.albums[f"{chat}/{native}"] = first
        while len(self.albums) > MOST_ALBUMS:
            self.albums.popitem(last=False)

    def remember_chain(self, place: Place, native: str) -> None:
        if chain_of(place):
            self.chains[f"{place.channel}/{native}"] = place.thread
        while len(self.chains) > MOST_CHAINS:
            self.chains.popitem(last=False)

    def chain_with(self, chat: str, native: str) -> str:
        """The chain in which a message of ours stands; empty when none is known."""
        return self.chains.get(f"{chat}/{native}", "")

    def first_of_album(self, chat: str, native: str) -> str:
        return self.albums.get(f"{chat}/{native}", native)


def address(place: Place) -> dict[str, Any]:
    """The chat and topic of a place, as arguments of a call."""
    arguments: dict[str, Any] = {"chat_id": chat_id(place.channel)}
    if place.thread and not place.thread.startswith(CHAIN):
        arguments["message_thread_id"] = chat_id(place.thread)
    return arguments


def chat_id(text: str) -> int:
    """A number of Telegram's; what is none names nothing there."""
    if not re.fullmatch(r"-?[0-9]{1,19}", text):
        raise Gone("no such place")
    return int(text)


def chain_of(place: Place) -> str:
    """The message that began the chain of replies which is this place; empty elsewhere."""
    return place.thread.removeprefix(CHAIN) if place.thread.startswith(CHAIN) else ""
