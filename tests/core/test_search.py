"""What is found, in which order, how it is marked, and what is never found."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from adapters.postgres import Embedded
from benchmarks.world import World
from core import clock
from core.access import Actor
from core.conversations import service as conversations
from core.conversations.model import Message
from core.crypto import words
from core.desk import Desk
from core.errors import Forbidden, Invalid
from core.markdown import to_text
from core.people import find
from core.people import service as people
from core.tickets import access, matching
from core.tickets import service as tickets
from core.tickets.matching import MOST_OPENED
from core.tickets.model import Priority
from core.tickets.search import Results, excerpt, marked, search
from tests.core.reading import Cast, cast, many_tickets


async def ask(they: Cast, typed: str, actor: Actor | None = None, **more: object) -> Results:
    reader = actor or they.bob
    async with they.desk.unit(reader) as uow:
        return await search(uow, reader, typed, **more)  # type: ignore[arg-type]


async def numbers(they: Cast, typed: str, actor: Actor | None = None) -> list[int]:
    return [hit.row.number for hit in (await ask(they, typed, actor)).hits]


def shown(plain: str, marks: tuple[tuple[int, int], ...]) -> list[str]:
    return [plain[start:end] for start, end in marks]


async def test_words_are_found_by_their_stems_and_marked(desk: Desk) -> None:
    they = await cast(desk)
    number = await they.says("ada", "Two printers burned\n\nand the café is Zoë's.")
    await they.says("joe", "Nothing to do with it")
    for typed in ("printer", "PRINTERS", "burning", "cafe", "zoe", "zoë's"):
        found = await ask(they, typed)
        assert [hit.row.number for hit in found.hits] == [number], typed
        assert found.hits[0].snippet.marks, typed
    hit = (await ask(they, "printer burns")).hits[0]
    assert hit.snippet.text == "Two printers burned and the café is Zoë's."
    assert shown(hit.snippet.text, hit.snippet.marks) == ["printers", "burned"]
    assert shown(hit.subject.text, hit.subject.marks) == ["printers", "burned"]


async def test_german_is_found_too(desk: Desk) -> None:
    they = await cast(desk)
    number = await they.says("ada", "Die Rechnungen sind falsch, bitte prüft die Häuser")
    async with desk.unit() as uow:
        opened = await access.change(uow, they.bob, number)
        message = await uow.session.scalar(select(Message))
        assert message is not None
        body = conversations.read(opened.thread, message)
        message.terms = words.terms(uow.keys.words, body, "de")
    for typed in ("Rechnung", "rechnungen", "pruft", "Haus"):
        assert await numbers(they, typed) == [number], typed


async def test_phrases_come_first_then_the_words_hit_then_the_latest(desk: Desk) -> None:
    they = await cast(desk)
    one = await they.says("a", "the red bicycle")
    both_apart = await they.says("b", "a bicycle that is not so red")
    phrase = await they.says("c", "I sat on a red bicycle today")
    only_red = await they.says("d", "red paint")
    spread = await they.says("e", "my bicycle again")
    await they.says("e", "it was red")
    assert await numbers(they, "red bicycle") == [phrase, one, spread, both_apart, only_red]
    assert await numbers(they, '"red bicycle"') == [phrase, one]
    assert await numbers(they, '"bicycle red"') == []
    assert await numbers(they, '"red bicycle" today') == [phrase, one]
    assert await numbers(they, 'red -"red bicycle"') == [spread, only_red, both_apart]
    assert await numbers(they, "red -bicycle") == [only_red]
    found = await ask(they, "red bicycle")
    assert [hit.phrase for hit in found.hits] == [True, True, False, False, False]
    assert [hit.words_hit for hit in found.hits] == [2, 2, 2, 2, 1]


async def test_a_ticket_is_found_by_its_subject_and_by_file_names(desk: Desk) -> None:
    they = await cast(desk)
    number = await they.says("ada", "Flying carpets\nplease help me with mine")
    await they.says("ada", "no news")
    found = await ask(they, "carpet")
    assert [hit.row.number for hit in found.hits] == [number]
    assert shown(found.hits[0].subject.text, found.hits[0].subject.marks) == ["carpets"]
    assert await numbers(they, '"flying carpets"') == [number]


async def test_filters(desk: Desk) -> None:
    they = await cast(desk)
    one = await they.says("ada", "apples and pears")
    two = await they.says("joe", "apples only")
    async with desk.unit(they.bob) as uow:
        await tickets.claim(uow, they.bob, one)
        await tickets.tag(uow, they.bob, one, add=["vip"])
        await tickets.prioritise(uow, they.bob, two, Priority.high)
    tomorrow = (clock.now() + timedelta(days=1)).date().isoformat()
    for typed, expected in {
        "apples assignee:me": [one],
        "apples assignee:bob": [one],
        "apples assignee:none": [two],
        "apples is:unassigned": [two],
        "apples status:open": [two],
        "apples tag:vip": [one],
        "apples -tag:vip": [two],
        "apples priority:high": [two],
        "apples requester:ada": [one],
        "apples requester:jo": [],
        "apples requester:joe": [two],
        f"apples before:{tomorrow}": [two, one],
        f"apples after:{tomorrow}": [],
        "apples has:file": [],
        "apples channel:webchat": [two, one],
        "apples category:none": [two, one],
        "apples team:nowhere": [],
        "tag:vip": [one],
        "requester:ada": [one],
        "status:open -apples": [],
        "status:open -pears": [two],
        "-pears": [two],
    }.items():
        assert await numbers(they, typed) == expected, typed


async def test_only_what_the_asker_may_see(desk: Desk) -> None:
    they = await cast(desk)
    mine = await they.says("ada", "umbrella in the rain")
    await they.says("joe", "umbrella of another")
    ada = await they.actor("ada")
    assert await numbers(they, "umbrella", ada) == [mine]
    async with desk.unit(they.bob) as uow:
        await tickets.note(uow, they.bob, mine, "she forgets her parasol")
        await tickets.reply(uow, they.bob, mine, "take the gazebo", hold=60)
    assert await numbers(they, "parasol") == [mine]
    assert await numbers(they, "parasol", ada) == []
    assert await numbers(they, "gazebo") == [mine]
    assert await numbers(they, "gazebo", ada) == []
    later = clock.now() + timedelta(seconds=61)
    with clock.fixed(lambda: later):
        assert await numbers(they, "gazebo", ada) == [mine]
    # Names lead nowhere for requesters: a filter by another's name finds nothing, not even by chance.
    assert await numbers(they, "umbrella requester:joe", ada) == []
    assert await numbers(they, "umbrella assignee:bob", ada) == []
    async with desk.unit(ada) as uow:
        with pytest.raises(Forbidden):
            await find.find(uow, ada, "joe")


async def test_deleted_hidden_and_erased_words_are_gone(desk: Desk) -> None:
    they = await cast(desk)
    number = await they.says("ada", "Hello there")
    await they.says("ada", "xylophone")
    await they.says("ada", "vuvuzela")
    ada = await they.actor("ada")
    async with desk.unit(ada) as uow:
        opened = await access.change(uow, ada, number)
        every = list(await uow.session.scalars(select(Message).order_by(Message.seq)))
        await conversations.delete(uow, opened.thread, ada, every[1])
        await conversations.hide(uow, opened.thread, every[2])
    assert await numbers(they, "xylophone") == []
    assert await numbers(they, "vuvuzela") == [number]
    assert await numbers(they, "vuvuzela", ada) == []
    async with desk.unit() as uow:
        assert ada.id
        await uow.keys.destroy_person(uow.session, ada.id)
    found = await ask(they, "vuvuzela")
    assert [hit.snippet.text for hit in found.hits] == [""]
    assert await numbers(they, '"vuvuzela"') == []


async def test_what_was_merged_is_found_where_it_went(desk: Desk) -> None:
    they = await cast(desk)
    target = await they.says("ada", "the target")
    source = await they.says("joe", "a marmalade sandwich")
    async with desk.unit(they.bob) as uow:
        await tickets.merge(uow, they.bob, source, target)
    found = await ask(they, "marmalade")
    assert [hit.row.number for hit in found.hits] == [target]
    assert shown(found.hits[0].snippet.text, found.hits[0].snippet.marks) == ["marmalade"]
    assert await numbers(they, '"marmalade sandwich"') == [target]


async def test_a_number_jumps(desk: Desk) -> None:
    they = await cast(desk)
    number = await they.says("ada", "Hello")
    other = await they.says("joe", "Hello")
    ada = await they.actor("ada")
    for typed in (f"#{number}", f" {number} ", f"# {number}"):
        assert (await ask(they, typed)).jump == number
    assert (await ask(they, "#999999")).jump is None
    assert (await ask(they, f"#{other}", ada)).jump is None
    assert (await ask(they, "#99999999999999999999999")).jump is None


async def test_parts_of_a_word(desk: Desk) -> None:
    they = await cast(desk)
    number = await they.says("ada", "my e-mail to o'brian@example.org bounced")
    for typed in ("e-mail", "mail", "o'brian@example.org", "example.org", "brian"):
        assert await numbers(they, typed) == [number], typed
    assert await numbers(they, "x-mail") == []


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.text(max_size=80),
        st.lists(
            st.sampled_from(
                ["status:open", "hello", '"', "-", "tag:", "#1", "before:2020-01-01", "-hello", '"hello world"', "is:x",
                 "assignee:me", "requester:ada", "team:none", "\x00", "\ud800", "ﬁ", "ß", "e-mail", "a:b:c"]
            ),
            max_size=8,
        ).map(" ".join),
    )
)  # fmt: skip
async def test_nothing_that_is_typed_is_refused(talked: Cast, typed: str) -> None:
    found = await ask(talked, typed)
    for hit in found.hits:
        for snippet in (hit.subject, hit.snippet):
            assert all(0 <= start < end <= len(snippet.text) for start, end in snippet.marks)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def talked(server: Embedded, migrated: str) -> AsyncIterator[Cast]:
    async with many_tickets(server, migrated, "search_small", 20) as world:
        they = await cast(world.desk)
        await they.says("ada", "hello world")
        yield they


@given(st.text(max_size=300), st.lists(st.text(min_size=1, max_size=8), max_size=4), st.integers(20, 120))
def test_an_excerpt_marks_the_words_it_holds(plain: str, typed: list[str], most: int) -> None:
    stems = {stem for each in (*typed, *plain.split()[:2]) for stem in words.stems(each, "en")}
    piece = excerpt(plain, stems, most)
    assert len(piece.text) <= most + 2
    assert "\n" not in piece.text
    for start, end in piece.marks:
        assert stems & {stem for code in words.LANGUAGES for stem in words.stems(piece.text[start:end], code)}
    whole = marked(plain, stems)
    assert list(whole.marks) == sorted(whole.marks)
    if len(plain) <= most:
        assert piece.marks == whole.marks
    elif whole.marks:
        assert piece.marks or all(end - start > most // 2 for start, end in whole.marks)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def world(server: Embedded, migrated: str) -> AsyncIterator[World]:
    async with many_tickets(server, migrated, "search_many", 500) as made:
        yield made


async def test_common_words_say_that_there_is_more(world: World) -> None:
    they = await cast(world.desk)
    common = await ask(they, world.words[0])
    assert common.more
    assert common.at_least
    assert 25 < common.found <= common.looked_at <= matching.SOON
    whole = await ask(they, world.words[0], after="100")
    assert whole.more
    assert whole.looked_at == MOST_OPENED
    assert not whole.at_least
    assert whole.found > common.found
    rare = await ask(they, "order17x")
    assert not rare.more
    assert (rare.looked_at, len(rare.hits)) == (1, 1)
    absent = await ask(they, "thiswordisabsent")
    assert (absent.looked_at, absent.more, absent.hits) == (0, False, [])
    assert not (await ask(they, f"{world.words[0]} thiswordisabsent")).more or common.more


async def test_what_is_found_is_all_there_is(world: World) -> None:
    """Against the words in the clear, for words that few enough messages hold."""
    they = await cast(world.desk)
    async with world.desk.unit(they.bob) as uow:
        rows = (await uow.session.execute(text("select number from ticket"))).scalars()
        spoken: dict[int, set[str]] = {}
        for number in rows:
            opened = await access.get(uow, they.bob, number)
            talk = await uow.session.scalars(
                select(Message).where(Message.conversation_id == opened.thread.id)
            )
            said = " ".join(conversations.read(opened.thread, message) for message in talk)
            spoken[number] = set(words.stems(f"{opened.subject} {said}", "en"))
    for word in (world.words[40], world.words[400], world.words[4000], "order3x"):
        stem = words.stems(word, "en")[0]
        expected = {number for number, stems in spoken.items() if stem in stems}
        found: list[int] = []
        after = None
        while True:
            page = await ask(they, word, after=after, limit=10)
            found += [hit.row.number for hit in page.hits]
            after = page.next
            if after is None:
                break
        assert not page.more
        assert sorted(found) == sorted(expected), word
        assert page.found == len(expected)


async def test_common_and_rare_are_found_alike(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever is taken for rare, the words or the tickets that fit, or neither: the same is found."""
    they = await cast(world.desk)
    typed = [f"{filters} {words}" for filters in ("-status:open", "status:open,closed") for words in (
        world.words[30], world.words[900], f"{world.words[60]} {world.words[300]}", f"{world.words[3]} -{world.words[9]}",
    )]  # fmt: skip
    found = []
    for few_tickets, rare in ((10_000, 40), (3, 10_000), (3, 0)):
        monkeypatch.setattr(matching, "FEW_TICKETS", few_tickets)
        monkeypatch.setattr(matching, "RARE", rare)
        found.append([await numbers(they, one) for one in typed])
    assert found[0] == found[1] == found[2]
    assert all(found[0])


async def paged(they: Cast, typed: str, limit: int) -> list[tuple[int, object]]:
    """All pages of a search: each ticket with the message that is shown of it."""
    found: list[tuple[int, object]] = []
    after = None
    while True:
        page = await ask(they, typed, after=after, limit=limit)
        found += [(hit.row.number, hit.message_id) for hit in page.hits]
        assert len(page.hits) == limit or page.next is None
        if (after := page.next) is None:
            return found


HURRIED = {
    "few tickets": {"FEW_TICKETS": 10_000},
    "rare words": {"FEW_TICKETS": 3, "RARE": 10_000},
    "tickets that changed last": {"FEW_TICKETS": 3, "RARE": 0, "CHANGED": ((40, 60), (100, 10_000))},
    "of these, all": {"FEW_TICKETS": 3, "RARE": 0, "CHANGED": ((10_000, 10_000),)},
    "by day": {"FEW_TICKETS": 3, "RARE": 0, "CHANGED": ()},
}


@pytest.mark.parametrize("way", HURRIED)
async def test_page_after_page_gives_what_a_whole_look_gives(
    world: World, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """A page that looks no further than it must has the tickets, order and messages of one that looks at all."""
    they = await cast(world.desk)
    typed = [f"{filters} {word}".strip() for filters in ("", "-status:open", "-status:waiting", "tag:tag3") for word in (
        world.words[2], world.words[30], world.words[300], world.words[900], f"{world.words[3]} -{world.words[9]}",
    )]  # fmt: skip
    monkeypatch.setattr(matching, "SOON", 0)
    whole = [await paged(they, one, 100) for one in typed]
    monkeypatch.undo()
    for name, value in HURRIED[way].items():
        monkeypatch.setattr(matching, name, value)
    assert [await paged(they, one, 10) for one in typed] == whole
    assert sum(bool(found) for found in whole) > 15
    assert len(whole[0]) > 100


@pytest.mark.parametrize("way", HURRIED)
async def test_a_page_soon_found_knows_edits_deletes_merges_and_the_erased(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    they = await cast(desk)
    for name, value in HURRIED[way].items():
        monkeypatch.setattr(matching, name, value if name != "FEW_TICKETS" or value > 3 else 0)
    said = [await they.says(f"person{n}", "about umbrellas") for n in range(14)]
    changed, deleted, merged, hidden, erased = said[3:8]
    async with desk.unit(they.bob) as uow:
        for number, what in ((changed, "edit"), (deleted, "delete"), (hidden, "hide")):
            opened = await access.change(uow, they.bob, number)
            of_ticket = Message.conversation_id == opened.thread.id
            message = (await uow.session.scalars(select(Message).where(of_ticket))).one()
            author = await they.actor(f"person{said.index(number)}")
            if what == "edit":
                await conversations.edit(uow, opened.thread, author, message, "about parasols")
            elif what == "delete":
                await conversations.delete(uow, opened.thread, author, message)
            else:
                await conversations.hide(uow, opened.thread, message)
        target = await they.says("target", "nothing to do with it")
    async with desk.unit(they.bob) as uow:
        await tickets.merge(uow, they.bob, merged, target)
        gone = await they.actor(f"person{said.index(erased)}")
        assert gone.id
        await uow.keys.destroy_person(uow.session, gone.id)
    expected = [target if number == merged else number for number in reversed(said)]
    expected = [number for number in expected if number not in (changed, deleted)]
    assert [number for number, _message in await paged(they, "-status:closed umbrellas", 2)] == expected
    assert [number for number, _message in await paged(they, "-status:closed parasols", 2)] == [changed]
    assert hidden in expected


async def test_what_comes_late_hides_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A message said before, and known of only now, does not make its ticket one that changed long ago."""
    they = await cast(desk)
    for name, value in {"FEW_TICKETS": 0, "RARE": 0, "CHANGED": ((3, 10_000),)}.items():
        monkeypatch.setattr(matching, name, value)
    said = [await they.says(f"person{n}", "hello") for n in range(5)]
    for number, hours in zip(said, (2, 4, 6, 8, 20), strict=True):
        await noted(they, number, "about umbrellas", hours)
    await noted(they, said[4], "found afterwards", 1)
    assert [number for number, _message in await paged(they, "-status:closed umbrellas", 1)] == said[::-1]


async def test_what_was_said_counts_not_what_changed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tickets that changed last are looked at first, and come behind others where their words are older."""
    they = await cast(desk)
    for name, value in {"FEW_TICKETS": 0, "RARE": 0, "CHANGED": ((3, 10_000),)}.items():
        monkeypatch.setattr(matching, name, value)
    said = [await they.says(f"person{n}", "hello") for n in range(4)]
    for number in said:
        await noted(they, number, "about umbrellas", 1)
    await noted(they, said[0], "umbrellas again", 5)
    for number in said[1:]:
        await noted(they, number, "nothing to do with it", 10)
    expected = [said[0], said[3], said[2], said[1]]
    assert [number for number, _message in await paged(they, "-status:closed umbrellas", 1)] == expected


async def noted(they: Cast, number: int, what: str, hours: int) -> None:
    async with they.desk.unit(they.bob) as uow:
        await tickets.note(uow, they.bob, number, what, at=clock.now() + timedelta(hours=hours))


async def test_a_search_that_takes_too_long_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    they = await cast(world.desk)
    for name, value in (("FEW_TICKETS", 3), ("RARE", 0), ("CHANGED", ()), ("PATIENCE_SECONDS", 0.001)):
        monkeypatch.setattr(matching, name, value)
    async with world.desk.unit(they.bob) as uow:
        found = await search(uow, they.bob, f"-status:open {world.words[30]}")
        assert found.stopped
        assert found.more
        assert "took too long" in found.problems[0]
        # The same unit goes on, and is not hurried any more.
        assert (await search(uow, they.bob, "order17x")).found == 1
        assert await uow.session.scalar(text("show statement_timeout")) == "0"


# --- people -----------------------------------------------------------------------------


async def people_found(they: Cast, typed: str, **more: object) -> list[str]:
    async with they.desk.unit(they.bob) as uow:
        return [known.shown for known in (await find.find(uow, they.bob, typed, **more)).people]  # type: ignore[arg-type]


async def test_people_are_found_by_beginnings(desk: Desk) -> None:
    they = await cast(desk)
    async with desk.unit() as uow:
        for name, email in (
            ("Zoë Krause", "zk@example.org"),
            ("Bartholomew Wigglesworthington", "bart@example.com"),
            ("Bartholomew Wigglesworthing-Smythe", ""),
            ("", "nameless@example.com"),
        ):
            await people.add(uow, name=name, email=email)
    number = await they.says("ada", "Hello")
    assert await people_found(they, "zoe kra") == ["Zoë Krause"]
    assert await people_found(they, "KRAUSE") == ["Zoë Krause"]
    assert await people_found(they, "ause") == []
    assert await people_found(they, "zk@example.org") == ["Zoë Krause"]
    assert await people_found(they, "ZK@Example.org ") == ["Zoë Krause"]
    assert await people_found(they, "wigglesworthingt") == ["Bartholomew Wigglesworthington"]
    assert len(await people_found(they, "bartholomew")) == 2
    assert await people_found(they, "nameless") == ["nameless@example.com"]
    assert await people_found(they, f"#{number}") == ["Ada"]
    assert await people_found(they, "bob", staff=True) == ["Bob"]
    assert await people_found(they, "bob", staff=False) == []
    assert await people_found(they, "zoe", role="admin") == ["Zoe"]
    with pytest.raises(Invalid):
        await people_found(they, "x" * 300)


async def test_people_are_paged(world: World) -> None:
    they = await cast(world.desk)
    seen: list[object] = []
    after = None
    async with world.desk.unit(they.bob) as uow:
        while True:
            page = await find.find(uow, they.bob, "person", after=after, limit=30)
            seen += [known.id for known in page.people]
            after = page.next
            if after is None:
                break
    assert len(seen) == len(set(seen)) == len(world.requesters)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=60))
async def test_nothing_typed_breaks_the_search_for_people(talked: Cast, typed: str) -> None:
    await people_found(talked, typed)


def test_a_hit_shows_words_without_their_markdown() -> None:
    assert excerpt(to_text("It is **bold** and `quoted`"), ["bold"]).text == "It is bold and quoted"
