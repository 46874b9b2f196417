"""The bots that are connected: by the environment, or by an admin while the desk runs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress

import structlog

from adapters.telegram.line import Line
from adapters.telegram.pacing import Pacer
from adapters.telegram.settings import PLATFORM, Settings, bot_id
from core import lease
from core.chat import Place, Revoked
from core.desk import Desk
from core.installations import environment
from core.installations import service as installations
from core.outage import MAY_BE_AWAY

log = structlog.get_logger("telegram.lines")
LOOK_EVERY = 60.0
_EVENTS = ("desk.installation_connected", "desk.installation_disconnected")


class Lines:
    """Opens a line for each bot when it is first needed, and closes those whose token changed."""

    def __init__(self, desk: Desk, settings: Settings) -> None:
        self.desk = desk
        self.settings = settings
        self.commands: frozenset[str] = frozenset()
        self.led: frozenset[str] | None = None
        """The bots of this process, "" for that of the environment; None where it runs them all."""
        self._open: dict[str, Line] = {}
        self._connected: frozenset[str] = frozenset()
        """Those that an admin has connected."""

    async def of(self, place: Place) -> Line:
        """The line of a place; raises `Revoked` where no admin has connected it."""
        line = self._open.get(place.installation)
        if line is None:
            await self.refresh()
            line = self._open.get(place.installation)
        if line is None:
            raise Revoked("not connected")
        return line

    async def apart(self) -> Mapping[str, frozenset[str]]:
        """The bots that can be led apart."""
        async with self.desk.db.sessions() as session:
            found = await installations.apart(session, PLATFORM)
        alone = bot_id(self.settings.token) not in {*found, ""}
        return {**found, "": frozenset({""})} if alone else found

    def leads(self, number: str) -> bool:
        return self.led is None or number in self.led or (number not in self._connected and "" in self.led)

    async def refresh(self) -> Mapping[str, Line]:
        """The lines as they are configured now."""
        tokens = await self.tokens()
        for number, line in list(self._open.items()):
            if tokens.get(number) != line.client.token:
                del self._open[number]
                await line.client.close()
        for number, token in tokens.items():
            if number not in self._open:
                self._open[number] = self._line(token)
        return dict(self._open)

    async def tokens(self) -> Mapping[str, str]:
        """Bot id to token; a connection made by an admin comes before the environment."""
        async with self.desk.db.sessions() as session:
            found = await installations.connections(session, self.desk.means.keys, PLATFORM)
        self._connected = frozenset(one.external for one in found)
        tokens = {bot_id(self.settings.token): self.settings.token}
        tokens |= {one.external: one.secrets.get("bot_token", "") for one in found}
        return {number: token for number, token in tokens.items() if number and bot_id(token) == number}

    async def changed(self) -> None:
        """Returns when connections may have changed."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_EVERY), self.desk.bus.subscribe() as signals:
                async for signal in signals:
                    if signal.topic == "lost" or (
                        signal.topic == "event" and signal.data.get("name") in _EVENTS
                    ):
                        return

    async def broken(self, line: Line) -> None:
        """Telegram takes the token no more: shown to the admins. The line is made anew when somebody
        connected it, or at the next look where the token is the environment's."""
        if self._open.get(line.id) is line:
            del self._open[line.id]
        await line.client.close()
        note = environment.refused if self._is_environments(line) else installations.note_broken
        async with self.desk.unit() as uow:
            await note(uow, PLATFORM, line.id, "token_revoked")

    async def holds(self, line: Line) -> None:
        """Telegram takes the token; the admins read it where it is the environment's."""
        if self._is_environments(line):
            username = (await line.me()).username
            async with self.desk.unit() as uow:
                await environment.taken(uow, PLATFORM, line.id, f"@{username}" if username else line.id)

    async def note_environment(self) -> None:
        """Where the environment names no bot, or with what is no token, the admins read that."""
        token = self.settings.token
        if bot_id(token):
            return
        if not token:
            await environment.note_absent(self.desk, PLATFORM)
            return
        with suppress(*MAY_BE_AWAY), lease.about():
            async with self.desk.unit() as uow:
                await environment.refused(uow, PLATFORM, environment.UNKNOWN, "malformed")

    def _is_environments(self, line: Line) -> bool:
        return line.client.token == self.settings.token and line.id not in self._connected

    async def close(self) -> None:
        for line in self._open.values():
            await line.client.close()
        self._open.clear()

    def _line(self, token: str) -> Line:
        from adapters.telegram.client import Client

        return Line(Client(token, self.settings), lambda: self.commands, Pacer(on=self.settings.paced))
