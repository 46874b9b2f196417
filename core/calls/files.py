"""A call as one file, for whoever may take it out: asked for, made by a job, kept for a day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, exists, or_, select

from core import clock
from core.access import Actor, Permission
from core.calls import access, recordings, service
from core.calls.events import RecordingTaken
from core.calls.model import Call, CallFile, CallPerson, CallRecording, FileState
from core.crypto.fields import Unreadable, bound_to, new_key, seal, unseal
from core.db import UnitOfWork
from core.errors import NotFound, Refused
from core.i18n import _
from core.people.model import Person
from core.ports.files import new_name
from core.tickets.access import Opened

KEPT = timedelta(days=1)
PATIENCE = timedelta(hours=1)
"""A file that was begun so long ago is begun anew: whoever made it died."""
SWEPT = 20


@dataclass(frozen=True, slots=True)
class Making:
    """A file to be made: of which recordings, under which name and key."""

    id: UUID
    name: str
    key: bytes = field(repr=False)
    parts: tuple[tuple[UUID, bytes], ...] = field(repr=False)


async def ask(uow: UnitOfWork, actor: Actor, call_id: UUID) -> CallFile:
    """Have a call made into one file; one that is there already serves again."""
    actor.require(Permission.export_tickets)
    call, opened = await access.get(uow, actor, call_id, lock=True)
    if call.live:
        raise Refused(_("The call is not over yet."))
    found = await of_call(uow, call)
    if found is not None and found.state != FileState.failed:
        return found
    if not await recordings.of_call(uow, call) or actor.id is None or not opened.key:
        raise NotFound(_("Nothing of this call was recorded, or it was deleted."))
    if found is not None:
        found.state = FileState.waiting.value
        return found
    row = CallFile(call_id=call.id, asked_by=actor.id, name=new_name(), key=b"")
    row.key = seal(opened.key, new_key(), bound_to("call_file.key", row.id))
    uow.session.add(row)
    service.record(uow, opened, RecordingTaken(subject=call.id, number=opened.number), actor)
    await uow.session.flush()
    return row


async def of_call(uow: UnitOfWork, call: Call) -> CallFile | None:
    found: CallFile | None = await uow.session.scalar(select(CallFile).where(CallFile.call_id == call.id))
    return found


def key_of(opened: Opened, row: CallFile) -> bytes:
    """What opens the file; raises `Unreadable` when the requester was erased."""
    if not opened.key:
        raise Unreadable
    return unseal(opened.key, row.key, bound_to("call_file.key", row.id))


async def next_to_make(uow: UnitOfWork) -> Making | None:
    """Take the next file that waits, or that somebody died over."""
    stale = (CallFile.state == FileState.making) & (CallFile.begun_at < clock.now() - PATIENCE)
    row = await uow.session.scalar(
        select(CallFile)
        .where(or_(CallFile.state == FileState.waiting, stale))
        .order_by(CallFile.created_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if row is None:
        return None
    call, opened = await access.change(uow, row.call_id)
    parts = []
    for recording in await recordings.of_call(uow, call):
        try:
            parts.append((recording.id, await recordings.key_of(uow, recording)))
        except Unreadable:
            continue
    if not parts or not opened.key:
        row.state = FileState.failed.value
        return None
    row.state, row.begun_at = FileState.making.value, clock.now()
    return Making(row.id, row.name, key_of(opened, row), tuple(parts))


async def made(uow: UnitOfWork, file_id: UUID, size: int) -> None:
    """It is there; with no size, it could not be made."""
    row = await uow.session.get(CallFile, file_id, with_for_update=True)
    if row is not None:
        row.size, row.state = size, (FileState.ready if size else FileState.failed).value


async def to_remove(uow: UnitOfWork) -> Sequence[CallFile]:
    """Files whose day is over, or in which somebody speaks who was erased, or of whom nothing is kept."""
    erased = exists().where(
        CallPerson.call_id == CallFile.call_id,
        Person.id == CallPerson.person_id,
        Person.erased_at.is_not(None),
    )
    gone = exists().where(CallRecording.call_id == CallFile.call_id, CallRecording.deleted_at.is_not(None))
    old = CallFile.created_at < clock.now() - KEPT
    query = select(CallFile).where(or_(old, erased, gone), CallFile.state != FileState.making)
    return list(await uow.session.scalars(query.limit(SWEPT)))


async def removed(uow: UnitOfWork, ids: Sequence[UUID]) -> None:
    await uow.session.execute(delete(CallFile).where(CallFile.id.in_(ids)))
