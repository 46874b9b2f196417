"""A small program that runs a server: it is killed, interrupted and watched by the tests.

It says one JSON line when the server is up or refused, then obeys its standard input: the end
of it means "stop". On Ctrl-C it asks the server once more before it stops.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path

import asyncpg
import structlog

from adapters.postgres import start
from core.errors import StartError

structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))


def say(**facts: object) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


async def main(data: Path) -> int:
    try:
        server = await start(data)
    except StartError as refused:
        say(refused=str(refused))
        return 2
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, told.set)
    loop.add_reader(sys.stdin, told.set)
    say(
        dsn=server.dsn,
        socket=str(server.socket),
        keeper=server.pid,
        server=int(server.pid_file.read_text().split()[0]),
    )
    await told.wait()
    loop.remove_reader(sys.stdin)
    connection = await asyncpg.connect(server.dsn)
    answer = await connection.fetchval("SELECT 42")
    await connection.close()
    await server.stop()
    say(answer=answer, running=server.is_running)
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(Path(sys.argv[1]))))
