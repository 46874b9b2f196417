"""The people of one side: who writes, who answers, and who claims what is new."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeVar

from benchmarks.kill.judge import is_claimed, thread_of
from benchmarks.kill.script import Act
from benchmarks.kill.side import OPENING, Side
from benchmarks.kill.words import CLAIM, COMMAND, NOTE, REPLY, SAID, Ledger, Word

T = TypeVar("T")
MOST_REQUESTERS = 5
CLAIM_PATIENCE = 6.0


class People:
    """Requesters and an agent, who act what a script says; what they said goes into the ledger."""

    def __init__(self, side: Side, ledger: Ledger, title: str = "Person") -> None:
        self.side, self.ledger, self.title = side, ledger, title
        self.requesters: list[str] = []
        self.claimed: dict[str, str] = {}
        """The thread of each requester whose ticket the agent has."""
        self.run_number = 0
        self.asked_again = 0
        """Newcomers who had no answer at the end, and wrote once more."""
        self._asked: dict[str, float] = {}

    async def begin(self) -> None:
        """Two people whose tickets an agent has, before anything goes wrong."""
        for _number in range(2):
            await self.comes()
        with suppress(TimeoutError):
            await until(lambda: len(self.claimed) == 2, CLAIM_PATIENCE * 6)

    async def comes(self) -> None:
        who = await self.side.joins(f"{self.title}{len(self.requesters)}")
        self.requesters.append(who)
        await self.says(who, first=True)

    async def act(self, acts: Sequence[Act], began: float, *, newcomer: bool = False) -> None:
        if newcomer and len(self.requesters) < MOST_REQUESTERS:
            await self.comes()
        for act in acts:
            await asyncio.sleep(max(0.0, began + act.at - time.monotonic()))
            await self._does(act)

    async def _does(self, act: Act) -> None:
        match act.verb:
            case "say":
                await self.says(_picked(self.requesters, act.pick))
            case "edit" | "delete":
                await self._changes(act, SAID)
            case "reply_edit" | "reply_delete":
                await self._changes(act, REPLY)
            case "reply" | "note" | "command" if self.claimed:
                who = _picked(list(self.claimed), act.pick)
                await self._agent(act.verb, who, self.claimed[who])
            case _:
                pass

    async def says(self, who: str, *, first: bool = False) -> Word:
        word = self.ledger.new(SAID, who, self.run_number)
        word.native = await self.side.says(who, f"{OPENING}\n{word.text}" if first else word.text)
        word.note("said")
        return word

    async def _changes(self, act: Act, kind: str) -> None:
        """One of the last few: older ones are rarely changed, and looked for by nobody."""
        recent = [word for word in self._own(kind)[-6:] if not word.gone and word.native]
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

    async def claims_what_is_new(self) -> None:
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

    async def ask_again(self) -> bool:
        """Whoever is new and has had no answer writes once more: a platform that lists no direct
        chats tells only then that there is one."""
        threads = await self.side.threads()
        silent = [who for who in self.requesters if not thread_of(threads, self.ledger, who)]
        if self.asked_again or not silent:
            return False
        for who in silent:
            await self.says(who)
        self.asked_again = len(silent)
        return True

    def _own(self, kind: str) -> list[Word]:
        return [word for word in self.ledger.of(kind) if word.who in self.requesters]


def _picked(several: Sequence[T], pick: float) -> T:
    return several[int(pick * len(several))]


async def until(true: Callable[[], bool], seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.05)
