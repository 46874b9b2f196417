"""Setting the scene: workspaces, people, channels, tokens, the app's settings, faults."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from playground.slack.errors import PlayError
from playground.slack.play.base import Base
from playground.slack.world import App, Channel

Json = dict[str, Any]


class Admin(Base):
    """The hands behind the scene."""

    # --- workspaces and people

    async def add_workspace(self, name: str, install: bool = True) -> Json:
        team = self.world.add_workspace(name)
        token = self.world.install(team.id).value if install else ""
        self.server.changes.tell("workspace", team=team.id)
        return {"team": team.id, "bot_user": team.bot_user, "bot_id": team.bot_id, "token": token}

    async def install(self, team: str, scopes: list[str] | None = None) -> Json:
        """A new bot token for a workspace; with scopes, only those."""
        key = self._team(team)
        token = self.world.install(key, frozenset(scopes) if scopes is not None else None)
        return {"token": token.value, "bot_user": self.world.workspaces[key].bot_user}

    async def uninstall(self, team: str) -> Json:
        key = self._team(team)
        self._revoke(key)
        self.world.workspaces[key].installed = False
        self.acts.events.of_app(key, "app_uninstalled")
        return {}

    async def revoke_tokens(self, team: str) -> Json:
        """Every token of the workspace stops working; the app is told."""
        key = self._team(team)
        self._revoke(key)
        bot = self.world.workspaces[key].bot_user
        self.acts.events.of_app(key, "tokens_revoked", tokens={"oauth": [], "bot": [bot]})
        return {}

    def _revoke(self, team: str) -> None:
        for token in self.world.tokens.values():
            if token.team == team:
                token.revoked = True

    async def expire_tokens(self, team: str) -> Json:
        """Rotated tokens are as old as they get."""
        key = self._team(team)
        for token in self.world.tokens.values():
            if token.team == key and token.expires is not None:
                token.expires = 0.0
        return {}

    async def oauth_code(self, team: str) -> Json:
        code = self.world.new_id("code-")
        self.world.codes[code] = self._team(team)
        return {"code": code}

    async def add_user(
        self,
        name: str,
        team: str = "",
        real_name: str = "",
        display_name: str = "",
        email: str = "",
        tz: str = "Europe/Berlin",
        locale: str = "en-US",
        is_admin: bool = False,
        bot: bool = False,
    ) -> Json:
        """A person, or another app's bot."""
        key = self._team(team) if team else next(iter(self.world.workspaces))
        more = {
            "display_name": display_name,
            "email": email,
            "tz": tz,
            "locale": locale,
            "is_admin": is_admin,
        }
        user = self.world.add_user(key, name, real_name, **more)
        if bot:
            user.bot_id, user.app_id = self.world.new_id("B"), self.world.new_id("A")
        self.server.changes.tell("user", user=user.id)
        self.acts.events.of_user("team_join", user)
        return {"user": self.shapes.user(user)}

    async def set_user(self, user: str, **profile: Any) -> Json:
        """Change real_name, display_name, email, tz, locale, title or deleted."""
        known = self._user(user)
        allowed = ("real_name", "display_name", "email", "tz", "locale", "title", "deleted", "is_admin")
        if unknown := set(profile) - set(allowed):
            raise PlayError(f"unknown: {', '.join(sorted(unknown))}")
        for name, value in profile.items():
            setattr(known, name, value)
        self.server.changes.tell("user", user=known.id)
        self.acts.events.of_user("user_change", known)
        return {"user": self.shapes.user(known)}

    # --- channels

    async def add_channel(
        self,
        name: str,
        creator: str,
        members: list[str] | None = None,
        private: bool = False,
        with_bot: bool = False,
    ) -> Json:
        maker = self._user(creator)
        if self.world.channel_named(maker.team, name):
            raise PlayError("name_taken")
        channel = self.world.add_channel(maker.team, name, maker.id, private)
        self.acts.created(channel, maker.id)
        for one in [*(members or []), *([self.world.bot_of(maker.team)] if with_bot else [])]:
            self.acts.join(channel, self._user(one), inviter=maker.id)
        return {"channel": self._described(channel)}

    async def invite(self, user: str, channel: str, who: str) -> Json:
        """A person brings another, or the app (`bot`), into a channel."""
        host = self._user(user)
        place = self._channel(channel, host)
        guest = self.world.bot_of(host.team) if who == "bot" else who
        self.acts.join(place, self._user(guest), inviter=host.id)
        return {"channel": self._described(place)}

    async def join(self, user: str, channel: str) -> Json:
        guest = self._user(user)
        place = self._channel(channel)
        self.acts.join(place, guest)
        return {"channel": self._described(place)}

    async def leave(self, user: str, channel: str) -> Json:
        """Leaves; `bot` of a channel's host is thrown out."""
        place = self._channel(channel)
        self.acts.leave(place, self._user(self.world.bot_of(place.teams[0]) if user == "bot" else user))
        return {"channel": self._described(place)}

    async def archive(self, user: str, channel: str, archived: bool = True) -> Json:
        place = self._channel(channel)
        self.acts.archive(place, self._user(user).id, archived)
        return {"channel": self._described(place)}

    async def connect(self, channel: str, team: str, members: list[str] | None = None) -> Json:
        """Share a channel with another workspace, and let people of it in."""
        place, key = self._channel(channel), self._team(team)
        if key not in place.teams:
            place.teams.append(key)
            self.server.changes.tell("channel", channel=place.id)
        for one in members or []:
            self.acts.join(place, self._user(one))
        return {"channel": self._described(place)}

    async def direct(self, users: list[str]) -> Json:
        """The direct conversation of these people; `bot` is the app of the first one's workspace."""
        first = self._user(users[0])
        ids = [self.world.bot_of(first.team) if one == "bot" else self._user(one).id for one in users]
        return {"channel": self._described(self.world.direct(first.team, ids))}

    def _described(self, channel: Channel) -> Json:
        return {"id": channel.id, "name": channel.name, "kind": channel.kind, "members": channel.members}

    # --- the app and the weather

    async def set_app(self, verify: bool = False, **settings: Any) -> Json:
        """Change the app's settings: request_url, socket_mode, commands, shortcuts, events, rotation…"""
        known = {one.name for one in fields(App)}
        if unknown := set(settings) - known:
            raise PlayError(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(sorted(known))}")
        for name, value in settings.items():
            setattr(self.world.app, name, _settled(name, value))
        self.server.webhooks.secret = self.world.app.signing_secret
        self.server.changes.tell("app")
        if not verify:
            return {}
        return {"verified": await self.server.delivery.verify(self.world.app.request_url)}

    async def faults(
        self, rules: list[Json] | None = None, seed: int | None = None, add: Json | None = None
    ) -> Json:
        """See, replace (`rules`), or add one; an empty list clears."""
        try:
            if rules is not None:
                self.server.faults.replace(rules, seed)
            elif seed is not None:
                self.server.faults.random.seed(seed)
            if add:
                self.server.faults.add(**add)
        except (ValueError, TypeError) as wrong:
            raise PlayError(str(wrong)) from None
        return self.server.faults.shown()

    async def knobs(self, **given: Any) -> Json:
        """See or set: ack_seconds, retry_delays, trigger_seconds, share_delay, answers_with_shares,
        rate_limits, narrow_history, rate_scale."""
        for name, value in given.items():
            self.server.set_knob(name, value)
        return self.server.knobs()

    async def disconnect(self, reason: str = "refresh_requested") -> Json:
        return {"asked": await self.server.sockets.disconnect(reason)}

    async def cut_sockets(self) -> Json:
        return {"cut": self.server.sockets.cut_all()}

    async def connected(self, timeout: float = 10.0) -> Json:
        """Waits until the app has a Socket Mode connection."""
        return {"connected": await self.server.sockets.connected(min(float(timeout), 60.0))}

    async def settled(self, timeout: float = 10.0) -> Json:
        """Waits until every event is acknowledged or given up."""
        return {"settled": await self.server.delivery.settled(min(float(timeout), 60.0))}

    async def record(self, method: str = "", limit: int = 200) -> Json:
        """What was called, what was sent, what is questionable."""
        calls = [call for call in self.server.calls if not method or call["method"] == method]
        return {
            "calls": calls[-limit:],
            "events": list(self.server.delivery.sent)[-limit:],
            "lost": len(self.server.delivery.lost),
            "pending": self.server.delivery.pending,
            "questions": list(self.server.questions),
        }


def _settled(name: str, value: Any) -> Any:
    if name == "events" and value is not None:
        return frozenset(value)
    return tuple(value) if name == "commands" else value
