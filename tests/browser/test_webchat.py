"""The web chat in a real browser: live, when the network goes, in a frame, by keyboard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import axe_playwright_python
import jwt
import pytest
from playwright.async_api import Browser, BrowserContext, Frame, FrameLocator, Page, Route, expect
from sqlalchemy import func, select

from core import chat_secret, clock, desk_settings
from core.ports.bus import Signal
from core.tickets import access
from core.tickets import service as tickets
from core.tickets.model import Ticket
from tests.browser.conftest import Live
from tests.browser.desk_server import SETTLED

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()


async def chat(context: BrowserContext, live: Live, query: str = "") -> Page:
    page = await context.new_page()
    await page.goto(f"{live.url}/chat/webchat/{query}")
    await page.wait_for_selector("html[data-ready]")
    return page


async def say(page: Page | Frame | FrameLocator, text: str) -> None:
    await page.locator("#words").fill(text)
    await page.locator("#words").press("Enter")


async def sent(page: Page, text: str) -> None:
    await say(page, text)
    await expect(page.locator(".message--me .prose").last).to_have_text(text)
    await expect(page.locator(".message--me .message__state")).to_have_text("Sent")


async def violations(page: Page) -> list[str]:
    await page.evaluate(AXE)
    await page.evaluate(SETTLED)
    found: dict[str, Any] = await page.evaluate("() => axe.run()")
    return [f"{v['id']}: {v['nodes'][0]['target']}" for v in found["violations"]]


async def test_a_visitor_asks_and_is_answered_live(context: BrowserContext, live: Live) -> None:
    page = await chat(context, live)
    await expect(page.locator("#welcome")).to_be_visible()
    await say(page, "The printer is on **fire**")
    await expect(page.locator(".message--me strong")).to_have_text("fire")
    await expect(page.locator(".message--me .message__state")).to_have_text("Sent")
    bob = await live.agent()
    await live.reply(bob, 1, "Help is on its way")
    await expect(page.locator(".message--them .message__box")).to_have_text("Help is on its way")
    await expect(page.locator(".message--me .message__state")).to_have_text("Seen")
    await expect(page.locator("#state")).to_have_text("Bob is with you.")
    await page.reload()
    await expect(page.locator(".message")).to_have_count(2)


async def test_what_the_desk_reads_is_seen_at_once(context: BrowserContext, live: Live) -> None:
    page = await chat(context, live)
    await sent(page, "Anybody there?")
    bob = await live.agent()
    assert bob.id is not None
    async with live.desk.unit(bob) as uow:
        opened = await access.change(uow, bob, 1)
        upto = opened.thread.conversation.seq
        await tickets.mark_read(uow, opened, bob.id, upto)
        told = Signal("read", {"conversation": str(opened.thread.id), "upto": upto})
        uow.after(lambda: live.desk.bus.publish(told))
    await expect(page.locator(".message--me .message__state")).to_have_text("Seen")


async def test_a_held_reply_is_first_seen_as_writing(context: BrowserContext, live: Live) -> None:
    page = await chat(context, live)
    await sent(page, "hello")
    bob = await live.agent()
    await live.reply(bob, 1, "in a second", hold=1)
    await expect(page.locator("#typing")).to_have_text("Bob is writing")
    await expect(page.locator(".message--them")).to_have_count(1)
    await expect(page.locator("#typing")).to_have_text("")


async def test_what_is_written_without_a_network_survives_a_reload(
    context: BrowserContext, live: Live
) -> None:
    page = await chat(context, live)
    await sent(page, "one")
    await context.route("**/conversations/**", lambda route: route.abort())
    await say(page, "two")
    await say(page, "three")
    await expect(page.locator(".message--sending")).to_have_count(2)
    await expect(page.get_by_text("Waiting for the connection").first).to_be_visible()
    await page.reload()
    await expect(page.locator(".message--sending")).to_have_count(2)
    await context.unroute("**/conversations/**")
    await expect(page.locator(".message--me .message__box")).to_have_text(["one", "two", "three"])
    await expect(page.locator(".message--sending")).to_have_count(0)


async def test_an_answer_that_is_lost_on_the_way_makes_no_second_message(
    context: BrowserContext, live: Live
) -> None:
    page = await chat(context, live)
    lost = 0

    async def lose(route: Route) -> None:
        nonlocal lost
        if route.request.method == "POST" and lost < 2:
            lost += 1
            await route.fetch()  # the desk has it; the page never hears so
            await route.abort()
        else:
            await route.continue_()

    await context.route("**/conversations/*/messages", lose)
    await say(page, "only once")
    await expect(page.locator(".message--me .message__state")).to_have_text("Sent", timeout=15_000)
    assert lost >= 1
    await page.reload()
    await expect(page.locator(".message")).to_have_count(1)


async def test_what_came_while_the_stream_was_gone_is_caught_up(context: BrowserContext, live: Live) -> None:
    page = await chat(context, live)
    await sent(page, "hello")
    bob = await live.agent()
    await context.set_offline(True)
    await live.reply(bob, 1, "are you there?")
    await context.set_offline(False)
    await expect(page.locator(".message--them .message__box")).to_have_text("are you there?")
    await expect(page.locator("#net")).to_be_hidden()


async def test_what_is_refused_can_be_tried_again_or_discarded(context: BrowserContext, live: Live) -> None:
    page = await chat(context, live)
    problem = {"status": 422, "json": {"detail": "Not like this."}}
    await context.route("**/conversations/*/messages", lambda route: route.fulfill(**problem))
    await say(page, "odd")
    await expect(page.get_by_text("Not sent. Not like this.")).to_be_visible()
    await context.unroute("**/conversations/*/messages")
    await page.get_by_role("button", name="Try again").click()
    await expect(page.locator(".message--me .message__state")).to_have_text("Sent")


async def test_edit_delete_react_and_rate(context: BrowserContext, live: Live) -> None:
    page = await chat(context, live)
    await sent(page, "helo")
    await page.locator("#words").press("ArrowUp")
    await expect(page.locator("#mode")).to_be_visible()
    await say(page, "hello")
    await expect(page.locator(".message--me .message__box")).to_have_text("hello")
    await expect(page.get_by_text("edited")).to_be_visible()
    await sent(page, "oops")
    await page.locator(".message--me").last.hover()
    await page.locator(".message--me").last.get_by_role("button", name="Delete").click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(page.get_by_text("This message was deleted.")).to_be_visible()
    bob = await live.agent()
    await live.reply(bob, 1, "Good morning")
    theirs = page.locator(".message--them")
    await theirs.hover()
    await theirs.get_by_role("button", name="React", exact=True).click()
    await page.get_by_role("button", name="React with 🎉").click()
    await expect(theirs.locator(".reaction")).to_have_text("🎉1")
    async with live.desk.unit(bob) as uow:
        await tickets.resolve(uow, bob, 1)
    await page.get_by_role("radio", name="5: Very good").check()
    await page.get_by_label("Would you like to say why?").fill("friendly")
    await page.get_by_role("button", name="Send rating").click()
    await expect(page.get_by_text("Thank you for telling us.")).to_be_visible()
    await expect(page.get_by_text("You rated this conversation with 5 of 5.")).to_be_visible()


async def test_files_by_button_and_paste(context: BrowserContext, live: Live) -> None:
    page = await chat(context, live)
    picture = await page.locator("#mark").screenshot()
    await page.locator("#files").set_input_files(
        [
            {"name": "bell.png", "mimeType": "image/png", "buffer": picture},
            {"name": "empty.txt", "mimeType": "text/plain", "buffer": b""},
        ]
    )
    await expect(page.locator(".upload--done")).to_have_count(1)
    await expect(page.locator(".upload--failed")).to_contain_text("empty.txt could not be sent")
    await page.get_by_role("button", name="Remove empty.txt").click()
    await page.locator("#words").evaluate(
        """field => {
          const data = new DataTransfer();
          data.items.add(new File(["pasted words"], "pasted.txt", { type: "text/plain" }));
          field.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
        }"""
    )
    await expect(page.locator(".upload--done")).to_have_count(2)
    await say(page, "")
    image = page.locator(".file--image img")
    await expect(image).to_have_attribute("alt", "bell.png")
    await expect(image).to_have_js_property("complete", True)
    assert await image.evaluate("image => image.naturalWidth > 0")
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Download pasted.txt").click()
    assert Path(await (await download.value).path()).read_text() == "pasted words"


async def test_new_and_earlier_conversations(context: BrowserContext, live: Live) -> None:
    page = await chat(context, live)
    await sent(page, "the first matter")
    await page.get_by_role("button", name="Menu").click()
    await page.get_by_role("button", name="New conversation").click()
    await expect(page.locator("#welcome")).to_be_visible()
    await sent(page, "the second matter")
    bob = await live.agent()
    await live.reply(bob, 1, "to the first")
    await expect(page).to_have_title("(1) Deskbell")
    await page.get_by_role("button", name="Menu").click()
    await page.get_by_role("button", name="the first matter").click()
    await expect(page.locator(".message--them .message__box")).to_have_text("to the first")
    await expect(page).to_have_title("Deskbell")


async def test_outside_working_hours_it_takes_an_address(context: BrowserContext, live: Live) -> None:
    tomorrow = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[(clock.now().weekday() + 1) % 7]
    hours = {"zone": "UTC", "week": {tomorrow: [["09:00", "17:00"]]}}
    async with live.desk.unit() as uow:
        await desk_settings.store(uow.session, {"hours": hours})
    await live.desk.refresh()
    page = await chat(context, live)
    await expect(page.locator("#state")).to_have_text("We are closed right now.")
    await expect(page.locator("#after")).to_contain_text("We are closed right now and open again tomorrow at")
    await sent(page, "anyone?")
    await page.get_by_label("E-mail address").fill("ada@example")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("alert").filter(has_text="e-mail")).to_be_visible()
    await page.get_by_label("E-mail address").fill("ada@example.com")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Thank you, we have it.")).to_be_visible()


async def test_the_widget_on_another_site(context: BrowserContext, live: Live) -> None:
    page, chat_frame = await shop(context, live, await vouched(live, "ada"))
    await chat_frame.locator("#words").fill("from the shop")
    await chat_frame.locator("#words").press("Enter")
    await expect(chat_frame.locator(".message--me .message__state")).to_have_count(1)
    await expect(chat_frame.locator(".message--me .prose")).to_have_text("from the shop")
    accent = await chat_frame.evaluate(
        "getComputedStyle(document.documentElement).getPropertyValue('--accent')"
    )
    assert accent.strip() == "#7a1fa2"
    assert await chat_frame.evaluate("document.documentElement.lang") == "de"
    await page.evaluate("Deskbell.close()")
    bob = await live.agent()
    async with live.desk.unit() as uow:
        from core.people import service as people
        from core.tickets import access

        opened = await access.get(uow, bob, 1)
        assert (await people.know(uow, await people.get(uow, opened.ticket.requester_id))).name == "Ada"
    await live.reply(bob, 1, "an answer")
    await expect(chat_frame.locator(".message--them")).to_have_count(1)
    await expect(page.get_by_role("button", name="(1 ")).to_have_count(1)


async def vouched(live: Live, sub: str) -> str:
    """A host site's word for one of its people."""
    async with live.desk.unit() as uow:
        secret = await chat_secret.read(uow.session, uow.keys) or await chat_secret.make(uow)
    claims = {"sub": sub, "name": sub.title(), "exp": int(clock.now().timestamp()) + 600}
    return jwt.encode(claims, secret, algorithm="HS256")


async def shop(
    context: BrowserContext, live: Live, token: str = "", host: str = "localhost"
) -> tuple[Page, Frame]:
    """A site of somebody else's with the chat open in its frame; on 127.0.0.1 the frame is of
    the same site and has storage, elsewhere the browser refuses it."""
    page = await context.new_page()
    await page.goto(f"{live.url.replace('127.0.0.1', host)}/host?token={token}")
    await page.evaluate("Deskbell.open()")
    await page.frame_locator("iframe").locator("html[data-ready]").wait_for()
    return page, page.frames[1]


async def test_a_chat_that_does_not_come_can_be_closed_on_a_phone_and_tried_again(
    context: BrowserContext, live: Live
) -> None:
    page = await context.new_page()
    await page.set_viewport_size({"width": 360, "height": 740})
    await context.route("**/chat/webchat/?framed=1*", lambda route: route.abort())
    await page.goto(f"{live.url}/host?token=")
    await page.get_by_role("button", name="open").or_(page.get_by_role("button", name="öffnen")).click()
    await page.get_by_role("button", name="close").or_(page.get_by_role("button", name="schließen")).click()
    await context.unroute("**/chat/webchat/?framed=1*")
    await page.evaluate("Deskbell.open()")
    await page.frame_locator("iframe").locator("html[data-ready]").wait_for()
    await expect(page.get_by_role("button", name="Chat")).to_have_count(0)


async def test_what_one_visitor_was_writing_is_never_sent_as_the_next(
    context: BrowserContext, live: Live
) -> None:
    first, ada = await shop(context, live, await vouched(live, "ada"), "127.0.0.1")
    await say(ada, "one")
    await expect(ada.locator(".message--me .prose")).to_have_text("one")
    await context.route("**/conversations/**", lambda route: route.abort())
    await say(ada, "my diagnosis")
    await expect(ada.locator(".message--sending")).to_have_count(1)
    await ada.locator("#words").fill("and my address")
    await first.close()
    await context.unroute("**/conversations/**")

    second, eve = await shop(context, live, await vouched(live, "eve"), "127.0.0.1")
    await expect(eve.locator("#words")).to_have_value("")
    await say(eve, "I am Eve")
    await expect(eve.locator(".message--me .prose")).to_have_text(["I am Eve"])
    assert "diagnosis" not in await eve.content()
    await second.evaluate("token => Deskbell.identify(token)", await vouched(live, "ada"))
    await expect(eve.locator(".message--me .prose")).to_have_text(["one", "my diagnosis"])
    await expect(eve.locator("#words")).to_have_value("and my address")


async def test_a_visitor_is_known_again_where_the_frame_has_no_storage(
    context: BrowserContext, live: Live
) -> None:
    page, frame = await shop(context, live)
    assert not await frame.evaluate("() => { try { return Boolean(localStorage); } catch { return false; } }")
    await say(frame, "remember me")
    await expect(frame.locator(".message--me .prose")).to_have_text("remember me")
    await page.reload()
    await page.evaluate("Deskbell.open()")
    frame = page.frames[1]
    await expect(frame.locator(".message--me .prose")).to_have_text("remember me")
    await say(frame, "it is me")
    await expect(frame.locator(".message--me .prose")).to_have_text(["remember me", "it is me"])
    async with live.desk.unit() as uow:
        assert await uow.session.scalar(select(func.count()).select_from(Ticket)) == 1


async def test_a_site_gets_the_token_of_its_own_visitor_only(context: BrowserContext, live: Live) -> None:
    page = await chat(context, live)
    await sent(page, "on the desk's own page")
    own = await page.evaluate("localStorage.getItem('deskbell-chat-token')")
    other, frame = await shop(context, live, host="127.0.0.1")
    await expect(frame.locator("#welcome")).to_be_visible()
    await other.wait_for_function("localStorage.getItem('deskbell-visitor')")
    assert own not in await other.evaluate("JSON.stringify(localStorage.getItem('deskbell-visitor'))")


async def test_what_others_on_the_site_say_is_not_listened_to(context: BrowserContext, live: Live) -> None:
    """Another frame of the page speaks to the widget, and a script to the chat that is not the page around it."""
    page, frame = await shop(context, live, await vouched(live, "ada"), "127.0.0.1")
    await say(frame, "one")
    await expect(frame.locator(".message--me .prose")).to_have_text("one")
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    kept = "Object.entries(localStorage).sort()"
    before = await page.evaluate(kept)
    said = {
        "visitor": "stolen",
        "token": await vouched(live, "eve"),
        "unread": 42,
        "close": True,
        "open": False,
    }
    everything = [{"deskbell": said}, {"deskbell": None}, {"deskbell": 7}, None, "deskbell", {"over": True}]
    heard = """(all) => new Promise((done) => {
      addEventListener("message", (event) => event.data?.over && done());
      const post = `for (const one of ${JSON.stringify(all)}) %s.postMessage(one, "*");`;
      %s
    })"""
    hostile = (
        'const other = document.createElement("iframe");'
        "other.srcdoc = `<script>${post}</script>`; document.body.append(other);"
    )
    await page.evaluate(heard % ("parent", hostile), everything)
    async with page.expect_request(lambda request: request.url.endswith("/messages")) as asked:
        await frame.evaluate(heard % ("window", "eval(post)"), everything)
        await say(frame, "still me")
    assert "/session" not in (await asked.value).url
    await expect(frame.locator(".message--me .prose")).to_have_text(["one", "still me"])
    assert await page.evaluate(kept) == before
    await expect(page.get_by_role("button", name="42")).to_have_count(0)
    assert wrong == []


async def test_each_conversation_has_a_draft_of_its_own(context: BrowserContext, live: Live) -> None:
    page = await chat(context, live)
    await sent(page, "the first matter")
    await page.locator("#words").fill("half of the first")
    await page.get_by_role("button", name="Menu").click()
    await page.get_by_role("button", name="New conversation").click()
    await expect(page.locator("#words")).to_have_value("")
    await page.get_by_role("button", name="Menu").click()
    await page.get_by_role("button", name="the first matter").click()
    await expect(page.locator("#words")).to_have_value("half of the first")
    await page.reload()
    await expect(page.locator("#words")).to_have_value("half of the first")


async def test_a_site_that_is_not_allowed_may_not_show_it(chromium: Browser, live: Live) -> None:
    async with live.desk.unit() as uow:
        await desk_settings.store(uow.session, {"chat_origins": ["https://shop.example"]})
    await live.desk.refresh()
    context = await chromium.new_context()
    page = await context.new_page()
    refused: list[str] = []
    page.on("console", lambda line: refused.append(line.text))
    await page.goto(f"{live.url.replace('127.0.0.1', 'localhost')}/host")
    async with page.expect_console_message(lambda line: "frame-ancestors" in line.text):
        await page.evaluate("Deskbell.open()")
    await context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
async def test_axe_finds_nothing(chromium: Browser, live: Live, scheme: Any, width: int) -> None:
    context = await chromium.new_context(
        viewport={"width": width, "height": 760}, color_scheme=scheme, reduced_motion="reduce"
    )
    page = await chat(context, live)
    await expect(page.locator("#welcome")).to_be_visible()
    assert await violations(page) == []
    await sent(page, "Hello, see https://example.com")
    bob = await live.agent()
    await live.reply(bob, 1, "> quoted\n\nAn answer with a [link](https://example.com)")
    await expect(page.locator(".message--them")).to_have_count(1)
    assert await violations(page) == []
    async with live.desk.unit(bob) as uow:
        await tickets.resolve(uow, bob, 1)
    await expect(page.locator(".rating")).to_be_visible()
    assert await violations(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await page.get_by_role("button", name="Menu").click()
    await expect(page.locator(".conversation")).to_be_visible()
    assert await violations(page) == []
    await context.close()


async def test_a_whole_talk_by_keyboard(context: BrowserContext, live: Live) -> None:
    page = await chat(context, live)
    await expect(page.locator("#words")).to_be_focused()
    await page.keyboard.type("by keys")
    await page.keyboard.press("Shift+Enter")
    await page.keyboard.type("alone")
    await page.keyboard.press("Enter")
    await expect(page.locator(".message--me .prose")).to_have_text("by keys\nalone", use_inner_text=True)
    bob = await live.agent()
    await live.reply(bob, 1, "fine")
    theirs = page.locator(".message--them")
    await theirs.get_by_role("button", name="React", exact=True).focus()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(theirs.locator(".reaction")).to_have_text("❤️1")
    await page.locator("#menu-open").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_closing_the_page_is_noticed(context: BrowserContext, live: Live) -> None:
    from core.db import EventRow

    page = await chat(context, live)
    await sent(page, "hello")
    async with live.desk.bus.subscribe() as signals:
        await page.close()
        async for signal in signals:
            if signal.data.get("name") == "ticket.requester_left":
                break
    async with live.desk.unit() as uow:
        row = await uow.session.scalar(select(EventRow).where(EventRow.name == "ticket.requester_left"))
        assert row is not None
        assert row.data["number"] == 1


async def test_eight_windows_hear_by_one_stream_and_still_send(context: BrowserContext, live: Live) -> None:
    first = await chat(context, live)
    await sent(first, "from the first")
    bob = await live.agent()
    others = [await chat(context, live) for _n in range(7)]
    last = others[-1]
    await expect(last.locator(".message--me")).to_have_count(1)
    assert live.chat.hub.pages == 1
    await sent(last, "from the last")
    await live.reply(bob, 1, "to all of you")
    for page in (first, *others):
        await expect(page.locator(".message--them .message__box")).to_have_text("to all of you")
    await first.close()
    await live.reply(bob, 1, "to all who stayed")
    for page in others:
        await expect(page.locator(".message--them .message__box").last).to_have_text("to all who stayed")
