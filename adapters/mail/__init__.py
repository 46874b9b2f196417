"""The ways out for mail: an SMTP server when one is set, else the built-in outbox."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from adapters.mail.outbox import OutboxMailer

if TYPE_CHECKING:
    from core.desk import Desk
    from core.ports.mail import Mailer
    from core.settings import Settings


def make_mailer(desk: Desk, settings: Settings) -> Mailer:
    """The mailer of these settings. Raises `StartError` for a malformed mail setting."""
    url = settings.smtp_url.get_secret_value()
    if not url:
        return OutboxMailer(desk)
    from adapters.mail.smtp import SmtpMailer, parse_sender

    host = urlsplit(settings.url).hostname or "localhost"
    return SmtpMailer(url, parse_sender(settings.mail_from, desk.means.settings.name, host))


__all__ = ["OutboxMailer", "make_mailer"]
