"""What is done to an article beside writing it: its facts, its languages, its archive, its review."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from core.db import UnitOfWork
from core.errors import Invalid
from core.i18n import _
from core.kb import access, listing, review, revisions, service, translations
from core.kb.service import Facts
from webui.deps import Uow
from webui.pages.admin_shell import Given, given_by
from webui.pages.kb_editor import TEXT
from webui.pages.kb_shell import HERE, Writes, text_url
from webui.sessions import Viewer
from webui.staff import answered

router = APIRouter()
ARTICLE = HERE + "/{article_id:uuid}"


@router.post(ARTICLE + "/facts")
async def describe(request: Request, uow: Uow, viewer: Writes, article_id: UUID) -> Response:
    """What all languages share."""
    given = await given_by(request)
    facts = Facts(
        category_id=given.id("category_id"),
        audience=given.text("audience"),
        owner_id=given.id("owner_id"),
        review_by=_day(given.text("review_by")),
        tags=[name for name in given.text("tags").split(",") if name.strip()],
        related=await _related(uow, viewer, article_id, given),
    )
    await service.describe(uow, viewer.actor, article_id, version=given.version, facts=facts)
    return await _back(request, uow, viewer, article_id, given, _("Saved."))


@router.post(ARTICLE + "/languages")
async def translate(request: Request, uow: Uow, viewer: Writes, article_id: UUID) -> Response:
    """Begin the article in another language."""
    given = await given_by(request)
    text = await translations.begin(uow, viewer.actor, article_id, given.text("language"))
    return answered(request, text_url(text.id), _("Begun with the words of the original: translate them."))


@router.post(ARTICLE + "/archive")
async def archive(request: Request, uow: Uow, viewer: Writes, article_id: UUID) -> Response:
    given = await given_by(request)
    await service.archive(uow, viewer.actor, article_id, version=given.version)
    return await _back(request, uow, viewer, article_id, given, _("Archived: nobody finds it any more."))


@router.post(ARTICLE + "/archive/delete")
async def restore(request: Request, uow: Uow, viewer: Writes, article_id: UUID) -> Response:
    given = await given_by(request)
    await service.restore(uow, viewer.actor, article_id, version=given.version)
    return await _back(request, uow, viewer, article_id, given, _("In use again."))


@router.post(TEXT + "/draft/delete")
async def discard(request: Request, uow: Uow, viewer: Writes, text_id: UUID) -> Response:
    given = await given_by(request)
    await service.discard(uow, viewer.actor, text_id, version=given.version)
    return answered(request, text_url(text_id), _("The draft is gone; what is published stays."))


@router.post(TEXT + "/stale/delete")
async def still_right(request: Request, uow: Uow, viewer: Writes, text_id: UUID) -> Response:
    given = await given_by(request)
    await translations.still_right(uow, viewer.actor, text_id, version=given.version)
    return answered(request, text_url(text_id), _("The translation counts as up to date."))


@router.post(TEXT + "/review/approve")
async def approve(request: Request, uow: Uow, viewer: Writes, text_id: UUID) -> Response:
    given = await given_by(request)
    await review.approve(uow, viewer.actor, text_id, version=given.version, note=given.text("note"))
    return answered(request, f"{HERE}/reviews", _("Published."))


@router.post(TEXT + "/review/return")
async def give_back(request: Request, uow: Uow, viewer: Writes, text_id: UUID) -> Response:
    given = await given_by(request)
    await review.give_back(uow, viewer.actor, text_id, version=given.version, note=given.text("note"))
    return answered(request, text_url(text_id), _("It is a draft again."))


@router.post(TEXT + "/revisions/{revision:int}/restore")
async def take_up(request: Request, uow: Uow, viewer: Writes, text_id: UUID, revision: int) -> Response:
    given = await given_by(request)
    await revisions.take_up(uow, viewer.actor, text_id, revision, version=given.version)
    words = _("Revision {number} is the draft now. Publish it when it is right.")
    return answered(request, text_url(text_id), words.format(number=revision))


async def _back(
    request: Request, uow: UnitOfWork, viewer: Viewer, article_id: UUID, given: Given, words: str
) -> Response:
    """To the language that one was looking at."""
    texts = await translations.texts(uow, viewer.actor, article_id)
    wanted = given.text("text")
    here = next((text for text in texts if str(text.id) == wanted), texts[0])
    return answered(request, text_url(here.id), words)


async def _related(uow: UnitOfWork, viewer: Viewer, article_id: UUID, given: Given) -> list[UUID]:
    """Articles by their titles; those that are there already keep their place."""
    article = await access.article_of(uow, viewer.actor, article_id)
    there = {title: key for key, title in await listing.named(uow, article.related)}
    found: list[UUID] = []
    for title in [each for each in given.texts("related") if each.strip()][: service.MOST_RELATED + 1]:
        if title not in there:
            exact = [
                key
                for key, name in await listing.titles(uow, viewer.actor, title, but=article_id)
                if name == title
            ]
            if not exact:
                raise Invalid(_("There is no article “{title}”.").format(title=title[:100]), field="related")
            there[title] = exact[0]
        found.append(there[title])
    return found


def _day(typed: str) -> date | None:
    if not typed.strip():
        return None
    try:
        day = date.fromisoformat(typed.strip())
    except ValueError:
        day = date.min
    if not 2000 <= day.year <= 2200:
        raise Invalid(_("A day such as 2026-12-24 is expected here."), field="review_by")
    return day
