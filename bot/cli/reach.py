"""The desk that a command works on: the running one, the stopped one, or the one on a server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from adapters.files import make_store
from adapters.local.bus import LocalBus
from bot import migrate
from bot.app import database
from bot.backup.programs import Target
from bot.secrets import kept_keys, master_keys
from core.db import Database
from core.desk import Desk
from core.env_file import environment
from core.errors import StartError
from core.i18n import _
from core.settings import Settings


@dataclass(frozen=True, slots=True)
class Reached:
    """A database that answers, and the data folder that goes with it."""

    settings: Settings
    folder: Path
    db: Database
    target: Target
    running: bool
    """Whether another Deskbell works with it (seen for the embedded database only)."""

    async def desk(self) -> Desk:
        """The desk itself, with its keys. Raises `StartError` when it is not there, when a key is
        missing, or when its schema is not this program's."""
        at = await migrate.current(self.db.engine)
        if at is None:
            raise no_desk(self.settings, self.folder)
        if at != migrate.head():
            raise StartError(
                _(
                    "The database is at revision {at}, this program at {head}: run `deskbell migrate` "
                    "(after a backup), or the version of Deskbell that fits."
                ).format(at=at, head=migrate.head())
            )
        masters = await master_keys(self.settings, self.folder, self.db)
        return await Desk.open(self.db, make_store(environment(), self.folder), LocalBus(), masters)


@asynccontextmanager
async def reached(settings: Settings, *, create: bool = False) -> AsyncIterator[Reached]:
    """The database of a desk; with `create` a new one when there is none. A stopped embedded
    server is started for the time of it."""
    folder = settings.data.expanduser().absolute()
    async with AsyncExitStack() as stack:
        running = await _running(settings, folder)
        if running is not None:
            db = Database(running, pool=5)
            stack.push_async_callback(db.close)
        else:
            if not create and not settings.sqlalchemy_url and not (folder / "postgres").exists():
                raise no_desk(settings, folder)
            db = await stack.enter_async_context(database(settings, folder))
        yield Reached(settings, folder, db, Target.of(db.engine.url), running is not None)


def no_desk(settings: Settings, folder: Path) -> StartError:
    if settings.sqlalchemy_url:
        return StartError(
            _("There is no desk in the database of DATABASE_URL yet; `deskbell run` or `restore` makes one.")
        )
    return StartError(
        _("There is no desk in {path}; `deskbell run` makes one, or set DESKBELL_DATA to its folder.").format(
            path=folder
        )
    )


def where_is_the_master_key(settings: Settings, folder: Path) -> str:
    """Words about where the master key lies, and its fingerprint; never the key."""
    keys = kept_keys(settings, folder)
    named = ", ".join(key.name for key in keys)
    if settings.masters():
        return _("in the setting DESKBELL_MASTER_KEY (fingerprint {named})").format(named=named)
    return _("in {path} (fingerprint {named})").format(path=folder / "master.key", named=named)


async def _running(settings: Settings, folder: Path) -> str | None:
    if settings.sqlalchemy_url:
        return None
    from adapters.postgres import attach

    address = await attach(folder)
    return address.url if address is not None else None
