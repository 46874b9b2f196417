"""Cards as Telegram shows them: HTML with a keyboard under it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from adapters.telegram import buttons
from adapters.telegram.entities import utf16
from adapters.telegram.html import measure, plain, to_html, visible
from core.chat import Card, Post, Tone
from core.fit import shorten, split

TEXT = 4_096
CAPTION = 1_024
_SMALLEST = 200
_SIGNS: Mapping[Tone, str] = {"note": "📝", "warning": "⚠️", "danger": "⛔"}


@dataclass(frozen=True, slots=True)
class Shown:
    """A message as it is sent: HTML, the same in plain words, and its keyboard."""

    html: str
    keyboard: dict[str, Any] | None

    @property
    def plain(self) -> str:
        return visible(self.html)


def shown(part: Post, most: int = TEXT) -> Shown:
    """A post; only its first part carries the author's name."""
    card = part.card if part.part == 0 else replace(part.card, author="")
    return Shown(_fitting(card, most), buttons.keyboard(card))


def card_text(card: Card, most: int = TEXT) -> str:
    return _fitting(card, most)


def _fitting(card: Card, most: int) -> str:
    """The whole card; a shorter one where it would be too long."""
    html = _html(card)
    if utf16(visible(html)) <= most:
        return html
    rest = utf16(visible(_html(replace(card, text=""))))
    if rest > most - _SMALLEST:
        card = replace(card, fields=tuple(replace(f, value=shorten(f.value, 100)) for f in card.fields[:8]))
        rest = utf16(visible(_html(replace(card, text=""))))
    room = max(most - rest - 10, 40)
    parts = split(card.text, room, measure)
    text = f"{parts[0]}\n\n…" if parts else ""
    html = _html(replace(card, text=text, fields=card.fields if rest <= most - _SMALLEST else ()))
    return html if utf16(visible(html)) <= most else plain(visible(html)[: most // 2])


def _html(card: Card) -> str:
    """Author and words as one paragraph, as a person's message; everything else as paragraphs."""
    body = to_html(card.text) if card.text else ""
    if not card.author and not card.title and body and card.tone in _SIGNS:
        body = f"{_SIGNS[card.tone]} {body}"
    if card.author:
        body = "\n".join(filter(None, (_author(card), _title(card), body)))
    blocks = (
        "" if card.author else _title(card),
        body,
        "\n".join(f"<b>{plain(f.label)}:</b> {to_html(f.value)}" for f in card.fields),
        "\n".join(f"{plain(b.label)}: {plain(b.url)}" for b in buttons.addresses(card)),
        plain(card.image) if card.image else "",
        "\n".join(f"<b>{plain(s.label)}</b>" for s in card.selects if s.label),
    )
    return "\n\n".join(block.strip("\n") for block in blocks if block.strip())


def _author(card: Card) -> str:
    if not card.author:
        return ""
    sign = f"{_SIGNS[card.tone]} " if card.tone in _SIGNS else ""
    return f"{sign}<b>{plain(shorten(card.author, 80))}</b>"


def _title(card: Card) -> str:
    sign = f"{_SIGNS[card.tone]} " if card.tone in _SIGNS and not card.author else ""
    return f"{sign}<b>{plain(shorten(card.title, 250))}</b>" if card.title else ""
