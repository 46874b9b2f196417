"""Addresses of articles: made from titles, one for each text, and never given to another."""

from __future__ import annotations

import re
from urllib.parse import quote
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from core import clock
from core.crypto.words import fold
from core.db import UnitOfWork
from core.kb.model import ArticleSlug, ArticleText

MOST = 80
_LOCK = 4_202_651
_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "ø": "oe", "å": "a"})
_BETWEEN = re.compile(r"[\W_]+")


def slug_of(title: str) -> str:
    """A title as part of an address. Letters of every alphabet are kept; without any, `article`."""
    plain = fold(title.casefold().translate(_LETTERS))
    slug = _BETWEEN.sub("-", plain).strip("-")
    if len(slug) > MOST:
        slug = slug[:MOST].rsplit("-", 1)[0] if "-" in slug[:MOST] else slug[:MOST]
    return slug or "article"


def path(language: str, slug: str) -> str:
    """Where a text is read in the help centre; the letters of every alphabet safe in any link."""
    return f"/help/{quote(language)}/{quote(slug)}"


async def free(uow: UnitOfWork, language: str, wanted: str, *, but: UUID | None = None) -> str:
    """The slug that is wanted, with a number behind it when another text has it or had it."""
    await uow.session.flush()
    await uow.session.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    begins = f"{wanted}%"
    now = select(ArticleText.slug).where(ArticleText.language == language, ArticleText.slug.like(begins))
    once = select(ArticleSlug.slug).where(ArticleSlug.language == language, ArticleSlug.slug.like(begins))
    if but is not None:
        now, once = now.where(ArticleText.id != but), once.where(ArticleSlug.article_text_id != but)
    taken = set(await uow.session.scalars(now.union(once)))
    if wanted not in taken:
        return wanted
    return next(slug for number in range(2, len(taken) + 3) if (slug := f"{wanted}-{number}") not in taken)


async def move(uow: UnitOfWork, text: ArticleText, wanted: str) -> bool:
    """Give a text another address; what was published leads on from the old one. False when it is
    the one that it has."""
    slug = await free(uow, text.language, wanted, but=text.id)
    if slug == text.slug:
        return False
    here = (ArticleSlug.language == text.language) & (ArticleSlug.slug == slug)
    await uow.session.execute(delete(ArticleSlug).where(here))
    if text.published_at is not None:
        old = insert(ArticleSlug).values(
            language=text.language, slug=text.slug, article_text_id=text.id, at=clock.now()
        )
        await uow.session.execute(old.on_conflict_do_nothing())
    text.slug = slug
    return True
