"""The API described: as an OpenAPI document, and as a page that needs no outside address."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from fastapi import APIRouter, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse, Response

from core.errors import DeskError
from core.version import VERSION
from webui import rendering
from webui.api import articles, calls, desk, tickets
from webui.api.door import LONGEST_KEY, REQUESTS, SECONDS

router = APIRouter(include_in_schema=False)

ABOUT = f"""Everything the desk's own pages do, for programs.

Send a token of your account page as `Authorization: Bearer dskb_…`; it may do what you may do, within its
scopes. Lists are paged by key: pass `next` as `after`. Send an `Idempotency-Key` with a POST and repeat it
safely for a day. Errors are problems as of RFC 9457, with a stable `code`. {REQUESTS} requests in {SECONDS:.0f}
seconds are allowed a token; the `RateLimit-…` headers say what is left."""


def _header(words: str, kind: str) -> dict[str, Any]:
    return {"description": words, "schema": {"type": kind}}


RATE = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
HEADERS: dict[str, Any] = {
    "RateLimit-Limit": _header("How many requests a token has", "integer"),
    "RateLimit-Remaining": _header("How many of them are left", "integer"),
    "RateLimit-Reset": _header("Seconds until all of them are there again", "integer"),
    "Retry-After": _header("Seconds after which a new try makes sense", "integer"),
    "WWW-Authenticate": _header("`Bearer`", "string"),
    "Idempotency-Replayed": _header("`true` when this is the answer of an earlier request", "string"),
}
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A name of your own for this request; sent again with it, it is done once",
    "schema": {"type": "string", "maxLength": LONGEST_KEY, "title": "Idempotency-Key"},
}
PROBLEM: dict[str, Any] = {
    "title": "Problem",
    "description": "An error as of RFC 9457; `code` is stable, `detail` is for people.",
    "type": "object",
    "properties": {
        "type": {"type": "string", "title": "Type", "description": "Where this kind is described"},
        "title": {"type": "string", "title": "Title"},
        "status": {"type": "integer", "title": "Status"},
        "detail": {"type": "string", "title": "Detail"},
        "code": {"type": "string", "title": "Code"},
        "instance": {"type": "string", "title": "Instance"},
        "field": {"type": "string", "title": "Field", "description": "Which input is wrong, when one is"},
    },
    "required": ["type", "title", "status", "detail", "code"],
}
PROBLEMS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "400": ("NotUnderstood", "The request cannot be read", RATE),
    "401": ("Unauthorised", "No token, or one that is not valid", ("WWW-Authenticate",)),
    "403": ("Forbidden", "The token lacks the scope, or its person the permission", RATE),
    "404": ("NotFound", "It does not exist, or you may not see it", RATE),
    "408": ("TooSlow", "The body did not arrive in time", RATE),
    "409": ("Conflict", "Not possible as things stand, or somebody else was first", RATE),
    "413": ("TooLarge", "The body is larger than what is taken", RATE),
    "422": ("Invalid", "An input is wrong, or the Idempotency-Key belongs to another request", RATE),
    "429": ("TooMany", "The budget is used up", (*RATE, "Retry-After")),
    "503": ("Unavailable", "The desk cannot be reached for a moment", ("Retry-After",)),
}
"""Status → name, words and headers of what an operation may answer instead."""


@cache
def document() -> dict[str, Any]:
    """The OpenAPI document of version 1."""
    made = get_openapi(
        title="Deskbell API",
        version=VERSION,
        description=ABOUT,
        routes=[*tickets.router.routes, *desk.router.routes, *articles.router.routes, *calls.router.routes],
    )
    made["servers"] = [{"url": "/"}]
    schemas = made["components"]["schemas"]
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas["Problem"] = PROBLEM
    made["components"]["headers"] = HEADERS
    made["components"]["responses"] = {
        name: _problem(words, *headers) for name, words, headers in PROBLEMS.values()
    }
    for path, methods in made["paths"].items():
        for method, operation in methods.items():
            _complete(path, method, operation)
    return made


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    """What the door does around every operation: keys of POSTs, budgets, problems."""
    for answer in operation["responses"].values():
        answer.setdefault("headers", {}).update(_named(*RATE))
    operation["responses"].pop("422", None)
    for status in _statuses(path, method, operation):
        operation["responses"][status] = {"$ref": f"#/components/responses/{PROBLEMS[status][0]}"}
    if method == "post":
        operation.setdefault("parameters", []).append(IDEMPOTENCY_KEY)
        for status, answer in operation["responses"].items():
            if status.startswith("2"):
                answer["headers"].update(_named("Idempotency-Replayed"))


def _statuses(path: str, method: str, operation: dict[str, Any]) -> Iterator[str]:
    takes_a_body = "requestBody" in operation
    changes = method != "get"
    for status, said in (
        ("400", takes_a_body),
        ("401", True),
        ("403", True),
        # What a body names may not be there either.
        ("404", "{" in path or takes_a_body),
        ("408", takes_a_body),
        ("409", changes),
        ("413", takes_a_body),
        ("422", bool(operation.get("parameters")) or takes_a_body or method == "post"),
        ("429", True),
        ("503", True),
    ):
        if said:
            yield status


def _problem(words: str, *headers: str) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": words, "content": content, "headers": _named(*headers)}


def _named(*headers: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in headers}


@router.get("/api/v1/openapi.json")
async def openapi() -> JSONResponse:
    return JSONResponse(document(), headers={"cache-control": "public, max-age=300"})


@router.get("/docs/api")
async def page(request: Request) -> Response:
    """The documentation page."""
    made = document()
    return rendering.page(
        request, "api_docs.html", document=made, operations=_operations(made), problems=_kinds()
    )


def _kinds() -> list[tuple[str, int, str]]:
    """Each code of a problem, with its status and what the status means: where `type` leads to."""
    found = {kind.code: kind.status for kind in _below(DeskError) if str(kind.status) in PROBLEMS}
    return [(code, status, PROBLEMS[str(status)][1]) for code, status in sorted(found.items())]


def _below(kind: type[DeskError]) -> Iterator[type[DeskError]]:
    for each in kind.__subclasses__():
        yield each
        yield from _below(each)


def _operations(made: dict[str, Any]) -> list[dict[str, Any]]:
    """One entry for each method of each path, with its schemas resolved by name."""
    listed = []
    for path, methods in made["paths"].items():
        for method, operation in methods.items():
            body = (
                operation.get("requestBody", {})
                .get("content", {})
                .get("application/json", {})
                .get("schema", {})
            )
            listed.append(
                {
                    "id": operation["operationId"],
                    "method": method.upper(),
                    "path": path,
                    "about": operation.get("description") or operation.get("summary", ""),
                    "parameters": operation.get("parameters", []),
                    "body": body.get("$ref", "").rpartition("/")[2],
                    "answer": _answer(operation),
                }
            )
    return listed


def _answer(operation: dict[str, Any]) -> str:
    for status, response in operation["responses"].items():
        if status.startswith("2"):
            schema = response.get("content", {}).get("application/json", {}).get("schema", {})
            return str(schema.get("$ref", "").rpartition("/")[2])
    return ""
