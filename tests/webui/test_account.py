"""One's own account: profile, notices, password, second step, sessions, tokens, joining."""

from __future__ import annotations

import re
from datetime import timedelta

import pyotp
import pytest
from sqlalchemy import select

from core import clock, desk_settings
from core.chat import Sender
from core.desk import Desk
from core.notices import rules
from core.people import credentials, links, tokens
from core.people import service as people
from core.people.model import Identity, Person
from core.tickets import service as tickets
from core.tickets.model import Ticket
from tests.webui.browsing import Browser, World

PASSWORD = "violet tractor parade"
OTHER = "copper lantern meadow"


@pytest.fixture
def world(desk: Desk) -> World:
    return World(desk)


async def known(world: World, person: Person) -> people.Known:
    async with world.desk.unit() as uow:
        return await people.know(uow, await people.get(uow, person.id))


async def set_password(world: World, person: Person) -> None:
    async with world.desk.unit() as uow:
        await credentials.set_password(uow, await people.get(uow, person.id), PASSWORD)


# --- profile and notices ----------------------------------------------------------------


async def test_a_profile_is_kept_and_wrong_values_stay_on_the_page(world: World) -> None:
    ada = await world.person("Ada", "ada@example.org")
    async with world.signed_in(ada) as browser:
        await browser.look("/account")
        await browser.submit("/account", {"zone": "Moon/Crater", "phone": "+49 30 1234"})
        assert browser.page.status_code == 422
        assert "There is no such time zone." in browser.text
        assert browser.forms()[1].fields["phone"] == "+49 30 1234"
        await browser.submit("/account", {"name": "Ada Okafor", "zone": "Europe/Berlin", "locale": "de"})
        assert "Konto" in browser.text or browser.page.status_code == 200
    now = await known(world, ada)
    assert (now.name, now.profile.zone, now.profile.phone, now.locale) == (
        "Ada Okafor", "Europe/Berlin", "+49 30 1234", "de",
    )  # fmt: skip
    assert now.email_verified


async def test_a_new_address_is_used_only_once_proved_by_its_owner(world: World) -> None:
    ada = await world.person("Ada", "ada@example.org")
    async with world.signed_in(ada) as browser:
        await browser.look("/account")
        await browser.submit("/account", {"email": "new@example.org"})
        assert "on its way to the new address" in browser.page.text
        [(card, said)] = await world.mails()
        assert (card, said["to"]) == ("verify_email", "new@example.org")
        assert (await known(world, ada)).email == "ada@example.org"
        async with world.browser() as stranger:
            assert (await stranger.look(said["path"])).url.path == "/sign-in"
            csrf = stranger.forms()[0].fields["csrf"]
            answer = await stranger.post(said["path"], data={"csrf": csrf})
            assert answer.headers["location"].startswith("/sign-in")
        await browser.look(said["path"])
        await browser.submit(None)
        assert "This is your address now." in browser.page.text
    now = await known(world, ada)
    assert (now.email, now.email_verified) == ("new@example.org", True)


async def test_an_address_of_another_account_is_not_told(world: World) -> None:
    ada = await world.person("Ada", "ada@example.org")
    await world.person("Bob", "bob@example.org")
    async with world.signed_in(ada) as browser:
        await browser.look("/account")
        await browser.submit("/account", {"email": "bob@example.org"})
        assert "on its way to the new address" in browser.page.text
    assert [card for card, _said in await world.mails()] == ["account_exists"]
    assert (await known(world, ada)).email == "ada@example.org"


async def test_notices_are_kept_as_codes(world: World) -> None:
    ada = await world.person("Ada", "ada@example.org")
    async with world.signed_in(ada) as browser:
        await browser.look("/account/notices")
        form = next(one for one in browser.forms() if one.action == "/account/notices")
        assert set(form.fields) == {
            "csrf", "ticket_received-mail", "answered-mail", "resolved-mail", "call-mail",
        }  # fmt: skip
        csrf = form.fields["csrf"]
        await browser.post("/account/notices", data={"csrf": csrf, "answered-mail": "1"})
    async with world.desk.unit() as uow:
        kept = (await people.get(uow, ada.id)).preferences
        assert not rules.wants(kept, "resolved", "mail")
        assert rules.wants(kept, "answered", "mail")


# --- password ---------------------------------------------------------------------------


async def test_a_password_change_ends_all_other_sessions(world: World) -> None:
    ada = await world.person("Ada", "ada@example.org")
    async with world.signed_in(ada) as here, world.signed_in(ada) as there:
        waiting = await world.sign_in_path(ada)
        await here.look("/account/security")
        await here.submit("/account/password", {"password": PASSWORD, "again": PASSWORD})
        assert "The password is set." in here.page.text
        assert (await here.look("/account")).url.path == "/account"
        assert (await there.look("/account")).url.path == "/sign-in"
        assert (await there.look(waiting)).status_code == 410


@pytest.mark.parametrize("how", ["password", "app", "no app", "others", "token", "wrong token"])
async def test_a_copy_of_the_cookie_is_signed_out_too(world: World, how: str) -> None:
    """A thief has the very session of the browser in which its owner puts things right."""
    bob = await world.person("Bob", "bob@example.org", "agent")
    async with world.signed_in(bob) as here, world.browser() as thief:
        codes: list[str] = []
        if how == "no app":
            _secret, codes = await set_up_app(here)
        thief.cookies.update(here.cookies)
        assert (await thief.look("/account")).url.path == "/account"
        await here.look("/account/security")
        if how == "password":
            await here.submit("/account/password", {"password": PASSWORD, "again": PASSWORD})
        elif how == "app":
            await set_up_app(here)
            # The page with the codes was made for the new one.
            csrf = here.forms()[0].fields["csrf"]
            assert (await here.post("/account/notices", data={"csrf": csrf})).status_code == 303
        elif how == "no app":
            await here.submit("/account/app/delete", {"remove_code": codes[0]})
        elif how == "others":
            async with world.signed_in(bob):
                await here.look("/account/security")
                await here.submit("/account/sessions/delete")
        else:
            await set_password(world, bob)
            asked = {
                "name": "x" if how == "token" else "",
                "scopes": "tickets:read",
                "token_current": PASSWORD,
            }
            later = clock.now() + timedelta(minutes=20)
            with clock.fixed(lambda: later):
                await here.look("/account/security")
                await here.submit("/account/tokens", asked)
                assert (here.page.status_code, "dskb_" in here.page.text) == (
                    (200, True) if how == "token" else (422, False)
                )
        assert (await here.look("/account")).url.path == "/account"
        await here.submit("/account", {"name": "Bob Smith"})
        assert here.page.status_code == 200
        assert (await thief.look("/account")).url.path == "/sign-in"


async def test_a_password_is_changed_by_who_knows_it_or_has_just_come_by_mail(world: World) -> None:
    ada = await world.person("Ada", "ada@example.org")
    await set_password(world, ada)
    async with world.browser() as browser:
        await browser.look("/sign-in")
        given = {"email": "ada@example.org", "password": PASSWORD}
        await browser.submit("/sign-in", given, button="how=password")
        await browser.look("/account/security")
        wanted = {"password": OTHER, "again": OTHER}
        for current in ({}, {"current": "not this one"}):
            await browser.submit("/account/password", {**wanted, **current})
            assert browser.page.status_code == 422
            assert "This is not your present password." in browser.text
        await browser.submit("/account/password", {**wanted, "current": PASSWORD})
        assert "The password is set." in browser.text
    async with world.signed_in(ada) as forgetful:
        await forgetful.look("/account/security")
        await forgetful.submit("/account/password", {"password": PASSWORD, "again": PASSWORD})
        assert "The password is set." in forgetful.text


async def test_an_old_session_needs_the_present_password(world: World) -> None:
    ada = await world.person("Ada", "ada@example.org")
    await set_password(world, ada)
    async with world.signed_in(ada) as browser:
        later = clock.now() + timedelta(minutes=20)
        with clock.fixed(lambda: later):
            await browser.look("/account/security")
            new = {"password": OTHER, "again": OTHER}
            await browser.submit("/account/password", {**new, "current": "wrong wrong wrong"})
            assert browser.page.status_code == 422
            assert "not your present password" in browser.text
            await browser.submit("/account/password", {**new, "current": PASSWORD})
            assert "The password is set." in browser.page.text


async def test_an_old_session_without_a_password_signs_in_again_first(world: World) -> None:
    ada = await world.person("Ada", "ada@example.org")
    async with world.signed_in(ada) as browser:
        await browser.look("/account/security")
        csrf = browser.forms()[0].fields["csrf"]
        later = clock.now() + timedelta(minutes=20)
        with clock.fixed(lambda: later):
            answer = await browser.post("/account/password", data={"csrf": csrf, "password": PASSWORD})
            assert answer.status_code == 403
            assert (await browser.post("/account/app", data={"csrf": csrf})).status_code == 403
            await browser.look("/account/security")
            assert "Please sign in again first" in browser.text


async def test_who_finds_a_browser_open_takes_nothing_with_them(world: World) -> None:
    """Neither by an address of their own, nor by a chat of their own, nor by a token."""
    bob = await world.person("Bob", "bob@example.org", "agent")
    await set_password(world, bob)
    token = {"name": "x", "days": "30", "scopes": "tickets:read"}
    async with world.signed_in(bob) as browser:
        later = clock.now() + timedelta(minutes=20)
        with clock.fixed(lambda: later):
            await browser.look("/account")
            await browser.submit("/account", {"email": "mallory@example.org"})
            assert (browser.page.status_code, await world.mails()) == (422, [])
            await browser.submit("/account/chats/code")
            assert browser.page.status_code == 422
            assert "/link " not in browser.page.text.replace("/link and the code", "")
            await browser.look("/account/security")
            await browser.submit("/account/tokens", token)
            assert browser.page.status_code == 422
            assert "dskb_" not in browser.page.text
            await browser.submit("/account/tokens", {**token, "token_current": PASSWORD})
            assert "dskb_" in browser.page.text
            await browser.look("/account")
            await browser.submit("/account/chats/code", {"chats_current": PASSWORD})
            assert "within ten minutes" in browser.text
            await browser.submit("/account", {"name": "Bob Smith"})
            assert browser.page.status_code == 200
            await browser.submit("/account", {"email": "new@example.org", "current": PASSWORD})
            assert [card for card, _said in await world.mails()] == ["verify_email"]


async def test_an_app_that_waits_for_its_first_code_is_not_shown_to_who_finds_the_browser_later(
    world: World,
) -> None:
    bob = await world.person("Bob", "bob@example.org", "agent")
    async with world.signed_in(bob) as browser:
        await browser.look("/account/security")
        await browser.submit("/account/app")
        found = re.search(r"<code>([A-Z2-7]{32})</code>", browser.page.text)
        assert found is not None
        csrf = browser.forms()[0].fields["csrf"]
        later = clock.now() + timedelta(minutes=20)
        with clock.fixed(lambda: later):
            await browser.look("/account/app")
            assert browser.page.url.path == "/account/security"
            code = pyotp.TOTP(found.group(1)).at(int(later.timestamp()))
            await browser.post("/account/app/confirm", data={"csrf": csrf, "code": code})
    async with world.desk.unit() as uow:
        assert not await credentials.has_totp(uow, await people.get(uow, bob.id))


async def test_who_became_a_colleague_stays_signed_in_no_longer_than_colleagues_do(world: World) -> None:
    ada = await world.person("Ada", "ada@example.org")
    begun = clock.now()
    async with world.signed_in(ada) as browser:
        async with world.desk.unit() as uow:
            await people.give_role(uow, await people.get(uow, ada.id), "agent")
        paths = []
        for day in (3, 6, 9, 12, 15):
            with clock.fixed(lambda then=begun + timedelta(days=day): then):
                paths.append((await browser.look("/account")).url.path)
    assert paths == ["/account"] * 4 + ["/sign-in"]


async def test_a_session_that_nobody_uses_is_over(world: World) -> None:
    ada, bob = (
        await world.person("Ada", "ada@example.org"),
        await world.person("Bob", "b@example.org", "agent"),
    )
    async with world.signed_in(ada) as hers, world.signed_in(bob) as his:
        for days, signed_in in ((3, {"ada", "bob"}), (8, {"ada"})):
            later = clock.now() + timedelta(days=days)
            with clock.fixed(lambda then=later: then):
                assert ((await his.look("/account")).url.path == "/account") == ("bob" in signed_in)
                assert ((await hers.look("/account")).url.path == "/account") == ("ada" in signed_in)


async def test_two_different_passwords_are_not_taken(world: World) -> None:
    ada = await world.person("Ada", "ada@example.org")
    async with world.signed_in(ada) as browser:
        await browser.look("/account/security")
        await browser.submit("/account/password", {"password": PASSWORD, "again": OTHER})
        assert "not the same" in browser.text
        await browser.submit("/account/password", {"password": "password1234", "again": "password1234"})
        assert "anyone would guess" in browser.text


# --- second step ------------------------------------------------------------------------


async def set_up_app(browser: Browser) -> tuple[str, list[str]]:
    await browser.look("/account/security")
    await browser.submit("/account/app")
    found = re.search(r"<code>([A-Z2-7]{32})</code>", browser.page.text)
    assert found is not None
    secret = found.group(1)
    code = pyotp.TOTP(secret).at(int(clock.now().timestamp()) - 30)
    await browser.submit("/account/app/confirm", {"code": code})
    return secret, re.findall(r"<li>([a-z2-9]{5}-[a-z2-9]{5})</li>", browser.page.text)


async def test_an_app_is_set_up_and_its_codes_are_shown_once(world: World) -> None:
    bob = await world.person("Bob", "bob@example.org", "agent")
    async with world.signed_in(bob) as browser:
        await browser.look("/account/security")
        await browser.submit("/account/app")
        assert 'src="data:image/svg+xml' in browser.page.text
        await browser.submit("/account/app/confirm", {"code": "000000"})
        assert browser.page.status_code == 422
        secret, codes = await set_up_app(browser)
        assert len(codes) == 10
        await browser.look("/account/security")
        assert "10 recovery codes are left" in browser.text
        assert codes[0] not in browser.page.text
        await browser.look("/account/app")
        assert browser.page.url.path == "/account/security"

        await browser.submit("/account/recovery-codes", {"codes_code": "123456"})
        assert browser.page.status_code == 422
        await browser.submit("/account/recovery-codes", {"codes_code": pyotp.TOTP(secret).at(clock.now())})
        assert codes[0] not in browser.page.text
        assert len(re.findall(r"<li>[a-z2-9]{5}-[a-z2-9]{5}</li>", browser.page.text)) == 10
        await browser.look("/account/security")
        await browser.submit("/account/app/delete", {"remove_code": codes[0]})
        assert browser.page.status_code == 422


async def test_colleagues_without_a_second_step_set_it_up_first_where_the_desk_asks_for_it(
    world: World,
) -> None:
    bob = await world.person("Bob", "bob@example.org", "agent")
    ada = await world.person("Ada", "ada@example.org")
    async with world.desk.unit() as uow:
        await desk_settings.store(uow.session, {"staff_second_step": True})
    await world.desk.refresh()
    async with world.signed_in(ada) as browser:
        assert (await browser.look("/my")).status_code == 200
    async with world.signed_in(bob) as browser:
        await browser.look("/desk/queues/unassigned")
        assert browser.page.url.path == "/account/security"
        assert "asks colleagues for a second step" in browser.text
        answer = await browser.get("/desk/palette.json", headers={"accept": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (403, "second_step")
        csrf = browser.forms()[0].fields["csrf"]
        for path in ("/account", "/account/notices", "/my", "/live", "/call/check"):
            assert (await browser.look(path)).url.path == "/account/security", path
        for path in ("/account/tokens", "/account/chats/code", "/my/tickets"):
            data = {"csrf": csrf, "name": "x", "days": "30", "scopes": "tickets:read"}
            await browser.post(path, data=data, follow_redirects=True)
            assert "dskb_" not in browser.text
        async with world.desk.unit() as uow:
            person = await people.get(uow, bob.id)
            assert await tokens.of_person(uow, person) == []
        _secret, codes = await set_up_app(browser)
        assert (await browser.look("/desk/queues/unassigned")).url.path == "/desk/queues/unassigned"
        await browser.look("/account/security")
        await browser.submit("/account/app/delete", {"remove_code": codes[0]})
        assert (await browser.look("/desk/queues/unassigned")).url.path == "/account/security"
    async with world.desk.unit() as uow:
        admin = await people.add(uow, name="Root", role="admin")
        token = await links.issue(uow, admin, links.Purpose.sign_in, data={"second": "waived"})
    async with world.browser() as browser:
        await browser.look(f"/sign-in/link/{token}")
        await browser.submit(None)
        assert (await browser.look("/admin")).url.path == "/admin"


async def test_the_app_goes_with_a_recovery_code(world: World) -> None:
    bob = await world.person("Bob", "bob@example.org", "agent")
    async with world.signed_in(bob) as browser:
        _secret, codes = await set_up_app(browser)
        await browser.look("/account/security")
        await browser.submit("/account/app/delete", {"remove_code": codes[3]})
        assert "switched off" in browser.page.text
    async with world.desk.unit() as uow:
        person = await people.get(uow, bob.id)
        assert not await credentials.has_totp(uow, person)
        assert await credentials.recovery_codes_left(uow, person) == 0


# --- sessions ---------------------------------------------------------------------------


async def test_an_app_that_is_taken_away_ends_all_other_sessions(world: World) -> None:
    bob = await world.person("Bob", "bob@example.org", "agent")
    async with world.signed_in(bob) as here:
        secret, codes = await set_up_app(here)
        async with world.browser() as there:
            await there.look(await world.sign_in_path(bob))
            await there.submit(None)
            await there.submit("/sign-in/code", {"code": pyotp.TOTP(secret).at(clock.now())})
            assert (await there.look("/account")).url.path == "/account"
            await here.look("/account/security")
            await here.submit("/account/app/delete", {"remove_code": codes[0]})
            assert (await here.look("/account")).url.path == "/account"
            assert (await there.look("/account")).url.path == "/sign-in"


async def test_sessions_are_listed_and_ended(world: World) -> None:
    ada, eve = await world.person("Ada", "ada@example.org"), await world.person("Eve", "eve@example.org")
    phone = {"user-agent": "Mozilla/5.0 (iPhone) Version/17 Safari/604"}
    async with world.signed_in(ada) as here, world.signed_in(ada, address="203.0.113.9", **phone) as there:
        async with world.signed_in(eve) as other:
            await here.look("/account/security")
            assert "Firefox on Linux" in here.text
            assert "Safari on iPhone" in here.text
            assert "203.0.113.9" in here.text
            ends = [
                one.action
                for one in here.forms()
                if one.action and one.action.startswith("/account/sessions/")
            ]
            await other.look("/account/security")
            csrf = other.forms()[0].fields["csrf"]
            assert (await other.post(ends[0], data={"csrf": csrf})).status_code == 404
        await here.submit(ends[0])
        assert (await there.look("/account")).url.path == "/sign-in"
        assert (await here.look("/account")).url.path == "/account"


async def test_all_others_are_ended_at_once(world: World) -> None:
    ada = await world.person("Ada", "ada@example.org")
    async with world.signed_in(ada) as here, world.signed_in(ada) as one, world.signed_in(ada) as two:
        await here.look("/account/security")
        await here.submit("/account/sessions/delete")
        assert (await here.look("/account")).url.path == "/account"
        for gone in (one, two):
            assert (await gone.look("/account")).url.path == "/sign-in"


# --- tokens -----------------------------------------------------------------------------


async def test_a_token_is_shown_once_and_revoked(world: World) -> None:
    bob = await world.person("Bob", "bob@example.org", "agent")
    async with world.signed_in(bob) as browser:
        await browser.look("/account/security")
        await browser.submit("/account/tokens", {"name": "Reports", "days": "30"})
        assert "Choose what the token may do." in browser.text
        await browser.submit("/account/tokens", {"name": "Reports", "days": "30", "scopes": ["tickets:read"]})
        found = re.search(r"dskb_[0-9A-Za-z]{46}", browser.page.text)
        assert found is not None
        token = found.group()
        async with world.desk.unit() as uow:
            row, person = await tokens.find(uow, token) or (None, None)
            assert row is not None
            assert person is not None
            assert person.id == bob.id
            assert await tokens.find(uow, token[:-1] + ("a" if token[-1] != "a" else "b")) is None
        await browser.look("/account/security")
        assert "Reports" in browser.text
        assert token not in browser.page.text
        await browser.submit(f"/account/tokens/{row.id}/delete")
    async with world.desk.unit() as uow:
        assert await tokens.find(uow, token) is None


async def test_requesters_have_no_tokens(world: World) -> None:
    ada = await world.person("Ada", "ada@example.org")
    async with world.signed_in(ada) as browser:
        await browser.look("/account/security")
        assert "API tokens" not in browser.text
        csrf = browser.forms()[0].fields["csrf"]
        form = {"csrf": csrf, "name": "x", "scopes": "tickets:read"}
        assert (await browser.post("/account/tokens", data=form)).status_code == 403


# --- earlier conversations --------------------------------------------------------------


async def visitor(world: World, name: str, email: str, subject: str) -> tuple[Person, int]:
    """Someone of the web chat who left an address, with a ticket."""
    async with world.desk.unit() as uow:
        sender = Sender(external=f"v-{name}", name=name, email=email)
        person = await people.recognise(uow, sender, "webchat", "main")
        actor = await people.actor_of(uow, person)
        opened = await tickets.open_ticket(
            uow, actor, person, tickets.Request(text=subject, channel="webchat")
        )
        return person, opened.number


async def test_earlier_conversations_are_joined_by_a_press_only(world: World) -> None:
    before, number = await visitor(world, "Ada from the chat", "ada@example.org", "My lamp is dark")
    stranger, hers = await visitor(world, "Eve", "eve@example.org", "Secret of Eve")
    ada = await world.person("Ada", "ada@example.org")
    async with world.signed_in(ada) as browser:
        assert (await browser.look(f"/my/tickets/{number}")).status_code == 404
        await browser.look("/account/earlier")
        assert "My lamp is dark" in browser.text
        assert "Secret of Eve" not in browser.text
        csrf = browser.forms()[0].fields["csrf"]
        answer = await browser.post(f"/account/earlier/{stranger.id}", data={"csrf": csrf})
        assert answer.status_code == 404
        await browser.submit(f"/account/earlier/{before.id}")
        assert "Nothing to join" in browser.text
        await browser.look(f"/my/tickets/{number}")
        assert "My lamp is dark" in browser.text
        assert "Edit" in browser.text
        assert (await browser.look(f"/my/tickets/{hers}")).status_code == 404
    async with world.desk.unit() as uow:
        ticket = (await uow.session.scalars(select(Ticket).where(Ticket.number == number))).one()
        assert ticket.requester_id == ada.id
        identity = (await uow.session.scalars(select(Identity).where(Identity.person_id == ada.id))).one()
        assert identity.platform == "webchat"
        again = await people.recognise(uow, Sender(external="v-Ada from the chat"), "webchat", "main")
        assert again.id == ada.id
        assert not (await people.get(uow, before.id)).active


async def test_nothing_is_offered_before_the_address_is_proved(world: World) -> None:
    await visitor(world, "Ada", "ada@example.org", "My lamp is dark")
    async with world.desk.unit() as uow:
        ada = await people.add(uow, name="Ada", email="ada@example.org")
    async with world.signed_in(ada) as browser:
        await browser.look("/account/earlier")
        assert "Nothing to join" in browser.text


async def test_nothing_of_an_address_that_only_looks_the_same_is_offered(world: World) -> None:
    await visitor(world, "Weiss", "weiss@example.org", "My lamp is dark")
    other = await world.person("Weiß", "weiß@example.org")
    async with world.signed_in(other) as browser:
        await browser.look("/account/earlier")
        assert "Nothing to join" in browser.text


async def test_joining_does_not_lift_a_block(world: World) -> None:
    before, _number = await visitor(world, "Ada", "ada@example.org", "My lamp is dark")
    async with world.desk.unit() as uow:
        await people.block(uow, await people.get(uow, before.id))
    ada = await world.person("Ada", "ada@example.org")
    async with world.signed_in(ada) as browser:
        await browser.look("/account/earlier")
        assert "Nothing to join" in browser.text


async def test_a_link_in_a_mail_leads_through_signing_in_and_joining_to_the_ticket(world: World) -> None:
    _before, number = await visitor(world, "Ada", "ada@example.org", "My lamp is dark")
    async with world.desk.unit() as uow:
        link = (await uow.session.scalars(select(Ticket.link).where(Ticket.number == number))).one()
    async with world.browser() as browser:
        await browser.look(f"/t/{link}")
        assert browser.page.url.path == "/sign-in"
        await browser.submit("/sign-in", {"email": "ada@example.org"}, button="how=link")
        [(_card, said)] = await world.mails()
        await browser.look(said["path"])
        await browser.submit(None)
        assert browser.page.url.path == "/account/earlier"
        await browser.submit(next(one.action for one in browser.forms() if "/earlier/" in (one.action or "")))
        assert browser.page.url.path == f"/my/tickets/{number}"
    async with world.signed_in(await world.person("Eve", "eve@example.org")) as eve:
        assert (await eve.look(f"/t/{link}")).status_code == 404


async def test_every_page_of_the_account_needs_a_person(world: World) -> None:
    async with world.browser() as browser:
        for path in ("", "/notices", "/security", "/app", "/earlier"):
            answer = await browser.get(f"/account{path}")
            assert answer.status_code == 303
            assert answer.headers["location"].startswith("/sign-in?next=/account")
