"""The desk in parts on this machine, as `docs/operations.md` has it on several: two webs, two gateways
that share the connections, a worker, a PostgreSQL and a Redis; nginx before them where it is installed.

`make scale` runs it; `make playground PARTS=1` with the three stand-in chats. Which part runs as which
process stands in `parts.json` in the data folder: kill what you like and see what happens.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import standins
from supervise import NeverUp, Process, Supervisor

ROOT = standins.ROOT
sys.path.insert(0, str(ROOT))
GATEWAYS = 2
LOCATIONS = ROOT / "deploy" / "nginx" / "locations.conf"


@dataclass(frozen=True)
class Place:
    """Where this desk in parts lives."""

    data: Path
    short: Path
    """A folder with a short path, which ends with us: a socket's path has room for about 107 bytes."""
    front: int
    parts: tuple[str, ...]
    ports: tuple[int, ...]
    nginx: str | None

    @property
    def redis_socket(self) -> Path:
        return self.short / "redis.sock"

    def log(self, name: str) -> Path:
        return self.data / "log" / f"{name}.log"


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="make scale", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument("--standins", action="store_true", help="with the playground's chats")
    parser.add_argument("--ports", default="", help="of the front door and of each part, with commas")
    parser.add_argument("--gateways", type=int, default=GATEWAYS, help="how many, %(default)s by default")
    parser.add_argument(
        "--no-nginx", action="store_true", help="no front door, even where nginx is installed"
    )
    given = parser.parse_args()
    from core.errors import DeskError

    os.environ.setdefault("DESKBELL_DATA", str(ROOT / "data" / "scale"))
    try:
        with tempfile.TemporaryDirectory(prefix="deskbell-") as short, _standins(given.standins) as facts:
            Path(short).chmod(0o711)  # nginx's workers are another user's, where root starts it
            place = _place(given, Path(short))
            asyncio.run(_run(place, facts))
    except (NeverUp, standins.NotStarted, DeskError) as error:
        sys.stderr.write(f"deskbell: {str(error).removeprefix('deskbell: ').strip()}\n")
        return 2
    return 0


@contextmanager
def _standins(wanted: bool) -> Iterator[standins.Facts | None]:
    if not wanted:
        yield None
        return
    from core import settings

    with standins.running(settings.load().url) as facts:
        os.environ.update(standins.settings_of(facts))
        yield facts


def _place(given: Any, short: Path) -> Place:
    from core import settings

    known = settings.load()
    data = known.data.expanduser().absolute()
    (data / "log").mkdir(mode=0o700, parents=True, exist_ok=True)
    nginx = None if given.no_nginx else shutil.which("nginx")
    parts = parts_with(given.gateways)
    named = [int(port) for port in given.ports.split(",") if port]
    front, *ports = named or range(known.port, known.port + 1 + len(parts))
    if nginx is None:
        # The first web stands where the front door would.
        ports = [front, *ports[1:]]
    return Place(data, short, front, parts, tuple(ports), nginx)


async def _run(place: Place, facts: standins.Facts | None) -> None:
    from core import log, settings

    known = settings.load()
    log.configure(known.log_format)
    os.environ["DESKBELL_PUBLIC_URL"] = url = known.public_url or f"http://localhost:{place.front}"
    os.environ["DESKBELL_TRUSTED_PROXIES"] = known.trusted_proxies or "127.0.0.1"
    stop = _stop_signals()
    async with _postgres(place, known), _supervisor(place) as supervisor:
        await _redis(place, known, supervisor)
        await _prepare(place, facts)
        parts = parts_of(place, os.environ)
        await supervisor.start(*parts)
        if place.nginx is not None:
            await supervisor.start(_front_door(place, place.nginx))
        await _announce(place, url, facts, parts)
        failed = asyncio.create_task(supervisor.failed.wait())
        await asyncio.wait({asyncio.create_task(stop.wait()), failed}, return_when=asyncio.FIRST_COMPLETED)
        if failed.done():
            raise NeverUp("a part refuses to run; the lines above say which.")


@asynccontextmanager
async def _supervisor(place: Place) -> AsyncIterator[Supervisor]:
    supervisor = Supervisor(place.data / "parts.json", lambda words: _say(f"  {words}"))
    try:
        yield supervisor
    finally:
        _say("  stopping the parts")
        await supervisor.stop()
        _say("  all parts have stopped")


@asynccontextmanager
async def _postgres(place: Place, known: Any) -> AsyncIterator[None]:
    """The server of DATABASE_URL, or the embedded one in a folder of its own, kept for the time of the block."""
    if known.sqlalchemy_url:
        yield
        return
    from adapters.postgres import start

    server = await start(place.data / "engine")
    keeping = asyncio.create_task(server.keep())
    os.environ["DATABASE_URL"] = server.url
    try:
        yield
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        await server.stop()


async def _redis(place: Place, known: Any, supervisor: Supervisor) -> None:
    if known.redis_url.get_secret_value():
        return
    program = redis_program()
    if not program:
        _say("  no Redis here: live updates take the slower way over the database")
        return
    await supervisor.start(redis_of(place, program))
    os.environ["REDIS_URL"] = f"unix://{place.redis_socket}"


def redis_program() -> str | None:
    return os.environ.get("REDIS_SERVER") or shutil.which("redis-server") or shutil.which("valkey-server")


def redis_of(place: Place, program: str) -> Process:
    command = [program, "--port", "0", "--unixsocket", str(place.redis_socket), "--unixsocketperm", "700"]
    command += ["--dir", str(place.short), "--save", "", "--appendonly", "no"]
    return Process("redis", command, place.log("redis"))


async def _prepare(place: Place, facts: standins.Facts | None) -> None:
    """A master key beside the data and the newest schema, before the parts start at once."""
    from bot import migrate, secrets
    from bot.cli.reach import reached
    from core import settings

    known = settings.load()
    if not secrets.kept_keys(known, place.data):
        secrets.make_file(place.data)
    async with reached(known, create=True) as there:
        await migrate.to_head(there.db.engine)
        if facts is not None:
            await standins.settle(await there.desk(), facts)


def parts_with(gateways: int = GATEWAYS) -> tuple[str, ...]:
    """The kinds of the parts, one for each process."""
    return ("web", "web", *["gateway"] * max(gateways, 1), "worker")


def parts_of(place: Place, environment: Mapping[str, str]) -> list[Process]:
    made, numbers = [], dict.fromkeys(place.parts, 0)
    for kind, port in zip(place.parts, place.ports, strict=True):
        numbers[kind] += 1
        name = f"{kind}-{numbers[kind]}"
        command = [sys.executable, "-m", "bot", kind, "--port", str(port)]
        env = {**environment, "PYTHONPATH": str(ROOT)}
        made.append(Process(name, command, place.log(name), env, port))
    return made


def _front_door(place: Place, program: str) -> Process:
    settings = place.short / "nginx.conf"
    settings.write_text(_nginx(place))
    command = [program, "-p", str(place.short), "-c", str(settings), "-e", "stderr"]
    return Process("nginx", command, place.log("nginx"), port=place.front)


def _nginx(place: Place) -> str:
    servers = {kind: [] for kind in place.parts}  # type: dict[str, list[int]]
    for kind, port in zip(place.parts, place.ports, strict=True):
        servers[kind].append(port)
    upstreams = "".join(
        f"  upstream {kind} {{ {' '.join(f'server 127.0.0.1:{port};' for port in servers[kind])} }}\n"
        for kind in ("web", "gateway")
    )
    temporary = "".join(
        f"  {kind}_temp_path {place.short}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return (
        f"daemon off;\nmaster_process off;\npid {place.short}/nginx.pid;\nevents {{}}\nhttp {{\n  access_log off;\n{temporary}"
        "  map $http_upgrade $deskbell_connection { default upgrade; '' ''; }\n"
        f"{upstreams}  server {{\n    listen 127.0.0.1:{place.front};\n"
        f'    include "{LOCATIONS}";\n  }}\n}}\n'
    )


async def _announce(place: Place, url: str, facts: standins.Facts | None, parts: list[Process]) -> None:
    from bot.cli.reach import reached
    from core import settings

    rows = [f"  {one.name:<10} port {one.port:<6} process {one.pid}" for one in parts]
    if place.nginx is None:
        rows.append("  no nginx: each web part is reached at its own port")
    _say("\n" + "\n".join(rows) + f"\n  what they say: {place.data / 'log'}")
    async with reached(settings.load()) as there:
        await standins.say(await there.desk(), url, facts)


def _stop_signals() -> asyncio.Event:
    stop = asyncio.Event()
    for kind in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(kind, stop.set)
    return stop


def _say(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
