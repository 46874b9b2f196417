"""Connecting a platform, in the order of the admin's page and of the command line: try the values, keep
them, look again later, find places for desk rooms. No platform is asked inside a transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from typing import TypeVar
from uuid import UUID

from core.access import Actor, Permission
from core.chat import Candidate, Checks, Connects, Finding, Guide, PostFailed, Preset, Tried
from core.desk import Desk
from core.errors import Invalid, Unavailable
from core.i18n import N_, _
from core.installations import environment, service
from core.installations.model import Installation, InstallationState
from core.installations.service import Connection

SECONDS = 30.0
ROOM_SECONDS = 12.0
LONGEST = 4_000
MOST_CANDIDATES = 200
T = TypeVar("T")
WORDS = {
    "renewal_refused": N_(
        "The platform gives no new token for the present one, which ends within two hours. Connect it anew; "
        "what waits is kept."
    ),
    "not_renewed": N_(
        "Its token has ended, and the platform has not given a new one yet. It is asked again and again; "
        "what waits is kept."
    ),
}
"""What may be the matter with a connection that is on."""


def offering(chats: Mapping[str, object]) -> dict[str, Connects]:
    """The platforms that can be connected, by name."""
    return {name: chat for name, chat in chats.items() if isinstance(chat, Connects)}


async def connect(
    desk: Desk, actor: Actor, platform: str, offer: Connects, guide: Guide, values: Mapping[str, str]
) -> tuple[UUID, Tried]:
    """Try the values and keep what holds: the connection's id, and what was found. Raises `Invalid` with
    the field that is wrong."""
    actor.require(Permission.manage_desk)
    asked = checked(guide, values)
    tried = await _answered(offer.try_out(asked), SECONDS)
    async with desk.unit(actor) as uow:
        row = await service.connect(
            uow,
            actor,
            platform=platform,
            external=tried.external,
            name=tried.name,
            secrets=tried.secrets,
        )
        return row.id, tried


def checked(guide: Guide, values: Mapping[str, str]) -> dict[str, str]:
    """The values that a guide asks for, without what surrounds them when they are copied."""
    found: dict[str, str] = {}
    for field in guide.fields:
        value = values.get(field.name, "").strip()
        if field.required and not value:
            raise Invalid(_("{what} is missing.").format(what=field.label), field=field.name)
        if len(value) > LONGEST or not value.isprintable():
            raise Invalid(_("{what} does not look like one.").format(what=field.label), field=field.name)
        found[field.name] = value
    return found


async def look(
    desk: Desk, actor: Actor, offer: Connects, platform: str, installation_id: UUID
) -> Sequence[Finding]:
    """What a connection lacks now, by its own tokens, and what else its adapter finds."""
    actor.require(Permission.manage_desk)
    findings = list(await _of_tokens(desk, offer, platform, installation_id))
    if isinstance(offer, Checks):
        findings += await _answered(offer.check(), SECONDS)
    return _once(findings)


async def given(offer: Connects) -> Tried | None:
    """What the environment's own tokens are for, now; None where it gives none. Raises `Invalid` where the
    platform refuses them."""
    values = offer.preset() if isinstance(offer, Preset) else {}
    return await _answered(offer.try_out(values), SECONDS) if values else None


async def candidates(offer: Connects, installation: str) -> Sequence[Candidate]:
    """Places that could become desk rooms; raises `Unavailable` where the platform does not answer."""
    return list(await _answered(offer.candidates(installation), ROOM_SECONDS))[:MOST_CANDIDATES]


def problem_words(row: Installation) -> str:
    """What is the matter with a connection; empty when nothing is."""
    if row.state == InstallationState.off:
        if row.problem == environment.NOT_NAMED:
            return _("The environment names it no more; what was said there stays.")
        return _("Disconnected. Its tokens are destroyed; what was said there stays.")
    if row.state == InstallationState.on:
        return _(WORDS[row.problem]) if row.problem in WORDS else ""
    if environment.names(row):
        return refused_words(row.platform)
    if row.problem == "token_revoked":
        return _("The platform does not take its token any more. Connect it anew; what waits is kept.")
    return _("The platform refuses it ({problem}). Connect it anew; what waits is kept.").format(
        problem=row.problem or "?"
    )


def refused_words(platform: str) -> str:
    """For a token that the environment gives and the platform does not take."""
    words = _(
        "The platform does not take the token that {setting} holds. Put one there that it takes and start the "
        "desk anew, or connect it here; what waits is kept."
    )
    return words.format(setting=environment.setting(platform))


async def _of_tokens(desk: Desk, offer: Connects, platform: str, installation_id: UUID) -> Sequence[Finding]:
    kept = await _kept(desk, platform, installation_id)
    try:
        tried = await _answered(offer.try_out(kept.secrets), SECONDS) if kept else await given(offer)
        return tried.findings if tried is not None else ()
    except Invalid as refused:
        return (Finding(refused.field or "token", False, refused.words),)


async def _kept(desk: Desk, platform: str, installation_id: UUID) -> Connection | None:
    async with desk.db.sessions() as session:
        known = await service.connections(session, desk.means.keys, platform, broken=True)
    return next((one for one in known if one.id == installation_id), None)


def _once(findings: Iterable[Finding]) -> list[Finding]:
    """Each finding once; those that are not well first."""
    return sorted(dict.fromkeys(findings), key=lambda one: one.ok)


async def _answered(asking: Awaitable[T], seconds: float) -> T:
    try:
        async with asyncio.timeout(seconds):
            return await asking
    except (PostFailed, TimeoutError, OSError):
        raise Unavailable(
            _("The platform does not answer right now. Please try again in a moment.")
        ) from None
