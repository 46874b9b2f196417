"""One contract, kept by every file store; then what only a disk can do wrong."""

from __future__ import annotations

import asyncio
import errno
import multiprocessing
import os
import resource
import signal
import stat
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import make_server

from adapters.files import make_store
from adapters.files.disk import DiskStore
from adapters.files.memory import MemoryStore
from adapters.files.s3 import PART, S3Store
from core.errors import Invalid, NotFound, StartError, Unavailable
from core.ports.files import FileStore, StoreDown, StoreFull, new_name
from tests.cli.program import free_port

from .s3 import BUCKET, client_of, empty_bucket, s3_server, settings_of

MB = 1024 * 1024


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with s3_server() as address:
        yield address


@pytest.fixture(params=["disk", "memory", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> FileStore:
    if request.param == "s3":
        address = request.getfixturevalue("s3")
        empty_bucket(address)
        return S3Store(settings_of(address))
    return DiskStore(tmp_path / "with space" / "files") if request.param == "disk" else MemoryStore()


async def stream(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def breaking(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
    raise ConnectionResetError("the other side went away")


async def read(store: FileStore, name: str, start: int = 0, stop: int | None = None) -> bytes:
    return b"".join([data async for data in store.read(name, start, stop)])


async def names(store: FileStore) -> list[str]:
    return [name async for name in store.names()]


def leftovers(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


# The contract


async def test_what_was_put_is_read(store: FileStore) -> None:
    name, data = new_name(), os.urandom(MB + 17)
    assert await store.put(name, stream(data[:5], b"", data[5:700_000], data[700_000:])) == len(data)
    assert await store.size(name) == len(data)
    assert await read(store, name) == data


@pytest.mark.parametrize(
    ("start", "stop"),
    [(0, 0), (0, 1), (5, 5), (9, 300_000), (299_999, None), (300_000, None), (400_000, 500_000), (7, 4)],
)
async def test_ranges_are_as_slices(store: FileStore, start: int, stop: int | None) -> None:
    name, data = new_name(), os.urandom(300_000)
    await store.put(name, stream(data))
    assert await read(store, name, start, stop) == data[start:stop]


async def test_an_empty_object_is_an_object(store: FileStore) -> None:
    name = new_name()
    assert await store.put(name, stream()) == 0
    assert await read(store, name) == b""
    assert await names(store) == [name]


async def test_a_second_put_replaces(store: FileStore) -> None:
    name = new_name()
    await store.put(name, stream(b"one, the longer one"))
    await store.put(name, stream(b"two"))
    assert await read(store, name) == b"two"


async def test_a_source_that_breaks_leaves_what_was_there(store: FileStore, tmp_path: Path) -> None:
    name, kept = new_name(), new_name()
    await store.put(kept, stream(b"kept"))
    for broken in (name, kept):
        with pytest.raises(ConnectionResetError):
            await store.put(broken, breaking(bytes(MB), b"more"))
    assert await names(store) == [kept]
    assert await read(store, kept) == b"kept"
    assert len(leftovers(tmp_path)) <= 1


async def test_a_deleted_object_is_gone_and_may_be_deleted_again(store: FileStore) -> None:
    name = new_name()
    await store.put(name, stream(b"data"))
    await store.delete(name)
    await store.delete(name)
    assert await names(store) == []


async def test_what_is_not_there_is_not_found(store: FileStore) -> None:
    with pytest.raises(NotFound):
        await store.size(new_name())
    with pytest.raises(NotFound):
        await read(store, new_name())


async def test_all_names_are_listed_in_order(store: FileStore) -> None:
    made = [new_name() for _ in range(30)]
    for name in made:
        await store.put(name, stream(b"x"))
    assert await names(store) == sorted(made)


@pytest.mark.parametrize(
    "name",
    [
        "", "a", "/etc/passwd", "../../../etc/passwd", "ab/cd", "ab/cd/", "ab/cd/../../x", ".tmp/x",
        "ab/cd/01890a5d-ac96-774b-bcce-b302099a805", "AB/cd/01890a5d-ac96-774b-bcce-b302099a8057",
        "ab/cd/01890a5d-ac96-774b-bcce-b302099a8057/x", "ab/cd/01890a5d-ac96-774b-bcce-b302099a8057\n",
        "ab\\cd\\01890a5d-ac96-774b-bcce-b302099a8057", "ab/cd/01890a5d-ac96-774b-bcce-b302099a8057\0",
        "ab/cd/٠1890a5d-ac96-774b-bcce-b302099a8057", "../cd/01890a5d-ac96-774b-bcce-b302099a8057",
    ],
)  # fmt: skip
async def test_other_names_than_ours_are_refused(store: FileStore, name: str) -> None:
    with pytest.raises(Invalid):
        await store.put(name, stream(b"x"))
    with pytest.raises(Invalid):
        await read(store, name)
    with pytest.raises(Invalid):
        await store.size(name)
    with pytest.raises(Invalid):
        await store.delete(name)


async def test_many_at_once(store: FileStore) -> None:
    made = {new_name(): os.urandom(100_000) for _ in range(20)}
    await asyncio.gather(*(store.put(name, stream(data[:9], data[9:])) for name, data in made.items()))
    assert await asyncio.gather(*(read(store, name) for name in made)) == list(made.values())


# The switches of the memory store


async def test_a_full_memory_keeps_nothing_of_it() -> None:
    store = MemoryStore(room=100)
    with pytest.raises(StoreFull):
        await store.put(new_name(), stream(bytes(60), bytes(60)))
    assert store.files == {}
    store.down = True
    with pytest.raises(StoreDown):
        await store.size(new_name())


# The disk


async def test_folders_and_files_are_for_the_owner_alone(tmp_path: Path) -> None:
    root = tmp_path / "deep" / "files"
    name = new_name()
    before = os.umask(0)
    try:
        await DiskStore(root).put(name, stream(b"x"))
    finally:
        os.umask(before)
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "deep").rglob("*")}
    assert modes.pop(root / name) == 0o600
    assert set(modes.values()) == {0o700}


async def test_foreign_files_are_not_listed(tmp_path: Path) -> None:
    store, name = DiskStore(tmp_path), new_name()
    await store.put(name, stream(b"x"))
    (tmp_path / name).with_name("notes.txt").touch()
    (tmp_path / "lost+found").mkdir()
    (tmp_path / "README").touch()
    assert await names(store) == [name]


async def test_nothing_is_there_before_all_of_it_is(tmp_path: Path) -> None:
    store, name = DiskStore(tmp_path), new_name()

    async def watched() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield bytes(MB)
            assert await names(store) == []

    await store.put(name, watched())
    assert await names(store) == [name]


async def test_a_cancelled_put_leaves_nothing(tmp_path: Path) -> None:
    store, begun = DiskStore(tmp_path), asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield bytes(MB)
        begun.set()
        await asyncio.Event().wait()

    putting = asyncio.create_task(store.put(new_name(), endless()))
    await begun.wait()
    assert leftovers(tmp_path)
    putting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await putting
    assert leftovers(tmp_path) == []


async def test_tidy_removes_what_a_killed_process_left(tmp_path: Path) -> None:
    store = DiskStore(tmp_path)
    assert await store.tidy() == 0
    await store.put(new_name(), stream(b"x"))
    (tmp_path / ".tmp" / "left").write_bytes(b"half")
    assert await store.tidy() == 0
    assert await store.tidy(older=0) == 1
    assert len(leftovers(tmp_path)) == 1


async def test_a_disk_that_fails_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "root").touch()
    with pytest.raises(StoreDown, match="does not answer"):
        await DiskStore(tmp_path / "root").put(new_name(), stream(b"x"))


async def test_a_full_disk_keeps_nothing_of_it(tmp_path: Path) -> None:
    """A real full disk in a child process: its files may not grow beyond 1 MB (the kernel's own limit)."""
    context = multiprocessing.get_context("spawn")
    mine, its = context.Pipe()
    child = context.Process(target=_fill, args=(tmp_path, its))
    child.start()
    its.close()
    answer = await asyncio.to_thread(mine.recv)
    await asyncio.to_thread(child.join)
    assert answer == (errno.EFBIG, 1)
    assert [path.stat().st_size for path in leftovers(tmp_path)] == [5]


def _fill(root: Path, answer: Any) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (MB, MB))
    answer.send(asyncio.run(_put_too_much(root)))
    answer.close()


async def _put_too_much(root: Path) -> tuple[int | None, int]:
    store = DiskStore(root)
    with pytest.raises(StoreFull, match="no room") as raised:
        await store.put(new_name(), stream(*(bytes(100_000) for _ in range(30))))
    # There is room again for a smaller one.
    await store.put(new_name(), stream(b"small"))
    cause = raised.value.__cause__
    return cause.errno if isinstance(cause, OSError) else None, len(await names(store))


# What only a bucket can do wrong


@pytest.mark.parametrize(
    ("status", "body", "refusal"),
    [
        ("507 Insufficient Storage", b"", StoreFull),
        ("403 Forbidden", b"<Error><Code>QuotaExceeded</Code></Error>", StoreFull),
        ("503 Slow Down", b"<Error><Code>SlowDown</Code></Error>", StoreDown),
    ],
)
async def test_a_bucket_without_room_is_told_from_one_that_does_not_answer(
    status: str, body: bytes, refusal: type[Unavailable]
) -> None:
    """By its answer alone: the name, as the time a request took, may hold a 507 by chance."""

    def answer(environ: Any, start: Any) -> list[bytes]:
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        start(status, [("Content-Length", str(len(body)))])
        return [body]

    server = make_server("127.0.0.1", 0, answer, threaded=True)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    try:
        store = S3Store(settings_of(f"http://127.0.0.1:{server.server_port}"))
        with pytest.raises(refusal) as raised:
            await store.put("50/7a/00000000-0000-7000-8000-50750750507a", stream(b"x"))
        assert type(raised.value) is refusal
    finally:
        server.shutdown()
        serving.join()


async def test_what_is_large_goes_in_parts_and_comes_in_pieces(s3: str) -> None:
    empty_bucket(s3)
    store, name = S3Store(settings_of(s3)), new_name()
    block = os.urandom(MB)
    data = [block[n:] + block[:n] for n in range(19)]
    assert await store.put(name, stream(*data)) == 19 * MB
    assert client_of(s3).head_object(Bucket=BUCKET, Key=name)["ETag"].endswith('-3"'), "three parts"
    whole = b"".join(data)
    pieces = [len(one) async for one in store.read(name)]
    assert max(pieces) <= 2 * MB
    assert await read(store, name) == whole
    assert await read(store, name, PART - 5, PART + 5) == whole[PART - 5 : PART + 5]


async def test_a_large_source_that_breaks_leaves_no_object(s3: str) -> None:
    empty_bucket(s3)
    store, name = S3Store(settings_of(s3)), new_name()
    with pytest.raises(ConnectionResetError):
        await store.put(name, breaking(*[bytes(MB)] * 20))
    assert await names(store) == []
    assert client_of(s3).list_multipart_uploads(Bucket=BUCKET).get("Uploads", []) == []


async def test_a_bucket_that_is_away_is_told_in_words(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.files.s3._RETRY", {"max_retries": 0})
    for store in (
        S3Store(settings_of(f"http://127.0.0.1:{free_port()}")),
        S3Store(replace(settings_of(s3), bucket="another")),
    ):
        with pytest.raises((StoreDown, NotFound)) as raised:
            await store.put(new_name(), stream(b"x"))
        assert "canary" not in f"{raised.value!r} {raised.value.__cause__!r}"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"DESKBELL_S3_ENDPOINT": "https://s3.example.com"}, "DESKBELL_S3_BUCKET is missing"),
        ({"DESKBELL_S3_BUCKET": "files"}, "DESKBELL_S3_SECRET_KEY"),
        (
            {
                "DESKBELL_S3_BUCKET": "files",
                "DESKBELL_S3_ACCESS_KEY": "a",
                "DESKBELL_S3_SECRET_KEY": "b",
                "DESKBELL_S3_ENDPOINT": "s3.example.com",
            },
            "https://",
        ),
    ],
)
def test_half_a_bucket_is_none(given: dict[str, str], words: str, tmp_path: Path) -> None:
    with pytest.raises(StartError, match=words):
        make_store(given, tmp_path)


def test_without_a_bucket_files_lie_in_the_data_folder(tmp_path: Path) -> None:
    assert isinstance(make_store({}, tmp_path), DiskStore)
