"""Searching the help centre: a page of results, and a few of them while one types."""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from markupsafe import Markup, escape

from core import i18n
from core.crypto.words import stems
from core.db import UnitOfWork
from core.i18n import _, ngettext
from core.kb import finding, queries, searches
from core.kb.finding import Found, Wanted
from core.tickets.categories import categories
from webui import rendering
from webui.deps import AnyViewer, TheSite, Uow
from webui.pages import help_shell as shell
from webui.sessions import Viewer
from webui.site import Site

router = APIRouter()

MOST = 30
NOTED = (60, 600)
TYPED = 6
"""Results beside the field."""
_WORDS = re.compile(r"\w+(?:['’-]\w+)*")
Word = Annotated[str, Query(max_length=100)]


@router.get("/help/search")
async def search(
    request: Request,
    uow: Uow,
    viewer: AnyViewer,
    site: TheSite,
    q: str = "",
    language: Word = "",
    category: Word = "",
    tag: Word = "",
    typing: Word = "",
    everywhere: Word = "",
) -> Response:
    """`language` is the page's own; `everywhere` looks in all languages. With `typing`, the few best
    as a piece of a page, which is noted only once the words rest (`typing=rest`)."""
    wanted = _wanted(q, "" if everywhere else language, category, tag)
    here = shell.speak(uow, language or i18n.language())
    shell.budget(site, "searches", 240, 60).take(shell.known_address(request))
    found = await _find(uow, viewer, wanted, typing=bool(typing))
    if _is_asked(wanted, typing) and _counts(request, site):
        await searches.note(uow, wanted.words, language=here, channel=shell.via(site, ""), results=len(found))
    if typing:
        return _piece(request, wanted, found, here)
    return await _page(request, uow, viewer, site, wanted, found, here)


def _counts(request: Request, site: Site) -> bool:
    """A person's search; of one address only so many, so that nobody writes our list of what to write."""
    if shell.is_machine(request):
        return False
    return shell.budget(site, "noted", *NOTED).try_take(shell.known_address(request)) == 0


def _is_asked(wanted: Wanted, typing: str) -> bool:
    """A new question: not one that is being typed, nor one that is being narrowed down."""
    narrowed = wanted.category is not None or wanted.tag is not None
    return bool(wanted.words) and typing in ("", "rest") and not narrowed


async def _find(uow: UnitOfWork, viewer: Viewer, wanted: Wanted, *, typing: bool) -> list[Found]:
    most = TYPED if typing else MOST
    return await finding.find(uow.session, uow.means.articles, viewer.actor, wanted, most, typing=typing)


def _wanted(q: str, language: str, category: str, tag: str) -> Wanted:
    try:
        category_id = UUID(category) if category else None
    except ValueError:
        category_id = None
    tag_id = min(int(tag), 2**62) if tag.isascii() and tag.isdigit() else None
    return Wanted(words=searches.asked(q), language=language, category=category_id, tag=tag_id)


def _piece(request: Request, wanted: Wanted, found: Sequence[Found], language: str) -> Response:
    response = rendering.page(
        request, "help/found.html", csrf="", found=_results(found, wanted.words), words=wanted.words,
        said=_said(wanted.words, len(found)), all_url=shell.search_url(q=wanted.words, language=language),
    )  # fmt: skip
    response.headers["x-robots-tag"] = "noindex"
    return response


async def _page(
    request: Request,
    uow: UnitOfWork,
    viewer: Viewer,
    site: Site,
    wanted: Wanted,
    found: Sequence[Found],
    here: str,
) -> Response:
    branches = await queries.tree(uow.session, viewer.actor, here)
    tags = await queries.tags_in_use(uow.session, viewer.actor, here)
    lines = await categories(uow.session)
    trails = {
        each.line.text_id: shell.trail(lines, each.line.category_id, each.line.language)[1:] for each in found
    }
    response = shell.show(
        request, site, viewer, "help/search.html", language=here, wanted=wanted,
        found=_results(found, wanted.words, trails), said=_said(wanted.words, len(found)),
        everywhere=not wanted.language, most=len(found) == MOST,
        categories=[
            (str(branch.line.category.id), f"{branch.line.path} ({branch.count})") for branch in branches
        ],
        category=str(wanted.category or ""), tag=str(wanted.tag or ""),
        tags=[(str(each.id), each.name) for each, _count in tags],
        filtered=wanted.category is not None or wanted.tag is not None or not wanted.language,
        clean_url=shell.search_url(q=wanted.words, language=here),
        groups=[
            (branch.line.category.name, shell.category_url(here, branch.line.category.id))
            for branch in branches if branch.line.depth == 0
        ],
        languages=[], alternates=[], robots="noindex",
        ask_url="/desk/new" if viewer.staff else "/my/new",
    )  # fmt: skip
    response.headers["cache-control"] = "no-store" if viewer.signed_in else "private, no-cache"
    response.headers["x-robots-tag"] = "noindex"
    return response


def _results(
    found: Sequence[Found], words: str, trails: dict[UUID, list[tuple[str, str]]] | None = None
) -> list[SimpleNamespace]:
    return [
        SimpleNamespace(
            title=_marked(each.line.title, words, each.line.language),
            sentence=_marked(each.sentence or each.line.summary, words, each.line.language),
            url=shell.article_url(each.line.language, each.line.slug), language=each.line.language,
            language_name=shell.own_name(each.line.language), inside=each.line.audience == "internal",
            trail=(trails or {}).get(each.line.text_id, []),
        )
        for each in found
    ]  # fmt: skip


def _said(words: str, count: int) -> str:
    if not words:
        return ""
    if not count:
        return _("Nothing found")
    return ngettext("%(n)s result", "%(n)s results", count) % {"n": count}


def _marked(text: str, query: str, language: str) -> Markup:
    """A text with the words that were looked for marked, also in other forms and with accents."""
    wanted = set(stems(" ".join(finding.telling(query)), language))
    parts: list[Markup] = []
    at = 0
    for word in _WORDS.finditer(text):
        if not wanted.isdisjoint(stems(word[0], language)):
            parts += [escape(text[at : word.start()]), Markup("<mark>{}</mark>").format(word[0])]
            at = word.end()
    return Markup("").join([*parts, escape(text[at:])])
