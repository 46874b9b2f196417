"""The requester's side of any chat: forms, several tickets, language, ratings, links, files."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import func, select

from adapters.files.memory import MemoryStore
from bot.fetching import fetch
from core import clock
from core.chat import Answer, FileRef, Gathered, Invoked, Limits, Place, Said, Sender, Visited
from core.conversations import attachments, file_links
from core.conversations.model import Attachment, Message, PendingQuestion, Seat
from core.db import EventRow
from core.desk import Desk
from core.errors import DeskError, Invalid, NotFound
from core.outbox_model import Delivery
from core.people import service as people
from core.people.links import LinkUsed
from core.people.model import Person
from core.tickets.model import Category, SurveyAnswer, Ticket
from tests.flows.house import ROOM, House, build, home, moved, sender

FORMS = Limits(text=2_000, forms=True)
DAY = 86_400


@pytest.fixture
async def house(desk: Desk) -> House:
    return await build(desk)


async def category(house: House, name: str, **fields: object) -> str:
    async with house.desk.unit() as uow:
        row = Category(
            name=name, fields=[{"id": "serial", "label": "Serial number", **fields}] if fields else []
        )
        uow.session.add(row)
        await uow.session.flush()
        return str(row.id)


async def tickets_of(house: House) -> list[Ticket]:
    async with house.desk.db.sessions() as session:
        return list(await session.scalars(select(Ticket).order_by(Ticket.number)))


def text_of(answer: Answer) -> str:
    return answer.cards[0].text


async def test_a_receipt_says_what_happens_next_and_measures_how_long_it_takes(house: House) -> None:
    await house.says("ada", "Help")
    await house.work()
    [receipt] = house.here.texts(home("ada"))
    assert receipt.startswith("We have your request as **#1**. A person reads it and answers here.")
    bob = await house.agent("bob")
    for number, who in enumerate(("ben", "cleo", "dora"), start=2):
        await house.says(who, "Help")
        with moved(120):
            await house.does("bob", "reply", f"{number} Yes?", place=ROOM)
    await house.says("eve", "Help")
    await house.work()
    assert "An answer usually takes 2 min" in house.here.texts(home("eve"))[0]
    assert bob.staff


async def test_a_form_is_asked_step_by_step_where_there_are_none(house: House) -> None:
    chosen = await category(house, "Printers", type="text", required=True)
    await category(house, "Other")
    answer = await house.does("ada", "new")
    assert [button.label for button in answer.cards[0].buttons] == ["Other", "Printers", "Skip", "Cancel"]
    await house.presses("ada", answer.cards[0].buttons[1].id, home("ada"))
    await house.says("ada", "Paper jam")
    await house.says("ada", "It eats my paper")
    assert "Serial number" in text_of(house.answers[-1]), "the category has a question of its own"
    assert await tickets_of(house) == []
    await house.says("ada", "SN-42")
    [ticket] = await tickets_of(house)
    assert str(ticket.category_id) == chosen
    async with house.desk.db.sessions() as session:
        assert await session.scalar(select(func.count()).select_from(PendingQuestion)) == 0
    await house.says("ada", "and it smells")
    assert house.answers[-1].ticket == ticket.number


async def test_files_that_come_with_an_answer_go_with_the_whole(house: House) -> None:
    house.here.kept |= {"f1": b"a picture", "f2": b"another", "f3": b"a third"}
    await house.does("ada", "new")
    await house.says("ada", "Paper jam")
    await house.says("ada", "", files=(FileRef("one.png", locator="f1"),))
    assert "That does not fit" not in text_of(house.answers[-1])
    assert "How can we help?" in text_of(house.answers[-1])
    await house.says("ada", "It eats my paper", files=(FileRef("two.png", locator="f2"),))
    await house.work()
    assert [name for _place, name, _data in house.there.sent] == ["one.png", "two.png"]
    native = await house.says("ada", "/new It smells", files=(FileRef("three.png", locator="f3"),))
    await house.work()
    assert [name for _place, name, _data in house.there.sent] == ["one.png", "two.png", "three.png"]
    await house.edits("ada", native, "/new It smells badly")
    await house.work()
    assert "It smells badly" in house.there.texts(house.thread())


async def test_a_question_can_be_cancelled_and_an_old_button_does_nothing(house: House) -> None:
    first = await house.does("ada", "new")
    assert text_of(await house.does("ada", "cancel")) == "Cancelled."
    again = await house.presses("ada", first.cards[0].buttons[0].id, home("ada"))
    assert again.cards[0].tone == "warning"
    await house.says("ada", "Just a message")
    assert len(await tickets_of(house)) == 1


async def test_a_form_comes_at_once_where_there_are_some(desk: Desk) -> None:
    house = await build(desk, limits=FORMS)
    await category(house, "Printers", type="choice", options=["A", "B"])
    answer = await house.does("ada", "new")
    assert answer.form is not None
    assert [one.id for one in answer.form.inputs] == ["category", "subject", "text"]
    chosen = answer.form.inputs[0].options[0].value
    second = await house.submits(
        "ada", answer.form.id, {"category": chosen, "subject": "Jam", "text": "It is stuck"}
    )
    assert second.form is not None
    assert {one.id: one.value for one in second.form.inputs} == {
        "field_serial": "",
        "subject": "Jam",
        "text": "It is stuck",
    }
    with pytest.raises(Invalid):
        await house.submits("ada", second.form.id, {"field_serial": "C", "subject": "Jam", "text": "x"})
    await house.submits("ada", second.form.id, {"field_serial": "A", "subject": "Jam", "text": "It is stuck"})
    assert len(await tickets_of(house)) == 1


async def test_help_names_commands_as_they_are_typed_there(desk: Desk) -> None:
    house = await build(desk, limits=replace(FORMS, command="/desk "))
    [card] = (await house.does("ada", "help")).cards
    assert card.text.startswith("`/desk help` — What you can write here\n`/desk new [text]` — ")


async def test_a_form_in_a_shared_place_opens_a_place_of_ones_own(desk: Desk) -> None:
    house = await build(desk, limits=replace(FORMS, threads_of_own=True))
    help_channel = Place("here", "main", "help")
    await house.submits(
        "ada", "ticket:", {"subject": "Jam", "text": "It is stuck"}, help_channel, direct=False
    )
    await house.work()
    [thread] = house.here.threads
    assert house.here.members[thread] == "ada"
    own = replace(help_channel, thread=thread)
    await house.says("ada", "still stuck", own, direct=False)
    assert house.answers[-1].ticket == 1
    await house.agent("bob")
    await house.does("bob", "reply", "1 Coming", place=ROOM)
    await house.work(after=10)
    assert "Coming" in house.here.texts(own)


async def test_what_is_asked_for_in_a_shared_place_does_not_take_the_place(desk: Desk) -> None:
    """What others say there is no part of it, and a desk room's threads stay as they are."""
    house = await build(desk, limits=replace(FORMS, threads_of_own=True))
    lobby = Place("here", "main", "lobby")
    invoked = Invoked(
        place=lobby,
        sender=sender("ada"),
        native="i1",
        at=clock.now(),
        command="new",
        arguments="It is stuck",
        direct=False,
    )
    answer = await house.router.deliver(invoked)
    assert "A place of your own" in answer.cards[0].text
    await house.work()
    [thread] = house.here.threads
    assert house.here.members[thread] == "ada"
    await house.says("cleo", "Lunch?", lobby, direct=False)
    await house.work()
    assert house.answers[-1].ignored
    assert "Lunch?" not in house.there.texts(house.thread())
    with pytest.raises(Invalid, match="Others read along"):
        await house.router.deliver(replace(invoked, native="i2", command="switch", arguments="1"))
    await house.agent("bob")
    with pytest.raises(Invalid, match="desk room"):
        await house.does("bob", "new", "For myself", place=house.thread())
    await house.does("bob", "claim", place=house.thread())
    await house.says("bob", "Coming", house.thread(), direct=False)
    await house.work(after=10)
    assert "Coming" in house.here.texts(replace(lobby, thread=thread))


async def test_a_panel_stays_and_opens_the_form(desk: Desk) -> None:
    house = await build(desk, limits=FORMS)
    chosen = await category(house, "Printers")
    await house.agent("root", role="admin", platform="here")
    shown = (await house.does("root", "panel")).cards[0]
    assert not shown.private
    pressed = await house.presses("ada", shown.buttons[0].id, home("ada"))
    assert pressed.form is not None
    picked = await house.presses("ada", shown.selects[0].id, home("ada"), choice=chosen)
    assert picked.form is not None
    await house.submits("ada", picked.form.id, {"subject": "Jam", "text": "It is stuck"})
    [ticket] = await tickets_of(house)
    assert str(ticket.category_id) == chosen


async def test_one_goes_on_with_another_of_ones_tickets(house: House) -> None:
    await house.says("ada", "first matter")
    await house.does("ada", "new", "second matter")
    await house.says("ada", "more of the second")
    assert house.answers[-1].ticket == 2
    listed = await house.does("ada", "tickets")
    assert [button.id for button in listed.cards[0].buttons] == ["switch:ticket:1"]
    await house.presses("ada", "switch:ticket:1", home("ada"))
    await house.says("ada", "more of the first")
    assert house.answers[-1].ticket == 1
    await house.says("ben", "hello")
    with pytest.raises((NotFound, Invalid)):
        await house.presses("ben", "switch:ticket:1", home("ben"))


async def test_a_link_leads_into_a_category_or_back_to_a_ticket(house: House) -> None:
    await house.says("ada", "first matter")
    [ticket] = await tickets_of(house)
    await house.does("ada", "new", "second matter")
    await house.does("ada", "start", f"t-{ticket.link}")
    await house.says("ada", "again the first")
    assert house.answers[-1].ticket == 1
    with pytest.raises(NotFound):
        await house.does("ben", "start", f"t-{ticket.link}")
    chosen = await category(house, "Printers", type="text", required=True)
    answer = await house.does("cleo", "start", f"c-{chosen}")
    assert "Serial number" in text_of(answer)


async def test_a_rating_is_one_press(house: House) -> None:
    await house.says("ada", "Help")
    await house.agent("bob")
    await house.does("bob", "reply", "1 Here you are", place=ROOM)
    await house.does("bob", "resolve", "1", place=ROOM)
    await house.work(after=10)
    [asked] = [one.card for one in house.here.shown.values() if "How was it?" in one.text]
    await house.presses("ada", asked.buttons[4].id, home("ada"))
    async with house.desk.db.sessions() as session:
        assert await session.scalar(select(SurveyAnswer.score)) == 5


async def test_a_language_is_chosen_and_kept(house: House) -> None:
    answer = await house.does("ada", "language")
    await house.presses("ada", answer.cards[0].selects[0].id, home("ada"), choice="de")
    await house.says("ada", "Hilfe")
    await house.work()
    assert house.here.texts(home("ada"))[0].startswith("Wir haben Ihre Anfrage")


async def test_an_address_that_is_known_suggests_a_link_and_links_nothing(house: House) -> None:
    async with house.desk.unit() as uow:
        await people.add(uow, name="Ada", email="ada@home.example", verified=True)
    house.here.limits = FORMS
    shared = Place("here", "main", "general", "thread")
    for who, vouched, place in (
        ("ada", True, home("ada")),
        ("mallory", False, home("m")),
        ("eve", True, shared),
    ):
        named = Sender(external=who, name=who.title(), email="ada@home.example", vouched=vouched)
        await house.router.deliver(Said(place=place, sender=named, native=who, at=clock.now(), text="Help"))
    await house.work()
    [suggested] = [one for one in house.here.shown.values() if "`/link CODE`" in one.text]
    assert suggested.place == home("ada")
    await house.does("ada", "new", "Once more")
    await house.work()
    assert sum("`/link CODE`" in text for text in house.here.texts()) == 1
    assert len({one.requester_id for one in await tickets_of(house)}) == 3, "nobody is merged"


async def test_two_chats_of_one_person_are_linked_by_a_code(house: House) -> None:
    await house.says("ada", "from here")
    await house.says("ada", "from there", Place("there", "main", "dm-ada"))
    code = text_of(await house.does("ada", "link")).split("/link ")[1].split("`")[0]
    there = Place("there", "main", "dm-ada")
    wrong = await house.does("ada", "link", "2345-6789a", there)
    assert wrong.cards[0].tone == "warning"
    right = await house.does("ada", "link", code.upper(), there)
    assert right.cards[0].tone == "good"
    async with house.desk.db.sessions() as session:
        active = list(
            await session.scalars(select(Person.id).where(Person.active, Person.role == "requester"))
        )
        requesters = set(await session.scalars(select(Ticket.requester_id)))
    assert requesters == set(active)
    assert len(active) == 1
    with pytest.raises(LinkUsed):
        await house.does("eve", "link", code)


async def test_nobody_is_talked_into_giving_an_account_away(house: House) -> None:
    """Mallory says: enter this code, and you will be helped at once."""
    await house.says("ada", "my diagnosis")
    await house.says("mallory", "hello", Place("there", "main", "dm-mallory"))
    there = Place("there", "main", "dm-mallory")
    async with house.desk.unit() as uow:
        [ada] = {one.requester_id for one in await tickets_of(house) if one.channel == "here"}
        account = await uow.session.get(Person, ada)
        assert account is not None
        account.email_verified_at = clock.now()
    code = text_of(await house.does("mallory", "link", place=there)).split("/link ")[1].split("`")[0]
    refused = await house.does("ada", "link", code)
    assert refused.cards[0].tone == "warning"
    assert "enter it in the other chat" in text_of(refused)
    assert len({one.requester_id for one in await tickets_of(house)}) == 2


async def test_a_code_is_not_guessed(house: House) -> None:
    for _try in range(5):
        await house.does("mallory", "link", "abcd-efgh")
    with pytest.raises(DeskError) as refused:
        await house.does("mallory", "link", "abcd-efgh")
    assert refused.value.code == "too_many"


async def test_an_agents_own_chat_becomes_theirs_by_the_desks_code(house: House) -> None:
    bob = await house.agent("bob", platform="desk")
    async with house.desk.unit() as uow:
        from core.people import linking
        from core.people import service as people

        assert bob.id is not None
        code = await linking.make_code(uow, await people.get(uow, bob.id))
    await house.does("bobby", "link", code, Place("there", "main", "dm-bobby"))
    await house.says("ada", "Help")
    await house.work()
    await house.does("bobby", "claim", place=house.thread())
    [ticket] = await tickets_of(house)
    assert ticket.assignee_id == bob.id
    refused = await house.does("bobby", "link", "2345-6789", Place("there", "main", "dm-bobby"))
    assert refused.cards[0].tone == "warning"


async def test_files_come_after_the_words_and_go_where_the_words_went(house: House) -> None:
    house.here.kept["loc-1"] = b"%PDF-1.7 a bill"
    files = (
        FileRef("bill.pdf", 15, "application/pdf", locator="loc-1"),
        FileRef("lost.png", locator="loc-2"),
    )
    await house.says("ada", "", files=files)
    await house.work()
    assert [(place, name, data) for place, name, data in house.there.sent] == [
        (house.thread(), "bill.pdf", b"%PDF-1.7 a bill")
    ]
    async with house.desk.db.sessions() as session:
        events = list(await session.scalars(select(EventRow.name).where(EventRow.name.like("message.file%"))))
        rows = await session.execute(select(Delivery.kind, Delivery.state).where(Delivery.kind == "fetch"))
        [ticket] = list(await session.scalars(select(Ticket)))
    assert sorted(events) == ["message.file_added", "message.file_lost"]
    assert sorted(rows.all()) == [("fetch", "dead"), ("fetch", "sent")]
    assert ticket.has_file
    missing = "*A file that came with a message is missing: it could not be fetched*"
    assert house.there.texts(house.thread()).count(missing) == 1
    told = [text for text in house.here.texts(home("ada")) if "did not reach us" in text]
    assert len(told) == 1, "who sent it is told, too"


async def test_many_files_of_one_message_all_come(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A platform's message may hold more than the desk's own pages take; and of too many it is said."""
    for number in range(20):
        house.here.kept[f"loc-{number}"] = b"%PDF-1.7 a bill"
    files = tuple(FileRef(f"bill-{n}.pdf", 15, "application/pdf", locator=f"loc-{n}") for n in range(20))
    await house.says("ada", "my bills", files=files)
    await house.work()
    assert len(house.there.sent) == 20
    monkeypatch.setattr(attachments, "MOST_BROUGHT", 3)
    await house.says("ada", "all of them", files=files)
    await house.work()
    assert len(house.there.sent) == 23
    assert any("too many at once" in text for text in house.here.texts(home("ada")))


async def test_a_file_too_large_for_the_platform_goes_as_a_link(house: House) -> None:
    house.there.limits = replace(house.there.limits, file_bytes=10)
    house.here.kept["loc-1"] = b"more than ten bytes"
    await house.says("ada", "see this", files=(FileRef("big.bin", locator="loc-1"),))
    await house.work()
    assert house.there.sent == []
    [link] = [text for text in house.there.texts(house.thread()) if "/f/" in text]
    token = link.split("/f/")[1].split(")")[0]
    async with house.desk.unit() as uow:
        found = await file_links.follow(uow, token)
        data = b"".join([chunk async for chunk in found.file.read(house.desk.means.files)])
        assert data == b"more than ten bytes"
        with pytest.raises(NotFound):
            await file_links.follow(uow, ("A" if token[0] != "A" else "B") + token[1:])
    with moved(8 * 24 * 3600), pytest.raises(NotFound):
        async with house.desk.unit() as uow:
            await file_links.follow(uow, token)


async def test_a_file_is_fetched_once_though_the_first_try_fails(house: House) -> None:
    house.here.kept["loc-1"] = b"data"
    house.here.down = True
    await house.says("ada", "file", files=(FileRef("a.txt", locator="loc-1"),))
    await house.work()
    house.here.down = False
    await house.work(after=60)
    async with house.desk.db.sessions() as session:
        assert await session.scalar(select(func.count()).select_from(Attachment)) == 1
        message = await session.scalar(select(Message))
        assert message is not None
        assert message.files == 1


async def test_a_file_that_two_processes_fetch_is_there_once(house: House) -> None:
    """The one stood still for longer than its lease, and wakes up when the other has it."""
    house.here.kept["loc-1"] = b"data"
    await house.says("ada", "file", files=(FileRef("a.txt", locator="loc-1"),))
    async with house.desk.db.sessions() as session:
        [row] = await session.scalars(select(Delivery).where(Delivery.kind == "fetch"))
    await house.work()
    await fetch(house.desk, house.here, row)
    await house.work()
    assert [data for _place, _name, data in house.there.sent] == [b"data"]
    async with house.desk.db.sessions() as session:
        assert await session.scalar(select(func.count()).select_from(Attachment)) == 1
    assert len([name async for name in house.desk.means.files.names()]) == 1


async def test_a_file_that_the_store_refuses_for_a_while_comes_later_and_is_told_lost_at_the_end_only(
    house: House,
) -> None:
    house.here.kept["loc-1"] = b"data"
    house.desk.means.files = house.posting.making.store = store = MemoryStore()
    store.down = True
    await house.says("ada", "file", files=(FileRef("a.txt", locator="loc-1"),))
    for minutes in range(10):
        await house.work(after=60 * minutes)
    store.down = False
    await house.work(after=3600)
    assert [data for _place, _name, data in house.there.sent] == [b"data"]
    store.down = True
    await house.says("ada", "another", files=(FileRef("b.txt", locator="loc-1"),))
    for hours in range(2, 20):
        await house.work(after=3600 * hours)
    assert len([text for text in house.here.texts(home("ada")) if "did not reach us" in text]) == 1


async def test_a_whole_thread_becomes_one_ticket_under_its_own_names(house: House) -> None:
    place = Place("here", "main", "general", "thread-9")
    messages = tuple(
        Said(place=place, sender=sender(who), native=f"g{index}", at=clock.now(), text=text)
        for index, (who, text) in enumerate(
            (("ada", "The door is stuck"), ("ben", "Mine too"), ("ada", "Since Monday"))
        )
    )
    gathered = Gathered(place=place, sender=sender("cleo"), native="x1", at=clock.now(), messages=messages)
    answer = await house.router.deliver(gathered)
    assert answer.ticket == 1
    again = await house.router.deliver(replace(gathered, native="x2"))
    assert text_of(again) == "This is ticket #1 already."
    await house.router.deliver(replace(messages[1], direct=False))
    async with house.desk.db.sessions() as session:
        rows = list(await session.scalars(select(Message).order_by(Message.seq)))
        [seat] = list(await session.scalars(select(Seat).where(Seat.side == "requester")))
    assert len(rows) == 3
    assert len({row.author_id for row in rows}) == 2
    assert seat.place_key == place.key


async def test_what_was_said_while_we_were_away_keeps_its_time_and_says_so(house: House) -> None:
    await house.says("ada", "Help")
    await house.work()
    at = clock.now()
    with moved(3_600):
        await house.router.deliver(
            Said(
                place=home("ada"),
                sender=sender("ada"),
                native="m9",
                at=at,
                text="are you there?",
                missed=True,
            )
        )
        await house.work()
    texts = house.there.texts(house.thread())
    assert any(text.startswith("*Sent while we were away") and "are you there?" in text for text in texts)
    async with house.desk.db.sessions() as session:
        assert await session.scalar(select(Message.at).where(Message.missed)) == at


async def test_ones_own_page_lists_tickets_and_asks(house: House) -> None:
    await house.says("ada", "Help")
    answer = await house.router.deliver(
        Visited(place=home("ada"), sender=sender("ada"), native="v1", at=clock.now())
    )
    assert "#1 Help" in answer.cards[0].text
    assert answer.cards[0].buttons[0].id == "new:ticket:0"


async def test_a_message_is_taken_back_by_a_reply_where_deletes_are_not_seen(house: House) -> None:
    await house.says("ada", "Help")
    native = await house.says("ada", "my password is 1234")
    await house.work()
    await house.says("ada", "/delete", reply_to=native)
    await house.work()
    assert "my password is 1234" not in house.there.texts(house.thread())


async def test_many_reactions_become_a_line_where_the_platform_shows_one(house: House) -> None:
    house.there.limits = replace(house.there.limits, reactions_most=1)
    await house.says("ada", "Help")
    native = await house.says("ada", "It works now")
    await house.work()
    await house.reacts("ada", native, "👍", "🎉")
    await house.work()
    [line] = [text for text in house.there.texts(house.thread()) if "on “It works now”" in text]
    assert "👍" in line
    assert "🎉" in line
    await house.reacts("ada", native, "👍")
    await house.work()
    assert any(text.startswith("👍 on") for text in house.there.texts(house.thread()))


async def test_a_command_that_is_typed_as_text_is_one_and_every_text_names_it_as_it_is_typed(
    desk: Desk,
) -> None:
    """Where all commands stand under one name, as words typed to the bot they do the same."""
    house = await build(desk, limits=Limits(text=4_000, command="/desk ", commands=25, more="more"))
    await house.says("ada", "/desk more language de")
    assert house.answers[-1].cards[0].text == "Erledigt."
    await house.says("ada", "/desk language en")
    assert house.answers[-1].cards[0].text == "Done."
    for words, told in (
        ("/desk", "`/desk more language [code]`"),
        ("/desk help", "`/desk close [ticket]`"),
    ):
        await house.says("ada", words)
        assert told in house.answers[-1].cards[0].text
    for words, told in (
        ("/desk nonsense 4", r"no command /desk nonsense\. Write /desk help"),
        ("/desk rate", r"Write it like this: /desk more rate <score>"),
        ("/rate", r"Write it like this: /desk more rate <score>"),
        ("/desk close", r"Write /desk close \[ticket\]"),
    ):
        with pytest.raises(Invalid, match=told):
            await house.says("ada", words)
    await house.says("ada", "/desktop icons are gone")
    await house.work()
    async with desk.db.sessions() as session:
        assert await session.scalar(select(func.count()).select_from(Ticket)) == 1


async def test_a_desk_room_takes_no_request(house: House) -> None:
    """Whoever names the bot there is told where to ask; nothing is opened."""
    await house.agent("bob")
    with pytest.raises(Invalid, match="desk room"):
        await house.says("bob", "my own laptop is slow", replace(ROOM, thread="~4"))


async def test_a_place_of_ones_own_ends_some_days_after_its_ticket(desk: Desk) -> None:
    """Not where something else is spoken of there meanwhile: then after that."""
    house = await build(desk, limits=replace(FORMS, threads_of_own=True, own_place_days=14))
    await house.submits(
        "ada", "ticket:", {"subject": "Jam", "text": "Stuck"}, Place("here", "main", "help"), direct=False
    )
    await house.work()
    [thread] = house.here.threads
    own = Place("here", "main", "help", thread)
    await house.agent("bob")
    await house.does("bob", "close", "1", place=ROOM)
    await house.work()
    assert any("closes in 14 days" in text for text in house.here.texts(own))
    with moved(10 * DAY):
        await house.says("ada", "It is back", own, direct=False)
        await house.does("bob", "close", "2", place=ROOM)
        await house.work()
    for days, ended in ((15, False), (23, False), (25, True)):
        await house.work(after=days * DAY)
        assert (thread in house.here.closed) is ended, days
