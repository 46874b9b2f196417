"""The routing rules as an admin keeps them: in order, checked before they are stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from core import text
from core.access import Actor, Permission
from core.admin.service import check_version, record
from core.conditions import parse, to_json
from core.db import UnitOfWork
from core.errors import Invalid, NotFound
from core.i18n import _
from core.tickets.intake import MOST_RULES
from core.tickets.model import RoutingRule
from core.tickets.routing import actions_to_json, parse_actions, routing_fields

NAME_CHARACTERS = 80
_ORDER_LOCK = 4_202_642


async def listed(uow: UnitOfWork, actor: Actor) -> Sequence[RoutingRule]:
    """All rules in the order in which they are tried."""
    actor.require(Permission.manage_desk)
    query = select(RoutingRule).order_by(RoutingRule.position, RoutingRule.id).limit(MOST_RULES)
    return list(await uow.session.scalars(query))


async def get(uow: UnitOfWork, actor: Actor, rule_id: UUID) -> RoutingRule:
    actor.require(Permission.manage_desk)
    found = await uow.session.get(RoutingRule, rule_id)
    if found is None:
        raise NotFound(_("There is no such rule."))
    return found


async def make(
    uow: UnitOfWork,
    actor: Actor,
    *,
    name: str,
    condition: object,
    actions: Mapping[str, Any],
    stop: bool = False,
) -> RoutingRule:
    """A new rule, tried last. Raises `Invalid` that names what is wrong in it."""
    actor.require(Permission.manage_desk)
    await _alone(uow)
    count = await uow.session.scalar(select(func.count()).select_from(RoutingRule))
    if (count or 0) >= MOST_RULES:
        raise Invalid(_("At most {most} rules, please.").format(most=MOST_RULES))
    last = await uow.session.scalar(select(func.max(RoutingRule.position)))
    made = RoutingRule(name="", condition={}, position=0 if last is None else last + 1)
    _fill(made, name, condition, actions, stop)
    uow.session.add(made)
    await uow.session.flush()
    record(uow, actor, "rule", made.id, "made")
    return made


async def change(
    uow: UnitOfWork,
    actor: Actor,
    rule_id: UUID,
    *,
    version: int,
    name: str,
    condition: object,
    actions: Mapping[str, Any],
    stop: bool,
) -> RoutingRule:
    row = await _locked(uow, actor, rule_id, version)
    _fill(row, name, condition, actions, stop)
    row.version += 1
    record(uow, actor, "rule", row.id)
    return row


async def keep(uow: UnitOfWork, actor: Actor, rule_id: UUID, *, version: int, active: bool) -> RoutingRule:
    """Switch a rule off or on."""
    row = await _locked(uow, actor, rule_id, version)
    row.active = active
    row.version += 1
    record(uow, actor, "rule", row.id, "restored" if active else "retired")
    return row


async def move(uow: UnitOfWork, actor: Actor, rule_id: UUID, *, up: bool) -> None:
    """One place earlier or later; at the ends nothing happens. Positions are written anew, so
    that two rules never share one."""
    actor.require(Permission.manage_desk)
    await _alone(uow)
    rows = list(await listed(uow, actor))
    at = next((n for n, row in enumerate(rows) if row.id == rule_id), None)
    if at is None:
        raise NotFound(_("There is no such rule."))
    to = at - 1 if up else at + 1
    if not 0 <= to < len(rows):
        return
    rows[at], rows[to] = rows[to], rows[at]
    for position, row in enumerate(rows):
        row.position = position
    record(uow, actor, "rule", rule_id, "moved")


def _fill(row: RoutingRule, name: str, condition: object, actions: Mapping[str, Any], stop: bool) -> None:
    clean = text.line(name, field="name", most=NAME_CHARACTERS)
    row.condition = to_json(parse(condition, routing_fields()))
    row.actions = actions_to_json(parse_actions(actions))
    if not row.actions:
        raise Invalid(_("A rule needs something to do."), field="actions")
    row.name, row.stop = clean, stop


async def _locked(uow: UnitOfWork, actor: Actor, rule_id: UUID, version: int) -> RoutingRule:
    actor.require(Permission.manage_desk)
    row = await uow.session.get(RoutingRule, rule_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound(_("There is no such rule."))
    check_version(row, version)
    return row


async def _alone(uow: UnitOfWork) -> None:
    await uow.session.execute(select(func.pg_advisory_xact_lock(_ORDER_LOCK)))
