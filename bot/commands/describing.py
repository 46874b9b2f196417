"""What a ticket is about: priority, tags, subject, merge, link, follow."""

from __future__ import annotations

from bot.cards import tickets as cards
from bot.registry import Turn, command
from core.access import Permission
from core.chat import Card
from core.i18n import _
from core.tickets import service as tickets
from core.tickets.model import Priority


@command("priority", "Set the priority", needs=Permission.change_ticket, often=True)
async def priority(turn: Turn, ticket: int, to: Priority) -> Card:
    opened = await tickets.prioritise(turn.uow, turn.actor, ticket, to)
    return cards.ticket(opened, turn.actor, note=_("Done."))


@command("tag", "Put tags on a ticket; -word takes one off", needs=Permission.change_ticket, often=True)
async def tag(turn: Turn, ticket: int, words: str) -> Card:
    given = words.replace(",", " ").split()
    opened = await tickets.tag(
        turn.uow,
        turn.actor,
        ticket,
        add=[word.lstrip("+#") for word in given if not word.startswith("-")],
        remove=[word[1:] for word in given if word.startswith("-")],
    )
    return cards.ticket(opened, turn.actor, note=_("Done."))


@command("subject", "Change the subject", needs=Permission.change_ticket)
async def subject(turn: Turn, ticket: int, text: str) -> Card:
    return cards.ticket(await tickets.rename(turn.uow, turn.actor, ticket, text), turn.actor)


@command("merge", "Merge a ticket into another one", needs=Permission.merge_tickets, often=True)
async def merge(turn: Turn, ticket: int, into: int) -> Card:
    opened = await tickets.merge(turn.uow, turn.actor, ticket, into)
    return cards.ticket(opened, turn.actor, note=_("Merged into this one."))


@command("follow", "Follow a ticket", needs=Permission.note)
async def follow(turn: Turn, ticket: int) -> Card:
    return cards.ticket(
        await tickets.follow(turn.uow, turn.actor, ticket), turn.actor, note=_("You follow it now.")
    )


@command("unfollow", "Follow a ticket no longer", needs=Permission.note)
async def unfollow(turn: Turn, ticket: int) -> Card:
    return cards.ticket(await tickets.unfollow(turn.uow, turn.actor, ticket), turn.actor)
