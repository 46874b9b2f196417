"""The card by which articles are offered in any chat, and what it becomes afterwards."""

from __future__ import annotations

from collections.abc import Sequence

from core.chat import Button, Card
from core.db import UnitOfWork
from core.fit import shorten
from core.i18n import _
from core.kb import slugs, suggesting
from core.kb.model import Suggestion
from core.kb.queries import Line
from core.kb.suggesting import Offered
from core.tickets.model import Ticket

TITLE_CHARACTERS = 120


async def card(uow: UnitOfWork, row: Suggestion, ticket: Ticket) -> Card | None:
    """How an offer stands; None when there is nothing left of it to read."""
    shown = await suggesting.offered(uow, row)
    if not shown:
        return None
    url = uow.means.public_url
    if suggesting.stands_solved(row):
        return _solved([each for each in shown if each.line.article_id == row.chosen], ticket, url)
    if suggesting.is_open(row, ticket):
        return _open(shown, ticket, url)
    return Card(
        title=_("Articles that may help"), text="\n".join(_line(each, url) for each in shown), tone="note"
    )


def address(line: Line, public_url: str) -> str:
    """Where an article is read."""
    return public_url + slugs.path(line.language, line.slug)


def _open(shown: Sequence[Offered], ticket: Ticket, url: str) -> Card:
    words = _("While you wait for a person: does one of these answer it?")
    lines = "\n\n".join(f"{_line(each, url)}\n{each.sentence}" for each in shown)
    number = ticket.number
    return Card(
        title=_("Articles that may help"),
        text=f"{words}\n\n{lines}",
        buttons=(
            *(Button(_this_one(each, len(shown)), f"solved:{each.place}:{number}") for each in shown),
            Button(_("Not what I need"), f"dismiss:ticket:{number}"),
            Button(_("Talk to a human"), f"human:ticket:{number}"),
        ),
    )


def _solved(chosen: Sequence[Offered], ticket: Ticket, url: str) -> Card:
    words = _("Solved by this article. Good that it helped.")
    lines = [words, *(_line(each, url) for each in chosen)]
    undo = Button(_("Undo, it is not solved"), f"unsolved:ticket:{ticket.number}")
    return Card(title=_("Articles that may help"), text="\n".join(lines), buttons=(undo,), tone="good")


def _this_one(each: Offered, count: int) -> str:
    return _("That solved it") if count == 1 else _("{place} solved it").format(place=each.place)


def _line(each: Offered, url: str) -> str:
    title = shorten(each.line.title, TITLE_CHARACTERS).replace("[", "(").replace("]", ")")
    return f"**{each.place}.** [{title}]({address(each.line, url)})"
