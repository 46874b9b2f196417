"""Messages, people, channels and files in the form that the Web API and the events show them."""

from __future__ import annotations

import mimetypes
import time
from typing import Any

from playground.slack.world import Channel, File, Message, User, View, Workspace, World

Json = dict[str, Any]


class Shapes:
    """How things look from outside; knows the address of this server."""

    def __init__(self, world: World, base: str = "") -> None:
        self.world = world
        self.base = base

    # --- messages

    def message(self, channel: Channel, message: Message, metadata: bool = False) -> Json:
        shown: Json = {"type": "message", "ts": message.ts, "text": message.text, **self._sender(message)}
        optional: Json = {
            "subtype": message.subtype,
            "client_msg_id": message.client_msg_id,
            "blocks": message.blocks,
            "attachments": message.attachments,
            "edited": message.edited,
            "files": [self.file(self.world.files[one]) for one in message.files if one in self.world.files],
            "reactions": _reactions(message),
            "metadata": message.metadata if metadata else None,
        }
        shown |= {name: value for name, value in optional.items() if value}
        return {**shown, **self._thread(channel, message), **message.extra}

    def _sender(self, message: Message) -> Json:
        sender: Json = {"team": message.team} if message.team else {}
        if message.user:
            sender["user"] = message.user
        if message.bot_id:
            sender |= {"bot_id": message.bot_id, "app_id": message.app_id}
            sender["bot_profile"] = self.bot(message.bot_id, message.app_id, message.team)
        if message.username:
            sender |= {"username": message.username, "icons": message.icons}
        return sender

    def bot(self, bot_id: str, app_id: str, team: str) -> Json:
        owner = next((user for user in self.world.users.values() if user.bot_id == bot_id), None)
        return {
            "id": bot_id,
            "app_id": app_id,
            "user_id": owner.id if owner else "",
            "name": owner.real_name if owner else "bot",
            "team_id": team,
            "deleted": False,
            "updated": 1_700_000_000,
            "icons": {f"image_{size}": f"{self.base}/avatar/{bot_id}.svg" for size in (36, 48, 72)},
        }

    def _thread(self, channel: Channel, message: Message) -> Json:
        if message.is_reply:
            parent = channel.messages.get(message.thread_ts)
            shown = {"thread_ts": message.thread_ts}
            return {**shown, "parent_user_id": parent.user} if parent and parent.user else shown
        replies = channel.replies(message.ts)
        if not replies:
            return {}
        users = list(dict.fromkeys(reply.user or reply.bot_id for reply in replies))
        return {
            "thread_ts": message.ts,
            "reply_count": len(replies),
            "reply_users": users,
            "reply_users_count": len(users),
            "latest_reply": replies[-1].ts,
            "is_locked": False,
            "subscribed": False,
        }

    # --- people

    def user(self, user: User, team: str = "", locale: bool = False) -> Json:
        shown: Json = {
            "id": user.id,
            "team_id": user.team,
            "name": user.name,
            "deleted": user.deleted,
            "color": "4a6fa5",
            "real_name": user.real_name,
            "tz": user.tz,
            "tz_label": user.tz,
            "tz_offset": 0,
            "profile": self.profile(user),
            "is_admin": user.is_admin,
            "is_owner": False,
            "is_primary_owner": False,
            "is_restricted": False,
            "is_ultra_restricted": False,
            "is_bot": bool(user.bot_id),
            "is_app_user": False,
            "is_email_confirmed": bool(user.email),
            "updated": 1_700_000_000,
            "who_can_share_contact_card": "EVERYONE",
        }
        if team and team != user.team:
            shown["is_stranger"] = True
        return {**shown, "locale": user.locale} if locale else shown

    def profile(self, user: User) -> Json:
        shown: Json = {
            "title": user.title,
            "phone": "",
            "real_name": user.real_name,
            "real_name_normalized": user.real_name,
            "display_name": user.display_name,
            "display_name_normalized": user.display_name,
            "first_name": user.real_name.split(" ")[0],
            "last_name": user.real_name.partition(" ")[2],
            "status_text": "",
            "status_emoji": "",
            "status_expiration": 0,
            "avatar_hash": "play",
            "team": user.team,
            "fields": {},
            **{f"image_{size}": f"{self.base}/avatar/{user.id}.svg" for size in (24, 32, 48, 72, 192, 512)},
        }
        if user.email:
            shown["email"] = user.email
        if user.bot_id:
            shown |= {"bot_id": user.bot_id, "api_app_id": user.app_id, "always_active": True}
        return shown

    def team(self, team: Workspace) -> Json:
        icon = {f"image_{size}": f"{self.base}/avatar/{team.id}.svg" for size in (34, 44, 68, 132)}
        return {
            "id": team.id,
            "name": team.name,
            "domain": team.domain,
            "url": f"{self.base}/",
            "email_domain": "",
            "icon": {**icon, "image_default": True},
        }

    # --- places

    def channel(self, channel: Channel, team: str, viewer: str) -> Json:
        if channel.kind == "im":
            return self._direct(channel, viewer)
        return {
            "id": channel.id,
            "name": channel.name,
            "name_normalized": channel.name,
            "is_channel": channel.kind == "channel",
            "is_group": channel.kind == "group",
            "is_im": False,
            "is_mpim": channel.kind == "mpim",
            "is_private": channel.kind != "channel",
            "is_archived": channel.archived,
            "is_general": channel.name == "general",
            "is_member": viewer in channel.members,
            "is_shared": channel.is_shared,
            "is_ext_shared": channel.is_shared,
            "is_org_shared": False,
            "is_pending_ext_shared": False,
            "pending_shared": [],
            "pending_connected_team_ids": [],
            "created": channel.created,
            "updated": channel.created * 1000,
            "creator": channel.creator,
            "context_team_id": team,
            "conversation_host_id": channel.teams[0],
            "shared_team_ids": list(channel.teams),
            "connected_team_ids": [one for one in channel.teams if one != team] if channel.is_shared else [],
            "internal_team_ids": [team] if channel.is_shared else [],
            "unlinked": 0,
            "previous_names": [],
            "topic": {"value": channel.topic, "creator": "", "last_set": 0},
            "purpose": {"value": channel.purpose, "creator": "", "last_set": 0},
            "num_members": len(channel.members),
            "last_read": channel.read.get(viewer, "0000000000.000000"),
        }

    def _direct(self, channel: Channel, viewer: str) -> Json:
        other = next((member for member in channel.members if member != viewer), viewer)
        return {
            "id": channel.id,
            "created": channel.created,
            "is_im": True,
            "is_archived": False,
            "is_org_shared": False,
            "is_user_deleted": self.world.users[other].deleted,
            "user": other,
            "context_team_id": channel.teams[0],
            "priority": 0,
            "is_open": True,
            "last_read": channel.read.get(viewer, "0000000000.000000"),
        }

    # --- files and views

    def file(self, file: File) -> Json:
        address = f"{self.base}/files-pri/{file.team}-{file.id}/{file.name}"
        kind = mimetypes.guess_extension(file.mimetype) or ".bin"
        shares: dict[str, dict[str, list[Json]]] = {}
        for channel, ts, thread in file.shares:
            public = self.world.channels[channel].kind == "channel"
            entry: Json = {"ts": ts, "team_id": file.team, "share_user_id": file.user, "source": "UNKNOWN"}
            entry |= {"channel_name": self.world.channels[channel].name, "reply_count": 0, "reply_users": []}
            if thread:
                entry["thread_ts"] = thread
            shares.setdefault("public" if public else "private", {}).setdefault(channel, []).append(entry)
        return {
            "id": file.id,
            "created": file.created,
            "timestamp": file.created,
            "name": file.name,
            "title": file.title or file.name,
            "mimetype": file.mimetype,
            "filetype": file.name.rpartition(".")[2] if "." in file.name else kind[1:],
            "pretty_type": kind[1:].upper(),
            "user": file.user,
            "user_team": file.team,
            "editable": False,
            "size": len(file.content) if file.arrived else file.length,
            "mode": "hosted",
            "is_external": False,
            "external_type": "",
            "is_public": "public" in shares,
            "public_url_shared": False,
            "display_as_bot": False,
            "username": "",
            "url_private": address,
            "url_private_download": address.replace("/files-pri/", "/files-pri/download/"),
            "permalink": f"{self.base}/files/{file.user}/{file.id}/{file.name}",
            "has_rich_preview": False,
            "file_access": "visible",
            "media_display_type": "unknown",
            "alt_txt": file.alt_txt,
            "shares": shares,
            "channels": self._shared_in(file, "channel"),
            "groups": self._shared_in(file, "group", "mpim"),
            "ims": self._shared_in(file, "im"),
        }

    def _shared_in(self, file: File, *kinds: str) -> list[str]:
        places = dict.fromkeys(channel for channel, _, _ in file.shares)
        return [one for one in places if self.world.channels[one].kind in kinds]

    def view(self, view: View) -> Json:
        place = self.world.workspaces[view.team]
        defaults: Json = {
            "private_metadata": "",
            "callback_id": "",
            "external_id": "",
            "clear_on_close": False,
            "notify_on_close": False,
            "title": None,
            "submit": None,
            "close": None,
        }
        return {
            **defaults,
            **view.given,
            "id": view.id,
            "team_id": view.team,
            "app_id": self.world.app.id,
            "app_installed_team_id": view.team,
            "bot_id": place.bot_id,
            "hash": view.hash,
            "root_view_id": view.root,
            "previous_view_id": view.previous or None,
            "state": {"values": view.state},
        }

    def person(self, user: str) -> Json:
        """As interactive payloads name whoever acted."""
        known = self.world.users[user]
        return {"id": known.id, "username": known.name, "name": known.name, "team_id": known.team}

    def named_team(self, team: str) -> Json:
        return {"id": team, "domain": self.world.workspaces[team].domain}

    def named_channel(self, channel: Channel) -> Json:
        names = {"im": "directmessage", "group": "privategroup", "mpim": channel.name}
        return {"id": channel.id, "name": names.get(channel.kind, channel.name)}


def _reactions(message: Message) -> list[Json]:
    return [
        {"name": name, "users": list(users), "count": len(users)}
        for name, users in message.reactions.items()
        if users
    ]


def now() -> int:
    return int(time.time())
