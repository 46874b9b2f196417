"""An article did not help, and its reader asks: colleagues see on the ticket which one it was."""

from __future__ import annotations

from uuid import UUID

from core.access import SYSTEM, Actor
from core.db import UnitOfWork
from core.errors import NotFound
from core.i18n import _, speaking
from core.kb import access, slugs
from core.tickets import service as tickets

_MARKS = str.maketrans({mark: "\\" + mark for mark in "\\[]*_`<>"})


async def note_article(uow: UnitOfWork, reader: Actor, number: int, article_text: str) -> None:
    """Note on a new ticket what was read before. An id of nothing, or of what the reader may not
    read, is passed over: the ticket matters more."""
    try:
        article, text = await access.read(uow, reader, UUID(article_text))
    except (ValueError, NotFound):
        return
    url = uow.means.public_url + slugs.path(text.language, text.slug)
    with speaking(uow.settings.language):
        words = _("Read before, and it did not help: [{title}]({url}) (article {number})").format(
            title=text.title.translate(_MARKS), url=url, number=article.number
        )
    await tickets.note(uow, SYSTEM, number, words)
