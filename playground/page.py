"""The page that shows three chats side by side, each as a requester and as an agent see it."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path

from aiohttp import web

STATIC = Path(__file__).parent / "static"
POLICY = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; frame-src http:"


@dataclass(frozen=True, slots=True)
class Window:
    """One chat window: whose it is, and the address of the stand-in's page for them."""

    who: str
    role: str
    url: str


@dataclass(frozen=True, slots=True)
class Column:
    """A platform: a requester's window above an agent's."""

    name: str
    windows: tuple[Window, ...]


def make_app(columns: tuple[Column, ...], desk_url: str) -> web.Application:
    """Serve the page and its style, nothing else."""

    async def page(_request: web.Request) -> web.Response:
        body = render(columns, desk_url)
        return web.Response(text=body, content_type="text/html", headers={"content-security-policy": POLICY})

    app = web.Application()
    app.router.add_get("/", page)
    app.router.add_static("/static", STATIC)
    return app


def render(columns: tuple[Column, ...], desk_url: str) -> str:
    shown = "".join(_column(column) for column in columns)
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>Deskbell playground</title>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        "<link rel='icon' href='data:,'><link rel='stylesheet' href='/static/playground.css'></head><body><header>"
        "<h1>Playground</h1><p>Three chats that only look like the real ones. Above a person who needs help, "
        "below an agent in the desk room. Write above, answer below, in whichever chat you like.</p>"
        f"<nav><a href='{escape(desk_url)}/chat'>Web chat</a><a href='{escape(desk_url)}/'>The desk</a></nav>"
        f"</header><main>{shown}</main></body></html>"
    )


def _column(column: Column) -> str:
    windows = "".join(
        f"<figure><figcaption><b>{escape(window.who)}</b> {escape(window.role)}</figcaption>"
        f"<iframe src='{escape(window.url)}' title='{escape(column.name)}: {escape(window.who)}'></iframe></figure>"
        for window in column.windows
    )
    return f"<section><h2>{escape(column.name)}</h2>{windows}</section>"
