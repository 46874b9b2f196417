"""`python -m playground`: all three stand-ins and a page that shows them side by side."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from playground.discord import DiscordServer
from playground.discord.demo import seed as seed_discord
from playground.discord.model import Kind
from playground.page import Column, Window, make_app
from playground.slack import SlackServer, play_app
from playground.slack import seed as seed_slack
from playground.telegram import TelegramServer
from playground.telegram.seed import seeded as seed_telegram

TELEGRAM_TOKEN = "4200:playground-token"  # noqa: S105  of a stand-in on this machine


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m playground", description=__doc__)
    parser.add_argument("--port", type=int, default=8090, help="the page; the three follow after it")
    parser.add_argument("--desk", default="http://127.0.0.1:8080", help="where the desk is")
    parser.add_argument("--command", default="/desk", help="the slash command of the app in the team chat")
    parser.add_argument("--topics", action="store_true", help="the messenger's bot may have topics")
    given = parser.parse_args()
    asyncio.run(_run(given.port, given.desk, given.command, given.topics))


async def _run(port: int, desk: str, command: str, topics: bool) -> None:
    slack = SlackServer("127.0.0.1", port + 1, app=play_app(command))
    slack_seed = seed_slack(slack.world)
    async with (
        slack,
        DiscordServer(port=port + 2) as discord,
        TelegramServer(port=port + 3) as telegram,
    ):
        discord_seed = seed_discord(discord.world)
        telegram_seed = seed_telegram(telegram, topics=topics, token=TELEGRAM_TOKEN)
        questions = discord.world.add_channel(discord_seed.guild, "questions", Kind.forum)
        _neighbours(telegram, telegram_seed)
        columns = (
            _slack(slack, slack_seed),
            _discord(discord, discord_seed),
            _telegram(telegram, telegram_seed),
        )
        runner = web.AppRunner(make_app(columns, desk))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        facts = {
            "page": f"http://127.0.0.1:{port}/",
            "slack": {
                "api": slack.api_url,
                "bot_token": slack_seed.token,
                "app_token": slack.world.app.app_token,
                "signing_secret": slack.world.app.signing_secret,
                "installation": slack_seed.team,
                "room": slack_seed.desk,
                "agent": [slack_seed.ben, "Ben Osei"],
                "known": ["cleo@northwind.example", "Cleo Marsh"],
            },
            "discord": {
                "api": discord.api_url,
                "bot_token": discord_seed.app.token,
                "installation": discord_seed.app.user.id,
                "room": _named(discord_seed.channels, "desk").id,
                "agent": [_named(discord_seed.users, "Deniz").id, "Deniz"],
                "admin": [_named(discord_seed.users, "Carla").id, "Carla"],
                "questions": questions.id,
            },
            "telegram": {
                "api": telegram.base_url,
                "files": telegram.base_file_url,
                "bot_token": telegram_seed.bot.token,
                "installation": str(telegram_seed.bot.id),
                "room": str(telegram_seed.room.id),
                "agent": [str(telegram_seed.agent.id), "Ahmed Khan"],
            },
        }
        sys.stdout.write(json.dumps(facts) + "\n")
        sys.stdout.flush()
        await _until_stopped()
        await runner.cleanup()


def _slack(server: SlackServer, seeded: Any) -> Column:
    direct = server.world.direct(seeded.team, [seeded.bot, seeded.ada])
    return Column(
        "A team chat with workspaces",
        (
            Window("Ada", "needs help", f"{server.base}/?{urlencode({'user': 'ada', 'channel': direct.id})}"),
            Window(
                "Ben", "is an agent", f"{server.base}/?{urlencode({'user': 'ben', 'channel': seeded.desk})}"
            ),
        ),
    )


def _discord(server: DiscordServer, seeded: Any) -> Column:
    direct = server.people.dm("Ada", seeded.app)
    forum = _named(seeded.channels, "desk")
    return Column(
        "A chat with servers and forums",
        (
            Window("Ada", "needs help", f"{server.url}/?{urlencode({'user': 'Ada', 'channel': direct.id})}"),
            Window(
                "Deniz", "is an agent", f"{server.url}/?{urlencode({'user': 'Deniz', 'channel': forum.id})}"
            ),
        ),
    )


def _telegram(server: TelegramServer, seeded: Any) -> Column:
    private = f"{seeded.requester.id}@{seeded.bot.id}"
    return Column(
        "A messenger with bots",
        (
            Window(
                "Rita",
                "needs help",
                f"{server.url}/?{urlencode({'user': seeded.requester.id, 'chat': private})}",
            ),
            Window(
                "Ahmed",
                "is an agent",
                f"{server.url}/?{urlencode({'user': seeded.agent.id, 'chat': seeded.room.id})}",
            ),
        ),
    )


def _neighbours(server: TelegramServer, seeded: Any) -> None:
    """A group with topics that is no desk room: whoever asks there is answered in the topic."""
    group = server.people.create_group(seeded.requester, "Neighbours", forum=True)
    server.people.add(seeded.requester, group, seeded.bot, admin=True)
    server.people.create_topic(seeded.requester, group, "The lift")


def _named(things: list[Any], name: str) -> Any:
    return next(one for one in things if one.name == name)


async def _until_stopped() -> None:
    stop = asyncio.Event()
    for kind in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(kind, stop.set)
    await stop.wait()


if __name__ == "__main__":
    main()
