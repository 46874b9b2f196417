"""The player page: what can be played, by range, for the desk alone, and written down."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from httpx import ASGITransport, AsyncClient, Response
from starlette.requests import Request
from starlette.responses import Response as StarletteResponse

from core.calls import happened
from core.calls.model import CallRecording
from core.crypto.fields import bound_to, new_key, seal
from core.desk import Desk
from core.people import service as people
from tests.calls.house import House, settle
from tests.fakes.media import OneSound
from webui import sessions
from webui.app import make_app
from webui.site import Site


@pytest.fixture
async def house(desk: Desk) -> House:
    return await settle(desk)


@pytest.fixture
async def client(house: House) -> AsyncIterator[AsyncClient]:
    app = make_app(Site(desk=house.desk, public_url="http://localhost", recordings=OneSound()))
    async with house.desk.unit() as uow:
        assert house.bob.id is not None
        person = await people.get(uow, house.bob.id)
        answer = StarletteResponse()
        asked = Request(
            {"type": "http", "headers": [], "client": ("127.0.0.1", 1), "method": "GET", "path": "/"}
        )
        await sessions.start(uow, asked, answer, person, how="link", secure=False, strong=True)
    cookie = answer.headers["set-cookie"].split(";")[0]
    async with AsyncClient(
        transport=ASGITransport(app=app), base_url="http://localhost", headers={"cookie": cookie}
    ) as made:
        yield made


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
    base = f"/tickets/{house.number}/calls/{call}"
    page = await client.get(base)
    assert page.status_code == 200
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
