"""Who of a team gets a ticket: pure rules over what is known of each agent.

Whoever is not available, has no room left or lacks a needed skill is never chosen. Among the
others the team's mode decides:

- `least_open`: the fewest open tickets; among equals whoever has waited longest for one.
- `round_robin`: whoever has waited longest for one.
- `skill`: those who speak the language before those who do not, then the smallest part of
  their room in use, then the fewest open tickets.
- `manual`: nobody; the team takes tickets by hand.

What remains equal is decided by id, so the same input always gives the same choice.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

from core.i18n import _

Mode = Literal["manual", "least_open", "round_robin", "skill"]


@dataclass(frozen=True, kw_only=True)
class AgentLoad:
    """What the choice knows of one agent of the team."""

    id: UUID
    open_tickets: int
    capacity: int
    availability: str
    """`available`, `away` or `offline`."""
    skills: Collection[str] = frozenset()
    languages: Collection[str] = frozenset()
    last_assigned_at: datetime | None = None


@dataclass(frozen=True)
class Choice:
    """Who was chosen, why in one sentence, and why each of the others could not be."""

    agent_id: UUID | None
    why: str
    passed_over: Mapping[UUID, str] = field(default_factory=dict)


def choose(
    candidates: Sequence[AgentLoad],
    mode: str,
    needed_skills: Collection[str] = (),
    language: str | None = None,
) -> Choice:
    """The agent for a ticket that needs these skills and is written in this language."""
    if mode == "manual":
        return Choice(None, _("This team takes tickets by hand."))
    order, why = _MODES[mode]
    passed_over = {agent.id: reason for agent in candidates if (reason := _unfit(agent, needed_skills))}
    fit = [agent for agent in candidates if agent.id not in passed_over]
    if not fit:
        return Choice(None, _("Nobody in the team can take it now."), passed_over)
    chosen = min(fit, key=lambda agent: (order(agent, language), agent.id))
    return Choice(chosen.id, why(chosen, language), passed_over)


def _unfit(agent: AgentLoad, needed: Collection[str]) -> str | None:
    """Why the agent cannot take the ticket; None when they can."""
    if agent.availability != "available":
        return _("is away") if agent.availability == "away" else _("is offline")
    if agent.open_tickets >= agent.capacity:
        return _("has no room left: {open} of {capacity}").format(
            open=agent.open_tickets, capacity=agent.capacity
        )
    if missing := sorted(set(needed) - set(agent.skills)):
        return _("lacks the skill {skills}").format(skills=", ".join(missing))
    return None


_NEVER = datetime.min.replace(tzinfo=UTC)


def _waiting(agent: AgentLoad) -> datetime:
    return agent.last_assigned_at or _NEVER


def _by_load(agent: AgentLoad, language: str | None) -> tuple[object, ...]:
    return agent.open_tickets, _waiting(agent)


def _by_turn(agent: AgentLoad, language: str | None) -> tuple[object, ...]:
    return (_waiting(agent),)


def _by_expertise(agent: AgentLoad, language: str | None) -> tuple[object, ...]:
    speaks = language is None or language in agent.languages
    return not speaks, agent.open_tickets / agent.capacity, agent.open_tickets, _waiting(agent)


def _why_load(agent: AgentLoad, language: str | None) -> str:
    return _("Has the fewest open tickets: {open}.").format(open=agent.open_tickets)


def _why_turn(agent: AgentLoad, language: str | None) -> str:
    return _("Has waited longest for a ticket.")


def _why_expertise(agent: AgentLoad, language: str | None) -> str:
    if language is not None and language in agent.languages:
        return _("Has the skills, speaks the language and has the most room.")
    return _("Has the skills and the most room.")


_Order = Callable[[AgentLoad, str | None], tuple[object, ...]]
_Why = Callable[[AgentLoad, str | None], str]
_MODES: Mapping[str, tuple[_Order, _Why]] = {
    "least_open": (_by_load, _why_load),
    "round_robin": (_by_turn, _why_turn),
    "skill": (_by_expertise, _why_expertise),
}
