"""Slack: direct messages, channels, threads, the app's home, one slash command, and desk rooms."""

from __future__ import annotations

from collections.abc import Mapping

from adapters.slack.adapter import Slack
from adapters.slack.settings import Settings
from core.desk import Desk


def make(desk: Desk, env: Mapping[str, str]) -> Slack:
    """The adapter of this desk; idle until tokens or a connection are there."""
    return Slack(desk, Settings.of(env))


__all__ = ["Slack", "make"]
