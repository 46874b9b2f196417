"""How long an agent waits for a page, and whether that grows with the desk.

Through HTTP, with a real server on a real socket, at 1,000, 10,000 and 100,000 tickets: the queue
of all tickets (50 rows), a ticket's page, and the search for words of every rarity, for phrases and
with filters. `growth` is p50 at the largest desk divided by p50 at the smallest.

    python -m benchmarks.views [--tickets N] [--quick] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import random
import statistics
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import uvicorn
from starlette.requests import Request
from starlette.responses import Response

from benchmarks import world
from benchmarks.world import World
from core.people import service as people
from webui import sessions
from webui.app import make_app
from webui.site import Site

SIZES = (1_000, 10_000, 100_000)
QUICK_SIZES = (500, 5_000)
DJANGO_MS = {"queue": 116, "search": 211}
"""What a common Django helpdesk needs on such a machine at 10,000 tickets."""


@dataclass(frozen=True, slots=True)
class Page:
    """One kind of page: its name, and addresses to ask for one after the other."""

    name: str
    addresses: Callable[[World, random.Random], Iterator[str]]


def _queue(made: World, chance: random.Random) -> Iterator[str]:
    while True:
        yield "/desk/queues/all"


def _ticket(made: World, chance: random.Random) -> Iterator[str]:
    while True:
        yield f"/tickets/{chance.choice(made.numbers)}"


def _search(made: World, chance: random.Random) -> Iterator[str]:
    """A person's searches: mostly words that are neither rare nor everywhere."""
    while True:
        for asked in (
            made.words[chance.randint(20, 200)],
            made.words[chance.randint(200, 2_000)],
            made.words[chance.randint(2_000, 5_999)],
            f"order{chance.choice(made.numbers) - 1}x",
            f"absent{chance.randint(0, 10**6)}",
            f"{made.words[chance.randint(0, 50)]} {made.words[chance.randint(50, 500)]}",
            f'"{made.words[chance.randint(0, 5)]} {made.words[chance.randint(0, 20)]}"',
            f"status:open {made.words[chance.randint(0, 300)]}",
            f"assignee:me {made.words[chance.randint(0, 300)]}",
            made.words[chance.randint(0, 5)],
        ):
            yield f"/search?q={quote(asked)}"


def _listed(made: World, chance: random.Random) -> Iterator[str]:
    names = ("mine", "unassigned", "my-teams", "waiting", "snoozed")
    while True:
        yield f"/desk/queues/{chance.choice(names)}"


PAGES = (
    Page("queue", _queue),
    Page("ticket", _ticket),
    Page("search", _search),
    Page("other queues", _listed),
)


async def main(sizes: tuple[int, ...], quick: bool, as_json: bool) -> None:
    results: dict[str, dict[str, dict[str, float]]] = {page.name: {} for page in PAGES}
    async with world.server() as server:
        for tickets in sizes:
            async with world.empty(server, f"views{tickets}") as made:
                await world.fill(made, tickets, progress=_said if not as_json else _quiet)
                async with _served(made) as ask:
                    for page in PAGES:
                        took = await asyncio.to_thread(_measure, ask, page, made, 60 if quick else 300)
                        results[page.name][str(tickets)] = _figures(took)
                        print(f"{tickets:>9,} tickets  {page.name:13} {_line(took)}", flush=True)
    summary = _summary(results)
    for name, growth in summary["growth"].items():
        print(f"growth of {name}: {growth}")
    if as_json:
        print(json.dumps(summary))


@asynccontextmanager
async def _served(made: World) -> AsyncIterator[Callable[[str], float]]:
    """The web of a desk on a port of its own, and an agent's browser that is signed in."""
    cookie = await _signed_in(made)
    app = make_app(Site(desk=made.desk, public_url="http://127.0.0.1"))
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, log_config=None, access_log=False, lifespan="off", loop="none")
    )
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def ask(address: str) -> float:
        began = time.perf_counter()
        connection.request("GET", address, headers={"Cookie": cookie, "Accept": "text/html"})
        answer = connection.getresponse()
        body = answer.read()
        took = time.perf_counter() - began
        if answer.status != 200 or not body:
            raise RuntimeError(f"{address}: {answer.status}")
        return took

    try:
        yield ask
    finally:
        connection.close()
        server.should_exit = True
        await running


async def _signed_in(made: World) -> str:
    response = Response()
    request = Request(
        {"type": "http", "headers": [], "client": ("127.0.0.1", 1), "method": "GET", "path": "/"}
    )
    async with made.desk.unit() as uow:
        agent = await people.get(uow, made.agents[1])
        await sessions.start(uow, request, response, agent, how="link", secure=False, strong=True)
    return response.headers["set-cookie"].split(";")[0]


def _measure(ask: Callable[[str], float], page: Page, made: World, times: int) -> list[float]:
    addresses = page.addresses(made, random.Random(7))
    for _ in range(20):
        ask(next(addresses))
    return [ask(next(addresses)) for _ in range(times)]


def _figures(took: list[float]) -> dict[str, float]:
    return {
        "p50_ms": round(statistics.median(took) * 1000, 2),
        "p95_ms": round(statistics.quantiles(took, n=20)[18] * 1000, 2),
    }


def _line(took: list[float]) -> str:
    figures = _figures(took)
    return f"p50 {figures['p50_ms']:7.2f} ms   p95 {figures['p95_ms']:7.2f} ms"


def _summary(results: dict[str, dict[str, dict[str, float]]]) -> dict[str, Any]:
    growth, faster = {}, {}
    for name, by_size in results.items():
        ordered = [by_size[size]["p50_ms"] for size in sorted(by_size, key=int)]
        growth[name] = round(ordered[-1] / ordered[0], 2)
        if name in DJANGO_MS and "10000" in by_size:
            faster[name] = round(DJANGO_MS[name] / by_size["10000"]["p50_ms"], 1)
    return {"pages": results, "growth": growth, "times_faster_than_django": faster}


def _said(line: str) -> None:
    print(f"  {line}", end="\r", flush=True)


def _quiet(line: str) -> None:
    return


def run() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.views", description=__doc__)
    parser.add_argument(
        "--tickets", type=int, help="a largest desk of so many tickets, beside the usual ones"
    )
    parser.add_argument("--quick", action="store_true", help="small desks, few requests")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    given = parser.parse_args()
    sizes = QUICK_SIZES if given.quick else SIZES
    if given.tickets:
        sizes = tuple(sorted({size for size in sizes if size < given.tickets} | {given.tickets}))
    try:
        import uvloop

        uvloop.run(main(sizes, given.quick, given.json))
    except ImportError:  # Windows
        asyncio.run(main(sizes, given.quick, given.json))


if __name__ == "__main__":
    run()
