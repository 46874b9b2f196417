"""The stand-in on a free port, its small world, and the real client library talking to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import telegram
from telegram.request import HTTPXRequest

from playground.telegram import TelegramServer
from playground.telegram.seed import Seeded, seeded

CONTRACT = Path(__file__).parents[4] / "shared" / "platforms" / "telegram" / "api.json"


@pytest.fixture(autouse=True)
def _waits_as_timedelta(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library warns of plain numbers in `RetryAfter`."""
    monkeypatch.setenv("PTB_TIMEDELTA", "1")


@pytest.fixture
async def server() -> AsyncIterator[TelegramServer]:
    async with TelegramServer() as running:
        yield running


@pytest.fixture
def world(server: TelegramServer) -> Seeded:
    return seeded(server)


@pytest.fixture
async def bot(server: TelegramServer, world: Seeded) -> AsyncIterator[telegram.Bot]:
    """The desk's bot, with nothing waiting for it."""
    async with client(server, world.bot.token) as ready:
        world.bot.queue.clear()
        yield ready


def client(server: TelegramServer, token: str) -> telegram.Bot:
    """A real bot that never waits for longer than the test may take."""
    return telegram.Bot(
        token,
        base_url=server.base_url,
        base_file_url=server.base_file_url,
        request=HTTPXRequest(connection_pool_size=8, read_timeout=5),
        get_updates_request=HTTPXRequest(connection_pool_size=4, read_timeout=5),
    )
