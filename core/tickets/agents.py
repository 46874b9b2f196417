"""What is known of agents when one of them is to be chosen: room, skills, languages."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select

from core.access import Permission
from core.db import UnitOfWork
from core.people.model import Person, Tag, TeamMember
from core.tickets.assignment import AgentLoad
from core.tickets.model import LIVE, Ticket

MOST_AGENTS = 500
_CHOOSING = 4_202_603


async def alone(uow: UnitOfWork) -> None:
    """Wait until no other unit chooses an agent: two tickets at once must see each other's choice,
    or both go to the same agent. Held until the commit."""
    await uow.session.execute(select(func.pg_advisory_xact_lock(_CHOOSING)))


async def candidates(
    uow: UnitOfWork, team_id: UUID | None, *, but: Collection[UUID] = (), seen_since: datetime | None = None
) -> Sequence[AgentLoad]:
    """The agents of a team, or of the whole desk, with their load; `but` are left out, and with
    `seen_since` those who have no page of the desk open."""
    roles = [name for name, may in uow.means.roles.items() if Permission.claim_ticket in may]
    query = (
        select(Person)
        .where(Person.active, Person.role.in_(roles), Person.id.not_in(but))
        .order_by(Person.id)
        .limit(MOST_AGENTS)
    )
    if seen_since is not None:
        query = query.where(Person.last_seen_at > seen_since)
    if team_id is not None:
        query = query.join(TeamMember, TeamMember.person_id == Person.id).where(TeamMember.team_id == team_id)
    agents = list(await uow.session.scalars(query))
    load = await _open_tickets(uow, [agent.id for agent in agents])
    skills = await _skill_names(uow, {skill for agent in agents for skill in agent.skills})
    return [_load_of(agent, load.get(agent.id, 0), skills) for agent in agents]


def _load_of(agent: Person, open_tickets: int, skills: dict[int, str]) -> AgentLoad:
    return AgentLoad(
        id=agent.id,
        open_tickets=open_tickets,
        capacity=agent.capacity,
        availability=agent.availability,
        skills={skills[skill] for skill in agent.skills if skill in skills},
        languages={agent.locale, *map(str, agent.preferences.get("languages", ()))},
        last_assigned_at=agent.last_assigned_at,
    )


async def _open_tickets(uow: UnitOfWork, agents: Sequence[UUID]) -> dict[UUID, int]:
    rows = await uow.session.execute(
        select(Ticket.assignee_id, func.count())
        .where(Ticket.assignee_id.in_(agents), Ticket.status.in_(LIVE))
        .group_by(Ticket.assignee_id)
    )
    return {agent: count for agent, count in rows if agent is not None}


async def _skill_names(uow: UnitOfWork, ids: Collection[int]) -> dict[int, str]:
    if not ids:
        return {}
    rows = await uow.session.execute(select(Tag.id, Tag.name).where(Tag.id.in_(ids)))
    return {tag_id: name.casefold() for tag_id, name in rows}
