"""The one table of routes."""

from __future__ import annotations

from playground.discord.calls import Routes

routes = Routes()
