"""Pages from templates: one environment, the same context for every page."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, cast

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, Undefined
from markupsafe import Markup, escape

from core import i18n
from core.ids import new_token
from core.markdown import to_html, to_text
from webui import security, sessions
from webui.deps import site_of
from webui.sessions import Viewer

_HERE = Path(__file__).parent
_CELL = re.compile(r"<t[dh]\b")
STATIC = _HERE / "static"


def page(request: Request, template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
    """A whole page, or the fragment of one when the template looks at `fragment`."""
    response = HTMLResponse(html(request, template, **context), status_code=status)
    response.headers["cache-control"] = "no-store"
    _keep_visit(request, response)
    return response


def html(request: Request, template: str, **context: Any) -> str:
    """The words of a page. A `csrf` that is given (an empty one for pages that many may keep) saves
    the visit that a token of its own would hang on."""
    base = _base_context(request)
    if "csrf" not in context:
        base["csrf"] = csrf_of(request)
    return environment().get_template(template).render(base | context)


def see_other(url: str) -> RedirectResponse:
    """After a form: look there (RFC 9110, 15.4.4)."""
    return RedirectResponse(url, status_code=303)


def is_fragment(request: Request) -> bool:
    return request.headers.get("x-fragment") == "1"


@cache
def environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        # They come with the program, and change with it.
        auto_reload=False,
        undefined=Undefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.do"],
    )
    made.filters["labelled"] = labelled
    made.globals.update(
        _=i18n._, gettext=i18n._, ngettext=i18n.ngettext, static=static_url, html_of=to_html, text_of=to_text
    )
    return made


def labelled(rows: str, columns: Iterable[str | None]) -> Markup:
    """Rows of a table in which each cell says which column it stands in: where there is no room
    for columns, a row becomes a card, and a cell shows its label."""
    labels = [f' data-label="{escape(text)}"' if text else "" for text in columns]

    def each(row: str) -> str:
        left = iter(labels)
        return _CELL.sub(lambda cell: cell[0] + next(left, ""), row)

    return Markup("<tr").join(Markup(each(row)) for row in rows.split("<tr"))  # noqa: S704  as it came


@cache
def static_url(path: str) -> str:
    """The address of a static file, with a fingerprint so that it may be cached for ever."""
    file = STATIC / path
    digest = (
        _fingerprint()
        if path.endswith((".js", ".css"))
        else hashlib.sha256(file.read_bytes()).hexdigest()[:12]
    )
    return f"/static/{digest}/{path}"


@cache
def _fingerprint() -> str:
    """One for all modules and styles: they import one another by relative addresses."""
    digest = hashlib.sha256()
    for file in sorted(STATIC.rglob("*")):
        if file.suffix in (".js", ".css"):
            digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def csrf_of(request: Request) -> str:
    site = site_of(request)
    return security.csrf_token(site.desk.means.keys.signing, _secret(request))


def _base_context(request: Request) -> dict[str, Any]:
    site = site_of(request)
    settings = site.desk.means.settings
    viewer = cast(Viewer | None, getattr(request.state, "viewer", None))
    return {
        "request": request,
        "site": site,
        "settings": settings,
        "desk": {"name": settings.name, "logo_url": settings.logo, "home_url": "/"},
        "theme_css_url": f"/theme.css?accent={settings.accent[1:]}",
        "viewer": viewer,
        "language": i18n.language(),
        "fragment": is_fragment(request),
    }


def _secret(request: Request) -> str:
    """What the browser's form tokens hang on: its session, or a visit cookie for strangers."""
    viewer = cast(Viewer | None, getattr(request.state, "viewer", None))
    if viewer is not None and viewer.csrf_secret:
        return viewer.csrf_secret
    made = getattr(request.state, "visit", None)
    if made is None:
        made = request.state.visit = new_token()
    return cast(str, made)


def _keep_visit(request: Request, response: Response) -> None:
    visit = getattr(request.state, "visit", None)
    if visit is None:
        return
    secure = site_of(request).secure
    response.set_cookie(
        sessions.visit_name(secure), visit, httponly=True, samesite="lax", secure=secure, path="/"
    )
