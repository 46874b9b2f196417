"""A small desk with a past, and ways to read it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from sqlalchemy import select, text

from adapters.files.disk import DiskStore
from adapters.local.bus import LocalBus
from bot.backup.programs import Target
from core.conversations import attachments
from core.conversations import service as conversations
from core.conversations.model import Message
from core.crypto.fields import new_key
from core.crypto.keys import MasterKey
from core.db import Database
from core.desk import Desk
from core.people import service as people
from core.people.model import Erased
from core.tickets import access
from core.tickets import service as tickets

FILE = b"a plain file, long enough to be one\n" * 5000


@dataclass
class World:
    """A desk, what it stands on, and three people of it."""

    desk: Desk
    master: MasterKey
    folder: Path
    ada: UUID
    bob: UUID
    gone: UUID

    @property
    def target(self) -> Target:
        return Target.of(self.desk.db.engine.url)

    @property
    def files(self) -> DiskStore:
        return DiskStore(self.folder / "files")


async def open_desk(url: str, folder: Path, master: MasterKey) -> Desk:
    return await Desk.open(Database(url, pool=5), DiskStore(folder / "files"), LocalBus(), [master])


async def make_world(url: str, folder: Path) -> World:
    """Two requesters with a ticket each, an agent, a file, and a requester who was erased."""
    master = MasterKey(new_key())
    desk = await open_desk(url, folder, master)
    async with desk.unit() as uow:
        ada = await people.add(uow, name="Ada", email="ada@example.com")
        bob = await people.add(uow, name="Bob", role="agent")
        gone = await people.add(uow, name="Gone")
    world = World(desk, master, folder, ada.id, bob.id, gone.id)
    await open_ticket(desk, ada.id, "The printer is on fire", file=FILE)
    await open_ticket(desk, gone.id, "Forget me soon")
    await answer(desk, bob.id, 1, "Help is on its way")
    await erase(desk, gone.id)
    return world


async def open_ticket(desk: Desk, who: UUID, words: str, *, file: bytes = b"") -> int:
    async with desk.unit() as uow:
        person = await people.get(uow, who)
        actor = await people.actor_of(uow, person)
        ids = [(await attachments.upload(uow, who, "notes.txt", _chunks(file))).id] if file else []
        await uow.session.flush()
        opened = await tickets.open_ticket(uow, actor, person, tickets.Request(text=words, files=ids))
        return opened.number


async def answer(desk: Desk, who: UUID, number: int, words: str) -> None:
    async with desk.unit() as uow:
        actor = await people.actor_of(uow, await people.get(uow, who))
        await tickets.reply(uow, actor, number, words, hold=0)


async def erase(desk: Desk, who: UUID) -> None:
    """As the engine does it: the key goes, the list stays."""
    async with desk.unit() as uow:
        uow.session.add(Erased(person_id=who))
        await uow.keys.destroy_person(uow.session, who)


async def said(desk: Desk, number: int) -> list[str]:
    """What was said in a ticket."""
    async with desk.unit() as uow:
        opened = await access.get(uow, uow.actor, number)
        query = select(Message).where(Message.conversation_id == opened.thread.id).order_by(Message.seq)
        return [conversations.read(opened.thread, message) for message in await uow.session.scalars(query)]


async def subject(desk: Desk, number: int) -> str:
    async with desk.unit() as uow:
        return (await access.get(uow, uow.actor, number)).subject


async def name(desk: Desk, who: UUID) -> str:
    async with desk.unit() as uow:
        return (await people.know(uow, await people.get(uow, who))).name


async def read_file(desk: Desk, number: int) -> bytes:
    """The first file of a ticket."""
    async with desk.unit() as uow:
        opened = await access.get(uow, uow.actor, number)
        ids = list(
            await uow.session.scalars(select(Message.id).where(Message.conversation_id == opened.thread.id))
        )
        rows = await attachments.of_messages(uow.session, ids)
        row = next(iter(rows.values()))[0]
        store = uow.means.files
        return b"".join([piece async for piece in attachments.opened(row, opened.key).read(store)])


async def counts(desk: Desk) -> dict[str, int]:
    tables = ("ticket", "message", "event", "person", "attachment", "identity")
    async with desk.db.sessions() as session:
        return {table: await session.scalar(text(f"select count(*) from {table}")) or 0 for table in tables}


async def _chunks(content: bytes) -> AsyncIterator[bytes]:
    yield content
