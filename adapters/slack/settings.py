"""What the Slack adapter takes from the environment. A connection made in the admin needs none of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

API = "https://slack.com/api/"
_ON = ("1", "true", "yes", "on")


ENVIRONMENT: tuple[tuple[str, str, str, str], ...] = (
    ("DESKBELL_SLACK_BOT_TOKEN", "", "Bot token; switches Slack on", "xoxb-…"),
    ("DESKBELL_SLACK_APP_TOKEN", "", "App-level token, for Socket Mode", "xapp-…"),
    ("DESKBELL_SLACK_SIGNING_SECRET", "", "Signing secret, for requests over HTTP", ""),
    ("DESKBELL_SLACK_CLIENT_ID", "", "Client id, for connecting several workspaces", ""),
    ("DESKBELL_SLACK_CLIENT_SECRET", "", "Client secret, for connecting several workspaces", ""),
    ("DESKBELL_SLACK_COMMAND", "/desk", "The one slash command", "/help-desk"),
    (
        "DESKBELL_SLACK_CUSTOM_NAMES",
        "no",
        "Post under the agent's own name (needs chat:write.customize)",
        "yes",
    ),
    ("DESKBELL_SLACK_API_BASE_URL", "https://slack.com/api/", "Another server of the same API", ""),
)
"""Name, default, what it is, an example: for the page of settings."""


_SLACK = (".slack.com", ".slack-gov.com", ".slack-edge.com", ".slack-files.com")


def leads_to_slack(url: str, api: str) -> bool:
    """Whether an address that we were told is one of Slack's own, or of the server that stands for it:
    our token, our files and our words go nowhere else, and nothing is fetched from elsewhere."""
    parts, own = urlsplit(url), urlsplit(api)
    if (parts.scheme, parts.netloc) == (own.scheme, own.netloc):
        return True
    return parts.scheme == "https" and (parts.hostname or "").endswith(_SLACK)


@dataclass(frozen=True, slots=True)
class Settings:
    """Tokens never show in a log: they are left out of `repr`."""

    api: str = API
    bot_token: str = field(default="", repr=False)
    app_token: str = field(default="", repr=False)
    signing_secret: str = field(default="", repr=False)
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    command: str = "/desk"
    custom_names: bool = False
    """Posts under the name of whoever wrote, instead of naming them in the text."""
    public_url: str = ""

    @classmethod
    def of(cls, env: Mapping[str, str]) -> Settings:
        def value(name: str) -> str:
            return env.get(f"DESKBELL_SLACK_{name}", "").strip()

        command = value("COMMAND") or "/desk"
        return cls(
            api=(value("API_BASE_URL") or API).rstrip("/") + "/",
            bot_token=value("BOT_TOKEN"),
            app_token=value("APP_TOKEN"),
            signing_secret=value("SIGNING_SECRET"),
            client_id=value("CLIENT_ID"),
            client_secret=value("CLIENT_SECRET"),
            command=command if command.startswith("/") else f"/{command}",
            custom_names=value("CUSTOM_NAMES").lower() in _ON,
            public_url=env.get("DESKBELL_PUBLIC_URL", "").strip().rstrip("/"),
        )

    @property
    def origin(self) -> str:
        """Where people sign in: the API's address without its path."""
        parts = urlsplit(self.api)
        return f"{parts.scheme}://{parts.netloc}"
