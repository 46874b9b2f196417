"""A resolved ticket as the beginning of an article: its question and its solution, without people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from core import text
from core.access import Actor, Permission
from core.db import UnitOfWork
from core.errors import Refused
from core.i18n import _, speaking
from core.kb import anonymous
from core.people import service as people
from core.tickets import access, timeline
from core.tickets.access import Opened
from core.tickets.lines import MessageLine
from core.tickets.model import Status

MOST_LINES = 60
LONGEST = 6_000


@dataclass(slots=True)
class Proposal:
    """What an article could begin with, and what was taken out of it: what stood there, what it was."""

    number: int
    ticket_id: UUID
    title: str
    body: str
    language: str
    category_id: UUID | None
    tags: tuple[int, ...]
    replaced: dict[str, str] = field(default_factory=dict)


async def propose(uow: UnitOfWork, actor: Actor, number: int) -> Proposal:
    """An article of a ticket that the actor may see and that was resolved."""
    actor.require(Permission.write_articles)
    opened = await access.get(uow, actor, number)
    if opened.ticket.status not in (Status.resolved, Status.closed):
        raise Refused(_("Only a resolved ticket has a solution to write about."))
    if not opened.key:
        raise Refused(_("The requester was erased; there is nothing to take over."))
    said = await _said(uow, actor, opened)
    known = await _known(uow, opened, said)
    replaced: dict[str, str] = {}

    def cleaned(words: str) -> str:
        done = anonymous.clean(words, known)
        replaced.update(done.replaced)
        return done.text.strip()

    language = opened.ticket.language or uow.settings.language
    with speaking(language):
        title = cleaned(opened.subject)
        body = _body(cleaned(_question(said)), cleaned(_solution(opened, said)))
    return Proposal(
        number=number,
        ticket_id=opened.ticket.id,
        title=text.subject_of(title) or title,
        body=body,
        language=language,
        category_id=opened.ticket.category_id,
        tags=tuple(opened.ticket.tags),
        replaced=replaced,
    )


def _body(question: str, solution: str) -> str:
    parts = []
    if question:
        parts += [_("What was asked"), question]
    parts += [_("What helped"), solution or _("Write here what solved it.")]
    return "\n\n".join(f"## {part}" if place % 2 == 0 else part for place, part in enumerate(parts))


async def _said(uow: UnitOfWork, actor: Actor, opened: Opened) -> list[MessageLine]:
    """What was said on both sides, the oldest first; no notes, nothing that was taken back."""
    stops = await timeline.stops(uow, actor, opened, MOST_LINES)
    pages = list(dict.fromkeys([stops[-1], stops[0]]))
    found: list[MessageLine] = []
    for before in pages:
        page = await timeline.timeline(uow, actor, opened, before=before, limit=MOST_LINES)
        found += [line for line in page.lines if isinstance(line, MessageLine)]
    return [line for line in found if not (line.note or line.deleted or line.hidden) and line.text]


def _question(said: Sequence[MessageLine]) -> str:
    """What the requester wrote before anybody answered."""
    words = []
    for line in said:
        if line.side == "staff":
            break
        words.append(line.text)
    return "\n\n".join(words)[:LONGEST]


def _solution(opened: Opened, said: Sequence[MessageLine]) -> str:
    """The solution that was noted, and the longest answer of the desk, which mostly says how."""
    answers = [line.text for line in said if line.side == "staff" and line.author.kind == "person"]
    longest = max(answers, key=len, default="")
    parts = [part for part in (opened.solution, longest) if part]
    return "\n\n".join(dict.fromkeys(parts))[:LONGEST]


async def _known(uow: UnitOfWork, opened: Opened, said: Sequence[MessageLine]) -> dict[str, list[str]]:
    """What the desk knows of everyone in the ticket."""
    ids: set[UUID | None] = {opened.ticket.requester_id, opened.ticket.assignee_id}
    ids |= {line.author.id for line in said}
    found: dict[str, list[str]] = {"company": [], "name": [], "mail": [], "phone": [], "number": []}
    for one in (await people.known(uow.session, uow, ids)).values():
        found["name"] += anonymous.names_in(one.name) + anonymous.names_in(one.display_name)
        found["mail"].append(one.email)
        found["phone"].append(one.profile.phone)
        found["company"].append(one.profile.company)
    found["number"] += [
        str(value) for value in opened.fields.values() if isinstance(value, str | int) and _is_number(value)
    ]
    return found


def _is_number(value: str | int) -> bool:
    """An order, a serial: what has digits. A bike's model or a yes is no secret."""
    return not isinstance(value, bool) and sum(char.isdigit() for char in str(value)) >= 4
