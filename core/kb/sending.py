"""Articles beside a ticket: found for an agent, sent to the requester as a link or as text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.access import Actor
from core.db import UnitOfWork
from core.errors import Invalid, NotFound
from core.i18n import _
from core.kb import access, queries, suggesting
from core.kb.model import Reach
from core.kb.offer_card import address
from core.kb.queries import Line
from core.ports.articles import Hit
from core.tickets import service as tickets
from core.tickets import similar
from core.tickets.access import Opened


@dataclass(frozen=True, slots=True)
class Sendable:
    """An article that an agent may look at, and send if the requester may read it."""

    line: Line
    sentence: str

    @property
    def for_requesters(self) -> bool:
        return self.line.audience != Reach.internal


async def lines(uow: UnitOfWork, actor: Actor, hits: Sequence[Hit]) -> list[Sendable]:
    """What was found, in its order, as far as the actor may read it now."""
    texts = [hit.text_id for hit in hits]
    found = {line.text_id: line for line in await queries.lines_of(uow.session, actor, texts, texts=True)}
    return [Sendable(found[hit.text_id], hit.sentence) for hit in hits if hit.text_id in found]


async def send(
    uow: UnitOfWork, actor: Actor, opened: Opened, number: int, *, whole: bool = False, via: str = "desk"
) -> Line:
    """Reply with an article, in the requester's language where it is translated."""
    line = await by_number(uow, actor, number, suggesting.language_of(uow, opened.ticket))
    await tickets.reply(uow, actor, opened.number, await words(uow, actor, line, whole=whole), via=via)
    await note_sent(uow, actor, opened, line)
    return line


async def words(uow: UnitOfWork, actor: Actor, line: Line, *, whole: bool) -> str:
    """What a reply says of an article: its link, or all of it. Internal articles stay inside."""
    if line.audience == Reach.internal:
        raise Invalid(_("This article is for colleagues only."), field="article")
    link = f"[{line.title}]({address(line, uow.means.public_url)})"
    if not whole:
        return link
    _article, text = await access.read(uow, actor, line.text_id)
    return f"**{line.title}**\n\n{text.body}\n\n{link}"


async def note_sent(uow: UnitOfWork, actor: Actor, opened: Opened, line: Line) -> None:
    """Remember that an agent chose this article: it teaches when the ticket is resolved."""
    await suggesting.inserted(uow, actor, opened, line, await similar.question_of(uow, opened))


async def by_number(uow: UnitOfWork, actor: Actor, number: int, language: str) -> Line:
    """An article by its number, in a language where it is there, else in its own."""
    found = await queries.numbered(uow.session, actor, number)
    if not found:
        raise NotFound(_("There is no such article."))
    return next((line for line in found if line.language == language), found[0])
