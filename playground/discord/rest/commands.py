"""Application commands, global and of one guild."""

from __future__ import annotations

import re

from playground.discord import errors
from playground.discord.calls import Call
from playground.discord.errors import Refused, invalid
from playground.discord.limits import OPTIONS, check_name
from playground.discord.model import Json
from playground.discord.rest.table import routes

MOST = {1: 100, 2: 15, 3: 15}
_NAME = re.compile(r"^[-_'\w]{1,32}$")
_GLOBAL = "/applications/{application_id}/commands"
_GUILD = "/applications/{application_id}/guilds/{guild_id}/commands"


@routes.add("GET", _GLOBAL)
@routes.add("GET", _GUILD)
async def list_all(call: Call) -> list[Json]:
    return _commands(call)


@routes.add("PUT", _GLOBAL)
@routes.add("PUT", _GUILD)
async def replace(call: Call) -> list[Json]:
    wanted = call.body if isinstance(call.body, list) else []
    for number, command in enumerate(wanted):
        _check(command, str(number))
    for kind, most in MOST.items():
        if sum((one.get("type") or 1) == kind for one in wanted) > most:
            raise Refused((400, 30032, f"Maximum number of application commands reached ({most})"))
    if len({(one.get("type") or 1, one["name"]) for one in wanted}) < len(wanted):
        raise invalid(
            "name", "APPLICATION_COMMANDS_DUPLICATE_NAME", "Application command names must be unique"
        )
    earlier = {(one["type"], one["name"]): one["id"] for one in _commands(call)}
    made = [_made(call, one, earlier.get((one.get("type") or 1, one["name"]))) for one in wanted]
    call.app.commands[call.params.get("guild_id", "")] = made
    call.world.journal.note("commands", bot=call.app.id)
    return made


@routes.add("POST", _GLOBAL)
@routes.add("POST", _GUILD)
async def create(call: Call) -> tuple[int, Json]:
    _check(call.data, "")
    commands, key = _commands(call), (call.data.get("type") or 1, call.data["name"])
    old = next((one for one in commands if (one["type"], one["name"]) == key), None)
    made = _made(call, call.data, old["id"] if old else None)
    call.app.commands[call.params.get("guild_id", "")] = [*(one for one in commands if one is not old), made]
    return (200 if old else 201), made


@routes.add("GET", _GLOBAL + "/{command_id}")
@routes.add("GET", _GUILD + "/{command_id}")
async def get(call: Call) -> Json:
    return _command(call)


@routes.add("PATCH", _GLOBAL + "/{command_id}")
@routes.add("PATCH", _GUILD + "/{command_id}")
async def edit(call: Call) -> Json:
    command = _command(call)
    _check(command | call.data, "")
    command.update(call.data)
    command["version"] = call.world.ids.new()
    return command


@routes.add("DELETE", _GLOBAL + "/{command_id}")
@routes.add("DELETE", _GUILD + "/{command_id}")
async def delete(call: Call) -> None:
    _commands(call).remove(_command(call))


def _commands(call: Call) -> list[Json]:
    if call.params["application_id"] != call.app.id:
        raise Refused((403, 20012, "You are not authorized to perform this action on this application"))
    guild_id = call.params.get("guild_id", "")
    if guild_id and call.app.id not in call.world.guild(guild_id).members:
        raise Refused(errors.MISSING_ACCESS)
    return call.app.commands.setdefault(guild_id, [])


def _command(call: Call) -> Json:
    found = next((one for one in _commands(call) if one["id"] == call.params["command_id"]), None)
    if found is None:
        raise Refused(errors.UNKNOWN_COMMAND)
    return found


def _made(call: Call, wanted: Json, known: str | None) -> Json:
    made: Json = {
        "id": known or call.world.ids.new(),
        "application_id": call.app.id,
        "version": call.world.ids.new(),
        "type": 1,
        "description": "",
        "default_member_permissions": None,
        "nsfw": False,
        "integration_types": [0],
        "contexts": None,
        **{key: value for key, value in wanted.items() if value is not None},
    }
    if call.params.get("guild_id"):
        made["guild_id"] = call.params["guild_id"]
    return made


def _check(command: Json, path: str) -> None:
    at = f"{path}." if path else ""
    name, kind = command.get("name"), command.get("type") or 1
    if kind != 1:
        check_name(name, f"{at}name", 32)
        return
    if not isinstance(name, str) or not _NAME.match(name) or name != name.lower():
        raise invalid(f"{at}name", "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")
    check_name(command.get("description"), f"{at}description")
    _check_options(command.get("options") or [], f"{at}options")


def _check_options(options: list[Json], path: str) -> None:
    if len(options) > OPTIONS:
        raise invalid(path, "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.")
    optional = False
    for number, option in enumerate(options):
        _check_option(option, f"{path}.{number}")
        if option.get("type") in (1, 2):
            continue
        if option.get("required") and optional:
            words = "Required options must be placed before non-required options"
            raise invalid(path, "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", words)
        optional = optional or not option.get("required")


def _check_option(option: Json, path: str) -> None:
    name = option.get("name")
    if not isinstance(name, str) or not _NAME.match(name) or name != name.lower():
        raise invalid(f"{path}.name", "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")
    check_name(option.get("description"), f"{path}.description")
    if len(option.get("choices") or []) > OPTIONS:
        raise invalid(f"{path}.choices", "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.")
    _check_options(option.get("options") or [], f"{path}.options")
