"""The parts of a desk as processes, as a supervisor starts them."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import urllib.error
from pathlib import Path

from tests.cli.program import FOR_LOCAL_ADDRESSES, environment, free_port
from tests.postgres.processes import until


class Part:
    """`deskbell web`, `gateway` or `worker`; can be killed, frozen and started again."""

    def __init__(self, kind: str, data: Path, **settings: str) -> None:
        self.kind, self.port = kind, free_port()
        self.out = tempfile.TemporaryFile()  # noqa: SIM115  closed with the part
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bot", kind, "--port", str(self.port)],
            cwd=tempfile.gettempdir(),
            env=environment(data, **settings),
            stdout=self.out,
            stderr=self.out,
            start_new_session=True,
        )

    def up(self) -> Part:
        until(lambda: self.process.poll() is not None or self.get("/healthz") == 200, 60)
        assert self.process.poll() is None, self.said
        return self

    @property
    def said(self) -> str:
        self.out.seek(0)
        return self.out.read().decode()

    def get(self, path: str) -> int:
        try:
            with FOR_LOCAL_ADDRESSES.open(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as refused:
            return refused.code
        except OSError:
            return 0

    def leads(self) -> bool:
        """By its log: it took the lease, and did not lose it since."""
        return self.said.rfind("lease.taken") > self.said.rfind("lease.lost")

    def freeze(self, on: bool) -> None:
        self.process.send_signal(signal.SIGSTOP if on else signal.SIGCONT)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def end(self) -> int:
        self.process.terminate()
        return self.process.wait(30)

    def close(self) -> None:
        self.kill()
        self.out.close()
