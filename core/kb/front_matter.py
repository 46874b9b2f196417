"""The head of a Markdown file: a small, strict part of YAML 1.2.

What is written is JSON after each name, which every YAML reader takes. What is read may also be
plain words, quoted words, `[a, b]`, and a list with a dash on each line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

FENCE = "---"
MOST_LINES = 200
Value = str | list[str] | None
_NAME = re.compile(r"([A-Za-z_][\w-]{0,40})\s*:(?:\s++(.*))?$")


@dataclass(slots=True)
class Head:
    """Names and values; `lines` says where each stands, `wrong` what cannot be read and where."""

    values: dict[str, Value] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    wrong: list[tuple[int, str]] = field(default_factory=list)


def write(values: Mapping[str, Value], body: str) -> str:
    """A whole file: what has a value, then the body."""
    kept = [f"{name}: {_written(value)}" for name, value in values.items() if value not in (None, "", [])]
    return "\n".join([FENCE, *kept, FENCE, "", body, ""])


def read(text: str) -> tuple[Head, str, int]:
    """The head of a file, its body, and the line on which the body begins. A file without a head is
    all body."""
    lines = text.split("\n")
    if lines[0].rstrip() != FENCE:
        return Head(), text, 1
    end = next((at for at, line in enumerate(lines[1 : MOST_LINES + 1], 1) if line.rstrip() == FENCE), None)
    if end is None:
        return Head(wrong=[(1, "unclosed")]), "", 1
    return _head(lines[1:end]), "\n".join(lines[end + 1 :]), end + 2


def _written(value: Value) -> str:
    return json.dumps(value, ensure_ascii=False)


def _head(lines: Iterable[str]) -> Head:
    head = Head()
    name = ""
    for number, raw in enumerate(lines, 2):
        line = raw.rstrip()
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        item = re.match(r"\s*-\s+(.*)$", line)
        if item is not None and name and not isinstance(head.values.get(name), str):
            _append(head, name, item[1], number)
            continue
        found = _NAME.match(line)
        if found is None:
            head.wrong.append((number, "unreadable"))
            continue
        name = found[1].lower().replace("-", "_")
        if name in head.values:
            head.wrong.append((number, "twice"))
            continue
        head.lines[name] = number
        head.values[name] = _value(head, found[2] or "", number)
    return head


def _append(head: Head, name: str, raw: str, number: int) -> None:
    before = head.values.get(name)
    value = _scalar(raw)
    if value is None:
        head.wrong.append((number, "unreadable"))
        return
    head.values[name] = [*before, value] if isinstance(before, list) else [value]


def _value(head: Head, raw: str, number: int) -> Value:
    words = raw.strip()
    if not words:
        return None
    if words.startswith("["):
        return _listed(head, words, number)
    value = _scalar(words)
    if value is None:
        head.wrong.append((number, "unreadable"))
    return value


def _listed(head: Head, words: str, number: int) -> Value:
    try:
        found = json.loads(words)
    except ValueError:
        found = None
    if isinstance(found, list) and all(isinstance(each, str | int) for each in found):
        return [str(each) for each in found]
    if not words.endswith("]") or '"' in words:
        head.wrong.append((number, "unreadable"))
        return None
    return [each.strip().strip("'") for each in words[1:-1].split(",") if each.strip()]


def _scalar(words: str) -> str | None:
    """One value; None for what is not understood."""
    if words.startswith('"'):
        try:
            found = json.loads(words)
        except ValueError:
            return None
        return found if isinstance(found, str) else None
    if words.startswith("'"):
        return words[1:-1].replace("''", "'") if len(words) > 1 and words.endswith("'") else None
    if words[0] in "|>&*!{%@`":
        return None
    return re.sub(r"\s+#.*$", "", words)
