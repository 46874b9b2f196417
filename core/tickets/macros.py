"""Macros: texts with variables, and verbs that go with them.

A variable is a known name in braces, `{requester.name}`, with words to fall back on where
there is nothing to say: `{requester.first_name|there}`. Nothing else in a text is looked at,
so no text can reach further than these names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select

from core import text
from core.access import Actor, Permission
from core.db import UnitOfWork
from core.errors import Conflict, Invalid, NotFound
from core.i18n import N_, _
from core.people import service as people
from core.people.events import DeskChanged
from core.people.model import Team
from core.tickets import lifecycle, service
from core.tickets.access import Opened
from core.tickets.model import Macro, Priority

VARIABLES: Mapping[str, str] = {
    "requester.name": N_("The requester's name"),
    "requester.first_name": N_("The first word of the requester's name"),
    "ticket.number": N_("The ticket's number"),
    "ticket.subject": N_("The ticket's subject"),
    "agent.name": N_("The name of whoever uses the macro"),
    "team.name": N_("The ticket's team"),
    "desk.name": N_("The desk's name"),
}
NAME_CHARACTERS = 80
MOST_MACROS = 500
MOVES = ("resolve", "wait", "close")
"""Where an action may move a ticket."""

_VARIABLE = re.compile(r"\{([a-z]+\.[a-z_]+)(?:\|([^{}\n]{0,80}))?\}")
_MARKUP = re.compile(r"([\\`*_\[\]<>])")


async def listed(uow: UnitOfWork, actor: Actor, *, retired: bool = False) -> Sequence[Macro]:
    """One's own macros and everyone's, by name."""
    actor.require(Permission.reply)
    query = select(Macro).where(or_(Macro.owner_id.is_(None), Macro.owner_id == actor.id))
    if not retired:
        query = query.where(Macro.active)
    return list(await uow.session.scalars(query.order_by(Macro.name, Macro.id).limit(MOST_MACROS)))


async def get(uow: UnitOfWork, actor: Actor, macro_id: UUID) -> Macro:
    """A macro to use or to look at; somebody else's own is `NotFound`."""
    actor.require(Permission.reply)
    macro = await uow.session.get(Macro, macro_id)
    if macro is None or macro.owner_id not in (None, actor.id):
        raise NotFound(_("There is no such macro."))
    return macro


async def make(
    uow: UnitOfWork,
    actor: Actor,
    *,
    name: str,
    body: str,
    actions: Mapping[str, Any] | None = None,
    shared: bool = False,
) -> Macro:
    """A new macro, one's own or everyone's. Raises `Invalid` for variables that do not exist."""
    macro = Macro(
        name=_name(name),
        body=_body(body),
        actions=checked_actions(actions or {}),
        owner_id=None if shared else actor.id,
    )
    _may_change(actor, macro)
    uow.session.add(macro)
    _record(uow, actor, macro, "made")
    await uow.session.flush()
    return macro


async def change(
    uow: UnitOfWork,
    actor: Actor,
    macro_id: UUID,
    *,
    name: str | None = None,
    body: str | None = None,
    actions: Mapping[str, Any] | None = None,
    active: bool | None = None,
    version: int | None = None,
) -> Macro:
    """Change a macro; with `version`, only when nobody has changed it since it was looked at."""
    macro = await get(uow, actor, macro_id)
    await uow.session.flush()
    await uow.session.refresh(macro, with_for_update=True)
    _may_change(actor, macro)
    if version is not None and version != macro.version:
        raise Conflict(_("Someone changed this in the meantime. Look again, then decide."))
    macro.name = macro.name if name is None else _name(name)
    macro.body = macro.body if body is None else _body(body)
    macro.actions = macro.actions if actions is None else checked_actions(actions)
    macro.active = macro.active if active is None else active
    macro.version += 1
    _record(uow, actor, macro, "retired" if active is False else "changed")
    await uow.session.flush()
    return macro


async def render(uow: UnitOfWork, actor: Actor, macro: Macro, opened: Opened) -> str:
    """The macro's text for a ticket, ready to be put into the composer."""
    return fill(macro.body, await _values(uow, actor, opened))


async def act(uow: UnitOfWork, actor: Actor, macro: Macro, number: int) -> None:
    """Do what goes with a macro; what is so already is passed over."""
    for step in _steps(macro.actions):
        try:
            await step(uow, actor, number)
        except lifecycle.AlreadySo:
            continue


def fill(body: str, values: Mapping[str, str]) -> str:
    """Put values in for the variables of a text, each as plain words: markup in a name stays
    what was typed. A variable without a value gives its words to fall back on."""

    def value(found: re.Match[str]) -> str:
        name, instead = found.group(1), found.group(2) or ""
        if name not in VARIABLES:
            return found.group(0)
        return _MARKUP.sub(r"\\\1", " ".join(values.get(name, "").split())) or instead

    return _VARIABLE.sub(value, body)


def unknown_variables(body: str) -> list[str]:
    """The names in braces that are no variables."""
    return sorted({name for name, _instead in _VARIABLE.findall(body)} - VARIABLES.keys())


def checked_actions(actions: Mapping[str, Any]) -> dict[str, Any]:
    """Actions that can be kept: `priority`, `add_tags`, `remove_tags`, `team` (an id), `assign`
    (`me` or `nobody`), `move` (resolve, wait or close). Raises `Invalid`."""
    kept: dict[str, Any] = {}
    for key, value in actions.items():
        if key not in _CHECKS:
            raise Invalid(_("There is no action “{name}”.").format(name=key[:40]), field="actions")
        if value not in (None, "", [], ()):
            kept[key] = _CHECKS[key](value)
    return kept


async def _values(uow: UnitOfWork, actor: Actor, opened: Opened) -> dict[str, str]:
    ticket = opened.ticket
    known = await people.known(uow.session, uow, {ticket.requester_id, actor.id})
    requester = known.get(ticket.requester_id)
    agent = known.get(actor.id) if actor.id else None
    team = await uow.session.get(Team, ticket.team_id) if ticket.team_id else None
    name = "" if requester is None or requester.erased else requester.display_name or requester.name
    return {
        "requester.name": name,
        "requester.first_name": name.split(" ")[0],
        "ticket.number": str(ticket.number),
        "ticket.subject": opened.subject,
        "agent.name": agent.shown if agent else "",
        "team.name": team.name if team else "",
        "desk.name": uow.settings.name,
    }


def _name(name: str) -> str:
    return text.line(name, field="name", most=NAME_CHARACTERS)


def _body(body: str) -> str:
    cleaned = text.message(body)
    if unknown := unknown_variables(cleaned):
        raise Invalid(
            _("There is no variable {name}. Known are: {known}.").format(
                name="{" + unknown[0] + "}", known=", ".join("{" + each + "}" for each in VARIABLES)
            ),
            field="body",
        )
    return cleaned


def _may_change(actor: Actor, macro: Macro) -> None:
    actor.require(Permission.manage_desk if macro.owner_id is None else Permission.manage_own_macros)


def _record(uow: UnitOfWork, actor: Actor, macro: Macro, how: str) -> None:
    uow.emit(DeskChanged(subject=macro.id, what="macro", key=str(macro.id), how=how), actor=actor)


def _one_of(*allowed: str) -> Any:
    def check(value: Any) -> str:
        if value not in allowed:
            raise Invalid(_("Possible are: {names}.").format(names=", ".join(allowed)), field="actions")
        return str(value)

    return check


def _tags(value: Any) -> list[str]:
    names = value.split(",") if isinstance(value, str) else list(value)
    return [text.line(str(name), field="actions", most=40).casefold() for name in names if str(name).strip()]


def _id(value: Any) -> str:
    try:
        return str(UUID(str(value)))
    except ValueError:
        raise Invalid(_("There is no such team."), field="actions") from None


_CHECKS: Mapping[str, Any] = {
    "priority": _one_of(*Priority),
    "add_tags": _tags,
    "remove_tags": _tags,
    "team": _id,
    "assign": _one_of("me", "nobody"),
    "move": _one_of(*MOVES),
}


def _steps(actions: Mapping[str, Any]) -> list[Any]:
    """The verbs in an order in which each is lawful: what it is, whose it is, where it stands."""
    steps: list[Any] = []
    if priority := actions.get("priority"):
        steps.append(lambda uow, actor, number: service.prioritise(uow, actor, number, Priority(priority)))
    add, remove = actions.get("add_tags", ()), actions.get("remove_tags", ())
    if add or remove:
        steps.append(lambda uow, actor, number: service.tag(uow, actor, number, add=add, remove=remove))
    if team := actions.get("team"):
        steps.append(lambda uow, actor, number: service.assign(uow, actor, number, team=UUID(team)))
    match actions.get("assign"):
        case "me":
            steps.append(lambda uow, actor, number: service.assign(uow, actor, number, to=actor.id))
        case "nobody":
            steps.append(service.release)
    match actions.get("move"):
        case "resolve":
            steps.append(service.resolve)
        case "wait":
            steps.append(service.wait)
        case "close":
            steps.append(service.close)
    return steps
