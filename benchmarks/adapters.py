"""From one chat to another: `python -m benchmarks.adapters [--quick] [--json]`.

The whole program runs in a process of its own, with the platforms' real libraries, before the
stand-ins in this process; the hold is 0. Requesters write on one platform and agents see it in a desk
room on another, and the other way round. A message has arrived when the other stand-in shows it.

For each way: how long a message takes at a steady pace, how many a second go through when they are
sent all at once, and how often that is the floor: the mean of what both libraries need, bare, to hear
a message and to say it again in the same chat.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.kill import desk
from benchmarks.kill.discord import DiscordSide
from benchmarks.kill.program import ROOT, Program
from benchmarks.kill.side import OPENING, Side
from benchmarks.kill.slack import SlackSide
from benchmarks.kill.telegram import TelegramSide

SIDES: dict[str, type[Any]] = {"slack": SlackSide, "discord": DiscordSide, "telegram": TelegramSide}
ROOMS = {"slack": ("telegram", "discord"), "discord": ("slack",)}
"""Where agents are, and where those who ask them."""
RATE = 50.0
PACED = {"telegram": (25.0, 0.6)}
"""The adapter keeps the platform's own pace, 28 messages a second and one a second in each chat: it
cannot be asked for more than these in all, and for each chat."""
GOAL_MS = 400
PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Size:
    people: int
    steady: int
    burst: int


WHOLE = Size(people=40, steady=600, burst=400)
QUICK = Size(people=6, steady=60, burst=40)


@dataclass
class Arrivals:
    """What is on its way to one side, and how long it took."""

    waiting: dict[str, float] = field(default_factory=dict)
    took: list[float] = field(default_factory=list)
    last: float = 0.0

    def saw(self, text: str) -> None:
        token = next((word for word in text.split() if word in self.waiting), None)
        if token is not None:
            self.last = time.perf_counter()
            self.took.append((self.last - self.waiting.pop(token)) * 1_000)

    async def all_there(self) -> int:
        """How many never came."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while self.waiting:
                    await asyncio.sleep(0.02)
        missing = len(self.waiting)
        self.waiting.clear()
        return missing


Send = Callable[[int, str], Awaitable[object]]


async def measure(size: Size, rooms: Sequence[str]) -> dict[str, Any]:
    ways: dict[str, Any] = {}
    for room in rooms:
        ways |= await _around(room, ROOMS[room], size)
    floors = {name: await _floor(name, size) for name in sorted({one for way in ways for one in _ends(way)})}
    for way, figures in ways.items():
        ends = _ends(way)
        floor = statistics.mean(floors[one]["p95_ms"] for one in ends)
        figures["floor_p95_ms"], figures["ratio"] = round(floor, 1), round(figures["p95_ms"] / floor, 1)
    return {"goal_ms": GOAL_MS, "ways": ways, "floors": floors}


async def _around(room: str, others: Sequence[str], size: Size) -> dict[str, Any]:
    """All ways to and from one desk room."""
    sides: dict[str, Side] = {name: SIDES[name]() for name in (room, *others)}
    ways: dict[str, Any] = {}
    async with _running(sides, room) as threads_of:
        for other in others:
            people, threads = await threads_of(other, size.people)
            there, here = sides[other], sides[room]

            async def asks(number: int, text: str, there: Side = there, people: list[str] = people) -> None:
                await there.says(people[number % len(people)], text)

            async def answers(
                number: int, text: str, here: Side = here, threads: list[str] = threads
            ) -> None:
                await here.agent_says(threads[number % len(threads)], text)

            # The same two platforms meet again with the desk room on the other one.
            ways[f"{other} to {room} (desk room)"] = await _way(here, asks, room, size)
            ways[f"{room} (desk room) to {other}"] = await _way(there, answers, other, size)
    return ways


def _ends(way: str) -> list[str]:
    return [end.removesuffix(" (desk room)") for end in way.split(" to ")]


@asynccontextmanager
async def _running(sides: dict[str, Side], room: str) -> AsyncIterator[Any]:
    with tempfile.TemporaryDirectory(prefix="deskbell-adapters-", ignore_cleanup_errors=True) as folder:
        program: Program | None = None
        try:
            settings: dict[str, str] = {}
            for side in sides.values():
                await side.open(1)
                settings |= side.environment
            program = Program(Path(folder), settings)
            facts = {n: s.facts if n == room else {**s.facts, "room": ""} for n, s in sides.items()}
            await desk.settle(program.data, facts, 0, rule="everyone")
            program.start()
            await program.up()
            async with asyncio.timeout(30):
                while not all(side.connected for side in sides.values()):
                    await asyncio.sleep(0.05)

            async def threads_of(other: str, count: int) -> tuple[list[str], list[str]]:
                return await _people(sides[other], sides[room], count)

            yield threads_of
        finally:
            if program is not None:
                await program.end()
            for side in sides.values():
                await side.close()


async def _people(there: Side, here: Side, count: int) -> tuple[list[str], list[str]]:
    """People with a ticket each, and the threads of these."""
    people = [await there.joins(f"Person{number}") for number in range(count)]
    tokens = [f"{there.name}first{number}x" for number in range(count)]
    for who, token in zip(people, tokens, strict=True):
        await there.says(who, f"{OPENING}\n{token} it is")
    async with asyncio.timeout(PATIENCE * 3):
        while True:
            threads = await here.threads()
            found = [_thread_with(threads, token) for token in tokens]
            if all(found):
                return people, found
            await asyncio.sleep(0.3)


def _thread_with(threads: dict[str, Any], token: str) -> str:
    for thread, lines in threads.items():
        if any(line.by_bot and token in line.text.split() for line in lines):
            return thread
    return ""


def _rate(target: str, size: Size) -> float:
    most, each = PACED.get(target, (RATE, RATE))
    return min(RATE, most, each * size.people)


async def _way(to: Side, send: Send, target: str, size: Size, *, paced: bool = True) -> dict[str, Any]:
    """At a steady pace, then all at once."""
    arrivals = Arrivals()
    watching = asyncio.create_task(_watch(to, arrivals))
    rate = _rate(target, size) if paced else RATE
    try:
        for number in range(min(20, size.steady)):  # what is slow the first time
            await _send(arrivals, send, number)
        await arrivals.all_there()
        arrivals.took.clear()
        began = time.perf_counter()
        for number in range(size.steady):
            await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
            await _send(arrivals, send, number)
        late = await arrivals.all_there()
        took = sorted(arrivals.took)
        began = time.perf_counter()
        for number in range(size.burst):
            await _send(arrivals, send, number)
        missing = await arrivals.all_there()
        carried = (size.burst - missing) / max(arrivals.last - began, 0.001)
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
    figures = {"rate": rate, "p50_ms": _part(took, 0.5), "p95_ms": _part(took, 0.95)}
    return {**figures, "per_s": round(carried, 1), "missing": late + missing}


_numbers = iter(range(10**9))


async def _send(arrivals: Arrivals, send: Send, number: int) -> None:
    token = f"t{next(_numbers):06d}x"
    arrivals.waiting[token] = time.perf_counter()
    await send(number, f"{token} is on its way")


async def _watch(side: Side, arrivals: Arrivals) -> None:
    after, _old = await side.news(0)
    while True:
        after, texts = await side.news(after)
        for text in texts:
            arrivals.saw(text)


def _part(ordered: list[float], share: float) -> float:
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1) if ordered else float("nan")


# --- the floor


async def _floor(name: str, size: Size) -> dict[str, float]:
    """The stand-in's own echo, by the bare library in a process of its own."""
    side: Side = SIDES[name]()
    await side.open(1)
    command = [sys.executable, "-m", "benchmarks.adapters", "--echo", name, json.dumps(side.environment)]
    with subprocess.Popen(command, cwd=ROOT) as echo:
        try:
            people = [await side.joins(f"Person{number}") for number in range(min(size.people, 10))]
            async with asyncio.timeout(30):
                while not side.connected:
                    await asyncio.sleep(0.05)

            async def says(number: int, text: str) -> None:
                await side.says(people[number % len(people)], text)

            way = await _way(side, says, name, size, paced=False)
            return {"p50_ms": way["p50_ms"], "p95_ms": way["p95_ms"], "missing": way["missing"]}
        finally:
            echo.terminate()
            await side.close()


async def _echo(name: str, settings: dict[str, str]) -> None:
    """What the platform's library does by itself: hears something, and says it again."""
    match name:
        case "slack":
            await _echo_slack(settings)
        case "discord":
            await _echo_discord(settings)
        case _:
            await _echo_telegram(settings)


async def _echo_slack(settings: dict[str, str]) -> None:
    from slack_sdk.socket_mode.aiohttp import SocketModeClient
    from slack_sdk.socket_mode.response import SocketModeResponse
    from slack_sdk.web.async_client import AsyncWebClient

    web = AsyncWebClient(
        settings["DESKBELL_SLACK_BOT_TOKEN"], base_url=settings["DESKBELL_SLACK_API_BASE_URL"]
    )
    client: Any = SocketModeClient(settings["DESKBELL_SLACK_APP_TOKEN"], web_client=web)

    async def hear(client: Any, request: Any) -> None:
        await client.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id))
        event = request.payload.get("event", {})
        if event.get("type") == "message" and "bot_id" not in event and event.get("text"):
            await web.chat_postMessage(channel=event["channel"], text=event["text"])

    client.socket_mode_request_listeners.append(hear)
    await client.connect()
    await asyncio.Event().wait()


async def _echo_discord(settings: dict[str, str]) -> None:
    import discord
    import yarl
    from discord.gateway import DiscordWebSocket
    from discord.http import Route

    api = settings["DESKBELL_DISCORD_API_BASE_URL"]
    Route.BASE = api
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(api).with_scheme("ws").with_path("/gateway")
    client = discord.Client(intents=discord.Intents(guilds=True, messages=True, message_content=True))

    @client.event
    async def on_message(message: Any) -> None:
        if not message.author.bot:
            await message.channel.send(message.content)

    await client.start(settings["DESKBELL_DISCORD_BOT_TOKEN"])


async def _echo_telegram(settings: dict[str, str]) -> None:
    import telegram

    address = settings["DESKBELL_TELEGRAM_API_BASE_URL"]
    async with telegram.Bot(settings["DESKBELL_TELEGRAM_BOT_TOKEN"], base_url=address) as bot:
        offset = 0
        while True:
            updates = await bot.get_updates(offset, timeout=20)
            offset = max([offset, *(one.update_id + 1 for one in updates)])
            said = [one.message for one in updates if one.message is not None and one.message.text]
            await asyncio.gather(*(bot.send_message(one.chat.id, one.text or "") for one in said))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.adapters", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few messages, one desk room")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--echo", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.echo:
        with suppress(KeyboardInterrupt):
            asyncio.run(_echo(given.echo[0], json.loads(given.echo[1])))
        return 0
    found = asyncio.run(measure(QUICK if given.quick else WHOLE, ["slack"] if given.quick else list(ROOMS)))
    for way, one in found["ways"].items():
        print(
            f"{way}: p50 {one['p50_ms']} ms, p95 {one['p95_ms']} ms at {one['rate']:.0f} a second "
            f"({one['ratio']} times the floor of {one['floor_p95_ms']} ms); {one['per_s']} a second at most"
            + (f"; {one['missing']} never came" if one["missing"] else "")
        )
    if given.json:
        print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
