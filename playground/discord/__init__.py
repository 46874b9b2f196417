"""A small local stand-in for Discord: REST, gateway, files, and the people who sit before it."""

from playground.discord.server import DiscordServer

__all__ = ["DiscordServer"]
