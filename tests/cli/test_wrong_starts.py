"""A wrong start says in one line what is wrong and what to do, and ends with code 2."""

from __future__ import annotations

import base64
import os
import socket
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from adapters.files.memory import MemoryStore
from adapters.local.bus import LocalBus
from adapters.postgres import DataFolder, start
from bot.secrets import FILE
from core.crypto.fields import new_key
from core.crypto.keys import MasterKey
from core.db import Database
from core.desk import Desk

from .program import Running, complaint, deskbell, free_port


def encoded(key: MasterKey) -> str:
    return base64.b64encode(key.value).decode()


@pytest.fixture
async def existing(fresh_url: str) -> tuple[str, MasterKey]:
    """A desk on a server: its address and its master key."""
    key = MasterKey(new_key())
    db = Database(fresh_url, pool=1)
    await Desk.open(db, MemoryStore(), LocalBus(), [key])
    await db.close()
    return fresh_url, key


@pytest.mark.parametrize(
    ("setting", "value", "example"),
    [
        ("DESKBELL_PORT", "eighty", "DESKBELL_PORT=8080"),
        ("DESKBELL_PORT", "80800", "DESKBELL_PORT=8080"),
        ("DESKBELL_PUBLIC_URL", "help.example.com", "DESKBELL_PUBLIC_URL=https://"),
        ("DATABASE_URL", "mysql://hunter2@db/desk", "DATABASE_URL=postgresql://"),
        ("DESKBELL_LOG", "xml", "DESKBELL_LOG=json"),
    ],
)
def test_a_malformed_setting_is_named_with_an_example(
    tmp_path: Path, setting: str, value: str, example: str
) -> None:
    line = complaint(deskbell(tmp_path, "run", **{setting: value}))
    assert setting in line
    assert example in line
    assert "hunter2" not in line


def test_a_malformed_master_key(tmp_path: Path) -> None:
    line = complaint(deskbell(tmp_path, "run", DESKBELL_MASTER_KEY="hunter2", DESKBELL_PORT=str(free_port())))
    assert "openssl rand -base64 32" in line
    assert "hunter2" not in line


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"DESKBELL_PORT=8080\n\nDESKBELL_HOST 0.0.0.0\n", "Line 3 of .env is not NAME=value"),
        (b"# fine\nDESKBELL_MAIL_FROM=H\xe9lp\n", "Line 2 of .env is not UTF-8"),
        (b"DESKBELL_PROT=1\n", "Did you mean DESKBELL_PORT?"),
        (b"DATABASE_URL=postgresql://desk@db:54a2/desk\n", "DATABASE_URL is malformed: its port"),
    ],
)
def test_the_env_file_is_wrong(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / ".env").write_bytes(content)
    assert words in complaint(deskbell(tmp_path / "data", "run", at=tmp_path))
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("name", ["no.such.host.invalid", "192.0.2.77"])
def test_the_host_is_not_this_machine(tmp_path: Path, name: str) -> None:
    line = complaint(deskbell(tmp_path, "run", DESKBELL_HOST=name))
    assert "Set DESKBELL_HOST" in line


def test_the_port_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        line = complaint(deskbell(tmp_path, "run", DESKBELL_PORT=port))
    assert port in line
    assert "DESKBELL_PORT" in line


def test_the_data_folder_is_in_use(tmp_path: Path) -> None:
    with DataFolder(tmp_path / "data"):
        line = complaint(deskbell(tmp_path / "data", "run", DESKBELL_PORT=str(free_port())))
    assert "in use" in line
    assert str(tmp_path / "data") in line


@pytest.mark.parametrize("place", ["a file", "a closed folder", "no such place"])
def test_the_data_folder_cannot_be_written(tmp_path: Path, place: str) -> None:
    data = tmp_path / "data"
    if place == "a file":
        data.write_text("")
    elif place == "a closed folder":
        if os.geteuid() == 0:
            pytest.skip("root may write everywhere")
        data.mkdir(mode=0o500)
    else:
        data = Path("/proc/deskbell/data")
    line = complaint(deskbell(data, "run", DESKBELL_PORT=str(free_port())))
    assert "DESKBELL_DATA" in line


def test_nobody_listens_at_the_database(tmp_path: Path) -> None:
    """Code 1: starting again helps once it is back."""
    url = f"postgresql://desk:hunter2@127.0.0.1:{free_port()}/desk"
    line = complaint(deskbell(tmp_path, "run", DATABASE_URL=url, DESKBELL_PORT=str(free_port())), code=1)
    assert "DATABASE_URL" in line
    assert "hunter2" not in line


def test_the_database_does_not_answer(tmp_path: Path) -> None:
    """A firewall that swallows everything: the start gives up after ten seconds."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://desk@127.0.0.1:{silent.getsockname()[1]}/desk"
        began = time.monotonic()
        line = complaint(deskbell(tmp_path, "run", DATABASE_URL=url, DESKBELL_PORT=str(free_port())), code=1)
    assert "DATABASE_URL" in line
    assert time.monotonic() - began < 30


async def test_the_password_is_wrong_or_there_is_no_such_database(tmp_path: Path, database_url: str) -> None:
    for wrong, words in (("deskbell@/nowhere?", "no database of that name"), ("eve@/deskbell?", "refuses")):
        url = database_url.replace("deskbell@/deskbell?", wrong)
        line = complaint(deskbell(tmp_path, "run", DATABASE_URL=url, DESKBELL_PORT=str(free_port())))
        assert "DATABASE_URL" in line
        assert words in line


async def test_a_server_without_a_master_key(tmp_path: Path, fresh_url: str) -> None:
    line = complaint(deskbell(tmp_path, "run", DATABASE_URL=fresh_url, DESKBELL_PORT=str(free_port())))
    assert "DESKBELL_MASTER_KEY is unset" in line
    assert not (tmp_path / FILE).exists()


async def test_the_master_key_is_missing(tmp_path: Path, existing: tuple[str, MasterKey]) -> None:
    url, _key = existing
    line = complaint(deskbell(tmp_path, "run", DATABASE_URL=url, DESKBELL_PORT=str(free_port())))
    assert "master key of this desk is missing" in line
    assert not (tmp_path / FILE).exists()


async def test_the_master_key_is_another(tmp_path: Path, existing: tuple[str, MasterKey]) -> None:
    url, key = existing
    other = encoded(MasterKey(new_key()))
    port = str(free_port())
    line = complaint(
        deskbell(tmp_path, "run", DATABASE_URL=url, DESKBELL_MASTER_KEY=other, DESKBELL_PORT=port)
    )
    assert key.name in line
    assert other not in line


def test_the_master_key_file_is_damaged(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("half a key")
    line = complaint(deskbell(tmp_path, "run", DESKBELL_PORT=str(free_port())))
    assert "damaged" in line
    assert (tmp_path / FILE).read_text() == "half a key"


async def test_what_does_not_fit_the_database_that_comes_along_is_told_alone(tmp_path: Path) -> None:
    running, again = Running(tmp_path), {"DESKBELL_PORT": str(free_port())}
    try:
        running.up()
        assert running.end() == 0
    finally:
        running.close()
    kept = (tmp_path / FILE).read_text()
    (tmp_path / FILE).write_text(encoded(MasterKey(new_key())))
    ended = deskbell(tmp_path, "run", **again)
    assert "master key" in complaint(ended)
    assert ended.stderr.count("\n") == 1
    (tmp_path / FILE).write_text(kept)
    server = await start(tmp_path)
    db = Database(server.url, pool=1)
    async with db.engine.begin() as connection:
        await connection.execute(text("update alembic_version set version_num = '9999'"))
    await db.close()
    await server.stop()
    ended = deskbell(tmp_path, "run", **again)
    assert "newer" in complaint(ended)
    assert ended.stderr.count("\n") == 1


async def test_the_database_is_newer(tmp_path: Path, existing: tuple[str, MasterKey]) -> None:
    url, key = existing
    db = Database(url, pool=1)
    async with db.engine.begin() as connection:
        await connection.execute(text("update alembic_version set version_num = '9999'"))
    await db.close()
    settings = {"DATABASE_URL": url, "DESKBELL_MASTER_KEY": encoded(key), "DESKBELL_PORT": str(free_port())}
    assert "newer" in complaint(deskbell(tmp_path, "run", **settings))
    assert "9999" in complaint(deskbell(tmp_path, "tickets", **settings))


@pytest.mark.parametrize("words", [("tickets",), ("backup", "file"), ("admin-link",), ("keys", "list")])
def test_there_is_no_desk(tmp_path: Path, words: tuple[str, ...]) -> None:
    line = complaint(deskbell(tmp_path / "data", *words))
    assert "no desk" in line
    assert not (tmp_path / "data").exists()
