"""Places that change: another address, or a connection that is broken."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, literal, update

from core import outbox
from core.chat import Place
from core.conversations.model import MessageCopy, PendingQuestion, Seat
from core.db import EventRow, UnitOfWork
from core.desk import Desk
from core.installations import service as installations
from core.installations.events import InstallationConnected, InstallationDisconnected
from core.installations.model import Installation, InstallationState
from core.outbox_model import Delivery, Inbound
from core.ports.bus import Signal
from core.rooms.model import DeskRoom, RoomThread

_KEPT: tuple[Any, ...] = (
    Seat.place_key,
    MessageCopy.place_key,
    PendingQuestion.place_key,
    DeskRoom.place_key,
    RoomThread.place_key,
    Inbound.place_key,
)


async def relocate(uow: UnitOfWork, before: Place, after: Place) -> None:
    """A whole channel has another address now: all that is kept of the old one follows."""
    old, new = _prefix(before), _prefix(after)
    if old == new:
        return
    for column in _KEPT:
        await uow.session.execute(_renamed(column, old, new))
    await uow.session.execute(
        _renamed(Delivery.place_key, old, new).where(Delivery.state.in_(("due", "dead")))
    )


async def note_broken(uow: UnitOfWork, place: Place, problem: str) -> None:
    """The platform refuses our token: admins see it."""
    await installations.note_broken(uow, place.platform, place.installation, problem)


async def renewed_since(uow: UnitOfWork, place: Place, moment: datetime) -> bool:
    """Whether an admin has connected the platform anew after that."""
    row = await installations.by_external(uow.session, place.platform, place.installation)
    return row is not None and row.state == InstallationState.on and row.updated_at > moment


async def reconnect(uow: UnitOfWork, event: EventRow) -> None:
    """A teller for `bot.tell`: a connection holds again, what waited for it goes out."""
    if event.name != InstallationConnected.name:
        return
    row = await uow.session.get(Installation, event.subject)
    if row is not None:
        await outbox.resume_platform(uow, row.platform, row.external)


def heard_of(desk: Desk) -> Callable[[UnitOfWork, EventRow], Awaitable[None]]:
    """A teller: the adapters of this process hear of connections that another one made or ended, such
    as the command line. Of those made here they hear twice, which changes nothing."""

    async def tell(uow: UnitOfWork, event: EventRow) -> None:
        if event.name in (InstallationConnected.name, InstallationDisconnected.name):
            signal = Signal("event", {"name": event.name, "subject": str(event.subject)})
            uow.after(lambda: desk.bus.publish(signal))

    return tell


def _prefix(place: Place) -> str:
    return Place.prefix(place.platform, place.installation, place.channel)


def _renamed(column: Any, old: str, new: str) -> Any:
    starts: ColumnElement[bool] = column.startswith(old, autoescape=True)
    renamed = func.concat(literal(new), func.substr(column, len(old) + 1))
    return update(column.class_).where(starts).values({column.key: renamed})
