"""What the web needs from the rest, handed in by the composition root."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from starlette.types import ASGIApp

from core.admin.checkup import Line
from core.chat import Connects
from core.desk import Desk
from core.ports.media import MediaEngine, Recordings
from core.presence import Presence
from webui.switchboard import Switchboard


@dataclass(frozen=True, slots=True)
class PaletteCommand:
    """A command as the palette shows it: plain values, so that the web knows no bot."""

    name: str
    title: str
    needs: str
    keys: str = ""


@dataclass(frozen=True, slots=True)
class CallService:
    """A service of its own that carries calls: where browsers reach it, the file of its client for
    them, and who takes its webhooks."""

    url: str
    client: Path
    hook: Callable[[bytes, str], Awaitable[None]]


@dataclass(slots=True)
class Site:
    """One desk's web. `checks` are asked by /readyz: name → what is wrong, or nothing."""

    desk: Desk
    public_url: str
    version: str = ""
    trusted_proxies: frozenset[str] = frozenset()
    mounts: Mapping[str, ASGIApp] = field(default_factory=dict)
    chat_page: str = ""
    """Where people chat in the browser, where there is such a chat."""
    commands: Sequence[PaletteCommand] = ()
    platforms: Mapping[str, Connects] = field(default_factory=dict)
    """What can be connected, by name; those that can look at their connections are `Checks` too."""
    checks: dict[str, Callable[[], Awaitable[str]]] = field(default_factory=dict)
    mailer_is_outbox: bool = True
    media: Callable[[], Awaitable[MediaEngine]] | None = None
    """The engine that carries calls, started when it is first asked for."""
    recordings: Recordings | None = None
    call_changed: Callable[[UUID], Awaitable[None]] | None = None
    """Told when somebody's consent changed: whoever may be recorded now, is."""
    call_service: CallService | None = None
    """None where the desk's own engine carries calls."""
    examine: Callable[[], Awaitable[Sequence[Line]]] | None = None
    """Asks everything the desk stands on."""
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def secure(self) -> bool:
        """Whether people reach the desk over TLS: decides the cookies' Secure flag."""
        return self.public_url.startswith("https://")

    @property
    def presence(self) -> Presence:
        """Who looks at which conversation, as this process knows."""
        return cast(Presence, self.facts.setdefault("presence", Presence(self.desk.bus)))

    @property
    def switchboard(self) -> Switchboard:
        """Tells the open pages of this process what changed."""
        if "switchboard" not in self.facts:
            self.facts["switchboard"] = Switchboard(self.desk.bus, self.presence)
        return cast(Switchboard, self.facts["switchboard"])
