"""One world, one desk, many kills: the script, who acts it, and the end when all is quiet."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from benchmarks.kill import desk
from benchmarks.kill.judge import Verdict, is_claimed, judge, thread_of
from benchmarks.kill.program import Program
from benchmarks.kill.script import Act, Plan, plan
from benchmarks.kill.side import OPENING, Side
from benchmarks.kill.words import CLAIM, COMMAND, NOTE, REPLY, SAID, Ledger, Word

T = TypeVar("T")
MOST_REQUESTERS = 5
HOLD = 1
QUIET_SECONDS = 12.0
DRAIN_SECONDS = 120.0
"""Without any change: a platform that takes twenty messages a minute needs long for what has gathered."""
MOST_DRAIN_SECONDS = 900.0
CLAIM_PATIENCE = 6.0


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
        self.requesters: list[str] = []
        self.claimed: dict[str, str] = {}
        """The thread of each requester whose ticket the agent has."""
        self.run_number = 0
        self.asked_again = 0
        """Newcomers who had no answer at the end, and wrote once more."""
        self.life: list[tuple[float, str]] = []
        """When the program was killed, started, and up."""
        self._asked: dict[str, float] = {}
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
            await _until(lambda: self.side.connected, 30)
            agent = asyncio.create_task(self._claims_what_is_new())
            try:
                await self._begin()
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
                self.asked_again,
            )
            outcome.stories = await self._stories(program, verdict)
            return outcome
        finally:
            if program is not None:
                await program.end()
            await self.side.close()

    async def _runs(self, program: Program, runs: int) -> None:
        for number in range(1, runs + 1):
            self.run_number = number
            await self._run(program, plan(self.chance, self.side.burst))
            self._say(f"{self.side.name}: {number} of {runs}, {len(self.ledger.words)} things said")

    async def _begin(self) -> None:
        """Two people whose tickets an agent has, before anything goes wrong."""
        for _number in range(2):
            await self._comes()
        with suppress(TimeoutError):
            await _until(lambda: len(self.claimed) == 2, CLAIM_PATIENCE * 6)

    async def _comes(self) -> None:
        who = await self.side.joins(f"Person{len(self.requesters)}")
        self.requesters.append(who)
        await self._says(who, first=True)

    async def _run(self, program: Program, planned: Plan) -> None:
        began = time.monotonic()
        acting = asyncio.create_task(self._act(planned, began))
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

    async def _act(self, planned: Plan, began: float) -> None:
        if planned.newcomer and len(self.requesters) < MOST_REQUESTERS:
            await self._comes()
        for act in planned.acts:
            await asyncio.sleep(max(0.0, began + act.at - time.monotonic()))
            await self._does(act)

    # --- people

    async def _does(self, act: Act) -> None:
        match act.verb:
            case "say":
                await self._says(_picked(self.requesters, act.pick))
            case "edit" | "delete":
                await self._changes(act, SAID)
            case "reply_edit" | "reply_delete":
                await self._changes(act, REPLY)
            case "reply" | "note" | "command" if self.claimed:
                who = _picked(list(self.claimed), act.pick)
                await self._agent(act.verb, who, self.claimed[who])
            case _:
                pass

    async def _says(self, who: str, *, first: bool = False) -> None:
        word = self.ledger.new(SAID, who, self.run_number)
        word.native = await self.side.says(who, f"{OPENING}\n{word.text}" if first else word.text)
        word.note("said")

    async def _changes(self, act: Act, kind: str) -> None:
        """One of the last few: older ones are rarely changed, and looked for by nobody."""
        recent = [word for word in self.ledger.of(kind)[-6:] if not word.gone and word.native]
        if not recent:
            return
        word = _picked(recent, act.pick)
        if act.verb.endswith("edit"):
            await self._edits(word)
        elif self.side.deletes and word is not self.ledger.of(kind, who=word.who)[0]:
            await self._deletes(word)

    async def _edits(self, word: Word) -> None:
        word.version += 1
        first = word.kind == SAID and word is self.ledger.of(SAID, who=word.who)[0]
        text = f"{OPENING}\n{word.text}" if first else word.text
        if word.kind == SAID:
            await self.side.edits(word.who, word.native, text)
        else:
            await self.side.agent_edits(word.thread, word.native, text)
        word.note(f"edited to v{word.version}")

    async def _deletes(self, word: Word) -> None:
        word.gone = True
        if word.kind == SAID:
            await self.side.deletes_own(word.who, word.native)
        else:
            await self.side.agent_deletes(word.thread, word.native)
        word.note("deleted")

    async def _agent(self, verb: str, who: str, thread: str) -> None:
        kind = {"reply": REPLY, "note": NOTE, "command": COMMAND}[verb]
        word = self.ledger.new(kind, who, self.run_number)
        word.thread = thread
        word.note(verb)
        if kind == COMMAND:
            word.certain = False
            word.certain = await self.side.agent_commands(thread, "note", word.text)
            word.note("taken" if word.certain else "perhaps not taken")
            return
        word.native = await self.side.agent_says(thread, f"// {word.text}" if kind == NOTE else word.text)

    async def _claims_what_is_new(self) -> None:
        """An agent who claims each ticket when its thread appears, and tries again when nothing comes
        of it."""
        while True:
            await asyncio.sleep(0.3)
            threads = await self.side.threads()
            for who in list(self.requesters):
                thread = thread_of(threads, self.ledger, who)
                if not thread or who in self.claimed:
                    continue
                if is_claimed(threads[thread]):
                    self.claimed[who] = thread
                elif time.monotonic() - self._asked.get(who, 0.0) > CLAIM_PATIENCE:
                    await self._claims(who, thread)

    async def _claims(self, who: str, thread: str) -> None:
        if who not in self._asked:
            self.ledger.new(CLAIM, who, self.run_number).note(f"claimed in {thread}")
        self._asked[who] = time.monotonic()
        await self.side.agent_commands(thread, "claim")

    # --- the end

    async def _drained(self, program: Program) -> Verdict:
        """Wait until all is as it should be, or nothing changes any more."""
        await program.up()
        self._lives("up")
        began = changed = time.monotonic()
        before = ""
        while True:
            await asyncio.sleep(0.5)
            verdict = await judge(self.side, self.ledger, self.requesters)
            rows = await desk.rows(program.data)
            now = time.monotonic()
            state = repr((rows, self.side.pending, [(one.kind, one.word) for one in verdict.findings]))
            if state != before:
                before, changed = state, now
            rest = rows is not None and rows.due == rows.received == 0 and self.side.pending == 0
            if rest and not verdict.findings and now - changed > 1.5:
                return verdict
            if rest and now - changed > QUIET_SECONDS:
                if not await self._ask_again():
                    return verdict
                changed = now
            if now - changed > DRAIN_SECONDS or now - began > MOST_DRAIN_SECONDS:
                self._say(f"{self.side.name}: not quiet after {now - began:.0f} s: {rows}")
                return verdict

    async def _ask_again(self) -> bool:
        """Whoever is new and has had no answer writes once more: a platform that lists no direct
        chats tells only then that there is one."""
        threads = await self.side.threads()
        silent = [who for who in self.requesters if not thread_of(threads, self.ledger, who)]
        if self.asked_again or not silent:
            return False
        for who in silent:
            await self._says(who)
        self.asked_again = len(silent)
        return True

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


def _picked(several: Sequence[T], pick: float) -> T:
    return several[int(pick * len(several))]


async def _until(true: Callable[[], bool], seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.05)
