"""Makes what stands in desk rooms, at the moment it is sent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select

from bot.calls import Opening
from bot.cards import rooms as cards
from bot.fitting import Fitting, ticket_of
from bot.making import Maker
from bot.rooms import threads
from core import clock
from core.access import SYSTEM
from core.chat import Card, ChatAdapter, Post
from core.db import UnitOfWork
from core.i18n import speaking
from core.outbox_model import Delivery
from core.people import service as people
from core.people.model import Tag
from core.rooms import service as rooms
from core.rooms import testing
from core.tickets import fact_words, timeline
from core.tickets.access import Opened
from core.tickets.queries import names_of


class RoomCards(Fitting):
    """The makers of desk rooms, by the name of the card."""

    def __init__(self, chats: Mapping[str, ChatAdapter], public_url: str) -> None:
        super().__init__(chats)
        self.public_url = public_url
        self.makers: Mapping[str, Maker] = {
            threads.HEAD: self.head,
            threads.FACT: self.fact,
            threads.QUEUE: self.queue,
            threads.TROUBLE: self.trouble,
            testing.CARD: self.test,
        }

    async def head(self, uow: UnitOfWork, row: Delivery) -> Post | Opening | None:
        """The card above a thread; with its title where the thread is to be opened."""
        opened = await ticket_of(uow, row)
        if opened is None:
            return None
        with speaking(uow.settings.language):
            post = self.post(await self._head(uow, opened), row)
            if row.kind != "open":
                return post
            return Opening(cards.title(opened, self.limits(row).title), post)

    async def fact(self, uow: UnitOfWork, row: Delivery) -> Post | None:
        """A line that says what happened to the ticket."""
        opened = await ticket_of(uow, row)
        if opened is None:
            return None
        with speaking(uow.settings.language):
            line = await timeline.fact(uow, SYSTEM, opened, int(str(row.args["event"])))
            if line is None:
                return None
            words = fact_words.sentence(line, people.zone_of(uow.settings.zone))
            return self.post(Card(text=f"*{words}*", tone="note"), row)

    async def queue(self, uow: UnitOfWork, row: Delivery) -> Post | None:
        room = await rooms.at(uow.session, row.place_key)
        if room is None:
            return None
        live, waiting, oldest = await rooms.open_in(uow.session, room)
        with speaking(uow.settings.language):
            return self.post(cards.queue(live, waiting, oldest, clock.now()), row)

    async def trouble(self, uow: UnitOfWork, row: Delivery) -> Post | None:
        opened = await ticket_of(uow, row)
        if opened is None:
            return None
        known = await people.known(uow.session, uow, [opened.ticket.requester_id])
        requester = known.get(opened.ticket.requester_id)
        with speaking(uow.settings.language):
            name = requester.shown if requester else ""
            return self.post(cards.trouble(str(row.args.get("error", "")), name, await _wait(uow, row)), row)

    async def test(self, uow: UnitOfWork, row: Delivery) -> Post:
        with speaking(uow.settings.language):
            return self.post(cards.test(uow.settings.name), row)

    async def _head(self, uow: UnitOfWork, opened: Opened) -> Card:
        ticket = opened.ticket
        known = await people.known(uow.session, uow, [ticket.requester_id, ticket.assignee_id])
        names = await names_of(
            uow,
            teams={ticket.team_id} if ticket.team_id else set(),
            categories={ticket.category_id} if ticket.category_id else set(),
            tags=set(),
        )
        tags = list(await uow.session.scalars(select(Tag.name).where(Tag.id.in_(ticket.tags))))
        return cards.head(
            opened,
            known.get(ticket.requester_id),
            known.get(ticket.assignee_id) if ticket.assignee_id else None,
            names,
            sorted(tags),
            f"{self.public_url}/tickets/{ticket.number}",
        )


async def _wait(uow: UnitOfWork, row: Delivery) -> timedelta:
    """How long the delivery that a card of trouble speaks of waits yet."""
    asked = await uow.session.get(Delivery, UUID(str(row.args["row"]))) if "row" in row.args else None
    return asked.due_at - clock.now() if asked is not None else timedelta()
