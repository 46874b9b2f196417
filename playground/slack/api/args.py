"""The arguments of one call, however they came: form, JSON, query or multipart."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from playground.slack.errors import ApiError

Json = dict[str, Any]


class Args:
    """Arguments by name; forms carry JSON inside, JSON bodies do not."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self.given = {name: value for name, value in given.items() if value is not None}

    def __contains__(self, name: str) -> bool:
        return name in self.given

    @property
    def names_given(self) -> set[str]:
        return set(self.given)

    def text(self, name: str) -> str:
        value = self.given.get(name, "")
        return value if isinstance(value, str) else json.dumps(value)

    def needed(self, name: str) -> str:
        if name not in self.given or self.given[name] == "":
            messages = [f"[ERROR] missing required field: {name}"]
            raise ApiError("invalid_arguments", response_metadata={"messages": messages})
        return self.text(name)

    def flag(self, name: str, default: bool = False) -> bool:
        value = self.given.get(name, default)
        return value if isinstance(value, bool) else str(value).lower() in ("1", "true")

    def number(self, name: str, default: int) -> int:
        try:
            return int(self.given.get(name, default))
        except (TypeError, ValueError):
            raise ApiError("invalid_arguments") from None

    def parsed(self, name: str, error: str = "invalid_arguments") -> Any:
        """A value of JSON, already decoded or not; None when it is missing."""
        value = self.given.get(name)
        if not isinstance(value, str) or not value:
            return value or None if isinstance(value, str) else value
        try:
            return json.loads(value)
        except ValueError:
            raise ApiError(error) from None

    def names(self, name: str) -> list[str]:
        value = self.given.get(name, "")
        parts = value if isinstance(value, list) else str(value).split(",")
        return [part.strip() for part in parts if part.strip()]


async def read(request: web.Request) -> Args:
    """All arguments of a request."""
    given: Json = dict(request.query)
    if request.method == "POST":
        given |= await _body(request)
    return Args(given)


async def _body(request: web.Request) -> Json:
    if request.content_type == "application/json":
        try:
            body = await request.json()
        except ValueError:
            raise ApiError("invalid_json") from None
        if not isinstance(body, dict):
            raise ApiError("json_not_object")
        return body
    form = await request.post()
    return {name: value for name, value in form.items() if isinstance(value, str)}


def token_of(request: web.Request, args: Args) -> str:
    kind, _, value = request.headers.get("Authorization", "").partition(" ")
    return value.strip() if kind.lower() == "bearer" else args.text("token")
