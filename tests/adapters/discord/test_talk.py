"""What people say comes in, what the desk says stands there: the real library before the stand-in."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from core.chat import (
    Answer,
    Button,
    Card,
    Deleted,
    Edited,
    Field,
    FileRef,
    Gone,
    Joined,
    NotSupported,
    Option,
    Post,
    Reacted,
    Said,
    Select,
    Typing,
)
from core.errors import Refused
from core.fit import split
from tests.adapters.discord import copies
from tests.adapters.discord.conftest import Ears, World, running
from tests.adapters.discord.standin import Standin, until


def post(text: str, **more: object) -> Post:
    return Post(Card(text=text), **more)  # type: ignore[arg-type]


async def test_a_direct_message_is_delivered_and_answered(world: World) -> None:
    direct = world.people.dm("Ada", world.standin.seeded.app)
    message = world.people.say("Ada", direct, "the **printer** is on fire")
    said = await world.ears.hears(Said)
    assert (said.text, said.native, said.direct) == ("the **printer** is on fire", message.id, True)
    assert (said.sender.name, said.missed) == ("Ada", False)
    assert said.place == world.standin.place
    part = Post(Card(text="Which one?", author="Bob"))
    native = await world.adapter.post(said.place, part, key="k1")
    assert await world.shows(said.place) == ["the **printer** is on fire", "**Bob**\nWhich one?"]
    assert await world.adapter.post(said.place, part, key="k1") == native
    await world.bot.lanes.settled()
    assert len(world.ears.heard) == 1, "its own message is no news"


async def test_edits_deletes_and_typing_come_in(world: World) -> None:
    direct = world.people.dm("Ada", world.standin.seeded.app)
    message = world.people.say("Ada", direct, "one")
    world.people.edit("Ada", message, "two")
    edited = await world.ears.hears(Edited)
    assert (edited.text, edited.native) == ("two", message.id)
    assert edited.version
    world.people.delete("Ada", message)
    deleted = await world.ears.hears(Deleted)
    assert (deleted.native, deleted.sender.external) == (message.id, message.author.id)
    world.people.type("Ada", direct)
    assert (await world.ears.hears(Typing)).place == world.standin.place


async def test_a_mention_opens_a_place_of_its_own_and_a_thread_grows(world: World) -> None:
    help_channel, bot = world.channel("help"), world.standin.seeded.app.user
    world.people.say("Ada", help_channel, "what is this place?")
    message = world.people.say("Ada", help_channel, f"<@{bot.id}> my mouse is dead")
    said = await world.ears.hears(Said, 2)
    assert [one.direct for one in world.ears.of(Said)] == [False, True]
    assert said.place.thread == message.id
    assert said.text == "@Deskbell my mouse is dead"
    await world.adapter.post(said.place, post("We look into it."), key="k1")
    assert message.thread.name == "my mouse is dead"
    world.people.say("Ada", message.thread, "thanks")
    more = await world.ears.hears(Said, 3)
    assert more.place == said.place
    assert await world.shows(said.place) == ["", "We look into it.", "thanks"]


async def test_an_answer_to_a_mention_stands_in_the_thread_that_grows(world: World) -> None:
    world.ears.answers = lambda inbound: Answer(cards=(Card(text="You can write /help."),))
    channel, bot = world.channel("help"), world.standin.seeded.app.user
    message = world.people.say("Ada", channel, f"<@{bot.id}> /help")
    await until(lambda: message.thread and "You can write /help." in _texts(world, message.id))
    assert "You can write /help." not in _texts(world, channel.id)


async def test_bots_webhooks_and_the_platforms_own_words_are_ignored(world: World) -> None:
    help_channel = world.channel("help")
    other = world.server.world.add_app("Other")
    world.server.world.add_member(world.standin.seeded.guild, other.user)
    world.people.say(other.user, help_channel, "beep")
    thread = world.people.thread("Ada", help_channel, "a thread")
    world.people.rename("Ada", thread, "renamed")
    world.people.say("Ada", help_channel, "last")
    said = await world.ears.hears(Said)
    assert said.text == "last"
    assert len(world.ears.of(Said)) == 1


async def test_a_post_in_a_watched_forum_is_meant_for_the_desk(desk, standin: Standin) -> None:  # type: ignore[no-untyped-def]
    forum = next(one for one in standin.seeded.channels if one.name == "desk")
    from adapters.discord.settings import Settings

    base = standin.adapter.settings
    standin.adapter.settings = Settings(
        base.api_base_url, bot_token=base.bot_token, forums=frozenset([forum.id])
    )
    async with running(desk, standin) as world:
        thread = world.people.post("Deniz", forum, "Broken screen", "It flickers")
        said = await world.ears.hears(Said)
        assert (said.direct, said.place) == (True, world.place(forum, thread))
        assert said.hints == {"subject": "Broken screen"}
        world.people.say("Deniz", thread, "still")
        later = await world.ears.hears(Said, 2)
        assert (later.direct, later.hints) == (False, {})


async def test_nothing_is_lost_while_the_desk_is_away(world: World) -> None:
    direct = world.people.dm("Ada", world.standin.seeded.app)
    world.ears.away = True
    world.people.say("Ada", direct, "one")
    world.people.say("Ada", direct, "two")
    await until(lambda: world.ears.refused)
    assert not world.bot.marks.has(direct.id)  # type: ignore[union-attr]
    world.ears.away = False
    await world.ears.hears(Said, 2)
    await world.bot.lanes.settled()
    assert [one.text for one in world.ears.heard] == ["one", "two"]
    assert world.bot.marks.of(direct.id) == world.ears.heard[1].native  # type: ignore[union-attr]


async def test_what_the_sender_did_wrong_is_told_to_them(world: World) -> None:
    def refuse(inbound: object) -> Answer:
        raise Refused("You are blocked.")

    world.ears.answers = refuse
    await world.standin.says("hello")
    await until(lambda: "You are blocked." in _texts(world, world.standin.place.channel))
    world.people.say("Bob", world.channel("help"), f"<@{world.standin.seeded.app.user.id}> hello")
    direct = world.people.dm("Bob", world.standin.seeded.app)
    await until(lambda: "You are blocked." in _texts(world, direct.id))


async def test_files_travel_both_ways(world: World) -> None:
    direct = world.people.dm("Ada", world.standin.seeded.app)
    files = [(f"f{n}.bin", bytes([n]) * 100_000) for n in range(3)]
    world.people.say("Ada", direct, "see", files=files)
    said = await world.ears.hears(Said)
    assert [(one.name, one.size) for one in said.files] == [(name, 100_000) for name, _data in files]
    for ref, (_name, data) in zip(said.files, files, strict=True):
        assert b"".join([chunk async for chunk in world.adapter.fetch(said.place, ref)]) == data
    data = b"x" * 300_000
    ref = FileRef("a b.txt", len(data), "text/plain")
    native = await world.adapter.send(said.place, ref, _stream(data), Post(Card()), key="f1")
    sent = direct.messages[native].files[0]
    assert (sent.filename, sent.data) == ("a b.txt", data)
    assert await world.adapter.send(said.place, ref, _stream(data), Post(Card()), key="f1") == native
    with pytest.raises(NotSupported):
        await world.adapter.send(said.place, FileRef("big", 11_000_000), _stream(b""), Post(Card()), key="f2")


async def test_a_file_that_is_gone_is_told(world: World) -> None:
    direct = world.people.dm("Ada", world.standin.seeded.app)
    message = world.people.say("Ada", direct, "see", files=[("a.txt", b"abc")])
    said = await world.ears.hears(Said)
    world.people.delete("Ada", message)
    with pytest.raises(Gone):
        [chunk async for chunk in world.adapter.fetch(said.place, said.files[0])]


async def test_edits_deletes_and_reactions_go_out(world: World) -> None:
    place = world.standin.place
    native = await world.adapter.post(place, post("one"), key="k1")
    await world.adapter.edit(place, native, post("two"))
    await world.adapter.edit(place, native, post("two"))
    assert await world.shows(place) == ["two"]
    await world.adapter.react(place, native, ("👍", "🎉"))
    await world.adapter.mark(place, native, "failed")
    await world.adapter.mark(place, native, "sent")
    message = world.server.world.channels[place.channel].messages[native]
    assert set(_of_bot(message, world)) == {"👍", "🎉", "✅"}
    await world.adapter.react(place, native, ("🎉", ":nowhere:"))
    assert set(_of_bot(message, world)) == {"🎉", "✅"}
    await world.adapter.delete(place, native)
    await world.adapter.delete(place, native)
    assert await world.shows(place) == []
    with pytest.raises(NotSupported):
        await world.adapter.edit(place, native, post("three"))


async def test_reactions_come_in_as_what_stands(world: World) -> None:
    place = world.standin.place
    native = await world.adapter.post(place, post("one"), key="k1")
    await copies.keep(world.desk, place, native)
    for emoji in ("👍", "🎉"):
        world.people.react("Ada", native, emoji)
    await until(lambda: any(set(one.emoji) == {"👍", "🎉"} for one in world.ears.of(Reacted)))
    world.people.unreact("Ada", native, "👍")
    await until(lambda: world.ears.of(Reacted)[-1].emoji == ("🎉",))
    assert world.ears.of(Reacted)[-1].native == native


async def test_reactions_on_what_is_no_ticket_ask_nothing(world: World) -> None:
    message = world.people.say("Ada", world.channel("general"), "hi")
    before = len(world.server.calls)
    world.people.react("Bob", message, "👍")
    world.people.say("Ada", world.channel("general"), "end")
    await world.ears.hears(Said, 2)
    assert not world.ears.of(Reacted)
    assert len(world.server.calls) == before


async def test_a_reply_keeps_what_it_answers(world: World) -> None:
    direct = world.people.dm("Ada", world.standin.seeded.app)
    first = world.people.say("Ada", direct, "one")
    world.people.say("Ada", direct, "two", reply_to=first)
    assert (await world.ears.hears(Said, 2)).reply_to == first.id
    native = await world.adapter.post(world.standin.place, post("three", reply_to=first.id), key="k")
    assert direct.messages[native].reference["message_id"] == first.id


async def test_nobody_is_pinged(world: World) -> None:
    place = world.place(world.channel("help"))
    ada = next(one for one in world.standin.seeded.users if one.name == "Ada")
    native = await world.adapter.post(place, post(f"@everyone @here <@{ada.id}> look"), key="k")
    message = world.channel("help").messages[native]
    assert not message.everyone
    assert not message.mentions
    assert "@everyone" not in message.content


async def test_a_long_message_is_split_and_carries_the_name_once(world: World) -> None:
    text = "\n\n".join(f"paragraph {n} " + "word " * 60 for n in range(130))[:40_000]
    parts = split(text, world.adapter.limits.text, world.adapter.measure)
    for index, one in enumerate(parts):
        part = Post(Card(text=one, author="Bob" * 30), part=index)
        await world.adapter.post(world.standin.place, part, key=f"k{index}")
    shown = await world.shows(world.standin.place)
    assert len(shown) == len(parts) > 20
    assert sum(one.startswith("**Bob") for one in shown) == 1


async def test_a_card_with_everything(world: World) -> None:
    card = Card(
        title="#7 Printer",
        text="It **burns**",
        fields=(Field("Status", "open"), Field("Priority", "high")),
        buttons=(
            *(Button(f"Do {n}", f"do:ticket:{n}") for n in range(7)),
            Button("Open", url="https://desk.example/7"),
            Button("Mail", url="mailto:x@y.z"),
        ),
        selects=(Select("category:ticket:7", "Category", (Option("A", "a"), Option("A", "a"))),),
        tone="warning",
    )
    native = await world.adapter.post(world.standin.place, Post(card), key="k")
    message = world.server.world.channels[world.standin.place.channel].messages[native]
    assert message.embeds[0]["title"] == "#7 Printer"
    rows = message.components
    assert [len(row["components"]) for row in rows] == [1, 5, 3]


async def test_a_name_of_only_emoji_and_thirty_files(world: World) -> None:
    odd = world.server.world.add_user("🎉🎉")
    world.server.world.add_member(world.standin.seeded.guild, odd)
    direct = world.people.dm(odd, world.standin.seeded.app)
    for start in range(0, 30, 10):
        world.people.say(odd, direct, "", files=[(f"{n}.txt", b"x") for n in range(start, start + 10)])
    await world.ears.hears(Said, 3)
    assert sum(len(one.files) for one in world.ears.of(Said)) == 30
    assert world.ears.heard[0].sender.name == "🎉🎉"


async def test_typing_is_shown(world: World) -> None:
    await world.adapter.typing(world.standin.place, True)
    await world.adapter.typing(world.standin.place, False)
    assert world.calls("POST", "/typing") == 1


async def test_a_place_that_goes_is_told(world: World) -> None:
    thread = world.people.thread("Ada", world.channel("help"), "a thread")
    await until(lambda: world.bot.known.room(thread.id))
    world.people.remove_channel(thread)
    left = await world.ears.hears(Joined)
    assert (left.left, left.place) == (True, world.place(world.channel("help"), thread))


async def test_a_bot_in_a_desk_room_that_hears_another_desk_room_does_not_loop(
    desk, standin: Standin
) -> None:  # type: ignore[no-untyped-def]
    async with running(
        desk, standin, Ears(answers=lambda inbound: Answer(cards=(Card(text="hm"),)))
    ) as world:
        await standin.says("hello")
        await until(lambda: "hm" in _texts(world, standin.place.channel))
        await world.bot.lanes.settled()
        assert _texts(world, standin.place.channel) == ["hello", "hm"]


def _texts(world: World, channel: str) -> list[str]:
    messages = world.server.world.channels[channel].messages.values()
    return [one.content or (one.embeds[0]["description"] if one.embeds else "") for one in messages]


def _of_bot(message: object, world: World) -> list[str]:
    bot = world.standin.seeded.app.user.id
    return [emoji for emoji, people in message.reactions.items() if bot in people]  # type: ignore[attr-defined]


async def _stream(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 65_536):
        yield data[start : start + 65_536]
