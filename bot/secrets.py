"""The master key: from the setting, or from `master.key` beside the data.

The file is made once, for a new desk on the embedded database, with rights for its owner
only. A key is never invented for data that exist: it could not open them.
"""

from __future__ import annotations

import base64
import os
from pathlib import Path

from sqlalchemy import text

from core.crypto.fields import new_key
from core.crypto.keys import MasterKey
from core.db import Database
from core.errors import StartError
from core.i18n import _
from core.ids import new_id
from core.settings import Settings

FILE = "master.key"


async def master_keys(settings: Settings, folder: Path, db: Database) -> list[MasterKey]:
    """The master keys of the desk in `db`; the first one wraps what is new.

    DESKBELL_MASTER_KEY goes before `folder/master.key`. Raises `StartError` when neither is
    there and the desk is not a new, embedded one. Whether the keys fit is seen by `Desk.open`.
    """
    keys = kept_keys(settings, folder)
    if keys:
        return keys
    if await is_new(db):
        if settings.sqlalchemy_url:
            raise StartError(
                _(
                    "DESKBELL_MASTER_KEY is unset: a desk on the server of DATABASE_URL needs a master key. "
                    "Make one with `openssl rand -base64 32`, and keep a copy of it elsewhere."
                )
            )
        return [make_file(folder)]
    raise StartError(
        _(
            "The master key of this desk is missing: put back {path}, or set DESKBELL_MASTER_KEY to the key "
            "the desk was made with."
        ).format(path=folder / FILE)
    )


def kept_keys(settings: Settings, folder: Path) -> list[MasterKey]:
    """The keys of the setting, else those of the file; empty when there are none."""
    return settings.masters() or read_file(folder / FILE)


def read_file(path: Path) -> list[MasterKey]:
    """The keys in a file, one a line or separated by commas; empty when there is no file."""
    try:
        content = path.read_text("ascii")
    except FileNotFoundError:
        return []
    except UnicodeDecodeError:
        content = "?"
    except OSError as error:
        raise StartError(
            _("The master key {path} cannot be read ({reason}); start Deskbell as the owner of it.").format(
                path=path, reason=error.strerror
            )
        ) from error
    parts = [part for part in content.replace("\n", ",").split(",") if part.strip()]
    try:
        if parts:
            return [MasterKey.parse(part) for part in parts]
    except StartError:
        pass
    raise StartError(
        _(
            "The master key {path} is damaged: it must hold 44 characters of base64. Put your copy back."
        ).format(path=path)
    )


def make_file(folder: Path) -> MasterKey:
    """A new master key in `folder/master.key`, mode 0600; whole or not there at all."""
    key = MasterKey(new_key())
    path = folder / FILE
    fresh = folder / f".{FILE}.{new_id()}"
    try:
        number = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(number, "wb") as file:
            file.write(base64.b64encode(key.value) + b"\n")
            file.flush()
            os.fsync(file.fileno())
            _give_to_owner_of(folder, file.fileno())
        fresh.rename(path)
        _sync(folder)
    except OSError as error:
        raise StartError(
            _("The master key {path} cannot be written ({reason}).").format(path=path, reason=error.strerror)
        ) from error
    return key


async def is_new(db: Database) -> bool:
    """Whether no desk was ever opened in this database: it has no key."""
    async with db.engine.connect() as connection:
        if await connection.scalar(text("select to_regclass('intermediate_key')")) is None:
            return True
        return await connection.scalar(text("select 1 from intermediate_key limit 1")) is None


def _give_to_owner_of(folder: Path, number: int) -> None:
    """What root makes belongs to the owner of the folder, who may start the desk next time."""
    if os.geteuid() == 0:
        owner = folder.stat()
        os.fchown(number, owner.st_uid, owner.st_gid)


def _sync(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
