"""Looks at each connection: whether its tokens are taken, and which rights are missing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from bot.doctor.patient import Patient
from core.access import SYSTEM
from core.admin.checkup import Line
from core.chat import Connects, Finding, Place
from core.desk import Desk
from core.errors import DeskError, Invalid
from core.i18n import _
from core.installations import connecting, environment, service
from core.installations.model import Installation, InstallationState
from core.rooms import service as rooms
from core.rooms.model import DeskRoom


async def platforms(patient: Patient) -> Sequence[Line]:
    desk = patient.desk
    if desk is None:
        return []
    async with desk.db.sessions() as session:
        gone = [room for room, _at in await rooms.lost(session)]
        shut = [room for room, _at in await rooms.shut(session)]
        rows = [row for row in await service.listed(session) if row.state != InstallationState.off]
    offers = connecting.offering(patient.chats)
    looks = [_one(desk, row, offers.get(row.platform), patient) for row in rows if not environment.names(row)]
    looks += [_of_environment(name, offer, rows, patient) for name, offer in offers.items()]
    lines = [line for found in await asyncio.gather(*looks) for line in found]
    lines += map(_lost, gone)
    lines += map(_shut, shut)
    if not lines:
        words = _("No chat platform is connected.")
        return [Line("platforms", "ok", words, _("Connect one in the desk under Admin, Connections."))]
    return lines


def _lost(room: DeskRoom) -> Line:
    words = _(
        "The place is gone, or the bot is not there any more: no ticket shows there. Let the bot in and add the room anew."
    )
    return _of_room(room, words, _("See its page under Admin, Connections."))


def _shut(room: DeskRoom) -> Line:
    words = _(
        "The channel was archived, or the bot was removed from it: agents see nothing new there. Open it again and invite the bot; what waits goes out then."
    )
    return _of_room(room, words)


def _of_room(room: DeskRoom, words: str, mend: str = "") -> Line:
    place = Place.from_key(room.place_key)
    return Line(
        place.platform, "warn", f"{place.platform.title()}, {room.name or place.channel}: {words}", mend
    )


async def _of_environment(
    name: str, offer: Connects, rows: Sequence[Installation], patient: Patient
) -> Sequence[Line]:
    """What the environment connects, asked now; and what it connected before, for which something waits."""
    mine = [row for row in rows if row.platform == name]
    try:
        tried = await connecting.given(offer)
    except Invalid as error:
        mend = connecting.refused_words(name)
        return [Line(name, "fail", f"{name.title()}, {_('by the environment')}: {error.words}", mend)]
    except DeskError as error:
        return [Line(name, "fail", f"{name.title()}, {_('by the environment')}: {error.words}")]
    lines = [
        Line(name, "fail", f"{name.title()}, {row.name or row.external}: {connecting.problem_words(row)}")
        for row in mine
        if environment.names(row) and row.external and (tried is None or row.external != tried.external)
    ]
    if tried is not None and not any(row.external == tried.external and row.secrets for row in mine):
        title = f"{name.title()}, {tried.name or tried.external} ({_('by the environment')})"
        missing = [one for one in tried.findings if not one.ok]
        lines.append(_told(name, title, missing, _tokens(offer, patient)))
    return lines


async def _one(desk: Desk, row: Installation, offer: Connects | None, patient: Patient) -> Sequence[Line]:
    name, title = row.platform, f"{row.platform.title()}, {row.name}"
    if offer is None:
        words = _("{title}: this program does not know it any more.").format(title=title)
        return [Line(name, "warn", words)]
    if problem := connecting.problem_words(row):
        return [Line(name, "fail", f"{title}: {problem}", _("See its page under Admin, Connections."))]
    try:
        findings = await connecting.look(desk, SYSTEM, offer, row.platform, row.id)
    except DeskError as error:
        return [Line(name, "fail", f"{title}: {error.words}")]
    return [_told(name, title, [one for one in findings if not one.ok], _tokens(offer, patient))]


def _tokens(offer: Connects, patient: Patient) -> set[str]:
    """Findings of these names are about the tokens themselves."""
    return {field.name for field in offer.guide(patient.settings.url).fields} | {"token"}


def _told(name: str, title: str, missing: Sequence[Finding], tokens: set[str]) -> Line:
    if not missing:
        return Line(
            name, "ok", _("{title}: its tokens are taken, and it may do all it needs.").format(title=title)
        )
    told = " ".join(f"{one.name}: {one.words}" for one in missing[:5])
    refused = any(one.name in tokens for one in missing)
    mend = _("See its page under Admin, Connections.")
    return Line(name, "fail" if refused else "warn", f"{title}: {told}", mend)
