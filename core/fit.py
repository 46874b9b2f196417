"""Cut what is to be shown to what a platform can carry, once for all platforms.

A long text is split at a paragraph, else at a line, else at a word; a code block that is cut is
closed and opened again. Cards are shortened, never refused.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import count

from core.chat import Button, Card, CommandSpec, Field, Form, Input, Limits, Option, Select

Measure = Callable[[str], int]
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})(.*)$")
_SMALLEST = 40
MUCH = 4
GUESSES = 4
FULL, NEARLY = 0.9, 0.97
"""A part that is so full is not filled further; for what share of the room the next guess is made."""


def fit(card: Card, limits: Limits) -> Card:
    """A card within the limits of a platform: texts end with "…" where they were too long."""
    return replace(
        card,
        text=shorten(card.text, limits.text),
        title=shorten(card.title, limits.title),
        fields=tuple(
            Field(shorten(f.label, 60), shorten(f.value, 1_000)) for f in card.fields[: limits.fields]
        ),
        buttons=tuple(_button(b, limits) for b in card.buttons[: limits.buttons]),
        selects=tuple(_select(s, limits) for s in card.selects),
        files=card.files[: limits.files],
    )


def fit_form(form: Form, limits: Limits) -> Form:
    """A form within the limits."""
    return replace(
        form,
        title=shorten(form.title, 45),
        inputs=tuple(_input(one, limits) for one in form.inputs),
        submit=shorten(form.submit, 24),
    )


def at_hand(
    commands: Sequence[CommandSpec], limits: Limits
) -> tuple[Sequence[CommandSpec], Sequence[CommandSpec]]:
    """The commands that stand directly under a platform's one command, and those under its `more`."""
    ordered = sorted(commands, key=lambda one: not one.often)
    most = limits.commands
    if not most or len(ordered) <= most:
        return ordered, ()
    return ordered[: most - 1], ordered[most - 1 :]


def shorten(text: str, most: int) -> str:
    """The text, or its beginning and "…"; cut at a word where one ends in its last third."""
    if len(text) <= most:
        return text
    cut = text[: max(most - 1, 0)]
    space = text[:most].rfind(" ")
    return (cut[:space] if space > most * 2 // 3 else cut).rstrip() + "…"


def split(text: str, most: int, measure: Measure = len) -> list[str]:
    """The parts of a Markdown text, each of at most `most` as `measure` counts; one empty text gives
    no part. The parts together say what the text says."""
    if not text.strip():
        return []
    if _fits(text, most, measure):
        return [text]
    most = max(most, _SMALLEST)
    pieces = [piece for block in _blocks(text) for piece in _pieces(block, most, measure)]
    return list(_gathered(pieces, most, measure, "\n\n", "", "", whole=True))


def _fits(text: str, most: int, measure: Measure) -> bool:
    """What is much too long is not measured: a platform's text is hardly shorter than its Markdown."""
    return len(text) <= MUCH * most and measure(text) <= most


def _blocks(text: str) -> Iterator[str]:
    """Paragraphs and whole code blocks."""
    lines: list[str] = []
    fence = ""
    for line in text.split("\n"):
        mark = _FENCE.match(line)
        if mark and not fence:
            if lines:
                yield "\n".join(lines)
            lines, fence = [line], mark.group(1)
        elif fence:
            lines.append(line)
            if mark and mark.group(1).startswith(fence) and not mark.group(2).strip():
                yield "\n".join(lines)
                lines, fence = [], ""
        elif line.strip():
            lines.append(line)
        elif lines:
            yield "\n".join(lines)
            lines = []
    if lines:
        yield "\n".join(lines)


def _pieces(block: str, most: int, measure: Measure) -> Iterator[str]:
    if _fits(block, most, measure):
        yield block
        return
    first, _newline, rest = block.partition("\n")
    mark = _FENCE.match(first)
    if mark is None or not rest.strip() or len(first) > most // 4:
        yield from _gathered(block.split("\n"), most, measure, "\n", "", "")
        return
    body = block.split("\n")[1:]
    closing = body[-1] if body and _FENCE.match(body[-1]) else mark.group(1)
    inner = body[:-1] if body and _FENCE.match(body[-1]) else body
    yield from _gathered(inner, most, measure, "\n", f"{first}\n", f"\n{closing.strip()}")


def _gathered(
    units: list[str],
    most: int,
    measure: Measure,
    glue: str,
    before: str,
    after: str,
    *,
    whole: bool = False,
) -> Iterator[str]:
    """Blocks, lines or words put together as long as they fit, each run between `before` and `after`. What is
    `whole` is not cut any further."""

    def size(run: list[str]) -> int:
        return measure(f"{before}{glue.join(run)}{after}")

    start, fitting = 0, whole
    while start < len(units):
        end = _end_of_run(units, start, most, size, fitting=fitting)
        if end > start:
            yield f"{before}{glue.join(units[start:end])}{after}"
            start, fitting = end, whole
            continue
        pieces = list(_smaller(units[start], most, measure, glue, before, after))
        yield from pieces[:-1]
        # Its end and what follows may stand together.
        units = [pieces[-1].removeprefix(before).removesuffix(after), *units[start + 1 :]]
        start, fitting = 0, True


def _end_of_run(
    units: list[str], start: int, most: int, size: Callable[[list[str]], int], *, fitting: bool
) -> int:
    """Up to where the units fit together, or nearly; `start` where the first alone does not, unless it is
    known to be `fitting`. Measuring is slow: where to look next is guessed by what was measured before, and
    what is twice as long as may be is not looked at."""
    lengths = [0]
    while start + len(lengths) <= len(units) and lengths[-1] <= 2 * most:
        lengths.append(lengths[-1] + len(units[start + len(lengths) - 1]) + 1)
    low, high, wanted = (1 if fitting else 0), len(lengths) - 1, float(most)
    for tries in count():
        if low >= high:
            break
        middle = bisect_right(lengths, wanted) - 1 if tries < GUESSES else (low + high + 1) // 2
        middle = min(max(middle, low + 1), high)
        measured = size(units[start : start + middle])
        if measured > most:
            high = middle - 1
        else:
            low = middle
            if measured > most * FULL:
                break
        wanted = lengths[middle] * most * NEARLY / max(measured, 1)
    return start + low


def _smaller(unit: str, most: int, measure: Measure, glue: str, before: str, after: str) -> Iterator[str]:
    """A line that is too long by words; a word that is too long by characters."""
    if glue == "\n" and " " in unit.strip():
        yield from _gathered(unit.split(" "), most, measure, " ", before, after)
        return
    start = 0
    while start < len(unit):
        size = _longest(unit[start:], most, measure, before, after)
        yield f"{before}{unit[start : start + size]}{after}"
        start += size


def _longest(text: str, most: int, measure: Measure, before: str, after: str) -> int:
    """How many characters of a text fit; at least one, so that there is an end."""
    low, high = 1, min(len(text), 2 * most)
    while low < high:
        middle = (low + high + 1) // 2
        if measure(f"{before}{text[:middle]}{after}") <= most:
            low = middle
        else:
            high = middle - 1
    return low


def _button(button: Button, limits: Limits) -> Button:
    return replace(button, label=shorten(button.label, limits.button_label))


def _select(select: Select, limits: Limits) -> Select:
    options = tuple(_option(one) for one in select.options[: limits.options])
    return replace(select, label=shorten(select.label, 75), options=options)


def _option(option: Option) -> Option:
    return replace(option, label=shorten(option.label, 75))


def _input(one: Input, limits: Limits) -> Input:
    return replace(
        one,
        label=shorten(one.label, 45),
        hint=shorten(one.hint, 100),
        options=tuple(_option(option) for option in one.options[: limits.options]),
    )
