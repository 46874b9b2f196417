"""What every chat adapter promises, as checks that run over each folder of adapters/ found.

A new platform is one new folder: nothing here names one.
"""

from __future__ import annotations

import importlib
import inspect
import os
import pkgutil
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import adapters
from core.chat import Backfill, ChatAdapter, Files, Limits, Poster, Reacts, Rooms, Types
from core.desk import Desk

OFFERS: dict[str, Any] = {
    "Poster": Poster,
    "Reacts": Reacts,
    "Types": Types,
    "Rooms": Rooms,
    "Backfill": Backfill,
    "Files": Files,
}


def folders() -> Iterator[str]:
    """The folders of adapters/ that offer a chat: those whose package has `make`."""
    root = Path(adapters.__path__[0])
    for module in sorted(pkgutil.iter_modules(adapters.__path__), key=lambda info: info.name):
        if (root / module.name / "adapter.py").exists():
            yield module.name


def made(folder: str, desk: Desk, env: dict[str, str] | None = None) -> ChatAdapter | None:
    """The adapter of a folder; None when it is off."""
    module = importlib.import_module(f"adapters.{folder}")
    adapter: ChatAdapter | None = module.make(desk, dict(os.environ) if env is None else env)
    return adapter


def check_shape(folder: str, adapter: ChatAdapter) -> None:
    """It is called like its folder, says what it can carry, and runs until cancelled."""
    assert adapter.name == folder
    assert isinstance(adapter.limits, Limits)
    assert adapter.limits.text > 0
    assert all(getattr(adapter.limits, f.name) is not None for f in fields(Limits))
    assert inspect.iscoroutinefunction(adapter.run)
    assert adapter.http is None or callable(adapter.http)
    assert isinstance(adapter, Poster), "an adapter that cannot post can answer nobody"


def check_offers(adapter: ChatAdapter) -> None:
    """What it offers it offers whole, with the names of the arguments that callers use."""
    for protocol in OFFERS.values():
        if not isinstance(adapter, protocol):
            continue
        for name, promised in inspect.getmembers(protocol, inspect.isfunction):
            if name.startswith("_"):
                continue
            given = list(inspect.signature(getattr(adapter, name)).parameters)
            wanted = [p for p in inspect.signature(promised).parameters if p != "self"]
            assert given == wanted, f"{adapter.name}.{name}{tuple(given)} should be {tuple(wanted)}"


def check_limits_agree(adapter: ChatAdapter) -> None:
    """The limits say the same as what is offered."""
    assert adapter.limits.reactions is False or isinstance(adapter, Reacts)
    assert adapter.limits.typing is False or isinstance(adapter, Types)
