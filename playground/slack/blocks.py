"""The limits of blocks and views. A breach is told as Slack tells it: which, and where."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from playground.slack.errors import ApiError

Json = dict[str, Any]

IN_MESSAGE = 50
IN_VIEW = 100
MARKDOWN = 12_000
TEXT = 40_000
_EVERYWHERE = {"section", "divider", "image", "actions", "context", "input", "header", "rich_text", "video"}
_MESSAGE_ONLY = {"markdown", "file", "table", "context_actions", "task_card", "plan", "call"}
_INPUTS = [
    "plain_text_input",
    "email_text_input",
    "url_text_input",
    "number_input",
    "rich_text_input",
    "file_input",
    "datepicker",
    "timepicker",
    "datetimepicker",
    "checkboxes",
    "radio_buttons",
]
_SELECTS = [
    many + kind + "_select"
    for many in ("", "multi_")
    for kind in ("static", "external", "users", "conversations", "channels")
]
_PRESSED = ["button", "overflow", "workflow_button", "datepicker", "timepicker", "datetimepicker"]
_PRESSED += ["checkboxes", "radio_buttons", "plain_text_input", "rich_text_input"]
_PRESSED += ["email_text_input", "url_text_input", "number_input", "image", *_SELECTS]


def check_message(blocks: Any) -> list[Json]:
    """The blocks of a message, or the error that the API answers."""
    if not isinstance(blocks, list):
        raise ApiError("invalid_blocks_format")
    found = list(_too_many(blocks, IN_MESSAGE)) + list(_problems(blocks, _EVERYWHERE | _MESSAGE_ONLY))
    if sum(len(str(b.get("text", ""))) for b in _typed(blocks, "markdown")) > MARKDOWN:
        found.append(f"markdown blocks hold more than {MARKDOWN} characters in all")
    if found:
        messages = [f"[ERROR] {one}" for one in found]
        raise ApiError("invalid_blocks", errors=found, response_metadata={"messages": messages})
    return [_numbered(block, at) for at, block in enumerate(blocks)]


def check_view(view: Any, kinds: tuple[str, ...]) -> Json:
    """A view as given, or the error that the API answers."""
    if not isinstance(view, dict):
        raise ApiError("invalid_arguments", response_metadata={"messages": ["[ERROR] view is no object"]})
    blocks = view.get("blocks")
    found = list(_view_problems(view, kinds))
    if isinstance(blocks, list):
        found += [*_too_many(blocks, IN_VIEW), *_problems(blocks, _EVERYWHERE | {"markdown"})]
    if found:
        raise ApiError(
            "invalid_arguments", response_metadata={"messages": [f"[ERROR] {one}" for one in found]}
        )
    return {**view, "blocks": [_numbered(block, at) for at, block in enumerate(view["blocks"])]}


def elements(blocks: list[Json]) -> Iterator[tuple[Json, Json]]:
    """Every element that acts or asks, with the block that holds it."""
    for block in blocks:
        held = [block.get("element"), block.get("accessory"), *(block.get("elements") or [])]
        yield from ((block, one) for one in held if isinstance(one, dict) and "type" in one)


def _numbered(block: Json, at: int) -> Json:
    named = {"block_id": f"b{at}", **block}
    for place, (_, element) in enumerate(elements([named])):
        if element["type"] in (*_PRESSED, *_INPUTS) and element["type"] != "image":
            element.setdefault("action_id", f"a{at}{place}")
    return named


def _too_many(blocks: list[Any], most: int) -> Iterator[str]:
    if len(blocks) > most:
        yield f"no more than {most} items allowed [json-pointer:/blocks]"


def _typed(blocks: list[Any], kind: str) -> list[Json]:
    return [block for block in blocks if isinstance(block, dict) and block.get("type") == kind]


def _view_problems(view: Json, kinds: tuple[str, ...]) -> Iterator[str]:
    if view.get("type") not in kinds:
        yield f"must be one of {', '.join(kinds)} [json-pointer:/view/type]"
    if not isinstance(view.get("blocks"), list):
        yield "missing required field: blocks [json-pointer:/view]"
    if view.get("type") == "modal" and not view.get("title"):
        yield "missing required field: title [json-pointer:/view]"
    for name in ("title", "submit", "close"):
        yield from _text(view.get(name), 24, f"/view/{name}", plain=True)
    for name, most in (("private_metadata", 3000), ("callback_id", 255), ("external_id", 255)):
        yield from _long(view.get(name), most, f"/view/{name}")
    asks = isinstance(view.get("blocks"), list) and _typed(view["blocks"], "input")
    if view.get("type") == "modal" and asks and not view.get("submit"):
        yield "submit is required when an input block is within blocks [json-pointer:/view]"


def _problems(blocks: list[Any], kinds: set[str]) -> Iterator[str]:
    seen: set[str] = set()
    for at, block in enumerate(blocks):
        pointer = f"/blocks/{at}"
        if not isinstance(block, dict) or block.get("type") not in kinds:
            yield f"unsupported type: {block.get('type') if isinstance(block, dict) else block} [json-pointer:{pointer}/type]"
            continue
        name = block.get("block_id")
        if name and name in seen:
            yield f"block_id `{name}` already exists [json-pointer:{pointer}/block_id]"
        seen.add(name or f"\n{at}")
        yield from _long(name, 255, f"{pointer}/block_id")
        yield from _CHECKS.get(block["type"], _nothing)(block, pointer)


def _nothing(block: Json, pointer: str) -> Iterator[str]:
    yield from ()


def _section(block: Json, pointer: str) -> Iterator[str]:
    fields = block.get("fields")
    if not block.get("text") and not fields:
        yield f"must define either `text` or `fields` [json-pointer:{pointer}]"
    yield from _text(block.get("text"), 3000, f"{pointer}/text")
    if fields is not None and (not isinstance(fields, list) or not 1 <= len(fields) <= 10):
        yield f"no more than 10 items allowed [json-pointer:{pointer}/fields]"
    for at, one in enumerate(fields if isinstance(fields, list) else []):
        yield from _text(one, 2000, f"{pointer}/fields/{at}")
    if block.get("accessory"):
        yield from _element(block["accessory"], [*_PRESSED, "image"], f"{pointer}/accessory")


def _header(block: Json, pointer: str) -> Iterator[str]:
    if not block.get("text"):
        yield f"missing required field: text [json-pointer:{pointer}]"
    yield from _text(block.get("text"), 150, f"{pointer}/text", plain=True)


def _actions(block: Json, pointer: str) -> Iterator[str]:
    held = block.get("elements")
    if not isinstance(held, list) or not 1 <= len(held) <= 25:
        yield f"must hold 1 to 25 items [json-pointer:{pointer}/elements]"
        return
    names = [one.get("action_id") for one in held if isinstance(one, dict) and one.get("action_id")]
    if len(names) != len(set(names)):
        yield f"action_id already exists [json-pointer:{pointer}/elements]"
    for at, one in enumerate(held):
        yield from _element(one, [kind for kind in _PRESSED if kind != "image"], f"{pointer}/elements/{at}")


def _context(block: Json, pointer: str) -> Iterator[str]:
    held = block.get("elements")
    if not isinstance(held, list) or not 1 <= len(held) <= 10:
        yield f"must hold 1 to 10 items [json-pointer:{pointer}/elements]"
        return
    for at, one in enumerate(held):
        kind = one.get("type") if isinstance(one, dict) else None
        if kind == "image":
            yield from _image(one, f"{pointer}/elements/{at}")
        else:
            yield from _text(one, 3000, f"{pointer}/elements/{at}")


def _image(block: Json, pointer: str) -> Iterator[str]:
    if not block.get("image_url") and not block.get("slack_file"):
        yield f"missing required field: image_url [json-pointer:{pointer}]"
    if not block.get("alt_text"):
        yield f"missing required field: alt_text [json-pointer:{pointer}]"
    yield from _long(block.get("image_url"), 3000, f"{pointer}/image_url")
    yield from _long(block.get("alt_text"), 2000, f"{pointer}/alt_text")


def _input(block: Json, pointer: str) -> Iterator[str]:
    if not block.get("label"):
        yield f"missing required field: label [json-pointer:{pointer}]"
    yield from _text(block.get("label"), 2000, f"{pointer}/label", plain=True)
    yield from _text(block.get("hint"), 2000, f"{pointer}/hint", plain=True)
    yield from _element(block.get("element"), [*_INPUTS, *_SELECTS], f"{pointer}/element")


def _markdown(block: Json, pointer: str) -> Iterator[str]:
    if not isinstance(block.get("text"), str) or not block["text"]:
        yield f"missing required field: text [json-pointer:{pointer}]"
    yield from _long(block.get("text"), MARKDOWN, f"{pointer}/text")


def _rich(block: Json, pointer: str) -> Iterator[str]:
    known = ("rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote")
    held = block.get("elements")
    if not isinstance(held, list):
        yield f"missing required field: elements [json-pointer:{pointer}]"
        return
    for at, one in enumerate(held):
        if not isinstance(one, dict) or one.get("type") not in known:
            yield f"unsupported element [json-pointer:{pointer}/elements/{at}]"


_CHECKS: dict[str, Callable[[Json, str], Iterator[str]]] = {
    "section": _section,
    "header": _header,
    "actions": _actions,
    "context": _context,
    "image": _image,
    "input": _input,
    "markdown": _markdown,
    "rich_text": _rich,
}


def _element(element: Any, kinds: list[str], pointer: str) -> Iterator[str]:
    if not isinstance(element, dict) or element.get("type") not in kinds:
        yield f"unsupported element [json-pointer:{pointer}]"
        return
    kind = element["type"]
    if kind == "image":
        yield from _image(element, pointer)
        return
    yield from _long(element.get("action_id"), 255, f"{pointer}/action_id")
    yield from _text(element.get("placeholder"), 150, f"{pointer}/placeholder", plain=True)
    yield from _confirm(element.get("confirm"), pointer)
    if kind == "button":
        yield from _button(element, pointer)
    yield from _choices(element, pointer)


def _button(button: Json, pointer: str) -> Iterator[str]:
    if not button.get("text"):
        yield f"missing required field: text [json-pointer:{pointer}]"
    yield from _text(button.get("text"), 75, f"{pointer}/text", plain=True)
    yield from _long(button.get("value"), 2000, f"{pointer}/value")
    yield from _long(button.get("url"), 3000, f"{pointer}/url")
    yield from _long(button.get("accessibility_label"), 75, f"{pointer}/accessibility_label")
    if button.get("style", "primary") not in ("primary", "danger"):
        yield f"must be primary or danger [json-pointer:{pointer}/style]"


def _choices(element: Json, pointer: str) -> Iterator[str]:
    most = {"overflow": 5, "checkboxes": 10, "radio_buttons": 10}.get(element["type"], 100)
    groups = element.get("option_groups") or []
    if element["type"].endswith("static_select") and not element.get("options") and not groups:
        yield f"must define either `options` or `option_groups` [json-pointer:{pointer}]"
    if len(groups) > 100:
        yield f"no more than 100 items allowed [json-pointer:{pointer}/option_groups]"
    for options in [element.get("options") or [], *(group.get("options", []) for group in groups)]:
        if len(options) > most:
            yield f"no more than {most} items allowed [json-pointer:{pointer}/options]"
        for at, option in enumerate(options):
            yield from _option(option, f"{pointer}/options/{at}")


def _option(option: Any, pointer: str) -> Iterator[str]:
    if not isinstance(option, dict) or not option.get("text"):
        yield f"missing required field: text [json-pointer:{pointer}]"
        return
    yield from _text(option["text"], 75, f"{pointer}/text")
    yield from _text(option.get("description"), 75, f"{pointer}/description")
    yield from _long(option.get("value"), 150, f"{pointer}/value")


def _confirm(confirm: Any, pointer: str) -> Iterator[str]:
    for name, most in (("title", 100), ("text", 300), ("confirm", 30), ("deny", 30)):
        if isinstance(confirm, dict):
            yield from _text(confirm.get(name), most, f"{pointer}/confirm/{name}")


def _text(text: Any, most: int, pointer: str, plain: bool = False) -> Iterator[str]:
    if text is None:
        return
    kinds = ("plain_text",) if plain else ("plain_text", "mrkdwn")
    if not isinstance(text, dict) or text.get("type") not in kinds:
        yield f"must be {' or '.join(kinds)} [json-pointer:{pointer}]"
    elif not isinstance(text.get("text"), str) or not text["text"]:
        yield f"must be more than 0 characters [json-pointer:{pointer}/text]"
    else:
        yield from _long(text["text"], most, f"{pointer}/text")


def _long(value: Any, most: int, pointer: str) -> Iterator[str]:
    if value is not None and not isinstance(value, str):
        yield f"must be a string [json-pointer:{pointer}]"
    elif value and len(value) > most:
        yield f"must be less than {most + 1} characters [json-pointer:{pointer}]"
