"""More tabs than a browser opens connections to a host: the desk goes on, in all of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, Page, Route, expect
from sqlalchemy import select

from core.conversations import service as conversations
from core.conversations.model import Message
from core.conversations.service import Saying
from core.desk import Desk
from core.people import service as people
from core.tickets import access
from core.tickets import service as tickets
from tests.browser.desk_server import Served, ready, serving

pytestmark = pytest.mark.browser
TABS = 8


@pytest.fixture
async def served(desk: Desk) -> AsyncIterator[Served]:
    async with serving(desk, tickets=12) as running:
        yield running


async def says(served: Served, number: int, words: str) -> None:
    async with served.desk.unit() as uow:
        opened = await access.change(uow, uow.actor, number)
        person = await people.get(uow, opened.ticket.requester_id)
        actor = await people.actor_of(uow, person)
        await tickets.hear(uow, opened, actor, Saying(text=words, via="webchat"), person)


async def open_tabs(served: Served, context: BrowserContext) -> list[Page]:
    tabs = [await served.signed_in(context, "Sam")]
    tabs += [await context.new_page() for _n in range(TABS - 1)]
    for tab, number in zip(tabs, served.seeded.numbers, strict=False):
        await ready(tab, f"{served.url}/tickets/{number}")
    return tabs


async def test_eight_tabs_hear_by_one_line_and_work_goes_on(served: Served, context: BrowserContext) -> None:
    tabs = await open_tabs(served, context)
    last = tabs[-1]
    await last.get_by_role("button", name="More", exact=True).click(timeout=5_000)
    await last.keyboard.press("Escape")
    for tab, number in zip(tabs, served.seeded.numbers, strict=False):
        await says(served, number, f"Are you there, {number}?")
        await expect(tab.locator("#timeline")).to_contain_text(f"Are you there, {number}?")


async def test_when_the_browser_freezes_the_tab_that_leads_another_goes_on(
    served: Served, context: BrowserContext
) -> None:
    tabs = await open_tabs(served, context)
    number = served.seeded.numbers[TABS - 1]
    session = await context.new_cdp_session(tabs[0])
    await session.send("Page.setWebLifecycleState", {"state": "frozen"})
    await says(served, number, "Anybody?")
    await expect(tabs[-1].locator("#timeline")).to_contain_text("Anybody?", timeout=8_000)
    await session.send("Page.setWebLifecycleState", {"state": "active"})
    await says(served, served.seeded.numbers[0], "And you, awake again?")
    await expect(tabs[0].locator("#timeline")).to_contain_text("And you, awake again?")


async def test_what_happens_before_the_line_stands_is_seen(served: Served, context: BrowserContext) -> None:
    """A page is made, and its line begins a moment later: nothing may fall in between."""
    page = await served.signed_in(context, "Sam")
    number = served.seeded.numbers[1]

    async def late(route: Route) -> None:
        await says(served, number, "In between")
        await route.continue_()

    await page.route("**/live?*", late, times=1)
    await ready(page, f"{served.url}/tickets/{number}")
    await expect(page.locator("#timeline")).to_contain_text("In between")


async def test_what_could_not_be_had_is_asked_for_again(served: Served, context: BrowserContext) -> None:
    """A busy desk refuses a fetch, and nobody tells of that message a second time."""
    page = await served.signed_in(context, "Sam")
    number = served.seeded.numbers[1]
    await ready(page, f"{served.url}/tickets/{number}")
    refused: list[str] = []

    async def busy(route: Route) -> None:
        refused.append(route.request.url)
        await route.fulfill(status=503, json={"detail": "Later, please."})

    await page.route("**/timeline*/**", busy, times=1)
    await page.route("**/timeline?*", busy, times=1)
    await says(served, number, "Said in a busy moment")
    await expect(page.locator("#timeline")).to_contain_text("Said in a busy moment", timeout=20_000)
    assert refused


def test_both_pages_choose_their_leader_alike() -> None:
    root = Path(__file__).parents[2]
    one, other = (root / part / "static/js/leader.js" for part in ("webui", "adapters/webchat"))
    assert one.read_text().partition("const CHECK")[2] == other.read_text().partition("const CHECK")[2]


async def test_when_the_tab_that_leads_is_closed_another_goes_on(
    served: Served, context: BrowserContext
) -> None:
    tabs = await open_tabs(served, context)
    number = served.seeded.numbers[TABS - 1]
    await tabs[0].close()
    await says(served, number, "Still there?")
    await expect(tabs[-1].locator("#timeline")).to_contain_text("Still there?")
    await ready(tabs[-1], f"{served.url}/desk/queues/all")
    await says(served, number, "And now?")
    await expect(tabs[-1].locator("[data-row]").first).to_have_attribute("id", f"row-{number}")


async def test_changes_come_line_by_line_in_every_tab_and_after_a_gap(
    served: Served, context: BrowserContext
) -> None:
    number = served.seeded.numbers[0]
    tabs = [await served.signed_in(context, "Sam"), await context.new_page()]
    asked: list[str] = []
    for tab in tabs:
        await ready(tab, f"{served.url}/tickets/{number}")
        tab.on("request", lambda request: asked.append(request.url))
    await expect(tabs[1].locator("#offline")).to_be_hidden()
    await says(served, number, "The first of three")
    for tab in tabs:
        await expect(tab.locator("#timeline .message").last).to_contain_text("The first of three")
    async with served.desk.unit() as uow:
        opened = await access.change(uow, uow.actor, number)
        query = (
            select(Message).where(Message.conversation_id == opened.thread.id).order_by(Message.seq.desc())
        )
        message = (await uow.session.scalars(query.limit(1))).one()
        author = await people.actor_of(uow, await people.get(uow, opened.ticket.requester_id))
        await conversations.edit(uow, opened.thread, author, message, "The first of four")
    for tab in tabs:
        await expect(tab.locator("#timeline .message").last).to_contain_text("The first of four")
    assert not [url for url in asked if "/timeline?" in url]
    await context.set_offline(True)
    async with served.desk.unit() as uow:
        opened = await access.change(uow, uow.actor, number)
        await conversations.delete(uow, opened.thread, author, await uow.session.get_one(Message, message.id))
    await says(served, number, "Said in between")
    await context.set_offline(False)
    for tab in tabs:
        await expect(tab.locator("#timeline .message").last).to_contain_text("Said in between")
        await expect(tab.locator(f"#message-{message.id}")).to_contain_text("deleted")


async def test_who_signs_out_leaves_nothing_in_the_other_tabs(
    served: Served, context: BrowserContext
) -> None:
    first = await served.signed_in(context, "Sam")
    second = await context.new_page()
    number = served.seeded.numbers[0]
    await ready(second, f"{served.url}/tickets/{number}")
    await expect(second.locator("#timeline")).to_be_visible()
    await first.evaluate("document.querySelector(\"form[action='/sign-out']\").requestSubmit()")
    await first.wait_for_url("**/sign-in**")
    await second.wait_for_url("**/sign-in**")
    await expect(second.locator("#timeline")).to_have_count(0)


async def test_what_fails_in_a_tab_that_let_go_is_no_error(served: Served, context: BrowserContext) -> None:
    """The page is emptied, and what it had asked for is refused before the new one is there."""
    first = await served.signed_in(context, "Sam")
    second = await context.new_page()
    number = served.seeded.numbers[0]
    await ready(second, f"{served.url}/tickets/{number}")
    asked, emptied, refused = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def hold(route: Route) -> None:
        if route.request.is_navigation_request():
            emptied.set()
            await refused.wait()
            await route.continue_()
        else:
            asked.set()
            await emptied.wait()
            await route.fulfill(status=401)

    await second.route(lambda url: f"/tickets/{number}" in url, hold)
    await says(served, number, "Anybody there?")
    await asyncio.wait_for(asked.wait(), 5)
    async with second.expect_response(lambda response: response.status == 401):
        await first.evaluate("document.querySelector(\"form[action='/sign-out']\").requestSubmit()")
    refused.set()
    await second.wait_for_url("**/sign-in**")
