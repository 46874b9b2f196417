"""What a new ticket becomes: rules over its facts, then an agent by its team's mode."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from core import clock
from core.conditions import parse, to_json
from core.db import UnitOfWork
from core.errors import Invalid
from core.i18n import _
from core.people import service as people
from core.people.model import Person, Tag, Team
from core.tickets import agents, hours, routing
from core.tickets.assignment import Choice, choose
from core.tickets.model import Category, Priority, RoutingRule
from core.tickets.routing import NewTicket, Routing, Rule, parse_actions, routing_fields

log = structlog.get_logger("tickets.intake")
MOST_RULES = 500


@dataclass(frozen=True, slots=True)
class Decision:
    """Where a new ticket goes."""

    team_id: UUID | None
    category_id: UUID | None
    priority: Priority
    tags: tuple[int, ...]
    assignee_id: UUID | None
    language: str | None
    fired: tuple[UUID, ...] = ()


async def decide(
    uow: UnitOfWork,
    requester: Person,
    channel: str,
    words: str,
    category_id: UUID | None,
    priority: Priority | None,
    language: str | None,
) -> Decision:
    """Apply the desk's rules to a ticket that is about to be opened."""
    ticket = await _supposed(uow, channel, words, category_id, priority, language, requester)
    routed = routing.route(ticket, await rules(uow), clock.now())
    routed, team = await _standing(uow, routed)
    chosen = await _assignee(uow, routed, team, ticket.language)
    return Decision(
        team_id=routed.team_id,
        category_id=routed.category_id,
        priority=Priority(routed.priority),
        tags=await _tag_ids(uow, routed.tags),
        assignee_id=chosen.agent_id,
        language=ticket.language,
        fired=routed.fired,
    )


async def try_out(
    uow: UnitOfWork,
    words: str,
    *,
    channel: str = "desk",
    category_id: UUID | None = None,
    priority: Priority | None = None,
    language: str | None = None,
    requester: Person | None = None,
) -> list[str]:
    """What would come of a ticket with this text, told line by line: which rules fire and why,
    who would get it and why. Changes nothing."""
    ticket = await _supposed(uow, channel, words, category_id, priority, language, requester)
    ruled = await rules(uow)
    routed = routing.route(ticket, ruled, clock.now())
    names = await _names(uow, ruled, routed)
    lines = routing.try_out(words, ruled, clock.now(), ticket=ticket, names=names)
    routed, team = await _standing(uow, routed)
    chosen = await _assignee(uow, routed, team, ticket.language)
    return [*lines, *await _told(uow, chosen)]


async def rules(uow: UnitOfWork) -> list[Rule]:
    """The active rules in order. One that can no longer be read is left out: a rule's fault must
    not keep anybody from opening a ticket."""
    rows = await uow.session.scalars(
        select(RoutingRule).where(RoutingRule.active).order_by(RoutingRule.position).limit(MOST_RULES)
    )
    return [rule for row in rows if (rule := _readable(row)) is not None]


def rule_of(row: RoutingRule) -> Rule:
    """A stored rule, read. Raises `Invalid` that names what is wrong in it."""
    return Rule(
        id=row.id,
        name=row.name,
        position=row.position,
        condition=parse(row.condition, routing_fields()),
        then=parse_actions(row.actions),
        stop=row.stop,
        active=row.active,
    )


def _readable(row: RoutingRule) -> Rule | None:
    try:
        return rule_of(row)
    except Invalid as error:
        log.warning("rule.unreadable", rule=str(row.id), field=error.field)
        return None


async def _supposed(
    uow: UnitOfWork,
    channel: str,
    words: str,
    category_id: UUID | None,
    priority: Priority | None,
    language: str | None,
    requester: Person | None,
) -> NewTicket:
    """What is known of the ticket. The language of the text goes before that of the profile,
    which is often only the browser's."""
    category = await uow.session.get(Category, category_id) if category_id else None
    ticket = NewTicket(
        words=frozenset(),
        channel=channel,
        category_id=category.id if category else None,
        team_id=category.team_id if category else None,
        requester_id=requester.id if requester else None,
        organisation_id=requester.organisation_id if requester else None,
        working_hours=hours.is_open(uow.settings, clock.now()),
        priority=(priority or Priority.normal).value,
    ).says(words)
    return ticket if ticket.language else replace(ticket, language=language)


async def _standing(uow: UnitOfWork, routed: Routing) -> tuple[Routing, Team | None]:
    """Only teams and categories that are there and active; a category that a rule has set brings
    its team along where no rule has named one."""
    category = await uow.session.get(Category, routed.category_id) if routed.category_id else None
    if category is not None and not category.active:
        category = None
    team_id = routed.team_id or (category.team_id if category else None)
    team = await uow.session.get(Team, team_id) if team_id else None
    if team is not None and not team.active:
        team = None
    return replace(
        routed, category_id=category.id if category else None, team_id=team.id if team else None
    ), team


async def _assignee(uow: UnitOfWork, routed: Routing, team: Team | None, language: str | None) -> Choice:
    if isinstance(routed.assign, UUID):
        return await _named(uow, routed.assign)
    if team is None or team.assign_mode == "manual":
        by_hand = _("This team takes tickets by hand.") if team else _("Without a team, nobody is chosen.")
        return Choice(None, by_hand)
    await agents.alone(uow)
    needed = {skill.casefold() for skill in routed.skills_needed}
    return choose(await agents.candidates(uow, team.id), team.assign_mode, needed, language)


async def _named(uow: UnitOfWork, agent_id: UUID) -> Choice:
    agent = await uow.session.get(Person, agent_id)
    if agent is None or not agent.active or agent.role == "requester":
        return Choice(None, _("The agent whom the rule names cannot take tickets any more."))
    return Choice(agent_id, _("A rule names this agent."))


async def _tag_ids(uow: UnitOfWork, names: Collection[str]) -> tuple[int, ...]:
    if not names:
        return ()
    await uow.session.execute(
        insert(Tag).values([{"name": name} for name in sorted(names)]).on_conflict_do_nothing()
    )
    return tuple(sorted(await uow.session.scalars(select(Tag.id).where(Tag.name.in_(names)))))


async def _told(uow: UnitOfWork, chosen: Choice) -> list[str]:
    known = await people.known(uow.session, uow, {chosen.agent_id, *list(chosen.passed_over)[:50]})
    who = known[chosen.agent_id].shown if chosen.agent_id in known else _("nobody")
    lines = [_("Assigned to {agent}: {why}").format(agent=who, why=chosen.why)]
    lines += [
        "  " + _("{agent} {reason}").format(agent=known[agent].shown, reason=reason)
        for agent, reason in chosen.passed_over.items()
        if agent in known
    ]
    return lines


async def _names(uow: UnitOfWork, ruled: Sequence[Rule], routed: Routing) -> dict[UUID, str]:
    """Words for every id that the rules mention."""
    ids = set(_ids_in([routing.actions_to_json(rule.then) for rule in ruled]))
    ids |= set(_ids_in([to_json(rule.condition) for rule in ruled]))
    ids |= {one for one in (routed.team_id, routed.category_id) if one is not None}
    names: dict[UUID, str] = {}
    for model in (Team, Category):
        rows = await uow.session.execute(select(model.id, model.name).where(model.id.in_(ids)))
        names |= dict(rows.all())
    known = await people.known(uow.session, uow, set(list(ids - names.keys())[:200]))
    return names | {one.id: one.shown for one in known.values()}


def _ids_in(json: object) -> list[UUID]:
    """Every text in decoded JSON that is an id."""
    match json:
        case dict():
            return [found for value in json.values() for found in _ids_in(value)]
        case list():
            return [found for value in json for found in _ids_in(value)]
        case str() if len(json) == 36 and json.count("-") == 4:
            try:
                return [UUID(json)]
            except ValueError:
                return []
        case _:
            return []
