"""Messages, their components and reactions as JSON."""

from __future__ import annotations

from typing import Any

from playground.discord.ids import stamp
from playground.discord.model import Json, Message
from playground.discord.shapes.files import attachment, file_address
from playground.discord.shapes.people import user
from playground.discord.shapes.places import channel
from playground.discord.world import World


def message(world: World, one: Message, viewer: str = "", *, nested: bool = False) -> Json:
    """A message as someone sees it."""
    shape: Json = {
        "id": one.id,
        "channel_id": one.channel.id,
        "type": one.kind,
        "content": one.content,
        "author": user(one.author),
        "timestamp": stamp(one.at),
        "edited_timestamp": stamp(one.edited_at),
        "tts": one.tts,
        "mention_everyone": one.everyone,
        "mentions": [user(each) for each in one.mentions],
        "mention_roles": list(one.mention_roles),
        "mention_channels": [],
        "attachments": [
            attachment(world, one.channel, each, ephemeral=one.only_for is not None) for each in one.files
        ],
        "embeds": one.embeds,
        "components": [filled(world, one, each) for each in one.components],
        "pinned": one.pinned,
        "flags": one.flags,
    }
    if one.reactions:
        shape["reactions"] = [
            reaction(emoji, people, viewer) for emoji, people in one.reactions.items() if people
        ]
    for key, value in (
        ("webhook_id", one.webhook_id),
        ("application_id", one.app_id),
        ("message_reference", one.reference),
        ("interaction_metadata", one.asked_by),
    ):
        if value is not None:
            shape[key] = value
    if one.thread is not None and not one.thread.gone:
        shape["thread"] = channel(one.thread, viewer)
    if one.kind in (19, 21) and not nested:
        shape["referenced_message"] = _referenced(world, one, viewer)
    return shape | one.extra


def _referenced(world: World, one: Message, viewer: str) -> Json | None:
    said = one.referenced
    if said is None or said.id not in said.channel.messages:
        return None
    return message(world, said, viewer, nested=True)


def filled(world: World, one: Message, component: Json) -> Json:
    """A component as it is shown: files that it names by `attachment://` get their address."""
    if isinstance(component, dict):
        return {key: _filled_value(world, one, key, value) for key, value in component.items()}
    return component


def _filled_value(world: World, one: Message, key: str, value: Any) -> Any:
    if isinstance(value, list):
        return [filled(world, one, each) for each in value]
    if not isinstance(value, dict):
        return value
    address = value.get("url")
    if key in ("media", "file") and isinstance(address, str):
        return _media(world, one, address)
    return filled(world, one, value)


def _media(world: World, one: Message, address: str) -> Json:
    name = address.removeprefix("attachment://")
    file = next((each for each in one.files if each.filename == name), None)
    if address.startswith("attachment://") and file is not None:
        found = file_address(world, one.channel.id, file)
        return {
            "id": file.id,
            "url": found,
            "proxy_url": found,
            "content_type": file.content_type,
            "attachment_id": file.id,
            "loading_state": 2,
            "flags": 0,
            "height": None,
            "width": None,
        }
    return {"id": one.id, "url": address, "proxy_url": address, "loading_state": 2, "flags": 0}


def emoji(key: str) -> Json:
    """The platform's shape of an emoji: `name:id` is a custom one, the rest are signs."""
    name, colon, number = key.rpartition(":")
    if colon:
        return {"id": number, "name": name, "animated": False}
    return {"id": None, "name": key}


def reaction(key: str, people: dict[str, None], viewer: str) -> Json:
    return {
        "emoji": emoji(key),
        "count": len(people),
        "count_details": {"burst": 0, "normal": len(people)},
        "burst_colors": [],
        "me": viewer in people,
        "me_burst": False,
        "burst_me": False,
        "burst_count": 0,
    }
