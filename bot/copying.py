"""Messages stand in every place of their conversation; edits, deletes and reactions follow each copy."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, delete, func, select, update

from bot.parts import FILES, REACTIONS, Parts
from core import clock
from core.conversations.model import Audience, Conversation, Message, MessageCopy, Reaction, Seat
from core.db import EventRow, UnitOfWork
from core.outbox_model import Delivery


class Copying:
    """From a fact about a message to the calls that show it everywhere else."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts

    async def follow(self, uow: UnitOfWork, event: EventRow) -> None:
        match event.name:
            case "message.said":
                await self._said(uow, event)
            case "message.edited":
                await self._edited(uow, event)
            case "message.deleted":
                await self._deleted(uow, event)
            case "message.hidden":
                await self._hidden(uow, event)
            case "message.reacted":
                await self._reacted(uow, event)
            case "message.file_added":
                await self._file_added(uow, event)
            case _:
                return
        await uow.session.flush()

    async def post(self, uow: UnitOfWork, message: Message, seat: Seat) -> None:
        """All calls that bring one message to one place."""
        for part in range(await self.parts.count(uow, seat.place_key, message)):
            uow.session.add(_row(message, "post", seat.place_key, part=part, **_when(message, seat)))
        for index, file in enumerate(await self.parts.files(uow, seat.place_key, message)):
            uow.session.add(_file(message, seat, file, index))

    async def catch_up(self, uow: UnitOfWork, row: Delivery, native: str, revision: int) -> None:
        """What was edited, deleted or hidden while its call was under way is put right at once."""
        message = await uow.session.get(Message, row.message_id, populate_existing=True)
        if message is None:
            return
        args = {"native": native}
        hidden = message.hidden_at is not None and bool(row.args.get("held"))
        if message.deleted_at is not None or hidden:
            uow.session.add(_row(message, "delete", row.place_key, part=row.part, args=args))
        elif revision and message.revision != revision and row.part < FILES:
            uow.session.add(_row(message, "edit", row.place_key, part=row.part, args=args))

    async def _said(self, uow: UnitOfWork, event: EventRow) -> None:
        """A message goes to every seat of its conversation but the one it was said in."""
        message = await _message(uow, event)
        if message is None or message.deleted_at is not None:
            return
        for seat in await seats_of(uow, message.conversation_id):
            if seat.place_key == event.data.get("origin") or message.seq <= seat.from_seq:
                continue
            if seat.side == "requester" and event.data.get("silent"):
                continue
            if may_stand_at(message, seat):
                await self.post(uow, message, seat)

    async def _edited(self, uow: UnitOfWork, event: EventRow) -> None:
        """What stands is edited, part by part; what is not sent yet will say the new words anyway."""
        message = await _message(uow, event)
        if message is None:
            return
        if message.visible_at is not None:
            await uow.session.execute(
                _waiting(message).where(Delivery.due_at > clock.now()).values(due_at=message.visible_at)
            )
        for place_key, copies in (await _copies(uow, message)).items():
            if place_key == event.data.get("origin") or self._is_persons_own(copies, place_key):
                continue
            await self._edit_at(uow, message, place_key, [c for c in copies if c.part < FILES])

    async def _edit_at(
        self, uow: UnitOfWork, message: Message, place_key: str, copies: Sequence[MessageCopy]
    ) -> None:
        wanted = await self.parts.count(uow, place_key, message)
        standing = {copy.part: copy for copy in copies}
        coming = set(await uow.session.scalars(_parts_coming(message, place_key)))
        for part in range(wanted):
            if part in standing:
                args = {"native": standing[part].native}
                uow.session.add(_row(message, "edit", place_key, part=part, args=args))
            elif part not in coming:
                uow.session.add(_row(message, "post", place_key, part=part))
        for part, copy in standing.items():
            if part >= wanted:
                uow.session.add(
                    _row(message, "delete", place_key, part=part, args={"native": copy.native, "part": True})
                )
                await uow.session.delete(copy)

    async def _deleted(self, uow: UnitOfWork, event: EventRow) -> None:
        message = await _message(uow, event)
        if message is None:
            return
        if message.deleted_at is not None:
            # What was tried may stand there though nobody heard of it: the poster looks.
            untried = _waiting(message).where(Delivery.lease_until.is_(None), Delivery.attempts == 0)
            await uow.session.execute(untried.values(state="cancelled"))
        for place_key, copies in (await _copies(uow, message)).items():
            if place_key == event.data.get("origin") or self._is_persons_own(copies, place_key):
                continue
            for copy in copies:
                uow.session.add(
                    _row(message, "delete", place_key, part=copy.part, args={"native": copy.native})
                )

    async def _reacted(self, uow: UnitOfWork, event: EventRow) -> None:
        """The reactions of all, on the first copy at each place; a line about them where a platform
        cannot show so many."""
        message = await _message(uow, event)
        if message is None:
            return
        query = select(Reaction.emoji).where(Reaction.message_id == message.id).distinct()
        emoji = list(await uow.session.scalars(query))
        for place_key, copies in (await _copies(uow, message)).items():
            if place_key == event.data.get("origin"):
                continue
            first, line = copies[0], next((c for c in copies if c.part == REACTIONS), None)
            adapter = self.parts.adapter(place_key)
            can = adapter is None or (
                adapter.limits.reactions and len(emoji) <= adapter.limits.reactions_most
            )
            if can or (adapter is not None and adapter.limits.reactions):
                uow.session.add(_row(message, "react", place_key, args={"native": first.native}))
            if line is not None:
                args: dict[str, Any] = {"native": line.native}
                uow.session.add(_row(message, "edit", place_key, part=REACTIONS, args=args))
            elif not can and emoji:
                uow.session.add(_row(message, "post", place_key, part=REACTIONS))

    async def _file_added(self, uow: UnitOfWork, event: EventRow) -> None:
        """A file that came after its message goes where the message went."""
        message = await _message(uow, event)
        if message is None or message.deleted_at is not None:
            return
        file = UUID(str(event.data["file"]))
        for seat in await seats_of(uow, message.conversation_id):
            if seat.place_key == event.data.get("origin") or not may_stand_at(message, seat):
                continue
            if (event.seq or 0) <= seat.from_seq:
                continue
            if self.parts.sends_files(seat.place_key):
                uow.session.add(_file(message, seat, file, int(event.data.get("index", 0))))
            elif self.parts.has_timeline(seat.place_key):
                uow.session.add(_row(message, "edit", seat.place_key, args={"native": str(message.id)}))

    async def _hidden(self, uow: UnitOfWork, event: EventRow) -> None:
        """A hidden message goes from the requesters' places only: staff keep it in their rooms. Shown
        again, it is posted there anew; where it was said it never went away."""
        message = await _message(uow, event)
        if message is None or message.deleted_at is not None or message.audience != Audience.everyone:
            return
        hidden = not event.data.get("shown")
        if hidden != (message.hidden_at is not None):
            return  # Decided otherwise in the meantime: that event follows.
        copies = await _copies(uow, message)
        for seat in await seats_of(uow, message.conversation_id):
            here = copies.get(seat.place_key, [])
            if seat.side != "requester" or any(copy.origin for copy in here):
                continue
            if not hidden:
                await self.post(uow, message, seat)
                continue
            for copy in here:
                uow.session.add(
                    _row(message, "delete", seat.place_key, part=copy.part, args={"native": copy.native})
                )
            await uow.session.execute(delete(MessageCopy).where(MessageCopy.id.in_([c.id for c in here])))

    def _is_persons_own(self, copies: Sequence[MessageCopy], place_key: str) -> bool:
        """What a person wrote on a platform, only they can change there."""
        return any(copy.origin for copy in copies) and not self.parts.has_timeline(place_key)


_SEATS = (
    select(Seat)
    .join(Conversation, Seat.conversation_id == func.coalesce(Conversation.root_id, Conversation.id))
    .where(Conversation.id == bindparam("conversation"), Seat.active)
)


async def seats_of(uow: UnitOfWork, conversation_id: UUID) -> Sequence[Seat]:
    """Where a conversation is held now; what was merged away is held where it went."""
    return list(await uow.session.scalars(_SEATS, {"conversation": conversation_id}))


def may_stand_at(message: Message, seat: Seat) -> bool:
    """Notes stay among staff."""
    return seat.side != "requester" or message.audience == Audience.everyone


async def _message(uow: UnitOfWork, event: EventRow) -> Message | None:
    return await uow.session.get(Message, event.subject)


async def _copies(uow: UnitOfWork, message: Message) -> dict[str, list[MessageCopy]]:
    """The copies of a message by place, in order of their parts."""
    query = select(MessageCopy).where(MessageCopy.message_id == message.id)
    found: dict[str, list[MessageCopy]] = {}
    for copy in await uow.session.scalars(query.order_by(MessageCopy.part, MessageCopy.id)):
        found.setdefault(copy.place_key, []).append(copy)
    return found


def _waiting(message: Message) -> Any:
    return update(Delivery).where(
        Delivery.message_id == message.id, Delivery.kind.in_(("post", "file")), Delivery.state == "due"
    )


def _parts_coming(message: Message, place_key: str) -> Any:
    return select(Delivery.part).where(
        Delivery.message_id == message.id,
        Delivery.place_key == place_key,
        Delivery.kind == "post",
        Delivery.state == "due",
    )


def _when(message: Message, seat: Seat) -> dict[str, Any]:
    args = {"held": True} if seat.side == "requester" else {}
    return {"args": args, "due_at": _due(message, seat.side)}


def _due(message: Message, side: str) -> datetime:
    """The hold is for the requester's side only, and never outlasts a clock that was set back."""
    now = clock.now()
    if side == "requester" and message.visible_at is not None and message.at <= now:
        return max(message.visible_at, message.at)
    return min(message.at, now)


def _file(message: Message, seat: Seat, file: UUID, index: int) -> Delivery:
    when = _when(message, seat)
    when["args"] = when["args"] | {"file": str(file)}
    return _row(message, "file", seat.place_key, part=FILES + index, **when)


def _row(message: Message, kind: str, place_key: str, **values: Any) -> Delivery:
    return Delivery(
        kind=kind,
        place_key=place_key,
        conversation_id=message.conversation_id,
        message_id=message.id,
        **values,
    )
