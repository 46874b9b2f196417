"""Quality review: leads find calls, hear them, and say what they think of them.

What is said is sealed under the ticket's key: it speaks of what was said there, and is gone with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select

from core import clock
from core.access import Actor, Permission
from core.calls import access, service
from core.calls.events import CallReviewed
from core.calls.model import Call, CallReview, Verdict
from core.crypto.fields import Unreadable, seal_json, unseal_json
from core.db import UnitOfWork
from core.errors import Conflict, Invalid, Refused
from core.i18n import _
from core.tickets.access import Opened

FIELD = "call_review.words"
LONGEST = 4_000
MOST_MOMENTS = 50
HIGHEST = 5


@dataclass(frozen=True, slots=True)
class Said:
    """What a reviewer gives: a whole mark, one for each question, words, and remarks at seconds."""

    mark: int
    verdict: Verdict
    comment: str = ""
    answers: tuple[tuple[str, int], ...] = ()
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Moment:
    """A remark at a second of the recording."""

    second: float
    text: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A review in the clear."""

    row: CallReview
    comment: str
    answers: tuple[tuple[str, int], ...]
    moments: tuple[Moment, ...]


async def give(
    uow: UnitOfWork, actor: Actor, call_id: UUID, said: Said, *, version: int | None = None
) -> CallReview:
    """Keep what a lead says of a call; the same lead's earlier word is replaced. `version` is what
    they saw (0: none)."""
    call, opened = await _to_review(uow, actor, call_id)
    _check(said)
    row = await _own(uow, actor, call)
    if version is not None and version != (row.version if row is not None else 0):
        raise Conflict(_("You reviewed this call in another window meanwhile. Please look at it again."))
    row = row or await _begun(uow, actor, call, said)
    kept = _words(opened, row)
    kept |= {"comment": said.comment.strip(), "answers": [list(one) for one in said.answers]}
    row.mark, row.verdict, row.shared = said.mark, said.verdict.value, said.shared
    _keep(opened, row, kept)
    told = CallReviewed(
        subject=call.id, number=opened.number, mark=said.mark, verdict=row.verdict, shared=row.shared
    )
    service.record(uow, opened, told, actor)
    return row


async def remark(uow: UnitOfWork, actor: Actor, call_id: UUID, moment: Moment) -> None:
    """Say something about a second of the recording, in one's own review."""
    call, opened = await _to_review(uow, actor, call_id)
    row = await _own(uow, actor, call)
    if row is None:
        raise Refused(_("Give your marks first; then you can add remarks."))
    text = moment.text.strip()
    if not 0 <= moment.second <= 24 * 3600 or not 0 < len(text) <= LONGEST:
        raise Invalid(_("A remark needs words, and a second of the recording."), field="text")
    kept = _words(opened, row)
    moments = [*kept.get("moments", []), [round(moment.second, 1), text]]
    if len(moments) > MOST_MOMENTS:
        raise Invalid(_("At most {count} remarks, please.").format(count=MOST_MOMENTS), field="text")
    _keep(opened, row, kept | {"moments": sorted(moments)})


async def of_call(uow: UnitOfWork, actor: Actor, call: Call, opened: Opened) -> Sequence[Shown]:
    """The reviews of a call that the actor may read: leads all, the desk's people in it what is
    shared with them."""
    query = select(CallReview).where(CallReview.call_id == call.id).order_by(CallReview.created_at).limit(20)
    if not actor.may(Permission.see_reports):
        query = query.where(CallReview.shared)
        mine = await access.person_in(uow, call.id, actor.id)
        if mine is None or not mine.staff:
            return []
    return [_shown(opened, row) for row in await uow.session.scalars(query)]


def questions(uow: UnitOfWork) -> list[str]:
    """What the desk wants marked, as its admin wrote it."""
    return [line.strip() for line in uow.settings.review_questions if line.strip()]


async def _to_review(uow: UnitOfWork, actor: Actor, call_id: UUID) -> tuple[Call, Opened]:
    actor.require(Permission.see_reports)
    call, opened = await access.get(uow, actor, call_id, lock=True)
    if call.live:
        raise Refused(_("A call is reviewed when it is over."))
    if not opened.key:
        raise Refused(_("The requester was erased; what was said of this call is gone with them."))
    return call, opened


async def _own(uow: UnitOfWork, actor: Actor, call: Call) -> CallReview | None:
    found: CallReview | None = await uow.session.scalar(
        select(CallReview).where(CallReview.call_id == call.id, CallReview.reviewer_id == actor.id)
    )
    return found


async def _begun(uow: UnitOfWork, actor: Actor, call: Call, said: Said) -> CallReview:
    assert actor.id is not None
    row = CallReview(
        call_id=call.id, reviewer_id=actor.id, mark=said.mark, verdict=said.verdict.value, version=0
    )
    uow.session.add(row)
    await uow.session.flush()
    return row


def _check(said: Said) -> None:
    marks = [said.mark, *(mark for _question, mark in said.answers)]
    if any(not 1 <= mark <= HIGHEST for mark in marks):
        raise Invalid(_("A mark is a number from 1 to 5."), field="mark")
    if len(said.comment) > LONGEST:
        raise Invalid(_("At most {count} characters, please.").format(count=LONGEST), field="comment")


def _keep(opened: Opened, row: CallReview, words: Mapping[str, Any]) -> None:
    row.words = seal_json(opened.key, dict(words), FIELD, row.id)
    row.updated_at = clock.now()
    row.version += 1


def _words(opened: Opened, row: CallReview) -> dict[str, Any]:
    if row.words is None or not opened.key:
        return {}
    try:
        found = unseal_json(opened.key, row.words, FIELD, row.id)
    except Unreadable:
        return {}
    return found if isinstance(found, dict) else {}


def _shown(opened: Opened, row: CallReview) -> Shown:
    words = _words(opened, row)
    return Shown(
        row,
        str(words.get("comment", "")),
        tuple((str(question), int(mark)) for question, mark in words.get("answers", [])),
        tuple(Moment(float(second), str(text)) for second, text in words.get("moments", [])),
    )
