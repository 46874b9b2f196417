"""The REST API, one file for each subject; importing them fills the table of routes."""

from playground.discord.rest import (
    channels,
    commands,
    guilds,
    interactions,
    messages,
    reactions,
    threads,
    users,
    webhooks,
)
from playground.discord.rest.table import routes

__all__ = [
    "channels",
    "commands",
    "guilds",
    "interactions",
    "messages",
    "reactions",
    "routes",
    "threads",
    "users",
    "webhooks",
]
