"""What happens to places: topics made, renamed, closed, deleted; groups left and turned into supergroups.

The people and the bots share these; who may do it is decided before.
"""

from __future__ import annotations

from typing import Any

from playground.telegram import posting
from playground.telegram.errors import PlayError, bad
from playground.telegram.world import Chat, Member, Topic, User, World, given

NAME = 128


def topic(chat: Chat, number: int) -> Topic:
    if number not in chat.topics:
        raise PlayError("there is no such topic")
    return chat.topics[number]


def create_topic(
    world: World, chat: Chat, by: User, name: str, icon_color: int = 0x6FB9F0, icon_emoji: str = ""
) -> Topic:
    """The topic's number is that of the service message that starts it."""
    if not chat.has_topics:
        raise bad("the chat is not a forum")
    if not 1 <= len(name) <= NAME:
        raise bad("TOPIC_TITLE_EMPTY" if not name else "topic name is too long")
    created = {"name": name, "icon_color": icon_color} | given(icon_custom_emoji_id=icon_emoji)
    number = chat.next_id
    made = chat.topics[number] = Topic(number, name, by, icon_color, icon_emoji)
    posting.service(world, chat, by, thread=number, forum_topic_created=created)
    world.note("topic", chat=chat.key, thread=number)
    return made


def edit_topic(world: World, chat: Chat, by: User, one: Topic, name: str | None, icon: str | None) -> None:
    if name in (None, "", one.name) and icon in (None, one.icon_custom_emoji_id):
        raise bad("TOPIC_NOT_MODIFIED")
    if name and len(name) > NAME:
        raise bad("topic name is too long")
    one.name = name or one.name
    one.icon_custom_emoji_id = one.icon_custom_emoji_id if icon is None else icon
    changed = given(name=name) | ({} if icon is None else {"icon_custom_emoji_id": icon})
    posting.service(world, chat, by, thread=one.id, forum_topic_edited=changed)
    world.note("topic", chat=chat.key, thread=one.id)


def set_closed(world: World, chat: Chat, by: User, one: Topic, closed: bool) -> None:
    if one.closed == closed:
        raise bad("TOPIC_NOT_MODIFIED")
    one.closed = closed
    kind = "forum_topic_closed" if closed else "forum_topic_reopened"
    posting.service(world, chat, by, one.id, **{kind: {}})
    world.note("topic", chat=chat.key, thread=one.id)


def delete_topic(world: World, chat: Chat, one: Topic) -> None:
    """With all its messages; nobody is told."""
    del chat.topics[one.id]
    for said in [said for said in chat.messages.values() if said.thread == one.id and not said.deleted]:
        posting.remove(world, said)
    world.note("topic", chat=chat.key, thread=one.id)


def leave(world: World, chat: Chat, user: User) -> None:
    posting.service(world, chat, user, left_chat_member=user.api())
    posting.set_member(world, chat, user, user, Member(user, "left"))


def migrate(world: World, chat: Chat, by: User, forum: bool) -> Chat:
    if chat.kind != "group" or chat.migrated_to:
        raise PlayError("only a plain group becomes a supergroup")
    new = world.add_chat(chat.title, "supergroup", forum)
    new.members = {number: Member(m.user, m.status, m.rights) for number, m in chat.members.items()}
    posting.service(world, chat, by, migrate_to_chat_id=new.id)
    chat.migrated_to = new
    posting.service(world, new, by, migrate_from_chat_id=chat.id)
    return new


def poll(number: str, question: str, options: list[str], **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "question": question,
        "options": [
            {"persistent_id": str(at), "text": text, "voter_count": 0} for at, text in enumerate(options)
        ],
        "total_voter_count": 0,
        "is_closed": False,
        "is_anonymous": True,
        "type": "regular",
        "allows_multiple_answers": False,
        "allows_revoting": True,
        "members_only": False,
    } | more
