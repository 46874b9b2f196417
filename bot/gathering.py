"""A message, or a whole thread, that somebody took to the desk by a shortcut becomes a ticket."""

from __future__ import annotations

from sqlalchemy import select

from bot.cards import tickets as cards
from core import inbox
from core.chat import Answer, Card, Gathered, Said
from core.conversations import incoming
from core.conversations.model import Seat
from core.conversations.service import Saying
from core.db import UnitOfWork
from core.errors import Invalid
from core.i18n import _, set_language
from core.ids import new_id
from core.people import service as people
from core.people.model import Person
from core.tickets import service as tickets
from core.tickets.access import Opened
from core.tickets.model import Ticket

MOST = 200


async def gathered(uow: UnitOfWork, inbound: Gathered) -> Answer:
    """Open a ticket with all that was said, each message under its own author's name. Whoever spoke
    first is the requester. What was taken along before stays where it is."""
    asker = await _person(uow, inbound)
    set_language(asker.locale)
    number = await _here(uow, inbound)
    if number is not None:
        return _already(number)
    fresh = [said for said in inbound.messages[:MOST] if await inbox.note_done(uow, said)]
    if not fresh:
        raise Invalid(_("There is nothing here that could become a ticket, or it has become one already."))
    opened = await _open(uow, fresh[0], inbound)
    for said in fresh[1:]:
        opened = await _add(uow, opened, said)
    words = _("This is ticket #{number} now.").format(number=opened.number)
    actor = await people.actor_of(uow, asker)
    card = cards.ticket(opened, actor, note=words)
    return Answer(
        cards=(Card(card.text, card.title, card.fields, card.buttons, private=True),), ticket=opened.number
    )


async def _open(uow: UnitOfWork, said: Said, inbound: Gathered) -> Opened:
    requester = await _person(uow, said)
    actor = await people.actor_of(uow, requester)
    request = tickets.Request(
        text=said.text,
        channel=said.place.platform,
        language=requester.locale,
        place=inbound.place,
        native=said.native,
        message_id=new_id(),
        files_follow=bool(said.files),
    )
    opened = await tickets.open_ticket(uow, actor, requester, request)
    assert request.message_id is not None
    incoming.expect(uow, opened.thread, request.message_id, inbound.place, said.native, said.files)
    return opened


async def _add(uow: UnitOfWork, opened: Opened, said: Said) -> Opened:
    if not said.text.strip() and not said.files:
        return opened
    person = await _person(uow, said)
    actor = await people.actor_of(uow, person)
    requester = await people.get(uow, opened.ticket.requester_id)
    saying = Saying(
        text=said.text,
        side="staff" if actor.staff and person.id != requester.id else "requester",
        via=said.place.platform,
        language=opened.ticket.language,
        filed_under=opened.subject,
        origin=said.place,
        native=said.native,
        files_follow=bool(said.files),
        id=new_id(),
    )
    opened, message = await tickets.hear(uow, opened, actor, saying, requester)
    incoming.expect(uow, opened.thread, message.id, said.place, said.native, said.files)
    return opened


async def _person(uow: UnitOfWork, inbound: Said | Gathered) -> Person:
    place = inbound.place
    return await people.recognise(uow, inbound.sender, place.platform, place.installation)


async def _here(uow: UnitOfWork, inbound: Gathered) -> int | None:
    """The ticket that the place holds already."""
    found: int | None = await uow.session.scalar(
        select(Ticket.number)
        .join(Seat, Seat.conversation_id == Ticket.conversation_id)
        .where(Seat.place_key == inbound.place.key, Seat.active)
    )
    return found


def _already(number: int) -> Answer:
    words = _("This is ticket #{number} already.").format(number=number)
    return Answer(cards=(Card(text=words, private=True),), ticket=number)
