"""What a message of Telegram holds: its words, its files, and sensible words for everything else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from adapters.telegram.entities import escape, to_markdown
from core.chat import FileRef
from core.i18n import _

FORMATS = (
    "bold", "italic", "strikethrough", "code", "pre", "text_link", "blockquote", "expandable_blockquote",
)  # fmt: skip
_MOST_TEXT = 20_000
_FILES = {
    "document": ("document", ""),
    "animation": ("animation.mp4", "video/mp4"),
    "video": ("video.mp4", "video/mp4"),
    "video_note": ("video.mp4", "video/mp4"),
    "voice": ("voice.ogg", "audio/ogg"),
    "audio": ("audio.mp3", "audio/mpeg"),
}
_SERVICE = (
    "new_chat_members", "left_chat_member", "new_chat_title", "new_chat_photo", "delete_chat_photo",
    "group_chat_created", "supergroup_chat_created", "channel_chat_created", "pinned_message",
    "message_auto_delete_timer_changed", "migrate_to_chat_id", "migrate_from_chat_id", "write_access_allowed",
    "proximity_alert_triggered", "boost_added", "chat_background_set", "users_shared", "chat_shared",
    "connected_website", "web_app_data", "successful_payment", "refunded_payment", "passport_data",
)  # fmt: skip
_SERVICE_PARTS = (
    "forum_topic_", "general_forum_topic_", "video_chat_", "giveaway_created", "giveaway_completed",
    "checklist_tasks_", "direct_message_price_", "paid_message_price_", "suggested_post_", "gift",
    "unique_gift", "chat_owner_", "managed_bot_", "poll_option_",
)  # fmt: skip
_AROUND = frozenset(
    {
        "message_id", "message_thread_id", "direct_messages_topic", "from", "sender_chat", "date", "chat",
        "sender_boost_count", "sender_business_bot", "sender_tag", "business_connection_id", "forward_origin",
        "is_topic_message", "is_automatic_forward", "reply_to_message", "external_reply", "quote",
        "reply_to_story", "reply_to_checklist_task_id", "via_bot", "edit_date", "has_protected_content",
        "is_from_offline", "is_paid_post", "media_group_id", "author_signature", "paid_star_count",
        "link_preview_options", "effect_id", "show_caption_above_media", "has_media_spoiler", "reply_markup",
        "suggested_post_info", "guest_query_id", "guest_bot_caller_user", "guest_bot_caller_chat",
        "reply_to_poll_option_id", "text", "entities", "caption", "caption_entities", "photo", *_FILES,
        "sticker", "location", "venue", "contact", "dice",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Content:
    """`strange` is the raw name of a kind for which only a placeholder stands."""

    text: str = ""
    files: tuple[FileRef, ...] = ()
    strange: str = ""

    @property
    def says_anything(self) -> bool:
        return bool(self.text or self.files)


def of(message: Mapping[str, Any]) -> Content:
    """The content of a message; nothing for a service message."""
    if is_service(message):
        return Content()
    text, entities = words(message)
    spoken = to_markdown(text, entities)
    files = _files(message)
    if spoken or files:
        return Content(_joined(_emoji(message), spoken), files)
    if shown := _emoji(message) or _place(message) or _contact(message):
        return Content(shown)
    if strange := kind_of(message):
        return Content(_placeholder(message, strange), strange=strange)
    return Content()


def words(message: Mapping[str, Any]) -> tuple[str, list[Any]]:
    """The text or caption, and its entities."""
    for name, marks in (("text", "entities"), ("caption", "caption_entities")):
        found, entities = message.get(name), message.get(marks)
        if isinstance(found, str) and found:
            return found[:_MOST_TEXT], entities if isinstance(entities, list) else []
    return "", []


def is_text(message: Mapping[str, Any]) -> bool:
    """Whether its words can be edited: a text, or a file that may have a caption."""
    return any(name in message for name in ("text", "caption", "photo", *_FILES))


def is_service(message: Mapping[str, Any]) -> bool:
    return any(name in _SERVICE or name.startswith(_SERVICE_PARTS) for name in message)


def kind_of(message: Mapping[str, Any]) -> str:
    """The raw name of content that has no form of its own here."""
    return next((str(name)[:60] for name in message if name not in _AROUND), "")


def _files(message: Mapping[str, Any]) -> tuple[FileRef, ...]:
    native = message.get("message_id")
    if photo := _largest(message.get("photo")):
        return (_file(photo, f"photo-{native}.jpg", "image/jpeg"),)
    for kind, (name, mime) in _FILES.items():
        found = message.get(kind)
        if kind == "document" and "animation" in message:
            continue
        if isinstance(found, Mapping) and found.get("file_id"):
            return (_file(found, name if kind == "document" else _numbered(name, native), mime),)
    sticker = message.get("sticker")
    if isinstance(sticker, Mapping) and sticker.get("file_id") and not _moves(sticker):
        return (_file(sticker, f"sticker-{native}.webp", "image/webp"),)
    return ()


def _largest(sizes: Any) -> Mapping[str, Any] | None:
    if not isinstance(sizes, list):
        return None
    fit = [one for one in sizes if isinstance(one, Mapping) and one.get("file_id")]
    return max(fit, key=lambda one: _number(one.get("width")) * _number(one.get("height")), default=None)


def _file(found: Mapping[str, Any], name: str, mime: str) -> FileRef:
    size = found.get("file_size")
    return FileRef(
        name=str(found.get("file_name") or name)[:200],
        size=size if isinstance(size, int) and size >= 0 else None,
        mime=str(found.get("mime_type") or mime)[:100],
        locator=str(found["file_id"])[:300],
    )


def _numbered(name: str, native: Any) -> str:
    stem, dot, ending = name.rpartition(".")
    return f"{stem}-{native}{dot}{ending}"


def _moves(sticker: Mapping[str, Any]) -> bool:
    return bool(sticker.get("is_animated") or sticker.get("is_video"))


def _emoji(message: Mapping[str, Any]) -> str:
    """What a sticker stands for; what a die showed."""
    sticker, dice = message.get("sticker"), message.get("dice")
    if isinstance(sticker, Mapping):
        return str(sticker.get("emoji") or "")[:40] or _("(a sticker)")
    if isinstance(dice, Mapping):
        return f"{str(dice.get('emoji') or '🎲')[:40]} {dice.get('value', '')}".strip()
    return ""


def _place(message: Mapping[str, Any]) -> str:
    """A place on the map as a link with its coordinates."""
    venue = message.get("venue")
    location = message.get("location") or (venue.get("location") if isinstance(venue, Mapping) else None)
    if not isinstance(location, Mapping):
        return ""
    try:
        latitude, longitude = float(location["latitude"]), float(location["longitude"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return _("(a place on the map)")
    spot = f"{latitude:.6f}, {longitude:.6f}"
    address = f"https://www.openstreetmap.org/?mlat={latitude:.6f}&mlon={longitude:.6f}#map=16"
    named = []
    if isinstance(venue, Mapping):
        named = [escape(str(venue[name])[:300]) for name in ("title", "address") if venue.get(name)]
    return "\n".join([*named, f"📍 [{spot}](<{address}>)"])


def _contact(message: Mapping[str, Any]) -> str:
    """A contact's name and number, as text."""
    contact = message.get("contact")
    if not isinstance(contact, Mapping):
        return ""
    name = " ".join(str(contact[one])[:100] for one in ("first_name", "last_name") if contact.get(one))
    number = str(contact.get("phone_number") or "")[:40]
    return escape(f"👤 {', '.join(part for part in (name, number) if part)}")


def _placeholder(message: Mapping[str, Any], kind: str) -> str:
    poll = message.get("poll")
    if isinstance(poll, Mapping):
        question = escape(str(poll.get("question") or "")[:300])
        return _("(A poll: “{question}”. It can only be seen in Telegram.)").format(question=question)
    return _("(Something that can only be seen in Telegram: {kind}.)").format(
        kind=escape(kind.replace("_", " "))
    )


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _joined(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)
