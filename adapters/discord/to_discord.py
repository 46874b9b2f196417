"""From CommonMark, as messages are stored, to Discord's markdown. What comes out pings nobody."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from adapters.discord.from_discord import NO_BREAK

NESTING = 20
_MARKUP = re.compile(r"([\\`*_~|\[\]])")
_ANGLE = re.compile(r"<(?=[@#:/at]|id:|https?:)")
_LINE_START = re.compile(r"^([^\S\n]*+)(>|[#+-](?=[\s#]|$))|^([^\S\n]*+\d{1,9})(\.)(?=\s|$)", re.M)
_SMALL_START = re.compile(r"^([^\S\n]*+)-#", re.M)
_ADDRESS = re.compile(r"https?://[^\s<>\[\]\\]+")
_EVERYONE = re.compile(r"@(?=everyone\b|here\b)", re.I)
_RUN = re.compile(r"([\[\]*_~`<>|])\1{39,}")
RULE = "⎯⎯⎯⎯⎯"


def to_discord(markdown: str) -> str:
    """The words as Discord shows them."""
    if _RUN.search(markdown):
        return escaped(markdown)
    tree = SyntaxTreeNode(_parser().parse(markdown))
    return "\n\n".join(block for child in tree.children for block in _block(child)).strip("\n")


def escaped(text: str) -> str:
    """Plain words, with nothing in them that Discord reads as markup or as a mention."""
    parts: list[str] = []
    start = 0
    for found in _ADDRESS.finditer(text):
        parts.append(_escaped(text[start : found.start()]))
        parts.append(found.group(0))
        start = found.end()
    parts.append(_escaped(text[start:]))
    return _EVERYONE.sub(f"@{NO_BREAK}", "".join(parts))


def _escaped(text: str) -> str:
    return _ANGLE.sub(r"\\<", _MARKUP.sub(r"\\\1", text))


_CLOSING = re.compile(r"(?:(?<=\s)|^)(#+)$")


@cache
def _parser() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": False, "maxNesting": NESTING})
    made.enable(["table", "strikethrough"])
    return made.disable(["image", "html_block", "html_inline"])


# --- blocks -------------------------------------------------------------------------------


def _block(node: SyntaxTreeNode) -> Iterator[str]:
    match node.type:
        case "paragraph":
            yield _lines(node)
        case "heading":
            # Signs at its end would be taken for the heading's own.
            level, words = int(node.tag[1:]), _CLOSING.sub(r"\\\1", _one_line(node))
            if words:
                yield f"{'#' * level} {words}" if level <= 3 else f"**{words}**"
        case "bullet_list" | "ordered_list":
            yield "\n".join(_list(node))
        case "blockquote":
            inner = "\n\n".join(block for child in node.children for block in _block(child))
            yield "\n".join(f"> {line}" for line in _unquoted(inner).split("\n"))
        case "fence" | "code_block":
            yield _fence(node.content, node.info if node.type == "fence" else "")
        case "table":
            yield _fence(_table(node), "")
        case "hr":
            yield RULE
        case _:
            for child in node.children:
                yield from _block(child)


def _lines(node: SyntaxTreeNode) -> str:
    """The lines of a paragraph, none of which begins anything."""
    text = "".join(_inline(child) for child in _inlines(node))
    return _SMALL_START.sub(r"\1\\-#", _LINE_START.sub(_shielded, text))


def _shielded(found: re.Match[str]) -> str:
    if found.group(2):
        return f"{found.group(1)}\\{found.group(2)}"
    return f"{found.group(3)}\\{found.group(4)}"


def _one_line(node: SyntaxTreeNode) -> str:
    return " ".join("".join(_inline(child) for child in _inlines(node)).split())


def _list(node: SyntaxTreeNode) -> Iterator[str]:
    start = int(node.attrs.get("start", 1)) if node.type == "ordered_list" else 0
    for index, item in enumerate(node.children):
        mark = f"{start + index}. " if node.type == "ordered_list" else "- "
        # Discord takes two spaces for a deeper level; CommonMark wants them below the words.
        indent = " " * len(mark)
        lines = "\n".join(block for child in item.children for block in _block(child)).split("\n")
        yield mark + lines[0]
        yield from (f"{indent}{line}" if line else "" for line in lines[1:])


def _unquoted(text: str) -> str:
    """Discord knows one level of quotes."""
    return re.sub(r"^(?:> )+", "", text, flags=re.M)


def _fence(content: str, info: str) -> str:
    language = re.sub(r"[^\w+#.-]", "", info.split()[0])[:20] if info.split() else ""
    body = content.rstrip("\n").replace("```", f"`{NO_BREAK}`{NO_BREAK}`")
    return f"```{language}\n{body}\n```"


def _table(node: SyntaxTreeNode) -> str:
    rows = [[_one_line(cell) for cell in row.children] for row in _rows(node)]
    widths = [
        max((len(row[i]) for row in rows if i < len(row)), default=0) for i in range(max(map(len, rows)))
    ]
    return "\n".join(" | ".join(cell.ljust(widths[i]) for i, cell in enumerate(row)).rstrip() for row in rows)


def _rows(node: SyntaxTreeNode) -> Iterator[SyntaxTreeNode]:
    for part in node.children:
        if part.type == "tr":
            yield part
        else:
            yield from _rows(part)


# --- inside a line ------------------------------------------------------------------------


def _inlines(node: SyntaxTreeNode) -> Sequence[SyntaxTreeNode]:
    return [inner for child in node.children for inner in child.children]


def _inline(node: SyntaxTreeNode) -> str:
    match node.type:
        case "text":
            return escaped(node.content)
        case "softbreak" | "hardbreak":
            return "\n"
        case "code_inline":
            return _span(node.content)
        case "strong":
            return _wrapped("**", node)
        case "em":
            return _wrapped("*", node)
        case "s":
            return _wrapped("~~", node)
        case "link":
            return _link(node)
        case _:
            return "".join(_inline(child) for child in node.children) or escaped(node.content)


def _wrapped(mark: str, node: SyntaxTreeNode) -> str:
    inner = "".join(_inline(child) for child in node.children)
    return f"{mark}{inner}{mark}" if inner.strip() else inner


def _span(content: str) -> str:
    longest = max((len(run) for run in re.findall(r"`+", content)), default=0)
    if longest == 0:
        return f"`{content}`"
    pad = " " if content.startswith("`") or content.endswith("`") else ""
    content = content.replace("``", f"`{NO_BREAK}`")
    return f"``{pad}{content}{pad}``"


def _link(node: SyntaxTreeNode) -> str:
    """Discord makes links of web addresses only; of others the address is said."""
    label = "".join(_inline(child) for child in node.children)
    address = str(node.attrs.get("href", ""))
    plain = "".join(child.content for child in node.walk() if child.type == "text")
    if not address.startswith(("http://", "https://")):
        shown = address.removeprefix("mailto:")
        return label if not shown or shown == plain else f"{label} ({escaped(shown)})"
    if plain in (address, "") or plain == address.rstrip("/"):
        return address
    return f"[{label}](<{address}>)" if ")" in address else f"[{label}]({address})"
