"""Messages of the desk in Discord: said once, edited, deleted.

A channel message carries a nonce made from the delivery's key, by which the platform knows a repeat
for some minutes. After that, and for webhooks, the place is looked at before anything is said again.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from adapters.discord import render
from adapters.discord.growing import Growing
from adapters.discord.known import Known
from adapters.discord.outgoing import Outgoing
from adapters.discord.reading import string
from adapters.discord.rest import Json, Rest
from adapters.discord.rooms import room_of
from adapters.discord.standing import Standing, target
from adapters.discord.trouble import (
    ARCHIVED,
    LOCKED,
    NOT_YOUR_MESSAGE,
    UNKNOWN_CHANNEL,
    UNKNOWN_MESSAGE,
    Refused,
    in_our_words,
)
from adapters.discord.webhooks import Webhooks
from core import clock
from core.chat import FileRef, Gone, NotSupported, Place, Post, PostFailed
from core.desk import Desk

NONCE_HOLDS = timedelta(minutes=2)
"""The platform remembers a nonce for a few minutes; it does not say how many."""
_MESSAGES = "/channels/{channel_id}/messages"
_MESSAGE = "/channels/{channel_id}/messages/{message_id}"


class Posting:
    """The poster of one bot."""

    def __init__(self, desk: Desk, rest: Rest, known: Known, webhooks: Webhooks | None) -> None:
        self._rest = rest
        self._known = known
        self._webhooks = webhooks
        self._growing = Growing(rest, known)
        self._standing = Standing(desk, rest)

    async def post(self, place: Place, part: Post, key: str) -> str:
        """Say something; gives the platform's id of it."""
        return await self._said(place, part, key, None)

    async def send(
        self, place: Place, file: FileRef, chunks: AsyncIterator[bytes], part: Post, key: str
    ) -> str:
        """A file as a message of its own, as a stream."""
        if (file.size or 0) > render.LIMITS.file_bytes:
            raise NotSupported("too large")
        return await self._said(place, part, key, Outgoing(file, chunks))

    async def edit(self, place: Place, native: str, part: Post) -> None:
        """Bring a message to what it says now."""
        body = render.message(part)
        body.pop("message_reference", None)
        try:
            place = await self.around(place, native)
            await self._awake(place, "PATCH", _MESSAGE, body, channel_id=target(place), message_id=native)
        except Refused as error:
            if self._webhooks is not None and error.code == NOT_YOUR_MESSAGE:
                body = render.message(part, named=False)
                await self._webhooks.edit(place, native, body)
                return
            raise await self.words_for(error, place) from error

    async def delete(self, place: Place, native: str) -> None:
        try:
            place = await self.around(place, native)
            await self._awake(place, "DELETE", _MESSAGE, None, channel_id=target(place), message_id=native)
        except Refused as error:
            if error.code not in (UNKNOWN_MESSAGE, UNKNOWN_CHANNEL):
                raise await self.words_for(error, place) from error

    async def around(self, place: Place, native: str) -> Place:
        """Where a message stands: what was put to a forum itself stands in a post of its own. Raises `Refused`."""
        if place.thread:
            return place
        room = await room_of(self._known, self._rest, place.channel)
        return replace(place, thread=native) if room.is_forum else place

    async def words_for(self, refused: Refused, place: Place) -> PostFailed:
        """What a refusal means here: a thread that is gone is less than its channel being gone."""
        found = in_our_words(refused, in_thread=bool(place.thread))
        if isinstance(found, Gone) and place.thread:
            try:
                await self._rest.get("/channels/{channel_id}", channel_id=place.channel)
            except Refused as error:
                return in_our_words(error)
            except PostFailed:
                return PostFailed("the channel cannot be seen now")
            return in_our_words(Refused(404, UNKNOWN_CHANNEL), in_thread=True)
        return found

    async def _said(self, place: Place, part: Post, key: str, file: Outgoing | None) -> str:
        place = await self._growing.grown(place)
        if self._webhooks is not None and part.card.author and await self._webhooks.serve(place):
            return await self._by_webhook(place, part, file)
        body = _body(part, file)
        if part.again and _is_old(part):
            earlier = await self._stands(place, body, part, file, self._known.bot)
            if earlier:
                return earlier
        body |= {"nonce": nonce(key), "enforce_nonce": True}
        try:
            shape = await self._create(place, body, file)
        except Refused as error:
            raise await self.words_for(error, place) from error
        return string(shape, "id")

    async def recall(self, place: Place, part: Post, key: str) -> str:
        """By its nonce, for which Discord answers with the message that it made before instead of making
        another: while it holds, and not for webhooks."""
        by_webhook = self._webhooks is not None and await self._webhooks.serve(place)
        if by_webhook or _is_old(part):
            return ""
        body = _body(part, None) | {"nonce": nonce(key), "enforce_nonce": True}
        try:
            return string(await self._create(await self._growing.grown(place), body, None), "id")
        except Refused as error:
            raise await self.words_for(error, place) from error

    async def _stands(self, place: Place, body: Json, part: Post, file: Outgoing | None, author: str) -> str:
        try:
            return await self._standing.find(place, body, part.since, file.ref if file else None, author)
        except Refused as error:
            raise await self.words_for(error, place) from error

    async def _create(self, place: Place, body: Json, file: Outgoing | None) -> Mapping[str, Any]:
        if file is None:
            made = await self._awake(place, "POST", _MESSAGES, body, channel_id=target(place))
        else:
            made = await self._upload(place, body, file)
        return made if isinstance(made, Mapping) else {}

    async def _upload(self, place: Place, body: Json, file: Outgoing) -> Any:
        """A stream cannot be begun again: a thread that sleeps is woken for the next try."""
        try:
            return await self._rest.upload(_MESSAGES, body, [file.part()], channel_id=target(place))
        except Refused as error:
            if error.code in (ARCHIVED, LOCKED) and place.thread:
                await self._wake(place)
            raise

    async def _by_webhook(self, place: Place, part: Post, file: Outgoing | None) -> str:
        assert self._webhooks is not None
        body = _body(part, file, named=False)
        body["username"] = self._webhooks.name_for(part.card)
        if part.card.picture.startswith(("https://", "http://")):
            body["avatar_url"] = part.card.picture
        body.pop("message_reference", None)
        if part.again:
            hook = await self._webhooks.of(place)
            earlier = await self._stands(place, body, part, file, hook.id)
            if earlier:
                return earlier
        try:
            return await self._webhooks.say(place, body, [file.part()] if file else [])
        except Refused as error:
            raise await self.words_for(error, place) from error

    async def _awake(self, place: Place, method: str, path: str, body: Json | None, **ids: Any) -> Any:
        """A call in a thread that may sleep: then it is woken first."""
        try:
            return await self._rest.call(method, path, body, **ids)
        except Refused as error:
            if error.code not in (ARCHIVED, LOCKED) or not place.thread:
                raise
        await self._wake(place)
        return await self._rest.call(method, path, body, **ids)

    async def _wake(self, place: Place) -> None:
        wake = {"archived": False, "locked": False}
        await self._rest.call("PATCH", "/channels/{channel_id}", wake, channel_id=place.thread)


def nonce(key: str) -> str:
    """The delivery's key in the 25 characters that the platform takes."""
    return hashlib.sha256(key.encode()).hexdigest()[:25]


def _body(part: Post, file: Outgoing | None, *, named: bool = True) -> Json:
    body = render.message(part, named=named)
    if file is not None:
        body["content"] = "" if body["content"] == "\u200b" else body["content"]
        body["attachments"] = [{"id": 0, "filename": file.name}]
    return body


def _is_old(part: Post) -> bool:
    return part.since is None or clock.now() - part.since > NONCE_HOLDS
