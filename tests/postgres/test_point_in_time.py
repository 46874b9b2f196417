"""The steps of `docs/admins/backup.md`, "To a point in time", with the server that comes along."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import asyncpg
import pytest

from adapters.postgres import Embedded, start

from .processes import ROOT

PAGE = (ROOT / "docs" / "admins" / "backup.md").read_text("utf-8")
PLACE = "/var/backups/deskbell"
"""As the page has it."""


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where another user can go as well: as root the server is one's."""
    with tempfile.TemporaryDirectory(prefix="deskbell-") as made:
        Path(made).chmod(0o711)
        yield Path(made)


@asynccontextmanager
async def running(data: Path) -> AsyncIterator[Embedded]:
    server = await start(data, durable=False)
    try:
        yield server
    finally:
        await server.stop()


async def test_what_was_committed_until_then_is_there_and_nothing_later(folder: Path) -> None:
    first, place = folder / "first", folder / "kept"
    (place / "wal").mkdir(parents=True)
    first.mkdir(mode=0o711)
    for one in (place, place / "wal"):
        one.chmod(0o777)
    async with running(first) as server:
        await _asked(server, *_steps("sql", place))
    async with running(first) as server:
        await _copied(server, first, place)
        desk = await asyncpg.connect(server.dsn)
        await desk.execute("create table said (words text)")
        await desk.execute("insert into said values ('before')")
        moment = await desk.fetchval("select clock_timestamp()")
        await desk.execute("insert into said values ('after')")
        await desk.close()
        await _asked(server, "select pg_switch_wal()")
        await _archived(server, place / "wal")
    async with running(_put_back(folder, place, moment)) as server:
        desk = await asyncpg.connect(server.dsn)
        async with asyncio.timeout(60):
            while await desk.fetchval("select pg_is_in_recovery()"):
                await asyncio.sleep(0.1)
        assert [row["words"] for row in await desk.fetch("select words from said")] == ["before"]
        await desk.close()


def _steps(kind: str, place: Path) -> list[str]:
    """What the page says to write, at our place."""
    [block] = re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)
    lines = block.replace(PLACE, str(place)).splitlines()
    return [line.rstrip(";") for line in lines if line.strip()]


async def _asked(server: Embedded, *statements: str) -> None:
    connection = await asyncpg.connect(server.dsn_of("postgres", user="postgres"))
    for statement in statements:
        await connection.execute(statement)
    await connection.close()


async def _copied(server: Embedded, data: Path, place: Path) -> None:
    """As the user whose server it is."""
    [line] = [one for one in PAGE.splitlines() if one.startswith("pg_basebackup ")]
    words = line.replace(PLACE, str(place)).split()[1:]
    command = [
        str(server.binaries / "pg_basebackup"),
        *words,
        "-d",
        server.dsn_of("postgres", user="postgres"),
    ]
    owner = (data / "postgres").stat()
    other = (
        {}
        if owner.st_uid == os.geteuid()
        else {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}
    )
    ended = await asyncio.to_thread(
        subprocess.run, command, env=server.env, cwd="/", capture_output=True, text=True, check=False, **other
    )
    assert ended.returncode == 0, ended.stderr


async def _archived(server: Embedded, folder: Path) -> None:
    connection = await asyncpg.connect(server.dsn_of("postgres", user="postgres"))
    last = await connection.fetchval("select pg_walfile_name(pg_current_wal_lsn() - 1)")
    await connection.close()
    async with asyncio.timeout(60):
        while not any(one.name >= last for one in folder.iterdir()):
            await asyncio.sleep(0.1)


def _put_back(tmp_path: Path, place: Path, moment: datetime) -> Path:
    again = tmp_path / "again"
    again.mkdir(mode=0o711)
    cluster = again / "postgres"
    (place / "base").rename(cluster)
    settings = cluster / "postgresql.auto.conf"
    lines = _steps("ini", place)
    settings.write_text(
        "\n".join([settings.read_text(), *lines]).replace("2026-11-28 09:30:00+00", moment.isoformat()) + "\n"
    )
    signal = cluster / "recovery.signal"
    signal.touch()
    owner = cluster.stat()
    os.chown(signal, owner.st_uid, owner.st_gid)
    return again
