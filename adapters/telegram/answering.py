"""What the asker gets back at once: cards, a short sign on a pressed button, a refusal in words."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

import structlog

from adapters.telegram import outbound
from adapters.telegram.html import visible
from adapters.telegram.line import Line
from adapters.telegram.render import card_text
from core import tasks
from core.chat import (
    Answer,
    Card,
    Gone,
    Inbound,
    Invoked,
    Limits,
    Place,
    Post,
    PostFailed,
    Pressed,
    RetryAfter,
    Said,
)
from core.errors import DeskError
from core.fit import fit
from core.i18n import _

log = structlog.get_logger("telegram.answering")
MOST_WAITING = 1_000
SHORT = 190
"""Characters that a sign on a pressed button can show."""
TRIES = 5
LONGEST_PAUSE = 90.0


class Answering:
    """Answers lie in no row: they are told beside the work, in order within a chat. What cannot be told
    is let go; the desk's state stands."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._tasks: set[asyncio.Task[None]] = set()
        self._locks: OrderedDict[str, asyncio.Lock] = OrderedDict()

    def show(self, line: Line, inbound: Inbound, answer: Answer) -> None:
        if isinstance(inbound, Pressed):
            self._start(self._show_pressed(line, inbound, answer))
        elif answer.cards and not answer.ignored:
            self._start(self._show_cards(line, inbound, answer.cards))

    def refuse(self, line: Line, inbound: Inbound, error: DeskError) -> None:
        """The sender's own mistake, in words for them alone. A reaction on any card is no mistake."""
        if not isinstance(inbound, (Pressed, Said, Invoked)):
            return
        card = Card(text=str(error), tone="warning", private=True)
        self.show(line, inbound, Answer(cards=(card,)))

    async def close(self) -> None:
        """Nothing is told any more."""
        await tasks.end(self._tasks)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        if len(self._tasks) >= MOST_WAITING:
            work.close()
            log.warning("answer.dropped")
            return
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _show_pressed(self, line: Line, inbound: Pressed, answer: Answer) -> None:
        """One short card is a sign that only the presser sees; more is a message."""
        words = _as_sign(answer)
        call = {"callback_query_id": inbound.native, "text": words or None}
        try:
            await line.client.call("answerCallbackQuery", **call, show_alert=len(words) > 60 or None)
        except PostFailed as failed:
            log.info("press.not_answered", error=type(failed).__name__)
            if not words:
                return
            answer = Answer(cards=tuple(replace(card, private=True) for card in answer.cards))
            words = ""
        if not words and answer.cards and not answer.ignored:
            await self._show_cards(line, inbound, answer.cards)

    async def _show_cards(self, line: Line, inbound: Inbound, cards: tuple[Card, ...]) -> None:
        async with self._lock(inbound.place.channel):
            for card in cards:
                await self._show_card(line, inbound, fit(card, self._limits))

    async def _show_card(self, line: Line, inbound: Inbound, card: Card) -> None:
        """For the asker alone in their own chat with the bot, where they have one; else where they
        asked."""
        place, answered = inbound.place, inbound.native if isinstance(inbound, (Said, Invoked)) else ""
        if place.channel.startswith("-"):
            own = line.place(inbound.sender.external)
            if card.private and await self._post(line, own, Post(card)):
                return
            await self._post(line, place, Post(_for_all(card), reply_to=answered))
        else:
            await self._post(line, place, Post(card))

    async def _post(self, line: Line, place: Place, part: Post) -> bool:
        for _try in range(TRIES):
            try:
                await outbound.post(line, place, part)
            except RetryAfter as pause:
                if pause.seconds > LONGEST_PAUSE:
                    break
                await asyncio.sleep(pause.seconds)
            except Gone:
                return False
            except PostFailed as failed:
                log.warning("answer.not_shown", error=type(failed).__name__)
                return True
            else:
                return True
        log.warning("answer.not_shown", error="busy")
        return True

    def _lock(self, channel: str) -> asyncio.Lock:
        lock = self._locks.setdefault(channel, asyncio.Lock())
        self._locks.move_to_end(channel)
        while len(self._locks) > MOST_WAITING * 2:
            self._locks.popitem(last=False)
        return lock


def _as_sign(answer: Answer) -> str:
    """The words of a single short card without buttons."""
    if len(answer.cards) != 1 or answer.ignored:
        return ""
    card = answer.cards[0]
    if card.buttons or card.selects or card.fields or card.files or card.image:
        return ""
    words = visible(card_text(card))
    return words if len(words) <= SHORT else ""


def _for_all(card: Card) -> Card:
    """A private card for a group, where its asker has no chat with the bot: without links of their own,
    and without what only colleagues may read."""
    if card.inside:
        words = _("This is for colleagues only. Open a chat with me, press Start, and ask here again.")
        return Card(text=words, tone="warning")
    if not card.private or not any(button.url for button in card.buttons):
        return card
    words = _("This is for you alone. Open a chat with me, press Start, and press the button here again.")
    return Card(text=words, tone="warning")
