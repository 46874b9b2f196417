"""What people say of articles, who reads it, and what of it goes with them."""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image
from sqlalchemy import select

from core import clock
from core.access import SYSTEM
from core.admin import erase
from core.conversations.attachments import receiving
from core.crypto.fields import seal_text
from core.desk import Desk
from core.errors import Forbidden, Invalid, NotFound
from core.kb import files, moderation, service
from core.kb.model import ArticleFeedback, ArticleFile, ArticleText, Lesson, Suggestion
from core.people import service as people
from tests.kb.house import STRANGER, House, house


async def said(they: House, *, helpful: bool = False, comment: str = "Step three fails") -> ArticleFeedback:
    text = await they.published()
    async with they.desk.unit() as uow:
        return await moderation.give(
            uow, they.visitor, text.id, helpful=helpful, reason="unclear", comment=comment
        )


async def test_a_comment_is_sealed_and_waits(desk: Desk) -> None:
    they = await house(desk)
    row = await said(they)
    assert row.comment is not None
    assert b"Step three" not in row.comment
    async with desk.unit() as uow:
        assert await moderation.waiting(uow) == 1
        assert await moderation.public(uow, STRANGER, row.article_text_id) == []
        remarks, _next = await moderation.page(uow, they.ann)
        assert [(each.comment, each.author and each.author.shown) for each in remarks] == [
            ("Step three fails", "Vic")
        ]
        with pytest.raises(Forbidden):
            await moderation.page(uow, they.visitor)


async def test_publish_report_hide_restore(desk: Desk) -> None:
    they = await house(desk)
    row = await said(they)
    async with desk.unit() as uow:
        with pytest.raises(Forbidden):
            await moderation.decide(uow, they.ann, row.id, "public")
        with pytest.raises(NotFound):
            await moderation.report(uow, STRANGER, row.id)
    async with desk.unit(they.lead) as uow:
        await moderation.decide(uow, they.lead, row.id, "public")
    async with desk.unit() as uow:
        assert [each.comment for each in await moderation.public(uow, STRANGER, row.article_text_id)] == [
            "Step three fails"
        ]
        await moderation.report(uow, STRANGER, row.id)
        assert await moderation.waiting(uow) == 1
    for state, seen in (("hidden", 0), ("public", 1), ("waiting", 0)):
        async with desk.unit(they.lead) as uow:
            await moderation.decide(uow, they.lead, row.id, state)
            assert len(await moderation.public(uow, STRANGER, row.article_text_id)) == seen
    with pytest.raises(Invalid):
        async with desk.unit(they.lead) as uow:
            await moderation.decide(uow, they.lead, row.id, "burnt")


async def test_the_last_word_of_someone_known_counts(desk: Desk) -> None:
    they = await house(desk)
    row = await said(they)
    async with desk.unit() as uow:
        await moderation.give(uow, they.visitor, row.article_text_id, helpful=True)
        for _vote in range(2):
            await moderation.give(uow, STRANGER, row.article_text_id, helpful=False)
        rating = (await moderation.ratings(uow, [row.article_text_id]))[row.article_text_id]
    assert (rating.yes, rating.no) == (1, 2)


async def test_what_cannot_be_said(desk: Desk) -> None:
    they = await house(desk)
    draft, text = await they.written("Draft"), await they.published()
    async with desk.unit() as uow:
        with pytest.raises(NotFound):
            await moderation.give(uow, STRANGER, draft.id, helpful=True)
        with pytest.raises(Invalid):
            await moderation.give(uow, STRANGER, text.id, helpful=True, reason="because")
        with pytest.raises(Invalid):
            await moderation.give(uow, STRANGER, text.id, helpful=True, comment="x" * 3_000)


async def test_erasing_a_person_takes_what_they_asked_and_taught(desk: Desk) -> None:
    they = await house(desk)
    row = await said(they)
    assert they.visitor.id is not None
    async with desk.unit() as uow:
        text = (await they.both(row.article_text_id))[1]
        key = await uow.keys.of_person(uow.session, they.visitor.id)
        offered = Suggestion(person_id=they.visitor.id, channel="web", language="en")
        offered.question = seal_text(key, "how", "suggestion.question", offered.id)
        uow.session.add(offered)
        uow.session.add(
            Lesson(
                question=b"x",
                article_id=text.article_id,
                solved=True,
                person_id=they.visitor.id,
                language="en",
            )
        )
        boss = await people.add(uow, name="Zoe", role="admin", email="zoe@desk.example")
        admin = await people.actor_of(uow, boss)
    async with desk.unit(admin) as uow:
        await erase.erase(uow, admin, they.visitor.id)
    async with desk.unit() as uow:
        assert await uow.session.scalar(select(Lesson.id)) is None
        kept = await uow.session.scalar(select(Suggestion))
        remark = await uow.session.scalar(select(ArticleFeedback))
        assert kept is not None
        assert (kept.question, kept.person_id) == (None, None)
        assert remark is not None
        assert (remark.comment, remark.person_id, remark.helpful) == (None, None, False)


async def kept(they: House, audience: str) -> files.OpenFile:
    made = BytesIO()
    Image.new("RGB", (40, 30), "green").save(made, "PNG")
    text = await they.published(facts={"audience": audience})
    async with (
        receiving(they.desk.means, "hub.png", files.once(made.getvalue())) as received,
        they.desk.unit(they.ann) as uow,
    ):
        return await files.keep(uow, they.ann, text.article_id, received)


async def test_a_picture_is_read_by_whoever_reads_the_article(desk: Desk) -> None:
    they = await house(desk)
    internal = await kept(they, "internal")
    async with desk.unit() as uow:
        opened = await files.read(uow, they.ann, internal.row.id)
        assert (opened.name, opened.row.mime, opened.row.width) == ("hub.png", "image/png", 40)
        assert (await files.bytes_of(opened, desk.means.files)).startswith(b"\x89PNG")
        for reader in (STRANGER, they.visitor):
            with pytest.raises(NotFound):
                await files.read(uow, reader, internal.row.id)
        stored = await uow.session.get(ArticleFile, internal.row.id)
        assert stored is not None
        assert b"hub" not in stored.name
    public = await kept(they, "public")
    async with desk.unit() as uow:
        assert (await files.read(uow, STRANGER, public.row.id)).name == "hub.png"


async def test_files_that_nothing_names_are_swept(desk: Desk) -> None:
    they = await house(desk)
    used, unused = await kept(they, "public"), await kept(they, "public")
    async with desk.unit(they.ann) as uow:
        query = select(ArticleText).where(ArticleText.article_id == used.row.article_id)
        text = (await uow.session.scalars(query)).one()
        body = f"![x]({used.address})"
        await service.save(uow, they.ann, text.id, version=text.version, title="With", body=body)
    later = clock.now() + files.UNUSED_FOR * 2
    with clock.fixed(lambda: later):
        async with desk.unit(SYSTEM) as uow:
            assert await files.sweep(uow) == 1
    async with desk.unit() as uow:
        assert list(await uow.session.scalars(select(ArticleFile.id))) == [used.row.id]
    assert unused.row.id != used.row.id
