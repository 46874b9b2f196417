"""A restore drill: `python -m benchmarks.restore [--tickets N] [--visitors N] [--rate R] [--quick] [--json]`.

The whole program runs on a demo desk of N tickets while visitors write; `deskbell backup` saves it meanwhile. Then
some of the visitors are erased and `deskbell erased` writes the list. Elsewhere, with nothing but the master key, the
backup, its keys and the list, `deskbell restore` makes the desk anew, which is started and read through its API.

- **lost**: acknowledged before the backup began, and not there (or not in the words that were said);
- **doubled**, **reordered**: as in the other benchmarks;
- **invented**: there, and never said;
- **undead**: words of somebody who was erased after the backup;
- **changed**: rows of the desk beneath that are not there, or differ in a byte, in any of the tables `BENEATH`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic import SecretStr

from adapters.postgres import attach
from benchmarks import lines
from benchmarks.faults.checks import timelines
from benchmarks.faults.sides import Visitors
from benchmarks.faults.world import SETTINGS
from benchmarks.kill import desk
from benchmarks.kill.program import ROOT, Program, plain_environment
from benchmarks.load.talk import TOKEN
from bot.cli.reach import reached
from core.access import SYSTEM
from core.admin.erase import erase
from core.settings import Settings

LONGEST = 1_800.0
ERASED = 2
BENEATH = ("message", "message_copy", "attachment", "conversation", "identity", "article", "article_text")
"""Tables of which nobody touches a row while others write."""


@dataclass(slots=True)
class Said:
    """`at` is when it was acknowledged; 0 until then."""

    who: str
    token: str
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a table up to an id: how many, and what their bytes come to."""

    last: UUID | None
    count: int
    total: str


class Crowd:
    """Visitors who write one after the other, at a pace."""

    def __init__(self, port: int, rate: float) -> None:
        self.visitors = Visitors([port])
        self.rate = rate
        self.people: list[str] = []
        self.said: list[Said] = []

    async def gather(self, count: int) -> None:
        self.people = [await self.visitors.joins(f"Visitor {number}") for number in range(count)]
        for who in self.people:
            await self._says(who)
        await self.settled()

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self._write())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def settled(self) -> None:
        """All that was said is acknowledged."""
        async with asyncio.timeout(120):
            while self.visitors.pending or any(not one.at for one in self.said):
                await asyncio.sleep(0.05)

    async def _write(self) -> None:
        while True:
            await self._says(self.people[len(self.said) % len(self.people)])
            await asyncio.sleep(1 / self.rate)

    async def _says(self, who: str) -> None:
        said = Said(who, f"load{len(self.said):08x}x")
        self.said.append(said)

        def acknowledged() -> None:
            said.at = time.time()

        await self.visitors.says(who, f"words {said.token}", then=acknowledged)


async def measure(tickets: int, visitors: int, rate: float) -> dict[str, Any]:
    folder = Path(tempfile.mkdtemp(prefix="deskbell-restore-"))
    folder.chmod(0o711)
    first, second = Program(folder / "first", {}), Program(folder / "second", {})
    for one in (first, second):
        one.data.mkdir(parents=True)
        for place in (one.folder, one.data):
            place.chmod(0o711)
    try:
        await _deskbell(first.data, "demo", "--tickets", str(tickets))
        token = await desk.settle(first.data, {}, 0, more=SETTINGS)
        first.start()
        await first.up()
        beneath = await _beneath(first.data)
        found = await _drill(first, second, token, visitors, rate)
        return found | await _changed(second.data, beneath)
    finally:
        for one in (first, second):
            await one.end()
        shutil.rmtree(folder, ignore_errors=True)


async def _drill(first: Program, second: Program, token: str, visitors: int, rate: float) -> dict[str, Any]:
    crowd, file = Crowd(first.port, rate), first.folder / "desk.backup"
    try:
        await crowd.gather(visitors)
        async with crowd.writing():
            await asyncio.sleep(2)
            began = time.time()
            saving = await _deskbell(first.data, "backup", str(file))
            ended = time.time()
            await asyncio.sleep(2)
        await crowd.settled()
    finally:
        await crowd.visitors.close()
    gone = crowd.people[:ERASED]
    await _erase(first.data, gone)
    await _deskbell(first.data, "erased", str(first.folder / "erased.json"))
    await first.end()
    shutil.copy2(first.data / "master.key", second.data / "master.key")
    more = ("--keys", f"{file}.keys", "--erased", str(first.folder / "erased.json"))
    restoring = await _deskbell(second.data, "restore", str(file), *more)
    second.start()
    await second.up()
    verdict: dict[str, Any] = judged(crowd.said, set(gone), await _words(second.port, token), began, ended)
    size = sum(one.stat().st_size for one in first.folder.glob("desk.backup*"))
    return {
        "tickets": visitors,
        "said": len(crowd.said),
        "during_the_backup": sum(began <= one.at <= ended for one in crowd.said),
        **verdict,
        "erased": len(gone),
        "backup_s": round(saving, 1),
        "restore_s": round(restoring, 1),
        "backup_mb": round(size / 2**20, 1),
    }


def judged(
    said: list[Said], gone: set[str], there: list[list[str]], began: float, ended: float
) -> dict[str, int]:
    """`there` are the tokens of each timeline in order; what was said while the backup was made may be in it."""
    shown = [token for several in there for token in several]
    known = {one.token: one for one in said}
    found = set(shown)
    staying = [one for one in said if one.who not in gone]
    return {
        "restored": len(found),
        "lost": sum(one.at < began and one.token not in found for one in staying),
        "doubled": len(shown) - len(found),
        "reordered": sum(a > b for several in there for a, b in pairwise(several)),
        "invented": sum(token not in known for token in found),
        "too_new": sum(one.token in found and one.at > ended + 1 for one in staying),
        "undead": sum(one.token in found for one in said if one.who in gone),
    }


async def _beneath(data: Path) -> dict[str, Rows]:
    """All rows that are there now, of each table."""
    async with _connected(data) as connection:
        last = {
            table: await connection.fetchval(f"select id from {table} order by id desc limit 1")
            for table in BENEATH
        }
        return {table: await _rows(connection, table, last[table]) for table in BENEATH}


async def _changed(data: Path, beneath: Mapping[str, Rows]) -> dict[str, Any]:
    async with _connected(data) as connection:
        there = {table: await _rows(connection, table, rows.last) for table, rows in beneath.items()}
    return {
        "beneath": sum(rows.count for rows in beneath.values()),
        "changed": [table for table, rows in beneath.items() if there[table] != rows],
    }


async def _rows(connection: Any, table: str, last: UUID | None) -> Rows:
    digest = "coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)"
    query = f"select count(*), {digest} from {table} t where id <= $1"
    count, total = await connection.fetchrow(query, last)
    return Rows(last, count, str(total))


async def _words(port: int, token: str) -> list[list[str]]:
    found = await timelines(port, token)
    return [[word for line in several for word in TOKEN.findall(line.text)] for several in found.values()]


async def _erase(data: Path, threads: list[str]) -> None:
    """As an admin does it, while the desk runs."""
    async with _connected(data) as connection:
        rows = await connection.fetch(
            "select distinct t.requester_id from seat s join ticket t on t.conversation_id = s.conversation_id"
            " where s.place_key like any($1)",
            [f"%{thread}%" for thread in threads],
        )
    if len(rows) != len(threads):
        raise RuntimeError(f"{len(threads)} visitors, {len(rows)} people")
    settings = Settings(_env_file=None, data=data, database_url=SecretStr(""))
    async with reached(settings) as there:
        opened = await there.desk()
        for row in rows:
            async with opened.unit() as uow:
                await erase(uow, SYSTEM, row["requester_id"])


@asynccontextmanager
async def _connected(data: Path) -> AsyncIterator[Any]:
    import asyncpg

    address = await attach(data)
    assert address is not None
    connection = await asyncpg.connect(address.dsn, timeout=10)
    try:
        yield connection
    finally:
        await connection.close()


async def _deskbell(data: Path, *words: str) -> float:
    """A command of the desk; how long it took, in seconds."""
    began = time.monotonic()
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", *words),
        env=plain_environment() | {"PYTHONPATH": str(ROOT), "DESKBELL_DATA": str(data)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(LONGEST):
        said, _nothing = await child.communicate()
    if child.returncode:
        raise RuntimeError(f"deskbell {words[0]}: {said.decode()[-800:]}")
    return time.monotonic() - began


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.restore", description=__doc__)
    parser.add_argument("--tickets", type=int, default=10_000, help="of the demo desk beneath")
    parser.add_argument("--visitors", type=int, default=30)
    parser.add_argument("--rate", type=float, default=20.0, help="messages a second")
    parser.add_argument("--append", type=Path, help="where the figures are added")
    parser.add_argument("--quick", action="store_true", help="a desk of 10 tickets, 4 visitors")
    parser.add_argument("--json", action="store_true", help="nothing but the last line, as always")
    given = parser.parse_args()
    size = (10, 4, 10.0) if given.quick else (given.tickets, given.visitors, given.rate)
    found = asyncio.run(measure(*size))
    lines.add(given.append, found)
    print(json.dumps(found))
    bad = ("lost", "doubled", "reordered", "invented", "too_new", "undead", "changed")
    return 1 if any(found[one] for one in bad) else 0


if __name__ == "__main__":
    sys.exit(main())
