"""A desk of which a part dies ends with an error, instead of looking alive."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from httpx import ASGITransport, AsyncClient
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sse_starlette.sse import AppStatus

from bot import app as program
from bot import ending
from bot.cli import edge
from core.desk import Desk
from core.errors import StartError
from core.kb import service as articles
from core.kb.model import ArticleView
from core.settings import Settings
from tests.cli.program import free_port


@pytest.fixture
async def app(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[program.App]:
    # The process goes on after the desk's end here, and must not be ended by force.
    monkeypatch.setattr(ending, "end_within", lambda _seconds: None)
    settings = Settings(DESKBELL_DATA=tmp_path, DESKBELL_PORT=free_port())
    yield program.put_together(settings, desk)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.remove_signal_handler(number)
    # The library remembers for the whole process that a server was told to end, and would end the
    # event streams of every later one at once.
    AppStatus.should_exit = False


async def test_a_part_that_fails_stops_the_desk(app: program.App) -> None:
    async def fails() -> None:
        raise ZeroDivisionError

    app.tasks["odd"] = fails
    with pytest.raises(program.Stopped, match="its part “odd” failed"):
        async with asyncio.timeout(30):
            await program.run(app, program.bind(app.settings))


async def test_what_a_part_says_is_said(app: program.App) -> None:
    async def gives_up() -> None:
        raise StartError("The embedded PostgreSQL ends again and again.")

    app.tasks["database"] = gives_up
    with pytest.raises(program.Stopped, match="again and again"):
        async with asyncio.timeout(30):
            await program.run(app, program.bind(app.settings))


async def test_a_part_that_has_nothing_to_do_stops_nothing(app: program.App) -> None:
    async def idle() -> None:
        return

    app.tasks["idle"] = idle
    up = asyncio.Event()

    async def announce(_app: program.App) -> None:
        up.set()

    running = asyncio.create_task(program.run(app, program.bind(app.settings), announce))
    await asyncio.wait_for(up.wait(), 30)
    await asyncio.sleep(0)
    assert not running.done()
    signal.raise_signal(signal.SIGTERM)
    await asyncio.wait_for(running, 30)


async def test_the_short_address_of_the_chat_leads_to_its_page(app: program.App) -> None:
    """Other platforms are mounted beside it, and have none."""
    assert len(app.site.mounts) > 1
    async with AsyncClient(transport=ASGITransport(app=app.web), base_url="http://test") as client:
        answer = await client.get("/chat", follow_redirects=True)
    assert answer.status_code == 200
    assert 'id="log"' in answer.text


async def test_readings_that_were_counted_are_written_when_the_desk_stops(app: program.App) -> None:
    async with app.desk.unit() as uow:
        _article, text = await articles.create(uow, uow.actor, title="Reset", body="Hold both.")
        await articles.publish(uow, uow.actor, text.id, version=text.version)
    async with AsyncClient(transport=ASGITransport(app=app.web), base_url="http://test") as client:
        answer = await client.get(f"/help/en/{text.slug}", headers={"user-agent": "Mozilla/5.0"})
        assert answer.status_code == 200

    async def ends() -> None:
        raise StartError("This is enough.")

    app.tasks["end"] = ends
    with pytest.raises(program.Stopped):
        async with asyncio.timeout(30):
            await program.run(app, program.bind(app.settings))
    async with app.desk.unit() as uow:
        assert await uow.session.scalar(select(ArticleView.count)) == 1


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (DBAPIError("select 1", None, ConnectionError("cut"), connection_invalidated=True), "went away"),
        (
            FileNotFoundError(2, "No such file or directory", "/nowhere"),
            "No such file or directory: /nowhere",
        ),
        (ConnectionRefusedError(111, "Connection refused"), "Connection refused"),
    ],
)
def test_the_end_of_a_command_is_one_line(
    error: Exception, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the database or the system says."""
    monkeypatch.chdir(tmp_path)

    async def work(_settings: Settings) -> None:
        raise error

    ended = CliRunner().invoke(click.Command("odd", callback=lambda: edge.run(work, quiet=False)))
    assert ended.exit_code == 1, ended.output
    assert words in ended.output
    assert ended.output.startswith("deskbell: ")
    assert ended.output.count("\n") == 1
