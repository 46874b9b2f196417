"""Articles in the form of requesters: while they write, instead of sending, and on the ticket's page."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import select

from core.desk import Desk
from core.kb import service as articles
from core.kb.model import Lesson, Suggestion
from core.kb.shelf import Shelf
from core.tickets.model import Ticket
from tests.webui.browsing import Browser
from tests.webui.desk_world import DeskWorld

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


@pytest.fixture
async def world(desk: Desk) -> DeskWorld:
    world = await DeskWorld(desk).settle()
    lea = world.actors["lea"]
    for title, body in ARTICLES:
        async with desk.unit(lea) as uow:
            _article, text = await articles.create(uow, lea, title=title, body=body)
            await articles.publish(uow, lea, text.id, version=text.version)
    shelf = Shelf(desk.db, desk.means)
    await shelf.load()
    desk.means.articles = shelf
    return world


@pytest.fixture
async def ada(world: DeskWorld) -> AsyncIterator[Browser]:
    async with world.signed_in(world.people["ada"]) as browser:
        await browser.get("/my/new?category=")
        yield browser


async def rows(world: DeskWorld) -> list[Suggestion]:
    async with world.desk.db.sessions() as session:
        return list(await session.scalars(select(Suggestion).order_by(Suggestion.asked_at)))


async def ticket(world: DeskWorld) -> Ticket | None:
    async with world.desk.db.sessions() as session:
        found: Ticket | None = await session.scalar(select(Ticket).order_by(Ticket.number.desc()).limit(1))
        return found


async def lessons(world: DeskWorld) -> list[Lesson]:
    async with world.desk.db.sessions() as session:
        return list(await session.scalars(select(Lesson).where(Lesson.undone_at.is_(None))))


async def shown(ada: Browser, text: str = QUESTION) -> list[str]:
    page = await ada.get("/my/suggestions", params={"text": text})
    assert page.status_code == 200
    return [part.split('"')[0] for part in page.text.split('name="suggested" value="')[1:]]


async def test_shown_while_one_types_and_kept_only_when_something_came_of_it(
    world: DeskWorld, ada: Browser
) -> None:
    texts = await shown(ada)
    assert 1 <= len(texts) <= 3
    assert await shown(ada, "hello") == []
    assert await shown(ada, "🙂" * 500) == []
    assert await rows(world) == []


async def test_solved_without_a_ticket_and_taken_back(world: DeskWorld, ada: Browser) -> None:
    texts = await shown(ada)
    fields = {"subject": "Battery", "text": QUESTION, "suggested": texts, "solved": texts[0]}
    answer = await world.do(ada, "/my/suggestions", fields)
    assert answer.status_code == 303
    thanks = await ada.get(answer.headers["location"])
    assert "The battery does not charge" in thanks.text
    assert await ticket(world) is None
    [row] = await rows(world)
    assert (row.outcome, row.ticket_id) == ("solved", None)
    assert len(await lessons(world)) == 1
    back = await world.do(ada, answer.headers["location"] + "/delete")
    form = await ada.get(back.headers["location"])
    assert QUESTION in form.text, "nobody types it twice"
    assert await lessons(world) == []
    [row] = await rows(world)
    assert (row.outcome, row.chosen) == ("dismissed", None)
    async with world.signed_in(world.people["theo"]) as theo:
        assert (await theo.get(f"/my/suggestions/{row.id}")).status_code == 404


async def test_sent_all_the_same_is_not_offered_again(world: DeskWorld, ada: Browser) -> None:
    texts = await shown(ada)
    fields = {"subject": "Battery", "text": QUESTION, "category": "", "suggested": texts}
    answer = await world.do(ada, "/my/tickets", fields)
    page = await ada.get(answer.headers["location"])
    assert "That solved it" not in page.text
    [row] = await rows(world)
    made = await ticket(world)
    assert made is not None
    assert (row.outcome, row.ticket_id) == ("human", made.id)


async def test_what_the_form_makes_up_teaches_nothing(world: DeskWorld, ada: Browser) -> None:
    texts = await shown(ada)
    fields = {"subject": "zorbium", "text": "frobnicate the zorbium", "suggested": texts}
    answer = await world.do(ada, "/my/suggestions", fields | {"solved": texts[0]})
    assert answer.status_code == 303
    await world.do(ada, "/my/tickets", fields | {"category": "", "dismissed": "1"})
    assert await lessons(world) == []


async def test_turned_down_in_the_form_teaches(world: DeskWorld, ada: Browser) -> None:
    texts = await shown(ada)
    fields = {"subject": "Battery", "text": QUESTION, "category": "", "suggested": texts, "dismissed": "1"}
    await world.do(ada, "/my/tickets", fields)
    assert [row.outcome for row in await rows(world)] == ["dismissed"]
    taught = await lessons(world)
    assert taught
    assert not any(one.solved for one in taught)


async def test_without_scripts_the_offer_stands_on_the_ticket(world: DeskWorld, ada: Browser) -> None:
    answer = await world.do(ada, "/my/tickets", {"subject": "Battery", "text": QUESTION, "category": ""})
    here = answer.headers["location"].split("?")[0]
    page = await ada.get(here)
    assert "That solved it" in page.text
    assert "/help/en/the-battery-does-not-charge" in page.text
    await world.do(ada, f"{here}/articles/1")
    solved = await ada.get(here)
    assert "Undo, it is not solved" in solved.text
    assert "The battery does not charge" in solved.text
    made = await ticket(world)
    assert made is not None
    assert made.status == "resolved"
    await world.do(ada, f"{here}/articles/delete")
    reopened = await ticket(world)
    assert reopened is not None
    assert reopened.status == "open"
    async with world.signed_in(world.people["theo"]) as theo:
        assert (await world.do(theo, f"{here}/articles/1")).status_code == 404


async def test_not_what_i_need(world: DeskWorld, ada: Browser) -> None:
    answer = await world.do(ada, "/my/tickets", {"subject": "Battery", "text": QUESTION, "category": ""})
    here = answer.headers["location"].split("?")[0]
    await world.do(ada, f"{here}/articles")
    assert "That solved it" not in (await ada.get(here)).text
    assert [row.outcome for row in await rows(world)] == ["dismissed"]


async def test_what_was_never_shown_cannot_be_chosen(world: DeskWorld, ada: Browser) -> None:
    answer = await world.do(
        ada, "/my/suggestions", {"text": QUESTION, "suggested": ["x", "0" * 32], "solved": "x"}
    )
    assert answer.status_code == 404
