"""The file store in a bucket of an S3-compatible service, over obstore.

What is small goes there by one request, what is larger in parts, a few of them at once. Reading asks for
one piece after the other: a reader that is slow holds no connection, and nothing is held whole in memory.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from obstore.exceptions import BaseError, NotFoundError
from obstore.store import S3Store as Bucket

from adapters.files.settings import Settings
from core.errors import DeskError, Invalid
from core.ports.files import StoreDown, StoreFull, check_name, missing

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Config

PART = 8 * 1024 * 1024
"""A part of an upload; all but the last must have 5 MiB (S3's own rule)."""
PARTS_AT_ONCE = 2
PIECE = 2 * 1024 * 1024
PAGE = 1_000
_FULL = re.compile(r"\bstatus code: 507\b|(?:StorageFull|QuotaExceeded|EntityTooLarge)</Code>")
"""In the library's words, which also hold addresses and times: a bare number says nothing."""
_CLIENT: ClientConfig = {"connect_timeout": timedelta(seconds=5), "timeout": timedelta(seconds=60)}
_RETRY: RetryConfig = {"max_retries": 3, "retry_timeout": timedelta(seconds=20)}


class S3Store:
    """A `FileStore` in a bucket, which must be there."""

    def __init__(self, settings: Settings) -> None:
        client: ClientConfig = {**_CLIENT, "allow_http": settings.endpoint.startswith("http://")}
        config: S3Config = {
            "region": settings.region,
            "access_key_id": settings.access_key,
            "secret_access_key": settings.secret_key,
        }
        if settings.endpoint:
            config["endpoint"] = settings.endpoint
        self._bucket = Bucket(settings.bucket, config=config, client_options=client, retry_config=_RETRY)

    async def put(self, name: str, chunks: AsyncIterator[bytes]) -> int:
        check_name(name)
        source = _Source(chunks)
        first = await source.first()
        try:
            with _told():
                await self._put(name, first, source)
        except DeskError:
            # What the stream raised comes out of the library as an error of its own.
            if source.error is not None:
                raise source.error from None
            raise
        return source.size

    async def read(self, name: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        size = await self.size(name)
        end = size if stop is None else min(stop, size)
        while start < end:
            until = min(start + PIECE, end)
            with _told():
                piece = await self._bucket.get_range_async(name, start=start, end=until)
            yield piece.to_bytes()
            start = until

    async def size(self, name: str) -> int:
        check_name(name)
        with _told():
            return (await self._bucket.head_async(name))["size"]

    async def delete(self, name: str) -> None:
        check_name(name)
        with _told():
            try:
                await self._bucket.delete_async(name)
            except (NotFoundError, FileNotFoundError):
                return

    async def names(self) -> AsyncIterator[str]:
        """S3 lists in the order of names."""
        with _told():
            async for page in self._bucket.list(chunk_size=PAGE):
                for one in page:
                    if _is_ours(one["path"]):
                        yield one["path"]

    async def _put(self, name: str, first: bytes, source: _Source) -> None:
        """An upload in parts that breaks is taken back by the library."""
        if source.over:
            await self._bucket.put_async(name, first, use_multipart=False)
            return
        await self._bucket.put_async(
            name, source.parts(), use_multipart=True, chunk_size=PART, max_concurrency=PARTS_AT_ONCE
        )


class _Source:
    """A stream in parts that are large enough; remembers what it broke on."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self.size, self.over = 0, False
        self.error: Exception | None = None
        self._chunks, self._waiting = chunks, bytearray()

    async def first(self) -> bytes:
        """All of it, where that is no more than a part."""
        await self._fill()
        return bytes(self._waiting)

    async def parts(self) -> AsyncIterator[bytes]:
        try:
            while self._waiting:
                part = bytes(self._waiting)
                self._waiting.clear()
                yield part
                await self._fill()
        except Exception as error:
            self.error = error
            raise

    async def _fill(self) -> None:
        while not self.over and len(self._waiting) < PART:
            try:
                data = await anext(self._chunks)
            except StopAsyncIteration:
                self.over = True
                return
            self.size += len(data)
            self._waiting += data


@contextmanager
def _told() -> Iterator[None]:
    """The library's errors in the words of the port; never its own, which name addresses."""
    try:
        yield
    except (NotFoundError, FileNotFoundError):
        raise missing() from None
    except (BaseError, OSError, TimeoutError) as error:
        raise (StoreFull() if _FULL.search(str(error)) else StoreDown()) from None


def _is_ours(name: str) -> bool:
    try:
        check_name(name)
    except Invalid:
        return False
    return True
