"""What the requester thought of it."""

from __future__ import annotations

from sqlalchemy.dialects.postgresql import insert

from core import clock, text
from core.access import Actor
from core.crypto.fields import seal_text
from core.db import UnitOfWork
from core.errors import Forbidden, Invalid, Refused
from core.i18n import _
from core.tickets import access
from core.tickets.access import Opened
from core.tickets.changing import record
from core.tickets.events import TicketRated
from core.tickets.model import SurveyAnswer


async def rate(uow: UnitOfWork, actor: Actor, number: int, score: int, comment: str = "") -> Opened:
    """The requester's rating, 1 to 5, with a comment; a later one replaces it."""
    opened = await access.change(uow, actor, number)
    if opened.ticket.requester_id != actor.id:
        raise Forbidden(_("Only the requester can rate a ticket."))
    if not 1 <= score <= 5:
        raise Invalid(_("A rating is a number from 1 to 5."), field="score")
    if opened.ticket.live and opened.ticket.first_answer_at is None:
        raise Refused(_("You can rate this ticket once it was answered."))
    kept = text.message(comment, may_be_empty=True)[:4_000]
    sealed = seal_text(opened.key, kept, "survey_answer.comment", opened.ticket.id) if kept else None
    values = {"person_id": actor.id, "score": score, "comment": sealed, "at": clock.now()}
    await uow.session.execute(
        insert(SurveyAnswer)
        .values(ticket_id=opened.ticket.id, **values)
        .on_conflict_do_update(index_elements=["ticket_id"], set_=values)
    )
    opened.ticket.rating = score
    record(uow, opened, actor, TicketRated(subject=opened.ticket.id, number=number, score=score))
    return opened
