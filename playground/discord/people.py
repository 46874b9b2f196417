"""What people do before their chat: say, edit, press, choose, fill in; and what they see."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterable
from typing import Any

from playground.discord import asking, errors, limits, reacting, rooms, shapes, talk
from playground.discord.errors import Refused
from playground.discord.gateway import Gateway
from playground.discord.interactions import COMPLETION, FORM, Interaction, Interactions
from playground.discord.membership import Membership
from playground.discord.model import FORUMS, App, Channel, File, Json, Kind, Message, User
from playground.discord.rights import Right, require, rights_of, sees
from playground.discord.world import World

Upload = tuple[str, bytes]


class People(Membership):
    """Everything a person can do. People, places and messages are given as such or by id."""

    def __init__(self, world: World, interactions: Interactions, gateway: Gateway) -> None:
        super().__init__(world, gateway)
        self.interactions = interactions

    # --- talking

    def say(
        self,
        user: User | str,
        channel: Channel | str,
        text: str = "",
        *,
        files: Iterable[Upload] = (),
        reply_to: Message | str | None = None,
        extra: Json | None = None,
    ) -> Message:
        """Write a message; `extra` are raw fields of its shape, as `sticker_items` or `poll`."""
        who, place = self.user(user), self.channel(channel)
        self._check_may_write(who, place)
        body: Json = {"content": text}
        if reply_to is not None:
            body["message_reference"] = {"message_id": self._id(reply_to)}
        kept = self._files(files)
        limits.check_message(body | (extra or {}), len(kept), flags=0, editing=bool(extra))
        return talk.post(self.world, place, who, body, kept, extra=extra or {})

    def edit(self, user: User | str, message: Message | str, text: str) -> Message:
        found = self._own(user, message)
        limits.check_message({"content": text}, len(found.files), flags=found.flags)
        talk.edit(self.world, found, {"content": text})
        return found

    def delete(self, user: User | str, message: Message | str) -> None:
        """Delete one's own message; with the right to it, another's."""
        found = self.message(message)
        if found.author is not self.user(user):
            require(self.user(user).id, found.channel, Right.manage_messages)
        talk.delete(self.world, found)

    def react(self, user: User | str, message: Message | str, emoji: str) -> None:
        found = self.message(message)
        require(self.user(user).id, found.channel, Right.add_reactions)
        reacting.react(self.world, found, self.user(user), emoji)

    def unreact(self, user: User | str, message: Message | str, emoji: str) -> None:
        reacting.unreact(self.world, self.message(message), self.user(user), emoji)

    def type(self, user: User | str, channel: Channel | str) -> None:
        talk.typing(self.world, self.channel(channel), self.user(user))

    # --- asking bots

    def press(
        self,
        user: User | str,
        message: Message | str,
        custom_id: str,
        values: list[str] | None = None,
    ) -> Interaction:
        """Press a button, or choose `values` in a select."""
        found = self.message(message)
        return asking.press(self, self.user(user), found, custom_id, values)

    def command(
        self,
        user: User | str,
        channel: Channel | str,
        name: str,
        options: Json | None = None,
        *,
        bot: App | str = "",
    ) -> Interaction:
        """A slash command with its subcommand, as `desk claim`."""
        return asking.command(self, self.user(user), self.channel(channel), name, options or {}, bot=bot)

    def complete(
        self,
        user: User | str,
        channel: Channel | str,
        name: str,
        option: str,
        typed: str = "",
        options: Json | None = None,
        *,
        bot: App | str = "",
    ) -> Interaction:
        """Ask for completions of an option that is being typed."""
        filled = {**(options or {}), option: typed}
        where = self.channel(channel)
        return asking.command(
            self, self.user(user), where, name, filled, bot=bot, kind=COMPLETION, focused=option
        )

    def use_on_message(
        self, user: User | str, message: Message | str, name: str, *, bot: App | str = ""
    ) -> Interaction:
        return asking.on_message(self, self.user(user), self.message(message), name, bot=bot)

    def use_on_user(
        self, user: User | str, channel: Channel | str, target: User | str, name: str, *, bot: App | str = ""
    ) -> Interaction:
        who, place = self.user(user), self.channel(channel)
        return asking.on_user(self, who, place, self.user(target), name, bot=bot)

    def submit(
        self,
        user: User | str,
        form: Interaction | str,
        values: dict[str, Any],
        *,
        files: dict[str, list[Upload]] | None = None,
    ) -> Interaction:
        """Fill in a form; `form` is the interaction that it answered."""
        opened = self.interactions.forms.get(form if isinstance(form, str) else form.id)
        if opened is None or opened.form is None or opened.user is not self.user(user):
            raise Refused(errors.UNKNOWN_INTERACTION)
        kept = {key: self._files(several) for key, several in (files or {}).items()}
        data = asking.filled_in(self, opened, values, kept)
        del self.interactions.forms[opened.id]
        return self.interactions.ask(
            self.world,
            FORM,
            opened.app,
            opened.user,
            opened.channel,
            data,
            message=opened.message,
            before=opened,
        )

    def dismiss(self, user: User | str, form: Interaction | str) -> None:
        """Close a form without sending it; the bot never hears of it."""
        key = form if isinstance(form, str) else form.id
        opened = self.interactions.forms.get(key)
        if opened is not None and opened.user is self.user(user):
            del self.interactions.forms[key]

    # --- places

    def dm(self, user: User | str, bot: User | App | str) -> Channel:
        return self.world.dm_between(self.user(user), self.user(bot.user if isinstance(bot, App) else bot))

    def post(
        self,
        user: User | str,
        forum: Channel | str,
        title: str,
        text: str = "",
        *,
        tags: Iterable[str] = (),
        files: Iterable[Upload] = (),
    ) -> Channel:
        """A forum post; tags by id or name."""
        who, place = self.user(user), self.channel(forum)
        if place.kind not in FORUMS:
            raise Refused(errors.WRONG_CHANNEL_TYPE)
        require(who.id, place, Right.send_messages)
        known = {str(tag["name"]): str(tag["id"]) for tag in place.tags}
        kept, body = self._files(files), {"content": text}
        limits.check_message(body, len(kept), flags=0)
        wanted = {"name": title, "applied_tags": [known.get(tag, tag) for tag in tags]}
        thread = rooms.start_thread(self.world, place, who, wanted, kind=Kind.public_thread)
        talk.post(self.world, thread, who, body, kept, id=thread.id)
        return thread

    def thread(
        self,
        user: User | str,
        channel: Channel | str,
        name: str,
        *,
        message: Message | str | None = None,
        private: bool = False,
    ) -> Channel:
        who, place = self.user(user), self.channel(channel)
        require(who.id, place, Right.view_channel)
        said = self.message(message) if message is not None else None
        kind = Kind.private_thread if private else Kind.public_thread
        thread = rooms.start_thread(self.world, place, who, {"name": name}, kind=kind, message=said)
        if said is not None:
            talk.changed(self.world, said)
        return thread

    def join_thread(self, user: User | str, thread: Channel | str) -> None:
        rooms.join(self.world, self.channel(thread), self.user(user))

    def leave_thread(self, user: User | str, thread: Channel | str) -> None:
        rooms.leave(self.world, self.channel(thread), self.user(user).id)

    def archive(
        self, user: User | str, thread: Channel | str, *, on: bool = True, lock: bool = False
    ) -> None:
        wanted = {"archived": on, "locked": lock}
        rooms.change_channel(self.world, self.channel(thread), wanted, by=self.user(user))

    def rename(self, user: User | str, channel: Channel | str, name: str) -> None:
        rooms.change_channel(self.world, self.channel(channel), {"name": name}, by=self.user(user))

    def remove_channel(self, channel: Channel | str) -> None:
        """Delete a channel or a thread."""
        rooms.delete_channel(self.world, self.channel(channel))

    # --- seeing

    def view(self, channel: Channel | str, user: User | str = "", *, limit: int = 200) -> Json:
        """What a place shows: its messages, oldest first, with what only this person sees."""
        place = self.channel(channel)
        viewer = self.user(user).id if user else ""
        if viewer and not sees(viewer, place):
            raise Refused(errors.MISSING_ACCESS)
        whispers = [one for one in place.whispers.values() if one.only_for == viewer]
        messages = sorted([*place.messages.values(), *whispers], key=lambda one: int(one.id))[-limit:]
        return {
            "channel": shapes.channel(place, viewer),
            "messages": [self.shown(one, viewer) for one in messages],
            "forms": self.forms(viewer),
        }

    def shown(self, message: Message, viewer: str = "") -> Json:
        shape = shapes.message(self.world, message, viewer)
        return shape | {"only_for": message.only_for, "picture": message.picture, "nonce": message.nonce}

    def forms(self, viewer: str) -> list[Json]:
        """The forms that wait for this person."""
        return [
            {"interaction": one.id, "bot": one.app.id, "channel": one.channel.id, **(one.form or {})}
            for one in self.interactions.forms.values()
            if one.user.id == viewer
        ]

    def _own(self, user: User | str, message: Message | str) -> Message:
        found = self.message(message)
        if found.author is not self.user(user):
            raise Refused(errors.NOT_YOUR_MESSAGE)
        return found

    def _check_may_write(self, who: User, place: Channel) -> None:
        if not place.holds_messages:
            raise Refused(errors.NOT_A_TEXT_CHANNEL)
        require(who.id, place, Right.send_in_threads if place.is_thread else Right.send_messages)
        if place.is_thread:
            rooms.check_open(place, moderator=Right.manage_threads in rights_of(who.id, place))

    def _files(self, files: Iterable[Upload]) -> list[File]:
        several = list(files)
        limits.check_files([len(data) for _name, data in several])
        return [
            self.world.add_file(name, data, mimetypes.guess_type(name)[0] or "application/octet-stream")
            for name, data in several
        ]

    def _id(self, message: Message | str) -> str:
        return message if isinstance(message, str) else message.id
