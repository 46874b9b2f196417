"""A review as it is given and read, on the page of a call and on that of a chat."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from core.access import Permission
from core.db import UnitOfWork
from core.errors import Invalid
from core.i18n import N_, _
from core.ids import id_in
from core.reviews import service as reviews
from core.reviews import sessions
from core.reviews.model import Verdict
from core.reviews.service import Moment, Said, Shown
from core.reviews.sessions import Session
from webui.deps import Staff, Uow
from webui.pages import desk_filters
from webui.pages.admin_shell import Given, given_by
from webui.sessions import Viewer
from webui.staff import answered

router = APIRouter()
VERDICTS = {
    Verdict.good: N_("Well done"),
    Verdict.coach: N_("To talk about"),
    Verdict.problem: N_("Something went wrong"),
}


@router.post("/tickets/{number}/calls/{call_id}/review")
async def review_call(request: Request, uow: Uow, viewer: Staff, number: int, call_id: UUID) -> Response:
    viewer.actor.require(Permission.see_reports)
    session = await sessions.of_call(uow, viewer.actor, call_id, lock=True)
    return await _give(request, uow, viewer, session)


@router.post("/tickets/{number}/review")
async def review_chat(request: Request, uow: Uow, viewer: Staff, number: int) -> Response:
    viewer.actor.require(Permission.see_reports)
    session = await sessions.of_chat(uow, viewer.actor, number, lock=True)
    return await _give(request, uow, viewer, session)


@router.post("/tickets/{number}/calls/{call_id}/remarks")
async def remark_on_call(request: Request, uow: Uow, viewer: Staff, number: int, call_id: UUID) -> Response:
    """Words about a second of the recording."""
    viewer.actor.require(Permission.see_reports)
    given = await given_by(request)
    session = await sessions.of_call(uow, viewer.actor, call_id, lock=True)
    moment = Moment(_seconds(given.text("second")), given.text("text"))
    await reviews.remark(uow, viewer.actor, session, moment)
    return answered(request, f"{path_of(session)}#reviews", _("Your remark is kept."))


@router.post("/tickets/{number}/review/remarks")
async def remark_on_chat(request: Request, uow: Uow, viewer: Staff, number: int) -> Response:
    """Words about a message."""
    viewer.actor.require(Permission.see_reports)
    given = await given_by(request)
    session = await sessions.of_chat(uow, viewer.actor, number, lock=True)
    message = id_in(given.text("message"))
    if message is None:
        raise Invalid(_("Choose a message of the chat first."), field="message")
    await reviews.remark(uow, viewer.actor, session, Moment(message, given.text("text")))
    return answered(request, f"{path_of(session)}#message-{message}", _("Your remark is kept."))


def path_of(session: Session) -> str:
    """The page of a session."""
    base = f"/tickets/{session.opened.number}"
    return f"{base}/review" if session.call is None else f"{base}/calls/{session.call.id}"


async def reviews_of(uow: UnitOfWork, viewer: Viewer, session: Session) -> SimpleNamespace:
    """What the page of a session shows of its reviews."""
    found = await reviews.of_session(uow, viewer.actor, session)
    mine = next((one for one in found if one.row.reviewer_id == viewer.actor.id), None)
    names = dict(await desk_filters.colleagues(uow))
    return SimpleNamespace(
        may=viewer.actor.may(Permission.see_reports) and not session.live and bool(session.opened.key),
        mine=mine,
        answers=dict(mine.answers) if mine is not None else {},
        questions=reviews.questions(uow),
        verdicts=[(key.value, _(words)) for key, words in VERDICTS.items()],
        post=f"{path_of(session)}/review" if session.call is not None else path_of(session),
        all=_drawn(found, names),
    )


def _drawn(found: Sequence[Shown], names: dict[str, str]) -> list[SimpleNamespace]:
    return [
        SimpleNamespace(
            by=names.get(str(one.row.reviewer_id), "–"), mark=one.row.mark,
            verdict=_(VERDICTS[Verdict(one.row.verdict)]), comment=one.comment, answers=one.answers,
            moments=one.moments, shared=one.row.shared, at=one.row.updated_at,
        )
        for one in found
    ]  # fmt: skip


async def _give(request: Request, uow: UnitOfWork, viewer: Viewer, session: Session) -> Response:
    """A whole mark, one for each of the desk's questions, a verdict and words."""
    given = await given_by(request)
    said = _said(given, reviews.questions(uow))
    await reviews.give(uow, viewer.actor, session, said, version=given.version)
    return answered(request, f"{path_of(session)}#reviews", _("Your review is kept."))


def _said(given: Given, questions: Sequence[str]) -> Said:
    return Said(
        mark=given.whole("mark", 0),
        verdict=_verdict(given.text("verdict")),
        comment=given.text("comment"),
        answers=tuple(
            (question, given.whole(f"answer{index}", 0))
            for index, question in enumerate(questions)
            if given.text(f"answer{index}")
        ),
        shared=given.on("shared"),
    )


def _verdict(typed: str) -> Verdict:
    try:
        return Verdict(typed)
    except ValueError:
        raise Invalid(_("Please choose one of the list."), field="verdict") from None


def _seconds(typed: str) -> float:
    """`75`, `75.5` or `1:15`."""
    minutes, _colon, seconds = typed.strip().rpartition(":")
    try:
        return (float(minutes) if minutes else 0.0) * 60 + float(seconds)
    except ValueError:
        raise Invalid(_("A moment is written like this: 1:15"), field="second") from None
