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
from core.calls import access, finding, happened, reviewing, service
from core.calls.finding import Filter
from core.calls.model import CallQuality, CallReview, Verdict
from core.calls.reviewing import Moment, Said
from core.desk import Desk
from core.desk_settings import store
from core.errors import Conflict, Forbidden, Invalid, Refused
from core.people import service as people
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


async def found(house: House, lead: Actor, **wanted: object) -> list[finding.Found]:
    async with house.desk.unit(lead) as uow:
        return (await finding.page(uow, lead, Filter(**wanted))).rows  # type: ignore[arg-type]


async def test_calls_are_found_by_what_they_were_like(house: House, lead: Actor) -> None:
    good, bad = await talked(house, rating=5), await talked(house, rating=1, loss=0.2)
    rows = await found(house, lead)
    assert [row.call.id for row in rows] == [bad, good], "the newest first"
    assert [row.light for row in rows] == ["poor", "good"]
    assert [row.rating for row in rows] == [1, 5]
    assert rows[0].agents == ("Bob Smith",)
    assert [row.call.id for row in await found(house, lead, rating=2)] == [bad]
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
    assert [row.call.id for row in await found(house, lead, words="printer", rating=2)] == [bad]
    async with house.desk.unit(lead) as uow:
        page = await finding.page(uow, lead, Filter(), most=1)
        assert page.next is not None
        rest = await finding.page(uow, lead, Filter(), most=1, after=page.next)
        assert [one.call.id for one in (*page.rows, *rest.rows)] == [bad, good]
        with pytest.raises(Forbidden):
            await finding.page(uow, house.bob, Filter())


async def test_what_is_to_be_reviewed_is_drawn_and_what_was_rated_badly(house: House, lead: Actor) -> None:
    good, bad = await talked(house, rating=5), await talked(house, rating=2)
    await settings(house, review_percent=0)
    assert [row.call.id for row in await found(house, lead, which="due")] == [bad]
    await settings(house, review_low_ratings=False)
    assert await found(house, lead, which="due") == []
    await settings(house, review_percent=100)
    assert {row.call.id for row in await found(house, lead, which="due")} == {good, bad}
    async with house.desk.unit(lead) as uow:
        await reviewing.give(uow, lead, good, Said(4, Verdict.good))
    assert [row.call.id for row in await found(house, lead, which="due")] == [bad]
    assert [row.marks for row in await found(house, lead, which="reviewed")] == [(4,)]


async def test_a_review_is_sealed_kept_by_version_and_shared_when_said_so(house: House, lead: Actor) -> None:
    call = await talked(house)
    async with house.desk.unit(lead) as uow:
        with pytest.raises(Refused):
            await reviewing.remark(uow, lead, call, Moment(1, "too early"))
        said = Said(2, Verdict.coach, "Never says hello", (("Friendly?", 1),))
        await reviewing.give(uow, lead, call, said, version=0)
        await reviewing.remark(uow, lead, call, Moment(75, "Interrupts her here"))
        for wrong in (Said(0, Verdict.good), Said(3, Verdict.good, answers=(("x", 6),))):
            with pytest.raises(Invalid):
                await reviewing.give(uow, lead, call, wrong)
        with pytest.raises(Conflict):
            await reviewing.give(uow, lead, call, said, version=1)
        with pytest.raises(Forbidden):
            await reviewing.give(uow, house.bob, call, said)
    async with house.desk.unit() as uow:
        row = await uow.session.get(CallReview, (await _only(house)).id)
        assert row is not None
        assert b"hello" not in (row.words or b"")
        held, opened = await access.get(uow, house.bob, call)
        assert await reviewing.of_call(uow, house.bob, held, opened) == []
        [mine] = await reviewing.of_call(uow, lead, held, opened)
        assert (mine.comment, mine.answers) == ("Never says hello", (("Friendly?", 1),))
        assert mine.moments == (Moment(75.0, "Interrupts her here"),)
    async with house.desk.unit(lead) as uow:
        await reviewing.give(uow, lead, call, Said(3, Verdict.good, "Better", shared=True))
    async with house.desk.unit() as uow:
        held, opened = await access.get(uow, house.bob, call)
        [theirs] = await reviewing.of_call(uow, house.bob, held, opened)
        assert theirs.comment == "Better"
        assert len(theirs.moments) == 1, "remarks outlive a new mark"
        assert house.ada.id is not None
        await erase.again(uow, house.ada.id)
    async with house.desk.unit(lead) as uow:
        held, opened = await access.get(uow, lead, call)
        assert (await reviewing.of_call(uow, lead, held, opened))[0].comment == ""


async def test_the_pages_of_a_lead(house: House, client: AsyncClient) -> None:
    await settings(house, review_questions=["Was the problem understood?"], review_percent=100)
    call = await talked(house, rating=1, loss=0.3)
    shown = await client.get("/desk/calls?q=printer")
    base = f"/tickets/{house.number}/calls/{call}"
    assert base in shown.text
    assert "30.0 % lost" in shown.text
    assert "Nothing fits" in (await client.get("/desk/calls?q=zebra")).text
    for which in ("due", "reviewed", "all"):
        page = await client.get(
            f"/desk/calls?which={which}&rating=x&minutes=-4&since=2026-99-99&agent=no&after=1_2"
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
    file = await client.get("/desk/calls.csv")
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
        entries = (await record.entries(uow, admin, of=("call.",))).entries
    assert [(one.name, one.actor.shown if one.actor else "") for one in entries] == [
        ("call.reviewed", "=Lea Lead")
    ]


async def test_agents_are_not_led_to_reviews(house: House) -> None:
    call = await talked(house)
    site = Site(desk=house.desk, public_url="http://localhost", recordings=OneSound())
    async with signed_in(house, house.bob, site) as bob:
        for path in ("/desk/calls", "/desk/calls.csv"):
            assert (await bob.get(path)).status_code == 403
        page = await bob.get(f"/tickets/{house.number}/calls/{call}")
        assert "Keep the review" not in page.text
        given = {"mark": "5", "verdict": "good", "version": "0"}
        assert (await bob.post(f"/tickets/{house.number}/calls/{call}/review", data=given)).status_code == 403


async def _only(house: House) -> CallReview:
    async with house.desk.db.sessions() as session:
        return (await session.scalars(select(CallReview))).one()
