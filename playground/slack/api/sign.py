"""auth.*, oauth.* and apps.*: who one is, and how one gets in."""

from __future__ import annotations

from typing import Any

from playground.slack.api.call import Call, Method
from playground.slack.errors import ApiError
from playground.slack.world import Token, Workspace

Json = dict[str, Any]

LIFE = 43_200.0
"""Seconds that a rotated token lives."""
SCOPES = (
    "app_mentions:read,assistant:write,channels:history,channels:join,channels:manage,channels:read,"
    "chat:write,chat:write.customize,commands,files:read,files:write,groups:history,groups:read,"
    "groups:write,im:history,im:read,im:write,mpim:history,mpim:read,mpim:write,reactions:read,"
    "reactions:write,team:read,users.profile:read,users:read,users:read.email"
)


async def test(call: Call) -> Json:
    return {
        "url": f"{call.shapes.base}/",
        "team": call.team.name,
        "user": call.bot.name,
        "team_id": call.team.id,
        "user_id": call.bot.id,
        "bot_id": call.team.bot_id,
        "is_enterprise_install": False,
    }


async def revoke(call: Call) -> Json:
    if call.args.flag("test"):
        return {"revoked": False}
    call.token.revoked = True
    return {"revoked": True}


async def teams(call: Call) -> Json:
    page, more = call.page([place for place in call.world.workspaces.values() if place.installed])
    return {"teams": [{"id": one.id, "name": one.name} for one in page], "response_metadata": more}


async def open_connection(call: Call) -> Json:
    if not call.world.app.socket_mode:
        raise ApiError("not_allowed_token_type")
    address = call.shapes.base.replace("http", "ws", 1)
    return {"url": f"{address}/link/?ticket={call.parts.sockets.ticket()}&app_id={call.world.app.id}"}


async def access(call: Call) -> Json:
    """A code, or a refresh token, becomes a token; each works once."""
    _client(call)
    if call.args.text("grant_type") == "refresh_token":
        team = call.world.refresh.pop(call.args.text("refresh_token"), "")
        if not team:
            raise ApiError("invalid_refresh_token")
        return _granted(call, call.world.workspaces[team], rotated=True)
    team = call.world.codes.pop(call.args.text("code"), "")
    if not team:
        raise ApiError("invalid_code")
    call.world.install(team)
    return _granted(call, call.world.workspaces[team], rotated=call.world.app.rotation)


async def exchange(call: Call) -> Json:
    """A token that lives for ever becomes one that is rotated."""
    _client(call)
    token = call.world.tokens.get(call.args.text("token"))
    if token is None or token.revoked:
        raise ApiError("invalid_auth")
    token.revoked = True
    return _granted(call, call.world.workspaces[token.team], rotated=True)


METHODS: dict[str, Method] = {
    "auth.test": test,
    "auth.revoke": revoke,
    "auth.teams.list": teams,
    "apps.connections.open": open_connection,
    "oauth.v2.access": access,
    "oauth.v2.exchange": exchange,
}


def _client(call: Call) -> None:
    app = call.world.app
    name, secret = call.basic
    name, secret = name or call.args.text("client_id"), secret or call.args.text("client_secret")
    if name != app.client_id:
        raise ApiError("invalid_client_id")
    if secret != app.client_secret:
        raise ApiError("bad_client_secret")


def _granted(call: Call, team: Workspace, rotated: bool) -> Json:
    token = call.world.new_token(team.id, None, LIFE if rotated else None)
    answer: Json = {
        "app_id": call.world.app.id,
        "authed_user": {"id": next((u.id for u in call.world.users.values() if u.team == team.id), "")},
        "scope": SCOPES,
        "token_type": "bot",
        "access_token": token.value,
        "bot_user_id": team.bot_user,
        "team": {"id": team.id, "name": team.name},
        "enterprise": None,
        "is_enterprise_install": False,
    }
    return {**answer, **_refresh(call, token)} if rotated else answer


def _refresh(call: Call, token: Token) -> Json:
    key = f"xoxe-1-{call.world.new_id('R')}"
    call.world.refresh[key] = token.team
    return {"refresh_token": key, "expires_in": int(LIFE)}
