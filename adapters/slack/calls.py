"""Calls of the Web API: a time limit on each, and the errors of Slack as those of the outbox."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import structlog

from core.chat import (
    Gone,
    MissingPermission,
    NotSupported,
    PostFailed,
    RetryAfter,
    Revoked,
    ShutOut,
    ThreadGone,
)

log = structlog.get_logger("slack.calls")
Json = dict[str, Any]

SECONDS = 10.0
_REVOKED = {
    "token_revoked", "token_expired", "invalid_auth", "not_authed", "account_inactive",
    "team_access_not_granted", "invalid_refresh_token", "app_uninstalled",
}  # fmt: skip
_GONE = {
    "channel_not_found", "is_archived", "not_in_channel", "user_not_found", "user_not_in_channel",
    "cannot_dm_bot", "user_disabled", "users_not_found", "channel_is_archived",
    "restricted_action_thread_only_channel", "messages_tab_disabled",
    "restricted_action_non_threadable_channel", "team_not_found", "file_not_found", "file_deleted",
}  # fmt: skip
_SHUT = {"channel_not_found", "is_archived", "channel_is_archived", "not_in_channel"}
"""Of a channel, what its people can mend. A private one that the bot was removed from is not found, and so is one
that was deleted: Slack makes no difference."""
_AGAIN = {
    "internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org",
    "org_login_required", "ekm_access_denied", "accesslimited",
}  # fmt: skip
_NOT_ALLOWED = {"restricted_action", "restricted_action_read_only_channel"}
"""The channel stands, and who manages it may let the bot write again."""
_PAUSED = {"ratelimited", "rate_limited", "message_limit_exceeded"}


class Refused(NotSupported):
    """Slack said no, with a code that a caller may know what to do with."""

    def __init__(self, code: str, needed: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.needed = needed


async def call(client: Any, method: str, *, seconds: float = SECONDS, **arguments: Any) -> Json:
    """One call as a form, which every method takes. Raises errors of the outbox only."""
    from aiohttp import ClientError
    from slack_sdk.errors import SlackApiError, SlackClientError

    try:
        async with asyncio.timeout(seconds):
            answer = await client.api_call(method, data=_form(arguments))
    except SlackApiError as error:
        channel = str(arguments.get("channel") or arguments.get("channel_id") or "")
        raise _mapped(method, error.response, channel) from None
    except (SlackClientError, ClientError, TimeoutError, OSError, ValueError) as error:
        raise PostFailed(f"{method}: {type(error).__name__}") from None
    found = answer.data
    return found if isinstance(found, dict) else {}


def _form(arguments: Mapping[str, Any]) -> dict[str, str]:
    return {name: _encoded(value) for name, value in arguments.items() if value is not None}


def _encoded(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value)


def _mapped(method: str, response: Any, channel: str) -> PostFailed:
    """What a refusal means for a delivery."""
    status = int(getattr(response, "status_code", 0) or 0)
    data = getattr(response, "data", response)
    found: Mapping[str, Any] = data if isinstance(data, Mapping) else {}
    code = str(found.get("error") or "")
    if status == 429 or code in _PAUSED:
        return RetryAfter(_pause(getattr(response, "headers", {}) or {}))
    if not code or status >= 500 or code in _AGAIN:
        return PostFailed(f"{method}: {code or status}")
    if code in _REVOKED:
        return Revoked(code)
    if code in _NOT_ALLOWED:
        return MissingPermission(code)
    if code in _SHUT and channel and not channel.startswith("D"):
        return ShutOut(code)
    if code in _GONE:
        return Gone(code)
    if code == "thread_not_found":
        return ThreadGone(code)
    log.info("slack.refused", method=method, code=code[:60])
    return Refused(code, str(found.get("needed") or ""))


def _pause(headers: Mapping[str, str]) -> float:
    given = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    try:
        return min(max(float(given), 1.0), 86_400.0)
    except (TypeError, ValueError):
        return 30.0
