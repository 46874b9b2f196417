"""Calls: `/call`, and ending one."""

from __future__ import annotations

from datetime import datetime

from bot.cards import calls as cards
from bot.registry import Turn, command
from core import clock
from core.access import Permission
from core.calls import access, join_links, reach, service
from core.calls.model import Call, CallState
from core.chat import Button, Card
from core.errors import Invalid, NotFound
from core.i18n import _
from core.people import service as people
from core.tickets import access as tickets
from core.tickets.access import Opened


@command(
    "call", "Call the other side of a ticket, or come to the call that runs; with a time, later", often=True
)
async def call(turn: Turn, ticket: int, at: str | None = None) -> Card:
    base = turn.uow.means.public_url
    when = await _time(turn, at) if at else None
    made, mine = await service.ask(turn.uow, turn.actor, ticket, at=when)
    reach.require(base)
    if turn.actor.staff and not turn.limits.private:
        # A room may read along: the desk leads each one to their own link.
        desk = Button(_("Join the call"), url=f"{base}/tickets/{ticket}/call", style="primary")
        return Card(text=cards.state(made), buttons=(desk,))
    return _told(turn, made, base + join_links.path(turn.uow, mine))


@command("hangup", "End the call of a ticket")
async def hangup(turn: Turn, ticket: int) -> Card:
    opened = await tickets.change(turn.uow, turn.actor, ticket)
    found = await access.live_of(turn.uow, opened.ticket.id)
    if found is None:
        raise NotFound(_("This ticket has no call now."))
    await service.end(turn.uow, found, opened, turn.actor)
    return Card(text=cards.state(found), tone="note")


@command(
    "invite", "Ask one more person into the call of a ticket (by e-mail address)", needs=Permission.reply
)
async def invite(turn: Turn, ticket: int, who: str) -> Card:
    opened, found = await _live(turn, ticket)
    row = await service.invite_address(turn.uow, turn.actor, found.id, who.strip().lstrip("@"))
    words = (
        _("They are told by mail and in the desk.") if row.staff else _("They get their own link by mail.")
    )
    return Card(title=_("#{number}: invited").format(number=opened.number), text=words, tone="good")


@command(
    "transfer", "Give the call and the ticket to a colleague (by e-mail address)", needs=Permission.reply
)
async def transfer(turn: Turn, ticket: int, to: str) -> Card:
    opened, found = await _live(turn, ticket)
    person = await people.by_email(turn.uow, to.strip().lstrip("@"), verified=False)
    if person is None:
        raise NotFound(_("There is no colleague with that address."))
    await service.transfer(turn.uow, turn.actor, found.id, person.id)
    words = _("The call and the ticket are theirs now. You may leave the call.")
    return Card(title=f"#{opened.number}", text=words, tone="good")


@command(
    "uninvite",
    "Make a person's link to the call useless (“requester”, or an address)",
    needs=Permission.reply,
)
async def uninvite(turn: Turn, ticket: int, who: str) -> Card:
    opened, found = await _live(turn, ticket)
    if who.strip().casefold() in ("requester", _("requester").casefold()):
        person_id = opened.ticket.requester_id
    else:
        person = await people.by_email(turn.uow, who.strip().lstrip("@"), verified=False)
        if person is None:
            raise NotFound(_("There is no such person."))
        person_id = person.id
    await service.revoke(turn.uow, turn.actor, found.id, person_id)
    return Card(text=_("The link does not work any more. “Call” makes a new one."), tone="note")


async def _live(turn: Turn, ticket: int) -> tuple[Opened, Call]:
    opened = await tickets.get(turn.uow, turn.actor, ticket)
    found = await access.live_of(turn.uow, opened.ticket.id)
    if found is None:
        raise NotFound(_("This ticket has no call now."))
    return opened, found


def _told(turn: Turn, made: Call, url: str) -> Card:
    words = cards.state(made)
    if made.state == CallState.ringing and made.asked_by == turn.actor.id:
        words = _("The other side is called. This is your own link.")
    return Card(text=words, buttons=(Button(_("Join the call"), url=url, style="primary"),), private=True)


async def _time(turn: Turn, said: str) -> datetime:
    """`2026-12-01 14:00`, in the zone of whoever says it."""
    zone = (await people.know(turn.uow, turn.person)).zone
    try:
        return datetime.fromisoformat(said.strip()).replace(tzinfo=zone).astimezone(clock.now().tzinfo)
    except ValueError:
        raise Invalid(_("Write the time like this: 2026-12-01 14:00"), field="at") from None
