"""Signing in as people do it, and as those do who should not get in."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta

import pyotp
import pytest
from sqlalchemy import func, select, update

from core import clock
from core.db import EventRow
from core.desk import Desk
from core.errors import Invalid, Refused
from core.people import credentials, links, sign_in
from core.people import service as people
from core.people.common_passwords import most_common
from core.people.links import LinkUsed, Purpose
from core.people.model import OneTimeLink, Person, Session
from core.rate import Budget
from tests.webui.browsing import World
from webui import public
from webui.api import door

PASSWORD = "violet tractor parade"
SENT = "If this address is known, a link is on its way."


@pytest.fixture
def world(desk: Desk) -> World:
    return World(desk)


async def with_password(world: World, name: str, email: str, role: str = "requester") -> Person:
    person = await world.person(name, email, role)
    async with world.desk.unit() as uow:
        await credentials.set_password(uow, await people.get(uow, person.id), PASSWORD)
    return person


async def with_app(world: World, person: Person) -> tuple[str, list[str]]:
    """Switch the second step on; the secret, and the recovery codes."""
    async with world.desk.unit() as uow:
        person = await people.get(uow, person.id)
        enrolment = await credentials.begin_totp(uow, person, "me")
        await uow.session.flush()
        before = pyotp.TOTP(enrolment.secret).at(int(clock.now().timestamp()) - 30)
        codes = await credentials.confirm_totp(uow, person, before)
        assert codes is not None
        return enrolment.secret, codes


async def sessions(world: World, *, alive: bool = True) -> int:
    async with world.desk.unit() as uow:
        query = select(func.count()).select_from(Session)
        return int(
            await uow.session.scalar(query.where(Session.revoked_at.is_(None)) if alive else query) or 0
        )


# --- links ------------------------------------------------------------------------------


async def test_a_link_by_mail_signs_in_once(world: World) -> None:
    await world.person("Ada", "ada@example.org")
    async with world.browser() as browser:
        await browser.look("/sign-in?next=/my/new")
        await browser.submit("/sign-in", {"email": "Ada@Example.org"}, button="how=link")
        assert SENT in browser.text
        [(card, said)] = await world.mails()
        assert card == "sign_in_link"
        assert said["path"].endswith("?next=/my/new")

        await browser.look(said["path"])
        await browser.look(said["path"])
        assert "You sign in as Ada" in browser.text
        assert await sessions(world) == 0
        await browser.submit(None, follow=False)
        assert browser.page.headers["location"] == "/my/new"
        assert await sessions(world) == 1

        async with world.browser() as again:
            await again.look(said["path"])
            assert again.page.status_code == 410
            assert "used already" in again.text


async def test_the_token_lies_nowhere_in_the_clear(world: World) -> None:
    person = await world.person("Ada", "ada@example.org")
    path = await world.sign_in_path(person)
    token = path.rsplit("/", 1)[1]
    async with world.desk.unit() as uow:
        row = (await uow.session.scalars(select(OneTimeLink))).one()
        assert token.encode() not in row.digest
        assert token not in str(row.data)
        events = await uow.session.scalars(select(EventRow))
        assert all(token not in str(event.data) for event in events)


async def test_an_expired_link_says_so(world: World) -> None:
    path = await world.sign_in_path(await world.person("Ada", "ada@example.org"))
    later = clock.now() + timedelta(minutes=16)
    with clock.fixed(lambda: later):
        async with world.browser() as browser:
            await browser.look(path)
            assert browser.page.status_code == 410
            assert "too old" in browser.text


async def test_a_link_pressed_many_times_at_once_works_once(world: World) -> None:
    person = await world.person("Ada", "ada@example.org")
    async with world.desk.unit() as uow:
        token = await links.issue(uow, await people.get(uow, person.id), Purpose.sign_in)

    async def press() -> bool:
        try:
            async with world.desk.unit() as uow:
                await links.use(uow, token, Purpose.sign_in)
        except LinkUsed:
            return False
        return True

    assert sum(await asyncio.gather(*(press() for _n in range(8)))) == 1


async def test_another_persons_link_is_refused_until_one_signs_out(world: World) -> None:
    ada, bob = await world.person("Ada", "ada@example.org"), await world.person("Bob", "bob@example.org")
    path = await world.sign_in_path(bob)
    async with world.signed_in(ada) as browser:
        await browser.look(path)
        assert browser.page.status_code == 403
        assert "another account" in browser.text
        csrf = browser.forms()[0].fields["csrf"]
        assert (await browser.post(path, data={"csrf": csrf})).status_code == 403
        await browser.look(path)
        await browser.submit("/sign-out", {"next": path})
        assert "You sign in as Bob" in browser.text


async def test_a_link_of_one_purpose_does_nothing_for_another(world: World) -> None:
    person = await world.person("Ada", "ada@example.org")
    async with world.desk.unit() as uow:
        token = await links.issue(uow, await people.get(uow, person.id), Purpose.second)
    async with world.browser() as browser:
        for path in ("/sign-in/link/", "/verify/", "/invite/"):
            assert (await browser.look(path + token)).status_code == 404


async def test_a_mail_scanner_burns_nothing(world: World) -> None:
    path = await world.sign_in_path(await world.person("Ada", "ada@example.org"))
    async with world.browser() as scanner:
        for _n in range(3):
            await scanner.get(path)
        await scanner.head(path)
    async with world.browser() as browser:
        await browser.look(path)
        await browser.submit(None, follow=False)
        assert browser.page.status_code == 303


async def test_the_first_admin_comes_in_from_the_command_line(world: World) -> None:
    async with world.desk.unit() as uow:
        url = await links.first_admin_link(uow, "http://test")
    async with world.desk.unit() as uow:
        second = await links.first_admin_link(uow, "http://test/")
        assert await uow.session.scalar(select(func.count()).select_from(Person)) == 1
    assert url != second
    async with world.browser() as browser:
        await browser.look(url)
        await browser.submit(None, follow=False)
        assert browser.page.headers["location"] == "/"
        await browser.get("/")
        assert (await browser.get("/")).headers["location"] == "/desk"


# --- passwords --------------------------------------------------------------------------


async def test_a_password_signs_in(world: World) -> None:
    await with_password(world, "Bob", "bob@example.org", "agent")
    async with world.browser() as browser:
        await browser.look("/sign-in")
        await browser.submit(
            "/sign-in",
            {"email": "bob@example.org", "password": PASSWORD},
            button="how=password",
            follow=False,
        )
        assert browser.page.status_code == 303
        cookie = browser.page.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie


async def test_a_wrong_password_and_an_unknown_address_read_the_same(world: World) -> None:
    await with_password(world, "Ada", "ada@example.org")
    texts = set()
    for email in ("ada@example.org", "nobody@example.org", "not an address"):
        async with world.browser() as browser:
            await browser.look("/sign-in")
            await browser.submit(
                "/sign-in", {"email": email, "password": "wrong wrong wrong"}, button="how=password"
            )
            assert browser.page.status_code == 422
            assert "Address or password is not right." in browser.text
            page = re.sub(r'value="[^"]*"|content="[0-9a-f]{64}"', "", browser.page.text)
            texts.add(page.replace(email, ""))
    assert len(texts) == 1


async def test_asking_for_a_link_tells_nothing(world: World) -> None:
    await world.person("Ada", "ada@example.org")
    texts = set()
    for email in ("ada@example.org", "nobody@example.org"):
        async with world.browser() as browser:
            await browser.look("/sign-in")
            await browser.submit("/sign-in", {"email": email}, button="how=link")
            texts.add((browser.page.status_code, str(browser.page.url), browser.text))
            await browser.look("/sign-up")
            await browser.submit("/sign-up", {"email": email, "name": "Someone"})
            texts.add((browser.page.status_code, str(browser.page.url), browser.text))
    assert len(texts) == 1


async def test_an_answer_leaves_no_sooner_than_the_pace(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await with_password(world, "Ada", "ada@example.org")
    monkeypatch.setattr(public, "PACE_SECONDS", 0.3)
    async with world.browser() as browser:
        for email, how in (
            ("ada@example.org", "link"),
            ("nobody@example.org", "link"),
            ("x@example.org", "password"),
        ):
            await browser.look("/sign-in")
            await browser.submit(
                "/sign-in", {"email": email, "password": "wrong wrong"}, button=f"how={how}", follow=False
            )
            assert browser.page.elapsed.total_seconds() >= 0.25


async def test_guessing_is_bounded_for_known_and_unknown_alike(world: World) -> None:
    await with_password(world, "Ada", "ada@example.org")
    for email in ("ada@example.org", "nobody@example.org"):
        statuses = [await guess(world, email, "198.51.100.1", f"guess {number}") for number in range(12)]
        assert statuses == [422] * 10 + [429] * 2
    assert await guess(world, "ada@example.org", "198.51.100.1", PASSWORD) == 429


async def test_who_guesses_at_an_account_does_not_lock_its_owner_out(world: World) -> None:
    await with_password(world, "Ada", "ada@example.org")
    for number in range(12):
        await guess(world, "ada@example.org", "198.51.100.1", f"guess {number}")
    assert await guess(world, "ada@example.org", "203.0.113.9", PASSWORD) == 303


async def test_guessing_from_many_networks_is_bounded_too(world: World) -> None:
    public.limits_of(world.site).password_anywhere = Budget(15, 900)
    await with_password(world, "Ada", "ada@example.org")
    statuses = [await guess(world, "ada@example.org", f"198.51.100.{n}", f"guess {n}") for n in range(17)]
    assert statuses == [422] * 15 + [429] * 2


async def test_signs_that_nobody_sees_make_no_further_tries(world: World) -> None:
    await with_password(world, "Ada", "ada@example.org")
    spelled = [f"a{chr(0x202A + n)}da@example.org" for n in range(5)] + ["ADA@Example.org"] * 7
    statuses = [await guess(world, one, "198.51.100.1", f"guess {n}") for n, one in enumerate(spelled)]
    assert statuses == [422] * 10 + [429] * 2


async def test_a_network_of_ipv6_is_one_stranger_and_ipv4_within_it_is_many(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "_strangers", Budget(3, 60))
    for path, fine in (("/sign-in", 200), ("/api/v1/me", 401)):
        world.site.facts["looks"] = {staff: Budget(3, 60) for staff in (True, False)}
        statuses = {}
        for network in ("2001:db8::", "::ffff:198.51.100."):
            statuses[network] = []
            for number in range(1, 6):
                async with world.browser(address=f"{network}{number}") as stranger:
                    wrong = {"authorization": f"Bearer dskb_{'0' * 46}"}
                    statuses[network].append((await stranger.get(path, headers=wrong)).status_code)
        assert statuses["2001:db8::"] == [fine] * 3 + [429] * 2, path
        assert statuses["::ffff:198.51.100."] == [fine] * 5, path


async def guess(world: World, email: str, address: str, password: str) -> int:
    async with world.browser(address=address) as browser:
        await browser.look("/sign-in")
        fields = {"email": email, "password": password}
        await browser.submit("/sign-in", fields, button="how=password", follow=False)
        return browser.page.status_code


async def test_one_address_cannot_try_many_accounts(world: World) -> None:
    public.limits_of(world.site).password_from = Budget(3, 900)
    async with world.browser() as browser:
        for number in range(4):
            await browser.look("/sign-in")
            await browser.submit(
                "/sign-in", {"email": f"p{number}@example.org", "password": "x" * 12}, button="how=password"
            )
        assert browser.page.status_code == 429


async def test_mails_to_one_address_are_bounded(world: World) -> None:
    await world.person("Ada", "ada@example.org")
    async with world.browser() as browser:
        for _n in range(7):
            await browser.look("/sign-in")
            await browser.submit("/sign-in", {"email": "ada@example.org"}, button="how=link")
    assert browser.page.status_code == 429
    assert len(await world.mails()) == 5


async def test_what_is_missing_is_said_in_place(world: World) -> None:
    async with world.browser() as browser:
        await browser.look("/sign-in")
        await browser.submit("/sign-in", {"email": ""}, button="how=link")
        assert "Please type your e-mail address." in browser.text
        await browser.submit("/sign-in", {"email": "ada@example.org"}, button="how=password")
        assert "let us send you a link" in browser.text
        assert browser.forms()[0].fields["email"] == "ada@example.org"


def test_none_of_the_most_common_passwords_is_taken_nor_what_is_made_of_them() -> None:
    known = sorted(most_common())
    assert len(known) > 29_000
    long_enough = [one for one in known if len(one) >= credentials.SHORTEST]
    words = [one for one in known if one.isalpha()]
    assert len(long_enough) > 1_000
    for made in (*long_enough, *(f"{one}2026!!!!!"[:60] for one in words[::20])):
        with pytest.raises(Invalid):
            credentials.checked_password(made)
    assert credentials.checked_password("canary violet tractor parade")


@pytest.mark.parametrize(
    "password",
    [
        "short", "x" * 201, "password123", "Passwort2024!", "1234567890", "qwertyuiop", "aaaaaaaaaaaa", "abcabcabcabc",
        "ada.okafor@example.org", "AdaOkafor1", "okafor-ada-99",
    ],
)  # fmt: skip
async def test_weak_passwords_are_refused(world: World, password: str) -> None:
    person = await world.person("Ada Okafor", "ada.okafor@example.org")
    async with world.desk.unit() as uow:
        known = await people.know(uow, await people.get(uow, person.id))
    with pytest.raises(credentials.Invalid):
        credentials.checked_password(password, known)
    assert credentials.checked_password(PASSWORD, known) == PASSWORD


# --- sessions and forms -----------------------------------------------------------------


async def test_a_session_set_by_someone_else_is_not_taken_over(world: World) -> None:
    person = await world.person("Ada", "ada@example.org")
    async with world.browser() as browser:
        browser.cookies.set("deskbell", "planted-by-someone", domain="test.local")
        await browser.look(await world.sign_in_path(person))
        await browser.submit(None, follow=False)
        fresh = browser.page.cookies["deskbell"]
        assert fresh != "planted-by-someone"
        assert len(fresh) >= 30
    async with world.browser() as thief:
        thief.cookies.set("deskbell", "planted-by-someone")
        assert (await thief.look("/my")).url.path == "/sign-in"


async def test_signing_in_again_ends_the_session_before(world: World) -> None:
    person = await world.person("Ada", "ada@example.org")
    async with world.signed_in(person) as browser:
        await browser.look(await world.sign_in_path(person))
        await browser.submit(None, follow=False)
    assert await sessions(world) == 1
    assert await sessions(world, alive=False) == 2


async def test_forms_without_our_token_or_with_a_wrong_one_are_refused(world: World) -> None:
    await with_password(world, "Ada", "ada@example.org")
    form = {"email": "ada@example.org", "password": PASSWORD, "how": "password"}
    async with world.browser() as browser:
        assert (await browser.post("/sign-in", data=form)).status_code == 403
        await browser.look("/sign-in")
        assert (await browser.post("/sign-in", data=form | {"csrf": "0" * 64})).status_code == 403
        token = browser.forms()[0].fields["csrf"]
        async with world.browser() as other:
            await other.look("/sign-in")
            assert (await other.post("/sign-in", data=form | {"csrf": token})).status_code == 403
        cross = {"sec-fetch-site": "cross-site"}
        assert (await browser.post("/sign-in", data=form | {"csrf": token}, headers=cross)).status_code == 403
    assert await sessions(world) == 0


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)",
        "/%0d%0aSet-Cookie:x=1\r\nX: y", "///evil.example", "/\t/evil.example", "http:/evil.example", " /my",
    ],
)  # fmt: skip
async def test_next_leads_nowhere_else(world: World, target: str) -> None:
    person = await world.person("Ada", "ada@example.org")
    async with world.browser() as browser:
        await browser.look(await world.sign_in_path(person), params={"next": target})
        await browser.submit(None, {"next": target}, follow=False)
        assert browser.page.headers["location"] == "/"
        assert (await browser.get("/sign-in", params={"next": target})).headers["location"] == "/"


def test_local_paths() -> None:
    assert public.local_path("/my/tickets/4?done=sent") == "/my/tickets/4?done=sent"
    assert public.local_path("") == "/"
    assert public.local_path("/a//b", "x") == "/a//b"
    assert public.local_path("my", "x") == "x"
    assert public.local_path("/" + "a" * 600, "x") == "x"


async def test_signing_out_ends_the_session(world: World) -> None:
    person = await world.person("Ada", "ada@example.org")
    async with world.signed_in(person) as browser:
        await browser.look("/my")
        kept = browser.cookies["deskbell"]
        await browser.submit("/sign-out")
        assert "You are signed out." in browser.page.text
        async with world.browser() as thief:
            thief.cookies.set("deskbell", kept)
            assert (await thief.look("/my")).url.path == "/sign-in"
    assert await sessions(world) == 0


async def test_a_deactivated_person_is_out_at_once(world: World) -> None:
    person = await with_password(world, "Bob", "bob@example.org", "agent")
    path = await world.sign_in_path(person)
    async with world.signed_in(person) as browser:
        async with world.desk.unit() as uow:
            await people.deactivate(uow, await people.get(uow, person.id))
        assert (await browser.look("/account")).url.path == "/sign-in"
        assert (await browser.look(path)).status_code == 404
        await browser.look("/sign-in")
        await browser.submit(
            "/sign-in", {"email": "bob@example.org", "password": PASSWORD}, button="how=password"
        )
        assert "Address or password is not right." in browser.text


async def test_over_tls_cookies_are_bound_to_the_host(desk: Desk) -> None:
    world = World(desk, public_url="https://help.example.org")
    person = await world.person("Ada", "ada@example.org")
    async with world.signed_in(person) as browser:
        cookie = browser.page.headers["set-cookie"]
        assert cookie.startswith("__Host-deskbell=")
        assert "Secure" in cookie


# --- the second step --------------------------------------------------------------------


async def test_the_second_step_is_asked_after_password_and_link(world: World) -> None:
    person = await with_password(world, "Bob", "bob@example.org")
    secret, _codes = await with_app(world, person)
    async with world.browser() as browser:
        await browser.look("/sign-in?next=/account")
        await browser.submit(
            "/sign-in", {"email": "bob@example.org", "password": PASSWORD}, button="how=password"
        )
        assert browser.page.url.path == "/sign-in/code"
        assert await sessions(world) == 0
        assert (await browser.get("/my")).status_code == 303
        await browser.look("/sign-in/code?next=/account")
        await browser.submit("/sign-in/code", {"code": "000000"})
        assert browser.page.status_code == 422
        code = pyotp.TOTP(secret).at(clock.now())
        await browser.submit("/sign-in/code", {"code": code}, follow=False)
        assert browser.page.headers["location"] == "/account"
    async with world.desk.unit() as uow:
        assert (await uow.session.scalars(select(Session))).one().strong

    async with world.browser() as replay:
        await replay.look(await world.sign_in_path(person))
        await replay.submit(None)
        assert replay.page.url.path == "/sign-in/code"
        await replay.submit("/sign-in/code", {"code": code})
        assert replay.page.status_code == 422
        assert "used already" in replay.text


async def test_a_recovery_code_works_once(world: World) -> None:
    person = await with_password(world, "Bob", "bob@example.org")
    _secret, codes = await with_app(world, person)
    assert len(set(codes)) == 10
    for turn, expected in enumerate((303, 422)):
        async with world.browser() as browser:
            await browser.look(await world.sign_in_path(person))
            await browser.submit(None)
            await browser.submit("/sign-in/code", {"code": codes[0].upper()}, follow=False)
            assert browser.page.status_code == expected, turn


async def test_guessing_codes_is_bounded(world: World) -> None:
    person = await world.person("Bob", "bob@example.org")
    secret, _codes = await with_app(world, person)
    async with world.browser() as browser:
        await browser.look(await world.sign_in_path(person))
        await browser.submit(None)
        for number in range(8):
            await browser.submit("/sign-in/code", {"code": f"{number:06}"})
        await browser.submit("/sign-in/code", {"code": pyotp.TOTP(secret).at(clock.now())})
        assert browser.page.status_code == 429
    assert await sessions(world) == 0


async def test_the_second_step_without_the_first_leads_back(world: World) -> None:
    async with world.browser() as browser:
        assert (await browser.look("/sign-in/code")).url.path == "/sign-in"
        csrf = browser.forms()[0].fields["csrf"]
        answer = await browser.post("/sign-in/code", data={"csrf": csrf, "code": "123456"})
        assert answer.headers["location"] == "/sign-in"


async def test_the_command_lines_link_needs_no_second_step(world: World) -> None:
    admin = await world.person("Root", "root@example.org", "admin")
    await with_app(world, admin)
    async with world.desk.unit() as uow:
        url = await links.first_admin_link(uow, "http://test")
    async with world.browser() as browser:
        await browser.look(url)
        await browser.submit(None, follow=False)
        assert browser.page.headers["location"] == "/"
    assert await sessions(world) == 1


# --- accounts and invitations -----------------------------------------------------------


async def test_signing_up_needs_the_mailbox(world: World) -> None:
    async with world.browser() as browser:
        await browser.look("/sign-up")
        await browser.submit("/sign-up", {"name": "Ada Okafor", "email": "ada@example.org"})
        assert SENT in browser.text
        [(card, said)] = await world.mails()
        assert (card, said["to"]) == ("verify_email", "ada@example.org")
        async with world.desk.unit() as uow:
            assert await people.by_email(uow, "ada@example.org") is None

        await browser.look(said["path"])
        await browser.submit(None, {"password": "ada@example.org"})
        assert browser.page.status_code == 422
        assert "your own name or address" in browser.text
        await browser.submit(None, {"name": "Ada O.", "password": PASSWORD}, follow=False)
        assert browser.page.status_code == 303
        assert (await browser.look("/my")).status_code == 200
    async with world.browser() as browser:
        await browser.look("/sign-in")
        await browser.submit(
            "/sign-in", {"email": "ada@example.org", "password": PASSWORD}, button="how=password"
        )
        assert browser.page.url.path == "/my"


async def test_nobody_prepares_an_account_for_anothers_address(world: World) -> None:
    """Two people sign up with one address: who reads its mail gets the account, and no password
    of the other's opens it."""
    async with world.browser() as thief, world.browser() as ada:
        await thief.look("/sign-up")
        await thief.submit("/sign-up", {"name": "Thief", "email": "ada@example.org", "password": PASSWORD})
        await ada.look("/sign-up")
        await ada.submit("/sign-up", {"name": "Ada", "email": "ada@example.org"})
        mails = await world.mails()
        assert [card for card, _said in mails] == ["verify_email"] * 2
        await ada.look(mails[1][1]["path"])
        await ada.submit(None, follow=False)
        assert ada.page.status_code == 303
        await thief.look("/sign-in")
        await thief.submit(
            "/sign-in", {"email": "ada@example.org", "password": PASSWORD}, button="how=password"
        )
        assert thief.page.status_code == 422
        await thief.look(mails[0][1]["path"])
        assert thief.page.status_code == 410


async def test_signing_up_with_a_known_address_tells_only_its_mailbox(world: World) -> None:
    await world.person("Ada", "ada@example.org")
    async with world.browser() as browser:
        await browser.look("/sign-up")
        await browser.submit("/sign-up", {"name": "Ada", "email": "ada@example.org"})
        assert SENT in browser.text
    assert [card for card, _said in await world.mails()] == ["account_exists"]


async def test_no_accounts_where_registration_is_closed(world: World) -> None:
    world.desk.means.settings = world.desk.means.settings.model_copy(update={"open_registration": False})
    async with world.browser() as browser:
        await browser.look("/sign-up")
        assert "by invitation" in browser.text
        await browser.look("/sign-in")
        csrf = browser.forms()[0].fields["csrf"]
        answer = await browser.post("/sign-up", data={"csrf": csrf, "email": "a@example.org", "name": "A"})
        assert answer.status_code == 403
    assert await world.mails() == []


async def test_an_invitation_makes_an_agent_at_home(world: World) -> None:
    async with world.desk.unit() as uow:
        agent = await people.add(uow, name="Sam", email="sam@example.org", role="agent")
        path = await links.invite(uow, agent)
    assert [card for card, _said in await world.mails()] == ["invite"]
    async with world.browser() as browser:
        await browser.look(path)
        await browser.submit(None, {"name": "Sam Weller", "password": PASSWORD}, follow=False)
        assert browser.page.status_code == 303
        assert (await browser.get("/")).headers["location"] == "/desk"
        assert (await browser.post(path, data={"csrf": "x"})).status_code == 403
    async with world.desk.unit() as uow:
        person = await people.by_email(uow, "sam@example.org")
        assert person is not None
        assert (await people.know(uow, person)).name == "Sam Weller"


async def test_an_invitation_ends_with_a_password_that_was_chosen_otherwise(world: World) -> None:
    async with world.desk.unit() as uow:
        sam = await people.add(uow, name="Sam", email="sam@example.org", role="agent")
        path = await links.invite(uow, sam)
    async with world.signed_in(sam) as browser:
        await browser.look("/account/security")
        await browser.submit("/account/password", {"password": PASSWORD, "again": PASSWORD})
        assert "The password is set." in browser.text
    async with world.browser() as thief:
        assert (await thief.look(path)).status_code == 410


async def test_a_password_by_an_invitation_ends_what_was_open(world: World) -> None:
    async with world.desk.unit() as uow:
        sam = await people.add(uow, name="Sam", email="sam@example.org", role="agent")
        path = await links.invite(uow, sam)
    async with world.signed_in(sam) as thief, world.browser() as browser:
        await browser.look(path)
        await browser.submit(None, {"name": "Sam", "password": PASSWORD})
        assert (await browser.look("/account")).url.path == "/account"
        assert (await thief.look("/account")).url.path == "/sign-in"


async def test_a_proof_of_an_address_does_not_go_past_the_second_step(world: World) -> None:
    person = await world.person("Ada", "ada@example.org")
    secret, _codes = await with_app(world, person)
    async with world.desk.unit() as uow:
        path = links.PATHS[Purpose.verify] + await links.issue(uow, person, Purpose.verify)
    async with world.browser() as browser:
        await browser.look(path)
        await browser.submit(None, {"password": PASSWORD})
        assert browser.page.url.path == "/sign-in/code"
        assert (await browser.look("/account")).url.path == "/sign-in"
        await browser.look("/sign-in/code")
        await browser.submit("/sign-in/code", {"code": pyotp.TOTP(secret).at(clock.now())})
        assert (await browser.look("/account")).url.path == "/account"


async def test_nobody_but_its_owner_moves_an_account_to_another_address(world: World) -> None:
    """Neither a colleague nor the desk's API: whoever reads the new one's mails would sign in, and be offered
    all that the account ever wrote."""
    ada = await world.person("Ada", "ada@example.org")
    async with world.desk.unit() as uow:
        with pytest.raises(Refused):
            await people.change(uow, await people.get(uow, ada.id), email="mallory@example.org")
    async with world.desk.unit() as uow:
        assert await people.by_email(uow, "ada@example.org") is not None


async def test_an_invited_agent_may_ask_for_another_link(world: World) -> None:
    async with world.desk.unit() as uow:
        await links.invite(uow, await people.add(uow, name="Sam", email="sam@example.org", role="agent"))
    async with world.browser() as browser:
        await browser.look("/sign-in")
        await browser.submit("/sign-in", {"email": "sam@example.org"}, button="how=link")
        [_invitation, (_card, said)] = await world.mails()
        await browser.look(said["path"])
        await browser.submit(None, follow=False)
    async with world.desk.unit() as uow:
        assert await people.by_email(uow, "sam@example.org") is not None


async def test_an_address_that_a_colleague_only_told_opens_nothing(world: World) -> None:
    """Someone who wrote in as the boss, and then became an agent, does not sign the boss in."""
    async with world.desk.unit() as uow:
        person = await people.add(uow, name="Sam", email="boss@example.org", platform="webchat")
        await people.give_role(uow, person, "agent")
    async with world.browser() as browser:
        await browser.look("/sign-in")
        await browser.submit("/sign-in", {"email": "boss@example.org"}, button="how=link")
    assert await world.mails() == []


async def test_a_visitor_who_left_an_address_gets_an_account_of_their_own(world: World) -> None:
    """The address proves whose mailbox it is, not who typed it in the chat: the account is new."""
    async with world.desk.unit() as uow:
        visitor = await people.add(uow, name="Ada", email="ada@example.org", platform="webchat")
    async with world.browser() as browser:
        await browser.look("/sign-in")
        await browser.submit("/sign-in", {"email": "ada@example.org"}, button="how=link")
        [(card, said)] = await world.mails()
        assert card == "verify_email"
        await browser.look(said["path"])
        await browser.submit(None, follow=False)
    async with world.desk.unit() as uow:
        account = await people.by_email(uow, "ada@example.org")
        assert account is not None
        assert account.id != visitor.id


async def test_an_old_mail_does_not_prove_a_newer_address(world: World) -> None:
    person = await world.person("Sam", "sam@example.org")
    async with world.desk.unit() as uow:
        await sign_in.request_link(uow, "sam@example.org")
        await people.change(uow, await people.get(uow, person.id), email="new@example.org", proved=True)
    [(_card, said)] = await world.mails()
    async with world.browser() as browser:
        await browser.look(said["path"])
        await browser.submit(None, follow=False)
    async with world.desk.unit() as uow:
        assert await people.by_email(uow, "new@example.org") is None


async def test_failed_tries_go_on_the_record(world: World) -> None:
    person = await with_password(world, "Ada", "ada@example.org")
    async with world.browser() as browser:
        await browser.look("/sign-in")
        await browser.submit(
            "/sign-in", {"email": "ada@example.org", "password": "wrong wrong"}, button="how=password"
        )
    async with world.desk.unit() as uow:
        row = (await uow.session.scalars(select(EventRow).where(EventRow.name == "session.refused"))).one()
        assert row.subject == person.id
        await uow.session.execute(update(OneTimeLink).values(expires_at=clock.now()))


# --- budgets ----------------------------------------------------------------------------


def test_a_budget_refills_evenly() -> None:
    now = [100.0]
    budget = Budget(3, 30, now=lambda: now[0])
    assert [budget.try_take("a") for _n in range(3)] == [0, 0, 0]
    assert budget.try_take("a") == pytest.approx(10)
    assert budget.try_take("b") == 0
    now[0] += 10
    assert budget.try_take("a") == 0
    assert budget.try_take("a") > 0
    budget.give_back("a")
    assert budget.left_after("a") == 0


def test_a_budget_forgets_beyond_its_bound_and_knows_no_keys() -> None:
    budget = Budget(1, 60, keys=100)
    for number in range(1000):
        budget.try_take(f"person{number}@example.org")
    assert len(budget) == 100
    assert "example" not in repr(vars(budget))
