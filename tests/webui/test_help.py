"""The help centre over HTTP: read, kept by caches, searched, judged; and what one may not see."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
from sqlalchemy import select

from core import clock
from core.access import SYSTEM
from core.desk import Desk
from core.kb import moderation, searches, service, translations
from core.kb.model import Article, ArticleFeedback, ArticleText, ArticleView, KbSearch
from core.kb.service import Facts
from core.kb.shelf import Shelf
from core.tickets import access
from core.tickets.model import Category
from tests.webui.browsing import Browser
from tests.webui.desk_world import DeskWorld
from webui.pages import help_find, help_shell

BODY = (
    "Hold both buttons for **five** seconds.\n\n## Before\n\nUnplug it.\n\n## Then\n\nPlug it in.\n\n"
    "## After\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
)


@pytest.fixture
async def world(desk: Desk) -> DeskWorld:
    return await DeskWorld(desk).settle()


@pytest.fixture
async def reader(world: DeskWorld) -> AsyncIterator[Browser]:
    """A stranger."""
    async with world.browser() as browser:
        yield browser


async def published(
    world: DeskWorld, title: str = "Reset the hub", body: str = BODY, language: str = "en", **facts: Any
) -> ArticleText:
    async with world.desk.unit() as uow:
        _article, text = await service.create(
            uow, SYSTEM, title=title, body=body, language=language, facts=Facts(**facts)
        )
        return await service.publish(uow, SYSTEM, text.id, version=text.version)


async def translated(world: DeskWorld, text: ArticleText, title: str, language: str = "de") -> ArticleText:
    async with world.desk.unit() as uow:
        made = await translations.begin(
            uow, SYSTEM, text.article_id, language, title=title, body="Beide Tasten **lange** halten."
        )
        return await service.publish(uow, SYSTEM, made.id, version=made.version)


async def renamed(world: DeskWorld, text: ArticleText, title: str) -> ArticleText:
    async with world.desk.unit() as uow:
        now = await uow.session.get_one(ArticleText, text.id)
        now = await service.save(uow, SYSTEM, text.id, version=now.version, title=title, body=now.body or "")
        return await service.publish(uow, SYSTEM, text.id, version=now.version)


async def said(world: DeskWorld, text: ArticleText, comment: str, *, public: bool = True) -> ArticleFeedback:
    async with world.desk.unit() as uow:
        row = await moderation.give(uow, world.actors["ada"], text.id, helpful=True, comment=comment)
        if public:
            await moderation.decide(uow, SYSTEM, row.id, "public")
        return row


async def rows(world: DeskWorld, model: Any) -> list[Any]:
    async with world.desk.unit() as uow:
        return list(await uow.session.scalars(select(model)))


# --- reading ----------------------------------------------------------------------------


async def test_from_the_front_to_an_article(world: DeskWorld, reader: Browser) -> None:
    text = await published(world, category_id=world.category.id, tags=("hub",))
    await reader.look("/help")
    assert reader.page.url.path == "/help/en"
    assert "Reset the hub" in reader.text
    assert "Invoices 1" in reader.text
    await reader.look(f"/help/en/category/{world.category.id}")
    assert "1 article" in reader.text
    await reader.look(f"/help/en/{text.slug}")
    assert "<strong>five</strong>" in reader.page.text
    assert '<a href="#then">Then</a>' in reader.page.text
    assert 'aria-label="Table"><table>' in reader.page.text
    tag = re.search(r"/help/en/tag/\d+", reader.page.text)
    assert tag is not None
    await reader.look(tag[0])
    assert "Reset the hub" in reader.text


async def test_a_page_is_kept_until_it_changes_and_names_nobody(world: DeskWorld, reader: Browser) -> None:
    text = await published(world)
    await said(world, text, "It works, says Ada.")
    for path in ("/help/en", "/help/en/reset-the-hub", "/sitemap.xml", "/help/en/feed.xml", "/robots.txt"):
        first = await reader.get(path)
        assert "set-cookie" not in first.headers, path
        assert first.headers["cache-control"].startswith("public"), path
        again = await reader.get(path, headers={"if-none-match": f'"x", W/{first.headers["etag"]}'})
        assert (again.status_code, again.content) == (304, b""), path
        head = await reader.head(path)
        assert (head.status_code, head.content) == (200, b""), path
        assert head.headers["etag"] == first.headers["etag"], path
        since = {"if-modified-since": first.headers["last-modified"]}
        assert (await reader.get(path, headers=since)).status_code == 304, path
        assert (await reader.get(path, headers=since | {"if-none-match": '"x"'})).status_code == 200, path
        assert (await reader.get(path, headers={"if-modified-since": "yesterday"})).status_code == 200, path
    assert "Okafor" not in (await reader.get("/help/en/reset-the-hub")).text
    before = (await reader.get("/help/en/reset-the-hub")).headers
    assert before["last-modified"].endswith("GMT")
    listed = (await reader.get("/help/en")).headers["last-modified"]
    await renamed(world, text, "Restart the hub")
    after = await reader.get("/help/en/restart-the-hub", headers={"if-none-match": before["etag"]})
    assert after.status_code == 200
    home = await reader.get("/help/en", headers={"if-modified-since": listed})
    assert "Restart the hub" in home.text, "a page is as new as anything on it"


async def test_only_whoever_may_read_it_finds_it(world: DeskWorld, reader: Browser) -> None:
    inside = await published(world, "Inside", audience="internal", category_id=world.category.id)
    members = await published(world, "Members", audience="signed_in")
    paths = [f"/help/en/{inside.slug}", f"/help/en/{members.slug}"]
    others = [f"/help/en/category/{world.category.id}", f"{paths[0]}/feedback"]
    assert [(await reader.get(path)).status_code for path in paths + others] == [404] * 4
    for path in ("/help/en", "/sitemap.xml", "/help/en/feed.xml", "/help/search?q=inside&language=en"):
        assert "Inside" not in (await reader.get(path)).text.replace("“inside”", "")
    async with world.signed_in(world.people["ada"]) as ada:
        assert [(await ada.get(path)).status_code for path in paths] == [404, 200]
        answer = await ada.get(paths[1])
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-robots-tag"] == "noindex"
    async with world.signed_in(world.people["bob"]) as bob:
        await bob.look(paths[0])
        assert "Agents only" in bob.text
    await reader.look(f"/help/en/{members.slug}/ask")
    assert reader.page.url.path == "/sign-in"


async def test_a_draft_and_an_archived_article_are_not_there(world: DeskWorld, reader: Browser) -> None:
    async with world.desk.unit() as uow:
        await service.create(uow, SYSTEM, title="Not yet", body="x")
    text = await published(world)
    async with world.desk.unit() as uow:
        article = await uow.session.get_one(Article, text.article_id)
        await service.archive(uow, SYSTEM, article.id, version=article.version)
    for path in (
        "/help/en/not-yet",
        "/help/en/reset-the-hub",
        "/help/xx",
        "/help/en/category/x",
    ):
        answer = await reader.get(path)
        assert (answer.status_code, "set-cookie" in answer.headers) == (404, False), path
    assert (await reader.get("/help/en/%00")).status_code == 422
    await reader.look("/help/en")
    assert "Nothing here yet" in reader.text


async def test_old_addresses_lead_on_and_back_again(world: DeskWorld, reader: Browser) -> None:
    text = await published(world)
    await renamed(world, text, "Restart the hub")
    moved = await reader.get("/help/en/reset-the-hub?via=mail")
    assert (moved.status_code, moved.headers["location"]) == (301, "/help/en/restart-the-hub?via=mail")
    # A browser that kept the first for ever would go in circles after this.
    assert moved.headers["cache-control"] == "no-cache"
    await renamed(world, text, "Reset the hub")
    assert (await reader.get("/help/en/reset-the-hub")).status_code == 200
    assert (await reader.get("/help/en/restart-the-hub")).headers["location"] == "/help/en/reset-the-hub"


async def test_each_language_knows_the_others(world: DeskWorld, reader: Browser) -> None:
    text = await published(world)
    german = await translated(world, text, "Verteiler zurücksetzen")
    page = (await reader.look(f"/help/de/{german.slug}")).text
    assert '<html lang="de"' in page
    assert f'<link rel="canonical" href="http://test/help/de/{german.slug}">' in page
    assert '<link rel="alternate" hreflang="en" href="http://test/help/en/reset-the-hub">' in page
    assert '<link rel="alternate" hreflang="x-default" href="http://test/help/en/reset-the-hub">' in page
    assert '<a href="/help/en/reset-the-hub" lang="en" hreflang="en">English</a>' in page
    assert (await reader.get("/help", headers={"accept-language": "de"})).headers["location"] == "/help/de"
    tree = ElementTree.fromstring((await reader.get("/sitemap.xml")).content)
    assert len(list(tree)) == 4
    feed = ElementTree.fromstring((await reader.get("/help/de/feed.xml")).content)
    assert [each.text for each in feed.iter("title")][1:] == ["Verteiler zurücksetzen"]
    assert "Sitemap: http://test/sitemap.xml" in (await reader.get("/robots.txt")).text


async def test_the_looks_are_the_desks(world: DeskWorld, reader: Browser) -> None:
    await world.desk.refresh()
    world.desk.means.settings = world.desk.means.settings.model_copy(
        update={"name": "Alpenglow", "accent": "#aa3311", "logo": "data:image/png;base64,AAAA"}
    )
    await published(world)
    page = (await reader.look("/help/en/reset-the-hub")).text
    assert "Alpenglow" in page
    assert "/theme.css?accent=aa3311" in page
    assert 'src="data:image/png;base64,AAAA"' in page


async def test_articles_that_name_each_other_and_awkward_ones(world: DeskWorld, reader: Browser) -> None:
    """A circle of related articles, a table of a thousand rows, script, broken Markdown, 2 MB."""
    table = "| n | m |\n|---|---|\n" + "".join(f"| {n} | x |\n" for n in range(1_000))
    one = await published(world, "One", table + "\n<script>alert(1)</script>\n\n<iframe src=//x></iframe>")
    two = await published(world, "Two", "**[broken](\n\n![x](nowhere.png)\n\n```\nnever closed")
    async with world.desk.unit() as uow:
        for here, there in ((one, two), (two, one)):
            article = await uow.session.get_one(Article, here.article_id)
            article.related = [there.article_id, here.article_id]
    page = (await reader.look("/help/en/one")).text
    assert page.count("<tr>") == 1_001
    assert "<script>alert" not in page
    assert "<iframe" not in page
    assert '<a href="/help/en/two">Two</a>' in page
    assert (await reader.get("/help/en/two")).status_code == 200
    from core.kb.wording import MOST_BODY

    big = await published(world, "Big", ("word " * 200 + "\n\n") * (MOST_BODY // 1_002))
    assert (await reader.get(f"/help/en/{big.slug}")).status_code == 200


async def test_a_category_that_was_retired_takes_no_article_with_it(
    world: DeskWorld, reader: Browser
) -> None:
    text = await published(world, category_id=world.category.id)
    async with world.desk.unit() as uow:
        (await uow.session.get_one(Category, world.category.id)).active = False
    await reader.look("/help/en")
    assert "Reset the hub" in reader.text
    assert (await reader.get(f"/help/en/{text.slug}")).status_code == 200
    assert (await reader.get(f"/help/en/category/{world.category.id}")).status_code == 404


# --- counting ---------------------------------------------------------------------------


async def test_readings_are_counted_by_day_and_channel_and_nothing_else(
    world: DeskWorld, reader: Browser
) -> None:
    text = await published(world)
    path = f"/help/en/{text.slug}"
    first = await reader.get(path)
    await reader.get(path, headers={"if-none-match": first.headers["etag"]})
    await reader.get(path + "?via=mail")
    await reader.get(path + "?via=nobody")
    await reader.get(path, headers={"sec-purpose": "prefetch"})
    await reader.get(path, headers={"user-agent": "Searchbot/2.1"})
    async with world.signed_in(world.people["bob"]) as bob:
        await bob.get(path)
    views = help_shell.views_of(world.site)
    await views.flush()
    await reader.get(path)
    await views.flush()
    await views.flush()
    found = {(row.channel, row.count, row.day) for row in await rows(world, ArticleView)}
    assert found == {("web", 4, views.today()), ("mail", 1, views.today())}


# --- searching --------------------------------------------------------------------------


async def test_search_forgives_and_filters(world: DeskWorld, reader: Browser) -> None:
    hub = await published(world, category_id=world.category.id, tags=("hub",))
    await published(world, "Pay by card", "We take cards of all kinds.")
    await translated(world, hub, "Verteiler zurücksetzen")
    await reader.look("/help/search?q=resetting+hub&language=en")
    assert "1 result" in reader.text
    assert "<mark>Reset</mark>" in reader.page.text
    for words in ("rset teh hubb", "Pya by crad"):
        assert "1 result" in (await reader.look(f"/help/search?q={words}&language=en")).text, words
    await reader.look(f"/help/search?q=cards&language=en&category={world.category.id}")
    assert "Nothing found" in reader.text
    await reader.look("/help/search?q=Tasten&language=en")
    assert "Nothing found" in reader.text
    await reader.look("/help/search?q=Tasten&language=en&everywhere=1")
    assert "Verteiler zurücksetzen" in reader.text
    assert reader.page.headers["x-robots-tag"] == "noindex"


@pytest.mark.parametrize(
    "words", ["a" * 10_000, "reset " * 1_700, "😀🎉", "the and of", "как сбросить", "重置", "%_\\", "\x00'\"<b>", " ", "۱۲"]
)  # fmt: skip
async def test_any_words_get_a_sensible_answer(world: DeskWorld, reader: Browser, words: str) -> None:
    await published(world, "Как сбросить", "重置 hub", category_id=world.category.id)
    for typing in ("", "on"):
        answer = await reader.get("/help/search", params={"q": words, "language": "en", "typing": typing})
        assert answer.status_code == 200, words
    finds = any(word in words for word in ("сбросить", "重置"))
    assert ("Как" in re.sub(r'value="[^"]*"', "", answer.text)) == finds
    assert max((len(row.words) for row in await rows(world, KbSearch)), default=0) < 1_000


async def test_one_address_does_not_fill_the_list_of_searches(world: DeskWorld, reader: Browser) -> None:
    for number in range(help_find.NOTED[0] + 3):
        await reader.get("/help/search", params={"q": f"flood {number}", "language": "en", "typing": "rest"})
    assert len(await rows(world, KbSearch)) == help_find.NOTED[0]


async def test_searches_are_noted_sealed_and_grouped(world: DeskWorld, reader: Browser) -> None:
    await published(world)
    for query in ("Hub reset", "reset  HUB", "teapot"):
        await reader.get("/help/search", params={"q": query, "language": "en"})
    await reader.get("/help/search", params={"q": "res", "language": "en", "typing": "on"})
    await reader.get("/help/search", params={"q": "kettle", "language": "en", "typing": "rest"})
    await reader.get("/help/search?q=pot&language=en", headers={"user-agent": "Searchbot/2.1"})
    noted = await rows(world, KbSearch)
    async with world.desk.unit() as uow:
        plain = sorted((searches.read(uow, row.id, row.words), row.results) for row in noted)
        assert plain == [("Hub reset", 1), ("kettle", 0), ("reset HUB", 1), ("teapot", 0)]
        assert len({row.digest for row in noted}) == 3
        assert await searches.drop_old(uow, 10) == 0
        with clock.fixed(lambda: noted[0].at + timedelta(days=500)):
            assert await searches.drop_old(uow, 10) == 4


# --- did this help? ---------------------------------------------------------------------


async def test_a_vote_without_script_and_its_comment_waits_for_a_moderator(
    world: DeskWorld, reader: Browser
) -> None:
    await published(world)
    await reader.look("/help/en/reset-the-hub")
    await reader.look("/help/en/reset-the-hub/feedback?helpful=no")
    assert "What was wrong?" in reader.text
    await reader.submit("/help/en/reset-the-hub/feedback", {"reason": "unclear", "comment": "Which buttons?"})
    assert "Thank you" in reader.text
    assert "Which buttons?" not in (await reader.look("/help/en/reset-the-hub")).text
    (row,) = await rows(world, ArticleFeedback)
    assert (row.helpful, row.reason, row.state, row.person_id) == (False, "unclear", "waiting", None)
    assert b"Which" not in (row.comment or b"")
    async with world.desk.unit() as uow:
        await moderation.decide(uow, SYSTEM, row.id, "public")
    assert "Which buttons?" in (await reader.look("/help/en/reset-the-hub")).text


async def test_a_vote_by_script_counts_once_with_what_follows(world: DeskWorld, reader: Browser) -> None:
    await published(world)
    url = "/help/en/reset-the-hub/feedback"
    piece = {"x-fragment": "1"}
    await reader.look(url + "?helpful=yes", headers=piece)
    await reader.submit(url, {"helpful": "yes", "step": "vote"}, headers=piece)
    assert "Thank you, that is counted." in reader.text
    await reader.submit(url, {"comment": "Great"}, headers=piece)
    (row,) = await rows(world, ArticleFeedback)
    assert (row.helpful, row.comment is not None) == (True, True)
    # Another browser cannot speak for this one with its receipt.
    async with world.browser() as other:
        await other.look(url, headers=piece)
        await other.submit(
            url, {"helpful": "no", "receipt": f"{row.id}.{'0' * 32}", "comment": "Bad"}, headers=piece
        )
    assert len(await rows(world, ArticleFeedback)) == 2


async def test_votes_are_bounded_and_wrong_ones_told(world: DeskWorld, reader: Browser) -> None:
    await published(world)
    url = "/help/en/reset-the-hub/feedback"
    await reader.look(url)
    await reader.submit(url, {"comment": "x"})
    assert "Please say yes or no." in reader.text
    await reader.submit(url, {"helpful": "yes", "comment": "x" * 3_000})
    assert "too long" in reader.text
    for _time in range(5):
        await reader.look(url)
        await reader.submit(url, {"helpful": "yes"})
    assert "Too many tries" in reader.text
    assert len(await rows(world, ArticleFeedback)) <= 4
    assert (await reader.post(url, data={"helpful": "yes"})).status_code == 403


async def test_a_public_comment_is_reported(world: DeskWorld, reader: Browser) -> None:
    text = await published(world)
    row = await said(world, text, "Buy pills")
    hidden = await said(world, await published(world, "Other"), "Waits", public=False)
    await reader.look(f"/help/comments/{row.id}/report")
    assert "Buy pills" in reader.text
    await reader.submit(f"/help/comments/{row.id}/report")
    assert "A moderator looks at this comment." in reader.text
    assert [
        each.reported_at is not None for each in await rows(world, ArticleFeedback) if each.id == row.id
    ] == [True]
    assert (await reader.get(f"/help/comments/{hidden.id}/report")).status_code == 404


# --- still stuck ------------------------------------------------------------------------


async def test_a_ticket_from_an_article_says_which_one(world: DeskWorld) -> None:
    text = await published(world, "Reset [the] hub")
    async with world.signed_in(world.people["ada"]) as ada:
        await ada.look(f"/help/en/{text.slug}/ask")
        assert ada.page.url.path == "/my/new"
        await ada.look(f"/my/new?category=&article={text.id}")
        await ada.submit("/my/tickets", {"subject": "Hub", "text": "It blinks red."})
        assert "Your request is here" in ada.text
        assert "Read before" not in ada.page.text
        number = int(ada.page.url.path.rsplit("/", 1)[1])
        await ada.look("/my/new?category=&article=nonsense")
        await ada.submit("/my/tickets", {"subject": "Hub", "text": "Again."})
        assert "Your request is here" in ada.text
    async with world.signed_in(world.people["bob"]) as bob:
        await bob.look(f"/tickets/{number}")
        assert "Read before, and it did not help: Reset [the] hub" in bob.text
        assert f'href="/help/en/{text.slug}"' in bob.page.text or f"/help/en/{text.slug}" in bob.page.text
    async with world.desk.unit() as uow:
        opened = await access.get(uow, SYSTEM, number)
    assert opened.ticket.requester_id == world.people["ada"].id


async def test_the_engine_that_answers_in_chats_searches_here_too(world: DeskWorld, reader: Browser) -> None:
    """With slips in words that stand in no title, and the word that is being typed; never what one
    may not read."""
    await published(world, "Reset the hub", "Hold both buttons until the indicator turns green.")
    await published(world, "Indicator colours inside", "The indicator in detail.", audience="internal")
    for number in range(6):
        await published(world, f"Bill {number}", f"Something else entirely, such as invoice {number}.")
    shelf = Shelf(world.desk.db, world.desk.means)
    await shelf.load()
    world.desk.means.articles = shelf
    for words, typing in (("indcator buttons", ""), ("indica", "on"), ("butons", "on")):
        query = {"q": words, "language": "en", "typing": typing}
        answer = await reader.get("/help/search", params=query)
        assert "Reset" in answer.text, words
        assert "inside" not in answer.text, words
    # What stands in all of them tells the engine nothing; it is found all the same.
    assert "Bill 3" in (await reader.get("/help/search?q=invoice&language=en")).text
    for words in ("the and of", "😀", "zzzz qqqq"):
        assert (
            "Nothing found" in (await reader.get("/help/search", params={"q": words, "language": "en"})).text
        )
