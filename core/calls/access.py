"""The only functions that hand out a call: through its ticket, or through one's own join link."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select

from core.access import SYSTEM, Actor
from core.calls.model import LIVE, Call, CallPerson
from core.db import UnitOfWork
from core.errors import NotFound
from core.i18n import _
from core.tickets import access as tickets
from core.tickets.access import Opened


async def get(uow: UnitOfWork, actor: Actor, call_id: UUID, *, lock: bool = False) -> tuple[Call, Opened]:
    """A call of a ticket that the actor may see."""
    call = await uow.session.get(Call, call_id)
    if call is None:
        raise missing()
    try:
        opened = await tickets.by_id(uow, actor, call.ticket_id, lock=lock)
    except NotFound:
        raise missing() from None
    if lock:
        # What only points to the call, as a sample of its quality, is not held up by whoever changes it.
        await uow.session.refresh(call, with_for_update={"key_share": True})
    return call, opened


async def change(uow: UnitOfWork, call_id: UUID) -> tuple[Call, Opened]:
    """A call to change, for whoever was let in by a link or is the engine: ticket and call are
    locked, in this order, until the commit."""
    return await get(uow, SYSTEM, call_id, lock=True)


async def live_of(uow: UnitOfWork, ticket_id: UUID) -> Call | None:
    """The call that a ticket has now."""
    found: Call | None = await uow.session.scalar(
        select(Call).where(Call.ticket_id == ticket_id, Call.state.in_(LIVE))
    )
    return found


async def person_in(uow: UnitOfWork, call_id: UUID, person_id: UUID | None) -> CallPerson | None:
    found: CallPerson | None = await uow.session.scalar(
        select(CallPerson).where(CallPerson.call_id == call_id, CallPerson.person_id == person_id)
    )
    return found


def missing() -> NotFound:
    return NotFound(_("There is no such call."))
