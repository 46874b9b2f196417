"""The desk with three stand-in platforms and a page that shows them: no account anywhere.

`make playground` runs it. The stand-ins are a program of their own, strangers to the desk; this tool
starts them, connects the desk to them as an admin would, and then runs the desk itself.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
PORT = int(os.environ.get("PLAYGROUND_PORT", "8090"))
TICKETS = 20


def main() -> int:
    from core import settings as core_settings

    # The stand-ins forget everything when they end, and count from one again: a desk that remembered
    # would take new messages for old ones.
    with tempfile.TemporaryDirectory(prefix="deskbell-playground-") as folder:
        os.environ.setdefault("DESKBELL_DATA", folder)
        return _play(core_settings.load())


def _play(settings: Settings) -> int:
    command = [sys.executable, "-m", "playground", "--port", str(PORT), "--desk", settings.url]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as standins:  # noqa: S603
        try:
            assert standins.stdout is not None
            line = standins.stdout.readline()
            if not line:
                sys.stderr.write(f"deskbell: the stand-ins did not start; is port {PORT} taken?\n")
                return 2
            facts = json.loads(line)
            os.environ.update(_environment(facts))
            return _desk(facts)
        finally:
            standins.terminate()


def _environment(facts: dict[str, Any]) -> dict[str, str]:
    """What an admin would put into `.env`."""
    slack, discord, telegram = facts["slack"], facts["discord"], facts["telegram"]
    return {
        "DESKBELL_SLACK_API_BASE_URL": slack["api"],
        "DESKBELL_SLACK_BOT_TOKEN": slack["bot_token"],
        "DESKBELL_SLACK_APP_TOKEN": slack["app_token"],
        "DESKBELL_SLACK_SIGNING_SECRET": slack["signing_secret"],
        "DESKBELL_DISCORD_API_BASE_URL": discord["api"],
        "DESKBELL_DISCORD_BOT_TOKEN": discord["bot_token"],
        "DESKBELL_TELEGRAM_API_BASE_URL": telegram["api"],
        "DESKBELL_TELEGRAM_FILE_BASE_URL": telegram["files"],
        "DESKBELL_TELEGRAM_BOT_TOKEN": telegram["bot_token"],
    }


def _desk(facts: dict[str, Any]) -> int:
    from bot.app import App, bind, compose, run
    from bot.cli import edge
    from core import log

    async def serve(settings: Settings) -> None:
        log.configure(settings.log_format)
        listening = bind(settings)
        async with compose(settings) as app:
            await _settle(app, facts)

            async def announce(app: App) -> None:
                await _say(app, facts)

            await run(app, listening, announce)

    edge.run(serve, quiet=False)
    return 0


async def _settle(app: Any, facts: dict[str, Any]) -> None:
    """A desk with articles and some tickets, agents whose chats are linked, and a desk room on each
    platform; the first time only."""
    from sqlalchemy import func, select

    from bot.demo import make as demo
    from core.access import SYSTEM
    from core.chat import Place
    from core.crypto.fields import seal_text
    from core.people import service as people
    from core.people.model import Identity
    from core.rooms import service as rooms
    from core.rooms.model import DeskRoom
    from core.tickets.model import Ticket

    async with app.desk.unit() as uow:
        if await uow.session.scalar(select(func.count()).select_from(DeskRoom)):
            return
        empty = await uow.session.scalar(select(Ticket.id).limit(1)) is None
    if empty:
        await demo.make(app.desk, tickets=TICKETS)
    async with app.desk.unit() as uow:
        for name in ("slack", "discord", "telegram"):
            one = facts[name]
            external, called = one["agent"]
            person = await people.add(
                uow,
                name=called,
                role="agent",
                email=f"{called.split()[0].lower()}@desk.example",
                verified=True,
            )
            digest = people.digest_of_identity(uow, name, one["installation"], external)
            identity = Identity(person_id=person.id, platform=name, digest=digest)
            key = await uow.keys.of_person(uow.session, person.id)
            identity.external = seal_text(key, external, "identity.external", identity.id)
            uow.session.add(identity)
            place = Place(name, one["installation"], one["room"])
            await rooms.add(uow, SYSTEM, place, name=f"Desk room ({name})")


async def _say(app: Any, facts: dict[str, Any]) -> None:
    from core.people import links

    async with app.desk.unit() as uow:
        link = await links.first_admin_link(uow, app.settings.url)
    sys.stdout.write(
        f"\n  Playground  {facts['page']}\n  Web chat    {app.settings.url}/chat\n  The desk    {app.settings.url}/\n"
        f"  Admin       {link}\n\n  Ctrl-C ends it all.\n\n"
    )
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
