"""How much a desk carries: `python -m benchmarks.load [--tickets N] [--rate R] [--minutes M] [--json]`.

On a desk of N tickets, made by `deskbell demo` (or one that is there: `--data FOLDER`), people write on
Discord's stand-in and as visitors of the web chat, which is the desk's own door: one in each `--doors`. A desk room on
Slack's stand-in shows what they say, and agents have the pages of their tickets open, each of which fetches what a
browser would. Without `--rate` the rate is raised until p99 from said to committed passes 250 ms: the knee.
With it that rate is held for `--minutes`, and `--burst` sends 500 a second for ten seconds.

When a message was committed is asked of PostgreSQL afterwards (`track_commit_timestamp`), so that asking
costs nothing. Stand-ins and senders are one process, all pages are another; what they compute is told apart.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import lines
from benchmarks.load import meters
from benchmarks.load.desk import Running, commits_of, make, numbers_of, running
from benchmarks.load.looks import WARM, Looks
from benchmarks.load.pages import Pages, opened
from benchmarks.load.talk import Asker, Sent, Talk
from benchmarks.web import visiting

KNEE_MS = 250.0
STEPS = (10, 20, 30, 40, 50, 60, 80, 100, 125, 150, 200, 250, 300)
BURST = (500, 10.0)
PATIENCE = 300.0
SHARE_OF_BUSY = 0.95
REST_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Size:
    people: int
    pages: int
    step: float
    looks: int


WHOLE = Size(people=400, pages=200, step=15.0, looks=180)
QUICK = Size(people=8, pages=4, step=3.0, looks=12)


class Load:
    """The desk, those who ask, the pages that are open, and an agent who looks around."""

    def __init__(self, desk: Running, talk: Talk, looks: Looks, pages: Pages, own: int) -> None:
        self.desk, self.talk, self.looks, self.pages, self.own = desk, talk, looks, pages, own

    @property
    def pids(self) -> dict[str, int]:
        return self.desk.pids | {"pages": self.pages.pid, "standins": self.own}

    async def at(self, rate: float, seconds: float) -> dict[str, Any]:
        """One message each 1/rate seconds, whatever becomes of those before."""
        self.talk.sent.clear()
        before, used, began = meters.cpu(self.pids), meters.busy(), time.monotonic()
        held, again = meters.memory(self.pids), self.talk.again
        async with self.looks.beside():
            sending = await self._send(rate, seconds)
            sent_in = time.monotonic() - began
            now_used = meters.busy()
            await asyncio.gather(*sending)
        drained = await self._drained()
        took = time.monotonic() - began
        after = meters.cpu(self.pids)
        found = list(self.talk.sent.values())
        figures = await self._figures(found)
        spent = {name: after[name] - before.get(name, 0.0) for name in after}
        return {
            "rate": rate,
            "sent": len(found),
            "sent_a_second": round(len(found) / sent_in, 1),
            **figures,
            "sent_again": self.talk.again - again,
            "drained_after_s": round(drained, 1),
            "cpu_ms_a_message": {
                name: round(value * 1_000 / max(len(found), 1), 2)
                for name, value in meters.by_kind(spent).items()
            },
            "share_of_a_core": {name: round(value / took, 2) for name, value in spent.items()},
            "machine_busy": round((now_used[0] - used[0]) / max(now_used[1] - used[1], 0.01), 2),
            "looks": sum(map(len, self.looks.took.values())),
            "looks_ms": self.looks.figures(),
            "memory_mb": meters.by_kind(meters.memory(self.pids)),
            "memory_mb_before": meters.by_kind(held),
        }

    async def rest(self) -> dict[str, float]:
        """What share of a core each takes while pages are open and nobody says anything."""
        before = meters.cpu(self.pids)
        await asyncio.sleep(REST_SECONDS)
        after = meters.cpu(self.pids)
        return meters.by_kind({name: (after[name] - before.get(name, 0.0)) / REST_SECONDS for name in after})

    async def _send(self, rate: float, seconds: float) -> list[asyncio.Task[Sent]]:
        began, askers = time.perf_counter(), self.talk.askers
        sending: list[asyncio.Task[Sent]] = []
        for number in range(int(rate * seconds)):
            wait = began + number / rate - time.perf_counter()
            if wait > 0 or number % 20 == 0:
                await asyncio.sleep(max(0.0, wait))
            sending.append(asyncio.create_task(self.talk.says(askers[number % len(askers)])))
        return sending

    async def _drained(self) -> float:
        """Until all is shown everywhere, or nothing has been for a while."""
        began = time.monotonic()
        before, since = -1, began
        while time.monotonic() - began < PATIENCE:
            waiting = sum(_waits(one) for one in self.talk.sent.values())
            if not waiting:
                break
            if waiting != before:
                before, since = waiting, time.monotonic()
            if time.monotonic() - since > 20:
                break
            await asyncio.sleep(0.05)
        return time.monotonic() - began

    async def _figures(self, found: list[Sent]) -> dict[str, Any]:
        commits = await commits_of(self.desk, [one.native for one in found])
        for one in found:
            one.committed = commits.get(one.native, 0.0)
        said = [one for one in found if not one.refused]
        watched = [one for one in said if one.watched]
        doors = sorted({one.door for one in said})
        return {
            "commit_ms": meters.spread(one.committed - one.at for one in said if one.committed),
            "commit_ms_by_door": {
                door: meters.spread(
                    one.committed - one.at for one in said if one.committed and one.door == door
                )
                for door in doors
            },
            "page_ms": meters.spread(one.on_page - one.at for one in watched if one.on_page),
            "other_platform_ms": meters.spread(one.in_room - one.at for one in said if one.in_room),
            "refused": len(found) - len(said),
            "lost": sum(not one.committed for one in said),
            "not_in_room": sum(not one.in_room for one in said),
            "not_on_page": sum(not one.on_page for one in watched),
        }


def _waits(one: Sent) -> bool:
    return not one.refused and not (one.in_room and (one.on_page or not one.watched))


async def measure(given: Any, size: Size) -> dict[str, Any]:
    async with AsyncExitStack() as stack:
        folder = given.data or Path(stack.enter_context(TemporaryDirectory(prefix="deskbell-load-")))
        if given.data is None:
            folder.chmod(0o711)
            lines.say(f"making {given.tickets:,} tickets")
            await make(folder, given.tickets, given.messages)
        load, tickets, idle = await _opened(stack, folder, given, size)
        found = {
            "tickets": tickets,
            "processes": given.processes,
            "people": len(load.talk.askers),
            "pages": given.pages if given.pages is not None else size.pages,
            "idle_ms": idle,
            "disk_mb": round(meters.disk(folder) / 2**20),
            "rest_share_of_a_core": await load.rest(),
            "steps": [],
        }
        if given.rate is None:
            found |= await _knee(load, size, found["steps"])
        elif given.minutes:
            found["steps"].append(_told(await load.at(given.rate, given.minutes * 60)))
        if given.burst:
            found["burst"] = _told(await load.at(*BURST))
        found["ended"] = load.desk.failed
    # They tell it at their end.
    found["fetches"], found["pages_failed"] = dict(load.pages.fetched), dict(load.pages.failed)
    return found


async def _opened(
    stack: AsyncExitStack, folder: Path, given: Any, size: Size
) -> tuple[Load, int, dict[str, Any]]:
    import os

    from benchmarks.kill.discord import DiscordSide
    from benchmarks.kill.slack import SlackSide
    from core.chat import Place

    side, room = DiscordSide(), SlackSide()
    for one in (side, room):
        await one.open(1)
        stack.push_async_callback(one.close)
    place = Place(room.name, room.facts["installation"], room.facts["room"])
    pages = given.pages if given.pages is not None else size.pages
    desk = await stack.enter_async_context(
        running(folder, given.processes, side.environment | room.environment, place, max(pages, 1))
    )
    lines.say(f"up: {', '.join(desk.pids)}")
    webs = [await stack.enter_async_context(visiting(base)) for base in desk.bases]
    tickets = (await desk.ask("select count(*) from ticket"))[0][0]
    words = _words()
    looks = Looks(webs[0], desk.cookies[0], words, tickets)
    before = meters.cpu(desk.pids)
    idle: dict[str, Any] = dict(await looks.times(size.looks))
    spent = sum(meters.cpu(desk.pids).values()) - sum(before.values())
    idle["cpu_ms_a_look"] = round(spent * 1_000 / (size.looks + WARM), 1)
    lines.say(f"alone: {json.dumps(idle)}")
    talk = Talk(side, room, webs, words)
    hearing = asyncio.create_task(talk.hears())
    stack.callback(hearing.cancel)
    people = given.people or size.people
    visiting_people = people if given.doors == "webchat" else people // 2
    async with asyncio.timeout(60):
        while not (side.connected and room.connected):
            await asyncio.sleep(0.05)
    await talk.gather(people - visiting_people, visiting_people)
    await talk.begin()
    lines.say(f"{people} people have a ticket")
    open_ = await stack.enter_async_context(opened(await _pages(desk, talk.askers, pages), _seen(talk)))
    lines.say(f"{pages} pages stand")
    return Load(desk, talk, looks, open_, os.getpid()), tickets, idle


async def _pages(desk: Running, askers: list[Asker], count: int) -> list[dict[str, Any]]:
    numbers = await numbers_of(desk, [one.first for one in askers])
    for asker in askers[:count]:
        asker.watched = True
    return [
        {
            "base": desk.bases[number % len(desk.bases)],
            "cookie": desk.cookies[number],
            "number": numbers[asker.first],
        }
        for number, asker in enumerate(askers[:count])
    ]


def _seen(talk: Talk) -> Any:
    def seen(token: str, at: float) -> None:
        if (sent := talk.sent.get(token)) is not None:
            sent.on_page = at

    return seen


async def _knee(load: Load, size: Size, steps: list[dict[str, Any]]) -> dict[str, Any]:
    """The last rate that the desk carried, and what had no more to give at the first that it did not."""
    carried = 0.0
    for rate in STEPS:
        step = _told(await load.at(rate, size.step))
        steps.append(step)
        if _beyond(step):
            return {"knee_a_second": carried, "saturated": _saturated(step)}
        carried = rate
    return {"knee_a_second": carried, "saturated": []}


def _beyond(step: dict[str, Any]) -> bool:
    late = step["commit_ms"].get("p99", KNEE_MS + 1) > KNEE_MS
    return late or bool(step["lost"] or step["refused"]) or step["sent_a_second"] < step["rate"] * 0.9


def _saturated(step: dict[str, Any]) -> list[str]:
    full = [name for name, share in step["share_of_a_core"].items() if share > 0.85]
    return full + (["all cores"] if step["machine_busy"] > SHARE_OF_BUSY else [])


def _told(step: dict[str, Any]) -> dict[str, Any]:
    def short(name: str) -> str:
        one = step[name]
        return "/".join(str(one.get(share, "-")) for share in ("p50", "p95", "p99"))

    lines.say(
        f"{step['rate']:g} a second ({step['sent']} sent): commit {short('commit_ms')} ms, page {short('page_ms')},"
        f" other platform {short('other_platform_ms')}; lost {step['lost']}, refused {step['refused']},"
        f" not on page {step['not_on_page']}, not in room {step['not_in_room']};"
        f" drained after {step['drained_after_s']} s; busy {step['machine_busy']:.0%};"
        f" CPU ms a message {step['cpu_ms_a_message']}"
    )
    return step


def _words() -> list[str]:
    """Those of the demo's bulk, the most common first."""
    import random

    from bot.demo.bulk import vocabulary

    return vocabulary(random.Random(1))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--tickets", type=int, default=10_000)
    parser.add_argument("--messages", type=int, default=10, help="of each ticket")
    parser.add_argument("--data", type=Path, help="a desk that is there, instead; it is written to")
    parser.add_argument("--rate", type=float, help="messages a second; without it the knee is looked for")
    parser.add_argument("--minutes", type=float, default=5.0, help="for --rate; 0: not at all")
    parser.add_argument("--burst", action="store_true", help="500 a second for ten seconds, at the end")
    parser.add_argument("--processes", type=int, default=2, help="webs, and workers; 0: all in one")
    parser.add_argument("--people", type=int, help="who have a ticket and write")
    parser.add_argument("--pages", type=int, help="agents' pages that are open")
    parser.add_argument("--doors", choices=("both", "webchat"), default="both")
    parser.add_argument("--append", type=Path, help="where the figures are added")
    parser.add_argument("--quick", action="store_true", help="60 tickets, few people, seconds")
    parser.add_argument("--json", action="store_true", help="the last line only")
    given = parser.parse_args()
    if given.quick:
        given.tickets = min(given.tickets, 60)
        given.rate, given.minutes = given.rate or 5.0, 0.1
    found = asyncio.run(measure(given, QUICK if given.quick else WHOLE))
    lines.add(given.append, found)
    print(json.dumps(found))
    return 1 if any(step["lost"] for step in found["steps"]) else 0


if __name__ == "__main__":
    sys.exit(main())
