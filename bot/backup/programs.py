"""PostgreSQL's own programs for dump and restore, and how they reach a database."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from sqlalchemy import URL

from adapters.postgres import binaries
from core.errors import Unavailable
from core.i18n import _

MAJOR = 18
PIECE = 1 << 18
_TLS = {"require", "verify-ca", "verify-full"}


class ProgramFailed(Unavailable):
    """`pg_dump` or `pg_restore` gave up; its own last words say why."""

    code = "backup_program"


@dataclass(frozen=True, slots=True)
class Target:
    """A database by its parts. The password travels in the environment, never in a command line."""

    user: str
    database: str
    host: str = ""
    port: int = 5432
    password: str = ""
    tls: str = ""

    @classmethod
    def of(cls, url: URL) -> Target:
        """From SQLAlchemy's address; `?host=` names a socket's folder, `?ssl=` the TLS mode."""
        query = {key: value if isinstance(value, str) else value[0] for key, value in url.query.items()}
        return cls(
            user=url.username or os.environ.get("PGUSER") or os.environ.get("USER") or "postgres",
            database=url.database or url.username or "postgres",
            host=query.get("host") or url.host or "localhost",
            port=int(query.get("port") or url.port or 5432),
            password=url.password or "",
            tls=query.get("ssl") or query.get("sslmode") or "",
        )

    async def connect(self) -> asyncpg.Connection:
        """A connection of its own, without a limit on how long a statement may take."""
        return await asyncpg.connect(
            host=self.host,
            port=self.port,
            user=self.user,
            password=self.password or None,
            database=self.database,
            ssl=self.tls or None,
            timeout=10,
        )

    @property
    def env(self) -> dict[str, str]:
        made = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "LC_ALL": "C",
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGUSER": self.user,
            "PGDATABASE": self.database,
            "PGCONNECT_TIMEOUT": "10",
            "PGAPPNAME": "deskbell backup",
        }
        made |= {"PGPASSWORD": self.password} if self.password else {}
        made |= {"PGSSLMODE": self.tls} if self.tls else {}
        return made

    def program(self, name: str) -> str:
        """Where `pg_dump` or `pg_restore` lies. The wheel's are built without TLS: a server
        that wants it needs those of the system. Raises `ProgramFailed` when they are missing."""
        if self.tls not in _TLS:
            return str(binaries() / name)
        found = shutil.which(name)
        if found is None or _major(found) < MAJOR:
            raise ProgramFailed(
                _(
                    "A server with TLS needs {name} of PostgreSQL {major} on this machine: install the "
                    "package postgresql-client-{major}."
                ).format(name=name, major=MAJOR)
            )
        return found


async def dump(target: Target, snapshot: str, *arguments: str) -> AsyncIterator[bytes]:
    """The bytes of a `pg_dump` in its custom format, as of an exported snapshot."""
    command = (target.program("pg_dump"), "-Fc", "--no-owner", "--no-privileges", f"--snapshot={snapshot}")
    async with _running(target, *command, *arguments, stdout=PIPE) as process:
        assert process.stdout is not None
        while piece := await process.stdout.read(PIECE):
            yield piece


async def load(target: Target, pieces: AsyncIterator[bytes]) -> None:
    """Feed a dump to `pg_restore`: all of it in one transaction, or nothing."""
    command = (target.program("pg_restore"), "--single-transaction", "--exit-on-error")
    names = ("--no-owner", "--no-privileges", f"--dbname={target.database}")
    async with _running(target, *command, *names, stdin=PIPE) as process:
        assert process.stdin is not None
        try:
            async for piece in pieces:
                process.stdin.write(piece)
                await process.stdin.drain()
            process.stdin.close()
            await process.stdin.wait_closed()
        except (BrokenPipeError, ConnectionResetError):
            pass  # it gave up; its exit code and its words follow


@asynccontextmanager
async def _running(
    target: Target, *command: str, stdin: int | None = None, stdout: int | None = None
) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        *command, env=target.env, stdin=stdin or DEVNULL, stdout=stdout or DEVNULL, stderr=PIPE
    )
    assert process.stderr is not None
    said = asyncio.create_task(process.stderr.read())
    try:
        yield process
        words = await said
        if await process.wait() != 0:
            raise ProgramFailed(_failure(Path(command[0]).name, words))
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        said.cancel()


def _failure(name: str, words: bytes) -> str:
    lines = [line.strip() for line in words.decode(errors="replace").splitlines() if line.strip()]
    reason = next((line for line in lines if "error:" in line), lines[-1] if lines else "")
    return _("{name} did not work: {reason}").format(name=name, reason=reason[:300])


def _major(program: str) -> int:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603
    found = re.search(r"(\d+)", said)
    return int(found[1]) if found else 0
