"""`python -m playground.discord`: starts the stand-in with a small world, and says where it is."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
from pathlib import Path

from playground.discord.demo import Seeded, seed
from playground.discord.server import DiscordServer


def main() -> None:
    reader = argparse.ArgumentParser(prog="playground.discord", description=__doc__)
    reader.add_argument("--port", type=int, default=8092, help="0 takes a free one")
    reader.add_argument("--token", help="the bot's token; one is made up when it is left out")
    reader.add_argument(
        "--contract", type=Path, help="the platform's OpenAPI document, to check calls against"
    )
    reader.add_argument("--strict", action="store_true", help="refuse calls that the document does not know")
    reader.add_argument("--json", action="store_true", help="print the facts as one line of JSON")
    wanted = reader.parse_args()
    asyncio.run(serve(wanted))


async def serve(wanted: argparse.Namespace) -> None:
    """Serve until a signal says to stop."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    server = DiscordServer(port=wanted.port, contract=wanted.contract, strict=wanted.strict)
    async with server:
        _say(server, seed(server.world, wanted.token), as_json=wanted.json)
        await stop.wait()


def _say(server: DiscordServer, seeded: Seeded, *, as_json: bool) -> None:
    facts = {
        "page": server.url + "/",
        "api": server.api_url,
        "gateway": server.gateway_url,
        "cdn": server.cdn_url,
        "token": seeded.app.token,
        "bot": seeded.app.id,
        "guild": seeded.guild.id,
        "users": {user.name: user.id for user in seeded.users},
        "channels": {channel.name: channel.id for channel in seeded.channels},
    }
    if as_json:
        print(json.dumps(facts), flush=True)  # noqa: T201
        return
    for name, value in facts.items():
        words = ", ".join(f"{key} {one}" for key, one in value.items()) if isinstance(value, dict) else value
        print(f"{name:9} {words}", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
