"""Saved views: one's own and shared ones, what they hold, and that no change is lost."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select, text, update

from core.access import Actor
from core.desk import Desk
from core.errors import Conflict, DeskError, Forbidden, Invalid, NotFound
from core.tickets import service as tickets
from core.tickets import views
from core.tickets.model import Priority, SavedView
from core.tickets.views import View
from tests.core.reading import cast

URGENT = {"field": "priority", "op": "ge", "value": "high"}
MINE = {"all": [{"field": "assignee", "op": "is", "value": "me"}, URGENT]}


async def save(desk: Desk, actor: Actor, **values: Any) -> View:
    async with desk.unit(actor) as uow:
        return await views.save(uow, actor, **{"name": "Urgent", "condition": URGENT, **values})


async def names(desk: Desk, actor: Actor) -> list[str]:
    async with desk.unit(actor) as uow:
        return [view.name for view in await views.views(uow, actor)]


async def test_a_view_holds_what_its_condition_says(desk: Desk) -> None:
    they = await cast(desk)
    one, two = await they.says("ada", "one"), await they.says("joe", "two")
    async with desk.unit(they.bob) as uow:
        await tickets.claim(uow, they.bob, one)
        for number in (one, two):
            await tickets.prioritise(uow, they.bob, number, Priority.urgent)
    view = await save(desk, they.bob, name="Mine and urgent", condition=MINE, sort="number")
    shared = await save(desk, they.admin, condition=MINE, shared=True)
    for actor, chosen, expected in (
        (they.bob, view, [one]),
        (they.bob, shared, [one]),
        (they.eve, shared, []),
    ):
        async with desk.unit(actor) as uow:
            page = await views.tickets_of(uow, actor, chosen)
            assert [row.number for row in page.rows] == expected
            assert await views.count_of(uow, actor, chosen) == len(expected)
    assert view.words == "Assignee is me and Priority is at least High"
    assert view.json == MINE


async def test_whose_a_view_is(desk: Desk) -> None:
    they = await cast(desk)
    own = await save(desk, they.bob, name="Bob's")
    shared = await save(desk, they.admin, name="Everyone's", shared=True)
    assert await names(desk, they.bob) == ["Everyone's", "Bob's"]
    assert await names(desk, they.eve) == ["Everyone's"]
    with pytest.raises(Forbidden):
        await save(desk, they.bob, shared=True)
    async with desk.unit(they.eve) as uow:
        with pytest.raises(NotFound):
            await views.view(uow, they.eve, own.id)
        assert not (await views.view(uow, they.eve, shared.id)).mine
        with pytest.raises(Forbidden):
            await views.change(uow, they.eve, shared.id, version=1, name="Eve's")
        with pytest.raises(NotFound):
            await views.remove(uow, they.eve, own.id, version=1)
    await they.says("ada", "Hello")
    ada = await they.actor("ada")
    with pytest.raises(Forbidden):
        await names(desk, ada)


async def test_no_change_is_lost(desk: Desk) -> None:
    they = await cast(desk)
    view = await save(desk, they.bob)
    async with desk.unit(they.bob) as uow:
        changed = await views.change(
            uow, they.bob, view.id, version=1, name="Hot", columns=["subject", "number"]
        )
    assert (changed.version, changed.name, changed.columns) == (2, "Hot", ("number", "subject"))
    assert changed.condition == view.condition
    for late in (views.change, views.remove):
        async with desk.unit(they.bob) as uow:
            with pytest.raises(Conflict):
                await late(uow, they.bob, view.id, version=1)
    async with desk.unit(they.bob) as uow:
        await views.remove(uow, they.bob, view.id, version=2)
    assert await names(desk, they.bob) == []


@pytest.mark.parametrize(
    "values",
    [
        {"name": " "},
        {"name": "x" * 61},
        {"sort": "subject"},
        {"columns": []},
        {"columns": ["number", "password"]},
        {"condition": {"field": "nothing", "op": "is", "value": 1}},
        {"condition": []},
    ],
)
async def test_what_makes_no_view(desk: Desk, values: dict[str, Any]) -> None:
    they = await cast(desk)
    with pytest.raises(Invalid):
        await save(desk, they.bob, **values)


async def test_there_is_an_end_to_views(desk: Desk) -> None:
    they = await cast(desk)
    for number in range(views.MOST_VIEWS):
        await save(desk, they.bob, name=f"View {number}")
    with pytest.raises(DeskError):
        await save(desk, they.bob)


async def test_nothing_readable_is_stored(desk: Desk) -> None:
    they = await cast(desk)
    await save(
        desk, they.bob, name="Klondike", condition={"field": "channel", "op": "is", "value": "sasquatch"}
    )
    async with desk.unit() as uow:
        stored = (await uow.session.execute(text("select saved_view::text from saved_view"))).scalar_one()
    for word in ("Klondike", "sasquatch"):
        assert word not in stored
        assert word.encode().hex() not in stored


async def test_a_view_of_another_version_is_shown_as_unreadable(desk: Desk) -> None:
    they = await cast(desk)
    view = await save(desk, they.bob)
    async with desk.unit() as uow:
        row = await uow.session.scalar(select(SavedView))
        assert row is not None
        await uow.session.execute(update(SavedView).values(condition=b"\x01" + b"x" * 60))
    async with desk.unit(they.bob) as uow:
        broken = await views.view(uow, they.bob, view.id)
        assert broken.condition is None
        with pytest.raises(Invalid):
            await views.tickets_of(uow, they.bob, broken)
        mended = await views.change(uow, they.bob, view.id, version=1, condition=MINE)
    assert mended.json == MINE
