"""The secret with which a host site vouches for its visitors: sealed, shown once."""

from __future__ import annotations

import base64

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from core import desk_settings
from core.crypto.fields import Unreadable, seal_text, unseal_text
from core.crypto.keys import Keys
from core.db import Setting, UnitOfWork
from core.ids import new_token

_KEY = "chat_secret"


async def make(uow: UnitOfWork) -> str:
    """A fresh secret, which replaces the one before; call `desk.refresh()` afterwards."""
    secret = new_token(32)
    sealed = base64.b64encode(seal_text(uow.keys.desk, secret, "setting.value", _KEY)).decode()
    await uow.session.execute(
        insert(Setting)
        .values(key=_KEY, value=sealed, version=1)
        .on_conflict_do_update(index_elements=["key"], set_={"value": sealed, "version": Setting.version + 1})
    )
    await desk_settings.store(uow.session, {"chat_secret_set": True})
    return secret


async def forget(uow: UnitOfWork) -> None:
    """From now on nobody is vouched for."""
    await uow.session.execute(delete(Setting).where(Setting.key == _KEY))
    await desk_settings.store(uow.session, {"chat_secret_set": False})


async def read(session: AsyncSession, keys: Keys) -> str | None:
    sealed = await session.scalar(select(Setting.value).where(Setting.key == _KEY))
    if not isinstance(sealed, str):
        return None
    try:
        return unseal_text(keys.desk, base64.b64decode(sealed), "setting.value", _KEY)
    except (Unreadable, ValueError):
        return None
