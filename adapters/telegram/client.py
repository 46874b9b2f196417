"""One bot's way to the Bot API. Each call has a time limit, and its errors are ours."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import telegram
from telegram import error as refusals
from telegram.request import HTTPXRequest

from adapters.telegram.settings import Settings, bot_id
from adapters.telegram.troubles import trouble
from core.chat import PostFailed, Revoked

TIME_LIMIT = 10.0
CONNECTIONS = 16
# Both tell of addresses that hold the token, or of what people wrote.
logging.getLogger("httpx").setLevel(logging.WARNING)
logging.getLogger("telegram").setLevel(logging.CRITICAL)


class _Bot(telegram.Bot):
    """The library's bot, asked for plain JSON: an update of a kind it does not know yet must not make
    us deaf."""

    async def ask(self, method: str, arguments: dict[str, Any], read_timeout: float) -> Any:
        return await self._post(method, arguments, read_timeout=read_timeout)


class Client:
    """Calls by name. Errors are those of `core.chat`; nothing of the library gets out."""

    def __init__(self, token: str, settings: Settings) -> None:
        self.id = bot_id(token)
        if not self.id:
            raise Revoked("this is no token")
        # Without it the library warns of each pause that Telegram asks for.
        os.environ.setdefault("PTB_TIMEDELTA", "1")
        self.token = token
        self.settings = settings
        self._requests = (_request(2), _request(CONNECTIONS))
        self._bot = _Bot(
            token,
            base_url=settings.api_url,
            base_file_url=settings.file_url,
            get_updates_request=self._requests[0],
            request=self._requests[1],
        )

    def __repr__(self) -> str:
        return f"<Client {self.id}>"

    async def close(self) -> None:
        for request in self._requests:
            await request.shutdown()

    async def call(self, method: str, **arguments: Any) -> Any:
        """The result of a method; arguments that are None are left out."""
        return await self._ask(method, arguments, TIME_LIMIT)

    async def updates(self, offset: int, wait: float, kinds: Sequence[str]) -> list[Any]:
        """What waits from `offset` on, which tells Telegram that everything before is done."""
        arguments = {"offset": offset or None, "timeout": int(wait), "limit": 100, "allowed_updates": kinds}
        found = await self._ask("getUpdates", arguments, wait + TIME_LIMIT)
        return found if isinstance(found, list) else []

    async def _ask(self, method: str, arguments: dict[str, Any], limit: float) -> Any:
        try:
            async with asyncio.timeout(limit + 1):
                return await self._bot.ask(method, arguments, limit)
        except refusals.TelegramError as error:
            raise _ours(self.id, error) from None
        except TimeoutError:
            raise PostFailed("no answer in time") from None


def _request(connections: int) -> HTTPXRequest:
    return HTTPXRequest(
        connection_pool_size=connections,
        read_timeout=TIME_LIMIT,
        write_timeout=TIME_LIMIT,
        connect_timeout=TIME_LIMIT / 2,
        pool_timeout=TIME_LIMIT,
    )


def _ours(installation: str, error: refusals.TelegramError) -> PostFailed:
    words = error.message
    match error:
        case refusals.RetryAfter():
            seconds = error.retry_after
            pause = seconds.total_seconds() if isinstance(seconds, timedelta) else float(seconds)
            return trouble(installation, 429, words, {"retry_after": pause})
        case refusals.ChatMigrated():
            return trouble(installation, 400, words, {"migrate_to_chat_id": error.new_chat_id})
        case refusals.InvalidToken():
            return trouble(installation, 404 if "method" in words.lower() else 401, words, {})
        case refusals.Forbidden():
            return trouble(installation, 403, words, {})
        case refusals.Conflict():
            return trouble(installation, 409, words, {})
        case refusals.BadRequest():
            return trouble(installation, 400, words, {})
        case refusals.TimedOut():
            return PostFailed("no answer in time")
        case _:
            return PostFailed(type(error).__name__)
