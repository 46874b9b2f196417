"""Where a LiveKit server carries calls: its token, its webhooks, its recordings, and its client in the page."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import jwt
import pytest
from httpx import AsyncClient
from playwright.async_api import Browser, async_playwright

from adapters.media.settings import LiveKitSettings
from bot.voice.engine import Voice
from bot.wiring import call_service
from core.calls.model import CallState
from core.desk import Desk
from core.desk_settings import store
from core.errors import StartError
from tests.browser.conftest import needed
from tests.calls.house import House, served, settle
from tests.calls.test_call_page import ARGS, press, visit
from tests.fakes import livekit
from tests.fakes.livekit import KEY, SECRET, Server, signed

CLIENT = Path(livekit.__file__).with_name("livekit_client.mjs")


@pytest.fixture
async def live() -> AsyncIterator[tuple[Server, str]]:
    async with livekit.served() as made:
        yield made


@pytest.fixture
async def house(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, live: tuple[Server, str]
) -> AsyncIterator[House]:
    monkeypatch.setenv("DESKBELL_LIVEKIT_URL", live[1].replace("http", "ws"))
    monkeypatch.setenv("DESKBELL_LIVEKIT_KEY", KEY)
    monkeypatch.setenv("DESKBELL_LIVEKIT_SECRET", SECRET)
    monkeypatch.setenv("DESKBELL_LIVEKIT_CLIENT", str(CLIENT))
    made = await settle(desk)
    async with desk.unit() as uow:
        await store(uow.session, {"call_waiting_room": False})
    await desk.refresh()
    async with served(made, tmp_path) as made:
        yield made


async def told(house: House, client: AsyncClient, call: UUID, event: str, **more: Any) -> int:
    """A webhook of the server; the answer's status."""
    body = json.dumps({"event": event, "createdAt": "5", "room": {"name": str(call)}, **more}).encode()
    headers = {"authorization": signed(body), "content-type": "application/webhook+json"}
    return (await client.post(f"{house.url}/calls/hook", content=body, headers=headers)).status_code


async def opened(client: AsyncClient, link: str) -> str:
    page = await client.get(link)
    found = re.search(r'name="csrf" content="([^"]+)"', page.text)
    assert found is not None
    client.headers["x-csrf-token"] = found.group(1)
    return page.headers["content-security-policy"]


async def test_a_call_on_a_livekit_server(house: House, live: tuple[Server, str]) -> None:
    server, url = live
    call = await house.call()
    assert house.bob.id is not None
    assert house.ada.id is not None
    async with AsyncClient() as bob, AsyncClient() as ada:
        links = {bob: await house.link(call, house.bob), ada: await house.link(call, house.ada)}
        for client, link in links.items():
            policy = await opened(client, link)
            assert f"connect-src 'self' {url.replace('http', 'ws')} {url};" in policy
            answer = (await client.post(f"{link}/join", json={"sdp": ""})).json()
            assert answer["url"] == url.replace("http", "ws")
            claims = jwt.decode(answer["token"], SECRET, algorithms=["HS256"], issuer=KEY)
            assert claims["video"]["room"] == str(call)
            person = {"identity": claims["sub"]}
            server.people[str(call)].append({"state": "ACTIVE", "tracks": [], **person})
            assert await told(house, client, call, "participant_joined", participant=person) == 204
        assert (await house.the_call(call)).state == CallState.joined

        await bob.post(f"{links[bob]}/recording", json={"on": True})
        assert server.egresses == []
        await ada.post(f"{links[ada]}/consent", json={"on": True})
        assert {one["participant"]["identity"] for one in server.egresses} == {
            str(house.bob.id),
            str(house.ada.id),
        }
        assert house.voice is not None
        await house.voice.keeper.reconcile()
        assert [row.stopped_at for row in await house.recordings()] == [None, None]
        for one in server.egresses:
            info = {"roomName": str(call), "status": "EGRESS_COMPLETE", "fileResults": [{"duration": "2500000000"}],
                    "participant": {"identity": one["participant"]["identity"],
                                    "fileOutputs": one["participant"]["file_outputs"]}}  # fmt: skip
            for event in ("egress_started", "egress_ended"):
                assert await told(house, bob, call, event, egressInfo=info) == 204
        assert [row.milliseconds for row in await house.recordings()] == [2_500, 2_500]

        assert (await bob.post(f"{links[bob]}/end")).status_code == 204
        assert str(call) not in server.rooms
        assert await told(house, bob, call, "room_finished") == 204
        forged = await bob.post(f"{house.url}/calls/hook", content=b"{}", headers={"authorization": "x"})
        assert forged.status_code == 403
    ended = await house.the_call(call)
    assert ended.state == CallState.ended
    facts = await house.facts()
    assert facts.count("call.joined") == facts.count("call.recording_started") == 2


async def test_livekit_needs_its_own_client(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    voice = Voice(desk, tmp_path)
    assert call_service(voice) is None
    monkeypatch.setattr(
        Voice, "livekit", LiveKitSettings("wss://l.example", "https://l.example", KEY, SECRET)
    )
    with pytest.raises(StartError, match="DESKBELL_LIVEKIT_CLIENT"):
        call_service(voice)


@pytest.mark.browser
async def test_the_call_page_speaks_to_the_server_with_its_client(
    house: House, live: tuple[Server, str]
) -> None:
    wrong: list[str] = []
    async with async_playwright() as playwright:
        browser: Browser = await playwright.chromium.launch(
            executable_path=needed(playwright), args=list(ARGS)
        )
        call = await house.call()
        page = await visit(browser, await house.link(call, house.bob), wrong)
        await press(page, "join")
        await page.wait_for_selector('[data-part="room"]:not([hidden])')
        published = "() => [...standInRoom.published.keys()].sort().join()"
        assert await page.evaluate(published) == "camera,microphone"
        await page.evaluate("who => standInRoom.shows(who, 'camera')", str(house.ada.id))
        await page.locator(".call__tile:not(.call__tile--me)[data-frames]").first.wait_for()
        await press(page, "mute")
        await page.wait_for_function("() => standInRoom.published.get('microphone').muted")
        await press(page, "share")
        await page.wait_for_function("() => standInRoom.published.has('screen_share')")
        first = await page.evaluate_handle("() => standInRoom")
        await page.evaluate("() => standInRoom.steps.get('disconnected')()")
        await page.wait_for_function(
            "one => standInRoom !== one && standInRoom.published.size === 3", arg=first
        )
        await press(page, "leave")
        await page.wait_for_function("() => standInRoom.gone")
        await browser.close()
    assert wrong == []
