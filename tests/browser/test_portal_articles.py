"""Articles in the form of requesters, in a real browser: Enter sends, and a press says it is solved."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import BrowserContext, Page, expect
from sqlalchemy import func, select

from core.desk import Desk
from core.kb import service as articles
from core.kb.model import Suggestion
from core.kb.shelf import Shelf
from core.people import service as people
from core.tickets.model import Ticket
from tests.browser.desk_server import Served, complain, ready, serving, violations

pytestmark = pytest.mark.browser
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
async def served(desk: Desk) -> AsyncIterator[Served]:
    for title, body in ARTICLES:
        async with desk.unit() as uow:
            _article, text = await articles.create(uow, uow.actor, title=title, body=body)
            await articles.publish(uow, uow.actor, text.id, version=text.version)
    shelf = Shelf(desk.db, desk.means)
    await shelf.load()
    desk.means.articles = shelf
    async with serving(desk, tickets=12) as running:
        yield running


@pytest.fixture
async def form(served: Served, context: BrowserContext) -> AsyncIterator[Page]:
    """The form of somebody who asks, with articles shown for what they wrote."""
    async with served.desk.unit() as uow:
        ada = await people.add(uow, name="Ada", email="ada@example.org", verified=True)
    served.seeded.staff["Ada"] = ada
    wrong: list[str] = []
    page = await served.signed_in(context, "Ada", home="**/my**")
    complain(page, wrong)
    await ready(page, served.url + "/my/new?category=")
    await page.fill("[name=subject]", "The battery")
    await page.fill("[name=text]", QUESTION)
    await expect(page.locator("[data-suggest-solved]").first).to_be_visible()
    yield page
    assert wrong == []


async def made(served: Served) -> tuple[int, list[str]]:
    """How many tickets this browser opened, and what came of what was shown."""
    async with served.desk.db.sessions() as session:
        count = await session.scalar(
            select(func.count()).select_from(Ticket).where(Ticket.channel == "portal")
        )
        outcomes = await session.scalars(select(Suggestion.outcome))
        return int(count or 0), list(outcomes)


async def test_enter_sends_the_form_and_says_nothing_is_solved(served: Served, form: Page) -> None:
    assert await violations(form) == []
    before, _outcomes = await made(served)
    await form.press("[name=subject]", "Enter")
    await form.wait_for_url("**/my/tickets/*")
    assert await made(served) == (before + 1, ["human"])


async def test_solved_and_back_with_all_that_was_written(served: Served, form: Page) -> None:
    before, _outcomes = await made(served)
    await form.locator("[data-suggest-solved]").first.click()
    await form.wait_for_url("**/my/suggestions/*")
    assert await made(served) == (before, ["solved"])
    await form.get_by_role("button", name="I still need help").click()
    await form.wait_for_url("**/my/new*")
    await expect(form.locator("[name=text]")).to_have_value(QUESTION)
    await form.get_by_role("button", name="Send").click()
    await form.wait_for_url("**/my/tickets/*")
    assert await made(served) == (before + 1, ["dismissed"])


async def test_not_what_i_need_goes_with_the_question(served: Served, form: Page) -> None:
    await form.locator("[data-suggest-off]").click()
    await expect(form.locator("[data-suggest-solved]").first).to_be_hidden()
    await form.get_by_role("button", name="Send").click()
    await form.wait_for_url("**/my/tickets/*")
    assert (await made(served))[1] == ["dismissed"]
