"""`python -m playground.slack`: the stand-in with a small world, and its addresses."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path

from playground.slack import SlackServer, play_app, seed


def main() -> None:
    asyncio.run(_run(_arguments()))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m playground.slack", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--seed", type=int, help="for faults that can be repeated")
    parser.add_argument("--request-url", default="", help="events over HTTP instead of Socket Mode")
    parser.add_argument("--contract", type=Path, help="an OpenAPI document to compare calls with")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    return parser.parse_args()


async def _run(given: argparse.Namespace) -> None:
    app = play_app()
    app.request_url, app.socket_mode = given.request_url, not given.request_url
    server = SlackServer(given.host, given.port, app=app, seed=given.seed, contract=given.contract)
    seeded = seed(server.world)
    async with server:
        facts = {
            "page": f"{server.base}/",
            "api": server.api_url,
            "play": f"{server.base}/_play",
            "bot_token": seeded.token,
            "app_token": app.app_token,
            "signing_secret": app.signing_secret,
            "desk_channel": seeded.desk,
            "team": seeded.team,
        }
        _print(facts, as_json=given.json)
        await _until_stopped()


def _print(facts: dict[str, str], as_json: bool) -> None:
    lines = [f"{name:16}{value}" for name, value in facts.items()]
    sys.stdout.write((json.dumps(facts) if as_json else "\n".join(lines)) + "\n")
    sys.stdout.flush()


async def _until_stopped() -> None:
    stop = asyncio.Event()
    for kind in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(kind, stop.set)
    await stop.wait()


if __name__ == "__main__":
    main()
