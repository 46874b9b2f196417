"""Recording with consent: nobody is recorded before everyone who is there has agreed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import distinct_on

from core import clock
from core.access import Actor
from core.calls.events import CallConsented, CallRecordingWanted
from core.calls.model import Call, CallConsent, CallPerson, CallRecording, Presence
from core.calls.service import record
from core.crypto.fields import Unreadable, bound_to, new_key, seal, unseal
from core.db import UnitOfWork
from core.errors import Forbidden, Refused
from core.i18n import N_, _
from core.ports.media import Recording
from core.tickets.access import Opened

WORDING = N_(
    "This call shall be recorded: your picture, your voice and the screen that you share. The recording is kept "
    "encrypted with this request, for {days} days at most. You can take your consent back at any time; from "
    "then on you are not recorded."
)
WORDING_VERSION = "1"
SWEPT = 50


def wording(uow: UnitOfWork) -> str:
    """What somebody agrees to, in their language."""
    return _(WORDING).format(days=uow.settings.recording_days)


async def want(uow: UnitOfWork, call: Call, opened: Opened, row: CallPerson, actor: Actor, on: bool) -> None:
    """An agent wants the call recorded, or no longer."""
    if not row.staff:
        raise Forbidden(_("You are not allowed to do that."))
    if not call.running:
        raise Refused(_("Nobody is in the call yet."))
    if call.recording != on:
        call.recording = on
        record(uow, opened, CallRecordingWanted(subject=call.id, number=opened.number, on=on), actor)


async def consent(
    uow: UnitOfWork, call: Call, opened: Opened, row: CallPerson, actor: Actor, given: bool
) -> None:
    """Somebody agrees, or does not, or not any more; each word is kept with what it answered."""
    uow.session.add(
        CallConsent(
            call_id=call.id, person_id=row.person_id, given=given, wording=wording(uow),
            wording_version=WORDING_VERSION,
        )
    )  # fmt: skip
    told = CallConsented(
        subject=call.id, number=opened.number, person=row.person_id, given=given, version=WORDING_VERSION
    )
    record(uow, opened, told, actor)
    await uow.session.flush()


async def consents(uow: UnitOfWork, call: Call) -> dict[UUID, bool]:
    """The last word of each person."""
    rows = await uow.session.execute(
        select(CallConsent.person_id, CallConsent.given)
        .where(CallConsent.call_id == call.id)
        .ext(distinct_on(CallConsent.person_id))
        .order_by(CallConsent.person_id, CallConsent.at.desc(), CallConsent.id.desc())
    )
    return {row.person_id: row.given for row in rows}


async def due(uow: UnitOfWork, call: Call) -> tuple[Recording, ...]:
    """Who is to be recorded from now on and is not yet. Until everyone who was there at the
    beginning has agreed, nobody; a newcomer is not, until they have. Whoever is away is when they
    are back: an engine cannot record whom it does not have."""
    if not call.recording or not call.running:
        return ()
    present = await _present(uow, call)
    said = await consents(uow, call)
    running = {row.person_id for row in await open_of(uow, call)}
    if not running and not all(said.get(person) for person in present):
        return ()
    wanted = [
        person
        for person, presence in present.items()
        if presence == Presence.present and said.get(person) and person not in running
    ]
    return tuple([await _made(uow, call, person) for person in wanted])


async def never_began(uow: UnitOfWork, recording: UUID) -> None:
    """The engine did not take it: whom it was for has just left."""
    await uow.session.execute(delete(CallRecording).where(CallRecording.id == recording))


async def open_of(uow: UnitOfWork, call: Call) -> Sequence[CallRecording]:
    """The recordings of a call that are not stopped."""
    query = select(CallRecording).where(CallRecording.call_id == call.id, CallRecording.stopped_at.is_(None))
    return list(await uow.session.scalars(query))


async def of_call(uow: UnitOfWork, call: Call) -> Sequence[CallRecording]:
    """What can be played of a call, in order."""
    query = (
        select(CallRecording)
        .where(CallRecording.call_id == call.id, CallRecording.deleted_at.is_(None))
        .order_by(CallRecording.began_at, CallRecording.id)
        .limit(200)
    )
    return list(await uow.session.scalars(query))


async def key_of(uow: UnitOfWork, row: CallRecording) -> bytes:
    """What opens a recording; raises `Unreadable` when its person was erased."""
    if row.key is None or row.deleted_at is not None:
        raise Unreadable
    owner = await uow.keys.of_person(uow.session, row.person_id)
    return unseal(owner, row.key, bound_to("call_recording.key", row.id))


async def expire(uow: UnitOfWork) -> int:
    """Recordings whose time is over are deleted, by rule."""
    before = clock.now() - timedelta(days=uow.settings.recording_days)
    old = (
        select(CallRecording.id)
        .where(CallRecording.deleted_at.is_(None), CallRecording.began_at < before)
        .limit(SWEPT)
    )
    done = await uow.session.execute(
        update(CallRecording).where(CallRecording.id.in_(old)).values(deleted_at=clock.now(), key=None)
    )
    return int(getattr(done, "rowcount", 0) or 0)


async def to_remove(uow: UnitOfWork) -> Sequence[UUID]:
    """Recordings that are deleted, and whose objects still lie in the store."""
    query = select(CallRecording.id).where(
        CallRecording.deleted_at.is_not(None),
        CallRecording.gone_at.is_(None),
        CallRecording.stopped_at.is_not(None),
    )
    return list(await uow.session.scalars(query.limit(SWEPT)))


async def removed(uow: UnitOfWork, ids: Sequence[UUID]) -> None:
    await uow.session.execute(
        update(CallRecording).where(CallRecording.id.in_(ids)).values(gone_at=clock.now())
    )


async def _present(uow: UnitOfWork, call: Call) -> dict[UUID, str]:
    query = select(CallPerson.person_id, CallPerson.presence).where(
        CallPerson.call_id == call.id, CallPerson.presence.in_((Presence.present, Presence.away))
    )
    return {row.person_id: row.presence for row in await uow.session.execute(query)}


async def _made(uow: UnitOfWork, call: Call, person: UUID) -> Recording:
    key = new_key()
    row = CallRecording(call_id=call.id, person_id=person, key=None)
    owner = await uow.keys.of_person(uow.session, person)
    row.key = seal(owner, key, bound_to("call_recording.key", row.id))
    uow.session.add(row)
    await uow.session.flush()
    return Recording(row.id, person, key)
