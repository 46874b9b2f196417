"""The staff's pages of articles over HTTP: written, reviewed, published, compared, moderated."""

from __future__ import annotations

from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import select

from core.desk import Desk
from core.kb import moderation, service
from core.kb.model import Article, ArticleText
from core.kb.service import Facts
from core.tickets import service as tickets
from tests.webui.browsing import Browser
from tests.webui.desk_world import DeskWorld

BODY = "Hold both buttons for **five** seconds, until the light turns green."


@pytest.fixture
async def world(desk: Desk) -> DeskWorld:
    return await DeskWorld(desk).settle()


@pytest.fixture
async def bob(world: DeskWorld) -> AsyncIterator[Browser]:
    async with world.signed_in(world.people["bob"]) as browser:
        yield browser


@pytest.fixture
async def lea(world: DeskWorld) -> AsyncIterator[Browser]:
    async with world.signed_in(world.people["lea"]) as browser:
        yield browser


async def written(
    world: DeskWorld, title: str = "Reset the hub", body: str = BODY, **facts: Any
) -> ArticleText:
    async with world.desk.unit(world.actors["bob"]) as uow:
        _article, text = await service.create(
            uow, world.actors["bob"], title=title, body=body,
            facts=Facts(**{"owner_id": world.people["bob"].id, **facts}),
        )  # fmt: skip
        return text


async def published(
    world: DeskWorld, title: str = "Reset the hub", body: str = BODY, **facts: Any
) -> ArticleText:
    text = await written(world, title, body, **facts)
    async with world.desk.unit(world.actors["lea"]) as uow:
        return await service.publish(uow, world.actors["lea"], text.id, version=text.version)


async def text_of(world: DeskWorld, text: ArticleText) -> ArticleText:
    async with world.desk.unit() as uow:
        found = await uow.session.get(ArticleText, text.id)
        assert found is not None
        return found


def page_of(text: ArticleText) -> str:
    return f"/desk/articles/texts/{text.id}"


async def test_from_the_first_word_to_the_reader(world: DeskWorld, bob: Browser, lea: Browser) -> None:
    await bob.look("/desk/articles")
    assert "No articles yet" in bob.text
    await bob.look("/desk/articles/new")
    await bob.submit("/desk/articles", {"title": "Reset the hub", "template": "how_to"})
    url = bob.page.url.path
    assert "## Step by step" in bob.page.text
    assert "value=publish" not in bob.page.text
    assert 'value="publish"' not in bob.page.text
    await bob.submit(url, {"body": BODY}, button="step=review")
    assert "A review was asked for" in bob.page.text
    await lea.look("/desk/articles/reviews")
    assert "Reset the hub" in lea.text
    await lea.look(f"{url}/review")
    assert "<strong>five</strong>" in lea.page.text
    await lea.submit(f"{url}/review/approve", {"note": "First"})
    assert "Nothing waits for a review" in lea.text
    await bob.look(f"{url}/revisions")
    assert "Revision 1" in bob.text
    assert "First" in bob.text


async def test_given_back_with_words(world: DeskWorld, bob: Browser, lea: Browser) -> None:
    text = await written(world)
    await bob.look(page_of(text))
    await bob.submit(page_of(text), button="step=review")
    await lea.look(page_of(text) + "/review")
    await lea.submit(page_of(text) + "/review/return", {"note": "Say which light"})
    await bob.look(page_of(text))
    assert "Say which light" in bob.text


async def test_a_change_shows_what_differs(world: DeskWorld, lea: Browser) -> None:
    text = await published(world)
    await lea.look(page_of(text))
    await lea.submit(
        page_of(text),
        {"title": "Restart the hub", "body": BODY.replace("five", "nine")},
        button="step=publish",
    )
    assert "Published." in lea.page.text
    await lea.look(page_of(text) + "/revisions/2")
    assert "<mark>nine</mark>" in lea.page.text
    assert "<mark>five</mark>" in lea.page.text
    assert "became “Restart the hub”" in lea.text
    await lea.look(page_of(text) + "/revisions")
    await lea.submit(page_of(text) + "/revisions/1/restore")
    assert (await text_of(world, text)).draft_body == BODY


async def test_nobody_overwrites_anybody(world: DeskWorld, bob: Browser) -> None:
    text = await written(world)
    await bob.look(page_of(text))
    async with world.desk.unit(world.actors["mira"]) as uow:
        await service.save(
            uow,
            world.actors["mira"],
            text.id,
            version=text.version,
            title="Reset the hub",
            body="Mira's words",
        )
    await bob.submit(page_of(text), {"body": "Bob's words"}, button="step=save")
    assert bob.page.status_code == 409
    assert "Mira" in bob.page.text, "theirs beside"
    assert "Bob's words" in bob.page.text.replace("&#39;", "'"), "and nothing typed is lost"
    await bob.submit(page_of(text), button="step=save")
    assert (await text_of(world, text)).draft_body == "Bob's words"


async def test_autosave_and_who_else_is_there(world: DeskWorld, bob: Browser) -> None:
    text = await written(world)
    fields = {"title": "Reset the hub", "body": "Half a sen", "version": str(text.version)}
    kept = await world.script(bob, page_of(text) + "/autosave", fields)
    assert kept.json() == {"version": text.version + 1, "state": "draft"}
    again = await world.script(bob, page_of(text) + "/autosave", fields | {"body": "Other"})
    assert again.status_code == 409
    assert (await world.script(bob, page_of(text) + "/editing")).json() == {"other": ""}
    async with world.signed_in(world.people["mira"]) as mira:
        assert (await world.script(mira, page_of(text) + "/editing")).json() == {"other": "Bob Smith"}
        await mira.look(page_of(text))
        assert "Bob Smith is editing this as well" in mira.text


async def test_facts_languages_and_the_archive(world: DeskWorld, lea: Browser) -> None:
    other = await published(world, "Another one")
    text = await published(world)
    await lea.look(page_of(text))
    facts = f"/desk/articles/{text.article_id}/facts"
    await lea.submit(
        facts,
        {
            "category_id": str(world.category.id),
            "tags": "hub, light",
            "review_by": "2027-05-01",
            "related": "Another one",
            "audience": "signed_in",
        },
    )
    async with world.desk.unit() as uow:
        article = await uow.session.get(Article, text.article_id)
        assert article is not None
        assert (article.category_id, article.audience) == (world.category.id, "signed_in")
        assert article.related == [other.article_id]
        assert len(article.tags) == 2
    await lea.submit(facts, {"related": "No such article"})
    assert "There is no article “No such article”" in lea.text
    await lea.look(page_of(text))
    await lea.submit(f"/desk/articles/{text.article_id}/languages", {"language": "de"})
    assert "Begun with the words of the original" in lea.text
    await lea.look(page_of(text))
    await lea.submit(f"/desk/articles/{text.article_id}/archive")
    await lea.look("/desk/articles?state=archived")
    assert "Reset the hub" in lea.text
    await lea.look(page_of(text))
    assert "readonly" in lea.page.text
    await lea.submit(f"/desk/articles/{text.article_id}/archive/delete")
    assert (await text_of(world, text)).live


async def test_published_at_a_time_in_ones_own_zone(world: DeskWorld, lea: Browser) -> None:
    text = await written(world)
    await lea.look(page_of(text))
    await lea.submit(page_of(text), {"publish_at": "2001-01-01T10:00"}, button="step=schedule")
    assert "Choose a time in the next" in lea.text
    await lea.submit(page_of(text), {"publish_at": "tomorrow"}, button="step=schedule")
    assert "Choose a day and a time" in lea.text


async def test_pictures_come_in_and_go_out(world: DeskWorld, bob: Browser) -> None:
    text = await published(world, audience="internal")
    made = BytesIO()
    Image.new("RGB", (600, 400), "green").save(made, "PNG")
    await bob.look(page_of(text))
    token = {"x-csrf-token": bob.page.text.split('name="csrf" content="')[1].split('"')[0]}
    kept = await bob.post(
        page_of(text) + "/files", files={"file": ("the hub.png", made.getvalue())}, headers=token
    )
    told = kept.json()
    assert (told["name"], told["picture"]) == ("the hub.png", True)
    shown = await bob.get(told["address"])
    assert (shown.status_code, shown.headers["content-type"]) == (200, "image/png")
    assert shown.content == made.getvalue()
    assert shown.headers["cache-control"] == "no-store"
    async with world.browser() as stranger:
        assert (await stranger.get(told["address"])).status_code == 404
    fake = await bob.post(
        page_of(text) + "/files", files={"file": ("evil.png", b"<script>alert(1)</script>")}, headers=token
    )
    assert fake.json()["picture"] is False
    served = await bob.get(fake.json()["address"])
    assert served.headers["content-type"] == "application/octet-stream"
    assert "attachment" in served.headers["content-disposition"]


async def test_the_preview_runs_nothing(world: DeskWorld, bob: Browser) -> None:
    body = "<script>alert(1)</script>\n\n<iframe src=x></iframe>\n\n![x](https://spy.example/p.gif)\n\n# Head"
    shown = await world.script(bob, "/desk/articles/preview", {"body": body})
    assert "<script" not in shown.text
    assert "<iframe" not in shown.text
    assert "<img" not in shown.text
    assert '<h2 id="head">' in shown.text


async def test_what_is_too_large_is_said(world: DeskWorld, bob: Browser) -> None:
    text = await written(world)
    await bob.look(page_of(text))
    await bob.submit(page_of(text), {"body": "x" * 250_000}, button="step=save")
    assert bob.page.status_code == 413
    assert "too long" in bob.text
    await bob.look(page_of(text))
    await bob.submit(page_of(text), {"body": "x" * 2_200_000}, button="step=save")
    assert bob.page.status_code == 413
    await bob.look(page_of(text))
    token = {"x-csrf-token": bob.page.text.split('name="csrf" content="')[1].split('"')[0]}
    sent = {"title": (None, "T"), "body": (None, "x" * 1_500_000), "version": (None, "1")}
    by_script = await bob.post(page_of(text), files=sent, headers=token)
    assert (by_script.status_code, "too long" in by_script.text) == (413, True)


async def test_the_list_is_filtered_and_paged(
    world: DeskWorld, bob: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.kb import listing

    monkeypatch.setattr(listing.page, "__kwdefaults__", {**(listing.page.__kwdefaults__ or {}), "limit": 3})
    for number in range(5):
        await published(world, f"Number {number}")
    await written(world, "A draft of mine", category_id=world.category.id)
    await bob.look("/desk/articles")
    assert "A draft of mine" in bob.text
    assert "Number 0" not in bob.text
    older = bob.page.text.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&")
    await bob.look(older)
    assert "Number 0" in bob.text
    for query, expected, gone in (
        ("state=draft", "A draft of mine", "Number 4"),
        ("q=number+3", "Number 3", "Number 4"),
        (f"category={world.category.id}", "A draft of mine", "Number 4"),
        ("owner=me", "A draft of mine", "nothing"),
        ("language=de", "Nothing fits", "Number"),
        ("state=nonsense&tag=x&category=y&after=z&owner=w", "A draft of mine", "nothing"),
        ("q=%25_%5C", "Nothing fits", "Number"),
    ):
        await bob.look(f"/desk/articles?{query}")
        assert expected in bob.text, query
        assert gone not in bob.text, query


async def test_an_article_of_a_resolved_ticket(world: DeskWorld, bob: Browser) -> None:
    number = await world.ticket(
        "Hub is dead", "Hello, it is dead since Monday. Call +49 170 1234567.\n\nBest\nAda Okafor"
    )
    await bob.look(f"/desk/articles/new?ticket={number}")
    assert bob.page.status_code == 409
    async with world.desk.unit(world.actors["bob"]) as uow:
        await tickets.reply(uow, world.actors["bob"], number, "Dear Ada, hold both buttons.", hold=0)
        await tickets.resolve(uow, world.actors["bob"], number, "Held both buttons")
    await bob.look(f"/tickets/{number}")
    assert f"/desk/articles/new?ticket={number}" in bob.page.text
    await bob.look(f"/desk/articles/new?ticket={number}")
    assert "+49 170 1234567" in bob.text, "what was replaced is shown"
    await bob.submit("/desk/articles")
    assert "hold both buttons" in bob.page.text
    async with world.desk.unit() as uow:
        text = (await uow.session.scalars(select(ArticleText))).one()
        article = await uow.session.get(Article, text.article_id)
        assert article is not None
        assert article.ticket_id is not None
        for gone in ("Ada", "1234567", "Okafor"):
            assert gone not in (text.draft_body or "")


async def test_feedback_is_moderated(world: DeskWorld, bob: Browser, lea: Browser) -> None:
    text = await published(world)
    async with world.desk.unit() as uow:
        row = await moderation.give(
            uow, world.actors["ada"], text.id, helpful=False, reason="unclear", comment="Which light?"
        )
    await bob.look("/desk/articles/feedback")
    assert "Which light?" in bob.text
    assert "Make public" not in bob.text, "agents read, moderators decide"
    await lea.look("/desk/articles/feedback")
    await lea.submit(f"/desk/articles/feedback/{row.id}/public")
    await lea.look("/desk/articles/feedback?which=public")
    assert "Which light?" in lea.text
    await lea.submit(f"/desk/articles/feedback/{row.id}/hidden")
    await lea.look("/desk/articles/feedback?which=hidden")
    assert "Which light?" in lea.text
    await lea.look("/desk/articles?q=hub")
    assert "0 %" in lea.text


async def test_requesters_do_not_learn_that_it_is_there(world: DeskWorld) -> None:
    text = await published(world)
    async with world.signed_in(world.people["ada"]) as ada:
        for path in ("/desk/articles", page_of(text), "/desk/articles/feedback", "/desk/articles/new"):
            assert (await ada.get(path)).status_code == 404, path


async def test_the_audit_says_who_did_what(world: DeskWorld) -> None:
    await published(world)
    zoe = await world.person("Zoe", "zoe@example.org", "admin")
    async with world.signed_in(zoe) as admin:
        await admin.look("/admin/audit?kind=article.")
    assert "published “Reset the hub” (en, revision 1)" in admin.text
