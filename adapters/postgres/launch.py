"""Bring the server of a data folder up: lock, cluster, socket folder, keeper."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from adapters.postgres import cluster, keeper, sockets
from adapters.postgres.account import Account, account_for
from adapters.postgres.folder import open_private
from adapters.postgres.programs import binaries_for
from core.errors import StartError
from core.i18n import _

SERVER_STOPS = [[signal.SIGINT, 20], [signal.SIGQUIT, 5], [signal.SIGKILL, 5]]
_INITDB_STOPS = [[signal.SIGINT, 5], [signal.SIGKILL, 5]]
_PREDECESSOR_SECONDS = 60.0
_LOG_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class Launched:
    """A server on its way up, and the keeper that holds it."""

    socket: Path
    keeper: subprocess.Popen[bytes]


def launch(data: Path, *, durable: bool, socket: Path | None = None) -> Launched:
    """Start the server without waiting until it answers; blocks for the time of an initdb at first.

    With `socket` it is reached where it was before. The caller has claimed the folder. Raises `StartError`.
    """
    try:
        lock = _lock(data)
        try:
            return _launch(_Bench(data, account_for(data), lock), durable=durable, socket=socket)
        finally:
            # From here on the lock lives exactly as long as the keeper and the server.
            os.close(lock)
    except OSError as error:
        raise StartError(
            _("The embedded PostgreSQL cannot be started in {path} ({reason}).").format(
                path=data, reason=error.strerror or error
            )
        ) from error


def recorded_socket(data: Path) -> Path:
    """The socket folder of the newest server. Raises `OSError` or `ValueError` when no record can be read."""
    record = json.loads(_record(data).read_text("utf-8"))
    if not isinstance(record, dict) or not isinstance(record.get("socket"), str):
        raise ValueError("no socket in the record")
    return Path(record["socket"])


@dataclass(frozen=True)
class _Bench:
    """What every program of one start shares."""

    data: Path
    account: Account
    lock: int

    def run(self, command: list[str], folder: Path) -> int:
        with self.kept(command, folder, _INITDB_STOPS) as process:
            return process.wait()

    def kept(
        self, command: list[str], folder: Path, stops: list[list[int]], *leftovers: Path
    ) -> subprocess.Popen[bytes]:
        """Start a program under the keeper, as the server's user and in its folder."""
        log = self.data / "postgres.log"
        os.close(open_private(log, os.O_WRONLY))
        order = keeper.Order(
            command=command,
            environment={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
            folder=str(folder),
            user=None if self.account.is_self else [self.account.uid, self.account.gid],
            parent=os.getpid(),
            log=str(log),
            log_bytes=_LOG_BYTES,
            stops=stops,
            leftovers=[str(path) for path in leftovers],
        )
        return subprocess.Popen(  # noqa: S603
            [sys.executable, "-I", "-S", keeper.__file__, json.dumps(order)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[self.lock],
            start_new_session=True,
        )


def _launch(bench: _Bench, *, durable: bool, socket: Path | None) -> Launched:
    programs = binaries_for(bench.account)
    place = cluster.prepare(bench.data, bench.account, programs, bench.run, durable=durable)
    socket = _the_socket(bench.data, bench.account, socket)
    command = [
        str(programs / "postgres"),
        *("-D", cluster.home(place, bench.account)),
        *("-c", f"unix_socket_directories={socket}"),
    ]
    return Launched(socket, bench.kept(command, place, SERVER_STOPS, socket))


def _lock(data: Path) -> int:
    """Take the lock that the keeper and the server inherit: it is free when all of them have ended.

    After `kill -9` the old server may still be closing while we start.
    """
    lock = open_private(data / "postgres.lock", os.O_RDWR)
    deadline = time.monotonic() + _PREDECESSOR_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() < deadline:
                time.sleep(0.02)
                continue
            os.close(lock)
            raise StartError(
                _("An earlier database in {path} does not end; end its processes and start again.").format(
                    path=data
                )
            ) from None
        return lock


def _the_socket(data: Path, account: Account, again: Path | None) -> Path:
    """A new folder for the socket, or the one of before, written down before it is made, so that a killed start leaves none."""
    with suppress(OSError, ValueError):
        sockets.clean(recorded_socket(data))
    socket = again or sockets.propose()
    record = _record(data)
    fresh = record.with_suffix(".new")
    with os.fdopen(open_private(fresh, os.O_WRONLY | os.O_TRUNC), "w", encoding="utf-8") as file:
        json.dump({"socket": str(socket)}, file)
    fresh.replace(record)
    sockets.make(socket, account)
    return socket


def _record(data: Path) -> Path:
    return data / "postgres.json"
