"""The clock on the wall of all parts, an hour wrong as around a change of daylight saving time that somebody
set by hand; PostgreSQL, Redis and the platforms have the right one."""

from __future__ import annotations

import asyncio
import shutil
import struct
from pathlib import Path

SOURCE = Path(__file__).with_name("clock.c")
HOUR = 3600


class Clock:
    """Needs a C compiler; `environment` is nothing without one, and setting it wrong is an error then."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self._library = folder / "clock.so"
        self._turn = asyncio.Lock()

    async def build(self) -> None:
        compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
        if compiler is None:
            return
        self._set(0)
        made = await asyncio.create_subprocess_exec(
            compiler, "-shared", "-fPIC", "-O2", "-o", str(self._library), str(SOURCE)
        )
        if await made.wait():
            self._library.unlink(missing_ok=True)

    @property
    def environment(self) -> dict[str, str]:
        if not self._library.exists():
            return {}
        return {"LD_PRELOAD": str(self._library), "FAULTS_CLOCK": str(self._file)}

    async def wrong(self, by: int, seconds: float) -> None:
        """For a while; then it is right again at once."""
        if not self.environment:
            raise RuntimeError("There is no C compiler.")
        async with self._turn:
            try:
                self._set(by)
                await asyncio.sleep(seconds)
            finally:
                self._set(0)

    def _set(self, by: int) -> None:
        if not self._file.exists():
            self._file.write_bytes(bytes(8))
        with self._file.open("r+b", buffering=0) as file:
            file.write(struct.pack("@q", by))
