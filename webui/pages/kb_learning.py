"""For admins: why an article is suggested, and what past questions have taught, with a way to undo it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from types import SimpleNamespace
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from core.access import Permission
from core.db import UnitOfWork
from core.errors import NotFound
from core.i18n import _
from core.ids import id_in
from core.kb import learning, queries, sending, silence, suggesting
from core.kb.learning import Learned
from core.paging import cursor_of, read_cursor
from core.people.naming import named
from core.ports.articles import Articles, Hit
from webui.deps import Staff, Uow
from webui.pages.kb_shell import HERE, link, show, text_url
from webui.sessions import Viewer
from webui.staff import answered

router = APIRouter()
LEARNED, WHY = HERE + "/learned", HERE + "/why"
MOST_EXPLAINED = 5
Word = Annotated[str, Query(max_length=100)]


async def _teaches(viewer: Staff) -> Viewer:
    """What one may not do is not there."""
    if not viewer.actor.may(Permission.teach):
        raise NotFound(_("There is no such page."))
    return viewer


Teaches = Annotated[Viewer, Depends(_teaches, scope="function")]


@router.get(WHY)
async def why(
    request: Request,
    uow: Uow,
    viewer: Teaches,
    question: Annotated[str, Query(max_length=2_000)] = "",
    language: Word = "en",
) -> Response:
    """What a requester would be offered for a question, and what spoke for each article."""
    asked, articles = question.strip(), uow.means.articles
    ready = articles is not None and articles.ready
    found: list[SimpleNamespace] = []
    offered: set[UUID] = set()
    certainty, caution = 0.0, 1.0
    if asked and articles is not None:
        hits = await articles.search(asked, viewer.actor, language, most=MOST_EXPLAINED)
        offered = {hit.text_id for hit in await articles.suggest(asked, suggesting.PASSERBY, language)}
        found = await _explained(uow, viewer, articles, asked, hits, offered)
        certainty, caution = await articles.sureness(asked, suggesting.PASSERBY, language)
    return await show(
        request,
        uow,
        viewer,
        "kb/why.html",
        part="why",
        question=question,
        language=language,
        found=found,
        ready=ready,
        certainty=round(100 * certainty),
        caution=round(100 * caution),
        offered=bool(offered),
        calls_for_a_person=bool(asked) and silence.must_be_silent(asked),
    )


@router.get(LEARNED)
async def learned(
    request: Request, uow: Uow, viewer: Teaches, article: Word = "", before: Word = ""
) -> Response:
    about = id_in(article)
    found = await learning.page(uow, viewer.actor, article_id=about, before=read_cursor(before))
    older = None
    if len(found) == learning.PAGE:
        last = found[-1].row
        older = link(LEARNED, article=article, before=cursor_of(last.at, last.id))
    return await show(
        request,
        uow,
        viewer,
        "kb/learned.html",
        part="learned",
        lessons=await _lessons(uow, viewer, found),
        about=about,
        newer=link(LEARNED, article=article) if before else None,
        older=older,
        teachers=learning.TEACHERS,
    )


@router.post(LEARNED + "/{lesson_id:uuid}/delete")
async def undo(request: Request, uow: Uow, viewer: Teaches, lesson_id: UUID) -> Response:
    await learning.undo(uow, viewer.actor, lesson_id)
    return answered(request, LEARNED, _("It teaches nothing any more."))


async def _explained(
    uow: UnitOfWork,
    viewer: Viewer,
    articles: Articles,
    asked: str,
    hits: Sequence[Hit],
    offered: Collection[UUID],
) -> list[SimpleNamespace]:
    scores = {hit.text_id: hit.score for hit in hits}
    made = []
    for each in await sending.lines(uow, viewer.actor, hits):
        reasons = await articles.explain(asked, each.line.text_id)
        made.append(
            SimpleNamespace(
                line=each.line,
                url=text_url(each.line.text_id),
                offered=each.line.text_id in offered,
                score=round(100 * scores[each.line.text_id]),
                sentence=each.sentence,
                reasons=reasons,
            )
        )
    return made


async def _lessons(uow: UnitOfWork, viewer: Viewer, found: Sequence[Learned]) -> list[SimpleNamespace]:
    lines = await queries.lines_of(uow.session, viewer.actor, {one.row.article_id for one in found})
    titles = {line.article_id: line for line in lines}
    people = await named(uow, [one.row.by for one in found] + [one.row.undone_by for one in found])
    return [
        SimpleNamespace(
            id=one.row.id,
            question=one.question,
            title=titles[one.row.article_id].title if one.row.article_id in titles else "",
            url=link(LEARNED, article=one.row.article_id),
            solved=one.row.solved,
            counts=one.counts,
            undone=one.row.undone_at is not None,
            undone_by=people[one.row.undone_by].shown if one.row.undone_by in people else "",
            by=people[one.row.by].shown if one.row.by in people else "",
            at=one.row.at,
        )
        for one in found
    ]
