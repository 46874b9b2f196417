"""Over HTTP with signatures, several workspaces by OAuth, tokens that are exchanged, and what is missing."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from fastapi import FastAPI

from adapters.slack import make
from adapters.slack.connecting import EVENTS, LOSS, manifest
from adapters.slack.install import SCOPES
from adapters.slack.settings import Settings
from core.access import SYSTEM
from core.chat import Card, Place, Post, RetryAfter, Revoked, Said
from core.desk import Desk
from core.errors import Invalid
from core.installations import service as installations
from core.installations.model import Installation
from playground.slack import SlackServer, play_app, seed, signature
from tests.adapters.slack.conftest import Hearing
from tests.adapters.slack.standin import Standin, env_of


@asynccontextmanager
async def browser(adapter: Any) -> AsyncIterator[httpx.AsyncClient]:
    desk = FastAPI()
    desk.mount("/chat/slack", adapter.http)
    transport = httpx.ASGITransport(app=desk)
    async with httpx.AsyncClient(transport=transport, base_url="http://desk.example/chat/slack/") as client:
        yield client


@asynccontextmanager
async def running(adapter: Any, hearing: Any, *, has_bolt: bool = True) -> AsyncIterator[None]:
    task = asyncio.create_task(adapter.run(hearing))
    try:
        async with asyncio.timeout(30):
            while has_bolt and adapter.bolt is None:
                await adapter.workspaces.changed.wait()
                await asyncio.sleep(0)
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def event_of(slack: Standin, text: str, ts: str = "1790000000.000100") -> str:
    team = slack.world.team
    event = {"type": "message", "channel": slack.place.channel, "channel_type": "im", "user": slack.world.ada}
    event |= {"text": text, "ts": ts, "event_ts": ts}
    return json.dumps({"type": "event_callback", "team_id": team, "event_id": "Ev1", "event": event})


async def test_events_over_http_are_taken_with_a_signature_only(slack: Standin, hearing: Hearing) -> None:
    secret = slack.server.world.app.signing_secret
    body = event_of(slack, "hello")
    async with running(slack.adapter, hearing), browser(slack.adapter) as client:

        async def post(headers: dict[str, str], content: str = body) -> int:
            headers = {"Content-Type": "application/json", **headers}
            return (await client.post("/events", content=content, headers=headers)).status_code

        assert await post({}) == 401
        assert await post(signature("wrong", body)) == 401
        assert await post(signature(secret, body, at=int(time.time()) - 301)) == 401
        assert await post(signature(secret, body + " ")) == 401
        assert await post({**signature(secret, body), "X-Slack-Request-Timestamp": "x"}) == 401
        assert hearing.heard == []
        assert await post(signature(secret, body)) == 200
        assert [one.text for one in hearing.all(Said)] == ["hello"]
        hearing.down = 1
        assert await post(signature(secret, event_of(slack, "away", "1790000000.000200"))) == 401
        away = event_of(slack, "away", "1790000000.000200")
        assert await post(signature(secret, away), away) == 503
        for odd in ("", "{", "[]", '"x"', "null", '{"type": "event_callback", "event": 3}'):
            assert await post(signature(secret, odd), odd) < 600
        challenge = json.dumps({"type": "url_verification", "challenge": "abc", "token": "x"})
        headers = {"Content-Type": "application/json", **signature(secret, challenge)}
        answer = await client.post("/events", content=challenge, headers=headers)
        assert answer.json() == {"challenge": "abc"}


async def test_the_secret_of_one_app_speaks_for_no_workspace_of_another(
    slack: Standin, hearing: Hearing
) -> None:
    body, workspaces = event_of(slack, "hello"), slack.adapter.workspaces
    async with running(slack.adapter, hearing), browser(slack.adapter) as client:
        await _connected(workspaces.desk, slack.server, "T0OTHER0001", {"signing_secret": "other-app"})
        await workspaces.refresh()
        assert "other-app" in workspaces.signing_secrets()
        theirs = body.replace(slack.world.team, "T0OTHER0001")
        for secret, content, status in (
            ("other-app", body, 401),
            ("other-app", theirs, 200),  # Its own, whose token is refused: nothing is taken from there.
            (slack.server.world.app.signing_secret, body, 200),
        ):
            headers = {"Content-Type": "application/json", **signature(secret, content)}
            answer = await client.post("/events", content=content, headers=headers)
            assert answer.status_code == status
        assert [one.text for one in hearing.all(Said)] == ["hello"]


async def test_commands_and_forms_over_http(slack: Standin, hearing: Hearing) -> None:
    from core.chat import Invoked

    secret = slack.server.world.app.signing_secret
    form = {"command": "/desk", "text": "status 7", "team_id": slack.world.team, "user_id": slack.world.ada}
    form |= {"channel_id": slack.world.general, "trigger_id": "1.2.x"}
    body = urlencode(form)
    async with running(slack.adapter, hearing), browser(slack.adapter) as client:
        headers = {"Content-Type": "application/x-www-form-urlencoded", **signature(secret, body)}
        answer = await client.post("/commands", content=body, headers=headers)
        assert answer.status_code == 200
        assert (await hearing.first(Invoked)).arguments == "7"
        large = "x" * 3_100_000
        assert (await client.post("/events", content=large)).status_code == 413


async def test_several_workspaces_by_oauth(desk: Desk, hearing: Hearing) -> None:
    async with SlackServer(app=play_app()) as server:
        seed(server.world)
        env = {
            "DESKBELL_SLACK_API_BASE_URL": server.api_url,
            "DESKBELL_SLACK_APP_TOKEN": server.world.app.app_token,
            "DESKBELL_SLACK_CLIENT_ID": server.world.app.client_id,
            "DESKBELL_SLACK_CLIENT_SECRET": server.world.app.client_secret,
        }
        adapter = make(desk, env)
        task = asyncio.create_task(adapter.run(hearing))
        teams = list(server.world.workspaces)
        async with browser(adapter) as client:
            assert (await client.get("/install")).status_code == 403
            assert (await client.get("/install?ticket=1.x.y")).status_code == 403
            assert (await client.get("/oauth?code=x&state=y")).status_code == 403
            for team in teams:
                await _install(client, adapter, server, team)
            link = urlsplit(adapter.install.link("http://desk.example")).query
            states = [
                parse_qs(urlsplit((await client.get(f"/install?{link}")).headers["location"]).query)["state"][
                    0
                ]
                for _time in range(2)
            ]
            assert states[0] != states[1]
            # The first is another way's; without its cookie neither is worth anything.
            for state in (states[0], parse_qs(link)["ticket"][0]):
                assert (await client.get("/oauth", params={"code": "x", "state": state})).status_code == 403
            client.cookies.clear()
            stolen = await client.get("/oauth", params={"code": "x", "state": states[1]})
            assert stolen.status_code == 403
            assert "frame-ancestors 'none'" in stolen.headers["content-security-policy"]
        assert await server.sockets.connected(30)
        for team in teams:
            user = next(u for u in server.world.users.values() if u.team == team and not u.bot_id)
            await server.play.say(user.id, "bot", f"hello from {team}")
            said = await hearing.first(Said, text=f"hello from {team}")
            assert said.place.installation == team
            await adapter.post(said.place, Post(Card(text="hello back")), key=f"k{team}")
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _install(client: httpx.AsyncClient, adapter: Any, server: SlackServer, team: str) -> None:
    link = urlsplit(adapter.install.link("http://desk.example"))
    there = await client.get(f"/install?{link.query}")
    assert there.status_code == 302
    address = urlsplit(there.headers["location"])
    assert f"{address.scheme}://{address.netloc}" == server.base
    async with httpx.AsyncClient() as person:
        back = await person.get(f"{there.headers['location']}&team={team}")
    assert back.headers["location"].startswith("http://desk.example/chat/slack/oauth?")
    code = parse_qs(urlsplit(back.headers["location"]).query)
    done = await client.get("/oauth", params={name: values[0] for name, values in code.items()})
    assert done.status_code == 200, done.text


async def _connected(desk: Desk, server: SlackServer, team: str, secrets: dict[str, str]) -> Installation:
    async with desk.unit() as uow:
        return await installations.connect(
            uow, SYSTEM, platform="slack", external=team, name="Northwind", secrets=secrets
        )


async def test_tokens_are_exchanged_before_they_end(desk: Desk) -> None:
    async with SlackServer(app=play_app()) as server:
        world = seed(server.world)
        server.world.app.rotation = True
        server.world.refresh["xoxe-1-first"] = world.team
        secrets = {"bot_token": world.token, "refresh_token": "xoxe-1-first"}
        await _connected(desk, server, world.team, secrets | {"expires_at": str(int(time.time()) + 60)})
        env = env_of(server, world) | {"DESKBELL_SLACK_BOT_TOKEN": ""}
        env |= {"DESKBELL_SLACK_CLIENT_ID": server.world.app.client_id}
        env |= {"DESKBELL_SLACK_CLIENT_SECRET": server.world.app.client_secret}
        adapter = make(desk, env)
        place = (await adapter.workspaces.of(world.team)).place(world.desk)
        await adapter.post(place, Post(Card(text="with a new token")), key="k")
        async with desk.db.sessions() as session:
            (row,) = await installations.connections(session, desk.means.keys, "slack")
        assert row.secrets["bot_token"].startswith("xoxe.")
        assert row.secrets["refresh_token"] != "xoxe-1-first"
        assert float(row.secrets["expires_at"]) > time.time() + 40_000
        assert len(server.calls_of("oauth.v2.access")) == 1
        # Another process has exchanged it in the meantime: what it stored is used.
        mine = adapter.workspaces.known[world.team]
        mine.secrets = dict(mine.secrets) | {"expires_at": "1", "refresh_token": "spent"}
        await adapter.post(place, Post(Card(text="again")), key="k2")
        assert len(server.calls_of("oauth.v2.access")) == 1
        await adapter.workspaces.close()


@asynccontextmanager
async def rotated(desk: Desk, seconds: int) -> AsyncIterator[tuple[SlackServer, Any, Any]]:
    """An adapter with a token that ends after so many seconds."""
    async with SlackServer(app=play_app()) as server:
        world = seed(server.world)
        server.world.app.rotation = True
        server.world.refresh["xoxe-1-first"] = world.team
        secrets = {"bot_token": world.token, "refresh_token": "xoxe-1-first"}
        await _connected(desk, server, world.team, secrets | {"expires_at": str(int(time.time()) + seconds)})
        env = env_of(server, world) | {"DESKBELL_SLACK_BOT_TOKEN": ""}
        env |= {"DESKBELL_SLACK_CLIENT_ID": server.world.app.client_id}
        env |= {"DESKBELL_SLACK_CLIENT_SECRET": server.world.app.client_secret}
        adapter = make(desk, env)
        yield server, adapter, Place("slack", world.team, world.desk)
        server.faults.replace([])
        await adapter.workspaces.close()


async def _problem(desk: Desk) -> str | None:
    async with desk.db.sessions() as session:
        [row] = await installations.listed(session)
    assert row.state == "on"
    return row.problem


async def test_nobody_waits_for_a_new_token_while_the_old_one_lives(desk: Desk) -> None:
    async with rotated(desk, 3_600) as (server, adapter, place):
        server.faults.add("oauth.v2.access", "delay", seconds=90.0)
        async with asyncio.timeout(30):
            for number in range(3):
                await adapter.post(place, Post(Card(text="now")), key=f"k{number}")
        mine = adapter.workspaces.known[place.installation]
        mine.turning.cancel()
        await asyncio.gather(mine.turning, return_exceptions=True)
        assert len(server.calls_of("chat.postMessage")) == 3
        server.faults.replace([])
        server.faults.add("oauth.v2.access", "status", status=500)
        for pause in (5.0, 10.0, 20.0):
            mine.turns_at = 0.0
            await adapter.post(place, Post(Card(text="again")), key=f"p{pause}")
            await mine.turning
            tried = len(server.calls_of("oauth.v2.access"))
            await adapter.post(place, Post(Card(text="too early")), key=f"q{pause}")
            assert (mine.turn_pause, len(server.calls_of("oauth.v2.access"))) == (pause, tried)
        assert await _problem(desk) is None
        server.faults.replace([])
        mine.turns_at = 0.0
        adapter.workspaces.look_after_tokens()
        await mine.turning
        assert not mine.ends_within(36_000)
        assert mine.turn_pause == 0.0


async def test_a_token_that_has_ended_is_told_and_what_waits_is_kept(desk: Desk) -> None:
    async with rotated(desk, -1) as (server, adapter, place):
        server.faults.add("oauth.v2.access", "status", status=500)
        for _again in range(2):
            with pytest.raises(RetryAfter):
                await adapter.post(place, Post(Card(text="x")), key="k")
        assert len(server.calls_of("oauth.v2.access")) == 1
        assert await _problem(desk) == "not_renewed"
        server.faults.replace([])
        adapter.workspaces.known[place.installation].turns_at = 0.0
        await adapter.post(place, Post(Card(text="x")), key="k")
        assert await _problem(desk) is None


async def test_a_refresh_token_that_is_worth_nothing_is_told_before_the_other_ends(desk: Desk) -> None:
    """As after an answer that was lost: each is taken once."""
    async with rotated(desk, 3_600) as (server, adapter, place):
        server.world.refresh.clear()
        await adapter.post(place, Post(Card(text="x")), key="k")
        mine = adapter.workspaces.known[place.installation]
        await mine.turning
        assert await _problem(desk) == "renewal_refused"
        await adapter.post(place, Post(Card(text="y")), key="k2")
        mine.secrets = dict(mine.secrets) | {"expires_at": "1"}
        with pytest.raises(Revoked):
            await adapter.post(place, Post(Card(text="z")), key="k3")


async def test_the_same_token_connected_anew_stays_refused(desk: Desk, hearing: Hearing) -> None:
    async with SlackServer(app=play_app()) as server:
        world = seed(server.world)
        adapter = make(desk, env_of(server, world) | {"DESKBELL_SLACK_BOT_TOKEN": ""})
        async with running(adapter, hearing, has_bolt=False):
            row = await _connected(desk, server, world.team, {"bot_token": world.token})
            assert await server.sockets.connected(30)
            await server.play.revoke_tokens(world.team)
            place = Place("slack", world.team, world.desk)
            for _time in range(2):
                async with asyncio.timeout(30):
                    while (await _state(desk, row)) != "broken":
                        await asyncio.sleep(0.02)
                with pytest.raises(Revoked):
                    await adapter.post(place, Post(Card(text="x")), key="k")
                await _connected(desk, server, world.team, {"bot_token": world.token})


async def test_what_an_admin_ends_goes_on_by_the_environments_token_only(desk: Desk) -> None:
    """Its own was destroyed, and must not be used from memory."""
    async with SlackServer(app=play_app()) as server:
        world = seed(server.world)
        adapter = make(desk, env_of(server, world))
        other = server.world.install(world.team).value
        row = await _connected(desk, server, world.team, {"bot_token": other})
        await adapter.workspaces.refresh()
        assert (await adapter.workspaces.of(world.team)).secrets["bot_token"] == other
        async with desk.unit() as uow:
            await installations.disconnect(uow, SYSTEM, row.id)
        await adapter.workspaces.refresh()
        assert (await adapter.workspaces.of(world.team)).secrets["bot_token"] == world.token
        assert await _state(desk, row) == "on"
        await adapter.workspaces.close()


async def test_what_the_environment_names_is_waited_for_while_slack_is_away(desk: Desk) -> None:
    async with SlackServer(app=play_app()) as server:
        world = seed(server.world)
        adapter = make(desk, env_of(server, world))
        server.faults.add("auth.test", "status", status=503, times=1)
        place = Place("slack", world.team, world.desk)
        with pytest.raises(RetryAfter):
            await adapter.post(place, Post(Card(text="x")), key="k")
        await adapter.post(place, Post(Card(text="x")), key="k")
        await adapter.workspaces.close()


async def test_a_connection_comes_breaks_and_is_renewed_while_running(desk: Desk, hearing: Hearing) -> None:
    async with SlackServer(app=play_app()) as server:
        world = seed(server.world)
        adapter = make(desk, env_of(server, world) | {"DESKBELL_SLACK_BOT_TOKEN": ""})
        task = asyncio.create_task(adapter.run(hearing))
        row = await _connected(desk, server, world.team, {"bot_token": world.token})
        assert await server.sockets.connected(30)
        await server.play.say(world.ada, "bot", "hello")
        said = await hearing.first(Said)
        await server.play.revoke_tokens(world.team)
        async with asyncio.timeout(30):
            while (await _state(desk, row)) != "broken":
                await asyncio.sleep(0.02)
        with pytest.raises(Revoked):
            await adapter.post(said.place, Post(Card(text="x")), key="k")
        new = server.world.install(world.team).value
        await _connected(desk, server, world.team, {"bot_token": new})
        await adapter.post(said.place, Post(Card(text="back")), key="k")
        async with desk.unit() as uow:
            await installations.disconnect(uow, SYSTEM, row.id)
        async with asyncio.timeout(30):
            while server.sockets.open:
                await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _state(desk: Desk, row: Installation) -> str:
    async with desk.db.sessions() as session:
        found = await session.get(Installation, row.id)
        assert found is not None
        return found.state


async def test_what_is_missing_is_said_in_words(slack: Standin, desk: Desk) -> None:
    play = slack.server.play
    narrow = (await play.install(slack.world.team, ["chat:write", "im:history"]))["token"]
    values = {"bot_token": narrow, "app_token": "xapp-wrong"}
    tried = await slack.adapter.try_out(values)
    assert (tried.external, tried.name) == (slack.world.team, "Northwind")
    found = {one.name: one for one in tried.findings}
    assert found["chat:write"].ok
    assert not found["files:read"].ok
    assert found["files:read"].words
    assert not found["app_token"].ok
    whole = await slack.adapter.try_out({"bot_token": slack.world.token})
    assert all(one.ok for one in whole.findings)
    with pytest.raises(Invalid):
        await slack.adapter.try_out({"bot_token": "xoxb-nothing"})
    with pytest.raises(Invalid):
        await slack.adapter.try_out({})
    assert all(one.ok for one in await slack.adapter.check())
    rooms = await slack.adapter.candidates(slack.world.team)
    assert {one.name for one in rooms} == {"#general", "#desk", "#with-contoso"}


async def test_the_guide_holds_a_manifest_that_fits(slack: Standin) -> None:
    guide = slack.adapter.guide("https://desk.example.com")
    made = json.loads(guide.document)
    assert made["oauth_config"]["scopes"]["bot"] == list(SCOPES)
    assert made["settings"]["event_subscriptions"]["bot_events"] == list(EVENTS)
    assert made["features"]["slash_commands"][0]["command"] == "/desk"
    assert set(LOSS) == set(SCOPES)
    over_http = manifest(Settings(signing_secret="s"), "https://desk.example.com/")
    assert over_http["settings"]["event_subscriptions"]["request_url"].startswith(
        "https://desk.example.com/chat/"
    )


async def test_it_idles_while_nothing_connects_it(desk: Desk, hearing: Hearing) -> None:
    adapter = make(desk, {})
    task = asyncio.create_task(adapter.run(hearing))
    async with browser(adapter) as client:
        assert (await client.post("/events", content="{}")).status_code == 401
    assert await adapter.check() == []
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_settings_hide_their_tokens() -> None:
    env = {"DESKBELL_SLACK_BOT_TOKEN": "xoxb-secret", "DESKBELL_SLACK_COMMAND": "help"}
    made = Settings.of(env | {"DESKBELL_SLACK_API_BASE_URL": "http://127.0.0.1:9/api"})
    assert "secret" not in repr(made)
    assert (made.command, made.api, made.origin) == ("/help", "http://127.0.0.1:9/api/", "http://127.0.0.1:9")


async def test_workspaces_of_one_socket_are_led_together(slack: Standin) -> None:
    """Slack tells any socket of an app what happens in any of its workspaces."""
    adapter, desk = slack.adapter, slack.adapter.desk
    async with desk.unit() as uow:
        for team, app in (("T1", ""), ("T2", "xapp-own"), ("T3", "xapp-own"), ("T4", "xapp-other")):
            secrets = {"bot_token": f"xoxb-{team}"} | ({"app_token": app} if app else {})
            await installations.connect(
                uow, SYSTEM, platform="slack", external=team, name=team, secrets=secrets
            )
    assert await adapter.shares() == {
        "": frozenset({"", "T1"}),
        "T2": frozenset({"T2", "T3"}),
        "T4": frozenset({"T4"}),
    }


async def test_what_a_workspace_tells_is_taken_by_its_leader_only(slack: Standin, hearing: Hearing) -> None:
    """503, so that the proxy asks the next gateway."""
    secret, body = slack.server.world.app.signing_secret, event_of(slack, "hello")
    async with running(slack.adapter, hearing), browser(slack.adapter) as client:

        async def post() -> int:
            headers = {"Content-Type": "application/json", **signature(secret, body)}
            return (await client.post("/events", content=body, headers=headers)).status_code

        await slack.adapter.lead(frozenset({"T1"}))
        assert await post() == 503
        assert hearing.heard == []
        await slack.adapter.lead(frozenset({""}))
        assert await post() == 200
