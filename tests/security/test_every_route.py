"""What holds for every page and every endpoint, whoever adds the next one: headers, methods, tokens of
forms, and that nothing leads to another site."""

from __future__ import annotations

import base64
import itertools
from typing import Any
from urllib.parse import urlencode, urlsplit

from httpx import ASGITransport, AsyncClient, Response

from core.desk import Desk
from core.rate import Budget
from tests.security import walk
from tests.webui import browsing
from tests.webui import test_access_matrix as matrix
from tests.webui.test_access_matrix import World
from webui import security, sessions
from webui.app import make_app
from webui.site import Site

world = matrix.world
ELSEWHERE = ("https://evil.example/", "//evil.example/", "/\\evil.example/", "javascript:alert(1)")
WAYS = ("next", "back", "url", "to", "return", "done", "redirect", "continue")
SIGNED = ("/calls/hook",)
"""Sent by no browser: a server for calls signs what it tells (`tests/calls/test_livekit_call.py`)."""
ONE_CLICK = "/unsubscribe/"
"""Mail programs press it (RFC 8058): the token in its address is what proves the asker."""
MAY_BE_KEPT = (
    "/theme.css", "/robots.txt", "/sitemap.xml", "/help/files/", "/help/{language}/feed.xml", "/api/v1/openapi.json",
)  # fmt: skip
"""What is the same for everybody."""
SPOKEN: dict[str, dict[str, Any]] = {
    "/c/{token}/join": {"sdp": "v=0"},
    "/c/{token}/hold": {"on": True},
    "/c/{token}/mute": {"on": True, "source": "mic"},
    "/c/{token}/admission": {"person": "01a21d83-407c-7446-9998-f8b7d73478e9"},
    "/c/{token}/recording": {"on": True},
    "/c/{token}/consent": {"on": True},
}
"""What pages send as JSON: right but for the token."""


async def test_every_answer_carries_its_headers(world: World) -> None:
    wrong = []
    for route in walk.gets(world.app):
        for who in ("stranger", "admin"):
            answer = await world.call(who, "GET", world.filled(route.path))
            wrong += [f"{route.path} {who}: {what}" for what in _missing(answer)]
            if who == "admin" and answer.status_code == 200 and not route.path.startswith(MAY_BE_KEPT):
                kept = answer.headers.get("cache-control", "")
                if "no-store" not in kept:
                    wrong.append(f"{route.path}: may be kept ({kept})")
    assert not wrong, "\n".join(wrong)


async def test_over_tls_browsers_are_told_to_stay_there(desk: Desk) -> None:
    app = make_app(Site(desk=desk, public_url="https://help.example"))
    async with AsyncClient(transport=ASGITransport(app=app), base_url="https://help.example") as client:
        cookies: list[str] = []
        for path in ("/sign-in", "/healthz", "/no-such-page", "/api/v1/me", "/static/x/none.js"):
            answer = await client.get(path)
            told = answer.headers["strict-transport-security"]
            assert told == "max-age=31536000; includeSubDomains", path
            cookies += answer.headers.get_list("set-cookie")
    assert cookies
    for cookie in cookies:
        assert cookie.startswith("__Host-"), cookie
        assert {"httponly", "secure", "samesite=lax", "path=/"} <= set(cookie.lower().split("; ")), cookie
        assert "domain" not in cookie.lower(), cookie


async def test_over_tls_no_neighbour_puts_words_into_a_page(desk: Desk) -> None:
    """What one page leaves to be said by the next is bound to the host as the session is."""
    there = browsing.World(desk, public_url="https://help.example")
    bob = await there.person("Bob", "bob@example.org", "agent")
    async with there.signed_in(bob) as browser:
        await browser.look("/account")
        csrf = browser.forms()[0].fields["csrf"]
        said = await browser.post("/desk/bulk", data={"csrf": csrf})
        made = [cookie.split("=")[0] for cookie in said.headers.get_list("set-cookie")]
        words = base64.urlsafe_b64encode(b'{"text": "Call +49 666", "tone": "bad"}').decode()
        browser.cookies.set("deskbell-flash", words)
        assert "666" not in (await browser.look("/notices")).text
        browser.cookies.set("__Host-deskbell-flash", words)
        assert "666" in (await browser.look("/notices")).text
    assert made == ["__Host-deskbell-flash"]


async def test_no_form_works_without_its_token(world: World) -> None:
    """As an admin whose browser was led here by another site: with the cookie, and nothing else."""
    let_in = []
    cookie = {"cookie": f"{sessions.cookie_name(False)}={world.cookies['admin']}"}
    posts = [route for route in walk.routes(world.app) if "POST" in route.methods]
    for route in posts:
        path, body = route.path, world.body(route.path) | SPOKEN.get(route.path, {})
        if path.startswith(ONE_CLICK) or path in SIGNED:
            continue
        kind = "json" if path in SPOKEN or path.startswith("/api/") else "data"
        token = security.csrf_token(world.desk.means.keys.signing, world.cookies["admin"])
        tries: list[tuple[str, dict[str, str], dict[str, Any]]] = [
            ("without", {}, {kind: body}),
            ("wrong", {"x-csrf-token": "0" * 64}, {kind: body}),
            ("another's", {"x-csrf-token": _anothers(world)}, {kind: body}),
            ("as text", {"content-type": "text/plain"}, {"content": "x"}),
            ("led here", {"x-csrf-token": token, "sec-fetch-site": "cross-site"}, {kind: body}),
        ]
        for name, headers, given in tries:
            answer = await world.client.post(world.filled(path), headers=headers | cookie, **given)
            unread = path in SPOKEN and answer.status_code == 422 and name == "as text"
            if answer.status_code != (401 if path.startswith("/api/") else 403) and not unread:
                let_in.append(f"{path} {name} {answer.status_code}")
    assert not let_in, "\n".join(let_in)
    assert len(posts) > 120


async def test_looking_changes_nothing_and_other_methods_are_refused(world: World) -> None:
    for path in sorted({route.path for route in walk.routes(world.app)}):
        for method in ("TRACE", "CONNECT"):
            answer = await world.client.request(method, world.filled(path))
            assert answer.status_code in (404, 405), (method, path)
    posts = {route.path for route in walk.routes(world.app) if route.methods == {"POST"}}
    looked = {route.path for route in walk.gets(world.app)}
    for path in sorted(posts - looked):
        answer = await world.call("admin", "GET", world.filled(path))
        # Some addresses are another page's as well, such as /admin/settings/{group}.
        assert answer.status_code in (200, 404, 405, 422), path


async def test_nothing_leads_to_another_site(world: World) -> None:
    led = []
    wanted = dict(zip(WAYS, itertools.cycle(ELSEWHERE), strict=False))
    for route in walk.routes(world.app):
        for method in (route.methods & {"GET", "POST"}) if route.path not in walk.ENDLESS else ():
            body = world.body(route.path)
            given = body if route.path.startswith("/api/") else {**wanted, **body}
            for who in ("admin", "stranger") if matrix.OPEN_TO_ALL.match(route.path) else ("admin",):
                path = f"{world.filled(route.path)}?{urlencode(wanted)}"
                answer = await world.call(who, method, path, given)
                if _is_elsewhere(answer.headers.get("location", "")):
                    led.append(f"{method} {route.path} {answer.headers['location']}")
    assert "\n".join(led) == ""


async def test_no_header_says_what_the_desk_is_called(world: World) -> None:
    forged = dict.fromkeys(("x-forwarded-host", "x-forwarded-server", "x-host"), "evil.example")
    forged |= {"host": "evil.example", "forwarded": "host=evil.example", "x-original-url": "//evil.example"}
    told = []
    for route in walk.gets(world.app):
        headers = forged | {"cookie": f"{sessions.cookie_name(False)}={world.cookies['admin']}"}
        answer = await world.client.get(world.filled(route.path), headers=headers)
        told += [route.path] if "evil.example" in f"{answer.headers} {answer.text}" else []
    assert told == []


async def test_whoever_sends_without_end_is_slowed(world: World) -> None:
    world.app.state.site.facts["changes"] = {staff: Budget(3, 60) for staff in (True, False)}
    path = world.filled("/my/tickets/{number}/messages")
    for who in ("requester", "other"):
        answers = [await world.call(who, "POST", path, {"body": "hello"}) for _n in range(5)]
        assert [one.status_code == 429 for one in answers] == [False] * 3 + [True] * 2
        assert int(answers[-1].headers["retry-after"]) > 0


async def test_whoever_looks_without_end_is_slowed(world: World) -> None:
    world.app.state.site.facts["looks"] = {staff: Budget(3, 60) for staff in (True, False)}
    for who, path in (("agent", "/search?q=help"), ("stranger", "/sign-in")):
        answers = [await world.call(who, "GET", path) for _n in range(5)]
        assert [one.status_code == 429 for one in answers] == [False] * 3 + [True] * 2


async def test_no_address_climbs_out_of_the_folder_that_is_served(world: World) -> None:
    ways = ("../../app.py", "..%2f..%2fapp.py", "%2e%2e/%2e%2e/app.py", "..%5c..%5capp.py", "%2fetc%2fpasswd", "/etc/passwd", "css/%00", "....//app.py")  # fmt: skip
    for beginning in ("/static/", "/static/x/", "/static/x/css/"):
        for way in ways:
            answer = await world.client.get(beginning + way)
            assert answer.status_code == 404, beginning + way
            assert "import " not in answer.text


def _missing(answer: Response) -> list[str]:
    headers, found = answer.headers, []
    policy = headers.get("content-security-policy", "")
    if "default-src 'none'" not in policy or "frame-ancestors '" not in policy:
        found.append(f"policy {policy!r}")
    if "*" in policy or ("unsafe" in policy and "sandbox" not in policy) or "script-src 'unsafe" in policy:
        found.append(f"loose policy {policy!r}")
    if headers.get("x-content-type-options") != "nosniff":
        found.append("sniffed")
    if headers.get("referrer-policy") not in ("same-origin", "no-referrer", "strict-origin"):
        found.append("referrer")
    kind = headers.get("content-type", "")
    if answer.content and not kind:
        found.append("of no kind")
    if kind.startswith(("text/", "application/xml")) and "charset=utf-8" not in kind.lower():
        found.append(f"of no charset ({kind})")
    return found + [
        name for name in ("server", "x-powered-by", "access-control-allow-origin") if name in headers
    ]


def _anothers(world: World) -> str:
    """The token of a stranger's visit, which anyone may get."""
    return security.csrf_token(world.desk.means.keys.signing, "visit")


def _is_elsewhere(location: str) -> bool:
    parts = urlsplit(location.replace("\\", "/"))
    return bool((parts.scheme or parts.netloc) and (parts.scheme, parts.netloc) != ("http", "test"))
