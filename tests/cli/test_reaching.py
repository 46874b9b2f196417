"""A part that starts while its database is unwell waits, or ends so that it is started again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from sqlalchemy.exc import DBAPIError

from bot.app import _reach
from core.db import Database
from core.errors import StartError, Unreachable
from core.outage import is_outage


@contextlib.asynccontextmanager
async def refusing(code: str) -> AsyncIterator[Database]:
    """A server that answers whoever connects with this error (PostgreSQL, 55.7)."""
    fields = b"".join(
        b"%c%s\0" % (kind, value)
        for kind, value in zip(b"SCM", (b"FATAL", code.encode(), b"no"), strict=True)
    )

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        size = int.from_bytes(await reader.readexactly(4))
        await reader.readexactly(size - 4)
        writer.write(b"E" + (len(fields) + 5).to_bytes(4) + fields + b"\0")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    db = Database(f"postgresql+asyncpg://x:y@127.0.0.1:{port}/x?ssl=disable", pool=1)
    try:
        yield db
    finally:
        await db.close()
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize("code", ["XX000", "53100", "53300", "57P03", "58030"])
async def test_a_server_that_is_unwell_is_no_wrong_setting(code: str) -> None:
    async with refusing(code) as db:
        with pytest.raises(Unreachable, match=code):
            await _reach(db)
        with pytest.raises(DBAPIError) as raised:
            async with db.engine.connect():
                pass
        assert is_outage(raised.value)


@pytest.mark.parametrize("code", ["28P01", "28000", "3D000"])
async def test_a_wrong_user_or_name_is(code: str) -> None:
    async with refusing(code) as db:
        with pytest.raises(StartError) as raised:
            await _reach(db, patience=60)
    assert not isinstance(raised.value, Unreachable)
