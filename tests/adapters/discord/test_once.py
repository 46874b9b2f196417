"""Said once: calls whose work is done while their answer is lost, and what the platform refuses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from core import clock
from core.chat import (
    Card,
    FileRef,
    Gone,
    NotSupported,
    Place,
    Post,
    PostFailed,
    RetryAfter,
    Revoked,
    ThreadGone,
)
from core.desk import Desk
from core.outbox_model import Delivery
from playground.discord.model import Kind
from playground.discord.rights import Right
from tests.adapters.discord.conftest import World, running
from tests.adapters.discord.standin import Standin

MESSAGES = "/channels/*/messages"


def post(text: str, *, again: bool = False, old: bool = False, author: str = "") -> Post:
    since = clock.now() - (timedelta(minutes=10) if old else timedelta(0))
    return Post(Card(text=text, author=author), again=again, since=since)


async def fails_then_works(
    world: World, path: str, first: Any, second: Any, kind: str = "commit_drop"
) -> Any:
    """The work is done and the answer lost; the next try finds what the first one did."""
    world.server.faults.add(kind, method="POST", path=path, times=1)
    with pytest.raises(PostFailed):
        await first()
    return await second()


@pytest.mark.parametrize("old", [False, True])
async def test_a_message(world: World, old: bool) -> None:
    place = world.standin.place
    if old:
        world.server.world.nonce_life = 0.0
    native = await fails_then_works(
        world,
        MESSAGES,
        lambda: world.adapter.post(place, post("hi"), key="k"),
        lambda: world.adapter.post(place, post("hi", again=True, old=old), key="k"),
    )
    assert await world.shows(place) == ["hi"]
    assert native in world.server.world.channels[place.channel].messages


async def test_what_was_left_unheard_is_found_by_its_nonce_to_be_taken_away(world: World) -> None:
    place, part = world.standin.place, post("This message was deleted.", again=True)
    world.server.faults.add("commit_drop", method="POST", path=MESSAGES, times=1)
    with pytest.raises(PostFailed):
        await world.adapter.post(place, post("gone by now"), key="k")
    native = await world.adapter.recall(place, part, key="k", is_file=False)
    assert await world.shows(place) == ["gone by now"]
    await world.adapter.delete(place, native)
    assert await world.shows(place) == []
    old = post("This message was deleted.", again=True, old=True)
    assert await world.adapter.recall(place, old, key="other", is_file=False) == ""


async def test_a_message_that_the_platform_stumbled_over_is_repeated_by_its_nonce(world: World) -> None:
    world.server.faults.add("commit_500", method="POST", path=MESSAGES, times=1)
    await world.adapter.post(world.standin.place, post("hi"), key="k")
    assert await world.shows(world.standin.place) == ["hi"]


async def test_a_twin_that_belongs_to_another_delivery_is_not_taken(world: World) -> None:
    place = world.standin.place
    world.server.world.nonce_life = 0.0
    first = await world.adapter.post(place, post("ok"), key="k1")
    async with world.desk.unit() as uow:
        uow.session.add(Delivery(kind="post", place_key=place.key, state="sent", native=first))
    second = await world.adapter.post(place, post("ok", again=True, old=True), key="k2")
    assert second != first
    assert await world.shows(place) == ["ok", "ok"]


async def test_a_file(world: World) -> None:
    place, ref = world.standin.place, FileRef("a.txt", 6, "text/plain")
    world.server.world.nonce_life = 0.0

    def send(part: Post) -> Any:
        return world.adapter.send(place, ref, _stream(b"abcdef"), part, key="k")

    await fails_then_works(
        world, MESSAGES, lambda: send(post("")), lambda: send(post("", again=True, old=True))
    )
    assert await world.shows(place) == ["a.txt"]


@pytest.mark.parametrize("kind", ["commit_drop", "commit_500"])
async def test_a_forum_post(world: World, kind: str) -> None:
    room = world.standin.room

    def opens(part: Post) -> Any:
        return world.adapter.open_thread(room, "#7 Printer", part, key="k")

    opened = await fails_then_works(
        world,
        "/channels/*/threads",
        lambda: opens(post("head")),
        lambda: opens(post("head", again=True)),
        kind,
    )
    threads = [one for one in world.server.world.channels.values() if one.is_thread]
    assert [one.id for one in threads] == [opened.place.thread] == [opened.head]


async def test_a_card_for_a_forum_itself_is_a_post(world: World) -> None:
    room = world.standin.room
    native = await fails_then_works(
        world,
        "/channels/*/threads",
        lambda: world.adapter.post(room, post("**7** open"), key="k"),
        lambda: world.adapter.post(room, post("**7** open", again=True), key="k"),
    )
    thread = world.server.world.channels[native]
    assert thread.name == "Overview"
    # Right after a start the gateway has not told yet which channels are forums.
    world.bot.known.hear("CHANNEL_DELETE", {"id": room.channel})
    await world.adapter.edit(room, native, post("**8** open"))
    await world.adapter.mark(room, native, "sent")
    assert await world.shows(world.place(world.channel("desk"), thread)) == ["**8** open"]
    await world.adapter.delete(room, native)


@pytest.mark.parametrize("path", [MESSAGES, "/channels/*/messages/*/threads"])
async def test_a_thread_from_its_head(world: World, path: str) -> None:
    room = world.place(world.channel("desk-room"))

    def opens(part: Post) -> Any:
        return world.adapter.open_thread(room, "#7 Printer", part, key="k")

    opened = await fails_then_works(
        world, path, lambda: opens(post("head")), lambda: opens(post("head", again=True))
    )
    assert [one.id for one in world.server.world.channels.values() if one.is_thread] == [opened.head]
    assert opened.place.thread == opened.head
    assert await world.shows(room) == ["head"]


@pytest.mark.parametrize("path", ["/channels/*/threads", MESSAGES])
async def test_a_private_thread(world: World, path: str) -> None:
    ada = world.standin.seeded.users[0]
    room = world.place(world.channel("help"))

    def opens(part: Post) -> Any:
        return world.adapter.open_thread(room, "#7 Printer", part, key="k", member=ada.id)

    opened = await fails_then_works(
        world, path, lambda: opens(post("head")), lambda: opens(post("head", again=True))
    )
    threads = [one for one in world.server.world.channels.values() if one.is_thread]
    assert [one.id for one in threads] == [opened.place.thread]
    assert ada.id in threads[0].members
    assert (await world.shows(opened.place)).count("head") == 1


async def test_a_channel_of_its_own(desk: Desk, standin: Standin) -> None:
    _with(standin, ticket_place="channel")
    _allow(standin, Right.manage_channels | Right.manage_roles)
    ada, bob = standin.seeded.users[:2]
    async with running(desk, standin) as world:
        room = world.place(world.channel("help"))

        def opens(part: Post) -> Any:
            return world.adapter.open_thread(room, "#7 Printer", part, key="k", member=ada.id)

        opened = await fails_then_works(
            world, "/guilds/*/channels", lambda: opens(post("head")), lambda: opens(post("head", again=True))
        )
        made = [one for one in world.server.world.channels.values() if "printer" in one.name]
        assert [one.id for one in made] == [opened.place.channel]
        world.people.say(ada, made[0], "hello")
        from playground.discord.errors import Refused

        with pytest.raises(Refused):
            world.people.say(bob, made[0], "hello")
        await world.bot.lanes.settled()
        await _ends_with_its_ticket(world, opened.place, made[0])


async def _ends_with_its_ticket(world: World, place: Place, channel: Any) -> None:
    """Only where all of it is kept, and only what was made for one ticket."""
    topic, marks = channel.options["topic"], world.bot.hearing.marks
    assert marks is not None
    kept = dict(marks._marks)
    marks._marks[channel.id] = "1"
    with pytest.raises(RetryAfter):
        await world.adapter.close_thread(place)
    marks._marks = kept
    channel.options["topic"] = "Our own rules"
    await world.adapter.close_thread(place)
    await world.adapter.close_thread(world.place(world.channel("help")))
    assert channel.id in world.server.world.channels
    channel.options["topic"] = topic
    await world.adapter.close_thread(place)
    assert channel.id not in world.server.world.channels
    assert world.channel("help")
    await world.adapter.close_thread(place)


async def test_a_webhook(desk: Desk, standin: Standin) -> None:
    _with(standin, webhooks=True)
    _allow(standin, Right.manage_webhooks)
    async with running(desk, standin) as world:
        place = world.place(world.channel("help"))
        for kind in ("commit_drop", "commit_500"):
            await fails_then_works(
                world,
                "/webhooks/*",
                lambda kind=kind: world.adapter.post(place, post(kind[7:], author="Bob"), key=kind),
                lambda kind=kind: world.adapter.post(
                    place, post(kind[7:], author="Bob", again=True), key=kind
                ),
                kind,
            )
        assert await world.shows(place) == ["drop", "500"]
        native, message = next(iter(world.channel("help").messages.items()))
        assert message.author.name == "Bob"
        await world.adapter.edit(place, native, post("edited", author="Bob"))
        assert (await world.shows(place))[0] == "edited"
        await world.adapter.delete(place, native)
        direct = await world.adapter.post(world.standin.place, post("hi", author="Bob"), key="d")
        assert (
            world.server.world.channels[world.standin.place.channel].messages[direct].content == "**Bob**\nhi"
        )


async def test_edits_and_deletes_may_come_twice(world: World) -> None:
    place = world.standin.place
    native = await world.adapter.post(place, post("one"), key="k")
    for method, call in (
        ("PATCH", lambda: world.adapter.edit(place, native, post("two"))),
        ("DELETE", lambda: world.adapter.delete(place, native)),
    ):
        world.server.faults.add("commit_drop", method=method, times=1)
        # The library's own client repeats what may be repeated.
        with suppress(PostFailed):
            await call()
        await call()
    assert await world.shows(place) == []


# --- what is refused


async def test_a_closed_direct_channel_is_gone(world: World) -> None:
    world.people.close_dm("Ada", world.standin.seeded.app)
    with pytest.raises(Gone):
        await world.adapter.post(world.standin.place, post("hi"), key="k")


async def test_threads_and_channels_that_are_gone(world: World) -> None:
    room = world.standin.room
    opened = await world.adapter.open_thread(room, "#7", post("head"), key="k")
    world.people.remove_channel(opened.place.thread)
    await world.bot.lanes.settled()
    with pytest.raises(ThreadGone):
        await world.adapter.post(opened.place, post("hi"), key="k2")
    text = await world.adapter.open_thread(world.place(world.channel("desk-room")), "#8", post("h"), key="k3")
    world.people.remove_channel(text.place.thread)
    with pytest.raises(ThreadGone):
        await world.adapter.post(text.place, post("hi"), key="k4")
    world.people.remove_channel(room.channel)
    with pytest.raises(Gone) as gone:
        await world.adapter.post(opened.place, post("hi"), key="k5")
    assert not isinstance(gone.value, ThreadGone)
    await world.adapter.close_thread(opened.place)


async def test_a_bot_that_was_thrown_out_is_gone(world: World) -> None:
    opened = await world.adapter.open_thread(world.standin.room, "#7", post("head"), key="k")
    world.people.kick(world.standin.seeded.app, world.standin.seeded.guild)
    for place in (opened.place, world.place(world.channel("help"))):
        with pytest.raises(Gone) as gone:
            await world.adapter.post(place, post("hi"), key="k2")
        assert not isinstance(gone.value, ThreadGone)


async def test_a_missing_right_is_tried_again(world: World) -> None:
    from core.chat import MissingPermission

    channel, app = world.channel("help"), world.standin.seeded.app
    channel.overwrites = [{"id": app.id, "type": 1, "allow": "0", "deny": str(int(Right.send_messages))}]
    with pytest.raises(MissingPermission):
        await world.adapter.post(world.place(channel), post("hi"), key="k")


async def test_a_pause_is_honoured(world: World) -> None:
    world.server.faults.add("429", method="POST", path=MESSAGES, times=1, seconds=3_600)
    with pytest.raises(RetryAfter) as pause:
        await world.adapter.post(world.standin.place, post("hi"), key="k")
    assert pause.value.seconds > 3_000


async def test_a_server_with_too_many_threads_is_said_and_asked_again(world: World) -> None:
    """A ticket's thread would be given up after an hour, and its team never see it."""
    threads = [world.people.thread("Ada", world.channel("help"), f"no. {number}") for number in range(1_000)]
    with pytest.raises(RetryAfter):
        await world.adapter.open_thread(world.standin.room, "#7", post("head"), key="k")
    said = [one.words for one in await world.adapter.check() if not one.ok]
    assert any("as many active threads as Discord allows" in words for words in said)
    world.people.archive("Ada", threads[0], on=True)
    await world.adapter.open_thread(world.standin.room, "#7", post("head"), key="k")
    world.people.archive("Ada", threads[1], on=True)
    assert not [one.words for one in await world.adapter.check() if "active threads" in one.words]


async def test_a_refused_token(world: World) -> None:
    world.people.revoke(world.standin.seeded.app)
    with pytest.raises(Revoked):
        await world.adapter.post(world.standin.place, post("hi"), key="k")


async def test_a_sleeping_thread_is_woken_a_locked_one_too(world: World) -> None:
    opened = await world.adapter.open_thread(world.standin.room, "#7", post("head"), key="k")
    thread = world.server.world.channels[opened.place.thread]
    await world.adapter.close_thread(opened.place)
    assert thread.archived
    await world.adapter.edit(opened.place, opened.head, post("head 2"))
    assert not thread.archived
    await world.adapter.close_thread(opened.place)
    await world.adapter.restore_thread(opened.place)
    assert not thread.archived
    world.people.archive("Carla", thread, on=True, lock=True)
    await world.adapter.post(opened.place, post("hi"), key="k2")
    assert (await world.shows(opened.place))[-1] == "hi"


async def test_what_cannot_be_is_not_tried_for_ever(world: World) -> None:
    with pytest.raises(NotSupported):
        await world.adapter.open_thread(world.standin.place, "#7", post("head"), key="k")
    with pytest.raises(NotSupported):
        await world.adapter.edit(world.standin.place, "123", post("nothing"))
    unknown = Place("discord", world.standin.place.installation, "123")
    with pytest.raises(Gone):
        await world.adapter.post(unknown, post("hi"), key="k")


async def test_a_forum_that_wants_a_tag_gets_one(world: World) -> None:
    forum = world.channel("desk")
    forum.options["flags"] = 1 << 4
    world.bot.known.learn(await world.bot.rest.get("/channels/{channel_id}", channel_id=forum.id))
    opened = await world.adapter.open_thread(world.standin.room, "#7", post("head"), key="k")
    assert world.server.world.channels[opened.place.thread].applied_tags
    assert forum.kind is Kind.forum


async def test_a_forums_tags_say_how_its_tickets_stand(world: World) -> None:
    """Made once where there are none of that name; what people put on a post stays."""
    _allow(world.standin, Right.manage_channels | Right.manage_threads)
    forum, words = world.channel("desk"), ("Open", "In progress", "Closed")
    opened = await world.adapter.open_thread(world.standin.room, "#7", labelled("Open", words), key="k")
    thread = world.server.world.channels[opened.place.thread]
    tags = {str(tag["name"]): str(tag["id"]) for tag in forum.tags}
    assert thread.applied_tags == [tags["open"]]
    thread.applied_tags.append(tags["waiting"])
    world.bot.known.learn(await world.bot.rest.get("/channels/{channel_id}", channel_id=thread.id))
    await world.adapter.edit(opened.place, opened.head, labelled("Closed", words))
    tags = {str(tag["name"]): str(tag["id"]) for tag in forum.tags}
    assert list(tags) == ["open", "waiting", "resolved", "In progress", "Closed"]
    assert thread.applied_tags == [tags["Closed"], tags["waiting"]]
    calls = len(world.server.calls)
    await world.adapter.edit(opened.place, opened.head, labelled("Closed", words))
    assert len(world.server.calls) == calls + 1, "the message alone"


async def test_where_the_bot_may_make_no_tags_the_forum_stays_as_it_is(world: World) -> None:
    role = next(one for one in world.standin.seeded.guild.roles.values() if one.bot_id)
    role.permissions &= ~int(Right.manage_channels)
    for name in ("k1", "k2"):
        opened = await world.adapter.open_thread(
            world.standin.room, name, labelled("Closed", ("Closed",)), key=name
        )
        await world.adapter.edit(opened.place, opened.head, labelled("Closed", ("Closed",)))
    assert [tag["name"] for tag in world.channel("desk").tags] == ["open", "waiting", "resolved"]
    refused = [method for method, _path, status in world.server.calls if status == 403]
    assert refused == ["PATCH"]


def labelled(label: str, labels: tuple[str, ...]) -> Post:
    return Post(Card(title="#7", label=label, labels=labels))


def _with(standin: Standin, **more: Any) -> None:
    from dataclasses import replace

    standin.adapter.settings = replace(standin.adapter.settings, **more)


def _allow(standin: Standin, rights: Right) -> None:
    role = next(one for one in standin.seeded.guild.roles.values() if one.bot_id)
    role.permissions |= int(rights)


async def _stream(data: bytes) -> AsyncIterator[bytes]:
    yield data
