"""The workspaces that are connected: their tokens, who the bot is there, and a client for each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID

import structlog

from adapters.slack.calls import SECONDS, Json, call
from adapters.slack.settings import Settings
from core import clock, lease, tasks
from core.chat import Place, PostFailed, RetryAfter, Revoked
from core.desk import Desk
from core.installations import environment
from core.installations import service as installations
from core.installations.service import Connection
from core.outage import MAY_BE_AWAY, wait_out

log = structlog.get_logger("slack.workspaces")

PLATFORM = "slack"
STRANGE = 30.0
"""Seconds for which a workspace that is none of ours is not looked for again."""
NOT_YET = 5.0
EARLY = 7_200.0
"""Seconds before the end of a token's life at which it is exchanged, beside what is said meanwhile."""
LATE = 60.0
"""Seconds before its end at which calls wait for the new one."""
TURN_PAUSE, LONGEST_TURN_PAUSE = 5.0, 600.0
"""Seconds after an exchange that failed; doubling from the first to the last."""
CLOSE_PATIENCE = 3.0


@dataclass(slots=True)
class Workspace:
    """One connected workspace. `settled` once we know who the bot is there."""

    team: str
    secrets: Mapping[str, str] = field(repr=False)
    client: Any = field(repr=False)
    row: UUID | None = None
    name: str = ""
    url: str = ""
    bot_user: str = ""
    bot_id: str = ""
    scopes: frozenset[str] = frozenset()
    settled: bool = False
    refused: bool = False
    met: float = 0.0
    """When we came: what was said before is not ours."""
    turning: asyncio.Task[None] | None = field(default=None, repr=False)
    """Its token is being exchanged."""
    turns_at: float = 0.0
    """When its token may be tried to be exchanged again, by the monotonic clock."""
    turn_pause: float = 0.0
    turned_away: bool = False
    """Slack takes the refresh token no more: with this token it ends."""

    @property
    def expires_at(self) -> float:
        try:
            return float(self.secrets.get("expires_at") or 0)
        except ValueError:
            return 0.0

    def ends_within(self, seconds: float) -> bool:
        """Whether its token, one that is exchanged, ends so soon."""
        return bool(self.secrets.get("refresh_token")) and self.expires_at - clock.seconds() <= seconds

    def place(self, channel: str, thread: str = "") -> Place:
        return Place(PLATFORM, self.team, channel, thread)

    async def call(self, method: str, *, seconds: float = SECONDS, **arguments: Any) -> Json:
        if self.client is None:
            raise PostFailed(f"{method}: closed")
        return await call(self.client, method, seconds=seconds, **arguments)


class Workspaces:
    """All of them, by team; kept in step with the environment and the connections in the database."""

    def __init__(self, desk: Desk, settings: Settings) -> None:
        self.desk = desk
        self.settings = settings
        self.known: dict[str, Workspace] = {}
        self.changed = asyncio.Event()
        """Set when a workspace came, went or has new tokens."""
        self.on_new: Callable[[Workspace], None] = lambda workspace: None
        self.led: frozenset[str] | None = None
        """The teams of this process, "" for that of the environment; None where it runs them all."""
        self._session: Any = None
        self._from_env, self._env_refused = "", False
        self._refreshing = asyncio.Lock()
        self._turns: set[asyncio.Task[None]] = set()
        self._strangers: dict[str, float] = {}

    @property
    def env_waits(self) -> bool:
        """The environment names a workspace that was not reached yet."""
        return bool(self.settings.bot_token) and not self._from_env and not self._env_refused

    def leads(self, team: str) -> bool:
        """Whether this process hears and speaks there."""
        if self.led is None or team in self.led:
            return True
        known = self.known.get(team)
        return "" in self.led and known is not None and known.row is None

    def settled(self) -> set[str]:
        return {team for team, one in self.known.items() if one.settled}

    def bots(self) -> frozenset[str]:
        """Who the desk is, in each of them."""
        return frozenset(one.bot_user for one in self.known.values() if one.bot_user)

    async def shares(self) -> Mapping[str, frozenset[str]]:
        """Workspaces of one app that is connected by a socket are led together: Slack tells each socket of
        the app of any of them."""
        async with self.desk.db.sessions() as session:
            rows = await installations.connections(session, self.desk.means.keys, PLATFORM, broken=True)
        together: dict[str, set[str]] = {"": {""}} if self.settings.bot_token else {}
        name_of = {self.settings.app_token: ""} if self.settings.bot_token else {}
        for row in rows:
            app = row.secrets.get("app_token") or self.settings.app_token
            name = name_of.setdefault(app, row.external) if app else row.external
            together.setdefault(name, set()).add(row.external)
        return {name: frozenset(teams) for name, teams in together.items()}

    # --- finding

    async def of(self, team: str) -> Workspace:
        """A workspace that can be called; its token is exchanged when its life ends."""
        workspace = self.known.get(team)
        if workspace is None or workspace.refused:
            # It may have been connected, or connected anew, a moment ago.
            await self.refresh()
            workspace = self.known.get(team)
        if workspace is None and self.env_waits:
            raise RetryAfter(NOT_YET)  # Which one the environment names is not known before Slack says so.
        if workspace is None or workspace.refused:
            raise Revoked("not_connected")
        await self._in_time(workspace)
        return workspace

    def among(self, teams: list[str]) -> Workspace | None:
        """The first of these teams that is connected."""
        for team in teams:
            if (found := self.known.get(team)) is not None and found.settled:
                return found
        return None

    async def meeting(self, teams: list[str]) -> Workspace | None:
        """The same, also of one that was connected a moment ago; None for a workspace that is none of
        ours. Raises `Revoked` while one of them is known and cannot be reached yet."""
        found = self.among(teams)
        if found is not None or not teams:
            return found
        now = time.monotonic()
        if not any(self._strangers.get(team, 0.0) > now for team in teams):
            await self.refresh()
            found = self.among(teams)
        waits = [team for team in teams if team in self.known and not self.known[team].refused]
        if found is None and (waits or self.env_waits):
            raise Revoked("not_reached_yet")
        if found is None:
            self._strangers = {team: until for team, until in self._strangers.items() if until > now}
            self._strangers |= dict.fromkeys(teams[:5], now + STRANGE)
        return found

    def app_tokens(self) -> set[str]:
        """Each app's token for Socket Mode."""
        led = [one for team, one in self.known.items() if self.leads(team)]
        return {one.secrets.get("app_token") or self.settings.app_token for one in led} - {""}

    def signing_secrets(self) -> set[str]:
        found = {self.settings.signing_secret} if self.settings.signing_secret else set()
        return found | {one for w in self.known.values() if (one := w.secrets.get("signing_secret"))}

    def signing_secret_of(self, workspace: Workspace) -> str:
        """What requests of its app are signed with; the environment's where it has no other."""
        return workspace.secrets.get("signing_secret") or self.settings.signing_secret

    # --- keeping in step

    async def refresh(self) -> None:
        """Look at the connections anew, and meet those that are new."""
        async with self._refreshing:
            async with self.desk.db.sessions() as session:
                rows = await installations.connections(session, self.desk.means.keys, PLATFORM)
            for row in rows:
                self._take(row)
            for team in set(self.known) - {row.external for row in rows}:
                if self.known[team].row is not None:
                    self._forget(team)
                    # Where the environment names it too, its own token is taken from now on.
                    self._from_env = "" if team == self._from_env else self._from_env
                elif team != self._from_env:
                    self._forget(team)
            await self._env()
            # Whoever does not run them exchanges no token either.
            new = [one for team, one in self.known.items() if not one.settled and self.leads(team)]
            await asyncio.gather(*map(self._meet, new))

    def _take(self, row: Connection) -> None:
        before = self.known.get(row.external)
        same = before is not None and before.row == row.id and before.secrets == row.secrets
        if before is not None and same and not before.refused:
            return
        client = self.client(row.secrets.get("bot_token", ""))
        self._strangers.pop(row.external, None)
        self.known[row.external] = Workspace(row.external, row.secrets, client, row.id, row.name)
        self.changed.set()

    def _forget(self, team: str) -> None:
        del self.known[team]
        self.changed.set()

    async def _env(self) -> None:
        """The connection that the environment names; a row for the same workspace goes before it."""
        if not self.settings.bot_token or self._from_env or self._env_refused:
            return
        if self.led is not None and "" not in self.led:
            return
        secrets = {"bot_token": self.settings.bot_token}
        workspace = Workspace("", secrets, self.client(self.settings.bot_token))
        if await self._meet(workspace):
            self._from_env = workspace.team
            if self.known.setdefault(workspace.team, workspace) is workspace:
                self.changed.set()
        self._env_refused = workspace.refused
        if workspace.refused:
            with lease.about((PLATFORM, "")):
                async with self.desk.unit() as uow:
                    await environment.refused(uow, PLATFORM, "", "token_revoked")

    async def note_environment(self) -> None:
        """Where the environment names none, the admins read that."""
        if not self.settings.bot_token:
            await environment.note_absent(self.desk, PLATFORM)

    async def _meet(self, workspace: Workspace) -> bool:
        """Who are we there? False when Slack does not say now, or refuses the token."""
        if workspace.refused:
            return False
        try:
            if workspace.team:
                await self._in_time(workspace)
            me, scopes = await whoami(workspace.client)
        except Revoked as error:
            await self.note_refused(workspace, str(error))
            return False
        except PostFailed as error:
            log.warning("slack.not_reached", team=workspace.team, error=type(error).__name__)
            return False
        workspace.team = workspace.team or str(me.get("team_id", ""))
        workspace.name = workspace.name or str(me.get("team", ""))
        workspace.url = str(me.get("url", ""))
        workspace.bot_user, workspace.bot_id = str(me.get("user_id", "")), str(me.get("bot_id", ""))
        workspace.scopes, workspace.settled, workspace.met = scopes, True, clock.seconds()
        log.info("slack.connected", team=workspace.team)
        if workspace.row is None:
            with lease.about((PLATFORM, workspace.team)):
                async with self.desk.unit() as uow:
                    await environment.taken(uow, PLATFORM, workspace.team, workspace.name)
        self.on_new(workspace)
        self.changed.set()
        return True

    async def note_refused(self, workspace: Workspace, problem: str) -> None:
        """Slack takes the token no more: shown to the admins, nothing is called any longer."""
        workspace.refused = True
        log.warning("slack.refused_token", team=workspace.team)
        if workspace.team:
            with lease.about((PLATFORM, workspace.team)):
                async with self.desk.unit() as uow:
                    await installations.note_broken(uow, PLATFORM, workspace.team, problem)

    # --- tokens that are exchanged

    def look_after_tokens(self) -> None:
        """Begin to exchange those that end soon, whether or not anything is said there."""
        for team, workspace in self.known.items():
            if workspace.settled and self.leads(team):
                self._turning(workspace)

    async def _in_time(self, workspace: Workspace) -> None:
        """Its token is exchanged before it ends; only at the very end anybody waits for that. Raises
        `RetryAfter` where it has ended and there is no new one yet, `Revoked` where there will be none."""
        turning = self._turning(workspace)
        if turning is not None and workspace.ends_within(LATE):
            await asyncio.shield(turning)
        if workspace.ends_within(0):
            if workspace.turned_away:
                raise Revoked("invalid_refresh_token")
            raise RetryAfter(max(workspace.turns_at - time.monotonic(), 1.0))

    def _turning(self, workspace: Workspace) -> asyncio.Task[None] | None:
        """The exchange of its token that is under way, begun where it is time. It is a task of its own: whoever
        waits for it may be cancelled, and what Slack answers once is kept all the same."""
        if workspace.turning is None or workspace.turning.done():
            if not workspace.ends_within(EARLY) or time.monotonic() < workspace.turns_at:
                return None
            workspace.turning = asyncio.create_task(self._turn(workspace), name="slack.turn")
            self._turns.add(workspace.turning)
            workspace.turning.add_done_callback(self._turns.discard)
        return workspace.turning

    async def _turn(self, workspace: Workspace) -> None:
        """A new token for the old one. Each refresh token works once: whoever else was first has stored
        what it got."""
        try:
            if await self._turned_elsewhere(workspace):
                return
            spent = workspace.secrets["refresh_token"]
            answer = await self.granted(grant_type="refresh_token", refresh_token=spent)
        except (PostFailed, *MAY_BE_AWAY) as error:
            await wait_out(partial(self._not_turned, workspace, error))
            return
        self._use(workspace, dict(workspace.secrets) | secrets_of(answer))
        await wait_out(partial(self._store, workspace))
        log.info("slack.token_renewed", team=workspace.team)

    async def _store(self, workspace: Workspace) -> None:
        """Whoever has exchanged it keeps it, whoever leads now: the old one is worth nothing any more."""
        if workspace.row is not None:
            with lease.about():
                async with self.desk.unit() as uow:
                    await installations.renew(uow, workspace.row, workspace.secrets)

    async def _not_turned(self, workspace: Workspace, error: Exception) -> None:
        """Tried again after a growing pause. The admins read of it when it matters: the token has ended, or
        there will be no other."""
        if await self._turned_elsewhere(workspace):
            return
        pause = min(max(workspace.turn_pause * 2, TURN_PAUSE), LONGEST_TURN_PAUSE)
        workspace.turned_away = isinstance(error, Revoked)
        problem = "renewal_refused" if workspace.turned_away else "not_renewed"
        if workspace.row is not None and (workspace.turned_away or workspace.ends_within(0)):
            with lease.about():
                async with self.desk.unit() as uow:
                    await installations.note_problem(uow, workspace.row, problem)
        workspace.turn_pause, workspace.turns_at = pause, time.monotonic() + pause
        log.warning("slack.token_not_renewed", team=workspace.team, error=type(error).__name__, seconds=pause)

    async def _turned_elsewhere(self, workspace: Workspace) -> bool:
        async with self.desk.db.sessions() as session:
            rows = await installations.connections(session, self.desk.means.keys, PLATFORM)
        for row in rows:
            if row.id == workspace.row and row.secrets != workspace.secrets:
                self._use(workspace, row.secrets)
                return workspace.expires_at - clock.seconds() > EARLY
        return False

    def _use(self, workspace: Workspace, secrets: Mapping[str, str]) -> None:
        workspace.secrets = secrets
        workspace.turns_at, workspace.turn_pause, workspace.turned_away = 0.0, 0.0, False
        workspace.client = self.client(secrets.get("bot_token", ""))

    async def granted(self, **arguments: Any) -> Json:
        """`oauth.v2.access`, as a form: a code or a refresh token becomes a token."""
        return await call(
            self.client(""),
            "oauth.v2.access",
            client_id=self.settings.client_id,
            client_secret=self.settings.client_secret,
            **arguments,
        )

    # --- clients

    def client(self, token: str) -> Any:
        """A client of the SDK that tries once: trying again is the outbox's affair, and would say
        things twice when only the answer was lost."""
        from slack_sdk.web.async_client import AsyncWebClient

        return AsyncWebClient(
            token=token or None,
            base_url=self.settings.api,
            session=self.session(),
            retry_handlers=[],
            timeout=int(SECONDS),
            logger=quiet(),
        )

    def session(self) -> Any:
        """The one HTTP session, opened when first used."""
        import aiohttp

        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(trust_env=True)
        return self._session

    async def close(self) -> None:
        if self._turns:
            # What Slack gives for a token is given once.
            await asyncio.wait(self._turns, timeout=CLOSE_PATIENCE)
        await tasks.end(self._turns)
        if self._session is not None:
            with suppress(*MAY_BE_AWAY):
                await self._session.close()
            self._session = None
        for workspace in self.known.values():
            workspace.client = None
        self.known.clear()
        self._from_env = ""


async def whoami(client: Any) -> tuple[Json, frozenset[str]]:
    """`auth.test`, and the scopes that its answer's header tells."""
    from slack_sdk.errors import SlackApiError

    me = await call(client, "auth.test")
    try:
        async with asyncio.timeout(SECONDS):
            answer = await client.api_call("auth.test")
        given = next((v for k, v in answer.headers.items() if k.lower() == "x-oauth-scopes"), "")
    except (SlackApiError, TimeoutError, OSError):
        given = ""
    return me, frozenset(one.strip() for one in given.split(",") if one.strip())


def secrets_of(answer: Json) -> dict[str, str]:
    """What is kept of a grant."""
    found = {"bot_token": str(answer.get("access_token") or "")}
    if answer.get("refresh_token"):
        found["refresh_token"] = str(answer["refresh_token"])
        found["expires_at"] = str(int(clock.seconds()) + int(answer.get("expires_in") or 43_200))
    return found


def quiet() -> Any:
    """The SDK's logger would write down messages and tokens."""
    import logging

    logger = logging.getLogger("adapters.slack.sdk")
    logger.setLevel(logging.CRITICAL + 1)
    return logger
