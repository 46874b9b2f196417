"""From the platform's error codes to the desk's errors of posting: one table."""

from __future__ import annotations

from core.chat import Gone, MissingPermission, NotSupported, PostFailed, RetryAfter, Revoked, ThreadGone

UNKNOWN_CHANNEL = 10003
UNKNOWN_MESSAGE = 10008
UNKNOWN_WEBHOOK = 10015
UNKNOWN_EMOJI = 10014
ALREADY_ANSWERED = 40060
MISSING_ACCESS = 50001
NOT_YOUR_MESSAGE = 50005
MISSING_PERMISSION = 50013
BAD_WEBHOOK_TOKEN = 50027
ARCHIVED = 50083
HAS_THREAD = 160004
LOCKED = 160005
FULL = 160006
FULL_PAUSE = 600.0
"""Seconds until a server that has as many active threads as it may have is asked again."""

_GONE = {
    UNKNOWN_CHANNEL: "unknown channel",
    10004: "unknown server",
    10007: "unknown member",
    10013: "unknown person",
    MISSING_ACCESS: "no access to the place",
    50007: "direct messages are closed",
    50008: "takes no messages",
    50278: "no server in common",
}
_FINAL = {
    UNKNOWN_MESSAGE: "the message is not there any more",
    UNKNOWN_EMOJI: "no such emoji",
    30010: "too many reactions",
    40005: "too large",
    50003: "not in a direct message",
    NOT_YOUR_MESSAGE: "somebody else's message",
    50006: "empty",
    50021: "a message of the platform",
    50024: "the wrong kind of channel",
    50035: "does not fit the platform's form",
    90001: "the person blocked reactions",
}
"""What no later try makes better, while the place itself stands."""


class Refused(PostFailed):
    """The platform refused a call; `code` is its own."""

    def __init__(self, status: int, code: int, after: float = 0.0) -> None:
        super().__init__(f"{status}/{code}")
        self.status, self.code, self.after = status, code, after


class Repeated(PostFailed):
    """The platform stumbled in a call that must not be repeated blindly."""


def in_our_words(refused: Refused, *, in_thread: bool = False) -> PostFailed:
    """What a refusal means for a delivery."""
    status, code = refused.status, refused.code
    if status == 429 or refused.after:
        return RetryAfter(refused.after or 60.0)
    if code == FULL:
        return RetryAfter(FULL_PAUSE)
    if status == 401 and code != BAD_WEBHOOK_TOKEN:
        return Revoked("the token is refused")
    if code == UNKNOWN_CHANNEL and in_thread:
        return ThreadGone("unknown thread")
    if code in _GONE:
        return Gone(_GONE[code])
    if code == MISSING_PERMISSION:
        return MissingPermission("a right is missing")
    if code in _FINAL or status == 413:
        return NotSupported(_FINAL.get(code, "too large"))
    return PostFailed(f"refused with {status}/{code}")
