"""Every page, endpoint and command, as every role, as another requester and as a stranger.

The table beside this file is what was agreed; a new route is not in it and fails until someone
has looked at its line (write it anew with ACCESS_MATRIX=write). What no table may allow is
asserted on top of it.
"""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from httpx import ASGITransport, AsyncClient, Response
from PIL import Image
from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import Response as StarletteResponse

from bot import commands
from bot.router import Router
from core import clock, inbox
from core.access import SYSTEM, Actor, Permission
from core.admin import erase, organisations
from core.calls import access as call_access
from core.calls import join_links
from core.calls import service as calls
from core.calls.model import Call, CallRecording
from core.chat import Invoked, Place, Said, Sender
from core.conversations import attachments, file_links
from core.conversations import service as conversations
from core.crypto.fields import bound_to, new_key, seal
from core.db import UnitOfWork
from core.desk import Desk
from core.errors import DeskError, Forbidden, NotFound
from core.installations import service as installations
from core.kb import files as article_files
from core.kb import learning, review, suggesting
from core.kb import moderation as feedback
from core.kb import service as articles
from core.kb.model import Lesson
from core.kb.service import Facts
from core.notices import outbox, unsubscribe
from core.notices import service as notices
from core.notices.model import Notice
from core.outbox_model import Delivery, Inbound
from core.people import links, tokens
from core.people import service as people
from core.people.model import ApiToken, Person, Session, Tag, Team
from core.ports.articles import Hit
from core.ports.mail import Mail
from core.rooms import service as rooms
from core.tickets import macros, views
from core.tickets import service as tickets
from core.tickets.model import Category, RoutingRule, Ticket
from tests.fakes.connecting import GOOD, FakePlatform
from tests.fakes.media import OneSound, nothing_to_record, silent
from webui import security, sessions
from webui.app import make_app
from webui.app import routers as webui_routers
from webui.site import Site

SECRET = "quincunx"
"""A word that stands in Ada's messages, notes and file names, and in no page of the desk's own."""
ALONE = ("help", "tickets", "human", "new", "start", "cancel", "delete", "queue", "unroom", "ask", "panel")
"""Commands that are said without a ticket."""
TABLE = Path(__file__).parent / "access_matrix.txt"
ROLES = ("stranger", "other", "requester", "agent", "lead", "admin")
STAFF_ONLY = re.compile(r"^/(desk|tickets|admin|search|files|live|notices|views)\b")
OPEN_TO_ALL = re.compile(
    r"^/(healthz|readyz|metrics|sign-in|sign-up|sign-out|docs/|f/|c/|static|theme|unsubscribe|t/|links?/|invite|verify|account/verify|"
    r"help\b|sitemap\.xml|robots\.txt|api/v1/openapi\.json|chat\b|$)"
)


NOWHERE = (
    "/chat",
    "/c/{token}/call.ics",
    "/c/{token}/files/{file_id}",
    "/calls/client.mjs",
    "/calls/hook",
    "/metrics",
    "/tickets/{number}/calls/{call_id}/file",
)
"""Where nothing is in this world: a token for metrics, the chat's adapter, a call that is set for later, a server for
calls, a recording made into one file. tests/webchat and tests/calls look at those."""
LINKED = ("/f/{token}", "/f/{token}/download", "/c/{token}/talk", "/c/{token}/ticket")
"""Whoever holds the link may see that one file, or be in that one call: each was given to them."""
ENDLESS = ("/live", "/c/{token}/live")
"""Streams do not end for whoever is let in."""
NOON = (clock.now() + timedelta(days=1)).isoformat()
SENT: dict[str, dict[str, Any]] = {
    "/api/v1/tickets": {"text": "help"},
    "/api/v1/tickets/{number}/messages": {"text": "hello"},
    "/api/v1/tickets/{number}/notes": {"text": "hello"},
    "/api/v1/tickets/{number}/messages/{message_id}": {"text": "hello"},
    "/api/v1/tickets/{number}/messages/{message_id}/reactions": {"emoji": ["👍"]},
    "/api/v1/tickets/{number}/assign": {"team_id": "{team_id}"},
    "/api/v1/tickets/{number}/snooze": {"until": NOON},
    "/api/v1/tickets/{number}/merge": {"into": "{second}"},
    "/api/v1/tickets/{number}/links": {"to": "{second}"},
    "/api/v1/tickets/{number}/split": {"messages": ["{message_id}"]},
    "/api/v1/tickets/{number}/rating": {"score": 4},
    "/api/v1/people": {"name": "New"},
    "/api/v1/macros": {"name": "New", "body": "Hello"},
    "/tickets/{number}/assignment": {"to": "me"},
    "/tickets/{number}/handover": {"to": "{agent_id}"},
    "/tickets/{number}/messages": {"kind": "note", "body": "hello"},
    "/tickets/{number}/messages/{message_id}": {"body": "hello"},
    "/tickets/{number}/messages/{message_id}/reactions": {"emoji": "👍"},
    "/tickets/{number}/draft": {"kind": "note", "body": "hello"},
    "/tickets/{number}/snooze": {"until": NOON},
    "/tickets/{number}/merge": {"into": "{second}"},
    "/tickets/{number}/split": {"message": "{message_id}"},
    "/tickets/{number}/links": {"to": "{second}"},
    "/tickets/{number}/links/delete": {"to": "{second}"},
    "/tickets/{number}/requester": {"person": "{other_id}"},
    "/tickets/{number}/subject": {"subject": "New"},
    "/tickets/{number}/tags": {"tag": "new"},
    "/tickets/{number}/tags/delete": {"tag": "vip"},
    "/tickets/{number}/details": {"was_priority": "normal", "priority": "high"},
    "/desk/bulk": {"do": "claim", "number": "{number}"},
    "/desk/availability": {"state": "here"},
    "/my/tickets": {"subject": "New", "text": "help"},
    "/my/tickets/{number}/messages": {"body": "hello"},
    "/my/tickets/{number}/messages/{message_id}": {"text": "hello"},
    "/my/tickets/{number}/rating": {"score": "4"},
    "/my/suggestions": {"text": "hello", "suggested": "{text_id}", "solved": "{text_id}"},
    "/desk/articles": {"title": "New", "language": "en", "audience": "public", "template": "plain"},
    "/desk/articles/preview": {"body": "hello"},
    "/desk/articles/{article_id:uuid}/facts": {"audience": "internal", "version": "{article_version}"},
    "/desk/articles/{article_id:uuid}/languages": {"language": "de"},
    "/desk/articles/{article_id:uuid}/archive": {"version": "{article_version}"},
    "/desk/articles/{article_id:uuid}/archive/delete": {"version": "{article_version}"},
    "/desk/articles/texts/{text_id:uuid}": {
        "title": "New",
        "body": "hello",
        "step": "publish",
        "version": "{text_version}",
    },
    "/desk/articles/texts/{text_id:uuid}/autosave": {
        "title": "New",
        "body": "hello",
        "version": "{text_version}",
    },
    "/desk/articles/texts/{text_id:uuid}/draft/delete": {"version": "{text_version}"},
    "/desk/articles/texts/{text_id:uuid}/stale/delete": {"version": "{text_version}"},
    "/desk/articles/texts/{text_id:uuid}/review/approve": {"version": "{text_version}"},
    "/desk/articles/texts/{text_id:uuid}/review/return": {"version": "{text_version}", "note": "No"},
    "/desk/articles/texts/{text_id:uuid}/revisions/{revision:int}/restore": {"version": "{text_version}"},
    "/help/{language}/{slug}/feedback": {"helpful": "yes"},
    "/tickets/{number}/calls/{call_id}/review": {"mark": "4", "verdict": "good", "version": "0"},
    "/tickets/{number}/calls/{call_id}/remarks": {"second": "1", "text": "Well said"},
    "/tickets/{number}/review": {"mark": "4", "verdict": "good", "version": "0"},
    "/tickets/{number}/review/remarks": {"message": "{message_id}", "text": "Well said"},
    "/api/v1/calls/{call_id}/transfer": {"person_id": "{lead_id}"},
    "/api/v1/calls/{call_id}/participants": {"person_id": "{agent_id}"},
}
"""What is sent where without it nothing but that it is missing would be said."""


class Rehearsal(Desk):
    """A desk on which nothing that is done stays: each call sees the same world."""

    rehearsing = False

    async def refresh(self) -> None:
        """Nothing was changed."""

    @asynccontextmanager
    async def unit(self, actor: Actor = SYSTEM) -> AsyncIterator[UnitOfWork]:
        if not self.rehearsing:
            async with super().unit(actor) as uow:
                yield uow
            return
        async with self.db.sessions() as session:
            yield UnitOfWork(session, self.means, actor)
            await session.flush()
            await session.rollback()


@dataclass
class World:
    """Ada's ticket, and someone of every role who knocks."""

    desk: Rehearsal
    app: FastAPI
    client: AsyncClient
    cookies: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    senders: dict[str, str] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    closer: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    """For routes that begin so, other things than the usual ones."""

    def filled(self, path: str, of: str = "") -> str:
        """A route (or what is sent to one, `of` it) with real things in it: a name that stands for
        nothing real is an error."""
        values = dict(self.values)
        for beginning, others in self.closer:
            if (of or path).startswith(beginning):
                values |= others
        return re.sub(r"\{(\w+)(?::\w+)?\}", lambda found: values[found.group(1)], path)

    def body(self, path: str) -> dict[str, Any]:
        def put(value: Any) -> Any:
            if isinstance(value, list):
                return [put(one) for one in value]
            if not isinstance(value, str) or not value.startswith("{"):
                return value
            found = self.filled(value, path)
            return int(found) if value == "{second}" else found

        return {name: put(value) for name, value in SENT.get(path, {}).items()}

    async def call(self, who: str, method: str, path: str, given: dict[str, Any] | None = None) -> Response:
        headers = {"accept": "text/html"}
        if path.startswith("/api/"):
            headers = {"accept": "application/json"}
            if who in self.tokens:
                headers["authorization"] = f"Bearer {self.tokens[who]}"
        elif who in self.cookies:
            headers["cookie"] = f"{sessions.cookie_name(False)}={self.cookies[who]}"
        else:
            headers["cookie"] = f"{sessions.visit_name(False)}=visit"
        secret = self.cookies.get(who, "visit")
        headers["x-csrf-token"] = security.csrf_token(self.desk.means.keys.signing, secret)
        body = {} if path.startswith("/api/") else {"csrf": headers["x-csrf-token"]}
        body |= given or {}
        if method in ("POST", "PATCH", "PUT") and path.startswith("/api/"):
            return await self.client.request(method, path, headers=headers, json=body)
        if method == "POST":
            return await self.client.request(method, path, headers=headers, data=body)
        return await self.client.request(method, path, headers=headers)


@pytest.fixture
async def world(desk: Desk) -> AsyncIterator[World]:
    rehearsal = Rehearsal(desk.db, desk.means, desk.bus, desk.masters)
    app = make_app(
        Site(
            desk=rehearsal,
            public_url="http://test",
            platforms={"fake": FakePlatform()},
            media=silent,
            recordings=OneSound(),
            call_changed=nothing_to_record,
        )
    )
    async with AsyncClient(transport=ASGITransport(app=app), base_url="http://test", timeout=30) as client:
        made = World(rehearsal, app, client)
        # Requesters may be given the API; then it tells them no more than their pages do.
        roles = desk.means.roles
        roles["requester"] = roles["requester"] | {Permission.use_api}
        await _people(made)
        await _things(made)
        rehearsal.rehearsing = True
        yield made


async def test_every_route_is_open_to_whom_it_should_be(world: World) -> None:
    lines = []
    for method, path in sorted(set(_routes(world.app))):
        seen = [f"{who}={await _verdict(world, who, method, path)}" for who in ROLES]
        lines.append(f"{method:6} {path}  {' '.join(seen)}")
    text = "\n".join(lines) + "\n"
    if os.environ.get("ACCESS_MATRIX") == "write":
        TABLE.write_text(text)
    assert _breaches(lines) == []
    assert len(lines) > 100
    assert text == TABLE.read_text()


async def test_every_command_is_open_to_whom_it_should_be(world: World) -> None:
    router = Router(world.desk)
    allowed: dict[str, set[str]] = {}
    for name, command in commands.load().items():
        for who in ROLES:
            try:
                await router.deliver(_invoked(world, who, name))
                verdict = True
            except (Forbidden, NotFound):
                verdict = False
            except DeskError:
                verdict = True
            if verdict:
                allowed.setdefault(name, set()).add(who)
        if command.needs is not None:
            may = {
                role for role in ("agent", "lead", "admin") if command.needs in world.desk.means.roles[role]
            }
            assert allowed.get(name, set()) == may, name
    # A stranger's and another requester's command on Ada's ticket finds nothing.
    for name in ("status", "close", "reopen", "rate"):
        assert allowed[name] == {"requester", "agent", "lead", "admin"} or name == "rate", (
            name,
            allowed[name],
        )
    assert allowed["help"] == set(ROLES)


async def test_an_agent_of_another_team_finds_nothing(world: World) -> None:
    """With a role that sees its teams' tickets only, on every route that names a ticket or what
    lies in it; and no list, search, palette or notice tells a word of it."""
    await _to_another_team(world)
    routes = sorted(set(_routes(world.app)))
    named = [
        (method, path) for method, path in routes if re.search(r"\{(number|link|message_id|file_id)\}", path)
    ]
    open_to = [
        f"{method} {path} {verdict}"
        for method, path in named
        if (verdict := await _verdict(world, "agent", method, path)) not in ("hidden", "forbidden")
        and path != "/my/tickets/{number}"  # Leads staff to the desk's page, whatever the number.
    ]
    assert "\n".join(open_to) == ""
    assert len(named) > 60
    asked = {
        "/search": ("?q=status:open", "?q=has:file"),
        "/api/v1/search": ("?q=status:open", "?q=help"),
        "/desk/palette.json": (f"?page=/tickets/{world.values['number']}",),
        "/desk/queues/{name}": ("?search=help",),
    }
    for path in (path for method, path in routes if method == "GET" and path not in (*ENDLESS, *LINKED)):
        for query in asked.get(path, ("",)):
            answer = await world.call("agent", "GET", world.filled(path) + query)
            assert SECRET not in answer.text, path
            if answer.status_code == 200:
                assert f"/tickets/{world.values['number']}/" not in answer.text, path


async def test_no_page_tells_others_a_word_of_a_ticket(world: World) -> None:
    for who in ("stranger", "other"):
        for path in (path for method, path in sorted(set(_routes(world.app))) if method == "GET"):
            if path in (*ENDLESS, *LINKED):
                continue
            answer = await world.call(who, "GET", world.filled(path))
            assert SECRET not in answer.text, (who, path)
            assert "Requester" not in _words_of(answer, path), (who, path)


async def test_notes_and_held_replies_are_on_no_page_of_the_requester(world: World) -> None:
    agent = await _actor(world, "agent")
    world.desk.rehearsing = False
    number = int(world.values["number"])
    async with world.desk.unit(agent) as uow:
        await tickets.reply(uow, agent, number, "not yet: zugzwang", hold=600)
        _opened, hidden = await tickets.reply(uow, agent, number, "never again: zugzwang", hold=0)
        _opened, back = await tickets.reply(uow, agent, number, "taken back: zugzwang", hold=600)
        opened, _note = await tickets.note(uow, agent, number, "whispered: zugzwang")
        await uow.session.flush()
        await conversations.hide(uow, opened.thread, hidden)
        await conversations.delete(uow, opened.thread, agent, back)
    world.desk.rehearsing = True
    for path in (path for method, path in sorted(set(_routes(world.app))) if method == "GET"):
        if path not in ENDLESS:
            assert "zugzwang" not in (await world.call("requester", "GET", world.filled(path))).text, path


@pytest.mark.parametrize("who", ["requester", "agent"])
async def test_every_page_stands_after_an_erasure(world: World, who: str) -> None:
    """And every verb says what it cannot do any more; nothing breaks, and no word is left."""
    admin = await _actor(world, "admin")
    world.desk.rehearsing = False
    async with world.desk.unit(admin) as uow:
        await erase.erase(uow, admin, UUID(world.values[f"{who}_id"]))
    world.desk.rehearsing = True
    broken = []
    for method, path in sorted(set(_routes(world.app))):
        if path in ENDLESS:
            continue
        for reader in {"agent", "admin"} - {who}:
            answer = await world.call(reader, method, world.filled(path), world.body(path))
            if answer.status_code >= 500:
                broken.append(f"{method} {path} {reader} {answer.status_code}")
            assert who == "agent" or "zeppelin" not in answer.text, path
    assert broken == []


def _words_of(answer: Response, path: str) -> str:
    """Pages of links show their own person's name to whoever holds the link."""
    return (
        ""
        if re.match(r"/(sign-in/link|invite|verify|unsubscribe|api/v1/openapi|docs|c/)", path)
        else answer.text
    )


async def _to_another_team(world: World) -> None:
    """Ada's tickets go to a team in which the agent is not; what the agent may see is their team's."""
    world.desk.rehearsing = False
    roles = world.desk.means.roles
    roles["agent"] = roles["agent"] - {Permission.see_all_tickets}
    admin = await _actor(world, "admin")
    team = UUID(world.values["team_id"])
    async with world.desk.unit(admin) as uow:
        for number in list(await uow.session.scalars(select(Ticket.number))):
            await tickets.assign(uow, admin, number, team=team)
    world.desk.rehearsing = True


async def _actor(world: World, who: str) -> Actor:
    async with world.desk.unit() as uow:
        return await people.actor_of(uow, await _person(uow, world.values[f"{who}_id"]))


def _routes(app: FastAPI) -> Iterator[tuple[str, str]]:
    for router in webui_routers(app.state.site):
        for route in router.routes:
            assert isinstance(route, APIRoute)
            for method in route.methods - {"HEAD", "OPTIONS"}:
                yield method, route.path


async def _verdict(world: World, who: str, method: str, path: str) -> str:
    filled = world.filled(path)
    if path == "/c/{token}/live":
        return "ok"  # Its link is looked at as by the page itself.
    if filled == "/live":
        # A stream that is let in does not end: what guards it is asked instead.
        return "ok" if who in world.cookies else "sign-in"
    if method == "GET" and path == "/api/v1/search":
        filled += "?q=help"
    answer = await world.call(who, method, filled, world.body(path))
    if answer.status_code == 401 or "/sign-in?next=" in answer.headers.get("location", ""):
        return "sign-in"
    verdicts = {
        404: "hidden",
        403: "forbidden",
        409: "refused",
        410: "refused",
        422: "invalid",
        429: "too-many",
    }
    if answer.status_code >= 500:
        return f"ERROR-{answer.status_code}"
    return verdicts.get(answer.status_code, "ok")


OPEN = ("ok", "invalid", "refused", "too-many")
"""Whoever is told what is wrong with what they sent was let in."""


def _breaches(lines: list[str]) -> list[str]:
    """What must never be, whatever the table says."""
    found = []
    for line in lines:
        _method, path, *verdicts = line.split()
        seen = dict(part.split("=") for part in verdicts)
        let_in = {who for who, verdict in seen.items() if verdict in OPEN}
        if "ERROR" in line:
            found.append(f"error: {line}")
        if not let_in and path not in NOWHERE:
            found.append(f"open to nobody, so it says nothing: {line}")
        if STAFF_ONLY.match(path) and path != "/live" and let_in & {"stranger", "other", "requester"}:
            found.append(f"staff only: {line}")
        if not OPEN_TO_ALL.match(path) and "stranger" in let_in:
            found.append(f"open to strangers: {line}")
        if path.startswith("/admin") and "agent" in let_in:
            found.append(f"admin page open to agents: {line}")
        if (
            re.search(r"\{(number|message_id|file_id|link)\}", path)
            and "other" in let_in
            and not OPEN_TO_ALL.match(path)
        ):
            found.append(f"another's ticket: {line}")
    return found


def _invoked(world: World, who: str, name: str) -> Invoked:
    arguments = {
        "rate": f"4 {world.values['number']}",
        "language": "en",
        "merge": f"{world.values['number']} {world.values['second']}",
        "link": f"{world.values['number']} {world.values['second']}",
        "search": SECRET,
        "room": "assignee",
        "macro": f"{world.values['number']} Greeting",
        "solved": f"1 {world.values['number']}",
        "article": f"{world.values['article']} {world.values['number']}",
        "kb": "hold the buttons",
    }
    number = world.values["number"]
    extra = {
        "assign": "me",
        "priority": "high",
        "tag": "x",
        "reply": "hi",
        "note": "hi",
        "snooze": "1h",
        "subject": "new",
    }.get(name, "")
    line = arguments.get(name, f"{number} {extra}".strip() if name not in ALONE else "")
    return Invoked(
        place=Place("fake", "main", f"room-{who}"),
        sender=Sender(external=world.senders.get(who, f"nobody-{who}")),
        native=f"{who}-{name}",
        at=clock.now(),
        command=name,
        arguments=line,
    )


async def _people(world: World) -> None:
    for who in ROLES[1:]:
        role = "requester" if who in ("requester", "other") else who
        sender = Sender(external=f"ext-{who}", name=who.title())
        async with world.desk.unit() as uow:
            person = await people.recognise(uow, sender, "fake", "main")
            await people.give_role(uow, person, role)
            await people.change(uow, person, email=f"{who}@example.com", proved=True)
            await people.verify_email(uow, person)
            await uow.session.flush()
            world.tokens[who] = await tokens.make(uow, person, "matrix", tuple(tokens.SCOPES))
            response = StarletteResponse()
            request = Request(
                {"type": "http", "headers": [], "client": ("127.0.0.1", 1), "method": "GET", "path": "/"}
            )
            await sessions.start(uow, request, response, person, how="link", secure=False, strong=True)
            cookie = response.headers["set-cookie"].split(";")[0].split("=", 1)[1]
        world.cookies[who] = cookie
        world.senders[who] = sender.external
        world.values[f"{who}_id"] = str(person.id)


async def _things(world: World) -> None:
    """Ada's ticket with a note and files on it, and one of everything that a route may name."""
    said = Said(
        place=Place("fake", "main", "ada"),
        sender=Sender(external="ext-requester"),
        native="m1",
        at=clock.now(),
        text=f"help {SECRET}",
    )
    router = Router(world.desk)
    number = (await router.deliver(said)).ticket or 0
    there = Place("fake", "main", "ada, elsewhere")
    second = (await router.deliver(replace(said, place=there, native="m2"))).ticket
    # Someone who once gave the requester's address wrote before there was an account.
    before = replace(
        said, place=Place("fake", "main", "before"), sender=Sender(external="before"), native="m3"
    )
    await router.deliver(before)
    values = world.values
    async with world.desk.unit() as uow:
        agent, requester = [await _person(uow, values[f"{who}_id"]) for who in ("agent", "requester")]
        actor, asker = await people.actor_of(uow, agent), await people.actor_of(uow, requester)
        opened, note = await tickets.note(
            uow, actor, number, f"for staff {SECRET}", files=[await _picture(uow, agent)]
        )
        _opened, own = await tickets.hear(
            uow,
            opened,
            asker,
            conversations.Saying(text="mine: a zeppelin", files=[await _picture(uow, requester)]),
            requester,
        )
        uow.session.add(
            Delivery(kind="post", place_key="fake", state="dead", message_id=note.id, native=None)
        )
        files = {
            row.message_id: str(row.id) for row in await uow.session.scalars(select(attachments.Attachment))
        }
        shown = await uow.session.get(attachments.Attachment, UUID(files[own.id]))
        assert shown is not None
        link = file_links.path(uow.keys, shown)
        values |= {
            "number": str(number), "second": str(second), "to": str(second), "link": opened.ticket.link,
            "message_id": str(note.id), "file_id": files[note.id], "person_id": values["other_id"],
            "name": "all", "form": "json", "group": "look", "token": link.removeprefix(file_links.PREFIX),
        }  # fmt: skip
        mine = {"message_id": str(own.id), "file_id": files[own.id]}
        world.closer += [("/my/", mine)]
    await _of_calls(world)
    await _of_articles(world)
    await _of_the_desk(world)
    await _of_people(world)


async def _of_calls(world: World) -> None:
    """The agent calls the requester, who is recorded."""
    values = world.values
    async with world.desk.unit() as uow:
        agent = await people.actor_of(uow, await _person(uow, values["agent_id"]))
        call, _mine = await calls.ask(uow, agent, int(values["number"]))
        row = await call_access.person_in(uow, call.id, UUID(values["requester_id"]))
        assert row is not None
        row.joined_at = clock.now()
        recording = CallRecording(call_id=call.id, person_id=row.person_id, key=None)
        owner = await uow.keys.of_person(uow.session, row.person_id)
        recording.key = seal(owner, new_key(), bound_to("call_recording.key", recording.id))
        uow.session.add(recording)
        token = join_links.path(uow, row).removeprefix(join_links.PREFIX)
        agents = await call_access.person_in(uow, call.id, UUID(values["agent_id"]))
        assert agents is not None
        agents_token = join_links.path(uow, agents).removeprefix(join_links.PREFIX)
        over = Call(ticket_id=call.ticket_id, state="ended", started_at=clock.now(), ended_at=clock.now())
        uow.session.add(over)
        ended = {"call_id": str(over.id)}
        values |= {"call_id": str(call.id), "recording_id": str(recording.id), "source": "mic"}
    world.closer += [("/c/", {"token": token})]
    world.closer += [("/api/v1/calls/{call_id}/participants/", {"person_id": values["requester_id"]})]
    world.closer += [
        (f"/c/{{token}}/{end}", {"token": agents_token})
        for end in ("people", "revocation", "ticket", "macros/")
    ]
    world.closer += [(f"/tickets/{{number}}/calls/{{call_id}}/{end}", ended) for end in ("review", "remarks")]


async def _of_articles(world: World) -> None:
    """The agent's article, which the lead published, with a picture and a reader's comment; and one
    that waits for a review."""
    values = world.values
    async with world.desk.unit() as uow:
        agent, lead, asker = [
            await people.actor_of(uow, await _person(uow, values[f"{who}_id"]))
            for who in ("agent", "lead", "requester")
        ]
        category = Category(name="Hubs")
        uow.session.add(category)
        await uow.session.flush()
        facts = Facts(category_id=category.id, tags=("hub",))
        article, text = await articles.create(
            uow, agent, title="Reset", body="Hold both buttons.", facts=facts
        )
        text = await articles.publish(uow, lead, text.id, version=text.version)
        _other, waits = await articles.create(uow, agent, title="Waits", body="For a review.")
        waits = await review.ask(uow, agent, waits.id, version=waits.version)
        said = await feedback.give(uow, asker, text.id, helpful=False, comment="Which buttons?")
        made = BytesIO()
        Image.new("RGB", (60, 60), "red").save(made, "PNG")
        async with attachments.receiving(world.desk.means, "a.png", _once(made.getvalue())) as received:
            picture = await article_files.keep(uow, agent, article.id, received)
        asker_id = UUID(values["requester_id"])
        await learning.teach(
            uow, question=SECRET, article_id=article.id, solved=True, person_id=asker_id, language="en"
        )
        lesson = await uow.session.scalar(select(Lesson))
        assert lesson is not None
        hits = [Hit(article.id, text.id, "en", "Reset", "Hold both buttons.", 1.0)]
        shown = await suggesting.keep(uow, hits, SECRET, asker_id, "portal", "en")
        ticket = await uow.session.scalar(select(Ticket).where(Ticket.number == int(values["number"])))
        assert ticket is not None
        shown.ticket_id = ticket.id
        written = await suggesting.keep(uow, hits, SECRET, asker_id, "portal", "en")
        written.outcome, written.chosen = "solved", article.id
        values |= {
            "lesson_id": str(lesson.id), "suggestion_id": str(written.id), "place": "1",
            "article": str(article.number), "article_id": str(article.id), "article_version": str(article.version), "text_id": str(text.id),
            "text_version": str(text.version), "revision": "1", "feedback_id": str(said.id), "state": "public",
            "picture_id": str(picture.row.id), "language": text.language, "slug": text.slug,
            "which": "articles",
        }  # fmt: skip
        await feedback.decide(uow, lead, said.id, "public")
        inside = {"category_id": str(category.id), "tag_id": str(article.tags[0])}
        world.closer += [("/help/", inside)]
        waiting = {"text_id": str(waits.id), "text_version": str(waits.version)}
    world.closer += [("/desk/articles/texts/{text_id:uuid}/review", waiting)]


async def _of_the_desk(world: World) -> None:
    """What an admin sets, and what waits for one."""
    values = world.values
    held = Said(
        place=Place("fake", "main", "x"), sender=Sender(external="x"), native="h", at=clock.now(), text="spam"
    )
    async with world.desk.unit() as uow:
        rows = {
            "category_id": Category(name="Bikes"),
            "rule_id": RoutingRule(
                name="rule", condition={"field": "channel", "op": "is", "value": "webchat"}
            ),
            "team_id": Team(name="Billing"),
            "tag_id": Tag(name="vip"),
        }
        uow.session.add_all(rows.values())
        await inbox.keep(uow, held, "held", "spam")
        await inbox.keep(uow, replace(held, native="p"), "parked", "broken")
        await uow.session.flush()
        admin = await people.actor_of(uow, await _person(uow, values["admin_id"]))
        agent = await people.actor_of(uow, await _person(uow, values["agent_id"]))
        company = await organisations.make(uow, admin, name="Acme")
        connected = await installations.connect(
            uow, admin, platform="fake", external="W1", name="Acme", secrets={"bot_token": GOOD}
        )
        room = await rooms.add(uow, admin, Place("fake", "W1", "c1"))
        macro = await macros.make(uow, admin, name="Hello", body="Hello", shared=True)
        condition = {"field": "status", "op": "is", "value": "open"}
        view = await views.save(uow, agent, name="Mine alone", condition=condition)
        await uow.session.flush()
        waiting = {
            row.state: str(row.id)
            for row in await uow.session.scalars(select(Inbound))
            if row.state != "done"
        }
        values |= {name: str(row.id) for name, row in rows.items()} | {
            "platform": "fake", "installation_id": str(connected.id), "room_id": str(room.id),
            "macro_id": str(macro.id), "organisation_id": str(company), "view_id": str(view.id),
            "delivery_id": str(await uow.session.scalar(select(Delivery.id))), "inbound_id": waiting["held"],
        }  # fmt: skip
        world.closer += [
            ("/admin/deliveries/parked/", {"inbound_id": waiting["parked"]}),
            ("/admin/roles/", {"name": "agent"}),
        ]


async def _of_people(world: World) -> None:
    """Links, sessions, tokens, notices and mails: each belongs to one person."""
    values = world.values
    async with world.desk.unit() as uow:
        agent = await _person(uow, values["agent_id"])
        requester = await _person(uow, values["requester_id"])
        digest = people.digest_of_identity(uow, "fake", "main", "before")
        earlier = await people.by_identity(uow, digest)
        assert earlier is not None
        await people.change(uow, earlier, email="requester@example.com")
        ticket_id = await uow.session.scalar(select(Ticket.id).where(Ticket.number == int(values["number"])))
        await notices.make(uow, "reply", [agent.id], ticket_id=ticket_id)
        mail = await outbox.keep(uow, Mail(
            person_id=requester.id, to="requester@example.com", to_name="", subject=SECRET, text=SECRET,
            html=f"<p>{SECRET}</p>", message_id="<x@test>",
        ))  # fmt: skip
        issued = {
            "/sign-in/link/": await links.issue(uow, requester, links.Purpose.sign_in),
            "/invite/": await links.issue(uow, agent, links.Purpose.invite),
            "/verify/": await links.issue(uow, requester, links.Purpose.verify),
            "/unsubscribe/": unsubscribe.token(uow.keys.signing, requester.id, "answered"),
        }
        await uow.session.flush()

        async def whose(model: Any, person: Person) -> str:
            return str(await uow.session.scalar(select(model.id).where(model.person_id == person.id)))

        values |= {
            "notice_id": await whose(Notice, agent), "session_id": await whose(Session, requester),
            "token_id": await whose(ApiToken, agent), "mail_id": str(mail.id),
        }  # fmt: skip
        world.closer += [(beginning, {"token": token}) for beginning, token in issued.items()]
        world.closer += [("/account/earlier/", {"person_id": str(earlier.id)})]


async def _picture(uow: UnitOfWork, person: Person) -> UUID:
    """A file with a small picture, uploaded and not yet sent."""
    made = BytesIO()
    Image.new("RGB", (600, 600), "red").save(made, "PNG")
    row = await attachments.upload(uow, person.id, f"{SECRET}.png", _once(made.getvalue()))
    await uow.session.flush()
    return row.id


async def _person(uow: UnitOfWork, person_id: str) -> Person:
    return await people.get(uow, UUID(person_id))


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data
