"""Sending files and fetching them."""

from __future__ import annotations

from itertools import count
from typing import Any

from playground.telegram import posting, shapes
from playground.telegram.entities import checked, complete, units
from playground.telegram.errors import bad
from playground.telegram.files import DOWN, PHOTO, StoredFile
from playground.telegram.markup import parse_html
from playground.telegram.methods.call import Call, formatted, method
from playground.telegram.methods.edits import own_message
from playground.telegram.methods.messages import send, where
from playground.telegram.world import Media

CAPTION = 1024
_FIELDS = {
    "video": ("width", "height", "duration"),
    "animation": ("width", "height", "duration"),
    "audio": ("duration", "performer", "title"),
    "voice": ("duration",),
    "video_note": ("duration", "length"),
    "sticker": ("emoji",),
}
_WHOLE = ("width", "height", "duration", "length")
_MIXES = ({"photo", "video"}, {"document"}, {"audio"})
_albums = count(14_000_000_000_001)


def _sender(kind: str) -> None:
    """Register `sendPhoto` and its like; they differ only in the field's name."""

    def send_file(call: Call) -> dict[str, Any]:
        text, entities = formatted(call, "caption", "caption_entities", CAPTION)
        media = _media(call, kind, call.args.values.get(kind), kind, call.args.values)
        return call.message(send(call, where(call), text=text, entities=entities, media=media))

    method("send" + kind.title().replace("_", ""))(send_file)


for _kind in ("photo", "document", "video", "audio", "voice", "sticker", "animation", "video_note"):
    _sender(_kind)


@method("sendMediaGroup")
def send_media_group(call: Call) -> list[dict[str, Any]]:
    items = call.args.objects("media")
    if not 2 <= len(items) <= 10:
        raise bad("media group must include 2-10 items")
    if not any({str(item.get("type")) for item in items} <= mix for mix in _MIXES):
        raise bad("Can't use the media of the specified type in the album")
    ready = [(_media(call, str(item["type"]), item.get("media"), "", item), _caption(item)) for item in items]
    place, group = where(call, len(items)), str(next(_albums))
    return [
        call.message(send(call, place, text=text, entities=found, media=media, group=group))
        for media, (text, found) in ready
    ]


@method("editMessageMedia")
def edit_message_media(call: Call) -> dict[str, Any]:
    said, item = own_message(call), call.args.object("media") or {}
    media, (text, entities) = _media(call, str(item.get("type")), item.get("media"), "", item), _caption(item)
    said.media, said.text, said.entities = media, text, entities
    posting.edited(call.world, said)
    return call.message(said)


@method("getFile")
def get_file(call: Call) -> dict[str, Any]:
    stored = call.world.files.of_bot(call.args.text("file_id"), call.bot.id)
    if stored.size > DOWN:
        raise bad("file is too big")
    return shapes.file(stored, call.bot) | {"file_path": stored.address}


def _media(call: Call, kind: str, value: Any, field: str, given: dict[str, Any]) -> Media:
    if kind not in ("photo", "document", *_FIELDS):
        raise bad("can't parse the media's type")
    stored = _file(call, kind, value, field)
    if kind == "photo" and stored.size > PHOTO:
        raise bad("file of size over 10 MB can't be sent as a photo")
    more = {key: given[key] for key in _FIELDS.get(kind, ()) if given.get(key) not in (None, "")}
    return Media(kind, stored, {key: int(v) if key in _WHOLE else v for key, v in more.items()})


def _file(call: Call, kind: str, value: Any, field: str) -> StoredFile:
    """A file sent along, or one known already; nothing is fetched from elsewhere."""
    name = str(value or "").removeprefix("attach://") if value else field
    if name in call.args.uploads:
        stored = call.args.uploads[name]
        if not stored.size:
            raise bad("file must be non-empty")
        return call.world.files.as_kind(stored, kind)
    if not value:
        raise bad(f"there is no {kind} in the request")
    if str(value).startswith(("http://", "https://")):
        raise bad("wrong file identifier/HTTP URL specified")
    return call.world.files.of_bot(str(value), call.bot.id)


def _caption(item: dict[str, Any]) -> tuple[str, list[Any]]:
    text, entities = str(item.get("caption") or ""), item.get("caption_entities") or []
    if str(item.get("parse_mode") or "").lower() == "html":
        text, entities = parse_html(text)
    if units(text) > CAPTION:
        raise bad("message caption is too long")
    return text, complete(text, checked(text, entities))
