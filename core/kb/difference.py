"""What changed between two texts, as people read it: line by line, with the changed words marked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Literal

MOST_LINES = 2_500
"""Beyond so many lines in a text its middle is compared as one piece."""
MOST_WORDS = 600
MOST_MARKED = 200
"""Pairs of lines in which the changed words are looked for."""
CONTEXT = 3
_WORD = re.compile(r"\s+|\w+|[^\w\s]")

Sort = Literal["same", "added", "removed", "gap"]


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a line; `changed` marks what differs from the line beside it."""

    text: str
    changed: bool = False


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line of the difference, with its number before and after. A gap stands for what is the
    same on both sides; `hidden` says how many lines."""

    sort: Sort
    pieces: tuple[Piece, ...] = ()
    before: int | None = None
    after: int | None = None
    hidden: int = 0


@dataclass(frozen=True, slots=True)
class Difference:
    lines: tuple[DiffLine, ...]
    added: int
    removed: int

    @property
    def same(self) -> bool:
        return not self.added and not self.removed


def difference(old: str, new: str, *, context: int = CONTEXT) -> Difference:
    """The lines that were added and removed, with some around them."""
    before, after = old.split("\n"), new.split("\n")
    lines = list(_lines(before, after))
    added = sum(line.sort == "added" for line in lines)
    removed = sum(line.sort == "removed" for line in lines)
    return Difference(tuple(_folded(lines, context)), added, removed)


def _lines(before: Sequence[str], after: Sequence[str]) -> Iterator[DiffLine]:
    left = MOST_MARKED
    for sort, a, b, c, d in _steps(before, after):
        if sort == "equal":
            for i in range(b - a):
                yield DiffLine("same", (Piece(before[a + i]),), a + i + 1, c + i + 1)
            continue
        both = list(zip_longest(before[a:b], after[c:d]))
        pairs = [_marked(old, new) for old, new in both[:left]]
        pairs += [((Piece(old or ""),), (Piece(new or ""),)) for old, new in both[left:]]
        left = max(0, left - len(both))
        for i in range(b - a):
            yield DiffLine("removed", pairs[i][0], before=a + i + 1)
        for i in range(d - c):
            yield DiffLine("added", pairs[i][1], after=c + i + 1)


def _steps(before: Sequence[str], after: Sequence[str]) -> list[tuple[str, int, int, int, int]]:
    """Edit steps over the lines; what both begin and end with costs nothing."""
    head = 0
    while head < min(len(before), len(after)) and before[head] == after[head]:
        head += 1
    tail = 0
    while tail < min(len(before), len(after)) - head and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    old, new = before[head : len(before) - tail], after[head : len(after) - tail]
    steps = [("equal", 0, head, 0, head)] if head else []
    if len(old) > MOST_LINES or len(new) > MOST_LINES:
        steps.append(("replace", head, head + len(old), head, head + len(new)))
    else:
        matcher = SequenceMatcher(None, old, new, autojunk=True)
        steps += [
            (sort, a + head, b + head, c + head, d + head) for sort, a, b, c, d in matcher.get_opcodes()
        ]
    if tail:
        steps.append(("equal", len(before) - tail, len(before), len(after) - tail, len(after)))
    return steps


def _marked(old: str | None, new: str | None) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """Two lines that took each other's place; words are marked where most of them stayed."""
    if old is None or new is None:
        return (Piece(old or ""),), (Piece(new or ""),)
    ours, theirs = _WORD.findall(old), _WORD.findall(new)
    if len(ours) > MOST_WORDS or len(theirs) > MOST_WORDS:
        return (Piece(old),), (Piece(new),)
    matcher = SequenceMatcher(None, ours, theirs, autojunk=False)
    if matcher.ratio() < 0.35:
        return (Piece(old),), (Piece(new),)
    left: list[Piece] = []
    right: list[Piece] = []
    for sort, a, b, c, d in matcher.get_opcodes():
        if b > a:
            left.append(Piece("".join(ours[a:b]), sort != "equal"))
        if d > c:
            right.append(Piece("".join(theirs[c:d]), sort != "equal"))
    return tuple(left), tuple(right)


def _folded(lines: Sequence[DiffLine], context: int) -> Iterator[DiffLine]:
    """Long stretches without a change become a gap."""
    near = {
        at + offset
        for at, line in enumerate(lines)
        if line.sort != "same"
        for offset in range(-context, context + 1)
    }
    hidden = 0
    for at, line in enumerate(lines):
        if at in near:
            if hidden:
                yield DiffLine("gap", hidden=hidden)
                hidden = 0
            yield line
        else:
            hidden += 1
    if hidden:
        yield DiffLine("gap", hidden=hidden)
