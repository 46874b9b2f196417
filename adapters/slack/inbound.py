"""Slack's payloads as the neutral words of chat: pure functions, nothing is waited for.

What is none of our business (our own messages, other bots, joins and topics, previews that came under a
link) gives None. Whatever a payload's shape, reading it raises nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from adapters.slack import emoji
from adapters.slack.interactions import INTERACTIONS, command
from adapters.slack.messages import edit_of, is_a_persons, mentions, place_of, said, team_of
from adapters.slack.names import Known
from adapters.slack.payload import (
    PLATFORM,
    TS,
    Json,
    channel_of,
    dicts,
    mapping,
    moment,
    named,
    sender_of,
    string,
)
from core.chat import Deleted, Inbound, Joined, Place, Reacted, Relocated, Sender, Visited


@dataclass(frozen=True, slots=True)
class Wanted:
    """What has to be known before a payload can be read."""

    users: frozenset[str] = frozenset()
    channels: frozenset[str] = frozenset()
    direct: str = ""
    """The person whose conversation with the bot is the place."""


def teams(payload: Json) -> list[str]:
    """The workspaces that a payload may be for, the likeliest first. In a shared channel whoever acts
    may be of another one than the bot."""
    found = [one.get("team_id") for one in dicts(payload.get("authorizations"))]
    view, message = mapping(payload.get("view")), mapping(payload.get("message"))
    found += [view.get("app_installed_team_id"), payload.get("team_id"), payload.get("context_team_id")]
    found += [mapping(payload.get("team")).get("id"), message.get("team"), view.get("team_id")]
    return list(dict.fromkeys(one for one in found if isinstance(one, str) and one))


def wanted(payload: Json) -> Wanted:
    """Whom and what the payload names."""
    event = mapping(payload.get("event"))
    messages = [
        mapping(event.get("message")),
        mapping(event.get("previous_message")),
        mapping(payload.get("message")),
    ]
    users = {string(one.get("user")) for one in (event, *messages)}
    users |= {string(mapping(payload.get("user")).get("id")), string(payload.get("user_id"))}
    channels: set[str] = set()
    for one in (event, messages[0], messages[2], payload):
        named_users, named_channels = named(one)
        users |= named_users
        channels |= named_channels
    direct = ""
    if not channel_of(payload) and payload.get("type") in ("block_actions", "view_submission", "shortcut"):
        direct = string(mapping(payload.get("user")).get("id"))
    return Wanted(frozenset(filter(None, users)), frozenset(channels), direct)


def to_inbound(payload: Json, known: Known, reactions: tuple[str, ...] | None = None) -> Inbound | None:
    """One payload of any kind. `reactions` are all of the person's own on that message, where Slack
    was asked for them."""
    if "command" in payload:
        return command(payload, known)
    kind = string(payload.get("type"))
    if kind == "event_callback":
        event = mapping(payload.get("event"))
        if event.get("type") in ("reaction_added", "reaction_removed"):
            return _reacted(event, known, reactions)
        read = _EVENTS.get(string(event.get("type")))
        return read(event, known) if read is not None else None
    ask = INTERACTIONS.get(kind)
    return ask(payload, known) if ask is not None else None


def _message(event: Json, known: Known) -> Inbound | None:
    channel, kind = string(event.get("channel")), string(event.get("channel_type"))
    match event.get("subtype"):
        case "message_changed":
            return _changed(event, known, channel, kind)
        case "message_deleted":
            before = mapping(event.get("previous_message"))
            native = string(event.get("deleted_ts")) or string(before.get("ts"))
            return _deleted(event, before, native, known, channel, kind)
        case _:
            return said(event, known, channel, kind)


def _mention(event: Json, known: Known) -> Inbound | None:
    return said(event, known, string(event.get("channel")), "channel")


def _changed(event: Json, known: Known, channel: str, kind: str) -> Inbound | None:
    """An edit by a person. Previews that come under a link change a message too, its words stay."""
    message, before = mapping(event.get("message")), mapping(event.get("previous_message"))
    if message.get("subtype") == "tombstone":
        return _deleted(event, before, string(message.get("ts")), known, channel, kind)
    edited = mapping(message.get("edited"))
    same = message.get("text") == before.get("text") and message.get("blocks") == before.get("blocks")
    if not edited or same or mapping(before.get("edited")) == edited:
        return None
    return edit_of(message, known, channel, kind)


def _deleted(event: Json, before: Json, native: str, known: Known, channel: str, kind: str) -> Deleted | None:
    if not is_a_persons(before, known) or not TS.fullmatch(native) or not channel:
        return None
    return Deleted(
        place=place_of(before, native, known, channel, kind, mentions(before, known)),
        sender=sender_of(known.person(string(before.get("user")), team_of(before))),
        native=native,
        at=moment(string(event.get("event_ts")) or string(event.get("ts"))),
        direct=False,
    )


def _reacted(event: Json, known: Known, reactions: tuple[str, ...] | None) -> Reacted | None:
    item, user = mapping(event.get("item")), string(event.get("user"))
    channel, native = string(item.get("channel")), string(item.get("ts"))
    if item.get("type") != "message" or not user or user in known.ours or known.person(user).bot:
        return None
    if not channel or not TS.fullmatch(native):
        return None
    if reactions is None:
        added = event.get("type") == "reaction_added"
        reactions = (string(event.get("reaction")),) if added else ()
    return Reacted(
        place=Place(PLATFORM, known.team, channel),
        sender=sender_of(known.person(user)),
        native=native,
        at=moment(string(event.get("event_ts"))),
        direct=False,
        emoji=tuple(sorted({shown for name in reactions if (shown := emoji.shown(name))})),
    )


def _home(event: Json, known: Known) -> Visited | None:
    channel, user = string(event.get("channel")), string(event.get("user"))
    if event.get("tab", "home") != "home" or not channel or not user:
        return None
    stamp = string(event.get("event_ts"))
    return Visited(
        place=Place(PLATFORM, known.team, channel),
        sender=sender_of(known.person(user)),
        native=stamp or "home",
        at=moment(stamp),
    )


def _joined(event: Json, known: Known) -> Joined | None:
    """The bot itself came to a channel; whoever else comes and goes is nobody's business."""
    if string(event.get("user")) != known.bot_user:
        return None
    return _presence(event, known, left=event.get("type") == "member_left_channel")


def _left(event: Json, known: Known) -> Joined | None:
    return _presence(event, known, left=True)


def _back(event: Json, known: Known) -> Joined | None:
    """A channel that was archived is open again."""
    return _presence(event, known, left=False)


def _presence(event: Json, known: Known, left: bool) -> Joined | None:
    channel = string(event.get("channel"))
    if not channel:
        return None
    stamp = string(event.get("event_ts"))
    return Joined(
        place=Place(PLATFORM, known.team, channel),
        sender=Sender(known.bot_user, bot=True),
        native=stamp,
        at=moment(stamp),
        left=left,
    )


def _relocated(event: Json, known: Known) -> Relocated | None:
    """Slack gives a channel another id when it is shared with a company, or shared no more."""
    old, new = string(event.get("old_channel_id")), string(event.get("new_channel_id"))
    if not old or not new:
        return None
    stamp = string(event.get("event_ts"))
    return Relocated(
        place=Place(PLATFORM, known.team, old),
        sender=Sender(known.bot_user, bot=True),
        native=stamp,
        at=moment(stamp),
        to=Place(PLATFORM, known.team, new),
    )


_EVENTS: dict[str, Callable[[Json, Known], Inbound | None]] = {
    "message": _message,
    "app_mention": _mention,
    "app_home_opened": _home,
    "member_joined_channel": _joined,
    "member_left_channel": _joined,
    "channel_id_changed": _relocated,
    "channel_archive": _left,
    "group_archive": _left,
    "channel_unarchive": _back,
    "group_unarchive": _back,
    "channel_left": _left,
    "group_left": _left,
    "channel_deleted": _left,
    "group_deleted": _left,
}
