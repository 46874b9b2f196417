"""Every verb of the ticket page over HTTP: what it does, and what it says when it may not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import select

from core import clock
from core.access import SYSTEM
from core.conversations.model import Draft, Message
from core.desk import Desk
from core.tickets import access, macros, timeline
from core.tickets import service as tickets
from core.tickets.lines import MessageLine
from tests.webui.browsing import Browser
from tests.webui.desk_world import DeskWorld


@pytest.fixture
async def world(desk: Desk) -> DeskWorld:
    return await DeskWorld(desk).settle()


@pytest.fixture
async def bob(world: DeskWorld) -> AsyncIterator[Browser]:
    async with world.signed_in(world.people["bob"]) as browser:
        yield browser


async def messages(world: DeskWorld, number: int) -> list[MessageLine]:
    async with world.desk.unit() as uow:
        opened = await access.get(uow, world.actors["lea"], number)
        lines = (await timeline.timeline(uow, world.actors["lea"], opened)).lines
        return [each for each in lines if isinstance(each, MessageLine)]


async def test_claim_and_give_back(world: DeskWorld, bob: Browser) -> None:
    number = await world.ticket()
    answer = await world.do(bob, f"/tickets/{number}/claim")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/tickets/{number}")
    await bob.look(f"/tickets/{number}")
    assert "It is yours." in bob.page.text
    await bob.look(f"/tickets/{number}")
    assert "It is yours." not in bob.page.text, "said once"
    assert (await world.get(number)).ticket.assignee_id == world.people["bob"].id
    await world.do(bob, f"/tickets/{number}/claim/delete")
    assert (await world.get(number)).ticket.assignee_id is None


async def test_who_is_second_learns_who_was_first(world: DeskWorld, bob: Browser) -> None:
    number = await world.ticket()
    async with world.desk.unit(world.actors["mira"]) as uow:
        await tickets.claim(uow, world.actors["mira"], number)
    answer = await world.do(bob, f"/tickets/{number}/claim")
    assert answer.status_code == 409
    assert "Mira Lindqvist" in answer.text
    told = await world.script(bob, f"/tickets/{number}/claim")
    assert "Mira Lindqvist" in told.json()["detail"]


async def test_resolve_reopen_wait_wake_close(world: DeskWorld, bob: Browser) -> None:
    number = await world.ticket()

    async def status() -> str:
        return (await world.get(number)).ticket.status

    await world.do(bob, f"/tickets/{number}/waiting")
    assert await status() == "waiting"
    await world.do(bob, f"/tickets/{number}/snooze/delete")
    assert await status() == "open"
    await world.do(bob, f"/tickets/{number}/resolution", {"solution": "Explained"})
    assert (await status(), (await world.get(number)).solution) == ("resolved", "Explained")
    again = await world.do(bob, f"/tickets/{number}/resolution")
    assert (again.status_code, "resolved already" in again.text) == (409, True)
    await world.do(bob, f"/tickets/{number}/resolution/delete")
    assert await status() == "open"
    await world.do(bob, f"/tickets/{number}/closing")
    assert await status() == "closed"


async def test_handing_over_is_a_note_and_an_assignment_or_neither(world: DeskWorld, bob: Browser) -> None:
    number = await world.ticket()
    await bob.look(f"/tickets/{number}")
    assert "Hand over…" in bob.text
    await bob.look(f"/tickets/{number}/handover")
    mira = world.people["mira"].id
    words = {"to": str(mira), "note": "They have called twice already.", "was": ""}
    stale = await world.do(bob, f"/tickets/{number}/handover", words | {"was": str(mira)})
    assert stale.status_code == 409
    assert (await world.do(bob, f"/tickets/{number}/handover", {"note": "To whom?"})).status_code == 422
    await bob.look(f"/tickets/{number}")
    assert "called twice" not in bob.text
    assert "To whom?" not in bob.text
    await world.do(bob, f"/tickets/{number}/handover", words)
    await bob.look(f"/tickets/{number}")
    assert "They have called twice already." in bob.text
    assert (await world.get(number)).ticket.assignee_id == mira
    await world.do(bob, f"/tickets/{number}/handover", {"team": str(world.team.id), "was": str(mira)})
    ticket = (await world.get(number)).ticket
    assert (ticket.assignee_id, ticket.team_id) == (None, world.team.id)


@pytest.mark.parametrize("name", ["abc", "0", "-1", "9" * 30, "1.5", "²"])
async def test_what_is_no_number_is_no_ticket(bob: Browser, name: str) -> None:
    assert (await bob.get(f"/tickets/{name}")).status_code == 404


async def test_snooze_by_preset_by_own_day_and_never_into_the_past(world: DeskWorld, bob: Browser) -> None:
    number = await world.ticket()
    later = clock.now() + timedelta(hours=3)
    await world.do(bob, f"/tickets/{number}/snooze", {"until": later.isoformat(timespec="minutes")})
    assert (await world.get(number)).ticket.snoozed_until is not None
    await bob.look("/desk/queues/snoozed")
    assert "Wrong invoice" in bob.text
    for wrong in ({"at": "2001-01-01T10:00"}, {"at": "soon"}, {}):
        assert (await world.do(bob, f"/tickets/{number}/snooze", wrong)).status_code == 422


async def test_details_change_only_what_was_changed_and_lose_nothing(world: DeskWorld, bob: Browser) -> None:
    number = await world.ticket()
    form = {"status": "open", "was_status": "open", "priority": "high", "was_priority": "normal", "assignee": "",
            "was_assignee": "", "team": "", "was_team": "", "category": str(world.category.id), "was_category": ""}  # fmt: skip
    assert (await world.script(bob, f"/tickets/{number}/details", form)).json()["done"] == "Saved."
    ticket = (await world.get(number)).ticket
    assert (ticket.priority, ticket.category_id, ticket.status) == ("high", world.category.id, "open")
    stale = await world.script(bob, f"/tickets/{number}/details", form | {"priority": "low"})
    assert stale.status_code == 409
    assert "Someone changed this" in stale.json()["detail"]
    assert (await world.get(number)).ticket.priority == "high"
    untouched = {"priority": "normal", "was_priority": "normal"}
    assert (await world.script(bob, f"/tickets/{number}/details", untouched)).json()["done"] == ""


async def test_details_assign_team_and_status(world: DeskWorld, bob: Browser) -> None:
    number, mira = await world.ticket(), str(world.people["mira"].id)
    both = {"assignee": mira, "was_assignee": "", "team": str(world.team.id), "was_team": ""}
    await world.do(bob, f"/tickets/{number}/details", both)
    ticket = (await world.get(number)).ticket
    assert (str(ticket.assignee_id), ticket.team_id, ticket.status) == (mira, world.team.id, "in_progress")
    await world.do(bob, f"/tickets/{number}/details", {"assignee": "", "was_assignee": mira})
    assert (await world.get(number)).ticket.assignee_id is None
    for wanted, was in (
        ("waiting", "open"),
        ("open", "waiting"),
        ("resolved", "open"),
        ("open", "resolved"),
        ("closed", "open"),
    ):
        await world.do(bob, f"/tickets/{number}/details", {"status": wanted, "was_status": was})
        assert (await world.get(number)).ticket.status == wanted
    assert (
        await world.do(bob, f"/tickets/{number}/details", {"priority": "huge", "was_priority": "normal"})
    ).status_code == 422


async def test_subject_tags_and_fields(world: DeskWorld, bob: Browser) -> None:
    number = await world.ticket(category_id=world.category.id)
    await world.do(bob, f"/tickets/{number}/subject", {"subject": "Wrong VAT", "was": "Wrong invoice"})
    assert (await world.get(number)).subject == "Wrong VAT"
    assert (
        await world.do(bob, f"/tickets/{number}/subject", {"subject": "Mine", "was": "Wrong invoice"})
    ).status_code == 409
    await world.do(bob, f"/tickets/{number}/tags", {"tag": "VIP, vat"})
    await bob.look(f"/tickets/{number}")
    assert 'value="vip"' in bob.page.text
    await world.do(bob, f"/tickets/{number}/tags/delete", {"tag": "vip"})
    assert len((await world.get(number)).ticket.tags) == 1
    fields = {"field_invoice": "2291", "was_invoice": "", "field_paid": "1", "was_paid": "false"}
    await world.do(bob, f"/tickets/{number}/fields", fields)
    assert (await world.get(number)).fields == {"invoice": "2291", "paid": True}
    stale = await world.do(bob, f"/tickets/{number}/fields", {"field_invoice": "3000", "was_invoice": ""})
    assert stale.status_code == 409
    await world.do(bob, f"/tickets/{number}/fields", {"was_paid": "true"})
    assert (await world.get(number)).fields == {"invoice": "2291", "paid": False}


async def test_a_reply_is_held_and_can_be_taken_back(world: DeskWorld, bob: Browser) -> None:
    number = await world.ticket()
    await world.do(bob, f"/tickets/{number}/messages", {"kind": "reply", "body": "Hello Ada"})
    line = (await messages(world, number))[-1]
    assert (line.text, line.held_until is not None) == ("Hello Ada", True)
    await bob.look(f"/tickets/{number}")
    assert "data-hold" in bob.page.text
    back = await world.script(bob, f"/tickets/{number}/messages/{line.id}/take-back")
    assert back.json()["body"] == "Hello Ada"
    assert (await messages(world, number))[-1].deleted
    await bob.look(f"/tickets/{number}")
    assert "Hello Ada</textarea>" in bob.page.text, "the text is the draft again"


async def test_what_has_gone_out_cannot_be_taken_back(world: DeskWorld, bob: Browser) -> None:
    number = await world.ticket()
    await world.do(bob, f"/tickets/{number}/messages", {"kind": "reply", "body": "Hello Ada"})
    line = (await messages(world, number))[-1]
    await world.do(bob, f"/tickets/{number}/messages/{line.id}/send-now")
    assert (await messages(world, number))[-1].held_until is None
    late = await world.do(bob, f"/tickets/{number}/messages/{line.id}/take-back")
    assert (late.status_code, "too late" in late.text) == (409, True)


async def test_the_same_message_twice_is_one(world: DeskWorld, bob: Browser) -> None:
    number = await world.ticket()
    form = {"kind": "reply", "body": "Once", "message_id": "0193a000-0000-7000-8000-000000000001"}
    for _again in range(2):
        assert (await world.do(bob, f"/tickets/{number}/messages", form)).status_code == 303
    assert [each.text for each in await messages(world, number)].count("Once") == 1


async def test_a_note_mentions_colleagues_and_stays_among_them(world: DeskWorld, bob: Browser) -> None:
    number = await world.ticket()
    await world.do(
        bob, f"/tickets/{number}/messages", {"kind": "note", "body": "@Mira.Lindqvist please look. @nobody"}
    )
    assert (await messages(world, number))[-1].note
    await bob.look(f"/tickets/{number}")
    assert '<span class="mention">@Mira.Lindqvist</span>' in bob.page.text
    assert '<span class="mention">@nobody' not in bob.page.text
    assert "Mira Lindqvist" in bob.text
    async with world.desk.unit() as uow:
        opened = await access.get(uow, SYSTEM, number)
        people = await timeline.participants(uow, world.actors["bob"], opened)
    assert "Mira Lindqvist" in [each.who.name for each in people if each.kind == "follower"]


@pytest.mark.parametrize("kind", ["", "shout"])
async def test_a_message_says_what_it_is(world: DeskWorld, bob: Browser, kind: str) -> None:
    number = await world.ticket()
    answer = await world.do(bob, f"/tickets/{number}/messages", {"kind": kind, "body": "Hello"})
    assert answer.status_code == 422
    assert len(await messages(world, number)) == 1


async def test_send_and_resolve_or_wait_and_what_goes_with_a_macro(world: DeskWorld, bob: Browser) -> None:
    number, lea = await world.ticket(), world.actors["lea"]
    async with world.desk.unit(SYSTEM) as uow:
        macro = await macros.make(
            uow,
            SYSTEM,
            name="Thanks",
            body="Hi {requester.first_name}",
            actions={"priority": "high"},
            shared=True,
        )
    told = (await bob.get(f"/tickets/{number}/macros/{macro.id}")).json()
    assert (told["body"], told["actions"]) == ("Hi Ada", "priority High")
    form = {"kind": "reply", "body": told["body"], "macro": str(macro.id), "then": "wait"}
    await world.do(bob, f"/tickets/{number}/messages", form)
    ticket = (await world.get(number)).ticket
    assert (ticket.priority, ticket.status) == ("high", "waiting")
    await world.do(bob, f"/tickets/{number}/messages", {"kind": "reply", "body": "Done", "then": "resolve"})
    assert (await world.get(number)).ticket.status == "resolved"
    assert lea.id is not None


async def test_edit_revisions_delete_and_react(world: DeskWorld, bob: Browser) -> None:
    number = await world.ticket()
    await world.do(bob, f"/tickets/{number}/messages", {"kind": "note", "body": "First"})
    line = (await messages(world, number))[-1]
    await bob.look(f"/tickets/{number}/messages/{line.id}/edit")
    await bob.submit(f"/tickets/{number}/messages/{line.id}", {"body": "Second"})
    await bob.look(f"/tickets/{number}/messages/{line.id}/revisions")
    assert "First" in bob.text
    assert "Second" in bob.text
    for times in (1, 0):
        await world.do(bob, f"/tickets/{number}/messages/{line.id}/reactions", {"emoji": "👍"})
        assert len((await messages(world, number))[-1].reactions) == times
    theirs = (await messages(world, number))[0]
    for path in ("", "/delete", "/take-back"):
        answer = await world.do(bob, f"/tickets/{number}/messages/{theirs.id}{path}", {"body": "Changed"})
        assert answer.status_code == 403
    await world.do(bob, f"/tickets/{number}/messages/{line.id}/delete")
    assert (await messages(world, number))[-1].deleted


async def test_report_and_hide(world: DeskWorld, bob: Browser) -> None:
    number = await world.ticket()
    line = (await messages(world, number))[0]
    base = f"/tickets/{number}/messages/{line.id}"
    await world.do(bob, f"{base}/report")
    assert (await messages(world, number))[0].reported
    assert (await world.do(bob, f"{base}/hide")).status_code == 403
    async with world.signed_in(world.people["lea"]) as lea:
        await world.do(lea, f"{base}/hide")
        assert (await messages(world, number))[0].hidden
        await world.do(lea, f"{base}/hide/delete")
        assert not (await messages(world, number))[0].hidden


async def test_merge_split_and_link(world: DeskWorld, bob: Browser) -> None:
    one, other = await world.ticket("One"), await world.ticket("Other", who="theo")
    await world.do(bob, f"/tickets/{one}/links", {"to": f"#{other}", "kind": "related"})
    await bob.look(f"/tickets/{one}")
    assert "Related" in bob.text
    again = await world.do(bob, f"/tickets/{one}/links", {"to": str(other), "kind": "related"})
    assert (again.status_code, "linked like this already" in again.text) == (409, True)
    await world.do(bob, f"/tickets/{one}/links/delete", {"to": str(other)})
    assert (await world.do(bob, f"/tickets/{one}/links/delete", {"to": str(other)})).status_code == 409
    await world.do(bob, f"/tickets/{one}/links", {"to": str(other), "kind": "parent"})
    # Also from the side of the whole.
    await world.do(bob, f"/tickets/{other}/links/delete", {"to": str(one)})
    assert (await world.get(one)).ticket.parent_id is None
    assert (await world.do(bob, f"/tickets/{one}/links", {"to": "none"})).status_code == 422
    assert (await world.do(bob, f"/tickets/{one}/links", {"to": "999999"})).status_code == 404
    line = (await messages(world, one))[0]
    answer = await world.do(bob, f"/tickets/{one}/split", {"message": str(line.id), "subject": "Split off"})
    made = int(answer.headers["location"].rsplit("/", 1)[1])
    assert (await world.get(made)).subject == "Split off"
    assert (await world.do(bob, f"/tickets/{one}/split", {})).status_code == 422
    merged = await world.do(bob, f"/tickets/{one}/merge", {"into": str(other)})
    assert merged.headers["location"] == f"/tickets/{other}"
    await bob.look(f"/tickets/{one}")
    assert f"goes on in #{other}" in bob.text
    assert (await world.do(bob, f"/tickets/{other}/merge", {"into": str(other)})).status_code == 422


async def test_followers_and_requester(world: DeskWorld, bob: Browser) -> None:
    number = await world.ticket()
    await world.do(bob, f"/tickets/{number}/followers")
    await bob.look(f"/tickets/{number}")
    assert "Stop following" in bob.page.text
    await world.do(bob, f"/tickets/{number}/followers/delete")
    await world.do(bob, f"/tickets/{number}/followers", {"person": str(world.people["mira"].id)})
    await bob.look(f"/tickets/{number}/requester?q=theo")
    assert "theo@example.org" in bob.text
    await world.do(bob, f"/tickets/{number}/requester", {"person": str(world.people["theo"].id)})
    assert (await world.get(number)).ticket.requester_id == world.people["theo"].id


async def test_drafts_are_kept_sealed_and_dropped_when_sent(world: DeskWorld, bob: Browser) -> None:
    number = await world.ticket()
    await world.script(bob, f"/tickets/{number}/draft", {"body": "half a thought", "kind": "note"})
    await bob.look(f"/tickets/{number}")
    assert "half a thought" in bob.page.text
    async with world.desk.unit() as uow:
        row = await uow.session.scalar(select(Draft))
        assert row is not None
        assert b"thought" not in row.body
    async with world.signed_in(world.people["mira"]) as mira:
        await mira.look(f"/tickets/{number}")
        assert "half a thought" not in mira.page.text
    await world.do(bob, f"/tickets/{number}/messages", {"kind": "note", "body": "A whole thought"})
    async with world.desk.unit() as uow:
        assert await uow.session.scalar(select(Draft)) is None


async def test_preview_is_safe(world: DeskWorld, bob: Browser) -> None:
    answer = await world.script(
        bob, "/desk/preview", {"body": "**bold** <script>alert(1)</script> [x](javascript:alert(1))"}
    )
    assert "<strong>bold</strong>" in answer.text
    assert "<script" not in answer.text
    assert 'href="javascript' not in answer.text


async def test_reading_moves_the_mark(world: DeskWorld, bob: Browser) -> None:
    number = await world.ticket()
    await bob.look("/desk/queues/unassigned")
    assert "Unread" in bob.text
    await bob.look(f"/tickets/{number}")
    await bob.look("/desk/queues/unassigned")
    assert "Unread" not in bob.text
    await world.hears(number, "One more thing")
    await bob.look(f"/tickets/{number}")
    assert "New since you were here" in bob.text


async def test_strangers_and_requesters_find_nothing(world: DeskWorld) -> None:
    number = await world.ticket()
    async with world.signed_in(world.people["ada"]) as ada, world.browser() as stranger:
        for path in (
            "/desk",
            "/desk/queues/all",
            f"/tickets/{number}",
            f"/tickets/{number}/timeline",
            "/search?q=x",
            "/desk/palette.json",
        ):
            assert (await ada.get(path)).status_code == 404
            answer = await stranger.get(path)
            assert answer.status_code in (303, 401)
    async with world.signed_in(world.people["bob"]) as bob:
        assert (await bob.get("/tickets/999999")).status_code == 404
        assert (await bob.get("/tickets/99999999999999999999999")).status_code in (404, 422)
        answer = await bob.post(f"/tickets/{number}/claim", data={"csrf": "wrong"})
        assert answer.status_code == 403
    async with world.desk.unit() as uow:
        assert len(list(await uow.session.scalars(select(Message)))) == 1
