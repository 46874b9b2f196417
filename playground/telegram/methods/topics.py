"""Topics of forums and of private chats."""

from __future__ import annotations

from typing import Any

from playground.telegram import rooms, shapes
from playground.telegram.errors import bad
from playground.telegram.methods.call import Call, method, require, writable_chat
from playground.telegram.world import Chat, Topic


@method("createForumTopic")
def create_forum_topic(call: Call) -> dict[str, Any]:
    chat = writable_chat(call)
    if not chat.has_topics:
        raise bad("the chat is not a forum")
    if chat.forum:
        require(call, chat, "can_manage_topics", "create a topic")
    color = call.args.whole("icon_color") or 0x6FB9F0
    emoji = call.args.text("icon_custom_emoji_id")
    made = rooms.create_topic(call.world, chat, call.bot, call.args.text("name"), color, emoji)
    return shapes.topic(made)


@method("editForumTopic")
def edit_forum_topic(call: Call) -> bool:
    chat, topic = _managed(call)
    icon = call.args.values.get("icon_custom_emoji_id")
    rooms.edit_topic(call.world, chat, call.bot, topic, call.args.text("name") or None, icon)
    return True


@method("closeForumTopic")
def close_forum_topic(call: Call) -> bool:
    return _close(call, True)


@method("reopenForumTopic")
def reopen_forum_topic(call: Call) -> bool:
    return _close(call, False)


@method("deleteForumTopic")
def delete_forum_topic(call: Call) -> bool:
    chat, topic = _topic(call)
    if chat.forum:
        require(call, chat, "can_delete_messages", "delete a topic")
    rooms.delete_topic(call.world, chat, topic)
    return True


@method("unpinAllForumTopicMessages")
def unpin_all_forum_topic_messages(call: Call) -> bool:
    chat, topic = _managed(call)
    for said in chat.messages.values():
        said.pinned = said.pinned and said.thread != topic.id
    return True


@method("closeGeneralForumTopic")
def close_general_forum_topic(call: Call) -> bool:
    return _close_general(call, True)


@method("reopenGeneralForumTopic")
def reopen_general_forum_topic(call: Call) -> bool:
    return _close_general(call, False)


@method("editGeneralForumTopic")
def edit_general_forum_topic(call: Call) -> bool:
    _forum(call).general_name = call.args.text("name")
    return True


@method("getForumTopicIconStickers")
def get_forum_topic_icon_stickers(call: Call) -> list[Any]:
    return []


def _topic(call: Call) -> tuple[Chat, Topic]:
    chat = writable_chat(call)
    if not chat.has_topics:
        raise bad("the chat is not a forum")
    topic = chat.topics.get(call.args.needed("message_thread_id"))
    if topic is None:
        raise bad("TOPIC_ID_INVALID")
    return chat, topic


def _managed(call: Call) -> tuple[Chat, Topic]:
    """In a forum only by right, or for who made the topic."""
    chat, topic = _topic(call)
    if chat.forum and topic.creator is not call.bot:
        require(call, chat, "can_manage_topics", "manage topics in the chat")
    return chat, topic


def _close(call: Call, closed: bool) -> bool:
    chat, topic = _managed(call)
    if not chat.forum:
        raise bad("the chat is not a forum")
    rooms.set_closed(call.world, chat, call.bot, topic, closed)
    return True


def _forum(call: Call) -> Chat:
    chat = writable_chat(call)
    if not chat.forum:
        raise bad("the chat is not a forum")
    require(call, chat, "can_manage_topics", "manage topics in the chat")
    return chat


def _close_general(call: Call, closed: bool) -> bool:
    chat = _forum(call)
    if chat.general_closed == closed:
        raise bad("TOPIC_NOT_MODIFIED")
    chat.general_closed = closed
    call.world.note("topic", chat=chat.key, thread=None)
    return True
