"""What the desk has of a call that was killed: its record on the ticket, and what plays."""

from __future__ import annotations

import asyncio
import io
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any
from uuid import UUID

import av

from benchmarks.calls_kill.desk import Desk

LOST_AT_MOST = 2.5
"""Seconds at the end of a recording that its engine may take along."""
_HOLE = 1.0
_OVER = ("call.ended", "call.missed", "call.declined")


@dataclass(slots=True)
class Told:
    """What is known of a run from outside. Times are seconds since the epoch."""

    call: str
    recorded_at: float = 0.0
    killed_at: float = 0.0
    engine_died: bool = False
    may_be_struck_later: bool = False
    """It still ran when a later run killed the engine."""
    ended_by_api: bool = False
    """Then the engine's death may be noticed after the call's end, and is no more a fault of the call."""
    quiet_at: float = 0.0
    """When the two sent no more."""


@dataclass(slots=True)
class Verdict:
    wrong_record: list[str] = field(default_factory=list)
    wrong_recording: list[str] = field(default_factory=list)
    recordings: int = 0
    empty: int = 0
    """So short before the kill that nothing of them was written yet."""
    lost: float = 0.0
    """The most seconds that a recording misses at its end."""


async def is_over(desk: Desk, call: str) -> bool:
    """And everything recorded of it is closed."""
    rows = await desk.rows(
        "select ended_at is not null and not exists (select from call_recording r where r.call_id = c.id"
        " and r.stopped_at is null) as is_over from call c where c.id = $1",
        UUID(call),
    )
    return bool(rows[0]["is_over"])


async def judge(desk: Desk, told: Told) -> Verdict:
    made = Verdict()
    call = (await desk.rows("select * from call where id = $1", UUID(told.call)))[0]
    people = await desk.rows("select * from call_person where call_id = $1", UUID(told.call))
    recordings = await desk.rows("select * from call_recording where call_id = $1", UUID(told.call))
    facts = await desk.rows("select name, data from event where subject = $1 order by id", UUID(told.call))
    made.wrong_record = [*_call(call), *_people(people), *facts_wrong(facts, recordings, told)]
    if len({row["person_id"] for row in recordings}) < 2:
        made.wrong_record.append("somebody who agreed has no recording")
    for row in recordings:
        await _recording(desk, row, told, made)
    return made


def _call(row: dict[str, Any]) -> list[str]:
    wrong = []
    if row["state"] not in ("ended", "failed"):
        wrong.append(f"the call is {row['state']}")
    wrong += [f"the call has no {name}" for name in ("started_at", "ended_at", "reason") if not row[name]]
    return wrong


def _people(rows: list[dict[str, Any]]) -> list[str]:
    return [
        f"somebody is {row['presence']}, came {row['joined_at']}, went {row['left_at']}"
        for row in rows
        if row["presence"] != "left" or not row["joined_at"] or not row["left_at"]
    ]


def facts_wrong(facts: list[dict[str, Any]], recordings: list[dict[str, Any]], told: Told) -> list[str]:
    """The timeline tells each step, and each once."""
    names = Counter(fact["name"] for fact in facts)
    wrong = [f"not told: {name}" for name in ("call.rang", "call.recording_wanted") if not names[name]]
    wrong += [
        f"told {names[name]} times: {name}" for name in ("call.joined", "call.consented") if names[name] < 2
    ]
    if (ends := sum(names[name] for name in _OVER)) != 1:
        wrong.append(f"its end is told {ends} times")
    interrupted = bool(names["call.interrupted"])
    excused = told.may_be_struck_later if interrupted else told.ended_by_api
    if told.engine_died != interrupted and not excused:
        wrong.append(f"interrupted is told {names['call.interrupted']} times")
    for what in ("started", "stopped"):
        each = Counter(
            str(_data(fact).get("recording")) for fact in facts if fact["name"] == f"call.recording_{what}"
        )
        for row in recordings:
            if each[str(row["id"])] != 1:
                wrong.append(f"a recording is told to have {what} {each[str(row['id'])]} times")
    return wrong


async def _recording(desk: Desk, row: dict[str, Any], told: Told, made: Verdict) -> None:
    began, stopped = _epoch(row["began_at"]), _epoch(row["stopped_at"])
    made.recordings += 1
    if not row["stopped_at"] or not row["reason"]:
        made.wrong_record.append("a recording was never stopped")
    cut = told.engine_died and began < told.killed_at
    ended = told.killed_at if cut else min(stopped or told.quiet_at, told.quiet_at)
    if cut:
        made.wrong_record += [] if row["reason"] == "engine" else [f"it was cut, and says {row['reason']}"]
    tracks = await _tracks(desk, row["id"])
    if not tracks:
        made.lost = max(made.lost, ended - began)
        if ended - began < LOST_AT_MOST:
            made.empty += 1
        else:
            made.wrong_recording.append(f"nothing of {ended - began:.1f} s is there")
        return
    longest = 0.0
    for source, data in tracks.items():
        times = await asyncio.to_thread(_times, data)
        last = times[-1] if times else 0.0
        longest = max(longest, last)
        lost = ended - began - last
        made.lost = max(made.lost, lost)
        if lost > LOST_AT_MOST:
            made.wrong_recording.append(f"{source}: {lost:.1f} s of {ended - began:.1f} are missing")
        holes = [later - earlier for earlier, later in pairwise(times) if later - earlier > _HOLE]
        made.wrong_recording += [f"{source}: a hole of {hole:.1f} s" for hole in holes]
    if set(tracks) != {"mic", "camera"}:
        made.wrong_recording.append(f"only {sorted(tracks)}")
    if abs(row["milliseconds"] / 1000 - longest) > LOST_AT_MOST:
        made.wrong_record.append(f"says {row['milliseconds'] / 1000:.1f} s, and plays {longest:.1f}")


async def _tracks(desk: Desk, recording: UUID) -> dict[str, bytes]:
    if await desk.fetch(f"/recordings/{recording}") is None:
        return {}
    found = await desk.ask("GET", f"/recordings/{recording}")
    tracks = {}
    for one in found["tracks"]:
        data = await desk.fetch(f"/recordings/{recording}/{one['source']}")
        if data is not None:
            tracks[one["source"]] = data
    return tracks


def _times(file: bytes) -> list[float]:
    """When each frame is shown or heard, decoded."""
    with av.open(io.BytesIO(file)) as opened:
        return [frame.time or 0.0 for frame in opened.decode(opened.streams[0])]


def _data(fact: dict[str, Any]) -> dict[str, Any]:
    import json

    data = fact["data"]
    return json.loads(data) if isinstance(data, str) else data


def _epoch(moment: datetime | None) -> float:
    return moment.timestamp() if moment is not None else 0.0
