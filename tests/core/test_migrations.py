"""The migrations and the models tell the same story, and each step can be undone."""

from __future__ import annotations

import asyncio

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from adapters.postgres import Embedded
from bot import migrate
from core.models import Base


def test_the_newest_file_is_the_head() -> None:
    assert ScriptDirectory.from_config(migrate.config()).get_current_head() == migrate.head()


async def test_a_migrated_database_is_what_the_models_say(fresh_url: str) -> None:
    engine = create_async_engine(fresh_url)
    async with engine.connect() as connection:
        found = await connection.run_sync(
            lambda sync: compare_metadata(
                MigrationContext.configure(sync, opts={"compare_type": True}), Base.metadata
            )
        )
    await engine.dispose()
    assert found == []


async def test_one_step_down_and_up_again(server: Embedded, migrated: str) -> None:
    engine = create_async_engine(await server.create_database("stepping", template=migrated))

    def down(connection: Connection) -> None:
        config = migrate.config()
        config.attributes["connection"] = connection
        command.downgrade(config, "-1")
        connection.commit()

    async with engine.connect() as connection:
        await connection.run_sync(down)
    assert await migrate.current(engine) != migrate.head()
    assert await migrate.to_head(engine) == [migrate.head()]
    assert await migrate.to_head(engine) == []
    await engine.dispose()


async def test_two_programs_that_migrate_at_once_do_it_once(server: Embedded) -> None:
    url = await server.create_database("at_once")
    engines = [create_async_engine(url) for _program in range(2)]
    ran = await asyncio.gather(*(migrate.to_head(engine) for engine in engines))
    for engine in engines:
        await engine.dispose()
    none, all_of_them = sorted(ran)
    assert none == []
    assert all_of_them[0] == "0001"
    assert all_of_them[-1] == migrate.head()
