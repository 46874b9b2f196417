"""Files both ways, as streams."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from core.chat import Card, FileRef, Gone, NotSupported, Post, PostFailed, Said
from core.errors import TooLarge
from playground.telegram import Attachment
from tests.adapters.telegram.conftest import Door, listening, running
from tests.adapters.telegram.standin import Standin


async def chunked(data: bytes, size: int = 65_536) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def read(chunks: AsyncIterator[bytes]) -> bytes:
    return b"".join([chunk async for chunk in chunks])


@pytest.mark.parametrize(
    ("name", "mime", "kind"),
    [
        ("ä “b”.pdf", "application/pdf", "document"),
        ("p.png", "image/png", "photo"),
        ("v.ogg", "audio/ogg", "voice"),
        ("m.mp4", "video/mp4", "video"),
        ("x.bin", "", "document"),
    ],
)
async def test_a_file_goes_out_with_its_words(standin: Standin, name: str, mime: str, kind: str) -> None:
    data = bytes(range(256)) * 1_000
    ref = FileRef(name, len(data), mime)
    part = Post(Card(text="*here*", author="Ahmed"))
    native = await standin.adapter.send(standin.place, ref, chunked(data), part, key="k")
    shown = standin.messages(standin.place)[-1]
    assert str(shown["id"]) == native
    assert shown["html"] == "<b>Ahmed</b>\n<i>here</i>"
    (file,) = shown["files"]
    assert (file["kind"], file["size"]) == (kind, len(data))
    stored = standin.server.world.files.unique(file["unique_id"])
    assert stored is not None
    assert stored.path.read_bytes() == data


async def test_a_file_comes_in(standin: Standin, door: Door) -> None:
    data = b"%PDF" + bytes(200_000)
    async with running(standin.adapter, door):
        standin.server.people.say(
            standin.world.requester, standin.world.private, file=Attachment("document", data, "a.pdf")
        )
        (said,) = await door.until(1)
        assert isinstance(said, Said)
        (ref,) = said.files
        assert (ref.name, ref.size) == ("a.pdf", len(data))
        assert await read(standin.adapter.fetch(standin.place, ref)) == data


async def test_an_album_is_one_message_with_all_its_files(standin: Standin, door: Door) -> None:
    people, world = standin.server.people, standin.world
    photos = [Attachment("photo", f"photo {n}".encode()) for n in range(10)]
    async with running(standin.adapter, door):
        await listening(standin)
        people.say(world.requester, world.private, "before")
        album = people.album(world.requester, world.private, photos, "all of them")
        people.say(world.requester, world.private, "after")
        heard = await door.until(3)
        people.edit(world.requester, album[0], "all of them!")
        people.react(world.requester, album[3], "👍")
        await door.until(5)
    assert [one.text for one in heard[:3] if isinstance(one, Said)] == ["before", "all of them", "after"]
    one = heard[1]
    assert isinstance(one, Said)
    assert len(one.files) == 10
    assert {each.native for each in door.heard[3:]} == {str(album[0].id)} == {one.native}


async def test_an_album_that_comes_in_pieces_waits_for_its_rest(standin: Standin, door: Door) -> None:
    people, world = standin.server.people, standin.world
    async with running(standin.adapter, door):
        first = people.say(world.requester, world.private, file=Attachment("photo", b"1"), group="99")
        people.say(world.requester, world.private, file=Attachment("photo", b"2"), group="99")
        (one,) = await door.until(1)
    assert isinstance(one, Said)
    assert (one.native, len(one.files)) == (str(first.id), 2)


async def test_what_is_gone_or_too_large(standin: Standin) -> None:
    with pytest.raises(Gone):
        await read(standin.adapter.fetch(standin.place, FileRef("x", locator="BQACnone")))
    with pytest.raises(NotSupported):
        await standin.adapter.send(
            standin.place, FileRef("x", 60 * 1024 * 1024), chunked(b""), Post(Card()), key="k"
        )


async def test_a_dropped_upload_is_told(standin: Standin) -> None:
    standin.server.faults.add("drop_before", "sendDocument", times=1)
    ref = FileRef("x.txt", 3, "text/plain")
    with pytest.raises(PostFailed):
        await standin.adapter.send(standin.place, ref, chunked(b"abc"), Post(Card()), key="k")
    await standin.adapter.send(standin.place, ref, chunked(b"abc"), Post(Card(), again=True), key="k")
    standin.server.people.block(standin.world.requester, standin.world.bot)
    with pytest.raises(Gone):
        await standin.adapter.send(standin.place, ref, chunked(b"abc"), Post(Card()), key="k")


async def test_thirty_files(standin: Standin, door: Door) -> None:
    async with running(standin.adapter, door):
        for number in range(30):
            standin.server.people.say(
                standin.world.requester,
                standin.world.private,
                file=Attachment("document", b"x", f"{number}.txt"),
            )
        heard = await door.until(30)
    assert [one.files[0].name for one in heard if isinstance(one, Said)] == [f"{n}.txt" for n in range(30)]


async def test_what_bots_may_not_fetch_is_too_large(standin: Standin, door: Door) -> None:
    async with running(standin.adapter, door):
        whole = b"x" * (20 * 1024 * 1024 + 1)
        standin.server.people.say(
            standin.world.requester, standin.world.private, file=Attachment("document", whole, "log.bin")
        )
        [said] = await door.until(1)
        assert isinstance(said, Said)
        with pytest.raises(TooLarge, match="20 MB"):
            [chunk async for chunk in standin.adapter.fetch(said.place, said.files[0])]
