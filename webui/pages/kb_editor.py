"""The editor: title and Markdown with what it will look like, kept as one writes."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from markupsafe import Markup

from core.access import Permission
from core.conversations.attachments import receiving
from core.db import UnitOfWork
from core.errors import Conflict, Invalid
from core.i18n import _
from core.kb import access, files, listing, review, service, translations
from core.kb import page as pages
from core.kb.difference import Difference, difference
from core.kb.model import Article, ArticleState, ArticleText
from core.people.naming import named
from webui import bodies
from webui.deps import TheSite, Uow, staff, visit
from webui.pages import kb_shell
from webui.pages.admin_shell import Given, given_by, trying
from webui.pages.kb_shell import HERE, Writes, show, text_url
from webui.pages.ticket_files import chunks_of
from webui.sessions import Viewer
from webui.staff import answered

router = APIRouter()
TEXT = HERE + "/texts/{text_id:uuid}"
SAID = {
    "save": lambda: _("Saved as a draft."),
    "publish": lambda: _("Published."),
    "review": lambda: _("A review was asked for."),
    "schedule": lambda: _("It will be published at that time."),
    "unschedule": lambda: _("It is not published by itself any more."),
}


@router.get(TEXT)
async def editor(request: Request, uow: Uow, viewer: Writes, text_id: UUID) -> Response:
    article, text = await access.edit(uow, viewer.actor, text_id)
    other = await service.editing(uow, viewer.actor, text_id) if _can_be_written(text) else None
    return await _page(request, uow, viewer, article, text, other=other)


@router.post(TEXT)
async def keep(request: Request, uow: Uow, viewer: Writes, text_id: UUID) -> Response:
    """Save what stands in the form, and then what its button says."""
    given = await given_by(request)
    step = given.text("step", "save")
    article, text = await access.edit(uow, viewer.actor, text_id)
    if step == "preview":
        return await _page(request, uow, viewer, article, text, given=given)
    async with trying(uow) as trial:
        saved = await service.save(
            uow,
            viewer.actor,
            text_id,
            version=given.version,
            title=given.text("title"),
            body=given.text("body"),
        )
        await _and_then(uow, viewer, saved, step, given)
    if trial.failed:
        article, text = await access.edit(uow, viewer.actor, text_id)
        await uow.session.refresh(text)
        theirs = _theirs(text, given) if trial.status == Conflict.status else None
        return await _page(
            request, uow, viewer, article, text, given=given, errors=trial.errors, status=trial.status,
            theirs=theirs,
        )  # fmt: skip
    if step != "save":
        await service.editing(uow, viewer.actor, text_id, stop=True)
    return answered(request, text_url(text_id), SAID.get(step, SAID["save"])())


@router.post(TEXT + "/autosave")
async def autosave(request: Request, uow: Uow, viewer: Writes, text_id: UUID) -> JSONResponse:
    """What is being written, without leaving the page: `{version}`; 409 when somebody was first."""
    given = await given_by(request)
    saved = await service.save(
        uow, viewer.actor, text_id, version=given.version, title=given.text("title"), body=given.text("body")
    )
    return JSONResponse({"version": saved.version, "state": kb_shell.state_of(saved)})


@router.post(TEXT + "/editing")
async def editing(request: Request, uow: Uow, viewer: Writes, text_id: UUID) -> JSONResponse:
    """A sign of life: `{other}` is the name of whoever else is editing."""
    given = await given_by(request)
    other = await service.editing(uow, viewer.actor, text_id, stop=given.on("stop"))
    return JSONResponse({"other": await _name(uow, other)})


@router.post(HERE + "/preview")
async def preview(request: Request, viewer: Writes) -> HTMLResponse:
    """What an article will look like."""
    given = await given_by(request)
    shown = await pages.shown(given.text("body"))
    return HTMLResponse(shown.html, headers={"cache-control": "no-store"})


@router.post(TEXT + "/files")
async def upload(request: Request, site: TheSite, text_id: UUID) -> Response:
    """A picture or a file for an article: `{id, address, name, picture}`, which its Markdown names."""
    async with visit(request) as uow:
        viewer = staff(request)
        _article, text = await access.edit(uow, viewer.actor, text_id)
        article_id = text.article_id
    bodies.allow_files(request, site.desk.means.settings.attachment_mb)
    form = await request.form(max_files=1)
    try:
        file = form.get("file")
        if file is None or isinstance(file, str):
            raise Invalid(_("Choose a file."), field="file")
        async with (
            receiving(site.desk.means, file.filename or "", chunks_of(file)) as received,
            site.desk.unit(viewer.actor) as uow,
        ):
            kept = await files.keep(uow, viewer.actor, article_id, received)
    finally:
        await form.close()
    picture = kept.row.thumb_id is not None
    return JSONResponse(
        {"id": str(kept.row.id), "address": kept.address, "name": kept.name, "picture": picture}
    )


async def _and_then(uow: UnitOfWork, viewer: Viewer, text: ArticleText, step: str, given: Given) -> None:
    match step:
        case "publish":
            await service.publish(uow, viewer.actor, text.id, version=text.version, note=given.text("note"))
        case "review":
            reviewer = given.id("reviewer_id")
            await review.ask(uow, viewer.actor, text.id, version=text.version, reviewer_id=reviewer)
        case "schedule":
            at = _moment(given.text("publish_at"), viewer)
            await service.publish_at(uow, viewer.actor, text.id, version=text.version, at=at)
        case "unschedule":
            await service.publish_at(uow, viewer.actor, text.id, version=text.version, at=None)
        case _:
            pass


async def _page(
    request: Request,
    uow: UnitOfWork,
    viewer: Viewer,
    article: Article,
    text: ArticleText,
    *,
    given: Given | None = None,
    other: UUID | None = None,
    **context: Any,
) -> Response:
    title = given.text("title") if given is not None else text.shown_title
    body = given.text("body") if given is not None else _body(text)
    shown = await pages.shown(body)
    return await show(
        request,
        uow,
        viewer,
        "kb/editor.html",
        article=article,
        text=text,
        url=text_url(text.id),
        title=title,
        body=body,
        preview=Markup(shown.html),  # noqa: S704  sanitised there
        previewed=given is not None and given.text("step") == "preview",
        state=kb_shell.state_of(text),
        state_text=_(kb_shell.STATES[kb_shell.state_of(text)]),
        writable=_can_be_written(text),
        other=await _name(uow, other),
        publish_at=_local(text.publish_at, viewer),
        asked_by=await _name(uow, text.asked_by),
        reviewers=await kb_shell.reviewers(uow, viewer),
        public_url=kb_shell.public_url(article, text),
        side=await _side(uow, viewer, article, text),
        **context,
    )


async def _side(uow: UnitOfWork, viewer: Viewer, article: Article, text: ArticleText) -> SimpleNamespace:
    """What stands beside the editor: facts that all languages share, and the languages."""
    texts = await translations.texts(uow, viewer.actor, article.id)
    original = next((each for each in texts if each.language == article.language), None)
    return SimpleNamespace(
        categories=await kb_shell.categories(uow, article.category_id),
        audiences=kb_shell.audiences(),
        owners=await kb_shell.writers(uow),
        tags=", ".join(await kb_shell.tag_names(uow, article.tags)),
        related=[title for _id, title in await listing.named(uow, article.related)],
        texts=[
            SimpleNamespace(
                name=kb_shell.language_name(each.language),
                url=text_url(each.id),
                state=kb_shell.state_of(each),
                current=each.id == text.id,
                original=each.language == article.language,
                stale=translations.is_stale(article, each, original),
            )
            for each in texts
        ],
        stale=translations.is_stale(article, text, original),
        original_url=text_url(original.id, "revisions") if original is not None else "",
        languages=kb_shell.languages(but=tuple(each.language for each in texts)),
        may_archive=viewer.actor.may(Permission.publish_articles) or not any(each.live for each in texts),
    )


def _theirs(text: ArticleText, given: Given) -> Difference:
    """What stands there now against what was typed."""
    return difference(_body(text), given.text("body"))


def _body(text: ArticleText) -> str:
    return text.draft_body if text.draft_body is not None else text.body or ""


def _can_be_written(text: ArticleText) -> bool:
    return text.state != ArticleState.archived


async def _name(uow: UnitOfWork, person_id: UUID | None) -> str:
    found = await named(uow, [person_id])
    return found[person_id].shown if person_id in found else ""


def _zone(viewer: Viewer) -> ZoneInfo:
    return viewer.known.zone if viewer.known else ZoneInfo("UTC")


def _moment(typed: str, viewer: Viewer) -> datetime:
    """A day and time as the browser writes them, in the viewer's own zone."""
    try:
        local = datetime.fromisoformat(typed.strip())
    except ValueError:
        raise Invalid(_("Choose a day and a time."), field="publish_at") from None
    return local if local.tzinfo is not None else local.replace(tzinfo=_zone(viewer)).astimezone(UTC)


def _local(at: datetime | None, viewer: Viewer) -> str:
    return at.astimezone(_zone(viewer)).strftime("%Y-%m-%dT%H:%M") if at is not None else ""
