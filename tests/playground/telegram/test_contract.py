"""Calls are checked against the description of the API, and what is sent keeps to its types."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import telegram
from telegram.error import BadRequest

from playground.telegram import Attachment, TelegramServer
from playground.telegram.contract import Contract
from playground.telegram.seed import Seeded, seeded
from tests.playground.telegram.conftest import CONTRACT, client

pytestmark = pytest.mark.skipif(
    not CONTRACT.exists(), reason="the description of the Bot API (../shared/platforms) is not here"
)


@pytest.fixture
async def strict() -> AsyncIterator[TelegramServer]:
    async with TelegramServer(contract=CONTRACT, strict=True) as running:
        yield running


async def test_unknown_and_missing_arguments(strict: TelegramServer) -> None:
    world = seeded(strict)
    async with client(strict, world.bot.token) as bot:
        with pytest.raises(BadRequest, match=r"(?i)unknown argument colour"):
            await bot.send_message(world.requester.id, "x", api_kwargs={"colour": "red"})
    async with httpx.AsyncClient(base_url=f"{strict.base_url}{world.bot.token}") as http:
        missing = await http.get("/sendMessage", params={"text": "x"})
        assert missing.json()["description"] == "Bad Request: missing argument chat_id"
        assert (await http.get("/doNothing")).status_code == 400
    problems = {(one.method, one.argument, one.problem) for one in strict.questions}
    assert ("sendMessage", "colour", "unknown argument") in problems
    assert ("sendMessage", "chat_id", "missing argument") in problems


async def test_questions_do_not_refuse_unless_strict() -> None:
    async with TelegramServer(contract=CONTRACT) as server:
        world = seeded(server)
        async with client(server, world.bot.token) as bot:
            await bot.send_message(world.requester.id, "x", api_kwargs={"colour": "red"})
        assert [one.argument for one in server.questions] == ["colour"]


async def test_the_client_raises_no_question(strict: TelegramServer) -> None:
    world = seeded(strict)
    async with client(strict, world.bot.token) as bot:
        await _use(bot, world)
    assert not strict.questions


async def test_updates_and_answers_keep_to_the_types(strict: TelegramServer) -> None:
    contract, world = Contract(CONTRACT), seeded(strict)
    _say_everything(strict, world)
    updates = world.bot.queue.take(0, 1000)
    assert len(updates) > 20
    assert [wrong for one in updates for wrong in contract.mismatches("Update", one)] == []
    for method, given, kind in (
        ("getMe", {}, "User"),
        ("getChat", {"chat_id": world.room.id}, "ChatFullInfo"),
        ("getChat", {"chat_id": world.requester.id}, "ChatFullInfo"),
        ("getChatAdministrators", {"chat_id": world.room.id}, "Array of ChatMember"),
        ("getWebhookInfo", {}, "WebhookInfo"),
        ("createForumTopic", {"chat_id": world.room.id, "name": "x"}, "ForumTopic"),
        ("sendMessage", {"chat_id": world.room.id, "text": "x"}, "Message"),
    ):
        assert contract.mismatches(kind, await _call(strict, world, method, given)) == []


async def _call(server: TelegramServer, world: Seeded, method: str, given: dict[str, Any]) -> Any:
    async with httpx.AsyncClient(base_url=f"{server.base_url}{world.bot.token}") as http:
        answer = (await http.post(f"/{method}", json=given)).json()
    assert answer["ok"], answer
    return answer["result"]


async def _use(bot: telegram.Bot, world: Seeded) -> None:
    rita, room = world.requester.id, world.room.id
    said = await bot.send_message(rita, "<b>x</b>", parse_mode="HTML", disable_notification=True)
    await bot.edit_message_text("y", rita, said.message_id)
    await bot.send_document(rita, b"x", filename="x.txt", caption="x")
    await bot.send_media_group(rita, [telegram.InputMediaPhoto(b"1"), telegram.InputMediaPhoto(b"2")])
    await bot.set_message_reaction(rita, said.message_id, "👍")
    topic = await bot.create_forum_topic(room, "x")
    await bot.close_forum_topic(room, topic.message_thread_id)
    await bot.get_updates(allowed_updates=["message"], timeout=0)
    await bot.set_my_commands([("help", "Help")], language_code="de")
    await bot.delete_message(rita, said.message_id)


def _say_everything(server: TelegramServer, world: Seeded) -> None:
    people, rita, chat = server.people, world.requester, world.private
    world.bot.queue.allowed = [
        "message",
        "edited_message",
        "message_reaction",
        "my_chat_member",
        "chat_member",
    ]
    said = people.say(rita, chat, "**x** @help_desk_bot https://example.org /help a@b.org #tag", typed=True)
    people.say(rita, chat, "answer", reply_to=said, quote="x")
    people.edit(rita, said, "y")
    people.react(rita, said, "👍")
    for kind in ("photo", "document", "video", "audio", "voice", "sticker", "animation", "video_note"):
        people.say(rita, chat, file=Attachment(kind, b"x"))
    people.say(rita, chat, location=(1.0, 2.0))
    people.say(rita, chat, contact={"phone_number": "+1", "first_name": "Z"})
    people.say(rita, chat, poll=("Which?", ["a", "b"]))
    topic = people.create_topic(world.agent, world.room, "T").id
    people.say(world.agent, world.room, "x", thread=topic)
    people.edit_topic(world.agent, world.room, topic, "U")
    people.close_topic(world.agent, world.room, topic)
    people.reopen_topic(world.agent, world.room, topic)
    people.kick(world.agent, world.room, rita)
    group = people.create_group(world.agent, "G", world.bot, kind="group")
    people.migrate(world.agent, group)
    people.block(rita, world.bot)
