"""Data folders, and programs that run a server in them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .processes import Child


@pytest.fixture
def child() -> Iterator[Callable[..., Child]]:
    """Start the program; whatever the test leaves running is killed at its end."""
    children: list[Child] = []

    def run(data: Path, **options: Any) -> Child:
        children.append(Child(data, **options))
        return children[-1]

    yield run
    for one in children:
        one.close()


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that only its owner may enter, as a closed home is, at a short path."""
    made = Path(tempfile.mkdtemp(prefix="deskbell-test-"))
    yield made
    shutil.rmtree(made)
