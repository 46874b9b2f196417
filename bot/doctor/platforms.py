"""Looks at each connection: whether its tokens are taken, and which rights are missing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from bot.doctor.patient import Patient
from core.access import SYSTEM
from core.admin.checkup import Line
from core.chat import Connects, Finding
from core.desk import Desk
from core.errors import DeskError
from core.i18n import _
from core.installations import connecting, service
from core.installations.model import Installation, InstallationState


async def platforms(patient: Patient) -> Sequence[Line]:
    desk = patient.desk
    if desk is None:
        return []
    async with desk.db.sessions() as session:
        rows = [row for row in await service.listed(session) if row.state != InstallationState.off]
    if not rows:
        words = _("No chat platform is connected.")
        return [Line("platforms", "ok", words, _("Connect one in the desk under Admin, Connections."))]
    offers = connecting.offering(patient.chats)
    return await asyncio.gather(*(_one(desk, row, offers.get(row.platform), patient) for row in rows))


async def _one(desk: Desk, row: Installation, offer: Connects | None, patient: Patient) -> Line:
    name, title = row.platform, f"{row.platform.title()}, {row.name}"
    if offer is None:
        words = _("{title}: this program does not know it any more.").format(title=title)
        return Line(name, "warn", words)
    if row.state == InstallationState.broken:
        return Line(name, "fail", f"{title}: {connecting.problem_words(row)}")
    try:
        findings = await connecting.look(desk, SYSTEM, offer, row.platform, row.id)
    except DeskError as error:
        return Line(name, "fail", f"{title}: {error.words}")
    tokens = {field.name for field in offer.guide(patient.settings.url).fields} | {"token"}
    return _told(name, title, [one for one in findings if not one.ok], tokens)


def _told(name: str, title: str, missing: Sequence[Finding], tokens: set[str]) -> Line:
    if not missing:
        return Line(
            name, "ok", _("{title}: its tokens are taken, and it may do all it needs.").format(title=title)
        )
    told = " ".join(f"{one.name}: {one.words}" for one in missing[:5])
    refused = any(one.name in tokens for one in missing)
    mend = _("See its page under Admin, Connections.")
    return Line(name, "fail" if refused else "warn", f"{title}: {told}", mend)
