"""What agents do with articles: begin, write, describe, publish, archive.

Review is in `review.py`, what was published once in `revisions.py`, other languages in
`translations.py`. Whoever looked at an older version gets `Conflict` and looks again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import select

from core import clock
from core.access import Actor, Permission
from core.db import UnitOfWork
from core.errors import Conflict, Invalid, Refused
from core.i18n import _
from core.ids import new_id
from core.kb import access, slugs, wording
from core.kb.events import (
    ArticleArchived,
    ArticleChanged,
    ArticleCreated,
    ArticlePublished,
    ArticleRenamed,
    ArticleRestored,
    ArticleSaved,
    ArticleScheduled,
)
from core.kb.model import Article, ArticleRevision, ArticleState, ArticleText, Reach
from core.people.model import Person
from core.tickets.model import Category
from core.tickets.service import tag_ids

MOST_TAGS = 20
MOST_RELATED = 10
LATEST_DAYS = 366
EDITING_FOR = timedelta(seconds=90)
"""So long after a sign of life somebody counts as editing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What all languages of an article share."""

    category_id: UUID | None = None
    audience: str = Reach.public.value
    owner_id: UUID | None = None
    review_by: date | None = None
    tags: Sequence[str] = ()
    related: Sequence[UUID] = field(default_factory=tuple)


async def create(
    uow: UnitOfWork,
    actor: Actor,
    *,
    title: str,
    body: str = "",
    language: str = "en",
    template: str = "plain",
    facts: Facts | None = None,
    ticket_id: UUID | None = None,
    article_id: UUID | None = None,
    slug: str | None = None,
) -> tuple[Article, ArticleText]:
    """A new article with a first draft in its original language. An `article_id` is one that no
    article has."""
    actor.require(Permission.write_articles)
    article = Article(
        id=article_id or new_id(),
        language=wording.language(language),
        template=template[:20],
        ticket_id=ticket_id,
        owner_id=actor.id,
    )
    await fill(uow, article, facts or Facts(owner_id=actor.id))
    uow.session.add(article)
    await uow.session.flush()
    text = await begin_text(uow, actor, article, article.language, title, body, slug)
    uow.emit(
        ArticleCreated(subject=article.id, text=text.id, language=text.language, ticket=ticket_id),
        actor=actor,
    )
    return article, text


async def begin_text(
    uow: UnitOfWork,
    actor: Actor,
    article: Article,
    language: str,
    title: str,
    body: str,
    slug: str | None = None,
) -> ArticleText:
    """A draft in a language that the article does not have yet."""
    headed = wording.title(title)
    text = ArticleText(
        article_id=article.id,
        language=language,
        slug=await slugs.free(uow, language, slugs.slug_of(slug or headed)),
        title=headed,
        draft_title=headed,
        draft_body=wording.body(body, required=False),
        draft_by=actor.id,
        draft_at=clock.now(),
    )
    uow.session.add(text)
    await uow.session.flush()
    return text


async def save(
    uow: UnitOfWork, actor: Actor, text_id: UUID, *, version: int, title: str, body: str
) -> ArticleText:
    """Keep a draft. What is in review is taken back by it, for what was asked about is no more."""
    article, text = await access.edit(uow, actor, text_id, lock=True)
    _unarchived(text)
    check(text, version)
    headed, words = wording.title(title), wording.body(body, required=False)
    touch(text, actor)
    if (headed, words) == (text.draft_title, text.draft_body):
        return text
    if text.draft_body is None and (headed, words) == (text.title, text.body):
        return text
    text.draft_title, text.draft_body = headed, words
    text.draft_by, text.draft_at = actor.id, clock.now()
    if text.state == ArticleState.in_review:
        text.state = settled(text)
    if text.published_at is None:
        text.title = headed
        await slugs.move(uow, text, slugs.slug_of(headed))
    moved(article, text)
    uow.emit(ArticleSaved(subject=article.id, text=text.id, language=text.language), actor=actor)
    return text


async def discard(uow: UnitOfWork, actor: Actor, text_id: UUID, *, version: int) -> ArticleText:
    """Throw a draft away; what is published stays."""
    article, text = await access.edit(uow, actor, text_id, lock=True)
    check(text, version)
    if text.body is None:
        raise Refused(_("This was never published: archive it instead."))
    _clear(text)
    moved(article, text)
    uow.emit(ArticleSaved(subject=article.id, text=text.id, language=text.language), actor=actor)
    return text


async def describe(uow: UnitOfWork, actor: Actor, article_id: UUID, *, version: int, facts: Facts) -> Article:
    """Change what all languages share. The audience of what is published is for publishers."""
    article = await access.article_of(uow, actor, article_id, lock=True)
    if article.version != version:
        raise changed_meanwhile()
    if facts.audience != article.audience and await _is_published(uow, article.id):
        actor.require(Permission.publish_articles)
    before = facts_of(article)
    await fill(uow, article, facts)
    changed = tuple(name for name, value in facts_of(article).items() if before[name] != value)
    if changed:
        article.version += 1
        article.updated_at = clock.now()
        uow.emit(ArticleChanged(subject=article.id, what=changed), actor=actor)
    return article


async def publish(
    uow: UnitOfWork, actor: Actor, text_id: UUID, *, version: int, note: str = "", slug: str | None = None
) -> ArticleText:
    """Publish the draft as the next revision. Another title brings another address, and the old
    one leads on; an explicit `slug` is taken as it is."""
    actor.require(Permission.publish_articles)
    article, text = await access.edit(uow, actor, text_id, lock=True)
    check(text, version)
    _unarchived(text)
    if text.draft_body is None:
        raise Refused(_("There is nothing new to publish."))
    await put_out(uow, actor, article, text, note=note, slug=slug)
    return text


async def put_out(
    uow: UnitOfWork,
    actor: Actor,
    article: Article,
    text: ArticleText,
    *,
    note: str = "",
    slug: str | None = None,
) -> None:
    """The draft becomes what is read; for those who have checked that it may."""
    title, body = wording.title(text.draft_title or text.title), wording.body(text.draft_body or "")
    wanted = slugs.slug_of(title if slug is None else slug)
    renamed = (title != text.title or slug is not None) and await slugs.move(uow, text, wanted)
    by = text.draft_by or actor.id
    author = text.asked_by if text.state == ArticleState.in_review else None
    text.title, text.body, text.summary = title, body, wording.summary(body)
    text.revision += 1
    text.published_at = clock.now()
    text.source_revision = await _original_revision(uow, article, text)
    uow.session.add(
        ArticleRevision(
            article_text_id=text.id, revision=text.revision, title=title, body=body, by=by,
            note=wording.note(note),
        )
    )  # fmt: skip
    _clear(text)
    moved(article, text)
    about = {"subject": article.id, "text": text.id, "language": text.language}
    if renamed:
        uow.emit(ArticleRenamed(**about), actor=actor)  # type: ignore[arg-type]
    published = ArticlePublished(**about, revision=text.revision, author=author)  # type: ignore[arg-type]
    uow.emit(published, actor=actor)


async def publish_at(
    uow: UnitOfWork, actor: Actor, text_id: UUID, *, version: int, at: datetime | None
) -> ArticleText:
    """Publish the draft at a time; None: not by itself any more."""
    actor.require(Permission.publish_articles)
    article, text = await access.edit(uow, actor, text_id, lock=True)
    check(text, version)
    _unarchived(text)
    if at is not None:
        _check_time(at)
        wording.body(text.draft_body or "")
    text.publish_at, text.publish_by = at, actor.id if at is not None else None
    moved(article, text)
    uow.emit(
        ArticleScheduled(subject=article.id, text=text.id, language=text.language, until=at), actor=actor
    )
    return text


async def archive(uow: UnitOfWork, actor: Actor, article_id: UUID, *, version: int) -> Article:
    """Take an article out of use, in all languages; nothing is lost. What was published is archived
    by those who publish."""
    article = await access.article_of(uow, actor, article_id, lock=True)
    if article.version != version:
        raise changed_meanwhile()
    if article.archived_at is not None:
        return article
    if await _is_published(uow, article.id):
        actor.require(Permission.publish_articles)
    for text in await _texts(uow, article.id):
        text.state = ArticleState.archived.value
        text.publish_at = None
        text.version += 1
    article.archived_at = clock.now()
    moved(article)
    uow.emit(ArticleArchived(subject=article.id), actor=actor)
    return article


async def restore(uow: UnitOfWork, actor: Actor, article_id: UUID, *, version: int) -> Article:
    """Take an archived article into use again, as it was."""
    article = await access.article_of(uow, actor, article_id, lock=True)
    if article.version != version:
        raise changed_meanwhile()
    if article.archived_at is None:
        return article
    for text in await _texts(uow, article.id):
        if text.body is not None:
            actor.require(Permission.publish_articles)
        text.state = settled(text)
        text.version += 1
    article.archived_at = None
    moved(article)
    uow.emit(ArticleRestored(subject=article.id), actor=actor)
    return article


async def editing(uow: UnitOfWork, actor: Actor, text_id: UUID, *, stop: bool = False) -> UUID | None:
    """A sign of life of whoever edits; returns who else does so now."""
    _article, text = await access.edit(uow, actor, text_id)
    await uow.session.refresh(text, with_for_update=True)
    other = someone_else(text, actor)
    if other is None:
        text.editing_by, text.editing_at = (None, None) if stop else (actor.id, clock.now())
    return other


# --- shared steps, also for the neighbours ------------------------------------------------


def someone_else(text: ArticleText, actor: Actor) -> UUID | None:
    """Who else is editing a text at this moment."""
    if text.editing_at is None or clock.now() - text.editing_at > EDITING_FOR:
        return None
    return text.editing_by if text.editing_by != actor.id else None


def touch(text: ArticleText, actor: Actor) -> None:
    text.editing_by, text.editing_at = actor.id, clock.now()


def check(text: ArticleText, version: int) -> None:
    if text.version != version:
        raise changed_meanwhile()


def changed_meanwhile() -> Conflict:
    return Conflict(_("Someone changed this in the meantime. Look again, then decide."))


def settled(text: ArticleText) -> str:
    """The state of a text that waits for nobody."""
    return (ArticleState.draft if text.body is None else ArticleState.published).value


def moved(article: Article, text: ArticleText | None = None) -> None:
    article.updated_at = clock.now()
    if text is None:
        article.version += 1
    else:
        moved_text(text)


def moved_text(text: ArticleText) -> None:
    text.version += 1
    text.updated_at = clock.now()


def _unarchived(text: ArticleText) -> None:
    if text.state == ArticleState.archived:
        raise Refused(_("This article is archived. Restore it first."))


def _clear(text: ArticleText) -> None:
    text.draft_title = text.draft_body = text.draft_by = text.draft_at = None
    text.publish_at = text.publish_by = None
    text.asked_by = text.asked_at = text.reviewer_id = text.review_note = None
    text.state = settled(text)


def _check_time(at: datetime) -> None:
    now = clock.now()
    if not now < at < now + timedelta(days=LATEST_DAYS):
        raise Invalid(_("Choose a time in the next {days} days.").format(days=LATEST_DAYS), field="at")


async def fill(uow: UnitOfWork, article: Article, facts: Facts, *, keep_tags: bool = False) -> None:
    """Put facts into an article, each looked at; for those who have checked that it may."""
    if facts.audience not in set(Reach):
        raise Invalid(_("There is no such audience."), field="audience")
    if facts.category_id is not None and facts.category_id != article.category_id:
        category = await uow.session.get(Category, facts.category_id)
        if category is None or not category.active:
            raise Invalid(_("There is no such category."), field="category_id")
    if facts.owner_id is not None and facts.owner_id != article.owner_id:
        owner = await uow.session.get(Person, facts.owner_id)
        if owner is None or owner.role == "requester" or not owner.active:
            raise Invalid(_("Only agents can own an article."), field="owner_id")
    if len(facts.tags) > MOST_TAGS:
        raise Invalid(_("At most {most} tags on an article.").format(most=MOST_TAGS), field="tags")
    article.category_id, article.audience = facts.category_id, facts.audience
    article.owner_id, article.review_by = facts.owner_id, facts.review_by
    if not keep_tags:
        article.tags = sorted(await tag_ids(uow, facts.tags, make=True))
    article.related = await _related(uow, article, facts.related)


async def _related(uow: UnitOfWork, article: Article, wanted: Sequence[UUID]) -> list[UUID]:
    """Other articles that exist, each once. They may name each other: nothing follows them on."""
    distinct = [each for each in dict.fromkeys(wanted) if each != article.id]
    if len(distinct) > MOST_RELATED:
        raise Invalid(_("At most {most} related articles.").format(most=MOST_RELATED), field="related")
    known = set(await uow.session.scalars(select(Article.id).where(Article.id.in_(distinct))))
    return [each for each in distinct if each in known]


def facts_of(article: Article) -> dict[str, object]:
    return {
        "category": article.category_id,
        "audience": article.audience,
        "owner": article.owner_id,
        "review_by": article.review_by,
        "tags": list(article.tags),
        "related": list(article.related),
    }


async def _texts(uow: UnitOfWork, article_id: UUID) -> list[ArticleText]:
    query = select(ArticleText).where(ArticleText.article_id == article_id).order_by(ArticleText.id)
    return list(await uow.session.scalars(query.with_for_update()))


async def _is_published(uow: UnitOfWork, article_id: UUID) -> bool:
    query = select(ArticleText.id).where(ArticleText.article_id == article_id, access.live()).limit(1)
    return await uow.session.scalar(query) is not None


async def _original_revision(uow: UnitOfWork, article: Article, text: ArticleText) -> int:
    """Of the original at this moment: what a translation is held to."""
    if text.language == article.language:
        return text.revision
    original = select(ArticleText.revision).where(
        ArticleText.article_id == article.id, ArticleText.language == article.language
    )
    return int(await uow.session.scalar(original) or 0)
