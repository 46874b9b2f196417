"""Where the time of a running program goes: it is looked at every few milliseconds that it computes.

`LIVE_PROFILE=FILE python -m benchmarks.live` writes, at the program's end, in what share of the looks each
function stood on the stack (itself or in what it called).
"""

from __future__ import annotations

import atexit
import signal
from collections import Counter
from pathlib import Path
from types import FrameType

EVERY = 0.004

_HERE = f"{Path(__file__).resolve().parents[1]}/"


def sample(into: str) -> None:
    """From now on, until the program ends; nothing when there is no file to write to.

    By a signal for each stretch of computed time, not by a thread: a thread sees the main one only
    where that lets go of the interpreter, which is in a few C functions and nowhere else.
    """
    if not into:
        return
    found: Counter[str] = Counter()

    def look(_number: int, frame: FrameType | None) -> None:
        stack = _names(frame)
        if stack:
            found.update(set(stack) | {"(all)", f"(self) {stack[0]}"})

    signal.signal(signal.SIGPROF, look)
    signal.setitimer(signal.ITIMER_PROF, EVERY, EVERY)
    atexit.register(lambda: Path(into).write_text(_told(found)))


def _names(frame: FrameType | None) -> list[str]:
    names = []
    while frame is not None:
        file = frame.f_code.co_filename
        short = file.rpartition("/site-packages/")[2].rpartition("/lib/python")[2]
        names.append(f"{short.removeprefix(_HERE)}:{frame.f_code.co_qualname}")
        frame = frame.f_back
    # uvloop has no frame of its own: with nothing but the runner on the stack, nothing is done.
    return names if not names or not names[0].endswith((":run", ":Runner.run", ":_serve", ":main")) else []


def _told(found: Counter[str]) -> str:
    whole = max(found["(all)"], 1)
    return "".join(f"{count / whole:7.1%} {name}\n" for name, count in found.most_common(400))
