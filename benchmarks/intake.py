"""How fast a message gets through the whole door: router, engine, encryption, index, commit.

Beside it, in the same run, on the same embedded database with fsync on, two floors: asyncpg and
the SQLAlchemy ORM, each writing four plain rows in one transaction. Rounds of the three take
turns, so that a slow moment of the machine hits all of them.

    python -m benchmarks.intake [--quick] [--json] [--profile]
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import asyncpg
from sqlalchemy import BigInteger, LargeBinary, Text
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, mapped_column

from benchmarks import world
from bot.router import Router
from core import clock
from core import guard as spam
from core.chat import Place, Said, Sender
from core.desk import Desk
from core.ids import new_id

AT_ONCE = (1, 16)
TEXT = (
    "Hello, my order {number} arrived yesterday but the front light flickers when I ride over bumps. "
    "I have already tried another battery and cleaned the contacts, without any luck. Can you help me?"
)
Work = Callable[[int], Awaitable[None]]
"""One transaction of a worker, who is told by number."""


@dataclass(slots=True)
class Measured:
    """Seconds of each transaction, and how many there were a second in each round."""

    seconds: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return statistics.median(self.rates)

    @property
    def p95(self) -> float:
        """Milliseconds."""
        return statistics.quantiles(self.seconds, n=20)[18] * 1000


class Plain(DeclarativeBase):
    pass


def _table(name: str) -> type[Plain]:
    columns = {"id": mapped_column(Text, primary_key=True), "note": mapped_column(Text),
               "body": mapped_column(LargeBinary), "count": mapped_column(BigInteger)}  # fmt: skip
    return type(name.title(), (Plain,), {"__tablename__": name, **columns})


TABLES = [_table(f"floor_{letter}") for letter in "abcd"]
BODY = os.urandom(250)


async def main(quick: bool, as_json: bool, profile: bool) -> None:
    rounds, seconds = (2, 1.5) if quick else (5, 4.0)
    async with world.server() as server, world.empty(server, "intake") as made:
        await _grown(made, quick)
        floors = await _floors(made.url)
        works = {
            "asyncpg": floors.by_asyncpg,
            "orm": floors.by_orm,
            "door": _door(made.desk, new=False),
            "door, new": _door(made.desk, new=True),
        }
        results: dict[int, dict[str, Measured]] = {}
        for at_once in AT_ONCE:
            results[at_once] = {name: Measured() for name in works}
            for work in works.values():
                await _run(work, at_once, 0.4)
            for _round in range(rounds):
                for name, work in works.items():
                    await _run(work, at_once, seconds, results[at_once][name])
            _tell(at_once, results[at_once])
        if profile:
            await _profiled(works["door"])
        await floors.close()
    if as_json:
        print(json.dumps(_summary(results)))


async def _grown(made: world.World, quick: bool) -> None:
    """Not an empty desk: indexes have a size."""
    await world.fill(made, 500 if quick else 5_000)


def _door(desk: Desk, *, new: bool) -> Work:
    """Each worker is a requester in a place; with `new`, every message comes from a new place."""
    router = Router(desk, guard=spam.guard)
    numbers = itertools.count()
    run = new_id().hex

    async def deliver(worker: int) -> None:
        number = next(numbers)
        who = f"{run}-{worker}"
        answer = await router.deliver(
            Said(
                place=Place("telegram", "bench", who, str(number) if new else "one"),
                sender=Sender(external=who, name=f"Requester {worker}", locale="en"),
                native=f"{run}{number}",
                at=clock.now(),
                text=TEXT.format(number=number),
            )
        )
        if answer.ticket is None:
            raise RuntimeError("the message did not reach a ticket")

    return deliver


class Floors:
    """What the same machine and the same database can do at most with four rows."""

    def __init__(self, pool: asyncpg.Pool, url: str) -> None:
        self.pool = pool
        self.engine = create_async_engine(url, pool_size=max(AT_ONCE))
        self.sessions = async_sessionmaker(self.engine, expire_on_commit=False, autoflush=False)

    async def by_asyncpg(self, worker: int) -> None:
        async with self.pool.acquire() as connection, connection.transaction():
            for table in TABLES:
                await connection.execute(
                    f"insert into {table.__tablename__} (id, note, body, count) values ($1, $2, $3, $4)",
                    new_id().hex, "done", BODY, 7,
                )  # fmt: skip

    async def by_orm(self, worker: int) -> None:
        async with self.sessions() as session:
            session.add_all([table(id=new_id().hex, note="done", body=BODY, count=7) for table in TABLES])
            await session.commit()

    async def close(self) -> None:
        await self.engine.dispose()
        await self.pool.close()


async def _floors(url: str) -> Floors:
    pool = await asyncpg.create_pool(
        url.replace("+asyncpg", ""), min_size=max(AT_ONCE), max_size=max(AT_ONCE)
    )
    floors = Floors(pool, url)
    async with floors.engine.begin() as connection:
        await connection.run_sync(Plain.metadata.create_all)
    return floors


async def _run(work: Work, at_once: int, seconds: float, into: Measured | None = None) -> None:
    end = time.perf_counter() + seconds
    took: list[float] = []

    async def worker(number: int) -> None:
        while (began := time.perf_counter()) < end:
            await work(number)
            took.append(time.perf_counter() - began)

    began = time.perf_counter()
    await asyncio.gather(*(worker(number) for number in range(at_once)))
    if into is not None:
        into.seconds += took
        into.rates.append(len(took) / (time.perf_counter() - began))


def _tell(at_once: int, results: dict[str, Measured]) -> None:
    print(f"{at_once} at once:")
    for name, measured in results.items():
        ratio = f"{measured.rate / results['orm'].rate:5.2f} of orm, {measured.rate / results['asyncpg'].rate:4.2f} of asyncpg"
        print(f"  {name:10} {measured.rate:7.0f} /s   p95 {measured.p95:6.2f} ms   {ratio}")


def _summary(results: dict[int, dict[str, Measured]]) -> dict[str, dict[str, float]]:
    def each(value: Callable[[dict[str, Measured]], float]) -> dict[str, float]:
        return {str(at_once): round(value(measured), 3) for at_once, measured in results.items()}

    return {
        "ratio_orm": each(lambda m: m["door"].rate / m["orm"].rate),
        "ratio_asyncpg": each(lambda m: m["door"].rate / m["asyncpg"].rate),
        "tx_s": each(lambda m: m["door"].rate),
        "p95_ms": each(lambda m: m["door"].p95),
    }


async def _profiled(work: Work) -> None:
    """Where the time of our own process goes, with 16 at once."""
    import cProfile
    import pstats

    profiler = cProfile.Profile()
    profiler.enable()
    await _run(work, 16, 5)
    profiler.disable()
    pstats.Stats(profiler).sort_stats("tottime").print_stats(45)


def run() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.intake", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="seconds instead of minutes")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--profile", action="store_true", help="also say where the time goes")
    given = parser.parse_args()
    try:
        import uvloop

        uvloop.run(main(given.quick, given.json, given.profile))
    except ImportError:  # Windows
        asyncio.run(main(given.quick, given.json, given.profile))


if __name__ == "__main__":
    run()
