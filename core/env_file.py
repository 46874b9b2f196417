"""The file `.env` beside the program, read strictly: what is in it and counts for nothing is told."""

from __future__ import annotations

import io
import os
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from core.errors import StartError

PATH = Path(".env")
_EXAMPLE = "Example: DESKBELL_PORT=8080"


def environment() -> dict[str, str]:
    """The variables of the process; those of `.env` where it has none."""
    return read() | dict(os.environ)


def read(path: Path = PATH) -> dict[str, str]:
    """What `.env` sets; nothing when there is none. Raises `StartError` that names the line."""
    content = _content(path)
    for binding in parse_stream(io.StringIO(content)):
        if binding.error or (binding.key is not None and binding.value is None):
            raise StartError(f"Line {_line(binding.original)} of {path} is not NAME=value. {_EXAMPLE}")
    found = dotenv_values(stream=io.StringIO(content))
    return {name: value for name, value in found.items() if value is not None}


def _content(path: Path) -> str:
    try:
        content = path.read_bytes()
    except (FileNotFoundError, IsADirectoryError):
        return ""
    except OSError as error:
        raise StartError(f"The file {path} cannot be read ({error.strerror}).") from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise StartError(f"Line {line} of {path} is not UTF-8 text; save the file as UTF-8.") from None


def _line(original: object) -> int:
    """A binding begins with the empty lines before it."""
    text, first = str(getattr(original, "string", "")), int(getattr(original, "line", 1))
    return first + len(text[: len(text) - len(text.lstrip())].splitlines())
