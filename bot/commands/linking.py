"""One person in several chats, and places that become desk rooms."""

from __future__ import annotations

import re
from dataclasses import replace

from sqlalchemy import func, select

from bot.cards import tickets as cards
from bot.registry import Turn, command, typed
from core.access import Permission
from core.chat import Card
from core.errors import Invalid, NotFound, Refused
from core.i18n import _
from core.people import linking
from core.people.model import Team
from core.rooms import service as rooms
from core.rooms.model import RoomRule
from core.tickets import joining
from core.tickets import service as tickets

_NUMBER = re.compile(r"#?[0-9]{1,18}")


@command("link", "Link two tickets; or, with a code, two chats of yours", often=True)
async def link(turn: Turn, what: str = "") -> Card:
    """`/link 42` links the ticket of this place with 42, `/link 41 42` those two. Without anything it
    makes a code; with the code of another chat this chat belongs to that account from now on."""
    words = what.split()
    if words and all(_NUMBER.fullmatch(word) for word in words):
        return await _tickets(turn, [int(word.lstrip("#")) for word in words])
    if not words:
        return await _code(turn)
    return await _enter(turn, what)


async def _tickets(turn: Turn, numbers: list[int]) -> Card:
    if len(numbers) == 1 and turn.here is not None:
        numbers = [turn.here, *numbers]
    if len(numbers) != 2:
        raise Invalid(_("Which two tickets? Write {link} 41 42.").format(link=typed("link", turn.limits)))
    opened = await tickets.link(turn.uow, turn.actor, numbers[0], numbers[1])
    return cards.ticket(opened, turn.actor, note=_("Linked."))


async def _code(turn: Turn) -> Card:
    made = await linking.make_code(turn.uow, turn.person)
    words = _(
        "Enter this code in your other chat within ten minutes, by the command “link”, as `/link {code}`; “help” "
        "there shows how commands are written. Give the code to nobody: whoever enters it speaks as you."
    )
    return Card(text=words.format(code=made), private=True)


async def _enter(turn: Turn, code: str) -> Card:
    if turn.actor.staff or turn.person.email_verified_at is not None:
        # An account is not given away by a code that somebody was talked into entering.
        words = _("You are linked already. Make the code here with {link}, and enter it in the other chat.")
        words = words.format(link=typed("link", turn.limits))
        return Card(text=words, tone="warning", private=True)
    await linking.may_try(turn.uow, turn.person)
    try:
        owner = await linking.owner_of(turn.uow, code, turn.person)
    except NotFound as wrong:
        # Told by a card, so that the try is counted and committed.
        return Card(text=wrong.words, tone="warning", private=True)
    await joining.absorb(turn.uow, owner, turn.person)
    linking.linked(turn.uow, owner, turn.inbound.place)
    return Card(text=_("Linked: here and there you are the same person now."), tone="good", private=True)


@command("room", "Make this place a desk room, for all teams or one", needs=Permission.manage_desk)
async def room(turn: Turn, rule: RoomRule = RoomRule.assignee, team: str = "") -> Card:
    place = replace(turn.inbound.place, thread="")
    chosen = await _team(turn, team) if team.strip() else None
    await rooms.add(
        turn.uow, turn.actor, place, name=team.strip(), team_id=chosen.id if chosen else None, rule=rule
    )
    return Card(text=_("This is a desk room now: each new ticket gets a thread here."), tone="good")


@command("unroom", "This place is no desk room any more", needs=Permission.manage_desk)
async def unroom(turn: Turn) -> Card:
    found = await rooms.at(turn.uow.session, replace(turn.inbound.place, thread="").key)
    if found is None:
        raise Refused(_("This is no desk room."))
    await rooms.remove(turn.uow, turn.actor, found.id)
    return Card(text=_("This is no desk room any more."), tone="good")


async def _team(turn: Turn, name: str) -> Team:
    team: Team | None = await turn.uow.session.scalar(
        select(Team).where(func.lower(Team.name) == name.strip().casefold(), Team.active).limit(1)
    )
    if team is None:
        raise NotFound(_("There is no such team."))
    return team
