"""What came of the knowledge base: charts, lists and files, and who sees them."""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from core import clock
from core.access import SYSTEM
from core.desk import Desk
from core.kb import likeness, moderation, report_suggestions, reporting, searches, service, translations
from core.kb.likeness import Asked
from core.kb.model import Article, ArticleText, ArticleView, Suggestion
from core.kb.service import Facts
from tests.webui.browsing import Browser
from tests.webui.desk_world import DeskWorld
from webui import csv_files

REPORTS = "/desk/articles/reports"
PAGES = ("", "/searches", "/suggestions", "/articles", "/stale")
FILES = ("days", "searches", "to-write", "suggestions", "articles", "stale")


@pytest.fixture
async def world(desk: Desk) -> DeskWorld:
    return await DeskWorld(desk).settle()


@pytest.fixture
async def lea(world: DeskWorld) -> AsyncIterator[Browser]:
    async with world.signed_in(world.people["lea"]) as browser:
        yield browser


async def published(world: DeskWorld, title: str, **facts: Any) -> ArticleText:
    async with world.desk.unit() as uow:
        _article, text = await service.create(uow, SYSTEM, title=title, body="Words.", facts=Facts(**facts))
        return await service.publish(uow, SYSTEM, text.id, version=text.version)


async def viewed(world: DeskWorld, text: ArticleText, count: int, ago: int = 1, channel: str = "web") -> None:
    async with world.desk.unit() as uow:
        day = (clock.now() - timedelta(days=ago)).date()
        uow.session.add(
            ArticleView(
                article_id=text.article_id, language=text.language, day=day, channel=channel, count=count
            )
        )


async def searched(world: DeskWorld, *queries: str, results: int = 0, ago: int = 1) -> None:
    with _then(ago):
        async with world.desk.unit() as uow:
            for query in queries:
                await searches.note(uow, query, language="en", channel="web", results=results)


def _then(ago: int) -> Any:
    at = clock.now() - timedelta(days=ago)
    return clock.fixed(lambda: at)


async def offered(world: DeskWorld, text: ArticleText, outcome: str, *, ago: int = 10, **more: Any) -> None:
    at = clock.now() - timedelta(days=ago)
    chosen: UUID | None = text.article_id if outcome in ("solved", "inserted") else None
    values = {"channel": "webchat", "language": "en", "shown": [text.article_id], "outcome_at": at} | more
    async with world.desk.unit() as uow:
        uow.session.add(Suggestion(asked_at=at, chosen=chosen, outcome=outcome, **values))


def table(answer: Any) -> list[list[str]]:
    assert answer.content.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(answer.content.decode("utf-8-sig").splitlines()))


async def test_all_is_counted_and_shown(world: DeskWorld, lea: Browser) -> None:
    hub = await published(world, "Reset the hub", category_id=world.category.id)
    lamp = await published(world, "Change the lamp")
    await viewed(world, hub, 40)
    await viewed(world, lamp, 60, ago=2)
    await viewed(world, lamp, 500, ago=60)
    for _time in range(3):
        async with world.desk.unit() as uow:
            await moderation.give(uow, SYSTEM, hub.id, helpful=True, comment="Great")
            await moderation.give(uow, SYSTEM, lamp.id, helpful=False)
    await searched(world, "teapot", "hub")
    await offered(world, hub, "solved")
    await offered(world, hub, "human")
    page = (await lea.look(REPORTS)).text
    for words in (
        "Articles read 100",
        "Searches without result 100 %",
        "Suggestions shown 2",
        "of which solved it 50 %",
    ):
        assert words in lea.text, words
    assert "Tickets avoided 1" in lea.text
    # Read less, but found helpful.
    assert page.index("Reset the hub") < page.index("Change the lamp")
    assert page.count("<details") == 3
    assert '<th scope="row">' in page
    await lea.look(f"{REPORTS}?days=90")
    assert "Articles read 600" in lea.text
    await lea.look(f"{REPORTS}?category={world.category.id}")
    assert "Articles read 40" in lea.text
    await lea.look(f"{REPORTS}?language=de")
    assert "Nothing was read" in lea.text
    await lea.look(f"{REPORTS}?channel=webchat")
    assert "Articles read 0" in lea.text
    assert "Suggestions shown 2" in lea.text
    await lea.look(f"{REPORTS}/articles?sort=disliked")
    assert lea.page.text.index("Change the lamp") < lea.page.text.index("Reset the hub")


async def test_what_was_not_found_is_grouped_by_likeness(world: DeskWorld, lea: Browser) -> None:
    await searched(world, "dog trailer", "dog trailer", "trailer for my dog", "dog tralier", "gift card")
    await searched(world, "spokes", ago=3)
    await searched(world, "spokes", results=2)
    await lea.look(f"{REPORTS}/searches")
    wanted = lea.page.text.split('id="most"')[0]
    assert (
        "also: dog tralier · trailer for my dog" in lea.text or "trailer for my dog · dog tralier" in lea.text
    )
    assert "gift card" in wanted
    # By now there is an article.
    assert "spokes" not in wanted
    assert "/desk/articles/new?title=Dog+trailer" in wanted
    await lea.look("/desk/articles/new?title=Dog+trailer")
    assert 'value="Dog trailer"' in lea.page.text
    rows = table(await lea.get(f"{REPORTS}/to-write.csv"))
    assert [row[0] for row in rows[1:]] == ["dog trailer", "gift card"]
    assert rows[1][2] == "4"


async def test_avoided_is_what_did_not_come_back_within_a_week(world: DeskWorld, lea: Browser) -> None:
    text = await published(world, "Reset the hub")
    now = clock.now()
    await offered(world, text, "solved", ago=20, reopened_at=now - timedelta(days=18))
    await offered(world, text, "solved", ago=20, reopened_at=now - timedelta(days=5))
    await offered(world, text, "solved", ago=2)
    await offered(world, text, "shown", channel="portal")
    await offered(world, text, "inserted", by_agent=True)
    await offered(world, text, "shown", shown=[])
    async with world.desk.unit(world.actors["lea"]) as uow:
        of = await reporting.scope(uow, days=30)
        tally = await report_suggestions.total(uow, world.actors["lea"], of)
        by = dict(await report_suggestions.by(uow, world.actors["lea"], of, "channel"))
    assert (tally.shown, tally.solved, tally.held, tally.young, tally.unanswered) == (4, 3, 2, 1, 1)
    assert (tally.by_agents, tally.inserted) == (1, 1)
    assert by["portal"].shown == 1
    await lea.look(f"{REPORTS}/suggestions")
    assert "1 of them is younger than that" in lea.text
    assert "Web form" in lea.text


async def test_stale_ones_say_why(world: DeskWorld, lea: Browser) -> None:
    past = await published(world, "Old words", review_by=clock.now().date() - timedelta(days=2))
    await published(world, "Young words", review_by=clock.now().date() + timedelta(days=2))
    text = await published(world, "Original")
    async with world.desk.unit() as uow:
        german = await translations.begin(uow, SYSTEM, text.article_id, "de", title="Übersetzung", body="x")
        await service.publish(uow, SYSTEM, german.id, version=german.version)
        saved = await service.save(
            uow, SYSTEM, text.id, version=text.version, title="Original", body="More words."
        )
        await service.publish(uow, SYSTEM, text.id, version=saved.version)
    await lea.look(f"{REPORTS}/stale")
    assert "Old words" in lea.text
    assert "Übersetzung" in lea.text
    assert "1 revision behind" in lea.text
    assert "Young words" not in lea.text
    assert [row[1] for row in table(await lea.get(f"{REPORTS}/stale.csv"))[1:]] == [
        "Old words",
        "Übersetzung",
    ]
    async with world.desk.unit() as uow:
        article = await uow.session.get_one(Article, past.article_id)
        await service.archive(uow, SYSTEM, article.id, version=article.version)
    assert "Old words" not in (await lea.look(f"{REPORTS}/stale")).text


async def test_files_hold_nothing_that_runs(world: DeskWorld, lea: Browser) -> None:
    for title in ("=cmd|'/c calc'!A1", "+1", "-2", "@x", "  =1+1", 'plain "quoted", with comma'):
        await published(world, title)
    await searched(world, "=HYPERLINK(1)")
    for name in FILES:
        rows = table(await lea.get(f"{REPORTS}/{name}.csv?days=90"))
        assert len({len(row) for row in rows}) == 1, name
        assert not [cell for row in rows for cell in row if cell.lstrip(" ").startswith(("=", "+", "-", "@"))]
    titles = {row[1] for row in table(await lea.get(f"{REPORTS}/articles.csv"))[1:]}
    assert 'plain "quoted", with comma' in titles
    assert "'=cmd|'/c calc'!A1" in titles
    assert [csv_files.cell(each) for each in (-3, None, "\t=1", "a=b")] == [-3, "", "'\t=1", "a=b"]


async def test_agents_see_no_reports_and_odd_filters_break_nothing(world: DeskWorld, lea: Browser) -> None:
    async with world.signed_in(world.people["bob"]) as bob:
        for path in (*PAGES, *(f"/{name}.csv" for name in FILES)):
            assert (await bob.get(REPORTS + path)).status_code == 404, path
        assert REPORTS not in (await bob.look("/desk/articles")).text
    assert REPORTS in (await lea.look("/desk/articles")).text
    odd = "?days=0&category=x&language=%00&channel=%27&until=0001-01-01&sort=x"
    for path in PAGES:
        assert (await lea.get(f"{REPORTS}{path}{odd}")).status_code == 200, path
        assert (await lea.get(f"{REPORTS}{path}?days=99999999&until=2999-12-31")).status_code == 200, path
    assert (await lea.get(f"{REPORTS}/none.csv")).status_code == 404


def test_likeness_joins_slips_and_orders_but_no_strangers() -> None:
    now = clock.now()
    asked = [
        Asked("reset the hub", 5, now, "en"), Asked("Hub resets", 2, now, "en"), Asked("rest hub", 1, now, "en"),
        Asked("reset password", 4, now, "en"), Asked("😀", 1, now, "en"), Asked("🎉", 1, now, "en"),
    ]  # fmt: skip
    groups = likeness.grouped(asked)
    assert [(group.words, group.count) for group in groups[:2]] == [
        ("reset the hub", 8),
        ("reset password", 4),
    ]
    assert len(groups) == 4


def test_weeks_take_the_place_of_days_in_a_long_time() -> None:
    of = reporting.Scope(since=date(2026, 1, 1), until=date(2026, 12, 31), zone=reporting.zone_of("UTC"))
    found = reporting.buckets(of, {date(2026, 1, 2): (3,), date(2026, 1, 8): (4,)}, 1)
    assert [each.values for each in found[:3]] == [(3,), (4,), (0,)]
    assert len(found) == 53
