"""The desk's working hours, as they are set. A desk that has set none is always open."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson
import structlog

from core.calendar import Calendar, parse_calendar
from core.desk_settings import DeskSettings
from core.errors import Invalid

log = structlog.get_logger("tickets.hours")


def calendar_of(settings: DeskSettings) -> Calendar | None:
    """The calendar of the desk; None when there is none, or none that can be read."""
    return _parsed(orjson.dumps({"zone": settings.zone} | settings.hours)) if settings.hours else None


def is_open(settings: DeskSettings, at: datetime) -> bool:
    calendar = calendar_of(settings)
    return calendar is None or calendar.is_open(at)


def next_open(settings: DeskSettings, at: datetime) -> datetime | None:
    """The moment itself when the desk is open, else the next opening; None when it never opens."""
    calendar = calendar_of(settings)
    return at if calendar is None else calendar.next_open(at)


@lru_cache(maxsize=8)
def _parsed(hours: bytes) -> Calendar | None:
    json: dict[str, Any] = orjson.loads(hours)
    try:
        return parse_calendar(json)
    except Invalid as error:
        # Hours that were written by hand must not keep tickets from being opened.
        log.warning("hours.unreadable", field=error.field)
        return None
