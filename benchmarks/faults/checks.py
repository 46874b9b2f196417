"""What was said beside what each room and chat shows, and beside what the desk has recorded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx

from benchmarks.kill.judge import Finding, Verdict, compare, in_order, judge
from benchmarks.kill.side import Line, Side
from benchmarks.kill.words import NOTE, REPLY, SAID, Ledger

MOST_PAGES = 20


class Room:
    """As one side: the room of a platform, and the chats of all requesters wherever they are."""

    def __init__(self, side: Side, chats: dict[str, Any]) -> None:
        self.side, self.chats = side, chats

    async def threads(self) -> dict[str, list[Line]]:
        return await self.side.threads()

    async def chat(self, who: str) -> list[Line]:
        return list(await self.chats[who].chat(who))


async def shown(ledger: Ledger, rooms: dict[str, Side], chats: dict[str, Any]) -> Verdict:
    """`chats` says where each requester writes. What an agent says in one room is shown in the others too."""
    findings: list[Finding] = []
    for number, (name, side) in enumerate(rooms.items()):
        found: Any = Room(side, chats)
        verdict = await judge(found, ledger, list(chats))
        # What stands in the chats is the same whichever room is looked at.
        findings += [one for one in verdict.findings if number == 0 or not _of_a_chat(one)]
        findings += _told_on(ledger, name, await side.threads())
    return Verdict(len(ledger.words), findings)


async def recorded(ledger: Ledger, port: int, token: str) -> list[Finding]:
    """The timelines as an admin's script reads them."""
    lines = await timelines(port, token)
    findings: list[Finding] = []
    for word in ledger.of(SAID, REPLY, NOTE):
        findings += compare(word, [line for several in lines.values() for line in several])
    for several in lines.values():
        tokens = " ".join(line.text for line in several)
        for kind in (SAID, REPLY):
            findings += in_order([word for word in ledger.of(kind) if word.token in tokens], several)
    for one in findings:
        one.kind = f"recorded {one.kind}"
    return findings


async def timelines(port: int, token: str) -> dict[int, list[Line]]:
    """Of the newest hundred tickets, by number. Not of those that changed last: on a large desk that has just been
    started again those are what time has closed."""
    headers = {"authorization": f"Bearer {token}"}
    address = f"http://127.0.0.1:{port}/api/v1"
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=30, trust_env=False) as web:
        page = (await web.get("/tickets", params={"limit": 100, "sort": "-number"})).raise_for_status().json()
        return {one["number"]: await _timeline(web, one["number"]) for one in page["items"]}


async def _timeline(web: httpx.AsyncClient, number: int) -> list[Line]:
    found: list[Line] = []
    before = ""
    for _page in range(MOST_PAGES):
        asked = {"limit": 200} | ({"before": before} if before else {})
        page = (await web.get(f"/tickets/{number}/messages", params=asked)).raise_for_status().json()
        here = [one for one in page["items"] if one["kind"] != "fact" and not one["deleted"]]
        found = [Line(str(one["id"]), one["text"], by_bot=True) for one in here] + found
        before = page["before"] or ""
        if not before:
            break
    return found


def _told_on(ledger: Ledger, room: str, threads: dict[str, list[Line]]) -> list[Finding]:
    """What an agent said in the thread of another room."""
    lines = [line for several in threads.values() for line in several if line.by_bot and not line.head]
    theirs = [word for word in ledger.of(REPLY, NOTE) if word.thread and word.thread not in threads]
    findings = [finding for word in theirs for finding in compare(word, lines)]
    for who in {word.who for word in theirs}:
        findings += in_order([word for word in theirs if word.who == who and word.kind == REPLY], lines)
    for one in findings:
        one.seen = [f"in the room on {room}", *one.seen]
    return findings


def _of_a_chat(finding: Finding) -> bool:
    return finding.kind == "leaked" or (finding.word is not None and finding.word.kind == REPLY)


def named(findings: Sequence[Finding]) -> str:
    return ", ".join(f"{one.kind} {one.word.token if one.word else ''}".strip() for one in findings)
