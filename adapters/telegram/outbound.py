"""Posting, changing and removing: one call each, and what is done where Telegram refuses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from adapters.telegram.line import Line, address, chain_of, chat_id
from adapters.telegram.reactions import FAILED, SENT, allowed
from adapters.telegram.render import CAPTION, TEXT, Shown, shown
from adapters.telegram.troubles import Declined, unable
from core.chat import NotSupported, Place, Post, PostFailed, ThreadGone

_MARKUP = ("can't parse", "button", "reply_markup", "keyboard", "url")
_SAME = "message is not modified"
NOTHING = "…"


async def post(line: Line, place: Place, part: Post) -> str:
    """The id of the new message. What Telegram cannot read in our markup is said in plain words."""
    made = shown(part)
    await line.pacer.turn(place.channel)
    try:
        native = await _send(line, place, part, _formatted(made))
    except Declined as declined:
        if not declined.says(*_MARKUP):
            raise unable(declined) from None
        native = await _send(line, place, part, _bare(made))
    line.remember_chain(place, native)
    return native


async def edit(line: Line, place: Place, native: str, part: Post) -> None:
    """What says so already is a success; the words of a file are its caption."""
    made = shown(part)
    await line.pacer.turn(place.channel)
    try:
        await line.client.call("editMessageText", **_message(place, native), **_formatted(made))
    except Declined as declined:
        await _edit_otherwise(line, place, native, part, declined)


async def _edit_otherwise(line: Line, place: Place, native: str, part: Post, declined: Declined) -> None:
    if declined.says(_SAME):
        return
    if declined.says("no text in the message"):
        made, method, name = shown(part, CAPTION), "editMessageCaption", "caption"
    elif declined.says(*_MARKUP):
        made, method, name = Shown(shown(part).plain, None), "editMessageText", ""
    else:
        raise unable(declined) from None
    words = {name: made.html, "parse_mode": "HTML"} if name else _bare(made)
    try:
        await line.client.call(method, **_message(place, native), **words)
    except Declined as again:
        if not again.says(_SAME):
            raise unable(again) from None


async def delete(line: Line, place: Place, native: str) -> None:
    """What is gone already is a success; what is older than two days stays."""
    try:
        await line.client.call("deleteMessage", **_message(place, native))
    except Declined as declined:
        if not declined.says("message to delete not found", "message_id_invalid"):
            raise NotSupported("cannot be deleted any more") from None


async def react(line: Line, place: Place, native: str, emoji: Sequence[str]) -> None:
    """A bot has one reaction on a message, from Telegram's list; none takes it away."""
    chosen = next((one for one in map(allowed, emoji) if one), "")
    if emoji and not chosen:
        await _set_reaction(line, place, native, "")
        raise NotSupported("Telegram has no such reaction")
    await _set_reaction(line, place, native, chosen)


async def mark(line: Line, place: Place, native: str, state: Literal["sent", "failed"]) -> None:
    await _set_reaction(line, place, native, SENT if state == "sent" else FAILED)


async def typing(line: Line, place: Place) -> None:
    """A sign for five seconds; a failure is nobody's loss."""
    try:
        await line.client.call("sendChatAction", **address(place), action="typing")
    except PostFailed:
        return


async def open_topic(line: Line, channel: str, title: str) -> Place:
    """A new topic in a forum, or in a private chat that may have them."""
    name = title.strip()[:128] or NOTHING
    await line.pacer.turn(channel)
    try:
        made = await line.client.call("createForumTopic", chat_id=chat_id(channel), name=name)
    except Declined as declined:
        raise NotSupported("no topics here") if declined.says("not a forum") else declined from None
    return line.place(channel, str(made["message_thread_id"]))


async def set_open(line: Line, place: Place, is_open: bool) -> None:
    """Close or reopen a topic; what is so already is a success."""
    method = "reopenForumTopic" if is_open else "closeForumTopic"
    try:
        await line.client.call(method, **address(place))
    except Declined as declined:
        if not declined.says("topic_not_modified", "not a forum"):
            raise


async def _send(line: Line, place: Place, part: Post, words: dict[str, Any]) -> str:
    arguments = {**address(place), **words, **replying(place, part.reply_to)}
    try:
        sent = await line.client.call("sendMessage", **arguments)
    except Declined as declined:
        if not declined.says("topic_closed"):
            raise
        await set_open(line, place, True)
        sent = await line.client.call("sendMessage", **arguments)
    return str(sent["message_id"])


def replying(place: Place, native: str) -> dict[str, Any]:
    """The message that is answered; what is gone is no reason to stay silent."""
    answered = native or chain_of(place)
    if not answered.isdecimal():
        return {}
    return {"reply_parameters": {"message_id": int(answered), "allow_sending_without_reply": True}}


def _formatted(made: Shown) -> dict[str, Any]:
    return {
        "text": made.html if made.plain.strip() else NOTHING,
        "parse_mode": "HTML",
        "reply_markup": made.keyboard,
        "link_preview_options": {"is_disabled": True},
    }


def _bare(made: Shown) -> dict[str, Any]:
    return {"text": made.plain[:TEXT].strip() or NOTHING, "link_preview_options": {"is_disabled": True}}


def _message(place: Place, native: str) -> dict[str, Any]:
    if not native.isdecimal():
        raise NotSupported("no such message")
    return {"chat_id": chat_id(place.channel), "message_id": int(native)}


async def _set_reaction(line: Line, place: Place, native: str, emoji: str) -> None:
    reaction = [{"type": "emoji", "emoji": emoji}] if emoji else []
    try:
        await line.client.call("setMessageReaction", **_message(place, native), reaction=reaction)
    except Declined as declined:
        raise unable(declined) from None
    except ThreadGone:
        raise NotSupported("no such message") from None
