"""What the browser loads: the page, its scripts and styles, the widget; and their headers."""

from __future__ import annotations

import hashlib
import re
from functools import cache
from pathlib import Path
from urllib.parse import quote

import orjson
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles as Folder
from starlette.types import Scope

from adapters.webchat.texts import texts
from core import i18n
from core.desk_settings import DeskSettings

_HERE = Path(__file__).parent
STATIC = _HERE / "static"
FOR_EVER = "public, max-age=31536000, immutable"
_ACCENT = re.compile(r"[0-9a-fA-F]{6}")
_ORIGIN = re.compile(r"https?://(?:\*\.)?[\w.-]+(?::\d{1,5})?")
_LOGO = re.compile(r"data:image/(?:png|jpeg|webp);base64,[A-Za-z0-9+/=]+")


class StaticFiles(Folder):
    """Files under static/<fingerprint>/…, which may be kept for ever."""

    def __init__(self) -> None:
        super().__init__(directory=STATIC)

    def get_path(self, scope: Scope) -> str:
        parts = super().get_path(scope).split("/", 1)
        return parts[1] if len(parts) == 2 else parts[0]

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["cache-control"] = FOR_EVER
        return response


def page(settings: DeskSettings, request: Request) -> Response:
    """The chat's page, which sites that are allowed may show in a frame."""
    language = language_of(request)
    i18n.set_language(language)
    accent = request.query_params.get("accent", "").lstrip("#")
    html = (
        _environment()
        .get_template("page.html")
        .render(
            settings=settings,
            language=language,
            static=f"static/{fingerprint()}",
            accent=accent if _ACCENT.fullmatch(accent) else settings.accent.lstrip("#"),
            framed="framed" in request.query_params,
            logo=settings.logo if _LOGO.fullmatch(settings.logo) else "",
            texts=orjson.dumps(texts()).decode(),
        )
    )
    response = Response(html, media_type="text/html")
    response.headers["content-security-policy"] = content_policy(settings.chat_origins)
    response.headers["x-may-be-framed"] = "1"
    response.headers["cross-origin-resource-policy"] = "cross-origin"
    response.headers["cache-control"] = "no-store"
    response.headers["vary"] = "Accept-Language"
    return response


async def widget(request: Request) -> Response:
    """The one script that a host site names; it may be loaded from everywhere."""
    response = Response((STATIC / "js" / "widget.js").read_bytes(), media_type="text/javascript")
    response.headers["cross-origin-resource-policy"] = "cross-origin"
    response.headers["cache-control"] = "public, max-age=600"
    return response


def accent(request: Request) -> Response:
    """The accent colour as a style sheet: the page may hold no inline style."""
    given = request.query_params.get("c", "")
    colour = given if _ACCENT.fullmatch(given) else "0c7a6d"
    response = Response(f":root {{ --accent: #{colour.lower()}; }}\n", media_type="text/css")
    response.headers["cache-control"] = FOR_EVER
    return response


def content_policy(origins: list[str]) -> str:
    """Only our own scripts and styles; frames only where a setting allows them."""
    allowed = [origin.rstrip("/") for origin in origins]
    ancestors = " ".join(["'self'", *(o for o in allowed if _ORIGIN.fullmatch(o))]) if allowed else "*"
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        "media-src 'self' blob:; connect-src 'self'; font-src 'self'; form-action 'none'; base-uri 'none'; "
        f"frame-ancestors {ancestors}"
    )


def protect_file(response: Response, name: str, *, inline: bool) -> None:
    """Headers under which an uploaded file can do nothing, whatever it is."""
    plain = name.encode("ascii", "ignore").decode().replace('"', "").replace("\\", "") or "file"
    manner = "inline" if inline else "attachment"
    response.headers["content-disposition"] = (
        f"{manner}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
    )
    response.headers["content-security-policy"] = "sandbox; default-src 'none'; frame-ancestors 'none'"
    response.headers["x-content-type-options"] = "nosniff"
    response.headers["referrer-policy"] = "no-referrer"
    response.headers["cache-control"] = "no-store"


def language_of(request: Request) -> str:
    """The language a host site asked for, else the first of the browser's that we have
    (RFC 9110, 12.5.4), else the desk's."""
    asked = request.query_params.get("lang") or request.headers.get("x-language", "")
    for part in [asked, *request.headers.get("accept-language", "").split(",")[:10]]:
        code = part.split(";")[0].strip().replace("_", "-").split("-")[0].lower()
        if code in i18n.LANGUAGES:
            return code
    return "en"


@cache
def fingerprint() -> str:
    digest = hashlib.sha256()
    for file in sorted(STATIC.rglob("*")):
        if file.is_file():
            digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(_=i18n._)
    return made
