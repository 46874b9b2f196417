"""The gateway: hello, identify, heartbeat, resume; and which bot is told what."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from aiohttp import WSMsgType, web

from playground.discord import shapes
from playground.discord.compress import packer
from playground.discord.events import PRIVILEGED, Event, Intent
from playground.discord.faults import Faults
from playground.discord.greeting import member_chunks, ready_of
from playground.discord.model import App, Channel, Json
from playground.discord.rights import sees
from playground.discord.seen import may_read, shapes_for, without_content
from playground.discord.sessions import Session, Socket
from playground.discord.world import World

HEARTBEAT = 41_250
SESSIONS_KEPT = 50
"""Of one bot, those without a socket included."""
AUTHENTICATION_FAILED, INVALID_SEQ, DISALLOWED_INTENTS = 4004, 4007, 4014
INVALID_SHARD, SHARDING_REQUIRED = 4010, 4011
NOT_AUTHENTICATED, ALREADY_AUTHENTICATED, DECODE_ERROR, UNKNOWN_OPCODE = 4003, 4005, 4002, 4001
_LEAVES = ("GUILD_DELETE", "THREAD_DELETE", "CHANNEL_DELETE")


class Gateway:
    """All sockets and sessions of all bots."""

    def __init__(self, world: World, faults: Faults) -> None:
        self.world = world
        self.faults = faults
        self.heartbeat = HEARTBEAT
        self.between_identifies = 0.0
        """Seconds in which a bot may begin one session (5 at the platform); one too many is invalid at once."""
        self._identified_at: dict[str, float] = {}
        self.sessions: dict[str, Session] = {}
        self.sockets: set[Socket] = set()
        self.identified = 0
        self.resumed = 0
        self.refused = 0
        """Sessions of a bot that has too few shards, or that were to begin too soon after another."""

    # --- one socket

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse(max_msg_size=0, compress=False)
        await ws.prepare(request)
        socket = Socket(ws, request, packer(request.query.get("compress", "")))
        self.sockets.add(socket)
        writing = asyncio.create_task(socket.write())
        socket.send({"op": 10, "s": None, "t": None, "d": {"heartbeat_interval": self.heartbeat}})
        try:
            await self._listen(socket)
        finally:
            self.sockets.discard(socket)
            self._detach(socket)
            writing.cancel()
        return ws

    async def _listen(self, socket: Socket) -> None:
        async for packet in socket.ws:
            if packet.type is not WSMsgType.TEXT:
                continue
            try:
                payload = json.loads(packet.data)
                op, data = payload["op"], payload.get("d")
            except (ValueError, KeyError, TypeError):
                socket.close(DECODE_ERROR)
                continue
            self._hear(socket, op, data)

    def _hear(self, socket: Socket, op: int, data: Any) -> None:
        session = self.session_of(socket)
        match op:
            case 1:
                socket.send({"op": 11})
            case 2:
                self._identify(socket, data)
            case 6:
                self._resume(socket, data)
            case 8 if session is not None:
                self._send_members(session, data)
            case 3 | 4:
                pass
            case 8:
                socket.close(NOT_AUTHENTICATED)
            case _:
                socket.close(UNKNOWN_OPCODE)

    def _identify(self, socket: Socket, data: Json) -> None:
        app = self.world.app_of_token(str(data.get("token")))
        if app is None or app.revoked:
            socket.close(AUTHENTICATION_FAILED)
            return
        if self.session_of(socket) is not None:
            socket.close(ALREADY_AUTHENTICATED)
            return
        intents = Intent(int(data.get("intents") or 0))
        if intents & PRIVILEGED & ~Intent(app.privileged):
            socket.close(DISALLOWED_INTENTS)
            return
        number, count = map(int, data.get("shard") or (0, 1))
        if not 0 <= number < count:
            socket.close(INVALID_SHARD)
            return
        if count < app.fewest_shards:
            self.refused += 1
            socket.close(SHARDING_REQUIRED)
            return
        if self._is_too_soon(app):
            socket.send({"op": 9, "d": False})
            return
        session = Session(app, intents, (number, count), socket=socket)
        self._keep(session)
        self.identified += 1
        self._greet(session, sharded=bool(data.get("shard")))

    def _is_too_soon(self, app: App) -> bool:
        now = asyncio.get_running_loop().time()
        if now - self._identified_at.get(app.id, -self.between_identifies) < self.between_identifies:
            self.refused += 1
            return True
        self._identified_at[app.id] = now
        return False

    def _greet(self, session: Session, *, sharded: bool) -> None:
        guilds = [one for one in self.world.guilds_of(session.app.id) if session.concerns(one.id)]
        ready = ready_of(self.world, session, self.address, [guild.id for guild in guilds])
        if sharded:
            ready["shard"] = list(session.shard)
        session.push("READY", ready)
        everyone = Intent.presences in session.intents and Intent.members in session.intents
        for guild in guilds:
            session.push(
                "GUILD_CREATE", shapes.guild_as_created(self.world, guild, session.app, everyone=everyone)
            )

    def _resume(self, socket: Socket, data: Json) -> None:
        session = self.sessions.get(str(data.get("session_id")))
        app = self.world.app_of_token(str(data.get("token")))
        if app is None or app.revoked:
            socket.close(AUTHENTICATION_FAILED)
            return
        if session is None or session.app is not app:
            socket.send({"op": 9, "d": False})
            return
        seq = int(data.get("seq") or 0)
        if not session.can_resume(seq):
            if seq > session.seq:
                socket.close(INVALID_SEQ)
            else:
                self.sessions.pop(session.id)
                socket.send({"op": 9, "d": False})
            return
        if session.socket is not None:
            session.socket.close(4000)
        session.socket = socket
        self.resumed += 1
        session.replay(seq)
        session.push("RESUMED", {"_trace": []})

    def _send_members(self, session: Session, data: Json) -> None:
        for chunk in member_chunks(self.world, session.app, data):
            session.push("GUILD_MEMBERS_CHUNK", chunk)

    # --- telling

    def tell(self, event: Event) -> None:
        """Tell each session that it concerns, with what goes wrong on the way."""
        for session in list(self.sessions.values()):
            if self._concerns(session, event):
                self._send(session, event)

    def _concerns(self, session: Session, event: Event) -> bool:
        app = session.app
        if event.only not in (None, app.id) or (event.intent and not event.intent & session.intents):
            return False
        if not session.concerns(event.guild_id):
            return False
        if event.name in _LEAVES and event.only == app.id:
            return True
        if event.guild_id is not None and app.id not in self.world.guilds[event.guild_id].members:
            return False
        return event.channel is None or self._sees(app, event.channel)

    def _sees(self, app: App, channel: Channel) -> bool:
        return sees(app.id, channel)

    def _send(self, session: Session, event: Event) -> None:
        faults = list(self.faults.of_event(event.name, session.app.id))
        kinds = {fault.kind for fault in faults}
        keep_back = next((fault for fault in faults if fault.kind == "reorder"), None)
        if session.held is not None and self._may_overtake(session, event, session.held):
            self._push(session, event, twice="duplicate" in kinds)
            self._release(session)
        else:
            self._release(session)
            if keep_back is not None:
                session.held, session.held_freely = event, keep_back.within_channel
                wait = keep_back.seconds or 0.2
                asyncio.get_running_loop().call_later(wait, self._release, session, event)
            else:
                self._push(session, event, twice="duplicate" in kinds)
        self._break(session, kinds)

    def _may_overtake(self, session: Session, event: Event, held: Event) -> bool:
        return session.held_freely or event.channel is None or event.channel is not held.channel

    def _release(self, session: Session, only: Event | None = None) -> None:
        """Send what was kept back."""
        held = session.held
        if held is not None and only in (None, held):
            session.held = None
            self._push(session, held, twice=False)

    def _push(self, session: Session, event: Event, *, twice: bool) -> None:
        data = self._as_seen(session, event)
        session.push(event.name, data)
        if twice:
            session.push(event.name, data)

    def _as_seen(self, session: Session, event: Event) -> Json:
        message = event.message
        if message is None:
            return event.data
        data = shapes_for(event.data, message, session.app)
        return data if may_read(message, session.app, session.intents) else without_content(data)

    def _break(self, session: Session, kinds: set[str]) -> None:
        if session.socket is None:
            return
        if "silence" in kinds:
            session.socket.silent = True
        if "invalid_session" in kinds:
            self.invalidate(session)
        if "reconnect" in kinds:
            session.socket.send({"op": 7, "d": None})
        if "drop_socket" in kinds:
            session.socket.abort()

    # --- on demand

    def of(self, bot: str = "") -> list[Session]:
        return [one for one in self.sessions.values() if bot in ("", one.app.id)]

    def drop(self, bot: str = "") -> None:
        """Cut all lines, without a word."""
        for session in self.of(bot):
            if session.socket is not None:
                session.socket.abort()
                self._detach(session.socket)

    def ask_reconnect(self, bot: str = "") -> None:
        for session in self.of(bot):
            if session.socket is not None:
                session.socket.send({"op": 7, "d": None})

    def invalidate_all(self, bot: str = "", *, resumable: bool = False) -> None:
        for session in self.of(bot):
            self.invalidate(session, resumable=resumable)

    def invalidate(self, session: Session, *, resumable: bool = False) -> None:
        """Tell a bot that its session is over; what it missed is not told again."""
        if not resumable:
            self.sessions.pop(session.id, None)
        if session.socket is not None:
            session.socket.send({"op": 9, "d": resumable})

    def silence(self, bot: str = "", *, on: bool = True) -> None:
        """Say nothing more on the open sockets, not even to heartbeats."""
        for session in self.of(bot):
            if session.socket is not None:
                session.socket.silent = on

    def close(self, code: int, bot: str = "") -> None:
        for session in self.of(bot):
            if session.socket is not None:
                session.socket.close(code)

    def forget(self, bot: str = "") -> None:
        for session in self.of(bot):
            self.sessions.pop(session.id, None)

    async def shut(self) -> None:
        for socket in list(self.sockets):
            socket.abort()

    # --- sessions

    @property
    def address(self) -> str:
        return self.world.address.replace("http", "ws", 1) + "/gateway"

    def session_of(self, socket: Socket) -> Session | None:
        return next((one for one in self.sessions.values() if one.socket is socket), None)

    def _keep(self, session: Session) -> None:
        mine = [one for one in self.of(session.app.id) if one.socket is None]
        for old in mine[: max(0, len(mine) - SESSIONS_KEPT)]:
            del self.sessions[old.id]
        self.sessions[session.id] = session

    def _detach(self, socket: Socket) -> None:
        session = self.session_of(socket)
        if session is not None:
            session.socket = None
