"""Markdown as it is stored, shown: as safe HTML, or as plain words.

What comes out holds no script, no style, no picture from elsewhere and no raw HTML; links
open elsewhere without a way back. Costs are bounded: nesting is cut, and a text that is
little but markup is shown as it was typed.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from functools import cache

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token

from core.recent import Recent
from core.text import MOST_CHARACTERS

NESTING = 20
"""Levels of the parser; a list takes two, and what lies deeper would be dropped."""
MOST_MARKUP = 4_000
"""Characters that may begin markup. A parser's worst cases are made of them alone."""

MOST_LINKS = 1_000

_MARKUP = re.compile(r"[\[\]*_~`<>|\\]")
_RUN = re.compile(r"([\[\]*_~`<>|])\1{39,}")
_DEEP = re.compile(r"^(?:[ \t]*(?:>|[-*+]|\d{1,9}[.)])(?=[ \t>]|$)){9,}", re.MULTILINE)
_TAGS = {
    "a", "p", "br", "hr", "strong", "em", "s", "code", "pre", "blockquote", "ul", "ol", "li",
    "h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip
_ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}, "code": {"class"}}
_SCHEMES = {"http", "https", "mailto", "tel"}
_REL = "noopener noreferrer nofollow"
_shown = Recent[str](most=4_000, seconds=60)


def to_html(text: str) -> str:
    """Safe HTML of a message. Single line breaks are kept, addresses become links. What is shown
    again and again on a live page is made once a minute."""
    return _shown.get(text, lambda: _to_html(text))


def _to_html(text: str) -> str:
    cut = text[:MOST_CHARACTERS]
    rendered = _parser(_may_link(cut)).render(cut) if is_modest(cut) else as_typed(cut)
    return nh3.clean(
        rendered,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes=_SCHEMES,
        link_rel=_REL,
        set_tag_attribute_values={"a": {"target": "_blank"}},
        attribute_filter=only_languages,
    )


def to_text(text: str) -> str:
    """The words alone, for a plain mail, a notice or a list; links keep their address."""
    cut = text[:MOST_CHARACTERS]
    if not is_modest(cut):
        return cut.strip()
    lines: list[str] = []
    depth, marks = 0, []
    for token in _parser(_may_link(cut)).parse(cut):
        if token.type in ("bullet_list_open", "ordered_list_open"):
            depth += 1
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            depth -= 1
        elif token.type == "list_item_open":
            marks.append(f"{token.info}. " if token.info else "- ")
        elif token.type == "inline":
            mark = "  " * (depth - 1) + marks.pop() if marks else ""
            lines.append(mark + _words(token.children or ()))
        elif token.type in ("fence", "code_block"):
            lines.append(token.content.rstrip())
    return "\n".join(lines).strip()


def _may_link(text: str) -> bool:
    """Whether an address may stand in a text. Looking for one takes more than half of a parser's time,
    and each holds one of these."""
    return "//" in text or "@" in text or "&" in text


@cache
def _parser(links: bool) -> MarkdownIt:
    """`links`: plain addresses become links."""
    options = {"html": False, "linkify": links, "breaks": True, "maxNesting": NESTING}
    made = MarkdownIt("commonmark", options).enable(["linkify", "table", "strikethrough"])
    made.disable(["image", "html_block", "html_inline"])
    # Words such as "report.pdf" or "e.g.so" are not addresses; real ones name their scheme.
    assert made.linkify is not None
    made.linkify.set({"fuzzy_link": False, "fuzzy_email": True, "fuzzy_ip": False})
    return made


def is_modest(text: str, most: int = MOST_MARKUP) -> bool:
    """A parser's worst cases are far away: few marks, no long runs of them, no deep nesting."""
    if _RUN.search(text) or _DEEP.search(text) or text.count("://") > MOST_LINKS:
        return False
    return sum(1 for _found in zip(_MARKUP.finditer(text), range(most + 1), strict=False)) <= most


def as_typed(text: str) -> str:
    """HTML that shows the text itself, marks and all."""
    return f"<p>{html.escape(text).replace(chr(10), '<br>')}</p>"


def only_languages(tag: str, attribute: str, value: str) -> str | None:
    """Of classes only the one that names a code block's language."""
    if attribute == "class":
        return value if re.fullmatch(r"language-[\w+-]{1,20}", value) else None
    return value


def _words(tokens: Sequence[Token]) -> str:
    parts: list[str] = []
    address: str | None = None
    for token in tokens:
        match token.type:
            case "text" | "code_inline":
                parts.append(token.content)
            case "softbreak" | "hardbreak":
                parts.append("\n")
            case "link_open":
                address = str(token.attrGet("href") or "")
                parts.append("\0")
            case "link_close":
                start = len(parts) - 1 - parts[::-1].index("\0")
                label = "".join(parts[start + 1 :])
                shown = (address or "").removeprefix("mailto:")
                parts[start:] = [label if label == shown or not shown else f"{label} ({shown})"]
            case _:
                pass
    return "".join(parts)
