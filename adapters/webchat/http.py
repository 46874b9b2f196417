"""The web chat over HTTP: the page, the widget, and the small API that both stand on.

A visitor proves who they are by `Authorization: Bearer`, never by a cookie: cookies of third
parties do not work in frames, and no other site can make a browser send the header.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from functools import wraps
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit
from uuid import UUID

import orjson
import structlog
from sse_starlette import EventSourceResponse
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Mount, Route, Router

from adapters.webchat import inbound, pages, render, timeline, tokens
from adapters.webchat.inbound import decoded, string
from adapters.webchat.tokens import Visitor
from core import chat_secret, clock, guard, inbox, metrics, patience
from core.calendar import parse_calendar
from core.chat import Answer, Card, Inbound, Place
from core.conversations import attachments
from core.conversations.events import ConversationRead
from core.conversations.model import Attachment, Conversation, Message
from core.db import UnitOfWork
from core.errors import DeskError, Forbidden, Invalid, NotFound, TooLarge, TooMany, Unavailable
from core.files.sniff import may_show
from core.guard import Visit
from core.i18n import _, set_language
from core.outage import MAY_BE_AWAY, is_outage
from core.outbox_model import Delivery
from core.patience import patiently
from core.people import service as people
from core.people.model import Person
from core.text import MOST_CHARACTERS
from core.tickets import access, waiting
from core.tickets import service as tickets

if TYPE_CHECKING:
    from adapters.webchat.adapter import WebChat

log = structlog.get_logger("webchat")

MOST_BODY = 700_000
"""Bytes of a JSON body: the longest message, each letter escaped, and room for the rest."""
STREAM_SECONDS = 600.0
PING_SECONDS = 15
USUAL_FOR = 60.0

Endpoint = Callable[[Request], Awaitable[Response]]


def make_app(chat: WebChat) -> Router:
    """The ASGI app that the composition root mounts at /chat/webchat."""
    api = _Api(chat)
    thread = "/conversations/{thread}"
    message = thread + "/messages/{native}"
    return Router(
        [
            Route("/", _answering(api.page), methods=["GET"]),
            Route("/widget.js", _answering(pages.widget), methods=["GET"]),
            Route("/accent.css", _answering(api.accent), methods=["GET"]),
            Mount("/static", pages.StaticFiles()),
            Route("/session", _answering(api.session), methods=["POST"]),
            Route("/events", _answering(api.events), methods=["GET"]),
            Route("/conversations", _answering(api.in_turn(api.listed)), methods=["GET"]),
            Route(thread + "/messages", _answering(api.in_turn(api.read)), methods=["GET"]),
            Route(thread + "/messages", _answering(api.say), methods=["POST"]),
            Route(message, _answering(api.in_turn(api.edit)), methods=["PUT"]),
            Route(message, _answering(api.in_turn(api.delete)), methods=["DELETE"]),
            Route(message + "/reactions", _answering(api.in_turn(api.react)), methods=["PUT"]),
            Route(thread + "/typing", _answering(api.typing), methods=["POST"]),
            Route(thread + "/read", _answering(api.in_turn(api.mark_read)), methods=["POST"]),
            Route(thread + "/rating", _answering(api.in_turn(api.rate)), methods=["POST"]),
            Route(thread + "/end", _answering(api.in_turn(api.end)), methods=["POST"]),
            Route(thread + "/pressed", _answering(api.in_turn(api.press)), methods=["POST"]),
            Route(thread + "/submitted", _answering(api.in_turn(api.submit)), methods=["POST"]),
            Route(thread + "/transcript", _answering(api.in_turn(api.transcript)), methods=["POST"]),
            Route("/files", _answering(api.upload), methods=["POST"]),
            Route("/files/{id}", _answering(api.file), methods=["GET"]),
            Route("/contact", _answering(api.in_turn(api.contact)), methods=["POST"]),
            Route("/leave", _answering(api.leave), methods=["POST"]),
            Route("/back", _answering(api.back), methods=["POST"]),
        ]
    )


class _Api:
    """The endpoints of one adapter."""

    def __init__(self, chat: WebChat) -> None:
        self.chat = chat
        self.desk = chat.desk
        self._usual: tuple[float, int] = (-USUAL_FOR, 0)

    @property
    def _key(self) -> bytes:
        return self.desk.means.keys.signing

    def in_turn(self, endpoint: Endpoint) -> Endpoint:
        """One request of a visitor at a time: nobody's burst takes the database from others."""

        @wraps(endpoint)
        async def waited(request: Request) -> Response:
            visitor = self._visitor(request)
            async with self.chat.guard.turn(visitor.id, _address(request)):
                return await endpoint(request)

        return waited

    # --- page

    async def page(self, request: Request) -> Response:
        return pages.page(self.desk.means.settings, request)

    async def accent(self, request: Request) -> Response:
        return pages.accent(request)

    # --- who

    async def session(self, request: Request) -> Response:
        """Who the visitor is from now on: the one of the token, the one the host site vouches
        for, or a new one; with what the page must know of the desk."""
        self._ours(request)
        body = decoded(await _body(request))
        visitor = await self._recognised(body)
        settings = self.desk.means.settings
        now = clock.seconds()
        async with self.desk.unit() as uow:
            listed = await timeline.listed(uow, visitor)
            person = await timeline.person_of(uow, visitor)
            known = await people.know(uow, person) if person is not None else None
        return _json(
            {
                "token": tokens.issue(self._key, visitor),
                "visitor": visitor.id,
                "vouched": visitor.vouched,
                "form": tokens.new_form(self._key, visitor.id, now),
                "name": known.name if known else "",
                "email": known.email if known else "",
                "conversations": listed,
                "desk": {
                    "name": settings.name,
                    "usual": await self._usual_answer(),
                    "largest_file": settings.attachment_mb * 1024 * 1024,
                    "most_files": attachments.MOST_FILES,
                    **_hours(settings.hours),
                },
            }
        )

    async def listed(self, request: Request) -> Response:
        visitor = self._visitor(request)
        async with self.desk.unit() as uow:
            return _json({"conversations": await timeline.listed(uow, visitor)})

    # --- talk

    async def read(self, request: Request) -> Response:
        visitor = self._visitor(request)
        query = request.query_params
        async with self.desk.unit() as uow:
            try:
                shown = await timeline.show(uow, visitor, request.path_params["thread"])
            except NotFound:
                # Nothing was said there yet, or it is another's: nobody can tell which.
                return _json(timeline.nothing())
            found = await timeline.read(uow, shown, query.get("after", ""), query.get("before", ""))
            conversation = str(shown.opened.thread.id)
        self.chat.hub.watch(visitor.id, conversation, shown.thread)
        return _json(found)

    async def say(self, request: Request) -> Response:
        """A message. The page made its id: the same again gives the same answer."""
        visitor = self._visitor(request)
        self.chat.guard.admit(self.desk.means.settings, visitor.id, _address(request))
        body = decoded(await _body(request))
        thread = tokens.checked_thread(request.path_params["thread"])
        said = inbound.said(visitor, thread, body, clock.now(), _language(request), _zone(request))
        visit = Visit(
            self.chat.guard,
            form_age=tokens.form_age(self._key, string(body, "form", 200), visitor.id, clock.seconds()),
            trapped=bool(string(body, "website", 500)),
            vouched=visitor.vouched,
        )
        async with self.chat.guard.turn(visitor.id, _address(request)):
            with guard.visiting(visit):
                answer = await self.chat.deliver(said)
            return _json(await self._said(visitor, thread, said, answer))

    async def edit(self, request: Request) -> Response:
        visitor = self._visitor(request)
        self.chat.guard.admit(self.desk.means.settings, visitor.id, _address(request))
        body = decoded(await _body(request))
        thread, native = self._message(request)
        edited = inbound.edited(visitor, thread, native, body, clock.now())
        with guard.visiting(Visit(self.chat.guard, vouched=visitor.vouched)):
            answer = await self.chat.deliver(edited)
        return _json(_cards(answer) | {"state": "held" if answer.cards else "sent"})

    async def delete(self, request: Request) -> Response:
        visitor = self._visitor(request)
        thread, native = self._message(request)
        await self.chat.deliver(inbound.deleted(visitor, thread, native, clock.now()))
        return _json({"state": "deleted"})

    async def react(self, request: Request) -> Response:
        visitor = self._visitor(request)
        self.chat.guard.admit(self.desk.means.settings, visitor.id, _address(request))
        body = decoded(await _body(request))
        thread, native = self._message(request)
        await self.chat.deliver(inbound.reacted(visitor, thread, native, body, clock.now()))
        return _json({"state": "set"})

    async def typing(self, request: Request) -> Response:
        visitor = self._visitor(request)
        thread = tokens.checked_thread(request.path_params["thread"])
        body = decoded(await _body(request))
        await self.chat.deliver(inbound.typing(visitor, thread, body, clock.now()))
        return Response(status_code=204)

    async def press(self, request: Request) -> Response:
        visitor = self._visitor(request)
        self.chat.guard.admit(self.desk.means.settings, visitor.id, _address(request))
        thread = tokens.checked_thread(request.path_params["thread"])
        body = decoded(await _body(request))
        answer = await self.chat.deliver(
            inbound.pressed(visitor, thread, body, clock.now(), _language(request))
        )
        return _json(_cards(answer))

    async def submit(self, request: Request) -> Response:
        visitor = self._visitor(request)
        self.chat.guard.admit(self.desk.means.settings, visitor.id, _address(request))
        thread = tokens.checked_thread(request.path_params["thread"])
        body = decoded(await _body(request))
        answer = await self.chat.deliver(
            inbound.submitted(visitor, thread, body, clock.now(), _language(request))
        )
        return _json(_cards(answer))

    # --- what one does with a conversation

    async def mark_read(self, request: Request) -> Response:
        visitor = self._visitor(request)
        body = decoded(await _body(request))
        upto = body.get("upto")
        if not isinstance(upto, int) or isinstance(upto, bool) or not 0 <= upto < 2**62:
            raise Invalid(_("A number is expected here."), field="upto")
        async with self.desk.unit() as uow:
            shown = await timeline.show(uow, visitor, request.path_params["thread"])
            if await tickets.mark_read(uow, shown.opened, shown.person.id, upto):
                uow.emit(
                    ConversationRead(subject=shown.opened.thread.id, upto=upto, side="requester"),
                    conversation=shown.opened.thread.id,
                    actor=shown.actor,
                )
        return Response(status_code=204)

    async def rate(self, request: Request) -> Response:
        visitor = self._visitor(request)
        self.chat.guard.admit(self.desk.means.settings, visitor.id, _address(request))
        body = decoded(await _body(request))
        score = body.get("score")
        if not isinstance(score, int) or isinstance(score, bool):
            raise Invalid(_("A rating is a number from 1 to 5."), field="score")
        async with self.desk.unit() as uow:
            shown = await timeline.show(uow, visitor, request.path_params["thread"])
            comment = string(body, "comment", 4_000)
            await tickets.rate(uow, shown.actor, shown.opened.number, score, comment)
        return _json({"rating": score})

    async def end(self, request: Request) -> Response:
        """The visitor says that it is done."""
        visitor = self._visitor(request)
        async with self.desk.unit() as uow:
            shown = await timeline.show(uow, visitor, request.path_params["thread"])
            if shown.opened.ticket.live or shown.opened.ticket.closed_at is None:
                await tickets.close(uow, shown.actor, shown.opened.number, reason="requester")
        return _json({"state": "closed"})

    async def transcript(self, request: Request) -> Response:
        """The conversation by e-mail, to the visitor's own address: a delivery to the place
        `mail` with the card `transcript`, which the mailing makes when it is sent. To an address
        that is not proved nothing goes before the desk has answered; then the page says so."""
        visitor = self._visitor(request)
        body = decoded(await _body(request))
        self.chat.guard.admit_rarely("transcript", visitor.id, _address(request), 4)
        async with self.desk.unit() as uow:
            shown = await timeline.show(uow, visitor, request.path_params["thread"])
            if email := string(body, "email", 254):
                known = await people.know(uow, shown.person)
                await people.tell(uow, shown.person, name=known.name, email=email)
            address = (await people.know(uow, shown.person)).email
            if not address:
                raise Invalid(_("This does not look like an e-mail address."), field="email")
            if shown.opened.ticket.first_answer_at is None and shown.person.email_verified_at is None:
                return _json({"email": address, "sent": False})
            uow.session.add(
                Delivery(
                    kind="mail",
                    place_key=Place("mail", "main", str(shown.person.id)).key,
                    conversation_id=shown.opened.thread.id,
                    person_id=shown.person.id,
                    card="transcript",
                    args={"ticket": shown.opened.number},
                )
            )
        self.desk.wake.set()
        return _json({"email": address, "sent": True})

    # --- files

    async def upload(self, request: Request) -> Response:
        """A file as the body itself, its name in X-File-Name (percent-encoded UTF-8)."""
        visitor = self._visitor(request)
        self.chat.guard.admit_upload(visitor.id, _address(request))
        limit = self.desk.means.settings.attachment_mb * 1024 * 1024
        if _length(request) > limit:
            raise TooLarge(
                _("This file is too large: at most {most} MB.").format(
                    most=self.desk.means.settings.attachment_mb
                ),
                field="file",
            )
        name = unquote(request.headers.get("x-file-name", ""), errors="replace")[:1_000]
        async with self.desk.unit() as uow:
            person = await self._person(uow, visitor, request)
            person_id = person.id
        # A unit of its own: it asks the database for a connection only once the bytes are here.
        chunks = patiently(request.stream(), patience.UPLOAD_SECONDS)
        async with self.desk.unit() as uow:
            row = await attachments.upload(uow, person_id, name, chunks)
            key = await uow.keys.of_person(uow.session, person_id)
            shown = attachments.opened(row, key)
        self.chat.guard.count_upload(visitor.id, _address(request), row.size)
        return _json(
            {
                "id": str(row.id),
                "name": shown.name,
                "size": row.size,
                "mime": row.mime,
                "kind": row.kind,
                "inline": may_show(row.mime),
            }
        )

    async def file(self, request: Request) -> Response:
        """A file's bytes, by a signed address. Nothing of it can run: a sandbox without
        origin, and a download unless it is a picture or sound."""
        file_id = _uuid(request.path_params["id"])
        query = request.query_params
        visitor, day = query.get("visitor", ""), query.get("day", "")
        today = int(clock.seconds()) // 86_400
        fresh = _is_number(day) and len(day) < 9 and today - 1 <= int(day) <= today
        expected = tokens.file_key(self._key, str(file_id), visitor, int(day) if fresh else 0)
        if not fresh or not tokens.same(query.get("key", ""), expected):
            raise NotFound(_("There is no such file."))
        async with self.desk.unit() as uow:
            opened = await self._file(uow, file_id)
        thumb = "thumb" in query
        mime = "image/webp" if thumb else opened.row.mime
        store = self.desk.means.files
        content = opened.read_thumb(store) if thumb else opened.read(store)
        response = StreamingResponse(content, media_type=mime)
        pages.protect_file(response, opened.name, inline=thumb or may_show(mime))
        if not thumb:
            response.headers["content-length"] = str(opened.row.size)
        return response

    # --- presence and contact

    async def contact(self, request: Request) -> Response:
        """A name and an address, to be answered later."""
        visitor = self._visitor(request)
        body = decoded(await _body(request))
        self.chat.guard.admit_rarely("contact", visitor.id, _address(request), 20)
        async with self.desk.unit() as uow:
            person = await self._person(uow, visitor, request)
            await people.tell(
                uow, person, name=string(body, "name", 1_000), email=string(body, "email", 1_000)
            )
            known = await people.know(uow, person)
        return _json({"name": known.name, "email": known.email})

    async def leave(self, request: Request) -> Response:
        self.chat.hub.leaves(self._visitor(request), min(3.0, self.chat.settings.left_after))
        return Response(status_code=204)

    async def back(self, request: Request) -> Response:
        self.chat.hub.came(self._visitor(request))
        return Response(status_code=204)

    async def events(self, request: Request) -> Response:
        visitor = self._visitor(request)
        async with self.desk.unit() as uow:
            watched = await timeline.conversations_of(uow, visitor)
        return EventSourceResponse(
            self._stream(visitor, watched),
            ping=PING_SECONDS,
            headers={"cache-control": "no-store", "x-accel-buffering": "no"},
        )

    async def _stream(self, visitor: Visitor, watched: dict[str, str]) -> AsyncIterator[dict[str, str]]:
        ends = time.monotonic() + STREAM_SECONDS
        try:
            with metrics.live_pages.track_inprogress(), self.chat.hub.page(visitor, watched) as page:
                yield {"event": "ready", "data": "{}"}
                while (left := ends - time.monotonic()) > 0:
                    try:
                        async with asyncio.timeout(left):
                            told = await page.told()
                    except TimeoutError:
                        return
                    for what in told:
                        yield {"event": str(what["type"]), "data": orjson.dumps(what).decode()}
        except TooMany as error:
            yield {"event": "refused", "data": orjson.dumps({"detail": error.words}).decode()}

    # --- shared steps

    def _visitor(self, request: Request) -> Visitor:
        self._ours(request)
        kind, _space, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer":
            token = ""
        return tokens.read(self._key, token, clock.seconds())

    def _ours(self, request: Request) -> None:
        """Refuse what another site's page sends. The page itself is of our origin, framed or not."""
        set_language(_language(request))
        origin = request.headers.get("origin")
        hosts = {request.headers.get("host", ""), self.chat.settings.public_host} - {""}
        if origin is not None and urlsplit(origin).netloc not in hosts:
            raise Forbidden(_("This address may not use the chat."))

    async def _recognised(self, body: dict[str, Any]) -> Visitor:
        if claim := string(body, "vouched", 4_000):
            return await self._vouched(claim)
        if token := string(body, "token", 2_000):
            try:
                return tokens.read(self._key, token, clock.seconds())
            except tokens.NoVisitor:
                pass
        return tokens.new_visitor()

    async def _vouched(self, claim: str) -> Visitor:
        """A visitor of the host site: known from now on by the name and address it tells."""
        async with self.desk.unit() as uow:
            secret = await chat_secret.read(uow.session, uow.keys)
            if secret is None:
                raise Invalid(_("This sign-in from the host site is not valid."), field="vouched")
            claims = tokens.check_claims(claim, secret, self.chat.settings.public_host)
            visitor = tokens.vouched_visitor(self._key, claims, clock.seconds())
            person = await people.recognise(uow, visitor.sender(""), tokens.PLATFORM, tokens.INSTALLATION)
            known = await people.know(uow, person)
            await people.tell(
                uow,
                person,
                name=claims.name or known.name,
                email=people.email_or_nothing(claims.email) or known.email,
            )
        return visitor

    async def _person(self, uow: UnitOfWork, visitor: Visitor, request: Request) -> Person:
        person = await people.recognise(
            uow, visitor.sender(_language(request), _zone(request)), tokens.PLATFORM, tokens.INSTALLATION
        )
        if person.blocked_at is not None or not person.active:
            raise Forbidden(
                _("You cannot write here any more. If this is a mistake, please use another way to reach us.")
            )
        return person

    def _message(self, request: Request) -> tuple[str, str]:
        return tokens.checked_thread(request.path_params["thread"]), request.path_params["native"]

    async def _said(self, visitor: Visitor, thread: str, said: Inbound, answer: Answer) -> dict[str, Any]:
        """The answer to a message: from what was kept, so that a repeat gets the same."""
        if answer.message_id:
            async with self.desk.unit() as uow:
                item = await timeline.own_item(uow, visitor, thread, UUID(answer.message_id))
            if item is None or self.chat.hub.watch(visitor.id, item["part"], thread):
                # Its own event came before the page could be told where to look.
                self.chat.hub.push(visitor.id, {"type": "changed", "thread": thread})
            cards = _cards(answer)["cards"]
            return {"state": "sent", "message": answer.message_id, "cards": cards, "item": item}
        async with self.desk.db.sessions() as session:
            row = await inbox.find(session, self.desk.means.keys, said)
        state = row.state if row is not None else "done"
        if row is not None and row.result == "discarded":
            return {"state": "discarded", "message": "", "cards": []}
        if state == "held":
            return {"state": "held", "message": "", "cards": [render.card(guard.held_card())]}
        if state in ("received", "parked"):
            later = Card(text=_("We have your message; it takes a moment longer than usual."))
            return {"state": "received", "message": "", "cards": [render.card(later)]}
        return {"state": "sent", "message": "", "cards": _cards(answer)["cards"]}

    async def _file(self, uow: UnitOfWork, file_id: UUID) -> attachments.OpenFile:
        """An attachment of a message that still stands."""
        row = await uow.session.get(Attachment, file_id)
        message = await uow.session.get(Message, row.message_id) if row and row.message_id else None
        if row is None or message is None or message.hidden_at or message.deleted_at or row.deleted_at:
            raise NotFound(_("There is no such file."))
        conversation = await uow.session.get(Conversation, message.conversation_id)
        assert conversation is not None
        key = await access.thread_key(uow.session, uow.keys, conversation)
        if not key:
            raise NotFound(_("This file can no longer be read."))
        return attachments.opened(row, key)

    async def _usual_answer(self) -> int:
        """Seconds to the first answer, as measured; 0 when not known. Asked once a minute."""
        since, seconds = self._usual
        if time.monotonic() - since < USUAL_FOR:
            return seconds
        async with self.desk.db.sessions() as session:
            found = await waiting.usual_answer(session, tokens.PLATFORM)
        seconds = int(found.total_seconds()) if found is not None else 0
        self._usual = (time.monotonic(), seconds)
        return seconds


def _answering(endpoint: Endpoint) -> Endpoint:
    """Errors of ours become a problem in JSON (RFC 9457), with words for the visitor."""

    @wraps(endpoint)
    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except DeskError as error:
            return _problem(error)
        except ClientDisconnect:
            return Response(status_code=400)
        except MAY_BE_AWAY as error:
            if not is_outage(error):
                raise
            log.warning("database.unreachable", error=type(error).__name__)
            return _problem(_unavailable())

    return answer


def _unavailable() -> Unavailable:
    return Unavailable(_("The desk cannot be reached right now. Please try again in a moment."))


def _problem(error: DeskError) -> Response:
    body: dict[str, Any] = {
        "title": HTTPStatus(error.status).phrase,
        "status": error.status,
        "detail": error.words,
        "code": error.code,
    }
    if isinstance(error, Invalid) and error.field:
        body["field"] = error.field
    response = _json(body, error.status)
    response.headers["content-type"] = "application/problem+json"
    if isinstance(error, TooMany):
        response.headers["retry-after"] = str(int(error.after) + 1)
    if error.status in (408, 413):
        # The rest of the body was not read, and will not be.
        response.headers["connection"] = "close"
    return response


def _json(value: Any, status: int = 200) -> Response:
    response = Response(orjson.dumps(value), status, media_type="application/json")
    response.headers["cache-control"] = "no-store"
    return response


def _cards(answer: Answer) -> dict[str, Any]:
    return {
        "cards": [render.card(card) for card in answer.cards],
        "form": render.form(answer.form) if answer.form is not None else None,
    }


async def _body(request: Request) -> bytes:
    """The whole body, or `TooLarge` before it is read to its end."""
    if _length(request) > MOST_BODY:
        raise _too_long()
    body = bytearray()
    async for chunk in patiently(request.stream(), patience.WHOLE_SECONDS):
        body += chunk
        if len(body) > MOST_BODY:
            raise _too_long()
    return bytes(body)


def _too_long() -> TooLarge:
    return TooLarge(
        _("This message is too long ({most} characters are possible). Please send it as a file.").format(
            most=f"{MOST_CHARACTERS:,}"
        ),
        field="text",
    )


def _length(request: Request) -> int:
    given = request.headers.get("content-length", "")
    return int(given) if _is_number(given) and len(given) < 19 else 0


def _is_number(given: str) -> bool:
    """Digits that `int` takes: `²` is one to `isdigit` alone."""
    return given.isascii() and given.isdigit()


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _language(request: Request) -> str:
    return pages.language_of(request)


def _zone(request: Request) -> str:
    """The time zone that the browser says it is in; nothing when it is none that we know."""
    said = request.headers.get("x-zone", "")[:64]
    return said if said and people.zone_of(said).key == said else ""


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound(_("There is no such file.")) from None


def _hours(hours: dict[str, Any]) -> dict[str, Any]:
    """Whether the desk is open now, and when it opens next."""
    if not hours:
        return {"open": True, "opens_at": ""}
    try:
        calendar = parse_calendar(hours)
    except Invalid:
        return {"open": True, "opens_at": ""}
    now = clock.now()
    opens = calendar.next_open(now)
    # A desk that never opens has no hours that anybody meant.
    is_open = opens is None or opens - now < timedelta(seconds=1)
    return {"open": is_open, "opens_at": "" if is_open or opens is None else opens.isoformat()}
