"""The help centre in a real browser: found while typing, judged without leaving, on paper, by keyboard."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect
from sqlalchemy import select

from core import clock
from core.access import SYSTEM
from core.desk import Desk
from core.kb import moderation, searches, service, translations
from core.kb.model import ArticleFeedback, ArticleText, ArticleView, KbSearch, Suggestion
from core.kb.service import Facts
from core.people import service as people
from tests.browser.desk_server import Served, complain, ready, serving, violations

pytestmark = pytest.mark.browser
BODY = """Hold both buttons for **five** seconds.

## Before

Unplug it.

### Which plug?

`the grey one, with a very long name that has no space in it: {long}`

## Then

| What you see | What it means | What to do | And then |
|---|---|---|---|
| Quickly blinking | Firmwareaktualisierungsfehler | Wait for a minute | Versicherungsvertreter |

## After

```
a line of code that is far longer than a telephone is wide, so that it has to be scrolled sideways
```
""".format(long="x" * 60)


@pytest.fixture
async def served(desk: Desk) -> AsyncIterator[Served]:
    async with serving(desk, tickets=12) as running:
        yield running


@pytest.fixture
async def page(context: BrowserContext) -> AsyncIterator[Page]:
    """A stranger's tab; what its console complains of fails the test."""
    wrong: list[str] = []
    tab = await context.new_page()
    tab.set_default_timeout(20_000)
    complain(tab, wrong)
    yield tab
    assert wrong == []


@pytest.fixture
async def text(served: Served) -> ArticleText:
    """An article with everything, its translation, a neighbour, and a comment."""
    assert served.seeded.category is not None
    facts = Facts(category_id=served.seeded.category.id, tags=("hub", "lamp"))
    async with served.desk.unit() as uow:
        _article, made = await service.create(uow, SYSTEM, title="Reset the hub", body=BODY, facts=facts)
        made = await service.publish(uow, SYSTEM, made.id, version=made.version)
        _other, near = await service.create(uow, SYSTEM, title="Change the lamp", body="Turn.", facts=facts)
        await service.publish(uow, SYSTEM, near.id, version=near.version)
        german = await translations.begin(uow, SYSTEM, made.article_id, "de", title="Verteiler", body=BODY)
        await service.publish(uow, SYSTEM, german.id, version=german.version)
        said = await moderation.give(uow, SYSTEM, made.id, helpful=True, comment="Both at once!")
        await moderation.decide(uow, SYSTEM, said.id, "public")
    return made


async def test_found_while_typing_and_opened_by_keyboard(
    served: Served, page: Page, text: ArticleText
) -> None:
    await ready(page, f"{served.url}/help")
    await page.get_by_role("searchbox").press_sequentially("rset hub", delay=20)
    found = page.locator(".help-search__found a").first
    await expect(found).to_contain_text("Reset the hub")
    await expect(page.locator("[data-help-said]")).to_have_text("1 result")
    assert await violations(page) == []
    await page.keyboard.press("Escape")
    await expect(found).to_be_hidden()
    await page.get_by_role("searchbox").press_sequentially("s")
    await expect(found).to_be_visible()
    await page.keyboard.press("ArrowDown")
    await expect(found).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("h1")).to_have_text("Reset the hub")
    async with served.desk.unit() as uow:
        noted = list(await uow.session.scalars(select(KbSearch.results)))
    # Each time that the words rested: twice where the machine was slow, never at each key.
    assert noted in ([1], [1, 1])
    assert await page.context.cookies() == []


async def test_a_vote_counts_at_once_and_more_may_be_said(
    served: Served, page: Page, text: ArticleText
) -> None:
    await ready(page, f"{served.url}/help/en/{text.slug}")
    section = page.locator("#feedback")
    await section.get_by_role("link", name="No").click()
    await expect(section).to_contain_text("Thank you, that is counted.")
    assert await violations(page) == []
    await section.get_by_label("Hard to follow").check()
    await section.get_by_label("In your words").fill("Which buttons?")
    await section.get_by_role("button", name="Send").click()
    await expect(section).to_contain_text("That helps us to write better.")
    async with served.desk.unit() as uow:
        votes = list(
            await uow.session.scalars(select(ArticleFeedback).where(ArticleFeedback.person_id.is_(None)))
        )
    assert [(row.helpful, row.reason) for row in votes if row.state == "waiting"] == [(False, "unclear")]


async def test_no_page_has_a_barrier(
    served: Served, page: Page, text: ArticleText, chromium: Browser
) -> None:
    assert served.seeded.category is not None
    paths = (
        "/help/en", "/help/de/verteiler", f"/help/en/{text.slug}", f"/help/en/category/{served.seeded.category.id}",
        "/help/search?q=hub&language=en", "/help/search?q=teapot&language=de", f"/help/en/{text.slug}/feedback",
    )  # fmt: skip
    for theme in ("light", "dark"):
        await page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        for path in paths:
            await ready(page, served.url + path)
            for width in (1440, 360):
                await page.set_viewport_size({"width": width, "height": 740})
                assert await violations(page) == [], (path, width, theme)
                over = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
                assert over <= 0, (path, width, over)


async def test_on_paper_stands_the_article_alone(served: Served, page: Page, text: ArticleText) -> None:
    await ready(page, f"{served.url}/help/en/{text.slug}")
    await page.emulate_media(media="print")
    await expect(page.locator(".help-body")).to_be_visible()
    await expect(page.locator(".help-address")).to_have_text(re.compile(r"/help/en/reset-the-hub$"))
    for gone in (
        ".help-search",
        "#feedback",
        ".help-stuck",
        ".help-contents",
        ".help-related",
        ".public-foot",
    ):
        await expect(page.locator(gone)).to_be_hidden()


async def test_without_script_everything_is_there(
    served: Served, chromium: Browser, text: ArticleText
) -> None:
    context = await chromium.new_context(java_script_enabled=False, locale="de-DE")
    page = await context.new_page()
    await page.goto(f"{served.url}/help")
    await page.get_by_role("searchbox").fill("Verteiler")
    await page.get_by_role("searchbox").press("Enter")
    await page.locator(".help-result a").first.click()
    await expect(page.locator("h1")).to_have_text("Verteiler")
    await page.locator("[data-helpful=yes]").click()
    await page.locator("main form button").click()
    await expect(page.locator("#feedback")).to_be_visible()
    await page.locator(".help-languages a").click()
    await expect(page.locator("h1")).to_have_text("Reset the hub")
    await context.close()


async def test_no_report_has_a_barrier(
    served: Served, page: Page, text: ArticleText, context: BrowserContext
) -> None:
    async with served.desk.unit() as uow:
        await people.give_role(uow, await people.get(uow, served.seeded.staff["Sam"].id), "lead")
        for words, results in (("teapot", 0), ("hub", 2)):
            await searches.note(uow, words, language="en", channel="web", results=results)
        day = clock.now().date()
        shown = [text.article_id]
        uow.session.add(
            ArticleView(article_id=text.article_id, language="en", day=day, channel="web", count=7)
        )
        uow.session.add(Suggestion(channel="webchat", language="en", shown=shown, outcome="shown"))
    tab = await served.signed_in(context, "Sam")
    for theme in ("light", "dark"):
        await tab.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        for part in ("", "/searches", "/suggestions", "/articles", "/stale"):
            await ready(tab, f"{served.url}/desk/articles/reports{part}")
            for summary in await tab.locator(".chart__table summary").all():
                await summary.click()
            for width in (1440, 360):
                await tab.set_viewport_size({"width": width, "height": 740})
                assert await violations(tab) == [], (part, width, theme)
                over = await tab.evaluate("document.documentElement.scrollWidth - innerWidth")
                assert over <= 0, (part, width, over)
    await ready(tab, f"{served.url}/desk/articles/reports")
    await tab.get_by_label("Period").select_option("7")
    await tab.wait_for_url("**days=7**")
    assert await tab.locator(".chart").first.locator("tbody tr").count() == 7
