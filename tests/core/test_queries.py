"""Queues, filters and counts, against the same rules in plain Python over the same tickets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from adapters.postgres import Embedded
from benchmarks.world import World
from core import clock
from core.access import Actor, Permission
from core.conditions import parse
from core.desk import Desk
from core.errors import Invalid
from core.people import service as people
from core.people.model import Tag, TeamMember
from core.tickets import access, queries
from core.tickets import service as tickets
from core.tickets.model import LIVE, Participant, Ticket
from core.tickets.queries import SORTS, Queue, Row
from core.tickets.query_words import TICKET_FIELDS
from tests.core.reading import cast, counting, many_tickets

Rule = Callable[[Ticket, Actor], bool]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def world(server: Embedded, migrated: str) -> AsyncIterator[World]:
    async with many_tickets(server, migrated, "queries", 160) as made:
        async with made.desk.unit() as uow:
            # More live tickets than a grown desk has, two of them offered, some never heard.
            await uow.session.execute(
                update(Ticket)
                .where(Ticket.number % 3 == 0)
                .values(status="open", assignee_id=None, closed_at=None, resolved_at=None)
            )
            await uow.session.execute(
                update(Ticket)
                .where(Ticket.number % 4 == 1)
                .values(status="in_progress", assignee_id=made.agents[1], closed_at=None, resolved_at=None)
            )
            await uow.session.execute(update(Ticket).where(Ticket.number % 8 == 1).values(status="waiting"))
            await uow.session.execute(
                update(Ticket).where(Ticket.number % 16 == 2).values(status="resolved", closed_at=None)
            )
            await uow.session.execute(
                update(Ticket)
                .where(Ticket.number.in_((5, 6)))
                .values(snoozed_until=clock.now() + timedelta(days=1))
            )
            await uow.session.execute(
                update(Ticket)
                .where(Ticket.number.in_((3, 6)))
                .values(
                    offered_to_id=made.agents[1],
                    offered_until=clock.now() + timedelta(hours=1),
                    last_requester_at=None,
                )
            )
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def agent(world: World) -> Actor:
    async with world.desk.unit() as uow:
        team = await uow.session.scalar(select(TeamMember).where(TeamMember.person_id == world.agents[1]))
        assert team is not None
        return await people.actor_of(uow, await people.get(uow, world.agents[1]))


async def all_tickets(desk: Desk) -> list[Ticket]:
    async with desk.unit() as uow:
        return list(await uow.session.scalars(select(Ticket)))


def awake(ticket: Ticket) -> bool:
    return ticket.snoozed_until is None or ticket.snoozed_until <= clock.now()


RULES: dict[Queue, Rule] = {
    Queue.mine: lambda t, a: t.assignee_id == a.id and t.status in LIVE and awake(t),
    Queue.unassigned: lambda t, a: t.assignee_id is None and t.status in LIVE and awake(t),
    Queue.my_teams: lambda t, a: t.team_id in a.teams and t.status in LIVE and awake(t),
    Queue.offered: lambda t, a: t.offered_to_id == a.id,
    Queue.waiting: lambda t, a: t.status == "waiting",
    Queue.snoozed: lambda t, a: not awake(t),
    Queue.resolved: lambda t, a: t.status == "resolved",
    Queue.closed: lambda t, a: t.status == "closed",
    Queue.all: lambda t, a: True,
}


async def walk(desk: Desk, actor: Actor, where: Any, sort: str, limit: int) -> list[list[int]]:
    """All pages forwards; on the way back they must be the same."""
    pages, cursor = [], None
    async with desk.unit(actor) as uow:
        while True:
            page = await queries.page(uow, actor, where, sort, after=cursor, limit=limit)
            pages.append([row.number for row in page.rows])
            if page.next is None:
                break
            cursor = page.next
        back, previous = [pages[-1]], page.previous
        while previous is not None:
            page = await queries.page(uow, actor, where, sort, before=previous, limit=limit)
            back.append([row.number for row in page.rows])
            previous = page.previous
    assert back[::-1] == pages
    return pages


@pytest.mark.parametrize("queue", list(Queue))
async def test_a_queue_holds_what_its_rule_says(world: World, agent: Actor, queue: Queue) -> None:
    expected = {t.number for t in await all_tickets(world.desk) if RULES[queue](t, agent)}
    pages = await walk(world.desk, agent, queue, "-updated_at", 11)
    numbers = [number for page in pages for number in page]
    assert len(numbers) == len(set(numbers))
    assert set(numbers) == expected
    assert expected, "the world has none of these: the test says nothing"
    async with world.desk.unit(agent) as uow:
        assert (await queries.counts(uow, agent, [queue]))[queue] == len(expected)
        assert await queries.count(uow, agent, queue) == len(expected)


@pytest.mark.parametrize("name", list(SORTS))
@pytest.mark.parametrize("sign", ["", "-"])
async def test_pages_are_in_order_and_complete(world: World, agent: Actor, name: str, sign: str) -> None:
    tickets_ = [t for t in await all_tickets(world.desk) if getattr(t, name) is not None]
    keys = [column.key for column in SORTS[name]]
    ordered = sorted(tickets_, key=lambda t: tuple(getattr(t, key) for key in keys), reverse=bool(sign))
    pages = await walk(world.desk, agent, Queue.all, sign + name, 23)
    assert [number for page in pages for number in page] == [t.number for t in ordered]


async def test_a_page_costs_at_most_four_queries(world: World, agent: Actor) -> None:
    condition = parse({"field": "tags", "op": "contains", "value": "tag1"}, TICKET_FIELDS)
    for where in (Queue.all, condition):
        async with world.desk.unit(agent) as uow:
            with counting(world.desk.db) as sent:
                page = await queries.page(uow, agent, where, limit=50)
        assert page.rows
        assert len(sent) <= 4, sent


async def test_all_counts_are_one_query(world: World, agent: Actor) -> None:
    async with world.desk.unit(agent) as uow:
        with counting(world.desk.db) as sent:
            counts = await queries.counts(uow, agent)
    assert len(sent) == 1
    assert counts[Queue.all] == 160
    assert [queries.shown_count(n) for n in (0, 999, 1000)] == ["0", "999", "999+"]


async def test_a_row_is_in_the_clear(world: World, agent: Actor) -> None:
    async with world.desk.unit(agent) as uow:
        rows = (await queries.page(uow, agent, Queue.all, limit=200)).rows
        for row in rows[::20]:
            opened = await access.get(uow, agent, row.number)
            requester = await people.know(uow, await people.get(uow, row.requester_id))
            assert (row.subject, row.requester_name) == (opened.subject, requester.shown)
            tags = await uow.session.scalars(select(Tag.name).where(Tag.id.in_(opened.ticket.tags)))
            assert row.tags == tuple(sorted(tags))
            assert row.team_name.startswith("Team ")
            assert row.category_name.startswith("Category ")
            if row.assignee_id is not None:
                assert row.assignee_name.startswith("Agent ")


CONDITIONS: list[tuple[dict[str, Any], Rule]] = [
    ({"field": "assignee", "op": "is", "value": "me"}, lambda t, a: t.assignee_id == a.id),
    ({"field": "assignee", "op": "is_not", "value": "me"}, lambda t, a: t.assignee_id != a.id),
    ({"field": "team", "op": "is", "value": "mine"}, lambda t, a: t.team_id in a.teams),
    ({"field": "assignee", "op": "empty"}, lambda t, a: t.assignee_id is None),
    ({"field": "priority", "op": "ge", "value": "high"}, lambda t, a: t.priority in ("high", "urgent")),
    ({"field": "status", "op": "in", "value": ["open", "waiting"]}, lambda t, a: t.status in ("open", "waiting")),
    ({"field": "tags", "op": "empty"}, lambda t, a: not t.tags),
    ({"field": "tags", "op": "contains", "value": "no such tag"}, lambda t, a: False),
    ({"field": "created", "op": "before", "value": "-30d"}, lambda t, a: t.created_at < clock.now() - timedelta(days=30)),
    ({"field": "rating", "op": "empty"}, lambda t, a: t.rating is None),
    ({"field": "channel", "op": "is", "value": "webchat"}, lambda t, a: t.channel == "webchat"),
    (
        {"all": [{"field": "has_file", "op": "is", "value": False}, {"not": {"field": "status", "op": "is", "value": "closed"}}]},
        lambda t, a: not t.has_file and t.status != "closed",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("json", "rule"), CONDITIONS, ids=[str(n) for n in range(len(CONDITIONS))])
async def test_a_condition_is_a_list(world: World, agent: Actor, json: dict[str, Any], rule: Rule) -> None:
    expected = {t.number for t in await all_tickets(world.desk) if rule(t, agent)}
    pages = await walk(world.desk, agent, parse(json, TICKET_FIELDS), "-created_at", 50)
    assert {number for page in pages for number in page} == expected


async def test_every_field_of_a_condition_has_a_column() -> None:
    assert set(TICKET_FIELDS) <= set(queries.columns({}))


async def test_what_may_not_be_seen_is_not_listed(world: World) -> None:
    every = await all_tickets(world.desk)
    async with world.desk.unit() as uow:
        requester = await people.actor_of(uow, await people.get(uow, world.requesters[7]))
        marks = await uow.session.scalars(
            select(Participant.ticket_id).where(Participant.person_id == requester.id)
        )
        followed = set(marks)
    own = {t.number for t in every if t.requester_id == requester.id or t.id in followed}
    pages = await walk(world.desk, requester, Queue.all, "-updated_at", 2)
    assert {number for page in pages for number in page} == own
    stranger = Actor(uuid4(), permissions=frozenset({Permission.open_ticket}))
    assert await walk(world.desk, stranger, Queue.all, "-updated_at", 5) == [[]]
    async with world.desk.unit(requester) as uow:
        other = next(t for t in every if t.number not in own)
        assert await queries.row(uow, requester, other.number) is None
        assert await queries.rows_of(uow, requester, [other.id]) == []
        assert (await queries.counts(uow, requester))[Queue.all] == len(own)


async def test_an_agent_of_one_team_sees_that_team(world: World, agent: Actor) -> None:
    few = Actor(
        agent.id,
        role="agent",
        teams=agent.teams,
        permissions=agent.permissions - {Permission.see_all_tickets},
    )
    pages = await walk(world.desk, few, Queue.all, "-updated_at", 40)
    async with world.desk.unit(few) as uow:
        seen = set(await uow.session.scalars(select(Ticket.number).where(access.visible(few))))
    assert {number for page in pages for number in page} == seen
    assert 0 < len(seen) < 160


@pytest.mark.parametrize("sort", ["", "-", "subject", "updated_at; drop table ticket", "--number"])
async def test_a_sort_that_is_none_is_refused(world: World, agent: Actor, sort: str) -> None:
    async with world.desk.unit(agent) as uow:
        with pytest.raises(Invalid):
            await queries.page(uow, agent, Queue.all, sort)


async def test_a_cursor_of_another_list_is_refused(world: World, agent: Actor) -> None:
    async with world.desk.unit(agent) as uow:
        page = await queries.page(uow, agent, Queue.all, "-number", limit=5)
        with pytest.raises(Invalid):
            await queries.page(uow, agent, Queue.all, "number", after=page.next)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.text(max_size=40), st.binary(max_size=30).map(lambda b: b.hex())))
async def test_nonsense_as_a_cursor_is_refused(world: World, agent: Actor, cursor: str) -> None:
    async with world.desk.unit(agent) as uow:
        with pytest.raises(Invalid):
            await queries.page(uow, agent, Queue.all, "-updated_at", after=cursor)


async def test_unread_is_what_somebody_else_said_after_the_mark(desk: Desk) -> None:
    they = await cast(desk)
    number = await they.says("ada", "Hello")

    async def unread(actor: Actor) -> bool:
        async with desk.unit(actor) as uow:
            row = await queries.row(uow, actor, number)
            assert row is not None
            return row.unread

    async def reads(actor: Actor) -> None:
        async with desk.unit(actor) as uow:
            opened = await access.get(uow, actor, number)
            assert actor.id
            await tickets.mark_read(uow, opened, actor.id, opened.thread.conversation.seq)

    ada = await they.actor("ada")
    assert (await unread(they.bob), await unread(ada)) == (True, False)
    await reads(they.bob)
    assert not await unread(they.bob)
    async with desk.unit(they.bob) as uow:
        await tickets.reply(uow, they.bob, number, "Hi", hold=60)
    # One's own reply and one's own facts are no news; a held reply is none for the requester yet.
    assert (await unread(they.bob), await unread(they.eve), await unread(ada)) == (False, True, False)
    async with desk.unit(they.bob) as uow:
        await tickets.note(uow, they.bob, number, "nobody but us")
    assert not await unread(ada)
    async with desk.unit(they.bob) as uow:
        await tickets.reply(uow, they.bob, number, "now", hold=0)
    assert await unread(ada)
    await reads(ada)
    assert not await unread(ada)


async def test_whose_turn_it_is(desk: Desk) -> None:
    they = await cast(desk)
    number = await they.says("ada", "Hello")

    async def turn() -> str:
        async with desk.unit(they.bob) as uow:
            row = await queries.row(uow, they.bob, number)
            assert row is not None
            return row.waiting_for

    assert await turn() == "agent"
    async with desk.unit(they.bob) as uow:
        await tickets.reply(uow, they.bob, number, "Hi", hold=0)
    assert await turn() == "requester"
    await they.says("ada", "One more thing")
    assert await turn() == "agent"
    async with desk.unit(they.bob) as uow:
        await tickets.wait(uow, they.bob, number)
    assert await turn() == "requester"


async def test_a_snoozed_ticket_is_out_of_sight_until_it_wakes(desk: Desk) -> None:
    they = await cast(desk)
    number = await they.says("ada", "Hello")
    async with desk.unit(they.bob) as uow:
        await tickets.claim(uow, they.bob, number)
        await tickets.snooze(uow, they.bob, number, clock.now() + timedelta(hours=1))

    async def in_queue(queue: Queue) -> bool:
        async with desk.unit(they.bob) as uow:
            return bool((await queries.page(uow, they.bob, queue)).rows)

    assert (await in_queue(Queue.mine), await in_queue(Queue.snoozed)) == (False, True)
    later = clock.now() + timedelta(hours=2)
    with clock.fixed(lambda: later):
        assert (await in_queue(Queue.mine), await in_queue(Queue.snoozed)) == (True, False)


async def test_names_that_the_desk_keeps_from_requesters(desk: Desk) -> None:
    they = await cast(desk)
    number = await they.says("ada", "Hello")
    async with desk.unit(they.bob) as uow:
        await tickets.claim(uow, they.bob, number)
    ada = await they.actor("ada")

    async def seen() -> Row:
        async with desk.unit(ada) as uow:
            row = await queries.row(uow, ada, number)
            assert row is not None
            return row

    assert (await seen()).assignee_name == "Bob"
    assert (await seen()).requester_name == "Ada"
    desk.means.settings = desk.means.settings.model_copy(update={"show_agent_names": False})
    assert (await seen()).assignee_name == desk.means.settings.name


async def test_an_erased_requester_leaves_a_row_without_words(desk: Desk) -> None:
    they = await cast(desk)
    number = await they.says("ada", "My secret subject")
    ada = await they.actor("ada")
    async with desk.unit() as uow:
        assert ada.id
        await uow.keys.destroy_person(uow.session, ada.id)
    async with desk.unit(they.bob) as uow:
        row = await queries.row(uow, they.bob, number)
    assert row is not None
    assert "secret" not in row.subject
    assert row.requester_name == "Erased person"


async def test_the_other_tickets_of_a_requester(desk: Desk) -> None:
    they = await cast(desk)
    numbers = [await they.says("ada", f"Question {n}", place=f"p{n}") for n in range(4)]
    async with desk.unit(they.bob) as uow:
        opened = await access.get(uow, they.bob, numbers[1])
        page = await queries.history_of(
            uow, they.bob, opened.ticket.requester_id, but=opened.ticket.id, limit=2
        )
        rest = await queries.history_of(
            uow, they.bob, opened.ticket.requester_id, but=opened.ticket.id, limit=2, after=page.next
        )
    assert [row.number for row in (*page.rows, *rest.rows)] == [numbers[3], numbers[2], numbers[0]]
