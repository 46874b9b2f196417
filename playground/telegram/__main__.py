"""`python -m playground.telegram`: the server with a small world in it, until it is stopped."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
from pathlib import Path

from playground.telegram.seed import Seeded, seeded
from playground.telegram.server import TelegramServer


def main() -> None:
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(_options().parse_args()))


async def serve(options: argparse.Namespace) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    server = TelegramServer(options.port, contract=options.contract, strict=options.strict, seed=options.seed)
    async with server:
        _say(server, seeded(server, topics=options.topics, token=options.token))
        await stopped.wait()


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m playground.telegram", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes any free one")
    parser.add_argument("--token", default="", help="the bot's token instead of a made-up one")
    parser.add_argument("--topics", action="store_true", help="private chats with the bot have topics")
    parser.add_argument("--contract", type=Path, help="description of the API to check calls against")
    parser.add_argument("--strict", action="store_true", help="refuse what the description does not know")
    parser.add_argument("--seed", type=int, default=0, help="of all chance in the faults")
    return parser


def _say(server: TelegramServer, world: Seeded) -> None:
    lines = (
        f"page            {server.url}/",
        f"base_url        {server.base_url}",
        f"base_file_url   {server.base_file_url}",
        f"bot             @{world.bot.username} {world.bot.id}",
        f"token           {world.bot.token}",
        f"requester       {world.requester.name} {world.requester.id} (chat {world.private.key})",
        f"agent           {world.agent.name} {world.agent.id}",
        f"forum           {world.room.title} {world.room.id}",
    )
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
