"""Programs of their own that run a server, and ways to wait for them."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


class Child:
    """The program `child.py` on a data folder."""

    def __init__(self, data: Path, *, command: tuple[str, ...] = (sys.executable,), **options: Any) -> None:
        self.data = data
        self.process = subprocess.Popen(
            [*command, str(options.pop("script", ROOT / "tests/postgres/child.py")), str(data)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=options.pop("env", {**os.environ, "PYTHONPATH": str(ROOT)}),
            start_new_session=True,
            **options,
        )

    def hear(self) -> dict[str, Any]:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            assert self.process.stderr
            pytest.fail(self.process.stderr.read().decode())
        heard: dict[str, Any] = json.loads(line)
        return heard

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def interrupt_terminal(self) -> None:
        """What Ctrl-C does: the signal goes to the whole group of processes in the foreground."""
        os.killpg(self.process.pid, signal.SIGINT)

    def stop(self) -> dict[str, Any]:
        assert self.process.stdin
        self.process.stdin.close()
        heard = self.hear()
        assert self.process.wait(30) == 0
        return heard

    def close(self) -> None:
        self.process.kill()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream:
                stream.close()
        self.process.wait()
        until_over(self.data)


def until(holds: Callable[[], bool], seconds: float = 30) -> None:
    """Wait for a condition of another process."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def until_over(data: Path) -> None:
    """Wait until no process of the folder's server is left: each of them holds the lock."""
    if not (data / "postgres.lock").exists():
        return
    with (data / "postgres.lock").open("r+b") as lock:
        until(lambda: _is_free(lock.fileno()))


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def _is_free(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(lock, fcntl.LOCK_UN)
    return True
