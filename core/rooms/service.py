"""Desk rooms: which there are, and the thread that each ticket has in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from core import clock, outbox, text
from core.access import Actor, Permission
from core.chat import Place
from core.db import EventRow, UnitOfWork
from core.errors import Conflict, NotFound
from core.i18n import _
from core.outbox_model import Delivery
from core.people.model import Team
from core.rooms.events import RoomAdded, RoomChanged, RoomRemoved, RoomShut
from core.rooms.model import DeskRoom, RoomRule, RoomThread
from core.tickets.model import LIVE, Ticket

MOST_ROOMS = 200
LOST_FOR = timedelta(days=30)


async def rooms(session: AsyncSession) -> Sequence[DeskRoom]:
    """All rooms in use, in the order in which they were added."""
    query = select(DeskRoom).where(DeskRoom.active).order_by(DeskRoom.created_at).limit(MOST_ROOMS)
    return list(await session.scalars(query))


async def lost(session: AsyncSession) -> Sequence[tuple[DeskRoom, datetime]]:
    """Rooms that were taken out of use because the platform has them no more, and when: those of the last
    days that nobody has added anew since."""
    back = aliased(DeskRoom)
    query = (
        select(DeskRoom, EventRow.at)
        .join(EventRow, EventRow.subject == DeskRoom.id)
        .where(
            EventRow.name == RoomRemoved.name,
            EventRow.at > clock.now() - LOST_FOR,
            EventRow.data["reason"].astext == "gone",
            ~DeskRoom.active,
            ~exists().where(back.place_key == DeskRoom.place_key, back.created_at > DeskRoom.created_at),
        )
        .order_by(EventRow.at.desc())
        .limit(MOST_ROOMS)
    )
    return [(room, at) for room, at in await session.execute(query)]


async def shut(session: AsyncSession) -> Sequence[tuple[DeskRoom, datetime]]:
    """Rooms that let the bot in no more, and since when something waits for that."""
    query = (
        select(DeskRoom, func.min(Delivery.created_at))
        .join(Delivery, func.starts_with(Delivery.place_key, DeskRoom.place_key))
        .where(DeskRoom.active, Delivery.state == "due", Delivery.error == outbox.SHUT_OUT)
        .group_by(DeskRoom.id)
        .limit(MOST_ROOMS)
    )
    return [(room, at) for room, at in await session.execute(query)]


async def note_shut(uow: UnitOfWork, place: Place) -> None:
    """Something for this place waits for the bot to be let in: admins read it, once for each time that a
    room is shut."""
    room = await at(uow.session, replace(place, thread="").key)
    if room is None:
        return
    if room.id not in {one.id for one, _since in await shut(uow.session)}:
        uow.emit(RoomShut(subject=room.id))


async def of_team(session: AsyncSession, team_id: UUID | None) -> Sequence[DeskRoom]:
    """The rooms that see a team's tickets: its own, and those of all teams."""
    query = select(DeskRoom).where(
        DeskRoom.active, or_(DeskRoom.team_id.is_(None), DeskRoom.team_id == team_id)
    )
    return list(await session.scalars(query.order_by(DeskRoom.created_at)))


async def at(session: AsyncSession, place_key: str) -> DeskRoom | None:
    """The room that is at a place."""
    found: DeskRoom | None = await session.scalar(
        select(DeskRoom).where(DeskRoom.place_key == place_key, DeskRoom.active)
    )
    return found


async def holds(session: AsyncSession, place: Place) -> bool:
    """Whether a place is a desk room, or in one."""
    return await at(session, replace(place, thread="").key) is not None


async def add(
    uow: UnitOfWork,
    actor: Actor,
    place: Place,
    *,
    name: str = "",
    team_id: UUID | None = None,
    rule: RoomRule = RoomRule.assignee,
) -> DeskRoom:
    """A place becomes a desk room. Tickets that are open get their threads as they change."""
    actor.require(Permission.manage_desk)
    if await at(uow.session, place.key) is not None:
        raise Conflict(_("This is a desk room already."))
    if team_id is not None and await uow.session.get(Team, team_id) is None:
        raise NotFound(_("There is no such team."))
    called = text.line(name[:100], field="name", most=100, required=False)
    room = DeskRoom(place_key=place.key, name=called, team_id=team_id, rule=rule.value)
    uow.session.add(room)
    await uow.session.flush()
    uow.emit(RoomAdded(subject=room.id, platform=place.platform, team=team_id), actor=actor)
    return room


async def change(
    uow: UnitOfWork, actor: Actor, room_id: UUID, *, rule: RoomRule, team_id: UUID | None
) -> DeskRoom:
    """Whose words are replies, and whose tickets it sees."""
    actor.require(Permission.manage_desk)
    room = await get(uow.session, room_id)
    room.rule, room.team_id = rule.value, team_id
    room.version += 1
    uow.emit(RoomChanged(subject=room.id, rule=room.rule, team=team_id), actor=actor)
    return room


async def remove(uow: UnitOfWork, actor: Actor, room_id: UUID, reason: str = "person") -> DeskRoom:
    """No desk room any more; its threads stay as they are and hear nothing further."""
    actor.require(Permission.manage_desk)
    room = await get(uow.session, room_id)
    room.active = False
    room.version += 1
    await uow.session.execute(update(RoomThread).where(RoomThread.room_id == room.id).values(state="closed"))
    uow.emit(RoomRemoved(subject=room.id, reason=reason), actor=actor)
    return room


async def get(session: AsyncSession, room_id: UUID) -> DeskRoom:
    room = await session.get(DeskRoom, room_id)
    if room is None or not room.active:
        raise NotFound(_("There is no such desk room."))
    return room


async def want_thread(uow: UnitOfWork, room: DeskRoom, ticket_id: UUID) -> bool:
    """A ticket shall have a thread in a room; False when it has one, or one is being opened."""
    won = await uow.session.execute(
        insert(RoomThread)
        .values(room_id=room.id, ticket_id=ticket_id, state="opening", opened=0, at=clock.now())
        .on_conflict_do_nothing(index_elements=["room_id", "ticket_id"])
    )
    return bool(getattr(won, "rowcount", 0))


async def threads_of(session: AsyncSession, ticket_id: UUID) -> Sequence[RoomThread]:
    """The threads that a ticket has in rooms that are in use."""
    query = (
        select(RoomThread)
        .join(DeskRoom, DeskRoom.id == RoomThread.room_id)
        .where(RoomThread.ticket_id == ticket_id, DeskRoom.active)
    )
    return list(await session.scalars(query))


async def thread_at(session: AsyncSession, place_key: str) -> tuple[RoomThread, DeskRoom] | None:
    """The thread at a place, and its room."""
    row = (
        await session.execute(
            select(RoomThread, DeskRoom)
            .join(DeskRoom, DeskRoom.id == RoomThread.room_id)
            .where(RoomThread.place_key == place_key)
        )
    ).one_or_none()
    return (row[0], row[1]) if row is not None else None


async def open_in(session: AsyncSession, room: DeskRoom) -> tuple[int, int, datetime | None]:
    """For a room's queue card: how many of its tickets are live, how many of those nobody has, and
    since when the oldest of these waits."""
    unassigned = Ticket.assignee_id.is_(None)
    query = select(
        func.count(), func.count().filter(unassigned), func.min(Ticket.created_at).filter(unassigned)
    ).where(Ticket.status.in_([one.value for one in LIVE]))
    if room.team_id is not None:
        query = query.where(Ticket.team_id == room.team_id)
    live, waiting, oldest = (await session.execute(query)).one()
    return int(live), int(waiting), oldest
