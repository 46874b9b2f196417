"""Quality review: leads look at sessions, and say what they think of them.

What is said is sealed under the ticket's key: it speaks of what was said there, and is gone with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select

from core import clock
from core.access import Actor, Permission
from core.calls import queries
from core.calls.model import Call
from core.crypto.fields import Unreadable, seal_json, unseal_json
from core.db import UnitOfWork
from core.errors import Conflict, Invalid, Refused
from core.i18n import _
from core.reviews import sessions
from core.reviews.events import SessionReviewed
from core.reviews.model import Review, Verdict
from core.reviews.sessions import Session
from core.tickets import timeline
from core.tickets.access import Opened

FIELD = "call_review.words"
LONGEST = 4_000
MOST_MOMENTS = 50
HIGHEST = 5
LONGEST_CALL = 24 * 3600


@dataclass(frozen=True, slots=True)
class Said:
    """What a reviewer gives: a whole mark, one for each question, and words."""

    mark: int
    verdict: Verdict
    comment: str = ""
    answers: tuple[tuple[str, int], ...] = ()
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Moment:
    """A remark at a second of a recording, or at a message of a chat."""

    at: float | UUID
    text: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A review in the clear."""

    row: Review
    comment: str
    answers: tuple[tuple[str, int], ...]
    moments: tuple[Moment, ...]


async def give(
    uow: UnitOfWork, actor: Actor, session: Session, said: Said, *, version: int | None = None
) -> Review:
    """Keep what a lead says of a session (which is locked); the same lead's earlier word is replaced.
    `version` is what they saw (0: none)."""
    _to_review(actor, session)
    _check(said)
    row = await _own(uow, actor, session)
    if version is not None and version != (row.version if row is not None else 0):
        raise Conflict(_("You reviewed this in another window meanwhile. Please look at it again."))
    row = row or await _begun(uow, actor, session, said)
    kept = _words(session.opened, row)
    kept |= {"comment": said.comment.strip(), "answers": [list(one) for one in said.answers]}
    row.mark, row.verdict, row.shared = said.mark, said.verdict.value, said.shared
    _keep(session.opened, row, kept)
    await _tell(uow, actor, session, row)
    return row


async def remark(uow: UnitOfWork, actor: Actor, session: Session, moment: Moment) -> None:
    """Say something about a moment of a session (which is locked), in one's own review."""
    _to_review(actor, session)
    row = await _own(uow, actor, session)
    if row is None:
        raise Refused(_("Give your marks first; then you can add remarks."))
    text = moment.text.strip()
    if not 0 < len(text) <= LONGEST:
        raise Invalid(_("A remark needs words."), field="text")
    kept = _words(session.opened, row)
    moments = [*kept.get("moments", []), [await _place(uow, actor, session, moment), text]]
    if len(moments) > MOST_MOMENTS:
        raise Invalid(_("At most {count} remarks, please.").format(count=MOST_MOMENTS), field="text")
    _keep(session.opened, row, kept | {"moments": moments if session.call is None else sorted(moments)})


async def of_session(uow: UnitOfWork, actor: Actor, session: Session) -> Sequence[Shown]:
    """The reviews of a session that the actor may read: leads all, its agents what is shared with them."""
    query = select(Review).where(session.own).order_by(Review.created_at).limit(20)
    if not actor.may(Permission.see_reports):
        if actor.id not in await sessions.agents(uow, session):
            return []
        query = query.where(Review.shared)
    return [_shown(session.opened, row) for row in await uow.session.scalars(query)]


async def shared_in(uow: UnitOfWork, actor: Actor, opened: Opened) -> Sequence[Session]:
    """The sessions of a ticket of which the actor may read a review: its chat first."""
    held = await queries.of_ticket(uow, opened.ticket.id)
    known = or_(Review.ticket_id == opened.ticket.id, Review.call_id.in_([call.id for call in held]))
    reviewed = set(await uow.session.scalars(select(Review.call_id).where(known, Review.shared)))
    every = [Session(opened), *(Session(opened, call) for call in held)]
    return [
        each
        for each in every
        if (each.call.id if each.call is not None else None) in reviewed
        and await of_session(uow, actor, each)
    ]


async def readable(uow: UnitOfWork, actor: Actor, opened: Opened, calls: Sequence[Call]) -> bool:
    """Whether there is something to review in a ticket with these calls, or shared with the actor to read."""
    if actor.may(Permission.see_reports):
        return not opened.ticket.live or any(not call.live and call.started_at for call in calls)
    query = select(Review.id).where(
        or_(Review.ticket_id == opened.ticket.id, Review.call_id.in_([call.id for call in calls])),
        Review.shared,
    )
    found = await uow.session.scalar(query.limit(1))
    return found is not None and bool(await shared_in(uow, actor, opened))


def questions(uow: UnitOfWork) -> list[str]:
    """What the desk wants marked, as its admin wrote it."""
    return [line.strip() for line in uow.settings.review_questions if line.strip()]


def _to_review(actor: Actor, session: Session) -> None:
    actor.require(Permission.see_reports)
    if session.live:
        raise Refused(
            _("A chat is reviewed when its ticket is resolved.")
            if session.call is None
            else _("A call is reviewed when it is over.")
        )
    if not session.opened.key:
        raise Refused(_("The requester was erased; what was said is gone with them."))


async def _own(uow: UnitOfWork, actor: Actor, session: Session) -> Review | None:
    found: Review | None = await uow.session.scalar(
        select(Review).where(session.own, Review.reviewer_id == actor.id)
    )
    return found


async def _begun(uow: UnitOfWork, actor: Actor, session: Session, said: Said) -> Review:
    assert actor.id is not None
    row = Review(
        call_id=session.call.id if session.call is not None else None,
        ticket_id=session.opened.ticket.id if session.call is None else None,
        reviewer_id=actor.id,
        mark=said.mark,
        verdict=said.verdict.value,
        version=0,
    )
    uow.session.add(row)
    await uow.session.flush()
    return row


async def _tell(uow: UnitOfWork, actor: Actor, session: Session, row: Review) -> None:
    event = SessionReviewed(
        subject=session.opened.ticket.id,
        number=session.opened.number,
        call=row.call_id,
        mark=row.mark,
        verdict=row.verdict,
        shared=row.shared,
        readers=tuple(await sessions.agents(uow, session)) if row.shared else (),
    )
    uow.emit(event, actor=actor)


async def _place(uow: UnitOfWork, actor: Actor, session: Session, moment: Moment) -> float | str:
    """Where a remark belongs, as it is kept; `NotFound` for a message of another ticket."""
    if session.call is None and isinstance(moment.at, UUID):
        return str((await timeline.line(uow, actor, session.opened, moment.at)).id)
    if session.call is not None and isinstance(moment.at, int | float) and 0 <= moment.at <= LONGEST_CALL:
        return round(moment.at, 1)
    raise Invalid(_("A remark needs a moment of what is reviewed."), field="at")


def _check(said: Said) -> None:
    marks = [said.mark, *(mark for _question, mark in said.answers)]
    if any(not 1 <= mark <= HIGHEST for mark in marks):
        raise Invalid(_("A mark is a number from 1 to 5."), field="mark")
    if len(said.comment) > LONGEST:
        raise Invalid(_("At most {count} characters, please.").format(count=LONGEST), field="comment")


def _keep(opened: Opened, row: Review, words: Mapping[str, Any]) -> None:
    row.words = seal_json(opened.key, dict(words), FIELD, row.id)
    row.updated_at = clock.now()
    row.version += 1


def _words(opened: Opened, row: Review) -> dict[str, Any]:
    if row.words is None or not opened.key:
        return {}
    try:
        found = unseal_json(opened.key, row.words, FIELD, row.id)
    except Unreadable:
        return {}
    return found if isinstance(found, dict) else {}


def _shown(opened: Opened, row: Review) -> Shown:
    words = _words(opened, row)
    return Shown(
        row,
        str(words.get("comment", "")),
        tuple((str(question), int(mark)) for question, mark in words.get("answers", [])),
        tuple(
            Moment(UUID(at) if isinstance(at, str) else float(at), str(text))
            for at, text in words.get("moments", [])
        ),
    )
