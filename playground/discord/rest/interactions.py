"""The first answer to an interaction."""

from __future__ import annotations

from playground.discord import interactions, limits, shapes, talk
from playground.discord.calls import Call
from playground.discord.errors import invalid
from playground.discord.interactions import COMMAND, COMPLETION, COMPONENT, FORM, Interaction
from playground.discord.model import EPHEMERAL, LOADING, Json, Message
from playground.discord.rest.messages import change
from playground.discord.rest.table import routes
from playground.discord.talk import SETTABLE

MESSAGE, DEFER, DEFER_UPDATE, UPDATE, CHOICES, MODAL = 4, 5, 6, 7, 8, 9
_ALLOWED = {
    COMMAND: (MESSAGE, DEFER, MODAL),
    COMPONENT: (MESSAGE, DEFER, DEFER_UPDATE, UPDATE, MODAL),
    COMPLETION: (CHOICES,),
    FORM: (MESSAGE, DEFER, DEFER_UPDATE, UPDATE),
}


@routes.add("POST", "/interactions/{interaction_id}/{webhook_token}/callback", open=True)
async def answer(call: Call) -> Json | None:
    asked = call.server.interactions.to_answer(call.params["interaction_id"], call.params["webhook_token"])
    kind, data = call.data.get("type"), call.data.get("data") or {}
    if kind not in _ALLOWED[asked.kind] or (kind in (DEFER_UPDATE, UPDATE) and asked.message is None):
        raise invalid("type", "BASE_TYPE_CHOICES", "This answer does not fit the interaction.")
    _give(call, asked, int(kind), data)
    asked.answer = int(kind)
    asked.answered.set()
    if kind != DEFER:
        asked.settled.set()
    call.world.journal.note("answer", channel=asked.channel.id, interaction=asked.id)
    return _response(call, asked) if call.flag("with_response") else None


def _give(call: Call, asked: Interaction, kind: int, data: Json) -> None:
    match kind:
        case 4:
            asked.original = say(call, asked, data)
        case 5:
            flags = int(data.get("flags") or 0) & EPHEMERAL | LOADING
            asked.original = _post(call, asked, {"flags": flags}, first=True)
        case 6:
            asked.original = asked.message
        case 7:
            assert asked.message is not None
            call.body = data
            change(call, asked.message)
            asked.original = asked.message
        case 8:
            asked.choices = _checked_choices(data)
        case _:
            limits.check_modal(data)
            asked.form = data | {"components": talk.numbered(data["components"])}
            call.server.interactions.forms[asked.id] = asked


def say(call: Call, asked: Interaction, data: Json, *, first: bool = True) -> Message:
    """A message that answers an interaction, for all or for the one who asked."""
    flags = int(data.get("flags") or 0) & SETTABLE
    limits.check_message(data, len(call.uploads), flags=flags)
    return _post(call, asked, data | {"flags": flags}, first=first)


def _post(call: Call, asked: Interaction, data: Json, *, first: bool) -> Message:
    kind = {COMMAND: 20 if asked.data.get("type") == 1 else 23}.get(asked.kind, 0) if first else 0
    more: Json = {}
    if asked.message is not None and asked.message.only_for is None:
        place = asked.message.channel
        reference = {"type": 0, "channel_id": place.id, "message_id": asked.message.id}
        if place.guild is not None:
            reference["guild_id"] = place.guild.id
        more = {"reference": reference, "referenced": asked.message}
        kind = 19
    return talk.post(
        call.world,
        asked.channel,
        asked.app.user,
        data,
        call.files(data),
        kind=kind,
        app_id=asked.app.id,
        webhook_id=asked.app.id,
        only_for=asked.user.id if int(data.get("flags") or 0) & EPHEMERAL else None,
        asked_by=interactions.metadata(asked),
        **more,
    )


def _checked_choices(data: Json) -> list[Json]:
    choices = data.get("choices") or []
    if len(choices) > limits.OPTIONS:
        raise invalid("data.choices", "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.")
    for choice in choices:
        limits.check_name(choice.get("name"), "data.choices.name")
        if isinstance(choice.get("value"), str) and len(choice["value"]) > 100:
            raise limits.too_long("data.choices.value", 100)
    return list(choices)


def _response(call: Call, asked: Interaction) -> Json:
    about: Json = {"id": asked.id, "type": asked.kind}
    resource: Json = {"type": asked.answer}
    message = asked.original
    if message is not None and asked.answer != DEFER_UPDATE:
        about |= {
            "response_message_id": message.id,
            "response_message_loading": bool(message.flags & LOADING),
            "response_message_ephemeral": message.only_for is not None,
        }
        resource["message"] = shapes.message(call.world, message, asked.app.id)
    return {"interaction": about, "resource": resource}
