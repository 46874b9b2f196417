"""What a person's client sends to a bot: presses, commands with their options, filled-in forms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from playground.discord import errors, limits, shapes
from playground.discord.errors import Refused, invalid
from playground.discord.interactions import COMMAND, COMPONENT, Interaction
from playground.discord.model import App, Channel, File, Json, Message, User
from playground.discord.rights import rights_of

if TYPE_CHECKING:
    from playground.discord.people import People

SUB, GROUP, STRING, INTEGER, BOOLEAN, USER, CHANNEL, ROLE, MENTIONABLE, NUMBER, ATTACHMENT = range(1, 12)
SLASH, ON_USER, ON_MESSAGE = 1, 2, 3
_SELECTED = {5: (USER,), 6: (ROLE,), 7: (USER, ROLE), 8: (CHANNEL,)}
"""Which things the values of a select name, by its type."""


def press(
    people: People, user: User, message: Message, custom_id: str, values: list[str] | None
) -> Interaction:
    part = next((one for one in limits.walk(message.components) if one.get("custom_id") == custom_id), None)
    app = people.world.apps.get(message.app_id or message.author.id)
    if part is None or app is None or part.get("disabled"):
        raise Refused(errors.UNKNOWN_INTERACTION)
    data: Json = {"custom_id": custom_id, "component_type": part["type"], "id": part["id"]}
    if part["type"] != 2:
        data |= _chosen(people, message.channel, part, values or [])
    return people.interactions.ask(people.world, COMPONENT, app, user, message.channel, data, message=message)


def command(
    people: People,
    user: User,
    channel: Channel,
    name: str,
    given: Json,
    *,
    bot: App | str = "",
    kind: int = COMMAND,
    focused: str = "",
) -> Interaction:
    """A slash command, or the completion of one of its options (`focused`)."""
    words = name.removeprefix("/").split()
    app, known = _find(people, channel, words[0], SLASH, bot)
    resolved: Json = {}
    options = _options(people, channel, known, words[1:], dict(given), resolved, focused)
    data = _data(known, options=options)
    if resolved:
        data["resolved"] = resolved
    return people.interactions.ask(people.world, kind, app, user, channel, data)


def on_message(
    people: People, user: User, message: Message, name: str, *, bot: App | str = ""
) -> Interaction:
    app, known = _find(people, message.channel, name, ON_MESSAGE, bot)
    shape = shapes.message(people.world, message, app.id)
    data = _data(known, target_id=message.id, resolved={"messages": {message.id: shape}})
    return people.interactions.ask(people.world, COMMAND, app, user, message.channel, data)


def on_user(
    people: People, user: User, channel: Channel, target: User, name: str, *, bot: App | str = ""
) -> Interaction:
    app, known = _find(people, channel, name, ON_USER, bot)
    resolved: Json = {}
    _resolve(people, channel, USER, target.id, resolved)
    data = _data(known, target_id=target.id, resolved=resolved)
    return people.interactions.ask(people.world, COMMAND, app, user, channel, data)


def filled_in(
    people: People, opened: Interaction, values: dict[str, Any], files: dict[str, list[File]]
) -> Json:
    """A form as the client sends it."""
    form: Json = opened.form or {}
    resolved: Json = {}
    rows: list[Json] = []
    for row in form["components"]:
        if row["type"] == 1:
            parts = [_input(people, opened, one, values, files, resolved) for one in row["components"]]
            rows.append({"type": 1, "id": row["id"], "components": parts})
        elif row["type"] == 18:
            part = _input(people, opened, row["component"], values, files, resolved)
            rows.append({"type": 18, "id": row["id"], "component": part})
        else:
            rows.append({"type": row["type"], "id": row["id"]})
    data: Json = {"custom_id": form["custom_id"], "components": rows}
    return data | {"resolved": resolved} if resolved else data


def _input(
    people: People,
    opened: Interaction,
    part: Json,
    values: dict[str, Any],
    files: dict[str, list[File]],
    resolved: Json,
) -> Json:
    custom = str(part["custom_id"])
    shape: Json = {"type": part["type"], "id": part["id"], "custom_id": custom}
    if part["type"] == 4:
        return shape | {"value": _text(part, str(values.get(custom, part.get("value") or "")))}
    if part["type"] == 19:
        several = files.get(custom, [])
        if len(several) < (part.get("min_values") or 1) and part.get("required", True):
            raise invalid(custom, "BASE_TYPE_REQUIRED", "This field is required")
        for file in several:
            there = shapes.attachment(people.world, opened.channel, file, ephemeral=True)
            resolved.setdefault("attachments", {})[file.id] = there
        return shape | {"values": [file.id for file in several]}
    if part["type"] == 23:
        return shape | {"value": bool(values.get(custom, part.get("default") or False))}
    given = values.get(custom, [])
    several_values = [given] if isinstance(given, str) else list(given)
    if part["type"] == 21:
        return shape | {"value": several_values[0] if several_values else None}
    if part["type"] == 22:
        return shape | {"values": several_values}
    if not several_values and part.get("required") is False:
        return shape | {"values": []}
    chosen = _chosen(people, opened.channel, part, several_values)
    for key, things in chosen.pop("resolved", {}).items():
        resolved.setdefault(key, {}).update(things)
    return shape | chosen


def _text(part: Json, value: str) -> str:
    if not value and part.get("required", True):
        raise invalid(part["custom_id"], "BASE_TYPE_REQUIRED", "This field is required")
    least, most = part.get("min_length") or 0, part.get("max_length") or 4000
    if value and not least <= len(value) <= most:
        raise invalid(
            part["custom_id"], "BASE_TYPE_BAD_LENGTH", f"Must be between {least} and {most} in length."
        )
    return value


def _chosen(people: People, channel: Channel, part: Json, values: list[str]) -> Json:
    least = part.get("min_values")
    least, most = 1 if least is None else int(least), int(part.get("max_values") or 1)
    if not least <= len(values) <= most:
        raise invalid("values", "BASE_TYPE_BAD_LENGTH", f"Must be between {least} and {most} in length.")
    if part["type"] == 3:
        known = {str(option["value"]) for option in part["options"]}
        if any(value not in known for value in values):
            raise invalid("values", "BASE_TYPE_CHOICES", "Not one of the options")
        return {"values": values}
    resolved: Json = {}
    for value in values:
        for kind in _SELECTED[part["type"]]:
            _resolve(people, channel, kind, value, resolved)
    return {"values": values, "resolved": resolved}


def _find(people: People, channel: Channel, name: str, kind: int, bot: App | str) -> tuple[App, Json]:
    """The command of that name that this place offers."""
    apps = [people.bot(bot)] if bot else list(people.world.apps.values())
    for app in apps:
        if channel.guild is not None:
            here = app.id in channel.guild.members
            offered = app.commands.get(channel.guild.id, []) + app.commands.get("", [])
        else:
            here = any(one is app.user for one in channel.recipients)
            offered = [one for one in app.commands.get("", []) if _in_dm(one)]
        for one in offered if here else ():
            if one["name"] == name and one["type"] == kind:
                return app, one
    raise Refused(errors.UNKNOWN_COMMAND)


def _in_dm(known: Json) -> bool:
    contexts = known.get("contexts")
    return known.get("dm_permission") is not False and (contexts is None or 1 in contexts)


def _data(known: Json, **more: Any) -> Json:
    data: Json = {"id": known["id"], "name": known["name"], "type": known["type"]}
    if known.get("guild_id"):
        data["guild_id"] = known["guild_id"]
    return data | {key: value for key, value in more.items() if value not in (None, [])}


def _options(
    people: People,
    channel: Channel,
    level: Json,
    words: list[str],
    given: Json,
    resolved: Json,
    focused: str,
) -> list[Json]:
    """The options of one level: a subcommand with its own, or the values."""
    known = level.get("options") or []
    subs = [one for one in known if one["type"] in (SUB, GROUP)]
    if subs:
        chosen = next((one for one in subs if words and one["name"] == words[0]), None)
        if chosen is None:
            raise Refused(errors.UNKNOWN_COMMAND)
        inner = _options(people, channel, chosen, words[1:], given, resolved, focused)
        return [{"name": chosen["name"], "type": chosen["type"], "options": inner}]
    unknown = set(given) - {one["name"] for one in known}
    if unknown:
        raise invalid("options", "UNKNOWN_OPTION", f"No such option: {', '.join(sorted(unknown))}")
    made = []
    for option in known:
        if option["name"] not in given:
            if option.get("required") and not focused:
                raise invalid(option["name"], "BASE_TYPE_REQUIRED", "This option is required.")
            continue
        raw = given[option["name"]]
        shape: Json = {"name": option["name"], "type": option["type"]}
        if option["name"] == focused:
            made.append(shape | {"value": str(raw), "focused": True})
        else:
            made.append(shape | {"value": _value(people, channel, option, raw, resolved)})
    return made


def _value(people: People, channel: Channel, option: Json, raw: Any, resolved: Json) -> Any:
    kind = option["type"]
    if kind in (USER, CHANNEL, ROLE, MENTIONABLE):
        wanted = people.user(raw).id if kind == USER else str(raw)
        for one in (USER, ROLE) if kind == MENTIONABLE else (kind,):
            _resolve(people, channel, one, wanted, resolved)
        return wanted
    if kind == ATTACHMENT:
        name, data = raw
        file = people.world.add_file(name, data, "application/octet-stream")
        shape = shapes.attachment(people.world, channel, file, ephemeral=True)
        resolved.setdefault("attachments", {})[file.id] = shape
        return file.id
    value = _plain(option, raw)
    choices = option.get("choices")
    if choices and value not in [one["value"] for one in choices]:
        raise invalid(option["name"], "BASE_TYPE_CHOICES", "Not one of the choices")
    return value


def _plain(option: Json, raw: Any) -> Any:
    kind = option["type"]
    try:
        value: Any = {INTEGER: int, NUMBER: float, STRING: str}[kind](raw) if kind != BOOLEAN else _truth(raw)
    except (TypeError, ValueError):
        raise invalid(option["name"], "NUMBER_TYPE_COERCE", "Not a number.") from None
    if kind in (INTEGER, NUMBER):
        size, keys = value, ("min_value", "max_value")
    else:
        size, keys = len(str(value)), ("min_length", "max_length")
    least, most = option.get(keys[0]), option.get(keys[1])
    if (least is not None and size < least) or (most is not None and size > most):
        raise invalid(option["name"], "BASE_TYPE_BAD_LENGTH", "Out of range.")
    return value


def _truth(raw: Any) -> bool:
    return raw if isinstance(raw, bool) else str(raw).lower() in ("true", "1", "yes")


def _resolve(people: People, channel: Channel, kind: int, thing: str, resolved: Json) -> None:
    """Put what an id names beside it, as the platform does."""
    world, guild = people.world, channel.guild
    if kind == USER and thing in world.users:
        resolved.setdefault("users", {})[thing] = shapes.user(world.users[thing])
        if guild is not None and thing in guild.members:
            member = shapes.member(guild.members[thing], with_user=False)
            rights = str(int(rights_of(thing, channel)))
            resolved.setdefault("members", {})[thing] = member | {"permissions": rights}
    if kind == ROLE and guild is not None and thing in guild.roles:
        resolved.setdefault("roles", {})[thing] = shapes.role(guild.roles[thing])
    if kind == CHANNEL and thing in world.channels:
        shape = shapes.channel(world.channels[thing]) | {"permissions": "0"}
        resolved.setdefault("channels", {})[thing] = shape
