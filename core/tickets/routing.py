"""Where a new ticket goes: an admin's rules over what is known of it, as a pure function.

Active rules are tried by position. Each sees the ticket as the rules before it left it; what
several rules set, the last one sets; tags and needed skills add up. A rule that stops ends the
matter when it fires.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from core.conditions import (
    Condition,
    Field,
    Fields,
    Kind,
    Trace,
    describe_trace,
    explain,
    fold,
    words_of,
)
from core.errors import Invalid
from core.i18n import N_, _
from core.tickets.language import guess_language

BY_TEAM_MODE: Literal["by_team_mode"] = "by_team_mode"
"""To be assigned as the team's mode says."""
PRIORITIES: Mapping[str, str] = {
    "low": N_("Low"),
    "normal": N_("Normal"),
    "high": N_("High"),
    "urgent": N_("Urgent"),
}
SPOKEN: Mapping[str, str] = {"en": N_("English"), "de": N_("German")}
MAX_LABELS = 20
"""Tags, and skills, in one rule."""
MAX_LABEL = 40
"""Characters of one of them."""


def routing_fields(channels: Mapping[str, str] | None = None) -> Fields:
    """What a rule may ask of a new ticket; `channels` closes the list of channels (name to label)."""
    return Fields.of(
        Field(name="words", kind=Kind.words, label=N_("Text")),
        Field(name="category", kind=Kind.id, label=N_("Category")),
        Field(name="language", kind=Kind.choice, label=N_("Language"), choices=SPOKEN),
        Field(name="channel", kind=Kind.choice, label=N_("Channel"), choices=channels)
        if channels
        else Field(name="channel", kind=Kind.text, label=N_("Channel")),
        Field(name="requester", kind=Kind.id, label=N_("Requester")),
        Field(name="organisation", kind=Kind.id, label=N_("Organisation")),
        Field(name="requester_tags", kind=Kind.set, label=N_("Requester's tags"), folded=True),
        Field(name="working_hours", kind=Kind.bool, label=N_("Within working hours")),
        Field(name="priority", kind=Kind.choice, label=N_("Priority"), choices=PRIORITIES, ordered=True),
        Field(name="tags", kind=Kind.set, label=N_("Tags"), folded=True),
        Field(name="team", kind=Kind.id, label=N_("Team")),
    )


@dataclass(frozen=True, kw_only=True)
class NewTicket:
    """What is known of a ticket when it is routed. Words and tags are folded."""

    words: frozenset[str]
    language: str | None = None
    channel: str | None = None
    category_id: UUID | None = None
    team_id: UUID | None = None
    requester_id: UUID | None = None
    organisation_id: UUID | None = None
    requester_tags: frozenset[str] = frozenset()
    working_hours: bool = True
    priority: str = "normal"
    tags: frozenset[str] = frozenset()

    def says(self, *texts: str) -> NewTicket:
        """The same ticket with these texts (subject and first message) and their guessed language.

        A language that is already known stays.
        """
        whole = "\n".join(texts)
        return replace(
            self, words=frozenset(words_of(whole)), language=self.language or guess_language(whole)
        )

    def facts(self) -> dict[str, object]:
        """The ticket as the fields of `routing_fields` name it."""
        return {
            "words": self.words,
            "language": self.language,
            "channel": self.channel,
            "category": self.category_id,
            "team": self.team_id,
            "requester": self.requester_id,
            "organisation": self.organisation_id,
            "requester_tags": self.requester_tags,
            "working_hours": self.working_hours,
            "priority": self.priority,
            "tags": self.tags,
        }


@dataclass(frozen=True, kw_only=True)
class Actions:
    """What a rule does; None leaves as it is. `assign` is the team's own mode or one agent.

    Tags are folded; skills are as they are written in people's profiles.
    """

    team_id: UUID | None = None
    priority: str | None = None
    add_tags: frozenset[str] = frozenset()
    category_id: UUID | None = None
    assign: Literal["by_team_mode"] | UUID | None = None
    skills_needed: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Rule:
    id: UUID
    name: str
    position: int
    condition: Condition
    then: Actions
    stop: bool = False
    active: bool = True


Outcome = Literal["fired", "did_not_match", "not_reached", "inactive"]


@dataclass(frozen=True)
class RuleTrace:
    """What came of one rule; without `trace` it was not tried."""

    rule: Rule
    outcome: Outcome
    trace: Trace | None = None


@dataclass(frozen=True)
class Routing:
    """Where the ticket goes; what no rule sets is as it was before."""

    team_id: UUID | None
    priority: str
    tags: frozenset[str]
    category_id: UUID | None
    assign: Literal["by_team_mode"] | UUID | None = None
    skills_needed: frozenset[str] = frozenset()
    fired: tuple[UUID, ...] = ()
    trace: tuple[RuleTrace, ...] = ()


def route(ticket: NewTicket, rules: Iterable[Rule], now: datetime) -> Routing:
    """The rules' answer for a new ticket, with what came of each rule."""
    assign: Literal["by_team_mode"] | UUID | None = None
    skills: frozenset[str] = frozenset()
    traces: list[RuleTrace] = []
    stopped = False
    for rule in sorted(rules, key=lambda rule: (rule.position, rule.id)):
        told = _try(rule, ticket, now, stopped=stopped)
        traces.append(told)
        if told.outcome != "fired":
            continue
        ticket = _apply(rule.then, ticket)
        assign = rule.then.assign or assign
        skills |= rule.then.skills_needed
        stopped = rule.stop
    return Routing(
        ticket.team_id,
        ticket.priority,
        ticket.tags,
        ticket.category_id,
        assign,
        skills,
        tuple(told.rule.id for told in traces if told.outcome == "fired"),
        tuple(traces),
    )


def try_out(
    text: str,
    rules: Iterable[Rule],
    now: datetime,
    *,
    ticket: NewTicket | None = None,
    names: Mapping[UUID, str] | None = None,
) -> list[str]:
    """What would come of a ticket with this text, told line by line in the reader's language.

    `ticket` holds what else is to be supposed of it; `names` are the words for ids.
    """
    supposed = (ticket or NewTicket(words=frozenset())).says(text)
    routing = route(supposed, rules, now)
    return list(_told(supposed, routing, names or {}))


def _try(rule: Rule, ticket: NewTicket, now: datetime, *, stopped: bool) -> RuleTrace:
    if not rule.active:
        return RuleTrace(rule, "inactive")
    if stopped:
        return RuleTrace(rule, "not_reached")
    trace = explain(rule.condition, ticket.facts(), now)
    return RuleTrace(rule, "fired" if trace.held else "did_not_match", trace)


def _apply(then: Actions, ticket: NewTicket) -> NewTicket:
    return replace(
        ticket,
        team_id=then.team_id or ticket.team_id,
        priority=then.priority or ticket.priority,
        category_id=then.category_id or ticket.category_id,
        tags=ticket.tags | then.add_tags,
    )


def _told(ticket: NewTicket, routing: Routing, names: Mapping[UUID, str]) -> Iterator[str]:
    spoken = SPOKEN.get(ticket.language or "")
    yield _("Language: {language}").format(language=_(spoken) if spoken else _("not recognised"))
    for told in routing.trace:
        yield _OUTCOMES[told.outcome](told.rule.name)
        if told.trace:
            yield from (f"  {line}" for line in describe_trace(told.trace, names))
        if told.outcome == "fired":
            yield "  " + _("then: {actions}").format(actions=describe_actions(told.rule.then, names))
            if told.rule.stop:
                yield "  " + _("and no further rule is tried")
    yield _("Result: {actions}").format(actions=describe_actions(_as_actions(routing), names))


_OUTCOMES = {
    "fired": lambda name: _("“{name}” fires").format(name=name),
    "did_not_match": lambda name: _("“{name}” does not fire").format(name=name),
    "not_reached": lambda name: _("“{name}” is not reached").format(name=name),
    "inactive": lambda name: _("“{name}” is switched off").format(name=name),
}


def _as_actions(routing: Routing) -> Actions:
    return Actions(
        team_id=routing.team_id,
        priority=routing.priority,
        add_tags=routing.tags,
        category_id=routing.category_id,
        assign=routing.assign,
        skills_needed=routing.skills_needed,
    )


def describe_actions(then: Actions, names: Mapping[UUID, str]) -> str:
    """What a rule does, as one phrase."""
    said: list[str] = []
    if then.team_id:
        said.append(_("team {team}").format(team=names.get(then.team_id, str(then.team_id))))
    if then.category_id:
        said.append(_("category {name}").format(name=names.get(then.category_id, str(then.category_id))))
    if then.priority:
        said.append(_("priority {priority}").format(priority=_(PRIORITIES.get(then.priority, then.priority))))
    if then.add_tags:
        said.append(_("tags {tags}").format(tags=", ".join(sorted(then.add_tags))))
    if then.skills_needed:
        said.append(_("needs {skills}").format(skills=", ".join(sorted(then.skills_needed))))
    if isinstance(then.assign, UUID):
        said.append(_("assigned to {agent}").format(agent=names.get(then.assign, str(then.assign))))
    elif then.assign:
        said.append(_("assigned within the team"))
    return "; ".join(said) or _("nothing")


def parse_actions(json: object) -> Actions:
    """The actions that decoded JSON says; every key may be left out. Raises Invalid.

    `{"team": id, "priority": "high", "add_tags": ["vip"], "category": id,
    "assign": "by_team_mode" or an agent's id, "skills": ["tax"]}`
    """
    if not isinstance(json, Mapping):
        raise Invalid(_("Actions are expected here."))
    known = {"team", "priority", "add_tags", "category", "assign", "skills"}
    if strange := set(json) - known:
        name = min(map(str, strange))[:40]
        raise Invalid(_("There is no action “{name}”.").format(name=name), field=name)
    priority, assign = json.get("priority"), json.get("assign")
    if priority is not None and (not isinstance(priority, str) or priority not in PRIORITIES):
        raise Invalid(_("Priorities are {names}.").format(names=", ".join(PRIORITIES)), field="priority")
    return Actions(
        team_id=_parse_id(json.get("team"), "team"),
        priority=priority,
        add_tags=frozenset(map(fold, _parse_labels(json.get("add_tags"), "add_tags"))),
        category_id=_parse_id(json.get("category"), "category"),
        assign=BY_TEAM_MODE if assign == BY_TEAM_MODE else _parse_id(assign, "assign"),
        skills_needed=_parse_labels(json.get("skills"), "skills"),
    )


def actions_to_json(then: Actions) -> dict[str, object]:
    """The JSON form of actions; parsing it gives the same actions."""
    json: dict[str, object] = {
        "team": str(then.team_id) if then.team_id else None,
        "priority": then.priority,
        "add_tags": sorted(then.add_tags),
        "category": str(then.category_id) if then.category_id else None,
        "assign": str(then.assign) if then.assign else None,
        "skills": sorted(then.skills_needed),
    }
    return {key: value for key, value in json.items() if value}


def _parse_id(json: object, field: str) -> UUID | None:
    if json is None:
        return None
    try:
        return UUID(json if isinstance(json, str) else "")
    except ValueError:
        raise Invalid(_("“{field}” needs an id.").format(field=field), field=field) from None


def _parse_labels(json: object, field: str) -> frozenset[str]:
    labels: Sequence[object] = json if isinstance(json, list) else ([] if json is None else [None])
    if len(labels) > MAX_LABELS or not all(_is_label(label) for label in labels):
        raise Invalid(
            _("“{field}” needs a list of at most {most} short words.").format(field=field, most=MAX_LABELS),
            field=field,
        )
    return frozenset(str(label).strip() for label in labels)


def _is_label(json: object) -> bool:
    return isinstance(json, str) and 0 < len(json.strip()) <= MAX_LABEL and json.isprintable()
