"""What the asker gets back: cards in place, a form, or words about what was wrong."""

from __future__ import annotations

from typing import Any

import structlog

from adapters.slack import render
from adapters.slack.calls import SECONDS
from adapters.slack.settings import leads_to_slack
from adapters.slack.workspaces import Workspace
from core.chat import Answer, Card, Form, Inbound, Invoked, Place, Post, PostFailed

log = structlog.get_logger("slack.answering")
Json = dict[str, Any]


class Answering:
    """Shows answers; what cannot be shown is logged and holds nothing up."""

    async def show(self, workspace: Workspace, inbound: Inbound, answer: Answer, payload: Json) -> None:
        if answer.ignored or answer.seen_before:
            return
        try:
            if answer.form is not None:
                await self._form(workspace, inbound, answer.form, payload)
            if answer.cards:
                await self.cards(workspace, inbound.place, user_in(payload), answer.cards, payload)
        except PostFailed as error:
            log.warning("slack.answer_lost", kind=type(inbound).__name__, error=type(error).__name__)

    async def tell(self, workspace: Workspace, inbound: Inbound, words: str, payload: Json) -> None:
        """Words for the one who asked, and for nobody else."""
        card = Card(text=words, tone="warning", private=True)
        await self.show(workspace, inbound, Answer(cards=(card,)), payload)

    async def home(self, workspace: Workspace, user: str, cards: tuple[Card, ...]) -> None:
        """The bot's own page for somebody."""
        try:
            await workspace.call("views.publish", user_id=user, view=render.home(cards))
        except PostFailed as error:
            log.warning("slack.home_not_shown", error=type(error).__name__)

    async def cards(
        self, workspace: Workspace, place: Place, user: str, cards: tuple[Card, ...], payload: Json
    ) -> None:
        """In a direct conversation as messages; elsewhere only to the one who asked."""
        if place.channel.startswith("D"):
            for card in cards:
                await workspace.call("chat.postMessage", channel=place.channel, **render.message(Post(card)))
            return
        await self._whisper(workspace, place, user, render.whisper(cards), payload)

    async def _whisper(
        self, workspace: Workspace, place: Place, user: str, made: Json, payload: Json
    ) -> None:
        """By the address that came with the question, which works where the bot is no member too."""
        thread = _thread_shown(place, payload)
        url = payload.get("response_url")
        if isinstance(url, str) and leads_to_slack(url, workspace.client.base_url):
            await self._respond(workspace, url, {**made, "thread_ts": thread} if thread else made)
            return
        await workspace.call(
            "chat.postEphemeral", channel=place.channel, user=user, thread_ts=thread or None, **made
        )

    async def _respond(self, workspace: Workspace, url: str, made: Json) -> None:
        from aiohttp import ClientError, ClientTimeout

        body = {"response_type": "ephemeral", "replace_original": False, **made}
        try:
            session, limit = workspace.client.session, ClientTimeout(total=SECONDS)
            async with session.post(url, json=body, timeout=limit, allow_redirects=False) as answer:
                if answer.status >= 400:
                    raise PostFailed(f"response_url: {answer.status}")
        except (ClientError, TimeoutError, OSError) as error:
            raise PostFailed(type(error).__name__) from None

    async def _form(self, workspace: Workspace, inbound: Inbound, form: Form, payload: Json) -> None:
        """Over what they see, while the trigger lives; words alone open none, so there a button does."""
        trigger = payload.get("trigger_id")
        if isinstance(trigger, str) and trigger:
            await workspace.call("views.open", trigger_id=trigger, view=render.modal(form, inbound.place))
        elif isinstance(inbound, Invoked):
            made = render.opener(inbound)
            if inbound.place.channel.startswith("D"):
                await workspace.call("chat.postMessage", channel=inbound.place.channel, **made)
            else:
                await self._whisper(workspace, inbound.place, user_in(payload), made, payload)


def user_in(payload: Json) -> str:
    """Who acted, by the id that Slack takes."""
    event, user = payload.get("event"), payload.get("user")
    for holder, name in ((event, "user"), (user, "id"), (payload, "user_id")):
        if isinstance(holder, dict) and isinstance(holder.get(name), str):
            return str(holder[name])
    return ""


def _thread_shown(place: Place, payload: Json) -> str:
    """The thread in which the asker looks: a card that heads a thread is seen in the channel."""
    message = payload.get("message")
    if isinstance(message, dict) and "thread_ts" not in message and place.thread == message.get("ts"):
        return ""
    return place.thread
