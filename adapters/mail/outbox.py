"""The built-in outbox: what would be sent is kept, sealed, for admins to look at."""

from __future__ import annotations

from core.desk import Desk
from core.notices import outbox
from core.ports.mail import Mail


class OutboxMailer:
    """A mailer that needs nothing but the database."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    async def send(self, mail: Mail) -> None:
        async with self.desk.unit() as uow:
            await outbox.keep(uow, mail)
