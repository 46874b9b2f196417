"""The web chat: a page, a widget for other sites, and their small API. It needs no account."""

from __future__ import annotations

from collections.abc import Mapping

from adapters.webchat.adapter import WebChat
from adapters.webchat.settings import Settings
from core.desk import Desk


def make(desk: Desk, env: Mapping[str, str]) -> WebChat:
    """The adapter of this desk; always on."""
    return WebChat(desk, Settings.of(env))


__all__ = ["WebChat", "make"]
