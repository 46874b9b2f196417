"""A scheduled call as a calendar file (RFC 5545), for whoever keeps their days elsewhere."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from core import clock
from core.calls.model import Call, CallState

MIME = "text/calendar; charset=utf-8"
NAME = "call.ics"
LENGTH = timedelta(minutes=30)
"""How long a calendar keeps free for a call; nobody knows how long it will be."""
_LINE = 75
"""Octets of a line, without its end (RFC 5545, 3.1)."""


def calendar_file(call: Call, title: str, words: str, url: str) -> bytes:
    """The call as one event. It keeps its name (UID) when it is moved or called off, so that a
    calendar that has it changes it."""
    assert call.scheduled_at is not None
    lines = (
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Deskbell//Calls//EN",
        "METHOD:PUBLISH",
        "BEGIN:VEVENT",
        f"UID:{call.id}@deskbell",
        f"SEQUENCE:{call.version}",
        f"DTSTAMP:{_moment(clock.now())}",
        f"DTSTART:{_moment(call.scheduled_at)}",
        f"DTEND:{_moment(call.scheduled_at + LENGTH)}",
        f"SUMMARY:{_text(title)}",
        f"DESCRIPTION:{_text(words)}",
        f"URL:{url}",
        f"STATUS:{_status(call)}",
        "BEGIN:VALARM",
        "ACTION:DISPLAY",
        "TRIGGER:-PT10M",
        f"DESCRIPTION:{_text(title)}",
        "END:VALARM",
        "END:VEVENT",
        "END:VCALENDAR",
    )
    return b"".join(_folded(line) for line in lines)


def _status(call: Call) -> str:
    return "CANCELLED" if call.state in (CallState.declined, CallState.missed) else "CONFIRMED"


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _text(words: str) -> str:
    for plain, written in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\r", ""), ("\n", "\\n")):
        words = words.replace(plain, written)
    return words


def _folded(line: str) -> bytes:
    """A long line goes on after a line break and a space; never in the middle of a character."""
    parts: list[bytes] = [b""]
    for letter in line:
        whole = letter.encode()
        room = _LINE if len(parts) == 1 else _LINE - 1
        if len(parts[-1]) + len(whole) > room:
            parts.append(b"")
        parts[-1] += whole
    return b"\r\n ".join(parts) + b"\r\n"
