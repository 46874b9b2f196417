"""The player page: what can be played, by range, for the desk alone, and written down."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest
from httpx import AsyncClient, Response

from bot.voice.files import FileMaker
from core import clock
from core.admin import erase
from core.calls import happened
from core.calls.model import CallRecording
from core.crypto.fields import bound_to, new_key, seal
from core.desk import Desk
from core.people import service as people
from core.people import tokens
from tests.calls.house import House, settle, signed_in
from tests.fakes.media import OneFile, OneSound
from webui.site import Site


@pytest.fixture
async def house(desk: Desk) -> House:
    return await settle(desk)


@pytest.fixture
async def client(house: House) -> AsyncIterator[AsyncClient]:
    site = Site(desk=house.desk, public_url="http://localhost", recordings=OneSound())
    async with signed_in(house, house.bob, site) as made:
        yield made


async def recorded(house: House) -> UUID:
    """A call that runs, with both in it and Ada recorded."""
    call = await house.call()
    async with house.desk.unit() as uow:
        assert house.ada.id is not None
        assert house.bob.id is not None
        for person in (house.ada.id, house.bob.id):
            await happened.came(uow, call, person)
        row = CallRecording(call_id=call, person_id=house.ada.id, key=None)
        owner = await uow.keys.of_person(uow.session, house.ada.id)
        row.key = seal(owner, new_key(), bound_to("call_recording.key", row.id))
        uow.session.add(row)
    return call


async def test_a_recording_is_played_by_range_and_that_is_written_down(
    house: House, client: AsyncClient
) -> None:
    call = await house.call()
    async with house.desk.unit() as uow:
        assert house.ada.id is not None
        await happened.came(uow, call, house.ada.id)
        row = CallRecording(call_id=call, person_id=house.ada.id, key=None)
        owner = await uow.keys.of_person(uow.session, house.ada.id)
        row.key = seal(owner, new_key(), bound_to("call_recording.key", row.id))
        uow.session.add(row)
        await uow.session.flush()
        await happened.spoke(uow, call, house.ada.id, 1_000.25, 1_000.75)
        assert house.bob.id is not None
        await happened.spoke(uow, call, house.bob.id, 1_000.0, 1_000.5)
    base = f"/tickets/{house.number}/calls/{call}"
    page = await client.get(base)
    assert page.status_code == 200
    assert '<rect x="0.25" y="0" width="0.5" height="4"/>' in page.text
    assert "Bob Smith spoke" not in page.text, "of whoever is not recorded nothing is kept"
    track = f"{base}/recordings/{row.id}/mic"
    assert track in page.text
    assert "call.recording_played" in await house.facts()

    async def part(asked: str) -> Response:
        return await client.get(track, headers={"range": asked} if asked else {})

    assert (await part("")).content == b"webm"
    some = await part("bytes=1-2")
    assert (some.status_code, some.content) == (206, b"eb")
    assert some.headers["content-range"] == "bytes 1-2/4"
    assert (await part("bytes=9-")).status_code == 416
    assert (await client.get(f"{base}/recordings/{row.id}/screen")).status_code == 404
    assert (await client.get(f"/tickets/{house.number + 1}/calls/{call}")).status_code == 404


async def test_a_call_is_made_into_one_file_and_kept_for_a_day(house: House, client: AsyncClient) -> None:
    call = await recorded(house)
    base = f"/tickets/{house.number}/calls/{call}"
    assert (await client.get(f"{base}/file")).status_code == 404
    assert (await client.post(f"{base}/file")).status_code == 409, "not while it runs"
    async with house.desk.unit() as uow:
        await happened.over(uow, call, "asked")
    for _twice in range(2):
        assert (await client.post(f"{base}/file")).status_code == 303
    assert "being made" in (await client.get(base)).text
    maker = FileMaker(house.desk, OneFile(house.desk.means.files))
    assert await maker.make_one()
    assert not await maker.make_one()
    taken = await client.get(f"{base}/file")
    assert (taken.status_code, taken.content) == (200, b"a whole call")
    assert (await house.facts()).count("call.recording_taken") == 1
    await maker.sweep()
    assert (await client.get(f"{base}/file")).status_code == 200
    later = clock.now() + timedelta(days=1, minutes=1)
    with clock.fixed(lambda: later):
        await maker.sweep()
    assert (await client.get(f"{base}/file")).status_code == 404


async def test_a_file_goes_when_somebody_in_it_is_erased(house: House, client: AsyncClient) -> None:
    call = await recorded(house)
    async with house.desk.unit() as uow:
        await happened.over(uow, call, "asked")
    await client.post(f"/tickets/{house.number}/calls/{call}/file")
    maker = FileMaker(house.desk, OneFile(house.desk.means.files))
    assert await maker.make_one()
    async with house.desk.unit() as uow:
        assert house.bob.id is not None
        await erase.again(uow, house.bob.id)
    await maker.sweep()
    assert [name async for name in house.desk.means.files.names()] == []


async def test_recordings_by_id_over_the_api_need_their_own_scope(house: House, client: AsyncClient) -> None:
    await recorded(house)
    [row] = await house.recordings()
    async with house.desk.unit() as uow:
        assert house.bob.id is not None
        assert house.ada.id is not None
        bob = await people.get(uow, house.bob.id)
        keys = {
            "bob": await tokens.make(uow, bob, "calls", ["calls:read"], None),
            "tickets": await tokens.make(uow, bob, "tickets", ["tickets:read"], None),
        }

    async def get(path: str, who: str = "bob", **headers: str) -> Response:
        client.cookies.clear()
        return await client.get(
            f"/api/v1{path}", headers={"authorization": f"Bearer {keys[who]}", "cookie": "", **headers}
        )

    told = await get(f"/recordings/{row.id}")
    assert told.status_code == 200, told.text
    [track] = told.json()["tracks"]
    assert track["source"] == "mic"
    part = await client.get(
        track["url"], headers={"authorization": f"Bearer {keys['bob']}", "range": "bytes=1-2", "cookie": ""}
    )
    assert (part.status_code, part.content) == (206, b"eb")
    assert "call.recording_played" in await house.facts(), "also where only a part was fetched"
    assert (await get(f"/recordings/{row.id}", "tickets")).status_code == 403
    assert (await get(f"/calls/{row.call_id}", "tickets")).status_code == 403
    assert (await get(f"/calls/{row.call_id}")).json()["recordings"][0]["id"] == str(row.id)
    assert (await get(f"/recordings/{house.ada.id}")).status_code == 404
    async with house.desk.unit() as uow:
        await erase.again(uow, house.ada.id)
    assert (await get(f"/recordings/{row.id}")).status_code == 404
