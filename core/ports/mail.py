"""Mail: one way out, by SMTP or into the built-in outbox."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A mail ready to be sent. `message_id`, `in_reply_to` and `references` thread it
    (RFC 5322, 3.6.4); `unsubscribe` is a one-click address (RFC 8058)."""

    person_id: UUID
    to: str
    to_name: str
    subject: str
    text: str
    html: str
    message_id: str
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    unsubscribe: str = ""
    attachments: tuple[tuple[str, str, bytes], ...] = ()
    """(file name, MIME type, content)"""


class Mailer(Protocol):
    async def send(self, mail: Mail) -> None:
        """Hand it over; raises `core.chat.PostFailed` or `Gone` when it was not taken."""
        ...
