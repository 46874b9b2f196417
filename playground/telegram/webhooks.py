"""Posts updates to the bots that set a webhook, again and again until they take them."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import aiohttp

from playground.telegram.faults import Faults
from playground.telegram.updates import Waiting
from playground.telegram.world import Bot, Webhook, World

_ANSWER_WITHIN = 10.0
_PAUSES = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0)


class Webhooks:
    """One task for each bot that ever set one; an update is out of the queue after a 2xx."""

    def __init__(self, world: World, faults: Faults) -> None:
        self._world = world
        self._faults = faults
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._session: aiohttp.ClientSession | None = None

    def watch(self, bot: Bot) -> None:
        if bot.id not in self._tasks and bot.webhook:
            self._session = self._session or aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=_ANSWER_WITHIN)
            )
            self._tasks[bot.id] = asyncio.create_task(self._deliver(bot))

    async def close(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        if self._session:
            await self._session.close()

    async def _deliver(self, bot: Bot) -> None:
        failures = 0
        while True:
            hook = bot.webhook
            waiting = bot.queue.head(self._skip(bot)) if hook and not bot.revoked else None
            if hook is None or waiting is None:
                failures = 0
                await bot.queue.bell.wait(60.0)
            elif await self._post(bot, hook, waiting):
                failures = 0
                if bot.webhook is hook:
                    bot.queue.done(waiting)
            else:
                failures += 1
                await bot.queue.bell.wait(_PAUSES[min(failures, len(_PAUSES)) - 1])

    def _skip(self, bot: Bot) -> int:
        """Sometimes the next but one goes first: the order is only nearly kept."""
        return int(len(bot.queue) > 1 and self._world.misorder.draws(self._world.misorder.reorder))

    async def _post(self, bot: Bot, hook: Webhook, waiting: Waiting) -> bool:
        assert self._session
        headers = {"X-Telegram-Bot-Api-Secret-Token": hook.secret} if hook.secret else {}
        twice = any(fault.kind == "drop_after" for fault in self._faults.strikes("webhook", bot.id))
        try:
            async with self._session.post(hook.url, json=waiting.api(), headers=headers) as answer:
                ok, why = 200 <= answer.status < 300, f"Wrong response from the webhook: {answer.status}"
        except (aiohttp.ClientError, TimeoutError, OSError) as failed:
            ok, why = False, f"Connection to {urlsplit(hook.url).hostname} failed: {type(failed).__name__}"
        if not ok:
            hook.last_error_at, hook.last_error = self._world.clock.unix(), why
        return ok and not twice
