"""Looking things up: who is it, what was said, what is there to do, find something."""

from __future__ import annotations

from bot.cards import looking as cards
from bot.registry import Turn, command
from core import clock
from core.access import Permission
from core.chat import Card
from core.people import service as people
from core.tickets import access, queries, timeline
from core.tickets import search as searching
from core.tickets.queries import Queue

MOST_LISTED = 10
MOST_SAID = 30


@command("who", "Who asks: profile and earlier tickets", needs=Permission.see_people, often=True)
async def who(turn: Turn, ticket: int) -> Card:
    opened = await access.get(turn.uow, turn.actor, ticket)
    person = await people.get(turn.uow, opened.ticket.requester_id)
    known = await people.know(turn.uow, person)
    history = await queries.history_of(
        turn.uow, turn.actor, person.id, but=opened.ticket.id, limit=MOST_LISTED
    )
    return cards.person(known, history.rows, clock.now())


@command("transcript", "What was said in a ticket", needs=Permission.export_tickets)
async def transcript(turn: Turn, ticket: int) -> Card:
    opened = await access.get(turn.uow, turn.actor, ticket)
    read = await timeline.timeline(turn.uow, turn.actor, opened, limit=MOST_SAID)
    zone = (await people.know(turn.uow, turn.person)).zone
    return cards.transcript(opened, read, zone)


@command("search", "Find tickets by words and filters", needs=Permission.note, often=True)
async def search(turn: Turn, query: str) -> Card:
    zone = (await people.know(turn.uow, turn.person)).zone
    found = await searching.search(
        turn.uow, turn.actor, query[:500], limit=MOST_LISTED, now=clock.now().astimezone(zone)
    )
    return cards.found(found)


@command("queue", "Your tickets and those that nobody has", needs=Permission.note)
async def queue(turn: Turn) -> Card:
    mine = await queries.page(turn.uow, turn.actor, Queue.mine, limit=MOST_LISTED)
    free = await queries.page(turn.uow, turn.actor, Queue.unassigned, "created_at", limit=MOST_LISTED)
    return cards.queue(mine.rows, free.rows)
