"""Articles over the API: what the token's person may read, as lists, by words, and whole."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel, Field

from core.db import UnitOfWork
from core.errors import Invalid
from core.i18n import _
from core.kb import access, finding, queries, slugs
from core.kb.finding import Wanted
from core.kb.queries import Line
from core.paging import read_cursor
from webui.api.door import ApiUow, api_router, needs

router = api_router("articles")
READ = [needs("articles:read")]
MOST = 100
Language = Annotated[str, Query(max_length=20, description="Such as `en`; without one, the desk's own")]


class ArticleOut(BaseModel):
    """A published article in one language."""

    id: UUID
    number: int
    language: str
    title: str
    summary: str
    url: str
    category_id: UUID | None
    tags: list[int]
    audience: str = Field(description="`public`, `signed_in` or `internal`")
    published_at: datetime
    sentence: str = Field("", description="Of a search: what answers best")


class ArticleFull(ArticleOut):
    body: str = Field(description="Markdown")
    revision: int
    languages: list[str] = Field(description="In which it can be read")


class ArticlePage(BaseModel):
    """`next` is the value of `after` for the next page; absent at the end, and of a search."""

    items: list[ArticleOut]
    next: str | None = None


@router.get("/articles", dependencies=READ)
async def list_articles(
    uow: ApiUow,
    q: Annotated[str, Query(max_length=400, description="Words; typing errors are forgiven")] = "",
    language: Language = "",
    category: UUID | None = None,
    tag: Annotated[int | None, Query(ge=0, le=2**31 - 1)] = None,
    after: Annotated[str, Query(max_length=200)] = "",
    limit: Annotated[int, Query(ge=1, le=MOST)] = 50,
) -> ArticlePage:
    """The newest first; with `q` the best first, of which there is one page only."""
    spoken = language or uow.settings.language
    if q.strip():
        wanted = Wanted(words=q, language=spoken, category=category, tag=tag)
        found = await finding.find(uow.session, uow.means.articles, uow.actor, wanted, limit)
        return ArticlePage(items=[_out(uow, each.line, each.sentence) for each in found])
    if after and read_cursor(after) is None:
        # A program would take the first page for the next one, again and again.
        raise Invalid(_("This is no place to go on from."), field="after")
    page = await queries.published(
        uow.session, uow.actor, language=spoken, category=category, tag=tag, after=after, limit=limit
    )
    return ArticlePage(items=[_out(uow, line) for line in page.lines], next=page.next)


@router.get("/articles/{article_id}", dependencies=READ)
async def get_article(uow: ApiUow, article_id: UUID, language: Language = "") -> ArticleFull:
    """All of an article, in the language asked for where it is translated, else in another."""
    lines = await queries.languages_of(uow.session, uow.actor, article_id)
    if not lines:
        raise access.missing()
    line = _in(lines, (language, uow.settings.language))
    _article, text = await access.read(uow, uow.actor, line.text_id)
    return ArticleFull(
        **_out(uow, line).model_dump(),
        body=text.body or "",
        revision=text.revision,
        languages=[each.language for each in lines],
    )


def _in(lines: Sequence[Line], wanted: Sequence[str]) -> Line:
    by_language = {line.language: line for line in lines}
    return next((by_language[each] for each in wanted if each in by_language), lines[0])


def _out(uow: UnitOfWork, line: Line, sentence: str = "") -> ArticleOut:
    return ArticleOut(
        id=line.article_id,
        number=line.number,
        language=line.language,
        title=line.title,
        summary=line.summary,
        url=uow.means.public_url + slugs.path(line.language, line.slug),
        category_id=line.category_id,
        tags=list(line.tags),
        audience=line.audience,
        published_at=line.published_at,
        sentence=sentence,
    )
