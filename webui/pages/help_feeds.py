"""What machines read of the help centre: the sitemap, a feed for each language, and robots.txt.

Everything here is what a stranger may read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from uuid import UUID
from xml.sax.saxutils import escape, quoteattr

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy import select

from core import i18n
from core.access import Actor
from core.db import UnitOfWork
from core.i18n import _
from core.kb import access, queries
from core.kb.model import Article, ArticleText
from webui.deps import AnyViewer, TheSite, Uow
from webui.pages import help_shell as shell

router = APIRouter()

MOST_ADDRESSES = 50_000
"""Of one sitemap (sitemaps.org); the newest."""
IN_FEED = 30
STRANGER = Actor(None)
CLOSED = (
    "/desk",
    "/admin",
    "/my",
    "/account",
    "/tickets",
    "/search",
    "/api",
    "/help/search",
    "/sign-in",
    "/c/",
    "/f/",
    "/t/",
)
"""Nothing of these is for machines; what they guard they guard by themselves."""


@router.get("/robots.txt")
async def robots(request: Request, uow: Uow, site: TheSite) -> Response:
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in CLOSED), "Allow: /help", ""]
    lines.append(f"Sitemap: {site.public_url}/sitemap.xml")
    return shell.kept(request, ("\n".join(lines) + "\n").encode(), "text/plain; charset=utf-8")


@router.get("/sitemap.xml")
async def sitemap(request: Request, uow: Uow, viewer: AnyViewer, site: TheSite) -> Response:
    """Every public article in every language, each with its translations."""
    rows = await _published(uow)
    by_article: dict[UUID, list[tuple[str, str]]] = defaultdict(list)
    for article_id, language, slug, _at in rows:
        by_article[article_id].append((language, site.public_url + shell.article_url(language, slug)))
    body = "".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>\n',
            '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:xhtml="http://www.w3.org/1999/xhtml">\n',
            *(_place(f"{site.public_url}{shell.home_url(code)}", None, ()) for code in _languages(rows)),
            *(
                _place(site.public_url + shell.article_url(language, slug), at, by_article[article_id])
                for article_id, language, slug, at in rows
            ),
            "</urlset>\n",
        ]
    )
    return shell.kept(request, body.encode(), "application/xml; charset=utf-8")


@router.get("/help/{language}/feed.xml")
async def feed(request: Request, uow: Uow, viewer: AnyViewer, site: TheSite, language: str) -> Response:
    """What was published last in a language, as RSS 2.0."""
    shell.speak(uow, language)
    lines = (await queries.published(uow.session, STRANGER, language=language, limit=IN_FEED)).lines
    if not lines and language not in i18n.LANGUAGES:
        raise shell.missing()
    home = site.public_url + shell.home_url(language)
    title = _("{desk}: help").format(desk=uow.settings.name)
    body = "".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>\n',
            '<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom"><channel>\n',
            f"<title>{_plain(title)}</title><link>{_plain(home)}</link>",
            f"<description>{_plain(_('New and changed articles'))}</description><language>{language}</language>\n",
            f'<atom:link href={quoteattr(home + "/feed.xml")} rel="self" type="application/rss+xml"/>\n',
            *(_item(site.public_url, line) for line in lines),
            "</channel></rss>\n",
        ]
    )
    return shell.kept(request, body.encode(), "application/rss+xml; charset=utf-8")


Row = tuple[UUID, str, str, datetime | None]


async def _published(uow: UnitOfWork) -> Sequence[Row]:
    query = (
        select(Article.id, ArticleText.language, ArticleText.slug, ArticleText.published_at)
        .join(ArticleText, ArticleText.article_id == Article.id)
        .where(access.readable(STRANGER))
        .order_by(ArticleText.published_at.desc(), ArticleText.id)
        .limit(MOST_ADDRESSES - 100)
    )
    return [(row[0], row[1], row[2], row[3]) for row in await uow.session.execute(query)]


def _languages(rows: Iterable[Row]) -> list[str]:
    return sorted({language for _id, language, _slug, _at in rows})


def _place(url: str, at: datetime | None, others: Sequence[tuple[str, str]]) -> str:
    links = "".join(_alternate(code, each) for code, each in others) if len(others) > 1 else ""
    date = f"<lastmod>{at.astimezone(UTC):%Y-%m-%d}</lastmod>" if at is not None else ""
    return f"<url><loc>{_plain(url)}</loc>{date}{links}</url>\n"


def _alternate(code: str, url: str) -> str:
    return f'<xhtml:link rel="alternate" hreflang={quoteattr(code)} href={quoteattr(url)}/>'


def _item(base: str, line: queries.Line) -> str:
    url = base + shell.article_url(line.language, line.slug)
    at = format_datetime(line.published_at.astimezone(UTC), usegmt=True)
    return (
        f"<item><title>{_plain(line.title)}</title><link>{_plain(url)}</link>"
        f'<guid isPermaLink="false">{line.text_id}</guid><pubDate>{at}</pubDate>'
        f"<description>{_plain(line.summary)}</description></item>\n"
    )


def _plain(text: str) -> str:
    """Without the characters that XML 1.0 knows no way to write (2.2)."""
    return escape("".join(_allowed(text)))


def _allowed(text: str) -> Iterator[str]:
    for char in text:
        code = ord(char)
        if code >= 0x20 and not 0xD800 <= code <= 0xDFFF and code not in (0xFFFE, 0xFFFF):
            yield char
        elif char in "\t\n\r":
            yield " "
