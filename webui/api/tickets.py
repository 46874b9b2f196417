"""Tickets and their conversations over the API."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import orjson
from fastapi import Query, Request
from fastapi.responses import Response

from core import conditions
from core.access import Permission
from core.conditions import Condition
from core.conversations import service as conversations
from core.conversations.model import Message
from core.db import UnitOfWork
from core.errors import Conflict, Invalid
from core.i18n import _
from core.people import service as people
from core.people.model import Person
from core.tickets import access, fact_words, queries, timeline
from core.tickets import service as tickets
from core.tickets.access import Opened
from core.tickets.lines import FactLine
from core.tickets.model import Priority
from core.tickets.queries import Queue
from core.tickets.query_words import TICKET_FIELDS
from webui.api.door import ApiUow, api_router, needs, once
from webui.api.shapes import (
    AssignIn,
    LinkIn,
    MergeIn,
    MessageChange,
    MessageIn,
    MessageOut,
    MessagePage,
    NoteIn,
    RateIn,
    ReactionsIn,
    RequesterIn,
    ResolveIn,
    SnoozeIn,
    SplitIn,
    TicketChange,
    TicketFull,
    TicketIn,
    TicketPage,
    message_out,
    ticket_full,
    ticket_out,
)

router = api_router("tickets")
READ = [needs("tickets:read")]
WRITE = [needs("tickets:write")]


@router.get("/tickets", dependencies=READ)
async def list_tickets(
    uow: ApiUow,
    queue: Queue = Queue.all,
    sort: Annotated[str, Query(max_length=40)] = "-updated_at",
    after: Annotated[str | None, Query(max_length=200)] = None,
    before: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    where: Annotated[str, Query(max_length=4_000, description="A condition in JSON")] = "",
) -> TicketPage:
    """A page of a queue, or of what a condition describes."""
    wanted: Queue | Condition = _condition(where) if where else queue
    page = await queries.page(uow, uow.actor, wanted, sort, after=after, before=before, limit=limit)
    return TicketPage(items=[ticket_out(row) for row in page.rows], next=page.next, previous=page.previous)


@router.post("/tickets", status_code=201, dependencies=WRITE, response_model=TicketFull)
@once
async def open_ticket(request: Request, uow: ApiUow, body: TicketIn) -> TicketFull:
    """Open a ticket, for the token's own person or for someone else."""
    requester = await _requester(uow, body.requester)
    opened = await tickets.open_ticket(
        uow,
        uow.actor,
        requester,
        tickets.Request(
            text=body.text,
            subject=body.subject,
            category_id=body.category_id,
            priority=body.priority,
            fields=body.fields,
            channel="api",
            files=tuple(body.files),
        ),
    )
    await uow.session.flush()
    if body.tags:
        await tickets.tag(uow, uow.actor, opened.number, add=body.tags)
    return await _full(uow, opened.number)


@router.get("/tickets/{number}", dependencies=READ)
async def get_ticket(uow: ApiUow, number: int) -> TicketFull:
    return await _full(uow, number)


@router.patch("/tickets/{number}", dependencies=WRITE)
async def change_ticket(uow: ApiUow, number: int, body: TicketChange) -> TicketFull:
    """Change what is named; all of it or nothing."""
    if body.version is not None:
        opened = await access.change(uow, uow.actor, number)
        if opened.ticket.version != body.version:
            raise Conflict(_("Someone changed this in the meantime. Look again, then decide."))
    given = body.model_fields_set
    if body.subject is not None:
        await tickets.rename(uow, uow.actor, number, body.subject)
    if body.priority is not None:
        await _unless_so(uow, number, "priority", body.priority)
    if "category_id" in given:
        await _unless_so(uow, number, "category", body.category_id)
    if body.team_id is not None or body.assignee_id is not None:
        await _assign_unless_so(uow, number, body)
    if body.requester_id is not None:
        await tickets.change_requester(uow, uow.actor, number, body.requester_id)
    if body.add_tags or body.remove_tags:
        await tickets.tag(uow, uow.actor, number, add=body.add_tags, remove=body.remove_tags)
    if body.fields is not None:
        await tickets.set_fields(uow, uow.actor, number, body.fields)
    return await _full(uow, number)


@router.post("/tickets/{number}/claim", dependencies=WRITE, response_model=TicketFull)
@once
async def claim(request: Request, uow: ApiUow, number: int) -> TicketFull:
    return await _done(uow, await tickets.claim(uow, uow.actor, number))


@router.post("/tickets/{number}/release", dependencies=WRITE, response_model=TicketFull)
@once
async def release(request: Request, uow: ApiUow, number: int) -> TicketFull:
    return await _done(uow, await tickets.release(uow, uow.actor, number))


@router.post("/tickets/{number}/assign", dependencies=WRITE, response_model=TicketFull)
@once
async def assign(request: Request, uow: ApiUow, number: int, body: AssignIn) -> TicketFull:
    return await _done(
        uow, await tickets.assign(uow, uow.actor, number, to=body.assignee_id, team=body.team_id)
    )


@router.post("/tickets/{number}/wait", dependencies=WRITE, response_model=TicketFull)
@once
async def wait(request: Request, uow: ApiUow, number: int) -> TicketFull:
    """Wait for the requester; their reply wakes it."""
    return await _done(uow, await tickets.wait(uow, uow.actor, number))


@router.post("/tickets/{number}/snooze", dependencies=WRITE, response_model=TicketFull)
@once
async def snooze(request: Request, uow: ApiUow, number: int, body: SnoozeIn) -> TicketFull:
    if body.until.tzinfo is None:
        raise Invalid(_("A time needs its zone, such as 2026-11-01T09:00:00Z."), field="until")
    return await _done(uow, await tickets.snooze(uow, uow.actor, number, body.until))


@router.post("/tickets/{number}/wake", dependencies=WRITE, response_model=TicketFull)
@once
async def wake(request: Request, uow: ApiUow, number: int) -> TicketFull:
    return await _done(uow, await tickets.wake(uow, uow.actor, number))


@router.post("/tickets/{number}/resolve", dependencies=WRITE, response_model=TicketFull)
@once
async def resolve(request: Request, uow: ApiUow, number: int, body: ResolveIn) -> TicketFull:
    return await _done(uow, await tickets.resolve(uow, uow.actor, number, body.solution))


@router.post("/tickets/{number}/close", dependencies=WRITE, response_model=TicketFull)
@once
async def close(request: Request, uow: ApiUow, number: int) -> TicketFull:
    return await _done(uow, await tickets.close(uow, uow.actor, number))


@router.post("/tickets/{number}/reopen", dependencies=WRITE, response_model=TicketFull)
@once
async def reopen(request: Request, uow: ApiUow, number: int) -> TicketFull:
    return await _done(uow, await tickets.reopen(uow, uow.actor, number))


@router.post("/tickets/{number}/merge", dependencies=WRITE, response_model=TicketFull)
@once
async def merge(request: Request, uow: ApiUow, number: int, body: MergeIn) -> TicketFull:
    """The ticket goes into another one, which is returned."""
    return await _done(uow, await tickets.merge(uow, uow.actor, number, body.into))


@router.post("/tickets/{number}/split", status_code=201, dependencies=WRITE, response_model=TicketFull)
@once
async def split(request: Request, uow: ApiUow, number: int, body: SplitIn) -> TicketFull:
    """Messages become a ticket of their own, which is returned."""
    return await _done(uow, await tickets.split(uow, uow.actor, number, body.messages, body.subject))


@router.post("/tickets/{number}/links", dependencies=WRITE, response_model=TicketFull)
@once
async def link(request: Request, uow: ApiUow, number: int, body: LinkIn) -> TicketFull:
    return await _done(uow, await tickets.link(uow, uow.actor, number, body.to, body.kind))


@router.delete("/tickets/{number}/links/{to}", dependencies=WRITE)
async def unlink(uow: ApiUow, number: int, to: int) -> TicketFull:
    return await _done(uow, await tickets.unlink(uow, uow.actor, number, to))


@router.post("/tickets/{number}/follow", dependencies=WRITE, response_model=TicketFull)
@once
async def follow(request: Request, uow: ApiUow, number: int) -> TicketFull:
    return await _done(uow, await tickets.follow(uow, uow.actor, number))


@router.delete("/tickets/{number}/follow", dependencies=WRITE)
async def unfollow(uow: ApiUow, number: int) -> TicketFull:
    return await _done(uow, await tickets.unfollow(uow, uow.actor, number))


@router.post("/tickets/{number}/rating", dependencies=WRITE, response_model=TicketFull)
@once
async def rate(request: Request, uow: ApiUow, number: int, body: RateIn) -> TicketFull:
    """The requester's rating."""
    return await _done(uow, await tickets.rate(uow, uow.actor, number, body.score, body.comment))


@router.get("/tickets/{number}/messages", dependencies=READ)
async def list_messages(
    uow: ApiUow,
    number: int,
    before: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 100,
) -> MessagePage:
    """The timeline: what was said, noted and done, as the asker may see it."""
    opened = await access.get(uow, uow.actor, number)
    found = await timeline.timeline(uow, uow.actor, opened, before=before, limit=limit)
    items = [
        message_out(line, fact_words.sentence(line) if isinstance(line, FactLine) else None)
        for line in found.lines
    ]
    return MessagePage(items=items, before=found.before if found.has_older else None)


@router.post("/tickets/{number}/messages", status_code=201, dependencies=WRITE, response_model=MessageOut)
@once
async def say(request: Request, uow: ApiUow, number: int, body: MessageIn) -> MessageOut:
    """Answer the requester; the requester's own token speaks for the requester."""
    opened = await access.change(uow, uow.actor, number)
    if uow.actor.may(Permission.reply):
        opened, message = await tickets.reply(
            uow, uow.actor, number, body.text, files=body.files, via="api", hold=body.hold, message_id=body.id
        )
    else:
        person = await people.get(uow, uow.actor.id or UUID(int=0))
        before = await tickets.said_before(uow, uow.actor, body.id)
        if before is not None:
            message = before
        else:
            saying = conversations.Saying(
                text=body.text, via="api", files=body.files, id=body.id, language=opened.ticket.language,
                filed_under=opened.subject,
            )  # fmt: skip
            opened, message = await tickets.hear(uow, opened, uow.actor, saying, person)
    await uow.session.flush()
    return message_out(await timeline.line(uow, uow.actor, opened, message.id))


@router.post("/tickets/{number}/notes", status_code=201, dependencies=WRITE, response_model=MessageOut)
@once
async def note(request: Request, uow: ApiUow, number: int, body: NoteIn) -> MessageOut:
    """An internal note, for staff only."""
    opened, message = await tickets.note(
        uow,
        uow.actor,
        number,
        body.text,
        files=body.files,
        mentions=body.mentions,
        via="api",
        message_id=body.id,
    )
    await uow.session.flush()
    return message_out(await timeline.line(uow, uow.actor, opened, message.id))


@router.patch("/tickets/{number}/messages/{message_id}", dependencies=WRITE)
async def edit_message(uow: ApiUow, number: int, message_id: UUID, body: MessageChange) -> MessageOut:
    opened, own, message = await _message(uow, number, message_id)
    await tickets.edit_message(uow, uow.actor, own, message, body.text)
    await uow.session.flush()
    return message_out(await timeline.line(uow, uow.actor, opened, message_id))


@router.delete("/tickets/{number}/messages/{message_id}", status_code=204, dependencies=WRITE)
async def delete_message(uow: ApiUow, number: int, message_id: UUID) -> Response:
    _opened, own, message = await _message(uow, number, message_id)
    await conversations.delete(uow, own.thread, uow.actor, message)
    return Response(status_code=204)


@router.put("/tickets/{number}/messages/{message_id}/reactions", dependencies=WRITE)
async def react(uow: ApiUow, number: int, message_id: UUID, body: ReactionsIn) -> MessageOut:
    """Set one's own reactions on a message, as a whole."""
    opened, own, message = await _message(uow, number, message_id)
    await conversations.react(uow, own.thread, uow.actor, message, body.emoji)
    await uow.session.flush()
    return message_out(await timeline.line(uow, uow.actor, opened, message_id))


async def _message(uow: UnitOfWork, number: int, message_id: UUID) -> tuple[Opened, Opened, Message]:
    """The ticket, and a message that the asker reads in it with its own conversation, locked."""
    opened = await access.change(uow, uow.actor, number)
    message = await tickets.message_in(uow, opened, message_id)
    await timeline.line(uow, uow.actor, opened, message_id)
    return opened, await access.by_message(uow, uow.actor, message, lock=True), message


async def _full(uow: UnitOfWork, number: int) -> TicketFull:
    await uow.session.flush()
    opened = await access.get(uow, uow.actor, number)
    row = await queries.row(uow, uow.actor, number)
    if row is None:
        raise access.missing(number)
    return ticket_full(row, opened)


async def _done(uow: UnitOfWork, opened: Opened) -> TicketFull:
    return await _full(uow, opened.number)


async def _requester(uow: UnitOfWork, given: RequesterIn | None) -> Person:
    if given is None:
        return await people.get(uow, uow.actor.id or UUID(int=0))
    uow.actor.require(Permission.change_people)
    if given.id is not None:
        return await people.get(uow, given.id)
    if not given.email:
        raise Invalid(_("Say who asks: an id or an e-mail address."), field="requester")
    address = people.checked_email(given.email)
    found = await people.by_email(uow, address) or await people.by_email(uow, address, verified=False)
    return found or await people.add(uow, name=given.name, email=address, platform="api")


async def _unless_so(uow: UnitOfWork, number: int, what: str, value: Priority | UUID | None) -> None:
    """A PATCH may name what is so already: that is no mistake."""
    opened = await access.change(uow, uow.actor, number)
    if isinstance(value, Priority):
        if opened.ticket.priority != value:
            await tickets.prioritise(uow, uow.actor, number, value)
    elif opened.ticket.category_id != value:
        await tickets.categorise(uow, uow.actor, number, value)


async def _assign_unless_so(uow: UnitOfWork, number: int, body: TicketChange) -> None:
    ticket = (await access.change(uow, uow.actor, number)).ticket
    if body.assignee_id in (None, ticket.assignee_id) and body.team_id in (None, ticket.team_id):
        return
    await tickets.assign(uow, uow.actor, number, to=body.assignee_id, team=body.team_id)


def _condition(where: str) -> Condition:
    try:
        raw = orjson.loads(where)
    except orjson.JSONDecodeError:
        raise Invalid(_("The condition is not JSON."), field="where") from None
    return conditions.parse(raw, TICKET_FIELDS)
