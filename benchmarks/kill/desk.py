"""The desk's database: set up before the first start, and read to see what became of something."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
from pydantic import SecretStr

from adapters.postgres import attach
from core.settings import Settings


async def settle(
    data: Path,
    sides: dict[str, dict[str, Any]],
    hold: int,
    rule: str = "assignee",
    *,
    url: str = "",
    more: dict[str, Any] | None = None,
) -> str:
    """On each platform an agent whose chat is linked, and a desk room where one is named; as an admin
    would do it. Returns a token with which an admin's script may read the tickets."""
    from bot.app import compose
    from core import desk_settings
    from core.access import SYSTEM
    from core.chat import Place
    from core.crypto.fields import seal_text
    from core.people import service as people
    from core.people import tokens
    from core.people.model import Identity
    from core.rooms import service as rooms
    from core.rooms.model import RoomRule

    settings = Settings(_env_file=None, data=data, database_url=SecretStr(url))
    async with compose(settings) as app, app.desk.unit() as uow:
        await desk_settings.store(uow.session, {"hold_seconds": hold, **(more or {})})
        for name, one in sides.items():
            external, called = one["agent"]
            address = f"{name}@desk.example"
            person = await people.add(uow, name=called, role="agent", email=address, verified=True)
            digest = people.digest_of_identity(uow, name, one["installation"], external)
            identity = Identity(person_id=person.id, platform=name, digest=digest)
            key = await uow.keys.of_person(uow.session, person.id)
            identity.external = seal_text(key, external, "identity.external", identity.id)
            uow.session.add(identity)
            if one.get("room"):
                place = Place(name, one["installation"], one["room"])
                await rooms.add(uow, SYSTEM, place, name=f"Desk room ({name})", rule=RoomRule(rule))
        admin = await people.add(uow, name="Admin", role="admin", email="admin@desk.example", verified=True)
        return await tokens.make(uow, admin, "benchmark", ["tickets:read"])


@dataclass(frozen=True, slots=True)
class Rows:
    """What waits, and what was given up."""

    due: int
    later: int
    received: int
    dead: int
    parked: int


async def rows(data: Path) -> Rows | None:
    """None where the database cannot be reached now."""
    found = await _ask(
        data,
        "select (select count(*) from delivery where state='due' and due_at < now() + interval '20 s') as due,"
        " (select count(*) from delivery where state='due' and due_at >= now() + interval '20 s') as later,"
        " (select count(*) from inbound where state='received') as received,"
        " (select count(*) from delivery where state='dead') as dead,"
        " (select count(*) from inbound where state in ('parked','held')) as parked",
    )
    return Rows(**dict(found[0])) if found else None


async def stuck(data: Path) -> list[str]:
    """What waits or was given up, and what the desk notes of it; the oldest few."""
    deliveries = await _ask(
        data,
        "select id, kind, state, split_part(place_key, chr(31), 1) as platform, part, attempts, error, created_at,"
        " due_at, now() as now, lease_until, args from delivery where state in ('due', 'dead') order by id limit 5",
    )
    inbound = await _ask(
        data, "select * from inbound where state in ('received', 'parked', 'held') order by id limit 5"
    )
    return [f"delivery {_shown(one)}" for one in deliveries] + [f"inbound {_shown(one)}" for one in inbound]


async def story(data: Path, native: str) -> list[str]:
    """What the desk knows of a message of a platform: its copies and its deliveries."""
    copies = await _ask(
        data,
        "select c.message_id, m.seq, m.side, m.kind, m.revision, m.at, m.deleted_at, c.place_key, c.native, c.part,"
        " c.origin, c.at as copied from message_copy c join message m on m.id = c.message_id where c.message_id in"
        " (select message_id from message_copy where native = $1) order by c.at",
        native,
    )
    lines = [f"copy {_shown(one)}" for one in copies]
    for message in {one["message_id"] for one in copies}:
        found = await _ask(
            data,
            "select id, kind, state, place_key, part, attempts, native, error, created_at, sent_at, args"
            " from delivery where message_id = $1 order by id",
            message,
        )
        lines += [f"delivery {_shown(one)}" for one in found]
    return lines or ["the desk has no message with this id"]


async def _ask(data: Path, query: str, *values: Any) -> list[Any]:
    address = await attach(data)
    if address is None:
        return []
    try:
        connection = await asyncpg.connect(address.dsn, timeout=5)
    except (OSError, asyncpg.PostgresError):
        return []
    try:
        return list(await connection.fetch(query, *values))
    finally:
        await connection.close()


def _shown(row: Any) -> str:
    return " ".join(
        f"{name}={str(value).replace(chr(31), '/')}" for name, value in row.items() if value is not None
    )
