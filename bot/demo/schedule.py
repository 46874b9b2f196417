"""What happens in the demo desk, and when: pure, the same for the same seed and moment.

Each ticket plays one dialogue. It is opened when people write, mostly by day and on weekdays;
the desk answers in its working hours; what would lie after `now` has not happened yet. So the
last tickets stand in the middle of their talk, and a few are live.

A dialogue is used for at most one ticket in a hundred, however many there are (from 100 on).
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any, Literal
from zoneinfo import ZoneInfo

from bot.demo.settings import ZONE
from bot.demo.texts import (
    Dialogue,
    Language,
    Requester,
    Staff,
    Team,
    Turn,
    dialogues,
    fill,
    people,
    slot_values,
)
from core.calendar import Calendar

DAYS = 90
CLOSED_AFTER = timedelta(days=14)
LIVE_NOW = 5
"""Chats, of any hundred tickets or more, in which somebody wrote within the last minutes."""

What = Literal[
    "open", "say", "reply", "note", "claim", "give", "sort", "escalate", "hand_over", "wait", "snooze",
    "wake", "resolve", "close", "merge", "rate", "react", "edit", "follow", "link",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that someone does. `who` is an address, empty for the desk itself; `ticket` is
    the plan's id, `other` that of a second one or a number that goes with it."""

    at: datetime
    ticket: int
    what: What
    who: str = ""
    text: str = ""
    turn: Turn | None = None
    team: Team | None = None
    other: int = 0
    until: datetime | None = None


@dataclass(slots=True, kw_only=True)
class Plan:
    """One ticket: who, what about, and its steps in order of time."""

    id: int
    dialogue: Dialogue
    requester: Requester
    agent: Staff
    second: Staff
    values: dict[str, str]
    fields: dict[str, Any]
    channel: str
    opened_at: datetime
    sorted_at_once: bool
    """Whether the requester's form named the category, or an agent did later."""
    fields_given: Literal["opening", "sorting", "never"]
    into: int | None = None
    steps: list[Step] = field(default_factory=list)


def schedule(seed: int, tickets: int, now: datetime, calendar: Calendar) -> list[Plan]:
    """The plans of so many tickets. The steps of all, by time, are `steps_of`."""
    rng = random.Random(f"nordlicht/{seed}/{tickets}")
    return _Planner(rng, now, calendar).plans(tickets)


def steps_of(plans: Iterable[Plan]) -> list[Step]:
    """Everything that happens, in order of time; what happens to one ticket keeps its order."""
    return sorted((step for plan in plans for step in plan.steps), key=lambda step: step.at)


class _Planner:
    """Draws from one source of chance, in a fixed order."""

    def __init__(self, rng: random.Random, now: datetime, calendar: Calendar) -> None:
        self.rng = rng
        self.now = now
        self.calendar = calendar
        self.ids = count(1)
        self.busy: dict[str, int] = {}
        self.had: set[tuple[str, str]] = set()

    def plans(self, tickets: int) -> list[Plan]:
        picked = list(_picked(self.rng, tickets))
        wanted = LIVE_NOW if tickets >= 100 else math.ceil(tickets / 20)
        may_be = dict.fromkeys(unit[0].id for unit in picked if len(unit) == 1 and _may_be_live(unit[0]))
        lively = list(may_be)[:wanted]
        made: list[Plan] = []
        for unit in picked:
            if unit[0].id in lively:
                lively.remove(unit[0].id)
                made.append(self._live(unit[0], len(lively)))
            else:
                made += self._unit(unit)
        self._link(made)
        for plan in made:
            plan.steps = [step for step in plan.steps if step.at <= self.now]
        return made

    # --- one conversation, or several that were merged

    def _unit(self, unit: Sequence[Dialogue]) -> list[Plan]:
        plan = self._plan(unit[0], self._opening(unit[0]))
        ends = self._talk(plan)
        others = [self._merged(each, plan) for each in unit[1:]]
        not_before = max((other.steps[-1].at for other in others), default=plan.opened_at)
        self._afterwards(plan, ends, not_before + timedelta(hours=1))
        return [plan, *others]

    def _merged(self, one: Dialogue, target: Plan) -> Plan:
        """The same requester writes a second time, while the first conversation goes on."""
        talk = [step.at for step in target.steps if step.turn is not None]
        first, last = talk[0], talk[-1]
        wanted = first + (last - first) * self.rng.uniform(0.5, 0.9)
        opened = self._awake(min(max(wanted, first + timedelta(minutes=9)), first + timedelta(days=2)))
        # Who would have slept until later than now has written already: every ticket is there.
        opened = min(opened, self.now - timedelta(minutes=1))
        plan = replace(self._plan(one, opened, like=target), into=target.id)
        self._talk(plan)
        return plan

    def _live(self, one: Dialogue, at_turn: int) -> Plan:
        """A chat that runs right now: `at_turn` turns have been spoken after the first."""
        spoken = one.turns[1 : 1 + min(at_turn, len(one.turns) - 2)]
        ago = timedelta(
            minutes=sum(turn.after_minutes for turn in spoken), seconds=self.rng.randrange(30, 55)
        )
        plan = self._plan(one, self.now - ago, channel="webchat")
        self._talk(plan, live=True)
        return plan

    def _plan(
        self, one: Dialogue, opened: datetime, like: Plan | None = None, channel: str | None = None
    ) -> Plan:
        rng = self.rng
        requester = like.requester if like else self._requester(one)
        agent, second = self._agents(one)
        values = like.values if like else self._values(one, requester, opened)
        form = one.channel == "webchat" and channel is None and len(one.turns) > 1 and rng.random() < 0.25
        patient = one.outcome == "open"
        return Plan(
            id=next(self.ids),
            dialogue=one,
            requester=requester,
            agent=agent,
            second=second,
            values=values,
            fields=like.fields if like else self._fields(values, opened),
            channel="desk" if form else channel or one.channel,
            opened_at=opened,
            sorted_at_once=form or patient or rng.random() < 0.75,
            fields_given="opening"
            if form or rng.random() < 0.4
            else "sorting"
            if rng.random() < 0.8
            else "never",
        )

    # --- when

    def _opening(self, one: Dialogue) -> datetime:
        """When the ticket was opened. What is still open was opened so that its last word is
        some days old at most; all else lies anywhere in the last 90 days, a bit more of late."""
        for _try in count():
            if one.outcome in _USUAL_AGE:
                usual, most = _USUAL_AGE[one.outcome]
                hours = min(self.rng.expovariate(1 / usual), most) + 0.1
                spoken = sum(turn.after_minutes for turn in one.turns)
                opened = self.now - timedelta(hours=hours, minutes=spoken)
            else:
                opened = self.now - timedelta(days=DAYS * self.rng.random() ** 1.15, minutes=3)
            if _try > 40 or self.rng.random() < _busyness(opened):
                return opened.replace(microsecond=0)
        raise AssertionError

    def _moment(self, turn: Turn, after: datetime, *, live: bool) -> datetime:
        at = after + timedelta(minutes=turn.after_minutes)
        if live:
            return at
        at += timedelta(seconds=self.rng.randrange(50))
        return self._awake(at) if turn.by == "requester" else self._working(at)

    def _working(self, at: datetime) -> datetime:
        """The moment itself, or soon after the desk opens."""
        opens = self.calendar.next_open(at)
        if opens is None or opens == at:
            return at
        return opens + timedelta(seconds=self.rng.randrange(60, 2_400))

    def _awake(self, at: datetime) -> datetime:
        local = at.astimezone(ZoneInfo(ZONE))
        if local.hour >= 6 or self.rng.random() < 0.15:
            return at
        return at + timedelta(hours=7 - local.hour, minutes=self.rng.randrange(60))

    # --- who

    def _requester(self, one: Dialogue) -> Requester:
        """Someone of that language with few tickets who has not told this story before."""
        speaking = [each for each in people().requesters if each.language == one.language]
        fitting = [each for each in speaking if (one.id, each.email) not in self.had] or speaking
        if one.topic == "fleet":
            fitting = [each for each in fitting if each.organisation] or fitting
        chosen = min(
            fitting, key=lambda each: (self.busy.get(each.email, 0) + self.rng.random() * 6, each.email)
        )
        self.busy[chosen.email] = self.busy.get(chosen.email, 0) + 1
        self.had.add((one.id, chosen.email))
        return chosen

    def _agents(self, one: Dialogue) -> tuple[Staff, Staff]:
        """Who answers, an expert where there is one; and a colleague, of the team that takes over."""
        speaking = [each for each in people().agents if one.language in each.languages]
        team = [each for each in speaking if one.team in each.teams] or speaking
        agent = self.rng.choices(team, [3 if one.topic in each.skills else 1 for each in team])[0]
        final = [each for each in speaking if one.final_team in each.teams and each is not agent]
        others = final or [each for each in speaking if each is not agent]
        return agent, self.rng.choice(others)

    def _speaker(self, plan: Plan, turn: Turn, *, escalated: bool) -> Staff:
        if turn.by in ("agent", "note"):
            return plan.agent
        return people().lead if escalated else plan.second

    # --- what

    def _values(self, one: Dialogue, requester: Requester, opened: datetime) -> dict[str, str]:
        rng, language = self.rng, one.language
        least, most = one.amount or (20, 300)
        cents = rng.randrange(least * 100, most * 100 + 1)
        return {
            "name": _first(requester.name),
            "order": f"NC-{rng.randrange(100_000, 200_000)}",
            "date": _day((opened - timedelta(days=rng.randrange(2, 9))).date(), language),
            "amount": _euros(cents // 5 * 5, language),
            "bike": rng.choice(slot_values().bike),
            "city": rng.choice(slot_values().city[language]),
            "cents": str(cents // 5 * 5),
        }

    def _fields(self, values: dict[str, str], opened: datetime) -> dict[str, Any]:
        bought = (opened - timedelta(days=self.rng.randrange(20, 1_100))).date()
        return {
            "order_number": values["order"],
            "serial_number": f"NL{self.rng.randrange(21, 27)}-{self.rng.randrange(1_000, 99_999):05d}",
            "purchase_date": bought.isoformat(),
            "amount": int(values["cents"]) / 100,
            "under_warranty": (opened.date() - bought).days < 730,
            "bike_model": values["bike"],
        }

    # --- the talk

    def _talk(self, plan: Plan, *, live: bool = False) -> datetime:
        """Add the steps of all turns; returns when the last of them was."""
        cursor, escalated, answered, spoke = plan.opened_at, False, False, plan.agent
        for place, turn in enumerate(plan.dialogue.turns):
            at = plan.opened_at if place == 0 else self._moment(turn, cursor, live=live)
            who = self._speaker(plan, turn, escalated=escalated)
            text = fill(
                turn.text, plan.values | {"agent": _first(spoke.name if turn.by == "requester" else who.name)}
            )
            if turn.by == "requester":
                self._add(
                    plan, at, "open" if place == 0 else "say", plan.requester.email, text=text, turn=turn
                )
            else:
                if not answered:
                    self._take(plan, cursor, at)
                else:
                    self._rest(plan, cursor, at, live=live)
                answered, spoke = True, who
                what: What = "note" if turn.by.startswith("note") else "reply"
                self._add(plan, at, what, who.email, text=text, turn=turn)
            self._around(plan, at, turn, who, text)
            cursor = self._then(plan, at, turn, who, live=live)
            escalated = escalated or turn.then == "escalate"
        if not answered:
            self._triage(plan, cursor)
        return cursor

    def _add(self, plan: Plan, at: datetime, what: What, who: str = "", **more: Any) -> None:
        # Steps of one ticket stay in order, whatever the chances were.
        latest = plan.steps[-1].at if plan.steps else plan.opened_at
        plan.steps.append(
            Step(at=max(at.replace(microsecond=0), latest), ticket=plan.id, what=what, who=who, **more)
        )

    def _take(self, plan: Plan, before: datetime, answer: datetime) -> None:
        """An agent claims the ticket some time before the first answer, or the lead gives it."""
        early = min((answer - before) * self.rng.uniform(0.1, 0.7), timedelta(minutes=18))
        chance = self.rng.random()
        if chance < 0.1:
            self._add(plan, answer - early, "give", people().lead.email)
        elif chance < 0.7:
            self._add(plan, answer - early, "claim", plan.agent.email)
        if chance >= 0.1:
            self._add(plan, answer - early / 2, "sort", plan.agent.email)
        else:
            self._add(plan, answer - early / 2, "sort", people().lead.email)
        if self.rng.random() < 0.04:
            self._add(plan, answer - early / 3, "follow", people().lead.email)

    def _triage(self, plan: Plan, last: datetime) -> None:
        """Nobody has answered; now and then the lead has at least sorted it."""
        if self.rng.random() < 0.5:
            self._add(plan, self._working(last + timedelta(minutes=40)), "sort", people().lead.email)

    def _rest(self, plan: Plan, before: datetime, at: datetime, *, live: bool) -> None:
        """Where the desk has nothing to do for a day or more, the ticket sleeps now and then."""
        ours = plan.steps[-1].what in ("reply", "note")
        if live or not ours or at - before < timedelta(hours=20) or self.rng.random() < 0.5:
            return
        until = at - timedelta(minutes=self.rng.randrange(3, 30))
        self._add(plan, before + timedelta(minutes=2), "snooze", plan.agent.email, until=until)
        self._add(plan, until, "wake")

    def _around(self, plan: Plan, at: datetime, turn: Turn, who: Staff, text: str) -> None:
        """Small things that people do with what was said."""
        chance = self.rng.random()
        if turn.by != "requester" and chance < 0.07:
            liked_by = plan.requester if turn.by.startswith("agent") else people().lead
            if liked_by.email != who.email:
                emoji = self.rng.choice(_EMOJI)
                self._add(plan, at + timedelta(seconds=20), "react", liked_by.email, text=emoji)
        elif chance > 0.95 and len(text) > 60:
            author = plan.requester.email if turn.by == "requester" else who.email
            last = plan.steps[-1]
            plan.steps[-1] = replace(last, text=_slip(self.rng, text))
            self._add(plan, at + timedelta(seconds=35), "edit", author, text=text)

    def _then(self, plan: Plan, at: datetime, turn: Turn, who: Staff, *, live: bool) -> datetime:
        """The step that the desk takes after a turn; returns when."""
        if turn.then is None:
            return at
        ours = turn.by != "requester"
        seconds = self.rng.randrange(8, 50) if ours else self.rng.randrange(90, 1_500)
        then = at + timedelta(seconds=seconds)
        then = then if ours or live else self._working(then)
        by = (who if ours else plan.agent).email
        match turn.then:
            case "resolve":
                self._add(plan, then, "resolve", by)
            case "wait":
                self._add(plan, then, "wait", by)
            case "escalate":
                self._add(plan, then, "escalate", by)
            case "merge":
                self._add(plan, then, "merge", by, other=plan.into or 0)
            case _:
                team: Team = {"to_care": "care", "to_workshop": "workshop", "to_billing": "billing"}[
                    turn.then
                ]  # type: ignore[assignment]
                self._add(plan, then, "hand_over", by, team=team)
        return plan.steps[-1].at

    def _afterwards(self, plan: Plan, ended: datetime, not_before: datetime) -> None:
        """Ratings, closing, and what sleeps at present."""
        one, rng = plan.dialogue, self.rng
        if one.outcome in ("resolved", "closed"):
            closes = ended + CLOSED_AFTER + timedelta(minutes=rng.randrange(60))
            by_hand = one.outcome == "closed"
            if by_hand:
                closes = self._working(max(ended + timedelta(hours=rng.uniform(2, 48)), not_before))
            rated = ended + timedelta(hours=rng.uniform(0.1, 30))
            if one.rating is not None and rng.random() < 0.7:
                self._add(
                    plan, rated, "rate", plan.requester.email, text=one.rating_comment or "", other=one.rating
                )
            who = plan.agent.email if rng.random() < 0.7 else plan.requester.email
            self._add(plan, closes, "close", who if by_hand else "")
        elif one.outcome in ("in_progress", "waiting") and rng.random() < 0.25:
            until = (self.now + timedelta(days=rng.randrange(1, 8))).replace(
                hour=8, minute=0, second=0, microsecond=0
            )
            self._add(plan, ended + timedelta(minutes=3), "snooze", plan.agent.email, until=until)

    def _link(self, plans: Sequence[Plan]) -> None:
        """Some tickets of one requester are said to belong together."""
        before: dict[tuple[str, str], Plan] = {}
        for plan in sorted(plans, key=lambda plan: (plan.opened_at, plan.id)):
            key = plan.requester.email, plan.dialogue.topic
            earlier = before.get(key)
            answers = [step for step in plan.steps if step.what == "reply"]
            if (
                earlier
                and answers
                and plan.into is None
                and earlier.into is None
                and self.rng.random() < 0.35
            ):
                at = answers[0].at
                step = Step(at=at, ticket=plan.id, what="link", who=answers[0].who, other=earlier.id)
                plan.steps.insert(plan.steps.index(answers[0]) + 1, step)
            before[key] = plan


_USUAL_AGE: dict[str, tuple[float, float]] = {
    "open": (30, 9 * 24),
    "in_progress": (40, 12 * 24),
    "waiting": (110, 24 * 24),
}
"""Hours since the last word in tickets that are still open: usual, and at most."""
_EMOJI = ("👍", "❤️", "🎉", "🙏", "😂")
_MONTHS: dict[Language, Sequence[str]] = {
    "en": [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
    "de": [
        "Januar",
        "Februar",
        "März",
        "April",
        "Mai",
        "Juni",
        "Juli",
        "August",
        "September",
        "Oktober",
        "November",
        "Dezember",
    ],
}
_BY_HOUR = (2, 1, 1, 1, 1, 2, 6, 18, 45, 90, 100, 92, 70, 72, 88, 92, 85, 68, 52, 46, 42, 34, 20, 8)
_BY_DAY = (1.0, 0.92, 0.88, 0.85, 0.8, 0.42, 0.25)


def _busyness(at: datetime) -> float:
    """How much people write at that hour and weekday, from 0 to 1."""
    local = at.astimezone(ZoneInfo(ZONE))
    return _BY_HOUR[local.hour] / 100 * _BY_DAY[local.weekday()]


def _picked(rng: random.Random, tickets: int) -> Iterator[list[Dialogue]]:
    """Dialogues for so many tickets, each with those that are merged into it. Every round uses
    each once; what stays open forever only comes in every other one."""
    left = tickets
    for turn in count():
        units = _units()
        rng.shuffle(units)
        for unit in units:
            if turn % 2 and unit[0].outcome in _USUAL_AGE:
                continue
            fitting = unit[:left]
            left -= len(fitting)
            if fitting:
                yield fitting
        if not left:
            return


def _units() -> list[list[Dialogue]]:
    into: dict[str, list[Dialogue]] = {}
    for one in dialogues():
        if one.merged_into:
            into.setdefault(one.merged_into, []).append(one)
    return [[one, *into.get(one.id, [])] for one in dialogues() if not one.merged_into]


def _may_be_live(one: Dialogue) -> bool:
    """Whether a chat goes quickly enough to be watched."""
    quick = len(one.turns) >= 5 and all(turn.after_minutes <= 15 for turn in one.turns[:5])
    calm = all(turn.then is None for turn in one.turns[:4])
    return one.channel == "webchat" and one.outcome in ("resolved", "closed") and quick and calm


def _first(name: str) -> str:
    return name.split(" ", 1)[0]


def _day(day: date, language: Language) -> str:
    month = _MONTHS[language][day.month - 1]
    return f"{day.day}. {month}" if language == "de" else f"{day.day} {month}"


def _euros(cents: int, language: Language) -> str:
    english = f"{cents / 100:,.2f}"
    if language == "en":
        return f"€{english}"
    return english.translate(str.maketrans(",.", ".,")) + " €"


def _slip(rng: random.Random, text: str) -> str:
    """The text as it was typed at first: two letters changed places."""
    long = [word for word in text.split() if len(word) > 5 and word.isalpha()]
    if not long:
        return text + " .."
    word = rng.choice(long)
    at = rng.randrange(1, len(word) - 2)
    return text.replace(word, word[:at] + word[at + 1] + word[at] + word[at + 2 :], 1)
