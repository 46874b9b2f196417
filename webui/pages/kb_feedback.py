"""What people say of articles: read by those who write, made public or hidden by moderators."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from core.i18n import N_, _
from core.ids import id_in
from core.kb import moderation
from core.paging import cursor_of, read_cursor
from webui.deps import Uow
from webui.pages import kb_shell
from webui.pages.admin_shell import given_by
from webui.pages.kb_shell import HERE, Writes, link, show, text_url
from webui.staff import answered

router = APIRouter()
FEEDBACK = HERE + "/feedback"
WHICH = {
    "waiting": N_("To decide"),
    "reported": N_("Reported"),
    "public": N_("Public"),
    "hidden": N_("Hidden"),
    "all": N_("All votes"),
}
SAID = {
    "public": N_("Public: readers see it below the article."),
    "hidden": N_("Hidden from readers."),
    "waiting": N_("It waits again."),
}
Word = Annotated[str, Query(max_length=100)]


@router.get(FEEDBACK)
async def feedback(
    request: Request, uow: Uow, viewer: Writes, which: Word = "waiting", article: Word = "", after: Word = ""
) -> Response:
    wanted = which if which in WHICH else "waiting"
    about = id_in(article)
    remarks, following = await moderation.page(
        uow, viewer.actor, which=wanted, article_id=about, after=read_cursor(after)
    )
    here = link(FEEDBACK, which=wanted, article=article)
    return await show(
        request,
        uow,
        viewer,
        "kb/feedback.html",
        part="feedback",
        which=wanted,
        about=about,
        here=here,
        tabs=[
            SimpleNamespace(
                text=_(text),
                url=link(FEEDBACK, which=key, article=article),
                current=key == wanted,
                count=None,
            )
            for key, text in WHICH.items()
        ],
        remarks=remarks,
        urls={remark.row.id: text_url(remark.row.article_text_id) for remark in remarks},
        reasons={key: _(text) for key, text in moderation.REASONS.items() if key},
        languages={remark.language: kb_shell.language_name(remark.language) for remark in remarks},
        newer=here if after else None,
        older=link(FEEDBACK, which=wanted, article=article, after=cursor_of(following[0], following[1]))
        if following
        else None,
    )


@router.post(FEEDBACK + "/{feedback_id:uuid}/{state}")
async def decide(request: Request, uow: Uow, viewer: Writes, feedback_id: UUID, state: str) -> Response:
    """`public`, `hidden`, or `waiting` again."""
    given = await given_by(request)
    await moderation.decide(uow, viewer.actor, feedback_id, state)
    which = given.text("which") if given.text("which") in WHICH else "waiting"
    return answered(request, link(FEEDBACK, which=which), _(SAID[state]))
