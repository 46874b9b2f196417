"""What a stolen dump of the database tells: no word that a person wrote, no name, no address.

A plain `pg_dump` of the demo desk, all tables but those of text that the desk itself publishes
or sets, is searched for every word of four letters or more of everything that is sealed in it.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from uuid import UUID

import pytest
from httpx import ASGITransport, AsyncClient
from sqlalchemy import func, select, text
from starlette.requests import Request
from starlette.responses import Response

from adapters.local.bus import LocalBus
from adapters.mail.outbox import OutboxMailer
from adapters.postgres import Embedded
from bot.mailing.teller import Telling
from bot.router import Router
from bot.tell import Tell
from core import clock, inbox
from core.access import SYSTEM, Actor
from core.admin import organisations
from core.chat import Edited, Place, Said, Sender
from core.conversations import attachments
from core.conversations import service as conversations
from core.conversations.model import Attachment, Conversation, Draft, Message, MessageRevision
from core.conversations.service import Thread
from core.crypto.fields import seal_text, unseal_text
from core.db import Base, Database, UnitOfWork
from core.desk import Desk
from core.kb import files as article_files
from core.kb import moderation
from core.kb.model import Article, ArticleFeedback, ArticleFile, ArticleText, KbSearch, Lesson, Suggestion
from core.notices import outbox
from core.people import credentials, links, tokens
from core.people import service as people
from core.people.model import Organisation, Person
from core.ports.mail import Mail
from core.tickets import access, views
from core.tickets import service as tickets
from core.tickets.model import SavedView, SurveyAnswer, Ticket
from tests.demo.conftest import Demo
from webui import sessions
from webui.app import make_app
from webui.site import Site

PUBLISHED = (
    "category",
    "team",
    "tag",
    "macro",
    "setting",
    "routing_rule",
    "role",
    "desk_room",
    "installation",
    "article",
    "article_text",
    "article_revision",
    "article_slug",
)
"""Tables of text that the desk itself publishes or sets."""

WITHOUT_WORDS = (
    "audit_seal", "conversation", "desk_fact", "desk_key", "erased", "intermediate_key", "person", "person_key",
    "reader_mark", "scheduled_job", "ticket", "team_member", "cursor", "room_thread", "pending_question",
    "call", "call_person", "call_consent", "call_quality", "call_recording", "call_review", "call_file", "article_view",
    "lease", "running_part",
)  # fmt: skip
"""Tables that a desk always fills, or that hold ids, times and wrapped keys alone."""

_PLACES = "webchat main mail"
_CHANNELS = "webchat desk slack discord telegram"
_TICKET = "ticket open progress waiting resolved closed normal high urgent"
CODES: Mapping[str, frozenset[str]] = {
    table: frozenset(words.split())
    for table, words in {
        "api_token": "tickets read write",
        "article_feedback": "outdated unclear incomplete wrong other waiting public hidden",
        "article_file": "text plain",
        "attachment": "image text plain jpeg application",
        "credential": "password",
        "delivery": f"{_PLACES} from post edit ticket received answered resolved message",
        "desk_key": "desk words",
        "event": f"{_TICKET} {_CHANNELS} "
        # who and how
        "system person requester agent lead admin staff everyone chat note rule away offline available "
        # what happened, and the names of what is told of it
        "opened claimed assigned tagged changed waiting woken snoozed reopened merged linked rated renamed said edited "
        "reacted message link issued made removed added started session token tickets read write password email after before until into first "
        "number name side kind what time quiet reply person fields profile purpose sign invite organisation team view "
        # articles and what is said of them
        "article text created saved published scheduled sent review reviewer revision archived feedback given helpful comment "
        "moderated state public hidden until "
        # settings, and the ids of the demo's custom fields
        "hours language order serial purchase date amount under warranty bike model",
        "suggestion": f"{_CHANNELS} portal shown solved needed human dismissed inserted",
        "inbound": "webchat main said edited received held done block words",
        "message": f"{_CHANNELS} requester staff person everyone chat note",
        "message_copy": _PLACES,
        "notice": "ticket team reply mention assigned",
        "one_time_link": "sign invite second",
        "participant": "requester reader follower",
        "person": "requester agent lead admin available away offline",
        "reader_mark": "tell",
        "saved_view": "status requester assignee priority number subject created updated",
        "seat": f"{_PLACES} requester",
        "ticket": f"{_TICKET} {_CHANNELS}",
    }.items()
}
"""The program's own codes that people's words may happen to be, by the table they stand in."""

PLANTED = {
    "subject": "Zibeline grandfather clause",
    "message": "Velocipede quixotic marmalade, wie Schlittschuhläufer und Käsefondue",
    "edited": "Velocipede quixotic gooseberry",
    "reply": "Trombone rhubarb crumble",
    "note": "Kaleidoscopic thunderstorm whispered",
    "draft": "Unfinished hippopotamus sonata",
    "view": "Bohemian rhapsodists",
    "token": "Nocturnal spreadsheet importer",
    "received": "Lighthouse keeper sneezing",
    "held": "Counterfeit pineapple lottery",
    "mail": "Ceremonial bagpipe rehearsal",
    "file": "Wolkenkuckucksheim.txt",
    "agent": "Netscape Quokkabrowser",
    "visitor": "Wilhelmina Featherstonehaugh",
    "address": "wilhelmina@featherstonehaugh.example",
    "company": "Periwinkle Zeppelins",
    "once": "Tangerine locomotive whistle",
    "remark": "Rhinoceros umbrellas squeak",
    "anonymous remark": "Dandelion xylophones hum",
    "picture": "Schokoladenfabrik.txt",
    "searched": "Gelatinous accordion repair",
    "asked": "Mistletoe gramophone battery",
    "taught": "Peppermint tuba charger",
}
PLACE = Place("webchat", "main", "v77", "c77")
WILHELMINA = Sender(external="v77", name=PLANTED["visitor"], email=PLANTED["address"], locale="en")

_WORD = re.compile(r"[^\W_]{4,}")
_IDS = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\\\\x[0-9a-f]*|[A-Za-z0-9+/]{40,}={0,2}")


@dataclass(frozen=True, slots=True)
class Sealed:
    """What people wrote, by what it is; and whole values that are no words."""

    texts: Mapping[str, list[str]]
    values: frozenset[str]


@pytest.fixture(scope="module")
async def lived_in(demo: Demo, server: Embedded) -> AsyncIterator[Demo]:
    """A copy of the demo desk, in which then every kind of row was written."""
    await demo.desk.db.close()  # nobody may use what is copied; the pool opens again by itself
    db = Database(await server.create_database("lived_in", template=demo.database), pool=5)
    try:
        desk = await Desk.open(db, demo.desk.means.files, LocalBus(), demo.desk.masters)
        copy = replace(demo, desk=desk, database="lived_in")
        await _live_on(copy)
        yield copy
    finally:
        await db.close()
        await server.drop_database("lived_in")


@pytest.fixture(scope="module")
async def sealed(lived_in: Demo) -> Sealed:
    """Everything in the clear."""
    async with lived_in.desk.unit() as uow:
        return await _all_in_the_clear(uow)


async def test_every_kind_of_row_is_there(lived_in: Demo, sealed: Sealed) -> None:
    tables = (
        "event", "inbound", "delivery", "draft", "notice", "outbox_mail", "saved_view", "session", "api_token",
        "message", "message_revision", "attachment", "survey_answer", "identity", "organisation", "one_time_link",
        "credential", "seat", "message_copy", "reaction", "participant", "ticket_link", "idempotent_answer",
        "article_feedback", "article_file", "kb_search", "suggestion", "lesson",
    )  # fmt: skip
    async with lived_in.desk.unit() as uow:
        empty = [
            name for name in tables if not await uow.session.scalar(text(f"select 1 from {name} limit 1"))
        ]
        states = set(await uow.session.scalars(text("select distinct state from inbound")))
    assert empty == []
    known = {*tables, *PUBLISHED, *WITHOUT_WORDS}
    assert set(Base.metadata.tables) - known == set(), (
        "a new table: plant words in it, or say why there are none"
    )
    assert states == {"done", "received", "held"}
    said = {word for those in sealed.texts.values() for one in those for word in _words(one)}
    assert said >= {word for one in PLANTED.values() for word in _words(one)}


async def test_no_word_of_anyone_stands_in_a_dump(lived_in: Demo, sealed: Sealed, server: Embedded) -> None:
    dumped = await _dump(server, lived_in.database)
    said: dict[str, set[str]] = defaultdict(set)
    for kind, texts in sealed.texts.items():
        for word in {word for one in texts for word in _words(one)}:
            said[word].add(kind)
    found = {
        f"{word} of {', '.join(sorted(said[word]))} in {table}"
        for table, words in dumped.words.items()
        for word in (words & said.keys()) - CODES.get(table, frozenset())
    }
    assert sorted(found) == []


async def test_no_number_or_address_of_anyone_stands_in_a_dump(
    lived_in: Demo, sealed: Sealed, server: Embedded
) -> None:
    dumped = await _dump(server, lived_in.database)
    whole = dumped.text.casefold()
    assert len(sealed.values) > 100
    assert [value for value in sealed.values if value.casefold() in whole] == []


async def test_the_search_would_find_a_leak(lived_in: Demo, sealed: Sealed, server: Embedded) -> None:
    """The same search over the tables that are left out finds what the desk itself says."""
    dumped = await _dump(server, lived_in.database, only=("category",))
    assert "delivery" in dumped.words["category"]


def test_the_list_of_codes_is_short() -> None:
    assert len(frozenset().union(*CODES.values())) <= 150


# --- the rest of a desk's life -----------------------------------------------------------


async def _live_on(demo: Demo) -> None:
    desk = demo.desk
    agent, admin = (
        await _member(desk, demo.made.agent.person_id),
        await _member(desk, demo.made.admin.person_id),
    )
    number = await _talk(desk, agent[1])
    await _write_by_the_way(desk, agent, admin, number)
    tell = Tell(desk, [Telling(desk, wait=timedelta(0))])
    while await tell.read():
        pass
    async with desk.unit() as uow:
        key = await uow.keys.of_person(uow.session, agent[0].id)
        conversation = (await access.get(uow, SYSTEM, number)).thread.id
        sealed = seal_text(key, PLANTED["draft"], "draft.body", f"{agent[0].id}/{conversation}")
        uow.session.add(Draft(person_id=agent[0].id, conversation_id=conversation, body=sealed))


async def _talk(desk: Desk, agent: Actor) -> int:
    """A visitor writes, edits, and is answered; two more messages wait."""
    router = Router(desk)
    first = await router.deliver(_said(PLANTED["message"], "m1", {"subject": PLANTED["subject"]}))
    await router.deliver(
        Edited(place=PLACE, sender=WILHELMINA, native="m1", at=clock.now(), text=PLANTED["edited"])
    )
    number = first.ticket
    assert number is not None
    async with desk.unit() as uow:
        await inbox.keep(uow, _said(PLANTED["received"], "m2"))
        held = _said(PLANTED["held"], "m3")
        await inbox.note_done(uow, held)
        await inbox.hold(uow, held, "block_words")
    async with desk.unit(agent) as uow:
        await tickets.reply(uow, agent, number, PLANTED["reply"], hold=0)
        await tickets.note(uow, agent, number, PLANTED["note"])
        await tickets.rename(uow, agent, number, PLANTED["subject"])
        await tickets.link(uow, agent, number, 1)
    return number


async def _write_by_the_way(
    desk: Desk, agent: tuple[Person, Actor], admin: tuple[Person, Actor], number: int
) -> None:
    async with desk.unit(agent[1]) as uow:
        condition = {"field": "channel", "op": "is", "value": "webchat"}
        await views.save(uow, agent[1], name=PLANTED["view"], condition=condition)
        await tokens.make(uow, agent[0], PLANTED["token"], ["tickets:read"])
        await attachments.upload(uow, agent[0].id, PLANTED["file"], _bytes(PLANTED["note"].encode()))
        await credentials.set_password(uow, agent[0], "Staubsaugervertreter und Nachtigall")
        await links.invite(uow, agent[0])
        await organisations.make(uow, admin[1], name=PLANTED["company"], domains="periwinkle.example")
        await sessions.start(uow, _browser(), Response(), agent[0], how="link", secure=True)
    mail = Mail(
        person_id=agent[0].id, to="someone@example.com", to_name="Someone", subject=PLANTED["mail"],
        text=PLANTED["mail"], html=f"<p>{PLANTED['mail']}</p>", message_id="<1@example.com>",
    )  # fmt: skip
    await OutboxMailer(desk).send(mail)
    await _by_the_api(desk, agent[0], number)
    await _about_articles(desk, agent[1])


async def _about_articles(desk: Desk, agent: Actor) -> None:
    """What people ask, search and say of articles, and a file of one."""
    async with desk.unit() as uow:
        visitor = await people.by_email(uow, PLANTED["address"], verified=False)
        assert visitor is not None
        key, own = uow.keys.desk, await uow.keys.of_person(uow.session, visitor.id)
        text_id = await uow.session.scalar(select(ArticleText.id).where(ArticleText.body.is_not(None)))
        article_id = await uow.session.scalar(select(Article.id))
        assert text_id is not None
        assert article_id is not None
        reader = await people.actor_of(uow, visitor)
        await moderation.give(uow, reader, text_id, helpful=False, comment=PLANTED["remark"])
        await moderation.give(uow, Actor(None), text_id, helpful=True, comment=PLANTED["anonymous remark"])
        searched = KbSearch(language="en", words=b"", digest=b"", results=0)
        searched.words = seal_text(key, PLANTED["searched"], "kb_search.words", searched.id)
        offered = Suggestion(channel="webchat", language="en", person_id=visitor.id)
        offered.question = seal_text(own, PLANTED["asked"], "suggestion.question", offered.id)
        taught = Lesson(question=b"", article_id=article_id, solved=True, person_id=visitor.id, language="en")
        taught.question = seal_text(own, PLANTED["taught"], "lesson.question", taught.id)
        uow.session.add_all([searched, offered, taught])
    name, content = PLANTED["picture"], _bytes(PLANTED["note"].encode())
    async with attachments.receiving(desk.means, name, content) as received, desk.unit(agent) as uow:
        await article_files.keep(uow, agent, article_id, received)


async def _by_the_api(desk: Desk, agent: Person, number: int) -> None:
    """A note over the API with a key, whose answer is kept for a day."""
    async with desk.unit() as uow:
        token = await tokens.make(uow, await people.get(uow, agent.id), "Script", ["tickets:write"])
    app = make_app(Site(desk=desk, public_url="http://test"))
    async with AsyncClient(transport=ASGITransport(app=app), base_url="http://test") as client:
        answer = await client.post(
            f"/api/v1/tickets/{number}/notes",
            headers={"authorization": f"Bearer {token}", "idempotency-key": "once"},
            json={"text": PLANTED["once"]},
        )
    assert answer.status_code == 201, answer.text


def _said(words: str, native: str, hints: Mapping[str, str] | None = None) -> Said:
    return Said(
        place=PLACE, sender=WILHELMINA, native=native, at=clock.now(), text=words, hints=dict(hints or {})
    )


def _browser() -> Request:
    headers = [(b"user-agent", PLANTED["agent"].encode())]
    return Request(
        {"type": "http", "method": "GET", "path": "/", "headers": headers, "client": ("203.0.113.9", 4711)}
    )


async def _bytes(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def _member(desk: Desk, person_id: UUID) -> tuple[Person, Actor]:
    async with desk.unit() as uow:
        person = await people.get(uow, person_id)
        return person, await people.actor_of(uow, person)


# --- everything in the clear -------------------------------------------------------------


async def _all_in_the_clear(uow: UnitOfWork) -> Sealed:
    texts: dict[str, list[str]] = defaultdict(list)
    values: set[str] = set()
    await _of_tickets(uow, texts, values)
    await _of_messages(uow, texts)
    await _of_files(uow, texts)
    await _of_people(uow, texts, values)
    await _of_the_desk(uow, texts)
    return Sealed(texts, frozenset(values))


async def _of_tickets(uow: UnitOfWork, texts: dict[str, list[str]], values: set[str]) -> None:
    for number in list(await uow.session.scalars(select(Ticket.number))):
        opened = await access.get(uow, SYSTEM, number)
        texts["subject"].append(opened.subject)
        texts["solution"].append(opened.solution)
        for name, value in opened.fields.items():
            texts["custom field"].append("" if isinstance(value, bool) else str(value))
            if name in ("order_number", "serial_number"):
                values.add(str(value))
        answer = await uow.session.get(SurveyAnswer, opened.ticket.id)
        if answer is not None and answer.comment is not None:
            comment = unseal_text(opened.key, answer.comment, "survey_answer.comment", opened.ticket.id)
            texts["rating"].append(comment)


async def _of_messages(uow: UnitOfWork, texts: dict[str, list[str]]) -> None:
    for thread in await _threads(uow):
        for message in await uow.session.scalars(select(Message).where(Message.conversation_id == thread.id)):
            texts[message.kind].append(conversations.read(thread, message))
            for revision in await uow.session.scalars(
                select(MessageRevision).where(MessageRevision.message_id == message.id)
            ):
                if revision.body is not None:
                    texts["revision"].append(
                        unseal_text(thread.key, revision.body, "message.body", message.id)
                    )


async def _threads(uow: UnitOfWork) -> list[Thread]:
    rows = list(await uow.session.scalars(select(Conversation)))
    return [Thread(row, await access.thread_key(uow.session, uow.keys, row)) for row in rows]


async def _of_files(uow: UnitOfWork, texts: dict[str, list[str]]) -> None:
    for row in await uow.session.scalars(select(Attachment)):
        if row.conversation_id is None:
            assert row.uploader_id is not None
            key = await uow.keys.of_person(uow.session, row.uploader_id)
        else:
            conversation = await uow.session.get_one(Conversation, row.conversation_id)
            key = await access.thread_key(uow.session, uow.keys, conversation)
        texts["file name"].append(attachments.opened(row, key).name)


async def _of_people(uow: UnitOfWork, texts: dict[str, list[str]], values: set[str]) -> None:
    ids = set(await uow.session.scalars(select(Person.id)))
    for known in (await people.known(uow.session, uow, ids)).values():
        texts["name"] += [known.name, known.display_name]
        texts["address"].append(known.email)
        texts["profile"] += [value for name, value in asdict(known.profile).items() if name != "zone"]
        values |= {known.email, known.profile.phone} - {""}


async def _of_the_desk(uow: UnitOfWork, texts: dict[str, list[str]]) -> None:
    for view in await uow.session.scalars(select(SavedView)):
        texts["view"].append(unseal_text(uow.keys.desk, view.name, "saved_view.name", view.id))
    admin = await uow.session.scalar(select(Person).where(Person.role == "admin"))
    assert admin is not None
    actor = await people.actor_of(uow, admin)
    for company in await uow.session.scalars(select(Organisation)):
        name = unseal_text(uow.keys.desk, company.name, "organisation.name", company.id)
        texts["organisation"].append(name)
    for kept in await outbox.listed(uow, actor):
        if kept.mail is not None:
            texts["mail"] += [kept.mail.subject, kept.mail.text, kept.mail.to_name]
    for row in await uow.session.scalars(select(ArticleFeedback).where(ArticleFeedback.comment.is_not(None))):
        person_key = (
            uow.keys.desk if row.person_id is None else await uow.keys.of_person(uow.session, row.person_id)
        )
        assert row.comment is not None
        texts["remark"].append(unseal_text(person_key, row.comment, "article_feedback.comment", row.id))
    for file in await uow.session.scalars(select(ArticleFile)):
        texts["article file"].append(article_files.opened(uow, file).name)
    # What is written to no service that reads it back, or only to another process.
    texts["other"] += [
        PLANTED[name]
        for name in ("draft", "token", "received", "held", "agent", "searched", "asked", "taught")
    ]
    assert await uow.session.scalar(select(func.count()).select_from(Draft))


# --- the dump ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Dumped:
    """The data of a dump: its lines, and the folded words of each table without ids and hashes."""

    text: str
    words: Mapping[str, set[str]]


async def _dump(server: Embedded, database: str, only: Iterable[str] = ()) -> Dumped:
    chosen = [f"--table={name}" for name in only] or [f"--exclude-table={name}" for name in PUBLISHED]
    command = [str(server.binaries / "pg_dump"), "--data-only", "--no-owner", *chosen, database]
    done = await asyncio.to_thread(
        subprocess.run, command, env=server.env, capture_output=True, check=True, encoding="utf-8"
    )
    return _read(done.stdout)


def _read(dump: str) -> Dumped:
    """The rows only: the program's own lines say what the tables and columns are called."""
    words: dict[str, set[str]] = defaultdict(set)
    rows: list[str] = []
    table = ""
    for line in dump.splitlines():
        if line.startswith("COPY "):
            table = line.split(" ", 2)[1].removeprefix("public.").strip('"')
        elif line == "\\.":
            table = ""
        elif table:
            rows.append(line)
            words[table].update(_words(_IDS.sub(" ", line)))
    assert len(words) >= 1
    return Dumped("\n".join(rows), words)


def _words(written: str) -> set[str]:
    return {word for word in _WORD.findall(written.casefold()) if not word.isdigit()}
