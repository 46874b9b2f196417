"""Tickets by the million: real keys, real sealing, real word hashes, by COPY and past the services.

The same for the same seed, but for keys and ids. Words follow Zipf's law over some thousand
stems, and each first message has a word of its own (an order number), so that there are
words of every rarity to search for.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from core import clock
from core.crypto import words
from core.crypto.fields import seal_json, seal_text
from core.crypto.keys import Keys
from core.crypto.model import PersonKey
from core.desk import Desk
from core.ids import new_id, new_token
from core.people import service as people

SYLLABLES = [
    "ba",
    "ce",
    "di",
    "fo",
    "gu",
    "la",
    "me",
    "ni",
    "po",
    "ru",
    "sa",
    "te",
    "vi",
    "wo",
    "xu",
    "zam",
    "brel",
    "chor",
    "dran",
    "flin",
    "grob",
]
STATUSES = ("open", "in_progress", "waiting", "resolved", "closed")
BATCH = 2_000
MOST_REQUESTERS = 20_000
CLOSED_AFTER = timedelta(days=12)


@dataclass(slots=True)
class Crowd:
    """A filled desk and who is in it; `words` are the vocabulary, the most common first."""

    desk: Desk
    tickets: int = field(default=0, kw_only=True)
    agents: list[UUID] = field(default_factory=list, kw_only=True)
    requesters: list[UUID] = field(default_factory=list, kw_only=True)
    teams: list[UUID] = field(default_factory=list, kw_only=True)
    words: list[str] = field(default_factory=list, kw_only=True)


async def fill(
    crowd: Crowd,
    tickets: int,
    *,
    messages: int = 5,
    seed: int = 1,
    progress: Callable[[int], Any] = lambda count: None,
) -> None:
    """Give a desk so many tickets with about so many messages each, then tidy up as autovacuum would."""
    maker = _Maker(crowd, random.Random(seed), tickets, messages)
    async with _connected(crowd.desk) as connection:
        await maker.people_and_teams(connection)
        # What is lost with the machine is made again; and memory is for the indexes, built at the end.
        await connection.execute("set synchronous_commit = off")
        await connection.execute("set maintenance_work_mem = '512MB'")
        indexes = await _taken_away(connection)
        sizes = [(first, min(BATCH, tickets - first)) for first in range(0, tickets, BATCH)]
        making = asyncio.create_task(asyncio.to_thread(maker.made, *sizes[0]))
        for number, (_first, count) in enumerate(sizes, 1):
            made = await making
            if number < len(sizes):
                # The next are made while the database stores these.
                making = asyncio.create_task(asyncio.to_thread(maker.made, *sizes[number]))
            await _store(connection, made)
            progress(count)
        for statement in indexes:
            await connection.execute(statement, timeout=7_200)
        await connection.execute("vacuum analyze", timeout=7_200)
    crowd.tickets = tickets


async def _taken_away(connection: Any) -> list[str]:
    """Indexes that are built once at the end, by a tenth of what each row costs by itself; how."""
    found = await connection.fetch(
        "select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as statement from pg_index"
        " where indrelid = any(array['message', 'event']::regclass[]) and not indisunique order by indexrelid"
    )
    for index in found:
        await connection.execute(f"drop index {index['name']}")
    return [index["statement"] for index in found]


@asynccontextmanager
async def _connected(desk: Desk) -> AsyncIterator[Any]:
    """The driver's own connection: SQLAlchemy has no COPY."""
    async with desk.db.engine.connect() as connection:
        raw = await connection.get_raw_connection()
        try:
            yield raw.driver_connection
        finally:
            await connection.invalidate()  # It has settings of its own now.


class _Collected:
    """Takes what `Keys.new_person` would add to a session."""

    def __init__(self) -> None:
        self.rows: list[PersonKey] = []

    def add(self, row: PersonKey) -> None:
        self.rows.append(row)


class _Maker:
    def __init__(self, crowd: Crowd, chance: random.Random, tickets: int, messages: int) -> None:
        self.crowd = crowd
        self.keys = crowd.desk.means.keys
        self.chance = chance
        self.tickets = tickets
        self.messages = messages
        self.person_keys: dict[UUID, bytes] = {}
        self.tags: list[int] = []
        self.categories: list[UUID] = []
        self.started = clock.now() - timedelta(days=90)
        crowd.words = vocabulary(chance)
        weights = [1 / (rank + 3) for rank in range(len(crowd.words))]
        self.cumulative = [0.0]
        for weight in weights:
            self.cumulative.append(self.cumulative[-1] + weight)
        self.cumulative.pop(0)
        self.texts = [self._text(self.chance.randint(8, 60)) for _ in range(3_000)]
        self.subjects = [self._text(self.chance.randint(3, 8)) for _ in range(1_500)]

    def _text(self, size: int) -> tuple[str, frozenset[int]]:
        text = " ".join(self.chance.choices(self.crowd.words, cum_weights=self.cumulative, k=size))
        return text, frozenset(words.terms(self.keys.words, text, "en"))

    async def people_and_teams(self, connection: Any) -> None:
        crowd = self.crowd
        now = clock.now()
        crowd.teams = [new_id() for _ in range(5)]
        await _copy(
            connection,
            "team",
            "id version name description assign_mode active created_at",
            [(each, 1, f"Team {n}", "", "manual", True, now) for n, each in enumerate(crowd.teams)],
        )
        await connection.executemany(
            "insert into tag (name, active) values ($1, true)", [(f"tag{n}",) for n in range(20)]
        )
        self.tags = [row[0] for row in await connection.fetch("select id from tag")]
        self.categories = [new_id() for _ in range(8)]
        await _copy(
            connection,
            "category",
            "id version name position fields active",
            [(each, 1, f"Category {n}", n, "[]", True) for n, each in enumerate(self.categories)],
        )
        async with crowd.desk.unit() as uow:
            for number in range(20):
                agent = await people.add(
                    uow, name=f"Agent {number}", role="admin" if number == 0 else "agent"
                )
                crowd.agents.append(agent.id)
        members = [(self.chance.choice(crowd.teams), agent) for agent in crowd.agents]
        await _copy(connection, "team_member", "team_id person_id", members)
        await self._requesters(connection, max(50, min(self.tickets // 5, MOST_REQUESTERS)))

    async def _requesters(self, connection: Any, count: int) -> None:
        collected = _Collected()
        rows: list[tuple[Any, ...]] = []
        now = clock.now()
        for number in range(count):
            person_id = new_id()
            key = self.keys.new_person(collected, person_id)  # type: ignore[arg-type]
            self.person_keys[person_id] = key
            name = (
                f"{self.crowd.words[number % 5_000].title()} {self.crowd.words[-1 - number % 5_000].title()}"
            )
            address = f"person{number}@example.org"
            rows.append((
                person_id, 1, "requester",
                seal_text(key, name, "person.name", person_id),
                seal_text(key, address, "person.email", person_id),
                words.digest(self.keys.lookup, f"email|{address}"),
                words.prefixes(self.keys.words, f"{name} {address}"),
                seal_json(key, {"zone": "UTC"}, "person.profile", person_id),
                "en", True, "offline", 20, [], "{}", now,
            ))  # fmt: skip
            self.crowd.requesters.append(person_id)
        await _copy(
            connection,
            "person_key",
            "person_id wrapped intermediate_id",
            [(row.person_id, row.wrapped, row.intermediate_id) for row in collected.rows],
        )
        await _copy(
            connection,
            "person",
            "id version role name email email_digest name_terms profile locale active availability "
            "capacity skills preferences created_at",
            rows,
        )

    def made(self, first: int, count: int) -> list[dict[str, Any]]:
        return [self._ticket(first + number) for number in range(count)]

    def _ticket(self, number: int) -> dict[str, Any]:
        chance = self.chance
        requester = chance.choice(self.crowd.requesters)
        conversation_id, ticket_id = new_id(), new_id()
        key, wrapped = Keys.new_data_key(self.person_keys[requester], conversation_id)
        created = self.started + timedelta(seconds=number * 90 * 86_400 / self.tickets)
        # Most tickets of a grown desk are done; about 6 % are live, whatever its size.
        status = chance.choices(STATUSES, (2, 2, 2, 10, 84))[0]
        if status == "resolved" and created < clock.now() - CLOSED_AFTER:
            status = "closed"  # Else a desk would close tens of thousands when it starts.
        agent = None if status == "open" else chance.choice(self.crowd.agents)
        subject, subject_terms = chance.choice(self.subjects)
        size = max(2, round(chance.gauss(self.messages, 2)))
        talk, events = (
            [],
            [
                _event(
                    "ticket.opened",
                    ticket_id,
                    requester,
                    conversation_id,
                    1,
                    created,
                    {"number": number, "channel": "webchat", "priority": "normal"},
                )
            ],
        )
        at, seq, last = created, 1, {"requester": created, "staff": None}
        for turn in range(size):
            seq += 1
            if turn == 1 and agent is not None:
                events.append(
                    _event("ticket.claimed", ticket_id, agent, conversation_id, seq, at, {"by": str(agent)})
                )
                seq += 1
            side = "requester" if turn % 2 == 0 or agent is None else "staff"
            note = side == "staff" and chance.random() < 0.1
            author = requester if side == "requester" else agent
            text, terms = chance.choice(self.texts)
            if turn == 0:
                text = f"{text} order{number}x"
                terms = terms | {words.hashed(self.keys.words, f"order{number}x")}
            message_id = new_id()
            talk.append((
                message_id, conversation_id, seq, "note" if note else "chat", "staff" if note else "everyone", author,
                "person", side, seal_text(key, text, "message.body", message_id), sorted(terms | subject_terms),
                "webchat", at, at, 1, 0,
            ))  # fmt: skip
            events.append(
                _event("message.said", message_id, author, conversation_id, seq, at, {"side": side})
            )
            last[side] = at
            at += timedelta(minutes=chance.randint(1, 90))
        done = status in ("resolved", "closed")
        priority = chance.choices((0, 1, 2, 3), (10, 70, 15, 5))[0]
        snoozed = clock.now() + timedelta(days=2) if not done and chance.random() < 0.1 else None
        ticket = (
            ticket_id, seq, new_token(), conversation_id, requester,
            seal_text(key, subject, "ticket.subject", ticket_id), status,
            ("low", "normal", "high", "urgent")[priority], priority, chance.choice(self.categories),
            chance.choice(self.crowd.teams), agent, sorted(chance.sample(self.tags, chance.choice((0, 0, 1, 2)))),
            "webchat", "en", False, size, created, at, last["requester"], last["staff"],
            created if last["staff"] else None, at if done else None, at if status == "closed" else None, snoozed,
        )  # fmt: skip
        participants = [(ticket_id, requester, "requester", seq, created)]
        if agent is not None:
            participants.append((ticket_id, agent, "reader", chance.randint(0, seq), created))
        return {
            "conversation": (conversation_id, requester, wrapped, seq, created),
            "ticket": ticket,
            "participants": participants,
            "messages": talk,
            "events": events,
        }


async def _store(connection: Any, made: list[dict[str, Any]]) -> None:
    async with connection.transaction():
        await _copy(
            connection,
            "conversation",
            "id owner_id wrapped_key seq created_at",
            [each["conversation"] for each in made],
        )
        await _copy(
            connection,
            "ticket",
            "id version link conversation_id requester_id subject status priority priority_rank category_id "
            "team_id assignee_id tags channel language has_file messages created_at updated_at "
            "last_requester_at last_staff_at first_answer_at resolved_at closed_at snoozed_until",
            [each["ticket"] for each in made],
        )
        await _copy(
            connection,
            "participant",
            "ticket_id person_id kind read_seq added_at",
            [row for each in made for row in each["participants"]],
        )
        await _copy(
            connection,
            "message",
            "id conversation_id seq kind audience author_id author_kind side body terms via at visible_at "
            "revision files",
            [row for each in made for row in each["messages"]],
        )
        await _copy(
            connection,
            "event",
            "name subject actor_id actor_kind conversation_id seq data at",
            [row for each in made for row in each["events"]],
        )


def _event(
    name: str,
    subject: UUID,
    by: UUID | None,
    conversation: UUID,
    seq: int,
    at: datetime,
    data: dict[str, Any],
) -> tuple[Any, ...]:
    import orjson

    return (name, subject, by, "person", conversation, seq, orjson.dumps(data).decode(), at)


def vocabulary(chance: random.Random, size: int = 6_000) -> list[str]:
    """Words of no meaning, the most common first; the same for the same chance."""
    found: dict[str, None] = {}
    while len(found) < size:
        found["".join(chance.choices(SYLLABLES, k=chance.randint(2, 4)))] = None
    return list(found)


async def _copy(connection: Any, table: str, columns: str, rows: Sequence[tuple[Any, ...]]) -> None:
    await connection.copy_records_to_table(table, records=rows, columns=columns.split())
