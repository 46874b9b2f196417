"""Every page as an attacker sees it: what stands in it as markup, and the forms one may fill."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from httpx import Response

from webui.app import routers

ENDLESS = ("/live", "/c/{token}/live")
"""Streams do not end for whoever is let in."""
MARK = "zq\"'><svg data-zq onload=zq()></svg></title></textarea><script>zq()</script>{{7*7}}${7*7}"
"""One text that breaks out of an attribute, of a title, a textarea or a script, if anything does."""
SHOWN = "data-zq onload"
_TYPED = ("text", "search", "tel", "url", "email", "")
_ADDRESSES = ("href", "src", "action", "formaction", "poster", "data")


def routes(app: FastAPI) -> Iterator[APIRoute]:
    """Every route of the desk's own pages and of the API."""
    for router in routers(app.state.site):
        for route in router.routes:
            assert isinstance(route, APIRoute)
            yield route


def gets(app: FastAPI) -> list[APIRoute]:
    """What can be looked at and comes to an end."""
    found = {
        route.path: route for route in routes(app) if "GET" in route.methods and route.path not in ENDLESS
    }
    return [found[path] for path in sorted(found)]


def query_names(route: APIRoute) -> list[str]:
    """What a route reads behind the `?`."""
    return [str(each.alias) for each in route.dependant.query_params]


@dataclass
class Form:
    action: str
    fields: dict[str, Any] = field(default_factory=dict)
    typed: list[str] = field(default_factory=list)
    """The names of the fields in which one may write anything."""


class Page(HTMLParser):
    """What a browser would make of a page: its forms, and what could run in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.running: list[str] = []
        self._open = False
        self._select = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = {name: value or "" for name, value in attrs}
        self._look(tag, has)
        self._fill(tag, has)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = False
        elif tag == "select":
            self._select = ""

    def _look(self, tag: str, has: dict[str, str]) -> None:
        runs = [name for name in has if name.startswith("on") or name in ("data-zq", "srcdoc", "style")]
        runs += [name for name in _ADDRESSES if _is_script(has.get(name, ""))]
        if tag == "script" and not has.get("src", "").startswith("/") and "json" not in has.get("type", ""):
            runs.append("inline")
        if tag in ("base", "object", "embed", "applet") or (tag == "meta" and "http-equiv" in has):
            runs.append(tag)
        self.running += [f"<{tag} {name}>" for name in runs]

    def _fill(self, tag: str, has: dict[str, str]) -> None:
        if tag == "form":
            self._open = has.get("method", "").lower() == "post"
            if self._open:
                self.forms.append(Form(has.get("action", "")))
        if not self._open:
            return
        form, name, value = self.forms[-1], has.get("name", ""), has.get("value", "")
        kind = has.get("type", "text" if tag == "input" else "")
        if tag == "input" and name and kind in _TYPED:
            form.fields[name] = value
            form.typed.append(name)
        elif tag == "input" and name and (kind == "hidden" or "checked" in has):
            form.fields[name] = value
        elif tag == "textarea" and name:
            form.fields[name] = ""
            form.typed.append(name)
        elif tag == "select" and name:
            self._select = name
        elif tag == "option" and self._select and (self._select not in form.fields or "selected" in has):
            form.fields[self._select] = value


def running(answer: Response) -> list[str]:
    """What could run in an answer that browsers show as a page."""
    kind = answer.headers.get("content-type", "").split(";")[0]
    return Page(answer.text).running if kind in ("text/html", "application/xhtml+xml") else []


def _is_script(address: str) -> bool:
    folded = "".join(address.split()).casefold()
    return folded.startswith(("javascript:", "vbscript:", "data:text", "data:application", "blob:"))
