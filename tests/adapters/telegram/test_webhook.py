"""Updates that Telegram posts: 200 only after they are kept, and only for who shows the secret."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import uvicorn
from structlog.testing import capture_logs

from core.chat import Said
from core.desk import Desk
from playground.telegram import Attachment
from tests.adapters.telegram.conftest import Door, eventually, running
from tests.adapters.telegram.standin import Standin, opened


@asynccontextmanager
async def hooked(desk: Desk, door: Door) -> AsyncIterator[tuple[Standin, str]]:
    """The adapter behind a real web server at an address that the stand-in posts to."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/chat/telegram"
        async with opened(desk, env={"DESKBELL_TELEGRAM_WEBHOOK_URL": url}) as standin:
            app = standin.adapter.http
            assert app is not None
            server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", ws="none"))
            serving = asyncio.create_task(server.serve(sockets=[listening]))
            async with running(standin.adapter, door):
                await eventually(lambda: standin.world.bot.webhook)
                yield standin, f"{url}/{standin.world.bot.id}"
            server.should_exit = True
            await serving


async def test_posted_updates_come_in_order_and_again_until_kept(desk: Desk, door: Door) -> None:
    door.away = 2
    async with hooked(desk, door) as (standin, _url):
        for number in range(5):
            await standin.says(str(number))
        await door.until(5)
        await eventually(lambda: len(standin.world.bot.queue) == 0)
    assert [one.text for one in door.heard if isinstance(one, Said)] == ["0", "1", "2", "3", "4"]


async def test_nobody_fills_the_log_by_knocking(desk: Desk, door: Door) -> None:
    async with hooked(desk, door) as (_standin, url), httpx.AsyncClient() as client:
        with capture_logs() as lines:
            for _knock in range(200):
                assert (await client.post(url, json={})).status_code == 403
    assert 0 < len([one for one in lines if one["event"] == "webhook.refused"]) <= 61


async def test_who_shows_no_secret_is_refused(desk: Desk, door: Door) -> None:
    async with hooked(desk, door) as (standin, url):
        hook = standin.world.bot.webhook
        assert hook is not None
        update: dict[str, Any] = {"update_id": 1, "message": {"text": "x"}}
        right = {"X-Telegram-Bot-Api-Secret-Token": hook.secret}
        async with httpx.AsyncClient() as client:
            assert (await client.post(url, json=update)).status_code == 403
            wrong = {"X-Telegram-Bot-Api-Secret-Token": "wrong"}
            assert (await client.post(url, json=update, headers=wrong)).status_code == 403
            assert (await client.get(url)).status_code == 405
            assert (await client.post(url + "9", json=update, headers=right)).status_code == 404
            assert (await client.post(url, content=b"{", headers=right)).status_code == 400
            assert (await client.post(url, content=b" " * 1_100_000, headers=right)).status_code == 400
            assert (await client.post(url, json=update, headers=right)).status_code == 200
            assert (await client.post(url, json=[], headers=right)).status_code == 200
    assert door.heard == []


async def test_an_album_that_is_posted_side_by_side(desk: Desk, door: Door) -> None:
    async with hooked(desk, door) as (standin, url):
        hook, people, world = standin.world.bot.webhook, standin.server.people, standin.world
        assert hook is not None
        standin.world.bot.webhook = None
        people.album(
            world.requester, world.private, [Attachment("photo", b"1"), Attachment("photo", b"2")], "both"
        )
        updates = [waiting.api() for waiting in world.bot.queue._waiting]
        world.bot.queue.clear()
        headers = {"X-Telegram-Bot-Api-Secret-Token": hook.secret}
        async with httpx.AsyncClient() as client:
            answers = await asyncio.gather(*(client.post(url, json=u, headers=headers) for u in updates))
        assert [answer.status_code for answer in answers] == [200, 200]
        (one,) = door.heard
        assert isinstance(one, Said)
        assert (one.text, len(one.files)) == ("both", 2)
