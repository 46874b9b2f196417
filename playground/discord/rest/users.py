"""Users, direct messages, the application itself, and where the gateway is."""

from __future__ import annotations

from playground.discord import errors, shapes
from playground.discord.calls import Call
from playground.discord.errors import Refused
from playground.discord.limits import check_name
from playground.discord.model import Json
from playground.discord.rest.table import routes
from playground.discord.rights import rights_in_guild


@routes.add("GET", "/users/@me")
async def me(call: Call) -> Json:
    return _me(call)


@routes.add("PATCH", "/users/@me")
async def edit_me(call: Call) -> Json:
    if call.data.get("username"):
        call.me.username = call.me.name = check_name(call.data["username"], "username", 32)
    return _me(call)


@routes.add("GET", "/users/{user_id}")
async def get_user(call: Call) -> Json:
    return shapes.user(call.world.user(call.params["user_id"]))


@routes.add("GET", "/users/@me/guilds")
async def my_guilds(call: Call) -> list[Json]:
    after, before = int(call.query.get("after") or 0), int(call.query.get("before") or 1 << 62)
    found = [one for one in call.world.guilds_of(call.app.id) if after < int(one.id) < before]
    return [
        shapes.guild(one) | {"owner": False, "permissions": str(int(rights_in_guild(call.app.id, one)))}
        for one in found[: call.limit(200, 200)]
    ]


@routes.add("DELETE", "/users/@me/guilds/{guild_id}")
async def leave_guild(call: Call) -> None:
    call.server.people.kick(call.app, call.world.guild(call.params["guild_id"]))


@routes.add("POST", "/users/@me/channels")
async def open_dm(call: Call) -> Json:
    person = call.world.user(str(call.data.get("recipient_id")))
    if person.bot:
        raise Refused(errors.CANNOT_SEND_TO_USER)
    return shapes.channel(call.world.dm_between(person, call.me), call.app.id)


@routes.add("GET", "/applications/@me")
@routes.add("GET", "/oauth2/applications/@me")
async def application(call: Call) -> Json:
    return shapes.application(call.world, call.app)


@routes.add("PATCH", "/applications/@me")
async def edit_application(call: Call) -> Json:
    call.app.description = str(call.data.get("description") or call.app.description)
    return shapes.application(call.world, call.app)


@routes.add("GET", "/gateway", open=True)
async def gateway(call: Call) -> Json:
    return {"url": call.server.gateway.address}


@routes.add("GET", "/gateway/bot")
async def gateway_of_bot(call: Call) -> Json:
    assert call.app
    start = {"total": 1000, "remaining": 1000, "reset_after": 86_400_000, "max_concurrency": 1}
    return {"url": call.server.gateway.address, "shards": call.app.shards, "session_start_limit": start}


def _me(call: Call) -> Json:
    return shapes.user(call.me) | {"verified": True, "mfa_enabled": False, "locale": "en-US", "email": None}
