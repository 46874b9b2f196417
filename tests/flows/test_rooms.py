"""A requester on one platform, agents in a desk room on another: threads, cards, replies, notes."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from core import clock
from core.access import SYSTEM
from core.chat import Completing, FileRef, Gone, RetryAfter, Revoked
from core.conversations.model import Message
from core.desk import Desk
from core.errors import Invalid
from core.installations import service as installations
from core.notices.model import Notice
from core.outbox_model import Delivery
from core.rooms import service as rooms
from core.rooms.model import DeskRoom, RoomRule
from core.tickets import holding
from core.tickets.lifecycle import TicketIsMerged
from tests.flows.house import ROOM, House, build, home, moved, sender


@pytest.fixture
async def house(desk: Desk) -> House:
    return await build(desk)


async def test_a_ticket_has_a_thread_headed_by_a_card_that_follows_it(house: House) -> None:
    await house.says("ada", "The printer is on fire")
    await house.work()
    thread = house.thread()
    assert house.there.threads[thread.thread] == "#1 The printer is on fire"
    assert "The printer is on fire" in house.there.texts(thread)
    await house.agent("bob")
    await house.does("bob", "claim", place=thread)
    await house.work(after=30)
    fields = {one.label: one.value for one in house.there.card_at(thread.thread).fields}
    assert fields["With"] == "Bob"
    assert fields["From"] == "Ada"
    assert "*Bob claimed the ticket*" in house.there.texts(thread)
    assert "Bob is looking into it." in house.here.texts(home("ada"))


async def test_the_assignees_words_are_replies_and_everyone_elses_are_notes(house: House) -> None:
    await house.says("ada", "Help")
    await house.work()
    await house.agent("bob")
    await house.agent("eve")
    thread = house.thread()
    await house.says("eve", "looks like a paper jam", thread, direct=False)
    await house.does("bob", "claim", place=thread)
    native = await house.says("bob", "On my way", thread, direct=False)
    await house.says("bob", "// she shouts", thread, direct=False)
    await house.says("eve", "me too", thread, direct=False)
    await house.work(after=10)
    shown = house.here.texts(home("ada"))
    assert "On my way" in shown
    assert not {"looks like a paper jam", "she shouts", "// she shouts", "me too"} & set(shown)
    assert house.there.marks == {(ROOM.channel, native): "sent"}
    assert "On my way" not in house.there.texts(thread), "it stands there already: the agent said it there"


@pytest.mark.parametrize(("rule", "reaches"), [(RoomRule.everyone, True), (RoomRule.command, False)])
async def test_each_room_has_its_own_rule(desk: Desk, rule: RoomRule, reaches: bool) -> None:
    house = await build(desk, rule=rule)
    await house.says("ada", "Help")
    await house.work()
    await house.agent("bob")
    await house.says("bob", "Good morning", house.thread(), direct=False)
    await house.does("bob", "reply", "this always reaches", place=house.thread())
    await house.work(after=10)
    shown = house.here.texts(home("ada"))
    assert ("Good morning" in shown) is reaches
    assert "this always reaches" in shown


async def test_who_is_not_linked_is_not_heard_and_is_told_how(house: House) -> None:
    await house.says("ada", "Help")
    await house.work()
    await house.says("mallory", "Give me your password", house.thread(), direct=False)
    assert "/link" in house.answers[-1].cards[0].text
    assert house.answers[-1].cards[0].private
    await house.work(after=10)
    async with house.desk.db.sessions() as session:
        assert len(list(await session.scalars(select(Message)))) == 1


WORDS = 'Do this:\n\n```\nset  "path" = C:\\new\n```\n\nIt\'s all.'


async def test_a_command_written_into_the_thread_says_what_stands_there(house: House) -> None:
    """It is one message there: its words as they were written, its files, a mark, and edits follow."""
    house.there.kept |= {"f1": b"a plan", "f2": b"a secret"}
    await house.says("ada", "Help")
    await house.work()
    await house.agent("bob")
    thread = house.thread()
    plan, secret = FileRef("plan.txt", locator="f1"), FileRef("secret.txt", locator="f2")
    native = await house.says("bob", f"/reply {WORDS}", thread, files=(plan,), direct=False)
    await house.says("bob", "/note she shouts", thread, files=(secret,), direct=False)
    await house.work(after=10)
    assert WORDS in house.here.texts(home("ada"))
    assert [name for _place, name, _data in house.here.sent] == ["plan.txt"]
    assert house.there.sent == []
    assert WORDS not in house.there.texts(thread)
    assert "she shouts" not in house.there.texts(thread)
    assert house.there.marks == {(ROOM.channel, native): "sent"}
    await house.edits("bob", native, "/reply 1 Or *that*", thread)
    await house.work(after=10)
    assert "Or *that*" in house.here.texts(home("ada"))


@pytest.mark.parametrize("slip", ["/nte she shouts", "/desk queue", "nte she shouts"])
async def test_a_mistyped_command_reaches_nobody(house: House, slip: str) -> None:
    await house.says("ada", "Help")
    await house.work()
    await house.agent("bob")
    answer = await house.does("bob", "claim", place=house.thread())
    assert answer.cards[0].fields[1].value == "Bob"
    await house.says("bob", "The first answer", house.thread(), direct=False)
    changed = await house.does("bob", "priority", "high", place=house.thread())
    assert "nobody yet" not in [one.value for one in changed.cards[0].fields]
    with pytest.raises(Invalid, match="no command"):
        await house.says("bob", slip, house.thread(), direct=False, by_name=not slip.startswith("/"))
    native = await house.says("bob", "Look into /etc/hosts", house.thread(), direct=False)
    with pytest.raises(Invalid, match="does not become a note"):
        await house.edits("bob", native, "// she shouts", house.thread())
    await house.work(after=10)
    assert [text for text in house.here.texts(home("ada")) if "shouts" in text or "/etc" in text] == [
        "Look into /etc/hosts"
    ]


async def test_in_its_thread_a_tickets_number_may_be_left_out(house: House) -> None:
    for who in ("ada", "eve"):
        await house.says(who, "Help")
    await house.work()
    await house.agent("bob", role="lead")
    answer = await house.does("bob", "merge", "1", place=house.thread())
    assert "#1" in answer.cards[0].title
    answer = await house.does("bob", "snooze", "1 2h", place=house.thread(0))
    assert "#1" in answer.cards[0].title


async def test_a_command_without_use_for_files_says_that_it_did_not_take_them(house: House) -> None:
    await house.says("ada", "Help")
    await house.work()
    await house.agent("bob")
    await house.says("bob", "/claim", house.thread(), files=(FileRef("a.txt", locator="f1"),), direct=False)
    assert "not taken" in house.answers[-1].cards[-1].text


async def test_a_reply_can_be_taken_back_within_its_seconds(house: House) -> None:
    await house.says("ada", "Help")
    await house.work()
    await house.agent("bob")
    thread = house.thread()
    await house.does("bob", "claim", place=thread)
    wrong = await house.says("bob", "the password is 1234", thread, direct=False)
    await house.work()
    assert "the password is 1234" not in house.here.texts(home("ada"))
    await house.deletes("bob", wrong, thread)
    right = await house.says("bob", "frist", thread, direct=False)
    await house.edits("bob", right, "first", thread)
    await house.work(after=12)
    shown = house.here.texts(home("ada"))
    assert "the password is 1234" not in shown
    assert shown.count("first") == 1


async def test_what_the_requester_adds_edits_and_deletes_follows_into_the_thread(house: House) -> None:
    await house.says("ada", "Help")
    await house.work()
    thread = house.thread()
    native = await house.says("ada", "tpyo")
    await house.work()
    await house.edits("ada", native, "typo")
    await house.reacts("ada", native, "🔥")
    await house.work()
    shown = [one for one in house.there.shown.values() if one.place == thread and one.text == "typo"]
    assert [one.reactions for one in shown] == [("🔥",)]
    await house.deletes("ada", native)
    await house.work()
    assert "typo" not in house.there.texts(thread)


async def test_an_edit_that_names_the_channel_alone_finds_its_message(house: House) -> None:
    """Some platforms say of an edit or a reaction the channel, not the thread."""
    await house.says("ada", "Help")
    await house.work()
    await house.agent("bob")
    thread = house.thread()
    await house.does("bob", "claim", place=thread)
    native = await house.says("bob", "helo", thread, direct=False)
    await house.work(after=10)
    await house.edits("bob", native, "hello", ROOM)
    await house.work()
    assert "hello" in house.here.texts(home("ada"))


async def test_an_older_edit_that_is_told_later_changes_nothing(house: House) -> None:
    native = await house.says("ada", "tomorow")
    await house.work()
    first, second = clock.now(), clock.now() + timedelta(milliseconds=1)
    await house.edits("ada", native, "tomorrow at nine", at=second)
    await house.edits("ada", native, "tomorrow", at=first)
    await house.work(after=10)
    assert "tomorrow at nine" in house.there.texts(house.thread())
    await house.edits("ada", native, "tomorrow at ten", at=second + timedelta(seconds=1))
    await house.work(after=10)
    assert "tomorrow at ten" in house.there.texts(house.thread())


async def test_a_thread_opened_late_tells_what_was_said_before_once(house: House) -> None:
    house.there.down = True
    await house.says("ada", "one")
    await house.says("ada", "two")
    await house.work()
    house.there.down = False
    await house.says("ada", "three")
    await house.work(after=60)
    texts = house.there.texts(house.thread())
    assert [text for text in texts if text in ("one", "two", "three")] == ["one", "two", "three"]


async def test_a_card_whose_answer_was_lost_says_how_the_ticket_stands_now(house: House) -> None:
    """The second try finds the thread that the first has opened, with its card of then."""
    house.there.drops_answers = house.there.knows_keys = True
    await house.says("ada", "Help")
    await house.work()
    house.there.drops_answers = False
    bob = await house.agent("bob")
    async with house.desk.unit(bob) as uow:
        await holding.claim(uow, bob, 1)
    await house.work(after=60)
    await house.work(after=60)
    fields = {one.label: one.value for one in house.there.shown[house.thread().thread].card.fields}
    assert (fields["With"], len(house.there.threads)) == ("Bob", 1)


async def test_where_a_thread_takes_no_card_the_card_is_its_first_message(house: House) -> None:
    house.there.heads_with_thread = False
    await house.says("ada", "Help")
    await house.work()
    heads = [one for one in house.there.shown.values() if one.place == house.thread() and one.card.title]
    assert [one.card.title for one in heads] == ["#1 Help"]
    await house.agent("bob")
    await house.does("bob", "claim", place=house.thread())
    await house.work(after=30)
    fields = {one.label: one.value for one in heads[0].card.fields}
    assert fields["With"] == "Bob"


async def test_a_thread_that_was_deleted_there_is_opened_again_with_its_history(house: House) -> None:
    await house.says("ada", "first words")
    await house.work()
    old = house.thread()
    house.there.thread_gone = old.thread
    await house.says("ada", "second words")
    await house.work()
    new = house.thread()
    assert new.thread != old.thread
    assert {"first words", "second words"} <= set(house.there.texts(new))
    await house.agent("bob")
    await house.says("bob", "// found it again", new, direct=False)
    assert house.answers[-1].ticket == 1


async def test_a_room_that_is_gone_is_taken_out_of_use_and_nothing_hangs(house: House) -> None:
    house.there.gone = True
    await house.says("ada", "Help")
    await house.work()
    async with house.desk.db.sessions() as session:
        assert await rooms.rooms(session) == []
        waiting = await session.scalars(select(Delivery).where(Delivery.state == "due"))
        assert [row for row in waiting if "there" in row.place_key] == []
        removed = await session.scalar(select(DeskRoom))
        assert removed is not None
        assert not removed.active


async def test_a_requester_who_is_gone_is_told_to_the_agent_in_words(house: House) -> None:
    await house.says("ada", "Help")
    await house.work()
    await house.agent("bob")
    thread = house.thread()
    await house.does("bob", "claim", place=thread)
    await house.work()
    house.here.gone = True
    native = await house.says("bob", "hello?", thread, direct=False)
    await house.work(after=10)
    assert house.there.marks[ROOM.channel, native] == "failed"
    assert any("did not reach Ada" in text for text in house.there.texts(thread))


async def test_a_refused_token_keeps_what_waits_until_it_is_renewed(house: House) -> None:
    await house.says("ada", "Help")
    await house.work()
    house.there.revoked = True
    await house.says("ada", "still there?")
    await house.work()
    assert "still there?" not in house.there.texts(house.thread())
    house.there.revoked = False
    await house.work(after=700)
    assert house.there.texts(house.thread()).count("still there?") == 1


async def test_a_call_by_the_old_token_does_not_break_the_new_connection(house: House) -> None:
    """The token was changed while the call was under way."""
    await house.says("ada", "Help")
    await house.work()
    secrets = {"bot_token": "new"}

    async def renewed() -> None:
        house.there.while_posting = None
        async with house.desk.unit() as uow:
            await installations.connect(
                uow, SYSTEM, platform=ROOM.platform, external=ROOM.installation, name="x", secrets=secrets
            )
        raise Revoked("the old token")

    house.there.while_posting = renewed
    await house.says("ada", "still there?")
    await house.work()
    async with house.desk.db.sessions() as session:
        row = await installations.by_external(session, ROOM.platform, ROOM.installation)
        assert row is not None
        assert row.state == "on"
    await house.work(after=10)
    assert house.there.texts(house.thread()).count("still there?") == 1


async def test_an_agent_is_told_that_a_refused_token_holds_an_answer_back(house: House) -> None:
    await house.says("ada", "Help")
    await house.work()
    await house.agent("bob")
    await house.does("bob", "claim", place=house.thread())
    await house.work()
    house.here.revoked = True
    native = await house.says("bob", "On my way", house.thread(), direct=False)
    await house.work(after=10)
    await house.work(after=700)
    told = [text for text in house.there.texts(house.thread()) if "an admin must renew it" in text]
    assert len(told) == 1
    assert house.there.marks[ROOM.channel, native] == "failed"
    house.here.revoked = False
    await house.work(after=1400)
    assert house.here.texts(home("ada")).count("On my way") == 1
    assert house.there.marks[ROOM.channel, native] == "sent"


async def test_an_agent_is_told_that_the_platform_lets_an_answer_wait_for_long(house: House) -> None:
    await house.says("ada", "Help")
    await house.work()
    await house.agent("bob")
    await house.does("bob", "claim", place=house.thread())
    await house.work()
    house.here.pause = 3_600
    native = await house.says("bob", "On my way", house.thread(), direct=False)
    await house.work(after=10)
    told = [text for text in house.there.texts(house.thread()) if "has not reached Ada yet" in text]
    assert len(told) == 1
    assert "wait 60 minutes; it goes out by itself" in told[0]
    assert house.there.marks[ROOM.channel, native] == "failed"
    await house.work(after=3_700)
    assert house.here.texts(home("ada")).count("On my way") == 1
    assert house.there.marks[ROOM.channel, native] == "sent"
    async with house.desk.db.sessions() as session:
        rung = await session.scalar(select(func.count()).where(Notice.kind == "undelivered"))
    assert rung == 0, "it was not given up"


async def test_an_agent_who_types_a_number_is_offered_the_tickets_that_it_is_about(house: House) -> None:
    await house.says("ada", "Printer on fire")
    await house.says("joe", "No network")
    await house.work()
    await house.agent("bob")

    async def offered(command: str, typed: str = "") -> list[str]:
        asked = Completing(
            place=ROOM,
            sender=sender("bob"),
            native=f"{command}{typed}",
            at=clock.now(),
            command=command,
            option="ticket",
            typed=typed,
        )
        return [one.value for one in (await house.router.deliver(asked)).choices]

    assert sorted(await offered("claim")) == ["1", "2"]
    await house.does("bob", "claim", "1", ROOM)
    assert await offered("claim") == ["2"]
    assert await offered("status") == ["1", "2"]
    assert (await offered("status", "netw"))[0] == "2"


async def test_a_channel_with_another_address_is_followed(house: House) -> None:
    await house.says("ada", "Help")
    await house.work()
    old = house.thread()
    house.there.moved = ROOM.__class__("there", "main", "supergroup")
    await house.says("ada", "after the move")
    await house.work()
    new = ROOM.__class__("there", "main", "supergroup", old.thread)
    assert "after the move" in house.there.texts(new)
    await house.agent("bob")
    await house.says("bob", "// still here", new, direct=False)
    assert house.answers[-1].ticket == 1


async def test_long_words_go_in_parts_and_stay_one_message(house: House) -> None:
    await house.says("ada", "Help")
    await house.work()
    await house.agent("bob")
    thread = house.thread()
    await house.does("bob", "claim", place=thread)
    long = "\n\n".join(f"Paragraph {number}: " + "word " * 20 for number in range(5))
    native = await house.says("bob", long, thread, direct=False)
    await house.work(after=10)
    parts = [text for text in house.here.texts(home("ada")) if text.startswith("Paragraph")]
    assert len(parts) == 5
    assert all(len(part) <= 200 for part in parts)
    await house.edits("bob", native, "Paragraph 0, and nothing more", thread)
    await house.work(after=20)
    parts = [text for text in house.here.texts(home("ada")) if text.startswith("Paragraph")]
    assert parts == ["Paragraph 0, and nothing more"]
    await house.deletes("bob", native, thread)
    await house.work()
    assert [text for text in house.here.texts(home("ada")) if text.startswith("Paragraph")] == []


async def test_closing_closes_the_thread_and_reopening_brings_it_back(house: House) -> None:
    """The card changes before: where its changes are gathered, an edit later would wake the thread."""
    house.there.limits = replace(house.there.limits, edit_pause=2.0)
    await house.says("ada", "Help")
    await house.work()
    thread = house.thread()
    await house.agent("bob")
    await house.does("bob", "close", place=thread)
    await house.work()
    await house.work(after=30)
    assert thread.thread in house.there.closed
    await house.does("bob", "reopen", "1", place=thread)
    await house.work(after=30)
    assert thread.thread not in house.there.closed


async def test_what_is_told_after_the_end_lets_the_thread_sleep(house: House) -> None:
    await house.says("ada", "Help")
    await house.work()
    await house.agent("bob")
    await house.does("bob", "close", place=house.thread())
    await house.work(after=30)
    await house.does("ada", "rate", "5")
    await house.work(after=30)
    assert house.there.texts(house.thread())[-1].startswith("*Ada rated")
    assert house.thread().thread in house.there.closed


async def test_a_ticket_closed_before_its_thread_was_there_leaves_none_open(house: House) -> None:
    await house.says("ada", "Help")
    await house.does("ada", "close", "1")
    await house.work(after=30)
    assert set(house.there.threads) == house.there.closed


async def test_a_reply_to_two_who_asked_is_marked_as_delivered_when_both_have_it(house: House) -> None:
    """After a merge both are in the conversation; the one whom it does not reach is not hidden by the other."""
    await house.says("ada", "Printer on fire")
    await house.says("joe", "The printer burns")
    await house.work()
    await house.agent("bob", role="lead")
    thread = house.thread(0)
    await house.does("bob", "merge", "1", place=house.thread(1))
    await house.does("bob", "claim", place=thread)
    await house.work()
    for trouble in (RetryAfter(3_600), Gone("blocked")):
        house.here.refuses = {home("joe"): trouble}
        native = await house.says("bob", "On my way", thread, direct=False)
        await house.work(after=10)
        assert house.here.texts(home("ada"))[-1] == "On my way"
        assert house.there.marks[ROOM.channel, native] == "failed"
        house.here.refuses = {}
        await house.work(after=4_000)
    native = await house.says("bob", "It is out", thread, direct=False)
    await house.work(after=10)
    assert house.here.texts(home("joe"))[-1] == "It is out"
    assert house.there.marks[ROOM.channel, native] == "sent"


async def test_a_merged_ticket_ends_in_its_room_and_nothing_stands_there_twice(house: House) -> None:
    for who in ("ada", "eve"):
        await house.says(who, f"Help for {who}")
    await house.work()
    await house.agent("bob", role="lead")
    one, other = house.thread(0), house.thread(1)
    await house.does("bob", "merge", "1", place=other)
    await house.work(after=30)
    assert house.there.closed == {other.thread}
    await house.says("ada", "More of ada")
    await house.says("eve", "More of eve")
    await house.work()
    assert {"More of ada", "More of eve"} <= set(house.there.texts(one))
    assert not {"More of ada", "More of eve"} & set(house.there.texts(other))
    with pytest.raises(TicketIsMerged):
        await house.does("bob", "reply", "Hello", place=other)
    await house.does("bob", "claim", place=one)
    await house.says("bob", "Hello", one, direct=False)
    await house.work(after=10)
    assert [text for text in house.here.texts(home("ada")) if text == "Hello"] == ["Hello"]


async def test_the_room_says_how_many_wait(house: House) -> None:
    for who in ("ada", "ben", "cleo"):
        await house.says(who, f"{who} needs help")
    await house.work()
    await house.work(after=60)
    [card] = [one.text for one in house.there.shown.values() if one.place == ROOM and not one.card.title]
    assert card.startswith("**3** open, **3** without an agent")
    await house.agent("bob")
    for thread in range(3):
        await house.does("bob", "claim", place=house.thread(thread))
    await house.work()
    await house.work(after=120)
    [card] = [one.text for one in house.there.shown.values() if one.place == ROOM and not one.card.title]
    assert card == "**3** open, nobody waits for an agent."


async def test_an_agent_in_the_requesters_own_thread_answers_there(house: House) -> None:
    place = home("help-channel")
    await house.says("ada", "Help", place)
    await house.agent("bob", platform="here")
    await house.says("bob", "I see it", place, direct=False)
    await house.says("cleo", "same here", place, direct=False)
    await house.work(after=10)
    async with house.desk.db.sessions() as session:
        sides = list(await session.scalars(select(Message.side).order_by(Message.seq)))
    assert sides == ["requester", "staff", "requester"]
    assert {"I see it", "same here"} <= set(house.there.texts(house.thread()))


async def test_what_is_none_of_our_business_is_not_kept(house: House) -> None:
    await house.says("ada", "lunch?", ROOM, direct=False)
    assert house.answers[-1].ignored
    async with house.desk.db.sessions() as session:
        assert list(await session.scalars(select(Message))) == []


async def test_what_changes_while_its_call_is_under_way_is_put_right(house: House) -> None:
    await house.says("ada", "Help")
    await house.work()
    await house.agent("bob")
    thread = house.thread()
    await house.does("bob", "claim", place=thread)
    await house.work()
    edited = await house.says("bob", "frist", thread, direct=False)
    while await house.tell.read():
        pass
    house.here.while_posting = lambda: house.edits("bob", edited, "first", thread)
    await house.work(after=10)
    house.here.while_posting = None
    await house.work(after=20)
    assert "first" in house.here.texts(home("ada"))
    assert "frist" not in house.here.texts(home("ada"))
    deleted = await house.says("bob", "oops", thread, direct=False)
    house.here.while_posting = lambda: house.deletes("bob", deleted, thread)
    await house.work(after=40)
    house.here.while_posting = None
    await house.work(after=60)
    assert "oops" not in house.here.texts(home("ada"))


async def test_a_platform_that_does_not_answer_holds_up_nobody_else(house: House) -> None:
    for number in range(15):
        await house.says(f"ada{number}", "Help")
    await house.work()
    stuck = asyncio.Event()
    house.there.while_posting = stuck.wait
    for number in range(15):
        await house.says(f"ada{number}", "more")
    await house.agent("bob", platform="here")
    await house.does("bob", "reply", "1 Quick answer", place=home("bob"))
    while await house.tell.read():
        pass
    with moved(10):
        for _round in range(20):
            await house.posting.start_due()
            await asyncio.sleep(0)
        async with asyncio.timeout(20):
            while "Quick answer" not in house.here.texts(home("ada0")):
                await house.posting.start_due()
                await asyncio.sleep(0.01)
    stuck.set()
    await house.posting.finish()


async def test_a_room_is_the_whole_channel_wherever_in_it_the_command_is_given(house: House) -> None:
    await house.agent("root", role="admin")
    other = replace(ROOM, channel="other")
    await house.does("root", "room", place=replace(other, thread="t9"))
    async with house.desk.db.sessions() as session:
        assert await rooms.holds(session, other)
    await house.does("root", "unroom", place=replace(other, thread="t7"))
    async with house.desk.db.sessions() as session:
        assert not await rooms.holds(session, other)
