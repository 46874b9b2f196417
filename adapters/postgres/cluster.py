"""The database cluster in the data folder: made in one step, set up anew at each start."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from adapters.postgres.account import Account, own_name
from adapters.postgres.programs import MAJOR
from core.errors import StartError
from core.i18n import _

OWNER = "postgres"  # the cluster's superuser: makes databases, and nothing else
USER = "deskbell"  # owns the databases; the program knows only this one
_unfinished = "postgres.new-"
_WHO = f"local all all peer map=deskbell\nlocal replication {OWNER} peer map=deskbell\n"
"""The second is for `pg_basebackup`."""

Run = Callable[[list[str], Path], int]
"""Runs a program in a folder as the server's user; returns its exit code."""


def prepare(data: Path, account: Account, programs: Path, run: Run, *, durable: bool) -> Path:
    """Make the cluster when there is none, check that we can serve it, and write its settings.

    The caller holds the folder's lock and no server runs. Raises `StartError`.
    """
    cluster = data / "postgres"
    for leftover in data.glob(f"{_unfinished}*"):
        shutil.rmtree(leftover)
    if not cluster.exists():
        _make(cluster, account, programs, run, durable=durable)
    _check_version(cluster)
    _adopt(cluster, account)
    _write(cluster / "postgresql.conf", _settings(durable=durable), account)
    _write(cluster / "pg_hba.conf", _WHO, account)
    _write(cluster / "pg_ident.conf", _who_may(account), account)
    # No server runs, or the lock would be taken: the file is a dead one's, and its number may
    # by now be the number of another process, which would keep the server from starting.
    (cluster / "postmaster.pid").unlink(missing_ok=True)
    return cluster


def home(cluster: Path, account: Account) -> str:
    """The name under which the server, started inside its folder, finds that folder.

    Another user than ours may not walk the parents of a closed home. On Linux the folder that
    a process stands in has a name which needs no walk.
    """
    return str(cluster) if account.is_self or sys.platform != "linux" else "/proc/self/cwd"


def _make(cluster: Path, account: Account, programs: Path, run: Run, *, durable: bool) -> None:
    fresh = cluster.parent / f"{_unfinished}{secrets.token_hex(4)}"
    fresh.mkdir(mode=0o700)
    if not account.is_self:
        os.chown(fresh, account.uid, account.gid)
    code = run(
        [
            str(programs / "initdb"),
            *("--pgdata", home(fresh, account), "--username", OWNER),
            *("--auth-local=peer", "--auth-host=reject", "--data-checksums"),
            *("--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
            *("--no-instructions", "--sync-method=fsync" if durable else "--no-sync"),
        ],
        fresh,
    )
    if code:
        shutil.rmtree(fresh, ignore_errors=True)
        raise StartError(
            _("The database could not be made in {path}; {log} says why.").format(
                path=cluster, log=cluster.with_name("postgres.log")
            )
        )
    fresh.rename(cluster)
    _sync(cluster.parent)


def _check_version(cluster: Path) -> None:
    try:
        found = int((cluster / "PG_VERSION").read_text("ascii"))
    except PermissionError:
        raise StartError(
            _("The database in {path} belongs to another user; start Deskbell as that user.").format(
                path=cluster
            )
        ) from None
    except (OSError, ValueError):
        raise StartError(
            _("{path} holds no database; move it away and start again.").format(path=cluster)
        ) from None
    if found > MAJOR:
        raise StartError(
            _(
                "The database in {path} was made by PostgreSQL {found}, newer than {ours}; update Deskbell."
            ).format(path=cluster, found=found, ours=MAJOR)
        )
    if found < MAJOR:
        raise StartError(
            _(
                "The database in {path} was made by PostgreSQL {found}, this Deskbell needs {ours}; "
                "back it up with the Deskbell that made it and restore it here."
            ).format(path=cluster, found=found, ours=MAJOR)
        )


def _adopt(cluster: Path, account: Account) -> None:
    """Give root's copy of a cluster, or one from another machine, to the user who serves it here."""
    if cluster.stat().st_uid == account.uid:
        return
    if account.is_self:
        raise StartError(
            _("The database in {path} belongs to another user; start Deskbell as that user.").format(
                path=cluster
            )
        )
    for _path, _folders, files, number in os.fwalk(cluster):
        for name in files:
            os.chown(name, account.uid, account.gid, dir_fd=number, follow_symlinks=False)
        os.fchown(number, account.uid, account.gid)


def _write(path: Path, text: str, account: Account) -> None:
    """Replace a file. Root never writes through a name in a folder that belongs to another user."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    number = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(number, "w", encoding="utf-8") as file:
        file.write(text)
        if not account.is_self:
            os.fchown(number, account.uid, account.gid)
    fresh.replace(path)


def _who_may(account: Account) -> str:
    """The users of the system who may come in: whoever runs Deskbell, and the server's own user."""
    names = dict.fromkeys([own_name(), account.name])
    return "".join(f'deskbell "{name}" {role}\n' for name in names for role in (OWNER, USER))


def _settings(*, durable: bool) -> str:
    return _always + ("" if durable else _careless)


def _sync(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


_always = """\
# Written by Deskbell at each start. Settings of your own: ALTER SYSTEM, which is kept.
cluster_name = 'deskbell'
listen_addresses = ''
unix_socket_permissions = 0700
max_connections = 100

shared_buffers = '128MB'
# Shared memory of parallel queries in files: /dev/shm holds only 64 MB in a container, and is
# emptied under a running desk when its user signs out.
dynamic_shared_memory_type = mmap
jit = off
random_page_cost = 1.1

# One server without copies of its log: the shortest log, and little to replay after a crash.
wal_level = minimal
max_wal_senders = 0
max_wal_size = '512MB'
checkpoint_timeout = '15min'

# The log names what happened to the server, never what stands in a statement or a row: no
# statements, no errors of statements (they quote values), no details.
log_destination = 'stderr'
logging_collector = off
log_line_prefix = '%m [%p] '
log_min_messages = log
log_min_error_statement = panic
log_error_verbosity = terse
log_statement = none
log_min_duration_statement = -1
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
log_checkpoints = off
log_autovacuum_min_duration = -1
log_lock_waits = off

timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
"""

_careless = """
# For tests: nothing survives a crash of the machine.
fsync = off
synchronous_commit = off
full_page_writes = off
"""
