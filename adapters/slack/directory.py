"""Who people are and what channels are called, asked once and remembered for a while."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

import structlog

from adapters.slack.inbound import Wanted
from adapters.slack.names import Known, Person
from adapters.slack.workspaces import Workspace
from core.chat import PostFailed

log = structlog.get_logger("slack.directory")
T = TypeVar("T")
Json = dict[str, Any]

MOST = 20_000
SECONDS = 1_800.0
MOST_NAMED = 30
"""People named in one message whose names are looked up."""
WAIT = 2.0
"""Seconds that a name may take: a message without names is better than one that comes late."""


class Remembered(Generic[T]):
    """Values by key for a while; the oldest go first."""

    def __init__(self, most: int = MOST, seconds: float = SECONDS) -> None:
        self._most, self._seconds = most, seconds
        self._kept: OrderedDict[str, tuple[float, T]] = OrderedDict()

    def get(self, key: str) -> T | None:
        found = self._kept.get(key)
        return found[1] if found is not None and found[0] > time.monotonic() else None

    def put(self, key: str, value: T) -> None:
        self._kept[key] = (time.monotonic() + self._seconds, value)
        self._kept.move_to_end(key)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def drop(self, key: str) -> None:
        self._kept.pop(key, None)


class Directory:
    """What the converters have to be told; nothing of it is ever waited for long."""

    def __init__(self) -> None:
        self.commands: frozenset[str] = frozenset()
        self.bots: Callable[[], frozenset[str]] = frozenset
        """Our bot in each connected workspace."""
        self._people: Remembered[Person] = Remembered()
        self._channels: Remembered[str] = Remembered()
        self._teams: Remembered[str] = Remembered(1_000)
        self._directs: Remembered[str] = Remembered(seconds=24 * 3600)

    async def known(self, workspace: Workspace, wanted: Wanted) -> Known:
        """Everything that one payload names."""
        bots = self.bots() | {workspace.bot_user}
        users = {
            bot: Person(bot, name="Deskbell", bot=True)
            for bot in bots & (wanted.users | {workspace.bot_user})
        }
        for user in sorted(wanted.users)[:MOST_NAMED]:
            if user not in bots and (person := await self.person(workspace, user)) is not None:
                users[user] = person
        channels = {one: await self.channel(workspace, one) for one in sorted(wanted.channels)[:MOST_NAMED]}
        directs = {wanted.direct: await self.direct(workspace, wanted.direct)} if wanted.direct else {}
        return Known(
            team=workspace.team,
            bot_user=workspace.bot_user,
            bot_id=workspace.bot_id,
            bots=bots,
            people=users,
            channels={key: name for key, name in channels.items() if name},
            directs={key: channel for key, channel in directs.items() if channel},
            commands=self.commands,
        )

    async def person(self, workspace: Workspace, user: str) -> Person | None:
        key = f"{workspace.team} {user}"
        if (found := self._people.get(key)) is not None:
            return found
        answer = await asked(workspace, "users.info", user=user, include_locale=True)
        info = answer.get("user")
        if not isinstance(info, dict):
            return None
        person = await self._person(workspace, user, info)
        self._people.put(key, person)
        return person

    def forget(self, workspace: Workspace, user: str) -> None:
        """Their profile changed."""
        self._people.drop(f"{workspace.team} {user}")

    async def _person(self, workspace: Workspace, user: str, info: Json) -> Person:
        profile = info.get("profile") if isinstance(info.get("profile"), dict) else {}
        assert isinstance(profile, dict)
        team = str(info.get("team_id") or "")
        stranger = bool(info.get("is_stranger")) or (
            bool(team) and team != workspace.team and not info.get("enterprise_user")
        )
        name = str(profile.get("display_name") or profile.get("real_name") or info.get("real_name") or "")
        if stranger and team:
            company = await self._team(workspace, team)
            name = f"{name} ({company})" if company else name
        email = str(profile.get("email") or "")
        return Person(
            user,
            external=f"{team}:{user}" if stranger and team else user,
            name=name or str(info.get("name") or ""),
            email=email,
            vouched=bool(email) and bool(info.get("is_email_confirmed")) and not stranger,
            locale=str(info.get("locale") or ""),
            zone=str(info.get("tz") or ""),
            bot=bool(info.get("is_bot")) or user == "USLACKBOT",
        )

    async def _team(self, workspace: Workspace, team: str) -> str:
        return await self._named(self._teams, workspace, team, "team.info", "team", team=team)

    async def channel(self, workspace: Workspace, channel: str) -> str:
        return await self._named(
            self._channels, workspace, channel, "conversations.info", "channel", channel=channel
        )

    async def _named(
        self, kept: Remembered[str], workspace: Workspace, key: str, method: str, field: str, **arguments: str
    ) -> str:
        if (found := kept.get(f"{workspace.team} {key}")) is not None:
            return found
        answer = (await asked(workspace, method, **arguments)).get(field)
        name = str(answer.get("name") or "") if isinstance(answer, dict) else ""
        kept.put(f"{workspace.team} {key}", name)
        return name

    async def direct(self, workspace: Workspace, user: str) -> str:
        """Somebody's conversation with the bot."""
        key = f"{workspace.team} {user}"
        if (found := self._directs.get(key)) is not None:
            return found
        answer = (await asked(workspace, "conversations.open", users=user)).get("channel")
        channel = str(answer.get("id") or "") if isinstance(answer, dict) else ""
        if channel:
            self._directs.put(key, channel)
        return channel


async def asked(workspace: Workspace, method: str, **arguments: Any) -> Json:
    """What Slack says within `WAIT`; empty when it does not."""
    ask: Callable[..., Awaitable[Json]] = workspace.call
    try:
        return await ask(method, seconds=WAIT, **arguments)
    except PostFailed as error:
        log.info("slack.not_told", method=method, error=type(error).__name__)
        return {}
