"""Which tellers, guard, mail and commands a desk has: the list that grows with features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adapters.mail import make_mailer
from bot import commands, offering, places
from bot.articles import Offers
from bot.mailing.cards import Mails
from bot.mailing.poster import MailPoster
from bot.mailing.teller import make_teller
from bot.making import Maker
from bot.requesters import Requesters
from bot.rooms.making import RoomCards
from bot.rooms.teller import Rooms
from bot.router import Guard
from bot.tell import Teller
from bot.voice.engine import Voice
from bot.voice.teller import Calls
from core import guard as spam
from core.chat import ChatAdapter, CommandSpec
from core.desk import Desk
from core.errors import StartError
from core.i18n import _
from core.settings import Settings
from webui.site import CallService, PaletteCommand


def tellers(desk: Desk, chats: Mapping[str, ChatAdapter]) -> Sequence[Teller]:
    """What follows from events, beside the copies in chats."""
    return (
        make_teller(desk),
        offering.make_teller(live_channels(chats)),
        Rooms(chats),
        Requesters(chats),
        Offers(chats),
        Calls(chats, desk.means.public_url),
        places.reconnect,
        places.heard_of(desk),
    )


def live_channels(chats: Mapping[str, ChatAdapter]) -> frozenset[str]:
    """Where people sit and wait for an answer: only these chats are offered to free agents."""
    return frozenset(name for name, chat in chats.items() if chat.limits.live)


def guard() -> Guard:
    """What stands at the door against floods and spam."""
    return spam.guard


def mail_poster(desk: Desk, settings: Settings) -> MailPoster:
    """The way out for mail."""
    return MailPoster(make_mailer(desk, settings))


def makers(settings: Settings, chats: Mapping[str, ChatAdapter]) -> Mapping[str, Maker]:
    """What a delivery row's card becomes at the moment it is sent."""
    mails = Mails(settings.url, live_channels(chats)).makers
    return {
        **mails,
        **RoomCards(chats, settings.url).makers,
        **Requesters(chats).makers,
        **Offers(chats).makers,
        **Calls(chats, settings.url).makers,
    }


def call_service(voice: Voice) -> CallService | None:
    """A LiveKit server, where one is set; else the desk's own engine carries calls."""
    found = voice.livekit
    if found is None:
        return None
    if found.client is None or not found.client.is_file():
        raise StartError(
            "DESKBELL_LIVEKIT_URL needs DESKBELL_LIVEKIT_CLIENT, the path of livekit-client.esm.mjs: "
            "LiveKit's own client, which is not part of Deskbell. docs/calls.md says how to fetch it."
        )
    return CallService(found.url, found.client, voice.hooked)


def menu() -> Sequence[CommandSpec]:
    """The commands as platforms register them."""
    commands.load()
    return commands.specs()


def palette() -> Sequence[PaletteCommand]:
    """The commands as the web shows them."""
    return tuple(
        PaletteCommand(known.name, _(known.title), known.needs.value if known.needs else "")
        for known in commands.load().values()
    )
