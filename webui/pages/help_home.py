"""The help centre's front: by language, category and tag."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from sqlalchemy import select

from core import i18n
from core.db import UnitOfWork
from core.i18n import _
from core.kb import queries
from core.kb.queries import Branch, Line
from core.people.model import Tag
from core.tickets.categories import CategoryLine
from webui.deps import AnyViewer, TheSite, Uow
from webui.pages import help_shell as shell
from webui.rendering import see_other
from webui.sessions import Viewer
from webui.site import Site

router = APIRouter()

USEFUL = 8
TAGS = 24
FIRST = 4
"""Articles of a category that stand on the front."""
After = Annotated[str, Query(max_length=100)]


@router.get("/help")
async def anyones(uow: Uow, viewer: AnyViewer) -> Response:
    """To the reader's own language; to the one with the most articles where theirs has none."""
    known = await shell.languages(uow, viewer.actor)
    wanted = i18n.language()
    language = wanted if wanted in known or not known else known[0]
    response = see_other(shell.home_url(language))
    response.status_code = 302
    response.headers["cache-control"] = "private, no-cache"
    response.headers["vary"] = "Cookie, Accept-Language"
    return response


@router.get("/help/{language}")
async def front(request: Request, uow: Uow, viewer: AnyViewer, site: TheSite, language: str) -> Response:
    shell.speak(uow, language)
    known = await shell.languages(uow, viewer.actor)
    if language not in known and language not in i18n.LANGUAGES:
        raise shell.missing()
    branches = await queries.tree(uow.session, viewer.actor, language)
    useful = await _useful(site, uow, viewer, language)
    tags = await queries.tags_in_use(uow.session, viewer.actor, language, limit=TAGS)
    newest = (await queries.published(uow.session, viewer.actor, language=language, limit=100)).lines
    return shell.show(
        request, site, viewer, "help/home.html", language=language,
        groups=_groups(branches, useful + newest, language), useful=shell.cards(useful[:USEFUL]),
        newest=shell.cards(newest[:5]), tags=_tags(tags, language), loose=_loose(branches, newest),
        languages=shell.choices(_all(known, language), language, shell.home_url),
        elsewhere=[code for code in known if code != language], empty=not newest,
        alternates=[(code, shell.home_url(code)) for code in known],
    )  # fmt: skip


@router.get("/help/{language}/category/{category_id:uuid}")
async def category(
    request: Request,
    uow: Uow,
    viewer: AnyViewer,
    site: TheSite,
    language: str,
    category_id: UUID,
    after: After = "",
) -> Response:
    """What lies in a category and below it. One in which the reader may read nothing is not there."""
    shell.speak(uow, language)
    branches = await queries.tree(uow.session, viewer.actor, language)
    here = next((branch for branch in branches if branch.line.category.id == category_id), None)
    if here is None:
        raise shell.missing()
    page = await queries.published(
        uow.session, viewer.actor, language=language, category=category_id, after=after
    )
    lines = [branch.line for branch in branches]
    below = [branch for branch in branches if branch.line.category.parent_id == category_id]
    others = [
        code
        for code in await shell.languages(uow, viewer.actor)
        if code == language or await _holds(uow, viewer, code, category_id)
    ]
    url = shell.category_url(language, category_id)
    return shell.show(
        request, site, viewer, "help/list.html", language=language,
        title=here.line.category.name, trail=shell.trail(lines, here.line.category.parent_id, language),
        hint=_count(here.count), below=[_branch(branch, language) for branch in below],
        cards=shell.cards(page.lines), category=str(category_id), tag="", later=bool(after),
        older=f"{url}?after={page.next}" if page.next else None, newer=url if after else None,
        languages=shell.choices(others, language, lambda code: shell.category_url(code, category_id)),
        alternates=[(code, shell.category_url(code, category_id)) for code in others],
    )  # fmt: skip


@router.get("/help/{language}/tag/{tag_id:int}")
async def tag(
    request: Request,
    uow: Uow,
    viewer: AnyViewer,
    site: TheSite,
    language: str,
    tag_id: int,
    after: After = "",
) -> Response:
    """All with a tag. One that nothing the reader may read has is not there."""
    shell.speak(uow, language)
    row = await uow.session.scalar(select(Tag).where(Tag.id == min(tag_id, 2**62), Tag.active))
    if row is None:
        raise shell.missing()
    page = await queries.published(uow.session, viewer.actor, language=language, tag=tag_id, after=after)
    if not page.lines:
        raise shell.missing()
    url = shell.tag_url(language, tag_id)
    return shell.show(
        request, site, viewer, "help/list.html", language=language,
        title=_("Tag: {name}").format(name=row.name), trail=shell.trail([], None, language), hint=None, below=[],
        cards=shell.cards(page.lines), category="", tag=str(tag_id), later=bool(after),
        older=f"{url}?after={page.next}" if page.next else None, newer=url if after else None,
        languages=[], alternates=[],
    )  # fmt: skip


async def _useful(site: Site, uow: UnitOfWork, viewer: Viewer, language: str) -> list[Line]:
    """The most useful ones, in their order. Who may read what is asked each time."""
    order = await shell.most_useful(site, uow, viewer, language)
    lines = await queries.lines_of(uow.session, viewer.actor, order)
    found = {line.article_id: line for line in lines if line.language == language}
    return [found[each] for each in order if each in found]


async def _holds(uow: UnitOfWork, viewer: Viewer, language: str, category_id: UUID) -> bool:
    page = await queries.published(
        uow.session, viewer.actor, language=language, category=category_id, limit=1
    )
    return bool(page.lines)


def _groups(branches: Sequence[Branch], lines: Sequence[Line], language: str) -> list[SimpleNamespace]:
    """The top categories, each with those right below it and its first articles."""
    tops = [branch for branch in branches if branch.line.depth == 0]
    return [
        SimpleNamespace(
            **vars(_branch(top, language)),
            below=[
                _branch(each, language)
                for each in branches
                if each.line.category.parent_id == top.line.category.id
            ],
            cards=shell.cards(_within(top.line, branches, lines)),
        )
        for top in tops
    ]


def _within(top: CategoryLine, branches: Sequence[Branch], lines: Sequence[Line]) -> list[Line]:
    """The first articles of a category and of those below it, each once."""
    inside = {top.category.id}
    for branch in branches:
        if branch.line.category.parent_id in inside:
            inside.add(branch.line.category.id)
    each: dict[UUID, Line] = {}
    for line in lines:
        if line.category_id in inside:
            each.setdefault(line.article_id, line)
    return list(each.values())[:FIRST]


def _loose(branches: Sequence[Branch], newest: Sequence[Line]) -> list[SimpleNamespace]:
    """Articles that no category of the tree holds."""
    shown = {branch.line.category.id for branch in branches}
    return shell.cards([line for line in newest if line.category_id not in shown][:20])


def _branch(branch: Branch, language: str) -> SimpleNamespace:
    category = branch.line.category
    return SimpleNamespace(
        name=category.name, url=shell.category_url(language, category.id), count=branch.count
    )


def _tags(tags: Sequence[tuple[Tag, int]], language: str) -> list[tuple[str, str]]:
    return [(tag.name, shell.tag_url(language, tag.id)) for tag, _count in tags]


def _all(known: Sequence[str], language: str) -> list[str]:
    """Every language with articles, and the one that is shown."""
    return [*known, *([] if language in known else [language])]


def _count(number: int) -> str:
    return i18n.ngettext("%(n)s article", "%(n)s articles", number) % {"n": number}
