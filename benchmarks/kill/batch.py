"""One world, one desk, many kills: the script, who acts it, and the end when all is quiet."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.kill import desk
from benchmarks.kill.judge import Verdict, judge
from benchmarks.kill.people import People, until
from benchmarks.kill.program import Program
from benchmarks.kill.script import Plan, plan
from benchmarks.kill.side import Side
from benchmarks.kill.words import Ledger, Word

HOLD = 1
QUIET_SECONDS = 12.0
DRAIN_SECONDS = 120.0
"""Without any change: a platform that takes twenty messages a minute needs long for what has gathered."""
MOST_DRAIN_SECONDS = 900.0


@dataclass(slots=True)
class Outcome:
    runs: int
    kills: int
    verdict: Verdict
    struck: dict[str, int]
    troubles: Counter[str]
    ended_by_itself: int
    rows: desk.Rows | None
    seconds: float
    asked_again: int
    stories: list[str] = field(default_factory=list)


class Batch:
    """A desk with one platform, and the people of it."""

    def __init__(
        self, side: Side, folder: Path, seed: int, settling: asyncio.Lock, say: Callable[[str], None]
    ) -> None:
        self.side = side
        self.folder = folder
        self.chance = random.Random(seed)
        self.seed = seed
        self.settling = settling
        """One at a time: the migrations know one database for each process."""
        self.ledger = Ledger(random.Random(seed + 1))
        self.people = People(side, self.ledger)
        self.life: list[tuple[float, str]] = []
        """When the program was killed, started, and up."""
        self._say = say

    async def run(self, runs: int) -> Outcome:
        began = time.monotonic()
        await self.side.open(self.seed)
        program: Program | None = None
        try:
            program = Program(self.folder, self.side.environment)
            async with self.settling:
                await desk.settle(program.data, {self.side.name: self.side.facts}, HOLD)
            program.start()
            await program.up()
            await until(lambda: self.side.connected, 30)
            agent = asyncio.create_task(self.people.claims_what_is_new())
            try:
                await self.people.begin()
                self.side.misbehave()
                await self._runs(program, runs)
                self.side.behave()
                verdict = await self._drained(program)
            finally:
                agent.cancel()
                with suppress(asyncio.CancelledError):
                    await agent
            outcome = Outcome(
                runs,
                program.kills,
                verdict,
                self.side.struck,
                program.troubles(),
                program.ended_by_itself,
                await desk.rows(program.data),
                time.monotonic() - began,
                self.people.asked_again,
            )
            outcome.stories = await self._stories(program, verdict)
            return outcome
        finally:
            if program is not None:
                await program.end()
            await self.side.close()

    async def _runs(self, program: Program, runs: int) -> None:
        for number in range(1, runs + 1):
            self.people.run_number = number
            await self._run(program, plan(self.chance, self.side.burst))
            self._say(f"{self.side.name}: {number} of {runs}, {len(self.ledger.words)} things said")

    async def _run(self, program: Program, planned: Plan) -> None:
        began = time.monotonic()
        acting = asyncio.create_task(self.people.act(planned.acts, began, newcomer=planned.newcomer))
        await asyncio.sleep(planned.kill_at)
        await program.kill(with_database=planned.with_database)
        self._lives("killed with its database" if planned.with_database else "killed")
        await asyncio.sleep(planned.down)
        program.start()
        self._lives("started")
        if planned.waits:
            await program.up()
            self._lives("up")
        await acting
        await asyncio.sleep(planned.rest)

    def _lives(self, what: str) -> None:
        self.life.append((time.time(), what))

    # --- the end

    async def _drained(self, program: Program) -> Verdict:
        """Wait until all is as it should be, or nothing changes any more."""
        await program.up()
        self._lives("up")
        began = changed = time.monotonic()
        before = ""
        while True:
            await asyncio.sleep(0.5)
            verdict = await judge(self.side, self.ledger, self.people.requesters)
            rows = await desk.rows(program.data)
            now = time.monotonic()
            state = repr((rows, self.side.pending, [(one.kind, one.word) for one in verdict.findings]))
            if state != before:
                before, changed = state, now
            rest = rows is not None and rows.due == rows.received == 0 and self.side.pending == 0
            if rest and not verdict.findings and now - changed > 1.5:
                return verdict
            if rest and now - changed > QUIET_SECONDS:
                if not await self.people.ask_again():
                    return verdict
                changed = now
            if now - changed > DRAIN_SECONDS or now - began > MOST_DRAIN_SECONDS:
                self._say(f"{self.side.name}: not quiet after {now - began:.0f} s: {rows}")
                return verdict

    async def _stories(self, program: Program, verdict: Verdict) -> list[str]:
        """Each finding with all that is known of it."""
        lines: list[str] = []
        for finding in verdict.findings:
            word = finding.word
            lines.append(f"{self.side.name} seed {self.seed}: {finding.kind} {finding.count}")
            lines += [f"    shows {one}" for one in finding.seen]
            if word is None:
                continue
            lines.append(
                f"    {word.kind} {word.token} v{word.version} of {word.who} in run {word.run}, {word.native}"
            )
            lines += [f"    {at:.3f} {what}" for at, what in sorted([*word.history, *self._around(word)])]
            lines += [f"    beside it: {one}" for one in await self._beside(word)]
            if word.native:
                lines += [f"    {one}" for one in await desk.story(program.data, word.native)]
        return lines

    async def _beside(self, word: Word) -> list[str]:
        """What stands after it where it was said: perhaps why it was refused."""
        here = await self.side.chat(word.who)
        if word.thread:
            here = (await self.side.threads()).get(word.thread, [])
        at = next((number for number, line in enumerate(here) if line.native == word.native), None)
        after = here[at : at + 8] if at is not None else []
        return [f"{line.native} {'bot' if line.by_bot else 'person'}: {line.text[:90]!r}" for line in after]

    def _around(self, word: Word) -> list[tuple[float, str]]:
        """What happened to the program shortly before and after."""
        first, last = word.history[0][0] - 8.0, word.history[-1][0] + 15.0
        return [(at, f"(program {what})") for at, what in self.life if first < at < last]
