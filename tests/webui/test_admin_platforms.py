"""Connecting platforms and choosing desk rooms through the admin's pages."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from admin_world import World, said, world
from sqlalchemy import select

from bot.post import Posting
from bot.rooms.making import RoomCards
from core.access import SYSTEM
from core.chat import Place
from core.desk import Desk
from core.installations import environment, service
from core.installations.model import Installation
from core.people import service as people
from core.people.model import Identity, OneTimeLink, Team
from core.rooms import service as rooms
from core.rooms.model import DeskRoom
from tests.fakes.connecting import GOOD, FakePlatform

HERE = "/admin/platforms"
ROOM = Place("fake", "W1", "c1")


@pytest.fixture
def fake() -> FakePlatform:
    return FakePlatform()


@pytest.fixture
async def here(desk: Desk, fake: FakePlatform) -> AsyncIterator[World]:
    async with world(desk) as made:
        made.site.platforms = {"fake": fake}
        yield made


async def connected(here: World) -> Installation:
    response = await here.admin.post(f"{HERE}/fake", bot_token=f" {GOOD}\n")
    assert response.status_code == 200, response.text
    async with here.desk.unit() as uow:
        (row,) = await service.listed(uow.session)
    return row


async def room_of(here: World) -> DeskRoom:
    async with here.desk.unit() as uow:
        return (await uow.session.scalars(select(DeskRoom).where(DeskRoom.active))).one()


async def with_room(here: World) -> tuple[Installation, DeskRoom]:
    row = await connected(here)
    where = f"{HERE}/connections/{row.id}"
    response = await here.admin.post(f"{where}/rooms", place="c1 #room <1>", rule="assignee", team="")
    assert response.headers["location"] == f"{where}?done=room_added"
    return row, await room_of(here)


async def test_the_guide_shows_steps_document_and_fields(here: World) -> None:
    page = await here.admin.get(f"{HERE}/fake")
    assert "<strong>portal</strong>" in page.text
    assert "<script>alert(1)" not in page.text
    assert "{&#34;manifest&#34;: &#34;&lt;paste me&gt;&#34;}" in page.text
    assert 'type="password" id="f-bot_token"' in page.text
    assert 'type="text" id="f-server"' in page.text
    assert (await here.admin.get(f"{HERE}/nothing")).status_code == 404


async def test_connecting_tries_keeps_and_tells_what_is_missing(here: World, fake: FakePlatform) -> None:
    fake.lacks = "rooms:read"
    response = await here.admin.post(f"{HERE}/fake", bot_token=f" {GOOD} ", server="")
    assert "rooms:read" in response.text
    assert "No rooms." in response.text
    assert fake.tried == [{"bot_token": GOOD, "server": ""}]
    async with here.desk.unit() as uow:
        (kept,) = await service.connections(uow.session, uow.keys, "fake")
    assert (kept.external, kept.name, kept.secrets) == ("W1", "Acme", {"bot_token": GOOD})
    for path in (HERE, f"{HERE}/fake", f"{HERE}/connections/{kept.id}"):
        page = await here.admin.get(path)
        assert "Acme" in page.text
        assert GOOD not in page.text


async def test_a_wrong_token_stands_beside_its_field_and_is_not_shown(here: World) -> None:
    wrong = await here.admin.post(f"{HERE}/fake", bot_token="bad-token", server="mine")
    assert wrong.status_code == 422
    assert "This token is not taken." in wrong.text
    assert "bad-token" not in wrong.text
    assert 'value="mine"' in wrong.text
    missing = await here.admin.post(f"{HERE}/fake", bot_token=" ")
    assert "Bot token is missing." in missing.text
    many = await here.admin.post(f"{HERE}/fake", bot_token="x" * 5_000)
    assert many.status_code == 422
    async with here.desk.unit() as uow:
        assert await service.listed(uow.session) == []


async def test_a_silent_platform_is_told(here: World, fake: FakePlatform) -> None:
    row = await connected(here)
    fake.silent = True
    response = await here.admin.post(f"{HERE}/fake", bot_token=GOOD)
    assert response.status_code == 503
    assert "does not answer right now" in response.text
    page = await here.admin.get(f"{HERE}/connections/{row.id}")
    assert "does not answer right now" in page.text
    assert "does not answer right now" in (await here.admin.post(f"{HERE}/connections/{row.id}/check")).text


async def test_a_check_looks_at_tokens_and_rooms(here: World) -> None:
    row = await connected(here)
    page = said(await here.admin.post(f"{HERE}/connections/{row.id}/check"))
    assert "topics Topics are off." in page
    assert page.index("topics") < page.index("rooms:read")


async def test_rooms_are_chosen_changed_tested_and_removed(here: World, fake: FakePlatform) -> None:
    row, room = await with_room(here)
    assert (room.place_key, room.name, room.rule) == (ROOM.key, "#room <1>", "assignee")
    page = await here.admin.get(f"{HERE}/connections/{row.id}")
    assert 'value="c2 #room &lt;2&gt;"' in page.text
    assert 'value="c1' not in page.text
    async with here.desk.unit() as uow:
        uow.session.add(Team(name="Billing"))
        await uow.session.flush()
        team = await uow.session.scalar(select(Team.id))
    where = f"{HERE}/rooms/{room.id}"
    assert (await here.admin.post(where, rule="nonsense", team="")).status_code == 422
    assert (await here.admin.post(where, rule="command", team=str(team))).status_code == 303
    room = await room_of(here)
    assert (room.rule, room.team_id) == ("command", team)
    assert "Billing" in (await here.admin.get(HERE)).text
    await here.admin.post(f"{where}/test")
    assert "On its way" in (await here.admin.get(HERE)).text
    posting = Posting(here.desk, {"fake": fake}, RoomCards({"fake": fake}, "http://test").makers)
    await posting.send_due()
    assert ["A test from" in one.text for one in fake.shown.values()] == [True]
    assert "Arrived" in (await here.admin.get(HERE)).text
    fake.gone = True
    await here.admin.post(f"{where}/test")
    await posting.send_due()
    assert "The place is gone" in (await here.admin.get(HERE)).text or not await _has_rooms(here)


async def _has_rooms(here: World) -> bool:
    async with here.desk.unit() as uow:
        return bool((await uow.session.scalars(select(DeskRoom).where(DeskRoom.active))).all())


async def test_a_room_by_its_id_and_twice(here: World) -> None:
    row, room = await with_room(here)
    where = f"{HERE}/connections/{row.id}/rooms"
    again = await here.admin.post(where, channel="c1", rule="assignee")
    assert again.status_code == 409
    assert "a desk room already" in again.text
    assert (await here.admin.post(where, rule="assignee")).status_code == 422
    assert (await here.admin.post(where, channel="c9", rule="everyone")).status_code == 303
    assert (await here.admin.post(f"{HERE}/rooms/{room.id}/delete")).status_code == 303
    left = await room_of(here)
    assert Place.from_key(left.place_key).channel == "c9"


async def test_a_room_that_the_platform_has_no_more_is_told_until_it_is_added_anew(here: World) -> None:
    row, room = await with_room(here)
    async with here.desk.unit() as uow:
        await rooms.remove(uow, SYSTEM, room.id, reason="gone")
    page = said(await here.admin.get(HERE))
    assert "(Fake) The place is gone, or the bot is not there any more" in page
    await here.admin.post(f"{HERE}/connections/{row.id}/rooms", place="c1 #room", rule="assignee", team="")
    assert "The place is gone" not in said(await here.admin.get(HERE))


async def test_disconnecting_destroys_the_tokens(here: World) -> None:
    row = await connected(here)
    assert (await here.admin.post(f"{HERE}/connections/{row.id}/delete")).status_code == 303
    async with here.desk.unit() as uow:
        gone = await service.get(uow.session, row.id)
    assert (gone.state, gone.secrets) == ("off", None)
    assert "Its tokens are destroyed" in said(await here.admin.get(f"{HERE}/connections/{row.id}"))


async def test_a_refused_token_is_told_in_words(here: World) -> None:
    row = await connected(here)
    async with here.desk.unit() as uow:
        await service.note_broken(uow, "fake", row.external, "token_revoked")
    assert "does not take its token any more" in (await here.admin.get(HERE)).text
    await connected(here)
    assert "does not take its token any more" not in (await here.admin.get(HERE)).text


async def test_what_the_environment_connects_is_listed_and_ended_there(here: World) -> None:
    async with here.desk.unit() as uow:
        await environment.taken(uow, "fake", "w7", "Acme")
        row = await service.by_external(uow.session, "fake", "w7")
    assert row is not None
    page = said(await here.admin.get(HERE))
    assert "1 connected" in page
    assert "Acme by the environment" in page
    where = f"{HERE}/connections/{row.id}"
    assert "Disconnect" not in said(await here.admin.get(where))
    assert (await here.admin.post(f"{where}/delete")).status_code == 422
    room = await here.admin.post(f"{where}/rooms", place="c1 #room", rule="assignee", team="")
    assert room.status_code == 303


async def test_a_refused_token_of_the_environment_is_told_too_and_that_it_holds_again(here: World) -> None:
    async with here.desk.unit() as uow:
        await environment.refused(uow, "fake", environment.UNKNOWN, "token_revoked")
    page = said(await here.admin.get(HERE))
    assert "Fake Refused" in page
    assert "does not take the token that DESKBELL_FAKE_BOT_TOKEN holds" in page
    async with here.desk.unit() as uow:
        await environment.taken(uow, "fake", "w7", "Acme")
        assert not await service.connections(uow.session, here.desk.means.keys, "fake"), "it has no tokens"
    assert "does not take" not in said(await here.admin.get(HERE))
    async with here.desk.unit() as uow:
        await environment.refused(uow, "fake", environment.UNKNOWN, "token_revoked")
        (row,) = await service.listed(uow.session)
    assert (row.external, row.state) == ("w7", "broken"), "it is the one that was taken before"
    assert (await here.admin.get(f"{HERE}/connections/{row.id}")).status_code == 200


async def test_a_token_that_is_not_renewed_is_told(here: World) -> None:
    row = await connected(here)
    async with here.desk.unit() as uow:
        await service.note_problem(uow, row.id, "not_renewed")
    page = said(await here.admin.get(HERE))
    assert "No new token Its token has ended" in page
    async with here.desk.unit() as uow:
        await service.renew(uow, row.id, {"bot_token": GOOD})
    assert "Its token has ended" not in said(await here.admin.get(HERE))


async def test_who_may_not_manage_the_desk_finds_nothing(here: World, fake: FakePlatform) -> None:
    row, room = await with_room(here)
    tried = len(fake.tried)
    paths = ("", "/fake", f"/connections/{row.id}", f"/rooms/{room.id}")
    changes = (
        "/fake",
        f"/connections/{row.id}/check",
        f"/connections/{row.id}/delete",
        f"/rooms/{room.id}/test",
    )
    for who in ("lea", "bob", "ada"):
        browser = here.browsers[who]
        for path in paths:
            assert (await browser.get(f"{HERE}{path}")).status_code == 404, (who, path)
        for path in changes:
            assert (await browser.post(f"{HERE}{path}", bot_token=GOOD)).status_code == 404, (who, path)
    assert len(fake.tried) == tried
    forged = await here.admin.client.post(f"{HERE}/fake", data={"bot_token": GOOD})
    assert forged.status_code == 403
    assert len(fake.tried) == tried


async def test_no_connection_of_the_database_waits_for_a_platform(here: World, fake: FakePlatform) -> None:
    """The whole pool may be in use while a platform is asked."""
    in_use: list[int] = []
    trying = fake.try_out

    async def looking(values: object) -> object:
        in_use.append(here.desk.db.engine.pool.checkedout())  # type: ignore[attr-defined]
        return await trying(values)  # type: ignore[arg-type]

    fake.try_out = looking  # type: ignore[method-assign,assignment]
    await connected(here)
    assert in_use == [0]


async def test_the_tab_and_the_palette_lead_there(here: World) -> None:
    assert 'href="/admin/platforms"' in (await here.admin.get("/admin")).text
    items = (await here.admin.get("/desk/palette.json")).json()
    assert any(item.get("url") == HERE for item in items)
    assert not any(
        item.get("url") == HERE for item in (await here.browsers["bob"].get("/desk/palette.json")).json()
    )


@pytest.mark.parametrize("who", ["bob", "ada"])
async def test_ones_own_chats_and_a_code_for_another(here: World, who: str) -> None:
    browser = here.browsers[who]
    assert "No chat is linked yet" in (await browser.get("/account")).text
    async with here.desk.unit(SYSTEM) as uow:
        digest = people.digest_of_identity(uow, "telegram", "1", "77")
        uow.session.add(Identity(person_id=here.ids[who], platform="telegram", digest=digest))
    assert "Telegram" in (await browser.get("/account")).text
    page = await browser.post("/account/chats/code")
    assert "/link " in page.text
    assert "within ten minutes" in page.text
    async with here.desk.unit() as uow:
        codes = await uow.session.scalars(
            select(OneTimeLink).where(
                OneTimeLink.person_id == here.ids[who], OneTimeLink.purpose == "identity"
            )
        )
        assert len(codes.all()) == 1
    for _n in range(8):
        page = await browser.post("/account/chats/code")
    assert page.status_code == 429
    assert "<pre" not in page.text
