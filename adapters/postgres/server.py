"""Start, reach and stop the embedded PostgreSQL of a data folder."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import asyncpg
import structlog
from structlog.typing import FilteringBoundLogger

from adapters.postgres import cluster, sockets
from adapters.postgres.folder import DataFolder
from adapters.postgres.launch import SERVER_STOPS, Launched, launch, recorded_socket
from adapters.postgres.programs import binaries
from core.errors import StartError
from core.i18n import _

_MOST_ENDS, _ENDS_SECONDS = 4, 300.0
_READY_SECONDS = 300.0  # replaying the log after a crash may take a while on a slow disk


@dataclass(frozen=True)
class Address:
    """Where a running server is reached: the folder of its socket, as the user `deskbell`."""

    socket: Path

    @property
    def url(self) -> str:
        """For SQLAlchemy's `create_async_engine`."""
        return self.url_of(cluster.USER)

    @property
    def dsn(self) -> str:
        """For `asyncpg.connect`."""
        return self.dsn_of(cluster.USER)

    def url_of(self, database: str) -> str:
        return f"postgresql+asyncpg://{self._rest(cluster.USER, database)}"

    def dsn_of(self, database: str, *, user: str = cluster.USER) -> str:
        return f"postgresql://{self._rest(user, database)}"

    @property
    def binaries(self) -> Path:
        """The folder with `psql`, `pg_dump` and `pg_restore`; run them with `env`."""
        return binaries()

    @property
    def env(self) -> dict[str, str]:
        """The whole environment for the programs in `binaries`."""
        return {
            "PATH": f"{binaries()}:/usr/bin:/bin",
            "LC_ALL": "C",
            "PGHOST": str(self.socket),
            "PGUSER": cluster.USER,
            "PGDATABASE": cluster.USER,
        }

    async def create_database(self, name: str, template: str | None = None) -> str:
        """Make a database, empty or as a copy of `template`, which nobody may be using. Returns its url."""
        # Copied as files: three times as fast as through the log, for a database of some megabytes.
        source = f" TEMPLATE {_quoted(template)} STRATEGY FILE_COPY" if template else ""
        await self._as_owner(f"CREATE DATABASE {_quoted(name)} OWNER {_quoted(cluster.USER)}{source}")
        return self.url_of(name)

    async def drop_database(self, name: str) -> None:
        """Remove a database, ending whoever still uses it."""
        await self._as_owner(f"DROP DATABASE IF EXISTS {_quoted(name)} WITH (FORCE)")

    async def _as_owner(self, *statements: str) -> None:
        connection = await asyncpg.connect(self.dsn_of("postgres", user=cluster.OWNER))
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    def _rest(self, user: str, database: str) -> str:
        # The port is a part of the socket's name; unsaid, it would come from PGPORT.
        return f"{quote(user)}@/{quote(database, safe='')}?host={quote(str(self.socket))}&port=5432"


class Embedded(Address):
    """A server that this process started. It ends with `stop()`, or with this process."""

    def __init__(
        self, data: Path, launched: Launched, claim: DataFolder | None, *, durable: bool = True
    ) -> None:
        super().__init__(launched.socket)
        self._data = data
        self._durable = durable
        self._process = launched.keeper
        self._claim = claim
        self.seconds = 0.0
        """How long its start took."""

    @property
    def pid(self) -> int:
        """The process id of the server's keeper."""
        return self._process.pid

    @property
    def pid_file(self) -> Path:
        """The server's own record: its process id first, its state in the eighth line."""
        return self._data / "postgres" / "postmaster.pid"

    @property
    def log_file(self) -> Path:
        return self._data / "postgres.log"

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    async def wait(self) -> None:
        """Return when the server has ended, by `stop()` or by itself."""
        while self.is_running:  # noqa: ASYNC110
            await asyncio.sleep(0.5)

    async def keep(self, *, log: FilteringBoundLogger | None = None) -> None:
        """Start the server again, at the same address, whenever it ends by itself; for ever.

        Raises `StartError` when it does not start, or ends again and again.
        """
        told = log or structlog.get_logger()
        ends: deque[float] = deque(maxlen=_MOST_ENDS)
        while True:
            await self.wait()
            told.error("database ended by itself", code=self._process.poll())
            ends.append(time.monotonic())
            if len(ends) == _MOST_ENDS and ends[-1] - ends[0] < _ENDS_SECONDS:
                raise StartError(
                    _("The embedded PostgreSQL ends again and again; {log} says why.").format(
                        log=self.log_file
                    )
                )
            await self.start_again(log=told)

    async def start_again(self, *, log: FilteringBoundLogger | None = None) -> None:
        """Start a server that has ended, at the same address. Raises `StartError`."""
        told, began = log or structlog.get_logger(), time.monotonic()
        self._hang_up()
        launched = await _launched(self._data, durable=self._durable, socket=self.socket)
        self._process = launched.keeper
        await _ready(self, told)
        told.info("database started again", seconds=round(time.monotonic() - began, 3))

    async def stop(self) -> None:
        """End the server: a fast shutdown, and a rough one when that takes longer than 20 seconds."""
        await asyncio.shield(asyncio.to_thread(self._stop))

    def _hang_up(self) -> None:
        """The keeper ends once nobody holds the other end of its input."""
        if self._process.stdin:
            with suppress(BrokenPipeError):
                self._process.stdin.close()

    def _stop(self) -> None:
        self._hang_up()
        try:
            self._process.wait(sum(seconds for _signal, seconds in SERVER_STOPS) + 10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        sockets.clean(self.socket)
        if self._claim:
            self._claim.release()


async def start(
    data: Path | DataFolder, *, log: FilteringBoundLogger | None = None, durable: bool = True
) -> Embedded:
    """Start the server of a data folder, and wait until it answers.

    With a path, the folder is claimed until `stop()`; a `DataFolder` stays with its holder.
    `durable=False` is for tests only. Raises `StartError`, whose words say what to do.
    """
    folder = data if isinstance(data, DataFolder) else DataFolder(data)
    claim = None if folder is data else folder
    began = time.monotonic()
    told = log or structlog.get_logger()
    try:
        launched = await _launched(folder.path, durable=durable)
    except BaseException:
        if claim:
            claim.release()
        raise
    server = Embedded(folder.path, launched, claim, durable=durable)
    try:
        await _ready(server, told)
    except BaseException:
        await server.stop()
        raise
    server.seconds = time.monotonic() - began
    return server


async def attach(data: Path) -> Address | None:
    """The running server of a data folder that another process of ours started, if there is one."""
    try:
        address = Address(recorded_socket(data))
        connection = await asyncpg.connect(address.dsn, timeout=5)
    except (OSError, ValueError, asyncpg.PostgresError):
        return None
    await connection.close()
    return address


async def _launched(data: Path, *, durable: bool, socket: Path | None = None) -> Launched:
    """Launch in a thread; a cancelled start leaves no server behind."""
    work = asyncio.ensure_future(asyncio.to_thread(launch, data, durable=durable, socket=socket))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        with suppress(StartError):
            await Embedded(data, await work, None).stop()
        raise


async def _ready(server: Embedded, log: FilteringBoundLogger) -> None:
    """Wait until the server answers, then make the user and the database that are missing."""
    began = time.monotonic()
    warned = False
    while not _says_ready(server):
        waited = time.monotonic() - began
        if not server.is_running or waited > _READY_SECONDS:
            raise _not_started(server)
        if waited > 3 and not warned:
            warned = True
            log.warning("database is recovering")
        await asyncio.sleep(0.005)
    try:
        connection = await asyncpg.connect(server.dsn_of("postgres", user=cluster.OWNER), timeout=30)
        try:
            await _complete(connection)
        finally:
            await connection.close()
    except (OSError, asyncpg.PostgresError) as error:
        raise _not_started(server) from error


def _says_ready(server: Embedded) -> bool:
    """Read the server's own word: knocking before it is ready would fill its log with refusals."""
    try:
        lines = server.pid_file.read_text("utf-8", "replace").splitlines()
    except OSError:
        return False
    return len(lines) >= 8 and lines[7].strip() == "ready"


def _not_started(server: Embedded) -> StartError:
    return StartError(_("The embedded PostgreSQL did not start; {log} says why.").format(log=server.log_file))


async def _complete(connection: asyncpg.Connection) -> None:
    user = _quoted(cluster.USER)
    if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", cluster.USER):
        await connection.execute(f"CREATE ROLE {user} LOGIN CREATEDB")
    if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", cluster.USER):
        await connection.execute(f"CREATE DATABASE {user} OWNER {user}")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
