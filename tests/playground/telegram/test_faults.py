"""Misbehaviour on demand: refused, broken, done but not answered."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
import telegram
from telegram.error import NetworkError, RetryAfter

from playground.telegram import PlayError, TelegramServer
from playground.telegram.seed import Seeded


async def test_too_many(server: TelegramServer, world: Seeded, bot: telegram.Bot) -> None:
    server.faults.add("too_many", "send*", times=1, retry_after=3600)
    with pytest.raises(RetryAfter) as wait:
        await bot.send_message(world.requester.id, "x")
    assert wait.value.retry_after == timedelta(hours=1)
    assert await bot.send_message(world.requester.id, "x")


@pytest.mark.parametrize("status", [500, 502])
async def test_errors_of_the_server(
    server: TelegramServer, world: Seeded, bot: telegram.Bot, status: int
) -> None:
    server.faults.add("error", "sendMessage", status=status, times=1)
    with pytest.raises(NetworkError):
        await bot.send_message(world.requester.id, "x")
    assert len(server.shows(world.private)) == 1


async def test_dropped_before_is_not_done(server: TelegramServer, world: Seeded, bot: telegram.Bot) -> None:
    server.faults.add("drop_before", "sendMessage", times=1)
    with pytest.raises(NetworkError):
        await bot.send_message(world.requester.id, "x")
    assert [one["text"] for one in server.shows(world.private)] == ["/start"]


@pytest.mark.parametrize("kind", ["drop_after", "error_after"])
async def test_done_but_not_answered(
    server: TelegramServer, world: Seeded, bot: telegram.Bot, kind: str
) -> None:
    server.faults.add(kind, "sendMessage", times=1)
    with pytest.raises(NetworkError):
        await bot.send_message(world.requester.id, "x")
    assert [one["text"] for one in server.shows(world.private)] == ["/start", "x"]


async def test_a_file_done_but_not_answered(server: TelegramServer, world: Seeded, bot: telegram.Bot) -> None:
    server.faults.add("drop_after", "sendDocument", times=1)
    with pytest.raises(NetworkError):
        await bot.send_document(world.requester.id, bytes(300_000))
    assert len(server.shows(world.private)) == 2


async def test_an_unanswered_poll_loses_nothing(
    server: TelegramServer, world: Seeded, bot: telegram.Bot
) -> None:
    server.people.say(world.requester, world.private, "kept")
    server.faults.add("drop_after", "getUpdates", times=1)
    with pytest.raises(NetworkError):
        await bot.get_updates()
    (update,) = await bot.get_updates()
    assert update.message
    assert update.message.text == "kept"


async def test_slow(server: TelegramServer, bot: telegram.Bot) -> None:
    server.faults.add("delay", "getMe", seconds=0.2)
    begun = time.monotonic()
    await bot.get_me()
    assert time.monotonic() - begun >= 0.2


async def test_chance_comes_from_the_seed(server: TelegramServer) -> None:
    def draw() -> list[bool]:
        server.faults.clear()
        server.faults.seed(7)
        server.faults.add("error", probability=0.5)
        return [bool(server.faults.strikes("sendMessage", 1)) for _ in range(50)]

    first = draw()
    assert first == draw()
    assert 10 < sum(first) < 40


async def test_an_unknown_fault(server: TelegramServer) -> None:
    with pytest.raises(PlayError):
        server.faults.add("explode")
    with pytest.raises(PlayError):
        server.faults.add("delay", colour="red")
