"""Messages and members in the shapes of the API, as one bot sees them."""

from __future__ import annotations

from typing import Any

from playground.telegram.files import StoredFile
from playground.telegram.world import ALL_RIGHTS, Bot, Chat, Media, Member, Message, Topic, User, given

_SIZED: dict[str, dict[str, Any]] = {
    "video": {"width": 640, "height": 360, "duration": 3},
    "animation": {"width": 320, "height": 180, "duration": 2},
    "video_note": {"length": 240, "duration": 3},
    "audio": {"duration": 3},
    "voice": {"duration": 3},
    "sticker": {"type": "regular", "width": 512, "height": 512, "is_animated": False, "is_video": False},
}
_NAMELESS = ("voice", "sticker", "video_note")


def message(said: Message, bot: Bot, nested: bool = False) -> dict[str, Any]:
    """A message as the API sends it to this bot; one reply deep."""
    shown: dict[str, Any] = {
        "message_id": said.id,
        "from": said.sender.api(),
        "chat": said.chat.api(),
        "date": said.date,
    }
    shown |= _thread(said) | _content(said, bot)
    shown |= given(
        edit_date=said.edited_at,
        media_group_id=said.group,
        forward_origin=said.origin,
        reply_markup=_inline(said),
    )
    if not nested:
        shown |= _reply(said, bot)
    return shown


def file(stored: StoredFile, bot: Bot) -> dict[str, Any]:
    return {"file_id": stored.id_for(bot.id), "file_unique_id": stored.unique_id, "file_size": stored.size}


def member(one: Member) -> dict[str, Any]:
    shown: dict[str, Any] = {"status": one.status, "user": one.user.api()}
    if one.status == "creator":
        return shown | {"is_anonymous": False}
    if one.status == "administrator":
        rights = {right: right in one.rights for right in sorted(ALL_RIGHTS)}
        return shown | {"can_be_edited": False, "is_anonymous": False} | rights
    if one.status == "kicked":
        return shown | {"until_date": 0}
    return shown


def topic(one: Topic) -> dict[str, Any]:
    shown: dict[str, Any] = {"message_thread_id": one.id, "name": one.name, "icon_color": one.icon_color}
    return shown | given(icon_custom_emoji_id=one.icon_custom_emoji_id)


def chat_in_full(chat: Chat, bot: Bot) -> dict[str, Any]:
    shown = chat.api() | {"accent_color_id": 0, "max_reaction_count": 11}
    shown["accepted_gift_types"] = dict.fromkeys(
        ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels"),
        False,
    )
    pinned = [said for said in chat.messages.values() if said.pinned and not said.deleted]
    shown |= given(description=chat.description, pinned_message=message(pinned[-1], bot) if pinned else None)
    if chat.kind != "private":
        shown["permissions"] = _PERMISSIONS
    return shown


def member_change(chat: Chat, by: User, date: int, old: Member, new: Member) -> dict[str, Any]:
    return {
        "chat": chat.api(),
        "from": by.api(),
        "date": date,
        "old_chat_member": member(old),
        "new_chat_member": member(new),
    }


_PERMISSIONS = dict.fromkeys(
    (
        "can_send_messages",
        "can_send_audios",
        "can_send_documents",
        "can_send_photos",
        "can_send_videos",
        "can_send_video_notes",
        "can_send_voice_notes",
        "can_send_polls",
        "can_send_other_messages",
        "can_add_web_page_previews",
        "can_invite_users",
    ),
    True,
)


def _thread(said: Message) -> dict[str, Any]:
    """In a plain supergroup every reply carries the first message of its chain as a thread."""
    if said.thread is not None:
        return {"message_thread_id": said.thread, "is_topic_message": True}
    if said.reply_to and said.chat.kind == "supergroup" and not said.chat.forum:
        return {"message_thread_id": _root(said.reply_to).id}
    return {}


def _root(said: Message) -> Message:
    while said.reply_to:
        said = said.reply_to
    return said


def _reply(said: Message, bot: Bot) -> dict[str, Any]:
    """A message in a forum topic answers the topic's first message when it answers nothing else."""
    answered = said.reply_to
    if answered is None and said.thread is not None and said.chat.forum:
        answered = said.chat.messages.get(said.thread)
    if answered is None or answered is said or answered.deleted:
        return {}
    shown: dict[str, Any] = {"reply_to_message": message(answered, bot, nested=True)}
    if said.quote:
        shown["quote"] = {"text": said.quote, "position": 0, "is_manual": True}
    return shown


def _content(said: Message, bot: Bot) -> dict[str, Any]:
    if said.media is None:
        return dict(said.extra) | given(text=said.text, entities=said.entities)
    shown = {said.media.kind: media(said.media, bot)} | said.extra
    if said.media.kind == "animation":
        shown["document"] = media(Media("document", said.media.file), bot)
    return shown | given(caption=said.text, caption_entities=said.entities)


def media(one: Media, bot: Bot) -> Any:
    """A photo is a list of sizes, everything else one object."""
    base = file(one.file, bot)
    if one.kind == "photo":
        small = base | {"file_unique_id": base["file_unique_id"] + "s", "width": 90, "height": 60}
        return [small, base | {"width": 1280, "height": 853}]
    shown = base | _SIZED.get(one.kind, {})
    if one.kind not in _NAMELESS:
        shown |= given(file_name=one.file.name)
    if one.kind not in ("sticker", "video_note"):
        shown |= {"mime_type": one.file.mime}
    return shown | one.more


def _inline(said: Message) -> dict[str, Any] | None:
    """Only inline keyboards are part of a message; the other kinds belong to the person's screen."""
    return said.markup if said.markup and "inline_keyboard" in said.markup else None
