"""The small world that the playground starts with."""

from __future__ import annotations

from dataclasses import dataclass

from playground.telegram.server import TelegramServer
from playground.telegram.world import Bot, Chat, User


@dataclass(slots=True, frozen=True)
class Seeded:
    bot: Bot
    requester: User
    agent: User
    private: Chat
    room: Chat


def seeded(server: TelegramServer, *, topics: bool = False, token: str = "") -> Seeded:
    """A person who started the bot, an agent, and a forum where the bot is an administrator."""
    world, people = server.world, server.people
    bot = world.add_bot("Help desk", "help_desk_bot", topics=topics, token=token)
    requester = world.add_user("Rita", "Moreno", "rita")
    agent = world.add_user("Ahmed", "Khan", "ahmed")
    people.start(requester, bot)
    people.start(agent, bot)
    room = people.create_group(agent, "Support room", forum=True)
    people.add(agent, room, bot, admin=True)
    people.add(agent, room, requester)
    return Seeded(bot, requester, agent, world.private(requester, bot), room)
