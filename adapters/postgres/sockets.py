"""The folder of the server's socket: closed to others, and short whatever the data path is."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
import tempfile
from pathlib import Path

from adapters.postgres.account import Account
from core.errors import StartError
from core.i18n import _

_prefix = "deskbell-"
_file = ".s.PGSQL.5432"
_longest = 103  # macOS allows one path of 104 bytes with its end mark, Linux 108


def propose() -> Path:
    """A path that does not exist yet, with a name nobody can guess.

    Not under XDG_RUNTIME_DIR: that one vanishes when its user signs out, and the desk goes on.
    """
    for base in _bases():
        folder = base / f"{_prefix}{secrets.token_hex(8)}"
        if len(os.fsencode(folder / _file)) <= _longest and _is_safe(base):
            return folder
    raise StartError(
        _("No folder for the database's socket can be written; set TMPDIR to a short path of yours.")
    )


def make(folder: Path, account: Account) -> None:
    """Make the folder, mode 0700, for the server's user."""
    folder.mkdir(mode=0o700)
    if not account.is_self:
        os.chown(folder, account.uid, account.gid)


def clean(folder: Path) -> None:
    """Remove what a killed server left. Only a folder of our naming with our files is touched."""
    if not folder.name.startswith(_prefix):
        return
    with contextlib.suppress(OSError):
        if stat.S_ISDIR(folder.lstat().st_mode):
            for name in (_file, f"{_file}.lock"):
                (folder / name).unlink(missing_ok=True)
            folder.rmdir()


def _bases() -> list[Path]:
    system = [Path("/run")] if os.geteuid() == 0 else []
    return [*system, Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")]  # noqa: S108


def _is_safe(base: Path) -> bool:
    """Writable for us, and nobody else may rename what is in it."""
    if not os.access(base, os.W_OK | os.X_OK):
        return False
    facts = base.stat()
    shared = facts.st_mode & 0o022
    return facts.st_uid in {0, os.geteuid()} and (not shared or bool(facts.st_mode & stat.S_ISVTX))
