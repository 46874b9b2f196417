"""All articles as Markdown files with their pictures: what importing takes back without a loss."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from sqlalchemy import select

from core.access import Actor, Permission
from core.db import UnitOfWork
from core.kb import documents, files, page
from core.kb.documents import Document
from core.kb.model import Article, ArticleSlug, ArticleState, ArticleText
from core.people import service as people
from core.people.model import Tag
from core.tickets.categories import categories

FILES = "files"
BATCH = 50


@dataclass(frozen=True, slots=True)
class Written:
    """A file to be written: its name below the folder, and its bytes."""

    path: str
    content: bytes


async def export(uow: UnitOfWork, actor: Actor) -> AsyncIterator[Written]:
    """Every article in every language, drafts beside what is published; pictures once each."""
    actor.require(Permission.publish_articles)
    desk = await _Desk.of(uow)
    pictures: set[str] = set()
    last = 0
    while True:
        query = select(Article).where(Article.number > last).order_by(Article.number).limit(BATCH)
        batch = list(await uow.session.scalars(query))
        for article in batch:
            for document in await _documents(uow, article, desk):
                moved: dict[str, str] = {}
                async for picture in _pictures(uow, document, moved):
                    if picture.path not in pictures:
                        pictures.add(picture.path)
                        yield picture
                for address, path in moved.items():
                    document.body = document.body.replace(address, path)
                yield Written(document.path, documents.write(document).encode())
        if len(batch) < BATCH:
            return
        last = batch[-1].number


@dataclass(slots=True)
class _Desk:
    """Names for what articles hold as ids."""

    categories: dict[UUID, str]
    tags: dict[int, str]
    owners: dict[UUID, str]

    @classmethod
    async def of(cls, uow: UnitOfWork) -> _Desk:
        lines = await categories(uow.session, retired=True)
        tags = await uow.session.execute(select(Tag.id, Tag.name))
        owners = set(await uow.session.scalars(select(Article.owner_id).distinct()))
        known = await people.known(uow.session, uow, owners - {None})
        return cls(
            {line.category.id: line.path for line in lines},
            {row[0]: row[1] for row in tags},
            {person_id: one.email for person_id, one in known.items() if not one.erased},
        )


async def _documents(uow: UnitOfWork, article: Article, desk: _Desk) -> list[Document]:
    query = select(ArticleText).where(ArticleText.article_id == article.id).order_by(ArticleText.language)
    texts = list(await uow.session.scalars(query))
    slugs: dict[UUID, list[str]] = {}
    old = select(ArticleSlug.article_text_id, ArticleSlug.slug).where(
        ArticleSlug.article_text_id.in_([text.id for text in texts])
    )
    for text_id, slug in await uow.session.execute(old.order_by(ArticleSlug.slug)):
        slugs.setdefault(text_id, []).append(slug)
    found = []
    for text in sorted(texts, key=lambda text: (text.language != article.language, text.language)):
        whole = _document(article, text, desk, slugs.get(text.id, []))
        if text.body is not None:
            found.append(whole)
        if text.draft_body is not None:
            found.append(_draft(whole, text))
    return found


def _document(article: Article, text: ArticleText, desk: _Desk, old_slugs: list[str]) -> Document:
    return Document(
        path=f"{text.slug}.{text.language}.md",
        title=text.title,
        body=text.body or "",
        language=text.language,
        article=article.id,
        original=article.language,
        slug=text.slug,
        state=_of_published(text),
        audience=article.audience,
        category=desk.categories.get(article.category_id, "") if article.category_id else "",
        tags=sorted(desk.tags[tag] for tag in article.tags if tag in desk.tags),
        owner=desk.owners.get(article.owner_id, "") if article.owner_id else "",
        review_by=article.review_by,
        template=article.template,
        related=list(article.related),
        old_slugs=old_slugs,
        published_at=text.published_at,
    )


def _of_published(text: ArticleText) -> str:
    """A review is of the draft, whose own file says so."""
    if text.state == ArticleState.archived:
        return text.state
    return ArticleState.published.value


def _draft(whole: Document, text: ArticleText) -> Document:
    """What is being written: a file of its own beside what is published, else the only one."""
    published = text.body is not None
    state = text.state if text.state != ArticleState.published else ArticleState.draft.value
    return Document(
        path=f"{text.slug}.{text.language}{documents.MARK if published else ''}.md",
        title=text.draft_title or text.title,
        body=text.draft_body or "",
        language=whole.language,
        draft=published,
        article=whole.article,
        original=whole.original,
        slug=whole.slug,
        state=state,
        audience=whole.audience,
        category=whole.category,
        tags=whole.tags,
        owner=whole.owner,
        review_by=whole.review_by,
        template=whole.template,
        related=whole.related,
        publish_at=text.publish_at,
    )


async def _pictures(uow: UnitOfWork, document: Document, moved: dict[str, str]) -> AsyncIterator[Written]:
    """The files that a text names, by a name that is the same for the same bytes."""
    opened = await files.by_ids(uow, page.files_in(document.body))
    for file in opened.values():
        content = await files.bytes_of(file, uow.means.files)
        path = f"{FILES}/{sha256(content).hexdigest()[:12]}-{_plain(file.name)}"
        moved[file.address] = path
        yield Written(path, content)


def _plain(name: str) -> str:
    """A name that every system takes, and Markdown needs no marks around."""
    kept = "".join(char if char.isalnum() or char in "-._" else "-" for char in name)
    return kept.strip("-.")[-80:] or "file"
