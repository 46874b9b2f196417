"""How calls ended, beside the engine's socket: whoever was away then, and missed its event, reads it here.

One empty file for each call of the last day, named by the call and the reason. What is not there
did not end in order: its engine was killed.
"""

from __future__ import annotations

import time
from pathlib import Path
from uuid import UUID

import structlog

from core.ports.media import Reason

log = structlog.get_logger("media.endings")
ENDINGS = "endings"
"""The folder's name in that of the spool."""
KEPT_SECONDS = 24 * 3600


class Endings:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def note(self, call: UUID, reason: Reason) -> None:
        """A disk that is full costs a word about the end, never the end itself."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            (self._folder / f"{call.hex}.{reason.value}").touch(mode=0o600)
        except OSError as error:
            log.warning("media.ending_not_noted", error=type(error).__name__)

    def of(self, call: UUID) -> Reason | None:
        """Why a call ended; None when nothing is known of its end."""
        for found in self._folder.glob(f"{call.hex}.*"):
            reason = found.suffix.removeprefix(".")
            if reason in Reason.__members__:
                return Reason(reason)
        return None

    def sweep(self) -> None:
        """Forget what is older than a day."""
        before = time.time() - KEPT_SECONDS
        for found in self._folder.glob("*.*"):
            if found.stat().st_mtime < before:
                found.unlink(missing_ok=True)
