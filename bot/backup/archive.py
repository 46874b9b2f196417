"""The archive on the disk: a zip64 of stored parts, a list of their sums, a manifest at the end.

It is written under another name and renamed when it is whole, so that a backup that was cut
off is never taken for one.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Literal, Self, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError

from core.errors import DeskError, Invalid
from core.i18n import _

MANIFEST = "manifest.json"
SUMS = "SHA256SUMS"
DUMP = "database.dump"
KEYS = "person_key.copy"
FILES = "files/"
PIECE = 1 << 18


class CannotWrite(DeskError):
    """The disk refuses; nothing that could be taken for a backup is left."""

    code = "backup_write"


_DAMAGED = (
    OSError,
    EOFError,
    KeyError,
    ValueError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What the library raises for archives with changed bytes; a flag that was flipped asks for a password or for a
way of packing that nobody has (`RuntimeError`, `NotImplementedError`)."""


class NoBackup(Invalid):
    """The file is no backup of ours, or it is damaged."""

    code = "backup_damaged"


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    format: Literal[1] = 1
    id: UUID
    """Of this backup; its file of keys has the same."""
    desk: UUID
    """Of the desk: the id of its first intermediate key."""
    at: datetime
    sums: str
    """SHA-256 of the part `SHA256SUMS`, which holds those of all other parts."""


class Manifest(_Facts):
    kind: Literal["deskbell backup"] = "deskbell backup"
    deskbell: str
    revision: str
    masters: tuple[str, ...]
    """Fingerprints of the master keys that this desk needs; the keys are in no backup."""
    counts: dict[str, int]
    files: int


class Intermediate(BaseModel):
    """A wrapped intermediate key, as it lies in the database."""

    id: UUID
    wrapped: str
    master: str
    created_at: datetime
    retired_at: datetime | None


class KeysManifest(_Facts):
    kind: Literal["deskbell keys"] = "deskbell keys"
    persons: int
    intermediates: tuple[Intermediate, ...]


M = TypeVar("M", bound=_Facts)


class Writing:
    """An archive on its way."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._partial = path.with_name(f".{path.name}.partial")
        self._sums: dict[str, str] = {}
        with told(path):
            self._partial.unlink(missing_ok=True)
            number = os.open(self._partial, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            self._raw = os.fdopen(number, "w+b")
            self._zip = zipfile.ZipFile(self._raw, "w", zipfile.ZIP_STORED, allowZip64=True)

    @contextmanager
    def part(self, name: str) -> Iterator[Callable[[bytes], None]]:
        """A part, written piece by piece by the function that is handed out."""
        digest = hashlib.sha256()
        with told(self.path), self._zip.open(_entry(name), "w", force_zip64=True) as out:

            def write(piece: bytes) -> None:
                digest.update(piece)
                out.write(piece)

            yield write
        self._sums[name] = digest.hexdigest()

    def sums(self) -> str:
        """Write the list of sums; returns its own."""
        text = "".join(f"{digest}  {name}\n" for name, digest in sorted(self._sums.items()))
        with self.part(SUMS) as write:
            write(text.encode())
        return self._sums[SUMS]

    def publish(self, manifest: _Facts) -> int:
        """Finish with the manifest, and give the archive its name; returns its size in bytes."""
        with told(self.path):
            self._zip.writestr(_entry(MANIFEST), manifest.model_dump_json(indent=2))
            self._zip.close()
            self._raw.flush()
            os.fsync(self._raw.fileno())
            self._raw.close()
            self._partial.rename(self.path)
            return self.path.stat().st_size

    def discard(self) -> None:
        """Remove what is not published; does nothing afterwards."""
        # The archive is not closed as one: that would write its directory.
        self._raw.close()
        self._partial.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.discard()


class Reading:
    """An archive that is there. Raises `NoBackup` when it is none, or cut off."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except FileNotFoundError:
            raise NoBackup(_("There is no file {path}.").format(path=path)) from None
        except _DAMAGED:
            raise self._damaged() from None

    def manifest(self, kind: type[M]) -> M:
        try:
            return kind.model_validate_json(self._zip.read(MANIFEST))
        except (*_DAMAGED, ValidationError):
            raise self._damaged() from None

    def files(self) -> list[str]:
        """The names of the stored objects."""
        return [name.removeprefix(FILES) for name in self._zip.namelist() if name.startswith(FILES)]

    def size(self, name: str) -> int:
        return self._zip.getinfo(name).file_size

    def whole_size(self) -> int:
        return sum(entry.file_size for entry in self._zip.infolist())

    def pieces(self, name: str) -> Iterator[bytes]:
        try:
            with self._zip.open(name) as part:
                while piece := part.read(PIECE):
                    yield piece
        except _DAMAGED:
            raise self._damaged() from None

    def check(self, manifest: _Facts, tick: Callable[[int], Any] = lambda _bytes: None) -> None:
        """Compare every part with its sum; raises `NoBackup` at the first that differs."""
        listed = b"".join(self.pieces(SUMS))
        if hashlib.sha256(listed).hexdigest() != manifest.sums:
            raise self._damaged()
        sums = {name: digest for digest, name in _lines(listed)}
        present = set(self._zip.namelist()) - {SUMS, MANIFEST}
        if present != set(sums):
            raise self._damaged()
        for name in sorted(present):
            digest = hashlib.sha256()
            for piece in self.pieces(name):
                digest.update(piece)
                tick(len(piece))
            if digest.hexdigest() != sums[name]:
                raise self._damaged()

    def close(self) -> None:
        self._zip.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _damaged(self) -> NoBackup:
        return NoBackup(
            _("{path} is no whole backup of Deskbell: take another copy of it.").format(path=self.path)
        )


def check_free(*paths: Path) -> None:
    """Raises `CannotWrite` when one of the files exists: no backup is ever written over."""
    for path in paths:
        if path.exists():
            raise CannotWrite(_("{path} exists already: choose another name.").format(path=path))


def write_private(path: Path, content: bytes) -> None:
    """A small file of mode 0600, whole or not there; an older one of that name is replaced."""
    with told(path):
        partial = path.with_name(f".{path.name}.partial")
        partial.unlink(missing_ok=True)
        out: IO[bytes]
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        partial.rename(path)


@contextmanager
def told(path: Path) -> Iterator[None]:
    """The errors of the disk, in words."""
    try:
        yield
    except OSError as error:
        raise CannotWrite(
            _("{path} cannot be written ({reason}).").format(path=path, reason=error.strerror or error)
        ) from error


def _lines(listed: bytes) -> Iterator[tuple[str, str]]:
    for line in listed.decode().splitlines():
        digest, _gap, name = line.partition("  ")
        yield digest, name


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.external_attr = 0o600 << 16
    return entry
