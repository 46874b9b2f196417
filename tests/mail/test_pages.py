"""In a browser: the built-in outbox, and turning mails off without signing in."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from sqlalchemy import select

from adapters.mail.outbox import OutboxMailer
from core.desk import Desk
from core.ids import new_id
from core.notices import unsubscribe
from core.notices.rules import wants
from core.outbox_model import OutboxMail
from core.people.model import Person
from core.ports.mail import Mail
from tests.notices.test_bell import browser
from tests.notices.world import agent, requester
from webui.app import make_app
from webui.site import Site


@pytest.fixture
async def stranger(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    app = make_app(Site(desk=desk, public_url="http://test"))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        yield client


async def wanted(desk: Desk, person: Person, kind: str = "answered") -> bool:
    async with desk.unit() as uow:
        found = await uow.session.get(Person, person.id)
        assert found is not None
        return wants(found.preferences, kind, "mail")


def token_of(desk: Desk, person: Person, kind: str = "answered") -> str:
    return unsubscribe.token(desk.means.keys.signing, person.id, kind)


async def test_one_click_of_a_mail_program_turns_one_kind_off(
    desk: Desk, stranger: httpx.AsyncClient
) -> None:
    ada = await requester(desk)
    token = token_of(desk, ada)
    said = await stranger.post(f"/unsubscribe/{token}", data={"List-Unsubscribe": "One-Click"})
    assert said.status_code == 200
    assert not await wanted(desk, ada)
    assert await wanted(desk, ada, "resolved")


async def test_looking_turns_nothing_off_and_the_page_works_in_the_readers_language(
    desk: Desk, stranger: httpx.AsyncClient
) -> None:
    ada = await requester(desk, locale="de")
    token = token_of(desk, ada)
    page = await stranger.get(f"/unsubscribe/{token}")
    assert page.status_code == 200
    assert 'lang="de"' in page.text
    assert f'action="/unsubscribe/{token}"' in page.text
    assert await wanted(desk, ada)
    await stranger.post(f"/unsubscribe/{token}")
    assert not await wanted(desk, ada)
    await stranger.post(f"/unsubscribe/{token}/delete")
    assert await wanted(desk, ada)


async def test_a_link_that_is_not_ours_does_nothing(desk: Desk, stranger: httpx.AsyncClient) -> None:
    ada = await requester(desk)
    token = token_of(desk, ada)
    for bad in ("x", token[:-4], token.swapcase(), unsubscribe.token(b"k" * 32, ada.id, "answered"),
                token_of(desk, Person(id=new_id()))):  # fmt: skip
        assert (await stranger.get(f"/unsubscribe/{bad}")).status_code == 404
        assert (await stranger.post(f"/unsubscribe/{bad}")).status_code == 404
    assert await wanted(desk, ada)


async def test_the_outbox_is_for_whoever_runs_the_desk(desk: Desk) -> None:
    ada, bob, lea = await requester(desk), await agent(desk, "Bob"), await agent(desk, "Lea", role="admin")
    mailer = OutboxMailer(desk)
    for n in range(31):
        await mailer.send(
            Mail(
                person_id=ada.id, to="ada@example.org", to_name="Ada", subject=f"Mail {n} <b>",
                text="See https://help.example.com/t/abc\nBye", html="<p>Bye</p><script>alert(1)</script>",
                message_id=f"<{n}@host>",
            )
        )  # fmt: skip
    async with await browser(desk, lea) as client:
        page = await client.get("/admin/outbox")
        assert page.status_code == 200
        assert "Mail 30 &lt;b&gt;" in page.text
        assert "Mail 0 " not in page.text
        older = page.text.split('href="/admin/outbox?before=')[1].split('"')[0]
        assert "Mail 0 " in (await client.get(f"/admin/outbox?before={older}")).text
        async with desk.unit() as uow:
            mail_id = await uow.session.scalar(select(OutboxMail.id).limit(1))
        one = await client.get(f"/admin/outbox/{mail_id}")
        assert 'href="https://help.example.com/t/abc"' in one.text
        html = await client.get(f"/admin/outbox/{mail_id}/html")
        assert html.text.startswith("<p>Bye</p>")
        assert "sandbox" in html.headers["content-security-policy"]
        assert "allow-scripts" not in html.headers["content-security-policy"]
        assert (await client.get(f"/admin/outbox/{new_id()}")).status_code == 404
    for nobody in (bob, ada):
        async with await browser(desk, nobody) as client:
            for path in ("", f"/{mail_id}", f"/{mail_id}/html"):
                assert (await client.get(f"/admin/outbox{path}")).status_code == 404
    async with desk.unit() as uow:
        await uow.keys.destroy_person(uow.session, ada.id)
    async with await browser(desk, lea) as client:
        gone = await client.get("/admin/outbox")
        assert gone.status_code == 200
        assert "ada@example.org" not in gone.text
        assert (await client.get(f"/admin/outbox/{mail_id}/html")).status_code == 404
