"""Moments as people write them in conditions: a day, a moment, or so long from now."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

FIRST_YEAR, LAST_YEAR = 1970, 2199

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_FULL = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})?", re.ASCII)
_RELATIVE = re.compile(r"([+-]?)(\d{1,4})([mhdw])", re.ASCII)
_UNITS = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}


@dataclass(frozen=True)
class Moment:
    """A day (`2026-11-01`), a moment (`2026-11-01T08:30Z`) or a distance from now (`-7d`, `+2h`).

    Days, and moments without an offset, are of the zone that `now` is in: hand in
    `now.astimezone(zone)` for a person's own days. Units are m, h, d (24 hours) and w.
    """

    text: str

    def start(self, now: datetime) -> datetime:
        """The first instant, in UTC; "before" means earlier than it."""
        at = self._at(now)
        return (datetime.combine(at, time(), now.tzinfo) if not isinstance(at, datetime) else at).astimezone(
            UTC
        )

    def end(self, now: datetime) -> datetime:
        """The first instant that counts as "after", in UTC: for a day, the next midnight."""
        at = self._at(now)
        if isinstance(at, datetime):
            return at.astimezone(UTC)
        return datetime.combine(at + timedelta(days=1), time(), now.tzinfo).astimezone(UTC)

    @property
    def distance(self) -> tuple[int, str] | None:
        """The signed count and the unit of a distance from now."""
        found = _RELATIVE.fullmatch(self.text)
        return (int(found[1] + found[2]), found[3]) if found else None

    def _at(self, now: datetime) -> date | datetime:
        if now.tzinfo is None:
            raise ValueError("now must be aware")
        if self.distance:
            count, unit = self.distance
            # In UTC, because adding to a local time would count wall-clock hours.
            return now.astimezone(UTC) + count * _UNITS[unit]
        if _DAY.fullmatch(self.text):
            return date.fromisoformat(self.text)
        at = datetime.fromisoformat(self.text)
        return at if at.tzinfo else at.replace(tzinfo=now.tzinfo)


def parse_moment(text: str) -> Moment | None:
    """The moment a text names, or None when it names none between the years 1970 and 2199."""
    if _RELATIVE.fullmatch(text):
        return Moment(text)
    if not (_DAY.fullmatch(text) or _FULL.fullmatch(text)):
        return None
    try:
        year = datetime.fromisoformat(text).year
    except ValueError:
        return None
    return Moment(text) if FIRST_YEAR <= year <= LAST_YEAR else None
