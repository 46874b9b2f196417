"""Sealed objects in a store: what is put under a name opens under that name only."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from functools import partial

from core.crypto.stream import decrypt, decrypt_range, encrypt, plain_size
from core.ports.files import FileStore


async def put_sealed(store: FileStore, name: str, chunks: AsyncIterator[bytes], key: bytes) -> int:
    """Seal a stream into the store, whole or not at all; returns the sealed size in bytes."""
    async with aclosing(encrypt(chunks, key, bound=name.encode())) as sealed:
        return await store.put(name, sealed)


def open_sealed(store: FileStore, name: str, key: bytes) -> AsyncGenerator[bytes]:
    """The whole plain file, chunk by chunk; raises `NotFound`, or `Corrupt` on the way."""
    return decrypt(store.read(name), key, bound=name.encode())


def open_sealed_range(
    store: FileStore, name: str, key: bytes, start: int, stop: int | None = None
) -> AsyncGenerator[bytes]:
    """The plain bytes from `start` to `stop` (exclusive); compare `start` with `sealed_length`."""
    return decrypt_range(partial(store.read, name), key, start, stop, bound=name.encode())


async def sealed_length(store: FileStore, name: str) -> int:
    """The plain size in bytes of a sealed object; raises `NotFound` or `Corrupt`."""
    return plain_size(await store.size(name))
