"""A flood from one visitor beside ordinary visitors: does it slow them down?

`python -m benchmarks.flood [--quick] [--json]`. Over HTTP without a socket, on a real
database: ordinary visitors send at a steady pace, first alone, then while 10,000 messages come
from one visitor and one address. In five rounds, each alone and then beside a fifth of the
flood; `ratio` is the median 95th percentile beside the flood to the median without. The flood
pours 500 messages a second through the app itself, without a client library, so that what it
costs is the desk's cost.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

try:
    import httpx
    from httpx import ASGITransport
except ModuleNotFoundError as missing:
    sys.exit(f"benchmarks.flood needs {missing.name}, which comes with `sh tools/setup.sh dev`.")
from starlette.applications import Starlette
from starlette.routing import Mount

from adapters.files.disk import DiskStore
from adapters.local.bus import LocalBus
from adapters.postgres import temporary
from adapters.webchat import make, tokens
from bot import migrate
from bot.router import Router
from core.crypto.fields import new_key
from core.crypto.keys import MasterKey
from core.db import Database
from core.desk import Desk
from core.guard import guard

BASE = "http://bench/chat/webchat/"
PACE = 0.05
ROUNDS = 5
FLOOD_PER_S = 500.0


async def measure(flood: int, ordinary: int) -> dict[str, Any]:
    """The figures, as one JSON object."""
    with temporary() as server, tempfile.TemporaryDirectory() as folder:
        db = Database(await server.create_database("flood"), pool=20)
        await migrate.to_head(db.engine)
        desk = await Desk.open(db, DiskStore(Path(folder)), LocalBus(), [MasterKey(new_key())])
        chat = make(desk, {})
        running = asyncio.create_task(chat.run(Router(desk, guard=guard).deliver))
        app = Starlette(routes=[Mount("/chat/webchat", chat.http)])
        rounds = []
        try:
            await _ordinary(desk, app, 40)  # what is slow the first time is no flood's fault
            for _n in range(ROUNDS):
                rounds.append(await _round(desk, app, flood // ROUNDS, ordinary // ROUNDS))
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await db.close()
    alone = median(one["alone"] for one in rounds)
    during = median(one["during"] for one in rounds)
    return {
        "flood": flood,
        "answers": dict(sum((Counter(one["answers"]) for one in rounds), Counter())),
        "flood_per_s": round(median(one["per_s"] for one in rounds)),
        "p95_ms": {"alone": alone, "during": during},
        "ratio": round(during / alone, 2),
        "rounds": [[one["alone"], one["during"]] for one in rounds],
    }


async def _round(desk: Desk, app: Starlette, flood: int, ordinary: int) -> dict[str, Any]:
    """Alone, then beside the flood, close together: what else the machine does hits both."""
    alone = await _ordinary(desk, app, ordinary)
    wave = asyncio.create_task(_flood(desk, app, flood))
    during: list[float] = []
    while not wave.done() or len(during) < ordinary:
        during += await _ordinary(desk, app, 10)
    answers, seconds = await wave
    return {"alone": _p95(alone), "during": _p95(during), "answers": answers, "per_s": flood / seconds}


async def _ordinary(desk: Desk, app: Starlette, count: int) -> list[float]:
    """Visitors with an address and a matter of their own, one message each PACE seconds."""
    taken: list[float] = []

    async def one(number: int) -> None:
        await asyncio.sleep(number * PACE)
        transport = ASGITransport(app=app, client=(f"198.51.100.{number % 250}", 1))
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as http:
            headers = _headers(desk)
            body = _body(desk, headers, f"An ordinary question of its own, {uuid4()}")
            began = time.perf_counter()
            answer = await http.post(f"conversations/{uuid4()}/messages", json=body, headers=headers)
            taken.append(time.perf_counter() - began)
            assert answer.status_code == 200, answer.text

    await asyncio.gather(*(one(number) for number in range(count)))
    return taken


async def _flood(desk: Desk, app: Starlette, count: int) -> tuple[dict[str, int], float]:
    answers: dict[str, int] = {}
    headers, thread = _headers(desk), uuid4()
    began = time.perf_counter()

    async def one(number: int) -> None:
        status = await _post(
            app,
            f"/chat/webchat/conversations/{thread}/messages",
            headers,
            _body(desk, headers, f"buy now {number}"),
        )
        answers[str(status)] = answers.get(str(status), 0) + 1

    async with asyncio.TaskGroup() as group:
        for number in range(count):
            group.create_task(one(number))
            await asyncio.sleep(max(0.0, began + number / FLOOD_PER_S - time.perf_counter()))
    return answers, time.perf_counter() - began


async def _post(app: Starlette, path: str, headers: dict[str, str], body: dict[str, str]) -> int:
    """A request without a client library: what the flood costs should be the desk's cost."""
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "root_path": "",
        "query_string": b"",
        "headers": [(b"host", b"bench"), *((k.encode(), v.encode()) for k, v in headers.items())],
        "client": ("192.0.2.66", 1),
    }
    status: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": json.dumps(body).encode()}

    async def send(message: Any) -> None:
        status.extend([message["status"]] if "status" in message else [])

    await app(scope, receive, send)
    return status[0]


def _headers(desk: Desk) -> dict[str, str]:
    token = tokens.issue(desk.means.keys.signing, tokens.new_visitor())
    return {"authorization": f"Bearer {token}"}


def _body(desk: Desk, headers: dict[str, str], text: str) -> dict[str, str]:
    visitor = headers["authorization"].removeprefix("Bearer ").split(".")[0]
    form = tokens.new_form(desk.means.keys.signing, visitor, time.time() - 60)
    return {"id": str(uuid4()), "text": text, "form": form}


def _p95(seconds: list[float]) -> float:
    return round(sorted(seconds)[int(len(seconds) * 0.95)] * 1000, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="2,000 messages instead of 10,000")
    parser.add_argument("--json", action="store_true", help="only the figures, as JSON")
    given = parser.parse_args()
    found = asyncio.run(measure(2_000 if given.quick else 10_000, 100 if given.quick else 300))
    if not given.json:
        print(f"flood of {found['flood']}: answers {found['answers']}, {found['flood_per_s']} a second")
        print(f"others' p95: {found['p95_ms']['alone']} ms alone, {found['p95_ms']['during']} ms during")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
