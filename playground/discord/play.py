"""The control of people over plain HTTP: `/_play/…`, for other processes and for the page."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from aiohttp import web

from playground.discord import interactions, rooms, shapes
from playground.discord.errors import Refused
from playground.discord.interactions import Interaction
from playground.discord.model import Channel, Json, Kind, Message
from playground.discord.rights import sees

if TYPE_CHECKING:
    from playground.discord.server import DiscordServer

ACTS = frozenset(
    {
        *("say", "edit", "delete", "react", "unreact", "type"),
        *("press", "command", "complete", "use_on_message", "use_on_user", "submit", "dismiss"),
        *("dm", "post", "thread", "join_thread", "leave_thread", "archive", "rename", "remove_channel"),
        *("join", "leave", "invite", "kick", "close_dm", "open_dm", "revoke", "rotate", "restore"),
    }
)
LONGEST = 60.0
BATCH = 10_000
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def add_routes(app: web.Application, server: DiscordServer) -> None:
    control = Control(server)
    router = app.router
    router.add_get("/_play/world", control.guarded(control.world))
    router.add_get("/_play/channels/{channel}", control.guarded(control.view))
    router.add_get("/_play/forms", control.guarded(control.forms))
    router.add_get("/_play/interactions/{id}", control.guarded(control.interaction))
    router.add_get("/_play/changes", control.guarded(control.changes))
    router.add_get("/_play/questions", control.guarded(control.questions))
    router.add_get("/_play/calls", control.guarded(control.calls))
    router.add_get("/_play/faults", control.guarded(control.faults))
    router.add_post("/_play/faults", control.guarded(control.add_fault))
    router.add_delete("/_play/faults", control.guarded(control.clear_faults))
    router.add_delete("/_play/faults/{id}", control.guarded(control.remove_fault))
    router.add_post("/_play/gateway", control.guarded(control.gateway))
    router.add_post("/_play/settings", control.guarded(control.settings))
    router.add_post("/_play/make", control.guarded(control.make))
    router.add_post("/_play/batch", control.guarded(control.batch))
    router.add_post("/_play/{act}", control.guarded(control.act))


class Control:
    """Reads the JSON of a request, does what it says, and answers with JSON."""

    def __init__(self, server: DiscordServer) -> None:
        self.server = server
        self.people = server.people

    def guarded(self, handler: Callable[[web.Request], Awaitable[Any]]) -> Handler:
        """What is refused or misspelt becomes an answer in words."""

        async def handle(request: web.Request) -> web.StreamResponse:
            try:
                return web.json_response(await handler(request))
            except Refused as refused:
                return web.json_response(refused.body, status=refused.status)
            except (ValueError, TypeError, KeyError) as error:
                words = f"{type(error).__name__}: {error}"
                return web.json_response({"message": words, "code": 0}, status=400)

        return handle

    # --- seeing

    async def world(self, request: web.Request) -> Json:
        viewer = request.query.get("user", "")
        viewer = self.people.user(viewer).id if viewer else ""
        world = self.server.world
        return {
            "cursor": world.journal.last,
            "url": self.server.url,
            "api": self.server.api_url,
            "gateway": self.server.gateway_url,
            "cdn": self.server.cdn_url,
            "users": [shapes.user(one) for one in world.users.values()],
            "bots": [
                {
                    "id": app.id,
                    "name": app.user.name,
                    "token": app.token,
                    "revoked": app.revoked,
                    "commands": app.commands,
                }
                for app in world.apps.values()
            ],
            "guilds": [
                shapes.guild(one) | {"member_ids": list(one.members)} for one in world.guilds.values()
            ],
            "channels": [
                shapes.channel(one, viewer)
                for one in world.channels.values()
                if not viewer or sees(viewer, one)
            ],
        }

    async def view(self, request: web.Request) -> Json:
        query = request.query
        cursor = self.server.world.journal.last
        limit = int(query.get("limit", 200))
        return self.people.view(request.match_info["channel"], query.get("user", ""), limit=limit) | {
            "cursor": cursor
        }

    async def forms(self, request: web.Request) -> list[Json]:
        return self.people.forms(self.people.user(request.query["user"]).id)

    async def interaction(self, request: web.Request) -> Json:
        wanted = request.match_info["id"]
        found = next((one for one in self.server.interactions.by_token.values() if one.id == wanted), None)
        if found is None:
            raise KeyError(wanted)
        return await self._settled(found, request.query.get("wait"))

    async def changes(self, request: web.Request) -> Json:
        after, wait = int(request.query.get("after", 0)), float(request.query.get("wait", 0))
        changes = await self.server.world.journal.wait(after, min(wait, LONGEST))
        return {"changes": changes, "cursor": changes[-1]["n"] if changes else max(after, 0)}

    async def questions(self, _request: web.Request) -> list[Json]:
        return [asdict(one) for one in self.server.questions]

    async def calls(self, _request: web.Request) -> list[Any]:
        return list(self.server.calls)

    # --- doing

    async def act(self, request: web.Request) -> Any:
        return await self._do(request.match_info["act"], await _body(request))

    async def batch(self, request: web.Request) -> list[Any]:
        """Several acts, one after the other, without waiting between them."""
        wanted = (await _body(request))["do"]
        if len(wanted) > BATCH:
            raise ValueError(f"more than {BATCH} at once")
        return [await self._do(str(one.pop("act")), one) for one in wanted]

    async def _do(self, act: str, given: Json) -> Any:
        if act not in ACTS:
            raise ValueError(f"unknown act {act}: one of {', '.join(sorted(ACTS))}")
        wait = given.pop("wait", None)
        done = getattr(self.people, act)(**_with_files(given))
        if isinstance(done, Interaction):
            return await self._settled(done, wait)
        return self._shown(done)

    async def _settled(self, asked: Interaction, wait: Any) -> Json:
        """The interaction, after its answer when someone waits for it."""
        if wait:
            try:
                async with asyncio.timeout(min(float(wait), LONGEST)):
                    await asked.settled.wait()
            except TimeoutError:
                pass
        return interactions.shown(self.server.world, asked)

    def _shown(self, done: Any) -> Any:
        if isinstance(done, Message):
            return self.people.shown(done)
        return shapes.channel(done) if isinstance(done, Channel) else {}

    async def make(self, request: web.Request) -> Json:
        """Add a user, bot, guild, channel or role: `{"what": "user", "name": …}`."""
        given, world = await _body(request), self.server.world
        name = str(given["name"])
        world.journal.note("made", what=given["what"])
        match given["what"]:
            case "user":
                return shapes.user(world.add_user(name))
            case "bot":
                app = world.add_app(name, token=given.get("token"))
                return {"id": app.id, "token": app.token}
            case "guild":
                return shapes.guild(world.add_guild(name, self.people.user(given["owner"])))
            case "channel":
                guild, kind = self.people.guild(given["guild"]), Kind[given.get("kind", "text")]
                body = {**given.get("options", {}), "name": name, "type": int(kind)}
                return shapes.channel(self._new_channel(guild.id, body))
            case _:
                raise ValueError("what: user, bot, guild or channel")

    def _new_channel(self, guild_id: str, body: Json) -> Channel:
        return rooms.create_channel(self.server.world, self.server.world.guild(guild_id), body)

    # --- misbehaving

    async def faults(self, _request: web.Request) -> list[Json]:
        return self.server.faults.shown()

    async def add_fault(self, request: web.Request) -> Json:
        given = await _body(request)
        if "seed" in given:
            self.server.faults.seed(int(given.pop("seed")))
        return asdict(self.server.faults.add(**given)) if given else {}

    async def remove_fault(self, request: web.Request) -> Json:
        self.server.faults.remove(int(request.match_info["id"]))
        return {}

    async def clear_faults(self, _request: web.Request) -> Json:
        self.server.faults.clear()
        return {}

    async def gateway(self, request: web.Request) -> Json:
        """`{"do": "drop" | "reconnect" | "invalid" | "silence" | "close", "bot": …}`."""
        given = await _body(request)
        bot = self.people.bot(given["bot"]).id if given.get("bot") else ""
        gateway = self.server.gateway
        match given["do"]:
            case "drop":
                gateway.drop(bot)
            case "reconnect":
                gateway.ask_reconnect(bot)
            case "invalid":
                gateway.invalidate_all(bot, resumable=bool(given.get("resumable")))
            case "silence":
                gateway.silence(bot, on=bool(given.get("on", True)))
            case "close":
                gateway.close(int(given.get("code", 4000)), bot)
            case _:
                raise ValueError("do: drop, reconnect, invalid, silence or close")
        return {}

    async def settings(self, request: web.Request) -> Json:
        """Change what is given; answers with all settings."""
        given, server = await _body(request), self.server
        where: dict[str, tuple[Any, str]] = {
            "strict": (server, "strict"),
            "rate_limits": (server.buckets, "on"),
            "file_life": (server.world, "file_life"),
            "nonce_life": (server.world, "nonce_life"),
            "answer_within": (server.interactions, "answer_within"),
            "follow_within": (server.interactions, "follow_within"),
            "heartbeat": (server.gateway, "heartbeat"),
        }
        for key, value in given.items():
            thing, name = where[key]
            setattr(thing, name, type(getattr(thing, name))(value))
        return {key: getattr(thing, name) for key, (thing, name) in where.items()}


async def _body(request: web.Request) -> Json:
    # A page of another origin cannot send this type without being asked first.
    if request.content_type != "application/json":
        raise ValueError("send application/json")
    body = json.loads(await request.text() or "{}")
    if not isinstance(body, dict):
        raise ValueError("send an object")
    return body


def _with_files(given: Json) -> Json:
    """Files come as `{"name": …, "data": base64}`."""
    files = given.get("files")
    if isinstance(files, list):
        given = given | {"files": [_upload(one) for one in files]}
    if isinstance(files, dict):
        given = given | {"files": {key: [_upload(one) for one in many] for key, many in files.items()}}
    options = given.get("options")
    if isinstance(options, dict):
        read = {key: _upload(one) if isinstance(one, dict) else one for key, one in options.items()}
        given = given | {"options": read}
    return given


def _upload(one: Json) -> tuple[str, bytes]:
    return str(one["name"]), base64.b64decode(one["data"])
