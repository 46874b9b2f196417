"""What processes compute and hold, and what a row of figures comes to."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from benchmarks.kill.program import offspring

_TICK = os.sysconf("SC_CLK_TCK")


def cpu(pids: Mapping[str, int]) -> dict[str, float]:
    """Seconds that each has computed so far, with all that it has started; nothing where the system does
    not tell."""
    return {name: sum(map(_computed, _family(pid))) for name, pid in pids.items()}


def busy() -> tuple[float, float]:
    """Seconds of all cores that were used so far, by anybody, and that there were."""
    try:
        fields = [int(one) for one in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    except OSError:
        return 0.0, 0.0
    return (sum(fields) - fields[3] - fields[4]) / _TICK, sum(fields) / _TICK


def memory(pids: Mapping[str, int]) -> dict[str, float]:
    """Megabytes, of shared ones a share."""
    return {name: round(sum(map(_held, _family(pid))), 1) for name, pid in pids.items()}


def by_kind(several: Mapping[str, float]) -> dict[str, float]:
    """`web-1` and `web-2` are both web."""
    found: dict[str, float] = {}
    for name, value in several.items():
        kind = name.partition("-")[0]
        found[kind] = round(found.get(kind, 0.0) + value, 2)
    return found


def spread(took: Iterable[float]) -> dict[str, float]:
    """Milliseconds by share, of seconds."""
    ordered = sorted(took)
    if not ordered:
        return {"count": 0}
    shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
    return {name: round(_at(ordered, share) * 1_000, 1) for name, share in shares.items()} | {
        "worst": round(ordered[-1] * 1_000, 1),
        "count": len(ordered),
    }


def disk(folder: Path) -> int:
    """Bytes below a folder."""
    return sum(one.lstat().st_blocks * 512 for one in folder.rglob("*") if one.is_file())


def _at(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered), max(1, math.ceil(len(ordered) * share))) - 1]


def _family(pid: int) -> list[int]:
    """What we have started counts by itself, not as ours."""
    return [pid] if pid == os.getpid() else [pid, *offspring(pid)]


def _computed(pid: int) -> float:
    """With those of its children that have ended."""
    upto = 13 if pid == os.getpid() else 15
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(int(one) for one in fields[11:upto]) / _TICK


def _held(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
