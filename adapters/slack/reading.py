"""Rich text becomes Markdown: what people format in Slack looks the same elsewhere.

Payloads come from outside: whatever their shape, reading them raises nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from adapters.slack import emoji, mrkdwn
from adapters.slack.names import Known

Json = dict[str, Any]

MOST = 50_000
"""Characters that are read of one message; Slack itself ends at 40,000."""
_SPECIAL = re.compile(r"[\\`*\[\]<]|(?<![^\W_])_|_(?![^\W_])|~(?=~)|(?<=~)~|&(?=#?\w{1,32};)")
_LINE_START = re.compile(r"^([ \t]*)(#{1,6}(?=\s|$)|>|[+-](?=\s|$)|\||=+(?=\s*$)|-{2,}(?=\s*$))", re.M)
_NUMBER_START = re.compile(r"^([ \t]*\d{1,9})([.)])(?=\s|$)", re.MULTILINE)
_BARE = re.compile(r"https?://[\w./%#?=&+:@-]*[\w/]")
_PUNCTUATION = re.compile(r"[^\w\s]")


def to_markdown(message: Mapping[str, Any], known: Known) -> str:
    """What a message says, as CommonMark."""
    rich = [one for one in _dicts(message.get("blocks")) if one.get("type") == "rich_text"]
    found = [part for block in rich for part in _dicts(block.get("elements"))]
    if not found:
        found = mrkdwn.elements(_string(message.get("text"))[:MOST])
    said = blocks(found, known)
    shared = [_shared(one, known) for one in _dicts(message.get("attachments")) if one.get("is_share")]
    return "\n\n".join(filter(None, (said, *shared)))[:MOST].strip()


def plain(text: str, known: Known) -> str:
    """The words of a command: nothing in them is markup, but people and links are named."""

    def named(match: re.Match[str]) -> str:
        element = mrkdwn._angle(match.group(1))
        kind = element["type"]
        if kind == "link":
            return str(element["url"]).removeprefix("mailto:")
        return _words_of(element, known)

    return mrkdwn.unescape(re.sub(r"<([^<>\n]+)>", named, text)).strip()


def linked(file: Mapping[str, Any]) -> str:
    """A file that lies elsewhere and was only linked; empty for one that Slack keeps."""
    url = _string(file.get("url_private"))
    if file.get("is_external") is not True or not url.startswith("https://"):
        return ""
    return _link({"url": url, "text": _string(file.get("title")) or _string(file.get("name"))}, False)


def blocks(found: Sequence[Json], known: Known) -> str:
    """Several elements of rich text, one below the other."""
    parts: list[str] = []
    before = ""
    for element in found:
        kind = _string(element.get("type"))
        text = _BLOCKS.get(kind, _section)(element, known)
        if not text.strip():
            continue
        if parts and kind == "rich_text_list" == before:
            parts[-1] += f"\n{text}"
        else:
            parts.append(text)
        before = kind
    return "\n\n".join(parts)


def _section(element: Json, known: Known) -> str:
    return inline(_dicts(element.get("elements")), known).strip("\n")


def _quote(element: Json, known: Known) -> str:
    return "\n".join(f"> {line}".rstrip() for line in _section(element, known).split("\n"))


def _code(element: Json, known: Known) -> str:
    text = "".join(_words_of(one, known) for one in _dicts(element.get("elements")))
    fence = "`" * max(3, _longest_run(text) + 1)
    language = _string(element.get("language"))
    tag = language if re.fullmatch(r"[\w+-]{1,20}", language) else ""
    return f"{fence}{tag}\n{text.removesuffix(chr(10))}\n{fence}"


def _list(element: Json, known: Known) -> str:
    pad = "    " * max(0, min(_number(element.get("indent")), 8))
    number = max(0, min(_number(element.get("offset")), 100_000)) + 1
    ordered = element.get("style") == "ordered"
    lines: list[str] = []
    for at, item in enumerate(_dicts(element.get("elements"))):
        mark = f"{number + at}." if ordered else "-"
        inner = f"\n{pad}{' ' * (len(mark) + 1)}".join(_section(item, known).split("\n"))
        lines.append(f"{pad}{mark} {inner}")
    return "\n".join(lines)


_BLOCKS: dict[str, Callable[[Json, Known], str]] = {
    "rich_text_section": _section,
    "rich_text_quote": _quote,
    "rich_text_preformatted": _code,
    "rich_text_list": _list,
}


# --- within a line


def inline(found: Sequence[Json], known: Known) -> str:
    """The elements of one paragraph, with what is bold, italic, struck or code marked."""
    runs = list(_runs(found, known))
    out: list[str] = []
    for at, (text, style, raw) in enumerate(runs):
        after = runs[at + 1][0] if at + 1 < len(runs) else ""
        out.append(_styled(text, style, raw, "".join(out)[-1:], after[:1]))
    return _guarded("".join(out))


def _runs(found: Sequence[Json], known: Known) -> Iterator[tuple[str, frozenset[str], bool]]:
    """Neighbours of one style are one run; links and code stay by themselves."""
    text, style = "", frozenset[str]()
    for element in found:
        given = element.get("style")
        own = frozenset(
            k for k in ("bold", "italic", "strike", "code") if isinstance(given, dict) and given.get(k)
        )
        raw = element.get("type") == "link"
        if raw or "code" in own or own != style:
            if text:
                yield text, style, False
            text, style = "", own
        if raw:
            yield _link(element, "code" in own), own - {"code"}, True
            style = frozenset()
        else:
            text += _words_of(element, known)
    if text:
        yield text, style, False


def _styled(text: str, style: frozenset[str], raw: bool, before: str, after: str) -> str:
    if "code" in style and not raw:
        return _code_span(text, style, before, after)
    escaped = text if raw else _escaped(text)
    marks = ("~~" if "strike" in style else "") + ("**" if "bold" in style else "")
    marks += "*" if "italic" in style else ""
    return _marked(escaped, marks, before, after) if marks else escaped


def _code_span(text: str, style: frozenset[str], before: str, after: str) -> str:
    line = " ".join(text.split("\n"))
    if not line.strip():
        return line
    fence = "`" * (_longest_run(line) + 1)
    pad = " " if line[:1] in "` " or line[-1:] in "` " else ""
    marks = ("~~" if "strike" in style else "") + ("**" if "bold" in style else "")
    marks += "*" if "italic" in style else ""
    return _marked(f"{fence}{pad}{line}{pad}{fence}", marks, before, after)


def _marked(text: str, marks: str, before: str, after: str) -> str:
    """Marks hold only close to words, and never across an empty line."""
    lines = text.split("\n")
    last = len(lines) - 1
    return "\n".join(
        _marked_line(line, marks, before if at == 0 else "", after if at == last else "")
        for at, line in enumerate(lines)
    )


def _marked_line(line: str, marks: str, before: str, after: str) -> str:
    inner = line.strip()
    if not inner or not marks:
        return line
    start = line[: len(line) - len(line.lstrip())]
    end = line[len(line.rstrip()) :]
    if not _holds(inner, "" if start else before, "" if end else after):
        return line
    return f"{start}{marks}{inner}{marks[::-1]}{end}"


def _holds(inner: str, before: str, after: str) -> bool:
    """Whether marks around these words are read as marks, by CommonMark's rule of flanking."""
    opens = (
        not _PUNCTUATION.match(inner[0]) or not before or before.isspace() or bool(_PUNCTUATION.match(before))
    )
    closes = (
        not _PUNCTUATION.match(inner[-1]) or not after or after.isspace() or bool(_PUNCTUATION.match(after))
    )
    touches = before in ("*", "~", "\\") or after in ("*", "~")
    return opens and closes and not touches


def _link(element: Json, code: bool) -> str:
    url = "".join(_string(element.get("url")).split())
    label = _string(element.get("text"))
    target = url.replace("<", "%3C").replace(">", "%3E").replace("\\", "%5C")
    if not target:
        return _escaped(label)
    bare = url.removeprefix("mailto:")
    if label in ("", url, bare):
        if _BARE.fullmatch(url) or (url != bare and re.fullmatch(r"[\w.+-]+@[\w.-]+\w", bare)):
            return bare
        return f"<{target}>" if re.match(r"[A-Za-z][A-Za-z0-9+.-]{1,31}:", target) else _escaped(url)
    shown = f"`{label}`" if code and "`" not in label else _escaped(" ".join(label.split()))
    return f"[{shown or _escaped(url)}](<{target}>)"


def _words_of(element: Json, known: Known) -> str:
    """One element as plain words; people, channels and calls to many are names and ping nobody."""
    kind = _string(element.get("type"))
    label = _string(element.get("label"))
    match kind:
        case "user":
            user = _string(element.get("user_id"))
            return f"@{known.person(user).name or label or 'someone'}"
        case "channel":
            channel = _string(element.get("channel_id"))
            return f"#{known.channels.get(channel) or label or 'channel'}"
        case "usergroup":
            return label or "@group"
        case "broadcast":
            return f"@{_string(element.get('range')) or 'channel'}"
        case "emoji":
            return emoji.shown(_string(element.get("name")), _string(element.get("unicode")))
        case "link":
            return _string(element.get("text")) or _string(element.get("url"))
        case "date":
            return _string(element.get("fallback"))
        case _:
            return _string(element.get("text"))


def _escaped(text: str) -> str:
    """Words as they are: nothing in them is taken for markup."""
    return _SPECIAL.sub(lambda match: "\\" + match.group(), text)


def _guarded(text: str) -> str:
    """Signs at the start of a line that would make it a heading, a list, a quote or a table."""
    text = _LINE_START.sub(lambda match: f"{match.group(1)}\\{match.group(2)}", text)
    text = _NUMBER_START.sub(r"\1\\\2", text)
    return "\n".join(line.lstrip(" \t") if line[:1] in " \t" else line for line in text.split("\n"))


def _shared(attachment: Json, known: Known) -> str:
    """A message that somebody passed on, as a quote."""
    words = blocks(mrkdwn.elements(_string(attachment.get("text"))[:MOST]), known)
    author = _escaped(_string(attachment.get("author_name")))
    whole = "\n".join(filter(None, (f"**{author}**" if author.strip() else "", words)))
    return "\n".join(f"> {line}".rstrip() for line in whole.split("\n")) if whole.strip() else ""


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall(r"`+", text)), default=0)


def _dicts(value: Any) -> list[Json]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
