"""Macros: variables that reach no further than their names, whose they are, what they do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.desk import Desk
from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.tickets import access, macros
from tests.notices.world import actor, agent, fresh, opened, requester, team

VALUES = {"requester.name": "Ada", "ticket.number": "42", "agent.name": ""}


@pytest.mark.parametrize(
    ("body", "filled"),
    [
        ("Dear {requester.name}, #{ticket.number}", "Dear Ada, #42"),
        ("Dear {agent.name|colleague}", "Dear colleague"),
        ("Dear {agent.name}", "Dear "),
        ("{requester.__class__} {0} {} {{requester.name}} { requester.name }", "{requester.__class__} {0} {} {Ada} { requester.name }"),
        ("```\n{\"a\": 1}\n```", "```\n{\"a\": 1}\n```"),
    ],
)  # fmt: skip
def test_known_variables_are_filled_and_nothing_else(body: str, filled: str) -> None:
    assert macros.fill(body, VALUES) == filled


@given(st.text(), st.text())
def test_any_text_with_any_name_is_filled_once_and_safely(body: str, name: str) -> None:
    filled = macros.fill(body + "{requester.name}", {"requester.name": name})
    assert "{requester.name}" not in filled or "{requester.name}" in name
    assert "[x](http" not in macros.fill("{requester.name}", {"requester.name": f"[x](http://evil){name}"})


async def test_a_macro_in_the_words_of_its_ticket(desk: Desk) -> None:
    bob = await agent(desk, "Bob", role="admin")
    support = await team(desk, "Support")
    ticket = await opened(desk, await requester(desk, "Ada Lovelace"), "Fire")
    async with desk.unit(await actor(desk, bob)) as uow:
        made = await macros.make(
            uow, uow.actor, shared=True, name="Hello",
            body="Hi {requester.first_name}, {agent.name} here about #{ticket.number} {ticket.subject}. {team.name|We} at {desk.name}",
            actions={"priority": "high", "add_tags": ["Hot"], "team": str(support), "assign": "me", "move": "wait"},
        )  # fmt: skip
        found = await access.get(uow, uow.actor, ticket.number)
        assert await macros.render(uow, uow.actor, made, found) == (
            f"Hi Ada, Bob here about #{ticket.number} Fire. We at Deskbell"
        )
        for _twice in range(2):
            await macros.act(uow, uow.actor, made, ticket.number)
    ticket = await fresh(desk, ticket)
    assert (ticket.priority, ticket.team_id, ticket.assignee_id, ticket.status, len(ticket.tags)) == (
        "high",
        support,
        bob.id,
        "waiting",
        1,
    )


async def test_ones_own_are_ones_own_and_everyones_are_the_admins(desk: Desk) -> None:
    bob, eve, lea = await agent(desk, "Bob"), await agent(desk, "Eve"), await agent(desk, "Lea", role="admin")
    bobs, eves, leas = [await actor(desk, each) for each in (bob, eve, lea)]
    async with desk.unit(bobs) as uow:
        own = await macros.make(uow, bobs, name="Mine", body="Hello")
        with pytest.raises(Forbidden):
            await macros.make(uow, bobs, name="Ours", body="Hello", shared=True)
        shared = await macros.make(uow, leas, name="Ours", body="Hello", shared=True)
    async with desk.unit(eves) as uow:
        assert [one.name for one in await macros.listed(uow, eves)] == ["Ours"]
        assert [one.name for one in await macros.listed(uow, bobs)] == ["Mine", "Ours"]
        with pytest.raises(NotFound):
            await macros.get(uow, eves, own.id)
        with pytest.raises(Forbidden):
            await macros.change(uow, eves, shared.id, name="Theirs")
        changed = await macros.change(uow, leas, shared.id, body="Hello again", version=1)
        assert changed.version == 2
        with pytest.raises(Conflict):
            await macros.change(uow, leas, shared.id, body="Too late", version=1)
        await macros.change(uow, leas, shared.id, active=False)
        assert await macros.listed(uow, eves) == []
        assert len(await macros.listed(uow, leas, retired=True)) == 1


async def test_what_cannot_work_is_refused_when_it_is_written(desk: Desk) -> None:
    lea = await agent(desk, "Lea", role="admin")
    who = await actor(desk, lea)
    async with desk.unit(who) as uow:
        with pytest.raises(Invalid, match=r"\{requester.shoe\}"):
            await macros.make(uow, who, name="X", body="{requester.shoe}")
        for actions in (
            {"explode": True},
            {"priority": "huge"},
            {"team": "x"},
            {"move": "up"},
            {"assign": "eve"},
        ):
            with pytest.raises(Invalid):
                await macros.make(uow, who, name="X", body="x", actions=actions)
        for name, body in (("", "x"), ("x", ""), ("x" * 100, "x")):
            with pytest.raises(Invalid):
                await macros.make(uow, who, name=name, body=body)
