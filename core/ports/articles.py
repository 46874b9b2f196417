"""Finding articles: what the rest of the desk needs of whatever knows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from core.access import Actor

if TYPE_CHECKING:
    from core.kb.engine import Reasons


@dataclass(frozen=True, slots=True)
class Hit:
    """A text that was found: `sentence` is the passage that answers, `score` is 0 to 1."""

    article_id: UUID
    text_id: UUID
    language: str
    title: str
    sentence: str
    score: float


class Articles(Protocol):
    """What is published, to be found. Answers with nothing until it is `ready`."""

    @property
    def ready(self) -> bool: ...

    async def suggest(self, question: str, reader: Actor, language: str, most: int = 3) -> list[Hit]:
        """The articles worth showing in answer to a question; none when it is not sure."""
        ...

    async def search(
        self, words: str, reader: Actor, language: str = "", *, most: int = 20, typing: bool = False
    ) -> list[Hit]:
        """The likeliest articles for words. With a `language`, an article that has a text in it is
        found by that text alone. `typing`: the last word may be unfinished."""
        ...

    async def explain(self, question: str, text_id: UUID) -> Reasons | None:
        """What spoke for an article: words, sentences, past questions; None if it is not there."""
        ...

    async def sureness(self, question: str, reader: Actor, language: str) -> tuple[float, float]:
        """How sure it is that it can answer, and from where on it speaks, both 0 to 1."""
        ...
