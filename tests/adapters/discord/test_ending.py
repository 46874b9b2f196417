"""A bot that is to run elsewhere lets go of its session, whatever the library makes of it."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from adapters.discord import connection
from core import tasks
from core.chat import Answer, Inbound
from core.desk import Desk
from tests.adapters.discord.standin import opened, until


class Deaf(connection.Ears):
    """Does not hear that it is to end, as where that comes at the moment in which a session has just been opened."""

    async def start(self, token: str, *, reconnect: bool = True) -> None:
        with suppress(asyncio.CancelledError):
            await super().start(token, reconnect=reconnect)
        await asyncio.Event().wait()


async def nobody(_inbound: Inbound) -> Answer:
    return Answer()


async def test_a_bot_that_did_not_hear_it_ends_all_the_same(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "Ears", Deaf)
    async with opened(desk) as standin:
        running = asyncio.create_task(standin.adapter.run(nobody))
        await standin.ready()
        async with asyncio.timeout(20):
            await standin.adapter.lead(frozenset())
        await until(lambda: not any(one.socket for one in standin.server.gateway.sessions.values()))
        await tasks.end([running])
