"""Cards as the page shows them: safe HTML for words, plain values for what can be pressed."""

from __future__ import annotations

from typing import Any

from core.chat import Card, Form
from core.markdown import to_html


def card(shown: Card) -> dict[str, Any]:
    """A card as JSON. Buttons lead to https and mail addresses, or carry their id."""
    return {
        "title": shown.title,
        "html": to_html(shown.text) if shown.text else "",
        "tone": shown.tone,
        "author": shown.author,
        "fields": [{"label": field.label, "html": to_html(field.value)} for field in shown.fields],
        "buttons": [
            {"label": b.label, "id": b.id, "url": _address(b.url), "style": b.style} for b in shown.buttons
        ],
        "selects": [
            {
                "id": select.id,
                "label": select.label,
                "options": [{"label": o.label, "value": o.value} for o in select.options],
            }
            for select in shown.selects
        ],
    }


def form(shown: Form) -> dict[str, Any]:
    """A form as JSON: the page builds its controls."""
    return {
        "id": shown.id,
        "title": shown.title,
        "submit": shown.submit,
        "inputs": [
            {
                "id": one.id,
                "label": one.label,
                "kind": one.kind,
                "required": one.required,
                "hint": one.hint,
                "longest": one.longest,
                "options": [{"label": o.label, "value": o.value} for o in one.options],
            }
            for one in shown.inputs
        ],
    }


def _address(url: str) -> str:
    return url if url.startswith(("https://", "http://", "mailto:", "/")) else ""
