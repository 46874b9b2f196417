"""Articles by command: what answered a request, what did not, and what agents look up and send."""

from __future__ import annotations

from bot.cards import articles as cards
from bot.registry import Turn, command
from core.access import Permission
from core.chat import Card, Pressed
from core.errors import Invalid, Unavailable
from core.i18n import _
from core.kb import sending, suggesting
from core.ports.articles import Articles
from core.tickets import access, similar

MOST_ARTICLES = 5
MOST_SIMILAR = 5
QUESTION_CHARACTERS = 400


@command("solved", "Say that a suggested article was the answer")
async def solved(turn: Turn, article: int, ticket: int) -> Card:
    opened = await suggesting.solved(turn.uow, turn.actor, ticket, article)
    return cards.solved(opened, pressed=isinstance(turn.inbound, Pressed))


@command("unsolved", "Say that the article was not the answer after all")
async def unsolved(turn: Turn, ticket: int) -> Card:
    await suggesting.unsolved(turn.uow, turn.actor, ticket)
    return Card(text=_("Your request is open again. A person reads it and answers here."))


@command("dismiss", "Say that the suggested articles do not help")
async def dismiss(turn: Turn, ticket: int) -> Card:
    await suggesting.dismissed(turn.uow, turn.actor, ticket)
    return Card(text=_("Thank you for telling us. A person reads your request and answers here."))


@command("kb", "Find articles, and tickets that were solved before", needs=Permission.note, often=True)
async def kb(turn: Turn, words: str = "") -> Card:
    """Without words, what fits the ticket of this place."""
    opened = await access.get(turn.uow, turn.actor, turn.here) if turn.here else None
    asked = words.strip()[:QUESTION_CHARACTERS]
    if not asked and opened is None:
        raise Invalid(_("Write what you look for: /kb words"), field="words")
    question = asked or await similar.question_of(turn.uow, opened) if opened else asked
    hits = await _articles(turn).search(
        question,
        turn.actor,
        suggesting.language_of(turn.uow, opened.ticket) if opened else "",
        most=MOST_ARTICLES,
    )
    lines = await sending.lines(turn.uow, turn.actor, hits)
    solved_before = await similar.resolved_like(turn.uow, turn.actor, question, opened, limit=MOST_SIMILAR)
    return cards.found(lines, solved_before, turn.here, turn.uow.means.public_url)


@command("article", "Send an article to the requester", needs=Permission.reply)
async def article(turn: Turn, article: int, ticket: int, how: str = "") -> Card:
    """`how` is `text` for the whole article, anything else sends its link."""
    opened = await access.change(turn.uow, turn.actor, ticket)
    whole = how.strip().casefold() == "text"
    line = await sending.send(
        turn.uow, turn.actor, opened, article, whole=whole, via=turn.inbound.place.platform
    )
    return Card(text=_("“{title}” is on its way.").format(title=line.title), tone="good", private=True)


def _articles(turn: Turn) -> Articles:
    articles = turn.uow.means.articles
    if articles is None or not articles.ready:
        raise Unavailable(_("The articles are still being read in. Please try again in a moment."))
    return articles
