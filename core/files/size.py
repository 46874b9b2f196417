"""A file's size in words of the current language."""

from __future__ import annotations

from core.i18n import decimal

KB, MB, GB = 1024, 1024**2, 1024**3


def in_words(size: int) -> str:
    """Such as `1.4 MB`, in German `1,4 MB`; one decimal at most, and never less than 1 kB."""
    for unit, name in ((GB, "GB"), (MB, "MB")):
        if size >= unit:
            return f"{decimal(size / unit)} {name}"
    return f"{max(1, round(size / KB))} kB"
