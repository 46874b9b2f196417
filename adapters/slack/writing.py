"""Markdown becomes rich text: the blocks in which Slack itself keeps what people format.

Nothing in them is parsed again, so a name never pings and no sign needs escaping.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from adapters.slack.mrkdwn import escape

Json = dict[str, Any]

_SCHEMES = ("http://", "https://", "mailto:", "tel:")
_STYLES = {"strong": "bold", "em": "italic", "s": "strike"}
RULE = "———"


def rich(markdown: str) -> list[Json]:
    """The elements of a rich_text block."""
    return _Writer(_parser().parse(markdown)).written()


def line(markdown: str) -> str:
    """Markdown as mrkdwn, for the places that take no rich text: fields and small print."""
    out: list[str] = []
    for element in rich(markdown):
        kind = element["type"]
        if kind == "rich_text_list":
            out += [f"• {_marked(item['elements'])}" for item in element["elements"]]
        elif kind == "rich_text_preformatted":
            out.append(f"```{escape(_text(element['elements']))}```")
        elif kind == "rich_text_quote":
            out += [f"> {one}" for one in _marked(element["elements"]).split("\n")]
        else:
            out.append(_marked(element["elements"]).strip("\n"))
    return "\n".join(out)


def words(elements: Sequence[Json]) -> str:
    """The plain words of rich text, for notifications."""
    out: list[str] = []
    number = 0
    for element in elements:
        if element["type"] == "rich_text_list":
            for number, item in enumerate(element["elements"], element.get("offset", 0) + 1):
                mark = f"{number}." if element["style"] == "ordered" else "•"
                out.append(f"{'  ' * element['indent']}{mark} {_text(item['elements'])}")
        else:
            out.append(_text(element["elements"]).strip("\n"))
    return "\n".join(out)


def text_element(text: str, style: Json | None = None) -> Json:
    return {"type": "text", "text": text, "style": dict(style)} if style else {"type": "text", "text": text}


@cache
def _parser() -> MarkdownIt:
    options = {"html": False, "linkify": True, "breaks": True, "maxNesting": 20}
    made = MarkdownIt("commonmark", options).enable(["linkify", "table", "strikethrough"])
    made.disable(["image", "html_block", "html_inline"])
    assert made.linkify is not None
    made.linkify.set({"fuzzy_link": False, "fuzzy_email": True, "fuzzy_ip": False})
    return made


@dataclass(slots=True)
class _List:
    ordered: bool
    number: int
    indent: int


@dataclass(slots=True)
class _Writer:
    """Walks the parser's tokens once."""

    tokens: Sequence[Token]
    made: list[Json] = field(default_factory=list)
    lists: list[_List] = field(default_factory=list)
    quotes: int = 0
    heading: bool = False
    row: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    fresh: bool = False
    """A list item has just begun: what comes next is its first line."""
    in_table: bool = False

    def written(self) -> list[Json]:
        for token in self.tokens:
            self._take(token)
        return [element for element in self.made if element["elements"]]

    def _take(self, token: Token) -> None:
        match token.type:
            case "inline" if self.in_table:
                self.row.append(_text(_inline(token.children or ())))
            case "inline":
                self._words(_inline(token.children or (), bold=self.heading))
            case "fence" | "code_block":
                self._code(token.content.removesuffix("\n"))
            case "hr":
                self._words([text_element(RULE)])
            case "heading_open" | "heading_close":
                self.heading = token.nesting == 1
            case "blockquote_open" | "blockquote_close":
                self.quotes += token.nesting
            case "bullet_list_open" | "ordered_list_open":
                start = int(token.attrGet("start") or 1)
                self.lists.append(_List(token.type.startswith("ordered"), start, len(self.lists)))
            case "bullet_list_close" | "ordered_list_close":
                self.lists.pop()
            case "list_item_open":
                self._item()
            case "list_item_close":
                self.fresh = False
                self.lists[-1].number += 1
            case "table_open":
                self.in_table, self.rows = True, []
            case "tr_open":
                self.row = []
            case "tr_close":
                self.rows.append(self.row)
            case "table_close":
                self.in_table = False
                self._code("\n".join(_columns(self.rows)))
            case _:
                pass

    def _item(self) -> None:
        """One more item; a list that was interrupted by a deeper one goes on with its number."""
        here = self.lists[-1]
        self.fresh = True
        if self.quotes:
            mark = f"{here.number}. " if here.ordered else "• "
            self._line("rich_text_quote", [text_element("  " * here.indent + mark)], "\n")
            return
        style = "ordered" if here.ordered else "bullet"
        last = self.made[-1] if self.made else {}
        item: Json = {"type": "rich_text_section", "elements": []}
        if last.get("type") == "rich_text_list" and last["style"] == style and last["indent"] == here.indent:
            last["elements"].append(item)
            return
        made: Json = {"type": "rich_text_list", "style": style, "indent": here.indent, "border": 0}
        if here.ordered and here.number > 1:
            made["offset"] = here.number - 1
        self.made.append({**made, "elements": [item]})

    def _words(self, inner: list[Json]) -> None:
        if not inner:
            return
        if self.quotes:
            self._line("rich_text_quote", inner, "" if self.fresh else "\n\n")
        elif self.lists and self.made and self.made[-1]["type"] == "rich_text_list":
            item = self.made[-1]["elements"][-1]["elements"]
            item += [*([text_element("\n")] if item else []), *inner]
        else:
            self._line("rich_text_section", inner, "\n\n")
        self.fresh = False

    def _line(self, kind: str, inner: list[Json], gap: str) -> None:
        if self.made and self.made[-1]["type"] == kind and (kind != "rich_text_quote" or self.quotes):
            self.made[-1]["elements"] += [*([text_element(gap)] if gap else []), *inner]
        else:
            self.made.append({"type": kind, "elements": inner})

    def _code(self, content: str) -> None:
        self.fresh = False
        if self.quotes and content:
            self._line("rich_text_quote", [text_element(content, {"code": True})], "\n")
        elif content:
            made = {"type": "rich_text_preformatted", "elements": [text_element(content)], "border": 0}
            self.made.append(made)


def _inline(tokens: Sequence[Token], bold: bool = False) -> list[Json]:
    """The elements of one paragraph."""
    out: list[Json] = []
    style: dict[str, int] = {"bold": 1} if bold else {}
    link: str | None = None
    for token in tokens:
        name = token.type.removesuffix("_open").removesuffix("_close")
        if name in _STYLES:
            style[_STYLES[name]] = style.get(_STYLES[name], 0) + token.nesting
        elif name == "link":
            link = str(token.attrGet("href") or "") if token.nesting == 1 else None
        elif token.type in ("softbreak", "hardbreak"):
            out.append(text_element("\n"))
        elif token.content:
            marks = {one: True for one, depth in style.items() if depth > 0}
            if token.type == "code_inline":
                marks["code"] = True
            _append(out, token.content, marks, link)
    return out


def _append(out: list[Json], content: str, marks: dict[str, bool], link: str | None) -> None:
    if link is not None and link.startswith(_SCHEMES):
        if out and out[-1].get("url") == link and out[-1].get("style", {}) == marks:
            out[-1]["text"] += content
            return
        made: Json = {"type": "link", "url": link[:3_000], "text": content}
        out.append({**made, "style": marks} if marks else made)
    elif out and out[-1]["type"] == "text" and out[-1].get("style", {}) == marks:
        out[-1]["text"] += content
    else:
        out.append(text_element(content, marks))


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """A table in columns, as code shows it."""
    widths = [max((len(row[at]) for row in rows if at < len(row)), default=0) for at in range(_width(rows))]
    return ["  ".join(cell.ljust(widths[at]) for at, cell in enumerate(row)).rstrip() for row in rows]


def _width(rows: Sequence[Sequence[str]]) -> int:
    return max((len(row) for row in rows), default=0)


def _text(elements: Sequence[Json]) -> str:
    return "".join(str(one.get("text") or one.get("url") or "") for one in elements)


def _marked(elements: Sequence[Json]) -> str:
    return "".join(_marked_one(one) for one in elements)


def _marked_one(element: Json) -> str:
    text = escape(str(element.get("text") or ""))
    if element["type"] == "link":
        text = f"<{escape(element['url'])}|{text.replace('|', '¦')}>"
    style = element.get("style") or {}
    inner = text.strip()
    if not inner or "\n" in inner:
        return text
    for name, mark in (("code", "`"), ("strike", "~"), ("italic", "_"), ("bold", "*")):
        if style.get(name):
            inner = f"{mark}{inner}{mark}"
    return text[: len(text) - len(text.lstrip())] + inner + text[len(text.rstrip()) :]
