"""How to connect Discord: the steps in the developer portal, and the link by which a bot is invited."""

from __future__ import annotations

from core.chat import Guide, GuideField
from core.i18n import _

RIGHTS = {
    "manage_channels": 1 << 4,
    "add_reactions": 1 << 6,
    "view_channel": 1 << 10,
    "send_messages": 1 << 11,
    "embed_links": 1 << 14,
    "attach_files": 1 << 15,
    "read_message_history": 1 << 16,
    "manage_webhooks": 1 << 29,
    "manage_threads": 1 << 34,
    "create_public_threads": 1 << 35,
    "create_private_threads": 1 << 36,
    "send_messages_in_threads": 1 << 38,
}
"""The bits of the rights that the bot asks for."""
NEEDED = sum(RIGHTS.values())


def without(right: str) -> str:
    """What does not work where a server does not give a right."""
    return {
        "manage_channels": _("a channel of its own for each ticket, and a forum's missing tags"),
        "add_reactions": _("the mark that an answer was delivered"),
        "view_channel": _("anything in channels"),
        "send_messages": _("answers in channels"),
        "embed_links": _("cards"),
        "attach_files": _("files"),
        "read_message_history": _("what was said while the desk was away"),
        "manage_webhooks": _("agents' own names and pictures"),
        "manage_threads": _("putting the threads of closed tickets to sleep"),
        "create_public_threads": _("a thread for each ticket"),
        "create_private_threads": _("a private place for each requester"),
        "send_messages_in_threads": _("answers in threads"),
    }[right]


def invite(application: str) -> str:
    """The address at which an owner of a server lets the bot in."""
    return (
        f"https://discord.com/oauth2/authorize?client_id={application}"
        f"&scope=bot+applications.commands&permissions={NEEDED}"
    )


def steps() -> Guide:
    return Guide(
        steps=(
            _(
                "Open <https://discord.com/developers/applications>, choose *New Application* and give it the "
                "name that people shall see."
            ),
            _(
                "On the page *Bot*, switch on *Message Content Intent*, and choose *Reset Token* to get the token."
            ),
            _(
                "Invite the bot with the link below, in which APPLICATION_ID is the number from the page "
                "*General Information*."
            ),
            _("Paste the token here. The commands are registered by themselves."),
        ),
        fields=(
            GuideField(
                "bot_token", _("Bot token"), _("From the page Bot of the developer portal; it is shown once.")
            ),
        ),
        document=invite("APPLICATION_ID"),
    )
