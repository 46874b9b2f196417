"""Programs that run, and folders for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.postgres.conftest import folder

from .program import Running

__all__ = ["folder"]


@pytest.fixture
def start() -> Iterator[Callable[..., Running]]:
    """Start `deskbell run`; whatever the test leaves running is killed at its end."""
    programs: list[Running] = []

    def run(data: Path, **settings: Any) -> Running:
        programs.append(Running(data, **settings))
        return programs[-1]

    yield run
    for program in programs:
        program.close()
