"""Who a visitor is: tokens, host sites that vouch, the page and where it may be shown."""

from __future__ import annotations

import time
from typing import Any

import jwt
import pytest

from adapters.webchat import tokens
from adapters.webchat.settings import Settings
from core import chat_secret, clock
from core.people import service as people
from tests.webchat.conftest import World

KEY = b"k" * 32


def test_a_token_is_its_visitors_alone() -> None:
    visitor = tokens.new_visitor()
    token = tokens.issue(KEY, visitor)
    assert tokens.read(KEY, token, 0) == visitor
    for wrong in (
        "",
        ".",
        token + "x",
        token[1:],
        "x." + token,
        tokens.issue(b"o" * 32, visitor),
        "a.b.c.d.e",
    ):
        with pytest.raises(tokens.NoVisitor):
            tokens.read(KEY, wrong, 0)


def test_a_vouched_token_ends() -> None:
    visitor = tokens.vouched_visitor(KEY, tokens.Claims("user:7", "Ada", ""), 1000)
    token = tokens.issue(KEY, visitor)
    assert tokens.read(KEY, token, 2000) == visitor
    assert visitor.external == "host:user:7"
    assert "user" not in visitor.place("t").key
    with pytest.raises(tokens.NoVisitor):
        tokens.read(KEY, token, 1001 + tokens.VOUCHED_FOR)


async def vouch(world: World, **claims: Any) -> str:
    async with world.desk.unit() as uow:
        secret = await chat_secret.read(uow.session, uow.keys) or await chat_secret.make(uow)
    given = {"sub": "u-7", "name": "Ada Lovelace", "email": "ada@example.com", "exp": int(time.time()) + 600}
    return jwt.encode(given | claims, secret, algorithm="HS256")


async def test_a_vouched_visitor_is_the_same_in_every_browser(world: World) -> None:
    one = await world.visitor(vouched=await vouch(world))
    await one.say("from the office")
    other = await world.visitor(vouched=await vouch(world))
    assert other.session["vouched"]
    assert [c["id"] for c in other.session["conversations"]] == [one.thread]
    async with world.desk.unit() as uow:
        person = await people.by_email(uow, "ada@example.com", verified=False)
        assert person is not None
        assert (await people.know(uow, person)).name == "Ada Lovelace"


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": 1},
        {"exp": 4_000_000_000},
        {"sub": ""},
        {"sub": "x" * 300},
        {"exp": "4000000000"},
        {"exp": float("inf")},
        {"aud": "https://other.example"},
        {"aud": ["https://other.example", "help.example", 7, "https://[x"]},
        {"aud": ""},
    ],
)
async def test_claims_that_do_not_hold(world: World, claims: dict[str, Any]) -> None:
    answer = await world.http.post("session", json={"vouched": await vouch(world, **claims)})
    assert answer.status_code == 422
    assert answer.json()["field"] == "vouched"


async def test_claims_may_name_this_desk_as_whom_they_are_for(world: World) -> None:
    world.chat.settings = Settings(public_host="help.example")
    here = {"host": "help.example"}
    for audience, status in (
        ("https://help.example", 200),
        (["https://shop.example", "https://help.example/chat"], 200),
        ("https://shop.example", 422),
    ):
        claim = await vouch(world, aud=audience)
        answer = await world.http.post("session", json={"vouched": claim}, headers=here)
        assert answer.status_code == status, audience


async def test_unsigned_and_foreign_claims_are_refused(world: World) -> None:
    await vouch(world)
    good = {"sub": "u-7", "exp": int(time.time()) + 60}
    for claim in (
        jwt.encode(good, "another secret of thirty-two bytes!", algorithm="HS256"),
        jwt.encode(good, None, algorithm="none"),
        "x.y.z",
    ):
        assert (await world.http.post("session", json={"vouched": claim})).status_code == 422


async def test_the_secret_is_sealed(world: World) -> None:
    from sqlalchemy import select

    from core.db import Setting

    async with world.desk.unit() as uow:
        secret = await chat_secret.make(uow)
        rows = list(await uow.session.scalars(select(Setting)))
        assert secret not in str([row.value for row in rows])
        await chat_secret.forget(uow)
        assert await chat_secret.read(uow.session, uow.keys) is None


async def test_the_page_may_be_framed_where_the_setting_says(world: World) -> None:
    everywhere = await world.http.get("./")
    assert "frame-ancestors *" in everywhere.headers["content-security-policy"]
    assert "x-frame-options" not in everywhere.headers
    await world.set(
        chat_origins=["https://shop.example", "javascript:alert(1)", "https://a.example; script-src *"]
    )
    policy = (await world.http.get("./")).headers["content-security-policy"]
    assert policy.endswith("frame-ancestors 'self' https://shop.example")
    assert "unsafe" not in policy


async def test_another_sites_script_is_refused(world: World) -> None:
    ada = await world.visitor()
    for origin in ("https://evil.example", "null"):
        answer = await ada.call("GET", "conversations", headers={"origin": origin})
        assert answer.status_code == 403
    assert (await ada.call("GET", "conversations", headers={"origin": "http://test"})).status_code == 200


async def test_the_widget_may_be_loaded_from_everywhere(world: World) -> None:
    answer = await world.http.get("widget.js")
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert answer.headers["content-type"].startswith("text/javascript")


async def test_every_file_of_the_page_is_served(world: World) -> None:
    import re

    page = (await world.http.get("./")).text
    found = re.findall(r'(?:href|src)="((?:static|accent)[^"]+)"', page)
    assert len(found) >= 4
    for path in found:
        answer = await world.http.get(path.replace("&amp;", "&"))
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
    assert (await world.http.get("static/x/../../adapter.py")).status_code == 404


async def test_outside_working_hours_the_chat_says_so(world: World) -> None:
    tomorrow = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[(clock.now().weekday() + 1) % 7]
    await world.set(hours={"zone": "UTC", "week": {tomorrow: [["09:00", "17:00"]]}})
    desk = (await world.visitor()).session["desk"]
    assert not desk["open"]
    assert desk["opens_at"].endswith("09:00:00+00:00")
    await world.set(hours={})
    assert (await world.visitor()).session["desk"]["open"]
