"""Resolved tickets that were about the same: what an agent looks at before answering anew.

Words are compared by their hashes, as in the search, so nothing has to be opened to be found.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ARRAY, BigInteger, bindparam, cast, func, literal_column, select, text

from core.access import Actor
from core.conversations import service as conversations
from core.conversations.model import Message
from core.crypto import words
from core.db import UnitOfWork
from core.tickets.access import Opened
from core.tickets.model import Status, Ticket
from core.tickets.queries import Row, rows_of, seen_by

MOST_LOOKED_AT = 400
"""The newest messages that share a word are compared."""
LEAST_SHARED = 2
LEAST_LETTERS = 4
MOST_WORDS = 40
COMMON = 0.02
"""A word in a larger share of all messages says nothing about what one is about."""


async def question_of(uow: UnitOfWork, opened: Opened) -> str:
    """What a ticket asks: its subject and its first message."""
    first = await uow.session.scalar(
        select(Message)
        .where(Message.conversation_id == opened.thread.id, Message.side == "requester")
        .order_by(Message.seq)
        .limit(1)
    )
    said = conversations.read(opened.thread, first) if first is not None and opened.key else ""
    return f"{opened.subject}\n{said}".strip()


async def resolved_like(
    uow: UnitOfWork, actor: Actor, question: str, but: Opened | None = None, *, limit: int = 5
) -> Sequence[Row]:
    """The resolved tickets that share the most words with a question, as far as the actor sees them."""
    terms = await _telling(uow, question, but.ticket.language if but else None)
    if not terms:
        return []
    asked = bindparam("asked", terms, type_=ARRAY(BigInteger))
    newest = (
        select(Message.conversation_id, Message.terms)
        .where(Message.terms.op("&&")(cast(asked, ARRAY(BigInteger))))
        .order_by(Message.at.desc())
        .limit(MOST_LOOKED_AT)
        .subquery()
    )
    one = func.unnest(newest.c.terms).table_valued("term").render_derived("each")
    shared = (
        select(func.count())
        .select_from(one)
        .where(one.c.term == func.any(cast(asked, ARRAY(BigInteger))))
        .scalar_subquery()
    )
    query = (
        select(Ticket.id, func.max(shared).label("shared"))
        .join(newest, newest.c.conversation_id == Ticket.conversation_id)
        .where(Ticket.status.in_((Status.resolved.value, Status.closed.value)), seen_by(actor))
        .where(Ticket.merged_into_id.is_(None))
        .group_by(Ticket.id)
        .having(func.max(shared) >= min(LEAST_SHARED, len(terms)))
        .order_by(literal_column("shared").desc(), Ticket.id.desc())
        .limit(limit)
    )
    if but is not None:
        query = query.where(Ticket.id != but.ticket.id)
    ids = [row[0] for row in await uow.session.execute(query)]
    rows = {row.id: row for row in await rows_of(uow, actor, ids)}
    return [rows[each] for each in ids if each in rows]


async def _telling(uow: UnitOfWork, question: str, language: str | None) -> list[int]:
    """The hashes of the words that say something: the longer ones that are not in every other
    message, by what the database's own statistics know."""
    longer = [word for word in question.split() if len(word) >= LEAST_LETTERS][:MOST_WORDS]
    hashes = words.terms(uow.keys.words, " ".join(longer), language)
    common = set(await uow.session.scalars(_COMMON, {"share": COMMON}))
    return [each for each in hashes if each not in common]


_COMMON = text(
    "select stats.term from pg_stats, unnest(most_common_elems::text::bigint[],"
    " most_common_elem_freqs) as stats(term, share)"
    " where schemaname = current_schema() and tablename = 'message' and attname = 'terms'"
    " and stats.share > :share"
)
