"""Channels that several connected workspaces share (Slack Connect): one of them keeps the channel.

Slack tells of such a channel through any one workspace in which the app is, and through another one as
soon as that joins (`authorizations` of an event, https://docs.slack.dev/apis/events-api). What the desk
knows of a thread stands under the workspace through which it was met, so that one goes on to count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import or_, select

from adapters.slack.directory import Remembered, asked
from adapters.slack.messages import is_direct
from adapters.slack.payload import Json, channel_of, mapping, string
from adapters.slack.workspaces import PLATFORM, Workspace, Workspaces
from core.chat import Place
from core.conversations.model import MessageCopy
from core.rooms.model import DeskRoom

SHARED = ("is_shared", "is_ext_shared", "is_org_shared")
"""What Slack says of a channel that belongs to several workspaces."""
MOST_TEAMS = 50
"""Connected workspaces of one channel that are looked at."""


class SharedChannels:
    """Which workspace keeps a channel, where it belongs to several of ours."""

    def __init__(self, workspaces: Workspaces) -> None:
        self._workspaces = workspaces
        self._teams: Remembered[tuple[str, ...]] = Remembered()
        self._members: Remembered[bool] = Remembered()
        self._keepers: Remembered[str] = Remembered()

    async def keeper(self, told: Workspace, payload: Json) -> Workspace:
        """The workspace that a payload is for: `told`, which Slack named, unless another keeps its channel."""
        return await self.keeper_of(told, _channel(payload))

    async def keeper_of(self, told: Workspace, channel: str) -> Workspace:
        """Through which the desk met the channel; before it did, the first whose bot is there. That
        does not hang on who asks, so that what is told and what the history says becomes one fact."""
        if len(self._workspaces.settled()) < 2 or not channel or is_direct(channel, ""):
            return told
        ours = await self._ours_in(told, channel)
        if len(ours) < 2:
            return told
        team = self._keepers.get(channel) or await self._kept(channel, ours)
        if team in ours and await self._is_in(ours[team], channel):
            self._keepers.put(channel, team)
            return ours[team]
        there = [one for one in ours.values() if await self._is_in(one, channel)]
        return next(iter(there), told)

    async def _ours_in(self, told: Workspace, channel: str) -> Mapping[str, Workspace]:
        """The connected workspaces that share a channel, in an order that stays."""
        key = f"{told.team} {channel}"
        if (found := self._teams.get(key)) is None:
            info = await _described(told, channel)
            if not info:
                return {}
            self._note_member(key, info)
            lists = (info.get("shared_team_ids"), info.get("connected_team_ids"))
            found = tuple(
                {str(one) for many in lists if isinstance(many, list) for one in many} | {told.team}
            )
            self._teams.put(key, found)
        settled = [team for team in found if team in self._workspaces.settled()]
        return {team: self._workspaces.known[team] for team in sorted(settled)[:MOST_TEAMS]}

    async def _is_in(self, workspace: Workspace, channel: str) -> bool:
        """Whether its bot is in the channel."""
        key = f"{workspace.team} {channel}"
        if (found := self._members.get(key)) is None:
            found = self._note_member(key, await _described(workspace, channel))
        return found

    def _note_member(self, key: str, info: Json) -> bool:
        """Whether the bot is in a channel that is so described; kept where it is, as it may join any time."""
        if is_there := info.get("is_member") is True:
            self._members.put(key, is_there)
        return is_there

    async def _kept(self, channel: str, teams: Iterable[str]) -> str:
        """Through which the desk met the channel: it has a room there, or holds a message of it."""
        prefixes = [Place(PLATFORM, team, channel).key for team in teams]
        rooms = select(DeskRoom.place_key).where(DeskRoom.active, DeskRoom.place_key.in_(prefixes)).limit(1)
        copies = (
            select(MessageCopy.place_key)
            .where(or_(*(MessageCopy.place_key.startswith(one, autoescape=True) for one in prefixes)))
            .order_by(MessageCopy.id)
            .limit(1)
        )
        async with self._workspaces.desk.db.sessions() as session:
            found = await session.scalar(rooms) or await session.scalar(copies)
        return Place.from_key(found).installation if found else ""


async def _described(workspace: Workspace, channel: str) -> Json:
    """What a workspace says of a channel; empty when it does not."""
    return mapping((await asked(workspace, "conversations.info", channel=channel)).get("channel"))


def _channel(payload: Json) -> str:
    event = mapping(payload.get("event"))
    item = mapping(event.get("item"))
    return (
        string(event.get("channel"))
        or string(item.get("channel"))
        or channel_of(payload)
        or string(payload.get("channel_id"))
    )
