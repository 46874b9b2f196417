"""Commands, buttons and typed slashes: whichever way a person says it, one place runs it."""

from __future__ import annotations

import re

from sqlalchemy import select

from bot import commands
from bot.cards import tickets as cards
from bot.commands.registry import Turn
from core.chat import Answer, Inbound, Invoked, Place, Pressed, Said
from core.conversations.model import Seat
from core.db import UnitOfWork
from core.errors import Forbidden, Invalid
from core.i18n import _, set_language
from core.people import service as people
from core.tickets.model import Ticket

_TYPED = re.compile(r"/([a-z0-9_]{1,32})(?:\s+(.*))?", re.DOTALL)


def as_command(inbound: Said) -> Invoked | None:
    """A message that is a command of ours, as such; anything else is just said."""
    match = _TYPED.fullmatch(inbound.text.strip())
    if match is None or match.group(1) not in commands.load():
        return None
    return Invoked(
        place=inbound.place,
        sender=inbound.sender,
        native=inbound.native,
        at=inbound.at,
        command=match.group(1),
        arguments=match.group(2) or "",
    )


async def invoked(uow: UnitOfWork, inbound: Invoked) -> Answer:
    commands.load()
    turn = await _turn(uow, inbound)
    card = await commands.run(turn, inbound.command, inbound.arguments, inbound.options)
    return Answer(cards=(card,), ticket=turn.here)


async def pressed(uow: UnitOfWork, inbound: Pressed) -> Answer:
    """`verb:thing:number`: the verb is a command's name; a rating's thing is the score."""
    commands.load()
    verb, _sep, rest = inbound.button.partition(":")
    thing, _sep, number = rest.partition(":")
    if not number.isdigit() or len(number) > 18:
        raise Invalid(_("This button is no longer valid."))
    turn = await _turn(uow, inbound)
    line = f"{thing} {number}" if verb == "rate" else number
    card = await commands.run(turn, verb, line)
    return Answer(cards=(card,), ticket=int(number))


async def _turn(uow: UnitOfWork, inbound: Inbound) -> Turn:
    person = await people.recognise(uow, inbound.sender, inbound.place.platform, inbound.place.installation)
    if person.blocked_at is not None or not person.active:
        raise Forbidden(cards.problem(_("You cannot write here any more.")).text)
    set_language(person.locale)
    actor = await people.actor_of(uow, person)
    uow.actor = actor
    return Turn(uow, actor, person, inbound, await _ticket_at(uow, inbound.place))


async def _ticket_at(uow: UnitOfWork, place: Place) -> int | None:
    number: int | None = await uow.session.scalar(
        select(Ticket.number)
        .join(Seat, Seat.conversation_id == Ticket.conversation_id)
        .where(Seat.place_key == place.key, Seat.active)
    )
    return number
