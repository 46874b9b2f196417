"""Buttons and choices as Telegram's inline keyboards, and back. An id has 64 bytes at most."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from core.chat import Button, Card, Select

MOST_BYTES = 64
MOST = 90
_CHOICE = "="
_NUMBERED = "#"
_WIDE = 18
"""Labels up to this length stand two in a row."""


def keyboard(card: Card) -> dict[str, Any] | None:
    """The inline keyboard of a card; None when it has no buttons."""
    pressed = [_button(button) for button in card.buttons if button.id or may_open(button.url)]
    rows = _rows(pressed)
    for select in card.selects:
        rows += _rows([_option(select, number) for number in range(len(select.options))])
    kept: list[list[dict[str, str]]] = []
    for row in rows:
        if sum(map(len, kept)) + len(row) <= MOST:
            kept.append(row)
    return {"inline_keyboard": kept} if kept else None


def addresses(card: Card) -> Sequence[Button]:
    """Buttons whose address Telegram takes for no button: they are said in words."""
    return [button for button in card.buttons if button.url and not button.id and not may_open(button.url)]


def may_open(url: str) -> bool:
    """Telegram opens addresses of the web; names without a dot are none for it."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and "." in host.strip(".")


def decoded(data: str, markup: Mapping[str, Any]) -> tuple[str, str]:
    """The id of a button, and the choice where it was one of several."""
    if (numbered := re.fullmatch(rf"(.+){_NUMBERED}\d{{1,3}}", data, re.DOTALL)) is not None:
        return numbered.group(1), _label(data, markup)
    button, _sep, choice = data.partition(_CHOICE)
    return button, choice


def _button(button: Button) -> dict[str, str]:
    text = button.label[:60] or "…"
    if button.id:
        return {"text": text, "callback_data": _short(button.id)}
    return {"text": text, "url": button.url}


def _option(select: Select, number: int) -> dict[str, str]:
    """The value travels with the button; one that is too long is known by its label."""
    option = select.options[number]
    data = f"{select.id}{_CHOICE}{option.value}"
    if len(data.encode()) > MOST_BYTES or re.search(rf"{_NUMBERED}\d{{1,3}}\Z", data):
        data = f"{_short(select.id, 60)}{_NUMBERED}{number}"
    return {"text": option.label[:60] or "…", "callback_data": data}


def _rows(buttons: Sequence[dict[str, str]]) -> list[list[dict[str, str]]]:
    rows: list[list[dict[str, str]]] = []
    for button in buttons:
        narrow = len(button["text"]) <= _WIDE
        if rows and narrow and len(rows[-1]) == 1 and len(rows[-1][0]["text"]) <= _WIDE:
            rows[-1].append(button)
        else:
            rows.append([button])
    return rows


def _label(data: str, markup: Mapping[str, Any]) -> str:
    rows = markup.get("inline_keyboard")
    for row in rows if isinstance(rows, list) else []:
        for one in row if isinstance(row, list) else []:
            if isinstance(one, Mapping) and one.get("callback_data") == data:
                return str(one.get("text") or "")
    return ""


def _short(text: str, most: int = MOST_BYTES) -> str:
    return text.encode()[:most].decode(errors="ignore")
