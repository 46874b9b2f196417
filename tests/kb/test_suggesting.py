"""Articles answer first: offered once, silent where a person is needed, learned from, kept fresh."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import select

from bot.demo.articles import texts
from core import clock
from core.access import Permission
from core.admin.erase import erase
from core.chat import Answer, Card, Limits, Place
from core.db import EventRow
from core.desk import Desk
from core.errors import Forbidden, NotFound, Refused
from core.kb import learning, service, silence, suggesting
from core.kb.model import Article, Lesson, Suggestion
from core.kb.service import Facts
from core.kb.shelf import Shelf
from core.people.model import Person
from core.tickets import service as tickets
from core.tickets.model import Ticket
from tests.flows.house import ROOM, House, build, home

QUESTION = "My battery is not charging any more, the charger blinks red. What can I do?"


@pytest.fixture
async def house(desk: Desk) -> House:
    house = await build(desk, limits=Limits(text=4_000))
    await publish(house, 24)
    await load(house)
    return house


async def publish(house: House, most: int) -> None:
    """Some of the demo desk's articles, as they are in English."""
    english = [those[0] for those in texts().values() if those[0].state == "published"][:most]
    for one in english:
        async with house.desk.unit(house.admin) as uow:
            _article, text = await service.create(
                uow, house.admin, title=one.title, body=one.body, facts=Facts(owner_id=house.admin.id)
            )
            await service.publish(uow, house.admin, text.id, version=text.version)


async def load(house: House) -> Shelf:
    shelf = Shelf(house.desk.db, house.desk.means)
    await shelf.load()
    house.desk.means.articles = shelf
    return shelf


def offer(house: House, who: str) -> Card | None:
    cards = [one.card for one in house.here.shown.values() if one.place == home(who)]
    return next((card for card in cards if card.title == "Articles that may help"), None)


async def rows(house: House) -> list[Suggestion]:
    async with house.desk.db.sessions() as session:
        return list(await session.scalars(select(Suggestion).order_by(Suggestion.asked_at)))


async def ticket(house: House, number: int = 1) -> Ticket:
    async with house.desk.db.sessions() as session:
        row = await session.scalar(select(Ticket).where(Ticket.number == number))
        assert row is not None
        return row


async def test_offered_once_after_the_first_message(house: House) -> None:
    await house.says("ada", QUESTION)
    await house.work()
    card = offer(house, "ada")
    assert card is not None
    assert 1 <= len(card.buttons) - 2 <= 3
    assert "/help/en/" in card.text
    [row] = await rows(house)
    assert row.outcome == "shown"
    assert row.question is not None
    assert b"battery" not in row.question
    await house.says("ada", "And the display is dark as well, how do I switch it on?")
    await house.work()
    assert len(await rows(house)) == 1


@pytest.mark.parametrize(
    "said",
    [
        "hello there!",
        "Thank you so much, bye",
        "guten Tag zusammen",
        "🙏🙏🙏",
        "My battery is on fire, help!",
        "Der Akku raucht und es brennt",
        "This is unacceptable, the charger is still broken and nobody cares",
        "WHY IS MY BATTERY STILL NOT CHARGING",
        "Wo bleibt mein Geld, das ist eine Frechheit",
        "What is the capital of Australia?",
    ],
)
async def test_silent_where_no_article_is_wanted(house: House, said: str) -> None:
    await house.says("ada", said)
    await house.work()
    assert await rows(house) == []


@pytest.mark.parametrize(
    "said",
    [
        "my battery is smoking",
        "the charger smells burnt",
        "I burned my hand on the battery",
        "I want to die",
        "my son swallowed a button cell",
        "Feuerwehr ist da",
        "Aus dem Ladegerät kommen Funken",
        "Der Akku qualmt",
        "Ich liege im Krankenhaus wegen eurer Bremse",
        "Ich will nicht mehr leben",
        "I am very angry about my order",
        "this is the fourth email I write, nobody answers",
        "why is my order still not here???",
        "Das ist doch ein Witz, wo bleibt meine Bestellung",
        "Euer Service ist das Letzte!",
        "so eine Scheiße, der Akku lädt nicht",
        "WHY IS MY ORDER STILL NOT HERE, tell me",
        "Danke, der Akku lädt wieder",
        "thanks a lot, my order arrived today",
        "super, läuft wieder",
    ],
)
def test_words_that_call_for_a_person_or_ask_nothing(said: str) -> None:
    assert silence.must_be_silent(said)


@pytest.mark.parametrize(
    "said",
    [
        "What brand of brake pads do I need?",
        "I cancelled my order by accident",
        "How many times can I charge the battery?",
        "The display complains that there is no battery",
        "Der Akku scheint nicht zu laden",
        "Die Scheibenbremse quietscht",
        "Die Kette ist dreckig, wie reinige ich sie?",
        "Das letzte Update bleibt hängen",
        "Thanks for the quick delivery! How do I charge the battery?",
        "Danke schon mal, aber wie lade ich den Akku?",
        "stupid question: how do I change my address",
    ],
)
def test_everyday_words_are_no_reason_for_silence(said: str) -> None:
    assert not silence.must_be_silent(said)


async def test_asked_again_in_a_second_ticket_it_is_not_offered_again(house: House) -> None:
    await house.says("ada", QUESTION)
    await house.work()
    await house.presses("ada", "dismiss:ticket:1", home("ada"))
    await house.does("ada", "new", QUESTION)
    await house.work()
    assert (await ticket(house, 2)).status == "open"
    assert len(await rows(house)) == 1


async def test_who_says_hello_first_is_offered_articles_for_the_question(house: House) -> None:
    await house.says("ada", "hello")
    await house.work()
    assert await rows(house) == []
    await house.says("ada", QUESTION)
    await house.work()
    assert offer(house, "ada") is not None
    await house.says("ada", QUESTION)
    await house.work()
    assert len(await rows(house)) == 1


async def test_after_a_first_question_the_next_words_are_no_question_for_articles(house: House) -> None:
    await house.says("ada", "Can someone look at my order 8841, please?")
    await house.work()
    before = len(await rows(house))
    await house.says("ada", QUESTION)
    await house.work()
    assert len(await rows(house)) == before


async def test_an_engine_that_fails_holds_up_nobody(house: House) -> None:
    shelf = house.desk.means.articles
    assert isinstance(shelf, Shelf)
    shelf._engine = FailingEngine()  # type: ignore[assignment]
    await house.says("ada", QUESTION)
    await house.work()
    assert await rows(house) == []
    assert (await ticket(house)).status == "open"


async def test_that_solved_it_resolves_and_can_be_undone(house: House) -> None:
    await house.says("ada", QUESTION)
    await house.work()
    card = offer(house, "ada")
    assert card is not None
    answer = await house.presses("ada", card.buttons[0].id, home("ada"))
    assert "marked as resolved" in text_of(answer)
    await house.work()
    [row] = await rows(house)
    solved = await ticket(house)
    assert (solved.status, row.outcome, row.chosen) == ("resolved", "solved", row.shown[0])
    now = offer(house, "ada")
    assert now is not None
    assert now.tone == "good", "the card that stands there says so too"
    assert not any("How was it?" in text for text in house.here.texts(home("ada")))
    assert not answer.cards[0].buttons
    [undo] = (one for one in now.buttons if one.label.startswith("Undo"))
    await house.presses("ada", undo.id, home("ada"))
    await house.work()
    [row] = await rows(house)
    assert ((await ticket(house)).status, row.outcome, row.chosen) == ("open", "dismissed", None)
    async with house.desk.db.sessions() as session:
        assert await session.scalar(select(Lesson.id).where(Lesson.undone_at.is_(None))) is None


async def test_not_what_i_need_and_a_human(house: House) -> None:
    for who, label, outcome in (
        ("ada", "Not what I need", "dismissed"),
        ("ben", "Talk to a human", "human"),
    ):
        await house.says(who, QUESTION)
        await house.work()
        card = offer(house, who)
        assert card is not None
        button = next(one for one in card.buttons if one.label == label)
        await house.presses(who, button.id, home(who))
        await house.work()
        assert (await rows(house))[-1].outcome == outcome
        left = offer(house, who)
        assert left is not None
        assert left.buttons == ()
    assert (await ticket(house)).status == "open", "a person reads it all the same"


async def test_nobody_else_can_press(house: House) -> None:
    await house.says("ada", QUESTION)
    await house.says("eve", "Where is my order?")
    await house.work()
    with pytest.raises(NotFound):
        await house.presses("eve", "solved:1:1", home("eve"))


async def test_not_after_a_person_has_answered(house: House) -> None:
    await house.agent("bob")
    await house.says("ada", QUESTION)
    await house.does("bob", "reply", "1 I am looking into it", place=ROOM)
    await house.work(after=10)
    assert offer(house, "ada") is None


async def test_an_admin_can_switch_it_off(house: House) -> None:
    house.desk.means.settings = house.desk.means.settings.model_copy(update={"suggest_articles": False})
    await house.says("ada", QUESTION)
    await house.work()
    assert await rows(house) == []


async def test_reopened_later_is_not_avoided(house: House) -> None:
    await house.says("ada", QUESTION)
    await house.work()
    await house.presses("ada", "solved:1:1", home("ada"))
    await house.work()
    await house.says("ada", "It does not work after all")
    await house.work()
    [row] = await rows(house)
    assert row.outcome == "solved"
    assert row.reopened_at is not None
    async with house.desk.db.sessions() as session:
        assert await session.scalar(select(Lesson.id).where(Lesson.undone_at.is_(None))) is None
    card = offer(house, "ada")
    assert card is not None
    assert card.buttons == ()


async def test_an_old_undo_takes_no_solution_of_an_agent(house: House) -> None:
    await house.agent("bob")
    await house.says("ada", QUESTION)
    await house.work()
    await house.presses("ada", "solved:1:1", home("ada"))
    await house.work()
    await house.says("ada", "It does not work after all")
    await house.work()
    await house.does("bob", "resolve", "1", place=ROOM)
    await house.work()
    with pytest.raises(Refused):
        await house.presses("ada", "unsolved:ticket:1", home("ada"))
    assert (await ticket(house)).status == "resolved"


async def test_what_one_may_not_read_takes_no_place(house: House) -> None:
    async with house.desk.unit(house.admin) as uow:
        for article in await uow.session.scalars(select(Article)):
            article.audience = "internal"
    shelf = await load(house)
    assert await shelf.suggest(QUESTION, suggesting.PASSERBY, "en") == []
    assert await shelf.suggest(QUESTION, house.admin, "en") != []
    await house.says("ada", QUESTION)
    await house.work()
    assert await rows(house) == []


async def test_an_edit_is_found_by_another_process(house: House) -> None:
    other = Shelf(house.desk.db, house.desk.means)
    await other.load()
    words = "zeppelin mooring mast"
    assert all(hit.title != "Mooring a zeppelin" for hit in await other.search(words, house.admin))
    async with house.desk.unit(house.admin) as uow:
        _article, text = await service.create(
            uow, house.admin, title="Mooring a zeppelin", body="Tie it to the mooring mast.", facts=Facts()
        )
        await service.publish(uow, house.admin, text.id, version=text.version)
    await other.follow()
    assert (await other.search(words, house.admin))[0].title == "Mooring a zeppelin"
    async with house.desk.unit(house.admin) as uow:
        article = await uow.session.get(Article, text.article_id)
        assert article is not None
        await service.archive(uow, house.admin, article.id, version=article.version)
    await other.follow()
    assert all(hit.title != "Mooring a zeppelin" for hit in await other.search(words, house.admin))


async def test_one_person_teaches_nothing_alone(house: House) -> None:
    shelf = await load(house)
    article = await first_article(house)
    odd = "the wobbly flanges hum at dusk"
    await taught(house, "ada", odd, article)
    await taught(house, "ada", odd + " again", article)
    await shelf.follow()
    assert shelf._lessons == {}
    await taught(house, "ben", "my flanges wobble and hum", article)
    await shelf.follow()
    assert len(shelf._lessons) == 3
    assert shelf._engine is not None
    assert {one.question for one in shelf._engine.learned()} >= {odd, "my flanges wobble and hum"}


async def test_one_person_teaches_nothing_of_an_article_that_others_praise(house: House) -> None:
    shelf = await load(house)
    article = await first_article(house)
    await taught(house, "ada", "the wobbly flanges hum", article)
    await taught(house, "ben", "my flanges wobble", article)
    await taught(house, "eve", "how do I delete my account", article)
    await shelf.follow()
    assert {lesson.question for lesson in shelf._lessons.values()} == {
        "the wobbly flanges hum",
        "my flanges wobble",
    }


async def test_an_agent_alone_teaches_nothing(house: House) -> None:
    shelf = await load(house)
    article = await first_article(house)
    bob = await house.agent("bob")
    for who in ("ada", "ben"):
        await taught(house, who, f"the wobbly flanges hum, says {who}", article, by=bob.id)
    await shelf.follow()
    assert shelf._lessons == {}
    await taught(house, "cleo", "my flanges wobble", article)
    await shelf.follow()
    assert len(shelf._lessons) == 3


async def test_one_person_with_many_browsers_teaches_nothing(house: House) -> None:
    shelf = await load(house)
    article = await first_article(house)
    house.desk.means.passing = frozenset({"here"})
    visitors = [await taught(house, f"visitor{n}", "the wobbly flanges hum", article) for n in range(6)]
    await shelf.follow()
    assert shelf._lessons == {}, "a browser is no person"
    async with house.desk.unit() as uow:
        for each in visitors[:2]:
            person = await uow.session.get(Person, each)
            assert person is not None
            person.email_verified_at = clock.now()
    await taught(house, "visitor7", "flanges", article)
    await shelf.follow()
    assert len(shelf._lessons) == 2 + learning.MOST_OF_ONE, "all those browsers count as one person"


async def test_what_others_taught_by_the_same_words_stays(house: House) -> None:
    shelf = await load(house)
    article = await first_article(house)
    for who in ("ada", "ben", "cleo"):
        person = await taught(house, who, "The wobbly flanges hum", article)
    await shelf.follow()
    async with house.desk.unit(house.admin) as uow:
        await erase(uow, house.admin, person)
    await shelf.follow()
    assert len(shelf._lessons) == 2
    assert shelf._engine is not None
    assert [one.question for one in shelf._engine.learned()] == ["The wobbly flanges hum"]


async def test_an_erased_person_teaches_no_more(house: House) -> None:
    shelf = await load(house)
    article = await first_article(house)
    await taught(house, "ada", "the wobbly flanges hum", article)
    person = await taught(house, "ben", "my flanges wobble", article)
    await shelf.follow()
    assert len(shelf._lessons) == 2
    async with house.desk.unit(house.admin) as uow:
        await erase(uow, house.admin, person)
    await shelf.follow()
    assert shelf._lessons == {}


async def test_an_admin_undoes_what_was_learned(house: House) -> None:
    shelf = await load(house)
    article = await first_article(house)
    for who in ("ada", "ben"):
        await taught(house, who, f"the wobbly flanges hum, says {who}", article)
    await shelf.follow()
    async with house.desk.unit(house.admin) as uow:
        learned = await learning.page(uow, house.admin)
        assert all(one.counts for one in learned)
        assert "flanges" in learned[0].question
        await learning.undo(uow, house.admin, learned[0].row.id)
    await shelf.follow()
    assert shelf._lessons == {}
    agent = await house.agent("bob")
    assert not agent.may(Permission.teach)
    async with house.desk.unit(agent) as uow:
        with pytest.raises(Forbidden):
            await learning.undo(uow, agent, learned[0].row.id)


async def test_an_agent_looks_up_and_sends_an_article(house: House) -> None:
    await house.agent("bob")
    await house.says("ada", "The charger thing blinks, what now?")
    await house.work()
    await house.does("bob", "claim", "1", place=ROOM)
    await house.work()
    thread = house.thread()
    found = (await house.does("bob", "kb", "battery does not charge", place=thread)).cards[0]
    assert found.private
    assert not found.inside, "colleagues read along in a desk room, and nobody else"
    assert (await house.does("bob", "kb", "battery", place=replace(ROOM, channel="a-group"))).cards[0].inside
    assert found.buttons
    sent = await house.presses("bob", found.buttons[0].id, thread)
    assert "is on its way" in text_of(sent)
    await house.work(after=10)
    assert any("/help/en/" in text for text in house.here.texts(home("ada")))
    await house.does("bob", "resolve", "1", place=thread)
    await house.work()
    by_agent = [row for row in await rows(house) if row.by_agent]
    assert [row.outcome for row in by_agent] == ["solved"]
    async with house.desk.db.sessions() as session:
        lesson = await session.scalar(select(Lesson).where(Lesson.suggestion_id == by_agent[0].id))
    assert lesson is not None
    assert lesson.solved


async def test_similar_tickets_are_those_that_the_agent_may_see(house: House) -> None:
    bob = await house.agent("bob")
    for who in ("ada", "ben", "cleo"):
        await house.says(who, "The zeppelin mooring mast is bent")
    await house.work()
    for number in (1, 2):
        await house.does("bob", "resolve", str(number), place=ROOM)
    shown = (await house.does("bob", "kb", "bent zeppelin mast", place=ROOM)).cards[0]
    assert "#1" in shown.text
    assert "#2" in shown.text
    assert "#3" not in shown.text, "it is not solved"
    async with house.desk.unit(bob) as uow:
        hidden = replace(bob, permissions=bob.permissions - {Permission.see_all_tickets})
        assert hidden.staff
        await tickets.tag(uow, bob, 3, add=["x"])


async def test_in_a_place_of_ones_own(desk: Desk) -> None:
    house = await build(desk, limits=Limits(text=4_000, forms=True, threads_of_own=True))
    await publish(house, 24)
    await load(house)
    channel = Place("here", "main", "help")
    await house.submits("ada", "ticket:", {"subject": "Battery", "text": QUESTION}, channel, direct=False)
    await house.work()
    [thread] = house.here.threads
    own = replace(channel, thread=thread)
    titles = [one.card.title for one in house.here.shown.values() if one.place == own]
    assert "Articles that may help" in titles


async def test_events_hold_no_words(house: House) -> None:
    await house.says("ada", QUESTION)
    await house.work()
    async with house.desk.db.sessions() as session:
        found = list(await session.scalars(select(EventRow).where(EventRow.name == "suggestion.shown")))
    [event] = found
    assert set(event.data) == {"ticket", "articles"}


async def first_article(house: House) -> UUID:
    async with house.desk.db.sessions() as session:
        found = await session.scalar(select(Article.id).order_by(Article.number).limit(1))
        assert found is not None
        return found


class FailingEngine:
    """One that is broken."""

    def suggest(self, *_given: object) -> object:
        raise RuntimeError("broken")


async def taught(house: House, who: str, question: str, article: UUID, *, by: UUID | None = None) -> UUID:
    """Somebody's question was answered by an article; returns the person."""
    await house.says(who, question)
    async with house.desk.unit() as uow:
        row = await uow.session.scalar(select(Ticket).order_by(Ticket.number.desc()).limit(1))
        assert row is not None
        await learning.teach(
            uow, question=question, article_id=article, solved=True, person_id=row.requester_id,
            language="en", by=by,
        )  # fmt: skip
        shown = Suggestion(channel="here", language="en", person_id=row.requester_id)
        uow.session.add(shown)
        uow.emit(suggesting.SuggestionSolved(subject=shown.id, article=article))
        return row.requester_id


def text_of(answer: Answer) -> str:
    return answer.cards[0].text
