"""People, organisations and roles through the admin's pages."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

import pytest
from admin_world import World, said, version_in, world
from sqlalchemy import func, select

from core.access import Permission
from core.conversations.model import Message
from core.crypto.model import PersonKey
from core.db import EventRow
from core.desk import Desk
from core.outbox_model import Delivery
from core.people import links
from core.people import service as people
from core.people.model import Credential, Erased, Identity, Person, Session, TeamMember
from core.tickets import access
from core.tickets import service as tickets


@pytest.fixture
async def here(desk: Desk) -> AsyncIterator[World]:
    async with world(desk) as made:
        yield made


async def opened_by(here: World, name: str, text: str) -> int:
    async with here.desk.unit() as uow:
        person = await people.get(uow, here.ids[name])
        actor = await people.actor_of(uow, person)
        made = await tickets.open_ticket(uow, actor, person, tickets.Request(text=text))
        return made.number


async def test_an_invitation_is_mailed_and_shown_once(here: World) -> None:
    answer = await here.admin.post(
        "/admin/people/invitation", email="new@example.com", name="Newcomer", role="agent", locale="en"
    )
    assert answer.status_code == 200
    found = re.search(r"http://test/invite/(\w+)", answer.text)
    assert found is not None
    async with here.desk.unit() as uow:
        invited = await links.look(uow, found[1], links.Purpose.invite)
        assert invited.person.role == "agent"
        mail = await uow.session.scalar(select(Delivery).where(Delivery.person_id == invited.person.id))
        assert mail is not None
        assert mail.card == "invite"
        assert found[1] not in str(mail.args)
    again = await here.admin.get(f"/admin/people/{invited.person.id}")
    assert found[1] not in again.text
    assert "Newcomer" in said(await here.admin.get("/admin/people", q="newc"))


@pytest.mark.parametrize(
    ("email", "role", "words"),
    [
        ("", "agent", "needs an address"),
        ("nonsense", "agent", "does not look like"),
        ("bob@example.com", "agent", "has an account already"),
        ("x@example.com", "requester", "choose one of the list"),
        ("x@example.com", "emperor", "choose one of the list"),
    ],
)
async def test_a_wrong_invitation_says_why_and_keeps_what_was_typed(
    here: World, email: str, role: str, words: str
) -> None:
    answer = await here.admin.post("/admin/people/invitation", email=email, name="Keep me", role=role)
    assert answer.status_code == 422
    assert words in said(answer)
    assert "Keep me" in answer.text
    async with here.desk.unit() as uow:
        assert await uow.session.scalar(select(func.count()).select_from(Person)) == 4


async def test_role_skills_and_capacity_are_changed_once_a_version(here: World) -> None:
    page = f"/admin/people/{here.ids['bob']}"
    version = version_in(await here.admin.get(page))
    answer = await here.admin.post(page, version=version, role="lead", skills="Tax, printers", capacity="7")
    assert answer.status_code == 303
    bob = await here.person("bob")
    assert (bob.role, bob.capacity, len(bob.skills)) == ("lead", 7, 2)
    stale = await here.admin.post(page, version=version, role="agent", skills="", capacity="7")
    assert stale.status_code == 409
    assert "in the meantime" in said(stale)
    assert (await here.person("bob")).role == "lead"
    wrong = await here.admin.post(page, version=str(bob.version), role="lead", skills="", capacity="9999")
    assert wrong.status_code == 422


async def test_the_last_admin_stays(here: World) -> None:
    page = f"/admin/people/{here.ids['ann']}"
    version = version_in(await here.admin.get(page))
    answer = await here.admin.post(page, version=version, role="agent", skills="", capacity="20")
    assert answer.status_code == 409
    assert "last admin" in said(answer)
    assert (await here.person("ann")).role == "admin"


async def test_two_admins_cannot_demote_each_other_at_once(here: World) -> None:
    async with here.desk.unit() as uow:
        await people.give_role(uow, await people.get(uow, here.ids["lea"]), "admin")

    async def demote(by: str, whom: str) -> int:
        page = f"/admin/people/{here.ids[whom]}"
        version = str((await here.person(whom)).version)
        answer = await here.browsers[by].post(page, version=version, role="agent", skills="", capacity="20")
        return answer.status_code

    await asyncio.gather(demote("ann", "lea"), demote("lea", "ann"))
    roles = [(await here.person(name)).role for name in ("ann", "lea")]
    assert roles.count("admin") >= 1


async def test_deactivating_signs_out_and_gives_tickets_back(here: World) -> None:
    number = await opened_by(here, "ada", "The printer is on fire")
    async with here.desk.unit(await here.actor("bob")) as uow:
        await tickets.claim(uow, uow.actor, number)
    page = f"/admin/people/{here.ids['bob']}"
    assert (await here.admin.post(f"{page}/active/delete")).status_code == 303
    bob = await here.person("bob")
    assert not bob.active
    async with here.desk.unit() as uow:
        ticket = (await access.get(uow, uow.actor, number)).ticket
        assert ticket.assignee_id is None
        left = (
            select(func.count())
            .select_from(Session)
            .where(Session.person_id == bob.id, Session.revoked_at.is_(None))
        )
        assert await uow.session.scalar(left) == 0
    assert (await here.browsers["bob"].get("/admin")).status_code == 303
    assert (await here.admin.post(f"{page}/active")).status_code == 303
    assert (await here.person("bob")).active
    own = await here.admin.post(f"/admin/people/{here.ids['ann']}/active/delete")
    assert own.status_code == 409


async def test_blocking_is_for_requesters(here: World) -> None:
    assert (await here.admin.post(f"/admin/people/{here.ids['ada']}/block")).status_code == 303
    assert (await here.person("ada")).blocked_at is not None
    assert "Ada" in said(await here.browsers["lea"].get("/admin/moderation/blocked"))
    assert (
        await here.browsers["lea"].post(f"/admin/moderation/blocked/{here.ids['ada']}/delete")
    ).status_code == 303
    assert (await here.person("ada")).blocked_at is None
    assert (await here.admin.post(f"/admin/people/{here.ids['bob']}/block")).status_code == 409


async def test_erasing_needs_the_word_and_leaves_nothing(here: World) -> None:
    own = await opened_by(here, "ada", "My secret matter")
    others = await opened_by(here, "lea", "A matter of Lea")
    async with here.desk.unit() as uow:
        ada = await people.get(uow, here.ids["ada"])
        thread = (await access.get(uow, uow.actor, others)).thread
        from core.conversations.service import Saying, say

        actor = await people.actor_of(uow, ada)
        await say(uow, thread, actor, Saying(text="Ada was here"))
        uow.session.add(Identity(person_id=ada.id, platform="webchat", digest=b"d" * 16))
    page = f"/admin/people/{here.ids['ada']}/erasure"
    assert "My secret" not in (await here.admin.get(page)).text
    refused = await here.admin.post(page, word="yes")
    assert refused.status_code == 422
    assert (await here.person("ada")).erased_at is None
    assert (await here.admin.post(page, word=" erase ")).status_code == 303

    ada = await here.person("ada")
    assert ada.erased_at is not None
    assert (ada.name, ada.email, ada.email_digest, ada.name_terms, ada.active) == (
        None,
        None,
        None,
        [],
        False,
    )
    async with here.desk.unit() as uow:
        for model in (Identity, Session, Credential, TeamMember):
            rows = select(func.count()).select_from(model).where(model.person_id == ada.id)
            assert await uow.session.scalar(rows) == 0
        assert await uow.session.get(PersonKey, ada.id) is None
        assert await uow.session.get(Erased, ada.id) is not None
        words = await uow.session.scalars(select(Message).where(Message.author_id == ada.id))
        assert [(row.body, row.terms) for row in words] == [(None, []), (None, [])]
        opened = await access.get(uow, uow.actor, own)
        assert opened.ticket.status == "closed"
        assert opened.key == b""
        assert (await access.get(uow, uow.actor, others)).ticket.status == "open"
        assert (
            await uow.session.scalar(
                select(func.count()).select_from(EventRow).where(EventRow.name == "person.erased")
            )
            == 1
        )
    shown = await here.admin.get(f"/admin/people/{ada.id}")
    assert "Erased person" in said(shown)
    assert (await here.admin.post(page, word="erase")).status_code == 303


async def test_organisations_are_sealed_and_their_domains_are_one_s_own(here: World) -> None:
    made = await here.admin.post(
        "/admin/organisations",
        name="Analytical Engines",
        domains="@Engines.example\nmünchen.example",
        members_see_all="1",
    )
    assert made.status_code == 303
    page = await here.admin.get("/admin/organisations")
    assert "Analytical Engines" in said(page)
    found = re.search(r"/admin/organisations/([0-9a-f-]{36})", page.text)
    assert found is not None
    taken = await here.admin.post("/admin/organisations", name="Other", domains="engines.example")
    assert taken.status_code == 422
    assert "another organisation" in said(taken)
    assert (
        await here.admin.post("/admin/organisations", name="Other", domains="not a domain!")
    ).status_code == 422
    assert (await here.admin.post("/admin/organisations", name="", domains="")).status_code == 422
    ada = f"/admin/people/{here.ids['ada']}"
    version = version_in(await here.admin.get(ada))
    assert (
        await here.admin.post(f"{ada}/organisation", version=version, organisation=found[1])
    ).status_code == 303
    assert "Ada" in said(await here.admin.get(f"/admin/organisations/{found[1]}"))
    async with here.desk.unit() as uow:
        charles = await people.add(uow, name="Charles", email="charles@MÜNCHEN.example")
        assert charles.organisation_id is None
        await people.verify_email(uow, charles)
        assert str(charles.organisation_id) == found[1]
    one = f"/admin/organisations/{found[1]}"
    stale = await here.admin.post(one, version="99", name="New", domains="")
    assert stale.status_code == 409


async def test_a_role_s_change_holds_from_the_next_click(here: World) -> None:
    roles = await here.admin.get("/admin/roles")
    was = re.search(r'action="/admin/roles/agent">.*?name="was" value="([^"]*)"', roles.text, re.S)
    assert was is not None
    wanted = [*was[1].split(), Permission.see_audit.value]
    assert (await here.browsers["bob"].get("/admin/audit")).status_code == 404
    assert (await here.admin.post("/admin/roles/agent", was=was[1], permission=wanted)).status_code == 303
    assert (await here.browsers["bob"].get("/admin/audit")).status_code == 200
    stale = await here.admin.post("/admin/roles/agent", was=was[1], permission=[])
    assert stale.status_code == 409
    assert (await here.admin.post("/admin/roles/admin", was="", permission=[])).status_code == 409
    wrong = await here.admin.post("/admin/roles/requester", was="ticket.open", permission=["desk.manage"])
    assert wrong.status_code == 422
    assert (await here.admin.post("/admin/roles/emperor", was="", permission=[])).status_code == 404


async def test_signing_out_everywhere(here: World) -> None:
    assert (await here.browsers["lea"].get("/admin")).status_code == 200
    assert (await here.admin.post(f"/admin/people/{here.ids['lea']}/sessions/delete")).status_code == 303
    assert (await here.browsers["lea"].get("/admin")).status_code == 303
