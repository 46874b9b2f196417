"""What people say, edit, take back and react to."""

from __future__ import annotations

import uuid
from typing import Any

from playground.slack.blocks import check_message
from playground.slack.errors import PlayError
from playground.slack.play.base import Base
from playground.slack.richtext import rich, typed
from playground.slack.world import Channel, Message, User

Json = dict[str, Any]


class Says(Base):
    """A person at the keyboard."""

    async def say(
        self,
        user: str,
        channel: str,
        text: str = "",
        thread: str = "",
        files: list[Json] | None = None,
        blocks: list[Json] | None = None,
        broadcast: bool = False,
        raw: bool = False,
    ) -> Json:
        """A message of a person, or of another bot. `raw` text is mrkdwn already."""
        speaker = self._user(user)
        place = self._channel(channel, speaker)
        if place.archived:
            raise PlayError("is_archived")
        message = self._spoken(
            speaker, place, text if raw else typed(self.world, speaker.team, text, place.teams)
        )
        message.blocks = check_message(blocks) if blocks else []
        if thread:
            message.thread_ts = self._parent(place, thread)
            message.subtype = "thread_broadcast" if broadcast else ""
        if files:
            self.acts.share(place, [self._file(speaker, one) for one in files], message)
        elif message.text or message.blocks:
            self.acts.post(place, message)
        else:
            raise PlayError("nothing to say")
        return self._shown(place, message)

    def _spoken(self, speaker: User, place: Channel, text: str) -> Message:
        message = Message(self.world.new_ts(), text, user=speaker.id, team=speaker.team)
        if speaker.bot_id:
            message.bot_id, message.app_id = speaker.bot_id, speaker.app_id
        else:
            message.client_msg_id = str(uuid.uuid4())
        if place.is_shared:
            message.extra = {"user_team": speaker.team, "source_team": speaker.team}
        return message

    def _parent(self, place: Channel, thread: str) -> str:
        parent = self._message(place, thread)
        return parent.thread_ts if parent.is_reply else parent.ts

    async def edit(self, user: str, channel: str, ts: str, text: str, raw: bool = False) -> Json:
        speaker = self._user(user)
        place = self._channel(channel, speaker)
        message = self._own(place, ts, speaker)
        said = text if raw else typed(self.world, speaker.team, text, place.teams)
        self.acts.change(place, message, said, rich(said), speaker.id)
        return self._shown(place, message)

    async def delete(self, user: str, channel: str, ts: str) -> Json:
        speaker = self._user(user)
        place = self._channel(channel, speaker)
        self.acts.remove(place, self._own(place, ts, speaker))
        return {}

    def _own(self, place: Channel, ts: str, speaker: User) -> Message:
        message = self._message(place, ts)
        if message.user != speaker.id and not speaker.is_admin:
            raise PlayError("only one's own messages")
        return message

    async def react(self, user: str, channel: str, ts: str, name: str) -> Json:
        speaker = self._user(user)
        place = self._channel(channel, speaker)
        message = self._message(place, ts)
        return {"changed": self.acts.react(place, message, speaker.id, name.strip(":"))}

    async def unreact(self, user: str, channel: str, ts: str, name: str) -> Json:
        speaker = self._user(user)
        place = self._channel(channel, speaker)
        message = self._message(place, ts)
        return {"changed": self.acts.unreact(place, message, speaker.id, name.strip(":"))}

    async def unfurl(self, channel: str, ts: str, title: str = "A page", url: str = "") -> Json:
        """A preview comes under a message: it changes though nobody edited it."""
        place = self._channel(channel)
        message = self._message(place, ts)
        before = self.shapes.message(place, message)
        message.attachments = [
            {"id": 1, "title": title, "title_link": url, "from_url": url, "fallback": title}
        ]
        self.acts.touched(place, message, before)
        return self._shown(place, message)

    async def mark(self, user: str, channel: str, ts: str) -> Json:
        speaker = self._user(user)
        self._channel(channel, speaker).read[speaker.id] = ts
        return {}
