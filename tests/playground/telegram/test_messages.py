"""Sending, editing, deleting, reacting, copying: as the bot does it and as the person sees it."""

from __future__ import annotations

import pytest
import telegram
from telegram.constants import ParseMode
from telegram.error import BadRequest

from playground.telegram import TelegramServer
from playground.telegram.seed import Seeded


async def test_html_becomes_entities_in_utf16(
    server: TelegramServer, world: Seeded, bot: telegram.Bot
) -> None:
    html = '😀 <b>bold <i>both</i></b> <a href="https://example.org/?a=1&amp;b=2">there</a> 1 &lt; 2'
    said = await bot.send_message(world.requester.id, html, parse_mode=ParseMode.HTML)
    assert said.text == "😀 bold both there 1 < 2"
    found = [(e.type, e.offset, e.length) for e in said.entities]
    assert found == [("bold", 3, 9), ("italic", 8, 4), ("text_link", 13, 5)]
    assert said.entities[2].url == "https://example.org/?a=1&b=2"
    assert "<b>bold <i>both</i></b>" in server.shows(world.private)[-1]["html"]


@pytest.mark.parametrize(
    ("html", "problem"),
    [
        ("<b>open", "can't find end tag"),
        ("<p>no</p>", "unsupported start tag"),
        ("<b><i>x</b></i>", "unmatched end tag"),
        ("a < b", "unclosed start tag"),
        ("x</b>", "unexpected end tag"),
    ],
)
async def test_broken_html_is_refused(world: Seeded, bot: telegram.Bot, html: str, problem: str) -> None:
    with pytest.raises(BadRequest, match=rf"(?i)can't parse entities: {problem}"):
        await bot.send_message(world.requester.id, html, parse_mode=ParseMode.HTML)


async def test_code_with_its_language(world: Seeded, bot: telegram.Bot) -> None:
    html = '<pre><code class="language-python">x = 1</code></pre>'
    (entity,) = (await bot.send_message(world.requester.id, html, parse_mode=ParseMode.HTML)).entities
    assert (entity.type, entity.language, entity.length) == ("pre", "python", 5)


async def test_an_entity_inside_a_pair_is_refused(world: Seeded, bot: telegram.Bot) -> None:
    with pytest.raises(BadRequest, match=r"(?i)UTF-16"):
        await bot.send_message(world.requester.id, "😀", entities=[telegram.MessageEntity("bold", 1, 1)])


async def test_edit_and_edit_to_the_same(server: TelegramServer, world: Seeded, bot: telegram.Bot) -> None:
    said = await bot.send_message(world.requester.id, "one")
    await bot.edit_message_text("two", world.requester.id, said.message_id)
    shown = server.shows(world.private)[-1]
    assert (shown["text"], shown["edited"]) == ("two", True)
    with pytest.raises(BadRequest, match=r"(?i)message is not modified"):
        await bot.edit_message_text("two", world.requester.id, said.message_id)
    with pytest.raises(BadRequest, match=r"(?i)message to edit not found"):
        await bot.edit_message_text("two", world.requester.id, 999)


async def test_a_message_can_be_deleted_for_two_days(
    server: TelegramServer, world: Seeded, bot: telegram.Bot
) -> None:
    young = await bot.send_message(world.requester.id, "young")
    old = await bot.send_message(world.requester.id, "old")
    assert await bot.delete_message(world.requester.id, young.message_id)
    with pytest.raises(BadRequest, match=r"(?i)message to delete not found"):
        await bot.delete_message(world.requester.id, young.message_id)
    server.world.clock.advance(48 * 3600 + 1)
    with pytest.raises(BadRequest, match=r"(?i)message can't be deleted"):
        await bot.delete_message(world.requester.id, old.message_id)
    assert [one["text"] for one in server.shows(world.private)] == ["/start", "old"]


async def test_a_bot_has_one_reaction(server: TelegramServer, world: Seeded, bot: telegram.Bot) -> None:
    said = server.people.say(world.requester, world.private, "hi")
    await bot.set_message_reaction(world.requester.id, said.id, "👍")
    await bot.set_message_reaction(world.requester.id, said.id, "❤")
    assert server.shows(world.private)[-1]["reactions"] == [{"emoji": "❤", "by": world.bot.id}]
    with pytest.raises(BadRequest, match=r"(?i)REACTION_INVALID"):
        await bot.set_message_reaction(world.requester.id, said.id, "🧦")
    await bot.set_message_reaction(world.requester.id, said.id)
    assert server.shows(world.private)[-1]["reactions"] == []


async def test_replies_and_a_reply_to_nothing(
    server: TelegramServer, world: Seeded, bot: telegram.Bot
) -> None:
    asked = server.people.say(world.requester, world.private, "a question")
    answer = await bot.send_message(world.requester.id, "an answer", reply_to_message_id=asked.id)
    assert answer.reply_to_message
    assert answer.reply_to_message.message_id == asked.id
    with pytest.raises(BadRequest, match=r"(?i)message to be replied not found"):
        await bot.send_message(world.requester.id, "x", reply_to_message_id=999)
    loose = telegram.ReplyParameters(999, allow_sending_without_reply=True)
    assert (await bot.send_message(world.requester.id, "x", reply_parameters=loose)).reply_to_message is None


async def test_limits_of_size(world: Seeded, bot: telegram.Bot) -> None:
    assert await bot.send_message(world.requester.id, "x" * 4096)
    with pytest.raises(BadRequest, match=r"(?i)message is too long"):
        await bot.send_message(world.requester.id, "x" * 4097)
    with pytest.raises(BadRequest, match=r"(?i)message text is empty"):
        await bot.send_message(world.requester.id, "  ")
    with pytest.raises(BadRequest, match=r"(?i)caption is too long"):
        await bot.send_document(world.requester.id, b"x", caption="x" * 1025)


async def test_location_contact_and_poll(server: TelegramServer, world: Seeded, bot: telegram.Bot) -> None:
    to = world.requester.id
    assert (await bot.send_location(to, 52.5, 13.4)).location
    assert (await bot.send_contact(to, "+1", "Rita")).contact
    poll = (await bot.send_poll(to, "Which?", ["a", "b"])).poll
    assert poll
    assert [option.text for option in poll.options] == ["a", "b"]


async def test_copy_forward_and_pin(server: TelegramServer, world: Seeded, bot: telegram.Bot) -> None:
    said = server.people.say(world.requester, world.private, "pass it on")
    copied = await bot.copy_message(world.room.id, world.requester.id, said.id)
    forwarded = await bot.forward_message(world.room.id, world.requester.id, said.id)
    assert world.room.messages[copied.message_id].text == "pass it on"
    assert isinstance(forwarded.forward_origin, telegram.MessageOriginUser)
    await bot.pin_chat_message(world.room.id, copied.message_id)
    assert world.room.messages[copied.message_id].pinned


async def test_what_people_say_reaches_the_bot(
    server: TelegramServer, world: Seeded, bot: telegram.Bot
) -> None:
    people, rita, chat = server.people, world.requester, world.private
    people.say(rita, chat, "see **this** and https://example.org", typed=True)
    people.say(rita, chat, location=(1.5, 2.5))
    people.say(rita, chat, contact={"phone_number": "+1", "first_name": "Z"})
    people.say(rita, chat, poll=("Which?", ["a", "b"]))
    people.say(rita, chat, extra={"dice": {"emoji": "🎲", "value": 3}})
    text, location, contact, poll, dice = [u.message for u in await bot.get_updates() if u.message]
    assert [(e.type, e.offset, e.length) for e in text.entities] == [("bold", 4, 4), ("url", 13, 19)]
    assert location.location
    assert contact.contact
    assert poll.poll
    assert dice.dice


async def test_about_itself(world: Seeded, bot: telegram.Bot) -> None:
    await bot.set_my_commands([("claim", "Take it")])
    assert [one.command for one in await bot.get_my_commands()] == ["claim"]
    with pytest.raises(BadRequest, match=r"(?i)BOT_COMMAND_INVALID"):
        await bot.set_my_commands([("Not-Good", "x")])
    await bot.set_my_description("We help.")
    assert (await bot.get_my_description()).description == "We help."
    assert await bot.send_chat_action(world.requester.id, "typing")
