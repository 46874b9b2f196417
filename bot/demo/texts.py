"""The texts and people of the demo desk: the help desk of Nordlicht Cycles, which sells e-bikes.

They lie beside this module as JSON, so that they can be read and mended without reading code:
`dialogues/<topic>-<language>.json`, `people.json`, `slots.json`, `notes.json`.

A dialogue is used for several tickets. What differs from one to the next stands in slots such as
`{bike}`; `fill` puts the values in. Meaning of the slots:

- `{name}`: the requester's first name.
- `{agent}`: the first name of the person who speaks; in a requester's words, of whoever spoke
  last for the desk.
- `{order}`: an order number such as `NC-104882`, one a ticket.
- `{date}`: a day and month, a few days before the ticket was opened, in the dialogue's language.
- `{amount}`: euros as the language writes them (€89.00; 89,00 €), within `Dialogue.amount`.
- `{bike}`, `{city}`: see `slots.json`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Annotated, ClassVar, Literal, TypeVar

from pydantic import ConfigDict, StringConstraints, TypeAdapter, ValidationError

from core.errors import Invalid

Topic = Literal[
    "signin", "billing", "subscription", "delivery", "returns", "battery",
    "firmware", "workshop", "theft", "privacy", "fleet", "parts",
]  # fmt: skip
Language = Literal["en", "de"]
Team = Literal["care", "workshop", "billing"]
Priority = Literal["low", "normal", "high", "urgent"]
Channel = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,20}$")]
Outcome = Literal["open", "in_progress", "waiting", "resolved", "closed", "merged"]
Speaker = Literal["requester", "agent", "agent2", "note", "note2"]
Step = Literal["resolve", "wait", "escalate", "to_care", "to_workshop", "to_billing", "merge"]

SLOTS = frozenset({"order", "name", "agent", "date", "amount", "bike", "city"})
TURNS = range(3, 13)
FIRST_PARTY = frozenset({"agent", "agent2"})

_slot = re.compile(r"\{([^{}]*)\}")
T = TypeVar("T")


@dataclass(frozen=True)
class _Strict:
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")


@dataclass(frozen=True)
class File(_Strict):
    name: str
    kind: Literal["image", "pdf", "text", "log"]


@dataclass(frozen=True)
class Turn(_Strict):
    """What one person says or notes, `after_minutes` after the turn before.

    `note` is an internal note of the person who speaks as `agent`, `note2` one of `agent2`.
    `then` is the step that the desk takes right after it. After an `escalate`, `agent2` and
    `note2` are the lead; before it, or without one, a second agent.
    """

    by: Speaker
    text: str
    after_minutes: int
    files: tuple[File, ...] = ()
    then: Step | None = None


@dataclass(frozen=True)
class Dialogue(_Strict):
    """One conversation from its first word to its outcome.

    `team` is the team it was opened in; a step `to_...` hands it over. `merged_into` names the
    dialogue whose ticket, of the same requester and with the same slot values, took this one in.
    `amount` holds the least and the most that `{amount}` may stand for, in euros.
    """

    id: str
    topic: Topic
    language: Language
    subject: str
    team: Team
    priority: Priority
    tags: tuple[str, ...]
    channel: Channel
    outcome: Outcome
    rating: Literal[1, 2, 3, 4, 5] | None
    rating_comment: str | None
    solution: str | None
    merged_into: str | None
    amount: tuple[int, int] | None
    turns: tuple[Turn, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        """Every text a person reads in it, slots unfilled."""
        extras = (self.subject, self.rating_comment, self.solution)
        return (*(turn.text for turn in self.turns), *(text for text in extras if text))

    @property
    def escalated(self) -> bool:
        return any(turn.then == "escalate" for turn in self.turns)

    @property
    def reopened(self) -> bool:
        """Whether the requester came back after it had been resolved."""
        done = [turn.then == "resolve" for turn in self.turns]
        return any(turn.by == "requester" and any(done[:at]) for at, turn in enumerate(self.turns))

    @property
    def final_team(self) -> Team:
        team = self.team
        for turn in self.turns:
            team = _handed_to.get(turn.then, team)
        return team


@dataclass(frozen=True)
class Organisation(_Strict):
    """A customer's company; whoever writes from `domain` is a member."""

    name: str
    domain: str


@dataclass(frozen=True)
class Requester(_Strict):
    name: str
    email: str
    language: Language
    time_zone: str
    organisation: str | None


@dataclass(frozen=True)
class Staff(_Strict):
    """An agent, a lead or an admin. `skills` are topics; the first team is the home team."""

    name: str
    email: str
    languages: tuple[Language, ...]
    time_zone: str
    teams: tuple[Team, ...]
    skills: tuple[Topic, ...]


@dataclass(frozen=True)
class People(_Strict):
    requesters: tuple[Requester, ...]
    agents: tuple[Staff, ...]
    lead: Staff
    admin: Staff
    organisations: tuple[Organisation, ...]


@dataclass(frozen=True)
class SlotValues(_Strict):
    """What `{bike}` and `{city}` may stand for; cities by language."""

    bike: tuple[str, ...]
    city: dict[Language, tuple[str, ...]]


@dataclass(frozen=True)
class ProfileNote(_Strict):
    """A line that agents have kept about a requester."""

    language: Language
    text: str


_handed_to: dict[Step | None, Team] = {"to_care": "care", "to_workshop": "workshop", "to_billing": "billing"}
_folder = files("bot.demo")


def dialogues() -> list[Dialogue]:
    """All dialogues, by topic file and as they stand in it. Raises Invalid, naming what is wrong."""
    return list(_dialogues())


@cache
def people() -> People:
    """Requesters, staff and organisations. Raises Invalid, naming what is wrong."""
    found = _parsed("people.json", (_folder / "people.json").read_bytes(), People)
    check_people(found)
    return found


@cache
def slot_values() -> SlotValues:
    return _parsed("slots.json", (_folder / "slots.json").read_bytes(), SlotValues)


@cache
def profile_notes() -> tuple[ProfileNote, ...]:
    return _parsed("notes.json", (_folder / "notes.json").read_bytes(), tuple[ProfileNote, ...])


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with each slot replaced. Raises Invalid for a slot without a value."""

    def value(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise Invalid(f"No value for the slot {match[0]}.")
        return values[match[1]]

    return _slot.sub(value, text)


def slots_of(text: str) -> frozenset[str]:
    return frozenset(_slot.findall(text))


def check(found: Iterable[Dialogue]) -> None:
    """Raises Invalid with every rule broken by one dialogue, or between two, a line each."""
    found = list(found)
    wrong = [f"{dialogue.id}: {fault}" for dialogue in found for fault in _faults(dialogue)]
    wrong += _repeats("id", ((one.id, one.id) for one in found))
    wrong += _repeats("turn", ((_folded(turn.text), one.id) for one in found for turn in one.turns))
    wrong += _repeats("subject", ((_folded(one.subject), one.id) for one in found))
    wrong += _repeats(
        "comment", ((_folded(one.rating_comment), one.id) for one in found if one.rating_comment)
    )
    wrong += _repeats("solution", ((_folded(one.solution), one.id) for one in found if one.solution))
    wrong += _lost_merges(found)
    if wrong:
        raise Invalid("\n".join(wrong))


def check_people(found: People) -> None:
    """Raises Invalid for a double address or name, or an organisation that is not there."""
    everyone: list[Requester | Staff] = [*found.requesters, *found.agents, found.lead, found.admin]
    wrong = _repeats("address", ((one.email.casefold(), one.name) for one in everyone))
    wrong += _repeats("name", ((one.name.casefold(), one.email) for one in everyone))
    domains = {one.name: one.domain for one in found.organisations}
    for one in found.requesters:
        domain = one.email.rpartition("@")[2]
        if one.organisation is not None and domains.get(one.organisation) != domain:
            wrong.append(f"{one.name}: {domain} is not the domain of {one.organisation}")
    if wrong:
        raise Invalid("\n".join(wrong))


@cache
def _dialogues() -> tuple[Dialogue, ...]:
    paths = sorted((_folder / "dialogues").iterdir(), key=lambda path: path.name)
    read = {
        path.name: _parsed(path.name, path.read_bytes(), tuple[Dialogue, ...])
        for path in paths
        if path.name.endswith(".json")
    }
    found = [dialogue for those in read.values() for dialogue in those]
    for name, those in read.items():
        for dialogue in those:
            if name != f"{dialogue.topic}-{dialogue.language}.json":
                raise Invalid(f"{dialogue.id} stands in {name}, which is not its topic and language.")
    check(found)
    return tuple(found)


def _parsed(name: str, text: bytes, shape: type[T]) -> T:
    try:
        return TypeAdapter(shape).validate_json(text, strict=True)
    except ValidationError as error:
        lines = (f"{name}: {'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise Invalid("\n".join(lines)) from error


def _faults(one: Dialogue) -> Iterable[str]:
    if not re.fullmatch(rf"{one.topic}-{one.language}-\d\d", one.id):
        yield "the id is not topic-language-number"
    if len(one.turns) not in TURNS:
        yield f"{len(one.turns)} turns, wanted are 3 to 12"
    yield from _faults_of_turns(one.turns)
    yield from _faults_of_slots(one)
    yield from _faults_of_outcome(one)


def _faults_of_turns(turns: tuple[Turn, ...]) -> Iterable[str]:
    if not turns or turns[0].by != "requester" or turns[0].after_minutes != 0:
        yield "it does not open with the requester at minute 0"
    for at, turn in enumerate(turns, 1):
        if not turn.text.strip() or turn.text != turn.text.strip():
            yield f"turn {at} is empty or has space around it"
        if at > 1 and turn.after_minutes < 1:
            yield f"turn {at} comes at no time after the turn before"
        if turn.by == "requester" and turn.then not in {None, "resolve", "merge"}:
            yield f"turn {at}: a requester cannot {turn.then}"


def _faults_of_slots(one: Dialogue) -> Iterable[str]:
    used = frozenset(slot for text in one.texts for slot in slots_of(text))
    if unknown := used - SLOTS:
        yield f"unknown slots {sorted(unknown)}"
    if any(set("{}") & set(_slot.sub("", text)) for text in one.texts):
        yield "a brace without its other half"
    if ("amount" in used) != (one.amount is not None):
        yield "the slot {amount} and the range of amounts need each other"
    if one.amount is not None and not 0 < one.amount[0] <= one.amount[1]:
        yield f"the amounts {one.amount} are no range"


def _faults_of_outcome(one: Dialogue) -> Iterable[str]:
    last, done = one.turns[-1], one.outcome in {"resolved", "closed"}
    if done != (last.then == "resolve"):
        yield f"it ends as {one.outcome}, but its last step is {last.then}"
    if done != (one.solution is not None):
        yield f"it ends as {one.outcome}, its solution is {one.solution!r}"
    if one.rating is not None and not done:
        yield "only what was resolved can be rated"
    if one.rating_comment is not None and one.rating is None:
        yield "a comment without a rating"
    if (one.outcome == "merged") != (last.then == "merge") or (one.outcome == "merged") != bool(
        one.merged_into
    ):
        yield "merged goes with a last step `merge` and the dialogue merged into"
    if one.outcome == "waiting" and (last.then != "wait" or last.by not in FIRST_PARTY):
        yield "it waits for the requester, but does not end with an agent's `wait`"
    if one.outcome == "open" and any(turn.by in FIRST_PARTY for turn in one.turns):
        yield "it is open, but was answered"


def _repeats(what: str, pairs: Iterable[tuple[str, str]]) -> list[str]:
    """One line for each key that comes twice; a pair is the key and where it stands."""
    seen: dict[str, str] = {}
    wrong: list[str] = []
    for key, where in pairs:
        if key in seen:
            wrong.append(f"{where}: the same {what} as in {seen[key]}: {key[:60]!r}")
        seen.setdefault(key, where)
    return wrong


def _lost_merges(found: list[Dialogue]) -> Iterable[str]:
    by_id = {one.id: one for one in found}
    for one in found:
        target = by_id.get(one.merged_into) if one.merged_into else None
        if one.merged_into and (target is None or target.merged_into or target.language != one.language):
            yield f"{one.id}: cannot be merged into {one.merged_into}"


def _folded(text: str) -> str:
    """Two texts that differ only in case, space, punctuation or smileys count as the same."""
    return re.sub(r"[\W_]+", " ", text).strip().casefold() or text
