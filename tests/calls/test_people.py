"""Who may come into a call: colleagues, experts by address, a transfer, links that are taken back."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from httpx import ASGITransport, AsyncClient

from core import clock
from core.access import Actor, Permission
from core.admin import staff
from core.calls import access, happened, service
from core.calls.calendar_file import calendar_file
from core.calls.model import Call, CallState, Presence
from core.desk import Desk
from core.errors import Invalid, Refused
from core.people import service as people
from core.tickets import access as tickets
from tests.calls.house import House, settle, signed_in
from tests.fakes.media import nothing_to_record, silent
from webui.app import make_app
from webui.site import Site

CSRF = re.compile(r'name="csrf" content="([^"]+)"')
HERE = "http://localhost"


@pytest.fixture
async def house(desk: Desk) -> House:
    return await settle(desk)


@pytest.fixture
async def client(house: House) -> AsyncIterator[AsyncClient]:
    site = Site(desk=house.desk, public_url=HERE, media=silent, call_changed=nothing_to_record)
    async with AsyncClient(transport=ASGITransport(app=make_app(site)), base_url=HERE) as made:
        yield made


async def test_the_desk_invites_gives_away_and_takes_back_by_forms(house: House, client: AsyncClient) -> None:
    async with house.desk.unit() as uow:
        eve = await people.add(uow, name="Eve", role="agent")
    call = await house.call()
    mine, theirs = await house.link(call, house.bob), await house.link(call, house.ada)
    token = CSRF.search((await client.get(mine)).text)
    assert token is not None
    client.headers["x-csrf-token"] = token.group(1)
    shown = (await client.get(f"{mine}/people")).text
    assert "Ada Lovelace" in shown
    assert f"{HERE}{theirs}" in shown
    assert f"{HERE}{mine}" not in shown, "one's own link is not passed on"
    assert (await client.get(f"{theirs}/people")).status_code == 403
    assert (await client.post(f"{theirs}/people", data={"colleague": str(eve.id)})).status_code == 403

    assert (await client.post(f"{mine}/people", data={"colleague": ""})).status_code == 422
    assert (await client.post(f"{mine}/people", data={"address": "no address"})).status_code == 422
    assert (await client.post(f"{mine}/people", data={"address": "kim@example.org"})).status_code == 200
    given = await client.post(f"{mine}/people", data={"colleague": str(eve.id), "transfer": "1"})
    assert given.status_code == 200
    async with house.desk.unit() as uow:
        opened = await tickets.get(uow, house.bob, house.number)
        assert opened.ticket.assignee_id == eve.id
        kim = await people.by_email(uow, "kim@example.org", verified=False)
        assert kim is not None
        assert (await access.person_in(uow, call, kim.id)) is not None

    assert (await client.post(f"{mine}/revocation", data={"person": str(house.ada.id)})).status_code == 200
    assert (await client.get(theirs)).status_code == 404
    assert (await client.post(f"{mine}/revocation", data={"person": str(house.bob.id)})).status_code == 409
    again = await house.link(call, house.ada)
    assert again != theirs
    assert (await client.get(again)).status_code == 200
    for fact in ("invited", "transferred", "revoked"):
        assert f"call.{fact}" in await house.facts()


async def test_a_stranger_cannot_be_added_by_somebody_who_may_not(house: House) -> None:
    call = await house.call()
    async with house.desk.unit() as uow:
        with pytest.raises(Invalid):
            await service.invite_address(uow, house.bob, call, "")
        row = await service.invite_address(uow, house.bob, call, "ada@example.com")
        assert row.person_id == house.ada.id
        assert house.bob.id is not None
        with pytest.raises(Refused):
            await service.revoke(uow, house.bob, call, house.bob.id)


async def test_a_revoked_person_is_shown_out_and_stays_out(house: House) -> None:
    call = await house.call()
    async with house.desk.unit() as uow:
        assert house.ada.id is not None
        await happened.came(uow, call, house.ada.id)
        await service.revoke(uow, house.bob, call, house.ada.id)
    async with house.desk.unit() as uow:
        row = await access.person_in(uow, call, house.ada.id)
        assert row is not None
        assert row.presence == Presence.left
        assert row.left_at is not None


async def test_a_call_is_put_into_a_calendar_and_called_off(house: House, client: AsyncClient) -> None:
    at = clock.now() + timedelta(days=1)
    async with house.desk.unit() as uow:
        made, _mine = await service.ask(uow, house.bob, house.number, at=at)
    link = await house.link(made.id, house.ada)
    page = await client.get(link)
    assert f"{link}/call.ics" in page.text
    file = await client.get(f"{link}/call.ics")
    assert file.headers["content-type"] == "text/calendar; charset=utf-8"
    unfolded = file.text.replace("\r\n ", "")
    assert f"DTSTART:{at.astimezone(UTC):%Y%m%dT%H%M%SZ}" in unfolded
    assert f"URL:{HERE}{link}" in unfolded
    assert "STATUS:CONFIRMED" in unfolded
    async with house.desk.unit() as uow:
        call, opened = await access.change(uow, made.id)
        await service.end(uow, call, opened, house.bob)
    assert (await house.the_call(made.id)).state == CallState.declined
    assert "STATUS:CANCELLED" in (await client.get(f"{link}/call.ics")).text


def test_lines_of_a_calendar_file_are_short_and_whole() -> None:
    call = Call(ticket_id=None, scheduled_at=datetime(2026, 12, 1, 14, tzinfo=UTC))  # type: ignore[arg-type]
    made = calendar_file(call, "Prüfung; äußerst, lang\n" * 9, "x" * 200, "https://help.example.com")
    assert all(len(line) <= 75 for line in made.split(b"\r\n"))
    assert "SUMMARY:Prüfung\\; äußerst\\, lang\\n" in made.decode().replace("\r\n ", "")


async def test_whoever_is_signed_in_sees_whether_their_network_can_call(house: House) -> None:
    site = Site(desk=house.desk, public_url=HERE, media=silent)
    async with signed_in(house, house.bob, site) as bob:
        assert "Can this network call?" in (await bob.get("/call/check")).text
        assert (await bob.get("/call/check/ice")).json() == []
    async with AsyncClient(transport=ASGITransport(app=make_app(site)), base_url=HERE) as nobody:
        assert (await nobody.get("/call/check/ice")).status_code in (303, 401)


async def test_a_guest_reads_what_was_said_since_they_were_asked_in(
    house: House, client: AsyncClient
) -> None:
    call = await house.call()
    async with house.desk.unit() as uow:
        row = await service.invite_address(uow, house.bob, call, "kim@example.org")
        guest = await people.actor_of(uow, await people.get(uow, row.person_id))
    link, bobs = await house.link(call, guest), await house.link(call, house.bob)
    token = CSRF.search((await client.get(bobs)).text)
    assert token is not None
    client.headers["x-csrf-token"] = token.group(1)
    assert "on fire" in (await client.get(f"{bobs}/talk")).text
    assert "on fire" not in (await client.get(f"{link}/talk")).text
    for said in ({"text": "Which model is it?"}, {"text": "Old, I think", "note": True}):
        assert (await client.post(f"{bobs}/messages", json={"id": str(uuid4()), **said})).status_code == 204
    talk = (await client.get(f"{link}/talk")).text
    assert "Which model" in talk
    assert "Old, I think" not in talk
    assert (await client.post(f"{link}/messages", json={"id": str(uuid4()), "text": "x", "note": True})).status_code == 403  # fmt: skip
    assert (await client.post(f"{link}/messages", json={"id": str(uuid4()), "text": " "})).status_code == 422
    assert (await client.get(f"{link}/ticket")).status_code == 403
    sent = await client.post(f"{bobs}/files", content=b"secret", headers={"x-file-name": "plan.txt"})
    named = {"id": str(uuid4()), "text": "Only for us", "note": True, "files": [sent.json()["id"]]}
    assert (await client.post(f"{bobs}/messages", json=named)).status_code == 204
    file = f"/files/{sent.json()['id']}"
    assert (await client.get(bobs + file)).content == b"secret"
    for theirs in (link, await house.link(call, house.ada)):
        assert (await client.get(theirs + file)).status_code == 404


@pytest.mark.parametrize("how", ["switched off", "a requester now"])
async def test_who_left_the_desk_leaves_its_side_of_the_call(
    house: House, client: AsyncClient, how: str
) -> None:
    root = Actor(house.ada.id, permissions=frozenset(Permission))
    call = await house.call()
    mine, theirs = await house.link(call, house.bob), await house.link(call, house.ada)
    assert (await client.get(f"{mine}/state")).status_code == 200
    async with house.desk.unit(root) as uow:
        assert house.bob.id is not None
        if how == "switched off":
            await staff.deactivate(uow, root, house.bob.id)
        else:
            version = (await people.get(uow, house.bob.id)).version
            await staff.change(uow, root, house.bob.id, version=version, role="requester")
    assert [(await client.get(f"{mine}{of}")).status_code for of in ("", "/state", "/ticket", "/ice")] == [
        404
    ] * 4
    assert (await client.get(f"{theirs}/state")).status_code == 200
