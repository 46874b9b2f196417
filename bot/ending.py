"""The end of the process, which comes in time whatever hangs."""

from __future__ import annotations

import asyncio
import gc
import os
import threading

import structlog

log = structlog.get_logger("bot.ending")
TOO_LATE = 1


def end_within(seconds: float) -> None:
    """End the process after this time if it has not ended by itself. What was under way is then as after
    `kill -9`, which loses nothing."""
    timer = threading.Timer(seconds, _end, (seconds,))
    timer.daemon = True
    timer.start()


def quickly() -> None:
    """Spare the interpreter the search for garbage in all that the process holds: on a busy machine it took
    longer than all the rest of the end."""
    gc.freeze()


def hanging() -> list[str]:
    """What was told to end and does not, by its name in the code."""
    told = (task for task in asyncio.all_tasks() if task.cancelling())
    return sorted({getattr(task.get_coro(), "__qualname__", "?") for task in told})


def _end(seconds: float) -> None:
    log.error("desk.ended_hard", seconds=seconds)
    os._exit(TOO_LATE)
