"""The program ends in time, whatever it hangs on."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest
from structlog.testing import capture_logs

from bot import app
from tests.postgres.processes import ROOT

HANGS = """
import threading, time
from bot import ending
ending.end_within(0.3)
time.sleep(60)
"""


def test_who_hangs_is_ended() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", HANGS], cwd=ROOT, stdout=subprocess.PIPE, timeout=50, check=False
    )
    assert ended.returncode == 1
    assert b"desk.ended_hard" in ended.stdout


async def test_a_task_that_does_not_end_is_left_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.app.STOP_SECONDS", 0.1)
    released = asyncio.Event()
    stubborn = asyncio.create_task(_holds_on(released), name="stubborn")
    ready = asyncio.create_task(asyncio.sleep(60))
    await asyncio.sleep(0)
    with capture_logs() as logs:
        await app._ended([stubborn, ready])
    assert ready.cancelled()
    [said] = logs
    assert (said["event"], said["task"], said["hanging"]) == ("task.left", "stubborn", ["_holds_on"])
    released.set()
    await stubborn


async def _holds_on(released: asyncio.Event) -> None:
    while not released.is_set():
        try:
            await released.wait()
        except asyncio.CancelledError:
            continue
