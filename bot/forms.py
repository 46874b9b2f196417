"""Forms: what the desk asks at once where a platform can, and step by step where it cannot.

A form's id is `name:argument`; it outlives a restart, since it says all that is needed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from uuid import UUID

from sqlalchemy import select

from bot import brought
from bot.cards import tickets as cards
from bot.registry import Turn
from bot.rooms import threads
from bot.talk import no_desk_room
from core.chat import Card, Form, Input, Option
from core.errors import Invalid
from core.fit import fit_form
from core.i18n import _
from core.ids import new_id
from core.tickets import fields
from core.tickets import service as tickets
from core.tickets.access import Opened
from core.tickets.fields import CustomField
from core.tickets.model import Category

Submit = Callable[[Turn, str, Mapping[str, str]], Awaitable[Card | Form]]
MOST_CATEGORIES = 25
_FIELD = "field_"


async def ticket(turn: Turn, category: str = "") -> Form:
    """Ask for help: a category, its fields, what it is about."""
    inputs: list[Input] = []
    if not category and (options := await categories(turn)):
        inputs.append(Input("category", _("What is it about?"), "choice", options=options))
    inputs += [_input(one) for one in await fields.of_category(turn.uow, _id(category))]
    inputs += [
        Input("subject", _("Subject"), required=True, longest=200),
        Input("text", _("How can we help?"), "long", required=True),
    ]
    return fit_form(Form(f"ticket:{category}", _("Ask for help"), tuple(inputs), _("Send")), turn.limits)


def words(turn: Turn, verb: str, number: int, title: str, label: str) -> Form:
    """A text for one ticket: a reply, a note, a solution."""
    return fit_form(
        Form(f"{verb}:{number}", title, (Input("text", label, "long", required=verb != "resolve"),)),
        turn.limits,
    )


async def submit(turn: Turn, form: str, values: Mapping[str, str]) -> Card | Form:
    """A form came back; raises `Invalid` for one that this version does not know."""
    name, _sep, argument = form.partition(":")
    if name not in SUBMITS:
        raise Invalid(_("This form is no longer valid. Please open it again."))
    return await SUBMITS[name](turn, argument, values)


async def again(turn: Turn, form: str) -> Form:
    """The form of an id, for asking it step by step."""
    name, _sep, argument = form.partition(":")
    if name == "ticket":
        return await ticket(turn, argument)
    raise Invalid(_("This form is no longer valid. Please open it again."))


async def categories(turn: Turn) -> tuple[Option, ...]:
    """The categories that one may choose from."""
    rows = await turn.uow.session.scalars(
        select(Category)
        .where(Category.active)
        .order_by(Category.position, Category.name)
        .limit(MOST_CATEGORIES)
    )
    return tuple(Option(row.name, str(row.id)) for row in rows)


async def _ticket(turn: Turn, argument: str, values: Mapping[str, str]) -> Card | Form:
    category = argument or values.get("category", "")
    asked = bool(argument) or any(name.startswith(_FIELD) for name in values)
    if category and not asked and await fields.of_category(turn.uow, _id(category)):
        return await _with_fields(turn, category, values)
    place = turn.inbound.place
    own_place = await needs_own_place(turn)
    request = tickets.Request(
        text=values.get("text", ""),
        subject=values.get("subject", "")[:200],
        category_id=_id(category),
        fields={
            name.removeprefix(_FIELD): value for name, value in values.items() if name.startswith(_FIELD)
        },
        channel=place.platform,
        language=turn.person.locale,
        place=None if own_place else place,
        message_id=new_id(),
        files=brought.stored(turn.files),
        files_follow=brought.follow(turn.files),
    )
    opened = await tickets.open_ticket(turn.uow, turn.actor, turn.person, request)
    assert request.message_id is not None
    brought.expect(turn, opened, request.message_id)
    return received(turn, opened, own_place)


async def needs_own_place(turn: Turn) -> bool:
    """Whether a ticket asked for here needs a place of its own: what others say in a shared one would
    become part of it. Raises `Invalid` in a desk room, whose threads hold the tickets of others."""
    await no_desk_room(turn.uow, turn.inbound.place)
    return turn.limits.threads_of_own and not turn.inbound.direct


def received(turn: Turn, opened: Opened, own_place: bool) -> Card:
    """What is told to who asked."""
    if not own_place:
        # Where no timeline shows it, a receipt of its own says so.
        note = _("We have your request.") if turn.limits.timeline else ""
        return cards.ticket(opened, turn.actor, note=note)
    threads.want_for_requester(turn.uow, turn.inbound.place, opened.ticket)
    words = _("We have your request as #{number}. A place of your own opens for it.")
    return Card(text=words.format(number=opened.number), tone="good", private=True)


async def _with_fields(turn: Turn, category: str, values: Mapping[str, str]) -> Form:
    """The chosen category has questions of its own: the same form again with them, filled in."""
    form = await ticket(turn, category)
    filled = tuple(
        Input(
            one.id,
            one.label,
            one.kind,
            one.required,
            one.options,
            one.hint,
            one.longest,
            values.get(one.id, ""),
        )
        for one in form.inputs
    )
    return Form(form.id, form.title, filled, form.submit)


async def _reply(turn: Turn, argument: str, values: Mapping[str, str]) -> Card:
    await tickets.reply(
        turn.uow, turn.actor, _number(argument), values.get("text", ""), via=turn.inbound.place.platform
    )
    return Card(text=_("On its way."), tone="good", private=True)


async def _note(turn: Turn, argument: str, values: Mapping[str, str]) -> Card:
    await tickets.note(
        turn.uow, turn.actor, _number(argument), values.get("text", ""), via=turn.inbound.place.platform
    )
    return Card(text=_("Noted, for colleagues only."), tone="note", private=True)


async def _resolve(turn: Turn, argument: str, values: Mapping[str, str]) -> Card:
    opened = await tickets.resolve(turn.uow, turn.actor, _number(argument), values.get("text", ""))
    return cards.ticket(opened, turn.actor, note=_("Resolved."))


SUBMITS: Mapping[str, Submit] = {
    "ticket": _ticket,
    "reply": _reply,
    "note": _note,
    "resolve": _resolve,
}


def _input(one: CustomField) -> Input:
    options = tuple(Option(value, value) for value in one.options)
    if one.type == "bool":
        options = (Option(_("Yes"), "yes"), Option(_("No"), "no"))
    kind = "choice" if options else one.type
    return Input(f"{_FIELD}{one.id}", one.label, kind, one.required and one.type != "bool", options)


def _id(category: str) -> UUID | None:
    try:
        return UUID(category) if category else None
    except ValueError:
        raise Invalid(_("There is no such category."), field="category") from None


def _number(argument: str) -> int:
    if not argument.isascii() or not argument.isdigit() or len(argument) > 18:
        raise Invalid(_("This form is no longer valid. Please open it again."))
    return int(argument)
