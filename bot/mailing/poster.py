"""Mail as one more way out: it looks to the poster like any platform."""

from __future__ import annotations

import asyncio

from core.chat import Deliver, Limits, Place, Post
from core.ports.mail import Mail, Mailer


class MailPoster:
    """Registered under `mail`; hands each made mail to the port."""

    name = "mail"
    limits = Limits(
        text=1_000_000, edits=False, deletes=False, reactions=False, typing=False, forms=False, private=True
    )
    http = None

    def __init__(self, mailer: Mailer) -> None:
        self.mailer = mailer

    async def run(self, deliver: Deliver) -> None:
        """Nothing comes in by mail."""
        await asyncio.Event().wait()

    async def post(self, place: Place, part: Post | Mail, *, key: str) -> str:
        if not isinstance(part, Mail):
            raise TypeError("only mails are sent by mail")
        await self.mailer.send(part)
        return part.message_id

    async def edit(self, place: Place, native: str, part: Post) -> None:
        """What was mailed stays as it is."""

    async def delete(self, place: Place, native: str) -> None:
        """What was mailed stays."""
