"""Where stored objects lie: a folder of this machine, an S3-compatible store, or memory for tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.files.disk import DiskStore
from adapters.files.settings import Settings

if TYPE_CHECKING:
    from core.ports.files import FileStore


def make_store(env: Mapping[str, str], folder: Path) -> FileStore:
    """The store that the environment names; that of the data folder otherwise."""
    settings = Settings.of(env)
    if not settings.bucket:
        return DiskStore(folder / "files")
    from adapters.files.s3 import S3Store

    return S3Store(settings)


__all__ = ["DiskStore", "make_store"]
