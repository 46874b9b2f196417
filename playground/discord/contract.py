"""Checks calls against the platform's own OpenAPI document, where one is at hand."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playground.discord.model import Json

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}
_DEEPEST = 40
_SOFT = ("unknown field", "unknown parameter", "a number as text")


@dataclass(frozen=True, slots=True)
class Question:
    """Something in a call that the document does not say so."""

    method: str
    path: str
    where: str
    what: str
    soft: bool = False
    """The platform overlooks it, and common clients send some such."""


@dataclass(slots=True)
class Operation:
    pattern: re.Pattern[str]
    literals: int
    methods: Json = field(default_factory=dict)


class Contract:
    """The document; without a file nothing is questioned."""

    def __init__(self, file: Path | None) -> None:
        self.loaded = file is not None and file.is_file()
        self._document: Json = json.loads(file.read_text("utf-8")) if file and self.loaded else {"paths": {}}
        operations = [_operation(path, item) for path, item in self._document["paths"].items()]
        self._operations = sorted(operations, key=lambda one: -one.literals)

    def check(self, method: str, path: str, query: dict[str, str], body: Any) -> list[Question]:
        """What is to be asked about a call."""
        if not self.loaded:
            return []
        found = [one for one in self._operations if one.pattern.fullmatch(path)]
        operation = next(
            (one.methods[method.lower()] for one in found if method.lower() in one.methods), None
        )
        if operation is None:
            what = "no such method" if found else "no such path"
            return [Question(method, path, "", what)]
        said = [*self._of_query(operation, query), *self._of_body(operation, body)]
        return [Question(method, path, where, what, what in _SOFT) for where, what in said[:20]]

    def _of_query(self, operation: Json, query: dict[str, str]) -> Iterator[tuple[str, str]]:
        known = {one.get("name") for one in map(self._resolved, operation.get("parameters") or [])}
        for key in query:
            if key not in known:
                yield f"query.{key}", "unknown parameter"

    def _of_body(self, operation: Json, body: Any) -> Iterator[tuple[str, str]]:
        content = (operation.get("requestBody") or {}).get("content") or {}
        wanted = content.get("application/json") or content.get("multipart/form-data")
        if body is None:
            if (operation.get("requestBody") or {}).get("required"):
                yield "body", "missing"
            return
        if wanted is None:
            yield "body", "not expected"
            return
        yield from self._faults(wanted.get("schema") or {}, body, "body", 0)

    def _resolved(self, schema: Any) -> Json:
        while isinstance(schema, dict) and "$ref" in schema:
            found: Any = self._document
            for part in schema["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            schema = found
        return schema if isinstance(schema, dict) else {}

    def _faults(self, schema: Any, value: Any, where: str, depth: int) -> Iterator[tuple[str, str]]:
        schema = self._resolved(schema)
        if depth > _DEEPEST:
            return
        choices = schema.get("oneOf") or schema.get("anyOf")
        if choices:
            yield from self._of_choice(choices, value, where, depth)
            return
        for part in schema.get("allOf") or []:
            yield from self._faults(part, value, where, depth + 1)
        kinds = schema.get("type")
        kinds = [kinds] if isinstance(kinds, str) else kinds
        if schema.get("format") == "snowflake" and _is("integer", value):
            return  # The platform takes ids as numbers too.
        if kinds and "integer" in kinds and isinstance(value, str) and value.isdigit():
            yield where, "a number as text"
            return
        if kinds and not any(_is(kind, value) for kind in kinds):
            yield where, f"is {type(value).__name__}, not {' or '.join(kinds)}"
            return
        yield from _plain(schema, value, where)
        if isinstance(value, dict):
            yield from self._of_object(schema, value, where, depth)
        if isinstance(value, list) and "items" in schema:
            for number, item in enumerate(value):
                yield from self._faults(schema["items"], item, f"{where}.{number}", depth + 1)

    def _of_choice(self, choices: list[Any], value: Any, where: str, depth: int) -> Iterator[tuple[str, str]]:
        found = [list(self._faults(choice, value, where, depth + 1)) for choice in choices]
        best = min(found, key=lambda faults: _badness(faults, where))
        if not best:
            return
        same = [
            faults
            for choice, faults in zip(choices, found, strict=True)
            if isinstance(value, dict) and self._same_kind(choice, value)
        ]
        yield from min(same, key=lambda faults: _badness(faults, where)) if same else best

    def _same_kind(self, choice: Any, value: Json) -> bool:
        """Whether the choice is the one meant by the value's `type`."""
        kind = self._resolved((self._resolved(choice).get("properties") or {}).get("type"))
        allowed = kind.get("enum") or [one.get("const") for one in kind.get("oneOf") or []]
        allowed = allowed or ([kind["const"]] if "const" in kind else [])
        return value.get("type") in allowed

    def _of_object(self, schema: Json, value: Json, where: str, depth: int) -> Iterator[tuple[str, str]]:
        properties = schema.get("properties") or {}
        for key in schema.get("required") or []:
            if key not in value:
                yield f"{where}.{key}", "missing"
        for key, item in value.items():
            if item is None and key not in (schema.get("required") or []):
                continue  # As good as left out.
            if key in properties:
                yield from self._faults(properties[key], item, f"{where}.{key}", depth + 1)
            elif isinstance(schema.get("additionalProperties"), dict):
                yield from self._faults(schema["additionalProperties"], item, f"{where}.{key}", depth + 1)
            elif properties and "allOf" not in schema:
                yield f"{where}.{key}", "unknown field"


def _operation(path: str, item: Json) -> Operation:
    parts = path.strip("/").split("/")
    pattern = "/" + "/".join("[^/]+" if part.startswith("{") else re.escape(part) for part in parts)
    return Operation(re.compile(pattern), sum(not part.startswith("{") for part in parts), item)


def _badness(faults: list[tuple[str, str]], where: str) -> tuple[bool, int, int]:
    """A choice of quite another type is the worst; what is merely unknown counts least."""
    hard = sum(what not in _SOFT for _where, what in faults)
    return any(place == where for place, _what in faults), hard, len(faults)


def _is(kind: str, value: Any) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _TYPES.get(kind, (object,)))


def _plain(schema: Json, value: Any, where: str) -> Iterator[tuple[str, str]]:
    if "const" in schema and value != schema["const"]:
        yield where, f"is not {schema['const']!r}"
    if "enum" in schema and value not in schema["enum"]:
        yield where, "is none of the values"
    if isinstance(value, str):
        yield from _sized(len(value), schema.get("minLength"), schema.get("maxLength"), where, "characters")
        if "pattern" in schema and re.search(schema["pattern"], value) is None:
            yield where, "has not the pattern"
    if isinstance(value, list):
        yield from _sized(len(value), schema.get("minItems"), schema.get("maxItems"), where, "items")
    if isinstance(value, int | float) and not isinstance(value, bool):
        yield from _sized(value, schema.get("minimum"), schema.get("maximum"), where, "as a number")


def _sized(size: float, least: Any, most: Any, where: str, of: str) -> Iterator[tuple[str, str]]:
    if least is not None and size < least:
        yield where, f"{size} {of}, fewer than {least}"
    if most is not None and size > most:
        yield where, f"{size} {of}, more than {most}"
