"""From a visitor's key press to the agent's page and back: `python -m benchmarks.live`.

The whole program runs in a process of its own, as `deskbell run` does, on an embedded database with
fsync on; this process plays the browsers over HTTP. A message has arrived when the other side's page
has been told by its event stream, has fetched what changed, and the words are in what it fetched.
Both pages fetch what the real ones fetch: all fragments of the ticket page, the visitor's read mark.
The hold is 0. Beside the delay stands what the program computed for a message, which other work on the
machine changes less. The floor in the same run is a bare request to /healthz.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import uvloop

from benchmarks import sampling
from benchmarks.desk_page import DeskPage
from benchmarks.web import Web, visiting

RATE = 50
VISITORS = 10
GOAL_MS = 150
PATIENCE = 20.0


@dataclass
class Side:
    """What one side waits for, and how long each message took, in milliseconds."""

    waiting: dict[str, float] = field(default_factory=dict)
    took: list[float] = field(default_factory=list)

    def sends(self) -> str:
        marker = uuid4().hex
        self.waiting[marker] = time.perf_counter()
        return marker

    def sees(self, page: str) -> None:
        now = time.perf_counter()
        for marker in [marker for marker in self.waiting if marker in page]:
            self.took.append((now - self.waiting.pop(marker)) * 1_000)

    def figures(self) -> dict[str, float]:
        ordered = sorted(self.took)
        return {
            "p50": round(statistics.median(ordered), 1),
            "p95": round(ordered[int(len(ordered) * 0.95) - 1], 1),
            "worst": round(ordered[-1], 1),
        }


@dataclass
class Talk:
    """One visitor and the agent's page of the same ticket."""

    web: Web
    thread: str
    visitor: dict[str, str]
    agent: dict[str, str]
    csrf: str
    form: str
    number: int = 0
    to_agent: Side = field(default_factory=Side)
    to_visitor: Side = field(default_factory=Side)
    after: str = ""
    looks: int = 0
    reads: int = 0
    page: DeskPage | None = None
    known: set[str] = field(default_factory=set)
    """The messages that the visitor's page has."""

    async def visitor_says(self) -> None:
        marker = self.to_agent.sends()
        body = {"id": str(uuid4()), "text": f"words {marker}", "form": self.form}
        url = f"/chat/webchat/conversations/{self.thread}/messages"
        answer = json.loads((await self.web.post(url, self.visitor, json=body)).text)
        self.known.add(answer["message"])

    async def agent_says(self) -> None:
        marker = self.to_visitor.sends()
        body = {"csrf": self.csrf, "kind": "reply", "body": f"words {marker}", "message_id": str(uuid4())}
        assert self.page is not None
        await self.page.say(body)

    async def agents_page(self, ready: asyncio.Event) -> None:
        self.page = DeskPage(self.web, self.number, self.agent, self.to_agent.sees)
        await self.page.run(ready)

    async def visitors_page(self, ready: asyncio.Event) -> None:
        """As `main.js` of the web chat: one look at a time, and the read mark after what is new."""
        url = f"/chat/webchat/conversations/{self.thread}"
        stir, read = asyncio.Event(), 0
        async with asyncio.TaskGroup() as group:
            group.create_task(self._visitor_hears(stir, ready))
            while True:
                await stir.wait()
                stir.clear()
                page = await self.web.get(f"{url}/messages", self.visitor, [("after", self.after)])
                self.looks += 1
                found = json.loads(page.text)
                self.after = found["cursor"]
                self.known |= {item["id"] for item in found["items"]}
                self.to_visitor.sees(page.text)
                if found["status"] and found["status"]["unread"] and found["status"]["read"] > read:
                    read = found["status"]["read"]
                    group.create_task(self._reads(url, read))

    async def _visitor_hears(self, stir: asyncio.Event, ready: asyncio.Event) -> None:
        stir.set()
        async for name, data in self.web.events("/chat/webchat/events", self.visitor):
            ready.set()
            said = json.loads(data).get("said") if name == "changed" else None
            if name == "ready" or (name == "changed" and (not said or said not in self.known)):
                stir.set()

    async def _reads(self, url: str, upto: int) -> None:
        self.reads += 1
        await self.web.post(f"{url}/read", self.visitor, json={"upto": upto})


async def measure(facts: dict[str, Any], seconds: float, rate: int = RATE) -> dict[str, Any]:
    """Talk for some seconds at the rate, half of it each way."""
    base, cookie, csrf, pid = (facts[name] for name in ("base", "cookie", "csrf", "pid"))
    async with visiting(base) as web:
        floor = await _floor(web)
        talks = await asyncio.gather(*(_begin(web, cookie, csrf) for _visitor in range(VISITORS)))
        for number, talk in enumerate(talks, 1):
            # The desk is new: its tickets are counted from one.
            await talk.visitor_says()
            talk.number = number
            talk.to_agent.waiting.clear()
        pages = await _open_pages(talks)
        before = _cpu_seconds(pid)
        sent = await _drive(talks, seconds, rate)
        await _until_arrived(talks)
        cpu = _cpu_seconds(pid) - before
        for page in pages:
            page.cancel()
        await asyncio.gather(*pages, return_exceptions=True)
    to_agent, to_visitor = Side(), Side()
    for talk in talks:
        to_agent.took += talk.to_agent.took
        to_visitor.took += talk.to_visitor.took
    lost = sum(len(talk.to_agent.waiting) + len(talk.to_visitor.waiting) for talk in talks)
    worst = max(to_agent.figures()["p95"], to_visitor.figures()["p95"])
    fetched = sum((talk.page.fetched for talk in talks if talk.page is not None), Counter[str]())
    fetched["visitor's look"] = sum(talk.looks for talk in talks)
    fetched["visitor's read mark"] = sum(talk.reads for talk in talks)
    return {
        "messages": sent,
        "rate": rate,
        "cpu_ms_a_message": round(cpu * 1_000 / sent, 1),
        "fetches_a_message": {what: round(count / sent, 2) for what, count in fetched.most_common()},
        "lost": lost,
        "to_agent_ms": to_agent.figures(),
        "to_visitor_ms": to_visitor.figures(),
        "floor_ms": floor,
        "ratio_to_floor": round(worst / floor, 1),
        "p95_ms": worst,
        "goal_ms": GOAL_MS,
    }


def _cpu_seconds(pid: int) -> float:
    """What the program has computed so far; its database, in processes of its own, is not in it. Where
    the system does not tell, nothing is."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _floor(web: Web) -> float:
    took = []
    for _request in range(100):
        before = time.perf_counter()
        await web.get("/healthz")
        took.append((time.perf_counter() - before) * 1_000)
    return round(statistics.median(took), 2)


async def _begin(web: Web, cookie: str, csrf: str) -> Talk:
    session = json.loads((await web.post("/chat/webchat/session", json={})).text)
    # Faster than a person types is what robots are known by.
    await asyncio.sleep(2)
    visitor = {"authorization": f"Bearer {session['token']}", "accept": "application/json"}
    return Talk(web, str(uuid4()), visitor, {"cookie": cookie}, csrf, session["form"])


async def _open_pages(talks: list[Talk]) -> list[asyncio.Task[None]]:
    pages, open_ = [], []
    for talk in talks:
        for page in (talk.agents_page, talk.visitors_page):
            ready = asyncio.Event()
            pages.append(asyncio.create_task(page(ready)))
            open_.append(ready.wait())
    await asyncio.wait_for(asyncio.gather(*open_), 30)
    return pages


async def _drive(talks: list[Talk], seconds: float, rate: int) -> int:
    """One message every 1/rate seconds whatever the answers take, each way in turn."""
    said: list[asyncio.Task[None]] = []
    start = time.perf_counter()
    count = int(rate * seconds)
    for number in range(count):
        await asyncio.sleep(max(0.0, start + number / rate - time.perf_counter()))
        talk = talks[(number // 2) % len(talks)]
        said.append(asyncio.create_task(talk.visitor_says() if number % 2 else talk.agent_says()))
    await asyncio.gather(*said)
    return count


async def _until_arrived(talks: list[Talk]) -> None:
    ends = time.perf_counter() + PATIENCE
    while (
        any(talk.to_agent.waiting or talk.to_visitor.waiting for talk in talks) and time.perf_counter() < ends
    ):
        await asyncio.sleep(0.05)


# --- the program, in a process of its own -------------------------------------------------


@asynccontextmanager
async def _program(folder: Path) -> AsyncIterator[dict[str, Any]]:
    environment = os.environ | {"DESKBELL_DATA": str(folder), "DESKBELL_LOG": "json"}
    child = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.live", "--serve"],
        stdout=subprocess.PIPE,
        env=environment,
        text=True,
    )
    try:
        assert child.stdout is not None
        line = await asyncio.to_thread(child.stdout.readline)
        yield json.loads(line)
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait(20)


async def _serve() -> None:
    from bot.app import bind, compose, run
    from core import log
    from core.settings import Settings

    log.configure("json")
    settings = Settings(port=_free_port())
    listening = bind(settings)
    async with compose(settings) as app:
        facts = await _prepared(app.desk)
        sampling.sample(os.environ.get("LIVE_PROFILE", ""))

        async def announce(_app: Any) -> None:
            told = facts | {"base": f"http://127.0.0.1:{settings.port}", "pid": os.getpid()}
            print(json.dumps(told), flush=True)

        await run(app, listening, announce)


async def _prepared(desk: Any) -> dict[str, str]:
    """An agent who is signed in, and budgets that a benchmark does not exceed."""
    from starlette.requests import Request
    from starlette.responses import Response

    from core import desk_settings
    from core.people import service as people
    from webui import security, sessions

    async with desk.unit() as uow:
        await desk_settings.store(
            uow.session,
            {
                "hold_seconds": 0,
                "messages_per_minute": 600,
                "address_per_minute": 6000,
                "same_text_per_hour": 1000,
                "live_chat": False,
            },
        )
        agent = await people.add(uow, name="Bob", role="agent", email="bob@example.com", verified=True)
        response = Response()
        request = Request(
            {"type": "http", "headers": [], "client": ("127.0.0.1", 1), "method": "GET", "path": "/"}
        )
        await sessions.start(uow, request, response, agent, how="link", secure=False, strong=True)
    await desk.refresh()
    cookie = response.headers["set-cookie"].split(";")[0]
    csrf = security.csrf_token(desk.means.keys.signing, cookie.split("=", 1)[1])
    return {"cookie": cookie, "csrf": csrf}


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _main(quick: bool, rate: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        async with _program(Path(folder)) as facts:
            return await measure(facts, 8 if quick else 30, rate)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rate", type=int, default=RATE, help="messages a second")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        uvloop.run(_serve())
        return
    found = uvloop.run(_main(given.quick, given.rate))
    if not given.json:
        print(
            f"visitor to agent's page  p50 {found['to_agent_ms']['p50']} ms  p95 {found['to_agent_ms']['p95']} ms"
        )
        print(
            f"agent to visitor's page  p50 {found['to_visitor_ms']['p50']} ms  p95 {found['to_visitor_ms']['p95']} ms"
        )
        print(f"{found['cpu_ms_a_message']} ms of CPU a message; fetches {found['fetches_a_message']}")
        print(
            f"{found['messages']} messages at {found['rate']}/s, {found['lost']} lost; {found['ratio_to_floor']} times a bare request"
        )
    print(json.dumps(found))


if __name__ == "__main__":
    main()
