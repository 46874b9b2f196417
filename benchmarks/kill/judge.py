"""What was said beside what is shown: what is missing, what stands there twice, what changed places."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from benchmarks.kill.side import Line, Side
from benchmarks.kill.words import CLAIM, COMMAND, NOTE, REPLY, SAID, Ledger, Word

CLAIMED = "claimed the ticket"
NOBODY = "nobody yet"


@dataclass(slots=True)
class Finding:
    """`kind`: lost, stale (an edit that did not follow), undead (a deletion that did not), doubled,
    reordered, or leaked (a note that a requester sees)."""

    kind: str
    word: Word | None
    count: int = 1
    seen: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Verdict:
    messages: int
    findings: list[Finding]

    def count(self, *kinds: str) -> int:
        return sum(one.count for one in self.findings if one.kind in kinds)


async def judge(side: Side, ledger: Ledger, requesters: Sequence[str]) -> Verdict:
    threads = await side.threads()
    chats = {who: await side.chat(who) for who in requesters}
    room = [line for lines in threads.values() for line in lines if line.by_bot and not line.head]
    written = " ".join(line.text for lines in threads.values() for line in lines if not line.by_bot)
    findings: list[Finding] = []
    for word in ledger.of(SAID, COMMAND):
        # A command that is itself a message stands in the thread already, and is not repeated there.
        if word.kind != COMMAND or word.token not in written:
            findings += compare(word, room)
    for word in ledger.of(REPLY):
        findings += compare(word, [line for line in chats[word.who] if line.by_bot])
    for word in ledger.of(NOTE, COMMAND):
        leaked = [
            line for lines in chats.values() for line in lines if line.by_bot and word.token in line.text
        ]
        findings += [Finding("leaked", word, len(leaked), [one.text for one in leaked])] if leaked else []
    for who in requesters:
        findings += in_order(ledger.of(SAID, who=who), room)
        findings += in_order(ledger.of(REPLY, who=who), [line for line in chats[who] if line.by_bot])
    findings += _threads(ledger, threads, requesters)
    return Verdict(len(ledger.words), findings)


def thread_of(threads: dict[str, list[Line]], ledger: Ledger, who: str) -> str:
    """The thread in which this requester's words stand; empty where there is none yet."""
    tokens = [word.token for word in ledger.of(SAID, who=who)]
    for thread, lines in threads.items():
        for line in lines:
            if line.by_bot and not line.head and any(token in line.text for token in tokens):
                return thread
    return ""


def is_claimed(lines: Iterable[Line]) -> bool:
    return any(line.by_bot and CLAIMED in line.text for line in lines)


def _heads_a_claimed(lines: Sequence[Line]) -> bool:
    """A thread that was begun after the claim tells of it in its card alone."""
    return any(line.head and "With" in line.text and NOBODY not in line.text for line in lines)


def compare(word: Word, lines: Sequence[Line]) -> list[Finding]:
    found = [line for line in lines if _stands(word.token, line)]
    seen = [f"{line.native}: {line.text}" for line in found]
    if word.gone:
        return [Finding("undead", word, 1, seen)] if found else []
    if not found:
        return [Finding("lost", word)] if word.certain else []
    findings = [Finding("doubled", word, len(found) - 1, seen)] if len(found) > 1 else []
    if not any(word.mark in line.text for line in found):
        findings.append(Finding("stale", word, 1, seen))
    return findings


def _stands(token: str, line: Line) -> bool:
    """Not as the subject of a ticket, which stands behind its number on cards."""
    return any(token in part for part in line.text.split("\n") if not part.startswith("#"))


def in_order(words: Sequence[Word], lines: Sequence[Line]) -> list[Finding]:
    """How many would have to move for the order to hold."""
    places = {word.token: number for number, word in enumerate(words)}
    shown: list[int] = []
    for line in lines:
        for token, place in places.items():
            if _stands(token, line) and place not in shown:
                shown.append(place)
    kept = set(_longest_rise(shown))
    return [
        Finding("reordered", words[place], 1, [words[one].token for one in shown[max(0, at - 2) : at + 3]])
        for at, place in enumerate(shown)
        if place not in kept
    ]


def _longest_rise(numbers: Sequence[int]) -> list[int]:
    """A longest subsequence that rises."""
    tails: list[int] = []
    ends: list[int] = []
    before: dict[int, int] = {}
    for at, number in enumerate(numbers):
        place = bisect_left(tails, number)
        before[at] = ends[place - 1] if place else -1
        tails[place:] = [number, *tails[place + 1 :]]
        ends[place:] = [at, *ends[place + 1 :]]
    rise: list[int] = []
    at = ends[-1] if ends else -1
    while at >= 0:
        rise.append(numbers[at])
        at = before[at]
    return rise[::-1]


def _threads(ledger: Ledger, threads: dict[str, list[Line]], requesters: Sequence[str]) -> list[Finding]:
    """One thread for each ticket, in which a claim is told once."""
    findings: list[Finding] = []
    asked = {word.who for word in ledger.of(SAID)}
    extra = len(threads) - len(asked)
    if extra > 0:
        empty = [f"{thread}: {len(lines)} messages" for thread, lines in threads.items()]
        findings.append(Finding("doubled", None, extra, ["more threads than tickets", *empty]))
    for word in ledger.of(CLAIM):
        thread = thread_of(threads, ledger, word.who)
        told = [line for line in threads.get(thread, ()) if line.by_bot and CLAIMED in line.text]
        if len(told) > 1:
            findings.append(Finding("doubled", word, len(told) - 1, [one.text for one in told]))
        if not told and not _heads_a_claimed(threads.get(thread, ())):
            findings.append(Finding("lost", word, 1, [f"nothing tells of the claim in thread {thread}"]))
    return findings
