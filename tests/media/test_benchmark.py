"""The benchmark of calls can be run: a short soak, whose memory must not grow much."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks import calls


async def test_joins_and_leaves_leave_no_memory_behind() -> None:
    with tempfile.TemporaryDirectory(prefix="soak") as folder:
        result = await calls.soak(Path(folder), 0.3)
    assert result["soak_calls"] >= 30
    assert result["soak_memory_growth"] < 0.1
