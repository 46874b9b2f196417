"""What Telegram answers when it refuses, as the errors that the outbox knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.telegram.settings import PLATFORM
from core.chat import Gone, Moved, NotSupported, Place, PostFailed, RetryAfter, Revoked, ThreadGone

MOST_PAUSE = 86_400.0
_GONE = (
    "chat not found", "user not found", "peer_id_invalid", "chat_write_forbidden", "user is deactivated",
    "group chat was deactivated", "channel_private", "not a member", "kicked", "blocked", "bot can't",
)  # fmt: skip
_THREAD_GONE = ("message thread not found", "topic_id_invalid", "topic_deleted", "topic not found")
_UNABLE = (
    "message can't be edited", "message to edit not found", "message to react not found",
    "message can't be deleted", "reaction_invalid", "reactions_too_many", "there is no text in the message",
    "there is no caption in the message", "method not found", "file is too big",
    "wrong file_id", "wrong file identifier",
)  # fmt: skip


class Declined(PostFailed):
    """A request that Telegram takes for wrong; `words` are its reason, in small letters."""

    def __init__(self, words: str) -> None:
        super().__init__("declined")
        self.words = words.lower()

    def says(self, *parts: str) -> bool:
        return any(part in self.words for part in parts)


class Clash(PostFailed):
    """Somebody else asks for this bot's updates, or a webhook takes them."""


def trouble(installation: str, code: int, words: str, parameters: Mapping[str, Any]) -> PostFailed:
    """The error for an answer that is no success."""
    if isinstance(to := parameters.get("migrate_to_chat_id"), int):
        return Moved(Place(PLATFORM, installation, str(to)))
    if code == 429 or "retry_after" in parameters:
        return RetryAfter(_pause(parameters.get("retry_after")))
    said = words.lower()
    match code:
        case 401:
            return Revoked("token refused")
        case 404:
            return NotSupported("no such method") if "method" in said else Revoked("token refused")
        case 403:
            return Gone("forbidden")
        case 409:
            return Clash("conflict")
        case 400:
            return _declined(words)
        case 413:
            return NotSupported("too large")
        case _:
            return PostFailed(f"status {code}")


def _declined(words: str) -> PostFailed:
    declined = Declined(words)
    if declined.says(*_THREAD_GONE):
        return ThreadGone("no such topic")
    if declined.says(*_GONE):
        return Gone("no such chat")
    return declined


def unable(declined: Declined) -> PostFailed:
    """What cannot be done at all is told apart from what may be done later."""
    return NotSupported("cannot be done") if declined.says(*_UNABLE) else declined


def _pause(seconds: Any) -> float:
    if not isinstance(seconds, (int, float)):
        return 5.0
    return min(max(float(seconds), 1.0), MOST_PAUSE)
