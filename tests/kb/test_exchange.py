"""A folder of Markdown files, both ways: nothing is lost, nothing half-done, every fault has a line."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from pathlib import Path
from uuid import UUID

import pytest
from PIL import Image
from sqlalchemy import func, select

from adapters.files.memory import MemoryStore
from adapters.local.bus import LocalBus
from adapters.postgres import Embedded
from core import clock
from core.access import SYSTEM, Actor
from core.admin.service import make_category
from core.conversations.attachments import receiving
from core.crypto.fields import new_key
from core.crypto.keys import MasterKey
from core.db import Database, UnitOfWork
from core.desk import Desk
from core.errors import Forbidden
from core.kb import exporting, files, front_matter, importing, queries, review, service, translations
from core.kb.importing import NotImported, Report
from core.kb.model import Article, ArticleText
from core.kb.queries import Moved
from core.people import service as people
from core.tickets.model import Category
from tests.kb.house import STRANGER, House, house

Folder = dict[str, bytes]


async def exported(desk: Desk) -> Folder:
    async with desk.unit() as uow:
        return {written.path: written.content async for written in exporting.export(uow, SYSTEM)}


async def imported(
    desk: Desk, folder: Mapping[str, bytes | str], *, rehearse: bool = False, language: str = "en"
) -> Report:
    stored = {path: text.encode() if isinstance(text, str) else text for path, text in folder.items()}

    async def read(path: str) -> bytes | None:
        return stored.get(path)

    paths = [path for path in stored if path.endswith(".md")]
    async with desk.unit() as uow:
        return await importing.bring_in(
            uow, SYSTEM, paths, read, _categories(uow), language=language, rehearse=rehearse
        )


def _categories(uow: UnitOfWork) -> importing.MakeCategory:
    async def make(name: str, parent: UUID | None) -> UUID:
        return (await make_category(uow, SYSTEM, name=name, parent_id=parent)).id

    return make


async def refused(desk: Desk, folder: Mapping[str, bytes | str]) -> list[str]:
    with pytest.raises(NotImported) as said:
        await imported(desk, folder)
    async with desk.unit() as uow:
        assert not await uow.session.scalar(select(func.count()).select_from(Article))
        assert not await uow.session.scalar(select(func.count()).select_from(Category))
    return [f"{one.path}:{one.line}" for one in said.value.report.problems]


async def lived_in(desk: Desk) -> House:
    """Articles of every kind: translated, renamed, with a picture, in review, timed, archived."""
    they = await house(desk)
    top = Category(name="Bikes")
    async with desk.unit() as uow:
        uow.session.add(top)
        await uow.session.flush()
        leaf = Category(name="Brakes", parent_id=top.id)
        uow.session.add(leaf)
    text = await they.published(
        'The "quoted": title #1 – ümläut',
        "Body\n\n---\n\n```yaml\na: 1\n```\n\nsmile 😀",
        facts={
            "category_id": leaf.id,
            "tags": ["brakes", "a, b"],
            "review_by": date(2027, 3, 1),
            "audience": "signed_in",
        },
    )
    made = BytesIO()
    Image.new("RGB", (30, 20), "red").save(made, "PNG")
    async with (
        receiving(desk.means, "a hub (1).png", files.once(made.getvalue())) as received,
        desk.unit(they.ann) as uow,
    ):
        picture = await files.keep(uow, they.ann, text.article_id, received)
    await they.changed(text.id, "Another title", f"See ![the hub]({picture.address}) here.")
    await they.changed(text.id, "Another title", "A draft beside it", publish=False)
    async with desk.unit(they.ann) as uow:
        german = await translations.begin(uow, they.ann, text.article_id, "de", title="Noch einer", body="Ja")
    await they.changed(german.id, "Noch einer", "Ja, so.")
    waits = await they.written("Waits", "For a review")
    timed = await they.written("Timed", "For tomorrow")
    async with desk.unit(they.lead) as uow:
        await review.ask(uow, they.lead, waits.id, version=waits.version)
        at = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
        await service.publish_at(uow, they.lead, timed.id, version=timed.version, at=at)
    both = await they.published("Published, and in review anew")
    changed = await they.changed(both.id, "Published, and in review anew", "Other words", publish=False)
    async with desk.unit(they.ann) as uow:
        await review.ask(uow, they.ann, both.id, version=changed.version)
    gone = await they.published("Gone", facts={"related": (text.article_id,)})
    never = await they.written("Never out")
    for each in (gone, never):
        article, _text = await they.both(each.id)
        async with desk.unit(they.lead) as uow:
            await service.archive(uow, they.lead, article.id, version=article.version)
    return they


@pytest.fixture
async def other(server: Embedded, migrated: str) -> AsyncIterator[Desk]:
    url = await server.create_database("other_kb", template=migrated)
    db = Database(url, pool=5)
    yield await Desk.open(db, MemoryStore(), LocalBus(), [MasterKey(new_key())])
    await db.close()
    await server.drop_database("other_kb")


async def test_there_and_back_is_the_same(desk: Desk, other: Desk) -> None:
    await lived_in(desk)
    first = await exported(desk)
    assert sum(path.endswith(".md") for path in first) == 9
    assert sum(path.startswith("files/") for path in first) == 1
    async with other.unit() as uow:
        await people.add(uow, name="Ann", role="agent", email="ann@desk.example")
    report = await imported(other, first)
    assert (report.count("made"), report.count("changed")) == (7, 2)
    assert await exported(other) == first
    async with other.unit() as uow:
        with pytest.raises(Moved):
            await queries.by_slug(uow.session, await signed_in(other), "en", "the-quoted-title-1-uemlaeut")
    again = await imported(other, first)
    assert {what for _path, what in again.done} == {"same"}
    assert await exported(other) == first


async def signed_in(desk: Desk) -> Actor:
    async with desk.unit() as uow:
        return await people.actor_of(uow, await people.add(uow, name="Vic", role="requester"))


async def test_a_changed_file_is_a_new_revision(desk: Desk) -> None:
    they = await house(desk)
    text = await they.published()
    folder = await exported(desk)
    path = "reset-the-hub.en.md"
    folder[path] = folder[path].replace(b"five seconds", b"nine seconds")
    with pytest.raises(NotImported) as said:
        await imported(desk, folder, rehearse=True)
    assert said.value.report.done == [(path, "changed")]
    assert not said.value.report.problems
    assert "five" in ((await they.both(text.id))[1].body or "")
    assert (await imported(desk, folder)).done == [(path, "changed")]
    changed = (await they.both(text.id))[1]
    assert changed.revision == 2
    assert "nine seconds" in (changed.body or "")


async def test_plain_files_without_a_head(desk: Desk) -> None:
    made = BytesIO()
    Image.new("RGB", (10, 10)).save(made, "PNG")
    folder = {
        "guide/set-up.md": "# Set up\r\n\r\nPlug it in.\r\n\r\n![x](../pictures/a.png)",
        "guide/set-up.de.md": "\ufeff# Einrichten\n\nEinstecken.",
        "no-heading.md": "Only words",
        "yaml.md": "---\ntitle: Plain words # with a remark\ntags:\n  - one\n  - 'two words'\nreview-by: 2027-01-01\n---\nBody",
        "pictures/a.png": made.getvalue(),
    }  # fmt: skip
    report = await imported(desk, folder)
    assert report.count("made") == 4
    async with desk.unit() as uow:
        rows = {row.slug: row for row in await uow.session.scalars(select(ArticleText))}
        assert set(rows) == {"set-up", "einrichten", "no-heading", "plain-words"}
        assert rows["set-up"].article_id == rows["einrichten"].article_id
        assert "](/help/files/" in (rows["set-up"].body or "")
        article = await uow.session.get(Article, rows["plain-words"].article_id)
        assert article is not None
        assert (len(article.tags), article.review_by) == (2, date(2027, 1, 1))
    again = await imported(desk, folder)
    assert {what for _path, what in again.done} == {"same"}


@pytest.mark.parametrize(
    ("bad", "where"),
    [
        ({"a.md": b"---\ntitle: \xff\xfe\n---\nx"}, ["a.md:2"]),
        ({"a.md": "ok\n".encode("utf-16")}, ["a.md:1"]),
        ({"a.md": "---\ntitle: x\n"}, ["a.md:1"]),
        ({"a.md": "---\ntitle: x\nnonsense\n---\nx"}, ["a.md:3"]),
        ({"a.md": "---\ntitle: x\ntitle: y\n---\nx"}, ["a.md:3"]),
        ({"a.md": "---\ntitle: x\ncolour: red\n---\nx"}, ["a.md:3"]),
        ({"a.md": "---\naudience: martians\nstate: lost\nreview_by: soon\n---\nx"}, ["a.md:2", "a.md:3", "a.md:4"]),
        ({"a.md": "---\narticle: 12\n---\nx"}, ["a.md:2"]),
        ({"a.md": "---\ntitle: " + "x" * 500 + "\n---\nx"}, ["a.md:2"]),
        ({"a.md": ""}, ["a.md:1"]),
        ({"a.md": "x" * 300_000}, ["a.md:1"]),
        ({"a.md": "x" * 3_000_000}, ["a.md:1"]),
        ({"a.md": "# A\n\nok\n\n![x](missing.png)"}, ["a.md:5"]),
        ({"a.md": "# A\n\n![x](../../../etc/passwd.png)"}, ["a.md:3"]),
        ({"a.md": "# Same\n\nx", "b.md": "# Same\n\ny"}, ["b.md:1"]),
        ({"a.md": "# A\n\nx", "a.en.md": "# B\n\ny"}, ["a.md:1"]),
        ({"a.md": "# A\n\n![x](p.png)", "p.png": b""}, ["a.md:1"]),
        ({"a.md": "# A\n\n![x](p.txt)", "p.txt": b"kept?", "b.md": "# B\n\n![x](q.txt)"}, ["b.md:3"]),
        ({"good.md": "---\ncategory: New one\n---\n# Good\n\nx", "bad.md": b"\xff"}, ["bad.md:1"]),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_told_by_line_and_nothing_is_done(
    desk: Desk, tmp_path: Path, bad: dict[str, bytes | str], where: list[str]
) -> None:
    assert await refused(desk, bad) == where
    assert [path for path in (tmp_path / "files").rglob("*") if path.is_file()] == []


async def test_what_only_the_desk_knows_is_wrong_takes_all_back(desk: Desk) -> None:
    they = await house(desk)
    text = await they.published()
    await they.changed(text.id, "Reset the hub", "A draft that nobody must lose", publish=False)
    folder = {
        "a-new-one.md": "# A new one\n\nx",
        "reset-the-hub.md": "# Reset the hub\n\nOther words",
    }
    with pytest.raises(NotImported) as said:
        await imported(desk, folder)
    assert [one.path for one in said.value.report.problems] == ["reset-the-hub.md"]
    async with desk.unit() as uow:
        assert await uow.session.scalar(select(func.count()).select_from(Article)) == 1
    assert (await they.both(text.id))[1].draft_body == "A draft that nobody must lose"


async def test_hints_are_no_faults(desk: Desk) -> None:
    await house(desk)
    folder = {
        "p.png": b"no picture",
        "b.md": "# B\n\n![x](p.png)",
        "a.md": "---\ncategory: Bikes / Brakes\nowner: nobody@elsewhere.example\nrelated: [00000000-0000-7000-8000-000000000001]\n---\n# A\n\nx",
    }  # fmt: skip
    report = await imported(desk, folder)
    assert len(report.hints) == 5
    assert any(one.path == "b.md" and "p.png" in one.words for one in report.hints)
    async with desk.unit() as uow:
        names = set(await uow.session.scalars(select(Category.name)))
        assert names == {"Bikes", "Brakes"}


async def test_rights(desk: Desk) -> None:
    they = await house(desk)
    async with desk.unit() as uow:
        with pytest.raises(Forbidden):
            await importing.bring_in(uow, they.ann, [], _nothing, _categories(uow))
        with pytest.raises(Forbidden):
            _all = [each async for each in exporting.export(uow, they.ann)]


async def test_an_import_can_be_read_at_once(desk: Desk) -> None:
    await imported(desk, {"a.md": "# Reset\n\nHold both buttons until the light turns green."})
    async with desk.unit() as uow:
        _article, text = await queries.by_slug(uow.session, STRANGER, "en", "reset")
        assert text.summary.startswith("Hold both")
        assert text.published_at is not None
        assert text.published_at <= clock.now()


async def _nothing(path: str) -> bytes | None:
    return None


@pytest.mark.parametrize(
    "value",
    ["plain", 'with "quotes"', "colon: here", "# not a remark", "'single'", "", "ends with \\", "ümläut 😀", "- dash", "[x]", "true", "2027-01-01"],
)  # fmt: skip
def test_heads_say_the_same_after_a_round_trip(value: str) -> None:
    written = front_matter.write({"title": value, "tags": [value or "x", "two"]}, "body\n---\nmore")
    head, body, line = front_matter.read(written)
    assert head.wrong == []
    assert head.values.get("title", "") == value
    assert head.values["tags"] == [value or "x", "two"]
    assert body.strip() == "body\n---\nmore"
    assert written.split("\n")[line - 1 :] == body.split("\n")
