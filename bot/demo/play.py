"""Plays the demo's steps through the services, on the clock of the story."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from uuid import UUID

from sqlalchemy import select

from bot.demo.cast import Cast, Member
from bot.demo.files import content
from bot.demo.schedule import Plan, Step, steps_of
from bot.demo.settings import Made
from bot.demo.texts import File, fill, people
from core import clock
from core.access import SYSTEM
from core.conversations import attachments
from core.conversations import service as conversations
from core.conversations.model import Message
from core.conversations.service import Saying
from core.db import UnitOfWork
from core.desk import Desk
from core.people.model import Person, Team
from core.tickets import access
from core.tickets import service as tickets
from core.tickets.access import Opened
from core.tickets.model import Category, Priority, Status, Ticket

STEPS_A_UNIT = 250


@dataclass(frozen=True, slots=True)
class News:
    """Something a person was told of."""

    at: datetime
    person_id: UUID
    kind: str
    ticket_id: UUID
    message_id: UUID | None = None
    actor_id: UUID | None = None


@dataclass(slots=True)
class Played:
    """A ticket as far as it has come. `ours` is the sequence number of the last words of the
    desk, `last` that of the last words of anyone."""

    plan: Plan
    ticket: Ticket
    last: int = 0
    ours: int = 0
    last_message: UUID | None = None
    last_by: str = ""
    spoke: set[UUID] = field(default_factory=set)


class Player:
    """One telling of the story. While it plays, `core.clock` shows the time of the story."""

    def __init__(self, desk: Desk, made: Made, cast: Cast, plans: Sequence[Plan]) -> None:
        self.desk = desk
        self.made = made
        self.cast = cast
        self.plans = {plan.id: plan for plan in plans}
        self.played: dict[int, Played] = {}
        self.news: list[News] = []
        self.moment = clock.now()

    async def play(self, progress: Callable[[int], None] | None = None) -> None:
        """All steps in order of time; `progress` hears how many more tickets were opened."""
        steps = iter(steps_of(self.plans.values()))
        with clock.fixed(lambda: self.moment):
            while some := list(islice(steps, STEPS_A_UNIT)):
                async with self.desk.unit(SYSTEM) as uow:
                    # Held here, they are found by every step without asking the database again.
                    at_hand = [
                        list(await uow.session.scalars(select(each))) for each in (Category, Team, Person)
                    ]
                    for step in some:
                        self.moment = step.at
                        await self._step(uow, step)
                    at_hand.clear()
                if progress is not None:
                    progress(sum(step.what == "open" for step in some))

    async def _step(self, uow: UnitOfWork, step: Step) -> None:
        plan = self.plans[step.ticket]
        who = self.cast.get(step.who)
        if step.what == "open":
            assert who is not None
            await self._open(uow, plan, step, who)
            return
        played = self.played[plan.id]
        # A rule, a colleague or the other side may have been there first.
        if self._still_fits(played, step):
            await getattr(self, f"_{step.what}")(uow, played, step, who)
            await uow.session.flush()
            await self._look_again(uow, played)

    async def _look_again(self, uow: UnitOfWork, *all_played: Played) -> None:
        """Each unit has its own rows; the next one's steps are judged by the newest."""
        for played in all_played:
            ticket = await uow.session.get(Ticket, played.ticket.id)
            assert ticket is not None
            played.ticket = ticket

    def _still_fits(self, played: Played, step: Step) -> bool:
        ticket = played.ticket
        match step.what:
            case "claim" | "give":
                return ticket.live and ticket.assignee_id is None
            case "wait":
                return ticket.live and ticket.status != Status.waiting
            case "snooze" | "escalate" | "hand_over" | "sort" | "follow":
                return ticket.live
            case "resolve":
                return ticket.live
            case "close":
                return ticket.status == Status.resolved and ticket.merged_into_id is None
            case "merge":
                target = self.played[step.other].ticket
                return ticket.merged_into_id is None and target.status != Status.closed
            case _:
                return True

    # --- talking

    async def _open(self, uow: UnitOfWork, plan: Plan, step: Step, who: Member) -> None:
        files = await self._files(uow, step, who)
        one = plan.dialogue
        by_form = plan.channel == "desk"
        request = tickets.Request(
            text=step.text,
            subject=_subject(plan),
            category_id=self.made.categories[one.topic] if plan.sorted_at_once else None,
            priority=Priority(one.priority) if by_form and one.priority in ("normal", "high") else None,
            fields=self._asked(plan) if plan.sorted_at_once and plan.fields_given == "opening" else {},
            channel=plan.channel,
            language=one.language,
            files=files,
            at=step.at,
        )
        opened = await tickets.open_ticket(uow, who.actor, who.person, request)
        await uow.session.flush()
        self.played[plan.id] = Played(plan, opened.ticket, last=opened.thread.conversation.seq)
        self._tell_team(opened.ticket, step, who)

    async def _say(self, uow: UnitOfWork, played: Played, step: Step, who: Member) -> None:
        files = await self._files(uow, step, who)
        opened = await access.change(uow, who.actor, played.ticket.number)
        saying = Saying(
            text=step.text,
            via=played.plan.channel,
            files=files,
            language=played.plan.dialogue.language,
            filed_under=opened.subject,
            at=step.at,
        )
        _opened, message = await tickets.hear(uow, opened, who.actor, saying, who.person)
        played.last, played.last_message, played.last_by = message.seq, message.id, step.who
        if opened.ticket.assignee_id is not None:
            self._tell(opened.ticket.assignee_id, "reply", played, step, message)

    async def _reply(self, uow: UnitOfWork, played: Played, step: Step, who: Member) -> None:
        files = await self._files(uow, step, who)
        _opened, message = await tickets.reply(
            uow, who.actor, played.ticket.number, step.text, files=files, hold=0, at=step.at
        )
        self._ours(played, step, who, message)

    async def _note(self, uow: UnitOfWork, played: Played, step: Step, who: Member) -> None:
        files = await self._files(uow, step, who)
        mentioned = [self.cast[people().lead.email].id] if "@lead" in step.text else []
        _opened, message = await tickets.note(
            uow, who.actor, played.ticket.number, step.text, files=files, mentions=mentioned, at=step.at
        )
        self._ours(played, step, who, message)
        for person_id in mentioned:
            self._tell(person_id, "mention", played, step, message)

    def _ours(self, played: Played, step: Step, who: Member, message: Message) -> None:
        played.last = played.ours = message.seq
        played.last_message, played.last_by = message.id, step.who
        played.spoke.add(who.id)

    async def _edit(self, uow: UnitOfWork, played: Played, step: Step, who: Member) -> None:
        opened, message = await self._last_message(uow, played, who)
        await tickets.edit_message(uow, who.actor, opened, message, step.text)

    async def _react(self, uow: UnitOfWork, played: Played, step: Step, who: Member) -> None:
        opened, message = await self._last_message(uow, played, who)
        await conversations.react(uow, opened.thread, who.actor, message, [step.text])

    async def _last_message(self, uow: UnitOfWork, played: Played, who: Member) -> tuple[Opened, Message]:
        opened = await access.change(uow, who.actor, played.ticket.number)
        if played.last_message is None:
            message = await uow.session.scalar(
                select(Message).where(Message.conversation_id == opened.thread.id)
            )
            assert message is not None
            return opened, message
        return opened, await tickets.message_in(uow, opened, played.last_message)

    # --- working

    async def _claim(self, uow: UnitOfWork, played: Played, step: Step, who: Member) -> None:
        await tickets.claim(uow, who.actor, played.ticket.number)

    async def _give(self, uow: UnitOfWork, played: Played, step: Step, who: Member) -> None:
        agent = self.cast[played.plan.agent.email]
        await tickets.assign(uow, who.actor, played.ticket.number, to=agent.id)
        self._tell(agent.id, "assigned", played, step)

    async def _sort(self, uow: UnitOfWork, played: Played, step: Step, who: Member) -> None:
        """Bring category, team, fields, priority and tags in order, as far as they are not."""
        plan, ticket = played.plan, played.ticket
        number, category = ticket.number, self.made.categories[plan.dialogue.topic]
        if ticket.category_id != category:
            await tickets.categorise(uow, who.actor, number, category)
        team = self.made.teams[plan.dialogue.team]
        if ticket.team_id != team:
            await tickets.assign(uow, who.actor, number, to=ticket.assignee_id, team=team)
        asked = self._asked(plan)
        if asked and plan.fields_given == "sorting":
            await tickets.set_fields(uow, who.actor, number, asked)
        if ticket.priority != plan.dialogue.priority:
            await tickets.prioritise(uow, who.actor, number, Priority(plan.dialogue.priority))
        await tickets.tag(uow, who.actor, number, add=plan.dialogue.tags)

    async def _escalate(self, uow: UnitOfWork, played: Played, step: Step, who: Member) -> None:
        lead = self.cast[people().lead.email]
        if played.ticket.assignee_id != lead.id:
            await tickets.assign(uow, who.actor, played.ticket.number, to=lead.id)
            self._tell(lead.id, "assigned", played, step)

    async def _hand_over(self, uow: UnitOfWork, played: Played, step: Step, who: Member) -> None:
        assert step.team is not None
        team, second = self.made.teams[step.team], self.cast[played.plan.second.email]
        to = second.id if second.id != who.id else None
        if (to, team) != (played.ticket.assignee_id, played.ticket.team_id):
            await tickets.assign(uow, who.actor, played.ticket.number, to=to, team=team)

    async def _wait(self, uow: UnitOfWork, played: Played, step: Step, who: Member) -> None:
        await tickets.wait(uow, who.actor, played.ticket.number)

    async def _snooze(self, uow: UnitOfWork, played: Played, step: Step, who: Member) -> None:
        assert step.until is not None
        if step.until > step.at:
            await tickets.snooze(uow, who.actor, played.ticket.number, step.until)

    async def _wake(self, uow: UnitOfWork, played: Played, step: Step, who: Member | None) -> None:
        await tickets.wake(uow, SYSTEM, played.ticket.number, "time")

    async def _resolve(self, uow: UnitOfWork, played: Played, step: Step, who: Member) -> None:
        plan = played.plan
        solution = plan.dialogue.solution or ""
        await tickets.resolve(uow, who.actor, played.ticket.number, _filled(plan, solution))

    async def _close(self, uow: UnitOfWork, played: Played, step: Step, who: Member | None) -> None:
        if who is None:
            await tickets.close(uow, SYSTEM, played.ticket.number, "quiet")
        else:
            await tickets.close(uow, who.actor, played.ticket.number)

    async def _merge(self, uow: UnitOfWork, played: Played, step: Step, who: Member) -> None:
        target = self.played[step.other]
        await tickets.merge(uow, who.actor, played.ticket.number, target.ticket.number)
        await self._look_again(uow, target)

    async def _rate(self, uow: UnitOfWork, played: Played, step: Step, who: Member) -> None:
        comment = _filled(played.plan, step.text)
        await tickets.rate(uow, who.actor, played.ticket.number, step.other, comment)

    async def _follow(self, uow: UnitOfWork, played: Played, step: Step, who: Member) -> None:
        await tickets.follow(uow, who.actor, played.ticket.number)

    async def _link(self, uow: UnitOfWork, played: Played, step: Step, who: Member) -> None:
        earlier = self.played.get(step.other)
        if earlier is not None:
            await tickets.link(uow, who.actor, played.ticket.number, earlier.ticket.number)

    # --- shared steps

    def _asked(self, plan: Plan) -> dict[str, object]:
        return {name: plan.fields[name] for name in self.made.asked[plan.dialogue.topic]}

    async def _files(self, uow: UnitOfWork, step: Step, who: Member) -> list[UUID]:
        if step.turn is None or not step.turn.files:
            return []
        ids = []
        for file in step.turn.files:
            row = await attachments.upload(uow, who.id, file.name, _chunks(file, step.ticket % 3))
            ids.append(row.id)
        await uow.session.flush()
        return ids

    def _tell(
        self, person_id: UUID, kind: str, played: Played, step: Step, message: Message | None = None
    ) -> None:
        author = self.cast[step.who].id
        if person_id != author:
            message_id = message.id if message is not None else None
            self.news.append(News(step.at, person_id, kind, played.ticket.id, message_id, author))

    def _tell_team(self, ticket: Ticket, step: Step, who: Member) -> None:
        for member in self.staff():
            if ticket.team_id in member.actor.teams and member.actor.role == "agent":
                self.news.append(News(step.at, member.id, "team_ticket", ticket.id, None, who.id))

    def staff(self) -> Iterator[Member]:
        return (member for member in self.cast.values() if member.actor.staff)


def _filled(plan: Plan, text: str) -> str:
    return fill(text, plan.values | {"agent": plan.agent.name.split(" ", 1)[0]})


def _subject(plan: Plan) -> str:
    return _filled(plan, plan.dialogue.subject)


async def _chunks(file: File, variant: int) -> AsyncIterator[bytes]:
    yield content(file, variant)
