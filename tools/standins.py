"""The stand-in platforms of the playground as a program of their own, and a desk connected to them as an
admin would connect it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PORT = int(os.environ.get("PLAYGROUND_PORT", "8090"))
Facts = dict[str, Any]


class NotStarted(Exception):
    """The stand-ins ended before they said where they are."""


@contextmanager
def running(desk_url: str) -> Iterator[Facts]:
    """The stand-ins, for the time of the block: what they said of themselves."""
    command = [sys.executable, "-m", "playground", "--port", str(PORT), "--desk", desk_url]
    if slash := os.environ.get("DESKBELL_SLACK_COMMAND"):
        command += ["--command", slash]
    if os.environ.get("PLAYGROUND_TOPICS", "").lower() in ("1", "true", "yes", "on"):
        command.append("--topics")
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as standins:  # noqa: S603
        try:
            assert standins.stdout is not None
            line = standins.stdout.readline()
            if not line:
                raise NotStarted(f"deskbell: the stand-ins did not start; is port {PORT} taken?\n")
            yield json.loads(line)
        finally:
            standins.terminate()


def settings_of(facts: Facts) -> dict[str, str]:
    """What an admin would put into `.env`."""
    slack, discord, telegram = facts["slack"], facts["discord"], facts["telegram"]
    return {
        "DESKBELL_SLACK_API_BASE_URL": slack["api"],
        "DESKBELL_SLACK_BOT_TOKEN": slack["bot_token"],
        "DESKBELL_SLACK_APP_TOKEN": slack["app_token"],
        "DESKBELL_SLACK_SIGNING_SECRET": slack["signing_secret"],
        "DESKBELL_DISCORD_API_BASE_URL": discord["api"],
        "DESKBELL_DISCORD_BOT_TOKEN": discord["bot_token"],
        "DESKBELL_DISCORD_FORUMS": discord["questions"],
        "DESKBELL_TELEGRAM_API_BASE_URL": telegram["api"],
        "DESKBELL_TELEGRAM_FILE_BASE_URL": telegram["files"],
        "DESKBELL_TELEGRAM_BOT_TOKEN": telegram["bot_token"],
    }


async def settle(desk: Any, facts: Facts) -> None:
    """Agents whose chats are linked, and a desk room on each platform; the first time only."""
    from sqlalchemy import func, select

    from core.access import SYSTEM
    from core.chat import Place
    from core.rooms import service as rooms
    from core.rooms.model import DeskRoom

    async with desk.unit() as uow:
        if await uow.session.scalar(select(func.count()).select_from(DeskRoom)):
            return
        for name in ("slack", "discord", "telegram"):
            one = facts[name]
            for role in ("agent", "admin"):
                if role in one:
                    await _linked(uow, name, one, role)
            if "known" in one:
                await _known(uow, *one["known"])
            place = Place(name, one["installation"], one["room"])
            await rooms.add(uow, SYSTEM, place, name=f"Desk room ({name})")


async def _linked(uow: Any, platform: str, facts: Facts, role: str) -> None:
    """Somebody of the desk who is known by the account in their chat."""
    from core.crypto.fields import seal_text
    from core.people import service as people
    from core.people.model import Identity

    external, called = facts[role]
    email = f"{called.split()[0].lower()}@desk.example"
    person = await people.add(uow, name=called, role=role, email=email, verified=True)
    digest = people.digest_of_identity(uow, platform, facts["installation"], external)
    identity = Identity(person_id=person.id, platform=platform, digest=digest)
    key = await uow.keys.of_person(uow.session, person.id)
    identity.external = seal_text(key, external, "identity.external", identity.id)
    uow.session.add(identity)


async def _known(uow: Any, email: str, called: str) -> None:
    """Somebody who has proved that address on the site, and is not yet linked to their chat."""
    from core.people import service as people

    await people.add(uow, name=called, role="requester", email=email, verified=True)


async def say(desk: Any, url: str, facts: Facts | None) -> None:
    """Where everything is, and a sign-in link for the first admin."""
    from core.people import links

    async with desk.unit() as uow:
        link = await links.first_admin_link(uow, url)
    lines = [f"Playground  {facts['page']}"] if facts else []
    lines += [f"Web chat    {url}/chat", f"The desk    {url}/", f"Admin       {link}"]
    sys.stdout.write("\n  " + "\n  ".join(lines) + "\n\n  Ctrl-C ends it all.\n\n")
    sys.stdout.flush()
