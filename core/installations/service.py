"""Connect, change and disconnect platforms; tokens are sealed and never shown again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from core import clock
from core.access import Actor, Permission
from core.crypto.fields import seal_json, unseal_json
from core.crypto.keys import Keys
from core.db import UnitOfWork
from core.errors import Invalid, NotFound
from core.i18n import _
from core.installations.events import InstallationBroken, InstallationConnected, InstallationDisconnected
from core.installations.model import Installation, InstallationState

_SEALED = "installation.secrets"


@dataclass(frozen=True, slots=True)
class Connection:
    """An installation in the clear, for its adapter alone: never logged, never kept on a page."""

    id: UUID
    platform: str
    external: str
    name: str
    secrets: Mapping[str, str]
    settings: Mapping[str, Any]
    state: str = InstallationState.on.value

    def __repr__(self) -> str:
        return f"<Connection {self.platform} {self.external}>"


async def connections(
    session: AsyncSession, keys: Keys, platform: str, *, broken: bool = False
) -> Sequence[Connection]:
    """The connections of a platform that are on; with `broken` also those whose token was refused. Without
    tokens of its own a row only tells the admins of what the environment connects."""
    states = [InstallationState.on.value] + ([InstallationState.broken.value] if broken else [])
    rows = await session.scalars(
        select(Installation)
        .where(Installation.platform == platform, Installation.state.in_(states))
        .where(Installation.secrets.is_not(None))
        .order_by(Installation.created_at)
    )
    return [_opened(keys, row) for row in rows]


async def apart(session: AsyncSession, platform: str) -> Mapping[str, frozenset[str]]:
    """Each connection by itself: for platforms whose connections have nothing in common."""
    query = select(Installation.external).where(
        Installation.platform == platform,
        Installation.state != InstallationState.off,
        Installation.secrets.is_not(None),
    )
    return {external: frozenset({external}) for external in await session.scalars(query)}


async def listed(session: AsyncSession) -> Sequence[Installation]:
    """All installations, without their tokens."""
    query = select(Installation).order_by(Installation.platform, Installation.created_at)
    return list(await session.scalars(query))


async def connect(
    uow: UnitOfWork,
    actor: Actor,
    *,
    platform: str,
    external: str,
    name: str,
    secrets: Mapping[str, str],
    settings: Mapping[str, Any] | None = None,
) -> Installation:
    """A new connection, or new tokens for one that is known."""
    actor.require(Permission.manage_desk)
    row = await by_external(uow.session, platform, external)
    if row is None:
        row = Installation(platform=platform, external=external)
        uow.session.add(row)
        await uow.session.flush()
    row.name = name[:120]
    row.secrets = seal_json(uow.keys.desk, dict(secrets), _SEALED, row.id)
    if settings is not None:
        row.settings = dict(settings)
    row.state, row.problem = InstallationState.on.value, None
    row.version += 1
    row.updated_at = clock.now()
    uow.emit(InstallationConnected(subject=row.id, platform=platform), actor=actor)
    return row


async def renew(uow: UnitOfWork, installation_id: UUID, secrets: Mapping[str, str]) -> None:
    """The platform rotated its tokens; what was the matter with the old ones is over."""
    sealed = seal_json(uow.keys.desk, dict(secrets), _SEALED, installation_id)
    await uow.session.execute(
        update(Installation)
        .where(Installation.id == installation_id)
        .values(secrets=sealed, problem=None, updated_at=clock.now())
    )


async def note_problem(uow: UnitOfWork, installation_id: UUID, problem: str) -> None:
    """It is on, and something is the matter that the admins should read. `problem` is a code."""
    await uow.session.execute(
        update(Installation)
        .where(Installation.id == installation_id, Installation.state == InstallationState.on.value)
        .where(Installation.problem.is_distinct_from(problem))
        .values(problem=problem[:100], updated_at=clock.now())
    )


async def disconnect(uow: UnitOfWork, actor: Actor, installation_id: UUID) -> Installation:
    """Off, and its tokens destroyed; what was said there stays."""
    actor.require(Permission.manage_desk)
    row = await get(uow.session, installation_id)
    if row.secrets is None and row.state == InstallationState.on:
        words = _("The environment connects it: take its token out there and start the desk anew.")
        raise Invalid(words)
    row.state, row.secrets, row.updated_at = InstallationState.off.value, None, clock.now()
    uow.emit(InstallationDisconnected(subject=row.id, platform=row.platform), actor=actor)
    return row


async def note_broken(uow: UnitOfWork, platform: str, external: str, problem: str) -> bool:
    """Its token is refused: shown to the admins, also where the token is the environment's. `problem` is
    a code. False when that was known."""
    row = await by_external(uow.session, platform, external)
    if not external or (row is not None and row.state != InstallationState.on):
        return False
    if row is None:
        row = Installation(platform=platform, external=external)
        uow.session.add(row)
        await uow.session.flush()
    row.state, row.problem, row.updated_at = InstallationState.broken.value, problem[:100], clock.now()
    uow.emit(InstallationBroken(subject=row.id, platform=platform, problem=problem[:100]))
    return True


async def get(session: AsyncSession, installation_id: UUID) -> Installation:
    row = await session.get(Installation, installation_id)
    if row is None:
        raise NotFound(_("There is no such connection."))
    return row


async def by_external(session: AsyncSession, platform: str, external: str) -> Installation | None:
    found: Installation | None = await session.scalar(
        select(Installation).where(Installation.platform == platform, Installation.external == external)
    )
    return found


def _opened(keys: Keys, row: Installation) -> Connection:
    secrets = {} if row.secrets is None else unseal_json(keys.desk, row.secrets, _SEALED, row.id)
    return Connection(row.id, row.platform, row.external, row.name, secrets, row.settings, row.state)
