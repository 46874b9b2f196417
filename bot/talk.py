"""Free text: a new ticket, or more of the one that this place holds."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from core import inbox
from core.access import Actor
from core.chat import Answer, Card, Deleted, Edited, Inbound, Reacted, Said
from core.conversations import service as conversations
from core.conversations.model import Conversation, Message, Seat
from core.conversations.service import Saying, Thread
from core.crypto.model import PersonKey
from core.db import UnitOfWork
from core.errors import Forbidden, Invalid
from core.i18n import _, set_language
from core.ids import new_id
from core.people import service as people
from core.people.model import Identity, Person
from core.tickets import access, hearing
from core.tickets import service as tickets
from core.tickets.access import Opened
from core.tickets.hearing import Arrival
from core.tickets.model import Ticket

ARRIVAL = "arrival"
WAITING = "waiting"


@dataclass(slots=True)
class Speaker:
    """Who speaks in a place, as whom, and the ticket that the place holds, locked."""

    person: Person
    actor: Actor
    opened: Opened | None
    side: str = "requester"


async def speaker_of(uow: UnitOfWork, inbound: Said | Edited | Deleted | Reacted) -> Speaker:
    """One query for the common case: a known person in a place with a live conversation."""
    place = inbound.place
    digest = people.digest_of_identity(uow, place.platform, place.installation, inbound.sender.external)
    query = (
        select(Person, Seat.side, Conversation, Ticket, PersonKey.wrapped, PersonKey.intermediate_id)
        .join(Identity, Identity.person_id == Person.id)
        .join(Seat, Seat.place_key == place.key)
        .join(Conversation, Conversation.id == Seat.conversation_id)
        .join(Ticket, Ticket.conversation_id == Conversation.id)
        .join(PersonKey, PersonKey.person_id == Conversation.owner_id)
        .where(Identity.digest == digest, Seat.active)
        .with_for_update(of=(Conversation, Ticket))
    )
    empty = ARRIVAL in uow.memo and uow.memo[ARRIVAL] is None
    row = None if empty else (await uow.session.execute(query)).one_or_none()
    if row is None:
        person = await people.recognise(uow, inbound.sender, place.platform, place.installation)
        _may_speak(person)
        set_language(person.locale)
        return Speaker(person, await people.actor_of(uow, person), None)
    person, side, conversation, ticket, wrapped, intermediate_id = row
    _may_speak(person)
    set_language(person.locale)
    owner_key = await uow.keys.open_person(uow.session, conversation.owner_id, wrapped, intermediate_id)
    key = uow.keys.open_data_key(owner_key, conversation.id, conversation.wrapped_key)
    actor = await people.actor_of(uow, person)
    return Speaker(person, actor, Opened(ticket, Thread(conversation, key)), side)


async def note(uow: UnitOfWork, inbound: Inbound) -> bool:
    """Write the fact's key into this unit; False when it was seen before. For what was said, the
    same round trip finds who speaks and where."""
    if not isinstance(inbound, Said):
        return await inbox.note_done(uow, inbound)
    noted = await hearing.arrive(uow, inbound)
    if noted is None:
        return False
    uow.memo[ARRIVAL], uow.memo[WAITING] = noted.arrival, noted.waiting
    return True


async def must_wait(uow: UnitOfWork, inbound: Inbound) -> bool:
    """Whether something said earlier in this place is still to be worked off: what follows it, or
    speaks of it, comes after it."""
    if isinstance(inbound, Said):
        return bool(uow.memo[WAITING])
    if isinstance(inbound, (Edited, Deleted, Reacted)):
        return await inbox.has_waiting(uow, inbound.place)
    return False


async def said(uow: UnitOfWork, inbound: Said) -> Answer:
    """Something was said: to the ticket of this place, or it opens one."""
    arrival: Arrival | None = uow.memo.get(ARRIVAL)
    if arrival is not None and arrival.is_plain(inbound):
        if arrival.blocked:
            raise Forbidden(blocked_card().text)
        set_language(arrival.locale)
        message_id = await hearing.hear_at_once(uow, arrival, inbound)
        return Answer(message_id=str(message_id), ticket=arrival.row.number)
    speaker = await speaker_of(uow, inbound)
    files = tuple(UUID(ref.stored) for ref in inbound.files if ref.stored)
    if speaker.opened is None:
        request = _request(inbound, speaker, files)
        opened = await tickets.open_ticket(uow, speaker.actor, speaker.person, request)
        return Answer(message_id=str(request.message_id), ticket=opened.number)
    saying = Saying(
        text=inbound.text,
        side=speaker.side,
        via=inbound.place.platform,
        files=files,
        language=speaker.opened.ticket.language,
        filed_under=speaker.opened.subject,
        origin=inbound.place,
        native=inbound.native,
        reply_to=await _replied_to(uow, inbound),
        id=new_id(),
    )
    opened, message = await tickets.hear(uow, speaker.opened, speaker.actor, saying, speaker.person)
    return Answer(message_id=str(message.id), ticket=opened.number)


async def edited(uow: UnitOfWork, inbound: Edited) -> Answer:
    opened, message, actor = await _own_message(uow, inbound)
    await tickets.edit_message(uow, actor, opened, message, inbound.text, origin=inbound.place)
    return Answer(message_id=str(message.id), ticket=opened.number)


async def deleted(uow: UnitOfWork, inbound: Deleted) -> Answer:
    opened, message, actor = await _own_message(uow, inbound)
    await conversations.delete(uow, opened.thread, actor, message, origin=inbound.place)
    return Answer(message_id=str(message.id), ticket=opened.number)


async def reacted(uow: UnitOfWork, inbound: Reacted) -> Answer:
    opened, message, actor = await _own_message(uow, inbound)
    await conversations.react(uow, opened.thread, actor, message, inbound.emoji, origin=inbound.place)
    return Answer(message_id=str(message.id), ticket=opened.number)


def blocked_card() -> Card:
    return Card(
        text=_("You cannot write here any more. If this is a mistake, please use another way to reach us."),
        tone="warning",
    )


def _may_speak(person: Person) -> None:
    if person.blocked_at is not None or not person.active:
        raise Forbidden(blocked_card().text)


def _request(inbound: Said, speaker: Speaker, files: tuple[UUID, ...]) -> tickets.Request:
    hints = inbound.hints
    category = hints.get("category", "")
    try:
        category_id = UUID(category) if category else None
    except ValueError:
        raise Invalid(_("There is no such category."), field="category") from None
    return tickets.Request(
        text=inbound.text,
        subject=hints.get("subject", ""),
        category_id=category_id,
        channel=inbound.place.platform,
        language=speaker.person.locale,
        place=inbound.place,
        native=inbound.native,
        files=files,
        message_id=new_id(),
    )


async def _replied_to(uow: UnitOfWork, inbound: Said) -> UUID | None:
    if not inbound.reply_to:
        return None
    message = await conversations.message_at(uow, inbound.place, inbound.reply_to)
    return message.id if message else None


async def _own_message(uow: UnitOfWork, inbound: Edited | Deleted | Reacted) -> tuple[Opened, Message, Actor]:
    """The message at this place by the platform's id, its ticket locked; it must stand in a
    ticket that the sender may see."""
    person = await people.recognise(uow, inbound.sender, inbound.place.platform, inbound.place.installation)
    _may_speak(person)
    actor = await people.actor_of(uow, person)
    message = await conversations.message_at(uow, inbound.place, inbound.native)
    if message is None:
        raise access.missing()
    opened = await access.by_message(uow, actor, message, lock=True)
    await uow.session.refresh(message)
    return opened, message, actor
