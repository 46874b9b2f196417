"""A Redis for those who ask for one; it is skipped where there is none, but not in CI."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from .redis_server import RedisServer, program


@pytest.fixture
def redis_program() -> str:
    path = program()
    if path is None:
        words = "no Redis: install it (apt install redis-server) or set REDIS_SERVER to its path"
        if os.environ.get("CI") == "true":
            pytest.fail(words)
        pytest.skip(words)
    return path


@pytest.fixture
def redis_server(redis_program: str) -> Iterator[RedisServer]:
    # A short path: a Unix socket has room for about 107 bytes.
    with tempfile.TemporaryDirectory() as folder:
        server = RedisServer(redis_program, Path(folder))
        server.start()
        yield server
        server.kill()
