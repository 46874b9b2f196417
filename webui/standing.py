"""Since when a page has said what it says: the date behind `Last-Modified`.

A page shows more than one thing (an article, its neighbours, a menu), so no row's date is that of
the page. What this process has seen is: a body that it showed before is as old as the first time,
one that is new is of now. The date is never too early, so a change is never taken for none.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

MOST = 5_000
"""Pages whose date is known; of the one asked for longest ago it is forgotten, and is new again."""
SECOND = timedelta(seconds=1)


class Standing:
    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._pages: OrderedDict[str, tuple[str, datetime]] = OrderedDict()

    def since(self, page: str, tag: str, now: datetime) -> datetime:
        """Since when `page` has had the body that `tag` names, to the second."""
        before = self._pages.get(page)
        if before is None or before[0] != tag:
            at = now.astimezone(UTC).replace(microsecond=0)
            # A date must tell two bodies of one second apart.
            at = at if before is None else max(at, before[1] + SECOND)
            before = self._pages[page] = tag, at
        self._pages.move_to_end(page)
        if len(self._pages) > self._most:
            self._pages.popitem(last=False)
        return before[1]


def is_as_new(given: str, since: datetime) -> bool:
    """Whether what a client has, by its `If-Modified-Since`, is of `since` or later (RFC 9110,
    13.1.3); a date that is none says nothing."""
    try:
        at = parsedate_to_datetime(given[:100])
    except ValueError:
        return False
    return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)) >= since
