"""The session as a file: complete, in order, safe to open, and written down that it was taken."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from core import clock
from core.access import Actor
from core.db import EventRow
from core.desk import Desk
from core.errors import Forbidden, NotFound
from core.i18n import speaking
from core.tickets import export as exporting
from core.tickets import service as tickets
from core.tickets.export import Form, export
from tests.core.reading import Cast, cast

EVIL = "<script>alert(1)</script> [x](javascript:alert(2)) <img src=x onerror=alert(3)> **bold**"


async def story(they: Cast) -> int:
    number = await they.says("ada", EVIL)
    async with they.desk.unit(they.bob) as uow:
        await tickets.reply(uow, they.bob, number, "On my way", hold=0)
        await tickets.note(uow, they.bob, number, "between us </article><script>")
        await tickets.rename(uow, they.bob, number, "Fire & <b>smoke</b>")
        await tickets.tag(uow, they.bob, number, add=["vip"])
        await tickets.resolve(uow, they.bob, number, "Put it out")
    ada = await they.actor("ada")
    async with they.desk.unit(ada) as uow:
        await tickets.rate(uow, ada, number, 4)
    return number


async def taken(desk: Desk, actor: Actor, number: int, form: Form, **more: Any) -> str:
    made = await export(desk, actor, number, form, **more)
    assert made.name.startswith(f"ticket-{number}.")
    return b"".join([chunk async for chunk in made.chunks]).decode()


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs


async def test_html_stands_alone_and_cannot_run(desk: Desk) -> None:
    they = await cast(desk)
    page = await taken(desk, they.bob, await story(they), Form.html)
    tags = Tags()
    tags.feed(page)
    assert not {"script", "img", "iframe", "link", "object", "form"} & set(tags.tags)
    assert not [name for name, _value in tags.attributes if name.startswith("on")]
    assert not [
        value for name, value in tags.attributes if name in ("src", "href") and "javascript" in (value or "")
    ]
    assert "<title>#1 Fire &amp; &lt;b&gt;smoke&lt;/b&gt;</title>" in page
    assert "<strong>bold</strong>" in page
    for expected in (
        "On my way",
        "between us",
        "Bob resolved the ticket",
        "Put it out",
        "4 of 5",
        "vip",
        "internal note",
    ):
        assert expected in page, expected
    assert page.index("On my way") < page.index("between us") < page.index("Bob resolved")


async def test_text_and_json_say_the_same(desk: Desk) -> None:
    they = await cast(desk)
    number = await story(they)
    plain = await taken(desk, they.bob, number, Form.text, zone=ZoneInfo("Europe/Berlin"))
    assert plain.startswith("#1 Fire & <b>smoke</b>\n===")
    assert re.search(r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+0[12]00\] Bob\nOn my way\n", plain), plain
    assert "(internal note)\nbetween us" in plain
    whole = json.loads(await taken(desk, they.bob, number, Form.json))
    assert whole["ticket"]["subject"] == "Fire & <b>smoke</b>"
    assert whole["ticket"]["tags"] == ["vip"]
    assert [line["text"] for line in whole["timeline"] if line["type"] != "fact"] == [
        EVIL, "On my way", "between us </article><script>",
    ]  # fmt: skip
    facts = [line["name"] for line in whole["timeline"] if line["type"] == "fact"]
    assert facts[0] == "ticket.opened"
    assert facts[-4:] == ["ticket.resolved", "ticket.rated", "ticket.exported", "ticket.exported"]


async def test_without_notes(desk: Desk) -> None:
    they = await cast(desk)
    number = await story(they)
    for form in Form:
        assert "between us" not in await taken(desk, they.bob, number, form, notes=False)


async def test_that_it_was_taken_is_a_fact_before_a_byte_is_read(desk: Desk) -> None:
    they = await cast(desk)
    number = await story(they)
    made = await export(desk, they.bob, number, Form.html)
    async with desk.unit() as uow:
        rows = list(await uow.session.scalars(select(EventRow).where(EventRow.name == "ticket.exported")))
    assert [(row.actor_id, row.data["form"]) for row in rows] == [(they.bob.id, "html")]
    await made.chunks.aclose()


async def test_who_may_not(desk: Desk) -> None:
    they = await cast(desk)
    number = await story(they)
    with pytest.raises(Forbidden):
        await export(desk, await they.actor("ada"), number, Form.text)
    with pytest.raises(NotFound):
        await export(desk, they.bob, 4711, Form.text)


@pytest.mark.parametrize("form", list(Form))
async def test_a_long_session_is_complete_and_comes_in_pieces(
    desk: Desk, form: Form, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "PAGE", 7)
    they = await cast(desk)
    number = await they.says("ada", "line 0.")
    other = await they.says("joe", "joe 0.")
    for turn in range(1, 20):
        await they.says("ada", f"line {turn}.")
    async with desk.unit(they.bob) as uow:
        await tickets.merge(uow, they.bob, other, number)
    made = await export(desk, they.bob, number, form)
    chunks = [chunk.decode() async for chunk in made.chunks]
    whole = "".join(chunks)
    assert len(chunks) > 3
    found = re.findall(r"line (\d+)\.", whole.partition("joe 0.")[2]) if form is not Form.json else [
        each["text"].removeprefix("line ").rstrip(".") for each in json.loads(whole)["timeline"]
        if each["type"] == "message" and each["text"].startswith("line")
    ]  # fmt: skip
    assert found[-19:] == [str(n) for n in range(1, 20)]


async def test_the_words_around_it_are_the_readers(desk: Desk) -> None:
    they = await cast(desk)
    number = await story(they)
    with speaking("de"):
        made = await export(desk, they.bob, number, Form.html)
    page = b"".join([chunk async for chunk in made.chunks]).decode()
    assert '<html lang="de">' in page
    assert "Gelöst" in page, "also where it stands"
    assert "resolved" not in page
    later = clock.now() + timedelta(days=1)
    with clock.fixed(lambda: later):
        assert later.date().isoformat() in await taken(desk, they.bob, number, Form.text)
