"""Quality review: leads find calls, mark them and say why; agents read what is shared with them."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from httpx import AsyncClient
from sqlalchemy import select

from core.access import Actor
from core.admin import erase, record
from core.calls import access, happened, service
from core.calls.model import CallQuality
from core.conversations.model import Message
from core.desk import Desk
from core.desk_settings import store
from core.errors import Conflict, Forbidden, Invalid, Refused
from core.ids import new_id
from core.people import service as people
from core.reviews import finding, sessions
from core.reviews import service as reviews
from core.reviews.finding import Filter
from core.reviews.listing import Found
from core.reviews.model import Review, Verdict
from core.reviews.service import Moment, Said
from core.tickets import access as ticket_access
from core.tickets import service as tickets
from core.tickets import timeline
from core.tickets.lines import FactLine
from tests.calls.house import House, settle, signed_in
from tests.fakes.media import OneSound
from webui.site import Site


@pytest.fixture
async def house(desk: Desk) -> House:
    return await settle(desk)


@pytest.fixture
async def lead(house: House) -> Actor:
    async with house.desk.unit() as uow:
        person = await people.add(uow, name="=Lea Lead", role="lead")
        await uow.session.flush()
        return await people.actor_of(uow, person)


@pytest.fixture
async def client(house: House, lead: Actor) -> AsyncIterator[AsyncClient]:
    site = Site(desk=house.desk, public_url="http://localhost", recordings=OneSound())
    async with signed_in(house, lead, site) as made:
        yield made


async def settings(house: House, **values: object) -> None:
    async with house.desk.unit() as uow:
        await store(uow.session, values)
    await house.desk.refresh()


async def talked(house: House, *, rating: int = 0, loss: float = 0.0) -> UUID:
    """A call that is over."""
    call = await house.call()
    async with house.desk.unit() as uow:
        assert house.ada.id is not None
        assert house.bob.id is not None
        for person in (house.ada.id, house.bob.id):
            await happened.came(uow, call, person)
        data = {"browser": True, "loss": loss, "round_trip": 20, "freezes": 0.5}
        uow.session.add(CallQuality(call_id=call, person_id=house.ada.id, data=data))
        if rating:
            held, opened = await access.change(uow, call)
            row = await access.person_in(uow, call, house.ada.id)
            assert row is not None
            await service.rate(uow, held, opened, row, rating)
        await happened.over(uow, call, "asked")
    return call


async def chatted(house: House, *, rating: int = 0) -> UUID:
    """A chat that is over."""
    async with house.desk.unit(house.bob) as uow:
        await tickets.reply(uow, house.bob, house.number, "Please use the extinguisher")
        opened = await tickets.resolve(uow, house.bob, house.number)
    async with house.desk.unit(house.ada) as uow:
        if rating:
            await tickets.rate(uow, house.ada, house.number, rating)
    return opened.ticket.id


async def found(house: House, lead: Actor, **wanted: object) -> list[Found]:
    async with house.desk.unit(lead) as uow:
        return (await finding.page(uow, lead, Filter(**wanted))).rows  # type: ignore[arg-type]


async def test_calls_are_found_by_what_they_were_like(house: House, lead: Actor) -> None:
    good, bad = await talked(house, rating=5), await talked(house, rating=1, loss=0.2)
    rows = await found(house, lead)
    assert [row.id for row in rows] == [bad, good], "the newest first"
    assert [row.light for row in rows] == ["poor", "good"]
    assert [row.rating for row in rows] == [1, 5]
    assert rows[0].agents == ("Bob Smith",)
    assert [row.id for row in await found(house, lead, rating=2)] == [bad]
    assert len(await found(house, lead, agent=house.bob.id)) == 2
    assert await found(house, lead, agent=house.ada.id) == []
    assert await found(house, lead, recorded=True) == []
    assert await found(house, lead, minutes=1) == []
    for words in (
        "printer",
        "printer fire",
        '"on fire"',
        "requester:ada",
        'printer requester:"Ada Lovelace"',
        "-server",
    ):
        assert len(await found(house, lead, words=words)) == 2, words
    for words in ("printer server", '"fire on"', "requester:bob", "-printer", "zebra"):
        assert await found(house, lead, words=words) == [], words
    assert [row.id for row in await found(house, lead, words="printer", rating=2)] == [bad]
    async with house.desk.unit(lead) as uow:
        page = await finding.page(uow, lead, Filter(), most=1)
        assert page.next is not None
        rest = await finding.page(uow, lead, Filter(), most=1, after=page.next)
        assert [one.id for one in (*page.rows, *rest.rows)] == [bad, good]
        with pytest.raises(Forbidden):
            await finding.page(uow, house.bob, Filter())


async def test_what_is_to_be_reviewed_is_drawn_and_what_was_rated_badly(house: House, lead: Actor) -> None:
    good, bad = await talked(house, rating=5), await talked(house, rating=2)
    await settings(house, review_percent=0)
    assert [row.id for row in await found(house, lead, which="due")] == [bad]
    await settings(house, review_low_ratings=False)
    assert await found(house, lead, which="due") == []
    await settings(house, review_percent=100)
    assert {row.id for row in await found(house, lead, which="due")} == {good, bad}
    async with house.desk.unit(lead) as uow:
        held = await sessions.of_call(uow, lead, good, lock=True)
        await reviews.give(uow, lead, held, Said(4, Verdict.good))
    assert [row.id for row in await found(house, lead, which="due")] == [bad]
    assert [row.marks for row in await found(house, lead, which="reviewed")] == [(4,)]


async def test_a_review_is_sealed_kept_by_version_and_shared_when_said_so(house: House, lead: Actor) -> None:
    call = await talked(house)
    async with house.desk.unit(lead) as uow:
        held = await sessions.of_call(uow, lead, call, lock=True)
        with pytest.raises(Refused):
            await reviews.remark(uow, lead, held, Moment(1, "too early"))
        said = Said(2, Verdict.coach, "Never says hello", (("Friendly?", 1),))
        await reviews.give(uow, lead, held, said, version=0)
        await reviews.remark(uow, lead, held, Moment(75, "Interrupts her here"))
        for wrong in (Said(0, Verdict.good), Said(3, Verdict.good, answers=(("x", 6),))):
            with pytest.raises(Invalid):
                await reviews.give(uow, lead, held, wrong)
        with pytest.raises(Invalid):
            await reviews.remark(uow, lead, held, Moment(-1, "before the beginning"))
        with pytest.raises(Conflict):
            await reviews.give(uow, lead, held, said, version=1)
        with pytest.raises(Forbidden):
            await reviews.give(uow, house.bob, held, said)
    async with house.desk.unit() as uow:
        row = await uow.session.get(Review, (await _only(house)).id)
        assert row is not None
        assert b"hello" not in (row.words or b"")
        held = await sessions.of_call(uow, house.bob, call)
        assert await reviews.of_session(uow, house.bob, held) == []
        [mine] = await reviews.of_session(uow, lead, held)
        assert (mine.comment, mine.answers) == ("Never says hello", (("Friendly?", 1),))
        assert mine.moments == (Moment(75.0, "Interrupts her here"),)
    async with house.desk.unit(lead) as uow:
        held = await sessions.of_call(uow, lead, call, lock=True)
        await reviews.give(uow, lead, held, Said(3, Verdict.good, "Better", shared=True))
    async with house.desk.unit() as uow:
        held = await sessions.of_call(uow, house.bob, call)
        [theirs] = await reviews.of_session(uow, house.bob, held)
        assert theirs.comment == "Better"
        assert len(theirs.moments) == 1, "remarks outlive a new mark"
        assert house.ada.id is not None
        await erase.again(uow, house.ada.id)
    async with house.desk.unit(lead) as uow:
        held = await sessions.of_call(uow, lead, call)
        assert (await reviews.of_session(uow, lead, held))[0].comment == ""


async def test_what_an_erased_lead_said_is_gone(house: House, lead: Actor) -> None:
    call = await talked(house)
    async with house.desk.unit(lead) as uow:
        held = await sessions.of_call(uow, lead, call, lock=True)
        await reviews.give(uow, lead, held, Said(2, Verdict.coach, "Never says hello"))
        assert lead.id is not None
        await erase.again(uow, lead.id)
    assert (await _only(house)).words is None


async def test_calls_and_chats_are_found_together(house: House, lead: Actor) -> None:
    call = await talked(house, rating=5)
    assert await found(house, lead, kind="chat") == [], "it goes on"
    chat = await chatted(house, rating=1)
    rows = await found(house, lead)
    assert [(row.kind, row.id) for row in rows] == [("call", call), ("chat", chat)], "the latest first"
    assert rows[1].agents == ("Bob Smith",)
    assert (rows[1].requester, rows[1].rating, rows[1].messages) == ("Ada Lovelace", 1, 2)
    for wanted in (
        {"kind": "chat"}, {"rating": 2}, {"kind": "chat", "agent": house.bob.id, "words": "extinguisher"},
        {"kind": "chat", "words": "requester:ada"},
    ):  # fmt: skip
        assert [row.id for row in await found(house, lead, **wanted)] == [chat], wanted
    for wanted in ({"kind": "call"}, {"state": "ended"}):
        assert [row.id for row in await found(house, lead, **wanted)] == [call], wanted
    for wanted in (
        {"kind": "chat", "agent": house.ada.id},
        {"minutes": 5},
        {"kind": "chat", "recorded": True},
    ):
        assert await found(house, lead, **wanted) == [], wanted
    async with house.desk.unit(lead) as uow:
        first = await finding.page(uow, lead, Filter(), most=1)
        rest = await finding.page(uow, lead, Filter(), most=1, after=first.next or "")
    assert [one.id for one in (*first.rows, *rest.rows)] == [call, chat]
    await settings(house, review_percent=0)
    assert [row.id for row in await found(house, lead, which="due")] == [chat], "it was rated badly"
    async with house.desk.unit(lead) as uow:
        assert await finding.due(uow, lead) == 1
        held = await sessions.of_chat(uow, lead, house.number, lock=True)
        await reviews.give(uow, lead, held, Said(4, Verdict.good))
        assert await finding.due(uow, lead) == 0
    assert [row.marks for row in await found(house, lead, which="reviewed")] == [(4,)]


async def test_a_chat_is_read_marked_remarked_on_and_shared(
    house: House, lead: Actor, client: AsyncClient
) -> None:
    base = f"/tickets/{house.number}/review"
    given = {"mark": "2", "verdict": "coach", "comment": "Too short", "version": "0"}
    assert "not resolved yet" in (await client.get(base)).text
    assert (await client.post(base, data=given)).status_code == 409, "it goes on"
    await chatted(house)
    page = await client.get(base)
    assert "extinguisher" in page.text
    assert "Remark on this" not in page.text, "marks come first"
    assert (await client.post(base, data=given)).status_code == 303
    message = await _said_by(house, house.bob)
    assert (await client.get(f"{base}?at={message}")).text.count("Add the remark") == 1
    remark = {"message": str(message), "text": "Ask whether anyone is hurt"}
    assert (await client.post(f"{base}/remarks", data=remark)).status_code == 303
    for wrong in ({}, {"message": str(new_id())}):
        assert (await client.post(f"{base}/remarks", data={"text": "No"} | wrong)).status_code in (404, 422)
    assert (await client.get(base)).text.count("anyone is hurt") == 2, "beside the message, and in the review"
    async with signed_in(house, house.bob, Site(desk=house.desk, public_url="http://localhost")) as bob:
        assert (await bob.get(base)).status_code == 404, "not shared"
        assert base not in (await bob.get(f"/tickets/{house.number}")).text
        assert (await bob.post(base, data=given | {"version": "2"})).status_code == 403
        assert (await bob.post(f"{base}/remarks", data=remark)).status_code == 403
        shared = given | {"version": "2", "shared": "1"}
        assert (await client.post(base, data=shared)).status_code == 303
        page = await bob.get(base)
        assert page.text.count("anyone is hurt") == 2
        assert "Keep the review" not in page.text
        assert base in (await bob.get(f"/tickets/{house.number}")).text
    async with house.desk.unit() as uow:
        eve = await people.actor_of(uow, await people.add(uow, name="Eve", role="agent"))
        admin = await people.actor_of(uow, await people.add(uow, name="Root", role="admin"))
        entries = (await record.entries(uow, admin, of=("review.",))).entries
        ticket = await ticket_access.get(uow, eve, house.number)
        lines = (await timeline.timeline(uow, eve, ticket)).lines
    assert [(one.name, one.actor.shown if one.actor else "") for one in entries] == [
        ("review.opened", "Bob Smith"), ("review.given", "=Lea Lead"), ("review.given", "=Lea Lead"),
        ("review.opened", "=Lea Lead"),
    ]  # fmt: skip
    assert not any(isinstance(each, FactLine) and "review" in each.name for each in lines)
    async with signed_in(house, eve, Site(desk=house.desk, public_url="http://localhost")) as other:
        assert (await other.get(base)).status_code == 404, "it was not her work"


async def test_the_pages_of_a_lead(house: House, client: AsyncClient) -> None:
    await settings(house, review_questions=["Was the problem understood?"], review_percent=100)
    call = await talked(house, rating=1, loss=0.3)
    shown = await client.get("/desk/quality?q=printer")
    base = f"/tickets/{house.number}/calls/{call}"
    assert base in shown.text
    assert "30.0 % lost" in shown.text
    assert "Nothing fits" in (await client.get("/desk/quality?q=zebra")).text
    for which in ("due", "reviewed", "all"):
        page = await client.get(
            f"/desk/quality?which={which}&rating=x&minutes=-4&since=2026-99-99&agent=no&after=1_2"
        )
        assert page.status_code == 200
    page = await client.get(base)
    assert "Was the problem understood?" in page.text
    given = {
        "mark": "2",
        "verdict": "coach",
        "comment": "Slow",
        "answer0": "3",
        "version": "0",
        "shared": "1",
    }
    assert (await client.post(f"{base}/review", data=given)).status_code == 303
    assert (await client.post(f"{base}/review", data=given)).status_code == 409
    assert (await client.post(f"{base}/review", data=given | {"verdict": "x"})).status_code == 422
    assert (await client.post(f"{base}/remarks", data={"second": "1:15", "text": "Here"})).status_code == 303
    assert (await client.post(f"{base}/remarks", data={"second": "soon", "text": "Here"})).status_code == 422
    page = await client.get(base)
    for words in ("Slow", "2 / 5", "3 / 5", "1:15", "Here", "Shared with the agent"):
        assert words in page.text
    file = await client.get("/desk/quality.csv")
    assert file.headers["content-type"].startswith("text/csv")
    [line] = csv.DictReader(io.StringIO(file.text))
    assert (line["ticket"], line["rating"], line["marks"]) == (str(house.number), "1", "2")


async def test_reviews_and_views_stand_in_the_audit(house: House, lead: Actor, client: AsyncClient) -> None:
    call = await talked(house)
    await client.post(
        f"/tickets/{house.number}/calls/{call}/review", data={"mark": "4", "verdict": "good", "version": "0"}
    )
    async with house.desk.unit() as uow:
        admin = await people.actor_of(uow, await people.add(uow, name="Root", role="admin"))
        entries = (await record.entries(uow, admin, of=("review.",))).entries
    assert [(one.name, one.actor.shown if one.actor else "") for one in entries] == [
        ("review.given", "=Lea Lead")
    ]


async def test_agents_are_not_led_to_reviews(house: House) -> None:
    call = await talked(house)
    site = Site(desk=house.desk, public_url="http://localhost", recordings=OneSound())
    async with signed_in(house, house.bob, site) as bob:
        for path in ("/desk/quality", "/desk/quality.csv"):
            assert (await bob.get(path)).status_code == 403
        page = await bob.get(f"/tickets/{house.number}/calls/{call}")
        assert "Keep the review" not in page.text
        given = {"mark": "5", "verdict": "good", "version": "0"}
        assert (await bob.post(f"/tickets/{house.number}/calls/{call}/review", data=given)).status_code == 403


async def _only(house: House) -> Review:
    async with house.desk.db.sessions() as session:
        return (await session.scalars(select(Review))).one()


async def _said_by(house: House, actor: Actor) -> UUID:
    async with house.desk.db.sessions() as session:
        return (await session.scalars(select(Message.id).where(Message.author_id == actor.id))).one()
