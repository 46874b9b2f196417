"""Custom fields: what a category asks is answered in its types, and nothing else is kept."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from core.access import SYSTEM
from core.conversations.service import Saying
from core.db import EventRow
from core.desk import Desk
from core.errors import Invalid
from core.i18n import speaking
from core.people import service as people
from core.tickets import access
from core.tickets import service as tickets
from core.tickets.fields import CustomField, answered, parse, stored, value_of
from core.tickets.model import Category
from tests.core.reading import cast

TEXT = CustomField("name", "Name", "text")
NUMBER = CustomField("amount", "Amount", "number")
CHOICE = CustomField("model", "Model", "choice", options=("One", "Two"))
DAY = CustomField("bought", "Bought", "date")
YES = CustomField("paid", "Paid", "bool")
NEEDED = CustomField("order", "Order", "text", required=True)


@pytest.mark.parametrize(
    ("field", "raw", "kept"),
    [
        (TEXT, " as it is ", "as it is"), (TEXT, "", None), (NUMBER, "19", 19), (NUMBER, "1,5", 1.5), (NUMBER, 2.5, 2.5),
        (CHOICE, "Two", "Two"), (DAY, "2026-11-24", "2026-11-24"), (YES, "on", True), (YES, True, True), (YES, "no", False),
        (YES, None, False), (NEEDED, "A1", "A1"),
    ],
)  # fmt: skip
def test_answers_have_the_type_of_their_question(field: CustomField, raw: Any, kept: Any) -> None:
    assert value_of(field, raw) == kept


@pytest.mark.parametrize(
    ("field", "raw"),
    [
        (NUMBER, "many"), (NUMBER, "nan"), (NUMBER, "inf"), (NUMBER, "1e99"), (NUMBER, [1]), (CHOICE, "Three"), (CHOICE, ["One"]),
        (DAY, "yesterday"), (DAY, "2026-02-30"), (DAY, 7), (NEEDED, ""), (NEEDED, "  "), (NEEDED, None),
    ],
)  # fmt: skip
def test_what_does_not_fit_names_the_field(field: CustomField, raw: Any) -> None:
    with pytest.raises(Invalid) as refused:
        value_of(field, raw)
    assert refused.value.field == field.id


async def test_answers_are_shown_as_ones_language_writes_them(desk: Desk) -> None:
    async with desk.unit(SYSTEM) as uow:
        category = Category(name="Orders", fields=stored([NUMBER, DAY, YES, NEEDED]))
        uow.session.add(category)
        await uow.session.flush()
        answers = {"bought": "2026-11-24", "paid": False, "order": "", "elsewhere": "1"}
        with speaking("de"):
            assert await answered(uow, category.id, answers) == [("Bought", "24.11.2026"), ("Paid", "nein")]
        with speaking("en"):
            assert await answered(uow, category.id, answers) == [("Bought", "Nov 24, 2026"), ("Paid", "no")]


def test_questions_are_stored_and_read() -> None:
    every = [TEXT, NUMBER, CHOICE, DAY, YES, NEEDED]
    assert parse(stored(every)) == every
    for wrong in (
        {"id": "Upper"},
        {"id": "x", "type": "secret"},
        {"id": "x", "type": "choice", "options": []},
    ):
        with pytest.raises(Invalid):
            parse([{"label": "X", **wrong}])
    with pytest.raises(Invalid):
        parse(stored([TEXT, TEXT]))


async def _category(desk: Desk, *fields: CustomField) -> UUID:
    async with desk.unit() as uow:
        made = Category(name="Bikes", fields=stored(list(fields)))
        uow.session.add(made)
        await uow.session.flush()
        return made.id


async def test_only_what_is_asked_is_kept_and_no_name_of_ones_own_gets_into_events(desk: Desk) -> None:
    they = await cast(desk)
    bikes = await _category(desk, TEXT, NUMBER)
    number = await they.says("ada", "Hello")
    for given in ({"velocipede_of_mine": "x"}, {"Any words at all": 1}):
        with pytest.raises(Invalid):
            async with desk.unit(they.bob) as uow:
                await tickets.set_fields(uow, they.bob, number, given)
    async with desk.unit(they.bob) as uow:
        await tickets.categorise(uow, they.bob, number, bikes)
        await tickets.set_fields(uow, they.bob, number, {"name": "Rapid", "amount": "3"})
    other = await _category(desk, YES)
    async with desk.unit(they.bob) as uow:
        await tickets.categorise(uow, they.bob, number, other)
        await tickets.set_fields(uow, they.bob, number, {"paid": "on"})
    async with desk.unit(they.bob) as uow:
        opened = await access.get(uow, they.bob, number)
        assert opened.fields == {"name": "Rapid", "amount": 3, "paid": True}
        with pytest.raises(Invalid):
            await tickets.set_fields(uow, they.bob, number, {"name": "Another"})
        names = await uow.session.scalars(
            select(EventRow.data["fields"]).where(EventRow.name == "ticket.fields_changed")
        )
        assert {name for each in names for name in each} == {"name", "amount", "paid"}


async def test_a_category_out_of_use_loses_no_word_of_its_tickets(desk: Desk) -> None:
    they = await cast(desk)
    bikes = await _category(desk, TEXT)
    number = await they.says("ada", "Hello")
    async with desk.unit(they.bob) as uow:
        await tickets.categorise(uow, they.bob, number, bikes)
        await tickets.set_fields(uow, they.bob, number, {"name": "Rapid"})
        await tickets.close(uow, they.bob, number)
    async with desk.unit() as uow:
        await uow.session.execute(update(Category).values(active=False))
    follow_up = await they.says("ada", "It broke again")
    assert follow_up != number
    async with desk.unit(they.bob) as uow:
        assert (await access.get(uow, SYSTEM, follow_up)).ticket.category_id is None
        await tickets.reopen(uow, they.bob, number)
        await tickets.set_fields(uow, they.bob, number, {"name": "Slow"})
        opened = await access.change(uow, they.bob, number)
        ada = await they.actor("ada")
        person = await people.get(uow, ada.id or UUID(int=0))
        _opened, message = await tickets.hear(uow, opened, ada, Saying(text="More"), person)
        await uow.session.flush()
        made = await tickets.split(uow, they.bob, number, [message.id])
        assert made.ticket.category_id is None
