"""Which user of the system runs the server: PostgreSQL refuses to run as root."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from core.errors import StartError
from core.i18n import _

DEDICATED = "deskbell-pg"


@dataclass(frozen=True)
class Account:
    """A user of the system. `is_self` says that we already are this user."""

    name: str
    uid: int
    gid: int
    is_self: bool


def account_for(data: Path) -> Account:
    """The user who is to run the server of a data folder.

    An ordinary user runs it as themselves. Root runs it as the folder's owner where that owner
    has used it before, else as the user `deskbell-pg`, made when missing. Raises `StartError`.
    """
    if os.geteuid() != 0:
        return _known(os.geteuid(), is_self=True)
    cluster = data / "postgres"
    if cluster.is_dir() and (owner := cluster.stat().st_uid) and owner == data.stat().st_uid:
        return _known(owner, is_self=False)
    return _dedicated()


def own_name() -> str:
    """The name by which the server sees this process."""
    return _known(os.geteuid(), is_self=True).name


def _known(uid: int, *, is_self: bool) -> Account:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        raise StartError(
            _(
                "The user with number {uid} has no name on this system; give it one, or set DATABASE_URL."
            ).format(uid=uid)
        ) from None
    return Account(entry.pw_name, uid, entry.pw_gid, is_self)


def _dedicated() -> Account:
    for _attempt in range(3):
        try:
            entry = pwd.getpwnam(DEDICATED)
        except KeyError:
            _add_dedicated()
        else:
            return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, is_self=False)
    raise StartError(
        _(
            "PostgreSQL does not run as root; add a user named {user}, or run Deskbell as an ordinary user."
        ).format(user=DEDICATED)
    )


def _add_dedicated() -> None:
    """Add the user. Failing is no error yet: another start may just have added it."""
    program = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if program is None or sys.platform != "linux":
        return
    subprocess.run(  # noqa: S603
        [
            program,
            *("--system", "--user-group", "--no-create-home"),
            *("--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin", DEDICATED),
        ],
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=60,
    )
