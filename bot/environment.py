"""Names in the environment that look like settings and are none: a misspelt one is told."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from typing import Any

import adapters
from core.env_file import environment
from core.errors import StartError
from core.settings import Settings

PREFIX = "DESKBELL_"


def check(env: Mapping[str, str] | None = None) -> None:
    """Raises `StartError` for the first `DESKBELL_…` that nothing reads, or that an adapter finds
    malformed: before anything was started."""
    asked = _Asked(environment() if env is None else env)
    own = {str(field.alias) for field in Settings.model_fields.values()}
    words = set(_ask_adapters(asked))
    words |= {_word(name) for name in asked.names - own if name.startswith(PREFIX)}
    for name in sorted(asked.env):
        known = name.upper() in own | asked.names or _word(name) in words
        if name.upper().startswith(PREFIX) and not known:
            raise StartError(_unknown(name, sorted(own | asked.names)))


def _ask_adapters(env: _Asked) -> Iterator[str]:
    """Let every adapter read its settings; gives the word its names begin with."""
    for folder in pkgutil.iter_modules(adapters.__path__):
        yield folder.name.upper()
        try:
            module = importlib.import_module(f"adapters.{folder.name}.settings")
        except ModuleNotFoundError as error:
            if error.name != f"adapters.{folder.name}.settings":
                raise
            continue
        module.Settings.of(env)


def _word(name: str) -> str:
    """`MATRIX` of `DESKBELL_MATRIX_BOT_TOKEN`."""
    return name.upper().removeprefix(PREFIX).partition("_")[0]


def _unknown(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name.upper(), known, n=1, cutoff=0.85)
    meant = f"Did you mean {near[0]}?" if near else "docs/settings.md lists them all."
    return f"There is no setting {name}. {meant}"


class _Asked(dict[str, str]):
    """An environment that remembers what it was asked for."""

    def __init__(self, env: Mapping[str, str]) -> None:
        super().__init__(env)
        self.env = env
        self.names: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.names.add(key)
        return super().get(key, default)

    def __getitem__(self, key: str) -> str:
        self.names.add(key)
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        self.names.add(str(key))
        return super().__contains__(key)
