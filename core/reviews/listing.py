"""What a list of sessions says of each: who was in it, how long it was, what people thought of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Float, func, select

from core.calls.model import Call, CallPerson, CallQuality, CallRecording, CallState
from core.conversations.model import Conversation, Message
from core.db import UnitOfWork
from core.people.naming import Named, named
from core.reviews.model import Review
from core.reviews.sessions import is_answer
from core.tickets.model import Ticket


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A session in a list. `loss` is a share, `round_trip` milliseconds; none where nothing was measured."""

    call: Call | None
    """None for the chat of a ticket."""
    id: UUID
    number: int
    began: datetime
    seconds: int
    agents: tuple[str, ...]
    requester: str
    rating: int | None
    messages: int = 0
    recorded: bool = False
    loss: float | None = None
    round_trip: float | None = None
    frozen: float = 0.0
    marks: tuple[int, ...] = ()

    @property
    def kind(self) -> str:
        return "chat" if self.call is None else "call"

    @property
    def failed(self) -> bool:
        return self.call is not None and self.call.state == CallState.failed

    @property
    def light(self) -> str:
        """Good, fair or poor, as the call page itself showed it."""
        return "" if self.loss is None else light(self.loss, self.round_trip or 0.0)


def light(loss: float, round_trip: float) -> str:
    """How good a connection is, in the words of the call page (see call_quality.js)."""
    if loss > 0.08 or round_trip > 600:
        return "poor"
    return "fair" if loss > 0.02 or round_trip > 300 else "good"


async def found(uow: UnitOfWork, rows: Sequence[Any]) -> list[Found]:
    """The sessions of `rows` (kind and id), in their order."""
    of_kind = {kind: [row.id for row in rows if row.kind == kind] for kind in ("call", "chat")}
    made = await _calls(uow, of_kind["call"]) | await _chats(uow, of_kind["chat"])
    return [made[row.id] for row in rows if row.id in made]


async def _calls(uow: UnitOfWork, ids: Sequence[UUID]) -> dict[UUID, Found]:
    if not ids:
        return {}
    there: dict[UUID, list[CallPerson]] = {}
    people = select(CallPerson).where(CallPerson.call_id.in_(ids), CallPerson.joined_at.is_not(None))
    for one in await uow.session.scalars(people):
        there.setdefault(one.call_id, []).append(one)
    rows = (
        await uow.session.execute(
            select(Call, Ticket.number, Ticket.requester_id)
            .join(Ticket, Ticket.id == Call.ticket_id)
            .where(Call.id.in_(ids))
        )
    ).all()
    names = await named(
        uow, {one.person_id for each in there.values() for one in each} | {row[2] for row in rows}
    )
    recorded = set(
        await uow.session.scalars(
            select(CallRecording.call_id).where(
                CallRecording.call_id.in_(ids), CallRecording.deleted_at.is_(None)
            )
        )
    )
    measured, marks = await _measured(uow, ids), await _marks(uow, Review.call_id, ids)
    made = {}
    for call, number, requester in rows:
        people_in = there.get(call.id, [])
        loss, trip, frozen = measured.get(call.id, (None, None, 0.0))
        made[call.id] = Found(
            call=call, id=call.id, number=number, began=call.started_at or call.created_at, seconds=call.seconds,
            agents=_names([one.person_id for one in people_in if one.staff], names),
            requester=_name(requester, names),
            rating=min((one.rating for one in people_in if one.rating), default=None),
            recorded=call.id in recorded, loss=loss, round_trip=trip, frozen=frozen or 0.0,
            marks=marks.get(call.id, ()),
        )  # fmt: skip
    return made


async def _chats(uow: UnitOfWork, ids: Sequence[UUID]) -> dict[UUID, Found]:
    if not ids:
        return {}
    rows = list(await uow.session.scalars(select(Ticket).where(Ticket.id.in_(ids))))
    answering = await _answering(uow, rows)
    names = await named(
        uow, {one for each in answering.values() for one in each} | {row.requester_id for row in rows}
    )
    marks = await _marks(uow, Review.ticket_id, ids)
    return {
        row.id: Found(
            call=None, id=row.id, number=row.number, began=row.created_at, seconds=_lasted(row),
            agents=_names(answering[row.id], names),
            requester=_name(row.requester_id, names),
            rating=row.rating, messages=row.messages, marks=marks.get(row.id, ()),
        )
        for row in rows
    }  # fmt: skip


def _lasted(ticket: Ticket) -> int:
    ended = ticket.resolved_at or ticket.closed_at
    return int((ended - ticket.created_at).total_seconds()) if ended is not None else 0


async def _answering(uow: UnitOfWork, rows: Sequence[Ticket]) -> dict[UUID, list[UUID]]:
    """Whose work each chat was: the assignee first."""
    root = func.coalesce(Conversation.root_id, Conversation.id)
    query = (
        select(root, Message.author_id)
        .join(Message, Message.conversation_id == Conversation.id)
        .where(root.in_([row.conversation_id for row in rows]), is_answer())
        .distinct()
    )
    said: dict[UUID, list[UUID]] = {}
    for conversation, author in await uow.session.execute(query):
        if author is not None:
            said.setdefault(conversation, []).append(author)
    return {
        row.id: list(
            dict.fromkeys(
                [*([row.assignee_id] if row.assignee_id else []), *said.get(row.conversation_id, [])]
            )
        )
        for row in rows
    }


def _names(ids: Sequence[UUID], names: dict[UUID, Named]) -> tuple[str, ...]:
    return tuple(names[one].shown for one in ids if one in names)


def _name(one: UUID, names: dict[UUID, Named]) -> str:
    return "".join(_names([one], names))


async def _marks(uow: UnitOfWork, of: Any, ids: Sequence[UUID]) -> dict[UUID, tuple[int, ...]]:
    marks: dict[UUID, tuple[int, ...]] = {}
    query = select(of, Review.mark).where(of.in_(ids)).order_by(Review.created_at)
    for session, mark in await uow.session.execute(query):
        marks[session] = (*marks.get(session, ()), mark)
    return marks


async def _measured(
    uow: UnitOfWork, ids: Sequence[UUID]
) -> dict[UUID, tuple[float | None, float | None, float | None]]:
    """What the browsers measured: mean loss, mean round trip, seconds of frozen pictures."""
    loss, trip, frozen = (
        CallQuality.data[key].as_string().cast(Float) for key in ("loss", "round_trip", "freezes")
    )
    query = (
        select(CallQuality.call_id, func.avg(loss), func.avg(trip), func.sum(frozen))
        .where(CallQuality.call_id.in_(ids), CallQuality.data["browser"].as_boolean())
        .group_by(CallQuality.call_id)
    )
    return {row[0]: (row[1], row[2], row[3]) for row in await uow.session.execute(query)}
