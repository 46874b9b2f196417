"""A look at a bot: whether its token holds, which switch and which rights are missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adapters.discord import guide, sdk
from adapters.discord.known import FORUMS, WITH_THREADS
from adapters.discord.reading import items, number, string
from adapters.discord.rest import Rest
from adapters.discord.settings import PLATFORM, SHARDS_SETTING, Settings
from core.chat import Candidate, Finding, Place, PostFailed, Revoked, Tried
from core.errors import Invalid, Unavailable
from core.i18n import _

_MAY_READ_WORDS = (1 << 18) | (1 << 19)
"""Flags of an application: the Message Content intent, for large bots and for small ones."""
_ADMINISTRATOR = 1 << 3
MOST_GUILDS = 20
MOST_ACTIVE = 1_000
"""Active threads of a server (Discord's limit)."""


async def try_out(settings: Settings, values: Mapping[str, str]) -> Tried:
    """Who the bot of a token is. Raises `Invalid` when the platform does not know it."""
    token = values.get("bot_token", "").strip().removeprefix("Bot ").strip()
    if not token:
        raise Invalid(_("The bot token is missing."), field="bot_token")
    sdk.base_at(settings)
    rest = Rest(token)
    try:
        me = await rest.login()
        found = await findings(rest, settings.shards)
    except Revoked:
        raise Invalid(_("Discord does not know this token."), field="bot_token") from None
    except PostFailed as error:
        raise Unavailable(_("Discord does not answer now. Please try again.")) from error
    finally:
        await rest.close()
    name = string(me, "global_name") or string(me, "username")
    return Tried(string(me, "id"), name, {"bot_token": token}, tuple(found))


async def candidates(settings: Settings, token: str, installation: str) -> Sequence[Candidate]:
    """Text channels and forums of all servers, by calls alone: where the bot itself does not run."""
    sdk.base_at(settings)
    rest, found = Rest(token), []
    try:
        await rest.login()
        for guild in items({"list": await rest.get("/users/@me/guilds")}, "list")[:MOST_GUILDS]:
            channels = await rest.get("/guilds/{guild_id}/channels", guild_id=string(guild, "id"))
            for one in items({"list": channels}, "list"):
                if number(one, "type") in (*WITH_THREADS, *FORUMS):
                    name = f"{string(guild, 'name')} › #{string(one, 'name')}"
                    found.append(Candidate(Place(PLATFORM, installation, string(one, "id")), name))
    finally:
        await rest.close()
    return sorted(found, key=lambda one: one.name)


async def findings(rest: Rest, shards: int) -> Sequence[Finding]:
    application = await rest.get("/applications/@me")
    found = [Finding("token", ok=True), _intent(application), _shards(await rest.get("/gateway/bot"), shards)]
    guilds = items({"list": await rest.get("/users/@me/guilds")}, "list")
    link = guide.invite(string(application, "id"))
    words = "" if guilds else _("The bot is on no server yet. Invite it: {link}").format(link=link)
    found.append(Finding("servers", ok=bool(guilds), words=words))
    for one in guilds[:MOST_GUILDS]:
        if await _is_full(rest, string(one, "id")):
            words = _(
                "{server} has as many active threads as Discord allows: new tickets get none until some are closed."
            )
            found.append(Finding("threads", ok=False, words=words.format(server=string(one, "name"))))
        missing = _missing(string(one, "permissions"))
        if missing:
            words = _("On {server} the bot lacks: {rights}. Invite it again with {link}").format(
                server=string(one, "name"), rights="; ".join(missing), link=link
            )
            found.append(Finding("rights", ok=False, words=words))
    return found


def unreachable(error: PostFailed) -> Sequence[Finding]:
    words = (
        _("Discord refuses the token. Make a new one in the developer portal and connect the bot anew.")
        if isinstance(error, Revoked)
        else _("Discord does not answer now. Please try again.")
    )
    return [Finding("token", ok=False, words=words)]


def _intent(application: Mapping[str, object]) -> Finding:
    ok = bool(number(application, "flags") & _MAY_READ_WORDS)
    words = _(
        "The Message Content intent is off: the bot sees no words in channels and threads, only direct "
        "messages and mentions. Switch it on in the developer portal, on the page Bot."
    )
    return Finding("message_content", ok=ok, words="" if ok else words)


def _shards(gateway: Mapping[str, object], shards: int) -> Finding:
    """Whether the bot has as many sessions as the platform recommends; from 2,500 servers on it demands them."""
    recommended = number(gateway, "shards")
    words = _(
        "Discord recommends {recommended} shards for this bot, and the desk has {shards}. From 2,500 servers on "
        "Discord connects no bot that has too few. Set {setting} to {recommended} for all gateways, and "
        "restart them."
    ).format(recommended=recommended, shards=shards, setting=SHARDS_SETTING)
    return Finding("shards", ok=recommended <= shards, words="" if recommended <= shards else words)


def _missing(permissions: str) -> list[str]:
    """The rights that a server does not give, each with what will not work; nothing where the platform
    does not tell."""
    given = int(permissions) if permissions.isdigit() else 0
    if not given or given & _ADMINISTRATOR:
        return []
    lacks = (name for name, bit in guide.RIGHTS.items() if not given & bit)
    words = _("{right} (needed for: {what})")
    return [words.format(right=name.replace("_", " "), what=guide.without(name)) for name in lacks]


async def _is_full(rest: Rest, guild: str) -> bool:
    active = await rest.get("/guilds/{guild_id}/threads/active", guild_id=guild)
    return isinstance(active, dict) and len(items(active, "threads")) >= MOST_ACTIVE
