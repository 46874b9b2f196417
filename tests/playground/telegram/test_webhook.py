"""Updates posted to a bot's own address, again until they are taken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import telegram
from aiohttp import web
from telegram.error import BadRequest, Conflict

from playground.telegram import TelegramServer
from playground.telegram.seed import Seeded


@dataclass
class Receiver:
    """Takes what is posted; the first answers may be refusals."""

    url: str = ""
    refusals: int = 0
    posted: list[tuple[str | None, dict[str, Any]]] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, request: web.Request) -> web.Response:
        self.posted.append((request.headers.get("X-Telegram-Bot-Api-Secret-Token"), await request.json()))
        self.news.set()
        if self.refusals:
            self.refusals -= 1
            return web.Response(status=500)
        return web.Response()

    async def wait_for(self, many: int) -> None:
        async with asyncio.timeout(30):
            while len(self.posted) < many:
                self.news.clear()
                await self.news.wait()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    ready = Receiver()
    app = web.Application()
    app.router.add_post("/hook", ready.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    ready.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield ready
    await runner.cleanup()


async def test_posted_with_the_secret_until_taken(
    server: TelegramServer, world: Seeded, bot: telegram.Bot, receiver: Receiver
) -> None:
    receiver.refusals = 2
    await bot.set_webhook(receiver.url, secret_token="hush_hush")
    server.people.say(world.requester, world.private, "one")
    server.people.say(world.requester, world.private, "two")
    await receiver.wait_for(4)
    assert {secret for secret, _ in receiver.posted} == {"hush_hush"}
    assert [body["message"]["text"] for _, body in receiver.posted] == ["one", "one", "one", "two"]
    info = await bot.get_webhook_info()
    assert info.url == receiver.url
    assert info.last_error_message


async def test_a_taken_update_may_be_posted_again(
    server: TelegramServer, world: Seeded, bot: telegram.Bot, receiver: Receiver
) -> None:
    server.faults.add("drop_after", "webhook", times=1)
    await bot.set_webhook(receiver.url)
    server.people.say(world.requester, world.private, "one")
    await receiver.wait_for(2)
    assert receiver.posted[0] == receiver.posted[1]


async def test_either_webhook_or_polling(
    server: TelegramServer, world: Seeded, bot: telegram.Bot, receiver: Receiver
) -> None:
    polling = asyncio.create_task(bot.get_updates(timeout=30))
    while world.bot.queue.turn == 0:
        await asyncio.sleep(0)
    await bot.set_webhook(receiver.url)
    with pytest.raises(Conflict, match=r"(?i)terminated by setWebhook"):
        await polling
    with pytest.raises(Conflict, match=r"(?i)webhook is active"):
        await bot.get_updates()
    await bot.delete_webhook()
    server.people.say(world.requester, world.private, "polled")
    assert len(await bot.get_updates()) == 1


async def test_a_secret_has_its_alphabet(bot: telegram.Bot, receiver: Receiver) -> None:
    with pytest.raises(BadRequest, match=r"(?i)secret token"):
        await bot.set_webhook(receiver.url, secret_token="no blanks")
