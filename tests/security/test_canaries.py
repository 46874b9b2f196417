"""Secrets and words planted everywhere, then looked for in every page, error, log, metric and trace."""

from __future__ import annotations

import io
import logging
import sys
from base64 import b64encode
from collections.abc import Iterator

import pytest
import structlog
from sqlalchemy import text

from adapters.otel import start
from core import log, tracing
from core.installations import service as installations
from core.people import credentials, tokens
from core.people import service as people
from core.settings import Settings
from tests.fakes.connecting import GOOD
from tests.fakes.otlp import Collector, collector
from tests.security import walk
from tests.webui import test_access_matrix as matrix
from tests.webui.test_access_matrix import SECRET, World

world = matrix.world
PASSWORD = "canary violet tractor parade"
METRICS = "canary-metrics-token-5f2e"
SMTP = "canary-smtp-password"
SAID = "kakapo"
"""What is sent in the attack itself: to stand in no log."""


@pytest.fixture
def logs(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What the program and its libraries write, down to the least word."""
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    structlog.reset_defaults()
    log.configure(getattr(request, "param", "console"))
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(written), cache_logger_on_first_use=False)
    _forget_loggers()
    handler = logging.StreamHandler(written)
    root, level = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    # The client of these tests writes down whatever address it calls.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    yield written
    root.removeHandler(handler)
    root.setLevel(level)
    monkeypatch.undo()
    _forget_loggers()
    structlog.reset_defaults()
    log.configure()


def _forget_loggers() -> None:
    """A logger that was used before keeps what it wrote to then."""
    for module in list(sys.modules.values()):
        kept = getattr(module, "log", None)
        if isinstance(kept, structlog._config.BoundLoggerLazyProxy):
            kept.__dict__.pop("bind", None)


@pytest.fixture
def traces() -> Iterator[Collector]:
    """Everything is traced, down to the last step."""
    with collector() as kept:
        tracer = start(kept.url, "", part="all")
        tracing.use(tracer)
        yield kept
        tracing.use(None)
        tracer.close()


async def test_no_secret_comes_out_anywhere(world: World, logs: io.StringIO, traces: Collector) -> None:
    planted = await _plant(world)
    found: list[str] = []
    for route in walk.routes(world.app):
        if route.path in walk.ENDLESS:
            continue
        for method in sorted(route.methods & {"GET", "POST", "PATCH", "DELETE", "PUT"}):
            body = {**world.body(route.path), "csrf": "", "text": SAID, "password": PASSWORD}
            for who in ("admin", "stranger"):
                answer = await world.call(who, method, world.filled(route.path), body)
                told = answer.text + str(answer.headers.raw)
                # A link's own page says its own address, and an address for files is signed anew.
                own = {name for name, value in planted.items() if value in world.filled(route.path)}
                own |= {
                    name for name in planted if name.startswith("link /c/") and _gives_links(route.path, who)
                }
                found += [
                    f"{method} {route.path} {name}"
                    for name, value in planted.items()
                    if value in told and name not in own
                ]
    nobody = {"how": "password", "email": "nobody@example.com", "password": PASSWORD}
    await world.call("stranger", "POST", "/sign-in", nobody)
    metrics = await world.client.get("/metrics", headers={"authorization": f"Bearer {METRICS}"})
    assert "deskbell" in metrics.text
    assert not found, "\n".join(found)
    _nothing_in(metrics.text, planted | {"words": SECRET, "said": SAID})
    _nothing_in(
        logs.getvalue(),
        planted
        | {"words": SECRET, "said": SAID, "address": "requester@example.com", "nobody": "nobody@example"},
    )
    for name in ("request.refused", "request.not_found", "request.malformed", "sign_in.refused"):
        assert name in logs.getvalue(), name
    told = b"".join(traces.raw).decode("utf-8", "replace")
    assert "GET /c/{token}" in told
    _nothing_in(told, planted | {"words": SECRET, "said": SAID, "address": "requester@example.com"})


@pytest.mark.parametrize("logs", ["console", "json"], indirect=True)
async def test_an_error_tells_nothing_but_where_it_was(world: World, logs: io.StringIO) -> None:
    """With a table gone every page fails, with the words of a message and a token in its hands."""
    planted = await _plant(world)
    world.desk.rehearsing = False
    async with world.desk.db.sessions() as session:
        await session.execute(text("alter table message rename to elsewhere"))
        await session.commit()
    failed = 0
    for path in (
        "/my/tickets/{number}/messages",
        "/tickets/{number}/messages",
        "/api/v1/tickets/{number}/messages",
    ):
        given = {"body": SAID, "text": SAID, "kind": "reply"}
        answer = await world.call("agent", "POST", world.filled(path), given)
        failed += answer.status_code == 500
        for word in ("Traceback", "sqlalchemy", "asyncpg", "elsewhere", "select ", SAID, *planted.values()):
            assert word.casefold() not in answer.text.casefold(), (path, word)
    assert failed >= 2
    written = logs.getvalue()
    assert "request.failed" in written
    _nothing_in(written, planted | {"words": SECRET, "said": SAID})


async def test_a_token_that_is_refused_stands_in_the_log(world: World, logs: io.StringIO) -> None:
    for token in ("dskb_" + "0" * 46, "not one of ours"):
        answer = await world.client.get("/api/v1/me", headers={"authorization": f"Bearer {token}"})
        assert answer.status_code == 401
        assert token not in logs.getvalue()
    assert logs.getvalue().count("token.refused") == 2


async def test_a_token_that_only_reads_gets_no_link_of_others(world: World) -> None:
    world.desk.rehearsing = False
    async with world.desk.unit() as uow:
        admin = await people.get(uow, matrix.UUID(world.values["admin_id"]))
        token = await tokens.make(uow, admin, "reads", ["calls:read"])
    path = f"/api/v1/calls/{world.values['call_id']}"
    answer = await world.client.get(path, headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    assert {one["join_link"] for one in answer.json()["participants"]} == {None}
    assert "/c/" in (await world.call("admin", "GET", path)).text


async def test_settings_print_no_secret(world: World) -> None:
    master = world.desk.masters[0].value
    made = Settings(DESKBELL_SMTP_URL=f"smtps://desk:{SMTP}@mail.example:465", DESKBELL_METRICS_TOKEN=METRICS)  # type: ignore[call-arg]
    printed = f"{made!r} {made} {world.desk.masters!r} {world.desk.means.keys!r}"
    assert SMTP not in printed
    assert METRICS not in printed
    assert b64encode(master).decode() not in printed
    assert repr(master)[2:-1] not in printed


def _gives_links(path: str, who: str) -> bool:
    """Where the desk's side of a call finds the links that it gives to others."""
    return path == "/c/{token}/people" or (path.startswith("/api/v1/calls/") and who == "admin")


async def _plant(world: World) -> dict[str, str]:
    """Everything that opens something, by its name."""
    world.desk.rehearsing = False
    async with world.desk.unit() as uow:
        agent = await people.get(uow, matrix.UUID(world.values["agent_id"]))
        admin = await matrix._actor(world, "admin")
        await credentials.set_password(uow, agent, PASSWORD)
        enrolled = await credentials.begin_totp(uow, agent, "agent")
        await installations.connect(
            uow,
            admin,
            platform="fake",
            external="W2",
            name="Second",
            secrets={"bot_token": GOOD, "app_token": "canary-app-token-11"},
        )
    world.desk.rehearsing = True
    world.app.state.site.facts["metrics_token"] = METRICS
    links = {f"link {where}": values["token"] for where, values in world.closer if "token" in values}
    sessions = {f"session of {who}": value for who, value in world.cookies.items()}
    made = {f"token of {who}": value for who, value in world.tokens.items()}
    return {
        **links, **sessions, **made, "password": PASSWORD, "totp": enrolled.secret, "metrics": METRICS,
        "bot token": "canary-app-token-11",
    }  # fmt: skip


def _nothing_in(written: str, planted: dict[str, str]) -> None:
    found = {
        name: written[max(0, written.index(value) - 300) :][:600]
        for name, value in planted.items()
        if value in written
    }
    assert not found, found
