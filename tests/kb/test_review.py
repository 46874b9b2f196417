"""Review, publishing at a time, revisions, translations: what becomes of a draft."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from bot import jobs
from core import clock
from core.admin import record, staff
from core.desk import Desk
from core.errors import Conflict, Forbidden, Invalid, NotFound, Refused
from core.kb import queries, review, revisions, service, translations
from core.kb.difference import difference
from core.kb.model import ArticleState, ArticleText
from core.people import service as people
from tests.kb.house import HOW_TO, STRANGER, House, house


async def asked(they: House, **more: Any) -> ArticleText:
    text = await they.written()
    async with they.desk.unit(they.ann) as uow:
        return await review.ask(uow, they.ann, text.id, version=text.version, **more)


async def test_the_author_asks_and_the_reviewer_publishes(desk: Desk) -> None:
    they = await house(desk)
    text = await asked(they, reviewer_id=they.lead.id)
    assert text.state == ArticleState.in_review
    async with desk.unit() as uow:
        assert not (await queries.published(uow.session, they.ann, language="en")).lines
        with pytest.raises(Forbidden):
            await review.approve(uow, they.bob, text.id, version=text.version)
    async with desk.unit(they.lead) as uow:
        done = await review.approve(uow, they.lead, text.id, version=text.version)
    assert (done.state, done.revision, done.reviewer_id) == ("published", 1, None)
    async with desk.unit() as uow:
        row = await revisions.get(uow, they.ann, text.id, 1)
        assert row.by == they.ann.id


async def test_given_back_with_words(desk: Desk) -> None:
    they = await house(desk)
    text = await asked(they)
    async with desk.unit(they.lead) as uow:
        with pytest.raises(Invalid):
            await review.give_back(uow, they.lead, text.id, version=text.version)
        back = await review.give_back(uow, they.lead, text.id, version=text.version, note="Too short")
    assert (back.state, back.review_note, back.has_draft) == ("draft", "Too short", True)
    async with desk.unit(they.ann) as uow:
        again = await review.ask(uow, they.ann, text.id, version=back.version)
        taken = await review.give_back(uow, they.ann, text.id, version=again.version)
    assert taken.state == ArticleState.draft


async def test_what_changed_under_the_reviewer_is_not_published_unread(desk: Desk) -> None:
    they = await house(desk)
    text = await asked(they)
    seen = text.version
    async with desk.unit(they.ann) as uow:
        saved = await service.save(uow, they.ann, text.id, version=seen, title="Other", body="Other words")
    assert saved.state == ArticleState.draft
    async with desk.unit(they.lead) as uow:
        with pytest.raises(Conflict):
            await review.approve(uow, they.lead, text.id, version=seen)
        with pytest.raises(Refused):
            await review.approve(uow, they.lead, text.id, version=saved.version)


async def test_a_published_article_in_review_anew_is_read_as_it_was(desk: Desk) -> None:
    they = await house(desk)
    text = await they.published()
    changed = await they.changed(text.id, "Reset the hub", "Other words that are longer.", publish=False)
    async with desk.unit(they.ann) as uow:
        waits = await review.ask(uow, they.ann, text.id, version=changed.version)
    assert (waits.state, waits.live, waits.body) == ("in_review", True, HOW_TO)
    async with desk.unit(they.lead) as uow:
        back = await review.give_back(uow, they.lead, text.id, version=waits.version, note="No")
    assert back.state == ArticleState.published


async def test_only_who_publishes_can_be_asked(desk: Desk) -> None:
    they = await house(desk)
    text = await they.written()
    async with desk.unit(they.ann) as uow:
        for wrong in (they.bob.id, they.visitor.id, text.id):
            with pytest.raises(Invalid):
                await review.ask(uow, they.ann, text.id, version=text.version, reviewer_id=wrong)


async def timed(they: House) -> ArticleText:
    text = await they.written()
    async with they.desk.unit(they.lead) as uow:
        at = clock.now() + timedelta(hours=2)
        return await service.publish_at(uow, they.lead, text.id, version=text.version, at=at)


async def published_then(they: House, text: ArticleText) -> bool:
    """Whether the job publishes it once its time has come."""
    later = clock.now() + timedelta(hours=3)
    with clock.fixed(lambda: later):
        await jobs.run_one(they.desk, next(job for job in jobs.schedule() if job.name == "publish_articles"))
    return (await they.both(text.id))[1].live


async def test_published_at_its_time(desk: Desk) -> None:
    they = await house(desk)
    text = await timed(they)
    await jobs.run_one(desk, next(job for job in jobs.schedule() if job.name == "publish_articles"))
    assert not (await they.both(text.id))[1].live
    assert await published_then(they, text)
    assert (await they.both(text.id))[1].publish_at is None
    async with desk.unit() as uow:
        row = await revisions.get(uow, they.ann, text.id, 1)
        assert row.by == they.ann.id


async def emptied(they: House, text: ArticleText) -> None:
    async with they.desk.unit() as uow:
        await uow.session.execute(update(ArticleText).values(draft_body=""))


async def without_the_right(they: House, text: ArticleText) -> None:
    assert they.lead.id is not None
    async with they.desk.unit() as uow:
        await people.give_role(uow, await people.get(uow, they.lead.id), "agent")


async def gone(they: House, text: ArticleText) -> None:
    async with they.desk.unit() as uow:
        boss = await people.add(uow, name="Zoe", role="admin", email="zoe@desk.example")
        admin = await people.actor_of(uow, boss)
    assert they.lead.id is not None
    async with they.desk.unit(admin) as uow:
        await staff.deactivate(uow, admin, they.lead.id)


async def called_off(they: House, text: ArticleText) -> None:
    async with they.desk.unit(they.lead) as uow:
        await service.publish_at(uow, they.lead, text.id, version=text.version, at=None)


@pytest.mark.parametrize("what", [emptied, without_the_right, gone, called_off])
async def test_not_published_when(desk: Desk, what: Callable[[House, ArticleText], Awaitable[None]]) -> None:
    they = await house(desk)
    text = await timed(they)
    await what(they, text)
    assert not await published_then(they, text)
    _article, kept = await they.both(text.id)
    assert (kept.publish_at, kept.has_draft) == (None, True)


async def test_revisions_are_listed_and_taken_up_again(desk: Desk) -> None:
    they = await house(desk)
    text = await they.published()
    await they.changed(text.id, "Restart the hub", "Pull the plug, count to ten.")
    async with desk.unit(they.ann) as uow:
        assert [row.revision for row in await revisions.listed(uow, they.ann, text.id)] == [2, 1]
        with pytest.raises(NotFound):
            await revisions.get(uow, they.ann, text.id, 7)
        with pytest.raises(Forbidden):
            await revisions.listed(uow, they.visitor, text.id)
        current = (await they.both(text.id))[1]
        draft = await revisions.take_up(uow, they.ann, text.id, 1, version=current.version)
    assert (draft.draft_title, draft.draft_body, draft.title) == ("Reset the hub", HOW_TO, "Restart the hub")


async def test_a_translation_grows_stale_and_is_looked_at(desk: Desk) -> None:
    they = await house(desk)
    text = await they.published()
    async with desk.unit(they.ann) as uow:
        german = await translations.begin(uow, they.ann, text.article_id, "de")
        assert german.draft_body == HOW_TO
        with pytest.raises(Invalid):
            await translations.begin(uow, they.ann, text.article_id, "en")
    await they.changed(german.id, "Hub zurücksetzen", "Beide Tasten fünf Sekunden halten.")

    async def stale() -> bool:
        article, now = await they.both(german.id)
        return translations.is_stale(article, now, (await they.both(text.id))[1])

    assert not await stale()
    await they.changed(text.id, "Reset the hub", "Hold for ten seconds, not five.")
    assert await stale()
    async with desk.unit(they.ann) as uow:
        version = (await they.both(german.id))[1].version
        await translations.still_right(uow, they.ann, german.id, version=version)
    assert not await stale()
    async with desk.unit() as uow:
        both = await queries.languages_of(uow.session, STRANGER, text.article_id)
        assert [line.language for line in both] == ["de", "en"]


async def test_the_audit_names_the_article(desk: Desk) -> None:
    they = await house(desk)
    text = await they.published()
    async with desk.unit() as uow:
        boss = await people.add(uow, name="Zoe", role="admin", email="zoe@desk.example")
        admin = await people.actor_of(uow, boss)
        page = await record.entries(uow, admin, of=("article.",))
    assert [(each.name, each.thing) for each in page.entries] == [
        ("article.published", "Reset the hub"), ("article.created", "Reset the hub"),
    ]  # fmt: skip
    assert page.entries[0].data["revision"] == 1
    assert text.article_id


def test_a_difference_as_people_read_it() -> None:
    old = "\n".join(["# Title", "", "Press the left button."] + [f"line {n}" for n in range(20)])
    new = old.replace("left button", "right button").replace("line 19", "line 19\nThe end")
    found = difference(old, new)
    assert (found.added, found.removed) == (2, 1)
    assert [line.sort for line in found.lines] == (
        ["same"] * 2 + ["removed", "added"] + ["same"] * 3 + ["gap"] + ["same"] * 3 + ["added"]
    )
    removed = next(line for line in found.lines if line.sort == "removed")
    assert [piece.text for piece in removed.pieces if piece.changed] == ["left"]
    assert difference(old, old).same
    assert difference("", "a").added == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a\n" * 90_000, "b\n" * 90_000),
        ("\n".join(f"{n}" for n in range(20_000)), "\n".join(f"{n}x" for n in range(20_000))),
        ("word " * 40_000, "word " * 39_999 + "other"),
        ("\n".join("x y " * 20 for _ in range(2_400)), "\n".join("x z " * 20 for _ in range(2_400))),
    ],
)
def test_large_texts_are_compared_in_time(old: str, new: str) -> None:
    before = clock.now()
    found = difference(old, new)
    assert not found.same
    assert (clock.now() - before).total_seconds() < 10
