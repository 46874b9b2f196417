"""What a look at a desk needs of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from core.chat import ChatAdapter
from core.db import Database
from core.desk import Desk
from core.settings import Settings


@dataclass(frozen=True, slots=True)
class Patient:
    """`desk` is None where it could not be opened: then its looks say nothing, and another says why."""

    settings: Settings
    folder: Path
    db: Database
    desk: Desk | None = None
    chats: Mapping[str, ChatAdapter] = field(default_factory=dict)
    closed: str = ""
    """Why the desk could not be opened, where that is known."""
