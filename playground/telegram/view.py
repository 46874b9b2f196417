"""What a person sees in a chat, as JSON: for tests, the page, and whoever compares both sides."""

from __future__ import annotations

from typing import Any

from playground.telegram.entities import to_html
from playground.telegram.world import Bot, Chat, Message, User, World, given

ANY = object()
"""Every topic of the chat."""


def shows(
    chat: Chat, thread: Any = ANY, deleted: bool = False, after: int = 0, limit: int = 1000
) -> list[dict[str, Any]]:
    """The newest messages of a chat or topic, oldest first; `thread=None` is outside of topics."""
    kept = [
        said
        for said in chat.messages.values()
        if said.id > after and (deleted or not said.deleted) and thread in (ANY, said.thread)
    ]
    return [message(said) for said in kept[-limit:]]


def message(said: Message) -> dict[str, Any]:
    return {
        "id": said.id,
        "chat": said.chat.key,
        "thread": said.thread,
        "from": {"id": said.sender.id, "name": said.sender.name, "is_bot": said.sender.is_bot},
        "date": said.date,
        "text": said.text,
        "entities": said.entities,
        "html": to_html(said.text, said.entities),
        "files": _files(said),
        "extra": said.extra,
        "buttons": (said.markup or {}).get("inline_keyboard", []),
        "keyboard": said.markup if said.markup and "inline_keyboard" not in said.markup else None,
        "reactions": _reactions(said),
        "reply_to": said.reply_to.id if said.reply_to else None,
        "quote": said.quote,
        "album": said.group,
        "forwarded": bool(said.origin),
        "edited": said.edited_at is not None,
        "edit_date": said.edited_at,
        "deleted": said.deleted,
        "pinned": said.pinned,
    }


def chat(one: Chat) -> dict[str, Any]:
    return {
        "key": one.key,
        "id": one.id,
        "type": one.kind,
        "title": one.title or (one.bot.name if one.bot else ""),
        "forum": one.forum,
        "has_topics": one.has_topics,
        "bot": one.bot.id if one.bot else None,
        "person": one.person.id if one.person else None,
        "members": [{"id": m.user.id, "status": m.status} for m in one.members.values()],
        "topics": [{"id": t.id, "name": t.name, "closed": t.closed} for t in one.topics.values()],
        "general": {"name": one.general_name, "closed": one.general_closed},
        "migrated_to": one.migrated_to.key if one.migrated_to else None,
    }


def user(one: User) -> dict[str, Any]:
    shown: dict[str, Any] = {"id": one.id, "name": one.name, "username": one.username, "is_bot": one.is_bot}
    if isinstance(one, Bot):
        commands = next(iter(one.commands.values()), [])
        shown |= {"token": one.token, "privacy": one.privacy, "topics": one.topics, "commands": commands}
        shown |= {"waiting": len(one.queue), "blocked_by": sorted(one.blocked_by)}
    return shown


def world(one: World) -> dict[str, Any]:
    return {
        "users": [user(u) for u in one.users.values()],
        "chats": [chat(c) for c in one.chats.values()],
        "changed": one.changed,
    }


def _files(said: Message) -> list[dict[str, Any]]:
    if said.media is None:
        return []
    stored = said.media.file
    shown = {
        "kind": said.media.kind,
        "unique_id": stored.unique_id,
        "name": stored.name,
        "mime": stored.mime,
        "size": stored.size,
        "url": f"/_play/files/{stored.unique_id}",
    }
    return [shown | given(more=said.media.more)]


def _reactions(said: Message) -> list[dict[str, Any]]:
    return [
        {"emoji": one.get("emoji", ""), "by": user_id}
        for user_id, reaction in said.reactions.items()
        for one in reaction
    ]
