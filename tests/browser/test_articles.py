"""The editor of articles in a real browser: preview, drafts that keep themselves, pictures, dialogs."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from io import BytesIO

import pytest
from PIL import Image
from playwright.async_api import Browser, BrowserContext, Page, expect
from sqlalchemy import select

from core import clock
from core.desk import Desk
from core.kb import moderation, service, translations
from core.kb.model import ArticleText
from core.people import service as people
from tests.browser.desk_server import Served, complain, ready, serving, violations

pytestmark = pytest.mark.browser
BODY = "Hold both buttons for **five** seconds.\n\n## Then\n\nWait.\n"


@pytest.fixture
async def served(desk: Desk) -> AsyncIterator[Served]:
    async with serving(desk, tickets=12) as running:
        yield running


@pytest.fixture
async def page(served: Served, context: BrowserContext) -> AsyncIterator[Page]:
    """Sam's tab, who may publish; what its console complains of fails the test."""
    async with served.desk.unit() as uow:
        await people.give_role(uow, await people.get(uow, served.seeded.staff["Sam"].id), "lead")
    wrong: list[str] = []
    tab = await served.signed_in(context, "Sam")
    tab.set_default_timeout(20_000)
    complain(tab, wrong)
    yield tab
    assert wrong == []


async def draft(
    served: Served, title: str = "Reset the hub", body: str = BODY, *, publish: bool = False
) -> ArticleText:
    async with served.desk.unit() as uow:
        _article, text = await service.create(uow, uow.actor, title=title, body=body)
        if publish:
            await service.publish(uow, uow.actor, text.id, version=text.version)
        return text


async def kept(served: Served, text: ArticleText) -> ArticleText:
    async with served.desk.unit() as uow:
        return await uow.session.get_one(ArticleText, text.id)


async def test_what_is_written_is_shown_and_kept(served: Served, page: Page) -> None:
    text = await draft(served)
    await ready(page, f"{served.url}/desk/articles/texts/{text.id}")
    preview = page.locator("[data-article-preview]")
    await expect(preview.locator("h2")).to_have_text("Then")
    await page.locator("#f-body").fill(
        "# Now\n\n<script>document.title = 'owned'</script>\n\n| a | b |\n|---|---|\n| 1 | 2 |"
    )
    await expect(preview.locator("td").first).to_have_text("1")
    await expect(preview).to_contain_text("<script>")
    await page.keyboard.press("Control+s")
    await expect(page.locator("[data-article-status]")).to_have_text("Draft saved")
    assert "# Now" in ((await kept(served, text)).draft_body or "")
    await page.locator("#f-body").press_sequentially(" and more")
    await page.get_by_role("button", name="Save", exact=True).first.click()
    await expect(page.locator("#toasts")).to_contain_text("Saved as a draft.")
    assert "and more" in ((await kept(served, text)).draft_body or "")


async def test_a_picture_is_pasted_and_seen(served: Served, page: Page) -> None:
    text = await draft(served)
    await ready(page, f"{served.url}/desk/articles/texts/{text.id}")
    made = BytesIO()
    Image.new("RGB", (40, 30), "green").save(made, "PNG")
    paste = """([field, bytes]) => {
        const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(bytes)], "hub [1].png", { type: "image/png" }));
        field.focus();
        field.setSelectionRange(0, 0);
        field.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
    }"""
    field = await page.locator("#f-body").element_handle()
    await page.evaluate(paste, [field, list(made.getvalue())])
    picture = page.locator("[data-article-preview] img")
    await expect(picture).to_have_attribute("alt", "hub 1")
    await expect(page.locator("[data-article-preview] img").first).to_have_js_property("naturalWidth", 40)
    await expect(page.locator("#f-body")).to_have_value(re.compile(r"^!\[hub 1\]\(/help/files/"))


async def test_published_now_and_at_a_time(served: Served, page: Page) -> None:
    text = await draft(served)
    await ready(page, f"{served.url}/desk/articles/texts/{text.id}")
    await page.get_by_role("button", name="More ways to publish").click()
    await page.get_by_role("link", name="At a time…").click()
    at = (clock.now() + timedelta(days=2)).strftime("%Y-%m-%dT10:30")
    await page.locator("#later").get_by_label("When").fill(at)
    await page.get_by_role("button", name="Publish then").click()
    await expect(page.locator("main")).to_contain_text("It is published by itself")
    assert (await kept(served, text)).publish_at is not None
    await page.get_by_role("button", name="Publish", exact=True).click()
    await expect(page.locator("#toasts")).to_contain_text("Published.")
    assert (await kept(served, text)).revision == 1


async def test_who_was_second_sees_what_differs(served: Served, page: Page) -> None:
    text = await draft(served)
    await ready(page, f"{served.url}/desk/articles/texts/{text.id}")
    async with served.desk.unit() as uow:
        await service.save(
            uow, uow.actor, text.id, version=text.version, title="Reset the hub", body="Theirs"
        )
    await page.locator("#f-body").fill("Mine")
    await page.keyboard.press("Control+s")
    await expect(page.locator("[data-article-status]")).to_contain_text("Someone changed this")
    await page.get_by_role("button", name="Save", exact=True).first.click()
    await expect(page.locator(".diff__removed")).to_contain_text("Theirs")
    await expect(page.locator(".diff__added")).to_contain_text("Mine")


async def test_no_page_has_a_barrier(served: Served, page: Page, chromium: Browser) -> None:
    text = await draft(served, publish=True)
    async with served.desk.unit() as uow:
        saved = await service.save(
            uow,
            uow.actor,
            text.id,
            version=(await kept(served, text)).version,
            title="Reset it",
            body=BODY + "\nMore.",
        )
        await service.publish(uow, uow.actor, text.id, version=saved.version)
        await translations.begin(uow, uow.actor, text.article_id, "de")
        await moderation.give(uow, uow.actor, text.id, helpful=False, comment="Which buttons?")
    here = f"/desk/articles/texts/{text.id}"
    for path in (
        "/desk/articles", "/desk/articles/new", "/desk/articles/reviews", "/desk/articles/feedback", here,
        f"{here}/revisions", f"{here}/revisions/2", f"{here}/review",
    ):  # fmt: skip
        await ready(page, served.url + path)
        assert await violations(page) == [], path
        for width in (1280, 360):
            await page.set_viewport_size({"width": width, "height": 740})
            over = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert over <= 0, (path, width, over)
    async with served.desk.unit() as uow:
        assert len(list(await uow.session.scalars(select(ArticleText.id)))) == 2
