"""The only functions that hand out a ticket. What one may not see is `NotFound`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Uuid, and_, bindparam, exists, false, func, or_, select, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from core.access import Actor, Permission
from core.conversations.model import Conversation, Message
from core.conversations.service import Thread
from core.crypto.fields import Unreadable, unseal_json, unseal_text
from core.crypto.keys import Keys
from core.db import UnitOfWork
from core.errors import NotFound
from core.i18n import _
from core.people.model import Organisation
from core.tickets.model import Participant, Ticket

LARGEST_NUMBER = 2**62
_Sight = Literal["all", "none", "own", "teams", "organisation"]
_By = Literal["number", "id", "link", "conversation"]


@dataclass(slots=True)
class Opened:
    """A ticket with its conversation and the key to both; `key` is empty for an erased requester.

    `ticket_key` differs from it where `thread` was merged into the ticket (see `by_message`)."""

    ticket: Ticket
    thread: Thread
    merged_key: bytes | None = None

    @property
    def key(self) -> bytes:
        return self.thread.key

    @property
    def ticket_key(self) -> bytes:
        return self.key if self.merged_key is None else self.merged_key

    @property
    def number(self) -> int:
        return self.ticket.number

    @property
    def subject(self) -> str:
        return subject_of(self.ticket, self.ticket_key)

    @property
    def solution(self) -> str:
        if self.ticket.solution is None or not self.ticket_key:
            return ""
        return unseal_text(self.ticket_key, self.ticket.solution, "ticket.solution", self.ticket.id)

    @property
    def fields(self) -> dict[str, object]:
        if self.ticket.fields is None or not self.ticket_key:
            return {}
        value = unseal_json(self.ticket_key, self.ticket.fields, "ticket.fields", self.ticket.id)
        return value if isinstance(value, dict) else {}


def subject_of(ticket: Ticket, key: bytes) -> str:
    if ticket.subject is None:
        return _("(no subject)")
    if not key:
        return _("(erased)")
    try:
        return unseal_text(key, ticket.subject, "ticket.subject", ticket.id)
    except Unreadable:
        return _("(erased)")


def visible(actor: Actor) -> ColumnElement[bool]:
    """Which tickets an actor may see, as a condition of a query. A mark of what one has read is
    no right to read on: who left a team, or an organisation that shares, sees no more."""
    sight = _sight(actor)
    values = _values(sight, actor)
    bound = {name: bindparam(None, value, type_=_TYPES[name]) for name, value in values.items()}
    return _visible(sight, bound)


async def get(uow: UnitOfWork, actor: Actor, number: int) -> Opened:
    """A ticket to look at."""
    return await _load(uow, actor, "number", _checked(number))


async def change(uow: UnitOfWork, actor: Actor, number: int) -> Opened:
    """A ticket to change: its conversation and itself are locked until the commit."""
    return await _load(uow, actor, "number", _checked(number), lock=True)


async def change_two(uow: UnitOfWork, actor: Actor, one: int, other: int) -> tuple[Opened, Opened]:
    """Two tickets to change, locked in order of their numbers, so that two such units never
    wait for each other."""
    first, second = sorted((_checked(one), _checked(other)))
    loaded = {first: await change(uow, actor, first), second: await change(uow, actor, second)}
    return loaded[one], loaded[other]


async def by_id(uow: UnitOfWork, actor: Actor, ticket_id: UUID, *, lock: bool = False) -> Opened:
    return await _load(uow, actor, "id", ticket_id, lock=lock)


async def by_link(uow: UnitOfWork, actor: Actor, link: str, *, lock: bool = False) -> Opened:
    return await _load(uow, actor, "link", link[:80], lock=lock)


async def by_conversation(
    uow: UnitOfWork, actor: Actor, conversation_id: UUID, *, lock: bool = False
) -> Opened:
    return await _load(uow, actor, "conversation", conversation_id, lock=lock)


async def by_message(uow: UnitOfWork, actor: Actor, message: Message, *, lock: bool = False) -> Opened:
    """The ticket in whose timeline a message stands, with the key of the message's own
    conversation (which differs from the ticket's after a merge)."""
    conversation = await uow.session.get(Conversation, message.conversation_id)
    assert conversation is not None
    opened = await by_conversation(uow, actor, conversation.root_id or conversation.id, lock=lock)
    if conversation.root_id is not None:
        if lock:
            # Its sequence may have moved on before the root's lock was ours.
            await uow.session.refresh(conversation, with_for_update=True)
        key = await thread_key(uow.session, uow.keys, conversation)
        return Opened(opened.ticket, Thread(conversation, key), opened.key)
    return opened


def missing(number: object = None) -> NotFound:
    if number is None:
        return NotFound(_("There is no such ticket."))
    return NotFound(_("There is no ticket {number}.").format(number=str(number)[:20]))


async def _load(uow: UnitOfWork, actor: Actor, by: _By, which: object, *, lock: bool = False) -> Opened:
    if lock:
        # The session may hold the rows from an earlier look: what is locked must be fresh, and
        # what an earlier verb of this unit changed must not be overwritten by it.
        await uow.session.flush()
    sight = _sight(actor)
    values = {"which": which} | _values(sight, actor)
    row = (await uow.session.execute(_loading(by, sight, lock), values)).one_or_none()
    if row is None:
        raise missing(which if by == "number" else None)
    ticket, conversation = row
    return Opened(ticket, Thread(conversation, await thread_key(uow.session, uow.keys, conversation)))


@lru_cache
def _loading(by: _By, sight: _Sight, lock: bool) -> Select[Ticket, Conversation]:
    """Built once: every look at a ticket begins with it."""
    column = {
        "number": Ticket.number,
        "id": Ticket.id,
        "link": Ticket.link,
        "conversation": Ticket.conversation_id,
    }[by]
    bound = {name: bindparam(name, type_=type_) for name, type_ in _TYPES.items()}
    query = (
        select(Ticket, Conversation)
        .join(Conversation, Conversation.id == Ticket.conversation_id)
        .where(column == bindparam("which"), _visible(sight, bound))
    )
    if lock:
        query = query.with_for_update(of=(Conversation, Ticket)).execution_options(populate_existing=True)
    return query


_TYPES: dict[str, Any] = {"me": Uuid(), "teams": ARRAY(Uuid()), "organisation": Uuid()}


def _sight(actor: Actor) -> _Sight:
    if actor.may(Permission.see_all_tickets):
        return "all"
    if actor.id is None:
        return "none"
    if actor.may(Permission.see_team_tickets):
        return "teams"
    return "own" if actor.organisation is None else "organisation"


def _values(sight: _Sight, actor: Actor) -> dict[str, Any]:
    """What the condition is about: only what the actor's sight asks for."""
    match sight:
        case "all" | "none":
            return {}
        case "teams":
            return {"me": actor.id, "teams": list(actor.teams)}
        case "organisation":
            return {"me": actor.id, "organisation": actor.organisation}
    return {"me": actor.id}


def _visible(sight: _Sight, bound: dict[str, Any]) -> ColumnElement[bool]:
    if sight == "all":
        return true()
    if sight == "none":
        return false()
    mine = or_(
        Ticket.requester_id == bound["me"],
        Ticket.assignee_id == bound["me"],
        exists().where(
            Participant.ticket_id == Ticket.id,
            Participant.person_id == bound["me"],
            Participant.kind != "reader",
        ),
    )
    if sight == "teams":
        return or_(mine, Ticket.team_id.is_(None), Ticket.team_id == func.any(bound["teams"]))
    if sight == "organisation":
        shared = and_(
            Ticket.organisation_id == bound["organisation"],
            exists().where(Organisation.id == bound["organisation"], Organisation.members_see_all),
        )
        return or_(mine, shared)
    return mine


async def thread_key(session: AsyncSession, keys: Keys, conversation: Conversation) -> bytes:
    """The data key of a conversation; empty when its owner was erased."""
    owners = await keys.of_persons(session, (conversation.owner_id,))
    owner_key = owners.get(conversation.owner_id)
    if owner_key is None:
        return b""
    return keys.open_data_key(owner_key, conversation.id, conversation.wrapped_key)


def _checked(number: int) -> int:
    if not 0 < number < LARGEST_NUMBER:
        raise missing(number)
    return number
