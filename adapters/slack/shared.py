"""Channels that several connected workspaces share (Slack Connect): one of them keeps the channel.

Slack tells of such a channel through any one workspace in which the app is, and through another one as
soon as that joins (`authorizations` of an event, https://docs.slack.dev/apis/events-api). What the desk
knows of a thread stands under the workspace through which it was met, so that one goes on to count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import structlog
from sqlalchemy import or_, select

from adapters.slack.directory import WAIT, Remembered
from adapters.slack.messages import is_direct
from adapters.slack.payload import Json, channel_of, mapping, named, string
from adapters.slack.workspaces import PLATFORM, Workspace, Workspaces
from core.chat import Place, PostFailed
from core.conversations.model import MessageCopy
from core.rooms.model import DeskRoom

log = structlog.get_logger("slack.shared")

MOST_TEAMS = 50
"""Connected workspaces of one channel that are looked at."""


class SharedChannels:
    """Which workspace a payload is for, where its channel belongs to several of ours."""

    def __init__(self, workspaces: Workspaces) -> None:
        self._workspaces = workspaces
        self._teams: Remembered[tuple[str, ...]] = Remembered()
        self._keepers: Remembered[str] = Remembered()

    async def keeper(self, told: Workspace, payload: Json) -> Workspace:
        """The workspace that keeps the channel of a payload; `told`, which Slack named, where no other does."""
        channel = _channel(payload)
        if len(self._workspaces.settled()) < 2 or not channel or is_direct(channel, ""):
            return told
        ours = await self._ours_in(told, channel)
        if len(ours) < 2:
            return told
        team = self._keepers.get(channel)
        if team is None and (team := await self._found(told, payload, channel, ours)):
            self._keepers.put(channel, team)
        return ours.get(team or told.team, told)

    async def _found(
        self, told: Workspace, payload: Json, channel: str, ours: Mapping[str, Workspace]
    ) -> str:
        """Who keeps it from now on; "" while the desk has nothing to do there."""
        team = await self._kept(channel, ours) or _called(told, payload, ours)
        if not team or team == told.team or await _is_in(ours[team], channel):
            return team
        return told.team

    async def _ours_in(self, told: Workspace, channel: str) -> Mapping[str, Workspace]:
        """The connected workspaces that share a channel."""
        key = f"{told.team} {channel}"
        if (found := self._teams.get(key)) is None:
            try:
                answer = await told.call("conversations.info", channel=channel, seconds=WAIT)
            except PostFailed as error:
                log.info("slack.not_told", method="conversations.info", error=type(error).__name__)
                return {}
            info = mapping(answer.get("channel"))
            lists = (info.get("shared_team_ids"), info.get("connected_team_ids"))
            found = tuple(
                {str(one) for many in lists if isinstance(many, list) for one in many} | {told.team}
            )
            self._teams.put(key, found)
        settled = [team for team in found if team in self._workspaces.settled()]
        return {team: self._workspaces.known[team] for team in sorted(settled)[:MOST_TEAMS]}

    async def _kept(self, channel: str, teams: Iterable[str]) -> str:
        """Through which the desk met the channel: it holds a message of it, or has a room there."""
        prefixes = [Place(PLATFORM, team, channel).key for team in teams]
        copies = (
            select(MessageCopy.place_key)
            .where(or_(*(MessageCopy.place_key.startswith(one, autoescape=True) for one in prefixes)))
            .order_by(MessageCopy.id)
            .limit(1)
        )
        rooms = select(DeskRoom.place_key).where(DeskRoom.active, DeskRoom.place_key.in_(prefixes)).limit(1)
        async with self._workspaces.desk.db.sessions() as session:
            found = await session.scalar(rooms) or await session.scalar(copies)
        return Place.from_key(found).installation if found else ""


def _called(told: Workspace, payload: Json, ours: Mapping[str, Workspace]) -> str:
    """The workspace whose bot the payload names."""
    users = named(mapping(payload.get("event")))[0]
    called = [team for team, one in ours.items() if one.bot_user in users]
    return told.team if told.team in called else next(iter(called), "")


async def _is_in(workspace: Workspace, channel: str) -> bool:
    try:
        answer = await workspace.call("conversations.info", channel=channel, seconds=WAIT)
    except PostFailed:
        return False
    return mapping(answer.get("channel")).get("is_member") is True


def _channel(payload: Json) -> str:
    event = mapping(payload.get("event"))
    item = mapping(event.get("item"))
    return (
        string(event.get("channel"))
        or string(item.get("channel"))
        or channel_of(payload)
        or string(payload.get("channel_id"))
    )
