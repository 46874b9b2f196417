"""A new ticket through the desk's rules: team, priority, tags, agent; and what may go wrong."""

from __future__ import annotations

import asyncio
from uuid import UUID

from core import desk_settings
from core.db import UnitOfWork
from core.desk import Desk
from core.ids import new_id
from core.people import service as people
from core.people.model import Tag, Team
from core.tickets import access, intake, timeline
from core.tickets.fact_words import sentence
from core.tickets.lines import FactLine
from core.tickets.model import Category, RoutingRule
from tests.notices.world import agent, fresh, opened, requester, team

FIRE = {"field": "words", "op": "contains", "value": "fire"}


async def rule(
    desk: Desk, name: str, condition: dict[str, object], position: int = 0, **actions: object
) -> UUID:
    async with desk.unit() as uow:
        made = RoutingRule(name=name, condition=condition, actions=actions, position=position)
        uow.session.add(made)
        return made.id


async def tags_of(uow: UnitOfWork, ids: list[int]) -> set[str]:
    found = [await uow.session.get(Tag, one) for one in ids]
    return {tag.name for tag in found if tag}


async def test_without_rules_a_ticket_waits_in_the_queue(desk: Desk) -> None:
    ticket = await opened(desk, await requester(desk))
    assert (ticket.team_id, ticket.assignee_id, ticket.priority, ticket.tags) == (None, None, "normal", [])
    assert ticket.status == "open"


async def test_a_rule_sets_team_priority_and_tags(desk: Desk) -> None:
    fires = await team(desk, "Fires")
    fired = await rule(desk, "Fire", FIRE, team=str(fires), priority="urgent", add_tags=["hot"])
    await rule(desk, "Water", {"field": "words", "op": "contains", "value": "flood"}, 1, priority="low")
    ticket = await opened(desk, await requester(desk))
    assert (ticket.team_id, ticket.priority, ticket.priority_rank) == (fires, "urgent", 3)
    async with desk.unit() as uow:
        assert await tags_of(uow, ticket.tags) == {"hot"}
        lines = await intake.try_out(uow, "There is a fire!")
    assert any("“Fire” fires" in line for line in lines)
    assert any("“Water” does not fire" in line for line in lines)
    assert any("Fires" in line and "Urgent" in line for line in lines), lines
    assert fired


async def test_a_category_brings_its_team_and_a_rule_may_name_another_category(desk: Desk) -> None:
    billing = await team(desk, "Billing")
    async with desk.unit() as uow:
        money = Category(name="Money", team_id=billing)
        uow.session.add(money)
    ada = await requester(desk)
    assert (await opened(desk, ada, category_id=money.id)).team_id == billing
    await rule(desk, "Fire is about money", FIRE, category=str(money.id))
    ticket = await opened(desk, ada)
    assert (ticket.category_id, ticket.team_id) == (money.id, billing)


async def test_the_least_busy_agent_with_room_gets_it_and_works_on_it(desk: Desk) -> None:
    support = await team(desk, mode="least_open")
    bob = await agent(desk, "Bob", teams=(support,), capacity=2)
    eve = await agent(desk, "Eve", teams=(support,), availability="away")
    zoe = await agent(desk, "Zoe", teams=(support,), capacity=1)
    await rule(desk, "All", {"all": []}, team=str(support))
    ada = await requester(desk)
    took = [(await opened(desk, ada, f"Question {n}")).assignee_id for n in range(4)]
    assert sorted(map(str, took[:3])) == sorted(map(str, [bob.id, bob.id, zoe.id]))
    assert took[3] is None, "nobody has room left"
    assert eve.id not in took
    async with desk.unit() as uow:
        lines = await intake.try_out(uow, "Anything")
    assert any("Assigned to nobody" in line for line in lines)
    assert any("Eve is away" in line for line in lines)


async def test_who_opens_a_ticket_is_not_told_to_have_assigned_it(desk: Desk) -> None:
    support = await team(desk, mode="least_open")
    bob = await agent(desk, "Bob", teams=(support,))
    await rule(desk, "All", {"all": []}, team=str(support))
    number = (await opened(desk, await requester(desk), "Question")).number
    async with desk.unit() as uow:
        actor = await people.actor_of(uow, await people.get(uow, bob.id))
        found = await timeline.timeline(uow, actor, await access.get(uow, actor, number))
        told = [sentence(line) for line in found.lines if isinstance(line, FactLine)]
    assert told[-1] == "A rule assigned the ticket to Bob"


async def test_two_tickets_at_once_do_not_go_over_an_agents_room(desk: Desk) -> None:
    support = await team(desk, mode="round_robin")
    bob = await agent(desk, "Bob", teams=(support,), capacity=1)
    await rule(desk, "All", {"all": []}, team=str(support))
    ada = await requester(desk)
    made = await asyncio.gather(*(opened(desk, ada, f"At once {n}") for n in range(5)))
    assert [ticket.assignee_id for ticket in made].count(bob.id) == 1


async def test_skills_and_language_decide_in_a_team_of_experts(desk: Desk) -> None:
    support = await team(desk, mode="skill")
    await agent(desk, "Bob", teams=(support,), skills=("printing",), locale="en")
    hans = await agent(desk, "Hans", teams=(support,), locale="de")
    both = await agent(desk, "Uwe", teams=(support,), locale="de")
    async with desk.unit() as uow:
        person = await uow.session.get(type(both), both.id)
        tag = await uow.session.scalar(Tag.__table__.select().with_only_columns(Tag.id))
        assert person is not None
        person.skills = [tag]
    await rule(desk, "Printers", {"all": []}, team=str(support), skills=["Printing"])
    ada = await requester(desk, locale="de")
    ticket = await opened(
        desk, ada, "Der Drucker brennt und ich weiß nicht, was ich tun soll. Bitte helfen Sie mir!"
    )
    assert ticket.assignee_id == both.id
    assert ticket.language == "de"
    assert hans.id != ticket.assignee_id


async def test_a_rule_that_names_an_agent_or_a_team_that_has_gone_loses_no_ticket(desk: Desk) -> None:
    gone = await agent(desk, "Gone")
    closed = await team(desk, "Closed")
    async with desk.unit() as uow:
        person = await uow.session.get(type(gone), gone.id)
        assert person is not None
        person.active = False
        shut = await uow.session.get(Team, closed)
        assert shut is not None
        shut.active = False
    await rule(desk, "Broken", {"field": "nothing", "op": "is", "value": 1}, priority="high")
    await rule(desk, "No such id", FIRE, 1, team=str(new_id()))
    await rule(desk, "Gone", FIRE, 2, assign=str(gone.id), team=str(closed), priority="high")
    ticket = await opened(desk, await requester(desk))
    assert (ticket.assignee_id, ticket.team_id, ticket.priority) == (None, None, "high")


async def test_working_hours_are_a_fact_that_rules_may_ask_for(desk: Desk) -> None:
    await rule(desk, "Night", {"field": "working_hours", "op": "is", "value": False}, priority="low")
    ada = await requester(desk)
    assert (await opened(desk, ada)).priority == "normal", "a desk without hours is always open"
    async with desk.unit() as uow:
        await desk_settings.store(uow.session, {"hours": {"zone": "Europe/Berlin", "week": {}}})
    await desk.refresh()
    assert (await opened(desk, ada)).priority == "low"
    assert (await fresh(desk, await opened(desk, ada))).priority_rank == 0
