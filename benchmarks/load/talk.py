"""Those who ask: on a platform, and as visitors of the web chat; and when what they say is shown elsewhere."""

from __future__ import annotations

import asyncio
import json
import random
import re
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import aiohttp

from benchmarks.kill.side import OPENING
from benchmarks.web import Web

OLD_ENOUGH = 2.0
"""Seconds: who writes sooner after the page was opened is taken for a robot."""
TOKEN = re.compile(r"\bload[0-9a-f]{8}x\b")
AT_ONCE = 24
AGAIN_SECONDS = 2.0
PATIENCE = 240.0


@dataclass(slots=True)
class Sent:
    """One message; times are Unix times, in seconds."""

    token: str
    door: str
    watched: bool
    at: float
    native: str = ""
    committed: float = 0.0
    in_room: float = 0.0
    on_page: float = 0.0
    refused: str = ""


@dataclass(slots=True)
class Asker:
    """One person with a ticket."""

    door: str
    who: str
    watched: bool = False
    headers: dict[str, str] = field(default_factory=dict)
    form: str = ""
    web: Web | None = None
    first: str = ""
    number: int = 0


class Talk:
    """Everybody who asks; `sent` is what has been said, by token."""

    def __init__(self, side: Any, room: Any, webs: Sequence[Web], words: Sequence[str]) -> None:
        self.side, self.room, self.webs = side, room, webs
        self.askers: list[Asker] = []
        self.sent: dict[str, Sent] = {}
        self.again = 0
        """Tries that were not taken."""
        self._texts = _texts(words)
        self._number = random.Random(time.time_ns()).randrange(2**31)

    async def gather(self, chatting: int, visiting: int) -> None:
        """So many people on the platform, and so many visitors."""
        self.askers += [Asker(self.side.name, await self.side.joins(f"Load{n}")) for n in range(chatting)]
        self.askers += [await self._visitor(number) for number in range(visiting)]
        random.Random(3).shuffle(self.askers)
        await asyncio.sleep(OLD_ENOUGH)

    async def begin(self) -> None:
        """Each opens a ticket, some at a time."""
        turns = asyncio.Semaphore(AT_ONCE)

        async def opens(asker: Asker) -> None:
            async with turns:
                sent = await self.says(asker, first=True)
                asker.first = sent.native
                if sent.refused:
                    raise RuntimeError(f"{asker.door}: {sent.refused}")
                await self._shown(sent)

        await asyncio.gather(*map(opens, self.askers))
        self.sent.clear()

    async def says(self, asker: Asker, *, first: bool = False) -> Sent:
        self._number += 1
        sent = Sent(f"load{self._number:08x}x", asker.door, asker.watched, time.time())
        self.sent[sent.token] = sent
        text = f"{self._texts[self._number % len(self._texts)]} {sent.token}"
        text = f"{OPENING}\n{text}" if first else text
        if asker.web is None:
            sent.native = await self.side.says(asker.who, text)
        else:
            await self._posts(asker, text, sent)
        return sent

    async def hears(self) -> None:
        """When the room shows what; until cancelled."""
        after = 0
        while True:
            after, texts = await self.room.news(after)
            now = time.time()
            for token in (one for text in texts for one in TOKEN.findall(text)):
                if (sent := self.sent.get(token)) is not None and not sent.in_room:
                    sent.in_room = now

    async def _visitor(self, number: int) -> Asker:
        web = self.webs[number % len(self.webs)]
        address = {"x-forwarded-for": f"198.18.{number // 250}.{number % 250 + 1}"}
        session = json.loads((await web.post("/chat/webchat/session", address, json={})).text)
        headers = {"authorization": f"Bearer {session['token']}"} | address
        return Asker("webchat", str(uuid4()), headers=headers, form=session["form"], web=web)

    async def _posts(self, asker: Asker, text: str, sent: Sent) -> None:
        assert asker.web is not None
        sent.native = str(uuid4())
        body = {"id": sent.native, "text": text, "form": asker.form}
        path = f"/chat/webchat/conversations/{asker.who}/messages"
        ends = time.monotonic() + PATIENCE
        while True:
            try:
                await asker.web.post(path, asker.headers, json=body)
                return
            except (aiohttp.ClientError, TimeoutError) as error:
                status = getattr(error, "status", 0)
                if (400 <= status < 500 and status != 429) or time.monotonic() > ends:
                    sent.refused = f"{type(error).__name__} {status}"
                    return
            # As the page does: under the same id until it is taken.
            self.again += 1
            await asyncio.sleep(AGAIN_SECONDS * (0.5 + random.random()))

    async def _shown(self, sent: Sent) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(60):
                while not sent.in_room:
                    await asyncio.sleep(0.02)


def _texts(words: Sequence[str]) -> list[str]:
    chance = random.Random(5)
    weights = [1 / (rank + 3) for rank in range(len(words))]
    return [" ".join(chance.choices(words, weights, k=chance.randint(8, 40))) for _text in range(500)]
