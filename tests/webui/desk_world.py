"""A small desk with its web for tests of the staff's pages: two agents, a lead, two requesters."""

from __future__ import annotations

import re
from typing import Any

from core.access import Actor
from core.conversations.service import Saying
from core.desk import Desk
from core.people import service as people
from core.people.model import Person, Team, TeamMember
from core.tickets import access
from core.tickets import service as tickets
from core.tickets.access import Opened
from core.tickets.model import Category
from tests.webui.browsing import Browser, World


class DeskWorld(World):
    """`bob` and `mira` are agents, `lea` leads, `ada` and `theo` ask."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.people: dict[str, Person] = {}
        self.actors: dict[str, Actor] = {}

    team: Team
    category: Category

    async def settle(self) -> DeskWorld:
        async with self.desk.unit() as uow:
            self.team = Team(name="Billing")
            uow.session.add(self.team)
            await uow.session.flush()
            for key, name, role in (
                ("bob", "Bob Smith", "agent"), ("mira", "Mira Lindqvist", "agent"), ("lea", "Lea Lead", "lead"),
                ("ada", "Ada Okafor", "requester"), ("theo", "Theo Marchetti", "requester"),
            ):  # fmt: skip
                person = await people.add(
                    uow, name=name, email=f"{key}@example.org", role=role, verified=True
                )
                self.people[key] = person
                if key in ("bob", "lea"):
                    uow.session.add(TeamMember(team_id=self.team.id, person_id=person.id))
            await uow.session.flush()
            for key, person in self.people.items():
                self.actors[key] = await people.actor_of(uow, person)
            self.category = Category(
                name="Invoices",
                fields=[
                    {"id": "invoice", "label": "Invoice", "type": "text", "required": False, "options": [], "hint": ""},
                    {"id": "paid", "label": "Paid", "type": "bool", "required": False, "options": [], "hint": ""},
                ],
            )  # fmt: skip
            uow.session.add(self.category)
        return self

    async def ticket(
        self, subject: str = "Wrong invoice", body: str = "It says 19 %.", who: str = "ada", **more: Any
    ) -> int:
        async with self.desk.unit(self.actors[who]) as uow:
            person = await people.get(uow, self.people[who].id)
            request = tickets.Request(subject=subject, text=body, **more)
            return (await tickets.open_ticket(uow, self.actors[who], person, request)).number

    async def hears(self, number: int, words: str, who: str = "ada") -> None:
        async with self.desk.unit(self.actors[who]) as uow:
            opened = await access.change(uow, self.actors[who], number)
            person = await people.get(uow, self.people[who].id)
            await tickets.hear(uow, opened, self.actors[who], Saying(text=words), person)

    async def get(self, number: int) -> Opened:
        async with self.desk.unit() as uow:
            return await access.get(uow, uow.actor, number)

    async def do(self, browser: Browser, path: str, fields: dict[str, Any] | None = None, **more: Any) -> Any:
        """Send one of the desk's forms as a browser would, with the token of its last page."""
        if not getattr(browser, "token", ""):
            page = await browser.get("/desk/new")
            browser.token = re.search(r'name="csrf" content="([0-9a-f]+)"', page.text)[1]  # type: ignore[attr-defined,index]
        data = {"csrf": browser.token, **(fields or {})}  # type: ignore[attr-defined]
        browser.page = await browser.post(path, data=data, **more)
        return browser.page

    async def script(
        self, browser: Browser, path: str, fields: dict[str, Any] | None = None, **more: Any
    ) -> Any:
        headers = {"x-fragment": "1", "accept": "application/json", **more.pop("headers", {})}
        return await self.do(browser, path, fields, headers=headers, **more)
