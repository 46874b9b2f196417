"""Teams, categories, tags, settings, routing rules and macros through the admin's pages."""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator
from io import BytesIO

import pytest
from admin_world import World, said, version_in, world
from PIL import Image
from sqlalchemy import select

from core import chat_secret
from core.db import EventRow
from core.desk import Desk
from core.people.model import Tag, Team, TeamMember
from core.tickets import hours
from core.tickets.model import Category, Macro, RoutingRule

ID = r"([0-9a-f]{8}-[0-9a-f-]{27})"


@pytest.fixture
async def here(desk: Desk) -> AsyncIterator[World]:
    async with world(desk) as made:
        yield made


async def changes(here: World) -> list[tuple[str, str]]:
    async with here.desk.unit() as uow:
        rows = await uow.session.scalars(
            select(EventRow).where(EventRow.name == "desk.changed").order_by(EventRow.id)
        )
        return [(row.data["what"], row.data["how"]) for row in rows]


async def test_a_team_is_made_changed_and_switched_off(here: World) -> None:
    made = await here.admin.post(
        "/admin/teams", name="  Billing  ", assign_mode="round_robin", members=[str(here.ids["bob"])]
    )
    assert made.status_code == 303
    async with here.desk.unit() as uow:
        team = (await uow.session.scalars(select(Team))).one()
        assert (team.name, team.assign_mode) == ("Billing", "round_robin")
        assert list(await uow.session.scalars(select(TeamMember.person_id))) == [here.ids["bob"]]
    page = f"/admin/teams/{team.id}"
    version = version_in(await here.admin.get(page))
    saved = await here.admin.post(page, version=version, name="Invoices", assign_mode="manual", members=[])
    assert saved.status_code == 303
    stale = await here.admin.post(page, version=version, name="Mine", assign_mode="manual")
    assert stale.status_code == 409
    assert 'value="Mine"' in stale.text
    async with here.desk.unit() as uow:
        assert not list(await uow.session.scalars(select(TeamMember.person_id)))
    version = version_in(await here.admin.get(page))
    assert (await here.admin.post(f"{page}/active/delete", version=version)).status_code == 303
    assert "Switched off" in said(await here.admin.get("/admin/teams"))
    assert ("team", "retired") in await changes(here)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": " ", "assign_mode": "manual"}, "must not be empty"),
        ({"name": "x" * 61, "assign_mode": "manual"}, "too long"),
        ({"name": "Taken", "assign_mode": "manual"}, "Another team has this name"),
        ({"name": "Fine", "assign_mode": "by magic"}, "no such way to assign"),
        ({"name": "Fine", "assign_mode": "manual", "members": ["ada"]}, "choose one of the list"),
    ],
)
async def test_a_wrong_team_says_why(here: World, fields: dict[str, str], words: str) -> None:
    await here.admin.post("/admin/teams", name="taken", assign_mode="manual")
    answer = await here.admin.post("/admin/teams", **fields)
    assert answer.status_code == 422
    assert words in said(answer)


async def test_a_requester_cannot_be_put_into_a_team_and_nothing_of_the_team_stays(here: World) -> None:
    answer = await here.admin.post(
        "/admin/teams", name="Odd", assign_mode="manual", members=[str(here.ids["ada"])]
    )
    assert answer.status_code == 422
    async with here.desk.unit() as uow:
        assert not list(await uow.session.scalars(select(Team)))
    assert not await changes(here)


async def test_categories_grow_a_tree_with_fields(here: World) -> None:
    rows = {
        "rows": "2",
        "field-0-label": "Größe & Farbe",
        "field-0-type": "choice",
        "field-0-options": "small\nlarge\n",
        "field-0-required": "1",
        "field-1-label": "",
    }
    made = await here.admin.post("/admin/categories", name="Hardware", position="2", **rows)
    assert made.status_code == 303
    async with here.desk.unit() as uow:
        top = (await uow.session.scalars(select(Category))).one()
        assert [row["id"] for row in top.fields] == ["gro_e_farbe"] or top.fields[0]["id"].startswith("gr")
        assert top.fields[0]["options"] == ["small", "large"]
    below = await here.admin.post("/admin/categories", name="Printers", parent_id=str(top.id), position="0")
    assert below.status_code == 303
    async with here.desk.unit() as uow:
        child = (await uow.session.scalars(select(Category).where(Category.parent_id == top.id))).one()
    page = f"/admin/categories/{top.id}"
    version = version_in(await here.admin.get(page))
    circle = await here.admin.post(
        page, version=version, name="Hardware", parent_id=str(child.id), position="0"
    )
    assert circle.status_code == 422
    assert "below itself" in said(circle)
    assert (await here.admin.post(f"{page}/active/delete", version=version)).status_code == 409
    bad = await here.admin.post(
        page,
        version=version,
        name="Hardware",
        position="0",
        rows="1",
        field__0__label="Kind",
        field__0__type="choice",
    )
    assert bad.status_code == 422
    assert "at least one option" in said(bad)


async def test_rows_of_fields_come_and_go_without_a_script(here: World) -> None:
    added = await here.admin.post("/admin/categories", name="Draft", rows="0", step="add", position="0")
    assert added.status_code == 200
    assert 'name="field-0-label"' in added.text
    assert "Not saved yet" in said(added)
    fields = {"field-0-label": "One", "field-1-label": "Two"}
    removed = await here.admin.post(
        "/admin/categories", name="Draft", rows="2", step="remove:0", position="0", **fields
    )
    assert 'value="Two"' in removed.text
    assert 'value="One"' not in removed.text
    async with here.desk.unit() as uow:
        assert not list(await uow.session.scalars(select(Category)))


async def test_tags_are_one_word_each(here: World) -> None:
    assert (await here.admin.post("/admin/tags", name="VIP")).status_code == 303
    assert (await here.admin.post("/admin/tags", name="vip")).status_code == 422
    assert (await here.admin.post("/admin/tags", name=" ")).status_code == 422
    async with here.desk.unit() as uow:
        tag = (await uow.session.scalars(select(Tag))).one()
    page = f"/admin/tags/{tag.id}"
    assert (await here.admin.post(page, was="other", name="gold")).status_code == 409
    assert (await here.admin.post(page, was="vip", name="Gold")).status_code == 303
    assert (await here.admin.post(f"{page}/active/delete")).status_code == 303
    assert (await here.admin.post("/admin/tags", name="gold")).status_code == 303
    assert "gold" in said(await here.admin.get("/admin/tags"))


def picture(kind: str, size: int = 8) -> bytes:
    out = BytesIO()
    Image.new("RGB", (size, size), "teal").save(out, kind)
    return out.getvalue()


LOOK = {"name": "Our Desk", "accent": "#aa3377", "language": "de", "zone": "Europe/Berlin"}


async def test_look_and_language_take_effect_at_once(here: World) -> None:
    version = version_in(await here.admin.get("/admin/settings/look"))
    files = {"logo": ("logo.png", picture("PNG"), "image/png")}
    saved = await here.admin.post("/admin/settings/look", version=version, files=files, **LOOK)
    assert saved.status_code == 303
    settings = here.desk.means.settings
    assert (settings.name, settings.accent, settings.zone) == ("Our Desk", "#aa3377", "Europe/Berlin")
    assert settings.logo.startswith("data:image/png;base64,")
    stale = await here.admin.post("/admin/settings/look", version=version, **LOOK | {"name": "Other"})
    assert stale.status_code == 409
    assert here.desk.means.settings.name == "Our Desk"
    version = version_in(await here.admin.get("/admin/settings/look"))
    await here.admin.post("/admin/settings/look", version=version, logo_delete="1", **LOOK)
    assert here.desk.means.settings.logo == ""
    assert ("setting", "changed") in await changes(here)


@pytest.mark.parametrize(
    ("group", "fields", "field"),
    [
        ("look", LOOK | {"name": ""}, "name"),
        ("look", LOOK | {"accent": "red; } body { display: none"}, "accent"),
        ("look", LOOK | {"zone": "Mars/Olympus"}, "zone"),
        ("look", LOOK | {"language": "tlh"}, "language"),
        ("guard", {"block_words": "", "messages_per_minute": "0", "address_per_minute": "1", "same_text_per_hour": "1"}, "messages_per_minute"),
        ("guard", {"block_words": "", "messages_per_minute": "many", "address_per_minute": "1", "same_text_per_hour": "1"}, "messages_per_minute"),
        ("chat", {"chat_origins": "javascript:alert(1)", "offer_seconds": "30"}, "chat_origins"),
        ("chat", {"chat_origins": "https://a.example/path", "offer_seconds": "30"}, "chat_origins"),
    ],
)  # fmt: skip
async def test_a_wrong_setting_is_told_beside_its_field(
    here: World, group: str, fields: dict[str, str], field: str
) -> None:
    before = here.desk.means.settings
    version = version_in(await here.admin.get(f"/admin/settings/{group}"))
    answer = await here.admin.post(f"/admin/settings/{group}", version=version, **fields)
    assert answer.status_code == 422
    assert f'id="f-{field}-error"' in answer.text
    await here.desk.refresh()
    assert here.desk.means.settings == before


@pytest.mark.parametrize(
    "content",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR<script>alert(1)</script>",
        picture("GIF"),
        picture("PNG") + b"\0" * 200_000,
    ],
)
async def test_a_logo_must_be_a_small_picture(here: World, content: bytes) -> None:
    version = version_in(await here.admin.get("/admin/settings/look"))
    files = {"logo": ("logo.png", content, "image/png")}
    answer = await here.admin.post("/admin/settings/look", version=version, files=files, **LOOK)
    assert answer.status_code == 422
    assert here.desk.means.settings.logo == ""


async def test_working_hours_and_holidays(here: World) -> None:
    page = "/admin/settings/hours"
    version = version_in(await here.admin.get(page))
    week = {
        "mon-from": ["09:00", "13:00"],
        "mon-to": ["12:00", "17:00"],
        "fri-from": "22:00",
        "fri-to": "06:00",
    }
    saved = await here.admin.post(
        page, version=version, on="1", holidays="2026-12-24\n", country="DE", subdivision="be", **week
    )
    assert saved.status_code == 303
    kept = here.desk.means.settings.hours
    assert kept["week"]["mon"] == [["09:00", "12:00"], ["13:00", "17:00"]]
    assert (kept["country"], kept["subdivision"], kept["holidays"]) == ("DE", "BE", ["2026-12-24"])
    assert hours.calendar_of(here.desk.means.settings) is not None
    assert 'value="22:00"' in (await here.admin.get(page)).text
    version = version_in(await here.admin.get(page))
    for wrong in (
        {"mon-from": "25:00", "mon-to": "26:00"},
        {"mon-from": ["09:00", "10:00"], "mon-to": ["12:00", "13:00"]},
        {},
        {"mon-from": "09:00", "mon-to": "12:00", "holidays": "Christmas"},
        {"mon-from": "09:00", "mon-to": "12:00", "subdivision": "BE"},
    ):
        assert (await here.admin.post(page, version=version, on="1", **wrong)).status_code == 422, wrong
    assert (await here.admin.post(page, version=version)).status_code == 303
    assert here.desk.means.settings.hours == {}


async def test_the_chat_s_secret_is_shown_once(here: World) -> None:
    made = await here.admin.post("/admin/settings/chat/secret")
    async with here.desk.unit() as uow:
        secret = await chat_secret.read(uow.session, uow.keys)
    assert secret is not None
    assert secret in made.text
    assert secret not in (await here.admin.get("/admin/settings/chat")).text
    assert here.desk.means.settings.chat_secret_set
    assert (await here.admin.post("/admin/settings/chat/secret/delete")).status_code == 303
    assert not here.desk.means.settings.chat_secret_set


async def test_rules_are_made_ordered_and_tried(here: World) -> None:
    await here.admin.post("/admin/teams", name="Billing", assign_mode="manual")
    async with here.desk.unit() as uow:
        team = (await uow.session.scalars(select(Team))).one()
    first = {"c-0-field": "words", "c-0-op": "contains", "c-0-value": "invoice"}
    made = await here.admin.post(
        "/admin/routing",
        name="Bills",
        how="all",
        rows="1",
        team=str(team.id),
        add_tags="money, Late",
        **first,
    )
    assert made.status_code == 303
    second = {
        "c-0-field": "team",
        "c-0-op": "is",
        "c-0-value": "billing",
        "c-1-field": "priority",
        "c-1-op": "is",
        "c-1-value": "Urgent",
    }
    assert (
        await here.admin.post("/admin/routing", name="Hurry", how="any", rows="2", priority="high", **second)
    ).status_code == 303
    async with here.desk.unit() as uow:
        rules = list(await uow.session.scalars(select(RoutingRule).order_by(RoutingRule.position)))
    assert rules[0].condition == {"all": [{"field": "words", "op": "contains", "value": "invoice"}]}
    assert rules[0].actions["add_tags"] == ["late", "money"]
    assert rules[1].condition["any"][0]["value"] == str(team.id)
    tried = await here.admin.post("/admin/routing/trial", text="My invoice is wrong", channel="desk")
    words = said(tried)
    assert "“Bills” fires" in words
    assert "“Hurry” fires" in words
    assert "team Billing" in words
    await here.admin.post(f"/admin/routing/{rules[1].id}/position", to="up")
    page = said(await here.admin.get("/admin/routing"))
    assert page.index("Hurry") < page.index("Bills")
    other = said(await here.admin.post("/admin/routing/trial", text="Hello", channel="desk"))
    assert "“Bills” does not fire" in other
    shown = await here.admin.get(f"/admin/routing/{rules[1].id}")
    assert 'value="Billing"' in shown.text
    stale = await here.admin.post(
        f"/admin/routing/{rules[0].id}",
        version="9",
        name="Bills",
        how="all",
        rows="1",
        priority="low",
        **first,
    )
    assert stale.status_code == 409


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"rows": "1", "c-0-field": "priority", "c-0-op": "is", "c-0-value": "tomorrow"}, "Possible are"),
        (
            {"rows": "1", "c-0-field": "category", "c-0-op": "is", "c-0-value": "Nowhere"},
            "Nothing here is called",
        ),
        ({"rows": "1", "c-0-field": "words", "c-0-op": "lt", "c-0-value": "x"}, "cannot be tested"),
        ({"rows": "1", "c-0-field": "words", "c-0-op": "contains", "c-0-value": ""}, "compared with"),
        ({"rows": "1", "c-0-field": "mood", "c-0-op": "is", "c-0-value": "x"}, "no such field"),
        ({"rows": "0", "how": "any"}, "at least one condition"),
        ({"rows": "0", "advanced": "{nonsense"}, "not JSON"),
        ({"rows": "0", "advanced": '{"all": [{"field": "x"}]}'}, "no field"),
        ({"rows": "0", "priority": ""}, "something to do"),
        ({"rows": "0", "name": ""}, "must not be empty"),
    ],
)
async def test_a_wrong_rule_says_why(here: World, fields: dict[str, str], words: str) -> None:
    whole = {"name": "Rule", "how": "all", "priority": "high"} | fields
    answer = await here.admin.post("/admin/routing", **whole)
    assert answer.status_code == 422
    assert words in said(answer).replace("&#34;", '"')


async def test_an_advanced_condition_comes_back_as_it_was(here: World) -> None:
    condition = '{"not": {"any": [{"field": "language", "op": "is", "value": "de"}]}}'
    assert (
        await here.admin.post(
            "/admin/routing", name="Not German", rows="0", advanced=condition, priority="low"
        )
    ).status_code == 303
    page = await here.admin.get("/admin/routing")
    found = re.search(rf"/admin/routing/{ID}\"", page.text)
    assert found is not None
    assert "not" in (await here.admin.get(f"/admin/routing/{found[1]}")).text


async def test_shared_macros(here: World) -> None:
    wrong = await here.admin.post("/admin/macros", name="Hello", body="Hello {requester.secret}")
    assert wrong.status_code == 422
    assert "no variable" in said(wrong)
    body = "Hello {requester.first_name|there}, <script>alert(1)</script> **bold**"
    preview = await here.admin.post("/admin/macros", name="Hello", body=body, step="preview")
    assert "<strong>bold</strong>" in preview.text
    assert "<script>alert" not in preview.text
    assert "Hello Ada" in said(preview)
    assert (
        await here.admin.post("/admin/macros", name="Hello", body="Hello", move="resolve")
    ).status_code == 303
    async with here.desk.unit() as uow:
        macro = (await uow.session.scalars(select(Macro))).one()
        assert macro.owner_id is None
        uow.session.add(Macro(name="Private", body="Secret", owner_id=here.ids["bob"]))
    assert "Private" not in said(await here.admin.get("/admin/macros"))
    page = f"/admin/macros/{macro.id}"
    version = version_in(await here.admin.get(page))
    assert (await here.admin.post(page, version=version, name="Hi", body="Hi")).status_code == 303
    assert (await here.admin.post(page, version=version, name="Hey", body="Hey")).status_code == 409


async def test_the_logo_is_told_as_a_data_address(here: World) -> None:
    version = version_in(await here.admin.get("/admin/settings/look"))
    content = picture("WEBP")
    await here.admin.post(
        "/admin/settings/look", version=version, files={"logo": ("x", content, "text/html")}, **LOOK
    )
    head, _comma, data = here.desk.means.settings.logo.partition(",")
    assert head == "data:image/webp;base64"
    assert base64.b64decode(data) == content
