"""A desk with two agents, a lead and a requester, and articles made the short way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from core.access import Actor
from core.desk import Desk
from core.kb import service
from core.kb.model import Article, ArticleText
from core.kb.service import Facts
from core.people import service as people

STRANGER = Actor(None)
HOW_TO = "Hold the two buttons for five seconds, until the light turns green.\n\n## Then\n\nWait a minute."


@dataclass(slots=True)
class House:
    desk: Desk
    ann: Actor
    bob: Actor
    lead: Actor
    visitor: Actor

    async def written(self, title: str = "Reset the hub", body: str = HOW_TO, **more: Any) -> ArticleText:
        """A draft of Ann's."""
        facts = Facts(**{"owner_id": self.ann.id, **more.pop("facts", {})})
        async with self.desk.unit(self.ann) as uow:
            _article, text = await service.create(uow, self.ann, title=title, body=body, facts=facts, **more)
            return text

    async def published(self, title: str = "Reset the hub", body: str = HOW_TO, **more: Any) -> ArticleText:
        text = await self.written(title, body, **more)
        async with self.desk.unit(self.lead) as uow:
            return await service.publish(uow, self.lead, text.id, version=text.version)

    async def changed(self, text_id: UUID, title: str, body: str, *, publish: bool = True) -> ArticleText:
        """The next draft, and the next revision of it."""
        text = (await self.both(text_id))[1]
        async with self.desk.unit(self.lead) as uow:
            saved = await service.save(uow, self.lead, text_id, version=text.version, title=title, body=body)
            if publish:
                await service.publish(uow, self.lead, text_id, version=saved.version)
            return saved

    async def both(self, text_id: UUID) -> tuple[Article, ArticleText]:
        async with self.desk.unit() as uow:
            text = await uow.session.get(ArticleText, text_id)
            assert text is not None
            article = await uow.session.get(Article, text.article_id)
            assert article is not None
            return article, text


async def house(desk: Desk) -> House:
    made = []
    for name, role in (("Ann", "agent"), ("Bob", "agent"), ("Lea", "lead"), ("Vic", "requester")):
        async with desk.unit() as uow:
            person = await people.add(uow, name=name, role=role, email=f"{name.lower()}@desk.example")
            made.append(await people.actor_of(uow, person))
    return House(desk, *made)
