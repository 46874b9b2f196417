"""Who has a ticket: claim, release, assign, pass."""

from __future__ import annotations

from bot.cards import tickets as cards
from bot.registry import Turn, command
from core.access import Permission
from core.chat import Card
from core.errors import Invalid, NotFound
from core.i18n import _
from core.people import service as people
from core.people.model import Person
from core.tickets import service as tickets
from core.tickets.access import Opened


@command("claim", "Take a ticket", needs=Permission.claim_ticket, often=True)
async def claim(turn: Turn, ticket: int) -> Card:
    return await _card(turn, await tickets.claim(turn.uow, turn.actor, ticket), _("It is yours."))


@command("release", "Give a ticket back to the queue", needs=Permission.claim_ticket, often=True)
async def release(turn: Turn, ticket: int) -> Card:
    return await _card(
        turn, await tickets.release(turn.uow, turn.actor, ticket), _("It is back in the queue.")
    )


@command(
    "assign", "Give a ticket to a colleague (by e-mail address)", needs=Permission.assign_ticket, often=True
)
async def assign(turn: Turn, ticket: int, to: str) -> Card:
    colleague = await _colleague(turn, to)
    opened = await tickets.assign(turn.uow, turn.actor, ticket, to=colleague.id)
    return await _card(turn, opened, _("Assigned."))


@command("pass", "Pass an offered chat on", needs=Permission.claim_ticket)
async def pass_(turn: Turn, ticket: int) -> Card:
    return await _card(turn, await tickets.pass_on(turn.uow, turn.actor, ticket), _("Passed on."))


async def _colleague(turn: Turn, address: str) -> Person:
    if address.strip().casefold() in ("me", "myself"):
        return turn.person
    found = await people.by_email(turn.uow, address.strip().lstrip("@"), verified=False)
    if found is None:
        raise NotFound(_("There is no colleague with that address."))
    if found.role == "requester":
        raise Invalid(_("This person cannot take tickets."), field="to")
    return found


async def _card(turn: Turn, opened: Opened, note: str) -> Card:
    known = await people.known(turn.uow.session, turn.uow, [opened.ticket.assignee_id])
    assignee = known.get(opened.ticket.assignee_id) if opened.ticket.assignee_id else None
    return cards.ticket(opened, turn.actor, assignee, note=note)
