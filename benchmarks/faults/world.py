"""A desk in parts with three platforms and visitors, some runs of faults in it, and the end when all is quiet."""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scale import Place, parts_of, parts_with, redis_of, redis_program
from supervise import Supervisor

from adapters.postgres import start
from benchmarks.faults.bucket import Bucket, Shared
from benchmarks.faults.checks import recorded, shown
from benchmarks.faults.clock import Clock
from benchmarks.faults.engines import Postgres, Redis
from benchmarks.faults.parts import Parts
from benchmarks.faults.script import RUN_SECONDS, plan, plan_of_bucket
from benchmarks.faults.sides import Pair, Visitors
from benchmarks.faults.strikes import Strikes, Struck
from benchmarks.kill import desk
from benchmarks.kill.discord import DiscordSide
from benchmarks.kill.judge import Finding, Verdict
from benchmarks.kill.people import People
from benchmarks.kill.program import answers, free_port, plain_environment
from benchmarks.kill.slack import SlackSide
from benchmarks.kill.telegram import TelegramSide
from benchmarks.kill.words import Ledger, Word
from bot import secrets

HOLD = 1
SAYS = {"slack": 3, "discord": 3, "telegram": 3, "webchat": 3}
"""Things said or done by the people of each platform in a run, beside the probes."""
SETTINGS = {
    "messages_per_minute": 600,
    "address_per_minute": 6000,
    "same_text_per_hour": 1000,
    "live_chat": False,
}
"""Budgets that a benchmark does not exceed."""
QUIET_SECONDS = 12.0
DRAIN_SECONDS = 60.0
MOST_DRAIN_SECONDS = 300.0
PROBE_SECONDS = 90.0


@dataclass(slots=True)
class Outcome:
    runs: int
    verdict: Verdict
    struck: list[Struck]
    recoveries: tuple[list[float], list[float]]
    rows: desk.Rows | None
    seconds: float
    notes: dict[str, Any] = field(default_factory=dict)
    stories: list[str] = field(default_factory=list)


class NoRedis(Exception):
    """There is no Redis on this machine."""


class World:
    """Everything that stands, and everybody who talks."""

    def __init__(self, folder: Path, seed: int, say: Callable[[str], None], storage: str = "disk") -> None:
        self.folder, self.seed, self.say = folder, seed, say
        self.bucket = Bucket() if storage == "s3" else None
        self.shared = Shared()
        self.ledger = Ledger(random.Random(seed + 1))
        self.sides: dict[str, Any] = {
            "slack": SlackSide(),
            "discord": DiscordSide(),
            "telegram": TelegramSide(),
        }
        self.rooms: dict[str, Any] = {name: self.sides[name] for name in ("slack", "discord")}
        self.seen: dict[tuple[str, str], float] = {}
        """When a room showed a token first."""
        self.parts: Parts
        self.ended: Counter[str] = Counter()
        self._stirred = asyncio.Event()
        self._probes = 0

    async def run(self, seeds: range) -> Outcome:
        began = time.monotonic()
        async with AsyncExitStack() as stack:
            await self._open(stack)
            self.say(f"up after {time.monotonic() - began:.0f} s")
            await self._begin()
            self.say(f"people talk after {time.monotonic() - began:.0f} s")
            for seed in seeds:
                await self._run(seed)
            await self.strikes.over()
            verdict = await self._drained()
            rows = await desk.rows(self.folder / "engine")
            outcome = Outcome(
                len(seeds),
                verdict,
                self.strikes.all,
                self.strikes.recoveries(),
                rows,
                time.monotonic() - began,
                self._notes(),
            )
            outcome.stories = [*await self._stories(verdict), *await desk.stuck(self.folder / "engine")]
        return outcome

    # --- what stands

    async def _open(self, stack: AsyncExitStack) -> None:
        for side in self.sides.values():
            await side.open(self.seed)
            stack.push_async_callback(side.close)
        if self.bucket is not None:
            stack.enter_context(self.bucket.standing())
        program = redis_program()
        if program is None:
            raise NoRedis("benchmarks.faults needs a Redis: install it, or set REDIS_SERVER to its path.")
        short = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="deskbell-")))
        parts = parts_with()
        place = Place(self.folder, short, 0, parts, tuple(free_port() for _part in parts), None)
        (place.data / "log").mkdir(parents=True)
        server = await start(place.data / "engine")
        stack.push_async_callback(server.stop)
        self.postgres = Postgres(server)
        redis = Redis(redis_of(place, program), place.redis_socket)
        await redis.start()
        stack.push_async_callback(redis.stop)
        facts = {
            name: side.facts | ({} if name in self.rooms else {"room": ""})
            for name, side in self.sides.items()
        }
        secrets.make_file(place.data)
        self.token = await desk.settle(place.data, facts, HOLD, url=server.url, more=SETTINGS)
        supervisor = await stack.enter_async_context(self._supervised(place))
        clock = Clock(self.folder)
        await clock.build()
        parts = parts_of(place, self._environment(place, server.url) | clock.environment)
        self.parts = Parts(parts, supervisor)
        await supervisor.start(*parts)
        self.web_ports = [one.port for one in self.parts.of("web")]
        self.strikes = Strikes(self.parts, self.postgres, redis, clock, self.sides, self._probe, self.bucket)
        self.visitors = Visitors(self.web_ports)
        stack.push_async_callback(self.visitors.close)
        await self._connected()
        await stack.enter_async_context(_beside(self.postgres.keep(), *map(self._hears, self.rooms)))

    @asynccontextmanager
    async def _supervised(self, place: Place) -> AsyncIterator[Supervisor]:
        supervisor = Supervisor(place.data / "parts.json", self._ended)
        try:
            yield supervisor
        finally:
            await supervisor.stop()

    def _ended(self, words: str) -> None:
        if "(" in words:
            self.ended[words.partition("(")[2].partition(")")[0]] += 1

    def _environment(self, place: Place, url: str) -> dict[str, str]:
        settings = {
            "DESKBELL_DATA": str(place.data),
            "DESKBELL_LOG": "json",
            "DESKBELL_PUBLIC_URL": f"http://localhost:{place.ports[0]}",
            "DATABASE_URL": url,
            "REDIS_URL": f"unix://{place.redis_socket}",
        }
        return (
            plain_environment()
            | settings
            | (self.bucket.environment if self.bucket else {})
            | {k: v for s in self.sides.values() for k, v in s.environment.items()}
        )

    async def _connected(self) -> None:
        async with asyncio.timeout(60):
            while not all(side.connected for side in self.sides.values()):
                await asyncio.sleep(0.1)

    # --- who talks

    async def _begin(self) -> None:
        asking = {**self.sides, "webchat": self.visitors}
        before = {"slack": "slack", "discord": "discord", "telegram": "slack", "webchat": "discord"}
        self.people = {
            name: People(Pair(asking[name], self.rooms[room]), self.ledger, name.title())
            for name, room in before.items()
        }
        self.agents = [asyncio.create_task(one.claims_what_is_new()) for one in self.people.values()]
        await asyncio.gather(*(one.begin() for one in self.people.values()))

    async def _run(self, seed: int) -> None:
        planned = plan(seed, SAYS)
        # On a busy machine a part takes longer to start than a run: else none would ever be whole.
        await self.parts.up()
        began = time.monotonic()
        for strike in planned.strikes:
            self.strikes.begin(strike, strike.at)
        acting = []
        for name, people in self.people.items():
            people.run_number = seed
            # Discord tells a bot nothing of a first direct message that it missed: docs/delivery.md.
            newcomer = name in planned.newcomers and name != "discord"
            acting.append(people.act(planned.acts[name], began, newcomer=newcomer))
        if self.bucket is not None:
            refusals, files = plan_of_bucket(seed, self.people)
            for strike in refusals:
                self.strikes.begin(strike, strike.at)
            acting += [self.shared.sends(self.people[name], seed, began, at) for name, at in files.items()]
        await asyncio.gather(*acting)
        await asyncio.sleep(max(0.0, began + RUN_SECONDS - time.monotonic()))
        self.say(f"run {seed}: {len(self.strikes.all)} faults over, {len(self.ledger.words)} things said")

    async def _probe(self) -> float:
        """Somebody says something now; when both rooms show it."""
        self._probes += 1
        several = list(self.people.values())
        people = several[self._probes % len(several)]
        word = await people.says(people.requesters[0])
        with suppress(TimeoutError):
            async with asyncio.timeout(PROBE_SECONDS):
                while any((room, word.token) not in self.seen for room in self.rooms):
                    self._stirred.clear()
                    await self._stirred.wait()
                return max(self.seen[room, word.token] for room in self.rooms)
        return 0.0

    async def _hears(self, room: str) -> None:
        after = 0
        while True:
            after, texts = await self.rooms[room].news(after)
            now = time.monotonic()
            for text in texts:
                for token in (part for part in text.split() if len(part) == 9):
                    self.seen.setdefault((room, token), now)
            self._stirred.set()

    # --- the end

    async def _drained(self) -> Verdict:
        """Wait until all is as it should be, or nothing changes any more."""
        await self.parts.up()
        began = changed = time.monotonic()
        before = ""
        while True:
            await asyncio.sleep(0.5)
            verdict = await self._looked()
            rows = await desk.rows(self.folder / "engine")
            now = time.monotonic()
            waiting = self.visitors.pending + sum(side.pending for side in self.sides.values())
            state = repr((rows, waiting, [(one.kind, one.word) for one in verdict.findings]))
            if state != before:
                before, changed = state, now
            rest = rows is not None and rows.due == rows.received == 0 and waiting == 0
            if rest and not verdict.findings and now - changed > 1.5:
                return await self._with_the_record(verdict)
            if rest and now - changed > QUIET_SECONDS:
                return await self._with_the_record(verdict)
            if now - changed > DRAIN_SECONDS or now - began > MOST_DRAIN_SECONDS:
                self.say(f"not quiet after {now - began:.0f} s: {rows}, {waiting} untold")
                return await self._with_the_record(verdict)

    async def _looked(self) -> Verdict:
        chats = {who: people.side for people in self.people.values() for who in people.requesters}
        verdict = await shown(self.ledger, self.rooms, chats)
        verdict.findings += self.shared.missing(self.rooms)
        return verdict

    async def _with_the_record(self, verdict: Verdict) -> Verdict:
        for agent in self.agents:
            agent.cancel()
        await asyncio.gather(*self.agents, return_exceptions=True)
        port = await self._answering()
        verdict.findings += await recorded(self.ledger, port, self.token)
        verdict.findings += await self.shared.not_recorded(port, self.token)
        return verdict

    async def _answering(self) -> int:
        """The port of a web: one that ended for good is counted, and asked nothing."""
        for port in self.web_ports:
            if await answers(port):
                return port
        raise RuntimeError("No web answers at the end.")

    def _notes(self) -> dict[str, Any]:
        return {
            "ended": dict(self.ended),
            "ended_for_good": int(self.parts.supervisor.failed.is_set()),
            "database_ended_by_itself": self.postgres.ended_by_itself,
            "not_done": dict(self.strikes.failed),
            "logged": {name: dict(one) for name, one in self.parts.troubles().items()},
            "visitors_tries": self.visitors.tries,
            **({"files": len(self.shared.all), "refused": dict(self.bucket.refused)} if self.bucket else {}),
        }

    async def _stories(self, verdict: Verdict) -> list[str]:
        lines: list[str] = []
        for finding in verdict.findings:
            lines.append(f"{finding.kind} {finding.count}")
            lines += [f"    shows {one}" for one in finding.seen]
            if finding.word is not None:
                lines += await self._story(finding.word)
        return lines

    async def _story(self, word: Word) -> list[str]:
        lines = [
            f"    {word.kind} {word.token} v{word.version} of {word.who} in run {word.run}, {word.native}"
        ]
        lines += [f"    {at:.3f} {what}" for at, what in word.history]
        if word.native:
            lines += [f"    {one}" for one in await desk.story(self.folder / "engine", word.native)]
        return lines


def reported(finding: Finding) -> str:
    kind = finding.word.kind if finding.word else "thread"
    return f"{finding.kind} {kind}"


@asynccontextmanager
async def _beside(*works: Any) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield
    finally:
        failed = [task for task in tasks if task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for task in failed:
            await task  # It should have gone on: its error is ours.
