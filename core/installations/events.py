"""What happens to connections with platforms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from core.events import Event, register


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallationEvent(Event):
    thing: ClassVar[str] = "installation"
    platform: str


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class InstallationConnected(InstallationEvent):
    name: ClassVar[str] = "desk.installation_connected"


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class InstallationDisconnected(InstallationEvent):
    name: ClassVar[str] = "desk.installation_disconnected"


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class InstallationBroken(InstallationEvent):
    """The platform refuses the token; `problem` is a code."""

    name: ClassVar[str] = "desk.installation_broken"
    problem: str = ""
