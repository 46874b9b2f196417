"""`deskbell connect`: the real adapter against a stand-in server, beside a running desk and without."""

from __future__ import annotations

import os
import pty
import select as poll
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bot.cli import connect_rooms, connect_values
from core.chat import Candidate, Guide, GuideField, Place
from core.errors import StartError
from playground.telegram import TelegramServer
from playground.telegram.seed import Seeded, seeded

from .program import Running, complaint, deskbell, done, environment


@dataclass
class Standin:
    """A stand-in in a thread of its own, since the commands are programs that are waited for."""

    server: TelegramServer
    world: Seeded
    env: dict[str, str]
    loop: Any = field(repr=False)

    @property
    def token(self) -> str:
        return str(self.world.bot.token)

    @property
    def bot(self) -> str:
        return str(self.world.bot.id)

    @property
    def room(self) -> str:
        return str(self.world.room.id)

    def shows(self) -> list[str]:
        return [one["text"] for one in self.server.shows(self.world.room, None)]


@contextmanager
def opened() -> Iterator[Standin]:
    import asyncio

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = TelegramServer()

    def call(coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(30)

    async def seed() -> Seeded:
        return seeded(server)

    call(server.__aenter__())
    try:
        world = call(seed())
        env = {
            "DESKBELL_TELEGRAM_API_BASE_URL": server.base_url,
            "DESKBELL_TELEGRAM_FILE_BASE_URL": server.base_file_url,
        }
        yield Standin(server, world, env, loop)
    finally:
        call(server.__aexit__(None, None, None))
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@pytest.fixture
def standin() -> Iterator[Standin]:
    with opened() as made:
        yield made


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A desk that was made and is stopped."""
    data = tmp_path_factory.mktemp("desk")
    done(data, "demo", "--tickets", "1")
    return data


def with_token(
    data: Path, standin: Standin, *words: str, lines: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bot", "connect", "telegram", "--stdin", *words],
        cwd=tempfile.gettempdir(),
        env=environment(data, **standin.env),
        input=lines or f"bot_token={standin.token}\n",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_running_desk_takes_the_connection_up_and_sends_the_test(
    start: Callable[..., Running], folder: Path, standin: Standin
) -> None:
    start(folder, **standin.env).up()
    ended = with_token(folder, standin, "--room", standin.room, "--rule", "everyone")
    assert ended.returncode == 0, ended.stderr
    assert "Connected: @help_desk_bot" in ended.stdout
    assert standin.token not in ended.stdout + ended.stderr
    assert f"The test message stands in {standin.room}." in ended.stdout, ended.stderr
    assert any("A test from" in text for text in standin.shows())
    listed = done(folder, "connect", "--list", **standin.env)
    assert "@help_desk_bot" in listed
    assert "everyone" in listed
    assert "Disconnected: @help_desk_bot" in done(
        folder, "connect", "telegram", "--disconnect", standin.bot, **standin.env
    )


def test_a_stopped_desk_keeps_the_connection_for_its_next_start(made: Path, standin: Standin) -> None:
    assert "Nothing is connected." in done(made, "connect")
    ended = with_token(made, standin, "--room", standin.room)
    assert ended.returncode == 0, ended.stderr
    assert "The test messages go out when the desk is started." in ended.stdout
    checked = deskbell(made, "connect", "telegram", "--check", **standin.env)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "All is there that is needed" in checked.stdout
    standin.loop.call_soon_threadsafe(standin.server.revoke, standin.world.bot)
    checked = deskbell(made, "connect", "telegram", "--check", **standin.env)
    assert checked.returncode == 1
    assert "missing  bot_token: Telegram does not take this token." in checked.stdout
    assert "Traceback" not in checked.stderr


def test_wrong_starts_and_wrong_tokens_end_with_one_line(made: Path, standin: Standin) -> None:
    wrong = with_token(made, standin, lines="bot_token=123456:wrong-token-here\n")
    assert complaint(wrong, 1) == "deskbell: Telegram does not take this token."
    assert "bot_token is missing" in complaint(with_token(made, standin, lines="\n"), 2)
    assert "none of the values" in complaint(with_token(made, standin, lines="token=x\n"), 2)
    assert "NAME=VALUE" in complaint(with_token(made, standin, lines="junk\n"), 2)
    assert "no platform nothing" in complaint(deskbell(made, "connect", "nothing", "--guide"), 2)
    nobody = complaint(deskbell(made, "connect", "telegram", "--disconnect", "7", **standin.env), 2)
    assert "There is no connection 7" in nobody


def test_the_guide_is_printed_and_asks_nothing(made: Path) -> None:
    printed = done(made, "connect", "telegram", "--guide")
    assert "1. In Telegram, open" in printed
    assert "**" not in printed
    assert "help - " in printed


def test_at_a_terminal_the_token_is_asked_for_and_not_shown(made: Path, standin: Standin) -> None:
    with_token(made, standin, "--room", standin.room, "--no-test")
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "bot", "connect", "telegram"],
        cwd=tempfile.gettempdir(),
        env=environment(made, **standin.env),
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    said = Reader(master)
    try:
        said.until("Bot token")
        os.write(master, f"{standin.token}\n".encode())
        said.until("Connected: @help_desk_bot")
        said.until("1  Support room")
        said.until("or nothing")
        os.write(master, b"1\n")
        said.until("The test messages go out when the desk is started.")
        assert process.wait(60) == 0
        assert standin.token not in said.text
        assert "ResourceWarning" not in said.text
    finally:
        process.kill()
        process.wait()
        os.close(master)


class Reader:
    """What a program writes to its terminal."""

    def __init__(self, master: int) -> None:
        self.master = master
        self.text = ""

    def until(self, words: str, seconds: float = 60.0) -> None:
        while words not in self.text:
            ready, _w, _x = poll.select([self.master], [], [], seconds)
            assert ready, f"{words!r} did not come; so far: {self.text}"
            try:
                self.text += os.read(self.master, 65_536).decode("utf-8", "replace")
            except OSError:
                pytest.fail(f"it ended without {words!r}: {self.text}")


GUIDE = Guide((), (GuideField("bot_token", "Token"), GuideField("name", "Name", required=False)))


def test_values_come_from_options_lines_and_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert connect_values.from_options(("bot_token=a=b",)) == {"bot_token": "a=b"}
    assert connect_values.from_lines(["\n", " bot_token = a \n"]) == {"bot_token": "a"}
    with pytest.raises(StartError):
        connect_values.from_options(("=a",))
    monkeypatch.setenv("DESKBELL_FAKE_BOT_TOKEN", "from there")
    assert connect_values.by_environment("fake", GUIDE) == {"bot_token": "from there"}
    assert connect_values.asked_for(GUIDE, {"bot_token": "a"}, at_terminal=False) == {"bot_token": "a"}
    with pytest.raises(StartError):
        connect_values.check_names(GUIDE, {"token": "a"})


def test_rooms_are_named_by_name_or_id() -> None:
    offered = [
        Candidate(Place("fake", "W1", "c1"), "#help"),
        Candidate(Place("fake", "W1", "c2"), "Acme › #desk"),
    ]
    assert connect_rooms.choose(offered, ["help", "c1", "desk", "c9"], False) == [
        ("c1", "#help"), ("c1", "#help"), ("c2", "Acme › #desk"), ("c9", ""),
    ]  # fmt: skip
    assert connect_rooms.choose(offered, [], False) == []
    twice = [*offered, Candidate(Place("fake", "W2", "c3"), "Other › #desk")]
    assert connect_rooms.choose(twice, ["desk"], False) == [("desk", "")]
