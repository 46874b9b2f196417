"""The spam guard: budgets, the trap, repeated texts, block words, quarantine and release."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from adapters.webchat import tokens
from core import inbox
from core.desk_settings import DeskSettings
from core.errors import TooMany
from core.guard import Budgets, Guard, has_block_word
from core.rate import network_of
from tests.webchat.conftest import World, form_of_age


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_budget_refills_steadily() -> None:
    clock = Clock()
    budgets = Budgets(now=clock)
    assert [budgets.take(b"a", 3, 60) > 0 for _n in range(4)] == [False, False, False, True]
    clock.now += 20
    assert [budgets.take(b"a", 3, 60) > 0 for _n in range(2)] == [False, True]
    assert budgets.take(b"b", 3, 60) == 0


def test_budgets_are_bounded_in_memory() -> None:
    budgets = Budgets(most=100)
    for number in range(1_000):
        budgets.take(str(number).encode(), 3, 60)
    assert len(budgets) == 100


def test_a_visitor_and_an_address_have_a_budget_each() -> None:
    guard = Guard(now=Clock())
    settings = DeskSettings(messages_per_minute=2, address_per_minute=5)
    for visitor in ("a", "a", "b", "b", "c"):
        guard.admit(settings, visitor, "192.0.2.1")
    with pytest.raises(TooMany) as one:
        guard.admit(settings, "d", "192.0.2.1")
    guard.admit(settings, "d", "192.0.2.2")
    with pytest.raises(TooMany) as other:
        guard.admit(settings, "a", "192.0.2.3")
    assert one.value.after >= 1
    assert "nothing you wrote is lost" in str(other.value)


async def test_a_visitor_is_served_one_thing_at_a_time() -> None:
    guard, running, most = Guard(), 0, 0

    async def work(visitor: str) -> None:
        nonlocal running, most
        async with guard.turn(visitor, "192.0.2.1"):
            running += 1
            most = max(most, running)
            await asyncio.sleep(0)
            running -= 1

    await asyncio.gather(*(work("a") for _n in range(20)))
    assert most == 1
    await asyncio.gather(*(work(str(n)) for n in range(100)))
    assert most == 6
    results = await asyncio.gather(*(work("a") for _n in range(100)), return_exceptions=True)
    assert {type(r) for r in results} == {type(None), TooMany}
    await asyncio.gather(work("a"))  # and afterwards all is as before


def test_one_customer_of_ipv6_is_one_address() -> None:
    assert network_of("2001:db8:1:2::1") == network_of("2001:db8:1:2:ffff::9")
    assert network_of("2001:db8:1:2::1") != network_of("2001:db8:1:3::1")
    assert network_of("::ffff:192.0.2.1") == network_of("192.0.2.1")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Buy CHEAP   watches now", True),
        ("cheap\nwatches!", True),
        ("cheap swatches", False),
        ("ｃｈｅａｐ ｗａｔｃｈｅｓ", True),
        ("", False),
    ],
)
def test_block_words_are_whole_words(text: str, found: bool) -> None:
    assert has_block_word(text, ["cheap watches", " "]) is found


async def test_a_flood_gets_friendly_words_and_nothing_breaks(world: World) -> None:
    await world.set(messages_per_minute=5)
    eve, ada = await world.visitor(), await world.visitor()
    answers = [await eve.say(f"spam {n}") for n in range(30)]
    refused = [a for a in answers if a.status_code == 429]
    assert len(refused) == 25
    assert int(refused[0].headers["retry-after"]) >= 1
    assert refused[0].json()["code"] == "too_many"
    assert (await ada.say("a real question")).status_code == 200


async def test_block_words_go_to_quarantine_and_come_back_by_release(world: World) -> None:
    await world.set(block_words=["cheap watches"])
    eve = await world.visitor()
    native = str(uuid4())
    first = await eve.say("Cheap watches for everyone!", id=native)
    again = await eve.say("Cheap watches for everyone!", id=native)
    assert first.json() == again.json()
    assert first.json()["state"] == "held"
    assert "looked at" in first.json()["cards"][0]["html"]
    assert (await eve.read())["items"] == []
    async with world.desk.unit() as uow:
        (row,) = await inbox.in_state(uow.session, "held")
        assert row.error == "block_word"
        assert b"watches" not in (row.payload or b"")
        assert inbox.opened(uow, row).native == native
        assert await inbox.release(uow, row.key)
    await world.loops.router.resume()
    (shown,) = await eve.messages()
    assert shown["native"] == native
    assert (await eve.say("Cheap watches for everyone!", id=native)).json()["state"] == "sent"


async def test_what_is_discarded_stays_away(world: World) -> None:
    await world.set(block_words=["cheap watches"])
    eve = await world.visitor()
    await eve.say("cheap watches", id="55555555-eeee")
    async with world.desk.unit() as uow:
        (row,) = await inbox.in_state(uow.session, "held")
        assert await inbox.discard(uow, row.key)
    await world.loops.router.resume()
    again = await eve.say("cheap watches", id="55555555-eeee")
    assert again.json()["state"] == "discarded", "and its sender hears so"
    assert (await eve.read())["items"] == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"website": "https://spam.example"}, "trap"),
        ({"form": ""}, "too_quick"),
        ({"form": "1.forged"}, "too_quick"),
        ({"quick": True}, "too_quick"),
    ],
)
async def test_programs_fall_into_the_trap(world: World, body: dict[str, Any], reason: str) -> None:
    eve = await world.visitor()
    if body.pop("quick", False):
        body["form"] = form_of_age(world.desk, eve.session["visitor"], 0.2)
    assert (await eve.say("hello", **body)).json()["state"] == "held"
    async with world.desk.unit() as uow:
        (row,) = await inbox.in_state(uow.session, "held")
        assert row.error == reason


async def test_a_form_token_is_one_visitors_and_for_a_day(world: World) -> None:
    for visitor, age in (("another's", 60.0), ("", tokens.FORM_FOR + 1.0)):
        eve = await world.visitor()
        form = form_of_age(world.desk, visitor or eve.session["visitor"], age)
        assert (await eve.say("hello", form=form)).json()["state"] == "held"
    ada = await world.visitor()
    form = form_of_age(world.desk, ada.session["visitor"], tokens.FORM_FOR - 60.0)
    assert (await ada.say("hello", form=form)).json()["state"] == "sent"


async def test_a_clock_that_is_behind_makes_nobody_a_robot(world: World) -> None:
    ada = await world.visitor()
    form = form_of_age(world.desk, ada.session["visitor"], -3_600)
    assert (await ada.say("hello", form=form)).json()["state"] == "sent"


async def test_those_who_are_known_do_not_fall_into_the_trap(world: World) -> None:
    from datetime import timedelta

    from sqlalchemy import update

    from core import clock
    from core.people.model import Person

    ada = await world.visitor()
    await ada.say("hello")
    async with world.desk.unit() as uow:
        await uow.session.execute(update(Person).values(created_at=clock.now() - timedelta(hours=1)))
    assert (await ada.say("quick again", form="")).json()["state"] == "sent"


async def test_one_text_from_many_strangers_is_held(world: World) -> None:
    await world.set(same_text_per_hour=3)
    text = "Dear sir or madam, we offer the best prices"
    states = []
    for spaces in range(5):
        eve = await world.visitor()
        states.append((await eve.say(text + " " * spaces + "!" * spaces)).json()["state"])
    assert states == ["sent", "sent", "sent", "held", "held"]
    greetings = [(await (await world.visitor()).say("hello")).json()["state"] for _n in range(5)]
    assert set(greetings) == {"sent"}


async def test_an_edit_cannot_smuggle_block_words_in(world: World) -> None:
    await world.set(block_words=["cheap watches"])
    eve = await world.visitor()
    await eve.say("hello", id="66666666-ffff")
    answer = await eve.call(
        "PUT",
        f"conversations/{eve.thread}/messages/66666666-ffff",
        json={"text": "cheap watches", "version": "1"},
    )
    assert answer.json()["state"] == "held"
    assert [m["text"] for m in await eve.messages()] == ["hello"]


async def test_a_stranger_does_not_fill_the_disk(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that are never sent lie for a day; more than so many megabytes an hour nobody leaves."""
    monkeypatch.setattr("core.guard.VISITOR_MEGABYTES", 3)
    monkeypatch.setattr("core.guard.ADDRESS_MEGABYTES", 5)
    eve, other, third = [await world.visitor() for _n in range(3)]
    big = b"x" * (2 * 1_048_576)
    assert [(await eve.upload(big)).status_code for _n in range(3)] == [200, 200, 429]
    assert [(await other.upload(big)).status_code for _n in range(2)] == [200, 429]
    refused = await third.upload(b"small")
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 60
