"""A real Redis for a test, on a Unix socket of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

from tests.postgres.processes import until

NAMES = ("redis-server", "valkey-server")


def program() -> str | None:
    """Where Redis is, if it is."""
    named = [os.environ.get("REDIS_SERVER") or "", *NAMES]
    return next((path for name in named if name and (path := shutil.which(name))), None)


class RedisServer:
    """Can be stopped, frozen and started again at the same address."""

    def __init__(self, path: str, folder: Path) -> None:
        self.path, self.socket = path, folder / "redis.sock"
        self.url = f"unix://{self.socket}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        words = [
            self.path,
            "--port",
            "0",
            "--unixsocket",
            str(self.socket),
            "--save",
            "",
            "--appendonly",
            "no",
        ]
        self.process = subprocess.Popen(words, stdout=subprocess.DEVNULL, cwd=self.socket.parent)
        until(self.socket.exists, 20)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self.process = None
        self.socket.unlink(missing_ok=True)

    def freeze(self, on: bool) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP if on else signal.SIGCONT)
