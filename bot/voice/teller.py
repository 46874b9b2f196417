"""Where a call is told of: the requester's chat gets the personal link, desk rooms the standing.

Each card is edited as the call changes, so that an old invitation never looks like a new one.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from babel.dates import format_datetime
from sqlalchemy import select

from bot.cards import calls as cards
from bot.fitting import Fitting
from bot.making import Maker
from bot.rooms.threads import card
from core.access import SYSTEM, Actor
from core.calls import join_links, queries, recordings
from core.calls.access import person_in
from core.calls.model import Call, CallPerson, Presence
from core.chat import ChatAdapter, Discreet, Place, Post
from core.conversations.model import Seat
from core.db import EventRow, UnitOfWork
from core.i18n import language, speaking
from core.outbox_model import Delivery
from core.people import service as people
from core.people.model import Person
from core.rooms import service as rooms
from core.tickets.model import Ticket

INVITATION, STANDING = "call_invitation", "call_standing"
INVITING = ("call.rang", "call.scheduled", "call.reminded")
QUIET = ("call.consented", "call.recording_started", "call.recording_stopped", "call.recording_played")


class Calls(Fitting):
    """A teller for `bot.tell`, and the makers of its cards."""

    def __init__(self, chats: Mapping[str, ChatAdapter], public_url: str) -> None:
        super().__init__(chats)
        self.public_url = public_url
        self.makers: Mapping[str, Maker] = {INVITATION: self.invitation, STANDING: self.standing}

    async def __call__(self, uow: UnitOfWork, event: EventRow) -> None:
        if not event.name.startswith("call.") or event.name in QUIET:
            return
        call = await uow.session.get(Call, event.subject)
        ticket = await uow.session.get(Ticket, call.ticket_id) if call is not None else None
        if call is None or ticket is None:
            return
        if event.name in INVITING:
            await self._invite(uow, call, ticket, again=event.name == "call.reminded")
        await self._refresh(uow, call)
        for thread in await rooms.threads_of(uow.session, ticket.id):
            if thread.place_key is not None and not await self._stands(uow, call, thread.place_key):
                uow.session.add(self._row(STANDING, thread.place_key, ticket, call))

    async def invitation(self, uow: UnitOfWork, row: Delivery) -> Post | None:
        found = await self._of(uow, row)
        if found is None or row.person_id is None:
            return None
        call, mine = found, await person_in(uow, found.id, row.person_id)
        person = await uow.session.get(Person, row.person_id)
        if mine is None or person is None or person.erased_at is not None:
            return None
        with speaking(person.locale):
            url = self.public_url + join_links.path(uow, mine)
            who, when = await _caller(uow, call, mine), await _when(uow, call, person)
            ticket = await uow.session.get(Ticket, call.ticket_id)
            assert ticket is not None
            shared = not self._is_private(row)
            return self.post(cards.invitation(call, who, url, when, number=ticket.number, shared=shared), row)

    async def standing(self, uow: UnitOfWork, row: Delivery) -> Post | None:
        call = await self._of(uow, row)
        ticket = await uow.session.get(Ticket, call.ticket_id) if call is not None else None
        if call is None or ticket is None:
            return None
        with speaking(uow.settings.language):
            found = await queries.people(uow, SYSTEM, call)
            there = [
                one.name for one in found if one.presence in (Presence.present, Presence.away) or (not call.live and one.row.joined_at)
            ]  # fmt: skip
            scores = [f"{one.row.rating}/5" for one in found if one.row.rating]
            recorded = not call.live and bool(await recordings.of_call(uow, call))
            made = cards.standing(call, ticket.number, there, ", ".join(scores), recorded=recorded)
            return self.post(made, row)

    def _is_private(self, row: Delivery) -> bool:
        """Whether nobody else reads that place. One of which nothing is known may be read by others."""
        place = Place.from_key(row.place_key)
        adapter = self.chats.get(place.platform)
        return isinstance(adapter, Discreet) and adapter.is_private(place)

    async def _invite(self, uow: UnitOfWork, call: Call, ticket: Ticket, *, again: bool) -> None:
        query = select(Seat).where(
            Seat.conversation_id == ticket.conversation_id, Seat.active, Seat.side == "requester"
        )
        for seat in await uow.session.scalars(query):
            if again or not await self._stands(uow, call, seat.place_key):
                row = self._row(INVITATION, seat.place_key, ticket, call)
                row.person_id = ticket.requester_id
                uow.session.add(row)

    async def _refresh(self, uow: UnitOfWork, call: Call) -> None:
        """What was posted is edited; what is still to be posted says how it stands then."""
        await uow.session.flush()
        query = select(Delivery).where(
            Delivery.card.in_((INVITATION, STANDING)),
            Delivery.kind == "post",
            Delivery.args["call"].as_string() == str(call.id),
            Delivery.native.is_not(None),
        )
        for posted in list(await uow.session.scalars(query.limit(50))):
            assert posted.card is not None
            args: dict[str, object] = {"call": str(call.id), "native": posted.native}
            edit = card(posted.card, posted.place_key, posted.conversation_id, args, kind="edit")
            edit.person_id = posted.person_id
            uow.session.add(edit)

    async def _stands(self, uow: UnitOfWork, call: Call, place_key: str) -> bool:
        query = select(Delivery.id).where(
            Delivery.card.in_((INVITATION, STANDING)),
            Delivery.kind == "post",
            Delivery.place_key == place_key,
            Delivery.args["call"].as_string() == str(call.id),
        )
        return await uow.session.scalar(query.limit(1)) is not None

    def _row(self, name: str, place_key: str, ticket: Ticket, call: Call) -> Delivery:
        return card(name, place_key, ticket.conversation_id, {"call": str(call.id)})

    async def _of(self, uow: UnitOfWork, row: Delivery) -> Call | None:
        return await uow.session.get(Call, UUID(str(row.args["call"])))


async def _caller(uow: UnitOfWork, call: Call, mine: CallPerson) -> str:
    """Who is at the other end, as this person may know."""
    person = await people.get(uow, mine.person_id)
    reader: Actor = await people.actor_of(uow, person)
    others = [one for one in await queries.people(uow, reader, call) if one.person != mine.person_id]
    return next((one.name for one in others if one.staff), uow.settings.name)


async def _when(uow: UnitOfWork, call: Call, person: Person) -> str:
    if call.scheduled_at is None:
        return ""
    zone = (await people.know(uow, person)).zone
    return format_datetime(call.scheduled_at.astimezone(zone), "medium", locale=language())
