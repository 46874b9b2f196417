"""A local stand-in for the Telegram Bot API: bots talk to it as they would to the real one."""

from playground.telegram.errors import PlayError
from playground.telegram.faults import Fault, Faults
from playground.telegram.limits import RateLimits
from playground.telegram.people import Attachment, People
from playground.telegram.server import TelegramServer
from playground.telegram.world import Bot, Chat, Message, Topic, User, World

__all__ = [
    "Attachment",
    "Bot",
    "Chat",
    "Fault",
    "Faults",
    "Message",
    "People",
    "PlayError",
    "RateLimits",
    "TelegramServer",
    "Topic",
    "User",
    "World",
]
