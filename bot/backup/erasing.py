"""The list of erased people: written beside every backup, applied by every restore."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Literal
from uuid import UUID

import asyncpg
from pydantic import BaseModel, ConfigDict, ValidationError

from bot.backup.archive import NoBackup, write_private
from core import clock
from core.i18n import _


class ErasedList(BaseModel):
    """Ids and times, nothing else."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["deskbell erased"] = "deskbell erased"
    desk: UUID
    at: datetime
    persons: dict[UUID, datetime]


async def read(connection: asyncpg.Connection, desk: UUID) -> ErasedList:
    """The list as the database has it."""
    rows = await connection.fetch("select person_id, at from erased order by at")
    return ErasedList(desk=desk, at=clock.now(), persons={row["person_id"]: row["at"] for row in rows})


def write_file(path: Path, erased: ErasedList) -> None:
    write_private(path, erased.model_dump_json(indent=2).encode())


def read_file(path: Path) -> ErasedList:
    """Raises `NoBackup` for another file."""
    try:
        return ErasedList.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        raise NoBackup(
            _("{path} is no list of erased people: `deskbell erased FILE` writes one.").format(path=path)
        ) from None


async def apply(connection: asyncpg.Connection, added: Mapping[UUID, datetime]) -> int:
    """Put people on the list, and take from the database what the list forbids; returns how
    many people of this desk are on it. Runs inside the caller's transaction."""
    await connection.executemany(
        "insert into erased (person_id, at) values ($1, $2) on conflict do nothing", list(added.items())
    )
    for statement in _TAKEN:
        await connection.execute(statement)
    return int(
        await connection.fetchval("select count(*) from erased join person on person.id = erased.person_id")
    )


def _of_erased(table: str, column: str = "person_id") -> str:
    return f"delete from {table} where {column} in (select person_id from erased)"  # noqa: S608  our own words


_TAKEN: Iterable[str] = (
    # The key: from here on all that was sealed with it is noise.
    _of_erased("person_key"),
    """update person set name = null, display_name = null, email = null, email_digest = null,
         email_verified_at = null, profile = null, name_terms = '{}', active = false,
         erased_at = coalesce(person.erased_at, erased.at)
       from erased where erased.person_id = person.id""",
    _of_erased("identity"),
    _of_erased("credential"),
    _of_erased("session"),
    _of_erased("one_time_link"),
    _of_erased("api_token"),
    _of_erased("draft"),
    _of_erased("notice"),
    _of_erased("outbox_mail"),
    """update article_feedback set comment = null, person_id = null, reported_at = null
       where person_id in (select person_id from erased)""",
    """update suggestion set question = null, person_id = null
       where person_id in (select person_id from erased)""",
    _of_erased("lesson"),
    # What they wrote in other people's tickets is sealed under those people's keys.
    """update message set body = null, terms = '{}', deleted_at = coalesce(deleted_at, now())
       where author_id in (select person_id from erased)""",
    """delete from message_revision where message_id in
         (select id from message where author_id in (select person_id from erased))""",
    # The hashes of words in their own tickets.
    """update message set terms = '{}' where conversation_id in
         (select id from conversation where owner_id in (select person_id from erased))""",
)
