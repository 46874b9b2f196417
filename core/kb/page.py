"""An article's Markdown as it is read: safe HTML with pictures of the desk's own and a table of
contents.

Beside what messages may hold there are headings with addresses, and pictures that lie with the
article. A picture from elsewhere is shown as a link: nobody's reading is told to another site.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

from core.kb.slugs import slug_of
from core.kb.wording import MOST_BODY
from core.markdown import NESTING, as_typed, is_modest, only_languages
from core.recent import Recent

FILES = "/help/files/"
"""Where the files of articles are found: what Markdown names."""
MOST_MARKUP = 30_000
MOST_HEADINGS = 300
"""Lines of a table of contents."""
LARGE = 20_000
"""Characters beyond which a text is rendered beside the loop."""

_TAGS = {
    "a", "p", "br", "hr", "strong", "em", "s", "code", "pre", "blockquote", "ul", "ol", "li", "img",
    "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip
_ATTRIBUTES = {
    "a": {"href", "title", "target", "rel"},
    "img": {"src", "alt", "title", "loading"},
    "ol": {"start"},
    "code": {"class"},
    **{f"h{level}": {"id"} for level in range(2, 7)},
}
_SCHEMES = {"http", "https", "mailto", "tel"}
_FILE = re.compile(re.escape(FILES) + r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")


@dataclass(frozen=True, slots=True)
class Heading:
    level: int
    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Shown:
    """An article as HTML, and its headings."""

    html: str
    contents: tuple[Heading, ...]


_shown = Recent[Shown](most=500, seconds=60)


async def shown(body: str) -> Shown:
    """An article to read; a long one is made beside the loop."""
    if len(body) > LARGE:
        return await asyncio.to_thread(show, body)
    return show(body)


def show(body: str) -> Shown:
    return _shown.get(body, lambda: _show(body[:MOST_BODY]))


def files_in(body: str) -> list[UUID]:
    """The files that a text names, each once."""
    return list(dict.fromkeys(UUID(found) for found in _FILE.findall(body)))


def with_files(body: str, moved: dict[UUID, UUID]) -> str:
    """The text with other files in the place of some."""
    return _FILE.sub(lambda found: FILES + str(moved.get(UUID(found[1]), found[1])), body)


def _show(body: str) -> Shown:
    if not is_modest(body, MOST_MARKUP):
        return Shown(nh3.clean(as_typed(body), tags=_TAGS, attributes={}), ())
    parser = _parser()
    env: dict[str, Any] = {}
    tokens = parser.parse(body, env)
    contents = _address(tokens)
    html = nh3.clean(
        parser.renderer.render(tokens, parser.options, env),
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes=_SCHEMES,
        link_rel=None,
        attribute_filter=only_languages,
    )
    return Shown(html, tuple(contents))


@cache
def _parser() -> MarkdownIt:
    options = {"html": False, "linkify": True, "breaks": False, "maxNesting": NESTING}
    made = MarkdownIt("commonmark", options).enable(["linkify", "table", "strikethrough"])
    made.disable(["html_block", "html_inline"])
    assert made.linkify is not None
    made.linkify.set({"fuzzy_link": False, "fuzzy_email": True, "fuzzy_ip": False})
    made.add_render_rule("image", _picture)
    made.add_render_rule("link_open", _link)
    return made


def _address(tokens: Sequence[Token]) -> list[Heading]:
    """Give headings an id, each its own. The title is the page's only `h1`: what is written as one
    stands a level lower."""
    found: list[Heading] = []
    counts: dict[str, int] = {}
    for at, token in enumerate(tokens):
        if token.type == "heading_open":
            level = max(2, int(token.tag[1]))
            words = _plain(tokens[at + 1].children or ())
            token.tag = tokens[at + 2].tag = f"h{level}"
            name = _own(slug_of(words), counts)
            token.attrSet("id", name)
            found.append(Heading(level, name, words))
    return found[:MOST_HEADINGS]


def _own(slug: str, counts: dict[str, int]) -> str:
    """The slug, with a number behind it for the second of the same name."""
    name = slug
    while name in counts:
        counts[slug] += 1
        name = f"{slug}-{counts[slug]}"
    counts[name] = 1
    return name


def _plain(tokens: Sequence[Token]) -> str:
    return "".join(token.content for token in tokens if token.type in ("text", "code_inline")).strip()


def _picture(renderer: RendererHTML, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
    token = tokens[at]
    source = str(token.attrGet("src") or "")
    alt = renderer.renderInlineAsText(token.children or [], options, env)
    if _FILE.fullmatch(source):
        token.attrs = {"src": source, "alt": alt, "loading": "lazy"}
        return renderer.renderToken(tokens, at, options, env)
    link = Token("link_open", "a", 1, attrs={"href": source, **_ELSEWHERE})
    words = Token("text", "", 0, content=alt or source)
    parts = [link, words, Token("link_close", "a", -1)]
    return "".join(
        renderer.text(parts, 1, options, env)
        if part is words
        else renderer.renderToken(parts, i, options, env)
        for i, part in enumerate(parts)
    )


def _link(renderer: RendererHTML, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
    """Links to elsewhere open beside the page."""
    address = str(tokens[at].attrGet("href") or "")
    if address.startswith(("http://", "https://", "//")):
        for name, value in _ELSEWHERE.items():
            tokens[at].attrSet(name, value)
    return renderer.renderToken(tokens, at, options, env)


_ELSEWHERE = {"target": "_blank", "rel": "noopener noreferrer nofollow"}
