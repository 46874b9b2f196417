"""The files of the playground, kept in a folder of their own that goes with the server."""

from __future__ import annotations

import mimetypes
import tempfile
from collections import OrderedDict
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from playground.telegram.errors import ApiError, bad

UP = 50 * 1024 * 1024
DOWN = 20 * 1024 * 1024
PHOTO = 10 * 1024 * 1024
TOTAL = 2 * 1024 * 1024 * 1024
"""What all files together may take; the oldest go first."""
_PREFIX = {
    "photo": "AgAC",
    "document": "BQAC",
    "video": "BAAC",
    "audio": "CQAC",
    "voice": "AwAC",
    "sticker": "CAAC",
}
_FOLDER = {"photo": "photos", "voice": "voice", "audio": "music", "sticker": "stickers"}


@dataclass(slots=True, frozen=True)
class StoredFile:
    """Bytes on disk; each bot knows them by an id of its own."""

    number: int
    kind: str
    name: str
    mime: str
    size: int
    path: Path

    @property
    def unique_id(self) -> str:
        return f"AQAD{self.number:06d}"

    @property
    def address(self) -> str:
        """The path under the file address of a bot."""
        return f"{_FOLDER.get(self.kind, self.kind + 's')}/file_{self.number}{Path(self.name).suffix}"

    def id_for(self, bot_id: int) -> str:
        return f"{_PREFIX.get(self.kind, 'DgAC')}{self.number:06d}x{bot_id}"


class FileStore:
    """Files by number; written while they arrive, never held in memory whole."""

    def __init__(self) -> None:
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._numbers = count(1)
        self._files: OrderedDict[int, StoredFile] = OrderedDict()
        self._total = 0

    async def take(self, chunks: AsyncIterator[bytes], name: str, mime: str, limit: int = UP) -> StoredFile:
        """Store what arrives; more than the limit is refused."""
        number = next(self._numbers)
        path, size = self._place(number), 0
        with path.open("wb") as out:
            async for chunk in chunks:
                size += len(chunk)
                if size > limit:
                    path.unlink()
                    raise ApiError(413, "Request Entity Too Large")
                out.write(chunk)
        return self._keep(StoredFile(number, "document", name, mime or _mime(name), size, path))

    def put(self, kind: str, data: bytes, name: str, mime: str = "") -> StoredFile:
        """Store bytes at once (what a person sends)."""
        number = next(self._numbers)
        path = self._place(number)
        path.write_bytes(data)
        return self._keep(StoredFile(number, kind, name, mime or _mime(name), len(data), path))

    def as_kind(self, file: StoredFile, kind: str) -> StoredFile:
        """The same bytes, known as another kind."""
        return self._keep(
            StoredFile(next(self._numbers), kind, file.name, file.mime, file.size, file.path), new_bytes=False
        )

    def of_bot(self, file_id: str, bot_id: int) -> StoredFile:
        """The file that a bot knows by this id; another bot's id is refused."""
        number, _, owner = file_id[4:].partition("x")
        file = self._files.get(int(number)) if number.isdigit() else None
        if file is None or owner != str(bot_id):
            raise bad("wrong file_id or the file is temporarily unavailable")
        return file

    def at(self, address: str) -> StoredFile | None:
        number = Path(address).stem.removeprefix("file_")
        file = self._files.get(int(number)) if number.isdigit() else None
        return file if file is not None and file.address == address else None

    def unique(self, unique_id: str) -> StoredFile | None:
        number = unique_id.removeprefix("AQAD")
        return self._files.get(int(number)) if number.isdigit() else None

    def close(self) -> None:
        if self._folder:
            self._folder.cleanup()

    def _place(self, number: int) -> Path:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="telegram-playground-")
        return Path(self._folder.name) / str(number)

    def _keep(self, file: StoredFile, new_bytes: bool = True) -> StoredFile:
        self._files[file.number] = file
        self._total += file.size if new_bytes else 0
        while self._total > TOTAL and len(self._files) > 1:
            _, oldest = self._files.popitem(last=False)
            if all(other.path != oldest.path for other in self._files.values()):
                self._total -= oldest.size
                oldest.path.unlink(missing_ok=True)
        return file


def _mime(name: str) -> str:
    return mimetypes.guess_type(name)[0] or "application/octet-stream"
