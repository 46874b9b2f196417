"""Free text: a new ticket, or more of the one that this place holds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from bot import brought
from bot.registry import NARROW, bare, typed
from core import clock, inbox
from core.access import SYSTEM, Actor, Permission
from core.chat import Answer, Card, Deleted, Edited, Inbound, Limits, Place, Reacted, Said
from core.conversations import incoming
from core.conversations import service as conversations
from core.conversations.model import Conversation, Message, MessageKind, Seat
from core.conversations.service import Saying, Thread
from core.crypto.model import PersonKey
from core.db import UnitOfWork
from core.errors import Forbidden, Invalid
from core.i18n import _, set_language
from core.ids import new_id
from core.kb.stuck import note_article
from core.people import service as people
from core.people.model import Identity, Person
from core.rooms import service as rooms
from core.rooms.model import RoomRule
from core.tickets import access, hearing
from core.tickets import service as tickets
from core.tickets.access import Opened
from core.tickets.hearing import NOTE_MARK, Arrival, Noted
from core.tickets.model import Ticket

_NO_COMMAND = re.compile(r"/([a-z0-9_]{1,32})(?:\s|$)", re.IGNORECASE)
_SPOKEN_BY = re.compile(r"/(reply|note|new)(?:@\w+)?(?:\s+|$)(?:#?([0-9]{1,18})(?:\s+|$))?", re.IGNORECASE)
ARRIVAL = "arrival"
NOTED = "noted"


@dataclass(slots=True)
class Speaker:
    """Who speaks in a place, as whom, and the ticket that the place holds, locked."""

    person: Person
    actor: Actor
    opened: Opened | None
    side: str = "requester"


async def speaker_of(uow: UnitOfWork, inbound: Said) -> Speaker | None:
    """One query for the common case: a known person in a place with a live conversation. None in a
    desk room where nobody knows who speaks: agents are agents by their linked identity."""
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
        return await _newcomer(uow, inbound)
    person, side, conversation, ticket, wrapped, intermediate_id = row
    _may_speak(person)
    set_language(person.locale)
    owner_key = await uow.keys.open_person(uow.session, conversation.owner_id, wrapped, intermediate_id)
    key = uow.keys.open_data_key(owner_key, conversation.id, conversation.wrapped_key)
    actor = await people.actor_of(uow, person)
    return Speaker(person, actor, Opened(ticket, Thread(conversation, key)), side)


async def _newcomer(uow: UnitOfWork, inbound: Said) -> Speaker | None:
    """Somebody new, or a place that holds no ticket."""
    place = inbound.place
    seat = await _seat_at(uow, place)
    if seat is not None and seat.side == "staff":
        digest = people.digest_of_identity(uow, place.platform, place.installation, inbound.sender.external)
        if await people.by_identity(uow, digest) is None:
            return None
    person = await people.recognise(uow, inbound.sender, place.platform, place.installation)
    _may_speak(person)
    set_language(person.locale)
    actor = await people.actor_of(uow, person)
    if seat is None:
        return Speaker(person, actor, None)
    opened = await access.by_conversation(uow, SYSTEM, seat.conversation_id, lock=True)
    return Speaker(person, actor, opened, seat.side)


async def note(uow: UnitOfWork, inbound: Inbound) -> bool:
    """Write the fact's key into this unit; False when it was seen before. For what was said, the
    same round trip finds who speaks and where."""
    if not isinstance(inbound, Said):
        return await inbox.note_done(uow, inbound)
    noted = await _arrive(uow, inbound)
    if noted.fresh:
        uow.memo[ARRIVAL] = noted.arrival
    return noted.fresh


async def _arrive(uow: UnitOfWork, inbound: Said) -> Noted:
    """One look, whoever asks first."""
    noted: Noted | None = uow.memo.get(NOTED)
    if noted is None:
        noted = uow.memo[NOTED] = await hearing.arrive(uow, inbound)
    return noted


def was_asked(uow: UnitOfWork) -> bool:
    """Whether what is said may answer a question that was asked in its place."""
    noted: Noted | None = uow.memo.get(NOTED)
    return noted is None or noted.asked


async def must_wait(uow: UnitOfWork, inbound: Inbound) -> bool:
    """Whether something said earlier in this place is still to be worked off: what follows it, or
    speaks of it, comes after it."""
    if isinstance(inbound, Said):
        return (await _arrive(uow, inbound)).waiting
    if isinstance(inbound, (Edited, Deleted, Reacted)):
        return await inbox.has_waiting(uow, inbound.place)
    return False


async def said(uow: UnitOfWork, inbound: Said, limits: Limits = NARROW) -> Answer:
    """Something was said: to the ticket of this place, or it opens one."""
    arrival: Arrival | None = uow.memo.get(ARRIVAL)
    if arrival is not None and arrival.is_plain(uow, inbound):
        if arrival.blocked:
            raise Forbidden(blocked_card().text)
        set_language(arrival.locale)
        message_id = await hearing.hear_at_once(uow, arrival, inbound)
        return Answer(message_id=str(message_id), ticket=arrival.row.number)
    speaker = await speaker_of(uow, inbound)
    if speaker is None:
        return Answer(cards=(unlinked_card(limits),))
    if speaker.opened is None:
        return await _opens(uow, inbound, speaker, limits)
    if speaker.side == "staff":
        return await hear_agent(uow, inbound, speaker.actor, speaker.opened, limits)
    if speaker.actor.staff and speaker.opened.ticket.requester_id != speaker.person.id:
        return await _answers_in_place(uow, inbound, speaker, speaker.opened)
    return await _adds(uow, inbound, speaker, speaker.opened)


async def concerns(uow: UnitOfWork, inbound: Inbound) -> bool:
    """Whether something that was not said to the desk is its business all the same: a place that
    holds a ticket, or a message that stands in one. Of anything else nothing is kept."""
    match inbound:
        case Said():
            return (await _arrive(uow, inbound)).concerned
        case Edited() | Deleted() | Reacted():
            return await conversations.standing_at(uow, inbound.place, inbound.native) is not None
        case _:
            return True


async def _opens(uow: UnitOfWork, inbound: Said, speaker: Speaker, limits: Limits) -> Answer:
    if not limits.timeline:
        await no_desk_room(uow, inbound.place)
    request = _request(inbound, speaker, brought.stored(inbound.files))
    opened = await tickets.open_ticket(uow, speaker.actor, speaker.person, request)
    assert request.message_id is not None
    if article := inbound.hints.get("article", ""):
        await note_article(uow, speaker.actor, opened.number, article)
    _expect(uow, opened, request.message_id, inbound)
    return Answer(message_id=str(request.message_id), ticket=opened.number)


async def _adds(uow: UnitOfWork, inbound: Said, speaker: Speaker, opened: Opened) -> Answer:
    saying = Saying(
        text=inbound.text,
        side="requester",
        via=inbound.place.platform,
        files=brought.stored(inbound.files),
        language=opened.ticket.language,
        filed_under=opened.subject,
        origin=inbound.place,
        native=inbound.native,
        reply_to=await brought.replied_to(uow, inbound.place, inbound.reply_to),
        id=new_id(),
        missed=inbound.missed,
        files_follow=brought.follow(inbound.files),
        at=_time_of(inbound),
    )
    requester = await people.get(uow, opened.ticket.requester_id)
    opened, message = await tickets.hear(uow, opened, speaker.actor, saying, requester)
    _expect(uow, opened, message.id, inbound)
    return Answer(message_id=str(message.id), ticket=opened.number)


async def _answers_in_place(uow: UnitOfWork, inbound: Said, speaker: Speaker, opened: Opened) -> Answer:
    """An agent speaks in the requester's own thread: everyone there has read it already."""
    opened, message = await tickets.reply(
        uow,
        speaker.actor,
        opened.number,
        inbound.text,
        via=inbound.place.platform,
        files=brought.stored(inbound.files),
        hold=0,
        origin=inbound.place,
        native=inbound.native,
        reply_to=await brought.replied_to(uow, inbound.place, inbound.reply_to),
        files_follow=brought.follow(inbound.files),
    )
    _expect(uow, opened, message.id, inbound)
    return Answer(message_id=str(message.id), ticket=opened.number)


async def no_desk_room(uow: UnitOfWork, place: Place) -> None:
    """Raises `Invalid` in a desk room, whose threads hold the tickets of others."""
    if await rooms.holds(uow.session, place):
        raise Invalid(_("This is a desk room. Ask for help in your own chat with the desk."))


async def hear_agent(
    uow: UnitOfWork, inbound: Said, actor: Actor, opened: Opened, limits: Limits = NARROW
) -> Answer:
    """An agent speaks in a ticket's thread in a desk room: a reply or a note, by the room's rule. A
    reply never reaches a requester by accident."""
    if not actor.staff:
        return Answer(cards=(unlinked_card(limits),))
    _no_slip(inbound, limits)
    words, is_reply = await _by_the_rule(uow, inbound, actor, opened)
    verb = tickets.reply if is_reply else tickets.note
    answered = await brought.replied_to(uow, inbound.place, inbound.reply_to) if is_reply else None
    extra: dict[str, Any] = {"reply_to": answered} if is_reply else {}
    opened, message = await verb(
        uow,
        actor,
        opened.number,
        words,
        via=inbound.place.platform,
        files=brought.stored(inbound.files),
        origin=inbound.place,
        native=inbound.native,
        files_follow=brought.follow(inbound.files),
        **extra,
    )
    _expect(uow, opened, message.id, inbound)
    return Answer(message_id=str(message.id), ticket=opened.number)


def _no_slip(inbound: Said, limits: Limits) -> None:
    """A mistyped command, `/nte she shouts`, is for the desk and not for the requester."""
    words = inbound.text.strip()
    slip = _NO_COMMAND.match(words)
    name = (
        slip.group(1) if slip is not None else words.split(maxsplit=1)[0] if inbound.by_name and words else ""
    )
    if name:
        raise Invalid(
            _(
                "There is no command “{name}”, and nobody was told anything. {help} lists them; what begins like "
                "one and is meant for the requester goes by {reply}."
            ).format(name=name[:32], help=typed("help", limits), reply=typed("reply", limits))
        )


async def _by_the_rule(uow: UnitOfWork, inbound: Said, actor: Actor, opened: Opened) -> tuple[str, bool]:
    """What is to be said, and whether it is a reply. `//` at the start is always a note."""
    if inbound.text.lstrip().startswith(NOTE_MARK):
        return inbound.text.lstrip().removeprefix(NOTE_MARK).lstrip(), False
    found = await rooms.thread_at(uow.session, inbound.place.key)
    rule = found[1].rule if found is not None else RoomRule.assignee
    if rule == RoomRule.everyone:
        return inbound.text, actor.may(Permission.reply)
    return inbound.text, rule == RoomRule.assignee and opened.ticket.assignee_id == actor.id


async def edited(uow: UnitOfWork, inbound: Edited, limits: Limits = NARROW) -> Answer:
    opened, message, actor, place = await _own_message(uow, inbound)
    if await conversations.note_edit(uow, place, inbound.native, inbound.at):
        words = _as_edited(inbound.text, message, opened.number, limits)
        await tickets.edit_message(uow, actor, opened, message, words, origin=place)
    return Answer(message_id=str(message.id), ticket=opened.number)


def _as_edited(text: str, message: Message, number: int, limits: Limits) -> str:
    """The new words without the command or the mark that they began with. What was a reply does not
    become a note by an edit: its words would go out."""
    words = bare(text, limits).lstrip()
    by, marked = _SPOKEN_BY.match(words), words.startswith(NOTE_MARK)
    is_note = message.kind == MessageKind.note
    if message.side == "staff" and not is_note and (marked or (by and by.group(1).lower() == "note")):
        raise Invalid(
            _("A reply does not become a note by an edit: it stays as it was. Delete it, and write a note.")
        )
    if marked and is_note:
        return words.removeprefix(NOTE_MARK).lstrip()
    if by is None:
        return text
    return words[by.end() :] if by.group(2) in (None, str(number)) else words[by.end(1) :].lstrip()


async def deleted(uow: UnitOfWork, inbound: Deleted) -> Answer:
    opened, message, actor, place = await _own_message(uow, inbound)
    await conversations.delete(uow, opened.thread, actor, message, origin=place)
    return Answer(message_id=str(message.id), ticket=opened.number)


async def reacted(uow: UnitOfWork, inbound: Reacted) -> Answer:
    opened, message, actor, place = await _own_message(uow, inbound)
    await conversations.react(uow, opened.thread, actor, message, inbound.emoji, origin=place)
    return Answer(message_id=str(message.id), ticket=opened.number)


def unlinked_card(limits: Limits = NARROW) -> Card:
    words = _(
        "You are not linked to an account of this desk, so this was not taken. Make a code in the desk "
        "under your profile, then write here: {link} CODE"
    )
    return Card(text=words.format(link=typed("link", limits)), tone="warning", private=True)


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
        files_follow=brought.follow(inbound.files),
        missed=inbound.missed,
        at=_time_of(inbound),
    )


async def _own_message(
    uow: UnitOfWork, inbound: Edited | Deleted | Reacted
) -> tuple[Opened, Message, Actor, Place]:
    """The message by the platform's id, its ticket locked, who speaks, and the place it stands at; it
    must stand in a ticket that they may see."""
    person = await people.recognise(uow, inbound.sender, inbound.place.platform, inbound.place.installation)
    _may_speak(person)
    actor = await people.actor_of(uow, person)
    found = await conversations.standing_at(uow, inbound.place, inbound.native)
    if found is None:
        raise access.missing()
    message, place = found
    opened = await access.by_message(uow, actor, message, lock=True)
    await uow.session.refresh(message)
    return opened, message, actor, place


async def _seat_at(uow: UnitOfWork, place: Place) -> Seat | None:
    found: Seat | None = await uow.session.scalar(
        select(Seat).where(Seat.place_key == place.key, Seat.active)
    )
    return found


def _expect(uow: UnitOfWork, opened: Opened, message_id: UUID, inbound: Said) -> None:
    incoming.expect(uow, opened.thread, message_id, inbound.place, inbound.native, inbound.files)


def _time_of(inbound: Said) -> datetime | None:
    """What was missed keeps its own time; everything else has ours."""
    return min(inbound.at, clock.now()) if inbound.missed else None
