"""One article in one language as a Markdown file: what its head says, and what of it is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import PurePosixPath
from typing import Any, TypeVar
from uuid import UUID

from core.errors import DeskError
from core.i18n import _
from core.kb import front_matter, wording
from core.kb.front_matter import Head, Value
from core.kb.model import ArticleState, Reach
from core.kb.slugs import slug_of

LARGEST = 2 * 1024 * 1024
MARK = ".draft"
_HEADING = re.compile(r"#[^\S\n]++([^\n]+)")
_IN_NAME = re.compile(r"^(?P<stem>.+?)(?:\.(?P<language>[a-z]{2,3}(?:-[A-Z]{2})?))?$")
T = TypeVar("T")


@dataclass(slots=True)
class Document:
    """A file in the clear. `names` tells which of the facts the file names at all."""

    path: str
    title: str
    body: str
    language: str
    draft: bool = False
    article: UUID | None = None
    original: str = ""
    slug: str = ""
    state: str = ArticleState.published.value
    audience: str = Reach.public.value
    category: str = ""
    tags: list[str] = field(default_factory=list)
    owner: str = ""
    review_by: date | None = None
    template: str = "plain"
    related: list[UUID] = field(default_factory=list)
    old_slugs: list[str] = field(default_factory=list)
    published_at: datetime | None = None
    publish_at: datetime | None = None
    names: set[str] = field(default_factory=set)
    body_line: int = 1

    @property
    def group(self) -> str:
        """Files of one group are the languages of one article."""
        if self.article is not None:
            return str(self.article)
        path = PurePosixPath(self.path)
        return str(path.parent / _stem_of(path)[0])


@dataclass(frozen=True, slots=True)
class Problem:
    """Something about one line of a file."""

    path: str
    line: int
    words: str


def write(document: Document) -> str:
    return front_matter.write(_facts(document), document.body)


def read(path: str, content: bytes, language: str) -> tuple[Document | None, list[Problem]]:
    """A file, or what is wrong with it, line by line. `language` is the one of files that name none."""
    if len(content) > LARGEST:
        return None, [Problem(path, 1, _("The file is too large: at most 2 MB."))]
    try:
        text = content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return None, [Problem(path, line, _("This is not UTF-8. Save the file as UTF-8."))]
    head, body, body_line = front_matter.read(text)
    problems = [Problem(path, line, _WRONG[code]()) for line, code in head.wrong]
    reader = _Reader(path, head, problems)
    document = _document(reader, path, body, body_line, language)
    return (document if not problems else None), sorted(problems, key=lambda one: one.line)


def _document(reader: _Reader, path: str, body: str, body_line: int, language: str) -> Document:
    stem, named, draft = _stem_of(PurePosixPath(path))
    words = reader.tried("body", lambda: wording.body(body, required=False), "", body_line)
    title = reader.text("title")
    if not title:
        title, words = _title_of(words, stem)
    # Where the first line of what is kept stands in the file.
    body_line += body[: body.find(words)].count("\n") if words in body else 0
    found = reader.text("language") or named or language
    document = Document(
        path=path,
        title=reader.tried("title", lambda: wording.title(title), ""),
        body=words,
        language=reader.tried("language", lambda: wording.language(found), ""),
        draft=draft or reader.text("draft") == "true",
        article=reader.tried("article", lambda: _id(reader.text("article")), None),
        slug=slug_of(reader.text("slug")) if reader.text("slug") else "",
        state=reader.chosen("state", ArticleState, ArticleState.published.value),
        audience=reader.chosen("audience", Reach, Reach.public.value),
        category=reader.text("category"),
        tags=reader.texts("tags"),
        owner=reader.text("owner"),
        review_by=reader.tried("review_by", lambda: _day(reader.text("review_by")), None),
        template=reader.text("template") or "plain",
        related=reader.tried("related", lambda: [UUID(each) for each in reader.texts("related")], []),
        old_slugs=[slug_of(each) for each in reader.texts("old_slugs")],
        published_at=reader.tried("published_at", lambda: _time(reader.text("published_at")), None),
        publish_at=reader.tried("publish_at", lambda: _time(reader.text("publish_at")), None),
        names=set(reader.head.values),
        body_line=body_line,
    )
    document.original = reader.text("original") or document.language
    if not words and not reader.problems and document.state != ArticleState.draft:
        reader.says("body", _("The article is empty. Please write something."), body_line)
    reader.unknown()
    return document


class _Reader:
    """The head's values, each asked for by name; what is wrong is kept with its line."""

    def __init__(self, path: str, head: Head, problems: list[Problem]) -> None:
        self.path, self.head, self.problems = path, head, problems

    def text(self, name: str) -> str:
        value: Value = self.head.values.get(name)
        return ", ".join(value) if isinstance(value, list) else value or ""

    def texts(self, name: str) -> list[str]:
        value = self.head.values.get(name)
        if isinstance(value, str):
            return [each.strip() for each in value.split(",") if each.strip()]
        return list(value or ())

    def tried(self, name: str, make: Callable[[], T], instead: T, line: int | None = None) -> T:
        try:
            return make()
        except DeskError as error:
            self.says(name, error.words, line)
        except ValueError:
            self.says(name, _("“{name}” cannot be read.").format(name=name), line)
        return instead

    def chosen(self, name: str, of: Any, instead: str) -> str:
        value = self.text(name) or instead
        if value not in set(of):
            self.says(name, _("Possible are: {names}.").format(names=", ".join(of)))
            return instead
        return value

    def says(self, name: str, words: str, line: int | None = None) -> None:
        self.problems.append(Problem(self.path, line or self.head.lines.get(name, 1), words))

    def unknown(self) -> None:
        for name in self.head.values.keys() - NAMES:
            self.says(name, _("There is no “{name}” in an article's head.").format(name=name[:40]))


NAMES = {
    "article", "language", "original", "title", "slug", "state", "draft", "audience", "category", "tags",
    "owner", "review_by", "template", "related", "old_slugs", "published_at", "publish_at",
}  # fmt: skip
_WRONG: dict[str, Callable[[], str]] = {
    "unclosed": lambda: _("The head of the file does not end: a line with --- is missing."),
    "unreadable": lambda: _("This line cannot be read. Write a name, a colon and a value."),
    "twice": lambda: _("This name stands here twice."),
}


def _facts(document: Document) -> dict[str, Value]:
    return {
        "article": str(document.article or ""),
        "language": document.language,
        "original": document.original,
        "title": document.title,
        "slug": document.slug,
        "state": document.state,
        "draft": "true" if document.draft else "",
        "audience": document.audience,
        "category": document.category,
        "tags": document.tags,
        "owner": document.owner,
        "review_by": document.review_by.isoformat() if document.review_by else "",
        "template": document.template,
        "related": [str(each) for each in document.related],
        "old_slugs": document.old_slugs,
        "published_at": document.published_at.isoformat() if document.published_at else "",
        "publish_at": document.publish_at.isoformat() if document.publish_at else "",
    }


def _stem_of(path: PurePosixPath) -> tuple[str, str, bool]:
    """`reset.de.draft.md` is the draft of `reset` in `de`."""
    name = path.name.removesuffix(path.suffix)
    draft = name.endswith(MARK)
    found = _IN_NAME.match(name.removesuffix(MARK))
    assert found is not None
    return found["stem"], found["language"] or "", draft


def _title_of(body: str, stem: str) -> tuple[str, str]:
    """A file without a title has one in its first heading, or in its name."""
    found = _HEADING.match(body)
    if found is not None and (title := _without_closing(found[1])):
        return title, body[found.end() :].strip()
    return stem.replace("-", " ").replace("_", " ").strip(), body


def _without_closing(heading: str) -> str:
    """A heading may be closed by further signs, which stand apart (CommonMark, 4.2)."""
    words = heading.strip()
    left = words.rstrip("#")
    return words if left and not left[-1].isspace() else left.strip()


def _id(words: str) -> UUID | None:
    return UUID(words) if words else None


def _day(words: str) -> date | None:
    return date.fromisoformat(words) if words else None


def _time(words: str) -> datetime | None:
    if not words:
        return None
    found = datetime.fromisoformat(words)
    if found.tzinfo is None:
        raise ValueError
    return found
