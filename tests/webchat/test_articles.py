"""Articles offered in the web chat: on the page, after a reload too, and what a press makes of them."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from bot import wiring
from bot.tell import Tell
from core.kb import service
from core.kb.service import Facts
from core.kb.shelf import Shelf
from core.people import service as people
from tests.webchat.conftest import Visitor, World

QUESTION = "My battery is not charging any more, the charger blinks red. What can I do?"
ARTICLES = (
    (
        "The battery does not charge",
        "The charger blinks red when the battery is too cold. Warm the battery up.",
    ),
    ("Change your address", "Open your profile and change the address there."),
    ("Cancel an order", "Orders can be cancelled until they are packed."),
    ("The brakes squeal", "Clean the disc with alcohol and bed the brake pads in again."),
)


async def ready(world: World) -> None:
    async with world.desk.unit() as uow:
        admin = await people.actor_of(uow, await people.add(uow, name="Root", role="admin"))
    for title, body in ARTICLES:
        async with world.desk.unit(admin) as uow:
            _article, text = await service.create(uow, admin, title=title, body=body, facts=Facts())
            await service.publish(uow, admin, text.id, version=text.version)
    shelf = Shelf(world.desk.db, world.desk.means)
    await shelf.load()
    world.desk.means.articles = shelf
    chats = {"webchat": world.chat}
    world.loops.tell = Tell(world.desk, wiring.tellers(world.desk, chats), chats)


async def offer(ada: Visitor) -> dict[str, Any] | None:
    cards = [item["card"] for item in (await ada.read())["items"] if item["kind"] == "card"]
    return cards[0] if cards else None


async def press(ada: Visitor, button: str) -> dict[str, Any]:
    path = f"conversations/{ada.thread}/pressed"
    answer = await ada.call("POST", path, json={"id": str(uuid4()), "button": button})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_offered_solved_and_undone(world: World) -> None:
    await ready(world)
    ada = await world.visitor()
    await ada.say(QUESTION)
    assert await offer(ada) is None
    await world.settle()
    card = await offer(ada)
    assert card is not None
    assert "/help/en/the-battery-does-not-charge" in card["html"]
    assert [one["label"] for one in card["buttons"]][-2:] == ["Not what I need", "Talk to a human"]
    await press(ada, card["buttons"][0]["id"])
    await world.settle()
    read = await ada.read()
    assert read["status"]["status"] == "resolved"
    solved = await offer(ada)
    assert solved is not None
    assert [one["label"] for one in solved["buttons"]] == ["Undo, it is not solved"]
    await press(ada, solved["buttons"][0]["id"])
    await world.settle()
    assert (await ada.read())["status"]["status"] == "open"
    left = await offer(ada)
    assert left is not None
    assert left["buttons"] == []


async def test_another_visitor_cannot_press(world: World) -> None:
    await ready(world)
    ada, eve = await world.visitor(), await world.visitor()
    await ada.say(QUESTION)
    await eve.say("Where is my parcel?")
    await world.settle()
    answer = await eve.call(
        "POST", f"conversations/{eve.thread}/pressed", json={"id": str(uuid4()), "button": "solved:1:1"}
    )
    assert answer.status_code == 404


async def test_no_offer_once_a_person_has_spoken(world: World) -> None:
    await ready(world)
    bob = await world.agent()
    ada = await world.visitor()
    await ada.say(QUESTION)
    await world.reply(bob, 1, "I am looking into it")
    assert await offer(ada) is None
