"""What the API refuses, with the platform's status, code and words."""

from __future__ import annotations

from typing import Any

Reason = tuple[int, int, str]

UNAUTHORIZED: Reason = (401, 0, "401: Unauthorized")
NOT_FOUND: Reason = (404, 0, "404: Not Found")
METHOD_NOT_ALLOWED: Reason = (405, 0, "405: Method Not Allowed")
UNKNOWN_APPLICATION: Reason = (404, 10002, "Unknown Application")
UNKNOWN_CHANNEL: Reason = (404, 10003, "Unknown Channel")
UNKNOWN_GUILD: Reason = (404, 10004, "Unknown Guild")
UNKNOWN_MEMBER: Reason = (404, 10007, "Unknown Member")
UNKNOWN_MESSAGE: Reason = (404, 10008, "Unknown Message")
UNKNOWN_ROLE: Reason = (404, 10011, "Unknown Role")
UNKNOWN_USER: Reason = (404, 10013, "Unknown User")
UNKNOWN_EMOJI: Reason = (400, 10014, "Unknown Emoji")
UNKNOWN_WEBHOOK: Reason = (404, 10015, "Unknown Webhook")
UNKNOWN_INTERACTION: Reason = (404, 10062, "Unknown interaction")
UNKNOWN_COMMAND: Reason = (404, 10063, "Unknown application command")
TOO_MANY_WEBHOOKS: Reason = (400, 30007, "Maximum number of webhooks reached (15)")
TOO_MANY_REACTIONS: Reason = (400, 30010, "Maximum number of reactions reached (20)")
TOO_MANY_CHANNELS: Reason = (400, 30013, "Maximum number of guild channels reached (500)")
TOO_MANY_FILES: Reason = (400, 30015, "Maximum number of attachments in a message reached (10)")
TOO_MANY_IN_THREAD: Reason = (400, 30033, "Maximum number of thread participants has been reached (1000)")
TOO_LARGE: Reason = (413, 40005, "Request entity too large")
ALREADY_ANSWERED: Reason = (400, 40060, "Interaction has already been acknowledged.")
TAG_REQUIRED: Reason = (400, 40067, "A tag is required to create a forum post in this channel")
MISSING_ACCESS: Reason = (403, 50001, "Missing Access")
NOT_IN_DM: Reason = (403, 50003, "Cannot execute action on a DM channel")
NOT_YOUR_MESSAGE: Reason = (403, 50005, "Cannot edit a message authored by another user")
EMPTY_MESSAGE: Reason = (400, 50006, "Cannot send an empty message")
CANNOT_SEND_TO_USER: Reason = (403, 50007, "Cannot send messages to this user")
NOT_A_TEXT_CHANNEL: Reason = (400, 50008, "Cannot send messages in a non-text channel")
MISSING_PERMISSIONS: Reason = (403, 50013, "Missing Permissions")
SYSTEM_MESSAGE: Reason = (403, 50021, "Cannot execute action on a system message")
WRONG_CHANNEL_TYPE: Reason = (400, 50024, "Cannot execute action on this channel type")
BAD_WEBHOOK_TOKEN: Reason = (401, 50027, "Invalid Webhook Token")
TOO_OLD: Reason = (400, 50034, "A message provided was too old to bulk delete")
INVALID_FORM: Reason = (400, 50035, "Invalid Form Body")
ARCHIVED: Reason = (400, 50083, "Thread is archived")
BAD_JSON: Reason = (400, 50109, "The request body contains invalid JSON.")
HAS_THREAD: Reason = (400, 160004, "A thread has already been created for this message")
LOCKED: Reason = (403, 160005, "This thread is locked")
TOO_MANY_THREADS: Reason = (400, 160006, "Maximum number of active threads reached")


class Refused(Exception):
    """A call that is answered with an error."""

    def __init__(self, reason: Reason, *, headers: dict[str, str] | None = None, **more: Any) -> None:
        self.status, self.code, message = reason
        self.body: dict[str, Any] = {"message": message, "code": self.code, **more}
        self.headers = headers or {}
        super().__init__(f"{self.code}: {message}")


def invalid(path: str, code: str, words: str) -> Refused:
    """An invalid form; `path` is like `components.0.label`."""
    errors: dict[str, Any] = {"_errors": [{"code": code, "message": words}]}
    for part in reversed(path.split(".")):
        errors = {part: errors}
    return Refused(INVALID_FORM, errors=errors)


def limited(after: float, *, everywhere: bool = False, scope: str = "user") -> Refused:
    """Too many calls. The client believes only an answer that went through a proxy."""
    headers = {"Retry-After": str(max(1, round(after))), "X-RateLimit-Scope": scope, "Via": "1.1 playground"}
    if everywhere:
        headers["X-RateLimit-Global"] = "true"
    words = "You are being rate limited."
    refused = Refused((429, 0, words), headers=headers, retry_after=round(after, 3))
    refused.body["global"] = everywhere
    return refused
