"""What a call costs, how soon a picture is there, and whether recordings miss anything.

In one run, with the same packets (1 Mbit/s of pictures, 32 kbit/s of sound each way): aiortc's
MediaRelay with decoding and encoding, our engine, our engine recording, and an empty forwarder of
datagrams as the floor. Their rounds take turns. The cost of a packet is its processor time, and a
call is so many packets a second: a busy machine that delays senders does not change the figures
much. Real browsers show the time to the first picture, and how long they need to come back after
five seconds without network; where the program `janus` is installed, the same two browsers also
talk through its VideoCall plugin.

    python -m benchmarks.calls [--quick] [--json] [--soak [MINUTES]]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import uuid4

from aiortc.rtcdtlstransport import RTCCertificate

from benchmarks.callers import RATE, Caller, Plain, media

CALLS = 6
"""Calls at once through each engine that forwards; one through the transcoding one."""


class Program:
    """An engine in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._asking = asyncio.Lock()

    async def ask(self, do: str, **values: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        async with self._asking:
            self._process.stdin.write(json.dumps({"do": do, **values}).encode() + b"\n")
            reply = json.loads(await asyncio.wait_for(self._process.stdout.readline(), 60))
        if "error" in reply:
            raise RuntimeError(f"{do}: {reply['error']}")
        return reply["value"]

    async def used(self) -> dict[str, float]:
        used: dict[str, float] = await self.ask("used")
        return used


@asynccontextmanager
async def program(kind: str, folder: Path) -> AsyncIterator[Program]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.call_engines", kind, str(folder),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield Program(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 5)
        except TimeoutError:
            process.kill()
            await process.wait()


@dataclass
class Load:
    """Callers at one engine, and what each round cost: cores for one call."""

    program: Program
    callers: list[Any]
    calls: list[str] = field(default_factory=list)
    people: list[list[str]] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)

    def send(self, on: bool) -> None:
        for caller in self.callers:
            caller.sending = on

    async def round(self, seconds: float) -> None:
        self.send(True)
        await asyncio.sleep(1.0)
        before, got = await self.program.used(), self._received()
        await asyncio.sleep(seconds)
        after, more = await self.program.used(), self._received() - got
        self.send(False)
        if more:
            self.costs.append((after["cpu"] - before["cpu"]) / more * _packets_a_second())

    def _received(self) -> int:
        return sum(caller.received for caller in self.callers)

    @property
    def cost(self) -> float:
        return statistics.median(self.costs)


def _packets_a_second() -> float:
    """Of one call, both ways."""
    frames = media().video
    return 2 * (sum(map(len, frames)) * RATE / len(frames) + 50)


async def load(made: Program, calls: int) -> Load:
    """So many calls of two callers each."""
    certificate = RTCCertificate.generateCertificate()
    loaded = Load(made, [])
    for _ in range(calls):
        call = str(uuid4())
        await made.ask("open", call=call)
        people = [str(uuid4()), str(uuid4())]
        callers = [Caller(certificate), Caller(certificate)]
        for caller, person in zip(callers, people, strict=True):
            answer = await made.ask("join", call=call, person=person, offer=caller.offer())
            await caller.connect(answer)
        loaded.calls.append(call)
        loaded.people.append(people)
        loaded.callers += callers
    return loaded


async def floor(made: Program, port: int, calls: int) -> Load:
    loaded = Load(made, [])
    for _ in range(calls):
        pair = [Plain(("127.0.0.1", port)), Plain(("127.0.0.1", port))]
        await made.ask("pair", addresses=[sender.address for sender in pair])
        loaded.callers += pair
    return loaded


async def cores(folder: Path, rounds: int, seconds: float) -> dict[str, Any]:
    """The cost of a call through each engine, and what the recordings missed."""
    async with AsyncExitStack() as stack:
        kinds = ("ours", "ours", "floor", "transcoding")
        names = ("ours", "recording", "floor", "transcoding")
        programs = {
            name: await stack.enter_async_context(program(kind, folder / name))
            for name, kind in zip(names, kinds, strict=True)
        }
        ports = {name: await made.ask("start") for name, made in programs.items()}
        loads = {
            "ours": await load(programs["ours"], CALLS),
            "recording": await load(programs["recording"], CALLS),
            "floor": await floor(programs["floor"], ports["floor"], CALLS),
            "transcoding": await load(programs["transcoding"], 1),
        }
        for loaded in loads.values():
            for caller in loaded.callers:
                stack.push_async_callback(caller.close)
        recorded = await _recorded(loads["recording"])
        for _ in range(rounds):
            for name in ("floor", "ours", "recording", "transcoding"):
                await loads[name].round(seconds)
        for name, loaded in loads.items():
            print(
                f"  {name:12} {loaded.cost:.4f} of a core a call   ({1 / loaded.cost:.0f} calls a core)",
                flush=True,
            )
        lost = await _lost(loads["recording"], recorded)
        ours, recording = loads["ours"].cost, loads["recording"].cost
        return {
            "calls_per_core": round(1 / ours, 1),
            "ratio_to_transcoding": round(loads["transcoding"].cost / ours, 1),
            "ratio_to_floor": round(ours / loads["floor"].cost, 2),
            "recording_cost": round(recording / ours - 1, 3),
            "frames_lost_recording": lost,
        }


async def _recorded(loaded: Load) -> list[str]:
    recordings = []
    for call, people in zip(loaded.calls, loaded.people, strict=True):
        recordings += await loaded.program.ask("record", call=call, people=people)
    return recordings


async def _lost(loaded: Load, recordings: list[str]) -> int:
    """Stop, and look for holes in what was recorded; longer ones are the pauses between rounds."""
    lost = sum([await loaded.program.ask("stop_recording", call=call) for call in loaded.calls])
    for times in (await loaded.program.ask("frames", recordings=recordings[:4])).values():
        lost += sum(1 < round((later - earlier) * RATE) < RATE for earlier, later in pairwise(times))
    return int(lost)


async def soak(folder: Path, minutes: float) -> dict[str, Any]:
    """Joins and leaves without end: memory must stay where it was."""
    certificate = RTCCertificate.generateCertificate()
    async with program("ours", folder / "soak") as made:
        await made.ask("start")
        memory: list[float] = []
        loop = asyncio.get_running_loop()
        end = loop.time() + minutes * 60
        while loop.time() < end or len(memory) < 30:
            await _visit(made, certificate, record=len(memory) % 5 == 0)
            memory.append((await made.used())["memory"] / 1e6)
        quarter = max(1, len(memory) // 4)
        early, late = statistics.median(memory[quarter : 2 * quarter]), statistics.median(memory[-quarter:])
        print(
            f"  {len(memory)} calls: {early:.1f} MB in the second quarter, {late:.1f} MB in the last",
            flush=True,
        )
        return {"soak_calls": len(memory), "soak_memory_growth": round(late / early - 1, 3)}


async def _visit(made: Program, certificate: RTCCertificate, *, record: bool) -> None:
    call, people = str(uuid4()), [str(uuid4()) for _ in range(3)]
    await made.ask("open", call=call)
    callers = [Caller(certificate) for _ in people]
    try:
        for caller, person in zip(callers, people, strict=True):
            await caller.connect(await made.ask("join", call=call, person=person, offer=caller.offer()))
            caller.sending = True
        if record:
            await made.ask("record", call=call, people=people[:1])
        await asyncio.sleep(0.3)
        await made.ask("leave", call=call, person=people[2])
        await made.ask("end", call=call)
    finally:
        for caller in callers:
            await caller.close()


async def main(quick: bool, as_json: bool, minutes: float | None) -> None:
    with tempfile.TemporaryDirectory(prefix="calls") as name:
        folder = Path(name)
        if minutes is not None:
            result = await soak(folder, minutes)
        else:
            rounds, seconds = (4, 4.0) if quick else (6, 8.0)
            result = await cores(folder, rounds, seconds)
            result |= await _browsers(folder, quick)
    if as_json:
        print(json.dumps(result))


async def _browsers(folder: Path, quick: bool) -> dict[str, Any]:
    from benchmarks import call_browsers

    if call_browsers.chromium() is None:
        print("  no Chromium here: nothing measured with real browsers")
        return {"first_picture_p95_s": None, "recovery_s": None, "ratio_to_janus": None}
    result = await call_browsers.measured(folder, joins=8 if quick else 25, seconds=8.0 if quick else 20.0)
    if shutil.which("janus") is None:
        print("  no Janus here: nothing to stand beside")
    return result


def run() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.calls", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less than four minutes")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--soak", nargs="?", type=float, const=60.0, default=None, metavar="MINUTES",
                        help="join and leave for so long (60), and look at the memory")  # fmt: skip
    given = parser.parse_args()
    import uvloop

    uvloop.run(main(given.quick, given.json, given.soak))


if __name__ == "__main__":
    run()
