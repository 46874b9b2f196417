"""A live chat finds its agent: offered, accepted, passed on, timed out, left in the queue."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from bot import offering
from bot.jobs import run_one, schedule
from core import clock, desk_settings
from core.db import EventRow
from core.desk import Desk
from core.errors import Conflict
from core.people import service as people
from core.people.model import Availability, Person
from core.tickets import access, lifecycle, offers, waiting
from core.tickets import service as tickets
from core.tickets.events import RequesterLeft
from tests.notices.world import Clock, actor, agent, fresh, opened, requester, team, told

WEB = frozenset({"webchat"})
OFFER_CHATS = next(job for job in schedule(WEB) if job.name == "offer_chats")


async def names(desk: Desk, ticket_id: object) -> list[str]:
    async with desk.unit() as uow:
        rows = await uow.session.scalars(
            select(EventRow.name).where(EventRow.subject == ticket_id).order_by(EventRow.seq)
        )
        return list(rows)


async def test_a_new_chat_is_offered_to_whoever_has_the_most_room_and_accepted(desk: Desk) -> None:
    busy, free = await agent(desk, "Busy"), await agent(desk, "Free")
    ada = await requester(desk)
    old = await opened(desk, ada, channel="desk")
    async with desk.unit(await actor(desk, busy)) as uow:
        await tickets.claim(uow, uow.actor, old.number)
    ticket = await opened(desk, ada)
    await told(desk, offering.make_teller(WEB))
    ticket = await fresh(desk, ticket)
    assert ticket.offered_to_id == free.id
    assert ticket.offered_until is not None
    assert lifecycle.lawful(ticket) == []
    async with desk.unit(await actor(desk, free)) as uow:
        await tickets.claim(uow, uow.actor, ticket.number)
    ticket = await fresh(desk, ticket)
    assert (ticket.assignee_id, ticket.offered_to_id, ticket.status) == (free.id, None, "in_progress")
    assert await names(desk, ticket.id) == ["ticket.opened", "ticket.offered", "ticket.claimed"]


async def test_passed_on_it_goes_to_the_next_and_then_stays_in_the_queue(desk: Desk) -> None:
    bob, eve = await agent(desk, "Bob"), await agent(desk, "Eve")
    teller = offering.make_teller(WEB)
    ticket = await opened(desk, await requester(desk))
    await told(desk, teller)
    first = (await fresh(desk, ticket)).offered_to_id
    one, other = (bob, eve) if first == bob.id else (eve, bob)
    with pytest.raises(Conflict):
        async with desk.unit(await actor(desk, other)) as uow:
            await tickets.pass_on(uow, uow.actor, ticket.number)
    for passing in (one, other):
        async with desk.unit(await actor(desk, passing)) as uow:
            await tickets.pass_on(uow, uow.actor, ticket.number)
        await told(desk, teller)
        if passing is one:
            assert (await fresh(desk, ticket)).offered_to_id == other.id
    ticket = await fresh(desk, ticket)
    assert (ticket.offered_to_id, ticket.status) == (None, "open")
    await run_one(desk, OFFER_CHATS)
    assert (await fresh(desk, ticket)).offered_to_id is None, "nobody is asked twice"


async def test_an_offer_that_nobody_answers_goes_on(desk: Desk) -> None:
    await agent(desk, "Bob")
    await agent(desk, "Eve")
    teller, time = offering.make_teller(WEB), Clock(datetime.now(UTC))
    with clock.fixed(time):
        ticket = await opened(desk, await requester(desk))
        await told(desk, teller)
        first = (await fresh(desk, ticket)).offered_to_id
        async with desk.unit() as uow:
            assert await offers.time_out(uow) == 0
        time.forward(seconds=desk.means.settings.offer_seconds + 1)
        assert await run_one(desk, OFFER_CHATS) >= 1
        await told(desk, teller)
        second = (await fresh(desk, ticket)).offered_to_id
    assert None is not second != first
    assert "ticket.passed" in await names(desk, ticket.id)


async def test_a_waiting_chat_goes_to_whoever_becomes_free_but_not_for_ever(desk: Desk) -> None:
    bob = await agent(desk, "Bob", availability="away")
    time = Clock()
    with clock.fixed(time):
        ticket = await opened(desk, await requester(desk))
        await told(desk, offering.make_teller(WEB))
        assert (await fresh(desk, ticket)).offered_to_id is None
        async with desk.unit() as uow:
            person = await uow.session.get(Person, bob.id)
            assert person is not None
            person.availability = Availability.available.value
        time.forward(minutes=31)
        async with desk.unit() as uow:
            assert await offers.offer_waiting(uow, WEB) == 0, "the requester has gone long ago"
        time.forward(minutes=-20)
        async with desk.unit() as uow:
            assert await offers.offer_waiting(uow, WEB) == 1
    assert (await fresh(desk, ticket)).offered_to_id == bob.id


async def test_an_agent_has_one_offer_at_a_time(desk: Desk) -> None:
    bob = await agent(desk, "Bob")
    ada = await requester(desk)
    one, two = await opened(desk, ada), await opened(desk, ada, "And the scanner too")
    await told(desk, offering.make_teller(WEB))
    assert [(await fresh(desk, each)).offered_to_id for each in (one, two)] == [bob.id, None]
    async with desk.unit(await actor(desk, bob)) as uow:
        await tickets.claim(uow, uow.actor, one.number)
    await run_one(desk, OFFER_CHATS)
    assert (await fresh(desk, two)).offered_to_id == bob.id


async def test_only_the_team_is_asked_and_only_live_channels_in_working_hours(desk: Desk) -> None:
    billing = await team(desk, "Billing")
    await agent(desk, "Outside")
    inside = await agent(desk, "Inside", teams=(billing,))
    teller = offering.make_teller(WEB)
    ada = await requester(desk)
    by_form = await opened(desk, ada, channel="desk")
    chat = await opened(desk, ada)
    async with desk.unit() as uow:
        await tickets.assign(uow, uow.actor, chat.number, team=billing)
    await told(desk, teller)
    assert (await fresh(desk, by_form)).offered_to_id is None
    assert (await fresh(desk, chat)).offered_to_id == inside.id
    async with desk.unit() as uow:
        await desk_settings.store(uow.session, {"hours": {"zone": "UTC", "week": {}}})
    await desk.refresh()
    late = await opened(desk, ada, "At night")
    await told(desk, teller)
    assert (await fresh(desk, late)).offered_to_id is None


async def test_whoever_works_on_the_ticket_is_not_kept_waiting(desk: Desk) -> None:
    await agent(desk, "Bob")
    ticket = await opened(desk, await requester(desk))
    async with desk.unit() as busy:
        await access.change(busy, busy.actor, ticket.number)
        async with desk.unit() as uow:
            assert await offers.offer(uow, ticket.id, WEB) is None
    await run_one(desk, OFFER_CHATS)
    assert (await fresh(desk, ticket)).offered_to_id is not None


async def test_who_has_no_page_of_the_desk_open_is_not_asked(desk: Desk) -> None:
    bob = await agent(desk, "Bob", here=False)
    ticket = await opened(desk, await requester(desk))
    await told(desk, offering.make_teller(WEB))
    assert (await fresh(desk, ticket)).offered_to_id is None
    async with desk.unit() as uow:
        await people.touch(uow, bob.id, clock.now() - offers.HERE)
    await run_one(desk, OFFER_CHATS)
    assert (await fresh(desk, ticket)).offered_to_id is None
    async with desk.unit() as uow:
        await people.touch(uow, bob.id, clock.now())
    async with desk.unit() as uow:
        assert await offers.offer_waiting(uow, WEB) == 1
    assert (await fresh(desk, ticket)).offered_to_id == bob.id


async def test_a_visitor_who_left_is_neither_offered_nor_before_others_in_the_queue(desk: Desk) -> None:
    await agent(desk, "Bob")
    ada, eve = await requester(desk), await requester(desk, "Eve", email="")
    gone, there = await opened(desk, ada), await opened(desk, eve, "And mine")
    async with desk.unit() as uow:
        uow.emit(RequesterLeft(subject=gone.id, number=gone.number, back=False))
    async with desk.db.sessions() as session:
        assert await waiting.places(session, "webchat") == {there.conversation_id: 1}
    async with desk.unit() as uow:
        assert await offers.offer_waiting(uow, WEB) == 1
    assert [(await fresh(desk, each)).offered_to_id is None for each in (gone, there)] == [True, False]
    async with desk.unit() as uow:
        uow.emit(RequesterLeft(subject=gone.id, number=gone.number, back=True))
    async with desk.db.sessions() as session:
        assert list((await waiting.places(session, "webchat")).values()) == [1, 2]


async def test_chats_of_visitors_long_gone_are_before_nobody(desk: Desk) -> None:
    time = Clock(datetime.now(UTC))
    with clock.fixed(time):
        await opened(desk, await requester(desk))
        time.forward(minutes=31)
        new = await opened(desk, await requester(desk, "Eve", email=""))
        async with desk.db.sessions() as session:
            assert await waiting.places(session, "webchat") == {new.conversation_id: 1}
