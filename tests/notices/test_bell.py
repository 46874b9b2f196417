"""The bell, from the event to the page: made, rung, shown, read."""

from __future__ import annotations

import re

import httpx
from fastapi import Response as Answer
from sqlalchemy import select
from starlette.requests import Request

from bot.mailing import make_teller
from core import clock, inbox
from core.chat import Place, Said, Sender
from core.conversations import service as conversations
from core.conversations.events import MessageUndelivered
from core.conversations.model import Message
from core.desk import Desk
from core.errors import NotFound
from core.kb import review
from core.kb import service as articles
from core.kb.model import ArticleText
from core.notices import service as notices
from core.people.model import Person
from core.ports.bus import Signal
from core.tickets import access
from core.tickets import service as tickets
from core.tickets.model import Ticket
from tests.notices.world import actor, agent, fresh, opened, requester, says, team, told
from webui import sessions
from webui.app import make_app
from webui.site import Site


async def bell(desk: Desk, person: Person) -> list[tuple[str, bool]]:
    who = await actor(desk, person)
    async with desk.unit(who) as uow:
        return [(one.text, one.new) for one in await notices.listed(uow, who)]


async def claim(desk: Desk, person: Person, ticket: Ticket) -> None:
    async with desk.unit(await actor(desk, person)) as uow:
        await tickets.claim(uow, uow.actor, ticket.number)


async def test_a_team_hears_of_its_ticket_and_of_no_other(desk: Desk) -> None:
    billing, printing = await team(desk, "Billing"), await team(desk, "Printing")
    bob, eve = await agent(desk, "Bob", teams=(billing,)), await agent(desk, "Eve", teams=(printing,))
    ticket = await opened(desk, await requester(desk))
    async with desk.unit(await actor(desk, eve)) as uow:
        await tickets.assign(uow, uow.actor, ticket.number, team=billing)
    await told(desk, make_teller(desk))
    assert await bell(desk, bob) == [("New ticket for your team from Eve", True)]
    assert await bell(desk, eve) == []


async def test_from_the_first_word_to_a_bad_rating(desk: Desk) -> None:
    bob = await agent(desk, "Bob")
    eve = await agent(desk, "Eve")
    lea = await agent(desk, "Lea", role="lead")
    ada = await requester(desk)
    teller = make_teller(desk)
    ticket = await opened(desk, ada)
    await told(desk, teller)
    assert await bell(desk, bob) == [("New ticket for your team from Ada", True)]
    async with desk.unit(await actor(desk, eve)) as uow:
        await tickets.assign(uow, uow.actor, ticket.number, to=bob.id)
    await says(desk, ada, ticket, "Still burning")
    await says(desk, ada, ticket, "And now the curtains")
    async with desk.unit(await actor(desk, bob)) as uow:
        await tickets.note(uow, uow.actor, ticket.number, "Eve, what do you think?", mentions=[eve.id])
        await tickets.reply(uow, uow.actor, ticket.number, "Water is on its way", hold=0)
        await tickets.resolve(uow, uow.actor, ticket.number)
    async with desk.unit(await actor(desk, ada)) as uow:
        await tickets.rate(uow, uow.actor, ticket.number, 1, "Too late")
    await told(desk, teller)
    assert [text for text, _new in await bell(desk, bob)] == [
        "Ada gave a bad rating",
        "Ada replied",
        "Eve assigned a ticket to you",
        "New ticket for your team from Ada",
    ], "two replies are one notice"
    assert [text for text, _new in await bell(desk, eve)][:2] == ["Bob replied", "Bob mentions you"]
    assert "Ada gave a bad rating" in [text for text, _new in await bell(desk, lea)]
    assert await bell(desk, ada) == [], "the bell is the staff's"


async def test_a_message_that_cannot_be_delivered_is_told_to_its_author(desk: Desk) -> None:
    bob = await agent(desk, "Bob")
    ticket = await opened(desk, await requester(desk))
    async with desk.unit(await actor(desk, bob)) as uow:
        _opened, message = await tickets.reply(uow, uow.actor, ticket.number, "Hello", hold=0)
    async with desk.unit() as uow:
        uow.emit(MessageUndelivered(subject=message.id, error="gone"), conversation=message.conversation_id)
    await told(desk, make_teller(desk))
    assert ("A message could not be delivered", True) in await bell(desk, bob)


async def test_the_bell_rings_after_the_commit_for_its_person_only(desk: Desk) -> None:
    bob = await agent(desk, "Bob")
    heard: list[Signal] = []
    desk.bus.publish = heard.append  # type: ignore[method-assign]
    await opened(desk, await requester(desk))
    await told(desk, make_teller(desk))
    assert [one.data for one in heard if one.topic == "notice"] == [{"person": str(bob.id)}]


async def test_what_was_turned_off_is_not_heard_and_what_one_may_not_see_is_not_shown(desk: Desk) -> None:
    bob, eve = await agent(desk, "Bob"), await agent(desk, "Eve")
    async with desk.unit() as uow:
        person = await uow.session.get(Person, bob.id)
        assert person is not None
        notices.set_preference(person, "team_ticket", "bell", False)
    await opened(desk, await requester(desk))
    await told(desk, make_teller(desk))
    assert await bell(desk, bob) == []
    assert len(await bell(desk, eve)) == 1
    async with desk.unit() as uow:
        person = await uow.session.get(Person, eve.id)
        assert person is not None
        person.role = "requester"
    assert await bell(desk, person) == []


async def test_reading_one_all_and_never_somebody_elses(desk: Desk) -> None:
    bob, eve = await agent(desk, "Bob"), await agent(desk, "Eve")
    ada = await requester(desk)
    for n in range(3):
        await opened(desk, ada, f"Question {n}")
    await told(desk, make_teller(desk))
    who = await actor(desk, bob)
    async with desk.unit(who) as uow:
        shown = await notices.listed(uow, who)
        assert await notices.unread(uow.session, bob.id) == 3
        await notices.read(uow, bob.id, shown[0].id)
        try:
            await notices.read(uow, eve.id, shown[1].id)
        except NotFound:
            pass
        else:
            raise AssertionError("somebody else's notice was found")
    async with desk.unit(who) as uow:
        assert await notices.unread(uow.session, bob.id) == 2
        assert await notices.read_all(uow, bob.id) == 2
        assert await notices.unread(uow.session, bob.id) == 0
        assert await notices.unread(uow.session, eve.id) == 3


async def test_pages_are_walked_by_key_in_both_directions(desk: Desk) -> None:
    bob, ada = await agent(desk, "Bob"), await requester(desk)
    for n in range(5):
        await opened(desk, ada, f"Question {n}")
    await told(desk, make_teller(desk))
    who = await actor(desk, bob)
    async with desk.unit(who) as uow:
        whole = [one.id for one in await notices.listed(uow, who)]
        first = await notices.listed(uow, who, most=2)
        second = await notices.listed(uow, who, before=first[-1].id, most=2)
        back = await notices.listed(uow, who, after=second[0].id, most=2)
    assert [one.id for one in (*first, *second)] == whole[:4]
    assert [one.id for one in back] == whole[:2]


# --- the pages --------------------------------------------------------------------------


async def test_moderators_hear_of_what_was_reported_and_are_led_there(desk: Desk) -> None:
    bob, lea, ada = await agent(desk, "Bob"), await agent(desk, "Lea", role="lead"), await requester(desk)
    ticket = await opened(desk, ada)
    async with desk.unit(await actor(desk, bob)) as uow:
        _opened, message = await tickets.reply(uow, uow.actor, ticket.number, "Rude words", hold=0)
    for _time in range(2):
        async with desk.unit(await actor(desk, ada)) as uow:
            thread = (await access.by_id(uow, uow.actor, ticket.id)).thread
            said = await uow.session.get(Message, message.id)
            assert said is not None
            await conversations.report(uow, thread, said)
    await told(desk, make_teller(desk))
    assert [text for text, _new in await bell(desk, lea)].count("A message was reported") == 1
    assert "A message was reported" not in [text for text, _new in await bell(desk, bob)]
    async with await browser(desk, lea) as client:
        async with desk.unit() as uow:
            notice_id = await uow.session.scalar(
                select(notices.Notice.id).where(notices.Notice.kind == "reported")
            )
        followed = await client.get(f"/notices/{notice_id}")
        assert followed.headers["location"] == "/admin/moderation/reported"
        assert (await client.get("/admin/moderation/reported")).text.count("Rude words") == 1
        assert "A message is reported" in (await client.get("/account/notices")).text
    async with await browser(desk, bob) as client:
        assert "A message is reported" not in (await client.get("/account/notices")).text


async def test_a_quarantine_that_fills_is_one_notice_and_another_once_it_was_emptied(desk: Desk) -> None:
    lea, bob = await agent(desk, "Lea", role="lead"), await agent(desk, "Bob")
    keys = []
    for n in range(3):
        inbound = Said(
            place=Place("webchat", "main", "v1", "t1"),
            sender=Sender("v1"),
            text=f"Spam {n}",
            native=f"m{n}",
            at=clock.now(),
        )
        async with desk.unit() as uow:
            assert await inbox.note_done(uow, inbound)
            await inbox.hold(uow, inbound, "block_word")
            keys.append(inbox.fact_key(uow.keys, inbound))
        if n == 1:
            await told(desk, make_teller(desk))
            assert await bell(desk, lea) == [("Messages wait in quarantine", True)]
            assert await bell(desk, bob) == []
            async with desk.unit() as uow:
                await notices.read_all(uow, lea.id)
                for key in keys:
                    assert await inbox.discard(uow, key)
    await told(desk, make_teller(desk))
    assert [new for _text, new in await bell(desk, lea)] == [True, False]


async def browser(desk: Desk, person: Person) -> httpx.AsyncClient:
    """A browser in which a person is signed in."""
    site = Site(desk=desk, public_url="http://test")
    client = httpx.AsyncClient(transport=httpx.ASGITransport(make_app(site)), base_url="http://test")
    answer = Answer()
    async with desk.unit() as uow:
        found = await uow.session.get(Person, person.id)
        assert found is not None
        request = Request({"type": "http", "headers": [], "client": ("127.0.0.1", 1)})
        await sessions.start(uow, request, answer, found, how="link", secure=False)
    name, _equals, rest = answer.headers["set-cookie"].partition("=")
    client.cookies.set(name, rest.split(";")[0])
    return client


async def test_the_page_and_the_bell_in_a_browser(desk: Desk) -> None:
    bob, ada = await agent(desk, "Bob"), await requester(desk, "Ada <b>Lovelace</b>")
    ticket = await opened(desk, ada, "<script>alert(1)</script> fire")
    await told(desk, make_teller(desk))
    async with await browser(desk, bob) as client:
        page = await client.get("/notices")
        assert page.status_code == 200
        assert "New ticket for your team from Ada &lt;b&gt;" in page.text
        assert "<script>alert" not in page.text
        bell_now = await client.get("/fragments/bell", headers={"x-fragment": "1"})
        assert 'data-unread="1"' in bell_now.text
        assert "<html" not in bell_now.text
        async with desk.unit() as uow:
            notice_id = await uow.session.scalar(select(notices.Notice.id))
        followed = await client.get(f"/notices/{notice_id}")
        assert followed.status_code == 303
        assert followed.headers["location"].startswith(f"/tickets/{ticket.number}")
        assert 'data-unread="0"' in (await client.get("/fragments/bell")).text
        assert (await client.post("/notices/read")).status_code == 403, "a form without its token"
        csrf = page.text.split('name="csrf" content="')[1].split('"')[0]
        assert (await client.post("/notices/read", data={"csrf": csrf})).status_code == 303
        assert (await client.get(f"/notices/{ticket.id}")).status_code == 404
    async with await browser(desk, ada) as client:
        assert (await client.get("/notices")).status_code == 404, "requesters have no bell"
    assert (await fresh(desk, ticket)).id == ticket.id


async def test_a_review_is_told_to_the_reviewer_and_its_end_to_the_author(desk: Desk) -> None:
    ann, lea = await agent(desk, "Ann"), await agent(desk, "Lea", role="lead")
    other = await agent(desk, "Lou", role="lead")
    by_ann, by_lea = await actor(desk, ann), await actor(desk, lea)

    async def ask(title: str, reviewer: Person | None = None) -> ArticleText:
        async with desk.unit(by_ann) as uow:
            _article, text = await articles.create(
                uow, by_ann, title=title, body="Hold both buttons for 5 s."
            )
            return await review.ask(
                uow, by_ann, text.id, version=text.version, reviewer_id=reviewer.id if reviewer else None
            )

    first, second = await ask("Reset the hub", lea), await ask("Pair the lamp")
    await told(desk, make_teller(desk))
    asked = ("Ann asks for a review", True)
    assert (await bell(desk, lea), await bell(desk, other)) == ([asked, asked], [asked])
    async with desk.unit(by_lea) as uow:
        await review.approve(uow, by_lea, first.id, version=first.version)
        await review.give_back(uow, by_lea, second.id, version=second.version, note="Which lamp?")
    third = await ask("Mend the bell")
    async with desk.unit(by_ann) as uow:
        await review.give_back(uow, by_ann, third.id, version=third.version)
    await told(desk, make_teller(desk))
    assert await bell(desk, ann) == [
        ("Lea gave your article back", True),
        ("Lea published your article", True),
    ]
    async with await browser(desk, ann) as client:
        page = await client.get("/notices")
        assert "Pair the lamp" in page.text
        [link, _more] = re.findall(r'href="(/notices/[0-9a-f-]{36})"', page.text)[:2]
        assert (await client.get(link)).headers["location"] == f"/desk/articles/texts/{second.id}"
    async with await browser(desk, lea) as client:
        found = [
            (await client.get(link)).headers["location"]
            for link in re.findall(r'href="(/notices/[0-9a-f-]{36})"', (await client.get("/notices")).text)
        ]
        assert f"/desk/articles/texts/{first.id}/review" in found
