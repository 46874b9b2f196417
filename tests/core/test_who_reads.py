"""What stays closed: who lost the right to a ticket, what was never said to them, what was erased."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from core import clock
from core.access import SYSTEM, Actor, Permission
from core.admin import erase, staff
from core.conversations import service as conversations
from core.conversations.attachments import upload
from core.conversations.model import Message
from core.desk import Desk
from core.errors import Conflict, DeskError, NotFound, Refused
from core.notices import service as notices
from core.outbox_model import Delivery
from core.people import service as people
from core.people.model import Organisation, Person, Team
from core.tickets import access, lifecycle, queries, timeline
from core.tickets import service as tickets
from core.tickets.lines import MessageLine
from core.tickets.model import Priority, Ticket
from core.tickets.queries import Queue
from core.tickets.search import search
from tests.core.reading import Cast, cast

NO_ONE = UUID(int=1)


async def sees(desk: Desk, actor: Actor, number: int) -> bool:
    async with desk.unit(actor) as uow:
        try:
            await access.get(uow, actor, number)
        except NotFound:
            assert await queries.row(uow, actor, number) is None
            listed = await queries.page(uow, actor, Queue.all)
            assert number not in [row.number for row in listed.rows]
            return False
        return True


async def found(desk: Desk, actor: Actor, typed: str) -> list[int]:
    async with desk.unit(actor) as uow:
        return [hit.row.number for hit in (await search(uow, actor, typed)).hits]


async def reply(they: Cast, number: int, text: str, hold: int = 0, **more: Any) -> UUID:
    async with they.desk.unit(they.bob) as uow:
        _opened, message = await tickets.reply(uow, they.bob, number, text, hold=hold, **more)
        return message.id


def of_team(actor: Actor, *teams: UUID) -> Actor:
    """An agent whose role does not see all tickets."""
    return replace(
        actor, teams=frozenset(teams), permissions=actor.permissions - {Permission.see_all_tickets}
    )


async def team(desk: Desk, name: str) -> UUID:
    async with desk.unit() as uow:
        made = Team(name=name)
        uow.session.add(made)
        await uow.session.flush()
        return made.id


# --- who may no longer ------------------------------------------------------------------


async def test_having_read_a_ticket_is_no_right_to_it(desk: Desk) -> None:
    they = await cast(desk)
    mine, other = await team(desk, "Mine"), await team(desk, "Other")
    number = await they.says("ada", "It burns")
    eve = of_team(they.eve, mine)
    assert eve.id
    async with desk.unit(eve) as uow:
        opened = await access.change(uow, eve, number)
        assert await tickets.mark_read(uow, opened, eve.id, 1)
    assert await sees(desk, eve, number)
    async with desk.unit(they.bob) as uow:
        await tickets.assign(uow, they.bob, number, team=other)
        await notices.make(
            uow, "team_ticket", [eve.id], ticket_id=(await access.get(uow, SYSTEM, number)).ticket.id
        )
    assert not await sees(desk, eve, number)
    assert await found(desk, eve, "burns") == []
    assert await found(desk, eve, "status:open") == []
    async with desk.unit(eve) as uow:
        assert (await search(uow, eve, str(number))).jump is None
        assert await notices.listed(uow, eve) == []
        assert (await queries.counts(uow, eve))[Queue.all] == 0
        every: list[Callable[[], Awaitable[object]]] = [
            lambda: tickets.claim(uow, eve, number),
            lambda: tickets.note(uow, eve, number, "x"),
            lambda: tickets.reply(uow, eve, number, "x"),
            lambda: tickets.follow(uow, eve, number),
            lambda: tickets.resolve(uow, eve, number),
            lambda: tickets.rename(uow, eve, number, "x"),
        ]
        for verb in every:
            with pytest.raises(NotFound):
                await verb()
    # A colleague who mentions them lets them in on purpose.
    async with desk.unit(they.bob) as uow:
        await tickets.note(uow, they.bob, number, "please look", mentions=[eve.id])
    assert await sees(desk, eve, number)


async def test_what_an_organisation_shares_is_shared_as_long_as_it_does(desk: Desk) -> None:
    they = await cast(desk)
    number = await they.says("ada", "Our printer")
    await they.says("joe", "Hello")
    async with desk.unit() as uow:
        company = Organisation(name=b"", members_see_all=True)
        uow.session.add(company)
        await uow.session.flush()
        ids = [(await they.actor(who)).id for who in ("ada", "joe")]
        await uow.session.execute(update(Person).where(Person.id.in_(ids)).values(organisation_id=company.id))
        await uow.session.execute(
            update(Ticket).where(Ticket.number == number).values(organisation_id=company.id)
        )
    joe = await they.actor("joe")
    assert joe.id
    async with desk.unit(joe) as uow:
        await tickets.mark_read(uow, await access.change(uow, joe, number), joe.id, 1)
    assert await sees(desk, joe, number)
    async with desk.unit() as uow:
        await uow.session.execute(update(Organisation).values(members_see_all=False))
    assert not await sees(desk, joe, number)


async def test_an_agent_who_becomes_a_requester_keeps_no_ticket(desk: Desk) -> None:
    they = await cast(desk)
    number, other = await they.says("ada", "One"), await they.says("joe", "Two")
    assert they.eve.id
    async with desk.unit(they.eve) as uow:
        await tickets.claim(uow, they.eve, number)
        await tickets.follow(uow, they.eve, other)
        await tickets.mark_read(uow, await access.change(uow, they.eve, number), they.eve.id, 2)
    async with desk.unit(they.admin) as uow:
        eve = await people.get(uow, they.eve.id)
        await staff.change(uow, they.admin, eve.id, version=eve.version, role="requester")
    async with desk.unit() as uow:
        actor = await people.actor_of(uow, await people.get(uow, they.eve.id))
        assert (await access.get(uow, SYSTEM, number)).ticket.assignee_id is None
    assert not await sees(desk, actor, number)
    assert not await sees(desk, actor, other)


async def test_another_role_closes_the_api_to_its_tokens(desk: Desk) -> None:
    from core.people import tokens

    they = await cast(desk)
    assert they.bob.id
    async with desk.unit() as uow:
        bob = await people.get(uow, they.bob.id)
        token = await tokens.make(uow, bob, "script", ["tickets:read"])
        await uow.session.flush()
        assert await tokens.find(uow, token) is not None
        bob.role = "requester"
        await uow.session.flush()
        assert await tokens.find(uow, token) is None


# --- what was never said to them --------------------------------------------------------


async def test_leaving_out_by_a_word_tells_nothing_of_notes_and_held_replies(desk: Desk) -> None:
    they = await cast(desk)
    number = await they.says("ada", "umbrella in the rain")
    ada = await they.actor("ada")
    async with desk.unit(they.bob) as uow:
        await tickets.note(uow, they.bob, number, "parasol")
    await reply(they, number, "gazebo", hold=60)
    for typed in ("umbrella -parasol", "umbrella -gazebo", "status:in_progress -parasol"):
        assert await found(desk, ada, typed) == [number], typed
    assert await found(desk, they.bob, "umbrella -parasol") == []
    assert await found(desk, they.bob, "status:in_progress -gazebo") == []


async def test_what_was_taken_back_in_time_is_not_unread(desk: Desk) -> None:
    they = await cast(desk)
    number = await they.says("ada", "Hello")
    ada = await they.actor("ada")
    message_id = await reply(they, number, "oops", hold=5)
    async with desk.unit(they.bob) as uow:
        opened = await access.change(uow, they.bob, number)
        message = await tickets.message_in(uow, opened, message_id)
        await conversations.delete(uow, opened.thread, they.bob, message)
    later = clock.now() + timedelta(seconds=10)
    with clock.fixed(lambda: later):
        async with desk.unit(ada) as uow:
            row = await queries.row(uow, ada, number)
            assert row is not None
            assert not row.unread


async def test_followers_and_the_merged_read_no_notes(desk: Desk) -> None:
    they = await cast(desk)
    one, two = await they.says("ada", "First"), await they.says("joe", "Second")
    joe, bea = await they.actor("joe"), await _requester(they, "bea")
    async with desk.unit(they.bob) as uow:
        _opened, note = await tickets.note(uow, they.bob, one, "between us")
        await tickets.follow(uow, they.bob, one, bea.id)
    async with desk.unit(they.bob) as uow:
        await tickets.merge(uow, they.bob, one, two)
        await tickets.note(uow, they.bob, two, "also between us")
    for reader in (joe, await they.actor("ada")):
        async with desk.unit(reader) as uow:
            opened = await access.get(uow, reader, two)
            lines = (await timeline.timeline(uow, reader, opened)).lines
            texts = [line.text for line in lines if isinstance(line, MessageLine)]
            assert set(texts) == {"First", "Second"}
            with pytest.raises(NotFound):
                await timeline.line(uow, reader, opened, note.id)
            with pytest.raises(NotFound):
                await timeline.revisions(uow, reader, opened, note.id)
    # Who followed the first only does not follow it into another's ticket.
    assert not await sees(desk, bea, two)


async def test_a_message_id_of_somebody_else_is_no_repeat(desk: Desk) -> None:
    they = await cast(desk)
    number = await they.says("ada", "Hello")
    first = await reply(they, number, "One")
    assert await reply(they, number, "One", message_id=first) == first
    async with desk.unit(they.eve) as uow:
        with pytest.raises(Conflict):
            await tickets.reply(uow, they.eve, number, "Two", message_id=first)
        with pytest.raises(Conflict):
            await tickets.note(uow, they.eve, number, "Three", message_id=first)


# --- merged, split, renamed -------------------------------------------------------------


async def test_a_message_that_was_merged_in_is_edited_and_deleted_under_its_own_key(desk: Desk) -> None:
    they = await cast(desk)
    one, two = await they.says("ada", "First"), await they.says("joe", "Second")
    three = await they.says("kim", "Third")
    message_id = await reply(they, one, "wrnog")
    async with desk.unit(they.bob) as uow:
        await tickets.rename(uow, they.bob, two, "Umbrellas")
    async with desk.unit(they.bob) as uow:
        await tickets.rename(uow, they.bob, three, "Parasols")
    async with desk.unit(they.bob) as uow:
        await tickets.merge(uow, they.bob, one, two)
    async with desk.unit(they.bob) as uow:
        await tickets.merge(uow, they.bob, two, three)
    async with desk.unit(they.bob) as uow:
        joe = await they.actor("joe")
        assert joe.id
        await tickets.change_requester(uow, they.bob, three, joe.id)
    async with desk.unit(they.bob) as uow:
        message = await uow.session.get(Message, message_id)
        assert message is not None
        opened = await access.by_message(uow, they.bob, message, lock=True)
        assert (opened.number, opened.subject) == (three, "Parasols")
        await tickets.edit_message(uow, they.bob, opened, message, "xylophone")
    assert await found(desk, they.bob, "xylophone parasols") == [three]
    assert await found(desk, they.bob, "erased") == []
    async with desk.unit(they.bob) as uow:
        opened = await access.get(uow, they.bob, three)
        line = await timeline.line(uow, they.bob, opened, message_id)
        assert (line.text, line.from_ticket) == ("xylophone", one)
        assert [each.text for each in await timeline.revisions(uow, they.bob, opened, message_id)] == [
            "wrnog"
        ]
        with pytest.raises(NotFound):
            await tickets.split(uow, they.bob, three, [message_id])
        with pytest.raises(DeskError):
            await tickets.merge(uow, they.bob, one, three)
        with pytest.raises(DeskError):
            await tickets.merge(uow, they.bob, three, one)


async def test_what_is_split_off_takes_everything_of_the_messages_along(desk: Desk) -> None:
    they = await cast(desk)
    assert they.bob.id
    number = await they.says("ada", "Two things")
    async with desk.unit(they.bob) as uow:
        row = await upload(uow, they.bob.id, "manual.txt", _once(b"read me"))
        await uow.session.flush()
        _opened, message = await tickets.reply(uow, they.bob, number, "frist", hold=0, files=[row.id])
    async with desk.unit(they.bob) as uow:
        opened = await access.change(uow, they.bob, number)
        await tickets.edit_message(
            uow, they.bob, opened, await tickets.message_in(uow, opened, message.id), "first"
        )
        uow.session.add(
            Delivery(kind="post", place_key="p", message_id=message.id, conversation_id=opened.thread.id)
        )
    async with desk.unit(they.bob) as uow:
        made = await tickets.split(uow, they.bob, number, [message.id], "Marmalade")
    async with desk.unit(they.bob) as uow:
        opened = await access.get(uow, they.bob, made.number)
        line = await timeline.line(uow, they.bob, opened, message.id)
        assert (line.text, [each.name for each in line.files]) == ("first", ["manual.txt"])
        assert [each.text for each in await timeline.revisions(uow, they.bob, opened, message.id)] == [
            "frist"
        ]
        assert opened.ticket.has_file
        assert not (await access.get(uow, they.bob, number)).ticket.has_file
        moved = await uow.session.scalar(
            select(Delivery.conversation_id).where(Delivery.message_id == message.id)
        )
        assert moved == opened.thread.id
    assert await found(desk, they.bob, "marmalade") == [made.number]
    assert await found(desk, they.bob, "manual.txt") == [made.number]
    # Then merged back: the same messages, read under yet another key.
    async with desk.unit(they.bob) as uow:
        await tickets.merge(uow, they.bob, made.number, number)
    async with desk.unit(they.bob) as uow:
        opened = await access.get(uow, they.bob, number)
        assert (await timeline.line(uow, they.bob, opened, message.id)).text == "first"


async def test_the_words_of_an_old_subject_find_nothing(desk: Desk) -> None:
    they = await cast(desk)
    assert they.bob.id
    number = await they.says("ada", "Hello")
    async with desk.unit(they.bob) as uow:
        await tickets.rename(uow, they.bob, number, "Hunter2 is my password")
    async with desk.unit(they.bob) as uow:
        row = await upload(uow, they.bob.id, "manual.txt", _once(b"read me"))
        await uow.session.flush()
        await tickets.reply(uow, they.bob, number, "See there", hold=0, files=[row.id])
        await tickets.note(uow, they.bob, number, "whispered")
    assert await found(desk, they.bob, "hunter2") == [number]
    async with desk.unit(they.bob) as uow:
        await tickets.rename(uow, they.bob, number, "Cannot sign in")
    assert await found(desk, they.bob, "hunter2") == []
    for typed in ("sign", "hello", "manual.txt", "whispered"):
        assert await found(desk, they.bob, typed) == [number], typed


# --- erased -----------------------------------------------------------------------------


async def test_no_verb_on_an_erased_requesters_ticket_breaks(desk: Desk) -> None:
    they = await cast(desk)
    number, other = await they.says("ada", "Secret words"), await they.says("joe", "Something else")
    ada = await they.actor("ada")
    joe = await they.actor("joe")
    assert ada.id
    assert joe.id
    message_id = await reply(they, number, "An answer")
    async with desk.unit(they.admin) as uow:
        await erase.erase(uow, they.admin, ada.id)
    every: dict[str, Callable[[Any], Awaitable[object]]] = {
        "note": lambda uow: tickets.note(uow, they.bob, number, "what was this?"),
        "reply": lambda uow: tickets.reply(uow, they.bob, number, "Hello?"),
        "reopen": lambda uow: tickets.reopen(uow, they.bob, number),
        "rename": lambda uow: tickets.rename(uow, they.bob, number, "Named anew"),
        "fields": lambda uow: tickets.set_fields(uow, they.bob, number, {}),
        "prioritise": lambda uow: tickets.prioritise(uow, they.bob, number, Priority.high),
        "tag": lambda uow: tickets.tag(uow, they.bob, number, add=["x"]),
        "requester": lambda uow: tickets.change_requester(uow, they.bob, number, joe.id),
        "resolve": lambda uow: tickets.resolve(uow, they.bob, number, "with a solution"),
        "merge": lambda uow: tickets.merge(uow, they.bob, number, other),
        "merge into": lambda uow: tickets.merge(uow, they.bob, other, number),
        "split": lambda uow: tickets.split(uow, they.bob, number, [message_id]),
        "link": lambda uow: tickets.link(uow, they.bob, number, other),
        "follow": lambda uow: tickets.follow(uow, they.bob, number),
        "export": lambda uow: _read(uow, they.bob, number),
    }
    refused = {}
    for reopened in (False, True):
        for name, verb in every.items():
            try:
                async with desk.unit(they.bob) as uow:
                    if reopened:
                        opened = await access.change(uow, they.bob, number)
                        if not opened.ticket.live:
                            # The verb refuses that; an earlier Deskbell did not.
                            lifecycle.reopen(opened.ticket, "person", clock.now())
                    await verb(uow)
                    await _read(uow, they.bob, number)
                    await uow.session.rollback()
            except DeskError as error:
                refused[name] = error.status
    assert max(refused.values()) < 500
    assert {"note", "reply", "rename", "requester", "split"} <= refused.keys()
    assert await found(desk, they.bob, "secret") == []
    async with desk.unit(they.bob) as uow:
        assert "(erased)" in [row.subject for row in (await queries.page(uow, they.bob, Queue.all)).rows]


async def test_an_erased_requesters_ticket_stays_closed(desk: Desk) -> None:
    """Opened again it would stand in a queue, and nobody could read or answer it."""
    they = await cast(desk)
    number, ada = await they.says("ada", "Secret words"), await they.actor("ada")
    assert ada.id
    async with desk.unit(they.admin) as uow:
        await erase.erase(uow, they.admin, ada.id)
    for who in (they.bob, they.admin):
        with pytest.raises(Refused, match="erased"):
            async with desk.unit(who) as uow:
                await tickets.reopen(uow, who, number)
    async with desk.unit() as uow:
        assert (await access.get(uow, uow.actor, number)).ticket.status == "closed"


async def test_what_an_erased_person_asked_for_leaves_the_ticket_it_was_merged_into(desk: Desk) -> None:
    they = await cast(desk)
    one, two = await they.says("ada", "My name is Rumpelstiltskin"), await they.says("joe", "Hello")
    ada = await they.actor("ada")
    assert ada.id
    async with desk.unit(they.bob) as uow:
        await tickets.merge(uow, they.bob, one, two)
    async with desk.unit(they.admin) as uow:
        await erase.erase(uow, they.admin, ada.id)
    async with desk.unit(they.bob) as uow:
        assert "Rumpel" not in (await access.get(uow, they.bob, one)).subject
        lines = (await timeline.timeline(uow, they.bob, await access.get(uow, they.bob, two))).lines
        texts = [line.text for line in lines if isinstance(line, MessageLine)]
        assert sorted(texts) == ["", "Hello"]
    assert await found(desk, they.bob, "rumpelstiltskin") == []


async def _read(uow: Any, actor: Actor, number: int) -> None:
    opened = await access.get(uow, actor, number)
    assert opened.subject is not None
    assert opened.solution is not None
    assert opened.fields is not None
    await timeline.timeline(uow, actor, opened)
    await queries.page(uow, actor, Queue.all)


async def _requester(they: Cast, name: str) -> Actor:
    async with they.desk.unit() as uow:
        return await people.actor_of(uow, await people.add(uow, name=name))


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data
