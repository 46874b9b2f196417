"""`python -m benchmarks.faults [--runs N] [--seed S] [--from SEED] [--append FILE] [--json]`.

A run is eighteen seconds with ten faults; its seed gives what breaks, when, for how long, and what is said.
Ten runs share a world, and what was said is compared when that ends. `--from SEED` goes on with this seed where
`--seed` and `--runs` began before it; what `--append FILE` holds already counts too.
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
from benchmarks.faults.world import NoRedis, Outcome, World, reported

WORLD = 10
"""Runs in one world."""
LOST = ("lost", "stale", "undead")
"""An edit or a deletion that does not arrive is lost as well."""
SUMS = ("runs", "faults", "messages", "lost", "doubled", "reordered", "stuck")


async def measure(
    seeds: range, *, append: Path | None = None, keep: bool = False, storage: str = "disk"
) -> list[dict[str, Any]]:
    """The figures of each world."""
    found: list[dict[str, Any]] = []
    for first in range(seeds.start, seeds.stop, WORLD):
        here = range(first, min(first + WORLD, seeds.stop))
        found.append(await _world(here, keep, storage))
        lines.add(append, found[-1])
    return found


async def _world(seeds: range, keep: bool, storage: str) -> dict[str, Any]:
    folder = Path(tempfile.mkdtemp(prefix="deskbell-faults-"))
    folder.chmod(0o711)
    outcome: Outcome | None = None
    try:
        outcome = await World(folder, seeds.start, lines.say, storage).run(seeds)
    finally:
        if keep:
            lines.say(f"kept {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    for line in outcome.stories:
        lines.say(line)
    return figures(seeds.start, outcome)


def figures(seed: int, outcome: Outcome) -> dict[str, Any]:
    verdict, rows = outcome.verdict, outcome.rows
    last, own = outcome.recoveries
    unseen = sum(1 for one in outcome.struck if not one.seen)
    return {
        "seed": seed,
        "runs": outcome.runs,
        "faults": len(outcome.struck),
        "messages": verdict.messages,
        "lost": verdict.count(*LOST, *(f"recorded {one}" for one in LOST)),
        "doubled": verdict.count("doubled", "recorded doubled"),
        "reordered": verdict.count("reordered", "recorded reordered"),
        "leaked": verdict.count("leaked"),
        "stuck": outcome.notes["ended_for_good"]
        + (rows.due + rows.received + rows.dead + rows.parked if rows else 1),
        "recovery_p95_s": percentile(last, 0.95),
        "recovery_p50_s": percentile(last, 0.5),
        "from_its_own_end_p95_s": percentile(own, 0.95),
        "never_seen": unseen,
        "recoveries": [round(one, 2) for one in last],
        "findings": dict(Counter(map(reported, verdict.findings))),
        "kinds": dict(Counter(one.kind for one in outcome.struck)),
        "seconds": round(outcome.seconds, 1),
        **outcome.notes,
    }


def summed(several: list[dict[str, Any]]) -> dict[str, Any]:
    """One object for all worlds."""
    recoveries = sorted(seconds for one in several for seconds in one["recoveries"])
    return {key: sum(one[key] for one in several) for key in SUMS} | {
        "recovery_p95_s": percentile(recoveries, 0.95)
    }


def percentile(ordered: list[float], share: float) -> float:
    return round(ordered[min(int(len(ordered) * share), len(ordered) - 1)], 2) if ordered else 0.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1, help="of the first run; the next has the next")
    parser.add_argument("--from", dest="first", type=int, help="go on with this seed")
    parser.add_argument("--append", type=Path, help="where the figures of each world are added")
    parser.add_argument(
        "--storage",
        choices=("disk", "s3"),
        default="disk",
        help="s3: files lie in a bucket that refuses at times too, and people send some",
    )
    parser.add_argument("--quick", action="store_true", help="one run")
    parser.add_argument("--keep", action="store_true", help="leave the folder of each world")
    parser.add_argument("--json", action="store_true", help="the last line only")
    given = parser.parse_args()
    first = given.first if given.first is not None else given.seed
    ends = given.seed + (1 if given.quick else given.runs)
    began = time.monotonic()
    try:
        found = asyncio.run(
            measure(range(first, ends), append=given.append, keep=given.keep, storage=given.storage)
        )
    except NoRedis as error:
        lines.say(f"deskbell: {error}")
        return 2
    if not given.json:
        for one in found:
            print(json.dumps(one))
        print(f"in {time.monotonic() - began:.0f} s")
    earlier = [one for one in lines.kept(given.append) if one["seed"] < first]
    total = summed([*earlier, *found])
    print(json.dumps(total))
    return 1 if any(total[key] for key in ("lost", "doubled", "reordered", "stuck")) else 0


if __name__ == "__main__":
    sys.exit(main())
