"""`python -m benchmarks.calls_kill [--runs N] [--seed S] [--browsers N] [--figures FILE] [--json]`.

A run is one call with two people, recorded, and one kill. With `--figures` each run's figures are kept as a line, and a
run that is there is not made again. `--browsers` takes real browsers in so many of the runs.
A seed gives the same kills; what the program is doing then depends on the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import shutil
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import lines
from benchmarks.calls_kill.desk import Desk
from benchmarks.calls_kill.judge import Told, Verdict, is_over, judge
from benchmarks.calls_kill.peers import Callers, Pair
from benchmarks.calls_kill.plan import After, Plan, Victim, plan

_OVER_SECONDS = 300.0
"""A call to which nobody comes back is over after two minutes, whether its engine died or not."""


async def measure(
    runs: int, seed: int, *, browsers: int = 0, figures: Path | None = None, keep: bool = False
) -> list[dict[str, Any]]:
    """The figures of each run, those of `figures` too."""
    done = lines.kept(figures)
    missing = [number for number in range(runs) if number not in {one["run"] for one in done}]
    if not missing:
        return done
    folder = Path(tempfile.mkdtemp(prefix="deskbell-calls-kill-"))
    desk = Desk(folder)
    try:
        await desk.begin()
        found = await _Runs(desk, seed, set(_spread(runs, browsers)), figures).all(missing)
    finally:
        await desk.end()
        if keep:
            lines.say(f"kept {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return done + found


class _Runs:
    def __init__(self, desk: Desk, seed: int, browsers: set[int], figures: Path | None) -> None:
        self._desk, self._seed, self._browsers, self._figures = desk, seed, browsers, figures
        self._found: list[dict[str, Any]] = []
        self._later: list[tuple[int, Plan, Told]] = []

    async def all(self, numbers: list[int]) -> list[dict[str, Any]]:
        for number in numbers:
            planned = plan(self._seed, number)
            told = await self._one(number, planned)
            if planned.after is After.left:
                self._later.append((number, planned, told))
            else:
                await self._judged(number, planned, told)
        for number, planned, told in self._later:
            await self._judged(number, planned, told)
        return self._found

    async def _one(self, number: int, planned: Plan) -> Told:
        call, agent, other = await self._desk.call(number)
        pair = await self._pair(number, agent, other)
        told = Told(
            call,
            may_be_struck_later=planned.after is After.left and planned.victim is Victim.desk,
            ended_by_api=planned.after is After.ended,
        )
        await pair.talk()
        await pair.record()
        told.recorded_at = time.time()
        await asyncio.sleep(planned.kill_at)
        told.killed_at, told.engine_died = time.time(), planned.victim is not Victim.desk
        await self._desk.kill(planned.victim)
        if planned.after is not After.back:
            told.quiet_at = time.time()
            await pair.go()
        if planned.victim is not Victim.engine:
            await asyncio.sleep(planned.down)
            self._desk.program.start()
            await self._desk.program.up()
        await self._after(planned, pair, told)
        return told

    async def _after(self, planned: Plan, pair: Pair, told: Told) -> None:
        match planned.after:
            case After.back:
                await pair.come_back()
                await asyncio.sleep(planned.more)
                told.quiet_at = time.time()
                await pair.hang_up()
            case After.ended:
                await self._desk.ask("POST", f"/calls/{told.call}/end")
            case After.left:
                pass

    async def _pair(self, number: int, agent: str, other: str) -> Pair:
        if number in self._browsers:
            from benchmarks.calls_kill.browsers import Browsers

            return await Browsers.open(agent, other)
        return Callers(agent, other)

    async def _judged(self, number: int, planned: Plan, told: Told) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_OVER_SECONDS):
                while not await is_over(self._desk, told.call):
                    await asyncio.sleep(0.5)
        await asyncio.sleep(1)
        one = _figures(number, planned, told, await judge(self._desk, told))
        one["browser"] = number in self._browsers
        self._found.append(one)
        lines.add(self._figures, one)
        lines.say(json.dumps(one))


def _figures(number: int, planned: Plan, told: Told, verdict: Verdict) -> dict[str, Any]:
    return {
        "run": number,
        "victim": planned.victim,
        "after": planned.after,
        "recorded_s": round(told.killed_at - told.recorded_at, 2),
        **asdict(verdict),
        "lost": round(verdict.lost, 2),
    }


def summed(figures: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "runs": len(figures),
        "kills": len(figures),
        "records_complete": sum(not one["wrong_record"] for one in figures),
        "recordings_playable": sum(not one["wrong_recording"] for one in figures),
        "seconds_lost_max": max((one["lost"] for one in figures), default=0.0),
        "recordings": sum(one["recordings"] for one in figures),
        "too_short_to_be_written": sum(one["empty"] for one in figures),
    }


def _spread(runs: int, browsers: int) -> list[int]:
    return [number * runs // browsers for number in range(browsers)]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calls_kill", description=__doc__)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--quick", action="store_true", help="two runs")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--browsers", type=int, default=0, help="so many of the runs with real browsers")
    parser.add_argument("--figures", type=Path, help="where each run is kept, and found again")
    parser.add_argument("--keep", action="store_true", help="leave the desk's folder")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    given = parser.parse_args()
    figures = asyncio.run(
        measure(
            2 if given.quick else given.runs,
            given.seed,
            browsers=given.browsers,
            figures=given.figures,
            keep=given.keep,
        )
    )
    total = summed(figures)
    if given.json:
        print(json.dumps(total))
    else:
        print(", ".join(f"{value} {key}" for key, value in total.items()))
    return 0 if total["records_complete"] == total["recordings_playable"] == total["runs"] else 1


if __name__ == "__main__":
    sys.exit(main())
