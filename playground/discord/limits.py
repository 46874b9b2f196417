"""Sizes that the platform enforces on messages, components and forms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from playground.discord.errors import EMPTY_MESSAGE, TOO_LARGE, TOO_MANY_FILES, Refused, invalid
from playground.discord.model import COMPONENTS_V2, Json

TEXT = 2_000
TEXT_V2 = 4_000
COMPONENTS = 40
FILE = 10 * 1024 * 1024
FILES = 10
OPTIONS = 25
THREAD_NAME = 100
V1_KINDS = (1,)
SELECTS = (3, 5, 6, 7, 8)


def check_message(body: Json, files: int, *, flags: int, editing: bool = False) -> None:
    """Refuse a message that is empty or too large in any part."""
    content = body.get("content") or ""
    components = body.get("components") or []
    if flags & COMPONENTS_V2:
        _check_v2(body, components, editing=editing)
    else:
        if len(content) > TEXT:
            raise too_long("content", TEXT)
        _check_rows(components)
        sent = content.strip() or components or body.get("embeds") or body.get("sticker_ids") or files
        if not editing and not sent and not body.get("poll"):
            raise Refused(EMPTY_MESSAGE)
    check_embeds(body.get("embeds") or [])
    check_ids(components)
    nonce = body.get("nonce")
    if isinstance(nonce, str) and len(nonce) > 25:
        raise too_long("nonce", 25)


def check_files(sizes: list[int], kept: int = 0) -> None:
    if len(sizes) + kept > FILES:
        raise Refused(TOO_MANY_FILES)
    if any(size > FILE for size in sizes):
        raise Refused(TOO_LARGE)


def check_embeds(embeds: list[Json]) -> None:
    if len(embeds) > 10:
        raise invalid("embeds", "BASE_TYPE_MAX_LENGTH", "Must be 10 or fewer in length.")
    if sum(_embed_size(embed) for embed in embeds) > 6_000:
        raise invalid("embeds", "MAX_EMBED_SIZE_EXCEEDED", "Embed size exceeds maximum size of 6000")
    for number, embed in enumerate(embeds):
        for key, most in (("title", 256), ("description", 4096)):
            if len(embed.get(key) or "") > most:
                raise too_long(f"embeds.{number}.{key}", most)
        if len(embed.get("fields") or []) > 25:
            raise invalid(f"embeds.{number}.fields", "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.")


def check_name(name: Any, path: str = "name", most: int = 100) -> str:
    if not isinstance(name, str) or not 1 <= len(name.strip()) <= most:
        raise invalid(path, "BASE_TYPE_BAD_LENGTH", f"Must be between 1 and {most} in length.")
    return name


def check_modal(data: Json) -> None:
    check_name(data.get("title"), "data.title", 45)
    check_name(data.get("custom_id"), "data.custom_id", 100)
    rows = data.get("components") or []
    if not 1 <= len(rows) <= 5:
        raise invalid("data.components", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length.")
    for number, row in enumerate(rows):
        if row.get("type") not in (1, 10, 18):
            raise invalid(f"data.components.{number}", "UNION_TYPE_CHOICES", "Not allowed in a modal.")
        if row.get("type") == 18:
            check_name(row.get("label"), f"data.components.{number}.label", 45)
    check_ids(rows)
    for component in walk(rows):
        _check_component(component, "data.components")


def check_ids(components: list[Json]) -> None:
    seen: set[str] = set()
    for component in walk(components):
        custom = component.get("custom_id")
        if not isinstance(custom, str):
            continue
        if not 1 <= len(custom) <= 100:
            raise invalid(
                "components.custom_id", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length."
            )
        if custom in seen:
            raise invalid(
                "components.custom_id",
                "COMPONENT_CUSTOM_ID_DUPLICATED",
                "Component custom id cannot be duplicated",
            )
        seen.add(custom)


def walk(components: list[Json]) -> Iterator[Json]:
    """All components, those inside others too."""
    for component in components:
        yield component
        yield from walk(component.get("components") or [])
        for key in ("accessory", "component"):
            if isinstance(component.get(key), dict):
                yield from walk([component[key]])


def too_long(path: str, most: int) -> Refused:
    return invalid(path, "BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length.")


def _check_v2(body: Json, components: list[Json], *, editing: bool) -> None:
    for key in ("content", "embeds", "poll", "sticker_ids"):
        if body.get(key):
            raise invalid(
                key, "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2", f"The {key} field cannot be used"
            )
    if not components and not (editing and "components" not in body):
        raise Refused(EMPTY_MESSAGE)
    parts = list(walk(components))
    if len(parts) > COMPONENTS:
        raise invalid("components", "BASE_TYPE_MAX_LENGTH", f"Must be {COMPONENTS} or fewer in length.")
    texts = sum(len(part.get("content") or "") for part in parts if part.get("type") == 10)
    if texts > TEXT_V2:
        raise invalid("components", "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED", f"Must not exceed {TEXT_V2}")
    for part in parts:
        if part.get("type") == 1:
            _check_row(part, "components")
        _check_component(part, "components")


def _check_rows(components: list[Json]) -> None:
    if len(components) > 5:
        raise invalid("components", "BASE_TYPE_MAX_LENGTH", "Must be 5 or fewer in length.")
    for number, row in enumerate(components):
        if row.get("type") not in V1_KINDS:
            raise invalid(
                f"components.{number}.type", "UNION_TYPE_CHOICES", "Value of field must be one of (1,)."
            )
        _check_row(row, f"components.{number}")
        for part in row.get("components") or []:
            _check_component(part, f"components.{number}.components")


def _check_row(row: Json, path: str) -> None:
    parts = row.get("components") or []
    if not 1 <= len(parts) <= 5:
        raise invalid(f"{path}.components", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length.")
    if len(parts) > 1 and any(part.get("type") in SELECTS for part in parts):
        raise invalid(
            f"{path}.components",
            "COMPONENT_LAYOUT_WIDTH_EXCEEDED",
            "The specified component exceeds the width",
        )


def _check_component(part: Json, path: str) -> None:
    kind = part.get("type")
    if kind == 2:
        _check_button(part, path)
    if kind == 3:
        _check_options(part, path)
    if kind in SELECTS and len(part.get("placeholder") or "") > 150:
        raise too_long(f"{path}.placeholder", 150)
    if kind in (*SELECTS, 4) and not part.get("custom_id"):
        raise invalid(f"{path}.custom_id", "BASE_TYPE_REQUIRED", "This field is required")


def _check_button(part: Json, path: str) -> None:
    if len(part.get("label") or "") > 80:
        raise too_long(f"{path}.label", 80)
    if part.get("style") == 5 and not part.get("url"):
        raise invalid(f"{path}.url", "BASE_TYPE_REQUIRED", "A url is required")
    if part.get("style") not in (5, 6) and not part.get("custom_id"):
        raise invalid(f"{path}.custom_id", "BUTTON_COMPONENT_CUSTOM_ID_REQUIRED", "A custom id is required")
    if not part.get("label") and not part.get("emoji") and part.get("style") != 6:
        raise invalid(f"{path}", "BUTTON_COMPONENT_INVALID_LABEL", "A label or emoji is required")


def _check_options(part: Json, path: str) -> None:
    options = part.get("options") or []
    if not 1 <= len(options) <= OPTIONS:
        raise invalid(
            f"{path}.options", "BASE_TYPE_BAD_LENGTH", f"Must be between 1 and {OPTIONS} in length."
        )
    for option in options:
        for key in ("label", "value"):
            check_name(option.get(key), f"{path}.options.{key}")
        if len(option.get("description") or "") > 100:
            raise too_long(f"{path}.options.description", 100)
    if len({option["value"] for option in options}) < len(options):
        raise invalid(
            f"{path}.options",
            "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED",
            "The specified option value is already used",
        )


def _embed_size(embed: Json) -> int:
    size = len(embed.get("title") or "") + len(embed.get("description") or "")
    size += len((embed.get("footer") or {}).get("text") or "") + len(
        (embed.get("author") or {}).get("name") or ""
    )
    return size + sum(
        len(one.get("name") or "") + len(one.get("value") or "") for one in embed.get("fields") or []
    )
