"""The actions of `/_play/`: JSON in, JSON out, one function each."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from playground.telegram import view
from playground.telegram.errors import PlayError
from playground.telegram.people import Attachment
from playground.telegram.world import Bot, Chat, Message, User

if TYPE_CHECKING:
    from playground.telegram.server import TelegramServer

Given = dict[str, Any]
Action = Callable[["TelegramServer", Given], Awaitable[Any]]
ACTIONS: dict[str, Action] = {}


def action(function: Callable[[TelegramServer, Given], Any]) -> Callable[[TelegramServer, Given], Any]:
    """Register under the function's name."""

    async def act(server: TelegramServer, given: Given) -> Any:
        done = function(server, given)
        return await done if isinstance(done, Awaitable) else done

    ACTIONS[function.__name__] = act
    return function


def questions(server: TelegramServer) -> list[dict[str, Any]]:
    return [asdict(one) for one in server.questions]


def calls(server: TelegramServer, after: int) -> list[dict[str, Any]]:
    return [asdict(one) for one in server.calls if one.number > after]


def no_faults(server: TelegramServer) -> dict[str, Any]:
    server.faults.clear()
    return server.faults.listed()


@action
def users(server: TelegramServer, given: Given) -> Given:
    """first_name, last_name?, username?, language?"""
    made = server.world.add_user(
        given["first_name"],
        given.get("last_name", ""),
        given.get("username", ""),
        given.get("language", "en"),
    )
    return view.user(made)


@action
def bots(server: TelegramServer, given: Given) -> Given:
    """name, username, privacy?, topics?, token?"""
    made = server.world.add_bot(
        given["name"],
        given["username"],
        privacy=given.get("privacy", True),
        topics=given.get("topics", False),
        token=given.get("token", ""),
    )
    return view.user(made)


@action
def groups(server: TelegramServer, given: Given) -> Given:
    """user (owner), title, kind?, forum?, members?, admins?"""
    owner = _user(server, given)
    kind, forum = given.get("kind", "supergroup"), given.get("forum", False)
    chat = server.people.create_group(owner, given["title"], kind=kind, forum=forum)
    for member in given.get("members", []):
        server.people.add(owner, chat, server.world.user(member))
    for member in given.get("admins", []):
        server.people.add(owner, chat, server.world.user(member), admin=True)
    return view.chat(chat)


@action
def start(server: TelegramServer, given: Given) -> Given:
    """user, bot?, payload?"""
    return view.message(
        server.people.start(_user(server, given), _bot(server, given), given.get("payload", ""))
    )


@action
def say(server: TelegramServer, given: Given) -> Any:
    """user, chat, text?, typed?, entities?, thread?, reply_to?, quote?, location?, contact?, poll?, extra?, files?"""
    person, chat, people = _user(server, given), _chat(server, given), server.people
    more: Given = {
        key: given[key] for key in ("thread", "reply_to", "quote", "typed", "entities") if key in given
    }
    files = [_attachment(one) for one in given.get("files", [])]
    if len(files) > 1:
        return [view.message(one) for one in people.album(person, chat, files, given.get("text", ""), **more)]
    more |= {key: given[key] for key in ("contact", "extra") if key in given}
    more |= {key: tuple(given[key]) for key in ("location", "poll") if key in given}
    file = files[0] if files else None
    return view.message(people.say(person, chat, given.get("text", ""), file=file, **more))


@action
def edit(server: TelegramServer, given: Given) -> Given:
    """user, chat, message, text, typed?"""
    said = _message(server, given)
    return view.message(
        server.people.edit(_user(server, given), said, given["text"], typed=given.get("typed", False))
    )


@action
def delete(server: TelegramServer, given: Given) -> Given:
    """user, chat, message"""
    said = _message(server, given)
    server.people.delete(_user(server, given), said)
    return view.message(said)


@action
def react(server: TelegramServer, given: Given) -> Given:
    """user, chat, message, emoji (a text, a list, or nothing to remove)"""
    emoji, said = given.get("emoji") or [], _message(server, given)
    server.people.react(_user(server, given), said, *([emoji] if isinstance(emoji, str) else emoji))
    return view.message(said)


@action
async def press(server: TelegramServer, given: Given) -> Given:
    """user, chat, message, button (text or data), wait? (seconds for the bot's answer)"""
    pressed = server.people.press(_user(server, given), _message(server, given), given["button"])
    try:
        wait = min(float(given.get("wait", 0)), 60.0)
        answer = await server.people.answered(pressed, wait) if wait else None
    except TimeoutError:
        answer = None
    return {"press": pressed.id, "data": pressed.data, "answer": answer}


@action
def block(server: TelegramServer, given: Given) -> Given:
    """user, bot?"""
    server.people.block(_user(server, given), _bot(server, given))
    return view.user(_bot(server, given))


@action
def unblock(server: TelegramServer, given: Given) -> Given:
    """user, bot?"""
    server.people.unblock(_user(server, given), _bot(server, given))
    return view.user(_bot(server, given))


@action
def add(server: TelegramServer, given: Given) -> Given:
    """user (who does it), chat, member (who comes), admin?"""
    chat = _chat(server, given)
    server.people.add(_user(server, given), chat, _member(server, given), admin=given.get("admin", False))
    return view.chat(chat)


@action
def promote(server: TelegramServer, given: Given) -> Given:
    """user, chat, member, rights?"""
    chat = _chat(server, given)
    server.people.promote(_user(server, given), chat, _member(server, given), *given.get("rights", []))
    return view.chat(chat)


@action
def demote(server: TelegramServer, given: Given) -> Given:
    """user, chat, member"""
    chat = _chat(server, given)
    server.people.demote(_user(server, given), chat, _member(server, given))
    return view.chat(chat)


@action
def kick(server: TelegramServer, given: Given) -> Given:
    """user, chat, member"""
    chat = _chat(server, given)
    server.people.kick(_user(server, given), chat, _member(server, given))
    return view.chat(chat)


@action
def leave(server: TelegramServer, given: Given) -> Given:
    """user, chat"""
    chat = _chat(server, given)
    server.people.leave(_user(server, given), chat)
    return view.chat(chat)


@action
def migrate(server: TelegramServer, given: Given) -> Given:
    """user, chat, forum?"""
    person, chat = _user(server, given), _chat(server, given)
    return view.chat(server.people.migrate(person, chat, forum=given.get("forum", False)))


@action
def topics(server: TelegramServer, given: Given) -> Given:
    """user, chat, and `do`: create (name), edit (thread, name), close, reopen or delete (thread)"""
    person, chat, people = _user(server, given), _chat(server, given), server.people
    match given.get("do", "create"):
        case "create":
            people.create_topic(person, chat, given["name"])
        case "edit":
            people.edit_topic(person, chat, given["thread"], given["name"])
        case "close":
            people.close_topic(person, chat, given["thread"])
        case "reopen":
            people.reopen_topic(person, chat, given["thread"])
        case "delete":
            people.delete_topic(person, chat, given["thread"])
        case unknown:
            raise PlayError(f"a topic cannot be {unknown}")
    return view.chat(chat)


@action
def faults(server: TelegramServer, given: Given) -> Given:
    """One rule (kind, method?, ...), or `rules`, `updates`, `seed`, `clear`, `remove`"""
    knobs = dict(given)
    if knobs.pop("clear", False):
        server.faults.clear()
    if "seed" in knobs:
        server.faults.seed(int(knobs.pop("seed")))
    if "remove" in knobs:
        server.faults.remove(int(knobs.pop("remove")))
    _misorder(server, knobs.pop("updates", {}))
    rules = knobs.pop("rules", [knobs] if knobs else [])
    for rule in rules:
        server.faults.add(**rule)
    return server.faults.listed()


@action
def limits(server: TelegramServer, given: Given) -> Given:
    """on?, edits?, overall?, chat?, group? (each a pair: messages, seconds)"""
    rates = server.limits
    rates.on, rates.edits = given.get("on", rates.on), given.get("edits", rates.edits)
    for name in ("overall", "chat", "group"):
        if name in given:
            many, seconds = given[name]
            setattr(rates, name, (int(many), float(seconds)))
    return {name: getattr(rates, name) for name in ("on", "edits", "overall", "chat", "group", "refused")}


@action
def clock(server: TelegramServer, given: Given) -> Given:
    """advance (seconds)"""
    server.world.clock.advance(float(given.get("advance", 0)))
    return {"now": server.world.clock.now()}


@action
def revoke(server: TelegramServer, given: Given) -> Given:
    """bot?, revoked? (false gives the token back)"""
    server.revoke(_bot(server, given), given.get("revoked", True))
    return view.user(_bot(server, given))


@action
def rotate(server: TelegramServer, given: Given) -> Given:
    """bot?, token? : another token, the old one is worth nothing any more"""
    return {"token": server.rotate(_bot(server, given), given.get("token", ""))}


@action
def restart_ids(server: TelegramServer, given: Given) -> Given:
    """bot?, at? : update ids go on from another number"""
    return {"next": _bot(server, given).queue.restart_ids(given.get("at"))}


@action
def deactivate(server: TelegramServer, given: Given) -> Given:
    """user: the account is gone"""
    person = _user(server, given)
    person.deactivated = True
    return view.user(person)


def _user(server: TelegramServer, given: Given) -> User:
    return server.world.user(int(given["user"]))


def _member(server: TelegramServer, given: Given) -> User:
    return server.world.user(int(given["member"]))


def _bot(server: TelegramServer, given: Given) -> Bot:
    return server.world.bot(given.get("bot"))


def _chat(server: TelegramServer, given: Given) -> Chat:
    return server.world.chat(given["chat"], given.get("bot"))


def _message(server: TelegramServer, given: Given) -> Message:
    said = _chat(server, given).messages.get(int(given["message"]))
    if said is None:
        raise PlayError("there is no such message")
    return said


def _attachment(given: Given) -> Attachment:
    """kind, name?, mime?, more?, and the bytes as `base64`"""
    data = base64.b64decode(given["base64"])
    return Attachment(
        given.get("kind", "document"),
        data,
        given.get("name", ""),
        given.get("mime", ""),
        given.get("more", {}),
    )


def _misorder(server: TelegramServer, knobs: Given) -> None:
    updates = server.faults.updates
    for name in ("duplicate", "duplicate_new_id", "reorder"):
        if name in knobs:
            setattr(updates, name, knobs[name])
