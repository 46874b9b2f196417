"""Slack's OAuth: a workspace is connected by whoever an admin gave the link to.

The link carries a ticket that the desk signed, so that nobody else can bring a workspace in. Each time it is
opened, the ticket and a word made for that once are the `state` of the request, and a cookie ties them to one
browser (RFC 9700, 2.1).
"""

from __future__ import annotations

import hmac
from hashlib import sha256
from urllib.parse import urlencode

from adapters.slack.settings import Settings
from adapters.slack.workspaces import PLATFORM, Workspaces, secrets_of
from core import clock, lease
from core.access import SYSTEM
from core.desk import Desk
from core.i18n import _
from core.ids import new_token
from core.installations import service as installations

VALID = 24 * 3600
SCOPES = (
    "app_mentions:read", "channels:history", "channels:join", "channels:read", "chat:write",
    "chat:write.customize", "commands", "files:read", "files:write", "groups:history", "groups:read",
    "im:history", "im:read", "im:write", "mpim:history", "mpim:read", "reactions:read", "reactions:write",
    "team:read", "users:read", "users:read.email",
)  # fmt: skip


class Refusal(Exception):
    """Words for whoever stands before the page."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


def cookie_name(secure: bool) -> str:
    return "__Host-deskbell-slack-install" if secure else "deskbell-slack-install"


class Install:
    """From the link to a stored connection."""

    def __init__(self, desk: Desk, settings: Settings, workspaces: Workspaces) -> None:
        self.desk = desk
        self.settings = settings
        self.workspaces = workspaces

    @property
    def possible(self) -> bool:
        return bool(self.settings.client_id and self.settings.client_secret)

    def link(self, public_url: str) -> str:
        """Where an admin sends whoever may install the app; valid for a day."""
        return f"{public_url.rstrip('/')}/chat/slack/install?{urlencode({'ticket': self.ticket()})}"

    def ticket(self) -> str:
        body = f"{int(clock.seconds()) + VALID}.{new_token(12)}"
        return f"{body}.{self._signature(body)}"

    def opened(self, ticket: str) -> str:
        """The ticket, if it is one of ours and still valid."""
        body, _dot, signature = ticket.rpartition(".")
        until = body.partition(".")[0]
        genuine = hmac.compare_digest(signature.encode(), self._signature(body).encode())
        if not self.possible or not genuine or not until.isdigit() or int(until) < clock.seconds():
            raise Refusal(
                _("This link is not valid. An admin of the desk finds a new one on its Slack page.")
            )
        return ticket

    def begun(self, ticket: str) -> str:
        """The state of one way to Slack and back."""
        return f"{self.opened(ticket)}~{new_token()}"

    def check(self, state: str, cookie: str) -> None:
        self.opened(state.partition("~")[0])
        if not hmac.compare_digest(state.encode(), cookie.encode()):
            raise Refusal(_("This page was not opened from the desk's link. Please begin there."))

    def address(self, state: str, base: str) -> str:
        query = {
            "client_id": self.settings.client_id,
            "scope": ",".join(SCOPES),
            "state": state,
            "redirect_uri": self._back(base),
        }
        return f"{self.settings.origin}/oauth/v2/authorize?{urlencode(query)}"

    async def finish(self, code: str, base: str) -> str:
        """The code becomes a token, the token a connection; the workspace's name."""
        answer = await self.workspaces.granted(code=code, redirect_uri=self._back(base))
        team = answer.get("team")
        if not isinstance(team, dict) or not team.get("id") or not answer.get("access_token"):
            raise Refusal(_("Slack named no workspace. Apps for a whole organisation are not supported."))
        name = str(team.get("name") or team["id"])
        # Whoever leads: the code was exchanged here, and is worth nothing any more.
        with lease.about():
            async with self.desk.unit() as uow:
                await installations.connect(
                    uow,
                    SYSTEM,
                    platform=PLATFORM,
                    external=str(team["id"]),
                    name=name,
                    secrets=secrets_of(answer),
                )
        return name

    def _back(self, base: str) -> str:
        root = f"{self.settings.public_url}/chat/slack" if self.settings.public_url else base.rstrip("/")
        return f"{root}/oauth"

    def _signature(self, body: str) -> str:
        key = self.desk.means.keys.lookup
        return hmac.new(key, f"slack.install|{body}".encode(), sha256).hexdigest()
