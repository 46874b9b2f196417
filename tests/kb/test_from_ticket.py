"""An article of a ticket: question and solution are taken over, the people in it are not."""

from __future__ import annotations

from typing import Any

import pytest

from core.desk import Desk
from core.errors import Forbidden, NotFound, Refused
from core.kb import anonymous, from_ticket
from core.people import service as people
from core.tickets import service as tickets
from tests.core.reading import cast

KNOWN = {"name": anonymous.names_in("Wilhelmina Featherstonehaugh"), "company": ["Periwinkle Zeppelins"]}


@pytest.mark.parametrize(
    ("text", "clean", "replaced"),
    [
        ("Ask wilhelmina about Featherstonehaugh's bike", "Ask [name] about [name]'s bike", 2),
        ("Wilhelmina Featherstonehaugh of Periwinkle Zeppelins", "[name] of [company]", 2),
        ("write to a.b+c@mail.example.co.uk now", "write to [mail address] now", 1),
        ("call +49 170 1234567 or 0421 / 998877", "call [phone number] or [phone number]", 2),
        ("order NC-104882, serial #AB12CD3456", "order [number], serial [number]", 2),
        ("account DE89 3704 0044 0532 0130 00.", "account [account number].", 1),
        ("card 4111 1111 1111 1111 or 4111-1111-1111-1111.", "card [account number] or [account number].", 2),
        ("amex 3782 822463 10005", "amex [account number]", 1),
        ("born 12.03.1981, that is 1981-03-12", "born [date], that is [date]", 2),
        ("from 2001:db8::1 and fe80::1ff:fe23:4567:890a", "from [number] and [number]", 2),
        ("(030) 1234567 or 555-123-4567", "[phone number] or [phone number]", 2),
        ("@wilma_f, ZIP 90210-1234", "[name], ZIP [number]", 2),
        ("at 12:30:45, in std::vector, by npm i @scope/pkg, 1/2 of 10-15 days", None, 0),
        ("I live at Lange Straße 12, 28195 Bremen", "I live at [address]", 2),
        ("send it to 221b Baker Street, London NW1 6XE", "send it to [address], London [address]", 2),
        ("see https://shop.example/orders/77?token=abc today", "see [link] today", 1),
        ("from 203.0.113.77", "from [number]", 1),
        ("Hi Ottilie, my bike", "Hi [name], my bike", 1),
        ("Danke!\n\nViele Grüße\nOttilie Krämer", "Danke!\n\nViele Grüße\n[name]", 1),
        ("Frau Krämer sagte", "Frau [name] sagte", 1),
        ("Hold the button for 10 seconds at 25 °C, error E07, firmware 4.2.1", None, 0),
        ("Step 1: open the app. Then press Reset. Thanks, that helped", None, 0),
        ("The Fjord 5 costs €2,499.00 and weighs 24.5 kg", None, 0),
        ("Android 14 and iOS 17.2 on port 8080", None, 0),
        ("Hi, the light is red", None, 0),
        ("", "", 0),
    ],
)
def test_what_gives_way_and_what_stays(text: str, clean: str | None, replaced: int) -> None:
    done = anonymous.clean(text, KNOWN)
    assert done.text == (text if clean is None else clean)
    assert len(done.replaced) == replaced


def test_hard_texts_end_in_time() -> None:
    for text in (
        "a",
        "1 ",
        "A-1",
        "Hi ",
        "a@",
        "Regards\n",
        "Straße ",
        "12345 A",
        "+49 ",
        "a1:",
        "1111 ",
        "1::",
        "@a",
        "(030) ",
        "1.2.",
        "12345-",
    ):
        anonymous.clean((text * from_ticket.LONGEST)[: from_ticket.LONGEST], KNOWN)


async def resolved(they: Any) -> int:
    number = await they.says(
        "ada",
        "Hello, my Fjord will not start since Monday. Order NC-104882, reach me at ada@home.example.\n\nBest\nAda",
    )
    async with they.desk.unit() as uow:
        opened = await from_ticket.access.get(uow, they.bob, number)
        person = await people.get(uow, opened.ticket.requester_id)
        await people.change(uow, person, name="Ada Lovelace")
    async with they.desk.unit(they.bob) as uow:
        await tickets.note(uow, they.bob, number, "She always calls, careful")
        await tickets.reply(
            uow, they.bob, number, "Dear Ada Lovelace, hold the power button for ten seconds. Bob", hold=0
        )
        await tickets.resolve(uow, they.bob, number, "Held the power button for ten seconds")
    return number


async def test_question_and_solution_without_the_people(desk: Desk) -> None:
    they = await cast(desk)
    number = await resolved(they)
    async with desk.unit(they.eve) as uow:
        made = await from_ticket.propose(uow, they.eve, number)
    whole = f"{made.title}\n{made.body}"
    for gone in ("Ada", "Lovelace", "Bob", "104882", "home.example", "careful"):
        assert gone.lower() not in whole.lower(), whole
    for kept in (
        "my Fjord will not start",
        "hold the power button for ten seconds",
        "## What was asked",
        "## What helped",
    ):
        assert kept in whole, whole
    assert made.replaced["NC-104882"] == "number"
    assert made.replaced["ada@home.example"] == "mail"


async def test_in_the_language_of_the_ticket(desk: Desk) -> None:
    they = await cast(desk)
    number = await resolved(they)
    async with desk.unit() as uow:
        opened = await from_ticket.access.get(uow, they.bob, number)
        opened.ticket.language = "de"
    async with desk.unit(they.eve) as uow:
        made = await from_ticket.propose(uow, they.eve, number)
    assert made.language == "de"
    assert "[Nummer]" in made.body
    assert "## Was geholfen hat" in made.body


async def test_who_and_what(desk: Desk) -> None:
    they = await cast(desk)
    number = await they.says("ada", "It does not start")
    async with desk.unit() as uow:
        with pytest.raises(Refused):
            await from_ticket.propose(uow, they.bob, number)
        with pytest.raises(Forbidden):
            await from_ticket.propose(uow, await they.actor("ada"), number)
        with pytest.raises(NotFound):
            await from_ticket.propose(uow, they.bob, 4711)
