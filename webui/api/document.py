"""The API described: as an OpenAPI document, and as a page that needs no outside address."""

from __future__ import annotations

from functools import cache
from typing import Any

from fastapi import APIRouter, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse, Response

from core.version import VERSION
from webui import rendering
from webui.api import desk, tickets
from webui.api.door import REQUESTS, SECONDS

router = APIRouter(include_in_schema=False)

ABOUT = f"""Everything the desk's own pages do, for programs.

Send a token of your account page as `Authorization: Bearer dskb_…`; it may do what you may do, within its
scopes. Lists are paged by key: pass `next` as `after`. Send an `Idempotency-Key` with a POST and repeat it
safely for a day. Errors are problems as of RFC 9457, with a stable `code`. {REQUESTS} requests in {SECONDS:.0f}
seconds are allowed a token; the `RateLimit-…` headers say what is left."""


@cache
def document() -> dict[str, Any]:
    """The OpenAPI document of version 1."""
    made = get_openapi(
        title="Deskbell API",
        version=VERSION,
        description=ABOUT,
        routes=[*tickets.router.routes, *desk.router.routes],
    )
    made["servers"] = [{"url": "/"}]
    return made


@router.get("/api/v1/openapi.json")
async def openapi() -> JSONResponse:
    return JSONResponse(document(), headers={"cache-control": "public, max-age=300"})


@router.get("/docs/api")
async def page(request: Request) -> Response:
    """The documentation page."""
    return rendering.page(request, "api_docs.html", document=document(), operations=_operations(document()))


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
