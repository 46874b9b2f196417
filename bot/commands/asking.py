"""What requesters say to the desk: my tickets, status, close, reopen, rate, a human."""

from __future__ import annotations

from sqlalchemy import select

from bot.cards import tickets as cards
from bot.commands.registry import COMMANDS, Turn, command
from core.chat import Card
from core.conversations.model import Conversation
from core.conversations.service import Thread
from core.errors import Invalid
from core.i18n import LANGUAGES, _
from core.people import service as people
from core.tickets import access
from core.tickets import service as tickets
from core.tickets.access import Opened
from core.tickets.model import Ticket

MOST_LISTED = 10


@command("help", "What you can write here")
async def help_(turn: Turn) -> Card:
    lines = [
        f"`{known.usage}` — {_(known.title)}"
        for known in COMMANDS.values()
        if known.needs is None or turn.actor.may(known.needs)
    ]
    return Card(title=_("What you can write here"), text="\n".join(lines), private=True)


@command("tickets", "Your tickets")
async def mine(turn: Turn) -> Card:
    rows = await turn.uow.session.execute(
        select(Ticket, Conversation)
        .join(Conversation, Conversation.id == Ticket.conversation_id)
        .where(Ticket.requester_id == turn.person.id)
        .order_by(Ticket.updated_at.desc())
        .limit(MOST_LISTED)
    )
    listed = [
        Opened(
            ticket,
            Thread(conversation, await access.thread_key(turn.uow.session, turn.uow.keys, conversation)),
        )
        for ticket, conversation in rows
    ]
    return cards.ticket_list(listed)


@command("status", "Where a ticket stands")
async def status(turn: Turn, ticket: int) -> Card:
    opened = await access.get(turn.uow, turn.actor, ticket)
    known = await people.known(turn.uow.session, turn.uow, [opened.ticket.assignee_id])
    assignee = known.get(opened.ticket.assignee_id) if opened.ticket.assignee_id else None
    if not turn.actor.staff and not turn.uow.settings.show_agent_names:
        assignee = None
    return cards.ticket(opened, turn.actor, assignee)


@command("close", "Close a ticket")
async def close(turn: Turn, ticket: int) -> Card:
    opened = await tickets.close(turn.uow, turn.actor, ticket)
    return cards.ticket(opened, turn.actor, note=_("This ticket is closed."))


@command("reopen", "Open a ticket again")
async def reopen(turn: Turn, ticket: int) -> Card:
    opened = await tickets.reopen(turn.uow, turn.actor, ticket)
    return cards.ticket(opened, turn.actor, note=_("This ticket is open again."))


@command("rate", "Say how it was, 1 to 5")
async def rate(turn: Turn, score: int, ticket: int, comment: str = "") -> Card:
    await tickets.rate(turn.uow, turn.actor, ticket, score, comment)
    return Card(text=_("Thank you for telling us."), tone="good")


@command("human", "Talk to a person")
async def human(turn: Turn) -> Card:
    return Card(text=_("A person will read what you write here and answer as soon as someone is free."))


@command("language", "Choose your language")
async def language(turn: Turn, code: str) -> Card:
    wanted = code.strip().casefold()[:2]
    if wanted not in LANGUAGES:
        raise Invalid(_("We speak: {languages}.").format(languages=", ".join(LANGUAGES)), field="code")
    await people.change(turn.uow, turn.person, locale=wanted)
    return Card(text=_("Done."), tone="good")
