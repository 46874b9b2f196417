"""The methods of the API, one file for each kind; importing this registers them all."""

from playground.telegram.methods import chats, edits, media, messages, profile, topics, waiting
from playground.telegram.methods.call import METHODS, Call

__all__ = ["METHODS", "Call", "chats", "edits", "media", "messages", "profile", "topics", "waiting"]
