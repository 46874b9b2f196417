"""Figures that are kept, a line each, so that a long benchmark can go on where it was cut off."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def kept(path: Path | None) -> list[dict[str, Any]]:
    """All that a file holds; nothing where there is none."""
    if path is None or not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]


def add(path: Path | None, one: dict[str, Any]) -> None:
    """At the end of the file, where one is given."""
    if path is not None:
        with path.open("a") as file:
            file.write(json.dumps(one) + "\n")


def say(line: str) -> None:
    """How far it is, beside what is printed."""
    print(line, file=sys.stderr, flush=True)
