"""What admins see of the suggestions: why an article, what was learned, and how it is undone."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from core.desk import Desk
from core.kb import learning
from core.kb import service as articles
from core.kb.service import Facts
from core.kb.shelf import Shelf
from core.people import service as people
from tests.webui.browsing import Browser
from tests.webui.desk_world import DeskWorld


@pytest.fixture
async def world(desk: Desk) -> DeskWorld:
    world = await DeskWorld(desk).settle()
    lea = world.actors["lea"]
    for title, body in (
        ("The battery does not charge", "The charger blinks red when the battery is too cold."),
        ("Change your address", "Open your profile and change the address there."),
    ):
        async with desk.unit(lea) as uow:
            _article, text = await articles.create(uow, lea, title=title, body=body)
            await articles.publish(uow, lea, text.id, version=text.version)
            if title.startswith("The battery"):
                for who in ("ada", "theo"):
                    await learning.teach(
                        uow,
                        question=f"the zorbium is empty, says {who}",
                        article_id=text.article_id,
                        solved=True,
                        person_id=world.people[who].id,
                        language="en",
                    )
    shelf = Shelf(desk.db, desk.means)
    await shelf.load()
    desk.means.articles = shelf
    return world


@pytest.fixture
async def root(world: DeskWorld) -> AsyncIterator[Browser]:
    async with world.desk.unit() as uow:
        person = await people.add(uow, name="Root", role="admin", email="root@example.org", verified=True)
    async with world.signed_in(person) as browser:
        yield browser


async def test_why_this(world: DeskWorld, root: Browser) -> None:
    page = await root.get("/desk/articles/why", params={"question": "my battery does not charge"})
    assert page.status_code == 200
    assert page.text.index("The battery does not charge") < page.text.index("Past questions")
    assert "zorbium" in page.text, "the past questions that spoke for it"
    silent = await root.get("/desk/articles/why", params={"question": "the battery is on fire"})
    assert "call for a person" in silent.text


async def test_why_this_says_what_a_requester_would_see(world: DeskWorld, root: Browser) -> None:
    lea = world.actors["lea"]
    async with world.desk.unit(lea) as uow:
        _article, text = await articles.create(
            uow,
            lea,
            title="Open the frobnicator cabinet",
            body="The key to the frobnicator cabinet hangs in the office.",
            facts=Facts(audience="internal"),
        )
        await articles.publish(uow, lea, text.id, version=text.version)
    shelf = world.desk.means.articles
    assert isinstance(shelf, Shelf)
    await shelf.follow()
    asked = {"question": "Where is the key to the frobnicator cabinet?"}
    page = await root.get("/desk/articles/why", params=asked)
    assert "Open the frobnicator cabinet" in page.text
    assert "Nothing is suggested" in page.text, "it is for colleagues only"


async def test_what_it_learned_and_undo(world: DeskWorld, root: Browser) -> None:
    page = await root.get("/desk/articles/learned")
    assert page.text.count("Counts") == 2
    assert "says theo" in page.text
    lesson = page.text.split("/desk/articles/learned/")[1].split("/delete")[0]
    await world.do(root, f"/desk/articles/learned/{lesson}/delete")
    after = await root.get("/desk/articles/learned")
    assert "undone by Root" in after.text
    assert after.text.count("Waits for another") == 1, "one person alone teaches nothing"
    audit = await root.get("/admin/audit")
    assert "undid what a question had taught" in audit.text


async def test_only_who_may_teach(world: DeskWorld) -> None:
    async with world.signed_in(world.people["lea"]) as lea:
        for path in ("/desk/articles/why", "/desk/articles/learned"):
            assert (await lea.get(path)).status_code == 404
        assert "/desk/articles/learned" not in (await lea.get("/desk/articles")).text
