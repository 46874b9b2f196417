"""Who speaks, as the platform names them, and whether the bot was spoken to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.discord.known import Known
from adapters.discord.reading import items, string, strings, table
from core.chat import Sender

MOST_NAME = 80


def sender(account: Mapping[str, Any], member: Mapping[str, Any], locale: str = "") -> Sender:
    """A person by their account and what a server calls them."""
    return Sender(
        external=string(account, "id"),
        name=name_of(account, member),
        locale=locale,
        bot=account.get("bot") is True,
    )


def name_of(account: Mapping[str, Any], member: Mapping[str, Any]) -> str:
    """The name that others see: of the server, of the account, or the account's handle."""
    for shape, key in ((member, "nick"), (account, "global_name"), (account, "username")):
        if name := " ".join(string(shape, key).split()):
            return name[:MOST_NAME]
    return ""


def sender_of_interaction(data: Mapping[str, Any]) -> Sender:
    member = table(data, "member")
    account = table(member, "user") or table(data, "user")
    return sender(account, member, string(data, "locale"))


def names_in(data: Mapping[str, Any]) -> dict[str, str]:
    """The people whom a message names, by id."""
    return {string(one, "id"): name_of(one, table(one, "member")) for one in items(data, "mentions")[:100]}


def mentioned(data: Mapping[str, Any], known: Known) -> bool:
    """Whether a message names the bot: by its account, or by the role that is the bot's own."""
    if any(string(one, "id") == known.bot for one in items(data, "mentions")):
        return True
    return any(known.is_own_role(role) for role in strings(data, "mention_roles"))
