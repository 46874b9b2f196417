"""`deskbell doctor` and the admin's page "Check-up": everything that a desk stands on is asked at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from bot.doctor import outside, platforms, running, stored
from bot.doctor.patient import Patient
from core.admin.checkup import Line
from core.errors import DeskError
from core.i18n import _

log = structlog.get_logger("bot.doctor")
SECONDS = 20.0
Look = Callable[[Patient], Awaitable[Sequence[Line]]]
LOOKS: dict[str, Look] = {
    "settings": outside.settings,
    "database": stored.database,
    "migrations": stored.migrations,
    "master_key": stored.master_key,
    "backup": stored.backup,
    "clock": stored.clock,
    "storage": stored.storage,
    "redis": outside.redis,
    "mail": outside.mail,
    "turn": outside.turn,
    "parts": running.parts,
    "traces": running.traces,
    "platforms": platforms.platforms,
}
"""By the name of their lines, in the order in which they are told."""


async def examine(patient: Patient) -> list[Line]:
    """All looks at once; none takes longer than `SECONDS`."""
    found = await asyncio.gather(*(_looked(name, look, patient) for name, look in LOOKS.items()))
    return [line for lines in found for line in lines]


async def _looked(name: str, look: Look, patient: Patient) -> Sequence[Line]:
    """An edge: a look that fails is a finding like the others."""
    try:
        async with asyncio.timeout(SECONDS):
            return await look(patient)
    except TimeoutError:
        return [
            Line(name, "fail", _("It did not answer in time."), _("See whether it runs and can be reached."))
        ]
    except DeskError as error:
        return [Line(name, "fail", error.words)]
    except Exception as error:
        log.exception("doctor.look_failed", look=name, exc_info=error)
        return [
            Line(
                name,
                "fail",
                _("The look itself failed ({code}); the log says where.").format(code=type(error).__name__),
            )
        ]
