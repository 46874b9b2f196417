"""Looks at the processes of the desk, and at whoever takes their traces."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from sqlalchemy.exc import ProgrammingError

from bot.doctor.patient import Patient
from core import pulse
from core.admin.checkup import Line
from core.i18n import _, ngettext


async def parts(patient: Patient) -> Sequence[Line]:
    """By what each tells of itself; a part that ended in order is not missed."""
    try:
        async with patient.db.sessions() as session:
            rows = await pulse.parts(session)
    except ProgrammingError:
        return []  # an empty database, or an older one
    silent = sorted({row.name for row in rows if pulse.is_silent(row)})
    if silent:
        words = _("Silent, and did not end in order: {names}.").format(names=", ".join(silent))
        mend = _("Its log says why; start it again. A part that is gone on purpose is forgotten after a day.")
        return [Line("parts", "warn", words, mend)]
    versions = sorted({row.version for row in rows})
    if len(versions) > 1:
        words = _("Different versions run together: {versions}.").format(versions=", ".join(versions))
        return [Line("parts", "warn", words, _("Finish the upgrade: restart the older parts."))]
    if not rows:
        return [Line("parts", "ok", _("No part of the desk runs now."))]
    words = ngettext("{n} process runs.", "{n} processes run.", len(rows)).format(n=len(rows))
    return [Line("parts", "ok", words)]


async def traces(patient: Patient) -> Sequence[Line]:
    given = patient.settings
    if not given.otlp_endpoint:
        return [Line("traces", "ok", _("Nothing is traced."))]
    from adapters.otel import look

    if await asyncio.to_thread(look, given.otlp_endpoint, given.otlp_headers.get_secret_value()):
        return [Line("traces", "ok", _("The collector takes traces."))]
    words = _("The collector of OTEL_EXPORTER_OTLP_ENDPOINT does not take what is sent. The desk goes on.")
    return [Line("traces", "warn", words, _("Check its address, its key and that it runs."))]
