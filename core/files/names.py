"""A file name that any system can keep and nobody is deceived by."""

from __future__ import annotations

import re
import unicodedata

from core.i18n import _

LONGEST = 200
"""UTF-8 bytes; file systems take 255, and a backup or a mail adds to a name."""

_EXTENSION = 20
_JOINERS = "\u200c\u200d"  # Persian and emoji are written with them
_EDGES = " ." + _JOINERS
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?=\.|$)", re.IGNORECASE)


def clean_name(name: str) -> str:
    """The last part of a path without what misleads or breaks: never empty, at most `LONGEST`.

    Taken away are folders, control and invisible characters and turns of the writing direction
    (which make `exe.gpj` of `jpg.exe`). Characters and device names that Windows reserves are
    replaced. The extension is kept when the name is shortened.
    """
    last = next((part for part in reversed(re.split(r"[/\\]", name)) if part.strip(" .")), "")
    spaced = " ".join(last.split())  # first of all: line breaks are control characters too
    visible = "".join(filter(_is_kept, unicodedata.normalize("NFC", spaced)))
    plain = unicodedata.normalize("NFC", re.sub(r'[<>:"|?*]', "_", visible))
    plain = " ".join(plain.split()).strip(_EDGES)
    if _RESERVED.match(plain):
        plain = f"_{plain}"
    return _shortened(plain) or _("file")


def _is_kept(letter: str) -> bool:
    return letter in _JOINERS or unicodedata.category(letter) not in (
        "Cc",
        "Cf",
        "Cs",
        "Cn",
        "Co",
        "Zl",
        "Zp",
    )


def _shortened(name: str) -> str:
    if len(name.encode()) <= LONGEST:
        return name
    stem, dot, extension = name.rpartition(".")
    if not stem or len(extension.encode()) > _EXTENSION:
        stem, dot, extension = name, "", ""
    room = LONGEST - len((dot + extension).encode())
    return stem.encode()[:room].decode("utf-8", "ignore").rstrip(_EDGES) + dot + extension
