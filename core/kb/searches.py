"""What was searched for in the help centre: noted by nobody in particular.

The words are sealed under the desk's key; a keyed hash of the folded words groups those who
looked for the same.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, select

from core import clock
from core import text as texts
from core.crypto import words
from core.crypto.fields import Unreadable, seal_text, unseal_text
from core.db import UnitOfWork
from core.kb.model import KbSearch

MOST_CHARACTERS = 200
"""Of a search that is longer, its beginning is looked for and kept."""
KEPT = timedelta(days=400)
_SEALED = "kb_search.words"
_WORD = re.compile(r"\w+")
_SPACES = re.compile(r"\s+")


def asked(query: str) -> str:
    """A query as it is searched: one line, of bounded length."""
    line = _SPACES.sub(" ", texts.clean(query[: MOST_CHARACTERS * 8])).strip()
    if len(line) <= MOST_CHARACTERS:
        return line
    cut = line[:MOST_CHARACTERS]
    return cut.rsplit(" ", 1)[0] if " " in cut else cut


async def note(uow: UnitOfWork, query: str, *, language: str, channel: str, results: int) -> None:
    """Somebody searched. Nothing says who."""
    row = KbSearch(
        language=language,
        channel=channel,
        words=b"",
        digest=words.digest(uow.keys.lookup, f"kb_search|{_folded(query)}"),
        results=results,
    )
    row.words = seal_text(uow.keys.desk, query, _SEALED, row.id)
    uow.session.add(row)
    await uow.session.flush()


def read(uow: UnitOfWork, row_id: UUID, sealed: bytes) -> str:
    """The words in the clear; nothing where they cannot be read."""
    try:
        return unseal_text(uow.keys.desk, sealed, _SEALED, row_id)
    except Unreadable:
        return ""


async def drop_old(uow: UnitOfWork, most: int) -> int:
    """Forget what was searched long ago; for a job."""
    old = select(KbSearch.id).where(KbSearch.at < clock.now() - KEPT).limit(most)
    gone: Sequence[UUID] = list(
        await uow.session.scalars(delete(KbSearch).where(KbSearch.id.in_(old)).returning(KbSearch.id))
    )
    return len(gone)


def _folded(query: str) -> str:
    """The same for the same words in another order, case or accent."""
    found = sorted(set(_WORD.findall(words.fold(query))))
    return " ".join(found) or query
