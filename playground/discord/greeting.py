"""What a session is told at its start, and the members of a guild when it asks for them."""

from __future__ import annotations

from collections.abc import Iterator

from playground.discord import shapes
from playground.discord.model import App, Guild, Json, Member
from playground.discord.sessions import Session
from playground.discord.world import World

CHUNK = 1000


def ready_of(world: World, session: Session, address: str, guild_ids: list[str]) -> Json:
    application = shapes.application(world, session.app)
    return {
        "v": 10,
        "user": shapes.user(session.app.user) | {"verified": True, "mfa_enabled": False, "email": None},
        "guilds": [{"id": one, "unavailable": True} for one in guild_ids],
        "session_id": session.id,
        "session_type": "normal",
        "resume_gateway_url": address,
        "application": {"id": session.app.id, "flags": application["flags"]},
        "private_channels": [],
        "relationships": [],
        "presences": [],
        "user_settings": {},
        "guild_join_requests": [],
        "auth": {},
        "_trace": [],
    }


def member_chunks(world: World, app: App, wanted: Json) -> Iterator[Json]:
    """The members that were asked for, in parts; nothing of a guild that the bot is not in."""
    guild = world.guilds.get(str(wanted.get("guild_id")))
    if guild is None or app.id not in guild.members:
        return
    found = _wanted(guild, wanted)
    parts = [found[start : start + CHUNK] for start in range(0, len(found), CHUNK)] or [[]]
    for index, part in enumerate(parts):
        chunk: Json = {
            "guild_id": guild.id,
            "members": [shapes.member(one) for one in part],
            "chunk_index": index,
            "chunk_count": len(parts),
            "not_found": [],
        }
        yield chunk | ({"nonce": wanted["nonce"]} if wanted.get("nonce") else {})


def _wanted(guild: Guild, wanted: Json) -> list[Member]:
    query, ids = str(wanted.get("query") or "").lower(), wanted.get("user_ids")
    found = [one for one in guild.members.values() if one.user.username.lower().startswith(query)]
    if ids is not None:
        named = {str(one) for one in (ids if isinstance(ids, list) else [ids])}
        found = [one for one in found if one.user.id in named]
    return found[: int(wanted.get("limit") or 0) or len(found)]
