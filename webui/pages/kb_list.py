"""The list of articles for those who write, and the first step to a new one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from core.db import UnitOfWork
from core.i18n import _, speaking
from core.ids import id_in
from core.kb import from_ticket, listing, moderation, service
from core.kb.anonymous import LABELS
from core.kb.from_ticket import Proposal
from core.kb.listing import Filter
from core.kb.service import Facts
from core.kb.templates import TEMPLATES
from core.people.naming import named
from webui.deps import Uow
from webui.pages import kb_shell
from webui.pages.admin_shell import Given, given_by, trying
from webui.pages.kb_shell import HERE, Writes, link, show, text_url
from webui.rendering import see_other
from webui.sessions import Viewer

router = APIRouter()
Word = Annotated[str, Query(max_length=200)]


@router.get(HERE)
async def articles(
    request: Request,
    uow: Uow,
    viewer: Writes,
    q: Word = "",
    state: Word = "",
    language: Word = "",
    audience: Word = "",
    category: Word = "",
    tag: Word = "",
    owner: Word = "",
    after: Word = "",
) -> Response:
    given = {
        "q": q, "state": state, "language": language, "audience": audience, "category": category, "tag": tag,
        "owner": owner,
    }  # fmt: skip
    wanted = _filter(viewer, given)
    page = await listing.page(uow, viewer.actor, wanted, after=after)
    ratings = await moderation.ratings(uow, [row.text.id for row in page.rows])
    people = await named(uow, [row.article.owner_id for row in page.rows])
    paths = dict(await kb_shell.categories(uow))
    return await show(
        request,
        uow,
        viewer,
        "kb/list.html",
        part="articles",
        rows=[
            SimpleNamespace(
                article=row.article,
                text=row.text,
                stale=row.stale,
                due=row.due,
                state=row.state,
                rating=ratings.get(row.text.id),
                owner=people.get(row.article.owner_id) if row.article.owner_id else None,
                category=paths.get(str(row.article.category_id), ""),
                url=text_url(row.text.id),
            )
            for row in page.rows
        ],
        states=kb_shell.STATES,
        audiences=kb_shell.AUDIENCES,
        filters=await _filters(uow, given),
        tabs=await _tabs(uow, viewer, state),
        words=q,
        state=state,
        filtered=not wanted.empty,
        newer=link(HERE, **given) if after else None,
        older=link(HERE, **given, after=page.next) if page.next else None,
    )


@router.get(HERE + "/titles.json")
async def titles(uow: Uow, viewer: Writes, q: Word = "") -> JSONResponse:
    """Articles whose titles hold the words: `[{value, hint}]`, for the field of related articles."""
    found = await listing.titles(uow, viewer.actor, q) if q.strip() else []
    return JSONResponse([{"value": title, "hint": ""} for _key, title in found])


@router.get(HERE + "/new")
async def new(
    request: Request,
    uow: Uow,
    viewer: Writes,
    ticket: Annotated[int, Query(ge=0, le=2**62)] = 0,
    title: Annotated[str, Query(max_length=400)] = "",
) -> Response:
    """`title` is what somebody looked for in vain."""
    proposal = await from_ticket.propose(uow, viewer.actor, ticket) if ticket else None
    return await _form(request, uow, viewer, _begun(uow, proposal, title), proposal)


@router.post(HERE)
async def make(request: Request, uow: Uow, viewer: Writes) -> Response:
    given = await given_by(request)
    number = given.whole("ticket", 0)
    proposal = await from_ticket.propose(uow, viewer.actor, number) if number > 0 else None
    async with trying(uow) as trial:
        template = TEMPLATES.get(given.text("template"), TEMPLATES["plain"])
        with speaking(given.text("language", "en")):
            skeleton = template.body()
        _article, text = await service.create(
            uow,
            viewer.actor,
            title=given.text("title"),
            body=given.text("body") if proposal is not None else skeleton,
            language=given.text("language", "en"),
            template=template.key,
            facts=Facts(
                category_id=given.id("category_id"),
                audience=given.text("audience", "public"),
                owner_id=viewer.actor.id,
            ),
            ticket_id=proposal.ticket_id if proposal is not None else None,
        )
    if trial.failed:
        values = _typed(given)
        return await _form(request, uow, viewer, values, proposal, errors=trial.errors, status=trial.status)
    return see_other(text_url(text.id))


async def _form(
    request: Request,
    uow: UnitOfWork,
    viewer: Viewer,
    values: SimpleNamespace,
    proposal: Proposal | None,
    **context: Any,
) -> Response:
    return await show(
        request,
        uow,
        viewer,
        "kb/new.html",
        values=values,
        proposal=proposal,
        replaced=_replaced(proposal),
        templates=[(each.key, _(each.name), _(each.hint)) for each in TEMPLATES.values()],
        languages=kb_shell.languages(),
        categories=await kb_shell.categories(uow),
        audiences=kb_shell.audiences(),
        **context,
    )


def _begun(uow: UnitOfWork, proposal: Proposal | None, title: str) -> SimpleNamespace:
    if proposal is None:
        return SimpleNamespace(
            title=title,
            body="",
            language=uow.settings.language,
            category="",
            audience="public",
            template="how_to",
        )
    return SimpleNamespace(
        title=proposal.title,
        body=proposal.body,
        language=proposal.language,
        category=str(proposal.category_id or ""),
        audience="public",
        template="plain",
    )


def _typed(given: Given) -> SimpleNamespace:
    return SimpleNamespace(
        title=given.text("title"),
        body=given.text("body"),
        language=given.text("language"),
        category=given.text("category_id"),
        audience=given.text("audience"),
        template=given.text("template"),
    )


def _replaced(proposal: Proposal | None) -> list[tuple[str, str]]:
    if proposal is None:
        return []
    return [(what, _(LABELS[kind])) for what, kind in proposal.replaced.items()]


def _filter(viewer: Viewer, given: dict[str, str]) -> Filter:
    mine = viewer.actor.id if given["owner"] == "me" else id_in(given["owner"])
    return Filter(
        state=given["state"] if given["state"] in listing.STATES else "",
        language=given["language"],
        audience=given["audience"],
        category=id_in(given["category"]),
        tag=int(given["tag"]) if given["tag"].isdecimal() and len(given["tag"]) < 18 else None,
        owner=mine,
        words=given["q"],
    )


async def _filters(uow: UnitOfWork, given: dict[str, str]) -> list[SimpleNamespace]:
    used = [(code, kb_shell.language_name(code)) for code in await listing.languages(uow)]
    tags = [(str(tag_id), name) for tag_id, name in await listing.tags(uow)]
    return [
        SimpleNamespace(name=name, label=label, options=options, value=given[name])
        for name, label, options in (
            ("language", _("Language"), used),
            ("category", _("Category"), await kb_shell.categories(uow)),
            ("audience", _("For whom"), kb_shell.audiences()),
            ("owner", _("Owner"), [("me", _("Mine")), *await kb_shell.writers(uow)]),
            ("tag", _("Tag"), tags),
        )
        if options
    ]


async def _tabs(uow: UnitOfWork, viewer: Viewer, state: str) -> list[SimpleNamespace]:
    """The states that hold anything."""
    counts = await listing.counts(uow, viewer.actor)
    every = SimpleNamespace(text=_("All"), url=HERE, current=not state, count=None)
    return [every] + [
        SimpleNamespace(text=_(text), url=link(HERE, state=key), current=state == key, count=counts[key])
        for key, text in kb_shell.STATES.items()
        if counts[key] or key == state
    ]
