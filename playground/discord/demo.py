"""The small world that `python -m playground.discord` starts with."""

from __future__ import annotations

from dataclasses import dataclass

from playground.discord.model import App, Channel, Guild, Kind, User
from playground.discord.rights import Right
from playground.discord.world import World

TAGS = ("open", "waiting", "resolved")


@dataclass(frozen=True, slots=True)
class Seeded:
    guild: Guild
    app: App
    users: list[User]
    channels: list[Channel]


def seed(world: World, token: str | None = None) -> Seeded:
    """A guild with two requesters, two agents and a bot; a room for help and one for the desk."""
    ada, bob, carla, deniz = (world.add_user(name) for name in ("Ada", "Bob", "Carla", "Deniz"))
    guild = world.add_guild("Playground", carla)
    for user in (ada, bob, deniz):
        world.add_member(guild, user)
    app = world.add_app("Deskbell", token=token)
    world.add_member(guild, app.user)
    channels = [world.add_channel(guild, name) for name in ("help", "general")]
    room, forum = world.add_channel(guild, "desk-room"), world.add_channel(guild, "desk", Kind.forum)
    team = world.add_role(guild, "team")
    guild.members[deniz.id].roles.append(team.id)
    for place in (room, forum):
        place.overwrites = [
            {"id": guild.id, "type": 0, "allow": "0", "deny": str(int(Right.view_channel))},
            {"id": team.id, "type": 0, "allow": str(int(Right.view_channel)), "deny": "0"},
            {"id": app.id, "type": 1, "allow": str(int(Right.view_channel)), "deny": "0"},
        ]
    forum.tags = [
        {"id": world.ids.new(), "name": name, "moderated": False, "emoji_id": None, "emoji_name": None}
        for name in TAGS
    ]
    return Seeded(guild, app, [ada, bob, carla, deniz], [*channels, room, forum])
