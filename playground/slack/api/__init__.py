"""The Web API: methods by name, who may call them, and what scopes they ask for."""

from __future__ import annotations

from playground.slack.api import chat, conversations, files, people, sign, views
from playground.slack.api.call import Method

METHODS: dict[str, Method] = {
    **chat.METHODS,
    **conversations.METHODS,
    **files.METHODS,
    **people.METHODS,
    **sign.METHODS,
    **views.METHODS,
}
OPEN = ("oauth.v2.access", "oauth.v2.exchange")
"""Need no token."""
APP_LEVEL = ("apps.connections.open",)
_ANY_CHANNEL = ("channels", "groups", "im", "mpim")
SCOPES: dict[str, tuple[str, ...]] = {
    "chat.postMessage": ("chat:write",),
    "chat.update": ("chat:write",),
    "chat.delete": ("chat:write",),
    "chat.postEphemeral": ("chat:write",),
    "conversations.history": tuple(f"{kind}:history" for kind in _ANY_CHANNEL),
    "conversations.replies": tuple(f"{kind}:history" for kind in _ANY_CHANNEL),
    "conversations.info": tuple(f"{kind}:read" for kind in _ANY_CHANNEL),
    "conversations.list": tuple(f"{kind}:read" for kind in _ANY_CHANNEL),
    "conversations.members": tuple(f"{kind}:read" for kind in _ANY_CHANNEL),
    "conversations.open": ("im:write", "mpim:write"),
    "conversations.create": ("channels:manage", "groups:write"),
    "conversations.join": ("channels:join",),
    "conversations.invite": ("channels:manage", "groups:write"),
    "files.getUploadURLExternal": ("files:write",),
    "files.completeUploadExternal": ("files:write",),
    "files.info": ("files:read",),
    "files.delete": ("files:write",),
    "reactions.add": ("reactions:write",),
    "reactions.remove": ("reactions:write",),
    "reactions.get": ("reactions:read",),
    "users.info": ("users:read",),
    "users.list": ("users:read",),
    "users.profile.get": ("users.profile:read",),
    "users.lookupByEmail": ("users:read.email",),
    "team.info": ("team:read",),
    "bots.info": ("users:read",),
    "assistant.threads.setStatus": ("assistant:write", "chat:write"),
}
"""One of them is enough. What is not listed needs none."""
