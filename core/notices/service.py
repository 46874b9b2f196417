"""Notices: made from what somebody hears, listed in the bell, read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from core import clock
from core.access import Actor, Permission
from core.conversations.model import Conversation
from core.db import Base, UnitOfWork
from core.errors import Invalid, NotFound
from core.i18n import _
from core.ids import new_id
from core.kb.model import ArticleText
from core.notices.model import Notice
from core.notices.rules import KINDS, Way
from core.people import service as people
from core.people.model import Person
from core.people.service import Known
from core.tickets import access
from core.tickets.model import Ticket

MOST_COUNTED = 99
"""The bell counts no further."""
REPEATED = (
    "reply", "team_ticket", "woken", "held", "call_asked", "call_invited", "call_soon",
    "review_asked", "article_published", "article_returned", "review_shared", "connection",
)  # fmt: skip
"""Of these only the newest unread one of a ticket or an article is kept: ten replies are one thing to
look at."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A notice in words, for the reader's eyes."""

    id: UUID
    kind: str
    text: str
    about: str
    at: datetime
    new: bool
    ticket: int | None
    message_id: UUID | None = None
    article_text_id: UUID | None = None


async def make(
    uow: UnitOfWork,
    kind: str,
    persons: Iterable[UUID],
    *,
    ticket_id: UUID | None = None,
    message_id: UUID | None = None,
    article_text_id: UUID | None = None,
    actor_id: UUID | None = None,
    at: datetime | None = None,
) -> None:
    """Put a notice into the bell of each of these persons."""
    making = _MAKE_NEWEST if kind in REPEATED else _MAKE
    for person_id in sorted(set(persons)):
        values = {
            "new": new_id(),
            "person": person_id,
            "what": kind,
            "ticket": ticket_id,
            "message": message_id,
            "article": article_text_id,
            "actor": actor_id,
            "when": at or clock.now(),
        }
        await uow.session.execute(making, values)


_TABLE = Base.metadata.tables[Notice.__tablename__]
_MAKE = insert(_TABLE).values(
    id=bindparam("new"),
    person_id=bindparam("person"),
    kind=bindparam("what"),
    ticket_id=bindparam("ticket"),
    message_id=bindparam("message"),
    article_text_id=bindparam("article"),
    actor_id=bindparam("actor"),
    at=bindparam("when"),
)
_MAKE_NEWEST = _MAKE.add_cte(
    delete(_TABLE)
    .where(
        _TABLE.c.person_id == bindparam("person"),
        _TABLE.c.kind == bindparam("what"),
        _TABLE.c.ticket_id.is_not_distinct_from(bindparam("ticket")),
        _TABLE.c.article_text_id.is_not_distinct_from(bindparam("article")),
        _TABLE.c.read_at.is_(None),
    )
    .cte("older")
)


async def unread(session: AsyncSession, person_id: UUID) -> int:
    """How many notices are new, counted up to `MOST_COUNTED`."""
    rows = await session.scalars(
        select(Notice.id).where(Notice.person_id == person_id, Notice.read_at.is_(None)).limit(MOST_COUNTED)
    )
    return len(rows.all())


async def listed(
    uow: UnitOfWork, actor: Actor, *, before: UUID | None = None, after: UUID | None = None, most: int = 50
) -> Sequence[Shown]:
    """One's own notices, newest first, paged by id; those about tickets that one may no longer
    see are left out."""
    query = select(Notice).where(Notice.person_id == actor.id)
    if before is not None:
        query = query.where(Notice.id < before)
    if after is not None:
        newer = await uow.session.scalars(query.where(Notice.id > after).order_by(Notice.id).limit(most))
        notices = list(newer)[::-1]
    else:
        notices = list(await uow.session.scalars(query.order_by(Notice.id.desc()).limit(most)))
    return await _shown(uow, actor, notices)


async def read(uow: UnitOfWork, person_id: UUID, notice_id: UUID) -> Notice:
    """One notice was looked at; somebody else's is `NotFound`."""
    notice = await uow.session.get(Notice, notice_id)
    if notice is None or notice.person_id != person_id:
        raise NotFound(_("There is no such notice."))
    notice.read_at = notice.read_at or clock.now()
    return notice


async def read_all(uow: UnitOfWork, person_id: UUID, *, ticket_id: UUID | None = None) -> int:
    """All notices, or all about one ticket, were looked at; returns how many were new."""
    values = {"person": person_id, "now": clock.now()}
    if ticket_id is None:
        result = await uow.session.execute(_ALL_READ, values)
    else:
        result = await uow.session.execute(_READ_OF_TICKET, values | {"ticket": ticket_id})
    return int(getattr(result, "rowcount", 0) or 0)


_ALL_READ = (
    update(Notice)
    .where(Notice.person_id == bindparam("person"), Notice.read_at.is_(None))
    .values(read_at=bindparam("now"))
    .execution_options(synchronize_session=False)
)
_READ_OF_TICKET = _ALL_READ.where(Notice.ticket_id == bindparam("ticket"))


def set_preference(person: Person, kind: str, way: Way, on: bool) -> None:
    """Turn a kind of notice on or off for one way. Raises `Invalid` for what there is not."""
    if kind not in KINDS or way not in KINDS[kind].ways:
        raise Invalid(_("There is no such notice."), field="kind")
    notices = dict(person.preferences.get("notices", {}))
    notices[kind] = {**notices.get(kind, {}), way: on}
    person.preferences = {**person.preferences, "notices": notices}


async def _shown(uow: UnitOfWork, actor: Actor, notices: Sequence[Notice]) -> list[Shown]:
    subjects = await _subjects(uow, actor, {n.ticket_id for n in notices if n.ticket_id})
    titles = await _titles(uow, actor, {n.article_text_id for n in notices if n.article_text_id})
    known = await people.known(uow.session, uow, {n.actor_id for n in notices})
    return [
        _in_words(notice, subjects.get(notice.ticket_id) if notice.ticket_id else None, titles, known)
        for notice in notices
        if (notice.ticket_id is None or notice.ticket_id in subjects)
        and (notice.article_text_id is None or notice.article_text_id in titles)
    ]


async def _subjects(uow: UnitOfWork, actor: Actor, ids: set[UUID]) -> dict[UUID, tuple[int, str]]:
    """Number and subject of the tickets that the reader may see, by two queries."""
    if not ids:
        return {}
    rows = (
        await uow.session.execute(
            select(Ticket, Conversation)
            .join(Conversation, Conversation.id == Ticket.conversation_id)
            .where(Ticket.id.in_(ids), access.visible(actor))
        )
    ).all()
    owners = await uow.keys.of_persons(uow.session, {conversation.owner_id for _ticket, conversation in rows})
    found: dict[UUID, tuple[int, str]] = {}
    for ticket, conversation in rows:
        owner = owners.get(conversation.owner_id)
        key = uow.keys.open_data_key(owner, conversation.id, conversation.wrapped_key) if owner else b""
        found[ticket.id] = (ticket.number, access.subject_of(ticket, key))
    return found


async def _titles(uow: UnitOfWork, actor: Actor, ids: set[UUID]) -> dict[UUID, str]:
    """The titles of articles, for whoever writes them."""
    if not ids or not actor.may(Permission.write_articles):
        return {}
    rows = await uow.session.scalars(select(ArticleText).where(ArticleText.id.in_(ids)))
    return {row.id: row.shown_title for row in rows}


def _in_words(
    notice: Notice, ticket: tuple[int, str] | None, titles: dict[UUID, str], known: dict[UUID, Known]
) -> Shown:
    who = known[notice.actor_id].shown if notice.actor_id in known else ""
    about = _("#{number} {subject}").format(number=ticket[0], subject=ticket[1]) if ticket else ""
    if notice.article_text_id is not None:
        about = titles.get(notice.article_text_id, "")
    return Shown(
        id=notice.id,
        kind=notice.kind,
        text=_words(notice.kind, who),
        about=about,
        at=notice.at,
        new=notice.read_at is None,
        ticket=ticket[0] if ticket else None,
        message_id=notice.message_id,
        article_text_id=notice.article_text_id,
    )


def _words(kind: str, who: str) -> str:
    if who:
        match kind:
            case "assigned":
                return _("{name} assigned a ticket to you").format(name=who)
            case "mention":
                return _("{name} mentions you").format(name=who)
            case "reply":
                return _("{name} replied").format(name=who)
            case "team_ticket":
                return _("New ticket for your team from {name}").format(name=who)
            case "bad_rating":
                return _("{name} gave a bad rating").format(name=who)
            case "review_asked":
                return _("{name} asks for a review").format(name=who)
            case "article_published":
                return _("{name} published your article").format(name=who)
            case "article_returned":
                return _("{name} gave your article back").format(name=who)
            case "review_shared":
                return _("{name} shared a review with you").format(name=who)
            case "call_asked":
                return _("{name} asks for a call").format(name=who)
            case "call_invited":
                return _("{name} invites you to a call").format(name=who)
    match kind:
        case "assigned":
            return _("A ticket was assigned to you")
        case "mention":
            return _("You were mentioned")
        case "reply":
            return _("There is a reply")
        case "team_ticket":
            return _("New ticket for your team")
        case "offered":
            return _("A live chat waits for you")
        case "woken":
            return _("A snoozed ticket is back")
        case "undelivered":
            return _("A message could not be delivered")
        case "bad_rating":
            return _("There is a bad rating")
        case "review_shared":
            return _("A review was shared with you")
        case "call_asked":
            return _("A call is asked for")
        case "call_invited":
            return _("You are invited to a call")
        case "review_asked":
            return _("A review is asked for")
        case "article_published":
            return _("Your article was published")
        case "article_returned":
            return _("Your article was given back")
        case "call_soon":
            return _("A call of yours is about to begin")
        case "reported":
            return _("A message was reported")
        case "held":
            return _("Messages wait in quarantine")
        case "connection":
            return _("A connection or a desk room does not work any more")
        case _:
            return _("Something happened")
