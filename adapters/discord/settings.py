"""What the Discord adapter takes from the environment; bots can also be connected in the admin."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from core.errors import StartError

PLATFORM = "discord"
SHARDS_SETTING = "DESKBELL_DISCORD_SHARDS"
_PLACES = ("thread", "channel")
CLOSED_DAYS, MOST_DAYS = 14, 3_650
MOST_SHARDS = 64


ENVIRONMENT: tuple[tuple[str, str, str, str], ...] = (
    ("DESKBELL_DISCORD_BOT_TOKEN", "", "Bot token; switches Discord on", ""),
    (
        SHARDS_SETTING,
        "1",
        "Sessions of each bot, the same in all gateways; Discord demands several from 2,500 servers on",
        "4",
    ),
    (
        "DESKBELL_DISCORD_TICKET_PLACE",
        "thread",
        "Where a ticket of a help panel lives: a private thread, or a channel of its own",
        "channel",
    ),
    (
        "DESKBELL_DISCORD_CLOSED_DAYS",
        str(CLOSED_DAYS),
        "Days after which the channel of a closed ticket is removed; 0 keeps it",
        "30",
    ),
    (
        "DESKBELL_DISCORD_FORUMS",
        "",
        "Forums whose posts are tickets without a mention, by id",
        "1280000000000000001",
    ),
    ("DESKBELL_DISCORD_WEBHOOKS", "no", "Post agents' replies under their own names by webhooks", "yes"),
    ("DESKBELL_DISCORD_API_BASE_URL", "https://discord.com/api/v10", "Another server of the same API", ""),
    (
        "DESKBELL_DISCORD_GATEWAY_URL",
        "",
        "Its gateway, where it is not beside it",
        "wss://gateway.example.com",
    ),
)
"""Name, default, what it is, an example: for the page of settings."""


@dataclass(frozen=True, slots=True)
class Settings:
    """`ticket_place` says where a ticket of one requester is held on a server: in a private thread or
    in a channel of its own, `closed_days` how long that channel stays when it is closed. `forums` are ids of
    forums whose posts are tickets without a mention, `shards` the sessions of each bot."""

    api_base_url: str = ""
    gateway_url: str = ""
    bot_token: str = field(default="", repr=False)
    webhooks: bool = False
    ticket_place: str = "thread"
    closed_days: int = CLOSED_DAYS
    forums: frozenset[str] = frozenset()
    shards: int = 1

    @classmethod
    def of(cls, env: Mapping[str, str]) -> Settings:
        return cls(
            api_base_url=_address(env, "DESKBELL_DISCORD_API_BASE_URL", ("http", "https")),
            gateway_url=_address(env, "DESKBELL_DISCORD_GATEWAY_URL", ("ws", "wss")),
            bot_token=env.get("DESKBELL_DISCORD_BOT_TOKEN", "").strip().removeprefix("Bot "),
            webhooks=_truth(env, "DESKBELL_DISCORD_WEBHOOKS"),
            ticket_place=_place(env, "DESKBELL_DISCORD_TICKET_PLACE"),
            closed_days=_days(env, "DESKBELL_DISCORD_CLOSED_DAYS"),
            forums=_ids(env, "DESKBELL_DISCORD_FORUMS"),
            shards=_shards(env, SHARDS_SETTING),
        )

    @property
    def cdn_url(self) -> str:
        """Where pictures are, for a server of one's own; empty for Discord itself."""
        parts = urlsplit(self.api_base_url)
        return f"{parts.scheme}://{parts.netloc}/cdn" if parts.netloc else ""


def bot_in(token: str) -> str:
    """The id of the bot that a token is for: its first part; empty where it is of another make."""
    part = token.partition(".")[0]
    try:
        found = urlsafe_b64decode(part + "=" * (-len(part) % 4)).decode("ascii")
    except (binascii.Error, ValueError):
        return ""
    return found if found.isdigit() else ""


def _address(env: Mapping[str, str], name: str, schemes: tuple[str, ...]) -> str:
    value = env.get(name, "").strip().rstrip("/")
    if value and urlsplit(value).scheme not in schemes:
        raise StartError(f"The setting {name} is malformed: it must begin with {schemes[-1]}://.")
    return value


def _truth(env: Mapping[str, str], name: str) -> bool:
    value = env.get(name, "").strip().lower()
    if value not in ("", "0", "1", "true", "false", "yes", "no", "on", "off"):
        raise StartError(f"The setting {name} is malformed: write true or false.")
    return value in ("1", "true", "yes", "on")


def _place(env: Mapping[str, str], name: str) -> str:
    value = env.get(name, "").strip().lower() or "thread"
    if value not in _PLACES:
        raise StartError(f"The setting {name} is malformed: write thread or channel.")
    return value


def _days(env: Mapping[str, str], name: str) -> int:
    value = env.get(name, "").strip() or str(CLOSED_DAYS)
    if not (value.isascii() and value.isdigit() and len(value) < 6 and int(value) <= MOST_DAYS):
        raise StartError(
            f"The setting {name} is malformed: write days, 0 to {MOST_DAYS}, such as {CLOSED_DAYS}."
        )
    return int(value)


def _shards(env: Mapping[str, str], name: str) -> int:
    value = env.get(name, "").strip() or "1"
    if not (value.isascii() and value.isdigit() and len(value) < 3 and 1 <= int(value) <= MOST_SHARDS):
        raise StartError(f"The setting {name} is malformed: write a number from 1 to {MOST_SHARDS}.")
    return int(value)


def _ids(env: Mapping[str, str], name: str) -> frozenset[str]:
    found = frozenset(part.strip() for part in env.get(name, "").split(",") if part.strip())
    if not all(one.isdigit() for one in found):
        raise StartError(f"The setting {name} is malformed: write ids of channels, separated by commas.")
    return found
