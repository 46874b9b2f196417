"""What goes wrong, under the names that the real thing gives it."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """An answer with ok false."""

    def __init__(self, error: str, **more: Any) -> None:
        super().__init__(error)
        self.error = error
        self.more = more

    @property
    def answer(self) -> dict[str, Any]:
        return {"ok": False, "error": self.error, **self.more}


class PlayError(Exception):
    """A person cannot do this here."""
