"""Articles in chats: offered to who has just asked, with what came of it on the same card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select

from bot.fitting import Fitting, ticket_of
from bot.making import Maker
from bot.rooms.threads import OFFER, card
from core import clock
from core.access import SYSTEM
from core.chat import ChatAdapter, Place, Post
from core.conversations import service as conversations
from core.conversations.model import Message, Seat
from core.db import EventRow, UnitOfWork
from core.i18n import speaking
from core.kb import offer_card, silence, suggesting
from core.kb.model import Suggestion
from core.outbox_model import Delivery
from core.people.model import Person
from core.tickets import access
from core.tickets.access import Opened

STALE = timedelta(minutes=10)
"""A request that was read so late needs no article any more, but its person."""
MOST_GREETINGS = 3
"""So many times one may say hello before one asks."""
MOST_LINES = 12
"""What stands further down in a conversation is no beginning."""


class Offers(Fitting):
    """A teller for `bot.tell`, and the maker of its card."""

    def __init__(self, chats: Mapping[str, ChatAdapter]) -> None:
        super().__init__(chats)
        self.makers: Mapping[str, Maker] = {OFFER: self.offer}

    async def __call__(self, uow: UnitOfWork, event: EventRow) -> None:
        match event.name:
            case "ticket.opened" if event.data.get("channel") in self.chats:
                await self._asked(uow, event)
            case "message.said" if event.data.get("side") == "requester" and (event.seq or 0) <= MOST_LINES:
                await self._greeted_and_asked(uow, event)
            case "suggestion.solved" | "suggestion.undone" | "suggestion.dismissed":
                await self._refresh(uow, event.conversation_id)
            case "ticket.reopened" if event.data.get("reason") != "undone":
                await suggesting.reopened(uow, event.subject)
            case "ticket.resolved":
                await suggesting.resolved(uow, event.subject, event.actor_id)
            case _:
                pass

    async def offer(self, uow: UnitOfWork, row: Delivery) -> Post | None:
        opened = await ticket_of(uow, row)
        shown = await uow.session.get(Suggestion, UUID(str(row.args["suggestion"])))
        if opened is None or shown is None:
            return None
        if row.kind == "post" and not suggesting.is_open(shown, opened.ticket):
            return None  # A person was quicker.
        person = await uow.session.get(Person, opened.ticket.requester_id)
        with speaking(person.locale if person else uow.settings.language):
            made = await offer_card.card(uow, shown, opened.ticket)
            return self.post(made, row) if made is not None else None

    async def _asked(self, uow: UnitOfWork, event: EventRow) -> None:
        if _is_late(uow, event) or (opened := await _unopened(uow, event)) is None:
            return
        if first := await _first(uow, event, most=1):
            await self._offer(uow, opened, conversations.read(opened.thread, first[0]))

    async def _greeted_and_asked(self, uow: UnitOfWork, event: EventRow) -> None:
        """Who says hello first, and then asks, is answered like who asks at once."""
        if _is_late(uow, event):
            return
        first = await _first(uow, event, most=MOST_GREETINGS + 2, upto=event.seq)
        if not 2 <= len(first) <= MOST_GREETINGS + 1:
            return
        opened = await _unopened(uow, event)
        if opened is None or opened.ticket.channel not in self.chats:
            return
        *greetings, asked = (conversations.read(opened.thread, each) for each in first)
        if all(map(silence.asks_nothing, greetings)):
            await self._offer(uow, opened, asked)

    async def _offer(self, uow: UnitOfWork, opened: Opened, question: str) -> None:
        articles = uow.means.articles
        assert articles is not None
        shown = await suggesting.offer(uow, articles, opened, question)
        if shown is not None:
            await self._post(uow, shown)

    async def _post(self, uow: UnitOfWork, shown: Suggestion) -> None:
        assert shown.conversation_id is not None
        query = select(Seat).where(
            Seat.conversation_id == shown.conversation_id, Seat.active, Seat.side == "requester"
        )
        for seat in list(await uow.session.scalars(query)):
            if self._is_plain_chat(seat.place_key):
                uow.session.add(row_of(shown, seat.place_key))

    async def _refresh(self, uow: UnitOfWork, conversation_id: UUID | None) -> None:
        """The card that stands in a chat says what came of it."""
        query = select(Delivery).where(
            Delivery.conversation_id == conversation_id,
            Delivery.card == OFFER,
            Delivery.kind == "post",
            Delivery.native.is_not(None),
        )
        for posted in list(await uow.session.scalars(query.limit(20))):
            args = dict(posted.args) | {"native": posted.native}
            uow.session.add(card(OFFER, posted.place_key, conversation_id, args, kind="edit"))

    def _is_plain_chat(self, place_key: str) -> bool:
        adapter = self.chats.get(Place.from_key(place_key).platform)
        return adapter is not None and not adapter.limits.timeline


def row_of(shown: Suggestion, place_key: str) -> Delivery:
    """The offer at a place, to be posted."""
    return card(OFFER, place_key, shown.conversation_id, {"suggestion": str(shown.id)})


def _is_late(uow: UnitOfWork, event: EventRow) -> bool:
    """Whether no article can help any more, or yet."""
    articles = uow.means.articles
    return articles is None or not articles.ready or clock.now() - event.at > STALE


async def _unopened(uow: UnitOfWork, event: EventRow) -> Opened | None:
    """The ticket; none where an agent, or a rule, has opened it."""
    if event.conversation_id is None:
        return None
    opened = await access.by_conversation(uow, SYSTEM, event.conversation_id)
    return opened if opened.key and event.actor_id == opened.ticket.requester_id else None


async def _first(
    uow: UnitOfWork, event: EventRow, *, most: int, upto: int | None = None
) -> Sequence[Message]:
    """The conversation's first messages, as far as it had come."""
    query = select(Message).where(Message.conversation_id == event.conversation_id, Message.kind == "chat")
    if upto is not None:
        query = query.where(Message.seq <= upto)
    return list(await uow.session.scalars(query.order_by(Message.seq).limit(most)))
