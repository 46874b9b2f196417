"""Changing and removing what was sent."""

from __future__ import annotations

from typing import Any

from playground.telegram import posting
from playground.telegram.errors import bad
from playground.telegram.methods.call import (
    Call,
    formatted,
    keyboard,
    message_in,
    method,
    require,
    writable_chat,
)
from playground.telegram.world import Chat, Message

DELETABLE = 48 * 3600
_SAME = (
    "message is not modified: specified new message content and reply markup are exactly the same as a current "
    "content and reply markup of the message"
)
_LASTING = ("supergroup_chat_created", "forum_topic_created")


@method("editMessageText")
def edit_message_text(call: Call) -> dict[str, Any]:
    said = own_message(call)
    text, entities = formatted(call)
    if not text:
        raise bad("message text is empty")
    if said.media or not said.text:
        raise bad("there is no text in the message to edit")
    return _change(call, said, text, entities)


@method("editMessageCaption")
def edit_message_caption(call: Call) -> dict[str, Any]:
    said = own_message(call)
    text, entities = formatted(call, "caption", "caption_entities", 1024)
    if not said.media:
        raise bad("there is no caption in the message to edit")
    return _change(call, said, text, entities)


@method("editMessageReplyMarkup")
def edit_message_reply_markup(call: Call) -> dict[str, Any]:
    said = own_message(call)
    return _change(call, said, said.text, said.entities)


@method("deleteMessage")
def delete_message(call: Call) -> bool:
    chat = writable_chat(call)
    _delete(call, chat, message_in(chat, call.args.whole("message_id"), "message to delete"))
    return True


@method("deleteMessages")
def delete_messages(call: Call) -> bool:
    """Those that cannot be found are passed over."""
    chat = writable_chat(call)
    numbers = call.args.listed("message_ids") or []
    if not 1 <= len(numbers) <= 100:
        raise bad("there must be 1 to 100 message identifiers")
    found = [chat.messages[one] for one in numbers if isinstance(one, int) and one in chat.messages]
    for said in [one for one in found if not one.deleted]:
        _delete(call, chat, said)
    return True


@method("pinChatMessage")
def pin_chat_message(call: Call) -> bool:
    said = _pinnable(call, "message to pin")
    said.pinned = True
    posting.service(call.world, said.chat, call.bot, said.thread, pinned_message=call.message(said))
    return True


@method("unpinChatMessage")
def unpin_chat_message(call: Call) -> bool:
    said = _pinnable(call, "message to unpin")
    said.pinned = False
    call.world.note("edited", chat=said.chat.key, message=said.id, thread=said.thread)
    return True


def own_message(call: Call) -> Message:
    chat = writable_chat(call)
    said = message_in(chat, call.args.whole("message_id"), "message to edit")
    if said.sender is not call.bot or posting.is_service(said):
        raise bad("message can't be edited")
    return said


def _change(call: Call, said: Message, text: str, entities: list[Any]) -> dict[str, Any]:
    markup = keyboard(call)
    if (text, entities, markup) == (said.text, said.entities, said.markup):
        raise bad(_SAME)
    if call.limits.edits:
        call.limits.take(call.bot, said.chat)
    said.text, said.entities, said.markup = text, entities, markup
    posting.edited(call.world, said)
    return call.message(said)


def _delete(call: Call, chat: Chat, said: Message) -> None:
    """Young enough, and its own, in a private chat, or by right."""
    if call.world.clock.now() - said.date > DELETABLE or any(kind in said.extra for kind in _LASTING):
        raise bad("message can't be deleted for everyone")
    if not (said.sender is call.bot or chat.bot or chat.may(call.bot, "can_delete_messages")):
        raise bad("message can't be deleted")
    posting.remove(call.world, said)


def _pinnable(call: Call, what: str) -> Message:
    chat = writable_chat(call)
    if chat.kind != "private":
        require(call, chat, "can_pin_messages", "manage pinned messages in the chat")
    return message_in(chat, call.args.whole("message_id"), what)
