"""What the Telegram adapter takes from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

PLATFORM = "telegram"
API_URL = "https://api.telegram.org/bot"
FILE_URL = "https://api.telegram.org/file/bot"


ENVIRONMENT: tuple[tuple[str, str, str, str], ...] = (
    ("DESKBELL_TELEGRAM_BOT_TOKEN", "", "Bot token; switches Telegram on", "123456789:AbC…"),
    (
        "DESKBELL_TELEGRAM_WEBHOOK_URL",
        "",
        "Hear by webhook at this public address instead of asking",
        "https://help.example.com/chat/telegram",
    ),
    ("DESKBELL_TELEGRAM_API_BASE_URL", "https://api.telegram.org/bot", "Another server of the same API", ""),
    ("DESKBELL_TELEGRAM_FILE_BASE_URL", "", "Its files, where they are not beside it", ""),
)
"""Name, default, what it is, an example: for the page of settings."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the Bot API is (another address serves a server of one's own), one bot without a
    connection, and the public address for updates: empty means asking for them."""

    api_url: str = API_URL
    file_url: str = FILE_URL
    token: str = ""
    webhook_url: str = ""
    paced: bool = True
    """Whether calls keep Telegram's pace by themselves; a server of one's own may know no limits."""

    def __repr__(self) -> str:
        return f"<Settings {self.api_url}>"

    @classmethod
    def of(cls, env: Mapping[str, str]) -> Settings:
        api_url = env.get("DESKBELL_TELEGRAM_API_BASE_URL", "").strip() or API_URL
        return cls(
            api_url=api_url,
            file_url=env.get("DESKBELL_TELEGRAM_FILE_BASE_URL", "").strip() or _beside(api_url),
            token=env.get("DESKBELL_TELEGRAM_BOT_TOKEN", "").strip(),
            webhook_url=env.get("DESKBELL_TELEGRAM_WEBHOOK_URL", "").strip().rstrip("/"),
        )


def bot_id(token: str) -> str:
    """The bot's id, which is the first part of its token; empty when this is no token."""
    number, sep, secret = token.partition(":")
    return number if sep and number.isdecimal() and number.isascii() and len(secret) >= 8 else ""


def _beside(api_url: str) -> str:
    """A server of one's own hands out files beside its methods."""
    head, sep, tail = api_url.rpartition("/bot")
    return f"{head}/file/bot{tail}" if sep else FILE_URL
