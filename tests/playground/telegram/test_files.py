"""Files both ways, of every kind, and their limits."""

from __future__ import annotations

import io
from typing import Any

import pytest
import telegram
from telegram.error import BadRequest, InvalidToken, NetworkError

from playground.telegram import Attachment, TelegramServer
from playground.telegram.files import DOWN, UP
from playground.telegram.seed import Seeded
from tests.playground.telegram.conftest import client

KINDS = ("photo", "document", "video", "audio", "voice", "sticker", "animation", "video_note")


@pytest.mark.parametrize("kind", KINDS)
async def test_up_and_down_again(server: TelegramServer, world: Seeded, bot: telegram.Bot, kind: str) -> None:
    said = await getattr(bot, f"send_{kind}")(world.requester.id, b"some bytes")
    sent = said.effective_attachment
    one = sent[-1] if isinstance(sent, tuple) else sent
    file = await one.get_file()
    assert bytes(await file.download_as_bytearray()) == b"some bytes"
    again = await getattr(bot, f"send_{kind}")(world.requester.id, one.file_id)
    assert again.effective_attachment
    assert server.shows(world.private)[-1]["files"][0]["kind"] == kind


@pytest.mark.parametrize("kind", KINDS)
async def test_a_person_sends(server: TelegramServer, world: Seeded, bot: telegram.Bot, kind: str) -> None:
    server.people.say(world.requester, world.private, "look", file=Attachment(kind, b"abc"))
    (update,) = await bot.get_updates()
    assert update.message
    assert update.message.caption == "look"
    sent = update.message.effective_attachment
    file = await (sent[-1] if isinstance(sent, tuple) else sent).get_file()  # type: ignore[union-attr]
    assert bytes(await file.download_as_bytearray()) == b"abc"


async def test_albums_both_ways(server: TelegramServer, world: Seeded, bot: telegram.Bot) -> None:
    media: list[Any] = [
        telegram.InputMediaPhoto(b"1", caption="<b>two</b>", parse_mode="HTML"),
        telegram.InputMediaPhoto(b"2"),
    ]
    sent = await bot.send_media_group(world.requester.id, media)
    assert len({one.media_group_id for one in sent}) == 1
    assert (sent[0].caption, sent[1].caption) == ("two", None)
    server.people.album(
        world.requester, world.private, [Attachment("photo", b"a"), Attachment("photo", b"b")], "both"
    )
    first, second = [u.message for u in await bot.get_updates() if u.message]
    assert first.media_group_id == second.media_group_id
    assert (first.caption, second.caption) == ("both", None)


async def test_a_mixed_album_is_refused(world: Seeded, bot: telegram.Bot) -> None:
    mixed: list[Any] = [telegram.InputMediaPhoto(b"1"), telegram.InputMediaDocument(b"2")]
    with pytest.raises(BadRequest, match=r"(?i)album"):
        await bot.send_media_group(world.requester.id, mixed)


async def test_what_is_too_large(server: TelegramServer, world: Seeded, bot: telegram.Bot) -> None:
    large = server.people.say(world.requester, world.private, file=Attachment("document", bytes(DOWN + 1)))
    (update,) = await bot.get_updates()
    assert update.message
    assert update.message.document
    with pytest.raises(BadRequest, match=r"(?i)file is too big"):
        await update.message.document.get_file()
    assert large.media
    with pytest.raises(NetworkError, match=r"(?i)Too Large"):
        await bot.send_document(world.requester.id, io.BytesIO(bytes(UP + 1)))


async def test_a_file_id_is_one_bots_own(server: TelegramServer, world: Seeded, bot: telegram.Bot) -> None:
    other = server.world.add_bot("Other", "other_bot")
    server.people.start(world.requester, other)
    document = (await bot.send_document(world.requester.id, b"x", filename="x.txt")).document
    assert document
    async with client(server, other.token) as stranger:
        with pytest.raises(BadRequest, match=r"(?i)wrong file_id"):
            await stranger.get_file(document.file_id)


async def test_a_caption_can_be_edited(server: TelegramServer, world: Seeded, bot: telegram.Bot) -> None:
    said = await bot.send_document(world.requester.id, b"x", caption="one")
    await bot.edit_message_caption(world.requester.id, said.message_id, caption="two")
    assert server.shows(world.private)[-1]["text"] == "two"


async def test_a_download_needs_the_token(server: TelegramServer, world: Seeded, bot: telegram.Bot) -> None:
    document = (await bot.send_document(world.requester.id, b"x")).document
    assert document
    file = await document.get_file()
    server.revoke(world.bot)
    with pytest.raises(InvalidToken):
        await file.download_as_bytearray()
