"""How payloads reach us: Socket Mode, or HTTP requests that Slack signed. Both end in one door.

Bolt acknowledges an event before its listener runs unless it is made with `process_before_response`; with
it, an envelope is answered once the listener has returned, and not at all when it raised.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from adapters.slack.workspaces import Workspaces, quiet
from core import tasks
from core.chat import PostFailed
from core.errors import Unavailable

log = structlog.get_logger("slack.transport")
Json = dict[str, Any]
Receive = Callable[[Json], Awaitable[Json]]

_ANY = re.compile(r"[\s\S]*")
PING = 2.0
"""Seconds between two pings, and until a line that went dead is noticed."""


def bolt(workspaces: Workspaces, receive: Receive) -> Any:
    """An app of the SDK in which everything goes through `receive`. An event without a listener would
    never be acknowledged, so there is one for all."""
    from slack_bolt.app.async_app import AsyncApp
    from slack_bolt.authorization import AuthorizeResult

    async def authorize(enterprise_id: str | None, team_id: str | None) -> Any:
        # Whose it is, is decided by what we know of the workspaces.
        return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id)

    app = AsyncApp(
        client=workspaces.client(""),
        authorize=authorize,
        logger=quiet(),
        process_before_response=True,
        request_verification_enabled=False,
        ignoring_self_events_enabled=False,
    )

    async def listen(body: Json, ack: Any) -> None:
        try:
            said = await receive(body)
        except (Unavailable, PostFailed) as error:
            log.warning("slack.not_acknowledged", reason=type(error).__name__)
            raise
        except Exception as error:
            # The named edge: Slack is not told, and will say it again.
            log.exception("slack.not_acknowledged", exc_info=error)
            raise
        await ack(**said)

    for register in (
        app.event,
        app.action,
        app.command,
        app.shortcut,
        app.view,
        app.view_closed,
        app.options,
    ):
        register(_ANY)(listen)
    return app


class Sockets:
    """One Socket Mode connection for each app; kept open, opened anew by the SDK."""

    def __init__(self, workspaces: Workspaces, connected: Callable[[], None]) -> None:
        self.workspaces = workspaces
        self.connected = connected
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def keep(self, app: Any) -> None:
        """Connections for the tokens that there are now."""
        await self.drop()
        for token in self.workspaces.app_tokens():
            if token not in self._tasks or self._tasks[token].done():
                self._tasks[token] = asyncio.create_task(self._hold(app, token))

    async def drop(self) -> None:
        """End those of other tokens."""
        await self._end(set(self._tasks) - self.workspaces.app_tokens())

    async def close(self) -> None:
        await self._end(set(self._tasks))

    async def _end(self, tokens: set[str]) -> None:
        await tasks.end([self._tasks.pop(token) for token in tokens])

    async def _hold(self, app: Any, token: str) -> None:
        from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler

        web = self.workspaces.client("")
        handler: Any = AsyncSocketModeHandler(app, token, logger=quiet(), web_client=web, ping_interval=PING)

        async def hear(client: Any, message: Json, raw: str | None) -> None:
            if message.get("type") == "hello":
                log.info("slack.socket_opened")
                self.connected()

        handler.client.message_listeners.append(hear)
        try:
            await handler.connect_async()
            await asyncio.Event().wait()
        finally:
            await handler.close_async()
