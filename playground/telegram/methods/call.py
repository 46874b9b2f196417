"""One call of one bot, and what nearly every method needs: the chat, the text, the keyboard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from playground.telegram import shapes
from playground.telegram.arguments import Arguments
from playground.telegram.entities import Entity, checked, complete, ordered, units
from playground.telegram.errors import bad, forbidden
from playground.telegram.limits import RateLimits
from playground.telegram.markup import parse_html, trimmed
from playground.telegram.people import People
from playground.telegram.world import Bot, Chat, Message, World

BUTTONS = 100
CALLBACK_BYTES = 64
KEYBOARDS = ("inline_keyboard", "keyboard", "remove_keyboard", "force_reply")
_ACTIONS = (
    "url",
    "callback_data",
    "web_app",
    "login_url",
    "switch_inline_query",
    "switch_inline_query_current_chat",
    "switch_inline_query_chosen_chat",
    "copy_text",
    "callback_game",
    "pay",
)


@dataclass(slots=True)
class Call:
    """Who calls what with which arguments, in which world."""

    world: World
    people: People
    limits: RateLimits
    bot: Bot
    args: Arguments

    def message(self, said: Message) -> dict[str, Any]:
        return shapes.message(said, self.bot)


Method = Callable[[Call], Any]
METHODS: dict[str, Method] = {}
"""By lower-case name; a method may be a coroutine function."""


def method(name: str) -> Callable[[Method], Method]:
    def register(function: Method) -> Method:
        METHODS[name.lower()] = function
        return function

    return register


def readable_chat(call: Call, name: str = "chat_id") -> Chat:
    """The chat the call names, where the bot may at least look."""
    wanted = call.args.text(name)
    if not wanted:
        raise bad(f"{name} is empty")
    chat = _private(call, wanted) or _group(call, wanted)
    if chat is None:
        raise bad("chat not found")
    if chat.migrated_to:
        raise bad("group chat was upgraded to a supergroup chat", migrate_to_chat_id=chat.migrated_to.id)
    return chat


def writable_chat(call: Call, name: str = "chat_id") -> Chat:
    """The chat the call names, where the bot may write."""
    _check_person(call, call.args.text(name))
    return present_chat(call, name)


def present_chat(call: Call, name: str = "chat_id") -> Chat:
    """The chat the call names: a private one, or a group that the bot is in."""
    chat = readable_chat(call, name)
    if chat.bot:
        return chat
    member = chat.member(call.bot)
    if member is None or member.status == "left":
        raise forbidden(f"bot is not a member of the {chat.kind} chat")
    if member.status == "kicked":
        raise forbidden(f"bot was kicked from the {chat.kind} chat")
    return chat


def require(call: Call, chat: Chat, right: str, reason: str) -> None:
    if not chat.may(call.bot, right):
        raise bad(f"not enough rights to {reason}")


def message_in(chat: Chat, number: int | None, what: str) -> Message:
    """A message that is still there, or the error that names what it was wanted for."""
    found = chat.messages.get(number or 0)
    if found is None or found.deleted:
        raise bad(f"{what} not found")
    return found


def formatted(
    call: Call, text: str = "text", entities: str = "entities", limit: int = 4096
) -> tuple[str, list[Entity]]:
    """Text with its entities, from HTML or from entities given."""
    source, mode = call.args.text(text), call.args.text("parse_mode").lower()
    if mode not in ("", "html"):
        raise bad("can't parse entities: this server reads HTML and entities only")
    if mode:
        shown, found = parse_html(source)
    else:
        shown, found = trimmed(source, ordered(checked(source, call.args.listed(entities) or [])))
    if units(shown) > limit:
        raise bad("message is too long" if limit == 4096 else "message caption is too long")
    return shown, complete(shown, found)


def keyboard(call: Call) -> dict[str, Any] | None:
    """The reply markup, checked as far as Telegram checks it."""
    markup = call.args.object("reply_markup")
    if not markup:
        return None
    if not any(kind in markup for kind in KEYBOARDS):
        raise bad("object expected as reply markup")
    rows = markup.get("inline_keyboard")
    if rows is None:
        return markup
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise bad("can't parse inline keyboard: a list of rows was expected")
    buttons = [button for row in rows for button in row]
    for button in buttons:
        _check_button(button)
    if len(buttons) > BUTTONS:
        raise bad("reply markup is too long")
    kept = [row for row in rows if row]
    return {"inline_keyboard": kept} if kept else None


def _private(call: Call, wanted: str) -> Chat | None:
    return call.world.chats.get(f"{wanted}@{call.bot.id}")


def _group(call: Call, wanted: str) -> Chat | None:
    """A group by its id or public name, but only one that the bot has met."""
    chat = call.world.chats.get(wanted)
    if wanted.startswith("@"):
        named = [one for one in call.world.chats.values() if one.username and f"@{one.username}" == wanted]
        return named[0] if named else None
    return chat if chat and not chat.bot and call.bot.id in chat.members else None


def _check_person(call: Call, wanted: str) -> None:
    user = call.world.users.get(int(wanted)) if wanted.isdigit() else None
    if user is None:
        return
    if user.is_bot:
        raise forbidden("bots can't send messages to bots")
    if user.deactivated:
        raise forbidden("user is deactivated")
    if user.id in call.bot.blocked_by:
        raise forbidden("bot was blocked by the user")
    if _private(call, wanted) is None:
        raise forbidden("bot can't initiate conversation with a user")


def _check_button(button: Any) -> None:
    if not isinstance(button, dict) or not button.get("text"):
        raise bad("can't parse inline keyboard button: field text is missing")
    if not any(action in button for action in _ACTIONS):
        raise bad("can't parse inline keyboard button: text buttons are unallowed in the inline keyboard")
    if not 1 <= len(str(button.get("callback_data", "x")).encode()) <= CALLBACK_BYTES:
        raise bad("BUTTON_DATA_INVALID")
    if "url" in button and not str(button["url"]).startswith(("http://", "https://", "tg://")):
        raise bad(f"inline keyboard button URL '{button['url']}' is invalid: Wrong HTTP URL")
