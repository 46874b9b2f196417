"""Cut what is to be shown to what a platform can carry, once for all platforms.

A long text is split at a paragraph, else at a line, else at a word; a code block that is cut is
closed and opened again. Cards are shortened, never refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from core.chat import Button, Card, CommandSpec, Field, Form, Input, Limits, Option, Select

Measure = Callable[[str], int]
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})(.*)$")
_SMALLEST = 40


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
    if measure(text) <= most:
        return [text]
    most = max(most, _SMALLEST)
    parts: list[str] = []
    for block in _blocks(text):
        for piece in _pieces(block, most, measure):
            if parts and measure(f"{parts[-1]}\n\n{piece}") <= most:
                parts[-1] = f"{parts[-1]}\n\n{piece}"
            else:
                parts.append(piece)
    return parts


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
    if measure(block) <= most:
        yield block
        return
    first, _newline, _rest = block.partition("\n")
    mark = _FENCE.match(first)
    if mark is None:
        yield from _gathered(block.split("\n"), most, measure, "\n", "", "")
        return
    body = block.split("\n")[1:]
    closing = body[-1] if body and _FENCE.match(body[-1]) else mark.group(1)
    inner = body[:-1] if body and _FENCE.match(body[-1]) else body
    yield from _gathered(inner, most, measure, "\n", f"{first}\n", f"\n{closing.strip()}")


def _gathered(
    units: list[str], most: int, measure: Measure, glue: str, before: str, after: str
) -> Iterator[str]:
    """Lines (or words) put together as long as they fit, each run between `before` and `after`."""
    run: list[str] = []
    for unit in units:
        if run and measure(f"{before}{glue.join((*run, unit))}{after}") > most:
            yield f"{before}{glue.join(run)}{after}"
            run = []
        if measure(f"{before}{unit}{after}") <= most:
            run.append(unit)
            continue
        pieces = list(_smaller(unit, most, measure, glue, before, after))
        yield from pieces[:-1]
        run = [pieces[-1].removeprefix(before).removesuffix(after)] if pieces else []
    if run:
        yield f"{before}{glue.join(run)}{after}"


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
    low, high = 1, len(text)
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
