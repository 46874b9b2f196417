"""The composition root: settings in, a running desk out."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import importlib
import pkgutil
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import structlog
import uvicorn
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

import adapters
from adapters.files import make_store
from adapters.local.bus import LocalBus
from adapters.redis.bus import RedisBus
from bot import doctor, ending, jobs, migrate, pulse, typists, wiring
from bot.doctor.patient import Patient
from bot.following import follow
from bot.loops import Loops
from bot.post import Posting
from bot.router import Router
from bot.secrets import master_keys
from bot.sharing import Sharing
from bot.tell import Tell
from bot.tracing import traced
from bot.voice.engine import Voice
from core import metrics, outbox, tasks
from core.chat import ChatAdapter, HasPage, Menus
from core.collector import collect_seldom
from core.db import Database
from core.desk import Desk
from core.env_file import environment
from core.errors import DeskError, StartError, Unreachable
from core.installations import connecting
from core.kb.views import Views
from core.lease import DESK
from core.led import EVERYTHING, Led
from core.settings import Settings
from core.version import VERSION
from webui.app import make_app
from webui.site import Site

if TYPE_CHECKING:
    from adapters.postgres import Embedded

log = structlog.get_logger("bot.app")
REACH_SECONDS = 10.0
PART_PATIENCE = 20.0
STOP_SECONDS = 10.0
CLOSE_SECONDS = 5.0
GRACE_SECONDS = 25.0
"""From the signal to the end, whatever hangs: before the 30 seconds after which systemd kills."""
Work = dict[str, Callable[[], Coroutine[Any, Any, None]]]
"""What runs beside the web, by name."""


class Stopped(DeskError):
    """A desk that ran ended by itself."""

    code = "stopped"


@dataclass(slots=True)
class App:
    """Everything that was put together, for serving and for tests."""

    settings: Settings
    desk: Desk
    router: Router
    chats: Mapping[str, ChatAdapter]
    loops: Loops
    web: Any
    site: Site
    voice: Voice
    sharing: Sharing
    part: str = "all"
    """Which part of a desk this process is."""
    tasks: Work = field(default_factory=dict)
    """What runs beside the rest for as long as the desk does."""


@asynccontextmanager
async def database(settings: Settings, folder: Path) -> AsyncIterator[Database]:
    """The database: the server of DATABASE_URL, or our own for this data folder."""
    async with _embedded(settings, folder) as server, _reached(settings, server) as db:
        yield db


@asynccontextmanager
async def _embedded(settings: Settings, folder: Path) -> AsyncIterator[Embedded | None]:
    """Our own server, for the time of the block; None where there is another."""
    if settings.sqlalchemy_url:
        yield None
        return
    from adapters.postgres import start

    server = await start(folder)
    try:
        yield server
    finally:
        await server.stop()


@asynccontextmanager
async def _reached(
    settings: Settings, server: Embedded | None, idle_seconds: float = 0, patience: float = 0
) -> AsyncIterator[Database]:
    url = server.url if server is not None else settings.sqlalchemy_url
    db = Database(url, idle_seconds=idle_seconds)
    try:
        await _reach(db, patience)
        yield db
    finally:
        # A server that does not answer says no goodbye either.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await db.close()


@asynccontextmanager
async def compose(settings: Settings, *, part: bool = False, idle_seconds: float = 0) -> AsyncIterator[App]:
    """Open the database, bring it up to date, and put the desk together; with others as a `part` of one."""
    folder = settings.data.absolute()
    async with AsyncExitStack() as stack:
        if settings.sqlalchemy_url:
            from adapters.postgres import DataFolder

            stack.enter_context(DataFolder(folder, shared=part))
        server = await stack.enter_async_context(_embedded(settings, folder))
        # With others it may be started at the moment in which the database is, too.
        patience = PART_PATIENCE if part else 0
        db = await stack.enter_async_context(_reached(settings, server, idle_seconds, patience))
        masters = await master_keys(settings, folder, db)
        await migrate.to_head(db.engine)
        desk = await Desk.open(db, make_store(environment(), folder), LocalBus(), masters)
        told = _join_others(settings, desk) if part or settings.redis_url.get_secret_value() else {}
        app = put_together(settings, desk)
        app.tasks.update(told)
        app.loops.others = bool(told)
        if server is not None:
            app.tasks["database"] = server.keep
            # Not before: where a key or a schema does not fit, the line that says so stands alone.
            log.info("database started", seconds=round(server.seconds, 3))
        yield app


def _join_others(settings: Settings, desk: Desk) -> Work:
    """Hear of other processes, over Redis or, while that is away, from the database; what that needs to run."""
    url = settings.redis_url.get_secret_value()
    if not url:
        return {"following": lambda: follow(desk, lambda: False)}
    bus = RedisBus(url, desk.means.keys.desk, desk.bus)
    desk.bus = bus
    return {"bus": bus.run, "following": lambda: follow(desk, lambda: bus.connected)}


def put_together(settings: Settings, desk: Desk) -> App:
    """Adapters, router, loops and web of an open desk."""
    desk.means.public_url = settings.url
    chats = find_chats(desk)
    desk.means.chats = tuple(chats)
    desk.means.passing = wiring.live_channels(chats)
    voice = Voice(desk, settings.data.absolute())
    for chat in chats.values():
        if isinstance(chat, Menus):
            chat.offer(wiring.menu())
    posters: dict[str, Any] = dict(chats) | {"mail": wiring.mail_poster(desk, settings)}
    router = Router(desk, guard=wiring.guard(), limits={name: chat.limits for name, chat in chats.items()})
    site = Site(
        desk=desk,
        public_url=settings.url,
        version=VERSION,
        trusted_proxies=frozenset(filter(None, settings.trusted_proxies.split(","))),
        mounts={name: chat.http for name, chat in chats.items() if chat.http is not None},
        chat_page=next(
            (f"/chat/{name}{chat.page}" for name, chat in chats.items() if isinstance(chat, HasPage)), ""
        ),
        commands=wiring.palette(),
        platforms=connecting.offering(chats),
        mailer_is_outbox=not settings.smtp_url.get_secret_value(),
        media=voice.engine,
        recordings=voice.recordings,
        call_changed=voice.keeper.record_due,
        call_service=wiring.call_service(voice),
    )
    posting = Posting(desk, posters, wiring.makers(settings, chats), public_url=settings.url)
    sharing = posting.sharing = router.sharing
    loops = Loops(desk, router, Tell(desk, wiring.tellers(desk, chats), chats), posting)
    app = App(settings, desk, router, chats, loops, make_app(site), site, voice, sharing)
    views = site.facts["views"] = Views(desk.db, desk.means)
    patient = Patient(settings, settings.data.absolute(), desk.db, desk, chats)
    site.examine = lambda: doctor.examine(patient)
    app.tasks["calls"] = voice.run
    app.tasks["views"] = views.run
    site.facts["app"] = app
    site.facts["metrics_token"] = settings.metrics_token.get_secret_value()
    site.facts["data_folder"] = settings.data.absolute()
    site.checks["articles"] = loops.loading
    site.checks["database"] = lambda: _database_answers(desk.db)
    return app


def find_chats(desk: Desk) -> dict[str, ChatAdapter]:
    """Every folder of adapters/ that offers a chat and is switched on."""
    found: dict[str, ChatAdapter] = {}
    for module in pkgutil.iter_modules(adapters.__path__):
        folder = Path(adapters.__path__[0]) / module.name
        if not (folder / "adapter.py").exists():
            continue
        chat = importlib.import_module(f"adapters.{module.name}").make(desk, environment())
        if chat is not None:
            found[chat.name] = chat
    return found


async def serve(settings: Settings, announce: Callable[[App], Any] | None = None) -> None:
    """Run the desk until it is told to stop; `announce` is awaited once all is up."""
    listening = bind(settings)
    with contextlib.closing(listening):
        async with traced(settings, "all"), compose(settings) as app:
            await run(app, listening, announce)


async def run(app: App, listening: socket.socket, announce: Callable[[App], Any] | None = None) -> None:
    """Serve the web and do the background work, until a signal; then end in order."""
    await take_over(app.desk)
    stop = asyncio.Event()
    schedule = jobs.schedule(wiring.live_channels(app.chats))
    metrics.set_leading(DESK, True)
    work: Work = {
        "loops": app.loops.run,
        "typing": lambda: typists.relay(app.desk, app.chats, app.sharing.leads),
        **{name: partial(chat.run, app.router.deliver) for name, chat in app.chats.items()},
        "jobs": lambda: jobs.run(app.desk, stop, schedule),
        **app.tasks,
    }
    try:
        await serve_with(app, app.web, work, listening, announce)
    finally:
        stop.set()


async def serve_with(
    app: App,
    web: Any,
    work: Work,
    listening: socket.socket,
    announce: Callable[[App], Any] | None = None,
) -> None:
    """Serve `web`, with `work` beside it for as long as it is served."""
    server = _Server(front(web, app.settings))
    _stop_on_signals(server)
    work = {"pulse": lambda: pulse.run(app.desk, app.part)} | work
    background = [asyncio.create_task(task(), name=name) for name, task in work.items()]
    serving = asyncio.create_task(server.serve(sockets=[listening]), name="web")
    try:
        up = asyncio.create_task(server.up.wait())
        await asyncio.wait({up, serving}, return_when=asyncio.FIRST_COMPLETED)
        up.cancel()
        app.loops.served.set()
        collect_seldom()
        if announce is not None and not serving.done():
            await announce(app)
        await _watch(serving, background, server)
    finally:
        await _ended(background)
        log.info("desk.stopped")


async def _ended(background: Collection[asyncio.Task[None]]) -> None:
    """All of it, or as much as ends in time: what hangs on something that does not answer is left."""
    for task in await tasks.ended(background, STOP_SECONDS):
        log.warning("task.left", task=task.get_name(), hanging=ending.hanging())


async def _watch(
    serving: asyncio.Task[None], background: Collection[asyncio.Task[None]], server: _Server
) -> None:
    """Until the web ends. A desk of which a part has died looks alive and is not: it ends too,
    with an error, so that whoever started it sees that and starts it again."""
    waiting = {serving, *background}
    while not serving.done():
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        failed = next((task for task in done - {serving} if task.exception() is not None), None)
        if failed is not None:
            error = failed.exception()
            log.error("task.failed", task=failed.get_name(), exc_info=error)
            server.should_exit = True
            await serving
            raise Stopped(_why(failed.get_name(), error))
    await serving


def _why(task: str, error: BaseException | None) -> str:
    if isinstance(error, DeskError):
        return error.words
    return f"The desk has stopped: its part “{task}” failed ({type(error).__name__}); the log says where."


def bind(settings: Settings) -> socket.socket:
    """The listening socket, taken first so that a taken port is told before anything starts."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
        listening.listen(1024)
    except OSError as error:
        listening.close()
        raise StartError(_cannot_listen(settings, error)) from None
    listening.setblocking(False)
    return listening


def _cannot_listen(settings: Settings, error: OSError) -> str:
    advice = "Stop the other program or set DESKBELL_PORT to another port."
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        advice = "Set DESKBELL_HOST to an address of this machine, such as 127.0.0.1 or 0.0.0.0."
    elif error.errno in (errno.EACCES, errno.EPERM):
        advice = "Only root may use a port below 1024: set DESKBELL_PORT to another, behind a proxy."
    return f"Cannot listen on {settings.host}:{settings.port} ({error.strerror or error}). {advice}"


def front(web: Any, settings: Settings) -> uvicorn.Config:
    """How `web` is served: which proxies are believed, and how long anything may take."""
    return uvicorn.Config(
        web,
        log_config=None,
        access_log=False,
        lifespan="off",
        loop="none",
        timeout_graceful_shutdown=3,
        timeout_keep_alive=30,
        h11_max_incomplete_event_size=64 * 1024,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies or "127.0.0.1",
    )


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: the database must outlive the web. `up` is set once
    it answers."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


def _stop_on_signals(server: uvicorn.Server) -> None:
    loop = asyncio.get_running_loop()

    def stop(number: int) -> None:
        frame: FrameType | None = None
        server.handle_exit(number, frame)
        ending.end_within(GRACE_SECONDS)

    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError, RuntimeError):
            loop.add_signal_handler(number, stop, number)


async def take_over(desk: Desk, led: Led = EVERYTHING) -> None:
    """This process alone delivers there: what one before had claimed, and did not finish, is due at once."""
    async with desk.db.sessions() as session:
        count = await outbox.release_all(session, led)
        await session.commit()
    if count:
        log.info("deliveries.taken_over", count=count)


async def _reach(db: Database, patience: float = 0) -> None:
    """Raises `StartError` where starting again does not help, and `Unreachable` when the patience is over."""
    ends = time.monotonic() + patience
    while True:
        try:
            async with asyncio.timeout(REACH_SECONDS):
                async with db.engine.connect() as connection:
                    await connection.execute(text("select 1"))
            return
        except (OSError, DBAPIError, TimeoutError) as error:
            if _code(error).startswith(_WRONG_ADDRESS):
                raise StartError(_cannot_reach(error)) from None
            if time.monotonic() >= ends:
                raise Unreachable(_cannot_reach(error)) from None
        await asyncio.sleep(0.2)


def _cannot_reach(error: Exception) -> str:
    """What the server said, by its code (PostgreSQL, appendix A); never its words, which may quote."""
    code = _code(error)
    if code == "3D000":
        return "The server of DATABASE_URL has no database of that name: make it, or mend the name."
    if code.startswith("28"):
        return "The server of DATABASE_URL refuses that user or password: mend them, or let the user in."
    what = "it took too long" if isinstance(error, TimeoutError) else "nobody answers there"
    if code:
        what = f"its answer was {code}"
    return (
        f"The database of DATABASE_URL cannot be reached: {what}. "
        "Check the address, the password and that the server runs."
    )


_WRONG_ADDRESS = ("28", "3D")
"""SQLSTATE of who or where that is wrong; nothing else that a server answers is our setting's fault."""


def _code(error: Exception) -> str:
    return str(getattr(getattr(error, "orig", None), "sqlstate", None) or "")


async def _database_answers(db: Database) -> str:
    try:
        async with asyncio.timeout(3):
            async with db.engine.connect() as connection:
                await connection.execute(text("select 1"))
    except (OSError, DBAPIError, TimeoutError):
        return "does not answer"
    return ""
