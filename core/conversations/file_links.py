"""Links to one file for one place, where a platform cannot carry the file itself.

The link is a bearer's: whoever holds it may fetch this one file until it ends or the file is
deleted. It is made anew for each sending and kept nowhere; its MAC is HMAC-SHA-256 under the desk's
key for look-ups, truncated to 128 bits.
"""

from __future__ import annotations

import base64
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from core import clock
from core.conversations import attachments
from core.conversations.attachments import OpenFile
from core.conversations.model import Attachment, Conversation, Message
from core.crypto import words
from core.crypto.keys import Keys
from core.db import UnitOfWork
from core.errors import NotFound
from core.i18n import _

LIFETIME = timedelta(days=7)
PREFIX = "/f/"
_LONGEST = 120


@dataclass(frozen=True, slots=True)
class Linked:
    """A file that a link leads to."""

    file: OpenFile
    until: datetime


def path(keys: Keys, file: Attachment) -> str:
    """The path of a fresh link to a file."""
    until = int((clock.now() + LIFETIME).timestamp())
    body = file.id.bytes + until.to_bytes(6, "big")
    return PREFIX + base64.urlsafe_b64encode(body + _mac(keys, body)).decode().rstrip("=")


async def follow(uow: UnitOfWork, token: str) -> Linked:
    """The file behind a link; `NotFound` in words when it is wrong, too old, or the file is gone."""
    try:
        raw = base64.urlsafe_b64decode(token[:_LONGEST] + "=" * (-len(token[:_LONGEST]) % 4))
    except ValueError:
        raise _unknown() from None
    body, mac = raw[:22], raw[22:]
    if len(raw) != 38 or not hmac.compare_digest(mac, _mac(uow.keys, body)):
        raise _unknown()
    until = datetime.fromtimestamp(int.from_bytes(body[16:], "big"), UTC)
    if until <= clock.now():
        raise NotFound(_("This link is too old. Please ask for the file again."))
    return Linked(await _opened(uow, UUID(bytes=body[:16])), until)


async def _opened(uow: UnitOfWork, file_id: UUID) -> OpenFile:
    file = await uow.session.get(Attachment, file_id)
    message = await uow.session.get(Message, file.message_id) if file and file.message_id else None
    if file is None or message is None or message.deleted_at is not None or message.hidden_at is not None:
        raise _unknown()
    conversation = await uow.session.get(Conversation, message.conversation_id)
    assert conversation is not None
    owners = await uow.keys.of_persons(uow.session, (conversation.owner_id,))
    owner_key = owners.get(conversation.owner_id)
    if owner_key is None:
        raise _unknown()
    return attachments.opened(
        file, uow.keys.open_data_key(owner_key, conversation.id, conversation.wrapped_key)
    )


def _mac(keys: Keys, body: bytes) -> bytes:
    return words.digest(keys.lookup, f"file|{body.hex()}")[:16]


def _unknown() -> NotFound:
    return NotFound(_("This file is not here any more."))
