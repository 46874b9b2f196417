"""Tells the database being away from a fault of the program: the one is waited out, the other kept.

What failed because the connection went, or because the server takes none now, may be said again:
nothing of it was committed, or its key shows that it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

log = structlog.get_logger("outage")
AGAIN = 1.0
"""Seconds until the database is asked again."""
MAY_BE_AWAY = (OSError, TimeoutError, PoolTimeout, DBAPIError)
"""What an edge catches before it asks `is_outage`."""
_AWAY_CODES = ("08", "57P", "53", "58", "25P03", "XX000")
"""SQLSTATE of the connection, of a server that starts or stops, that has no room or connections
left, whose disk fails, of a transaction that stood still too long (PostgreSQL, appendix A). A quota or
a limit on its files has no code of its own and is an internal error (XX000)."""


async def wait_out(work: Callable[[], Awaitable[None]]) -> None:
    """Do what has to be done however long the database is away. Raises what is no outage."""
    while True:
        try:
            return await work()
        except MAY_BE_AWAY as error:
            if not is_outage(error):
                raise
            log.warning("database.away", error=type(error).__name__)
        await asyncio.sleep(AGAIN)


def is_outage(error: BaseException) -> bool:
    """Whether it was the way to the database, not what was asked of it. The driver reports a
    connection cut in the middle of a statement without marking it as invalid, so its code counts
    as well."""
    if not isinstance(error, DBAPIError):
        return isinstance(error, (OSError, TimeoutError, PoolTimeout))
    code = str(getattr(error.orig, "sqlstate", None) or "")
    # Without a code it is the driver that stumbled, over a connection that went while it was at work.
    by_driver = isinstance(error, InterfaceError) or (isinstance(error, InternalError) and not code)
    return error.connection_invalidated or by_driver or code.startswith(_AWAY_CODES)
