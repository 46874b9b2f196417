"""Names of methods and arguments, compared with Slack's published document where that is at hand.

The document is older than today's API: what it does not know is a question, not an error.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

_NEWER = {
    "apps.connections.open": set[str](),
    "assistant.threads.setStatus": {"channel_id", "thread_ts", "status", "loading_messages"},
    "assistant.threads.setTitle": {"channel_id", "thread_ts", "title"},
    "assistant.threads.setSuggestedPrompts": {"channel_id", "thread_ts", "prompts", "title"},
    "auth.teams.list": {"cursor", "limit", "include_icon"},
    "chat.postMessage": {"metadata", "markdown_text", "client_msg_id", "unfurl_links", "unfurl_media"},
    "chat.update": {"metadata", "markdown_text", "file_ids", "reply_broadcast"},
    "chat.postEphemeral": {"markdown_text"},
    "conversations.history": {"include_all_metadata"},
    "conversations.replies": {"include_all_metadata"},
    "conversations.create": {"team_id"},
    "files.getUploadURLExternal": {"filename", "length", "alt_txt", "alt_text", "snippet_type"},
    "files.completeUploadExternal": {
        *("files", "channel_id", "channels", "initial_comment", "thread_ts", "blocks")
    },
    "bots.info": {"team_id"},
    "oauth.v2.access": {"grant_type", "refresh_token"},
    "oauth.v2.exchange": {"token", "client_id", "client_secret"},
    "team.info": {"domain"},
    "views.open": {"interactivity_pointer"},
    "views.push": {"interactivity_pointer"},
    "users.list": {"team_id"},
    "conversations.list": {"team_id"},
}
"""What came after the document."""
_ALWAYS = {"token", "user_agent"}


class Contract:
    """What the document says; says nothing where there is none."""

    def __init__(self, document: Path | None) -> None:
        self.known = _read(document) if document and document.is_file() else {}

    def questions(self, method: str, arguments: set[str]) -> list[str]:
        if not self.known:
            return []
        if method not in self.known and method not in _NEWER:
            return [f"{method}: no such method in the document"]
        allowed = self.known.get(method, set()) | _NEWER.get(method, set()) | _ALWAYS
        return [f"{method}: unknown argument {name}" for name in sorted(arguments - allowed)]


@cache
def _read(document: Path) -> dict[str, set[str]]:
    paths = json.loads(document.read_text("utf-8"))["paths"]
    return {path.lstrip("/"): set(_arguments(verbs)) for path, verbs in paths.items()}


def _arguments(verbs: dict[str, dict[str, list[dict[str, str]]]]) -> list[str]:
    return [one["name"] for verb in verbs.values() for one in verb.get("parameters", []) if "name" in one]
