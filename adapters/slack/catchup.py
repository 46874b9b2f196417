"""What was said while we were away, oldest first; and how far each channel was read.

After each start and each new connection every channel counts as not read to the end. Whoever speaks
there next has what came before delivered first; a sweep goes through the rest within Slack's limits.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from adapters.slack import inbound, messages
from adapters.slack.deletions import Span, missing
from adapters.slack.directory import Directory
from adapters.slack.lanes import Lanes
from adapters.slack.shared import SHARED, SharedChannels
from adapters.slack.standing import threads
from adapters.slack.workspaces import PLATFORM, Workspace, Workspaces
from core import clock, lease
from core.chat import Answer, Gone, Inbound, NotSupported, PostFailed, RetryAfter, Revoked, ThreadGone
from core.errors import DeskError, Unavailable
from core.i18n import _
from core.installations import cursors
from core.lease import Replaced

log = structlog.get_logger("slack.catchup")
Json = dict[str, Any]
Hand = Callable[[Inbound], Awaitable[Answer]]
Ask = Callable[..., Awaitable[Json]]

BACK = 86_400.0
"""Seconds before the pause in which edits and deletions are looked for."""
OVERLAP = 600.0
"""Seconds that are read once more: Slack promises no order, and gives events up after some minutes."""
MOST_PAGES = 100
PAGE = 200
MOST_CHANNELS = 2_000
MOST_SEEN = 20_000
MOST_THREADS = 50
"""Threads of one channel whose replies are asked for one by one."""
FEW_THREADS = 3
LONGEST_PAUSE = 300.0
AGAIN = (0.2, 0.6)
"""Seconds before a history is asked for again: an event is to be acknowledged within three."""
SHORT = 5.0
BRIEF = 5.0
"""Said so few seconds before we were back, it counts as said while we were there."""


@dataclass(frozen=True, slots=True)
class _Found:
    """Messages of one channel, oldest first; how far it was read before, and in which round they were
    asked for. What is older than `fresh` was dealt with; its edits are looked at back to `since`: that
    somebody spoke meanwhile moves the cursor, and tells nothing of them."""

    messages: list[Json]
    cursor: str
    round: int
    fresh: str
    since: str
    troubles: int = 0
    """How often something of the channel had failed when it was asked for."""
    span: Span | None = None


class CatchUp:
    """The cursors of all workspaces."""

    def __init__(self, workspaces: Workspaces, directory: Directory, lanes: Lanes) -> None:
        self.workspaces = workspaces
        self.directory = directory
        self.lanes = lanes
        self.shared = SharedChannels(workspaces)
        self.wanted = asyncio.Event()
        self._round, self._since = 1, clock.seconds()
        self._came: dict[str, float] = {}
        """When workspaces came to this process that another had run."""
        self._read: dict[tuple[str, str], int] = {}
        """In which round a channel was read to its end, so that live messages may follow."""
        self._swept: dict[tuple[str, str], int] = {}
        """In which round it was looked a day back as well, for edits and deletions."""
        self._awaited: dict[tuple[str, str], set[str]] = {}
        """What the history shows and no event has told yet: Slack repeats in no order, and the last of
        them may be told before those between."""
        self._troubles: Counter[tuple[str, str]] = Counter()
        self._cursors: dict[tuple[str, str], str] = {}
        self._moved: set[tuple[str, str]] = set()
        self._seen: OrderedDict[tuple[str, str, str], None] = OrderedDict()

    def again(self) -> None:
        """There may be a gap: nothing counts as read to the end any more."""
        self._round, self._since = self._round + 1, clock.seconds()
        self.wanted.set()

    def forget(self, team: str) -> None:
        """Another process reads there, or did."""
        everything: tuple[dict[Any, Any], ...] = (
            self._read, self._swept, self._awaited, self._cursors, self._seen,
        )  # fmt: skip
        for kept in everything:
            for key in [key for key in kept if key[0] == team]:
                del kept[key]
        self._moved = {key for key in self._moved if key[0] != team}
        self._came[team] = clock.seconds()
        self.wanted.set()

    def _there_since(self, team: str) -> float:
        return max(self._since, self._came.get(team, 0.0))

    # --- while events come in

    async def before(self, workspace: Workspace, channel: str, ts: str, hand: Hand) -> None:
        """What was missed in a channel, before what is said there now. The caller has the lane. When
        Slack does not say what was, nothing is taken: it repeats what was not acknowledged, and the
        order holds."""
        if not channel or (self._is_read(workspace, channel) and not self._overtakes(workspace, channel, ts)):
            return
        try:
            found = await self._history(workspace, channel)
        except (Gone, NotSupported):
            self._closed(workspace, channel)
        except PostFailed as error:
            log.info("slack.not_caught_up", error=type(error).__name__)
            self.failed(workspace, channel)
            if isinstance(error, RetryAfter) and error.seconds > SHORT:
                # Nobody shall wait for minutes to be heard: the rest is left to the sweep.
                return
            raise Unavailable(_("Slack cannot be reached right now.")) from error
        else:
            later = {str(one["ts"]) for one in found.messages if _is_a_persons(one) and str(one["ts"]) > ts}
            found.messages[:] = [one for one in found.messages if str(one["ts"]) < ts]
            await self._hand_over(workspace, channel, found, hand)
            self._awaited[workspace.team, channel] = later

    async def as_it_stands(self, workspace: Workspace, channel: str, message: Json) -> Json | None:
        """A message that was said before we were here, and is told only now, as it reads today; empty when
        it is there no more. None for any other, and for what Slack does not say for sure."""
        ts, thread = str(message.get("ts") or ""), str(message.get("thread_ts") or "")
        since = self._there_since(workspace.team)
        if not f"{since - OVERLAP:.6f}" <= ts < f"{since:.6f}":
            return None
        one: Json = {"channel": channel, "oldest": ts, "latest": ts, "inclusive": True, "limit": 2}
        try:
            if thread and thread != ts:
                answer = await workspace.call("conversations.replies", ts=thread, **one)
            else:
                answer = await workspace.call("conversations.history", **one)
        except ThreadGone:
            return {}
        except PostFailed as error:
            log.info("slack.not_looked_for", error=type(error).__name__)
            return None
        found = answer.get("messages")
        if not isinstance(found, list):
            return None
        return next((each for each in found if isinstance(each, dict) and each.get("ts") == ts), {})

    async def _history(self, workspace: Workspace, channel: str) -> _Found:
        """What was said in a channel meanwhile; asked again while there is time to acknowledge."""
        for pause in AGAIN:
            try:
                return await self._fetched(workspace, channel, await self._threads(workspace, channel))
            except (Gone, NotSupported):
                raise
            except PostFailed:
                await asyncio.sleep(pause)
        return await self._fetched(workspace, channel, await self._threads(workspace, channel))

    def done(self, workspace: Workspace, channel: str, ts: str) -> None:
        """A message was dealt with: the cursor goes on, where nothing before it is missing."""
        key = (workspace.team, channel)
        self._note(workspace, channel, ts)
        self._awaited.get(key, set()).discard(ts)
        if self._is_read(workspace, channel) and ts > self._cursors.get(key, ""):
            self._cursors[key] = ts
            self._moved.add(key)

    def failed(self, workspace: Workspace, channel: str) -> None:
        """Something of this channel could not be kept: it is looked for again."""
        self._troubles[workspace.team, channel] += 1
        self._read.pop((workspace.team, channel), None)
        self._swept.pop((workspace.team, channel), None)
        self.wanted.set()

    async def save(self) -> None:
        """Write down how far everything was read."""
        for team in sorted({team for team, _channel in self._moved}):
            moved = {key: self._cursors[key] for key in self._moved if key[0] == team}
            self._moved -= moved.keys()
            try:
                with lease.about((PLATFORM, team)):
                    async with self.workspaces.desk.unit() as uow:
                        values = {channel: value for (_team, channel), value in moved.items()}
                        await cursors.move_all(uow.session, PLATFORM, team, values)
            except Replaced:
                log.info("slack.cursors_left", team=team)
            except BaseException:
                self._moved |= moved.keys()
                raise

    # --- the sweep

    async def sweep(self, hand: Hand) -> int:
        """Every channel in which the bot sits; how many facts were handed over."""
        self.wanted.clear()
        count = 0
        for workspace in list(self.workspaces.known.values()):
            if workspace.settled and not workspace.refused and self.workspaces.leads(workspace.team):
                try:
                    count += await self._workspace(workspace, hand)
                except Revoked:
                    await self.workspaces.note_refused(workspace, "token_revoked")
                except PostFailed as error:
                    log.warning("slack.sweep_failed", team=workspace.team, error=type(error).__name__)
        await self.save()
        return count

    async def _workspace(self, workspace: Workspace, hand: Hand) -> int:
        with lease.about((PLATFORM, workspace.team)):
            return await self._read_all(workspace, hand)

    async def _read_all(self, workspace: Workspace, hand: Hand) -> int:
        await self._begin(workspace)
        places = await threads(self.workspaces.desk, PLATFORM, workspace.team)
        count = 0
        channels, shared = await self._channels(workspace)
        for channel in channels:
            if self._swept.get((workspace.team, channel)) == self._round:
                continue
            if channel in shared and await self.shared.keeper_of(workspace, channel) is not workspace:
                continue
            held = [place.thread for place in places if place.channel == channel and place.thread]
            try:
                count += await self._patiently(workspace, channel, hand, held)
            except Revoked:
                raise
            except PostFailed as error:
                # One channel that Slack does not tell of keeps no other waiting.
                log.warning("slack.channel_not_read", team=workspace.team, error=type(error).__name__)
                self.failed(workspace, channel)
        if count:
            log.info("slack.caught_up", team=workspace.team, facts=count)
        return count

    async def _begin(self, workspace: Workspace) -> str:
        """Since when this workspace is read. What was said before we came is not ours."""
        begun = await self._cursor(workspace, "")
        if not begun:
            begun = self._cursors[workspace.team, ""] = f"{workspace.met or clock.seconds():.6f}"
            self._moved.add((workspace.team, ""))
            await self.save()
        return begun

    async def _cursor(self, workspace: Workspace, channel: str) -> str:
        """How far a channel was read; empty when it never was."""
        key = (workspace.team, channel)
        if key not in self._cursors:
            async with self.workspaces.desk.db.sessions() as session:
                value = await cursors.get(session, PLATFORM, workspace.team, channel)
            if value:
                self._cursors.setdefault(key, value)
        return self._cursors.get(key, "")

    async def _channels(self, workspace: Workspace) -> tuple[Sequence[str], set[str]]:
        """Direct conversations first; those that moved last, first. And which belong to others as well."""
        found: list[str] = []
        shared: set[str] = set()
        cursor: str | None = None
        while len(found) < MOST_CHANNELS:
            answer = await self._asked(
                workspace,
                "users.conversations",
                types="im,mpim,public_channel,private_channel",
                exclude_archived=True,
                limit=200,
                cursor=cursor,
            )
            rows = [one for one in answer.get("channels") or () if isinstance(one, dict)]
            found += [str(one.get("id")) for one in rows]
            shared |= {str(one.get("id")) for one in rows if any(one.get(flag) for flag in SHARED)}
            meta = answer.get("response_metadata")
            cursor = str(meta.get("next_cursor") or "") if isinstance(meta, dict) else ""
            if not cursor:
                break
        ordered = sorted(found, key=lambda one: self._cursors.get((workspace.team, one), ""), reverse=True)
        return sorted(ordered, key=lambda one: not one.startswith("D")), shared

    async def _patiently(self, workspace: Workspace, channel: str, hand: Hand, held: list[str]) -> int:
        """One channel: read at the pace that Slack allows, handed over in its lane."""
        try:
            found = await self._fetched(workspace, channel, held, patient=True)
        except (Gone, NotSupported):
            self._closed(workspace, channel)
            return 0
        async with self.lanes.turn(f"{workspace.team} {channel}"):
            count = await self._hand_over(workspace, channel, found, hand)
            if self._holds(workspace, channel, found):
                self._swept[workspace.team, channel] = found.round
        return count

    def _closed(self, workspace: Workspace, channel: str) -> None:
        """Nothing can be read there."""
        self._read[workspace.team, channel] = self._swept[workspace.team, channel] = self._round

    async def _threads(self, workspace: Workspace, channel: str) -> list[str]:
        places = await threads(self.workspaces.desk, PLATFORM, workspace.team)
        return [place.thread for place in places if place.channel == channel and place.thread]

    # --- one channel

    async def _fetched(
        self, workspace: Workspace, channel: str, held: Sequence[str], patient: bool = False
    ) -> _Found:
        """History since the cursor, and the replies in threads that grew or hold a ticket."""
        started, troubles = self._round, self._troubles[workspace.team, channel]
        begun = await self._begin(workspace)
        cursor = await self._cursor(workspace, channel) or begun
        fresh = f"{max(float(cursor) - OVERLAP, float(begun)):.6f}"
        since = f"{max(float(cursor) - BACK, float(begun)):.6f}" if patient else fresh
        until = f"{clock.seconds() - BRIEF:.6f}"
        ask = self._asked if patient else Workspace.call
        history = "conversations.history"
        messages, whole = await self._pages(ask, workspace, history, channel=channel, oldest=since)
        grown = await self._grown(ask, workspace, channel, messages, held, fresh)
        for thread in grown:
            messages += await self._replies(ask, workspace, channel, thread, since)
        messages.sort(key=lambda one: str(one["ts"]))
        span = Span(workspace.place(channel), since, until, frozenset(grown)) if patient and whole else None
        return _Found(messages, cursor, started, fresh, since, troubles, span)

    async def _grown(
        self,
        ask: Ask,
        workspace: Workspace,
        channel: str,
        messages: Sequence[Json],
        held: Sequence[str],
        since: str,
    ) -> list[str]:
        """The threads to which something was added. Of many old ones the channel's history says which
        grew, in one call for all."""
        heads = {str(one["ts"]): str(one.get("latest_reply") or "") for one in messages}
        old = [thread for thread in held if thread not in heads]
        if len(old) > FEW_THREADS:
            span = {"oldest": min(old), "latest": since, "inclusive": True}
            heading = "conversations.history"
            older, _all = await self._pages(ask, workspace, heading, channel=channel, **span)
            for one in older:
                heads[str(one["ts"])] = str(one.get("latest_reply") or "")
        unknown = [thread for thread in old if thread not in heads]
        grown = [thread for thread, latest in heads.items() if latest > since]
        return [*grown, *sorted(unknown, reverse=True)[:MOST_THREADS]]

    async def _replies(
        self, ask: Ask, workspace: Workspace, channel: str, thread: str, since: str
    ) -> list[Json]:
        try:
            found, _all = await self._pages(
                ask, workspace, "conversations.replies", channel=channel, ts=thread, oldest=since
            )
        except (ThreadGone, NotSupported):
            return []
        return [one for one in found if one["ts"] != thread]

    async def _pages(
        self, ask: Ask, workspace: Workspace, method: str, **arguments: Any
    ) -> tuple[list[Json], bool]:
        """All messages, and whether these are all."""
        found: dict[str, Json] = {}
        cursor: str | None = None
        for _page in range(MOST_PAGES):
            answer = await ask(workspace, method, limit=PAGE, cursor=cursor, **arguments)
            for message in answer.get("messages") or ():
                if isinstance(message, dict) and isinstance(message.get("ts"), str):
                    found[message["ts"]] = message
            meta = answer.get("response_metadata")
            cursor = str(meta.get("next_cursor") or "") if isinstance(meta, dict) else ""
            if not cursor:
                return list(found.values()), True
        log.warning("slack.more_than_can_be_read", team=workspace.team)
        return list(found.values()), False

    async def _hand_over(self, workspace: Workspace, channel: str, found: _Found, hand: Hand) -> int:
        count = 0
        for message in found.messages:
            if str(message["ts"]) > found.fresh or _version(message) > found.since:
                count += await self._hand(workspace, channel, message, found, hand)
        if found.span is not None:
            for fact in await missing(self.workspaces.desk, found.span, found.messages):
                count += await self._handed(fact, hand)
        self._awaited.pop((workspace.team, channel), None)
        if self._holds(workspace, channel, found):
            self._read[workspace.team, channel] = found.round
        newest = str(found.messages[-1]["ts"]) if found.messages else found.cursor
        self.done(workspace, channel, max(newest, found.cursor))
        return count

    async def _hand(
        self, workspace: Workspace, channel: str, message: Json, found: _Found, hand: Hand
    ) -> int:
        """A message as it was said, and how it was edited. Slack's history knows the last words only."""
        ts = str(message.get("ts"))
        version = _version(message)
        if (workspace.team, channel, f"{ts} {version}") in self._seen:
            return 0
        known = await self.directory.known(workspace, inbound.wanted({"message": message}))
        facts: list[Inbound | None] = []
        if ts > found.fresh and (not version or (workspace.team, channel, f"{ts} ") not in self._seen):
            missed = found.cursor < ts < f"{self._there_since(workspace.team) - BRIEF:.6f}"
            facts.append(messages.said(message, known, channel, missed=missed))
        if version:
            facts.append(messages.edit_of(message, known, channel, missed=True))
        count = sum([await self._handed(fact, hand) for fact in facts if fact is not None])
        self._note(workspace, channel, ts, version)
        return count

    async def _handed(self, fact: Inbound, hand: Hand) -> int:
        try:
            answer = await hand(fact)
        except Unavailable:
            raise
        except DeskError:
            return 0
        return 0 if answer.ignored or answer.seen_before else 1

    async def _asked(self, workspace: Workspace, method: str, **arguments: Any) -> Json:
        while True:
            try:
                return await workspace.call(method, **arguments)
            except RetryAfter as pause:
                await asyncio.sleep(min(pause.seconds, LONGEST_PAUSE))

    def _note(self, workspace: Workspace, channel: str, ts: str, version: str = "") -> None:
        for key in {f"{ts} ", f"{ts} {version}"}:
            self._seen[workspace.team, channel, key] = None
        while len(self._seen) > MOST_SEEN:
            self._seen.popitem(last=False)

    def _holds(self, workspace: Workspace, channel: str, found: _Found) -> bool:
        """Whether nothing failed since these were asked for: what failed is not among them."""
        return self._troubles[workspace.team, channel] == found.troubles

    def _overtakes(self, workspace: Workspace, channel: str, ts: str) -> bool:
        """Whether something older is known to be still on its way."""
        return any(one < ts for one in self._awaited.get((workspace.team, channel), ()))

    def _is_read(self, workspace: Workspace, channel: str) -> bool:
        return self._read.get((workspace.team, channel)) == self._round


def _is_a_persons(message: Json) -> bool:
    """Whether an event tells of it; ours, and other bots', are none of the desk's business."""
    return not message.get("bot_id") and isinstance(message.get("user"), str)


def _version(message: Json) -> str:
    """When a message was edited last; empty when it never was."""
    edited = message.get("edited")
    return str(edited.get("ts") or "") if isinstance(edited, dict) else ""
