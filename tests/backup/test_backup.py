"""A backup of a desk at work, and what comes back of it: everything but who was erased."""

from __future__ import annotations

import asyncio
import itertools
import stat
import zipfile
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from adapters.files.disk import DiskStore
from adapters.postgres import Embedded
from bot.backup import archive, erasing
from bot.backup.archive import CannotWrite, KeysManifest, NoBackup, Reading, Writing
from bot.backup.make import export_erased, make, remove_old_keys
from bot.backup.programs import ProgramFailed, Target, load
from bot.backup.restore import Backup, NotEmpty, Restored, check_empty, restore
from bot.tell import Tell
from core import clock
from core.admin import audit
from core.crypto import keys as key_store
from core.crypto.fields import new_key
from core.crypto.keys import MasterKey
from core.db import Base, Database
from core.desk import Desk
from core.errors import StartError
from core.ids import new_id
from core.outbox_model import ReaderMark

from . import world as w
from .world import World

_numbers = itertools.count(1)


@pytest.fixture
async def world(fresh_url: str, tmp_path: Path) -> AsyncIterator[World]:
    made = await w.make_world(fresh_url, tmp_path / "first")
    yield made
    await made.desk.db.close()


@pytest.fixture
async def empty_url(server: Embedded) -> AsyncIterator[str]:
    name = f"empty{next(_numbers)}"
    yield await server.create_database(name)
    await server.drop_database(name)


async def put_back(
    url: str,
    folder: Path,
    file: Path,
    master: MasterKey,
    *,
    keys: Path | None = None,
    erased: Path | None = None,
) -> tuple[Restored, Desk]:
    """Restore as the command does, and open the desk that came back."""
    backup = Backup(file, keys)
    db = Database(url, pool=5)
    target, files = Target.of(db.engine.url), DiskStore(folder / "files")
    try:
        backup.check([master])
        await check_empty(target, files)
        listed = erasing.read_file(erased).persons if erased else {}
        done = await restore(backup, target, db, files, [master], erased=listed)
    finally:
        backup.close()
        await db.close()
    return done, await w.open_desk(url, folder, master)


async def test_all_comes_back_but_the_erased(world: World, tmp_path: Path, empty_url: str) -> None:
    file = tmp_path / "desk.backup"
    made = await make(world.target, world.files, file)
    before = await w.counts(world.desk)

    done, back = await put_back(empty_url, tmp_path / "second", file, world.master, keys=made.keys)
    assert await w.counts(back) == before | {"event": before["event"]}
    assert await w.said(back, 1) == ["The printer is on fire", "Help is on its way"]
    assert await w.read_file(back, 1) == w.FILE
    assert await w.name(back, world.ada) == "Ada"
    assert await w.subject(back, 2) == "(erased)"
    assert (done.persons, done.readable, done.erased) == (3, 2, 1)
    assert await w.open_ticket(back, world.ada, "Numbers go on") == 3
    await back.db.close()


async def test_saved_while_a_writer_keeps_adding(world: World, tmp_path: Path, empty_url: str) -> None:
    """What comes back is one moment: as many tickets as it says, each one whole."""
    stop = asyncio.Event()

    async def write() -> int:
        count = 0
        while not stop.is_set():
            count += 1
            number = await w.open_ticket(
                world.desk, world.ada, f"Ticket of the writer {count}", file=b"%d " % count
            )
            await w.answer(world.desk, world.bob, number, "Answer")
        return count

    writer = asyncio.create_task(write())
    while (await w.counts(world.desk))["ticket"] < 5:
        await asyncio.sleep(0.01)
    made = await make(world.target, world.files, tmp_path / "desk.backup")
    stop.set()
    assert await writer

    _done, back = await put_back(empty_url, tmp_path / "second", made.archive, world.master, keys=made.keys)
    after = await w.counts(back)
    assert after["ticket"] == made.manifest.counts["ticket"] >= 5
    assert after["message"] == made.manifest.counts["message"]
    for number in range(3, after["ticket"] + 1):
        assert (await w.said(back, number))[0] == f"Ticket of the writer {number - 2}"
        assert await w.read_file(back, number) == b"%d " % (number - 2)
    await back.db.close()


async def test_without_the_keys_nothing_can_be_read(world: World, tmp_path: Path, empty_url: str) -> None:
    made = await make(world.target, world.files, tmp_path / "desk.backup")
    done, back = await put_back(empty_url, tmp_path / "second", made.archive, world.master)
    assert done.readable == 0
    assert await w.name(back, world.ada) == "Erased person"
    assert await w.subject(back, 1) == "(erased)"
    await back.db.close()


async def test_no_key_of_a_person_is_in_the_archive(world: World, tmp_path: Path) -> None:
    made = await make(world.target, world.files, tmp_path / "desk.backup")
    async with world.desk.db.sessions() as session:
        wrapped = list(await session.scalars(text("select encode(wrapped, 'hex') from person_key")))
    dump = await _plain(world, made.archive)
    assert b"person_key" in dump
    assert not [one for one in wrapped if one.encode() in dump]
    for path in (made.archive, made.keys):
        assert world.master.value not in path.read_bytes()


async def test_erased_after_the_backup_by_a_newer_list(world: World, tmp_path: Path, empty_url: str) -> None:
    made = await make(world.target, world.files, tmp_path / "desk.backup")
    await w.erase(world.desk, world.ada)
    listed = await export_erased(world.target, tmp_path / "erased.json")
    assert set(listed.persons) == {world.ada, world.gone}

    done, back = await put_back(
        empty_url,
        tmp_path / "second",
        made.archive,
        world.master,
        keys=made.keys,
        erased=tmp_path / "erased.json",
    )
    assert done.erased == 2
    assert await w.name(back, world.ada) == "Erased person"
    assert await w.subject(back, 1) == "(erased)"
    async with back.db.sessions() as session:
        left = await session.scalar(
            text(
                "select count(*) from person where erased_at is not null and (email_digest is not null or name_terms <> '{}')"
            )
        )
        assert left == 0
    await back.db.close()


async def test_newer_keys_open_an_older_backup(world: World, tmp_path: Path, empty_url: str) -> None:
    """Also after a rotation; and they hold nothing of those who were erased since."""
    old = await make(world.target, world.files, tmp_path / "old.backup")
    old.keys.unlink()
    await w.erase(world.desk, world.bob)
    async with world.desk.db.sessions() as session:
        await key_store.rotate(session, world.desk.means.keys, [world.master])
    new = await make(world.target, world.files, tmp_path / "new.backup")

    done, back = await put_back(empty_url, tmp_path / "second", old.archive, world.master, keys=new.keys)
    assert (done.readable, await w.name(back, world.ada)) == (1, "Ada")
    await back.db.close()


async def test_readers_of_events_go_on_where_they_were(world: World, tmp_path: Path, empty_url: str) -> None:
    """The new server counts its transactions from the start: nothing is told twice or never."""
    async with world.desk.db.sessions() as session:
        await session.execute(text("update event set tx = tx + 1000000000"))
        await session.commit()
    heard: list[int] = []

    async def hear(_uow: object, event: object) -> None:
        heard.append(event.id)  # type: ignore[attr-defined]

    async with world.desk.db.sessions() as session:
        # Read up to the newest event, as a reader of that old server has.
        tx, told = (await session.execute(text("select max(tx), max(id) from event"))).one()
        session.add(ReaderMark(name="tell", tx=tx, event_id=told))
        await session.commit()
    await w.open_ticket(world.desk, world.ada, "Told by nobody yet")
    async with world.desk.db.sessions() as session:
        await session.execute(text("update event set tx = tx + 1000000000 where id > :told"), {"told": told})
        untold = await session.scalar(text("select count(*) from event where id > :told"), {"told": told})
        await session.commit()
    made = await make(world.target, world.files, tmp_path / "desk.backup")

    _done, back = await put_back(empty_url, tmp_path / "second", made.archive, world.master, keys=made.keys)
    heard.clear()
    while await Tell(back, [hear]).read():
        pass
    assert len(heard) == untold == len(set(heard))
    await w.open_ticket(back, world.ada, "Told after the restore")
    while await Tell(back, [hear]).read():
        pass
    assert len(heard) > untold
    assert heard == sorted(heard)
    await back.db.close()


async def test_the_audit_chain_still_holds(world: World, tmp_path: Path, empty_url: str) -> None:
    async with world.desk.unit() as uow:
        while await audit.seal(uow, 3):
            await uow.session.flush()
    async with world.desk.db.sessions() as session:
        # As if all that had happened on a server with a long life.
        await session.execute(text("update event set tx = tx + 1000000000"))
        await session.execute(
            text("update audit_seal set first_tx = first_tx + 1000000000, last_tx = last_tx + 1000000000")
        )
        await session.commit()
    made = await make(world.target, world.files, tmp_path / "desk.backup")
    _done, back = await put_back(empty_url, tmp_path / "second", made.archive, world.master, keys=made.keys)
    await w.open_ticket(back, world.ada, "Something new to seal")
    async with back.unit() as uow:
        assert await audit.seal(uow)
    async with back.db.sessions() as session:
        assert await audit.verify(session) == []
    await back.db.close()


def test_every_column_with_a_transaction_is_settled() -> None:
    """A new column of this kind must be moved by the restore as well."""
    columns = {
        f"{t.name}.{c.name}"
        for t in Base.metadata.tables.values()
        for c in t.columns
        if "tx" in c.name.split("_")
    }
    assert columns == {"event.tx", "reader_mark.tx", "audit_seal.first_tx", "audit_seal.last_tx"}


async def test_refused_into_what_is_not_empty(world: World, tmp_path: Path, empty_url: str) -> None:
    with pytest.raises(NotEmpty):
        await check_empty(world.target, DiskStore(tmp_path / "none"))
    empty = Database(empty_url, pool=1)
    with pytest.raises(NotEmpty):
        await check_empty(Target.of(empty.engine.url), world.files)
    await check_empty(Target.of(empty.engine.url), DiskStore(tmp_path / "none"))
    await empty.close()


async def test_the_master_key_must_fit(world: World, tmp_path: Path) -> None:
    made = await make(world.target, world.files, tmp_path / "desk.backup")
    backup = Backup(made.archive)
    with pytest.raises(StartError, match=world.master.name):
        backup.check([MasterKey(new_key())])
    with pytest.raises(StartError, match="no backup"):
        backup.check([])
    backup.close()


async def test_damage_is_seen_before_anything_is_done(world: World, tmp_path: Path) -> None:
    made = await make(world.target, world.files, tmp_path / "desk.backup")
    whole = made.archive.read_bytes()
    for at in (len(whole) // 3, len(whole) // 2):
        made.archive.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(NoBackup):  # noqa: PT012  opening may see it as well
            backup = Backup(made.archive)
            try:
                backup.check([world.master])
            finally:
                backup.close()
    made.archive.write_bytes(whole[:-100])
    with pytest.raises(NoBackup):
        Backup(made.archive)
    made.archive.write_bytes(b"no backup at all")
    with pytest.raises(NoBackup):
        Backup(made.archive)


async def test_keys_of_another_desk_are_refused(
    world: World, tmp_path: Path, server: Embedded, migrated: str
) -> None:
    url = await server.create_database("another", template=migrated)
    other = await w.make_world(url, tmp_path / "other")
    theirs = await make(other.target, other.files, tmp_path / "theirs.backup")
    await other.desk.db.close()
    ours = await make(world.target, world.files, tmp_path / "ours.backup")
    backup = Backup(ours.archive, theirs.keys)
    with pytest.raises((NoBackup, StartError)):
        backup.check([world.master, other.master])
    backup.close()
    await server.drop_database("another")


async def test_files_are_for_the_owner_only_and_never_written_over(world: World, tmp_path: Path) -> None:
    made = await make(world.target, world.files, tmp_path / "desk.backup")
    for path in (made.archive, made.keys, made.erased):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(CannotWrite):
        await make(world.target, world.files, tmp_path / "desk.backup")
    assert not list(tmp_path.glob(".*.partial"))


async def test_old_keys_are_removed_and_nothing_else(world: World, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    desk = (await make(world.target, world.files, folder / "now")).manifest.desk
    old = _keys_file(folder / "old.keys", desk, days=8)
    kept = [
        _keys_file(folder / "young.keys", desk, days=6),
        _keys_file(folder / "foreign.keys", new_id(), days=80),
        folder / "mine.keys",
    ]
    kept[-1].write_text("the keys of my house")
    made = await make(world.target, world.files, folder / "next")
    assert made.removed == (old,)
    assert not old.exists()
    assert all(path.exists() for path in [*kept, made.keys, folder / "now.keys"])
    assert remove_old_keys(made.keys, desk, clock.now()) == tuple(sorted([kept[0], folder / "now.keys"]))


async def test_a_dump_that_breaks_leaves_an_empty_database(
    empty_url: str, world: World, tmp_path: Path
) -> None:
    made = await make(world.target, world.files, tmp_path / "desk.backup")
    with Reading(made.archive) as reading:
        dump = b"".join(reading.pieces(archive.DUMP))

    async def half() -> AsyncIterator[bytes]:
        yield dump[: len(dump) // 2]

    empty = Database(empty_url, pool=1)
    target = Target.of(empty.engine.url)
    with pytest.raises(ProgramFailed):
        await load(target, half())
    await check_empty(target, DiskStore(tmp_path / "none"))
    await empty.close()


def _keys_file(path: Path, desk: object, *, days: int) -> Path:
    with Writing(path) as keys:
        keys.publish(
            KeysManifest(
                id=new_id(),
                desk=desk,
                at=clock.now() - timedelta(days=days),
                persons=0,
                intermediates=(),
                sums=keys.sums(),
            )
        )
    return path


async def _plain(world: World, path: Path) -> bytes:
    """The dump as text."""
    with zipfile.ZipFile(path) as whole:
        dump = whole.read(archive.DUMP)
    process = await asyncio.create_subprocess_exec(
        world.target.program("pg_restore"),
        "--file=-",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=world.target.env,
    )
    out, _err = await process.communicate(dump)
    assert process.returncode == 0
    return out
