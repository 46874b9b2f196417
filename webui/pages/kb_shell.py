"""What the staff's pages of articles share: who may see them, their tabs, words and choices."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from babel import Locale, UnknownLocaleError
from fastapi import Depends, Request
from fastapi.responses import HTMLResponse
from sqlalchemy import select

from core import i18n
from core.access import Permission
from core.db import UnitOfWork
from core.errors import NotFound
from core.i18n import N_, _
from core.kb import listing, moderation, slugs
from core.kb.model import Article, ArticleState, ArticleText, Reach
from core.people.model import Tag
from core.people.naming import named_by_role
from core.tickets.categories import categories as tree
from webui.deps import Staff
from webui.sessions import Viewer
from webui.staff import staff_page

HERE = "/desk/articles"
AUDIENCES = {
    Reach.public.value: N_("Everyone"),
    Reach.signed_in.value: N_("Who is signed in"),
    Reach.internal.value: N_("Agents only"),
}
STATES = {
    "draft": N_("Draft"),
    "in_review": N_("In review"),
    "published": N_("Published"),
    "changed": N_("With changes"),
    "scheduled": N_("Scheduled"),
    "stale": N_("Stale translations"),
    "due": N_("To look at again"),
    "archived": N_("Archive"),
}
LANGUAGES = (
    "en", "de", "fr", "es", "it", "nl", "pt", "da", "sv", "nb", "fi", "pl", "cs", "sk", "hu", "ro", "bg", "el",
    "hr", "sl", "et", "lv", "lt", "uk", "ru", "tr", "ar", "he", "fa", "hi", "zh", "ja", "ko", "vi", "id",
)  # fmt: skip
"""What a new text may be written in; others come by import."""


async def _writes(viewer: Staff) -> Viewer:
    """What one may not do is not there."""
    if not viewer.actor.may(Permission.write_articles):
        raise NotFound(_("There is no such page."))
    return viewer


Writes = Annotated[Viewer, Depends(_writes, scope="function")]


async def show(
    request: Request, uow: UnitOfWork, viewer: Viewer, template: str, *, part: str = "", **context: Any
) -> HTMLResponse:
    """A page of articles: `part` is the tab it belongs to."""
    waiting = await moderation.waiting(uow)
    context.setdefault("errors", {})
    return await staff_page(
        request,
        uow,
        viewer,
        template,
        parts=_parts(viewer, part, await listing.to_review(uow), waiting),
        may_publish=viewer.actor.may(Permission.publish_articles),
        may_moderate=viewer.actor.may(Permission.moderate),
        **context,
    )


def _parts(viewer: Viewer, part: str, to_review: int, waiting: int) -> list[SimpleNamespace]:
    found = [
        ("articles", _("Articles"), HERE, 0),
        ("reviews", _("Reviews"), f"{HERE}/reviews", to_review),
        ("feedback", _("Feedback"), f"{HERE}/feedback", waiting),
    ]
    if viewer.actor.may(Permission.see_reports):
        found.append(("reports", _("Reports"), f"{HERE}/reports", 0))
    if viewer.actor.may(Permission.teach):
        found.append(("learned", _("Learned"), f"{HERE}/learned", 0))
        found.append(("why", _("Why this?"), f"{HERE}/why", 0))
    return [
        SimpleNamespace(text=text, url=url, current=part == key, count=count or None)
        for key, text, url, count in found
    ]


def text_url(text_id: UUID, *rest: object) -> str:
    return "/".join([f"{HERE}/texts/{text_id}", *map(str, rest)])


def link(url: str, **query: object) -> str:
    kept = {key: value for key, value in query.items() if value not in (None, "")}
    return f"{url}?{urlencode(kept)}" if kept else url


def language_name(code: str) -> str:
    """A language's name in the reader's own, such as `German`."""
    try:
        name = Locale.parse(code, sep="-").get_display_name(i18n.language())
    except (UnknownLocaleError, ValueError):
        return code
    return (name or code)[:1].upper() + (name or code)[1:]


def languages(*, but: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    found = [(code, language_name(code)) for code in LANGUAGES if code not in but]
    first = [pair for pair in found if pair[0] in i18n.LANGUAGES]
    return first + sorted((pair for pair in found if pair not in first), key=lambda pair: pair[1])


def audiences() -> list[tuple[str, str]]:
    return [(key, _(text)) for key, text in AUDIENCES.items()]


async def categories(uow: UnitOfWork, kept: UUID | None = None) -> list[tuple[str, str]]:
    """The categories to choose from; one that is retired only where it is chosen already."""
    lines = await tree(uow.session, retired=True)
    return [
        (str(line.category.id), line.path)
        for line in lines
        if line.category.active or line.category.id == kept
    ]


async def writers(uow: UnitOfWork) -> list[tuple[str, str]]:
    """The agents who may own an article, by name."""
    return await _with_permission(uow, Permission.write_articles)


async def reviewers(uow: UnitOfWork, viewer: Viewer) -> list[tuple[str, str]]:
    found = await _with_permission(uow, Permission.publish_articles)
    return [pair for pair in found if pair[0] != str(viewer.actor.id)]


async def _with_permission(uow: UnitOfWork, permission: Permission) -> list[tuple[str, str]]:
    roles = [name for name, may in uow.means.roles.items() if permission in may and name != "requester"]
    people = await named_by_role(uow, roles)
    return sorted(((str(one.id), one.shown) for one in people.values()), key=lambda pair: pair[1].casefold())


async def tag_names(uow: UnitOfWork, ids: list[int]) -> list[str]:
    rows = await uow.session.scalars(select(Tag.name).where(Tag.id.in_(ids)).order_by(Tag.name))
    return list(rows)


def state_of(text: ArticleText) -> str:
    """One word for where a text stands, as a list says it."""
    if text.state == ArticleState.published and text.has_draft:
        return "changed"
    return text.state


def public_url(article: Article, text: ArticleText) -> str | None:
    """Where readers find it; None while there is nothing to read."""
    return slugs.path(text.language, text.slug) if text.live else None
