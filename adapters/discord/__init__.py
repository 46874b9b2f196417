"""Discord: direct messages, mentions, threads, forums, slash commands and buttons, on both sides."""

from __future__ import annotations

from collections.abc import Mapping

from adapters.discord.adapter import DiscordChat
from adapters.discord.settings import Settings
from core.desk import Desk


def make(desk: Desk, env: Mapping[str, str]) -> DiscordChat:
    """The adapter of this desk; idle while no bot is connected."""
    return DiscordChat(desk, Settings.of(env))


__all__ = ["DiscordChat", "make"]
