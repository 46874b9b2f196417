"""The process between Deskbell and PostgreSQL: it outlives neither, and ends both in order.

It runs as a plain script (`python -I -S keeper.py ORDER`), without any package, so that it
starts in a few milliseconds and stays small. It lives in a session of its own, where Ctrl-C
in the terminal does not reach: PostgreSQL must answer until the program has closed.

- Deskbell holds the other end of its standard input. When that closes, by `stop()` or because
  Deskbell was killed, the server gets the stop signals one after the other.
- On Linux it also watches Deskbell's process itself, because a forked child of Deskbell may
  hold a copy of the pipe, and the kernel ends the server when the keeper is killed.
- It writes what the server says to a log file that cannot grow without end.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import sys
import time
from typing import BinaryIO, NoReturn, TypedDict

_PR_SET_PDEATHSIG = 1
_POLL_SECONDS = 1.0
_CHUNK = 65536
_HEARD = (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Order(TypedDict):
    """What the keeper is to run. Sent as JSON in its only argument."""

    command: list[str]
    environment: dict[str, str]
    folder: str
    user: list[int] | None  # uid and gid, when the server must run as somebody else
    parent: int  # Deskbell's process id
    log: str
    log_bytes: int  # the log file is put aside when it is larger
    stops: list[list[int]]  # signal and seconds to wait for its effect
    leftovers: list[str]  # empty folders to remove at the end


def main() -> int:
    order: Order = json.loads(sys.argv[1])
    ears = _Ears(order["parent"])
    if ears.deskbell_gone:
        return 1
    log = _Log(order["log"], order["log_bytes"])
    read_end, write_end = os.pipe()
    os.set_blocking(read_end, False)
    signal.pthread_sigmask(signal.SIG_BLOCK, _HEARD)
    child = os.fork()
    if child == 0:
        _become(order, write_end)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _HEARD)
    os.close(write_end)
    status = _keep(child, ears, read_end, log, order["stops"])
    for folder in order["leftovers"]:
        with contextlib.suppress(OSError):
            os.rmdir(folder)
    return os.waitstatus_to_exitcode(status) % 256


def _keep(child: int, ears: _Ears, output: int, log: _Log, stops: list[list[int]]) -> int:
    """Wait for the child's end; hurry it along once Deskbell is gone. Returns its wait status."""
    remaining = iter(stops)
    deadline: float | None = None
    while True:
        ears.wait(output if log.open else -1, _POLL_SECONDS)
        log.take(output)
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            log.take(output)
            return status
        if not ears.deskbell_gone:
            continue
        if deadline is None or time.monotonic() > deadline:
            number, seconds = next(remaining, [signal.SIGKILL, 60])
            os.kill(child, number)
            deadline = time.monotonic() + seconds


class _Ears:
    """Everything the keeper listens to: Deskbell's end and the child's end."""

    def __init__(self, parent: int) -> None:
        self.deskbell_gone = os.getppid() != parent
        self._poll = select.poll()
        self._poll.register(0, select.POLLIN | select.POLLHUP)
        self._parent = self._watch(parent)
        self._wake, wake_write = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(wake_write, False)
        self._poll.register(self._wake, select.POLLIN)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        for number in _HEARD:
            # A handler, not SIG_IGN: that one would be inherited by the server.
            signal.signal(number, lambda *_: None)

    def wait(self, output: int, seconds: float) -> None:
        if output >= 0:
            self._poll.register(output, select.POLLIN)
        ready = {number for number, _ in self._poll.poll(seconds * 1000)}
        if self._wake in ready:
            os.read(self._wake, _CHUNK)
        if (0 in ready and not os.read(0, _CHUNK)) or self._parent in ready:
            self._stop_listening_to_deskbell()
        if output >= 0:
            self._poll.unregister(output)

    def _watch(self, parent: int) -> int:
        if not hasattr(os, "pidfd_open") or self.deskbell_gone:
            return -1
        try:
            watched = os.pidfd_open(parent)
        except OSError:
            return -1
        self.deskbell_gone = os.getppid() != parent
        self._poll.register(watched, select.POLLIN)
        return watched

    def _stop_listening_to_deskbell(self) -> None:
        # A closed pipe is ready for ever and would turn the wait into a busy loop.
        if not self.deskbell_gone:
            self.deskbell_gone = True
            self._poll.unregister(0)
            if self._parent >= 0:
                self._poll.unregister(self._parent)


class _Log:
    """Appends to a file; puts it aside as `.1` when it is full. A full disk loses lines only."""

    def __init__(self, path: str, limit: int) -> None:
        self.open = True
        self._path = path
        self._limit = limit
        self._file = self._reopen()

    def take(self, output: int) -> None:
        while self.open:
            try:
                piece = os.read(output, _CHUNK)
            except BlockingIOError:
                return
            if not piece:
                self.open = False
                return
            with contextlib.suppress(OSError):
                self._write(piece)

    def _write(self, piece: bytes) -> None:
        if self._file.tell() > self._limit:
            owner = os.fstat(self._file.fileno())
            self._file.close()
            os.replace(self._path, self._path + ".1")
            self._file = self._reopen()
            with contextlib.suppress(OSError):
                os.fchown(self._file.fileno(), owner.st_uid, owner.st_gid)
        self._file.write(piece)

    def _reopen(self) -> BinaryIO:
        return os.fdopen(
            os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab", buffering=0
        )


def _become(order: Order, output: int) -> NoReturn:
    """The child: enter the folder first, give up rights second, so that no parent must be open."""
    keeper = os.getppid()
    try:
        os.chdir(order["folder"])
        if order["user"] is not None:
            uid, gid = order["user"]
            os.setgroups([gid])
            os.setgid(gid)
            os.setuid(uid)
        os.umask(0o077)
        if sys.platform == "linux":
            # After setuid, which would clear it.
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
        if os.getppid() != keeper:
            os._exit(1)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        _forget_handlers()
        os.execve(order["command"][0], order["command"], order["environment"])  # noqa: S606
    except OSError as error:
        os.write(output, f"{error.strerror}: {order['command'][0]}\n".encode())
        os._exit(127)


def _forget_handlers() -> None:
    """A stop signal that came since the fork was held back, and works from here on."""
    signal.set_wakeup_fd(-1)
    for number in _HEARD:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _HEARD)


if __name__ == "__main__":
    sys.exit(main())
