"""The main paths of the desk in a real browser."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from core import clock, desk_settings, presence, tasks
from core.access import Actor, ActorKind
from core.conversations.events import ConversationRead
from core.conversations.service import Saying
from core.desk import Desk
from core.people import service as people
from core.people.events import SignInFailed
from core.ports.bus import Signal
from core.tickets import access
from core.tickets import service as tickets
from core.tickets.events import TicketOffered
from core.tickets.model import Priority
from tests.browser.desk_server import Served, complain, pages_of, ready, serving, violations

pytestmark = pytest.mark.browser


@pytest.fixture
async def served(desk: Desk) -> AsyncIterator[Served]:
    async with serving(desk, tickets=12) as running:
        yield running


@pytest.fixture
async def page(served: Served, context: BrowserContext) -> AsyncIterator[Page]:
    """Sam's tab; what its console complains of fails the test."""
    wrong: list[str] = []
    tab = await served.signed_in(context, "Sam")
    tab.set_default_timeout(20_000)
    complain(tab, wrong)
    yield tab
    assert wrong == []


async def says(served: Served, number: int, words: str) -> None:
    """The requester says something, as from a chat."""
    async with served.desk.unit() as uow:
        opened = await access.change(uow, uow.actor, number)
        person = await people.get(uow, opened.ticket.requester_id)
        actor = await people.actor_of(uow, person)
        await tickets.hear(uow, opened, actor, Saying(text=words, via="webchat"), person)


async def test_claim_by_mouse_and_by_key(served: Served, page: Page) -> None:
    one, other = served.seeded.numbers[1], served.seeded.numbers[4]
    await ready(page, f"{served.url}/tickets/{one}")
    await page.get_by_role("button", name="Claim").click()
    await expect(page.locator("#head-badges")).to_contain_text("In progress")
    await expect(page.locator("#toasts")).to_contain_text("It is yours.")
    await ready(page, f"{served.url}/tickets/{other}")
    await page.keyboard.press("c")
    await expect(page.locator("#head-badges")).to_contain_text("In progress")
    await page.keyboard.press("e")
    await expect(page.locator("#head-badges")).to_contain_text("Resolved")


async def test_a_reply_is_held_counted_down_and_taken_back(served: Served, page: Page) -> None:
    number = served.seeded.numbers[0]
    await ready(page, f"{served.url}/tickets/{number}")
    await expect(page.get_by_role("button", name="Send reply to")).to_be_visible()
    await page.locator("#composer-body").fill("This goes **out** soon")
    await page.keyboard.press("Control+Enter")
    held = page.locator(".message--held")
    await expect(held).to_contain_text("This goes out soon")
    await expect(held).to_contain_text(re.compile(r"Goes out in \d+ s"))
    await expect(page.locator("#composer-body")).to_have_value("")
    await held.get_by_role("button", name="Take back").click()
    await expect(page.locator("#composer-body")).to_have_value("This goes **out** soon")
    await expect(page.locator(".message--gone").last).to_contain_text("deleted")
    await page.get_by_role("button", name="Send reply to").click()
    await page.locator(".message--held").get_by_role("button", name="Send now").click()
    await expect(page.locator(".message--held")).to_have_count(0)
    await expect(page.locator("#timeline")).to_contain_text("This goes out soon")


async def test_a_note_cannot_be_mistaken_for_a_reply(served: Served, page: Page) -> None:
    number = served.seeded.numbers[0]
    await ready(page, f"{served.url}/tickets/{number}")
    composer = page.locator("#composer")
    colour = "element => getComputedStyle(element).borderColor + getComputedStyle(element.querySelector('.composer__top')).backgroundColor"
    as_reply = await composer.evaluate(colour)
    await page.keyboard.press("n")
    await expect(page.locator("#composer-body")).to_be_focused()
    assert await composer.evaluate(colour) != as_reply
    await expect(page.get_by_role("button", name="Add note")).to_be_visible()
    await expect(page.get_by_role("button", name="Send reply to")).to_be_hidden()
    await expect(composer).to_contain_text("only agents see this")
    await page.keyboard.type("Ask @Mir")
    await expect(page.locator("#composer-mentions")).to_contain_text("Mira Lindqvist")
    await page.keyboard.press("Enter")
    await page.keyboard.press("Control+Enter")
    note = page.locator(".message--note").last
    await expect(note).to_contain_text("Ask @Mira.Lindqvist")
    await expect(note.locator("[data-hold]")).to_have_count(0)


async def test_what_the_requester_says_arrives_by_itself(served: Served, page: Page) -> None:
    number = served.seeded.numbers[0]
    await ready(page, f"{served.url}/tickets/{number}")
    await page.locator("#composer-body").fill("half a thought")
    await page.locator("#composer-body").evaluate("field => field.setSelectionRange(4, 4)")
    await says(served, number, "One more thing, please")
    await expect(page.locator("#timeline")).to_contain_text("One more thing, please")
    await expect(page.locator("#composer-body")).to_have_value("half a thought")
    await expect(page.locator("#composer-body")).to_be_focused()
    assert await page.locator("#composer-body").evaluate("field => field.selectionStart") == 4
    await expect(page.locator("#timeline .message").last).to_be_in_viewport()


async def test_what_the_requester_has_read_is_marked_without_a_fetch(served: Served, page: Page) -> None:
    number = served.seeded.numbers[0]
    await says(served, number, "Hello?")
    await ready(page, f"{served.url}/tickets/{number}")
    await page.locator("#composer-body").fill("On it")
    await page.keyboard.press("Control+Enter")
    await page.locator(".message--held").get_by_role("button", name="Send now").click()
    mine = page.locator("#timeline .message--agent").last
    await expect(page.locator(".message--held")).to_have_count(0)
    await expect(mine).to_contain_text("On it")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await reads_all(served, number)
    await expect(mine.locator(".message__state--seen")).to_contain_text("Seen by")
    assert [url for url in asked if "/timeline" in url] == []


async def reads_all(served: Served, number: int) -> None:
    """The requester reads the conversation to its end, as in a chat."""
    async with served.desk.unit() as uow:
        opened = await access.change(uow, uow.actor, number)
        upto = opened.thread.conversation.seq
        await tickets.mark_read(uow, opened, opened.ticket.requester_id, upto)
        uow.emit(ConversationRead(subject=opened.thread.id, upto=upto), conversation=opened.thread.id)


async def test_a_draft_survives_a_reload(served: Served, page: Page) -> None:
    number = served.seeded.numbers[0]
    await ready(page, f"{served.url}/tickets/{number}")
    await page.keyboard.press("n")
    await page.keyboard.type("Do not forget the credit note")
    await expect(page.locator("[data-composer-status]")).to_have_text("Draft saved")
    await ready(page, f"{served.url}/tickets/{number}")
    await expect(page.locator("#composer-body")).to_have_value("Do not forget the credit note")
    await expect(page.locator("#composer-note")).to_be_checked()


async def test_keys_act_only_outside_fields_and_can_be_turned_off(served: Served, page: Page) -> None:
    await ready(page, f"{served.url}/desk/queues/all")
    await page.keyboard.press("j")
    await page.keyboard.press("j")
    rows = page.locator("[data-row-link]")
    await expect(rows.nth(1)).to_be_focused()
    await page.keyboard.press("k")
    await expect(rows.nth(0)).to_be_focused()
    await page.keyboard.press("o")
    await page.wait_for_url("**/tickets/*")
    await page.wait_for_selector("html[data-ready]")
    await page.keyboard.press("r")
    await expect(page.locator("#composer-body")).to_be_focused()
    await page.keyboard.type("ejkc?")
    await expect(page.locator("#composer-body")).to_have_value("ejkc?")
    await page.locator("#composer-body").fill("")
    await page.locator("#composer-body").blur()
    for key, field in (("p", "#f-priority"), ("a", "#f-assignee"), ("t", "[data-key=t]")):
        await page.keyboard.press(key)
        await expect(page.locator(field).first).to_be_focused()
        await page.locator(field).first.blur()
    async with served.desk.unit() as uow:
        person = await people.get(uow, served.seeded.staff["Sam"].id)
        person.preferences = {**person.preferences, "keys": "off"}
    await ready(page, f"{served.url}/desk/queues/all")
    await page.keyboard.press("j")
    await expect(page.locator("[data-row-link]:focus")).to_have_count(0)


async def test_the_palette_runs_verbs_and_goes_places(served: Served, page: Page) -> None:
    number = served.seeded.numbers[1]
    await ready(page, f"{served.url}/tickets/{number}")
    await page.keyboard.press("Control+k")
    await page.keyboard.type("assign mira")
    await expect(page.locator("#palette-list")).to_contain_text("Assign to Mira Lindqvist")
    await page.keyboard.press("Enter")
    await expect(page.locator("#f-assignee option:checked")).to_have_text("Mira Lindqvist")
    await page.keyboard.press("Control+k")
    await page.keyboard.type(f"#{served.seeded.numbers[3]}")
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**/tickets/{served.seeded.numbers[3]}")
    await page.wait_for_selector("html[data-ready]")
    await page.keyboard.press("Control+k")
    await page.keyboard.type("snoozed")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/desk/queues/snoozed")


async def test_words_that_begin_so_come_first_in_the_palette(served: Served, page: Page) -> None:
    ranked = """async () => {
      const { rank } = await import(document.querySelector("script[type=module]").src.replace("main.js", "fuzzy.js"));
      const titles = ["Organisations and notes", "Close", "Mira Snow", "Snoozed", "Set waiting"];
      return rank(titles.map((title) => ({ title })), "sno").map(({ title }) => title);
    }"""
    assert (await page.evaluate(ranked))[:2] == ["Snoozed", "Mira Snow"]


async def test_a_macro_goes_into_the_composer_and_waits(served: Served, page: Page) -> None:
    number = served.seeded.numbers[0]
    await ready(page, f"{served.url}/tickets/{number}")
    await page.get_by_role("button", name="Insert a macro").click()
    await page.get_by_role("button", name="Closing words").click()
    await expect(page.locator("#composer-body")).to_have_value("Glad that it works, Ada!")
    await expect(page.locator("[data-extra=macro]")).to_contain_text("resolve")
    await expect(page.locator(".message--held")).to_have_count(0)
    await page.get_by_role("button", name="Send reply to").click()
    await expect(page.locator("#head-badges")).to_contain_text("Resolved")


async def test_several_at_once_and_rows_that_keep_their_ticks(served: Served, page: Page) -> None:
    await ready(page, f"{served.url}/desk/queues/unassigned")
    picks, number = page.locator("[data-pick]"), page.locator("h1 .number")
    before = int(await number.inner_text())
    await picks.nth(0).check()
    await picks.nth(1).check()
    await expect(page.locator("[data-bulk-count]")).to_have_text("2 selected")
    await says(served, served.seeded.numbers[7], "Hello?")
    await expect(page.locator("[data-row]").first).to_have_attribute("id", f"row-{served.seeded.numbers[7]}")
    await expect(page.locator("[data-pick]:checked")).to_have_count(2)
    await page.locator("[data-bulk-bar]").get_by_role("button", name="Claim").click()
    await expect(page.locator("#toasts")).to_contain_text("2 tickets changed.")
    await expect(page.locator("[data-pick]:checked")).to_have_count(0)
    await expect(number).to_have_text(str(before - 2))


async def test_merge_by_number(served: Served, page: Page) -> None:
    one, other = served.seeded.numbers[1], served.seeded.numbers[2]
    await ready(page, f"{served.url}/tickets/{one}")
    await page.get_by_role("button", name="More", exact=True).click()
    await page.get_by_role("link", name="Merge into another ticket").click()
    await page.locator("#merge [name=into]").fill(str(other))
    await page.locator("#merge form").last.get_by_role("button", name="Merge").click()
    await page.locator("#confirm-box").get_by_role("button", name="Merge").click()
    await page.wait_for_url(f"**/tickets/{other}")
    await expect(page.locator("#toasts")).to_contain_text(f"#{one} was merged")


async def test_a_file_is_dropped_shown_and_sent(served: Served, page: Page) -> None:
    number = served.seeded.numbers[0]
    await ready(page, f"{served.url}/tickets/{number}")
    await page.keyboard.press("n")
    await page.evaluate(
        """() => {
          const data = new DataTransfer();
          data.items.add(new File(["twelve bytes"], "Prüfung.txt", { type: "text/plain" }));
          document.getElementById("composer").dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
        }"""
    )
    await expect(page.locator(".upload")).to_contain_text("Prüfung.txt")
    await expect(page.locator(".upload [name=attachment]")).to_have_count(1)
    await page.get_by_role("button", name="Add note").click()
    link = page.locator(".message--note").last.get_by_role("link", name="Prüfung.txt")
    await expect(link).to_be_visible()
    async with page.expect_download() as download:
        await link.click()
    assert (await download.value).suggested_filename == "Prüfung.txt"


async def test_colleagues_see_each_other(served: Served, page: Page, context: BrowserContext) -> None:
    number = served.seeded.numbers[0]
    assert context.browser is not None
    second = await context.browser.new_context()
    mira = await served.signed_in(second, "Mira")
    await ready(page, f"{served.url}/tickets/{number}")
    await ready(mira, f"{served.url}/tickets/{number}")
    await expect(page.locator("#lookers")).to_contain_text("Mira Lindqvist is looking")
    await mira.locator("#composer-body").press_sequentially("Dear")
    await expect(page.locator("#lookers")).to_contain_text("Mira Lindqvist is writing a reply")
    await second.close()
    await expect(page.locator("#lookers")).not_to_contain_text("Mira")


async def test_who_stops_writing_is_seen_to(
    served: Served, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody says so: neither a colleague whose tab is closed, nor a requester on another platform."""
    monkeypatch.setattr(presence, "TYPING_FOR", 1.5)
    number, mira = served.seeded.numbers[0], served.seeded.staff["Mira"]
    async with served.desk.unit() as uow:
        conversation = (await access.change(uow, uow.actor, number)).thread.id
    told = {"conversation": str(conversation), "person": str(mira.id), "doing": "typing", "new": True}

    async def types() -> None:
        while True:
            served.desk.bus.publish(Signal("presence", told))
            await asyncio.sleep(0.3)

    await ready(page, f"{served.url}/tickets/{number}")
    for comes_anew in (False, True):
        typing = asyncio.create_task(types())
        await expect(page.locator("#lookers")).to_contain_text("Mira Lindqvist is writing a reply")
        await tasks.end([typing])
        if comes_anew:
            await page.reload()
        await expect(page.locator("#lookers")).not_to_contain_text("Mira")


async def offered(served: Served, number: int, to: str) -> None:
    """The chat is offered, as `core.tickets.offers` does it."""
    async with served.desk.unit() as uow:
        opened = await access.change(uow, uow.actor, number)
        opened.ticket.offered_to_id = served.seeded.staff[to].id
        opened.ticket.offered_until = clock.now() + timedelta(minutes=2)
        event = TicketOffered(
            subject=opened.ticket.id,
            number=number,
            to=served.seeded.staff[to].id,
            until=opened.ticket.offered_until,
        )
        uow.emit(event, conversation=opened.thread.id, seq=opened.thread.next_seq())


async def test_an_offered_chat_comes_to_the_desk_live_and_is_answered_by_keys(
    served: Served, page: Page
) -> None:
    one, other = served.seeded.numbers[1], served.seeded.numbers[4]
    await ready(page, f"{served.url}/desk/queues/all")
    await offered(served, one, "Sam")
    offer = page.locator(f"#offer-{one}")
    await expect(offer).to_contain_text("is waiting in the chat")
    assert await violations(page) == []
    words = offer.locator("strong")
    assert await words.evaluate("each => each.scrollWidth <= each.offsetWidth"), "the name is not cut"
    await page.keyboard.press("x")
    await expect(offer).to_have_count(0)
    await expect(page.locator("#toasts")).to_contain_text("Passed on")
    await offered(served, other, "Sam")
    await expect(page.locator(f"#offer-{other}")).to_be_visible()
    await page.keyboard.press("Control+k")
    await expect(page.locator("#palette-list")).to_contain_text("Accept the chat of")
    await page.keyboard.press("Escape")
    await page.keyboard.press("y")
    await page.wait_for_url(f"**/tickets/{other}")
    await expect(page.locator("#head-badges")).to_contain_text("In progress")


async def test_a_chat_that_went_from_one_to_the_next_is_one_line(served: Served, page: Page) -> None:
    number = served.seeded.numbers[1]
    for name in ("Mira", "Jonas", "Sam"):
        await offered(served, number, name)
        actor = served.seeded.actors[name]
        async with served.desk.unit(actor) as uow:
            await tickets.pass_on(uow, actor, number)
    await ready(page, f"{served.url}/tickets/{number}")
    facts = page.locator("#timeline .fact", has_text="offered")
    await expect(facts).to_have_count(1)
    for name in ("Mira", "Jonas", "Sam"):
        await expect(facts).to_contain_text(name)


@pytest.mark.parametrize("path", ["/admin/people", "/admin/categories", "/admin/audit", "/admin/macros"])
async def test_a_table_is_cards_where_there_is_no_room(
    served: Served, context: BrowserContext, path: str
) -> None:
    page = await served.signed_in(context, "Priya")
    await page.set_viewport_size({"width": 360, "height": 740})
    await ready(page, served.url + path)
    over = "[...document.querySelectorAll('.table-wrap, html')].filter(e => e.scrollWidth > e.clientWidth + 1).length"
    assert await page.evaluate(over) == 0
    if await page.locator(".table td[data-label]").count():
        label = "getComputedStyle(document.querySelector('.table td[data-label]'), '::before').content"
        assert len(await page.evaluate(label)) > 3


async def test_the_values_of_the_panel_stand_under_one_another(served: Served, page: Page) -> None:
    await ready(page, f"{served.url}/tickets/{served.seeded.numbers[0]}")
    begins = """() => {
      const select = document.querySelector("#f-status"), style = getComputedStyle(select);
      const inside = select.getBoundingClientRect().left + parseFloat(style.paddingLeft) + parseFloat(style.borderLeftWidth);
      return [...document.querySelectorAll(".panel .facts dd")].map((each) => Math.abs(each.getBoundingClientRect().left - inside));
    }"""
    assert max(await page.evaluate(begins)) < 1


async def test_nothing_is_cut_in_a_german_queue(served: Served, page: Page) -> None:
    number = served.seeded.numbers[4]
    lead = served.seeded.actors["Jonas"]
    async with served.desk.unit(lead) as uow:
        await tickets.prioritise(uow, lead, number, Priority.urgent)
        await tickets.resolve(uow, lead, number)
        await tickets.close(uow, lead, number)
    async with served.desk.unit() as uow:
        (await people.get(uow, served.seeded.staff["Sam"].id)).locale = "de"
    await desk_settings_store(served, {"name": "Nordlicht Fahrräder GmbH"})
    await ready(page, f"{served.url}/desk/queues/all")
    await expect(page.locator(f"#row-{number}")).to_contain_text("Geschlossen")
    cut = """() => [...document.querySelectorAll(".col-priority, .col-status, th, .nav__brand-text, .nav__label")]
      .filter((each) => each.scrollWidth > each.clientWidth + 1 || each.scrollHeight > each.clientHeight + 3)
      .map((each) => [each.textContent.trim(), each.scrollWidth, each.clientWidth, each.scrollHeight, each.clientHeight])"""
    assert await page.evaluate(cut) == []


async def test_a_view_of_many_columns_shows_them_all_and_the_subjects(served: Served, page: Page) -> None:
    await page.set_viewport_size({"width": 1024, "height": 768})
    await ready(page, f"{served.url}/desk/views/new?queue=all")
    await page.locator("[name=name]").fill("Everything")
    for column in ("team", "category", "tags", "created_at", "messages"):
        await page.locator(f"[name=columns][value={column}]").check()
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("h1")).to_contain_text("Everything")
    narrow = (
        "[...document.querySelectorAll('td.col-subject, .col-team')].filter(e => e.clientWidth < 60).length"
    )
    assert await page.evaluate(narrow) == 0
    assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") == 0


async def desk_settings_store(served: Served, values: dict[str, str]) -> None:
    async with served.desk.unit() as uow:
        await desk_settings.store(uow.session, values)
    await served.desk.refresh()


async def test_a_change_by_two_is_told_and_the_field_shows_what_is(served: Served, page: Page) -> None:
    number = served.seeded.numbers[1]
    await ready(page, f"{served.url}/tickets/{number}")
    await page.evaluate(
        "document.querySelectorAll('[data-fragment-url]').forEach((each) => each.removeAttribute('data-topics'))"
    )
    lead = served.seeded.actors["Jonas"]
    async with served.desk.unit(lead) as uow:
        await tickets.prioritise(uow, lead, number, Priority.low)
    await page.locator("#f-priority").select_option("urgent")
    await expect(page.locator("#toasts")).to_contain_text("Someone changed this")
    await expect(page.locator("#f-priority")).to_have_value("low")


async def test_a_ticket_is_handed_over_with_a_note(served: Served, page: Page) -> None:
    number = served.seeded.numbers[0]
    await ready(page, f"{served.url}/tickets/{number}")
    await page.get_by_role("button", name="More", exact=True).click()
    await page.get_by_role("link", name="Hand over…").click()
    dialog = page.get_by_role("dialog", name="Hand over")
    await dialog.get_by_label("To a colleague").select_option(label="Mira Lindqvist")
    await dialog.get_by_label("What they should know").fill("They have called twice already.")
    await dialog.get_by_role("button", name="Hand over").click()
    await expect(page.locator(".message--note").last).to_contain_text("They have called twice already.")
    await expect(page.locator("#f-assignee option:checked")).to_have_text("Mira Lindqvist")


@pytest.mark.parametrize("width", [360, 1440])
async def test_a_long_name_without_a_space_stays_inside(served: Served, page: Page, width: int) -> None:
    number = served.seeded.numbers[0]
    async with served.desk.unit() as uow:
        opened = await access.get(uow, uow.actor, number)
        requester = await people.get(uow, opened.ticket.requester_id)
        await people.change(uow, requester, name="Wolfeschlegelsteinhausenbergerdorff" * 3)
    await page.set_viewport_size({"width": width, "height": 800})
    await ready(page, f"{served.url}/tickets/{number}")
    await expect(page.locator("#composer-body")).to_be_visible()
    over = """() => [...document.querySelectorAll(".talk, .talk *, .panel *, .ticket__head *")].filter((each) =>
        each.checkVisibility() && !each.closest(".visually-hidden, .truncate, svg") && getComputedStyle(each).overflow === "visible"
        && each.getBoundingClientRect().right > innerWidth + 1).map((each) => each.className || each.tagName)"""
    assert await page.evaluate(over) == []
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


ADMIN = (
    "",
    "/audit",
    "/outbox",
    "/moderation",
    "/deliveries",
    "/health",
    "/performance",
    "/roles",
    "/settings",
    "/people",
)


async def test_no_page_of_the_admin_has_a_violation(served: Served, chromium: Browser) -> None:
    async with served.desk.unit() as uow:
        refused = SignInFailed(subject=served.seeded.staff["Sam"].id, how="password")
        uow.emit(refused, actor=Actor(None, ActorKind.person))
    found: list[str] = []
    context = await chromium.new_context(viewport={"width": 1440, "height": 900})
    page = await served.signed_in(context, "Priya")
    for path in ADMIN:
        await ready(page, f"{served.url}/admin{path}")
        found += [f"{path}: {each}" for each in await violations(page)]
        if path == "/audit":
            await expect(page.locator("tbody")).to_contain_text("Somebody not signed in")
        if path == "":
            await expect(page.locator("main").get_by_role("link", name="Outbox")).to_be_visible()
    await context.close()
    assert found == []


async def test_no_page_has_a_violation(served: Served, chromium: Browser) -> None:
    found: list[str] = []
    context = await chromium.new_context(viewport={"width": 1440, "height": 900})
    page = await served.signed_in(context, "Sam")
    complain(page, found)
    for name, path in pages_of(served.seeded).items():
        await ready(page, served.url + path)
        found += [f"{name}: {each}" for each in await violations(page)]
    await context.close()
    assert found == []
