"""The contract, over every adapter folder found; and the neutral parts that all stand on."""

from __future__ import annotations

import ast
import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

import adapters
from core.chat import Answer, Card, ChatAdapter, Inbound, Place, Post, Poster, Reacts, Types
from core.desk import Desk
from tests.adapters import contract

FOLDERS = list(contract.folders())


@pytest.fixture(params=FOLDERS)
def adapter(request: pytest.FixtureRequest, desk: Desk) -> ChatAdapter:
    made = contract.made(request.param, desk)
    if made is None:
        pytest.skip(f"{request.param} is off: it has no settings here")
    return made


def test_there_is_one_to_look_at() -> None:
    assert "webchat" in FOLDERS


@pytest.mark.parametrize("folder", FOLDERS)
async def test_it_is_made_or_off_without_settings(folder: str, desk: Desk) -> None:
    adapter = contract.made(folder, desk, {})
    if adapter is not None:
        contract.check_shape(folder, adapter)


async def test_it_keeps_the_contract(adapter: ChatAdapter) -> None:
    contract.check_shape(adapter.name, adapter)
    contract.check_offers(adapter)
    contract.check_limits_agree(adapter)


async def test_it_runs_until_cancelled(adapter: ChatAdapter) -> None:
    async def deliver(inbound: Inbound) -> Answer:
        return Answer()

    running = asyncio.create_task(adapter.run(deliver))
    await asyncio.sleep(0)
    assert not running.done()
    running.cancel()
    (ended,) = await asyncio.gather(running, return_exceptions=True)
    assert isinstance(ended, asyncio.CancelledError)


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_has_its_page_and_its_settings(folder: str) -> None:
    root = Path(adapters.__path__[0]) / folder
    for name in ("README.md", "settings.py", "inbound.py", "render.py"):
        assert (root / name).exists(), f"adapters/{folder}/{name} is missing"


@pytest.mark.parametrize("folder", FOLDERS)
def test_reading_a_payload_waits_for_nothing(folder: str) -> None:
    """inbound.py turns payloads into neutral values by pure functions."""
    source = (Path(adapters.__path__[0]) / folder / "inbound.py").read_text()
    assert not [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.AsyncFunctionDef)]


ONLINE = ("webchat",)
"""Adapters that need no platform to be reached: these are tried out for real."""


@pytest.mark.parametrize("folder", [name for name in FOLDERS if name in ONLINE])
async def test_posting_gives_a_native_id_and_the_same_again(folder: str, desk: Desk) -> None:
    env: Mapping[str, str] = {}
    adapter = contract.made(folder, desk, dict(env))
    assert isinstance(adapter, Poster)
    place = Place(folder, "main", "someone", "somewhere")
    post = Post(Card(text="hello"), message_id="0198-1")
    native = await adapter.post(place, post, key="k1")
    assert native
    assert await adapter.post(place, post, key="k1") == native
    await adapter.edit(place, native, post)
    await adapter.delete(place, native)
    await adapter.delete(place, native)
    if isinstance(adapter, Reacts):
        await adapter.react(place, native, ("👍",))
        await adapter.react(place, native, ())
    if isinstance(adapter, Types):
        await adapter.typing(place, True)
