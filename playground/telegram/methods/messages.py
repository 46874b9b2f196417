"""Sending text and simple things, copying, forwarding, and the small signs (typing, reactions)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from playground.telegram import posting, rooms
from playground.telegram.entities import cut, units
from playground.telegram.errors import bad
from playground.telegram.methods.call import (
    Call,
    formatted,
    keyboard,
    message_in,
    method,
    readable_chat,
    writable_chat,
)
from playground.telegram.world import Chat, Message, given

ACTIONS = (
    "typing",
    "upload_photo",
    "record_video",
    "upload_video",
    "record_voice",
    "upload_voice",
    "upload_document",
    "choose_sticker",
    "find_location",
    "record_video_note",
    "upload_video_note",
)
REACTIONS = frozenset(
    [
        "❤",
        "👍",
        "👎",
        "🔥",
        "🥰",
        "👏",
        "😁",
        "🤔",
        "🤯",
        "😱",
        "🤬",
        "😢",
        "🎉",
        "🤩",
        "🤮",
        "💩",
        "🙏",
        "👌",
        "🕊",
        "🤡",
        "🥱",
        "🥴",
        "😍",
        "🐳",
        "❤\u200d🔥",
        "🌚",
        "🌭",
        "💯",
        "🤣",
        "⚡",
        "🍌",
        "🏆",
        "💔",
        "🤨",
        "😐",
        "🍓",
        "🍾",
        "💋",
        "🖕",
        "😈",
        "😴",
        "😭",
        "🤓",
        "👻",
        "👨\u200d💻",
        "👀",
        "🎃",
        "🙈",
        "😇",
        "😨",
        "🤝",
        "✍",
        "🤗",
        "🫡",
        "🎅",
        "🎄",
        "☃",
        "💅",
        "🤪",
        "🗿",
        "🆒",
        "💘",
        "🙉",
        "🦄",
        "😘",
        "💊",
        "🙊",
        "😎",
        "👾",
        "🤷\u200d♂",
        "🤷",
        "🤷\u200d♀",
        "😡",
    ]
)


@dataclass(slots=True)
class Where:
    """Where a message goes and what it answers."""

    chat: Chat
    thread: int | None
    reply_to: Message | None
    quote: str
    markup: dict[str, Any] | None

    def fields(self) -> dict[str, Any]:
        return {"thread": self.thread, "reply_to": self.reply_to, "quote": self.quote, "markup": self.markup}


def where(call: Call, weight: int = 1) -> Where:
    """Read and check the place; counts against the rate limits."""
    chat = writable_chat(call)
    thread = _thread(call, chat)
    answered, quote = _answered(call, chat)
    if thread is None and answered is not None:
        thread = answered.thread
    _check_open(call, chat, thread)
    markup = keyboard(call)
    call.limits.take(call.bot, chat, weight)
    return Where(chat, thread, answered, quote, markup)


def send(call: Call, place: Where, **content: Any) -> Message:
    return posting.post(call.world, place.chat, call.bot, **place.fields(), **content)


@method("sendMessage")
def send_message(call: Call) -> dict[str, Any]:
    text, entities = formatted(call)
    if not text:
        raise bad("message text is empty")
    return call.message(send(call, where(call), text=text, entities=entities))


@method("sendLocation")
def send_location(call: Call) -> dict[str, Any]:
    location = {"latitude": call.args.decimal("latitude"), "longitude": call.args.decimal("longitude")}
    return call.message(send(call, where(call), extra={"location": location}))


@method("sendVenue")
def send_venue(call: Call) -> dict[str, Any]:
    location = {"latitude": call.args.decimal("latitude"), "longitude": call.args.decimal("longitude")}
    venue = {"location": location, "title": call.args.text("title"), "address": call.args.text("address")}
    return call.message(send(call, where(call), extra={"location": location, "venue": venue}))


@method("sendContact")
def send_contact(call: Call) -> dict[str, Any]:
    names = ("phone_number", "first_name", "last_name", "vcard")
    contact = given(**{name: call.args.text(name) for name in names})
    if "phone_number" not in contact or "first_name" not in contact:
        raise bad("phone_number and first_name must be given")
    return call.message(send(call, where(call), extra={"contact": contact}))


@method("sendPoll")
def send_poll(call: Call) -> dict[str, Any]:
    options = [
        str(one.get("text", "")) if isinstance(one, dict) else str(one)
        for one in call.args.listed("options") or []
    ]
    question = call.args.text("question")
    if not question or not 1 <= len(options) <= 12:
        raise bad("poll must have a question and 1 to 12 options")
    poll = rooms.poll(f"6{call.world.changed:018d}", question, options)
    return call.message(send(call, where(call), extra={"poll": poll}))


@method("copyMessage")
def copy_message(call: Call) -> dict[str, int]:
    source = _source(call, "message to copy")
    text, entities = source.text, source.entities
    if source.media and call.args.values.get("caption") is not None:
        text, entities = formatted(call, "caption", "caption_entities", 1024)
    copy = send(call, where(call), text=text, entities=entities, media=source.media, extra=dict(source.extra))
    return {"message_id": copy.id}


@method("forwardMessage")
def forward_message(call: Call) -> dict[str, Any]:
    source = _source(call, "message to forward")
    origin = source.origin or {"type": "user", "date": source.date, "sender_user": source.sender.api()}
    forwarded = send(
        call,
        where(call),
        text=source.text,
        entities=source.entities,
        media=source.media,
        extra=dict(source.extra),
        origin=origin,
    )
    return call.message(forwarded)


@method("sendChatAction")
def send_chat_action(call: Call) -> bool:
    chat, action = writable_chat(call), call.args.text("action")
    if action not in ACTIONS:
        raise bad("wrong parameter action in request")
    thread = _thread(call, chat)
    call.world.note("action", chat=chat.key, thread=thread, user=call.bot.id, action=action)
    return True


@method("sendMessageDraft")
def send_message_draft(call: Call) -> bool:
    chat = writable_chat(call)
    formatted(call)
    call.world.note("action", chat=chat.key, thread=_thread(call, chat), user=call.bot.id, action="draft")
    return True


@method("setMessageReaction")
def set_message_reaction(call: Call) -> bool:
    chat = writable_chat(call)
    said = message_in(chat, call.args.whole("message_id"), "message to react")
    reaction = call.args.objects("reaction")
    if len(reaction) > 1:
        raise bad("REACTIONS_TOO_MANY")
    for one in reaction:
        if one.get("type") != "emoji" or str(one.get("emoji", "")).replace("\ufe0f", "") not in REACTIONS:
            raise bad("REACTION_INVALID")
    posting.set_reaction(call.world, said, call.bot, reaction)
    return True


@method("answerCallbackQuery")
def answer_callback_query(call: Call) -> bool:
    press = call.people.presses.get(call.args.text("callback_query_id"))
    if press is None or press.message.sender is not call.bot or call.world.clock.now() - press.at > 60:
        raise bad("query is too old and response timeout expired or query ID is invalid")
    if units(call.args.text("text")) > 200:
        raise bad("MESSAGE_TOO_LONG")
    answer = {"text": call.args.text("text"), "show_alert": call.args.flag("show_alert")}
    if not press.answer.done():
        press.answer.set_result(answer | given(url=call.args.text("url")))
        call.world.note("answered", chat=press.message.chat.key, press=press.id, **answer)
    return True


def _thread(call: Call, chat: Chat) -> int | None:
    """Plain groups pay no heed to a thread; General has none that could be named."""
    number = call.args.whole("message_thread_id")
    if not number or not (chat.forum or chat.bot):
        return None
    if number not in chat.topics:
        raise bad("message thread not found")
    return number


def _answered(call: Call, chat: Chat) -> tuple[Message | None, str]:
    reply = call.args.object("reply_parameters") or {}
    number = reply.get("message_id") or call.args.whole("reply_to_message_id")
    if not number:
        return None, ""
    found = chat.messages.get(number) if isinstance(number, int) else None
    if found is not None and not found.deleted:
        return found, _quote(found, reply)
    if reply.get("allow_sending_without_reply") or call.args.flag("allow_sending_without_reply"):
        return None, ""
    raise bad("message to be replied not found")


def _quote(found: Message, reply: dict[str, Any]) -> str:
    quote = str(reply.get("quote") or "")
    if quote and quote not in found.text:
        raise bad("QUOTE_TEXT_INVALID")
    return cut(quote, 0, 1024)


def _check_open(call: Call, chat: Chat, thread: int | None) -> None:
    topic = chat.topics.get(thread or 0)
    closed = topic.closed if topic else chat.forum and chat.general_closed
    if closed and not chat.may(call.bot, "can_manage_topics"):
        raise bad("TOPIC_CLOSED")


def _source(call: Call, what: str) -> Message:
    chat = readable_chat(call, "from_chat_id")
    said = message_in(chat, call.args.whole("message_id"), what)
    if posting.is_service(said):
        raise bad(f"{what.replace('to ', 'can not be ')}")
    return said
