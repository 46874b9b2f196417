"""What completes an option that is being typed: tickets, colleagues, macros, tags."""

from __future__ import annotations

from rapidfuzz import fuzz, process
from sqlalchemy import select

from bot.registry import Turn
from core.access import Permission
from core.chat import Completing, Option
from core.fit import shorten
from core.people import service as people
from core.people.model import Person, Tag
from core.tickets import macros, queries
from core.tickets.queries import Queue

MOST = 25
_TICKETS = ("ticket", "into")


async def of(turn: Turn, option: str, typed: str) -> tuple[Option, ...]:
    """Values for an option by its name; empty for those that are free text."""
    if option in _TICKETS or option == "number":
        return await _tickets(turn, typed)
    if option == "to" and turn.actor.may(Permission.assign_ticket):
        return await _colleagues(turn, typed)
    if option == "macro" and turn.actor.staff:
        return _best([(macro.name, macro.name) for macro in await macros.listed(turn.uow, turn.actor)], typed)
    if option == "words" and turn.actor.staff:
        names = await turn.uow.session.scalars(select(Tag.name).where(Tag.active).limit(500))
        return _best([(name, name) for name in names], typed)
    return ()


async def _tickets(turn: Turn, typed: str) -> tuple[Option, ...]:
    known: dict[str, str] = {}
    for queue in _queues(turn):
        page = await queries.page(turn.uow, turn.actor, queue, limit=100)
        known |= {f"#{row.number} {row.subject}": str(row.number) for row in page.rows}
    return _best(list(known.items()), typed.lstrip("#"))


def _queues(turn: Turn) -> tuple[Queue, ...]:
    """Where to look: agents work on their own tickets, and take those that nobody has."""
    if not turn.actor.staff:
        return (Queue.all,)
    is_claim = isinstance(turn.inbound, Completing) and turn.inbound.command == "claim"
    return (Queue.unassigned,) if is_claim else (Queue.mine, Queue.unassigned)


async def _colleagues(turn: Turn, typed: str) -> tuple[Option, ...]:
    rows = await turn.uow.session.scalars(
        select(Person.id).where(Person.role != "requester", Person.active).limit(500)
    )
    known = await people.known(turn.uow.session, turn.uow, set(rows))
    return _best([(one.shown, one.email) for one in known.values() if one.email], typed)


def _best(known: list[tuple[str, str]], typed: str) -> tuple[Option, ...]:
    """The known values that fit best what was typed; all of them, in order, for nothing typed."""
    if not typed.strip():
        chosen = known[:MOST]
    else:
        labels = [label for label, _value in known]
        found = process.extract(typed, labels, scorer=fuzz.WRatio, limit=MOST, score_cutoff=50)
        chosen = [known[index] for _label, _score, index in found]
    return tuple(Option(shorten(label, 90), value) for label, value in chosen)
