"""Who is where: joining and leaving, bots invited and kicked, direct messages closed, tokens revoked."""

from __future__ import annotations

from playground.discord import shapes
from playground.discord.events import Intent
from playground.discord.finding import Finder
from playground.discord.gateway import Gateway
from playground.discord.model import App, Guild, User
from playground.discord.world import World


class Membership(Finder):
    def __init__(self, world: World, gateway: Gateway) -> None:
        super().__init__(world)
        self.gateway = gateway

    def join(self, user: User | str, guild: Guild | str, *roles: str) -> None:
        who, where = self.user(user), self.guild(guild)
        member = self.world.add_member(where, who, *roles)
        data = shapes.member(member) | {"guild_id": where.id}
        self.world.tell("GUILD_MEMBER_ADD", data, intent=Intent.members, guild=where)
        self.world.journal.note("guild", guild=where.id)

    def leave(self, user: User | str, guild: Guild | str) -> None:
        who, where = self.user(user), self.guild(guild)
        where.members.pop(who.id, None)
        data = {"guild_id": where.id, "user": shapes.user(who)}
        self.world.tell("GUILD_MEMBER_REMOVE", data, intent=Intent.members, guild=where)
        self.world.journal.note("guild", guild=where.id)

    def invite(self, bot: App | str, guild: Guild | str) -> None:
        app, where = self.bot(bot), self.guild(guild)
        self.world.add_member(where, app.user)
        data = shapes.guild_as_created(self.world, where, app, everyone=False)
        # By this the client tells a guild that it has joined from one that has come back.
        del data["unavailable"]
        self.world.tell("GUILD_CREATE", data, guild=where, only=app.id)
        self.world.journal.note("guild", guild=where.id)

    def kick(self, bot: App | str, guild: Guild | str) -> None:
        app, where = self.bot(bot), self.guild(guild)
        member = where.members.pop(app.id, None)
        if member is not None:
            for role_id in [one for one in member.roles if where.roles[one].bot_id == app.id]:
                del where.roles[role_id]
            self.world.tell("GUILD_DELETE", {"id": where.id}, guild=where, only=app.id)
            self.world.journal.note("guild", guild=where.id)

    def close_dm(self, user: User | str, bot: App | str) -> None:
        """From now on the bot cannot write to this person."""
        self.user(user).blocked.add(self.bot(bot).id)

    def open_dm(self, user: User | str, bot: App | str) -> None:
        self.user(user).blocked.discard(self.bot(bot).id)

    def revoke(self, bot: App | str) -> None:
        """The token is worth nothing any more, neither for REST nor for the gateway."""
        app = self.bot(bot)
        app.revoked = True
        self.gateway.close(4004, app.id)
        self.gateway.forget(app.id)

    def rotate(self, bot: App | str, token: str = "") -> None:
        """Another token; the old one is worth nothing any more, and its session ends."""
        app = self.bot(bot)
        app.token, app.revoked = token or f"{app.token}-again", False
        self.gateway.close(4004, app.id)
        self.gateway.forget(app.id)

    def restore(self, bot: App | str) -> None:
        self.bot(bot).revoked = False
