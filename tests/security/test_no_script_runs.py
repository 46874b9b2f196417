"""One text that would run wherever it is not escaped, written into every field of every page's forms and
into what chats say, then looked for on all pages, as every role."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import select

from bot.router import Router
from core import clock
from core.chat import Place, Said, Sender
from core.installations.model import Installation
from core.people.model import Tag, Team
from core.rooms.model import DeskRoom
from core.tickets.model import Category, Macro, RoutingRule
from tests.security import walk
from tests.security.walk import MARK, SHOWN, Form, Page
from tests.webui import test_access_matrix as matrix
from tests.webui.test_access_matrix import World

world = matrix.world
ELSEWHERE = "metadata.evil.example"
"""What nothing may call, wherever it is written."""
HARMFUL = (
    "erasure",
    "/delete",
    "/sign-out",
    "/block",
    "/password",
    "/sessions",
    "/active",
    "/close",
    "/merge",
)
"""What would take from the crawl what it is to look at."""


async def test_what_an_address_says_is_not_run(world: World) -> None:
    """Reflected: whatever a route reads behind the `?`, and whatever stands in its path."""
    ran, shown = [], 0
    for route in walk.gets(world.app):
        names = [*walk.query_names(route), "done", "next", "q"]
        query = urlencode(dict.fromkeys(names, MARK))
        for who in ("stranger", "admin") if matrix.OPEN_TO_ALL.match(route.path) else ("admin",):
            answer = await world.call(who, "GET", f"{world.filled(route.path)}?{query}")
            ran += [f"{route.path} {who} {each}" for each in walk.running(answer)]
            shown += SHOWN in answer.text
            assert answer.status_code < 500, route.path
    for path in (
        "/",
        "/help/en/",
        "/tickets/",
        "/t/",
        "/sign-in/link/",
        "/invite/",
        "/unsubscribe/",
        "/c/",
        "/f/",
    ):
        answer = await world.call("stranger", "GET", path + MARK.replace("/", "%2F").replace("?", "%3F"))
        ran += [f"{path} {each}" for each in walk.running(answer)]
    assert not ran, "\n".join(ran)
    assert shown > 5


async def test_what_was_written_anywhere_is_nowhere_run(world: World) -> None:
    """Stored: first each field of each form is filled, then every page is read."""
    await _said_in_chats(world)
    await _named(world)
    world.desk.rehearsing = False
    ran: list[str] = []
    filled = 0
    called = _calls()
    for who in ("requester", "agent", "admin"):
        for form in await _forms(world, who):
            for fields in _attempts(form):
                answer = await world.call(who, "POST", form.action, fields)
                ran += [f"{form.action} {who} {each}" for each in walk.running(answer)]
                assert answer.status_code < 500, (form.action, fields)
                filled += 1
                if answer.status_code < 400:
                    break  # All of it was kept.
    shown: dict[str, set[str]] = {}
    for who in ("stranger", "requester", "agent", "admin"):
        for route in walk.gets(world.app):
            answer = await world.call(who, "GET", world.filled(route.path))
            assert answer.status_code < 500, route.path
            ran += [f"{route.path} {who} {each}" for each in walk.running(answer)]
            if SHOWN in answer.text:
                shown.setdefault(route.path, set()).add(who)
    assert not ran, "\n".join(sorted(set(ran)))
    assert not called(), "an address that somebody wrote was called"
    assert filled > 100
    assert len(shown) > 40, sorted(shown)


async def _forms(world: World, who: str) -> list[Form]:
    """Every form that one finds on one's pages, once."""
    found: dict[tuple[str, ...], Form] = {}
    for route in walk.gets(world.app):
        path = world.filled(route.path)
        for form in Page((await world.call(who, "GET", path)).text).forms:
            form.action = form.action or path
            found.setdefault((form.action, *sorted(set(form.typed))), form)
    return list(found.values())


def _attempts(form: Form) -> list[dict[str, Any]]:
    """All fields at once; and each by itself, as one of them may not take it."""
    if not form.typed or any(word in form.action for word in HARMFUL):
        return []
    typed = [name for name in dict.fromkeys(form.typed) if name not in ("version", "csrf")]
    each = [typed] if len(typed) == 1 else [typed, *([name] for name in typed)]
    return [
        *(form.fields | dict.fromkeys(names, MARK) for names in each),
        # What takes an address only takes this one.
        form.fields | dict.fromkeys(typed, f"https://{ELSEWHERE}/x.png"),
    ]


def _calls() -> Callable[[], list[str]]:
    """What this process asks of the network from now on, as Python tells it (PEP 578)."""
    seen: list[str] = []
    on = True

    def heard(event: str, given: tuple[Any, ...]) -> None:
        if on and event in ("socket.getaddrinfo", "socket.connect") and ELSEWHERE in str(given):
            seen.append(str(given[:2]))

    sys.addaudithook(heard)

    def stop() -> list[str]:
        nonlocal on
        on = False
        return seen

    return stop


async def _said_in_chats(world: World) -> None:
    """By a platform's person whose very name, subject and words are the text."""
    world.desk.rehearsing = False
    said = Said(
        place=Place("fake", "main", "mark"), sender=Sender(external="mark", name=MARK), native="mark",
        at=clock.now(), text=f"help https://{ELSEWHERE}/ ![](http://{ELSEWHERE}/a.png) {MARK}\n\n[{MARK}](javascript:zq()) <b onclick=zq()>b</b> ![x](javascript:zq())",
    )  # fmt: skip
    router = Router(world.desk)
    await router.deliver(said)
    await router.deliver(
        replace(
            said,
            place=Place("fake", "main", "ada"),
            sender=Sender(external="ext-requester", name=MARK),
            native="mark2",
            text=MARK,
        )
    )


async def _named(world: World) -> None:
    """What the desk calls its own things, as an admin with bad intent would."""
    async with world.desk.unit() as uow:
        for model in (Team, Tag, Category, Macro, RoutingRule, Installation, DeskRoom):
            for number, row in enumerate(await uow.session.scalars(select(model))):
                if isinstance(getattr(row, "name", None), str):
                    row.name = f"{MARK[:90]} {number}"


def test_the_text_would_run_where_nothing_escapes_it() -> None:
    for around in (
        "<p>{}</p>",
        '<a title="{}">',
        "<a title='{}'>",
        "<title>{}</title>",
        "<script>{}</script>",
    ):
        assert Page(around.format(MARK)).running, around
