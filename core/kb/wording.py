"""What may be written into an article: bounded, clean, in a language that has a name."""

from __future__ import annotations

import re

from core import text
from core.errors import Invalid, TooLarge
from core.i18n import _
from core.markdown import to_text

MOST_BODY = 200_000
MOST_TITLE = 160
SUMMARY = 200
_SUMMARY_FROM = 4_000
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Z]{2})?")
_HEADING = re.compile(r"^\s{0,3}#{1,6}\s")


def title(words: str, *, required: bool = True) -> str:
    return text.line(words, field="title", most=MOST_TITLE, required=required)


def body(words: str, *, required: bool = True) -> str:
    """Markdown as it is kept. Raises `TooLarge` before anything else looks at it."""
    if len(words) > MOST_BODY:
        raise TooLarge(
            _(
                "This article is too long ({length} characters; {most} are possible). Divide it into several."
            ).format(length=f"{len(words):,}", most=f"{MOST_BODY:,}"),
            field="body",
        )
    cleaned = text.clean(words)
    if required and not cleaned:
        raise Invalid(_("The article is empty. Please write something."), field="body")
    return cleaned


def language(code: str) -> str:
    """A language's code such as `de` or `pt-BR`."""
    if not _LANGUAGE.fullmatch(code):
        raise Invalid(_("There is no such language."), field="language")
    return code


def note(words: str) -> str:
    return text.line(words, field="note", most=400, required=False)


def summary(words: str) -> str:
    """The first paragraph in plain words, cut at a word: for lists and cards."""
    for block in re.split(r"\n\s*\n", words[:_SUMMARY_FROM]):
        lines = [line for line in block.split("\n") if line.strip() and not _HEADING.match(line)]
        plain = " ".join(to_text("\n".join(lines)).split())
        if len(plain) > 20 and not plain.startswith(("|", "!")):
            return plain if len(plain) <= SUMMARY else plain[:SUMMARY].rsplit(" ", 1)[0] + "…"
    return ""
