"""Who may see which of the admin's pages: what one may not is not there."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from admin_world import World, world

from core.desk import Desk

MANAGE_STAFF = (
    "/admin/people",
    "/admin/people/invitation",
    "/admin/organisations",
    "/admin/organisations/new",
    "/admin/roles",
)
MANAGE_DESK = (
    "/admin/settings", "/admin/settings/hours", "/admin/settings/tickets", "/admin/settings/chat",
    "/admin/settings/guard", "/admin/teams", "/admin/teams/new", "/admin/categories",
    "/admin/categories/new", "/admin/tags", "/admin/routing", "/admin/routing/new", "/admin/macros",
    "/admin/macros/new", "/admin/audit", "/admin/audit?verify=1",
)  # fmt: skip
LEADS_TOO = (
    "/admin", "/admin/deliveries", "/admin/deliveries/due", "/admin/deliveries/parked", "/admin/moderation",
    "/admin/moderation/reported", "/admin/moderation/blocked", "/admin/health", "/admin/health/now",
)  # fmt: skip


@pytest.fixture
async def here(desk: Desk) -> AsyncIterator[World]:
    async with world(desk) as made:
        yield made


async def test_each_page_by_role(here: World) -> None:
    for path in (*MANAGE_STAFF, *MANAGE_DESK, *LEADS_TOO):
        expected = {
            "ann": 200,
            "lea": 200 if path in LEADS_TOO else 404,
            "bob": 404,
            "ada": 404,
            "stranger": 303,
        }
        for name, status in expected.items():
            answer = await here.browsers[name].get(path)
            assert answer.status_code == status, (name, path)
        assert (await here.browsers["stranger"].get(path)).headers["location"].startswith("/sign-in")


async def test_changing_needs_the_permission_and_the_token(here: World) -> None:
    posts = (
        "/admin/teams", "/admin/categories", "/admin/tags", "/admin/routing", "/admin/macros", "/admin/organisations",
        "/admin/settings/look", "/admin/settings/chat/secret", "/admin/roles/agent", "/admin/people/invitation",
        f"/admin/people/{here.ids['ada']}/erasure", f"/admin/people/{here.ids['ada']}/block",
    )  # fmt: skip
    for path in posts:
        assert (await here.browsers["bob"].post(path, name="X")).status_code == 404, path
        assert (await here.browsers["ada"].post(path, name="X")).status_code == 404, path
        forged = await here.admin.client.post(path, data={"name": "X", "csrf": "wrong"})
        assert forged.status_code == 403, path


async def test_unknown_and_malformed_ids_are_not_found(here: World) -> None:
    nobody = "01890000-0000-7000-8000-000000000000"
    for part in ("people", "teams", "categories", "routing", "macros", "organisations"):
        assert (await here.admin.get(f"/admin/{part}/{nobody}")).status_code == 404, part
        assert (await here.admin.get(f"/admin/{part}/nonsense")).status_code == 404, part
    assert (await here.admin.get("/admin/tags/999999999999999999999")).status_code == 404
    assert (await here.admin.get("/admin/settings/nonsense")).status_code == 404
