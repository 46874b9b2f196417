"""A desk between two platforms: requesters on one, a desk room on the other."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bot import wiring
from bot.post import Posting
from bot.router import Router
from bot.tell import Tell
from core import clock
from core.access import Actor
from core.chat import (
    Answer,
    Deleted,
    Edited,
    FileRef,
    Invoked,
    Limits,
    Place,
    Pressed,
    Reacted,
    Said,
    Sender,
    Submitted,
)
from core.desk import Desk
from core.people import service as people
from core.people.model import Identity
from core.rooms import service as rooms
from core.rooms.model import RoomRule
from core.settings import Settings
from tests.fakes.chat import FakePlatform

ROOM = Place("there", "main", "desk-room")
_natives = itertools.count(1)


@dataclass
class House:
    """The whole way, without a network: what people say and press, and what platforms show then."""

    desk: Desk
    here: FakePlatform
    there: FakePlatform
    router: Router
    tell: Tell
    posting: Posting
    admin: Actor
    answers: list[Answer] = field(default_factory=list)
    time: datetime | None = None

    async def says(
        self,
        who: str,
        text: str,
        place: Place | None = None,
        *,
        files: tuple[FileRef, ...] = (),
        direct: bool = True,
        **more: Any,
    ) -> str:
        """Somebody says something; returns the platform's id of it. Where nothing else is given, to
        the bot alone."""
        native = f"p{next(_natives)}"
        said = Said(
            place=place or home(who),
            sender=sender(who),
            native=native,
            at=clock.now(),
            text=text,
            files=files,
            direct=direct,
            **more,
        )
        self.answers.append(await self.router.deliver(said))
        return native

    async def does(self, who: str, command: str, arguments: str = "", place: Place | None = None) -> Answer:
        inbound = Invoked(
            place=place or home(who),
            sender=sender(who),
            native=f"c{next(_natives)}",
            at=clock.now(),
            command=command,
            arguments=arguments,
        )
        return await self.router.deliver(inbound)

    async def presses(self, who: str, button: str, place: Place, choice: str = "") -> Answer:
        inbound = Pressed(
            place=place,
            sender=sender(who),
            native=f"b{next(_natives)}",
            at=clock.now(),
            button=button,
            choice=choice,
        )
        return await self.router.deliver(inbound)

    async def submits(
        self, who: str, form: str, values: dict[str, str], place: Place | None = None, *, direct: bool = True
    ) -> Answer:
        inbound = Submitted(
            place=place or home(who),
            sender=sender(who),
            native=f"s{next(_natives)}",
            at=clock.now(),
            form=form,
            values=values,
            direct=direct,
        )
        return await self.router.deliver(inbound)

    async def edits(
        self, who: str, native: str, text: str, place: Place | None = None, *, at: datetime | None = None
    ) -> None:
        place, at = place or home(who), at or clock.now()
        await self.router.deliver(
            Edited(place=place, sender=sender(who), native=native, at=at, text=text, version=str(at))
        )

    async def deletes(self, who: str, native: str, place: Place | None = None) -> None:
        await self.router.deliver(
            Deleted(place=place or home(who), sender=sender(who), native=native, at=clock.now())
        )

    async def reacts(self, who: str, native: str, *emoji: str, place: Place | None = None) -> None:
        await self.router.deliver(
            Reacted(place=place or home(who), sender=sender(who), native=native, at=clock.now(), emoji=emoji)
        )

    async def work(self, after: float = 0) -> None:
        """Tell and post until nothing is due; `after` some seconds more."""
        with moved(after):
            for _round in range(50):
                told = await self.tell.read()
                if not await self.posting.send_due() and not told:
                    return
        raise AssertionError("it never comes to rest")

    def thread(self, index: int = -1) -> Place:
        """A ticket's thread in the desk room, the newest where none is named."""
        thread = list(self.there.threads)[index]
        return Place(ROOM.platform, ROOM.installation, ROOM.channel, thread)

    async def agent(self, name: str, *, role: str = "agent", platform: str = "there") -> Actor:
        """A colleague whose chat is linked."""
        async with self.desk.unit() as uow:
            person = await people.add(
                uow, name=name.title(), role=role, email=f"{name}@desk.example", verified=True
            )
            digest = people.digest_of_identity(uow, platform, "main", name)
            uow.session.add(Identity(person_id=person.id, platform=platform, digest=digest))
            return await people.actor_of(uow, person)


def home(who: str) -> Place:
    return Place("here", "main", f"dm-{who}")


def sender(who: str) -> Sender:
    return Sender(external=who, name=who.title())


@contextmanager
def moved(seconds: float) -> Iterator[None]:
    """The same clock, some seconds ahead."""
    if not seconds:
        yield
        return
    ahead, source = timedelta(seconds=seconds), clock._source
    with clock.fixed(lambda: source() + ahead):
        yield


async def build(desk: Desk, *, rule: RoomRule = RoomRule.assignee, limits: Limits | None = None) -> House:
    """A desk with one desk room, and nobody in it yet."""
    here = FakePlatform(name="here", limits=limits or Limits(text=200, forms=False))
    there = FakePlatform(name="there", limits=Limits(text=4_000))
    chats = {"here": here, "there": there}
    settings = Settings()
    async with desk.unit() as uow:
        admin = await people.actor_of(uow, await people.add(uow, name="Root", role="admin"))
        await rooms.add(uow, admin, ROOM, name="Desk", rule=rule)
    return House(
        desk,
        here,
        there,
        Router(desk, limits={name: chat.limits for name, chat in chats.items()}),
        Tell(desk, wiring.tellers(desk, chats), chats),
        Posting(desk, chats, wiring.makers(settings, chats), public_url="http://desk.example"),
        admin,
    )
