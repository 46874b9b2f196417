"""What happens to articles and to what is said of them. Data holds ids, numbers and codes only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from core.events import Event, register


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleEvent(Event):
    """Base of the facts about one article: `text` is the language's row where one is meant."""

    thing: ClassVar[str] = "article"
    text: UUID | None = None
    language: str | None = None


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleCreated(ArticleEvent):
    """Begun, or begun in another language; `ticket` is what it was made of."""

    name: ClassVar[str] = "article.created"
    ticket: UUID | None = None


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleSaved(ArticleEvent):
    """A draft was kept. Readers see nothing of it."""

    name: ClassVar[str] = "article.saved"


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleChanged(ArticleEvent):
    """What all languages share was changed: category, audience, tags, owner, related articles."""

    name: ClassVar[str] = "article.changed"
    what: tuple[str, ...] = ()


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleSentForReview(ArticleEvent):
    """Its author asks for a review: of one colleague, or of whoever publishes."""

    name: ClassVar[str] = "article.sent_for_review"
    reviewer: UUID | None = None


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleReturned(ArticleEvent):
    """The reviewer wants changes, or the author took it back (`withdrawn`)."""

    name: ClassVar[str] = "article.returned"
    withdrawn: bool = False
    author: UUID | None = None


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleScheduled(ArticleEvent):
    """It is published at a time; without a time, no more."""

    name: ClassVar[str] = "article.scheduled"
    until: datetime | None = None


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class ArticlePublished(ArticleEvent):
    """What readers find is new from here on; `author` had asked for a review of it."""

    name: ClassVar[str] = "article.published"
    revision: int
    author: UUID | None = None


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleRenamed(ArticleEvent):
    """It has another address; the old one leads on."""

    name: ClassVar[str] = "article.renamed"


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleArchived(ArticleEvent):
    """Readers do not find it any more, in no language."""

    name: ClassVar[str] = "article.archived"


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleRestored(ArticleEvent):
    """Taken out of the archive, as it was."""

    name: ClassVar[str] = "article.restored"


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class ArticlesImported(ArticleEvent):
    """A folder was read in; `subject` is the desk."""

    name: ClassVar[str] = "article.imported"
    made: int = 0
    changed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackEvent(Event):
    thing: ClassVar[str] = "feedback"
    article: UUID


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackGiven(FeedbackEvent):
    """A reader said whether an article helped, with a comment or without."""

    name: ClassVar[str] = "feedback.given"
    helpful: bool
    comment: bool = False


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackReported(FeedbackEvent):
    """A reader found a public comment improper."""

    name: ClassVar[str] = "feedback.reported"


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackModerated(FeedbackEvent):
    """A moderator made a comment public, hid it, or lets it wait again."""

    name: ClassVar[str] = "feedback.moderated"
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestionEvent(Event):
    thing: ClassVar[str] = "suggestion"
    article: UUID | None = None
    ticket: UUID | None = None


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestionShown(SuggestionEvent):
    """Articles were offered as an answer."""

    name: ClassVar[str] = "suggestion.shown"
    articles: tuple[UUID, ...] = ()


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestionSolved(SuggestionEvent):
    """One of the offered articles was the answer."""

    name: ClassVar[str] = "suggestion.solved"


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestionUndone(SuggestionEvent):
    """It was not the answer after all."""

    name: ClassVar[str] = "suggestion.undone"


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestionDismissed(SuggestionEvent):
    """None of them was; `outcome` says what was wanted instead."""

    name: ClassVar[str] = "suggestion.dismissed"
    outcome: str = "dismissed"


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class LessonUndone(Event):
    """What a question had taught about an article counts no more."""

    name: ClassVar[str] = "lesson.undone"
    thing: ClassVar[str] = "lesson"
    article: UUID
