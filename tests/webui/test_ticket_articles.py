"""Beside a ticket: what fits it, into the composer or the draft, and what the desk learns from it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import select

from core.desk import Desk
from core.kb import service as articles
from core.kb.model import Suggestion
from core.kb.service import Facts
from core.kb.shelf import Shelf
from tests.webui.browsing import Browser
from tests.webui.desk_world import DeskWorld

BODY = "An invoice shows the wrong tax when the country was changed afterwards. Correct the country, then send it again."


@pytest.fixture
async def world(desk: Desk) -> DeskWorld:
    world = await DeskWorld(desk).settle()
    lea = world.actors["lea"]
    for title, body, audience in (
        ("The invoice shows the wrong tax", BODY, "public"),
        ("Refund an invoice by hand", "Only the invoice team may refund an invoice by hand.", "internal"),
        ("Charge the battery", "Plug the charger in first.", "public"),
    ):
        async with desk.unit(lea) as uow:
            _article, text = await articles.create(
                uow, lea, title=title, body=body, facts=Facts(owner_id=lea.id, audience=audience)
            )
            await articles.publish(uow, lea, text.id, version=text.version)
    shelf = Shelf(desk.db, desk.means)
    await shelf.load()
    desk.means.articles = shelf
    return world


@pytest.fixture
async def bob(world: DeskWorld) -> AsyncIterator[Browser]:
    async with world.signed_in(world.people["bob"]) as browser:
        yield browser


async def sent(world: DeskWorld) -> list[Suggestion]:
    async with world.desk.db.sessions() as session:
        return list(await session.scalars(select(Suggestion).where(Suggestion.by_agent)))


async def test_what_fits_is_found_and_what_is_internal_stays_inside(world: DeskWorld, bob: Browser) -> None:
    number = await world.ticket("Wrong tax on my invoice", "The invoice shows 19 % but I am in France.")
    page = await bob.get(f"/tickets/{number}/articles")
    assert page.status_code == 200
    assert "The invoice shows the wrong tax" in page.text
    assert page.text.count("Insert link") == page.text.count("/articles/") // 3
    inside = await bob.get(f"/tickets/{number}/articles?words=refund+an+invoice+by+hand")
    assert "For colleagues only" in inside.text
    found = await bob.get(f"/tickets/{number}/articles?words=charge+the+battery")
    assert found.text.index("Charge the battery") < found.text.index("Insert link")


async def test_similar_tickets_that_were_solved(world: DeskWorld, bob: Browser) -> None:
    first = await world.ticket("Zeppelin mooring mast bent", "The zeppelin mast is bent.")
    await world.do(bob, f"/tickets/{first}/resolution", {"solution": "Straighten it"})
    second = await world.ticket("Bent zeppelin mast", "Our mooring mast is bent too.", who="theo")
    page = await bob.get(f"/tickets/{second}/articles")
    assert f"/tickets/{first}" in page.text


async def test_into_the_draft_without_scripts(world: DeskWorld, bob: Browser) -> None:
    number = await world.ticket()
    await world.do(bob, f"/tickets/{number}/articles/1", {"how": "link"})
    await world.do(bob, f"/tickets/{number}/articles/1", {"how": "text"})
    page = await bob.get(f"/tickets/{number}")
    assert "Correct the country" in page.text
    assert "/help/en/the-invoice-shows-the-wrong-tax" in page.text
    refused = await world.do(bob, f"/tickets/{number}/articles/2", {"how": "text"})
    assert refused.status_code == 422, "an internal article is not for requesters"
    assert (await world.do(bob, f"/tickets/{number}/articles/99", {"how": "link"})).status_code == 404


async def test_what_was_sent_teaches_when_the_ticket_is_resolved(world: DeskWorld, bob: Browser) -> None:
    number = await world.ticket()
    body = (await bob.get(f"/tickets/{number}/articles/1?how=link")).json()
    assert body["title"] == "The invoice shows the wrong tax"
    await world.do(
        bob, f"/tickets/{number}/messages", {"kind": "reply", "body": body["body"], "article": body["id"]}
    )
    [row] = await sent(world)
    assert (row.outcome, row.chosen) == ("inserted", row.shown[0])
    answer = await world.do(
        bob, f"/tickets/{number}/messages", {"kind": "reply", "body": "And this", "article": "99"}
    )
    assert answer.status_code == 303, "an article that is gone is no reason to lose the reply"
