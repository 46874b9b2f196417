"""The people's side over HTTP, as another process or the page uses it."""

from __future__ import annotations

import asyncio
import base64
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import telegram

from playground.telegram import TelegramServer
from playground.telegram.seed import Seeded


@pytest.fixture
async def play(server: TelegramServer) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"{server.url}/_play") as http:
        yield http


async def _do(play: httpx.AsyncClient, action: str, **given: Any) -> Any:
    answer = await play.post(f"/{action}", json=given)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_conversation(play: httpx.AsyncClient, world: Seeded, bot: telegram.Bot) -> None:
    rita, private = world.requester.id, world.private.key
    started = await _do(play, "start", user=rita, payload="cat_printer")
    assert started["text"] == "/start cat_printer"
    said = await _do(play, "say", user=rita, chat=private, text="**help**", typed=True)
    assert said["html"] == "<b>help</b>"
    await _do(play, "edit", user=rita, chat=private, message=said["id"], text="help!")
    await _do(play, "react", user=rita, chat=private, message=said["id"], emoji="🙏")
    shown = (await play.get(f"/chats/{private}/messages")).json()[-1]
    assert (shown["text"], shown["edited"], shown["reactions"][0]["emoji"]) == ("help!", True, "🙏")
    await _do(play, "delete", user=rita, chat=private, message=said["id"])
    assert (await play.get(f"/chats/{private}/messages")).json()[-1]["id"] != said["id"]
    gone = (await play.get(f"/chats/{private}/messages", params={"deleted": "1"})).json()[-1]
    assert gone["deleted"]


async def test_a_private_chat_by_the_persons_id(play: httpx.AsyncClient, world: Seeded) -> None:
    said = await _do(
        play, "say", user=world.requester.id, chat=world.requester.id, bot=world.bot.id, text="x"
    )
    assert said["chat"] == world.private.key


async def test_files_and_albums(play: httpx.AsyncClient, world: Seeded, bot: telegram.Bot) -> None:
    one = {"kind": "photo", "base64": base64.b64encode(b"jpeg").decode(), "name": "a.jpg"}
    who = {"user": world.requester.id, "chat": world.private.key}
    single = await _do(play, "say", **who, files=[one], text="see")
    album = await _do(play, "say", **who, files=[one, one])
    assert album[0]["album"] == album[1]["album"] != ""
    url = single["files"][0]["url"]
    fetched = await play.get(f"{play.base_url.copy_with(path=url)}")
    assert (fetched.content, fetched.headers["content-type"]) == (b"jpeg", "image/jpeg")


async def test_a_press_waits_for_the_answer(
    play: httpx.AsyncClient, world: Seeded, bot: telegram.Bot
) -> None:
    button = telegram.InlineKeyboardButton("Claim", callback_data="claim:ticket:1")
    said = await bot.send_message(
        world.room.id, "card", reply_markup=telegram.InlineKeyboardMarkup([[button]])
    )
    pressing = asyncio.create_task(
        _do(
            play,
            "press",
            user=world.agent.id,
            chat=world.room.key,
            message=said.message_id,
            button="Claim",
            wait=5,
        )
    )
    (update,) = await bot.get_updates(timeout=5)
    assert update.callback_query
    await update.callback_query.answer("Yours")
    assert (await pressing)["answer"]["text"] == "Yours"


async def test_groups_topics_and_members(play: httpx.AsyncClient, world: Seeded) -> None:
    group = await _do(play, "groups", user=world.agent.id, title="Small", kind="group", admins=[world.bot.id])
    new = await _do(play, "migrate", user=world.agent.id, chat=group["key"], forum=True)
    chat = await _do(play, "topics", user=world.agent.id, chat=new["key"], name="One")
    topic = chat["topics"][0]["id"]
    await _do(play, "say", user=world.agent.id, chat=new["key"], thread=topic, text="in it")
    shown = (await play.get(f"/chats/{new['key']}/messages", params={"thread": topic})).json()
    assert [one["text"] for one in shown] == ["", "in it"]
    kicked = await _do(play, "kick", user=world.agent.id, chat=new["key"], member=world.bot.id)
    assert {"id": world.bot.id, "status": "kicked"} in kicked["members"]


async def test_faults_limits_and_clock(
    play: httpx.AsyncClient, server: TelegramServer, world: Seeded
) -> None:
    await _do(play, "faults", kind="drop_after", method="send*", times=2)
    listed = await _do(play, "faults", updates={"duplicate": 0.5}, seed=4)
    assert listed["rules"][0]["times"] == 2
    assert listed["updates"]["duplicate"] == 0.5
    assert (await play.delete("/faults")).json()["rules"] == []
    assert (await _do(play, "limits", on=True, group=[5, 60]))["group"] == [5, 60.0]
    before = server.world.clock.now()
    assert (await _do(play, "clock", advance=3600))["now"] >= before + 3600
    await _do(play, "revoke", bot=world.bot.id)
    assert server.world.bot().revoked


async def test_changes_are_waited_for(play: httpx.AsyncClient, server: TelegramServer, world: Seeded) -> None:
    now = (await play.get("/changes")).json()["changed"]
    waiting = asyncio.create_task(play.get("/changes", params={"after": now, "timeout": 5}))
    await asyncio.sleep(0)
    server.people.say(world.requester, world.private, "news")
    changes = (await waiting).json()["changes"]
    assert changes[0] == {
        "number": now + 1,
        "what": "posted",
        "chat": world.private.key,
        "message": 2,
        "thread": None,
    }


async def test_changes_as_events(play: httpx.AsyncClient, server: TelegramServer, world: Seeded) -> None:
    async with play.stream("GET", "/events", params={"after": 0}) as stream:
        lines = stream.aiter_lines()
        assert (await anext(lines)).startswith("id: ")
        assert '"what": "bot"' in await anext(lines)


async def test_what_cannot_be_is_said(play: httpx.AsyncClient, world: Seeded) -> None:
    for action, given in (
        ("say", {"user": 5, "chat": "x", "text": "x"}),
        ("say", {"user": world.requester.id, "chat": "nowhere", "text": "x"}),
        ("say", {}),
        ("edit", {"user": world.requester.id, "chat": world.private.key, "message": "?", "text": ""}),
    ):
        answer = await play.post(f"/{action}", json=given)
        assert answer.status_code == 400
        assert answer.json()["error"]
    assert (await play.post("/nothing", json={})).status_code == 404


async def test_other_sites_cannot_drive_it(play: httpx.AsyncClient) -> None:
    answer = await play.post("/clock", json={}, headers={"Origin": "https://example.org"})
    assert answer.status_code == 400
    assert (await play.get("/world", headers={"Host": "example.org"})).status_code == 400


async def test_the_log_of_calls(play: httpx.AsyncClient, bot: telegram.Bot) -> None:
    calls = (await play.get("/calls")).json()
    assert [(one["method"], one["status"]) for one in calls] == [("getMe", 200)]


async def test_the_program_in_its_own_process() -> None:
    root = Path(__file__).parents[3]
    program = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "playground.telegram",
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
        stdout=asyncio.subprocess.PIPE,
    )
    assert program.stdout
    try:
        async with asyncio.timeout(20):
            said = dict([(await program.stdout.readline()).decode().split(maxsplit=1) for _ in range(8)])
        async with httpx.AsyncClient() as http:
            page = await http.get(said["page"].strip())
            assert "<html" in page.text
            world = (await http.get(f"{said['page'].strip()}_play/world")).json()
            assert [chat["title"] for chat in world["chats"]][-1] == "Support room"
    finally:
        program.terminate()
        await program.wait()
