"""Finding people, bots and places by name or id."""

from __future__ import annotations

from playground.discord import errors
from playground.discord.errors import Refused
from playground.discord.model import App, Channel, Guild, Message, User
from playground.discord.world import World


class Finder:
    """What acts name as such or by id; people and bots also by their names."""

    def __init__(self, world: World) -> None:
        self.world = world

    def user(self, who: User | str) -> User:
        """By id, user name or name."""
        if isinstance(who, User):
            return who
        for one in self.world.users.values():
            if who in (one.id, one.username, one.name):
                return one
        raise Refused(errors.UNKNOWN_USER)

    def bot(self, which: App | str) -> App:
        if isinstance(which, App):
            return which
        app = self.world.apps.get(self.user(which).id)
        if app is None:
            raise Refused(errors.UNKNOWN_APPLICATION)
        return app

    def channel(self, which: Channel | str) -> Channel:
        return which if isinstance(which, Channel) else self.world.channel(which)

    def guild(self, which: Guild | str) -> Guild:
        return which if isinstance(which, Guild) else self.world.guild(which)

    def message(self, which: Message | str) -> Message:
        if isinstance(which, Message):
            return which
        for channel in self.world.channels.values():
            found = channel.messages.get(which) or channel.whispers.get(which)
            if found is not None:
                return found
        raise Refused(errors.UNKNOWN_MESSAGE)
