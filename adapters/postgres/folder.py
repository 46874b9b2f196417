"""The data folder, and the promise that only one Deskbell works in it."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from core.errors import StartError
from core.i18n import _

# A process that was killed holds its locks until the kernel has taken it down.
_DYING_SECONDS = 1.0


class DataFolder:
    """A claimed data folder. The claim is a lock of the kernel, which ends with the process.

    Raises `StartError` when another Deskbell works in the folder, or when it cannot be
    written. A new folder is made with mode 0700. The parts of one desk share it.
    """

    def __init__(self, path: Path, *, shared: bool = False) -> None:
        self.path = path.expanduser().absolute()
        self._lock = _take(self.path, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)

    def release(self) -> None:
        """Give the folder back. Calling it again does nothing."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def open_private(path: Path, flags: int) -> int:
    """Open a file of mode 0600. Made by root, it belongs to the owner of its folder, who may start next."""
    number = os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    if os.geteuid() == 0 and os.fstat(number).st_uid == 0:
        owner = path.parent.stat()
        os.fchown(number, owner.st_uid, owner.st_gid)
    return number


def _take(path: Path, how: int) -> int | None:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = open_private(path / "deskbell.lock", os.O_RDWR)
    except FileExistsError:
        raise StartError(
            _("The data path {path} is not a folder; set DESKBELL_DATA to one.").format(path=path)
        ) from None
    except OSError as error:
        raise StartError(
            _(
                "The data folder {path} cannot be written ({reason}); set DESKBELL_DATA to a folder of yours."
            ).format(path=path, reason=os.strerror(error.errno or errno.EIO))
        ) from error
    if not _is_ours_within(lock, how, _DYING_SECONDS):
        os.close(lock)
        raise StartError(
            _("The data folder {path} is in use by another Deskbell; stop it or set DESKBELL_DATA.").format(
                path=path
            )
        )
    return lock


def _is_ours_within(lock: int, how: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(lock, how | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        else:
            return True
