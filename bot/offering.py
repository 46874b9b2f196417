"""Live chats find their agent: a new or passed chat is offered at once, what waits is by a job."""

from __future__ import annotations

from collections.abc import Collection

from bot.tell import Teller
from core.db import EventRow, UnitOfWork
from core.tickets import offers


def make_teller(channels: Collection[str]) -> Teller:
    """A teller for `bot.tell`. `channels` are those in which people sit and wait for an answer."""

    async def tell(uow: UnitOfWork, event: EventRow) -> None:
        if event.name in ("ticket.opened", "ticket.passed"):
            await offers.offer(uow, event.subject, channels)

    return tell
