"""The demo desk: believable, lawful, the same for the same seed; nothing of it is sent."""

from __future__ import annotations

import asyncio
import io
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from adapters.postgres import Embedded
from bot.demo.files import content, pdf
from bot.demo.make import add_in_bulk, make
from bot.demo.schedule import Plan, schedule, steps_of
from bot.demo.settings import HOURS
from bot.demo.texts import File, dialogues
from bot.tell import Tell
from core.access import SYSTEM
from core.calendar import parse_calendar
from core.conversations import attachments
from core.conversations import service as conversations
from core.conversations.model import Attachment, Conversation, Message, Reaction
from core.conversations.service import Thread
from core.db import EventRow, UnitOfWork
from core.desk import Desk
from core.errors import Conflict
from core.files.sniff import sniff
from core.notices.model import Notice
from core.outbox_model import Delivery
from core.people import links
from core.people import service as people
from core.people.links import Purpose
from core.people.model import Organisation, Person, Team
from core.tickets import access, queries, views
from core.tickets import service as tickets
from core.tickets.lifecycle import lawful
from core.tickets.model import Category, Macro, RoutingRule, Status, SurveyAnswer, Ticket
from tests.demo.conftest import THURSDAY, TICKETS, Demo, demo_desk

CALENDAR = parse_calendar(HOURS)


# --- the desk as it was made -------------------------------------------------------------


async def test_the_desk_is_furnished(demo: Demo) -> None:
    assert demo.desk.means.settings.name == "Nordlicht Cycles"
    async with demo.desk.unit() as uow:
        assert await _count(uow.session, Team) == 3
        assert await _count(uow.session, Macro) == 12
        assert await _count(uow.session, RoutingRule) == 4
        assert await _count(uow.session, Organisation) == 4
        parents = await _count(uow.session, Category, Category.parent_id.is_(None))
        assert (parents, await _count(uow.session, Category) - parents) == (4, 12)
        roles = Counter(await uow.session.scalars(select(Person.role)))
        assert roles == {"requester": 60, "agent": 6, "lead": 1, "admin": 1}
        admin = await people.actor_of(uow, await people.get(uow, demo.made.admin.person_id))
        assert [view.name for view in await views.views(uow, admin) if view.shared and view.condition]
        for view in await views.views(uow, admin):
            assert await views.count_of(uow, admin, view) >= 0


async def test_there_are_as_many_tickets_as_were_asked_for(demo: Demo) -> None:
    assert sum(demo.steps) == demo.made.tickets == TICKETS
    async with demo.desk.unit() as uow:
        rows = list(await uow.session.scalars(select(Ticket).order_by(Ticket.number)))
    assert [ticket.number for ticket in rows] == list(range(1, TICKETS + 1))
    assert [ticket.created_at for ticket in rows] == sorted(ticket.created_at for ticket in rows)
    assert rows[0].created_at < THURSDAY - timedelta(days=75)
    assert all(ticket.updated_at <= THURSDAY for ticket in rows)


async def test_every_ticket_is_lawful(demo: Demo) -> None:
    async with demo.desk.unit() as uow:
        rows = list(await uow.session.scalars(select(Ticket)))
    assert {ticket.number: wrong for ticket in rows if (wrong := lawful(ticket))} == {}
    statuses = Counter(ticket.status for ticket in rows)
    assert set(statuses) == set(Status)
    assert all(ticket.snoozed_until is None or ticket.snoozed_until > THURSDAY for ticket in rows)


async def test_every_kind_of_thing_happened(demo: Demo) -> None:
    async with demo.desk.unit() as uow:
        happened = set(await uow.session.scalars(select(EventRow.name).distinct()))
        assert (
            await uow.session.scalar(select(func.max(EventRow.at)).where(EventRow.name == "message.said"))
            <= THURSDAY
        )
        assert await _count(uow.session, Attachment) > 15
        assert await _count(uow.session, Reaction) > 5
        assert await _count(uow.session, SurveyAnswer) > 20
        fields = await _count(uow.session, Ticket, Ticket.fields.is_not(None))
        assert fields > TICKETS * 0.6
        channels = set(await uow.session.scalars(select(Ticket.channel).distinct()))
    assert happened >= {
        "ticket.opened", "ticket.claimed", "ticket.assigned", "ticket.tagged", "ticket.prioritised",
        "ticket.categorised", "ticket.fields_changed", "ticket.waiting", "ticket.resolved", "ticket.closed",
        "ticket.reopened", "ticket.merged", "ticket.rated", "ticket.snoozed", "message.said", "message.edited",
        "message.reacted",
    }  # fmt: skip
    assert channels >= {"webchat", "slack", "discord", "telegram", "desk"}


async def test_the_timeline_tells_it_in_order(demo: Demo) -> None:
    """Ids rise with time: whoever reads the events reads the story."""
    async with demo.desk.unit() as uow:
        rows = await uow.session.execute(
            select(EventRow.conversation_id, EventRow.seq, EventRow.at)
            .where(EventRow.conversation_id.is_not(None))
            .order_by(EventRow.id)
        )
        told: dict[object, list[tuple[int, datetime]]] = defaultdict(list)
        for conversation, seq, at in rows:
            told[conversation].append((seq or 0, at))
    assert all(lines == sorted(lines) for lines in told.values())


async def test_a_few_chats_are_live(demo: Demo) -> None:
    async with demo.desk.unit() as uow:
        live = await uow.session.scalars(
            select(Ticket).where(
                Ticket.channel == "webchat",
                Ticket.status.in_((Status.open, Status.in_progress)),
                Ticket.updated_at > THURSDAY - timedelta(minutes=20),
            )
        )
        assert len(list(live)) >= 3


async def test_texts_are_filled_and_none_stands_in_more_than_one_ticket_of_a_hundred(demo: Demo) -> None:
    where: dict[str, set[object]] = defaultdict(set)
    async with demo.desk.unit() as uow:
        rows = (
            await uow.session.execute(
                select(Message, Conversation).join(Conversation, Conversation.id == Message.conversation_id)
            )
        ).all()
        for message, conversation in rows:
            thread = Thread(conversation, await access.thread_key(uow.session, uow.keys, conversation))
            where[conversations.read(thread, message)].add(conversation.id)
        for ticket in await _opened_all(uow):
            where[ticket.subject].add(ticket.thread.id)
    assert not [text for text in where if "{" in text or not text.strip()]
    assert max(map(len, where.values())) <= TICKETS // 100


async def test_nothing_of_the_past_is_sent(demo: Demo) -> None:
    assert await Tell(demo.desk).read() == 0
    async with demo.desk.unit() as uow:
        assert await _count(uow.session, Delivery) == 0


async def test_nothing_is_sent_while_it_is_made(server: Embedded, migrated: str, tmp_path: Path) -> None:
    """Another process may serve the desk meanwhile."""
    reading: list[asyncio.Task[int]] = []

    def read_on(desk: Desk) -> None:
        reading.append(asyncio.ensure_future(Tell(desk).read()))

    async with demo_desk(server, migrated, "hushed", tmp_path, tickets=20, meanwhile=read_on) as made:
        assert await asyncio.gather(*reading) == [0] * len(reading) != []
        async with made.desk.unit() as uow:
            opened = (await _opened_all(uow))[0]
            await tickets.note(uow, SYSTEM, opened.number, "From now on, what happens is told.")
        assert await Tell(made.desk).read() == 1
        indexes = text(
            "select indexdef from pg_indexes where schemaname = current_schema() order by indexname"
        )
        async with made.desk.unit() as uow:
            before = list(await uow.session.scalars(indexes))
        await add_in_bulk(made.desk, 30, messages=3, seed=1, progress=lambda count: None)
        assert await Tell(made.desk).read() == 0
        async with made.desk.unit() as uow:
            assert list(await uow.session.scalars(indexes)) == before
        async with made.desk.unit() as uow:
            admin = await people.actor_of(uow, await people.get(uow, made.made.admin.person_id))
            page = await queries.page(uow, admin, queries.Queue.all, limit=100)
            assert len(page.rows) == 50
            opened = await access.get(uow, admin, max(row.number for row in page.rows))
            assert opened.subject


async def test_agents_are_not_buried_in_what_is_unread(demo: Demo) -> None:
    async with demo.desk.unit() as uow:
        agent = await people.actor_of(uow, await people.get(uow, demo.made.agent.person_id))
        page = await queries.page(uow, agent, queries.Queue.all, limit=200)
        news = list(await uow.session.scalars(select(Notice).where(Notice.person_id == agent.id)))
    unread = [row for row in page.rows if row.unread]
    assert 0 < len(unread) < 30
    assert 0 < sum(notice.read_at is None for notice in news) <= 10


async def test_files_are_what_they_say(demo: Demo) -> None:
    async with demo.desk.unit() as uow:
        rows = list(await uow.session.scalars(select(Attachment)))
        assert {"image", "pdf", "text"} == {row.kind for row in rows}
        assert all(row.thumb_id and row.width for row in rows if row.kind == "image")
        pictured = next(row for row in rows if row.kind == "image")
        conversation = await uow.session.get_one(Conversation, pictured.conversation_id)
        key = await access.thread_key(uow.session, uow.keys, conversation)
        file = attachments.opened(pictured, key)
        data = b"".join([part async for part in file.read(uow.means.files)])
    assert Image.open(io.BytesIO(data)).size == (pictured.width, pictured.height)


async def test_the_links_sign_in_an_admin_an_agent_and_a_requester(demo: Demo) -> None:
    async with demo.desk.unit() as uow:
        for shown in (demo.made.admin, demo.made.agent, demo.made.requester):
            found = await links.look(uow, shown.path.removeprefix("/sign-in/link/"), Purpose.sign_in)
            assert found.person.role == shown.role
            assert found.person.email_verified_at is not None
            assert (await people.know(uow, found.person)).name == shown.name


async def test_a_desk_with_tickets_is_left_alone(demo: Demo) -> None:
    with pytest.raises(Conflict):
        await make(demo.desk, tickets=1)


# --- the same again ----------------------------------------------------------------------


async def test_the_same_seed_makes_the_same_desk(server: Embedded, migrated: str, tmp_path: Path) -> None:
    told = []
    for name in ("once", "again"):
        async with demo_desk(server, migrated, name, tmp_path / name, seed=7, tickets=30) as made:
            told.append(await _told(made))
    assert told[0] == told[1]


def test_another_seed_makes_another_desk() -> None:
    assert _subjects(schedule(1, 40, THURSDAY, CALENDAR)) != _subjects(schedule(2, 40, THURSDAY, CALENDAR))


# --- the schedule of a large desk --------------------------------------------------------


@pytest.fixture(scope="module")
def plans() -> Sequence[Plan]:
    return schedule(1, 600, THURSDAY, CALENDAR)


def test_six_hundred_tickets_use_no_text_in_more_than_six(plans: Sequence[Plan]) -> None:
    assert len(plans) == 600
    assert max(Counter(plan.dialogue.id for plan in plans).values()) <= 6
    assert {plan.dialogue.id for plan in plans} == {one.id for one in dialogues()}
    spoken = Counter(step.text for plan in plans for step in plan.steps if step.turn is not None)
    assert max(spoken.values()) <= 6


@pytest.mark.parametrize("many", [100, 150, 1_500, 5_000])
def test_the_share_of_a_text_stays_small(many: int) -> None:
    used = Counter(plan.dialogue.id for plan in schedule(3, many, THURSDAY, CALENDAR))
    assert used.total() == many
    assert max(used.values()) <= many / 100


def test_nobody_tells_the_same_story_twice(plans: Sequence[Plan]) -> None:
    stories = Counter((plan.requester.email, plan.dialogue.id) for plan in plans)
    assert max(stories.values()) == 1


def test_people_write_by_day_and_the_desk_answers_in_its_hours(plans: Sequence[Plan]) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    hours = Counter(plan.opened_at.astimezone(berlin).hour for plan in plans)
    assert sum(hours[hour] for hour in range(8, 18)) > 0.6 * len(plans)
    answers = [step for plan in plans for step in plan.steps if step.what == "reply"]
    in_time = sum(CALENDAR.is_open(step.at) for step in answers)
    assert in_time > 0.98 * len(answers)


def test_what_is_open_is_minutes_to_weeks_old(plans: Sequence[Plan]) -> None:
    ages = [THURSDAY - plan.steps[-1].at for plan in plans if plan.steps[-1].what in ("say", "open", "wait")]
    assert min(ages) < timedelta(minutes=30)
    assert max(ages) > timedelta(days=7)
    assert all(step.at <= THURSDAY for step in steps_of(plans))


def test_the_moment_decides_how_far_the_story_has_come() -> None:
    midnight = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
    assert all(plan.steps for plan in schedule(1, 100, midnight, CALENDAR))


# --- the files ---------------------------------------------------------------------------


@given(
    st.integers(0, 5 * 366 * 24 * 60).map(lambda n: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=n)),
    st.integers(1, 99),
)
@example(datetime(2026, 11, 23, 5, 48, tzinfo=UTC), 1)
@example(datetime(2026, 11, 25, 2, 10, tzinfo=UTC), 1)
@settings(max_examples=30, deadline=None, derandomize=True)
def test_every_ticket_is_opened_before_now_whenever_that_is(now: datetime, seed: int) -> None:
    made = schedule(seed, 600, now, CALENDAR)
    assert len(made) == 600
    assert all(plan.steps and plan.steps[0].what == "open" for plan in made)


def test_every_file_of_the_texts_can_be_made() -> None:
    files = {file for one in dialogues() for turn in one.turns for file in turn.files}
    kinds = {"image": {"image"}, "pdf": {"pdf"}, "text": {"text"}, "log": {"text"}}
    for file in files:
        data = content(file)
        assert str(sniff(data, file.name).kind) in kinds[file.kind], file.name
        assert data == content(file)
        assert len(data) < 200_000


def test_variants_differ() -> None:
    file = File("frame.jpg", "image")
    assert content(file, 0) != content(file, 1)


def test_a_pdf_names_the_places_of_its_objects() -> None:
    data = pdf([f"Zeile {at} (ä) \\" for at in range(100)])
    start = int(data.rsplit(b"startxref\n", 1)[1].split()[0])
    assert data[start:].startswith(b"xref\n")
    table = data[start:].split(b"\n")[3:]
    count = int(data[start:].split(b"\n")[1].split()[1]) - 1
    for number, line in enumerate(table[:count], start=1):
        assert data[int(line[:10]) :].startswith(f"{number} 0 obj".encode())
    assert data.count(b"/Type /Page ") == 3


# --- helpers -----------------------------------------------------------------------------


async def _count(session: AsyncSession, model: type, *where: object) -> int:
    return await session.scalar(select(func.count()).select_from(model).where(*where)) or 0  # type: ignore[arg-type]


async def _opened_all(uow: UnitOfWork) -> list[access.Opened]:
    numbers = await uow.session.scalars(select(Ticket.number).order_by(Ticket.number))
    return [await access.get(uow, SYSTEM, number) for number in list(numbers)]


async def _told(demo: Demo) -> list[tuple[object, ...]]:
    async with demo.desk.unit() as uow:
        known = await people.known(uow.session, uow, set(await uow.session.scalars(select(Person.id))))
        return [
            (
                opened.number, opened.subject, opened.fields, opened.solution, opened.ticket.status,
                opened.ticket.priority, opened.ticket.tags, opened.ticket.messages, opened.ticket.created_at,
                opened.ticket.updated_at, opened.ticket.rating, known[opened.ticket.requester_id].name,
                known[opened.ticket.assignee_id].name if opened.ticket.assignee_id else None,
            )
            for opened in await _opened_all(uow)
        ]  # fmt: skip


def _subjects(plans: Sequence[Plan]) -> list[str]:
    return [plan.dialogue.id for plan in plans]
