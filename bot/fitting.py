"""What every maker of cards needs: the ticket of a row, and a card cut to what the row's platform carries."""

from __future__ import annotations

from collections.abc import Mapping

from core.access import SYSTEM
from core.chat import Card, ChatAdapter, Limits, Place, Post
from core.db import UnitOfWork
from core.errors import NotFound
from core.fit import fit
from core.outbox_model import Delivery
from core.tickets import access
from core.tickets.access import Opened

UNKNOWN = Limits(text=4_000)


class Fitting:
    """Base of those who make cards for delivery rows."""

    def __init__(self, chats: Mapping[str, ChatAdapter]) -> None:
        self.chats = chats

    def limits(self, row: Delivery) -> Limits:
        adapter = self.chats.get(Place.from_key(row.place_key).platform)
        return adapter.limits if adapter is not None else UNKNOWN

    def post(self, card: Card, row: Delivery) -> Post:
        return Post(fit(card, self.limits(row)), again=row.attempts > 1, since=row.created_at)


async def ticket_of(uow: UnitOfWork, row: Delivery) -> Opened | None:
    """The ticket of a row; None when it is no more to be told of."""
    if row.conversation_id is None:
        return None
    try:
        return await access.by_conversation(uow, SYSTEM, row.conversation_id)
    except NotFound:
        return None
