"""Cards as Block Kit, forms as modals, and the home as a page of cards."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from adapters.slack import writing
from adapters.slack.interactions import AGAIN
from adapters.slack.mrkdwn import escape
from core.chat import Button, Card, Field, Form, Input, Invoked, Limits, Place, Post, Select
from core.fit import fit, fit_form, shorten
from core.i18n import _

Json = dict[str, Any]

LIMITS = Limits(
    command="/desk ",
    text=4_000,
    title=140,
    buttons=25,
    options=100,
    fields=20,
    button_label=75,
    file_bytes=1_000_000_000,
    files=10,
    typing=False,
    private=True,
    page=True,
    reactions_most=23,
    edit_pause=1.0,
    threads_of_own=True,
)
MOST_BLOCKS = 50
MOST_HOME = 100
EVENT = "deskbell_delivery"
_TONES = {"good": "✅", "warning": "⚠️", "danger": "⛔"}
_MOST_LINE = 2_900


def message(post: Post, key: str = "", custom_names: bool = False, origin: str = "") -> Json:
    """The arguments of `chat.postMessage` for one delivery. `origin` is the address of the channel in
    the workspace, for a link to the message that this one answers."""
    named = custom_names and bool(post.card.author) and post.part == 0
    made: Json = {
        "blocks": blocks(post, named=named, origin=origin),
        "text": fallback(post.card, post.part, named),
        "unfurl_links": False,
        "unfurl_media": False,
    }
    if key:
        made["metadata"] = {"event_type": EVENT, "event_payload": {"key": key}}
    if named:
        made["username"] = shorten(_author(post.card), 80)
        if post.card.picture.startswith("https://"):
            made["icon_url"] = post.card.picture
    return made


def blocks(post: Post, *, named: bool = False, origin: str = "") -> list[Json]:
    """One message as blocks; `named` says that its author shows as the sender."""
    card = fit(post.card, LIMITS)
    author = "" if named or post.part > 0 else _author(card)
    found = [*_answered(post.reply_to, origin), *_card(card, author)]
    return found[:MOST_BLOCKS] or [_section(" ")]


def fallback(card: Card, part: int = 0, named: bool = False) -> str:
    """The words alone: what a notification shows, and a reader of screens says."""
    author = _author(card) if part == 0 and not named else ""
    text = writing.words(writing.rich(card.text)) if card.text else ""
    parts = [author, card.title, text, *(f"{field.label}: {_plain(field.value)}" for field in card.fields)]
    return escape("\n".join(filter(None, parts)))[:39_000] or "…"


def whisper(cards: Sequence[Card]) -> Json:
    """Cards for one person: one message with all of them."""
    found: list[Json] = []
    for card in cards:
        found += blocks(Post(card))
    return {
        "blocks": found[:MOST_BLOCKS],
        "text": "\n".join(fallback(card) for card in cards)[:39_000],
    }


def home(cards: Sequence[Card]) -> Json:
    """The bot's own page for somebody."""
    found: list[Json] = []
    for at, card in enumerate(cards):
        found += [*([{"type": "divider"}] if at else []), *blocks(Post(card))]
    for at, block in enumerate(found[:MOST_HOME]):
        block["block_id"] = f"h{at}"
    return {"type": "home", "blocks": found[:MOST_HOME]}


def opener(invoked: Invoked) -> Json:
    """A button that asks for the same once more: only what was pressed can open a form."""
    value = f"{AGAIN}:{invoked.command} {invoked.arguments}".strip()[:1_900]
    button = {
        "type": "button",
        "text": _plain_text(_("Open the form"), 75),
        "value": value,
        "style": "primary",
    }
    words = _("This needs a form.")
    return {
        "text": words,
        "blocks": [_section(escape(words)), {"type": "actions", "elements": [button | {"action_id": AGAIN}]}],
    }


def modal(form: Form, place: Place) -> Json:
    """A form; it remembers the place that it was opened for."""
    form = fit_form(form, LIMITS)
    noted = json.dumps({"channel": place.channel, "thread": place.thread})
    return {
        "type": "modal",
        "callback_id": form.id[:255],
        "private_metadata": noted,
        "title": _plain_text(form.title, 24),
        "submit": _plain_text(form.submit or _("Send"), 24),
        "close": _plain_text(_("Cancel"), 24),
        "blocks": [_input(one) for one in form.inputs[:MOST_HOME]],
    }


# --- parts of a card


def _card(card: Card, author: str) -> Iterator[Json]:
    if card.title:
        yield {
            "type": "header",
            "text": _plain_text(" ".join(filter(None, (_TONES.get(card.tone), card.title))), 150),
        }
    elif card.tone in _TONES and card.text:
        card = _with_sign(card)
    if card.tone == "note" and card.text and not author and len(card.text) < _MOST_LINE // 2:
        yield {"type": "context", "elements": [_mrkdwn(writing.line(card.text))]}
    else:
        yield from _words(card.text, author)
    yield from _fields(card.fields)
    if card.image.startswith("https://"):
        yield {"type": "image", "image_url": card.image[:3_000], "alt_text": card.title or _("Picture")}
    elements = [*_selects(card.selects), *_buttons(card.buttons)]
    for start in range(0, len(elements), 5):
        yield {"type": "actions", "elements": elements[start : start + 5]}


def _author(card: Card) -> str:
    """Who wrote it; in a desk room a note must not look like what the requester reads."""
    is_note = bool(card.author) and card.tone == "note"
    return f"{card.author} · {_('internal note')}" if is_note else card.author


def _with_sign(card: Card) -> Card:
    from dataclasses import replace

    return replace(card, text=f"{_TONES[card.tone]} {card.text}")


def _words(text: str, author: str) -> Iterator[Json]:
    elements = writing.rich(text) if text else []
    if author:
        name = writing.text_element(author, {"bold": True})
        if elements and elements[0]["type"] == "rich_text_section":
            inner = [name, writing.text_element("\n"), *elements[0]["elements"]]
            elements = [{**elements[0], "elements": inner}, *elements[1:]]
        else:
            elements = [{"type": "rich_text_section", "elements": [name]}, *elements]
    if elements:
        yield {"type": "rich_text", "elements": elements}


def _answered(reply_to: str, origin: str) -> Iterator[Json]:
    """Slack knows no replies but threads: a link leads to what is answered."""
    if reply_to and origin:
        label = escape(_("in reply to this message"))
        words = f"↩ <{origin}/p{reply_to.replace('.', '')}|{label}>"
        yield {"type": "context", "elements": [_mrkdwn(words)]}


def _fields(fields: Sequence[Field]) -> Iterator[Json]:
    shown = [_mrkdwn(f"*{escape(one.label)}*\n{writing.line(one.value) or '–'}", 2_000) for one in fields]
    for start in range(0, len(shown), 10):
        yield {"type": "section", "fields": shown[start : start + 10]}


def _buttons(buttons: Sequence[Button]) -> Iterator[Json]:
    for at, button in enumerate(buttons):
        made: Json = {"type": "button", "text": _plain_text(button.label, 75)}
        if button.url:
            if not button.url.startswith(("https://", "http://", "mailto:")):
                continue
            made |= {"url": button.url[:3_000], "action_id": f"link#{at}"}
        else:
            made |= {"value": button.id, "action_id": f"{button.id}#{at}"}
        if button.style in ("primary", "danger"):
            made["style"] = button.style
        yield made


def _selects(selects: Sequence[Select]) -> Iterator[Json]:
    for at, select in enumerate(selects):
        if select.options:
            yield {
                "type": "static_select",
                "action_id": f"{select.id}#s{at}",
                "placeholder": _plain_text(select.label, 150),
                "options": [_option(one.label, one.value) for one in select.options[:100]],
            }


# --- parts of a form


def _input(one: Input) -> Json:
    made: Json = {
        "type": "input",
        "block_id": one.id[:255],
        "optional": not one.required,
        "label": _plain_text(one.label, 2_000),
        "element": {**_control(one), "action_id": "value"},
    }
    if one.hint:
        made["hint"] = _plain_text(one.hint, 2_000)
    return made


def _control(one: Input) -> Json:
    longest = max(1, min(one.longest, 3_000))
    given = {"initial_value": one.value[:longest]} if one.value else {}
    match one.kind:
        case "long":
            return {"type": "plain_text_input", "multiline": True, "max_length": longest, **given}
        case "number":
            return {"type": "number_input", "is_decimal_allowed": True, **given}
        case "email":
            return {"type": "email_text_input", **given}
        case "date":
            return {"type": "datepicker", **({"initial_date": one.value} if one.value else {})}
        case "bool":
            option = _option(_("Yes"), "true")
            return {"type": "checkboxes", "options": [option]} | (
                {"initial_options": [option]} if one.value == "true" else {}
            )
        case "choice" if one.options:
            options = [_option(each.label, each.value) for each in one.options[:100]]
            chosen = [option for option in options if option["value"] == one.value]
            return {"type": "static_select", "options": options} | (
                {"initial_option": chosen[0]} if chosen else {}
            )
        case _:
            return {"type": "plain_text_input", "max_length": longest, **given}


def _option(label: str, value: str) -> Json:
    return {"text": _plain_text(label, 75), "value": value[:150] or "-"}


def _section(text: str) -> Json:
    return {"type": "section", "text": _mrkdwn(text)}


def _mrkdwn(text: str, most: int = 2_900) -> Json:
    return {"type": "mrkdwn", "text": text if len(text) <= most else text[: most - 1] + "…", "verbatim": True}


def _plain_text(text: str, most: int) -> Json:
    return {"type": "plain_text", "text": shorten(text, most) or "–", "emoji": True}


def _plain(value: str) -> str:
    return writing.words(writing.rich(value))
