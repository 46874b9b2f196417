"""An upload on its way into the store: all of it, sealed and known, or nothing."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from adapters.files.disk import DiskStore
from adapters.files.memory import MemoryStore
from core.crypto.stream import Corrupt, sealed_size
from core.errors import Invalid, TooLarge
from core.files import receive as receiving
from core.files.receive import LIMIT, receive
from core.files.sealed import open_sealed, open_sealed_range, put_sealed, sealed_length
from core.files.sniff import HEAD, UNKNOWN, Kind
from core.ports.files import FileStore, StoreDown, StoreFull, new_name

KEY = bytes(range(32))
MB = 1024 * 1024


async def stream(data: bytes, piece: int = 65_536) -> AsyncIterator[bytes]:
    for offset in range(0, len(data), piece):
        yield data[offset : offset + piece]


async def opened(store: FileStore, name: str, key: bytes = KEY) -> bytes:
    return b"".join([data async for data in open_sealed(store, name, key)])


def photo(size: tuple[int, int] = (900, 600)) -> bytes:
    out = BytesIO()
    Image.effect_noise(size, 80).convert("RGB").save(out, "JPEG", quality=90)
    return out.getvalue()


async def test_a_text_arrives() -> None:
    store = MemoryStore()
    received = await receive(store, stream(b"hello, printer"), KEY, called="notes.txt")
    assert (received.size, received.kind.kind, received.thumb) == (14, Kind.text, None)
    assert list(store.files) == [received.name]
    assert await opened(store, received.name) == b"hello, printer"
    assert b"printer" not in store.files[received.name]


async def test_a_photo_arrives_with_its_small_picture(tmp_path: Path) -> None:
    store, data = DiskStore(tmp_path), photo()
    received = await receive(store, stream(data, 1_000), KEY, called="cat.jpg")
    assert received.kind.mime == "image/jpeg"
    assert await opened(store, received.name) == data
    assert received.thumb is not None
    assert (received.thumb.width, received.thumb.height) == (900, 600)
    small = await opened(store, received.thumb.name)
    assert len(small) == received.thumb.size
    assert Image.open(BytesIO(small)).size == (480, 320)
    assert b"WEBP" not in b"".join([piece async for piece in store.read(received.thumb.name)])


async def test_a_picture_that_is_html_is_a_download() -> None:
    store = MemoryStore()
    data = b"\x89PNG\r\n\x1a\n<html><script>alert(1)</script>"
    received = await receive(store, stream(data), KEY, called="cat.png")
    assert (received.kind, received.thumb) == (UNKNOWN, None)


async def test_a_broken_picture_is_kept_without_a_small_one() -> None:
    store, data = MemoryStore(), photo()[:400]
    received = await receive(store, stream(data), KEY)
    assert received.kind.kind is Kind.image
    assert received.thumb is None
    assert await opened(store, received.name) == data


async def test_a_very_large_picture_is_kept_without_a_small_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiving, "LARGEST_PICTURE", 10_000)
    store = MemoryStore()
    data = photo()
    for piece in (1_000, 65_536, len(data)):
        assert (await receive(store, stream(data, piece), KEY)).thumb is None
    assert (await receive(store, stream(photo((30, 20))), KEY)).thumb is not None


async def test_pieces_of_one_byte_are_recognised_too() -> None:
    received = await receive(MemoryStore(), stream(photo((30, 20)), 1), KEY)
    assert received.thumb is not None


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 3 * HEAD), st.integers(1, 2 * HEAD))
async def test_any_upload_comes_back(size: int, piece: int) -> None:
    store, data = MemoryStore(), os.urandom(size)
    received = await receive(store, stream(data, piece), KEY, limit=size)
    assert received.size == await sealed_length(store, received.name) == size
    assert len(store.files[received.name]) == sealed_size(size)
    assert await opened(store, received.name) == data


async def test_the_limit_is_the_last_size_that_passes() -> None:
    store = MemoryStore()
    assert (await receive(store, stream(bytes(1_000)), KEY, limit=1_000)).size == 1_000
    with pytest.raises(TooLarge, match="at most 1 kB"):
        await receive(store, stream(bytes(1_001)), KEY, limit=1_000)


async def test_a_file_of_26_megabytes_is_refused_with_words_and_not_read_to_its_end(tmp_path: Path) -> None:
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += MB
            yield bytes(MB)

    with pytest.raises(TooLarge, match="at most 25 MB") as raised:
        await receive(DiskStore(tmp_path), endless(), KEY)
    assert raised.value.field == "file"
    assert taken == LIMIT + MB
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("chunks", [[], [b""], [b"", b"", b""]])
async def test_an_empty_file_is_refused_with_words(chunks: list[bytes]) -> None:
    async def source() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    store = MemoryStore()
    with pytest.raises(Invalid, match="empty"):
        await receive(store, source(), KEY)
    assert store.files == {}


@pytest.mark.parametrize("after", [0, 1, 5_000, 3 * MB])
async def test_an_upload_that_breaks_leaves_nothing(tmp_path: Path, after: int) -> None:
    async def broken() -> AsyncIterator[bytes]:
        async for data in stream(photo((30, 20))[:after].ljust(after, b"\0")):
            yield data
        raise ConnectionResetError("gone")

    with pytest.raises(ConnectionResetError):
        await receive(DiskStore(tmp_path), broken(), KEY)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


async def test_an_upload_that_is_cancelled_leaves_nothing(tmp_path: Path) -> None:
    begun = asyncio.Event()

    async def stuck() -> AsyncIterator[bytes]:
        yield bytes(MB)
        begun.set()
        await asyncio.Event().wait()

    upload = asyncio.create_task(receive(DiskStore(tmp_path), stuck(), KEY))
    await begun.wait()
    upload.cancel()
    with pytest.raises(asyncio.CancelledError):
        await upload
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


async def test_no_room_for_the_file_leaves_nothing() -> None:
    store = MemoryStore(room=1_000)
    with pytest.raises(StoreFull, match="no room"):
        await receive(store, stream(bytes(MB)), KEY)
    assert store.files == {}


async def test_no_room_for_the_small_picture_leaves_nothing() -> None:
    data = photo()
    store = MemoryStore(room=sealed_size(len(data)) + 100)
    with pytest.raises(StoreFull):
        await receive(store, stream(data), KEY)
    assert store.files == {}


async def test_a_store_that_is_down_is_told() -> None:
    store = MemoryStore()
    store.down = True
    with pytest.raises(StoreDown):
        await receive(store, stream(b"hello"), KEY)


async def test_an_object_opens_under_its_own_name_only() -> None:
    store, other = MemoryStore(), new_name()
    received = await receive(store, stream(b"hello"), KEY)
    store.files[other] = store.files[received.name]
    with pytest.raises(Corrupt):
        await opened(store, other)
    with pytest.raises(Corrupt):
        await opened(store, received.name, bytes(32))


async def test_a_range_of_a_stored_object_is_read(tmp_path: Path) -> None:
    store, name, data = DiskStore(tmp_path), new_name(), os.urandom(300_000)
    assert await put_sealed(store, name, stream(data), KEY) == sealed_size(len(data))
    for start, stop in ((0, 10), (65_530, 65_540), (131_072, 131_073), (299_990, None), (100, 400_000)):
        found = b"".join([piece async for piece in open_sealed_range(store, name, KEY, start, stop)])
        assert found == data[start:stop]
