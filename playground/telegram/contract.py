"""Checks calls and answers against a description of the API, where one is given.

The description is a JSON file with `methods` and `types`, each with `fields` of name, types and
required. Without it nothing is checked.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PLAIN: dict[str, tuple[type, ...]] = {
    "Integer": (int,),
    "Float": (int, float),
    "String": (str,),
    "Boolean": (bool,),
    "True": (bool,),
}


@dataclass(slots=True, frozen=True)
class Question:
    """Something a bot did that the description does not know."""

    method: str
    argument: str
    problem: str


class Contract:
    """The methods and types of a description."""

    def __init__(self, path: Path | None = None) -> None:
        known = json.loads(path.read_text()) if path else {"methods": {}, "types": {}}
        self._methods: dict[str, Any] = known["methods"]
        self._types: dict[str, Any] = known["types"]
        self._by_lower = {name.lower(): name for name in self._methods}

    @property
    def is_known(self) -> bool:
        return bool(self._methods)

    def name_of(self, method: str) -> str | None:
        """The method as it is written; the API does not look at case."""
        return self._by_lower.get(method.lower())

    def questions(self, method: str, arguments: set[str]) -> list[Question]:
        if not self.is_known:
            return []
        name = self.name_of(method)
        if name is None:
            return [Question(method, "", "unknown method")]
        fields = {one["name"]: one for one in self._methods[name].get("fields", [])}
        unknown = [Question(name, one, "unknown argument") for one in sorted(arguments - fields.keys())]
        missing = [
            Question(name, key, "missing argument")
            for key, one in fields.items()
            if one["required"] and key not in arguments
        ]
        return unknown + missing

    def mismatches(self, kind: str, value: Any, where: str = "") -> list[str]:
        """Where a value is not what its type says: for tests of what the server sends."""
        where = where or kind
        if kind.startswith("Array of "):
            if not isinstance(value, list):
                return [f"{where}: not a list"]
            inner = kind.removeprefix("Array of ")
            return [
                wrong
                for at, one in enumerate(value)
                for wrong in self.mismatches(inner, one, f"{where}[{at}]")
            ]
        if kind in _PLAIN:
            return [] if isinstance(value, _PLAIN[kind]) else [f"{where}: not {kind}"]
        return self._object(kind, value, where)

    def _object(self, kind: str, value: Any, where: str) -> list[str]:
        known = self._types.get(kind)
        if known is None or not isinstance(value, dict):
            return [f"{where}: not {kind}"]
        if subtypes := known.get("subtypes"):
            tries = [self.mismatches(one, value, where) for one in subtypes]
            return min(tries, key=_many)
        return self._fields(known.get("fields", []), value, where)

    def _fields(self, fields: list[dict[str, Any]], value: dict[str, Any], where: str) -> list[str]:
        by_name = {one["name"]: one for one in fields}
        wrong = [f"{where}.{key}: unknown" for key in value if key not in by_name]
        wrong += [f"{where}.{k}: missing" for k, one in by_name.items() if one["required"] and k not in value]
        for key in value.keys() & by_name.keys():
            tries = [self.mismatches(one, value[key], f"{where}.{key}") for one in by_name[key]["types"]]
            closest = min(tries, key=_many)
            wrong += closest
        return wrong


def _many(wrong: list[str]) -> int:
    return len(wrong)
