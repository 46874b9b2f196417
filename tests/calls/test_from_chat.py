"""`/call` in a chat: each side gets a link of their own, and cards follow the call."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from core.calls.model import Call
from core.chat import Place
from core.desk import Desk
from core.errors import Forbidden, Invalid, NotFound, Refused
from core.outbox_model import Delivery
from tests.flows.house import House, build, home

LINK = re.compile(r"/c/[0-9a-f]{72}")


@pytest.fixture
async def house(desk: Desk) -> House:
    desk.means.public_url = "https://help.example.com"
    made = await build(desk)
    await made.says("ada", "Help, the printer burns")
    await made.agent("bob")
    await made.work()
    return made


async def the_call(house: House) -> Call:
    async with house.desk.db.sessions() as session:
        found = await session.scalar(select(Call))
        assert found is not None
        return found


async def cards_of(house: House, name: str, kind: str) -> int:
    async with house.desk.db.sessions() as session:
        query = select(Delivery.id).where(
            Delivery.card == name, Delivery.kind == kind, Delivery.state == "sent"
        )
        return len(list(await session.scalars(query)))


async def test_each_side_gets_a_link_of_their_own(house: House) -> None:
    answer = await house.does("bob", "call", "", place=house.thread())
    [card] = answer.cards
    assert card.private
    mine = LINK.search(card.buttons[0].url)
    assert mine is not None
    await house.work()
    assert any("calls you" in text for text in house.here.texts(home("ada")))
    assert await cards_of(house, "call_invitation", "post") == 1
    assert await cards_of(house, "call_standing", "post") == 1
    again = await house.does("bob", "call", "", place=house.thread())
    assert again.cards[0].buttons[0].url == card.buttons[0].url
    theirs = await house.does("ada", "call", "1")
    assert LINK.search(theirs.cards[0].buttons[0].url) is not None
    assert theirs.cards[0].buttons[0].url != card.buttons[0].url


async def test_cards_say_how_it_went(house: House) -> None:
    await house.does("bob", "call", "", place=house.thread())
    await house.work()
    await house.does("bob", "hangup", "", place=house.thread())
    await house.work()
    assert (await the_call(house)).state == "missed"
    assert any("Nobody came" in text for text in house.here.texts(home("ada")))
    with pytest.raises(NotFound):
        await house.does("bob", "hangup", "", place=house.thread())


async def test_a_requester_asks_and_the_room_is_told(house: House) -> None:
    answer = await house.does("ada", "call", "1")
    assert "wish" in answer.cards[0].text or answer.cards[0].buttons
    await house.work()
    assert await cards_of(house, "call_standing", "post") == 1
    pressed = await house.presses("bob", "call:ticket:1", house.thread())
    assert pressed.cards[0].private
    assert (await the_call(house)).state == "ringing"


async def test_a_time_that_is_none_or_past_is_refused(house: House) -> None:
    for said in ("tomorrow", "2001-01-01 10:00"):
        with pytest.raises(Invalid):
            await house.does("bob", "call", said, place=house.thread())


async def test_nobody_is_invited_where_browsers_give_no_camera(house: House) -> None:
    house.desk.means.public_url = "http://help.example.com"
    with pytest.raises(Refused, match="HTTPS"):
        await house.does("bob", "call", "", place=house.thread())
    async with house.desk.db.sessions() as session:
        assert await session.scalar(select(Call)) is None


async def test_a_colleague_is_invited_and_gets_the_call(house: House) -> None:
    await house.agent("eve")
    await house.does("bob", "call", "", place=house.thread())
    await house.does("bob", "invite", "eve@desk.example", place=house.thread())
    given = await house.does("bob", "transfer", "eve@desk.example", place=house.thread())
    assert "theirs" in given.cards[0].text
    invited = await house.does("bob", "invite", "kim@example.org", place=house.thread())
    assert "mail" in invited.cards[0].text
    with pytest.raises(NotFound):
        await house.does("bob", "transfer", "nobody@example.org", place=house.thread())
    with pytest.raises(Forbidden):
        await house.does("ada", "invite", "1 eve@desk.example")
    before = (await house.does("ada", "call", "1")).cards[0].buttons[0].url
    await house.does("bob", "uninvite", "requester", place=house.thread())
    assert (await house.does("ada", "call", "1")).cards[0].buttons[0].url != before


async def test_in_a_place_that_others_read_a_button_stands_for_the_link(desk: Desk) -> None:
    desk.means.public_url = "https://help.example.com"
    house = await build(desk)
    group = Place("here", "main", "group")
    await house.says("ada", "The printer burns", group)
    await house.agent("bob")
    await house.work()
    await house.does("bob", "call", "", place=house.thread())
    await house.work()
    [shown] = [one.card for one in house.here.shown.values() if "Press the button" in one.text]
    assert shown.buttons[0].id == "call:ticket:1"
    assert not any(LINK.search(str(one.card)) for one in house.here.shown.values())
    pressed = await house.presses("ada", "call:ticket:1", group)
    assert pressed.cards[0].private
    assert LINK.search(pressed.cards[0].buttons[0].url) is not None
