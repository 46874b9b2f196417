"""One call of the Web API: who calls, with what, and the lookups that every method shares."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from playground.slack.acts import Acts
from playground.slack.api.args import Args
from playground.slack.delivery import Delivery
from playground.slack.errors import ApiError
from playground.slack.rates import Rates
from playground.slack.shapes import Shapes
from playground.slack.sockets import Sockets
from playground.slack.world import Channel, Message, Token, User, Workspace, World

Json = dict[str, Any]
T = TypeVar("T")


@dataclass(slots=True)
class Parts:
    """What the methods work with."""

    world: World
    acts: Acts
    shapes: Shapes
    delivery: Delivery
    sockets: Sockets
    rates: Rates
    share_delay: float = 0.05
    """Seconds between the end of an upload and the message that shows it."""
    answers_with_shares: bool = False


@dataclass(slots=True)
class Call:
    parts: Parts
    method: str
    args: Args
    token: Token
    basic: tuple[str, str] = ("", "")

    @property
    def world(self) -> World:
        return self.parts.world

    @property
    def acts(self) -> Acts:
        return self.parts.acts

    @property
    def shapes(self) -> Shapes:
        return self.parts.shapes

    @property
    def team(self) -> Workspace:
        return self.world.workspaces[self.token.team]

    @property
    def bot(self) -> User:
        return self.world.users[self.team.bot_user]

    # --- lookups

    def channel(self, name: str = "channel", member: bool = False, named: bool = False) -> Channel:
        """A channel that the bot may see; with `member`, one where it sits."""
        found = self._found(self.args.needed(name), named)
        visible = found and self.team.id in found.teams
        if not found or not visible or (found.kind != "channel" and self.bot.id not in found.members):
            raise ApiError("channel_not_found")
        if member and self.bot.id not in found.members:
            raise ApiError("not_in_channel")
        return found

    def _found(self, key: str, named: bool) -> Channel | None:
        if key in self.world.users and named:
            return self.world.direct(self.team.id, [self.bot.id, self.user_of(key).id])
        if named and (channel := self.world.channel_named(self.team.id, key.lstrip("#"))):
            return channel
        return self.world.channels.get(key)

    def message(self, channel: Channel, name: str = "ts", error: str = "message_not_found") -> Message:
        message = channel.messages.get(self.args.needed(name))
        if message is None:
            raise ApiError(error)
        return message

    def user(self, name: str = "user") -> User:
        return self.user_of(self.args.needed(name))

    def user_of(self, key: str) -> User:
        """A person of this workspace, or one who shares a channel with it."""
        user = self.world.users.get(key)
        if user and (user.team == self.team.id or self._meets(user)):
            return user
        raise ApiError("user_not_found")

    def _meets(self, user: User) -> bool:
        return any(user.id in channel.members for channel in self.world.seen_in(self.team.id))

    def page(self, items: Sequence[T], default: int = 100, most: int = 1000) -> tuple[list[T], Json]:
        """A slice by cursor, and the metadata that leads to the next."""
        start = int(uncursor(self.args.text("cursor"), "off") or 0)
        size = max(1, min(self.args.number("limit", default) or default, most))
        after = start + size
        return list(items[start:after]), cursor("off", str(after) if after < len(items) else "")


Method = Callable[[Call], Awaitable[Json]]


def cursor(kind: str, value: str) -> Json:
    packed = base64.b64encode(f"{kind}:{value}".encode()).decode() if value else ""
    return {"next_cursor": packed}


def uncursor(packed: str, kind: str) -> str:
    if not packed:
        return ""
    try:
        found, _, value = base64.b64decode(packed, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise ApiError("invalid_cursor") from None
    if found != kind or not value:
        raise ApiError("invalid_cursor")
    return value
