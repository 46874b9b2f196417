"""Four eyes: an author asks, a reviewer publishes it or gives it back with a comment."""

from __future__ import annotations

from uuid import UUID

from core import clock, text
from core.access import Actor, Permission
from core.db import UnitOfWork
from core.errors import Invalid, Refused
from core.i18n import _
from core.kb import access, service, wording
from core.kb.events import ArticleReturned, ArticleSentForReview
from core.kb.model import ArticleState, ArticleText
from core.people.model import Person

NOTE_CHARACTERS = 4_000


async def ask(
    uow: UnitOfWork, actor: Actor, text_id: UUID, *, version: int, reviewer_id: UUID | None = None
) -> ArticleText:
    """Ask for a review of the draft: of one colleague, or of whoever publishes."""
    article, row = await access.edit(uow, actor, text_id, lock=True)
    service.check(row, version)
    _open(row)
    if row.draft_body is None:
        raise Refused(_("There is nothing new to review."))
    wording.title(row.draft_title or "")
    wording.body(row.draft_body)
    if reviewer_id is not None:
        await _check_reviewer(uow, reviewer_id)
    row.state = ArticleState.in_review.value
    row.reviewer_id, row.review_note = reviewer_id, None
    row.asked_by, row.asked_at = actor.id, clock.now()
    service.moved(article, row)
    uow.emit(
        ArticleSentForReview(subject=article.id, text=row.id, language=row.language, reviewer=reviewer_id),
        actor=actor,
    )
    return row


async def approve(
    uow: UnitOfWork, actor: Actor, text_id: UUID, *, version: int, note: str = ""
) -> ArticleText:
    """Publish what is in review; exactly the version that was read."""
    actor.require(Permission.publish_articles)
    article, row = await access.edit(uow, actor, text_id, lock=True)
    service.check(row, version)
    _waiting(row)
    await service.put_out(uow, actor, article, row, note=note)
    return row


async def give_back(
    uow: UnitOfWork, actor: Actor, text_id: UUID, *, version: int, note: str = ""
) -> ArticleText:
    """The reviewer wants changes and says which; the author may take it back without words."""
    article, row = await access.edit(uow, actor, text_id, lock=True)
    service.check(row, version)
    _waiting(row)
    withdrawn = actor.id is not None and actor.id == row.asked_by
    words = text.message(note[: NOTE_CHARACTERS + 1], may_be_empty=True)
    if not withdrawn:
        actor.require(Permission.publish_articles)
        if not words:
            raise Invalid(_("Say what should be changed."), field="note")
    if len(words) > NOTE_CHARACTERS:
        raise Invalid(
            _("This is too long: at most {most} characters.").format(most=NOTE_CHARACTERS), field="note"
        )
    row.state = service.settled(row)
    row.review_note = words or None
    service.moved(article, row)
    uow.emit(
        ArticleReturned(
            subject=article.id, text=row.id, language=row.language, withdrawn=withdrawn, author=row.asked_by
        ),
        actor=actor,
    )
    return row


async def _check_reviewer(uow: UnitOfWork, reviewer_id: UUID) -> None:
    reviewer = await uow.session.get(Person, reviewer_id)
    may = reviewer is not None and Permission.publish_articles in uow.means.roles.get(
        reviewer.role, frozenset()
    )
    if reviewer is None or not reviewer.active or not may:
        raise Invalid(_("This person cannot review articles."), field="reviewer_id")


def _open(row: ArticleText) -> None:
    if row.state == ArticleState.archived:
        raise Refused(_("This article is archived. Restore it first."))
    if row.state == ArticleState.in_review:
        raise Refused(_("This waits for a review already."))


def _waiting(row: ArticleText) -> None:
    if row.state != ArticleState.in_review:
        raise Refused(_("This does not wait for a review any more."))
