"""The desk's lists over HTTP: queues, filters, paging, views, bulk, search, palette, new tickets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from core import clock
from core.desk import Desk
from core.ports.bus import Signal
from core.presence import Presence
from core.tickets import service as tickets
from core.tickets.model import Priority, Ticket
from tests.webui.browsing import Browser
from tests.webui.desk_world import DeskWorld
from webui import live
from webui.pages import queues


@pytest.fixture
async def world(desk: Desk) -> DeskWorld:
    return await DeskWorld(desk).settle()


@pytest.fixture
async def bob(world: DeskWorld) -> AsyncIterator[Browser]:
    async with world.signed_in(world.people["bob"]) as browser:
        yield browser


async def test_the_desk_opens_where_the_work_is(world: DeskWorld, bob: Browser) -> None:
    number = await world.ticket()
    assert (await bob.get("/desk")).headers["location"] == "/desk/queues/unassigned"
    await world.do(bob, f"/tickets/{number}/claim")
    assert (await bob.get("/desk")).headers["location"] == "/desk/queues/mine"
    assert (await bob.get("/desk/queues/nowhere")).status_code == 404


async def test_filters_and_what_they_do_not_know(world: DeskWorld, bob: Browser) -> None:
    await world.ticket("Low one", priority=Priority.low)
    await world.ticket("Urgent one", priority=Priority.urgent, category_id=world.category.id)
    await bob.look("/desk/queues/all?priority=urgent")
    assert "Urgent one" in bob.text
    assert "Low one" not in bob.text
    await bob.look(f"/desk/queues/all?category={world.category.id}&status=live")
    assert "Urgent one" in bob.text
    await bob.look("/desk/queues/all?assignee=none&tag=none&channel=desk")
    assert "Low one" in bob.text
    for wrong in ("status=odd", "team=odd", "assignee=%00"):
        assert (await bob.get(f"/desk/queues/all?{wrong}")).status_code == 422
    assert (await bob.get("/desk/queues/all?after=odd")).status_code == 422
    assert (await bob.get("/desk/queues/all?sort=odd")).status_code == 200


async def test_words_typed_into_a_list_are_searched_in_it(world: DeskWorld, bob: Browser) -> None:
    answer = await bob.get("/desk/queues/mine?priority=high&q=printer")
    assert answer.headers["location"] == "/search?q=assignee%3Ame+priority%3Ahigh+printer"


async def test_lists_are_paged_by_key(
    world: DeskWorld, bob: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queues, "ROWS", 2)
    for index in range(5):
        await world.ticket(f"Ticket number {index}")
    await bob.look("/desk/queues/all?sort=number")
    assert "Ticket number 1" in bob.text
    assert "Ticket number 2" not in bob.text
    older = next(url for url in links(bob) if "after=" in url)
    await bob.look(older)
    assert "Ticket number 3" in bob.text
    newer = next(url for url in links(bob) if "before=" in url)
    await bob.look(newer)
    assert "Ticket number 0" in bob.text


async def test_a_fragment_holds_the_rows_alone(world: DeskWorld, bob: Browser) -> None:
    await world.ticket()
    answer = await bob.get("/desk/queues/all", headers={"x-fragment": "1"})
    assert "Wrong invoice" in answer.text
    assert "<html" not in answer.text
    assert answer.headers["x-number"] == "1", "so that the number in the heading stays true"


async def test_bulk_does_what_can_be_done_and_says_why_not(world: DeskWorld, bob: Browser) -> None:
    free, taken = await world.ticket("Free"), await world.ticket("Taken")
    async with world.desk.unit(world.actors["mira"]) as uow:
        await tickets.claim(uow, world.actors["mira"], taken)
    both = {"ticket": [str(free), str(taken), "999999"], "back": "/desk/queues/all"}
    answer = await world.do(bob, "/desk/bulk", both | {"verb": "claim"})
    assert answer.headers["location"] == "/desk/queues/all"
    await bob.look("/desk/queues/all")
    assert "1 ticket changed." in bob.text
    assert f"#{taken}: Mira Lindqvist has claimed" in bob.text
    assert "#999999: There is no ticket 999999." in bob.text
    told = (
        await world.script(bob, "/desk/bulk", both | {"verb": "apply", "priority": "high", "tag": "vip"})
    ).json()
    assert (told["done_count"], len(told["refused"]), told["tone"]) == (2, 1, "warn")
    assert (await world.get(free)).ticket.priority == "high"
    for wrong, status in (
        ({"verb": "resolve"}, 303),
        ({"ticket": str(free), "verb": "odd"}, 422),
        ({"ticket": str(free), "verb": "apply"}, 303),
    ):
        assert (await world.do(bob, "/desk/bulk", wrong)).status_code == status
    await world.do(bob, "/desk/bulk", both | {"verb": "resolve", "back": "//evil.example"})
    assert bob.page.headers["location"] == "/desk"
    assert (await world.get(free)).ticket.status == "resolved"


async def test_a_view_is_saved_edited_and_deleted(world: DeskWorld, bob: Browser) -> None:
    await world.ticket("Urgent one", priority=Priority.urgent)
    await world.ticket("Low one", priority=Priority.low)
    await bob.look("/desk/views/new?queue=unassigned&priority=urgent")
    await bob.submit("/desk/views", {"name": "What burns", "columns": ["subject", "status", "messages"]})
    assert "What burns" in bob.text
    assert "Urgent one" in bob.text
    assert "Low one" not in bob.text
    url = str(bob.page.url)
    await bob.look(f"{url}/edit")
    await bob.submit(url.removeprefix("http://test"), {"name": "What sleeps", "priority": "low"})
    assert "Low one" in bob.text
    async with world.signed_in(world.people["mira"]) as mira:
        assert (await mira.get(url)).status_code == 404
    empty = await world.do(bob, "/desk/views", {"name": "", "by_filters": "1"})
    assert (empty.status_code, "must not be empty" in empty.text) == (422, True)
    shared = await world.do(bob, "/desk/views", {"name": "All of us", "by_filters": "1", "shared": "1"})
    assert shared.status_code == 403
    await bob.look(f"{url}/edit")
    await bob.submit(f"{url.removeprefix('http://test')}/delete")
    assert (await bob.get(url)).status_code == 404


async def test_search_highlights_and_escapes(world: DeskWorld, bob: Browser) -> None:
    number = await world.ticket("The <b>invoice</b> is wrong", "An invoice & more")
    await bob.look("/search?q=invoice")
    assert "<mark>invoice</mark>" in bob.page.text
    assert "&lt;b&gt;<mark>" in bob.page.text
    await bob.look(f"/search?q={number}")
    assert f"Go to #{number}" in bob.text
    await bob.look("/search?q=status:purple")
    assert "has no value" in bob.text
    await bob.look("/search?q=nonesuch")
    assert "Nothing found" in bob.text


async def test_the_palette_knows_the_page(world: DeskWorld, bob: Browser) -> None:
    number = await world.ticket()
    titles = {
        each["title"]: each for each in (await bob.get(f"/desk/palette.json?page=/tickets/{number}")).json()
    }
    assert titles["Claim"]["url"] == f"/tickets/{number}/claim"
    assert {"Mine", "New ticket", "Assign to Mira Lindqvist", "Mira Lindqvist"} <= titles.keys()
    assert "Settings" not in titles
    elsewhere = [each["title"] for each in (await bob.get("/desk/palette.json?page=/tickets/999999")).json()]
    assert "Claim" not in elsewhere


async def test_a_ticket_for_somebody_who_rang(world: DeskWorld, bob: Browser) -> None:
    people = (await bob.get("/desk/people.json?q=ada")).json()
    assert people[0]["value"] == "Ada Okafor <ada@example.org>"
    await bob.look(f"/desk/new?category={world.category.id}")
    fields = {"requester": "Ada Okafor <ada@example.org>", "subject": "Rang", "body": "She rang about it.",
              "field_invoice": "7", "assign": "me"}  # fmt: skip
    await bob.submit("/desk/new", fields)
    made = await world.get(int(str(bob.page.url).rsplit("/", 1)[1]))
    assert (made.ticket.requester_id, made.ticket.assignee_id) == (
        world.people["ada"].id,
        world.people["bob"].id,
    )
    assert made.fields["invoice"] == "7"
    await world.do(bob, "/desk/new", {"requester": "Neu <new@example.org>", "body": "Hello"})
    assert bob.page.status_code == 303
    for wrong in (
        {"body": "Hello"},
        {"requester": "no@dot", "body": "Hello"},
        {"requester": "Ada Okafor <ada@example.org>"},
    ):
        assert (await world.do(bob, "/desk/new", wrong)).status_code == 422


async def test_availability_theme_and_offers(world: DeskWorld, bob: Browser) -> None:
    await world.do(bob, "/desk/availability", {"state": "here"})
    await bob.look("/desk/queues/all")
    assert "You are available." in bob.text
    assert (await world.do(bob, "/desk/availability", {"state": "asleep"})).status_code == 422
    await world.do(bob, "/desk/theme", {"theme": "dark"})
    await bob.look("/desk/queues/all")
    assert 'data-theme="dark"' in bob.page.text
    number = await world.ticket("Please help", channel="webchat")
    async with world.desk.unit() as uow:
        ticket = (await world.get(number)).ticket
        row = await uow.session.get(Ticket, ticket.id)
        assert row is not None
        row.offered_to_id, row.offered_until = world.people["bob"].id, clock.now() + timedelta(seconds=30)
    await bob.look("/desk/queues/all")
    assert "Ada Okafor is waiting in the chat" in bob.text
    await world.do(bob, f"/desk/offers/{number}/pass")
    assert (await world.get(number)).ticket.offered_to_id is None
    assert (await world.do(bob, f"/desk/offers/{number}/pass")).status_code == 409
    assert "--accent: #112233" in (await bob.get("/theme.css?accent=112233")).text
    assert "evil" not in (await bob.get("/theme.css?accent=evil;}")).text


async def test_presence_is_seen_and_forgotten(world: DeskWorld, bob: Browser) -> None:
    number = await world.ticket()
    await world.script(bob, f"/tickets/{number}/typing", {"kind": "note"})
    async with world.signed_in(world.people["mira"]) as mira:
        assert "Bob Smith is writing a note" in (await mira.get(f"/tickets/{number}/lookers")).text
    assert "Bob" not in (await bob.get(f"/tickets/{number}/lookers")).text


async def test_the_book_of_presence(world: DeskWorld) -> None:
    now = [0.0]
    book = Presence(world.desk.bus, now=lambda: now[0])
    conversation, person = world.people["ada"].id, world.people["bob"].id
    book.looks(conversation, person)
    book.types(conversation, person)
    assert [book.is_typing(each) for each in book.at(conversation)] == [True]
    assert book.ends_in(conversation, []) == 6.0
    assert book.ends_in(conversation, [], but=person) is None
    now[0] = 7
    assert [book.is_typing(each) for each in book.at(conversation)] == [False]
    now[0] = 80
    assert book.at(conversation) == []
    data = {"conversation": str(conversation), "person": str(person), "doing": "typing"}
    book.heard(Signal("presence", data))
    book.heard(Signal("presence", {"conversation": "odd"}))
    book.heard(Signal("typing", {"place": "p", "on": True, "side": "requester"}))
    assert (len(book.at(conversation)), book.typing_at(["p"]), book.typing_at(["q"])) == (1, True, False)
    now[0] = 82
    assert book.ends_in(conversation, ["p", "q"]) == 4.0
    book.stops(conversation, person)
    book.leaves(conversation, person)
    assert book.at(conversation) == []


async def test_who_opens_a_new_stream_before_the_old_one_ends_is_not_gone(world: DeskWorld) -> None:
    book = Presence(world.desk.bus)
    conversation, person = world.people["ada"].id, world.people["bob"].id
    book.comes(conversation, person)
    book.comes(conversation, person)
    book.leaves(conversation, person)
    assert len(book.at(conversation)) == 1
    book.leaves(conversation, person)
    assert book.at(conversation) == []


async def test_whose_message_has_arrived_does_not_type_it_any_more(world: DeskWorld) -> None:
    watched = {"c": 5, "place p": 5, "place of another": 6}
    stream = live.stream_of(world.site, watched, "me", staff=True)
    assert (await anext(stream))["event"] == "ready"
    for place in ("p", "of another"):
        world.desk.bus.publish(Signal("typing", {"place": place, "on": True, "side": "requester"}))
    assert "presence:5" in (await anext(stream))["data"]
    assert world.site.presence.typing_at(["p"])
    said = {"conversation": "c", "name": "message.said", "side": "requester"}
    world.desk.bus.publish(Signal("event", said))
    assert "presence:5" in (await anext(stream))["data"]
    assert not world.site.presence.typing_at(["p"])
    assert world.site.presence.typing_at(["of another"])
    await stream.aclose()


def links(browser: Browser) -> list[str]:
    import html
    import re

    return [html.unescape(each) for each in re.findall(r'href="([^"]+)"', browser.page.text)]
