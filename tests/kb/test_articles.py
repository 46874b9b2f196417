"""Articles from the first word to the archive, and who reads what of them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from core import clock
from core.access import SYSTEM
from core.db import EventRow
from core.desk import Desk
from core.errors import Conflict, Forbidden, Invalid, NotFound, Refused, TooLarge
from core.kb import access, queries, service
from core.kb.model import ArticleState, ArticleText
from core.kb.queries import Moved
from core.kb.service import Facts
from core.kb.slugs import slug_of
from core.tickets.model import Category
from tests.kb.house import HOW_TO, STRANGER, House, house


async def test_a_draft_is_read_by_nobody_until_it_is_published(desk: Desk) -> None:
    they = await house(desk)
    text = await they.written()
    async with desk.unit() as uow:
        for reader in (STRANGER, they.visitor, they.ann):
            with pytest.raises(NotFound):
                await access.read(uow, reader, text.id)
    async with desk.unit(they.lead) as uow:
        done = await service.publish(uow, they.lead, text.id, version=text.version, note="First")
    assert (done.revision, done.state, done.has_draft) == (1, "published", False)
    assert done.summary == "Hold the two buttons for five seconds, until the light turns green."
    async with desk.unit() as uow:
        _article, read = await access.read(uow, STRANGER, text.id)
        assert (read.title, read.body) == ("Reset the hub", HOW_TO)
        page = await queries.published(uow.session, STRANGER, language="en")
        assert [line.slug for line in page.lines] == ["reset-the-hub"]


async def test_what_is_published_stays_while_it_is_changed(desk: Desk) -> None:
    they = await house(desk)
    text = await they.published()
    draft = await they.changed(text.id, "Reset the hub", "Quite another text that is longer.", publish=False)
    assert (draft.state, draft.body, draft.has_draft) == ("published", HOW_TO, True)
    async with desk.unit(they.lead) as uow:
        dropped = await service.discard(uow, they.lead, text.id, version=draft.version)
    assert (dropped.body, dropped.has_draft) == (HOW_TO, False)


async def test_who_reads_what(desk: Desk) -> None:
    they = await house(desk)
    for audience in ("public", "signed_in", "internal"):
        await they.published(f"For {audience}", facts={"audience": audience})
    async with desk.unit() as uow:
        for reader, expected in ((STRANGER, 1), (they.visitor, 2), (they.ann, 3), (SYSTEM, 3)):
            page = await queries.published(uow.session, reader, language="en")
            assert len(page.lines) == expected
        with pytest.raises(NotFound):
            await queries.by_slug(uow.session, they.visitor, "en", "for-internal")


async def test_rights(desk: Desk) -> None:
    they = await house(desk)
    text = await they.written()
    async with desk.unit() as uow:
        with pytest.raises(Forbidden):
            await service.create(uow, they.visitor, title="Mine")
        with pytest.raises(Forbidden):
            await access.edit(uow, they.visitor, text.id)
        with pytest.raises(Forbidden):
            await service.publish(uow, they.ann, text.id, version=text.version)
    published = await they.published("Another")
    async with desk.unit() as uow:
        article = await access.article_of(uow, they.ann, published.article_id)
        with pytest.raises(Forbidden):
            await service.archive(uow, they.ann, article.id, version=article.version)
        facts = Facts(audience="internal")
        with pytest.raises(Forbidden):
            await service.describe(uow, they.ann, article.id, version=article.version, facts=facts)


async def test_two_who_publish_at_once(desk: Desk) -> None:
    they = await house(desk)
    text = await they.written()

    async def publish() -> int:
        async with desk.unit(they.lead) as uow:
            return (await service.publish(uow, they.lead, text.id, version=text.version)).revision

    outcomes = await asyncio.gather(publish(), publish(), publish(), return_exceptions=True)
    assert [each for each in outcomes if each == 1] == [1]
    assert sum(isinstance(each, Conflict) for each in outcomes) == 2


async def test_two_who_save_at_once_lose_nothing(desk: Desk) -> None:
    they = await house(desk)
    text = await they.written()
    async with desk.unit(they.ann) as uow:
        await service.save(uow, they.ann, text.id, version=text.version, title="A", body="Ann's words")
    with pytest.raises(Conflict):
        async with desk.unit(they.bob) as uow:
            await service.save(uow, they.bob, text.id, version=text.version, title="B", body="Bob's words")
    assert (await they.both(text.id))[1].draft_body == "Ann's words"


async def test_someone_else_is_editing(desk: Desk) -> None:
    they = await house(desk)
    text = await they.written()
    async with desk.unit(they.ann) as uow:
        assert await service.editing(uow, they.ann, text.id) is None
    async with desk.unit(they.bob) as uow:
        assert await service.editing(uow, they.bob, text.id) == they.ann.id
    later = clock.now() + timedelta(minutes=3)
    with clock.fixed(lambda: later):
        async with desk.unit(they.bob) as uow:
            assert await service.editing(uow, they.bob, text.id) is None


async def test_old_addresses_lead_on(desk: Desk) -> None:
    they = await house(desk)
    text = await they.published("Reset the hub")
    await they.changed(text.id, "Restart the hub", HOW_TO)
    async with desk.unit() as uow:
        _article, found = await queries.by_slug(uow.session, STRANGER, "en", "restart-the-hub")
        assert found.id == text.id
        with pytest.raises(Moved) as moved:
            await queries.by_slug(uow.session, STRANGER, "en", "reset-the-hub")
        assert moved.value.slug == "restart-the-hub"
    other = await they.published("Reset the hub")
    assert other.slug == "reset-the-hub-2"
    await they.changed(text.id, "Reset the hub", HOW_TO)
    async with desk.unit() as uow:
        assert (await queries.by_slug(uow.session, STRANGER, "en", "reset-the-hub"))[1].id == text.id
        with pytest.raises(Moved):
            await queries.by_slug(uow.session, STRANGER, "en", "restart-the-hub")


async def test_an_old_address_gives_nothing_away(desk: Desk) -> None:
    they = await house(desk)
    text = await they.published("Reset the hub", facts={"audience": "internal"})
    await they.changed(text.id, "Restart the hub", HOW_TO)
    async with desk.unit() as uow:
        with pytest.raises(NotFound) as missing:
            await queries.by_slug(uow.session, STRANGER, "en", "reset-the-hub")
    assert not isinstance(missing.value, Moved)


async def test_archive_and_back(desk: Desk) -> None:
    they = await house(desk)
    text = await they.published()
    article, _text = await they.both(text.id)
    async with desk.unit(they.lead) as uow:
        await service.archive(uow, they.lead, article.id, version=article.version)
    async with desk.unit() as uow:
        with pytest.raises(NotFound):
            await access.read(uow, they.ann, text.id)
        assert await queries.for_index(uow.session) == []
    article, kept = await they.both(text.id)
    assert kept.state == ArticleState.archived
    with pytest.raises(Refused):
        async with desk.unit(they.ann) as uow:
            await service.save(uow, they.ann, text.id, version=kept.version, title="x", body="y")
    async with desk.unit(they.lead) as uow:
        await service.restore(uow, they.lead, article.id, version=article.version)
    async with desk.unit() as uow:
        assert (await access.read(uow, STRANGER, text.id))[1].body == HOW_TO


async def test_pages_of_articles_meet_without_a_gap(desk: Desk) -> None:
    they = await house(desk)
    for number in range(7):
        await they.published(f"Article {number}")
    seen, after = [], ""
    async with desk.unit() as uow:
        while True:
            page = await queries.published(uow.session, STRANGER, language="en", after=after, limit=3)
            seen += [line.title for line in page.lines]
            if page.next is None:
                break
            after = page.next
        broken = await queries.published(uow.session, STRANGER, language="en", after="nonsense_x", limit=3)
    assert seen == [f"Article {number}" for number in range(6, -1, -1)]
    assert len(broken.lines) == 3


async def test_the_tree_counts_what_lies_below(desk: Desk) -> None:
    they = await house(desk)
    top, leaf, gone = Category(name="Lights"), Category(name="Bulbs"), Category(name="Gone")
    async with desk.unit() as uow:
        uow.session.add(top)
        await uow.session.flush()
        leaf.parent_id = top.id
        uow.session.add_all([leaf, gone])
    for category in (top, leaf, leaf, gone):
        await they.published(facts={"category_id": category.id})
    await they.published(facts={"category_id": leaf.id, "audience": "internal"})
    async with desk.unit() as uow:
        retired = await uow.session.get(Category, gone.id)
        assert retired is not None
        retired.active = False
    async with desk.unit() as uow:
        tree = await queries.tree(uow.session, STRANGER, "en")
        assert [(branch.line.path, branch.count) for branch in tree] == [("Lights", 3), ("Lights / Bulbs", 2)]
        inside = await queries.published(uow.session, STRANGER, language="en", category=top.id)
        assert len(inside.lines) == 3
        everything = await queries.published(uow.session, STRANGER, language="en")
        assert len(everything.lines) == 4


async def test_a_cycle_of_related_articles_is_just_links(desk: Desk) -> None:
    they = await house(desk)
    one, two = await they.published("One"), await they.published("Two")
    for here, there in ((one, two), (two, one)):
        article, _text = await they.both(here.id)
        related = Facts(related=(there.article_id, here.article_id, there.article_id))
        async with desk.unit(they.lead) as uow:
            await service.describe(uow, they.lead, article.id, version=article.version, facts=related)
    article, _text = await they.both(one.id)
    assert article.related == [two.article_id]
    async with desk.unit() as uow:
        found = await queries.related(uow.session, STRANGER, article, "en")
        assert [line.title for line in found] == ["Two"]


@pytest.mark.parametrize(
    ("field", "wrong"),
    [("audience", "martians"), ("category_id", SYSTEM), ("owner_id", SYSTEM), ("tags", [f"t{n}" for n in range(21)])],
)  # fmt: skip
async def test_facts_that_cannot_be(desk: Desk, field: str, wrong: object) -> None:
    they = await house(desk)
    value = they.visitor.id if wrong is SYSTEM else wrong
    with pytest.raises(Invalid) as said:
        await they.written(facts={field: value})
    assert said.value.field == field


async def test_words_that_cannot_be(desk: Desk) -> None:
    they = await house(desk)
    for title, body in (("", "x"), ("  \u200b ", "x"), ("t" * 200, "x")):
        with pytest.raises(Invalid):
            await they.written(title, body)
    with pytest.raises(TooLarge):
        await they.written("Long", "x" * 2_000_000)
    empty = await they.written("Empty", "")
    with pytest.raises(Invalid):
        async with desk.unit(they.lead) as uow:
            await service.publish(uow, they.lead, empty.id, version=empty.version)
    with pytest.raises(Invalid):
        await they.written(language="klingon")


async def test_a_time_that_has_passed_is_no_time_to_publish(desk: Desk) -> None:
    they = await house(desk)
    text = await they.written()
    for at in (clock.now() - timedelta(minutes=1), clock.now() + timedelta(days=900)):
        async with desk.unit(they.lead) as uow:
            with pytest.raises(Invalid):
                await service.publish_at(uow, they.lead, text.id, version=text.version, at=at)


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Straße & Größe: wie?", "strasse-groesse-wie"),
        ("Où est l’été ?", "ou-est-l-ete"),
        ("Как сбросить", "как-сбросить"),
        ("😀😀", "article"),
        ("a" * 300, "a" * 80),
        ("../../etc/passwd", "etc-passwd"),
    ],
)
def test_addresses(title: str, slug: str) -> None:
    assert slug_of(title) == slug


async def test_what_happened_is_told_without_words(desk: Desk) -> None:
    they = await house(desk)
    text = await they.published("Zibeline", "Quixotic marmalade is spread over the whole board.")
    async with desk.unit() as uow:
        rows = list(await uow.session.scalars(select(EventRow).where(EventRow.name.like("article.%"))))
    assert [row.name for row in rows] == ["article.created", "article.published"]
    assert {row.subject for row in rows} == {text.article_id}
    assert "ibeline" not in str([row.data for row in rows])


async def test_someone_who_may_publish_but_not_write_can_do_neither(desk: Desk) -> None:
    they: House = await house(desk)
    text = await they.written()
    odd = replace(they.lead, permissions=they.lead.permissions - they.ann.permissions)
    async with desk.unit() as uow:
        with pytest.raises(Forbidden):
            await service.publish(uow, odd, text.id, version=text.version)
        assert (await uow.session.get(ArticleText, text.id)) is not None
