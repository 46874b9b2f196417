"""Calls: `/call`, and ending one."""

from __future__ import annotations

from datetime import datetime

from bot.cards import calls as cards
from bot.registry import Turn, command
from core import clock
from core.calls import access, join_links, reach, service
from core.calls.model import Call, CallState
from core.chat import Button, Card
from core.errors import Invalid, NotFound
from core.i18n import _
from core.people import service as people
from core.tickets import access as tickets


@command("call", "Call the other side of a ticket, or come to the call that runs; with a time, later")
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
