"""The demo desk's articles: valid, varied, in two languages, and in every state."""

from __future__ import annotations

import re
from collections import Counter

from sqlalchemy import func, select

from bot.demo import articles
from bot.demo.articles import said, texts
from core.access import Actor
from core.kb import listing, page, queries, report_searches, reporting
from core.kb.listing import Filter
from core.kb.model import Article, ArticleFeedback, ArticleRevision, ArticleText, ArticleView
from tests.demo.conftest import Demo


def test_at_least_sixty_are_published_and_a_part_is_translated() -> None:
    published = [those for those in texts().values() if those[0].state == "published"]
    assert len(published) >= 60
    assert sum(any(one.language == "de" for one in those) for those in published) >= 15


def test_no_two_are_alike() -> None:
    titles = Counter(those[0].title for those in texts().values())
    assert [title for title, count in titles.items() if count > 1] == []
    paragraphs = Counter(
        block
        for those in texts().values()
        for one in those
        if not one.draft
        for block in re.split(r"\n\s*\n", one.body)
        if len(block) > 60 and not block.startswith("|")
    )
    assert [block for block, count in paragraphs.items() if count > 1] == []
    assert len({those[0].category for those in texts().values()}) == 12


def test_each_can_be_shown_and_begins_with_words() -> None:
    for those in texts().values():
        for one in those:
            shown = page.show(one.body)
            assert len(one.body) > 120, one.path
            assert "{" not in re.sub(r"`[^`]*`|```.*?```", "", one.body, flags=re.DOTALL), one.path
            assert not one.body.startswith("#"), one.path
            assert all(heading.level == 2 for heading in shown.contents), one.path


def test_what_readers_said_is_about_articles_that_are_there() -> None:
    for one in said():
        assert any(text.language == one.language for text in texts()[one.article]), one


async def test_every_state_is_there_to_look_at(demo: Demo) -> None:
    async with demo.desk.unit() as uow:
        counts = await listing.counts(uow, uow.actor)
        assert all(counts[state] for state in listing.STATES), counts
        waits = await listing.page(uow, uow.actor, Filter(state="in_review"))
        assert {row.live for row in waits.rows} == {True, False}
        assert await uow.session.scalar(select(func.count()).select_from(ArticleView)) or 0 > 1_000
        assert await uow.session.scalar(select(func.max(ArticleRevision.revision))) == 2
        assert set(await uow.session.scalars(select(ArticleView.language))) == {"en", "de"}
        states = set(await uow.session.scalars(select(ArticleFeedback.state)))
        assert states == {"waiting", "public", "hidden"}
        audiences = Counter(await uow.session.scalars(select(Article.audience)))
        assert set(audiences) == {"public", "signed_in", "internal"}


async def test_strangers_find_them_in_the_tree(demo: Demo) -> None:
    async with demo.desk.unit() as uow:
        for language, least in (("en", 70), ("de", 15)):
            tree = await queries.tree(uow.session, Actor(None), language)
            assert sum(branch.count for branch in tree if branch.line.depth == 0) >= least
        linked = await uow.session.scalar(
            select(func.count()).select_from(Article).where(func.cardinality(Article.related) >= 2)
        )
        assert linked == len(texts())
        owners = set(await uow.session.scalars(select(Article.owner_id)))
        assert len(owners) >= 4
        assert await uow.session.scalar(select(func.count()).select_from(ArticleText)) == demo.made.articles
    assert articles.SCHEDULED in texts()


async def test_readers_searched_and_some_of_it_is_still_to_be_written(demo: Demo) -> None:
    async with demo.desk.unit() as uow:
        of = await reporting.scope(uow, days=90)
        wanted = await report_searches.to_write(uow, uow.actor, of)
        assert wanted[0].count > 10
        assert any(len(group.members) >= 3 for group in wanted)
        found = await report_searches.by_day(uow, uow.actor, of)
        assert len(found) > 80
