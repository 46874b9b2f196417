"""Cards and forms as Discord's messages and modals: pure functions to JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from adapters.discord.to_discord import escaped, to_discord
from core.chat import Button, Card, Form, Input, Limits, Option, Post, Select
from core.fit import fit, fit_form, shorten
from core.i18n import _

Json = dict[str, Any]
EPHEMERAL = 1 << 6
TEXT = 2_000
LIMITS = Limits(
    command="/desk ",
    commands=25,
    more="more",
    text=1_850,
    title=100,
    file_bytes=10 * 1024 * 1024,
    files=10,
    threads_of_own=True,
    typing_seen=True,
    reactions_most=20,
    edit_pause=2.0,
    button_label=75,
)
"""The text leaves room for the name above it."""
NO_PINGS: Json = {"parse": [], "replied_user": False}
_COLOURS = {"neutral": 0x5B6770, "good": 0x2E7D32, "warning": 0xB26A00, "danger": 0xB3261E, "note": 0x8A6D00}
_STYLES = {"default": 2, "primary": 1, "danger": 4}
_ROW, _BUTTON, _SELECT, _INPUT, _LABEL = 1, 2, 3, 4, 18
_LINK = 5
ROWS, IN_ROW, FIELDS = 5, 5, 5
_EMPTY = "\u200b"


def message(part: Post, *, named: bool = True) -> Json:
    """A message of the desk. `named` puts the author's name above the words."""
    body = card(part.card, above=_above(part.card) if named and part.part == 0 else "")
    if part.reply_to:
        body["message_reference"] = {"message_id": part.reply_to, "fail_if_not_exists": False}
    return body


def card(shown: Card, *, above: str = "") -> Json:
    """A card: as plain words where it is that, else as an embed; buttons and selects below."""
    shown = fit(shown, LIMITS)
    plain = not (shown.title or shown.fields or shown.image or shown.tone in ("good", "warning", "danger"))
    words = to_discord(shown.text) if plain else ""
    content = _cut("\n".join(part for part in (above, words) if part), TEXT)
    body: Json = {
        "content": content,
        "embeds": [] if plain else [_embed(shown)],
        "components": list(_rows(shown)),
        "allowed_mentions": NO_PINGS,
    }
    if not content.strip() and plain and not body["components"]:
        body["content"] = _EMPTY
    return body


def answer(shown: Card, *, in_direct: bool) -> Json:
    """A card as the answer to an interaction; for one person only where it is private."""
    return card(shown) | ({"flags": EPHEMERAL} if shown.private and not in_direct else {})


def modal(form: Form) -> Json:
    """A form. Discord takes five questions: the required ones first."""
    form = fit_form(form, LIMITS)
    return {
        "custom_id": form.id[:100],
        "title": _name(form.title, 45),
        "components": [_label(one) for one in _five(form.inputs)],
    }


def choices(options: Sequence[Option], *, of_numbers: bool = False) -> Json:
    """Completions of an option that is being typed."""
    given = [one for one in options if one.value and (one.value.isdecimal() or not of_numbers)]
    found = [
        {"name": _name(o.label, 100), "value": int(o.value) if of_numbers else o.value[:100]} for o in given
    ]
    return {"choices": found[: LIMITS.options]}


def measure(markdown: str) -> int:
    """Characters of a text once it is Discord's."""
    return len(to_discord(markdown))


def name_of_author(shown: Card) -> str:
    return shorten(" ".join(shown.author.split()), 80)


def _above(shown: Card) -> str:
    if not shown.author:
        return ""
    name = f"**{escaped(name_of_author(shown))}**"
    return f"{name} · *{_('internal note')}*" if shown.tone == "note" else name


def _embed(shown: Card) -> Json:
    embed: Json = {"color": _COLOURS[shown.tone]}
    if shown.title:
        embed["title"] = _cut(escaped(shown.title), 250)
    if shown.text:
        embed["description"] = _cut(to_discord(shown.text), 3_000)
    if shown.fields:
        embed["fields"] = [
            {
                "name": _cut(escaped(f.label), 80).strip() or _EMPTY,
                "value": _cut(to_discord(f.value), 300).strip() or _EMPTY,
            }
            for f in shown.fields[:8]
        ]
        for field in embed["fields"]:
            field["inline"] = len(field["value"]) <= 60
    if shown.image.startswith(("https://", "http://")):
        embed["image"] = {"url": shown.image}
    return embed


def _rows(shown: Card) -> Iterator[Json]:
    """Selects take a row each, buttons share one; five rows at most."""
    rows: list[Json] = [_row([_select(one)]) for one in shown.selects[:ROWS] if one.options]
    buttons = [made for one in shown.buttons if (made := _button(one)) is not None]
    for start in range(0, len(buttons), IN_ROW):
        rows.append(_row(buttons[start : start + IN_ROW]))
    yield from rows[:ROWS]


def _row(parts: list[Json]) -> Json:
    return {"type": _ROW, "components": parts}


def _button(one: Button) -> Json | None:
    label = _name(one.label, 80)
    if one.url:
        if not one.url.startswith(("http://", "https://")):
            return None
        return {"type": _BUTTON, "style": _LINK, "label": label, "url": one.url[:512]}
    return {"type": _BUTTON, "style": _STYLES[one.style], "label": label, "custom_id": one.id}


def _select(one: Select) -> Json:
    return {
        "type": _SELECT,
        "custom_id": one.id,
        "placeholder": one.label[:150],
        "options": _options(one.options),
    }


def _options(options: Sequence[Option], chosen: str = "") -> list[Json]:
    """Choices with values that are told apart."""
    known: dict[str, Json] = {}
    for one in options:
        label = _name(one.label, 100)
        value = one.value[:100] if one.value[:100].strip() else label
        known.setdefault(value, {"label": label, "value": value})
        if chosen and value == chosen[:100]:
            known[value]["default"] = True
    return list(known.values())[: LIMITS.options]


def _five(inputs: Sequence[Input]) -> list[Input]:
    wanted = sorted(range(len(inputs)), key=lambda index: (not inputs[index].required, index))[:FIELDS]
    return [inputs[index] for index in sorted(wanted)]


def _label(one: Input) -> Json:
    shape: Json = {"type": _LABEL, "label": _name(one.label, 45), "component": _control(one)}
    if one.hint:
        shape["description"] = one.hint[:100]
    return shape


def _control(one: Input) -> Json:
    options = one.options
    if one.kind == "bool" and not options:
        options = (Option(_("Yes"), "yes"), Option(_("No"), "no"))
    if options:
        return {
            "type": _SELECT,
            "custom_id": one.id[:100],
            "required": one.required,
            "options": _options(options, one.value),
        }
    return _text_input(one)


def _text_input(one: Input) -> Json:
    shape: Json = {
        "type": _INPUT,
        "custom_id": one.id[:100],
        "style": 2 if one.kind == "long" else 1,
        "required": one.required,
        "max_length": max(1, min(one.longest, 4_000)),
    }
    if one.kind == "date":
        shape["placeholder"] = _("Year-month-day, such as 2026-11-30")
    if one.value:
        shape["value"] = one.value[: shape["max_length"]]
    return shape


def _name(text: str, most: int) -> str:
    """What the platform takes for a name: not empty, not of blanks alone."""
    return shorten(text.strip(), most) or "…"


def _cut(text: str, most: int) -> str:
    """Within a size in any case; what is so long was split before."""
    return text if len(text) <= most else text[: most - 1] + "…"
