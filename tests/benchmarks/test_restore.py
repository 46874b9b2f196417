"""The restore drill: what is saved under load comes back elsewhere, and who was erased since does not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.restore import Said, judged

ROOT = Path(__file__).resolve().parents[2]


def test_it_would_see_what_it_looks_for() -> None:
    said = [Said("ada", "a1", 1.0), Said("ada", "a2", 2.0), Said("bob", "b1", 1.5), Said("bob", "b2", 9.0)]
    good = judged(said, {"bob"}, [["a1", "a2"]], 3.0, 5.0)
    assert sum(good.values()) == good["restored"] == 2
    bad = judged(said, {"ada"}, [["a2", "a1", "a1"], ["b2", "x"]], 3.0, 5.0)
    assert bad == {
        "restored": 4,
        "lost": 1,
        "doubled": 1,
        "reordered": 1,
        "invented": 1,
        "too_new": 1,
        "undead": 2,
    }


def test_a_backup_made_under_load_comes_back_elsewhere() -> None:
    command = [sys.executable, "-m", "benchmarks.restore", "--quick"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, (done.stderr + done.stdout)[-3_000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["erased"] == 2
    assert found["restored"] >= 4
    assert found["during_the_backup"]
