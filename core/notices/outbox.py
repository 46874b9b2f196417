"""The built-in outbox: mails that are kept instead of sent, sealed under their reader's key."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from core.access import Actor, Permission
from core.crypto.fields import Unreadable, seal_json, unseal_json
from core.db import UnitOfWork
from core.errors import NotFound
from core.i18n import _
from core.outbox_model import OutboxMail
from core.ports.mail import Mail

_FIELD = "outbox_mail.content"


@dataclass(frozen=True, slots=True)
class Kept:
    """A mail of the outbox in the clear; `mail` is empty when its reader was erased."""

    id: UUID
    at: datetime
    mail: Mail | None


async def keep(uow: UnitOfWork, mail: Mail) -> OutboxMail:
    key = await uow.keys.of_person(uow.session, mail.person_id)
    row = OutboxMail(person_id=mail.person_id, content=b"")
    row.content = seal_json(key, _to_json(mail), _FIELD, row.id)
    uow.session.add(row)
    return row


async def listed(
    uow: UnitOfWork, actor: Actor, *, before: UUID | None = None, most: int = 30
) -> Sequence[Kept]:
    """The mails of the outbox, newest first, paged by id. It holds links that sign people in:
    for those only who run the desk."""
    actor.require(Permission.manage_desk)
    query = select(OutboxMail)
    if before is not None:
        query = query.where(OutboxMail.id < before)
    rows = list(await uow.session.scalars(query.order_by(OutboxMail.id.desc()).limit(most)))
    keys = await uow.keys.of_persons(uow.session, {row.person_id for row in rows})
    return [_opened(row, keys.get(row.person_id)) for row in rows]


async def get(uow: UnitOfWork, actor: Actor, mail_id: UUID) -> Kept:
    actor.require(Permission.manage_desk)
    row = await uow.session.get(OutboxMail, mail_id)
    if row is None:
        raise NotFound(_("There is no such mail."))
    keys = await uow.keys.of_persons(uow.session, {row.person_id})
    return _opened(row, keys.get(row.person_id))


def _opened(row: OutboxMail, key: bytes | None) -> Kept:
    if key is None:
        return Kept(row.id, row.at, None)
    try:
        return Kept(row.id, row.at, _from_json(row.person_id, unseal_json(key, row.content, _FIELD, row.id)))
    except Unreadable:
        return Kept(row.id, row.at, None)


def _to_json(mail: Mail) -> dict[str, object]:
    json = asdict(mail)
    del json["person_id"]
    json["attachments"] = [
        [name, kind, base64.b64encode(content).decode()] for name, kind, content in mail.attachments
    ]
    return json


def _from_json(person_id: UUID, json: dict[str, object]) -> Mail:
    texts = {name: value for name, value in json.items() if isinstance(value, str)}
    references, attachments = json.get("references"), json.get("attachments")
    return Mail(
        person_id=person_id,
        references=tuple(references) if isinstance(references, list) else (),
        attachments=tuple((name, kind, base64.b64decode(content)) for name, kind, content in attachments)
        if isinstance(attachments, list)
        else (),
        **texts,
    )
