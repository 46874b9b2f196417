"""What comes in: read, handed to the desk, answered, and only then acknowledged."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

import structlog

from adapters.slack import gathering, inbound, messages
from adapters.slack.answering import Answering, user_in
from adapters.slack.catchup import CatchUp
from adapters.slack.directory import Directory
from adapters.slack.inbound import to_inbound
from adapters.slack.names import Known
from adapters.slack.posting import reactions_on
from adapters.slack.standing import stands
from adapters.slack.workspaces import PLATFORM, Workspace, Workspaces
from core import clock, lease, tasks
from core.chat import (
    Answer,
    Deleted,
    Deliver,
    Edited,
    Gone,
    Inbound,
    Invoked,
    Joined,
    NotSupported,
    Pressed,
    Reacted,
    Revoked,
    Said,
    Submitted,
    Visited,
)
from core.errors import DeskError, Invalid, NotFound, Unavailable
from core.i18n import _, set_language

log = structlog.get_logger("slack.receiving")
Json = dict[str, Any]

MOST_GONE = 5_000
Kept = TypeVar("Kept")
_CHANNEL_EVENTS = ("message", "app_mention")
_FORGET = ("user_change", "user_profile_changed", "user_status_changed")
_ENDED = ("app_uninstalled", "tokens_revoked")


class Receiving:
    """One door for events, commands, buttons and forms, whichever way they came."""

    def __init__(self, workspaces: Workspaces, directory: Directory, catchup: CatchUp) -> None:
        self.workspaces = workspaces
        self.directory = directory
        self.catchup = catchup
        self.lanes = catchup.lanes
        self.answering = Answering()
        self.shared = catchup.shared
        self.deliver: Deliver | None = None
        self._gone: OrderedDict[str, None] = OrderedDict()
        """Messages whose deletion was told before they were: they are not said any more."""
        self._early: OrderedDict[str, Edited] = OrderedDict()
        """The last words of messages whose edit was told before they were: they follow them."""
        self._told: OrderedDict[str, None] = OrderedDict()
        """Whose mistake was told to them: what names the bot in a channel comes as two events."""
        self._tasks: set[asyncio.Task[None]] = set()

    async def receive(self, payload: Json) -> Json:
        """Deal with one payload; returns what the acknowledgement says. An exception means: do not
        acknowledge, so that it is sent again."""
        try:
            workspace = await self.workspaces.meeting(inbound.teams(payload))
        except Revoked as error:
            raise Unavailable(_("Slack cannot be reached right now.")) from error
        if workspace is None:
            return {}
        workspace = await self.shared.keeper(workspace, payload)
        if not self.workspaces.leads(workspace.team):
            raise Unavailable(_("The desk cannot be reached right now. Please try again in a moment."))
        with lease.about((PLATFORM, workspace.team)):
            if payload.get("type") == "event_callback":
                await self._event(workspace, payload)
                return {}
            return await self._interaction(workspace, payload)

    async def close(self) -> None:
        await tasks.end(self._tasks)

    # --- events

    async def _event(self, workspace: Workspace, payload: Json) -> None:
        event = payload.get("event")
        if not isinstance(event, dict):
            return
        kind = event.get("type")
        if kind in _FORGET:
            user = event.get("user")
            self.directory.forget(workspace, str(user.get("id")) if isinstance(user, dict) else str(user))
        elif kind in _ENDED and _ours_ended(event):
            await self.workspaces.note_refused(workspace, "token_revoked")
        elif kind in _CHANNEL_EVENTS:
            await self._in_order(workspace, payload, event)
        elif kind in ("reaction_added", "reaction_removed"):
            item = event.get("item")
            channel = str(item.get("channel") or "") if isinstance(item, dict) else ""
            async with self.lanes.turn(f"{workspace.team} {channel}", str(event.get("event_ts") or "")):
                await self._reaction(workspace, payload, event)
        else:
            await self._plain(workspace, payload)

    async def _in_order(self, workspace: Workspace, payload: Json, event: Json) -> None:
        """Messages of one channel one after the other, and after what was missed there before."""
        channel, ts = str(event.get("channel") or ""), str(event.get("ts") or event.get("event_ts") or "")
        async with self.lanes.turn(f"{workspace.team} {channel}", ts):
            if self.deliver is None or not self.workspaces.leads(workspace.team):
                # What waited for its turn is not begun any more: Slack says it again.
                raise Unavailable(_("The desk cannot be reached right now. Please try again in a moment."))
            await self.catchup.before(workspace, channel, ts, self._delivered)
            try:
                await self._plain(workspace, payload)
            except Exception:
                self.catchup.failed(workspace, channel)
                raise
            self.catchup.done(workspace, channel, ts)

    async def _reaction(self, workspace: Workspace, payload: Json, event: Json) -> None:
        """All reactions of that person; asked of Slack only where the message is the desk's business."""
        item = event.get("item")
        channel = str(item.get("channel") or "") if isinstance(item, dict) else ""
        native = str(item.get("ts") or "") if isinstance(item, dict) else ""
        if event.get("user") in self.workspaces.bots():
            return  # Our own marks come back to us.
        if not await stands(self.workspaces.desk, workspace.place(channel), native):
            return
        own = await _all_of(workspace, channel, native, str(event.get("user") or ""))
        known = await self.directory.known(workspace, inbound.wanted(payload))
        found = to_inbound(payload, known, own)
        if found is not None:
            await self._answer(workspace, found, payload)

    async def _plain(self, workspace: Workspace, payload: Json) -> None:
        known = await self.directory.known(workspace, inbound.wanted(payload))
        found = to_inbound(payload, known)
        if found is None or self._was_deleted(found) or await self._is_gone(workspace, found, payload, known):
            return
        if isinstance(found, Joined) and not found.left:
            # What was said while the channel was closed to us was told by no event.
            self.catchup.failed(workspace, found.place.channel)
        answer = await self._answer(workspace, found, payload)
        if isinstance(found, Visited) and answer is not None and answer.cards:
            await self.answering.home(workspace, user_in(payload), answer.cards)
        elif answer is not None:
            self._later(self.answering.show(workspace, found, answer, payload))

    def _was_deleted(self, found: Inbound) -> bool:
        return isinstance(found, (Said, Invoked)) and _key(found) in self._gone

    async def _is_gone(self, workspace: Workspace, found: Inbound, payload: Json, known: Known) -> bool:
        """Told again after a start, and deleted meanwhile: its deletion may have come to the process
        before this one, ahead of the message. An edit that came so follows it."""
        event = payload.get("event")
        if not isinstance(found, Said) or not isinstance(event, dict):
            return False
        stands = await self.catchup.as_it_stands(workspace, found.place.channel, event)
        if stands and stands.get("edited"):
            edit = messages.edit_of(stands, known, found.place.channel, missed=True)
            if edit is not None:
                self._came_early(edit)
        return stands == {}

    async def _answer(self, workspace: Workspace, found: Inbound, payload: Json) -> Answer | None:
        """Words about the sender's own mistake are shown to them; it is dealt with then."""
        try:
            answer = await self._delivered(found)
        except Unavailable:
            raise
        except NotFound as error:
            if not isinstance(found, (Edited, Deleted, Reacted)):
                self._tell_once(workspace, found, error, payload)
            answer = Answer(ignored=True)
        except DeskError as error:
            self._tell_once(workspace, found, error, payload)
            return None
        if answer.ignored and isinstance(found, Deleted):
            _note(self._gone, found)
        elif answer.ignored and isinstance(found, Edited):
            self._came_early(found)
        return answer

    async def _delivered(self, found: Inbound) -> Answer:
        if self.deliver is None:
            raise Unavailable(_("The desk cannot be reached right now. Please try again in a moment."))
        set_language(found.sender.locale or None)
        answer = await self.deliver(found)
        if isinstance(found, Said):
            await self._follow(found, self.deliver)
        return answer

    def _came_early(self, edit: Edited) -> None:
        """The last words count, in whatever order they are told."""
        earlier = self._early.get(_key(edit))
        if earlier is None or earlier.at <= edit.at:
            _keep(self._early, _key(edit), edit)

    async def _follow(self, said: Said, deliver: Deliver) -> None:
        """The edit that came before its message, told or found in the history. It is kept until it was dealt with."""
        if (edit := self._early.get(_key(said))) is None:
            return
        try:
            await deliver(edit)
        except Unavailable:
            raise
        except DeskError as error:
            log.info("slack.edit_refused", error=error.code)
        self._early.pop(_key(said), None)

    def _tell_once(self, workspace: Workspace, found: Inbound, error: DeskError, payload: Json) -> None:
        if _note(self._told, found):
            self._later(self.answering.tell(workspace, found, error.words, payload))

    # --- commands, buttons, forms

    async def _interaction(self, workspace: Workspace, payload: Json) -> Json:
        """None of these is sent again: what goes wrong is told at once."""
        known = await self.directory.known(workspace, inbound.wanted(payload))
        found: Inbound | None
        if payload.get("type") == "message_action":
            found = await gathering.gathered(workspace, self.directory, payload, known)
        else:
            found = to_inbound(payload, known)
        if found is None:
            return {}
        try:
            answer = await self._delivered(found)
        except DeskError as error:
            return await self._refused(workspace, found, error, payload)
        return await self._shown(workspace, found, answer, payload)

    async def _shown(self, workspace: Workspace, found: Inbound, answer: Answer, payload: Json) -> Json:
        if isinstance(found, Submitted) and answer.form is not None:
            from adapters.slack import render

            return {"response_action": "update", "view": render.modal(answer.form, found.place)}
        if answer.form is not None:
            # The trigger lives for three seconds: its form comes first.
            await self.answering.show(workspace, found, answer, payload)
        else:
            self._later(self.answering.show(workspace, found, answer, payload))
        if isinstance(found, Submitted) or (_on_home(payload) and isinstance(found, (Pressed, Invoked))):
            self._later(self._home_again(workspace, found, user_in(payload)))
        return {}

    async def _refused(self, workspace: Workspace, found: Inbound, error: DeskError, payload: Json) -> Json:
        if isinstance(found, Submitted) and found.values:
            field = error.field if isinstance(error, Invalid) and error.field in found.values else None
            return {"response_action": "errors", "errors": {field or next(iter(found.values)): error.words}}
        self._later(self.answering.tell(workspace, found, error.words, payload))
        return {}

    async def _home_again(self, workspace: Workspace, found: Inbound, user: str) -> None:
        """What was done on the page shows on the page."""
        now = clock.now()
        visited = Visited(place=found.place, sender=found.sender, native=f"after {found.native}", at=now)
        with suppress(DeskError):
            answer = await self._delivered(visited)
            await self.answering.home(workspace, user, answer.cards)

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("slack.answer_failed", exc_info=error)


def _key(found: Inbound) -> str:
    return f"{found.place.channel} {found.native}"


def _note(kept: OrderedDict[str, None], found: Inbound) -> bool:
    """Keep that this was dealt with; False when it was before."""
    news = _key(found) not in kept
    _keep(kept, _key(found), None)
    return news


def _keep(kept: OrderedDict[str, Kept], key: str, what: Kept) -> None:
    kept[key] = what
    while len(kept) > MOST_GONE:
        kept.popitem(last=False)


def _on_home(payload: Json) -> bool:
    view = payload.get("view")
    return isinstance(view, dict) and view.get("type") == "home"


def _ours_ended(event: Json) -> bool:
    """The app was removed, or the bot's own token; people's tokens are none of ours."""
    tokens = event.get("tokens")
    return event.get("type") == "app_uninstalled" or bool(isinstance(tokens, dict) and tokens.get("bot"))


async def _all_of(workspace: Workspace, channel: str, native: str, user: str) -> tuple[str, ...] | None:
    """Everything that one person reacted with; None where Slack may not be asked."""
    try:
        message = await reactions_on(workspace, channel, native)
    except (Gone, NotSupported):
        return None
    return tuple(
        str(one.get("name"))
        for one in message.get("reactions") or ()
        if isinstance(one, dict) and user in (one.get("users") or ())
    )
