"""The demo desk's knowledge base: written, reviewed and read over the months of the story.

The articles lie beside this module as Markdown files with a head, as `deskbell kb import` reads
them: `articles/<name>.<language>.md`; what readers said of them stands in `feedback.json`.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from importlib.resources import files
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import insert

from bot.demo import settings
from bot.demo.cast import Cast, Member
from bot.demo.texts import Language, people
from core import clock
from core.access import Actor
from core.db import UnitOfWork
from core.desk import Desk
from core.errors import Invalid
from core.ids import new_id
from core.kb import documents, moderation, review, service, translations
from core.kb.documents import Document
from core.kb.model import Article, ArticleFeedback, ArticleText, ArticleView
from core.kb.service import Facts
from core.tickets.categories import categories

SCHEDULED = "autumn-check"
"""The article that is to be published in a few days."""
TWICE = 0.3
"""Share of the articles that were bettered once."""
DAYS = 90
_folder = files("bot.demo") / "articles"


@dataclass(frozen=True)
class Said:
    """What a reader said of an article."""

    article: str
    language: Language
    helpful: bool
    reason: str
    comment: str
    state: str


@dataclass(slots=True)
class _Written:
    """An article of the story: its text in each language, and how well it is liked and read."""

    article: Article
    texts: dict[str, ArticleText]
    documents: list[Document]
    likes: float
    reads: float


@cache
def texts() -> Mapping[str, tuple[Document, ...]]:
    """The articles by name, the original of each first. Raises `Invalid`, naming what is wrong."""
    found: dict[str, list[Document]] = {}
    wrong: list[str] = []
    for path in sorted(_folder.iterdir(), key=lambda path: path.name):
        document, problems = documents.read(path.name, path.read_bytes(), "en")
        wrong += [f"{problem.path}:{problem.line}: {problem.words}" for problem in problems]
        if document is not None:
            found.setdefault(document.group, []).append(document)
    if wrong:
        raise Invalid("\n".join(wrong))
    for those in found.values():
        those.sort(key=lambda one: (one.draft, one.language != one.original, one.language))
    return {name: tuple(those) for name, those in found.items()}


@cache
def said() -> tuple[Said, ...]:
    content = (files("bot.demo") / "feedback.json").read_bytes()
    return TypeAdapter(tuple[Said, ...]).validate_json(content)


async def write(desk: Desk, cast: Cast, seed: int, begin: datetime, now: datetime) -> int:
    """The whole knowledge base, from `begin` on; returns how many texts there are."""
    rng = random.Random(f"articles/{seed}")
    lead = cast[people().lead.email]
    async with desk.unit() as uow:
        places = {line.path: line.category.id for line in await categories(uow.session)}
    days = (now - begin).days - 4
    written: dict[str, _Written] = {}
    for name, those in sorted(texts().items(), key=lambda _pair: rng.random()):
        day = begin + timedelta(days=1 + rng.triangular(0, days, days / 6))
        at = day.replace(hour=rng.randint(7, 13), minute=rng.randint(0, 59))
        author = _author(cast, those[0], rng)
        written[name] = await _article(desk, author, lead, those, places[those[0].category], at, now, rng)
    async with desk.unit() as uow:
        await _relate(uow, written, rng)
        await _read(uow, written, now, rng)
    await _judge(desk, cast, lead, written, now, rng)
    return sum(len(one.texts) for one in written.values())


async def _article(
    desk: Desk,
    author: Member,
    lead: Member,
    those: Sequence[Document],
    category: UUID,
    at: datetime,
    now: datetime,
    rng: random.Random,
) -> _Written:
    first = those[0]
    with clock.fixed(lambda: at):
        async with desk.unit(author.actor) as uow:
            article, text = await service.create(
                uow,
                author.actor,
                title=first.title,
                body=first.body,
                language=first.language,
                template=first.template,
                facts=Facts(
                    category_id=category,
                    audience=first.audience,
                    owner_id=author.id,
                    tags=first.tags,
                    review_by=(now + timedelta(days=rng.randint(-15, 300))).date(),
                ),
            )
    made = _Written(
        article, {text.language: text}, list(those), rng.uniform(0.55, 0.97), rng.paretovariate(1.1)
    )
    if first.state == "draft":
        await _leave(desk, lead, first, text, now)
        return made
    if first.state == "in_review":
        await _ask(desk, author, lead, text, now - timedelta(hours=rng.uniform(3, 50)))
        return made
    again = at + timedelta(days=rng.uniform(8, 40))
    bettered = rng.random() < TWICE and "\n## " in first.body and again < now - timedelta(days=1)
    await _publish(desk, author, lead, text, first, at + timedelta(hours=3), whole=not bettered)
    for one in those[1:]:
        if not one.draft:
            later = at + timedelta(days=rng.uniform(1, 6))
            made.texts[one.language] = await _translate(desk, author, lead, article, one, later)
    if bettered:
        await _publish(desk, author, lead, text, first, again, whole=True)
    for one in those[1:]:
        if one.draft:
            await _publish_draft(desk, author, lead, text, one, now - timedelta(hours=rng.uniform(3, 30)))
    if first.state == "archived":
        with clock.fixed(lambda: now - timedelta(days=20)):
            async with desk.unit(lead.actor) as uow:
                kept = await uow.session.get_one(Article, article.id)
                await service.archive(uow, lead.actor, kept.id, version=kept.version)
    return made


async def _publish(
    desk: Desk, author: Member, lead: Member, text: ArticleText, one: Document, at: datetime, *, whole: bool
) -> None:
    """Written by its author, looked at by the lead. The first time its last part may be missing."""
    body = one.body if whole else one.body.rsplit("\n## ", 1)[0]
    with clock.fixed(lambda: at):
        async with desk.unit(author.actor) as uow:
            now = await uow.session.get_one(ArticleText, text.id)
            saved = await service.save(
                uow, author.actor, text.id, version=now.version, title=one.title, body=body
            )
            await review.ask(uow, author.actor, text.id, version=saved.version, reviewer_id=lead.id)
    with clock.fixed(lambda: at + timedelta(hours=2)):
        async with desk.unit(lead.actor) as uow:
            now = await uow.session.get_one(ArticleText, text.id)
            note = f"New part: {one.body.rsplit('## ', 1)[1].splitlines()[0]}" if now.revision else ""
            await review.approve(uow, lead.actor, text.id, version=now.version, note=note)


async def _translate(
    desk: Desk, author: Member, lead: Member, article: Article, one: Document, at: datetime
) -> ArticleText:
    with clock.fixed(lambda: at):
        async with desk.unit(author.actor) as uow:
            text = await translations.begin(
                uow, author.actor, article.id, one.language, title=one.title, body=one.body
            )
        async with desk.unit(lead.actor) as uow:
            return await service.publish(uow, lead.actor, text.id, version=text.version)


async def _publish_draft(
    desk: Desk, author: Member, lead: Member, text: ArticleText, one: Document, at: datetime
) -> None:
    """A change that waits for the lead."""
    with clock.fixed(lambda: at):
        async with desk.unit(author.actor) as uow:
            now = await uow.session.get_one(ArticleText, text.id)
            await service.save(
                uow, author.actor, text.id, version=now.version, title=one.title, body=one.body
            )
    await _ask(desk, author, lead, text, at)


async def _ask(desk: Desk, author: Member, lead: Member, text: ArticleText, at: datetime) -> None:
    with clock.fixed(lambda: at):
        async with desk.unit(author.actor) as uow:
            now = await uow.session.get_one(ArticleText, text.id)
            await review.ask(uow, author.actor, text.id, version=now.version, reviewer_id=lead.id)


async def _leave(desk: Desk, lead: Member, one: Document, text: ArticleText, now: datetime) -> None:
    """A draft that stays one, or is published by the clock."""
    if one.group != SCHEDULED:
        return
    with clock.fixed(lambda: now):
        async with desk.unit(lead.actor) as uow:
            await service.publish_at(
                uow, lead.actor, text.id, version=text.version, at=now + timedelta(days=3)
            )


async def _relate(uow: UnitOfWork, written: Mapping[str, _Written], rng: random.Random) -> None:
    """Two or three others of the same category."""
    for name, one in written.items():
        article = await uow.session.get_one(Article, one.article.id)
        near = [
            other.article.id
            for key, other in written.items()
            if other.article.category_id == article.category_id and key != name
        ]
        article.related = rng.sample(near, min(len(near), rng.choice((2, 3))))


async def _read(uow: UnitOfWork, written: Mapping[str, _Written], now: datetime, rng: random.Random) -> None:
    """Views of the last months, more on working days, and votes of one reader in twenty."""
    views: list[dict[str, object]] = []
    votes: list[dict[str, object]] = []
    for one in written.values():
        for known in one.texts.values():
            # It was published in another unit than the one that began it.
            text = await uow.session.get_one(ArticleText, known.id)
            if text.published_at is None:
                continue
            share = one.reads * (1.0 if text.language == "en" else 0.5)
            for ago in range(DAYS, -1, -1):
                day = (now - timedelta(days=ago)).date()
                if day < text.published_at.date():
                    continue
                count = int(rng.expovariate(1 / (share * (9 if day.weekday() < 5 else 4))))
                if count:
                    views.append(
                        {
                            "article_id": one.article.id, "language": text.language, "day": day,
                            "channel": "web", "count": min(count, 200),
                        }
                    )  # fmt: skip
                    votes += _votes(text, one, count, day, now, rng)
    for rows, model in ((views, ArticleView), (votes, ArticleFeedback)):
        for at in range(0, len(rows), 1_000):
            await uow.session.execute(insert(model), rows[at : at + 1_000])


def _votes(
    text: ArticleText, one: _Written, count: int, day: date, now: datetime, rng: random.Random
) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for _reader in range(min(count, 40)):
        if rng.random() < 0.05:
            at = datetime.combine(day, now.timetz()) - timedelta(minutes=rng.randint(0, 300))
            helpful = rng.random() < one.likes
            reason = "" if helpful else rng.choice(("", "unclear", "incomplete", "outdated", "wrong"))
            found.append(
                {
                    "id": new_id(), "article_text_id": text.id, "helpful": helpful, "reason": reason,
                    "state": "waiting", "at": min(at, now),
                }
            )  # fmt: skip
    return found


async def _judge(
    desk: Desk,
    cast: Cast,
    lead: Member,
    written: Mapping[str, _Written],
    now: datetime,
    rng: random.Random,
) -> None:
    """Comments: some of people with an account, some already decided on by the lead."""
    for place, one in enumerate(said()):
        text = written[one.article].texts[one.language]
        public = written[one.article].documents[0].audience == "public"
        someone = rng.choice([each for each in people().requesters if each.language == one.language])
        reader = Actor(None) if public and place % 2 else cast[someone.email].actor
        at = now - timedelta(days=rng.uniform(0.1, 3))
        with clock.fixed(lambda at=at: at):  # type: ignore[misc]
            async with desk.unit(reader) as uow:
                row = await moderation.give(
                    uow, reader, text.id, helpful=one.helpful, reason=one.reason, comment=one.comment
                )
            if one.state != "waiting":
                async with desk.unit(lead.actor) as uow:
                    await moderation.decide(uow, lead.actor, row.id, one.state)


def _author(cast: Cast, one: Document, rng: random.Random) -> Member:
    """An agent who knows the matter; whoever knows the most of it writes the most."""
    topic = _topic_of(one)
    skilled = [agent for agent in people().agents if topic in agent.skills]
    return cast[rng.choice(skilled or list(people().agents)).email]


def _topic_of(one: Document) -> str:
    return next(topic for path, topic in _TOPICS if one.category.endswith(path))


_TOPICS: Sequence[tuple[str, str]] = [
    (each.name, topic) for below in settings.TREE.values() for topic, each in below.items()
]
