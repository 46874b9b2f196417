"""Connecting for real: the steps at BotFather, a look at a token, the groups that could be desk rooms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select

from adapters.telegram.commands import listed
from adapters.telegram.line import Line, chat_id
from adapters.telegram.settings import PLATFORM, Settings, bot_id
from core.chat import (
    Candidate,
    CommandSpec,
    Finding,
    Gone,
    Guide,
    GuideField,
    Place,
    PostFailed,
    Revoked,
    Tried,
)
from core.desk import Desk
from core.errors import Invalid, Unavailable
from core.i18n import _
from core.installations import cursors
from core.installations.model import Cursor
from core.rooms import service as rooms

SEEN = "group:"
"""Cursors under this name remember the groups that a bot was added to."""
MOST_GROUPS = 50


def guide(offered: Sequence[CommandSpec]) -> Guide:
    """What to do in Telegram; the document is the list of commands, for /setcommands."""
    everybody = [command for command in offered if not command.staff]
    return Guide(
        steps=(
            _("In Telegram, open **@BotFather** and send `/newbot`. Choose a name and a username."),
            _("BotFather answers with a token. Paste it below; whoever has it controls the bot."),
            _(
                "For desk rooms: make a group, switch on **Topics** in its settings, add the bot and make it "
                "an administrator that may **manage topics** and **delete messages**."
            ),
            _(
                "For groups of requesters: the bot hears commands, mentions and replies to it. Send "
                "`/setprivacy` to BotFather only if it shall hear everything."
            ),
            _(
                "For a topic of its own for each ticket in private chats: switch on topics for the bot at BotFather."
            ),
        ),
        fields=(GuideField("bot_token", _("Bot token"), _("Looks like 123456789:AbC…")),),
        document="\n".join(f"{one['command']} - {one['description']}" for one in listed(everybody)),
    )


async def try_out(settings: Settings, values: Mapping[str, str]) -> Tried:
    """Whether a token holds, and what the bot may do."""
    token = values.get("bot_token", "").strip()
    if not bot_id(token):
        raise Invalid(_("This is no token of a Telegram bot. Copy the whole line."), field="bot_token")
    from adapters.telegram.client import Client

    client = Client(token, settings)
    try:
        me = await client.call("getMe")
    except Revoked:
        raise Invalid(_("Telegram does not take this token."), field="bot_token") from None
    except PostFailed:
        raise Unavailable(_("Telegram does not answer right now. Please try again in a moment.")) from None
    finally:
        await client.close()
    name = f"@{me['username']}" if me.get("username") else str(me.get("first_name") or client.id)
    return Tried(client.id, name, {"bot_token": token}, tuple(_abilities(me)))


async def look(desk: Desk, line: Line) -> Sequence[Finding]:
    """One connection: does its token hold, what may it do, and what in each of its desk rooms."""
    try:
        me = await line.client.call("getMe")
    except Revoked:
        return (
            Finding("token", False, _("Telegram does not take the token any more. Connect the bot anew.")),
        )
    except PostFailed:
        return (Finding("connection", False, _("Telegram does not answer right now.")),)
    findings = [Finding("token", True), *_abilities(me)]
    for channel in await _led_rooms(desk, line):
        findings += await _in_room(line, channel)
    return findings


async def candidates(desk: Desk, line: Line) -> Sequence[Candidate]:
    """Forums that the bot is in: Telegram lists none, so those it was added to are remembered."""
    found = []
    for channel in await _known_groups(desk, line):
        try:
            chat = await line.client.call("getChat", chat_id=chat_id(channel))
        except Gone:
            continue
        if chat.get("is_forum"):
            found.append(Candidate(line.place(channel), str(chat.get("title") or channel)))
    return found


async def remember_group(desk: Desk, line: Line, channel: str, left: bool) -> None:
    """The bot was added to a group, or is there no more."""
    async with desk.db.sessions() as session:
        if left:
            await cursors.forget(session, PLATFORM, line.id, f"{SEEN}{channel}")
        else:
            await cursors.move(session, PLATFORM, line.id, f"{SEEN}{channel}", "here")
        await session.commit()


async def _in_room(line: Line, channel: str) -> Sequence[Finding]:
    """Whether a group serves as a desk room: topics on, and the rights that the bot needs there."""
    try:
        chat = await line.client.call("getChat", chat_id=chat_id(channel))
        own = await line.client.call("getChatMember", chat_id=chat_id(channel), user_id=int(line.id))
    except PostFailed:
        return (Finding("room", False, _("The bot is not in the group of a desk room any more.")),)
    title = str(chat.get("title") or channel)
    rights = {"can_manage_topics": _("manage topics"), "can_delete_messages": _("delete messages")}
    words = _("Topics have to be switched on in the group “{group}”.").format(group=title)
    findings = [Finding("topics", bool(chat.get("is_forum")), words)]
    for name, what in rights.items():
        ok = own.get("status") == "creator" or own.get(name) is True
        words = _("In the group “{group}” the bot has to be an administrator that may {what}.")
        findings.append(Finding(name, ok, words.format(group=title, what=what)))
    return findings


def _abilities(me: Mapping[str, Any]) -> list[Finding]:
    return [
        Finding(
            "can_join_groups",
            me.get("can_join_groups") is True,
            _("Without it there are no desk rooms: send /setjoingroups to BotFather."),
        ),
        Finding(
            "can_read_all_group_messages",
            True,
            _("The bot hears everything in groups.")
            if me.get("can_read_all_group_messages")
            else _("In groups the bot hears commands, mentions and replies; as administrator everything."),
        ),
    ]


async def _known_groups(desk: Desk, line: Line) -> list[str]:
    """Groups that the bot was added to, and its desk rooms."""
    query = select(Cursor.channel).where(
        Cursor.platform == PLATFORM,
        Cursor.installation == line.id,
        Cursor.channel.startswith(SEEN, autoescape=True),
    )
    async with desk.db.sessions() as session:
        seen = list(await session.scalars(query.order_by(Cursor.at.desc()).limit(MOST_GROUPS)))
    channels = [name.removeprefix(SEEN) for name in seen] + await _led_rooms(desk, line)
    return list(dict.fromkeys(channels))[:MOST_GROUPS]


async def _led_rooms(desk: Desk, line: Line) -> list[str]:
    async with desk.db.sessions() as session:
        led = [Place.from_key(room.place_key) for room in await rooms.rooms(session)]
    mine = [one.channel for one in led if one.platform == PLATFORM and one.installation == line.id]
    return list(dict.fromkeys(mine))
