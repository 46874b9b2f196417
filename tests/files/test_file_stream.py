"""Sealed files: what goes in comes out, in any pieces and ranges, and nothing else ever does."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.crypto.stream import (
    CHUNK,
    Corrupt,
    ReadRange,
    Sealer,
    decrypt,
    decrypt_range,
    encrypt,
    plain_size,
    resume,
    sealed_size,
)
from core.errors import DeskError, Refused
from tests.files.file_reference import HEADER, RECORD, VECTORS, Segment, pattern, seal, segments_of

KEY = bytes(range(32))
BOUND = b"ab/cd/some-object"

# Sizes near the borders of chunks are where mistakes live.
sizes = st.one_of(
    st.integers(0, 300),
    st.builds(lambda chunks, off: max(0, chunks * CHUNK + off), st.integers(1, 4), st.integers(-40, 40)),
    st.integers(0, 4 * CHUNK),
)
fast = settings(max_examples=60, deadline=None)


async def pieces(data: bytes, cuts: list[int] | None = None) -> AsyncIterator[bytes]:
    borders = [0, *sorted(cut % (len(data) + 1) for cut in cuts or []), len(data)]
    for start, stop in pairwise(borders):
        yield data[start:stop]


async def joined(source: AsyncIterator[bytes]) -> bytes:
    return b"".join([data async for data in source])


async def sealed_of(plain: bytes, key: bytes = KEY) -> bytes:
    return await joined(encrypt(pieces(plain), key, bound=BOUND))


async def opened(sealed: bytes, key: bytes = KEY, bound: bytes = BOUND, *, unfinished: bool = False) -> bytes:
    return await joined(decrypt(pieces(sealed), key, bound=bound, unfinished=unfinished))


def reader(sealed: bytes, cuts: list[int] | None = None) -> ReadRange:
    return lambda start, stop: pieces(sealed[start:stop], cuts)


def records(sealed: bytes) -> list[bytes]:
    return [sealed[:HEADER], *(sealed[at : at + RECORD] for at in range(HEADER, len(sealed), RECORD))]


@fast
@given(
    sizes, st.lists(st.integers(0, 5 * CHUNK), max_size=8), st.lists(st.integers(0, 5 * CHUNK), max_size=8)
)
async def test_any_size_in_any_pieces_comes_back(size: int, cuts: list[int], other_cuts: list[int]) -> None:
    plain = pattern(size)
    sealed = await joined(encrypt(pieces(plain, cuts), KEY, bound=BOUND))
    assert len(sealed) == sealed_size(size)
    assert plain_size(len(sealed)) == size
    assert await joined(decrypt(pieces(sealed, other_cuts), KEY, bound=BOUND)) == plain
    assert await opened(sealed, unfinished=True) == plain


@fast
@given(sizes, st.data())
async def test_any_range_comes_back(size: int, data: st.DataObject) -> None:
    plain = pattern(size)
    sealed = await sealed_of(plain)
    start = data.draw(st.integers(0, max(0, size - 1)))
    stop = data.draw(st.one_of(st.none(), st.integers(start, size + CHUNK)))
    cuts = data.draw(st.lists(st.integers(0, 5 * CHUNK), max_size=4))
    assert (
        await joined(decrypt_range(reader(sealed, cuts), KEY, start, stop, bound=BOUND)) == plain[start:stop]
    )


async def test_a_range_reads_only_the_chunks_it_needs() -> None:
    sealed, asked = await sealed_of(pattern(10 * CHUNK)), 0

    def counting(start: int, stop: int | None) -> AsyncIterator[bytes]:
        nonlocal asked
        asked += len(sealed[start:stop])
        return pieces(sealed[start:stop])

    assert len(await joined(decrypt_range(counting, KEY, 5 * CHUNK + 10, 5 * CHUNK + 20, bound=BOUND))) == 10
    assert asked <= RECORD + HEADER + 16


@pytest.mark.parametrize(("start", "stop"), [(-1, 5), (5, 4)])
async def test_a_range_that_makes_no_sense_is_a_mistake_of_the_caller(start: int, stop: int) -> None:
    with pytest.raises(ValueError, match="range"):
        await joined(decrypt_range(reader(b""), KEY, start, stop))


@fast
@given(sizes, st.integers(0), st.integers(0, 7))
async def test_any_flipped_bit_is_seen(size: int, place: int, bit: int) -> None:
    sealed = bytearray(await sealed_of(pattern(size)))
    sealed[place % len(sealed)] ^= 1 << bit
    with pytest.raises(Corrupt):
        await opened(bytes(sealed))


@fast
@given(sizes, st.integers(0))
async def test_any_cut_is_seen(size: int, place: int) -> None:
    sealed = await sealed_of(pattern(size))
    with pytest.raises(Corrupt):
        await opened(sealed[: place % len(sealed)])


@fast
@given(sizes, st.binary(min_size=1, max_size=100))
async def test_anything_appended_is_seen(size: int, more: bytes) -> None:
    with pytest.raises(Corrupt):
        await opened(await sealed_of(pattern(size)) + more)


@fast
@given(st.permutations(range(1, 5)), st.integers(0, 3))
async def test_chunks_in_another_order_left_out_or_doubled_are_seen(order: list[int], without: int) -> None:
    parts = records(await sealed_of(bytes(3 * CHUNK + 5)))
    for wrong in (order, [n for n in (1, 2, 3, 4) if n != without + 1], [1, 2, 2, 3, 4]):
        if wrong != [1, 2, 3, 4]:
            with pytest.raises(Corrupt):
                await opened(b"".join([parts[0], *(parts[number] for number in wrong)]))


async def test_chunks_of_another_file_of_the_same_key_are_seen() -> None:
    one, other = [records(await sealed_of(bytes(2 * CHUNK + 5))) for _ in range(2)]
    for number in range(4):
        mixed = [*one[:number], other[number], *one[number + 1 :]]
        with pytest.raises(Corrupt):
            await opened(b"".join(mixed))


async def test_another_key_or_another_place_does_not_open_it() -> None:
    sealed = await sealed_of(b"hello")
    for key, bound in ((bytes(32), BOUND), (KEY, b"another"), (KEY, b"")):
        with pytest.raises(Corrupt) as raised:
            await opened(sealed, key, bound)
    assert isinstance(raised.value, DeskError)
    assert "damaged" in str(raised.value)


async def test_a_cut_is_seen_by_ranges_that_reach_it() -> None:
    sealed = await sealed_of(pattern(3 * CHUNK + 100))
    cut = reader(sealed[: HEADER + 2 * RECORD])
    assert await joined(decrypt_range(cut, KEY, 5, 2 * CHUNK, bound=BOUND)) == pattern(2 * CHUNK)[5:]
    for start, stop in ((5, 2 * CHUNK + 1), (5, None), (2 * CHUNK + 1, 2 * CHUNK + 2), (3 * CHUNK, None)):
        with pytest.raises(Corrupt):
            await joined(decrypt_range(cut, KEY, start, stop, bound=BOUND))


@fast
@given(st.binary(max_size=200))
async def test_noise_is_never_a_file(noise: bytes) -> None:
    for start in (b"", b"DESKBELL", b"DESKBELL\x01\x10" + bytes(6)):
        with pytest.raises(Corrupt):
            await opened(start + noise)


@given(st.integers(0, 1 << 45))
def test_sizes_agree(size: int) -> None:
    assert plain_size(sealed_size(size)) == size


@pytest.mark.parametrize("size", [-1, 0, HEADER, HEADER + 35, HEADER + RECORD + 35])
def test_a_size_no_file_can_have_is_corrupt(size: int) -> None:
    with pytest.raises(Corrupt):
        plain_size(size)


async def test_a_chunk_leaves_as_soon_as_more_follows() -> None:
    sealer = Sealer(KEY)
    assert len(sealer.feed(b"")) == HEADER
    assert sealer.feed(bytes(CHUNK)) == b""
    assert len(sealer.feed(b"x")) == RECORD
    sealer.finish()
    with pytest.raises(ValueError, match="finished"):
        sealer.feed(b"y")


async def test_the_source_is_closed_when_reading_stops_early() -> None:
    closed = False

    async def source() -> AsyncIterator[bytes]:
        nonlocal closed
        try:
            for part in records(sealed):
                yield part
        finally:
            closed = True

    sealed = await sealed_of(bytes(5 * CHUNK))
    reading = decrypt(source(), KEY, bound=BOUND)
    await anext(reading)
    await reading.aclose()
    assert closed


# Unfinished files


@fast
@given(st.lists(st.tuples(st.integers(0, 2 * CHUNK), st.integers(0, RECORD)), min_size=1, max_size=4))
async def test_a_file_whose_writers_die_goes_on_after_the_last_full_chunk(
    lives: list[tuple[int, int]],
) -> None:
    file, plain = b"", b""
    for written, torn in lives:
        resumed = await resume(reader(file), len(file), KEY, bound=BOUND)
        file = file[: resumed.keep] + resumed.sealer.feed(pattern(written))
        # The last bytes that a dying writer sent may have reached the disk or not.
        file = file[: max(resumed.keep, len(file) - torn)]
        plain = (plain + pattern(written))[: plain_size(len(file), unfinished=True)]
        assert await opened(file, unfinished=True) == plain
        with pytest.raises(Corrupt):
            await opened(file)
    resumed = await resume(reader(file), len(file), KEY, bound=BOUND)
    file = file[: resumed.keep] + resumed.sealer.feed(b"the end") + resumed.sealer.finish()
    assert await opened(file) == plain + b"the end"
    assert plain_size(len(file)) == len(plain) + 7
    for start in (0, max(0, len(plain) - 3), len(plain) // CHUNK * CHUNK):
        assert (
            await joined(decrypt_range(reader(file), KEY, start, bound=BOUND)) == (plain + b"the end")[start:]
        )


async def unfinished(chunks: int) -> bytes:
    sealed = Sealer(KEY, bound=BOUND).feed(pattern(chunks * CHUNK + 1))
    assert len(sealed) == HEADER + chunks * RECORD
    return sealed


async def continued(file: bytes, plain: bytes) -> bytes:
    resumed = await resume(reader(file), len(file), KEY, bound=BOUND)
    return file[: resumed.keep] + resumed.sealer.feed(plain) + resumed.sealer.finish()


async def test_no_two_writers_share_a_key() -> None:
    file = await unfinished(2)
    salts = {segment.salt for _ in range(20) for segment in segments_of(await continued(file, b"x"))}
    assert len(salts) == 21


async def test_finishing_with_nothing_more_makes_an_empty_last_chunk() -> None:
    whole = await continued(await unfinished(2), b"")
    assert plain_size(len(whole)) == 2 * CHUNK
    assert await opened(whole) == pattern(2 * CHUNK)
    assert (
        await joined(decrypt_range(reader(whole), KEY, CHUNK + 1, bound=BOUND))
        == pattern(2 * CHUNK)[CHUNK + 1 :]
    )


@pytest.mark.parametrize("size", [0, 5, CHUNK, CHUNK + 1, 2 * CHUNK])
async def test_a_finished_file_is_not_continued(size: int) -> None:
    whole = await sealed_of(pattern(size))
    with pytest.raises(Refused):
        await resume(reader(whole), len(whole), KEY, bound=BOUND)


async def test_a_spoilt_last_chunk_is_not_continued() -> None:
    file = bytearray(await unfinished(2))
    file[-1] ^= 1
    with pytest.raises(Corrupt):
        await resume(reader(bytes(file)), len(file), KEY, bound=BOUND)


async def test_a_chunk_that_the_crash_took_cannot_be_put_back() -> None:
    """The first writer's chunk 2 is authentic, but the second writer wrote another in its place."""
    before = await unfinished(3)
    whole = await continued(before[: HEADER + 2 * RECORD], bytes(2 * CHUNK + 5))
    mixed = records(whole)
    mixed[3] = records(before)[3]
    with pytest.raises(Corrupt):
        await opened(b"".join(mixed))


async def test_two_continuations_of_one_file_cannot_be_mixed() -> None:
    """Both went on at chunk 1; a third writer went on after the second one's chunk 2."""
    start = await unfinished(1)
    ways = []
    for fill in (b"a", b"b"):
        resumed = await resume(reader(start), len(start), KEY, bound=BOUND)
        ways.append(start + resumed.sealer.feed(fill * (2 * CHUNK + 1)))
    whole = records(await continued(ways[1], b"c"))
    mixed = [*records(ways[0]), *whole[4:]]
    assert len(mixed) == len(whole)
    with pytest.raises(Corrupt):
        await opened(b"".join(mixed))
    with pytest.raises(Corrupt):
        await joined(decrypt_range(reader(b"".join(mixed)), KEY, 3 * CHUNK, bound=BOUND))


# The format, held against its description


VECTOR_LIST = json.loads(VECTORS.read_text())["vectors"]


@pytest.mark.parametrize("vector", VECTOR_LIST, ids=[vector["name"] for vector in VECTOR_LIST])
async def test_the_published_vectors_open(vector: dict[str, object]) -> None:
    text: Callable[[str], str] = lambda field: str(vector[field])  # noqa: E731
    key, bound, plain = bytes.fromhex(text("key")), text("bound").encode(), pattern(int(text("plain_size")))
    segments = [Segment(one["first"], bytes.fromhex(one["salt"])) for one in vector["segments"]]  # type: ignore[attr-defined]
    sealed = seal(key, plain, bytes.fromhex(text("file_id")), segments, bound)
    assert hashlib.sha256(sealed).hexdigest() == vector["sealed_sha256"]
    assert sealed.hex() == vector.get("sealed", sealed.hex())
    assert (len(sealed), sealed[-16:].hex()) == (vector["sealed_size"], vector["last_tag"])
    assert await opened(sealed, key, bound) == plain
    assert plain_size(len(sealed)) == len(plain)


@fast
@given(sizes)
async def test_what_is_written_is_what_the_description_says(size: int) -> None:
    sealed = await sealed_of(pattern(size))
    assert sealed == seal(KEY, pattern(size), sealed[16:32], segments_of(sealed), BOUND)


async def test_what_is_continued_is_what_the_description_says() -> None:
    whole = await continued(await unfinished(2), pattern(3 * CHUNK)[2 * CHUNK :])
    assert whole == seal(KEY, pattern(3 * CHUNK), whole[16:32], segments_of(whole), BOUND)
