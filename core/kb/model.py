"""Articles, what people think of them, and what became of offering them.

An article's words are the desk's own and lie in plain text. What a person asked, searched or
remarked is sealed: under their key where they are known, else under the desk's.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from core import clock
from core.db import Base
from core.ids import new_id


class Reach(StrEnum):
    """Who may read an article."""

    public = "public"
    signed_in = "signed_in"
    internal = "internal"


class ArticleState(StrEnum):
    """Where a text stands. Whether there is something to read is said by its `body`: a published
    text that is changed again stays readable while it is a draft, or in review, anew."""

    draft = "draft"
    in_review = "in_review"
    published = "published"
    archived = "archived"


class Outcome(StrEnum):
    """What became of a suggestion."""

    shown = "shown"
    solved = "solved"
    not_needed = "not_needed"
    human = "human"
    dismissed = "dismissed"
    inserted = "inserted"


class FeedbackState(StrEnum):
    waiting = "waiting"
    public = "public"
    hidden = "hidden"


class Article(Base):
    """What all languages of an article share. `language` is the one it was first written in, to
    which its translations are held."""

    __tablename__ = "article"
    __table_args__ = (
        Index("uq_article_number", "number", unique=True),
        Index("ix_article_category_id", "category_id"),
        Index("ix_article_tags", "tags", postgresql_using="gin"),
        Index("ix_article_updated_at", "updated_at", "id"),
        Index("ix_article_review_by", "review_by", postgresql_where=text("review_by is not null")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=new_id)
    number: Mapped[int] = mapped_column(BigInteger(), Identity(always=False), init=False)
    version: Mapped[int] = mapped_column(default=1)
    language: Mapped[str]
    category_id: Mapped[UUID | None] = mapped_column(ForeignKey("category.id"), default=None)
    audience: Mapped[str] = mapped_column(default=Reach.public.value)
    owner_id: Mapped[UUID | None] = mapped_column(default=None)
    review_by: Mapped[date | None] = mapped_column(default=None)
    template: Mapped[str] = mapped_column(default="plain")
    tags: Mapped[list[int]] = mapped_column(default_factory=list)
    related: Mapped[list[UUID]] = mapped_column(default_factory=list)
    ticket_id: Mapped[UUID | None] = mapped_column(default=None)
    """The ticket that it was made of."""
    archived_at: Mapped[datetime | None] = mapped_column(default=None)
    created_at: Mapped[datetime] = mapped_column(default_factory=clock.now)
    updated_at: Mapped[datetime] = mapped_column(default_factory=clock.now)


class ArticleText(Base):
    """An article in one language: what is published, and what somebody is writing.

    `revision` counts what was published; `source_revision` is the revision of the original that a
    translation follows. A `publish_at` publishes the draft at that time.
    """

    __tablename__ = "article_text"
    __table_args__ = (
        Index("uq_article_text_article_id", "article_id", "language", unique=True),
        Index("uq_article_text_slug", "language", "slug", unique=True),
        Index("ix_article_text_state", "state", "updated_at"),
        Index("ix_article_text_published_at", "language", "published_at", "id"),
        Index("ix_article_text_publish_at", "publish_at", postgresql_where=text("publish_at is not null")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=new_id)
    version: Mapped[int] = mapped_column(default=1)
    article_id: Mapped[UUID] = mapped_column(ForeignKey("article.id"))
    language: Mapped[str]
    slug: Mapped[str]
    title: Mapped[str] = mapped_column(default="")
    body: Mapped[str | None] = mapped_column(default=None)
    summary: Mapped[str] = mapped_column(default="")
    state: Mapped[str] = mapped_column(default=ArticleState.draft.value)
    draft_title: Mapped[str | None] = mapped_column(default=None)
    draft_body: Mapped[str | None] = mapped_column(default=None)
    draft_by: Mapped[UUID | None] = mapped_column(default=None)
    draft_at: Mapped[datetime | None] = mapped_column(default=None)
    publish_at: Mapped[datetime | None] = mapped_column(default=None)
    publish_by: Mapped[UUID | None] = mapped_column(default=None)
    published_at: Mapped[datetime | None] = mapped_column(default=None)
    revision: Mapped[int] = mapped_column(default=0)
    source_revision: Mapped[int] = mapped_column(default=0)
    asked_by: Mapped[UUID | None] = mapped_column(default=None)
    asked_at: Mapped[datetime | None] = mapped_column(default=None)
    reviewer_id: Mapped[UUID | None] = mapped_column(default=None)
    review_note: Mapped[str | None] = mapped_column(default=None)
    editing_by: Mapped[UUID | None] = mapped_column(default=None)
    editing_at: Mapped[datetime | None] = mapped_column(default=None)
    updated_at: Mapped[datetime] = mapped_column(default_factory=clock.now)

    @property
    def live(self) -> bool:
        """There is something to read."""
        return self.body is not None and self.state != ArticleState.archived

    @property
    def shown_title(self) -> str:
        """What staff see: the draft's title where there is a draft."""
        return self.title if self.draft_title is None else self.draft_title

    @property
    def has_draft(self) -> bool:
        return self.draft_body is not None


class ArticleRevision(Base):
    """What was published once."""

    __tablename__ = "article_revision"

    article_text_id: Mapped[UUID] = mapped_column(ForeignKey("article_text.id"), primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    body: Mapped[str]
    by: Mapped[UUID | None] = mapped_column(default=None)
    note: Mapped[str] = mapped_column(default="")
    at: Mapped[datetime] = mapped_column(default_factory=clock.now)


class ArticleSlug(Base):
    """An address that an article had before: it leads on to where the article is now."""

    __tablename__ = "article_slug"
    __table_args__ = (Index("ix_article_slug_article_text_id", "article_text_id"),)

    language: Mapped[str] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(primary_key=True)
    article_text_id: Mapped[UUID] = mapped_column(ForeignKey("article_text.id"))
    at: Mapped[datetime] = mapped_column(default_factory=clock.now)


class ArticleFile(Base):
    """A picture or file of an article; name and key are sealed under the desk's key."""

    __tablename__ = "article_file"
    __table_args__ = (Index("ix_article_file_article_id", "article_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=new_id)
    article_id: Mapped[UUID] = mapped_column(ForeignKey("article.id"))
    uploader_id: Mapped[UUID | None] = mapped_column(default=None)
    name: Mapped[bytes]
    wrapped_key: Mapped[bytes]
    mime: Mapped[str]
    kind: Mapped[str]
    size: Mapped[int]
    width: Mapped[int | None] = mapped_column(default=None)
    height: Mapped[int | None] = mapped_column(default=None)
    object_id: Mapped[str]
    thumb_id: Mapped[str | None] = mapped_column(default=None)
    digest: Mapped[bytes] = mapped_column(default=b"")
    """Keyed hash of the bytes, so that an import need not keep them twice."""
    at: Mapped[datetime] = mapped_column(default_factory=clock.now)


class ArticleFeedback(Base):
    """Whether an article helped. The comment is sealed under the person's key, or under the desk's
    where nobody is known, and read by staff alone until a moderator makes it public."""

    __tablename__ = "article_feedback"
    __table_args__ = (
        Index("ix_article_feedback_article_text_id", "article_text_id", "at"),
        Index("ix_article_feedback_state", "state", "at"),
        Index("ix_article_feedback_person_id", "person_id", postgresql_where=text("person_id is not null")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=new_id)
    article_text_id: Mapped[UUID] = mapped_column(ForeignKey("article_text.id"))
    helpful: Mapped[bool]
    reason: Mapped[str] = mapped_column(default="")
    comment: Mapped[bytes | None] = mapped_column(default=None)
    person_id: Mapped[UUID | None] = mapped_column(default=None)
    state: Mapped[str] = mapped_column(default=FeedbackState.waiting.value)
    decided_by: Mapped[UUID | None] = mapped_column(default=None)
    decided_at: Mapped[datetime | None] = mapped_column(default=None)
    reported_at: Mapped[datetime | None] = mapped_column(default=None)
    at: Mapped[datetime] = mapped_column(default_factory=clock.now)


class ArticleView(Base):
    """How often an article was read on a day; nobody is named."""

    __tablename__ = "article_view"
    __table_args__ = (Index("ix_article_view_day", "day"),)

    article_id: Mapped[UUID] = mapped_column(ForeignKey("article.id"), primary_key=True)
    language: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(primary_key=True)
    count: Mapped[int] = mapped_column(default=0)


class KbSearch(Base):
    """What was searched for, by nobody in particular: words sealed under the desk's key, grouped by
    a keyed hash of the folded words."""

    __tablename__ = "kb_search"
    __table_args__ = (Index("ix_kb_search_at", "at"), Index("ix_kb_search_digest", "digest", "at"))

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=new_id)
    language: Mapped[str]
    channel: Mapped[str] = mapped_column(default="web")
    words: Mapped[bytes]
    digest: Mapped[bytes]
    results: Mapped[int]
    at: Mapped[datetime] = mapped_column(default_factory=clock.now)


class Suggestion(Base):
    """One offer of articles, and what came of it. The question is sealed under its person's key."""

    __tablename__ = "suggestion"
    __table_args__ = (
        Index("ix_suggestion_asked_at", "asked_at", "id"),
        Index("ix_suggestion_ticket_id", "ticket_id", postgresql_where=text("ticket_id is not null")),
        Index("ix_suggestion_person_id", "person_id", postgresql_where=text("person_id is not null")),
        Index(
            "ix_suggestion_conversation_id",
            "conversation_id",
            postgresql_where=text("conversation_id is not null"),
        ),
        Index("ix_suggestion_chosen", "chosen", postgresql_where=text("chosen is not null")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=new_id)
    ticket_id: Mapped[UUID | None] = mapped_column(default=None)
    conversation_id: Mapped[UUID | None] = mapped_column(default=None)
    person_id: Mapped[UUID | None] = mapped_column(default=None)
    channel: Mapped[str]
    language: Mapped[str]
    question: Mapped[bytes | None] = mapped_column(default=None)
    asked_at: Mapped[datetime] = mapped_column(default_factory=clock.now)
    shown: Mapped[list[UUID]] = mapped_column(default_factory=list)
    scores: Mapped[dict[str, Any]] = mapped_column(default_factory=dict)
    chosen: Mapped[UUID | None] = mapped_column(default=None)
    outcome: Mapped[str] = mapped_column(default=Outcome.shown.value)
    outcome_at: Mapped[datetime | None] = mapped_column(default=None)
    reopened_at: Mapped[datetime | None] = mapped_column(default=None)
    by_agent: Mapped[bool] = mapped_column(default=False)


class Lesson(Base):
    """A past question and whether an article answered it. It goes with its person's key."""

    __tablename__ = "lesson"
    __table_args__ = (
        Index("ix_lesson_at", "at", "id"),
        Index("ix_lesson_article_id", "article_id"),
        Index("ix_lesson_person_id", "person_id"),
        Index("ix_lesson_suggestion_id", "suggestion_id", postgresql_where=text("suggestion_id is not null")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=new_id)
    question: Mapped[bytes]
    article_id: Mapped[UUID] = mapped_column(ForeignKey("article.id"))
    solved: Mapped[bool]
    person_id: Mapped[UUID]
    language: Mapped[str]
    suggestion_id: Mapped[UUID | None] = mapped_column(default=None)
    by: Mapped[UUID | None] = mapped_column(default=None)
    at: Mapped[datetime] = mapped_column(default_factory=clock.now)
    undone_at: Mapped[datetime | None] = mapped_column(default=None)
    undone_by: Mapped[UUID | None] = mapped_column(default=None)
