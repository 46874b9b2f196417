"""Connecting for real: the manifest to paste, whether the tokens hold, which rooms there are."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from adapters.slack.calls import call
from adapters.slack.install import SCOPES, Install
from adapters.slack.interactions import GET_HELP, MAKE_TICKET
from adapters.slack.settings import Settings
from adapters.slack.workspaces import PLATFORM, Workspace, Workspaces, whoami
from core.chat import Candidate, Finding, Guide, GuideField, Place, PostFailed, Revoked, Tried
from core.errors import Invalid, Unavailable
from core.i18n import N_, _

Json = dict[str, Any]

MOST_ROOMS = 1_000
EVENTS = (
    "app_home_opened", "app_mention", "app_uninstalled", "channel_archive", "channel_deleted", "channel_id_changed",
    "channel_left", "channel_unarchive", "group_archive", "group_deleted", "group_left", "group_unarchive", "member_joined_channel", "message.channels", "message.groups", "message.im", "message.mpim",
    "reaction_added", "reaction_removed", "tokens_revoked", "user_change",
)  # fmt: skip
LOSS = {
    "app_mentions:read": N_("Nobody can call the bot by its name in a channel."),
    "channels:history": N_("What is said in public channels is not seen, and not found again after a pause."),
    "channels:join": N_("A message of a public channel becomes a ticket only where the bot was invited."),
    "channels:read": N_("Public channels cannot be offered as desk rooms."),
    "chat:write": N_("The bot cannot say anything."),
    "chat:write.customize": N_("Agents' names stand in the text instead of above it."),
    "commands": N_("The slash command and the shortcuts do not work."),
    "files:read": N_("Files that people attach do not reach the desk."),
    "files:write": N_("Files of agents do not reach Slack."),
    "groups:history": N_("What is said in private channels is not seen."),
    "groups:read": N_("Private channels cannot be offered as desk rooms."),
    "im:history": N_("Direct messages to the bot are not seen."),
    "im:read": N_("Direct messages that came during a pause are not found again."),
    "im:write": N_("The bot cannot begin a direct conversation."),
    "mpim:history": N_("Group conversations with the bot are not seen."),
    "mpim:read": N_("Group conversations that went on during a pause are not found again."),
    "reactions:read": N_("Reactions of people do not reach the desk."),
    "reactions:write": N_("Reactions and marks of delivery do not show in Slack."),
    "team:read": N_("People of other companies show without their company's name."),
    "users:read": N_("People show without their names."),
    "users:read.email": N_("E-mail addresses of people are not known."),
}


class Connecting:
    """What an admin needs on the way to a working connection."""

    def __init__(self, settings: Settings, workspaces: Workspaces, install: Install) -> None:
        self.settings = settings
        self.workspaces = workspaces
        self.install = install

    def guide(self, public_url: str) -> Guide:
        steps = [
            _("Open https://api.slack.com/apps, choose **Create New App**, then **From a manifest**, and pick "
              "your workspace. Paste the manifest below."),
            _("Under **Basic Information**, *App-Level Tokens*, make a token with the scope `connections:write`. "
              "It begins with `xapp-`. With it no address of the desk has to be reachable from outside."),
            _("Under **Install App**, install it to your workspace and copy the *Bot User OAuth Token*. It begins "
              "with `xoxb-`."),
            _("Without Socket Mode: copy the *Signing Secret* from **Basic Information** instead of making the "
              "`xapp-` token, and give `{url}/chat/slack/events`, `…/interactivity` and `…/commands` as request "
              "addresses.").format(url=public_url),
            _("In Slack, invite the bot to each channel that it shall see or that shall be a desk room: "
              "`/invite @Deskbell`."),
        ]  # fmt: skip
        if self.install.possible:
            words = _("Other workspaces connect themselves by this link, valid for a day: {link}")
            steps.append(words.format(link=self.install.link(public_url)))
        return Guide(tuple(steps), _fields(), json.dumps(manifest(self.settings, public_url), indent=2))

    async def try_out(self, values: Mapping[str, str]) -> Tried:
        """Do these tokens hold, and what is missing?"""
        secrets = {
            name: values.get(name, "").strip() for name in ("bot_token", "app_token", "signing_secret")
        }
        if not secrets["bot_token"].startswith("xox"):
            raise Invalid(_("The bot token begins with xoxb-."), field="bot_token")
        try:
            me, scopes = await whoami(self.workspaces.client(secrets["bot_token"]))
        except Revoked:
            raise Invalid(_("Slack does not take this bot token."), field="bot_token") from None
        except PostFailed:
            raise Unavailable(_("Slack cannot be reached right now. Please try again in a moment.")) from None
        findings = [*_missing(scopes), *await self._app_level(secrets)]
        kept = {name: value for name, value in secrets.items() if value}
        return Tried(str(me.get("team_id", "")), str(me.get("team", "")), kept, tuple(findings))

    async def _app_level(self, secrets: Mapping[str, str]) -> list[Finding]:
        if secrets["app_token"]:
            return [await self._socket(secrets["app_token"])]
        if secrets["signing_secret"] or self.settings.signing_secret:
            return [Finding("signing_secret", True)]
        words = _(
            "Neither an app-level token nor a signing secret: nothing that people write reaches the desk."
        )
        return [Finding("app_token", False, words)]

    async def _socket(self, token: str) -> Finding:
        try:
            await call(self.workspaces.client(token), "apps.connections.open")
        except PostFailed:
            words = _("Slack opens no socket for the app-level token. Is Socket Mode on, and has the token the "
                      "scope connections:write?")  # fmt: skip
            return Finding("app_token", False, words)
        return Finding("app_token", True)

    async def check(self) -> Sequence[Finding]:
        """Each connection: does its token hold, and what is missing?"""
        await self.workspaces.refresh()
        found: list[Finding] = []
        for workspace in list(self.workspaces.known.values()):
            found += await self._check(workspace)
        for token in self.workspaces.app_tokens():
            found.append(await self._socket(token))
        return found

    async def _check(self, workspace: Workspace) -> list[Finding]:
        name = workspace.name or workspace.team
        try:
            _me, scopes = await whoami((await self.workspaces.of(workspace.team)).client)
        except Revoked:
            words = _("Slack does not take the token any more. Connect {name} anew.").format(name=name)
            return [Finding("bot_token", False, words)]
        except PostFailed:
            return [Finding("bot_token", False, _("Slack cannot be reached right now."))]
        return [Finding("bot_token", True), *_missing(scopes)]

    async def candidates(self, installation: str) -> Sequence[Candidate]:
        """The channels in which the bot sits."""
        workspace = await self.workspaces.of(installation)
        found: list[Candidate] = []
        cursor: str | None = None
        while len(found) < MOST_ROOMS:
            answer = await workspace.call(
                "users.conversations",
                types="public_channel,private_channel",
                exclude_archived=True,
                limit=200,
                cursor=cursor,
            )
            for one in answer.get("channels") or ():
                place = Place(PLATFORM, workspace.team, str(one.get("id")))
                found.append(Candidate(place, f"#{one.get('name')}"))
            meta = answer.get("response_metadata")
            cursor = str(meta.get("next_cursor") or "") if isinstance(meta, dict) else ""
            if not cursor:
                break
        return found


def manifest(settings: Settings, public_url: str) -> Json:
    """Everything that an app of Slack has to be told, for its page "From a manifest"."""
    root = f"{public_url.rstrip('/')}/chat/slack"
    socket = not settings.signing_secret or bool(settings.app_token)
    over_http = {} if socket else {"request_url": f"{root}/interactivity"}
    command: Json = {
        "command": settings.command,
        "description": "Tickets of the support desk",
        "usage_hint": "help",
        "should_escape": True,
    }
    made: Json = {
        "display_information": {"name": "Deskbell", "description": "Support where you already talk"},
        "features": {
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": False,
            },
            "bot_user": {"display_name": "Deskbell", "always_online": True},
            "shortcuts": [
                {
                    "name": "Make a ticket",
                    "type": "message",
                    "callback_id": MAKE_TICKET,
                    "description": "Takes this message and its thread to the support desk",
                },
                {
                    "name": "Get help",
                    "type": "global",
                    "callback_id": GET_HELP,
                    "description": "Asks the support desk",
                },
            ],
            "slash_commands": [command if socket else command | {"url": f"{root}/commands"}],
        },
        "oauth_config": {"scopes": {"bot": list(SCOPES)}},
        "settings": {
            "event_subscriptions": {"bot_events": list(EVENTS)},
            "interactivity": {"is_enabled": True, **over_http},
            "org_deploy_enabled": False,
            "socket_mode_enabled": socket,
            "token_rotation_enabled": False,
        },
    }
    if not socket:
        made["settings"]["event_subscriptions"]["request_url"] = f"{root}/events"
    if settings.client_id:
        made["oauth_config"]["redirect_urls"] = [f"{root}/oauth"]
    return made


def _fields() -> tuple[GuideField, ...]:
    return (
        GuideField("bot_token", _("Bot User OAuth Token"), _("begins with xoxb-")),
        GuideField(
            "app_token", _("App-level token"), _("begins with xapp-; for Socket Mode"), required=False
        ),
        GuideField("signing_secret", _("Signing secret"), _("for requests over HTTP"), required=False),
    )


def _missing(scopes: frozenset[str]) -> list[Finding]:
    """What will not work without each scope that is not there."""
    if not scopes:
        return []
    return [Finding(one, one in scopes, "" if one in scopes else _(LOSS[one])) for one in SCOPES]
