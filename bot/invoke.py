"""Commands, buttons and typed slashes: whichever way a person says it, one place runs it."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace

from sqlalchemy import select

from bot import choices, commands, forms, registry, steps
from bot.cards import tickets as cards
from bot.commands import asking
from bot.registry import NARROW, Turn
from core.chat import (
    Answer,
    Card,
    Completing,
    Form,
    Inbound,
    Invoked,
    Limits,
    Place,
    Pressed,
    Said,
    Submitted,
    Visited,
)
from core.conversations.model import Seat
from core.db import UnitOfWork
from core.errors import Forbidden, Invalid
from core.i18n import _, set_language
from core.people import service as people
from core.rooms import service as rooms
from core.tickets.model import Ticket

_WITH_THING = ("rate", "solved", "article")
_TYPED = re.compile(r"/([a-z0-9_]{1,32})(?:\s+(.*))?", re.DOTALL)


def as_command(inbound: Said, limits: Limits = NARROW) -> Invoked | None:
    """A message that is a command of ours, as such; anything else is just said. What begins as commands
    do on the platform and is none raises `Invalid`: it was not meant to be said."""
    words = registry.bare(inbound.text, limits)
    match = _TYPED.fullmatch(words)
    if match is None or match.group(1) not in commands.load():
        if words != inbound.text.strip():
            raise registry.unknown(words.removeprefix("/").split(maxsplit=1)[0], limits)
        return None
    return Invoked(
        place=inbound.place,
        sender=inbound.sender,
        native=inbound.native,
        at=inbound.at,
        command=match.group(1),
        arguments=match.group(2) or "",
        reply_to=inbound.reply_to,
        direct=inbound.direct,
        missed=inbound.missed,
        files=inbound.files,
        standing=True,
    )


async def invoked(uow: UnitOfWork, inbound: Invoked, limits: Limits = NARROW) -> Answer:
    commands.load()
    turn = await turn_of(uow, inbound, limits)
    turn.files = inbound.files
    result = await commands.run(turn, inbound.command, inbound.arguments, inbound.options)
    return _without_files(turn, await _answer(turn, result))


def _without_files(turn: Turn, answer: Answer) -> Answer:
    """A command that has no use for the files that came with it says so."""
    if not turn.files:
        return answer
    words = _("The files that came with this were not taken. Send them as a message of their own.")
    return replace(answer, cards=(*answer.cards, Card(text=words, tone="warning", private=True)))


async def pressed(uow: UnitOfWork, inbound: Pressed, limits: Limits = NARROW) -> Answer:
    """`verb:thing:number`: the verb is a command's name; of some the thing is the first argument."""
    commands.load()
    verb, _sep, rest = inbound.button.partition(":")
    thing, _sep, number = rest.partition(":")
    if not (number.isascii() and number.isdigit()) or len(number) > 18:
        raise Invalid(_("This button is no longer valid."))
    turn = await turn_of(uow, inbound, limits)
    if verb == "step":
        return await steps.press(turn, thing, int(number))
    line = _line(verb, thing, number)
    if inbound.choice:
        line = f"{line} {shlex.quote(inbound.choice)}"
    return await _answer(turn, await commands.run(turn, verb, line))


def _line(verb: str, thing: str, number: str) -> str:
    if verb in _WITH_THING:
        return f"{thing} {number}"
    return "" if verb == "new" or number == "0" else number


async def submitted(uow: UnitOfWork, inbound: Submitted, limits: Limits = NARROW) -> Answer:
    """A form that was filled in; a form that asks on comes back in its place."""
    turn = await turn_of(uow, inbound, limits)
    return await _answer(turn, await forms.submit(turn, inbound.form, inbound.values))


async def visited(uow: UnitOfWork, inbound: Visited, limits: Limits = NARROW) -> Answer:
    """The bot's own page of somebody: their tickets, and a way to ask for help."""
    commands.load()
    turn = await turn_of(uow, inbound, limits)
    return Answer(cards=(await asking.home(turn),))


async def completing(uow: UnitOfWork, inbound: Completing) -> Answer:
    """Values that fit what is being typed; nothing for those who are not known."""
    commands.load()
    place = inbound.place
    digest = people.digest_of_identity(uow, place.platform, place.installation, inbound.sender.external)
    person = await people.by_identity(uow, digest)
    if person is None:
        return Answer()
    turn = Turn(uow, await people.actor_of(uow, person), person, inbound, await _ticket_at(uow, place))
    return Answer(choices=await choices.of(turn, inbound.option, inbound.typed))


async def continues(uow: UnitOfWork, inbound: Said, limits: Limits) -> Answer | None:
    """The answer to a question that waits here, where forms are asked step by step."""
    if limits.forms:
        return None
    place = inbound.place
    digest = people.digest_of_identity(uow, place.platform, place.installation, inbound.sender.external)
    person = await people.by_identity(uow, digest)
    if person is None:
        return None
    turn = Turn(uow, await people.actor_of(uow, person), person, inbound, limits=limits)
    if not await steps.waits(turn):
        return None
    set_language(person.locale)
    uow.actor = turn.actor
    turn.files = inbound.files
    return await steps.answer(turn, inbound)


async def _answer(turn: Turn, result: Card | Form) -> Answer:
    if isinstance(result, Card):
        return Answer(cards=(await _for_here(turn, result),), ticket=turn.here)
    if turn.limits.forms:
        return Answer(form=result, ticket=turn.here)
    return Answer(cards=(await steps.begin(turn, result),), ticket=turn.here)


async def _for_here(turn: Turn, card: Card) -> Card:
    """In a desk room only colleagues read along: what is inside may stand there."""
    if card.inside and await rooms.holds(turn.uow.session, turn.inbound.place):
        return replace(card, inside=False)
    return card


async def turn_of(uow: UnitOfWork, inbound: Inbound, limits: Limits = NARROW) -> Turn:
    """Who asks, where, and the ticket that this place holds."""
    person = await people.recognise(uow, inbound.sender, inbound.place.platform, inbound.place.installation)
    if person.blocked_at is not None or not person.active:
        raise Forbidden(cards.problem(_("You cannot write here any more.")).text)
    set_language(person.locale)
    actor = await people.actor_of(uow, person)
    uow.actor = actor
    return Turn(uow, actor, person, inbound, await _ticket_at(uow, inbound.place), limits)


async def _ticket_at(uow: UnitOfWork, place: Place) -> int | None:
    number: int | None = await uow.session.scalar(
        select(Ticket.number)
        .join(Seat, Seat.conversation_id == Ticket.conversation_id)
        .where(Seat.place_key == place.key, Seat.active)
    )
    return number
