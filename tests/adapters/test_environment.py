"""What the environment connects is told to the admins, on each platform: whose it is, or that its token is
refused and what to do."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.doctor import platforms
from bot.doctor.patient import Patient
from core.access import SYSTEM
from core.admin.checkup import Line
from core.chat import Answer, Closes, Inbound
from core.desk import Desk
from core.errors import Invalid
from core.installations import connecting, environment, service
from core.installations.model import Installation
from core.settings import Settings

WRONG = {"slack": "xoxb-wrong", "discord": "wrong", "telegram": "77:wrong-wrong-wrong"}


@asynccontextmanager
async def opened(desk: Desk, name: str) -> AsyncIterator[tuple[Callable[[str], Any], str]]:
    """An adapter for each token that the environment could hold, and the token that holds."""
    module = importlib.import_module(f"tests.adapters.{name}.standin")
    async with module.opened(desk) as standin:
        own = standin.adapter.settings
        address = {"slack": "api", "discord": "api_base_url", "telegram": "api_url"}[name]
        right = own.token if name == "telegram" else own.bot_token
        make = importlib.import_module(f"adapters.{name}").make

        def with_token(token: str) -> Any:
            prefix = f"DESKBELL_{name.upper()}_"
            also = {"DESKBELL_SLACK_SIGNING_SECRET": "a secret"}
            return make(
                desk, also | {f"{prefix}API_BASE_URL": getattr(own, address), f"{prefix}BOT_TOKEN": token}
            )

        yield with_token, right


async def nobody(_inbound: Inbound) -> Answer:
    return Answer()


async def runs_until(desk: Desk, adapter: Any, true: Callable[[list[Installation]], bool]) -> None:
    """Run it until the connections are so."""
    task = asyncio.create_task(adapter.run(nobody))
    try:
        async with asyncio.timeout(20):
            while not true(await listed(desk)):
                await asyncio.sleep(0.02)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def listed(desk: Desk) -> list[Installation]:
    async with desk.db.sessions() as session:
        return list(await service.listed(session))


async def looked_at(desk: Desk, adapter: Any) -> list[Line]:
    chats: Mapping[str, Any] = {adapter.name: adapter}
    found = await platforms.platforms(Patient(Settings(), Path(), desk.db, desk, chats))
    await closed(adapter)
    return list(found)


async def closed(adapter: Any) -> None:
    if isinstance(adapter, Closes):
        await adapter.close()


@pytest.fixture(params=WRONG)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def test_whose_the_token_is_and_that_it_is_named_no_more(desk: Desk, name: str) -> None:
    async with opened(desk, name) as (with_token, right):
        await runs_until(desk, with_token(right), lambda rows: [row.state for row in rows] == ["on"])
        [row] = await listed(desk)
        assert row.name
        assert row.secrets is None
        [line] = await looked_at(desk, with_token(right))
        assert f"{row.name} (by the environment)" in line.words
        assert line.state != "fail"
        with pytest.raises(Invalid, match="The environment connects it"):
            async with desk.unit() as uow:
                await service.disconnect(uow, SYSTEM, row.id)
        await runs_until(desk, with_token(""), lambda rows: [one.state for one in rows] == ["off"])
        [row] = await listed(desk)
        assert connecting.problem_words(row).startswith("The environment names it no more")


async def test_a_token_that_is_refused_at_the_very_first_start(desk: Desk, name: str) -> None:
    async with opened(desk, name) as (with_token, right):
        [before] = await looked_at(desk, with_token(WRONG[name]))
        assert before.state == "fail"
        assert environment.setting(name) in before.mend
        await runs_until(
            desk, with_token(WRONG[name]), lambda rows: [row.state for row in rows] == ["broken"]
        )
        [row] = await listed(desk)
        assert environment.setting(name) in connecting.problem_words(row)
        await runs_until(desk, with_token(right), lambda rows: "on" in [row.state for row in rows])
        assert sorted(row.state for row in await listed(desk)) in (["on"], ["off", "on"])
        await runs_until(desk, with_token(WRONG[name]), lambda rows: "broken" in [row.state for row in rows])


async def test_what_is_no_token_of_a_telegram_bot(desk: Desk) -> None:
    async with opened(desk, "telegram") as (with_token, _right):
        await runs_until(desk, with_token("nonsense"), lambda rows: [row.state for row in rows] == ["broken"])


async def test_a_connection_that_an_admin_made_goes_before_the_environments(desk: Desk, name: str) -> None:
    async with opened(desk, name) as (with_token, right):
        adapter = with_token("")
        tried = await adapter.try_out({"bot_token": right})
        await closed(adapter)
        async with desk.unit() as uow:
            made = await service.connect(
                uow,
                SYSTEM,
                platform=name,
                external=tried.external,
                name=tried.name,
                secrets=tried.secrets,
            )
        async with desk.unit() as uow:
            await environment.taken(uow, name, tried.external, "Another name")
            await environment.refused(uow, name, tried.external, "token_revoked")
            await environment.absent(uow, name)
        assert [(row.id, row.state, row.name) for row in await listed(desk)] == [(made.id, "on", tried.name)]
