"""Looking at chats and their members, and leaving."""

from __future__ import annotations

from typing import Any

from playground.telegram import rooms, shapes
from playground.telegram.errors import bad
from playground.telegram.methods.call import Call, method, present_chat, require, writable_chat
from playground.telegram.world import Chat, Member


@method("getChat")
def get_chat(call: Call) -> dict[str, Any]:
    return shapes.chat_in_full(present_chat(call), call.bot)


@method("getChatMember")
def get_chat_member(call: Call) -> dict[str, Any]:
    chat, user_id = present_chat(call), call.args.needed("user_id")
    user = call.world.users.get(user_id)
    if user is None:
        raise bad("PARTICIPANT_ID_INVALID")
    if chat.bot:
        return shapes.member(Member(user, "member" if chat.is_here(user) else "left"))
    return shapes.member(chat.members.get(user_id, Member(user, "left")))


@method("getChatAdministrators")
def get_chat_administrators(call: Call) -> list[dict[str, Any]]:
    """Other bots are not told."""
    members = _group(call).members.values()
    return [shapes.member(m) for m in members if m.is_admin and (not m.user.is_bot or m.user is call.bot)]


@method("getChatMemberCount")
def get_chat_member_count(call: Call) -> int:
    chat = writable_chat(call)
    return 2 if chat.bot else sum(member.is_here for member in chat.members.values())


@method("leaveChat")
def leave_chat(call: Call) -> bool:
    rooms.leave(call.world, _group(call), call.bot)
    return True


@method("setChatTitle")
def set_chat_title(call: Call) -> bool:
    chat = _group(call)
    require(call, chat, "can_change_info", "change chat title")
    chat.title = call.args.text("title")
    call.world.note("chat", chat=chat.key)
    return True


@method("setChatDescription")
def set_chat_description(call: Call) -> bool:
    chat = _group(call)
    require(call, chat, "can_change_info", "set chat description")
    if chat.description == call.args.text("description"):
        raise bad("chat description is not modified")
    chat.description = call.args.text("description")
    return True


def _group(call: Call) -> Chat:
    chat = writable_chat(call)
    if chat.bot:
        raise bad("there are no administrators in the private chat")
    return chat
