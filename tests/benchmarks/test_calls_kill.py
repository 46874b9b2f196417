"""That the kill benchmark of calls would see what it looks for. It runs for minutes; one kill of an engine under two
browsers is in `tests/calls/test_call_page.py`."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from benchmarks.calls_kill.__main__ import summed
from benchmarks.calls_kill.judge import Told, facts_wrong
from benchmarks.calls_kill.plan import plan

ONE, OTHER = uuid4(), uuid4()


def fact(name: str, recording: UUID | None = None) -> dict[str, Any]:
    return {"name": f"call.{name}", "data": {"recording": str(recording)} if recording is not None else {}}


WHOLE = [
    fact("rang"), fact("joined"), fact("joined"), fact("recording_wanted"), fact("consented"), fact("consented"),
    fact("recording_started", ONE), fact("recording_started", OTHER), fact("interrupted"),
    fact("recording_stopped", ONE), fact("recording_stopped", OTHER), fact("ended"),
]  # fmt: skip
ROWS = [{"id": ONE}, {"id": OTHER}]


def test_a_whole_record_is_one_and_each_gap_is_seen() -> None:
    died = Told("", engine_died=True)
    assert facts_wrong(WHOLE, ROWS, died) == []
    for number in range(len(WHOLE)):
        assert facts_wrong(WHOLE[:number] + WHOLE[number + 1 :], ROWS, died) != [], WHOLE[number]
    assert facts_wrong([*WHOLE, fact("ended")], ROWS, died) == ["its end is told 2 times"]
    assert facts_wrong(WHOLE, ROWS, Told("")) == ["interrupted is told 1 times"]


def test_figures_are_added() -> None:
    good = {"wrong_record": [], "wrong_recording": [], "lost": 0.5, "recordings": 2, "empty": 0}
    bad = {"wrong_record": ["x"], "wrong_recording": ["y"], "lost": 4.0, "recordings": 1, "empty": 1}
    assert summed([good, bad]) == {
        "runs": 2, "kills": 2, "records_complete": 1, "recordings_playable": 1, "seconds_lost_max": 4.0,
        "recordings": 3, "too_short_to_be_written": 1,
    }  # fmt: skip


def test_a_seed_gives_the_same_kills() -> None:
    assert [plan(3, n) for n in range(9)] == [plan(3, n) for n in range(9)] != [plan(4, n) for n in range(9)]
