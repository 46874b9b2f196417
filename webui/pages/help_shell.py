"""What the pages of the help centre share: their frame, their language, and how they are kept.

A page for strangers says the same to all of them and sets no cookie, so caches may keep it; they
ask each time whether it still stands (RFC 9110, 13.1), so that a change is seen at once and a
reading is counted. What only some may see is kept by nobody but their browser.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any, TypeVar, cast
from urllib.parse import urlencode
from uuid import UUID

from babel import Locale, UnknownLocaleError
from fastapi import Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import func, select

from core import clock, i18n
from core.access import Actor
from core.db import UnitOfWork
from core.errors import NotFound
from core.i18n import _
from core.kb import access, slugs, useful
from core.kb.model import Article, ArticleText
from core.kb.queries import Line
from core.kb.views import WEB, Views
from core.rate import Budget
from core.tickets.categories import CategoryLine
from webui import rendering
from webui.deps import site_of
from webui.heads import ASKED
from webui.public import client_key
from webui.sessions import Viewer
from webui.site import Site
from webui.standing import Standing, is_as_new

HELP = "/help"
USEFUL_FOR = 300.0
"""Seconds for which the order of the most useful articles stands."""
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})?")
_MACHINES = re.compile(r"bot\b|bot/|crawl|spider|slurp|preview|monitor|fetch|curl|wget|python|http", re.I)
_VIA = re.compile(r"[a-z]{2,20}")
T = TypeVar("T")


# --- language ---------------------------------------------------------------------------


def speak(uow: UnitOfWork, language: str) -> str:
    """The page's own words are in the language of its address, where we have it; else the desk's."""
    if not _LANGUAGE.fullmatch(language):
        raise missing()
    short = language.split("-")[0]
    i18n.set_language(short if short in i18n.LANGUAGES else uow.settings.language)
    return language


async def languages(uow: UnitOfWork, actor: Actor) -> list[str]:
    """The languages in which an actor may read anything, the most used first."""
    query = (
        select(ArticleText.language)
        .join(Article, Article.id == ArticleText.article_id)
        .where(access.readable(actor))
        .group_by(ArticleText.language)
        .order_by(func.count().desc(), ArticleText.language)
    )
    return list(await uow.session.scalars(query))


def choices(codes: Sequence[str], current: str, url: Callable[[str], str]) -> list[SimpleNamespace]:
    """Links to the same in other languages, each in its own words."""
    return [
        SimpleNamespace(code=code, text=own_name(code), url=url(code), current=code == current)
        for code in codes
    ]


def own_name(code: str) -> str:
    """A language's name in itself, such as `Deutsch`."""
    try:
        name = Locale.parse(code, sep="-").get_display_name(code.split("-")[0])
    except (UnknownLocaleError, ValueError):
        return code
    return (name or code)[:1].upper() + (name or code)[1:]


# --- addresses --------------------------------------------------------------------------


def home_url(language: str) -> str:
    return f"{HELP}/{language}"


def article_url(language: str, slug: str, *rest: str) -> str:
    return "/".join([slugs.path(language, slug), *rest])


def category_url(language: str, category_id: UUID) -> str:
    return f"{HELP}/{language}/category/{category_id}"


def tag_url(language: str, tag_id: int) -> str:
    return f"{HELP}/{language}/tag/{tag_id}"


def search_url(**query: object) -> str:
    kept = {name: value for name, value in query.items() if value not in (None, "")}
    return f"{HELP}/search" + (f"?{urlencode(kept)}" if kept else "")


def chat_url(site: Site, text_id: UUID | None = None) -> str | None:
    """The web chat, where there is one; with the article that did not help."""
    if not site.chat_page:
        return None
    return site.chat_page + (f"?article={text_id}" if text_id is not None else "")


def trail(lines: Sequence[CategoryLine], category_id: UUID | None, language: str) -> list[tuple[str, str]]:
    """Where one is: the help centre, and the categories down to this one."""
    by_id = {line.category.id: line.category for line in lines}
    found: list[tuple[str, str]] = []
    here = by_id.get(category_id) if category_id is not None else None
    while here is not None and len(found) < 20:
        found.append((here.name, category_url(language, here.id)))
        here = by_id.get(here.parent_id) if here.parent_id is not None else None
    return [(_("Help centre"), home_url(language)), *reversed(found)]


def cards(lines: Sequence[Line]) -> list[SimpleNamespace]:
    """Articles as they stand in lists."""
    return [
        SimpleNamespace(
            title=line.title, url=article_url(line.language, line.slug), summary=line.summary,
            language=line.language, inside=line.audience == "internal", at=line.published_at,
        )
        for line in lines
    ]  # fmt: skip


# --- what this process keeps ------------------------------------------------------------


def views_of(site: Site) -> Views:
    return cast(Views, site.facts.setdefault("views", Views(site.desk.db, site.desk.means)))


def budget(site: Site, name: str, most: int, seconds: float) -> Budget:
    return cast(Budget, site.facts.setdefault(f"help_{name}", Budget(most, seconds)))


async def most_useful(site: Site, uow: UnitOfWork, viewer: Viewer, language: str) -> list[UUID]:
    """The most useful articles' ids, reckoned every few minutes for each kind of reader."""
    today = views_of(site).today()
    key = f"help_useful/{language}/{'.'.join(access.audiences(viewer.actor))}"
    return await _kept(site, key, lambda: useful.most_useful(uow.session, viewer.actor, language, today))


async def _kept(site: Site, key: str, make: Callable[[], Awaitable[T]]) -> T:
    found = site.facts.get(key)
    if found is None or found[0] < time.monotonic():
        found = site.facts[key] = (time.monotonic() + USEFUL_FOR, await make())
    return cast(T, found[1])


# --- counting ---------------------------------------------------------------------------


def count_view(request: Request, site: Site, viewer: Viewer, article_id: UUID, language: str) -> None:
    """A person read an article: no machine, no browser that loads ahead, nobody who works here.
    `?via=` says by which channel the link was found."""
    if viewer.staff or is_machine(request) or ASKED in request.scope:
        return
    if "prefetch" in request.headers.get("sec-purpose", "") + request.headers.get("purpose", ""):
        return
    views_of(site).count(article_id, language, via(site, request.query_params.get("via", "")))


def is_machine(request: Request) -> bool:
    """A program that says so in its name."""
    return _MACHINES.search(request.headers.get("user-agent", "")) is not None


def via(site: Site, given: str) -> str:
    """A channel that the desk has; anything else is the web."""
    known = {*site.mounts, *site.platforms, "mail", "portal", "desk"}
    return given if _VIA.fullmatch(given) and given in known else WEB


# --- the answer -------------------------------------------------------------------------


def show(
    request: Request,
    site: Site,
    viewer: Viewer,
    template: str,
    *,
    language: str,
    private: bool = False,
    **context: Any,
) -> Response:
    """A page that caches may keep as long as it is the same, or 304 for whoever has it."""
    frame: dict[str, Any] = {
        "text_language": language,
        "links": _links(viewer, language),
        "me": viewer.known if viewer.signed_in else None,
        "urls": {"sign_out": "/sign-out"},
        "flashes": [],
        "public_url": site.public_url,
        "here": f"{site.public_url}{request.url.path}",
        "home": home_url(language),
        "feed_url": f"{home_url(language)}/feed.xml",
        "chat": chat_url(site),
    }
    if not viewer.signed_in:
        frame["csrf"] = ""
    body = rendering.html(request, template, **(frame | context)).encode("utf-8", "replace")
    return kept(request, body, "text/html; charset=utf-8", private=private or viewer.signed_in)


def kept(request: Request, body: bytes, media: str, *, private: bool = False) -> Response:
    """A body with its validators: its tag and, where it is the same for all, since when it stands."""
    tag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    headers = {
        "etag": tag,
        "cache-control": "no-store" if private else "public, max-age=0, must-revalidate",
        "vary": "Cookie",
    }
    since = None if private else _since(request, tag)
    if since is not None:
        headers["last-modified"] = format_datetime(since, usegmt=True)
    if _has_it(request, tag, since):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=media)


def moved(url: str) -> RedirectResponse:
    """To the address that it has now. Browsers ask again: it may be given the old one back."""
    return RedirectResponse(url, status_code=301, headers={"cache-control": "no-cache"})


def missing() -> NotFound:
    return NotFound(_("There is no such page."))


def known_address(request: Request) -> str:
    return client_key(request)


def _since(request: Request, tag: str) -> datetime:
    pages = cast(Standing, site_of(request).facts.setdefault("standing", Standing()))
    return pages.since(f"{request.url.path}?{request.url.query}"[:500], tag, clock.now())


def _has_it(request: Request, tag: str, since: datetime | None) -> bool:
    """RFC 9110, 13.2.2: the tag where one is given, else the date. A cache on the way may have made
    the tag a weak one."""
    if (given := request.headers.get("if-none-match")) is not None:
        return given.strip() == "*" or tag in {each.strip().removeprefix("W/") for each in given.split(",")}
    return since is not None and is_as_new(request.headers.get("if-modified-since", ""), since)


def _links(viewer: Viewer, language: str) -> list[SimpleNamespace]:
    help_centre = SimpleNamespace(text=_("Help centre"), url=home_url(language), current=True)
    if not viewer.signed_in:
        return [help_centre, SimpleNamespace(text=_("Sign in"), url="/sign-in", current=False)]
    mine = (_("Desk"), "/desk") if viewer.staff else (_("My tickets"), "/my")
    return [
        help_centre,
        SimpleNamespace(text=mine[0], url=mine[1], current=False),
        SimpleNamespace(text=_("Account"), url="/account", current=False),
    ]
