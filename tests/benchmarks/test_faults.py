"""The benchmark of faults: that a seed can be had again, that each fault is done, and that it would see what it
looks for. The parts themselves are killed and paused in `tests/scale/test_parts.py`."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from adapters.files.s3 import S3Store
from adapters.files.settings import Settings as FileSettings
from benchmarks.faults.__main__ import percentile, summed
from benchmarks.faults.bucket import SHOWN, Bucket, Sent, Shared
from benchmarks.faults.clock import HOUR, Clock
from benchmarks.faults.script import BUCKET, FILES, KINDS, STRIKES, Strike, plan, plan_of_bucket
from benchmarks.kill.side import Line
from benchmarks.kill.words import NOTE, REPLY, SAID, Ledger, Word
from core.ports.files import StoreDown, new_name

SAYS = {"slack": 3, "webchat": 2}


def test_a_seed_gives_the_same_faults_and_words() -> None:
    assert plan(4, SAYS) == plan(4, SAYS) != plan(5, SAYS)
    assert len(plan(4, SAYS).strikes) == STRIKES >= 10
    assert {name: len(acts) for name, acts in plan(4, SAYS).acts.items()} == SAYS


class Noting:
    """Stands for parts, a database or a Redis: notes what is asked of it."""

    def __init__(self, done: list[str]) -> None:
        self.done = done

    def __getattr__(self, name: str) -> Any:
        async def later() -> None:
            return None

        def asked(*given: Any) -> Any:
            self.done.append(" ".join([name, *(str(one) for one in given if isinstance(one, str | int))]))
            return None if name == "kill" else later()

        return asked


async def test_each_kind_of_fault_is_something_else() -> None:
    from benchmarks.faults.strikes import Strikes

    done: list[str] = []
    noting: Any = Noting(done)
    strikes = Strikes(noting, noting, noting, noting, {}, later)
    strikes._misbehaves = lambda platform, lasts: noting.misbehaves(platform)  # type: ignore[method-assign]
    for kind in KINDS:
        await strikes._does(Strike(0.0, kind, 0.0, 0.0))
    # A Redis that is restarted is away for no time.
    assert len(set(done)) == len(KINDS) - 1, done
    assert sum(what == "away" for what in done) == 2


async def later() -> float:
    return 0.0


@pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("cc") is None, reason="needs Linux and a C compiler"
)
async def test_a_clock_is_an_hour_wrong_for_a_while(tmp_path: Path) -> None:
    clock = Clock(tmp_path)
    await clock.build()

    async def shown() -> float:
        asked = "import datetime, time; print((time.time() + datetime.datetime.now().timestamp()) / 2)"
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            asked,
            env=dict(os.environ) | clock.environment,
            stdout=asyncio.subprocess.PIPE,
        )
        return float((await child.communicate())[0]) - time.time()

    wrong = asyncio.create_task(clock.wrong(-HOUR, 3600))
    await asyncio.sleep(0)
    assert await shown() == pytest.approx(-HOUR, abs=60)
    wrong.cancel()
    await asyncio.gather(wrong, return_exceptions=True)
    assert await shown() == pytest.approx(0, abs=60)


async def test_the_way_back_is_counted_from_the_last_fault_that_stood_in_it() -> None:
    from benchmarks.faults.strikes import Strikes, Struck

    nothing: Any = None
    strikes = Strikes(nothing, nothing, nothing, nothing, {}, later)
    strikes.all = [Struck("a", 0.0, 1.0, 9.0), Struck("b", 5.0, 7.0, 9.5), Struck("c", 20.0, 21.0, 0.0)]
    assert strikes.recoveries() == ([2.0, 2.5], [2.5, 8.0])


class Shown:
    """A room, and the chats of requesters, on which stands what a test says."""

    def __init__(self, *room: str, chat: tuple[str, ...] = ()) -> None:
        self.room = [Line(str(number), text, True) for number, text in enumerate(room)]
        self.direct = [Line(str(number), text, True) for number, text in enumerate(chat)]

    async def threads(self) -> dict[str, list[Line]]:
        return {"here": self.room}

    async def chat(self, who: str) -> list[Line]:
        return self.direct


@pytest.fixture
def ledger() -> Ledger:
    made = Ledger(random.Random(1))
    made.new(SAID, "ada", 1)
    for kind in (REPLY, NOTE):
        made.new(kind, "ada", 1).thread = "elsewhere"
    return made


async def seen(ledger: Ledger, rooms: dict[str, Any], *chat: str) -> list[str]:
    from benchmarks.faults.checks import shown

    side: Any = Shown(chat=chat)
    return sorted(one.kind for one in (await shown(ledger, rooms, {"ada": side})).findings)


async def test_each_room_shows_what_was_said_and_what_another_room_answered(ledger: Ledger) -> None:
    said, reply, note = (word.text for word in ledger.words)
    whole = {"one": Shown(said, reply, note), "two": Shown(said, reply, note)}
    assert await seen(ledger, whole, reply) == []
    assert await seen(ledger, whole | {"two": Shown(said, reply)}, reply) == ["lost"]
    assert await seen(ledger, whole | {"two": Shown(said, said, reply, note)}, reply) == ["doubled"]
    assert await seen(ledger, whole, reply, note) == ["leaked"]
    assert await seen(ledger, whole) == ["lost"]


def test_figures_of_several_worlds_are_added() -> None:
    one = {"runs": 1, "faults": 10, "messages": 5, "lost": 0, "doubled": 1, "reordered": 0, "stuck": 0}
    total = summed([one | {"recoveries": [1.0, 2.0]}, one | {"recoveries": [3.0]}])
    assert total == {key: value * 2 for key, value in one.items()} | {"recovery_p95_s": 3.0}
    assert percentile([], 0.95) == 0.0


def test_how_a_bucket_refuses_comes_on_top_of_a_seeds_faults() -> None:
    strikes, files = plan_of_bucket(4, SAYS)
    assert plan_of_bucket(4, SAYS) == (strikes, files) != plan_of_bucket(5, SAYS)
    assert {one.kind for one in strikes} < {f"bucket {how}" for how in BUCKET}
    assert {name: len(moments) for name, moments in files.items()} == dict.fromkeys(SAYS, FILES)


async def test_a_bucket_refuses_in_each_way_and_keeps_what_it_had() -> None:
    bucket = Bucket()
    with bucket.standing():
        settings = FileSettings.of(bucket.environment)
        store, name = S3Store(settings), new_name()
        await store.put(name, pieces(b"kept"))
        for how in BUCKET:
            refusing = asyncio.create_task(bucket.refuses(how, 0.5 if how == "hangs" else 60))
            await asyncio.sleep(0)
            if how == "hangs":
                assert [piece async for piece in store.read(name)] == [b"kept"], (
                    "it answers when that is over"
                )
                await refusing
                continue
            with pytest.raises(StoreDown):
                await store.size(name)
            refusing.cancel()
            await asyncio.gather(refusing, return_exceptions=True)
            assert [piece async for piece in store.read(name)] == [b"kept"]
    assert set(bucket.refused) == set(BUCKET)


async def pieces(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def test_a_file_that_is_missing_or_there_twice_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = Counter({"here": 1, "twice": 2})
    monkeypatch.setitem(SHOWN, "slack", lambda _side: shown)
    shared = Shared()
    shared.all = [Sent(Word(digest, "file", "ada", 1), digest) for digest in ("here", "twice", "nowhere")]
    found = shared.missing({"slack": None})
    assert [(one.kind, one.word and one.word.token) for one in found] == [
        ("doubled", "twice"),
        ("lost", "nowhere"),
    ]
