"""Keys that wrap keys: master → intermediate → persons and the desk → tickets.

Unwrapped keys of persons are cached for a short time only, so that a destroyed key is gone
everywhere within that time; the event of an erasure clears them at once.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import Uuid, any_, bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from core import clock
from core.crypto.fields import KEY_BYTES, Unreadable, bound_to, new_key, seal, unseal
from core.crypto.model import DeskKey, IntermediateKey, PersonKey
from core.errors import StartError
from core.ids import new_id

CACHE_SECONDS = 60.0
_CACHE_SIZE = 20_000
DESK_KEYS = ("words", "desk", "signing", "lookup")

# One statement for any number: a list in brackets is prepared anew for each length.
_OF_PERSONS = select(PersonKey.person_id, PersonKey.wrapped, PersonKey.intermediate_id).where(
    PersonKey.person_id == any_(bindparam("ids", type_=ARRAY(Uuid())))
)


@dataclass(frozen=True, slots=True)
class MasterKey:
    """A 256-bit master key; `name` is a fingerprint that may be stored and shown."""

    value: bytes = field(repr=False)

    @property
    def name(self) -> str:
        return hashlib.sha256(b"deskbell master" + self.value).hexdigest()[:16]

    @classmethod
    def parse(cls, text: str) -> MasterKey:
        """Read the base64 form (44 characters); raises `StartError` in plain words."""
        try:
            value = base64.b64decode(text.strip(), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            value = b""
        if len(value) != KEY_BYTES:
            raise StartError(
                "DESKBELL_MASTER_KEY is malformed: it must be 32 bytes in base64 (44 characters); "
                "make one with `openssl rand -base64 32`."
            )
        return cls(value)


class Keys:
    """The unwrapped desk keys, and the way to every person's key."""

    def __init__(self, intermediates: dict[UUID, bytes], current: UUID, desk: dict[str, bytes]) -> None:
        self._intermediates = intermediates
        self._current = current
        self._desk = desk
        self._persons: OrderedDict[UUID, tuple[float, bytes]] = OrderedDict()

    # --- the desk's own keys

    @property
    def words(self) -> bytes:
        """The key of the hashes of words."""
        return self._desk["words"]

    @property
    def desk(self) -> bytes:
        """The key of what belongs to no person: inbound of strangers, tokens, organisations."""
        return self._desk["desk"]

    @property
    def signing(self) -> bytes:
        return self._desk["signing"]

    @property
    def lookup(self) -> bytes:
        """The key of the digests by which addresses, platform ids and tokens are found."""
        return self._desk["lookup"]

    # --- persons

    def new_person(self, session: AsyncSession, person_id: UUID) -> bytes:
        """Make a key for a new person within the session."""
        key = new_key()
        wrapped = seal(self._intermediates[self._current], key, bound_to("person_key.wrapped", person_id))
        session.add(PersonKey(person_id=person_id, wrapped=wrapped, intermediate_id=self._current))
        self._remember(person_id, key)
        return key

    async def of_person(self, session: AsyncSession, person_id: UUID) -> bytes:
        """A person's key; raises `Unreadable` when it was destroyed."""
        found = await self.of_persons(session, (person_id,))
        if person_id not in found:
            raise Unreadable
        return found[person_id]

    async def of_persons(self, session: AsyncSession, ids: Iterable[UUID | None]) -> Mapping[UUID, bytes]:
        """The keys of many persons at once; those who were erased are missing."""
        wanted = {pid for pid in ids if pid is not None}
        found = {pid: key for pid in wanted if (key := self._cached(pid)) is not None}
        missing = wanted - found.keys()
        if missing:
            rows = await session.execute(_OF_PERSONS, {"ids": list(missing)})
            for person_id, wrapped, intermediate_id in rows:
                found[person_id] = await self.open_person(session, person_id, wrapped, intermediate_id)
        return found

    async def open_person(
        self, session: AsyncSession, person_id: UUID, wrapped: bytes, intermediate_id: UUID
    ) -> bytes:
        """Unwrap a person's key that a query brought along. An intermediate key that another
        process made in the meantime is looked up once."""
        cached = self._cached(person_id)
        if cached is not None:
            return cached
        if intermediate_id not in self._intermediates:
            await self._refresh(session, intermediate_id)
        key = unseal(self._intermediates[intermediate_id], wrapped, bound_to("person_key.wrapped", person_id))
        self._remember(person_id, key)
        return key

    async def destroy_person(self, session: AsyncSession, person_id: UUID) -> None:
        """Erase: without this key, all that was sealed with it is noise."""
        await session.execute(delete(PersonKey).where(PersonKey.person_id == person_id))
        self.forget(person_id)

    def forget(self, person_id: UUID | None = None) -> None:
        """Drop a person's key from the cache, or everyone's."""
        if person_id is None:
            self._persons.clear()
        else:
            self._persons.pop(person_id, None)

    # --- ticket keys

    @staticmethod
    def new_data_key(owner_key: bytes, conversation_id: UUID) -> tuple[bytes, bytes]:
        """A fresh data key and its wrapped form under its owner's key."""
        key = new_key()
        return key, Keys.wrap_data_key(owner_key, conversation_id, key)

    @staticmethod
    def wrap_data_key(owner_key: bytes, conversation_id: UUID, key: bytes) -> bytes:
        return seal(owner_key, key, bound_to("conversation.wrapped_key", conversation_id))

    @staticmethod
    def open_data_key(owner_key: bytes, conversation_id: UUID, wrapped: bytes) -> bytes:
        return unseal(owner_key, wrapped, bound_to("conversation.wrapped_key", conversation_id))

    # --- inside

    def _cached(self, person_id: UUID) -> bytes | None:
        entry = self._persons.get(person_id)
        if entry is None or entry[0] < time.monotonic():
            return None
        return entry[1]

    def _remember(self, person_id: UUID, key: bytes) -> None:
        self._persons[person_id] = (time.monotonic() + CACHE_SECONDS, key)
        self._persons.move_to_end(person_id)
        while len(self._persons) > _CACHE_SIZE:
            self._persons.popitem(last=False)

    async def _refresh(self, session: AsyncSession, wanted: UUID) -> None:
        row = await session.get(IntermediateKey, wanted)
        if row is None or self._masters is None:
            raise Unreadable
        self._intermediates[wanted] = _open_intermediate(row, self._masters)
        if row.retired_at is None:
            # Another process rotates: from now on this one wraps by the new key as well.
            self._current = wanted

    _masters: list[MasterKey] | None = None


async def load(session: AsyncSession, masters: list[MasterKey]) -> Keys:
    """The keys of a desk; the first time they are made. The first master key wraps what is
    new, the others open what is old. Raises `StartError` when none of them fits."""
    await session.execute(select(func.pg_advisory_xact_lock(4_202_601)))
    rows = list(await session.scalars(select(IntermediateKey).order_by(IntermediateKey.created_at)))
    if not rows:
        rows = [_make_intermediate(session, masters[0])]
        await session.flush()
    intermediates = {
        row.id: _open_intermediate(row, masters) for row in rows if await _is_wanted(session, row, masters)
    }
    current = rows[-1].id
    desk: dict[str, bytes] = {}
    for row in await session.scalars(select(DeskKey)):
        desk[row.name] = unseal(
            intermediates[row.intermediate_id], row.wrapped, bound_to("desk_key.wrapped", row.name)
        )
    for name in DESK_KEYS:
        if name not in desk:
            desk[name] = new_key()
            wrapped = seal(intermediates[current], desk[name], bound_to("desk_key.wrapped", name))
            session.add(DeskKey(name=name, wrapped=wrapped, intermediate_id=current))
    await session.flush()
    keys = Keys(intermediates, current, desk)
    keys._masters = masters
    return keys


async def rotate(session: AsyncSession, keys: Keys, masters: list[MasterKey], progress: object = None) -> int:
    """Make a new intermediate key under the first master key and wrap every key anew under it.

    Safe while the desk runs: new persons may still be wrapped by the old key, so the last
    pass repeats until none is left; then the old key is retired. Returns how many keys moved.
    """
    fresh = _make_intermediate(session, masters[0])
    await session.flush()
    await session.commit()
    secret = _open_intermediate(fresh, masters)
    keys._intermediates[fresh.id] = secret
    keys._current = fresh.id
    moved = await _rewrap_desk(session, keys, fresh.id)
    while batch := await _rewrap_persons(session, keys, fresh.id):
        moved += batch
        if callable(progress):
            progress(batch)
    moved += await _rewrap_persons(session, keys, fresh.id, wait=True)
    await session.execute(
        update(IntermediateKey)
        .where(IntermediateKey.id != fresh.id, IntermediateKey.retired_at.is_(None))
        .values(retired_at=clock.now())
    )
    await session.commit()
    return moved


async def _rewrap_desk(session: AsyncSession, keys: Keys, fresh: UUID) -> int:
    rows = list(await session.scalars(select(DeskKey).where(DeskKey.intermediate_id != fresh)))
    for row in rows:
        row.wrapped = seal(
            keys._intermediates[fresh], keys._desk[row.name], bound_to("desk_key.wrapped", row.name)
        )
        row.intermediate_id = fresh
    await session.commit()
    return len(rows)


async def _rewrap_persons(session: AsyncSession, keys: Keys, fresh: UUID, *, wait: bool = False) -> int:
    """One batch; with `wait` all that is left, also rows that somebody else holds now."""
    rows = list(
        await session.scalars(
            select(PersonKey)
            .where(PersonKey.intermediate_id != fresh)
            .limit(None if wait else 500)
            .with_for_update(skip_locked=not wait)
        )
    )
    for row in rows:
        if row.intermediate_id not in keys._intermediates:
            await keys._refresh(session, row.intermediate_id)
        bound = bound_to("person_key.wrapped", row.person_id)
        key = unseal(keys._intermediates[row.intermediate_id], row.wrapped, bound)
        row.wrapped = seal(keys._intermediates[fresh], key, bound)
        row.intermediate_id = fresh
    await session.commit()
    return len(rows)


def _make_intermediate(session: AsyncSession, master: MasterKey) -> IntermediateKey:
    row_id = new_id()
    wrapped = seal(master.value, new_key(), bound_to("intermediate_key.wrapped", row_id))
    row = IntermediateKey(id=row_id, wrapped=wrapped, master=master.name)
    session.add(row)
    return row


async def _is_wanted(session: AsyncSession, row: IntermediateKey, masters: list[MasterKey]) -> bool:
    """A retired key under a master key that was given up is left alone, once nothing needs it."""
    if row.retired_at is None or any(master.name == row.master for master in masters):
        return True
    for model in (PersonKey, DeskKey):
        if await session.scalar(
            select(model.intermediate_id).where(model.intermediate_id == row.id).limit(1)
        ):
            return True
    return False


def _open_intermediate(row: IntermediateKey, masters: list[MasterKey]) -> bytes:
    fitting = next((master for master in masters if master.name == row.master), None)
    if fitting is None:
        raise StartError(
            "The master key does not fit this data: DESKBELL_MASTER_KEY must hold the key with fingerprint "
            f"{row.master}. Give back the key that this desk was made with."
        )
    return unseal(fitting.value, row.wrapped, bound_to("intermediate_key.wrapped", row.id))


__all__ = ["CACHE_SECONDS", "Keys", "MasterKey", "load", "rotate"]
