"""Tells requesters, in chats that show no timeline of their own, what became of their ticket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from babel.dates import format_datetime
from sqlalchemy import func, select

from bot.calls import Opening
from bot.cards import requesters as cards
from bot.cards import rooms as room_cards
from bot.fitting import Fitting, ticket_of
from bot.making import Maker
from bot.registry import typed
from bot.rooms.threads import OWN, card
from core import clock
from core.chat import Card, ChatAdapter, Discreet, Place, Post
from core.conversations.model import Message, Seat
from core.db import EventRow, UnitOfWork
from core.i18n import _, language, speaking
from core.outbox_model import Delivery
from core.people import linking
from core.people import service as people
from core.people.model import Person
from core.tickets import fact_words, hours, waiting
from core.tickets.model import Ticket

RECEIPT, FACT, RESOLVED = "requester_receipt", "requester_fact", "requester_resolved"
END, LOST = "requester_place_end", "requester_file_lost"
TOLD = {
    "ticket.opened": RECEIPT,
    "ticket.claimed": FACT,
    "ticket.assigned": FACT,
    "ticket.resolved": RESOLVED,
    "ticket.closed": FACT,
    "ticket.reopened": FACT,
    "ticket.merged": FACT,
}


class Requesters(Fitting):
    """A teller for `bot.tell`, and the makers of its cards."""

    def __init__(self, chats: Mapping[str, ChatAdapter]) -> None:
        super().__init__(chats)
        self.makers: Mapping[str, Maker] = {
            RECEIPT: self.receipt,
            FACT: self.fact,
            RESOLVED: self.resolved,
            OWN: self.place,
            END: self.end,
            LOST: self.lost,
        }

    async def __call__(self, uow: UnitOfWork, event: EventRow) -> None:
        if event.name == "message.file_lost":
            await self._tell_lost(uow, event)
        name = TOLD.get(event.name)
        if name is None or event.conversation_id is None or not _is_news(event):
            return
        for seat in await self._seats(uow, event.conversation_id):
            if event.name == "ticket.closed":
                self._will_end(uow, seat)
            if seat.person_id is not None and seat.person_id == event.actor_id and name in (FACT, RESOLVED):
                continue  # They did it themselves, and were answered.
            args: dict[str, object] = {"event": event.name, "by": _who(event)}
            uow.session.add(card(name, seat.place_key, event.conversation_id, args))

    async def _tell_lost(self, uow: UnitOfWork, event: EventRow) -> None:
        """A file that they sent did not come through; of a colleague's they know nothing."""
        message = await uow.session.get(Message, event.subject)
        if message is None or message.side != "requester" or event.conversation_id is None:
            return
        for seat in await self._seats(uow, event.conversation_id):
            args: dict[str, object] = {"error": event.data.get("error", "")}
            uow.session.add(card(LOST, seat.place_key, event.conversation_id, args))

    def _will_end(self, uow: UnitOfWork, seat: Seat) -> None:
        """A place that was opened for this ticket alone is not kept for ever. Which one that is, the
        platform's adapter knows."""
        if days := self._days(seat.place_key):
            after = timedelta(days=days).total_seconds()
            row = card(END, seat.place_key, seat.conversation_id, {}, kind="close_thread", after=after)
            uow.session.add(row)

    def _days(self, place_key: str) -> int:
        """So long a shared place outlives its ticket; 0 where it is nobody's to end."""
        place = Place.from_key(place_key)
        adapter = self.chats.get(place.platform)
        if adapter is None or (isinstance(adapter, Discreet) and adapter.is_private(place)):
            return 0
        return adapter.limits.own_place_days

    async def _seats(self, uow: UnitOfWork, conversation_id: UUID) -> list[Seat]:
        """The requester's places in chats that do not show what happened by themselves."""
        query = select(Seat).where(
            Seat.conversation_id == conversation_id, Seat.active, Seat.side == "requester"
        )
        found = list(await uow.session.scalars(query))
        return [seat for seat in found if self._is_plain_chat(seat.place_key)]

    def _is_plain_chat(self, place_key: str) -> bool:
        adapter = self.chats.get(Place.from_key(place_key).platform)
        return adapter is not None and not adapter.limits.timeline

    async def receipt(self, uow: UnitOfWork, row: Delivery) -> Post | None:
        opened = await ticket_of(uow, row)
        if opened is None:
            return None
        usual = await waiting.usual_answer(uow.session, opened.ticket.channel)
        person = await uow.session.get(Person, opened.ticket.requester_id)
        assert person is not None
        now = clock.now()
        with speaking(person.locale):
            when = ""
            if (back := hours.next_open(uow.settings, now)) is not None:
                zone = (await people.know(uow, person)).zone
                when = format_datetime(back.astimezone(zone), "EEEE HH:mm", locale=language())
            made = cards.receipt(opened, usual, hours.is_open(uow.settings, now), when)
            if await self._may_be_known(uow, row, person):
                known = cards.may_be_known(typed("link", self.limits(row)))
                made = replace(made, text=f"{made.text}\n\n{known}")
            return self.post(made, row)

    async def _may_be_known(self, uow: UnitOfWork, row: Delivery, person: Person) -> bool:
        """Said once, with the first request, and where nobody else reads it."""
        place = Place.from_key(row.place_key)
        adapter = self.chats.get(place.platform)
        if not isinstance(adapter, Discreet) or not adapter.is_private(place):
            return False
        if not await linking.may_be_known(uow, person, place.platform):
            return False
        theirs = select(func.count()).select_from(Ticket).where(Ticket.requester_id == person.id)
        return await uow.session.scalar(theirs) == 1

    async def place(self, uow: UnitOfWork, row: Delivery) -> Opening | None:
        """A thread of the requester's own: headed by the receipt, with them in it."""
        receipt, opened = await self.receipt(uow, row), await ticket_of(uow, row)
        if receipt is None or opened is None or row.person_id is None:
            return None
        where = Place.from_key(row.place_key)
        member = await people.external_at(uow, row.person_id, where.platform, where.installation)
        limits = self.limits(row)
        return Opening(room_cards.title(opened, limits.title), receipt, member)

    async def fact(self, uow: UnitOfWork, row: Delivery) -> Post | None:
        opened = await ticket_of(uow, row)
        if opened is None:
            return None
        person = await uow.session.get(Person, opened.ticket.requester_id)
        with speaking(person.locale if person else uow.settings.language):
            made = cards.fact(str(row.args["event"]), await _name(uow, row.args.get("by")), opened)
            if made is not None and row.args["event"] == "ticket.closed":
                made = cards.with_end(made, self._days(row.place_key))
            return self.post(made, row) if made is not None else None

    async def lost(self, uow: UnitOfWork, row: Delivery) -> Post | None:
        opened = await ticket_of(uow, row)
        if opened is None:
            return None
        person = await uow.session.get(Person, opened.ticket.requester_id)
        with speaking(person.locale if person else uow.settings.language):
            return self.post(cards.file_lost(fact_words.why_lost(row.args.get("error"))), row)

    async def end(self, uow: UnitOfWork, row: Delivery) -> Post | None:
        """The place has served its time; not where the ticket was opened again, or something else is
        spoken of there, or it is no place of its own."""
        opened, days = await ticket_of(uow, row), self._days(row.place_key)
        if opened is None or opened.ticket.closed_at is None or not days:
            return None
        is_time = opened.ticket.closed_at + timedelta(days=days) <= clock.now()
        here = select(Seat.conversation_id).where(Seat.place_key == row.place_key, Seat.active)
        is_here = await uow.session.scalar(here) == row.conversation_id
        return Post(Card()) if is_time and is_here else None

    async def resolved(self, uow: UnitOfWork, row: Delivery) -> Post | None:
        opened = await ticket_of(uow, row)
        if opened is None or opened.ticket.live:
            return None
        person = await uow.session.get(Person, opened.ticket.requester_id)
        with speaking(person.locale if person else uow.settings.language):
            return self.post(cards.resolved(opened), row)


def _is_news(event: EventRow) -> bool:
    if event.name == "ticket.assigned":
        return bool(event.data.get("to"))
    if event.name == "ticket.closed":
        return event.data.get("reason") != "merged"
    return True


def _who(event: EventRow) -> object:
    return event.data.get("by") if event.name == "ticket.claimed" else event.data.get("to")


async def _name(uow: UnitOfWork, person_id: object) -> str:
    """The agent's name as requesters may know it."""
    if uow.settings.show_agent_names and isinstance(person_id, str):
        known = await people.known(uow.session, uow, [UUID(person_id)])
        if (found := known.get(UUID(person_id))) is not None:
            return found.shown
    return _("A colleague")
