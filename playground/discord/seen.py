"""What a bot sees of a message: its content only with the intent, and what differs by bot."""

from __future__ import annotations

from playground.discord import shapes
from playground.discord.events import Intent
from playground.discord.model import App, Json, Message


def may_read(message: Message, app: App, intents: Intent) -> bool:
    """Whether a bot sees the content without or with the intent."""
    return (
        Intent.content in intents
        or message.channel.is_dm
        or message.author is app.user
        or message.app_id == app.id
        or app.user in message.mentions
    )


def without_content(data: Json) -> Json:
    return data | {"content": "", "embeds": [], "attachments": [], "components": []}


def shapes_for(data: Json, message: Message, app: App) -> Json:
    """What differs by bot: the nonce is the sender's alone, and `me` of reactions."""
    made = dict(data)
    if message.author is not app.user:
        made.pop("nonce", None)
    if "reactions" in made:
        made["reactions"] = [
            shapes.reaction(emoji, people, app.id) for emoji, people in message.reactions.items()
        ]
    return made
