"""`python -m bot` as a program of its own, as people start it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from tests.postgres.processes import ROOT, until, until_over

FOR_LOCAL_ADDRESSES = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def environment(data: Path, **settings: str) -> dict[str, str]:
    """Nothing of ours but what the test says; no `.env` is read, because the program starts elsewhere."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("DESKBELL_", "DATABASE_URL", "PG"))}
    return (
        kept | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "default", "DESKBELL_DATA": str(data)} | settings
    )


def deskbell(
    data: Path, *words: str, at: Path | None = None, **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, standing in the folder `at`."""
    return subprocess.run(
        [sys.executable, "-m", "bot", *words],
        cwd=at or tempfile.gettempdir(),
        env=environment(data, **settings),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def done(data: Path, *words: str, **settings: str) -> str:
    """Run a command that must work; returns what it printed."""
    ended = deskbell(data, *words, **settings)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def complaint(ended: subprocess.CompletedProcess[str], code: int = 2) -> str:
    """The one line of a program that could not do it."""
    assert ended.returncode == code, ended.stderr
    assert "Traceback" not in ended.stderr
    lines = [line for line in ended.stderr.splitlines() if line.startswith("deskbell: ")]
    assert len(lines) == 1, ended.stderr
    assert ended.stderr.splitlines()[-1] == lines[0]
    assert ended.stdout == "", "it stands alone"
    return lines[0]


class Running:
    """`deskbell run` in the background."""

    def __init__(self, data: Path, **settings: str) -> None:
        self.data = data
        self.port = free_port()
        self.out = tempfile.TemporaryFile()  # noqa: SIM115  closed with the program
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bot", "run"],
            cwd=tempfile.gettempdir(),
            env=environment(data, DESKBELL_PORT=str(self.port), **settings),
            stdout=self.out,
            stderr=self.out,
            start_new_session=True,
        )

    @property
    def said(self) -> str:
        self.out.seek(0)
        return self.out.read().decode()

    def up(self) -> Running:
        """Wait until it answers."""
        until(lambda: self.process.poll() is not None or self.get("/healthz") == 200, 60)
        assert self.process.poll() is None, self.said
        return self

    def announced(self) -> str:
        """What it says once all is up."""
        until(lambda: "Desk " in self.said, 30)
        return self.said

    def get(self, path: str) -> int:
        return answer_of(self.port, path)

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, to the whole group as the terminal does for Ctrl-C; returns the exit code."""
        if how is signal.SIGINT:
            os.killpg(self.process.pid, how)
        else:
            self.process.send_signal(how)
        return self.process.wait(60)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.out.close()
        until_over(self.data)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answer_of(port: int, path: str) -> int:
    """The status of a page of this machine; 0 where nobody answers."""
    try:
        with FOR_LOCAL_ADDRESSES.open(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code
    except OSError:
        return 0
