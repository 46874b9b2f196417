"""Answers to people: to what they asked by a command, a button or a form within the platform's three
seconds, and to what they wrote."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import structlog

from adapters.discord import render
from adapters.discord.asked import COMMAND, COMPLETION, COMPONENT, gathered, interaction, target_of
from adapters.discord.commands import NUMBER
from adapters.discord.growing import Growing
from adapters.discord.known import Known
from adapters.discord.reading import items, number, order, string, table
from adapters.discord.rest import Json, Rest
from adapters.discord.rooms import room_of
from adapters.discord.trouble import ALREADY_ANSWERED, Refused
from core import clock
from core.chat import Answer, Card, Deliver, Inbound, PostFailed, Said
from core.errors import DeskError
from core.i18n import _, set_language

log = structlog.get_logger("discord.answering")
PATIENCE = 2.0
"""Seconds until the platform is told that the answer takes longer; it waits for three."""
MOST_GATHERED = 300
_MESSAGE, _LATER, _NOTHING, _CHOICES, _FORM = 4, 5, 6, 8, 9


class Answering:
    """Asks the desk, and shows its answer to the one who asked."""

    def __init__(self, rest: Rest, known: Known, deliver: Deliver) -> None:
        self._rest = rest
        self._known = known
        self._deliver = deliver
        self._growing = Growing(rest, known)

    async def answer(self, data: Mapping[str, Any]) -> None:
        """One interaction, from being asked to being answered."""
        set_language(string(data, "locale"))
        asking = asyncio.ensure_future(self._ask(data))
        done, _pending = await asyncio.wait({asking}, timeout=PATIENCE)
        is_completion = number(data, "type") == COMPLETION
        deferred = False
        if not done and not is_completion:
            deferred = await self._callback(data, {"type": _LATER, "data": {"flags": render.EPHEMERAL}})
        found = await asking
        if is_completion:
            await self._callback(
                data,
                {"type": _CHOICES, "data": render.choices(found.choices, of_numbers=_asks_a_number(data))},
            )
        elif deferred:
            await self._follow(data, _cards(found, late=True))
        else:
            await self._first(data, found)

    async def reply(self, inbound: Said, answer: Answer) -> None:
        """What a message gets back. What is for one person only goes to their direct channel, where the
        message was said before others: the platform whispers in answer to commands alone."""
        for index, card in enumerate(answer.cards):
            try:
                channel = await self._where(inbound, card)
                body = render.card(card) | _nonce(f"{inbound.native}/{index}")
                await self._rest.call("POST", "/channels/{channel_id}/messages", body, channel_id=channel)
            except PostFailed as error:
                log.warning("reply.not_sent", reason=str(error))

    async def _where(self, inbound: Said, card: Card) -> str:
        around = self._known.room(inbound.place.channel)
        if card.private and around is not None and around.guild:
            return await self._direct(inbound.sender.external)
        place = await self._growing.grown(inbound.place)
        return place.thread or place.channel

    async def _ask(self, data: Mapping[str, Any]) -> Answer:
        try:
            inbound = await self._inbound(data)
            return await self._deliver(inbound) if inbound is not None else _untaken(data)
        except DeskError as error:
            return Answer(cards=(Card(text=str(error), tone="warning", private=True),))
        except PostFailed as error:
            log.warning("interaction.not_read", reason=str(error))
            words = _("Discord did not hand over what you chose. Please try again.")
            return Answer(cards=(Card(text=words, tone="warning", private=True),))

    async def _inbound(self, data: Mapping[str, Any]) -> Inbound | None:
        target = target_of(data)
        if target is None:
            return interaction(data, self._known, clock.now())
        return gathered(data, await self._around(data, target), self._known, clock.now())

    async def _around(self, data: Mapping[str, Any], target: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """The message alone, or the whole thread in which it stands."""
        channel, guild = string(data, "channel_id"), string(data, "guild_id")
        interaction(data, self._known, clock.now())
        room = await room_of(self._known, self._rest, channel)
        found = [target]
        if room.is_thread:
            found = await self._thread(channel, room.parent) or [target]
        return [{**one, "guild_id": guild} if guild else one for one in found]

    async def _thread(self, thread: str, parent: str) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = []
        after = "0"
        while len(found) < MOST_GATHERED:
            page = await self._rest.get(
                "/channels/{channel_id}/messages", query={"after": after, "limit": 100}, channel_id=thread
            )
            found += sorted(page, key=lambda shape: order(string(shape, "id")))
            if len(page) < 100:
                break
            after = string(found[-1], "id")
        if not any(string(shape, "id") == thread for shape in found):
            found[:0] = await self._starter(thread, parent)
        return found

    async def _starter(self, thread: str, parent: str) -> list[Mapping[str, Any]]:
        """The message that a thread grew from stands in the channel around it."""
        try:
            shape = await self._rest.get(
                "/channels/{channel_id}/messages/{message_id}", channel_id=parent, message_id=thread
            )
        except Refused:
            return []
        return [{**shape, "channel_id": thread}]

    async def _first(self, data: Mapping[str, Any], found: Answer) -> None:
        if found.form is not None:
            await self._callback(data, {"type": _FORM, "data": render.modal(found.form)})
            return
        cards = _cards(found)
        if not cards and number(data, "type") == COMPONENT:
            await self._callback(data, {"type": _NOTHING})
            return
        first = cards[0] if cards else Card(text=_("Done."), private=True)
        body = render.answer(first, in_direct=not string(data, "guild_id"))
        if await self._callback(data, {"type": _MESSAGE, "data": body}):
            await self._more(data, cards[1:])

    async def _callback(self, data: Mapping[str, Any], body: Json) -> bool:
        """The first answer; one that the platform has already is as good."""
        try:
            await self._rest.call(
                "POST",
                "/interactions/{webhook_id}/{webhook_token}/callback",
                body,
                webhook_id=string(data, "id"),
                webhook_token=string(data, "token"),
            )
        except Refused as error:
            if error.code != ALREADY_ANSWERED:
                log.warning("interaction.not_answered", code=error.code)
                return False
        except PostFailed as error:
            log.warning("interaction.not_answered", reason=str(error))
            return False
        return True

    async def _follow(self, data: Mapping[str, Any], cards: list[Card]) -> None:
        """What was announced as coming; the platform fixed who sees it then."""
        first = cards[0] if cards else Card(text=_("Done."))
        try:
            await self._rest.call(
                "PATCH",
                "/webhooks/{webhook_id}/{webhook_token}/messages/@original",
                render.card(first),
                webhook_id=self._known.application,
                webhook_token=string(data, "token"),
            )
        except PostFailed as error:
            log.warning("interaction.not_answered", reason=str(error))
            return
        await self._more(data, [replace(card, private=True) for card in cards[1:]])

    async def _more(self, data: Mapping[str, Any], cards: list[Card]) -> None:
        for card in cards:
            try:
                await self._rest.call(
                    "POST",
                    "/webhooks/{webhook_id}/{webhook_token}",
                    render.answer(card, in_direct=not string(data, "guild_id")),
                    once=True,
                    webhook_id=self._known.application,
                    webhook_token=string(data, "token"),
                )
            except PostFailed as error:
                log.warning("interaction.not_followed", reason=str(error))

    async def _direct(self, user: str) -> str:
        shape = await self._rest.call("POST", "/users/@me/channels", {"recipient_id": user})
        return self._known.learn(shape).id


def _untaken(data: Mapping[str, Any]) -> Answer:
    """For what the desk cannot take: "done" would be a lie. A press needs no words, and a completion has none."""
    if number(data, "type") != COMMAND:
        return Answer()
    words = (
        _("This cannot become a ticket: only what people wrote can.")
        if target_of(data) is not None
        else _("The desk does not know this command any more. Please reload Discord.")
    )
    return Answer(cards=(Card(text=words, tone="warning", private=True),))


def _cards(found: Answer, *, late: bool = False) -> list[Card]:
    if late and found.form is not None:
        return [Card(text=_("That took too long to open the form. Please try again."), tone="warning")]
    return list(found.cards)


def _nonce(of: str) -> Json:
    """The same answer twice within minutes is one message."""
    return {"nonce": hashlib.sha256(of.encode()).hexdigest()[:25], "enforce_nonce": True}


def _asks_a_number(data: Mapping[str, Any]) -> bool:
    """Whether what is being typed is a number: then the choices are numbers too."""
    waiting = [table(data, "data")]
    while waiting:
        level = waiting.pop()
        if level.get("focused") is True:
            return number(level, "type") == NUMBER
        waiting += items(level, "options")
    return False
