"""A form asked step by step, where a platform has none: each question a card, each answer the next
words of the one who was asked. What was answered so far is kept sealed, across restarts."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert

from bot import forms
from bot.registry import Turn
from core import clock
from core.chat import Answer, Button, Card, FileRef, Form, Input, Said
from core.conversations import attachments
from core.conversations.model import PendingQuestion
from core.crypto.fields import seal_json, unseal_json
from core.i18n import _
from core.people.model import Person

_SEALED = "pending_question.state"
MOST_BUTTONS = 30


async def begin(turn: Turn, form: Form) -> Card:
    """Ask the first question of a form."""
    state: dict[str, Any] = {"form": form.id, "answers": {}, "at": 0}
    state["answers"] = {one.id: one.value for one in form.inputs if one.value}
    state["at"] = _next(form, state)
    _gather(turn, state)
    return await _ask(turn, form, state)


async def waits(turn: Turn) -> bool:
    """Whether the next words of this person here answer a question."""
    return await _row(turn) is not None


async def answer(turn: Turn, inbound: Said) -> Answer | None:
    """The words that were said answer the question that waits; None when none does."""
    row = await _row(turn)
    if row is None:
        return None
    return await _take(turn, row, inbound.text)


async def press(turn: Turn, thing: str, number: int) -> Answer:
    """A button of a question: an option by its place, `skip`, or `cancel`."""
    row = await _row(turn)
    if row is None:
        return _over()
    state = await _state(turn, row)
    if thing == "cancel":
        await forget(turn)
        return Answer(cards=(Card(text=_("Cancelled.")),))
    form = await forms.again(turn, str(state["form"]))
    if int(state["at"]) != number or number >= len(form.inputs):
        return _over()
    asked = form.inputs[number]
    if thing == "skip":
        return await _take(turn, row, "", skipped=not asked.required)
    if not thing.isdigit() or int(thing) >= len(asked.options):
        return _over()
    return await _take(turn, row, asked.options[int(thing)].value, chosen=True)


async def forget(turn: Turn) -> bool:
    """No question waits any more; False when none did."""
    gone = await turn.uow.session.execute(
        delete(PendingQuestion).where(
            PendingQuestion.place_key == turn.inbound.place.key, PendingQuestion.person_id == turn.person.id
        )
    )
    return bool(getattr(gone, "rowcount", 0))


async def _take(
    turn: Turn, row: PendingQuestion, words: str, *, chosen: bool = False, skipped: bool = False
) -> Answer:
    state = await _state(turn, row)
    form = await forms.again(turn, str(state["form"]))
    at = int(state["at"])
    if at >= len(form.inputs):
        await forget(turn)
        return _over()
    asked, came = form.inputs[at], bool(turn.files)
    _gather(turn, state)
    value = words.strip() if chosen or skipped else _meant(asked, words)
    if value is None or (not value and asked.required):
        if came:
            await _keep(turn, state)
        return Answer(cards=(_question(form, at, again=not came or bool(words)),))
    state["answers"][asked.id] = value
    state["at"] = _next(form, state)
    if state["at"] < len(form.inputs):
        return Answer(cards=(await _ask(turn, form, state),))
    await forget(turn)
    turn.files = tuple(FileRef(**one) for one in state.get("files", ()))
    result = await forms.submit(turn, form.id, state["answers"])
    if isinstance(result, Form):
        return Answer(cards=(await begin(turn, result),))
    return Answer(cards=(result,))


def _gather(turn: Turn, state: dict[str, Any]) -> None:
    """Files that come with an answer go with the whole."""
    files = [*state.get("files", ()), *(asdict(one) for one in turn.files)]
    state["files"], turn.files = files[: attachments.MOST_BROUGHT], ()


async def _ask(turn: Turn, form: Form, state: dict[str, Any]) -> Card:
    await _keep(turn, state)
    return _question(form, int(state["at"]))


def _next(form: Form, state: dict[str, Any]) -> int:
    """The place of the first question that has no answer yet."""
    open_ = (index for index, one in enumerate(form.inputs) if one.id not in state["answers"])
    return next(open_, len(form.inputs))


def _question(form: Form, at: int, *, again: bool = False) -> Card:
    asked = form.inputs[at]
    buttons = [Button(option.label, f"step:{index}:{at}") for index, option in enumerate(asked.options)]
    if not asked.required:
        buttons.append(Button(_("Skip"), f"step:skip:{at}"))
    buttons.append(Button(_("Cancel"), f"step:cancel:{at}"))
    words = f"**{asked.label}**"
    if asked.hint:
        words += f"\n{asked.hint}"
    if again:
        words = _("That does not fit. {question}").format(question=words)
    title = f"{form.title} ({at + 1}/{len(form.inputs)})"
    return Card(title=title, text=words, buttons=tuple(buttons[:MOST_BUTTONS]))


def _meant(asked: Input, words: str) -> str | None:
    """What was typed, as a value; None when it is none of the options."""
    said = words.strip()[: asked.longest]
    if not asked.options:
        return said
    for option in asked.options:
        if said.casefold() in (option.label.casefold(), option.value.casefold()):
            return option.value
    return None


async def _row(turn: Turn) -> PendingQuestion | None:
    return await turn.uow.session.get(PendingQuestion, (turn.inbound.place.key, turn.person.id))


async def _state(turn: Turn, row: PendingQuestion) -> dict[str, Any]:
    key = await turn.uow.keys.of_person(turn.uow.session, turn.person.id)
    return dict(unseal_json(key, row.state, _SEALED, turn.person.id))


async def _keep(turn: Turn, state: dict[str, Any]) -> None:
    person: Person = turn.person
    key = await turn.uow.keys.of_person(turn.uow.session, person.id)
    values = {"state": seal_json(key, state, _SEALED, person.id), "at": clock.now()}
    await turn.uow.session.execute(
        insert(PendingQuestion)
        .values(place_key=turn.inbound.place.key, person_id=person.id, **values)
        .on_conflict_do_update(index_elements=["place_key", "person_id"], set_=values)
    )


def _over() -> Answer:
    return Answer(cards=(Card(text=_("This question was answered already."), tone="warning"),))
