"""A browser without a screen: follows links, fills forms that are really on the page, keeps
cookies; and the mails that the desk has put into its outbox."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin

import httpx
from httpx import ASGITransport, Response
from sqlalchemy import select

from core.desk import Desk
from core.outbox_model import Delivery
from core.people import links
from core.people import service as people
from core.people.model import Person
from webui import public
from webui.app import make_app
from webui.site import Site

public.PACE_SECONDS = 0.0


class Browser(httpx.AsyncClient):
    """`look` goes to a page, `submit` fills the form with that action, `page` is the last answer."""

    page: Response

    async def look(self, url: str, **more: Any) -> Response:
        self.page = await self.get(url, follow_redirects=True, **more)
        return self.page

    async def submit(
        self,
        action: str | None,
        fields: dict[str, Any] | None = None,
        *,
        button: str = "",
        follow: bool = True,
        **more: Any,
    ) -> Response:
        """Send the form of the page whose action is this (None: the page itself)."""
        form = next((one for one in self.forms() if one.action == action and button in one.buttons), None)
        assert form is not None, f"no form {action} {button} among {[one.action for one in self.forms()]}"
        name, _equals, value = button.partition("=")
        data = {**form.fields, **({name: value} if button else {}), **(fields or {})}
        url = urljoin(str(self.page.url), action or "")
        self.page = await self.post(url, data=data, follow_redirects=follow, **more)
        return self.page

    def forms(self) -> list[Form]:
        found = Forms()
        found.feed(self.page.text)
        return found.forms

    @property
    def text(self) -> str:
        """What the page says, without markup."""
        body = re.sub(r"(?s)<(script|style|template|dialog|svg)\b.*?</\1>", " ", self.page.text)
        from html import unescape

        return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body)))


class Form:
    def __init__(self, action: str | None) -> None:
        self.action = action
        self.fields: dict[str, Any] = {}
        self.buttons: set[str] = {""}


class Forms(HTMLParser):
    """The forms of a page with what stands in their fields."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._select = ""
        self._textarea = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = dict(attrs)
        name, value = has.get("name") or "", has.get("value") or ""
        if tag == "form":
            self.forms.append(Form(has.get("action")))
        if not self.forms:
            return
        form = self.forms[-1]
        if tag == "input" and name:
            if has.get("type") in ("checkbox", "radio"):
                if "checked" in has:
                    form.fields[name] = value
            elif has.get("type") != "file":
                form.fields[name] = value
        elif tag == "button" and name:
            form.buttons.add(f"{name}={value}")
        elif tag == "textarea":
            self._textarea, form.fields[name] = name, ""
        elif tag == "select":
            self._select, form.fields[name] = name, ""
        elif tag == "option" and self._select and "selected" in has:
            form.fields[self._select] = value

    def handle_data(self, data: str) -> None:
        if self._textarea and self.forms:
            self.forms[-1].fields[self._textarea] += data.lstrip("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._textarea = ""
        elif tag == "select":
            self._select = ""


class World:
    """A desk with its web, and as many browsers as wanted."""

    def __init__(self, desk: Desk, *, public_url: str = "http://test") -> None:
        self.desk = desk
        self.site = Site(desk=desk, public_url=public_url)
        self.app = make_app(self.site)
        self.base = public_url

    @asynccontextmanager
    async def browser(self, address: str = "192.0.2.1", **headers: str) -> AsyncIterator[Browser]:
        transport = ASGITransport(app=self.app, client=(address, 1234))
        given = {"accept-language": "en", "user-agent": "Mozilla/5.0 (X11; Linux) Firefox/130", **headers}
        async with Browser(transport=transport, base_url=self.base, headers=given) as browser:
            yield browser

    async def person(self, name: str, email: str = "", role: str = "requester", **more: Any) -> Person:
        async with self.desk.unit() as uow:
            return await people.add(uow, name=name, email=email, role=role, verified=bool(email), **more)

    async def sign_in_path(self, person: Person) -> str:
        async with self.desk.unit() as uow:
            person = await people.get(uow, person.id)
            return links.PATHS[links.Purpose.sign_in] + await links.issue(uow, person, links.Purpose.sign_in)

    @asynccontextmanager
    async def signed_in(self, person: Person, **more: Any) -> AsyncIterator[Browser]:
        async with self.browser(**more) as browser:
            await browser.look(await self.sign_in_path(person))
            await browser.submit(None, follow=False)
            assert browser.page.status_code == 303, browser.text
            yield browser

    async def mails(self) -> list[tuple[str, dict[str, str]]]:
        """The sealed mails in the outbox: card and what it says, oldest first."""
        async with self.desk.unit() as uow:
            rows = await uow.session.scalars(
                select(Delivery)
                .where(Delivery.kind == "mail", Delivery.args.has_key("sealed"))
                .order_by(Delivery.id)
            )
            return [(row.card or "", await links.mailed(uow, row)) for row in rows]
