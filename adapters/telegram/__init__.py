"""Telegram: private chats, groups and forums, by the Bot API."""

from __future__ import annotations

from collections.abc import Mapping

from adapters.telegram.adapter import Telegram
from adapters.telegram.settings import Settings
from core.desk import Desk


def make(desk: Desk, env: Mapping[str, str]) -> Telegram:
    """The adapter of this desk; it idles while no bot is connected."""
    return Telegram(desk, Settings.of(env))


__all__ = ["Telegram", "make"]
