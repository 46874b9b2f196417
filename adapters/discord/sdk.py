"""The one door to discord.py: imported only when a bot is to be connected."""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    # It imports a module of the standard library that says it will go.
    warnings.simplefilter("ignore", DeprecationWarning)
    import discord

from typing import Any

import yarl
from discord.gateway import DiscordWebSocket
from discord.http import HTTPClient, Route

from adapters.discord.settings import Settings

__all__ = ["HTTPClient", "Route", "base_at", "discord", "point_at"]

# The desk speaks by text; that voice lacks its libraries is no news.
discord.VoiceClient.warn_nacl = False
discord.VoiceClient.warn_dave = False
GATEWAY = DiscordWebSocket.DEFAULT_GATEWAY


def base_at(settings: Settings) -> None:
    """Let the library call the addresses of the settings. It keeps them once for the whole process."""
    if settings.api_base_url:
        Route.BASE = settings.api_base_url
        discord.Asset.BASE = settings.cdn_url


async def point_at(settings: Settings, http: HTTPClient) -> None:
    """Let the gateway be found where the settings say."""
    DiscordWebSocket.DEFAULT_GATEWAY = await _gateway(settings, http)


async def _gateway(settings: Settings, http: HTTPClient) -> yarl.URL:
    if settings.gateway_url:
        return yarl.URL(settings.gateway_url)
    if not settings.api_base_url:
        return GATEWAY
    told: Any = await http.request(Route("GET", "/gateway"))
    return yarl.URL(told["url"])
