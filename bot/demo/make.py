"""Make the demo desk: one story, told through the services, the same for the same seed.

While the story is told, the clock of this process shows the story's time, so nothing else may
go on in it. Nothing of the past is sent, also where another process serves the desk meanwhile:
the reader of the events stands beyond them while they are written, and at their end afterwards.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from bot.demo import bulk
from bot.demo.articles import write
from bot.demo.cast import Cast, come_to_work, first, gather
from bot.demo.play import News, Played, Player
from bot.demo.schedule import DAYS, schedule
from bot.demo.searches import search
from bot.demo.settings import HOURS, equip, furnish
from bot.demo.suggestions import suggest
from bot.demo.texts import people
from bot.tell import READER
from core import clock
from core.calendar import parse_calendar
from core.db import EventRow, UnitOfWork
from core.desk import Desk
from core.errors import Conflict
from core.i18n import _
from core.notices import service as notices
from core.notices.model import Notice
from core.outbox_model import ReaderMark
from core.people import links
from core.people import service as persons
from core.people.links import Purpose
from core.tickets.model import Participant, Ticket

LINKS_LAST = timedelta(days=1)
MOST_TICKETS = 100_000
NOTICES_FOR = timedelta(days=4)
MOST_NOTICES = 25
MOST_UNREAD = 6
_ROWS = 1_000
_NEVER = 2**62


@dataclass(frozen=True, slots=True)
class SignIn:
    """A person to try the desk as; `path` is a one-time link below the desk's address, good for a day."""

    role: str
    name: str
    person_id: UUID
    path: str


@dataclass(frozen=True, slots=True)
class Made:
    """What was made: an admin, an agent and a requester to sign in as, and how many tickets."""

    admin: SignIn
    agent: SignIn
    requester: SignIn
    tickets: int
    people: int
    articles: int


async def make(
    desk: Desk,
    *,
    seed: int = 1,
    tickets: int = 600,
    now: datetime | None = None,
    progress: Callable[[int], None] | None = None,
) -> Made:
    """Fill an empty desk with a story of 90 days that ends at `now`.

    `progress` hears how many more tickets there are. From 100 tickets on, no text stands in more
    than one ticket of a hundred. Raises `Conflict` where there are tickets already.
    """
    now = now or clock.now()
    await _must_be_empty(desk)
    await _look_away(desk)
    try:
        return await _tell(desk, seed, min(tickets, MOST_TICKETS), now, progress)
    finally:
        await _look_again(desk)


async def _tell(
    desk: Desk, seed: int, tickets: int, now: datetime, progress: Callable[[int], None] | None
) -> Made:
    plans = schedule(seed, tickets, now, parse_calendar(HOURS))
    begin = now - timedelta(days=DAYS + 40)
    rng = random.Random(f"cast/{seed}")
    with clock.fixed(lambda: begin):
        async with desk.unit() as uow:
            admin = await first(uow)
            made = await furnish(uow, admin.actor)
        await desk.refresh()
        async with desk.unit() as uow:
            cast = await gather(uow, made, admin, rng)
            await equip(uow, made, admin.actor)
    articles = await write(desk, cast, seed, begin, now)
    player = Player(desk, made, cast, plans)
    await player.play(progress)
    with clock.fixed(lambda: now):
        async with desk.unit() as uow:
            await come_to_work(uow, cast)
            await _mark_read(uow, player, now)
            await _write_notices(uow, player.news, now)
            await search(uow, seed, now)
        stories = [player.played[number] for number in sorted(player.played)]
        await suggest(desk, stories, cast, seed, now)
    return await _introduce(desk, player, cast, articles)


async def _must_be_empty(desk: Desk) -> None:
    async with desk.unit() as uow:
        if await uow.session.scalar(select(Ticket.id).limit(1)) is not None:
            raise Conflict(_("This desk has tickets already. The demo needs an empty one."))


async def _mark_read(uow: UnitOfWork, player: Player, now: datetime) -> None:
    """What was read so far: all that is done; of what is open, all but the newest words."""
    rows = [row for played in player.played.values() for row in _marks(player, played, now)]
    for at in range(0, len(rows), _ROWS):
        statement = insert(Participant).values(rows[at : at + _ROWS])
        new = {"read_seq": statement.excluded.read_seq}
        await uow.session.execute(
            statement.on_conflict_do_update(index_elements=["ticket_id", "person_id"], set_=new)
        )


def _marks(player: Player, played: Played, now: datetime) -> Iterator[dict[str, Any]]:
    ticket = played.ticket
    fresh = ticket.live and ticket.updated_at > now - timedelta(hours=30)
    for member in player.staff():
        concerned = member.id in played.spoke or member.id == ticket.assignee_id
        if ticket.live and not concerned and ticket.team_id not in member.actor.teams:
            continue
        if ticket.live and not concerned and not played.ours:
            continue
        yield _mark(ticket, member.id, played.ours if fresh else played.last, "reader", now)
    requester = player.cast[played.plan.requester.email]
    unread = played.ours == played.last and ticket.updated_at > now - timedelta(hours=12)
    yield _mark(ticket, requester.id, 0 if unread else played.last, "requester", now)


def _mark(ticket: Ticket, person_id: UUID, seq: int, kind: str, now: datetime) -> dict[str, Any]:
    return {"ticket_id": ticket.id, "person_id": person_id, "kind": kind, "read_seq": seq, "added_at": now}


async def _write_notices(uow: UnitOfWork, news: Sequence[News], now: datetime) -> None:
    """The newest of what each agent was told, the last few unread."""
    by_person: dict[UUID, list[News]] = defaultdict(list)
    for one in news:
        if one.at > now - NOTICES_FOR:
            by_person[one.person_id].append(one)
    kept = [one for those in by_person.values() for one in those[-MOST_NOTICES:]]
    for one in sorted(kept, key=lambda one: one.at):
        await notices.make(
            uow,
            one.kind,
            [one.person_id],
            ticket_id=one.ticket_id,
            message_id=one.message_id,
            actor_id=one.actor_id,
            at=one.at,
        )
    for person_id, those in by_person.items():
        seen = those[-MOST_UNREAD].at if len(those) >= MOST_UNREAD else now - NOTICES_FOR
        looked = update(Notice).where(Notice.person_id == person_id, Notice.at < seen)
        await uow.session.execute(looked.values(read_at=now - timedelta(minutes=40)))


async def _introduce(desk: Desk, player: Player, cast: Cast, articles: int) -> Made:
    """Links for the admin, the agent and the requester with the most to do at present."""
    async with desk.unit() as uow:
        return Made(
            admin=await _sign_in(uow, "admin", people().admin.name, cast[people().admin.email].id),
            agent=await _sign_in(uow, "agent", *_busiest_agent(player, cast)),
            requester=await _sign_in(uow, "requester", *_busiest_requester(player, cast)),
            tickets=len(player.played),
            people=len(cast),
            articles=articles,
        )


async def _sign_in(uow: UnitOfWork, role: str, name: str, person_id: UUID) -> SignIn:
    person = await persons.get(uow, person_id)
    token = await links.issue(uow, person, Purpose.sign_in, LINKS_LAST, {"second": "waived"})
    return SignIn(role, name, person_id, links.PATHS[Purpose.sign_in] + token)


def _busiest_agent(player: Player, cast: Cast) -> tuple[str, UUID]:
    def load(email: str) -> int:
        mine = cast[email].id
        return sum(each.ticket.live and each.ticket.assignee_id == mine for each in player.played.values())

    chosen = max(people().agents[:4], key=lambda agent: (load(agent.email), agent.email))
    return chosen.name, cast[chosen.email].id


def _busiest_requester(player: Player, cast: Cast) -> tuple[str, UUID]:
    weight: dict[str, int] = defaultdict(int)
    for played in player.played.values():
        weight[played.plan.requester.email] += 5 if played.ticket.live else 1
    chosen = max(people().requesters, key=lambda each: (weight[each.email], each.email))
    return chosen.name, cast[chosen.email].id


async def add_in_bulk(
    desk: Desk, tickets: int, *, messages: int, seed: int, progress: Callable[[int], Any]
) -> None:
    """Many more tickets, with words of no meaning: for how the desk does with them, not for what they say."""
    await _look_away(desk)
    try:
        await bulk.fill(bulk.Crowd(desk), tickets, messages=messages, seed=seed, progress=progress)
    finally:
        await _look_again(desk)


async def _look_away(desk: Desk) -> None:
    async with desk.unit() as uow:
        await _set_mark(uow, _NEVER, 0)


async def _look_again(desk: Desk) -> None:
    """The past was told as it happened: no mail, no notice, no delivery follows from it now."""
    async with desk.unit() as uow:
        query = select(EventRow.tx, EventRow.id).order_by(EventRow.tx.desc(), EventRow.id.desc()).limit(1)
        newest = (await uow.session.execute(query)).one_or_none()
        tx, event_id = newest or (0, 0)
        await _set_mark(uow, tx, event_id)


async def _set_mark(uow: UnitOfWork, tx: int, event_id: int) -> None:
    place = {"tx": tx, "event_id": event_id}
    statement = insert(ReaderMark).values(name=READER, **place)
    await uow.session.execute(statement.on_conflict_do_update(index_elements=["name"], set_=place))
