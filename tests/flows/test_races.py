"""Two people at once, and one person twice: nobody loses anything without being told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

import pyotp
import pytest
from sqlalchemy import func, select

from bot.router import Router
from core import clock
from core.access import Actor
from core.chat import Place, Said, Sender
from core.db import UnitOfWork
from core.desk import Desk
from core.errors import Conflict, DeskError, NotFound
from core.people import credentials, linking, links
from core.people import service as people
from core.people.model import Person
from core.tickets import access
from core.tickets import service as tickets
from core.tickets.lifecycle import AlreadyClaimed
from core.tickets.model import Priority, Ticket


def said(who: str, text: str, native: str, thread: str = "c1") -> Said:
    return Said(
        place=Place("webchat", "main", who, thread),
        sender=Sender(external=who),
        native=native,
        at=clock.now(),
        text=text,
    )


async def agent(desk: Desk, name: str) -> Actor:
    async with desk.unit() as uow:
        return await people.actor_of(uow, await people.add(uow, name=name, role="agent"))


async def test_of_two_who_claim_at_once_exactly_one_wins_and_the_other_learns_who(desk: Desk) -> None:
    answer = await Router(desk).deliver(said("ada", "help", "m1"))
    number = answer.ticket or 0
    agents = [await agent(desk, f"agent {n}") for n in range(8)]

    async def claim(actor: Actor) -> DeskError | None:
        try:
            async with desk.unit(actor) as uow:
                await tickets.claim(uow, actor, number)
        except DeskError as refused:
            return refused
        return None

    results = await asyncio.gather(*(claim(actor) for actor in agents))
    winners = [actor.id for actor, result in zip(agents, results, strict=True) if result is None]
    losers = [result for result in results if result is not None]
    assert len(winners) == 1
    assert all(isinstance(result, AlreadyClaimed) and result.by == winners[0] for result in losers)


async def test_what_works_once_works_once_when_many_try_at_once(desk: Desk) -> None:
    """An invitation, a sign-in link, a proof, a recovery code, a code of the app, a code for another chat."""
    async with desk.unit() as uow:
        ada = await people.add(uow, name="Ada", email="ada@example.com", role="agent", verified=True)
        others = [await people.add(uow, name=f"Other {n}") for n in range(8)]
        tokens = {purpose: await links.issue(uow, ada, purpose) for purpose in links.PATHS}
        code = await linking.make_code(uow, ada)
        enrolled = await credentials.begin_totp(uow, ada, "ada")
    async with desk.unit() as uow:
        person = await people.get(uow, ada.id)
        recovery = await credentials.confirm_totp(uow, person, pyotp.TOTP(enrolled.secret).now())
    assert recovery
    ahead = pyotp.TOTP(enrolled.secret).at(clock.now() + timedelta(seconds=credentials.STEP_SECONDS))

    async def second(uow: UnitOfWork, given: str) -> None:
        if not await credentials.check_second(uow, await people.get(uow, ada.id), given):
            raise NotFound("no")

    ways: dict[str, Callable[[UnitOfWork, int], Awaitable[object]]] = {
        purpose.value: partial(_use, token, purpose) for purpose, token in tokens.items()
    }
    ways["recovery"] = lambda uow, _n: second(uow, recovery[0])
    ways["app"] = lambda uow, _n: second(uow, ahead)
    ways["chat"] = lambda uow, n: linking.owner_of(uow, code, others[n])

    async def tried(way: Callable[[UnitOfWork, int], Awaitable[object]], number: int) -> bool:
        try:
            async with desk.unit() as uow:
                await way(uow, number)
        except DeskError:
            return False
        return True

    for name, way in ways.items():
        won = await asyncio.gather(*(tried(way, number) for number in range(8)))
        assert sum(won) == 1, name


async def _use(token: str, purpose: links.Purpose, uow: UnitOfWork, _number: int) -> None:
    await links.use(uow, token, purpose)


async def test_a_change_upon_an_older_look_is_refused_with_words(desk: Desk) -> None:
    number = (await Router(desk).deliver(said("ada", "help", "m1"))).ticket or 0
    bob, eve = await agent(desk, "Bob"), await agent(desk, "Eve")
    async with desk.unit(bob) as uow:
        await tickets.prioritise(uow, bob, number, Priority.high, was="normal")
    with pytest.raises(Conflict):
        async with desk.unit(eve) as uow:
            await tickets.prioritise(uow, eve, number, Priority.low, was="normal")
    async with desk.unit() as uow:
        assert (await access.get(uow, bob, number)).ticket.priority == "high"


async def test_the_first_words_of_one_visitor_twice_at_once_make_one_person(desk: Desk) -> None:
    router = Router(desk)
    await asyncio.gather(
        *(router.deliver(said("ada", f"hello {n}", f"m{n}", thread=f"c{n}")) for n in range(8))
    )
    async with desk.unit() as uow:
        assert await uow.session.scalar(select(func.count()).select_from(Person)) == 1
        assert await uow.session.scalar(select(func.count()).select_from(Ticket)) == 8


async def test_many_messages_at_once_in_one_conversation_keep_one_sequence(desk: Desk) -> None:
    router = Router(desk)
    number = (await router.deliver(said("ada", "first", "m0"))).ticket or 0
    await asyncio.gather(*(router.deliver(said("ada", f"more {n}", f"n{n}")) for n in range(20)))
    async with desk.unit() as uow:
        opened = await access.get(uow, await agent(desk, "Bob"), number)
        assert opened.ticket.messages == 21
        assert opened.thread.conversation.seq == 22


async def test_the_same_words_sent_twice_at_once_are_one_message(desk: Desk) -> None:
    router = Router(desk)
    await router.deliver(said("ada", "first", "m0"))
    answers = await asyncio.gather(*(router.deliver(said("ada", "again", "same")) for _ in range(6)))
    assert sum(not answer.seen_before for answer in answers) == 1
