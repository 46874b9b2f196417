"""A desk in parts: what the web, the gateway and the worker each do of what `deskbell run` does at once.

The web serves people and the web chat. Gateways keep the connections to platforms and deliver; they share
the connections, and each is led by one. Workers run what time brings. All share the database, the data folder or file store,
and Redis where there is one.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from bot import jobs, typists, wiring
from bot.app import App, Work, bind, compose, serve_with
from bot.leading import Leading
from bot.spreading import Spreading
from bot.tracing import traced
from core import lease
from core.chat import Shares
from core.errors import StartError
from core.settings import Settings
from webui.app import make_app, make_probes

_HERE = ("refresh", "articles")


class Part(Protocol):
    """Makes of a desk that was put together what a part serves, and what it does meanwhile."""

    __name__: str

    def __call__(self, app: App, /) -> Awaitable[tuple[Any, Work]]: ...


async def serve_part(settings: Settings, part: Part, port: int, announce: Callable[[App], Any]) -> None:
    """Run one part until it is told to stop."""
    if not settings.sqlalchemy_url:
        raise StartError(
            "A desk in parts needs a PostgreSQL server that all of them reach: set DATABASE_URL. "
            "`deskbell run` is all in one and needs none."
        )
    listening = bind(settings.model_copy(update={"port": port}))
    # Of the other parts none is fenced: nothing is lost when they stand still.
    idle = lease.IDLE_SECONDS if part is gateway else 0
    with contextlib.closing(listening):
        tracing = traced(settings, part.__name__)
        async with tracing, compose(settings, part=True, idle_seconds=idle) as app:
            app.part = part.__name__
            served, work = await part(app)
            await serve_with(app, served, work, listening, announce)


async def web(app: App) -> tuple[Any, Work]:
    """The pages, the API, and the chats that people have open in their browsers."""
    here = {name: chat for name, chat in app.chats.items() if chat.limits.timeline}
    app.site.mounts = {name: chat.http for name, chat in here.items() if chat.http is not None}
    app.site.media = app.voice.shared
    await app.voice.shared()
    work: Work = {name: task for name, task in app.tasks.items() if name != "calls"}
    work["loops"] = lambda: app.loops.run(*_HERE)
    for name, chat in here.items():
        work[name] = _chat(app, chat)
    return make_app(app.site), work


async def gateway(app: App) -> tuple[Any, Work]:
    """The connections to platforms and their deliveries, each by the one gateway that leads it; and what is
    led for the whole desk: telling, the keeping of calls."""
    away = {name: chat for name, chat in app.chats.items() if not chat.limits.timeline}
    shared = {name: chat for name, chat in away.items() if isinstance(chat, Shares)}
    app.site.mounts = {name: chat.http for name, chat in away.items() if chat.http is not None}
    leading = Leading(app.desk.db)
    app.desk.db.fence = lambda session: leading.confirm(session, app.sharing.leases_of_unit())
    app.voice.need()

    async def lead() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(app.loops.run("tell"))
            group.create_task(app.voice.run())
            for name in away.keys() - shared.keys():
                group.create_task(_chat(app, away[name])())

    spreading = Spreading(app, leading, shared, lead)
    work: Work = {name: task for name, task in app.tasks.items() if name not in ("calls", "views")}
    work["loops"] = lambda: app.loops.run(*_HERE, "post", "resume")
    work["typing"] = lambda: typists.relay(app.desk, away, app.sharing.leads)
    for name, chat in shared.items():
        work[name] = _chat(app, chat)
    work["leading"] = spreading.run
    return make_probes(app.site), work


async def worker(app: App) -> tuple[Any, Work]:
    """What time brings: handed on over Redis, run here while that is away."""
    app.site.mounts = {}
    app.site.checks.pop("articles", None)
    table = jobs.schedule(wiring.live_channels(app.chats))
    work: Work = {name: task for name, task in app.tasks.items() if name not in ("calls", "views")}
    work["loops"] = lambda: app.loops.run("refresh")
    url = app.settings.redis_url.get_secret_value()
    hand: jobs.Hand | None = None
    if url:
        from adapters.redis.jobs import RedisJobs

        named = {job.name: job for job in table}

        async def one(name: str, trace: str | None) -> None:
            if name in named:
                await jobs.run_one(app.desk, named[name], trace)

        handed = RedisJobs(url, app.desk.means.keys.desk, one)
        hand = handed.hand
        work["workers"] = handed.run
    work["jobs"] = lambda: jobs.run(app.desk, asyncio.Event(), table, hand)
    return make_probes(app.site), work


def _chat(app: App, chat: Any) -> Callable[[], Any]:
    return lambda: chat.run(app.router.deliver)
