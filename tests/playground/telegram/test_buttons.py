"""Inline keyboards and their presses."""

from __future__ import annotations

import asyncio

import pytest
import telegram
from telegram import InlineKeyboardButton, InlineKeyboardMarkup
from telegram.error import BadRequest

from playground.telegram import PlayError, TelegramServer
from playground.telegram.seed import Seeded


def _keyboard(*data: str) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup([[InlineKeyboardButton(one.title(), callback_data=one)] for one in data])


async def test_a_press_and_its_answer(server: TelegramServer, world: Seeded, bot: telegram.Bot) -> None:
    said = await bot.send_message(world.room.id, "card", reply_markup=_keyboard("claim", "close"))
    press = server.people.press(world.agent, world.room.messages[said.message_id], "Claim")
    (update,) = await bot.get_updates()
    query = update.callback_query
    assert query
    assert (query.data, query.from_user.id) == ("claim", world.agent.id)
    await query.answer("Yours", show_alert=True)
    assert await server.people.answered(press) == {"text": "Yours", "show_alert": True}
    await bot.edit_message_reply_markup(world.room.id, said.message_id, reply_markup=None)
    assert server.shows(world.room)[-1]["buttons"] == []
    with pytest.raises(PlayError):
        server.people.press(world.agent, world.room.messages[said.message_id], "claim")


async def test_an_answer_comes_in_time_or_not_at_all(
    server: TelegramServer, world: Seeded, bot: telegram.Bot
) -> None:
    said = await bot.send_message(world.room.id, "card", reply_markup=_keyboard("claim"))
    press = server.people.press(world.agent, world.room.messages[said.message_id], "claim")
    server.world.clock.advance(61)
    with pytest.raises(BadRequest, match=r"(?i)query is too old"):
        await bot.answer_callback_query(press.id)
    with pytest.raises(asyncio.TimeoutError):
        await server.people.answered(press, 0.01)


async def test_limits_of_a_keyboard(world: Seeded, bot: telegram.Bot) -> None:
    to = world.requester.id
    await bot.send_message(to, "x", reply_markup=_keyboard("x" * 64))
    with pytest.raises(BadRequest, match=r"(?i)BUTTON_DATA_INVALID"):
        await bot.send_message(to, "x", reply_markup=_keyboard("x" * 65))
    await bot.send_message(to, "x", reply_markup=_keyboard(*map(str, range(100))))
    with pytest.raises(BadRequest, match=r"(?i)reply markup is too long"):
        await bot.send_message(to, "x", reply_markup=_keyboard(*map(str, range(101))))


async def test_a_reply_keyboard_is_seen_by_the_person_only(
    server: TelegramServer, world: Seeded, bot: telegram.Bot
) -> None:
    markup = telegram.ReplyKeyboardMarkup([["Yes", "No"]], one_time_keyboard=True)
    said = await bot.send_message(world.requester.id, "Well?", reply_markup=markup)
    assert said.reply_markup is None
    assert server.shows(world.private)[-1]["keyboard"]["keyboard"][0][0]["text"] == "Yes"
