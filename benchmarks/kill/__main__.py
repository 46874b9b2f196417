"""`python -m benchmarks.kill [--runs N] [--seed S] [--platforms slack,discord,telegram] [--json]`.

A run is one kill and one start with what people say around it. Runs go in batches, each with a
world of its own; `--append FILE` keeps the figures of each batch as a line, and `--from FILE` goes on
after those that are there. A seed gives the same script, kills and faults; the moments in which the
program is hit still depend on the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks import lines
from benchmarks.kill.batch import Batch, Outcome
from benchmarks.kill.discord import DiscordSide
from benchmarks.kill.side import Side
from benchmarks.kill.slack import SlackSide
from benchmarks.kill.telegram import TelegramSide

SIDES: dict[str, type[Any]] = {"slack": SlackSide, "discord": DiscordSide, "telegram": TelegramSide}
BATCH = 25
FIGURES = ("runs", "kills", "messages", "lost", "doubled", "reordered")
LOST = ("lost", "stale", "undead")
"""An edit or a deletion that does not arrive is lost as well."""


async def measure(
    runs: int, seed: int, platforms: list[str], *, append: Path | None = None, keep: bool = False
) -> list[dict[str, Any]]:
    """The figures of each batch of each platform; platforms side by side."""
    settling = asyncio.Lock()
    batches: list[list[dict[str, Any]]] = await asyncio.gather(
        *(_platform(name, runs, seed, settling, append, keep) for name in platforms)
    )
    return [one for several in batches for one in several]


async def _platform(
    name: str, runs: int, seed: int, settling: asyncio.Lock, append: Path | None, keep: bool
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for number, first in enumerate(range(0, runs, BATCH)):
        one = await _batch(name, min(BATCH, runs - first), seed + number, settling, keep)
        found.append(one)
        lines.add(append, one)
    return found


async def _batch(name: str, runs: int, seed: int, settling: asyncio.Lock, keep: bool) -> dict[str, Any]:
    side: Side = SIDES[name]()
    folder = Path(tempfile.mkdtemp(prefix=f"deskbell-kill-{name}-"))
    outcome: Outcome | None = None
    try:
        outcome = await Batch(side, folder, seed, settling, lines.say).run(runs)
    finally:
        clean = outcome is not None and not outcome.verdict.findings
        if keep and not clean:
            lines.say(f"{name}: kept {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    for line in outcome.stories:
        lines.say(line)
    return _figures(name, seed, outcome)


def _figures(name: str, seed: int, outcome: Outcome) -> dict[str, Any]:
    verdict = outcome.verdict
    kinds = Counter(f"{one.kind} {one.word.kind if one.word else 'thread'}" for one in verdict.findings)
    return {
        "platform": name,
        "seed": seed,
        "runs": outcome.runs,
        "kills": outcome.kills,
        "messages": verdict.messages,
        "lost": verdict.count(*LOST),
        "doubled": verdict.count("doubled"),
        "reordered": verdict.count("reordered"),
        "leaked": verdict.count("leaked"),
        "asked_again": outcome.asked_again,
        "kinds": dict(kinds),
        "faults": outcome.struck,
        "logged": dict(outcome.troubles),
        "ended_by_itself": outcome.ended_by_itself,
        "rows": None
        if outcome.rows is None
        else {n: getattr(outcome.rows, n) for n in outcome.rows.__slots__},
        "seconds": round(outcome.seconds, 1),
    }


def summed(figures: list[dict[str, Any]], platforms: list[str]) -> dict[str, dict[str, int]]:
    """One object for each platform."""
    return {
        name: {key: sum(one[key] for one in figures if one["platform"] == name) for key in FIGURES}
        for name in platforms
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kill", description=__doc__)
    parser.add_argument("--runs", type=int, default=10, help="kills of each platform")
    parser.add_argument("--seed", type=int, default=None, help="1, or the next after those of --from")
    parser.add_argument("--quick", action="store_true", help="two kills of each platform")
    parser.add_argument("--platforms", default=",".join(SIDES))
    parser.add_argument("--from", dest="earlier", type=Path, help="figures of earlier runs, which count too")
    parser.add_argument("--append", type=Path, help="where the figures of each batch are added")
    parser.add_argument("--keep", action="store_true", help="leave the folder of a batch that failed")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    platforms = [name for name in given.platforms.split(",") if name]
    if unknown := set(platforms) - set(SIDES):
        parser.error(f"no such platform: {', '.join(sorted(unknown))}")
    earlier = lines.kept(given.earlier)
    seed = given.seed if given.seed is not None else max((one["seed"] for one in earlier), default=0) + 1
    began = time.monotonic()
    figures = asyncio.run(
        measure(2 if given.quick else given.runs, seed, platforms, append=given.append, keep=given.keep)
    )
    for one in figures:
        print(json.dumps(one))
    total = summed([*earlier, *figures], platforms)
    for name, one in total.items():
        print(f"{name}: " + ", ".join(f"{value} {key}" for key, value in one.items()))
    print(f"in {time.monotonic() - began:.0f} s")
    if given.json:
        print(json.dumps(total))
    return 1 if any(one["lost"] + one["doubled"] + one["reordered"] for one in total.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
