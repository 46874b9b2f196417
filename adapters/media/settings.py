"""What calls take from the environment."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import StartError
from core.ports.media import Limits

DEFAULT_PORTS = range(40_000, 40_010)
MOST_DRAIN = 86_400


@dataclass(frozen=True, slots=True)
class LiveKitSettings:
    """A LiveKit server instead of the embedded engine: `url` is what browsers reach (wss://),
    `api` what this program reaches, `client` LiveKit's own client for browsers, a file."""

    url: str
    api: str
    key: str
    secret: str = field(repr=False)
    client: Path | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """`listen` are the addresses to bind, `public` those that browsers are told, each with a port
    where a NAT changes it; `ports` the UDP ports of which each engine takes the first free one."""

    listen: tuple[str, ...] = ("0.0.0.0", "::")  # noqa: S104  media must be reachable
    public: tuple[tuple[str, int], ...] = ()
    ports: range = DEFAULT_PORTS
    stun: tuple[str, ...] = ()
    turn: tuple[str, ...] = ()
    turn_secret: str = field(default="", repr=False)
    linger: float = 60.0
    """Seconds after which an engine without calls and without anybody connected ends."""
    drain: float = 0.0
    """Seconds that calls which run may go on after the engine was told to end; it takes no new ones then."""
    apart: bool = False
    """Somebody else keeps the engine, such as a container of its own: it is reached, and none is started."""
    limits: Limits = field(default_factory=Limits)
    livekit: LiveKitSettings | None = None

    @classmethod
    def of(cls, env: Mapping[str, str]) -> Settings:
        return cls(
            listen=_words(env.get("DESKBELL_MEDIA_LISTEN", "")) or cls.listen_default(),
            public=tuple(_address(word) for word in _words(env.get("DESKBELL_MEDIA_PUBLIC", ""))),
            ports=_ports(env.get("DESKBELL_MEDIA_PORTS", "")),
            stun=_words(env.get("DESKBELL_STUN", "")),
            turn=_words(env.get("DESKBELL_TURN", "")),
            turn_secret=env.get("DESKBELL_TURN_SECRET", ""),
            drain=_seconds(env.get("DESKBELL_MEDIA_DRAIN", "")),
            apart=_yes(env.get("DESKBELL_MEDIA_APART", "")),
            livekit=_livekit(env),
        )

    @staticmethod
    def listen_default() -> tuple[str, ...]:
        return ("0.0.0.0", "::")  # noqa: S104  media must be reachable


def _words(value: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in value.split(",") if word.strip())


def _ports(value: str) -> range:
    """`40000-40009` or one number; 0 lets the system choose."""
    if not value:
        return DEFAULT_PORTS
    first, _dash, last = value.partition("-")
    try:
        low, high = int(first), int(last or first)
    except ValueError:
        raise StartError("DESKBELL_MEDIA_PORTS is malformed. Example: 40000-40009") from None
    if not 0 <= low <= high <= 65_535:
        raise StartError("DESKBELL_MEDIA_PORTS must lie between 0 and 65535. Example: 40000-40009")
    return range(low, high + 1)


def _yes(value: str) -> bool:
    if value not in ("", "0", "1"):
        raise StartError("DESKBELL_MEDIA_APART must be 1, or 0.")
    return value == "1"


def _seconds(value: str) -> float:
    if not value:
        return 0.0
    if not value.isascii() or not value.isdigit() or int(value) > MOST_DRAIN:
        raise StartError(f"DESKBELL_MEDIA_DRAIN must be seconds, {MOST_DRAIN} at most. Example: 600")
    return float(value)


def _address(word: str) -> tuple[str, int]:
    """`203.0.113.7`, `203.0.113.7:40000` or `[2001:db8::7]:40000`; port 0 is the one we listen on."""
    host, port = word, "0"
    if word.startswith("["):
        host, _bracket, port = word[1:].partition("]")
        port = port.lstrip(":") or "0"
    elif word.count(":") == 1:
        host, _colon, port = word.partition(":")
    try:
        return str(ipaddress.ip_address(host)), int(port)
    except ValueError:
        raise StartError(
            "DESKBELL_MEDIA_PUBLIC must hold addresses, not names. Example: 203.0.113.7"
        ) from None


def _livekit(env: Mapping[str, str]) -> LiveKitSettings | None:
    url = env.get("DESKBELL_LIVEKIT_URL", "").rstrip("/")
    if not url:
        return None
    key, secret = env.get("DESKBELL_LIVEKIT_KEY", ""), env.get("DESKBELL_LIVEKIT_SECRET", "")
    if not key or not secret:
        raise StartError("DESKBELL_LIVEKIT_URL needs DESKBELL_LIVEKIT_KEY and DESKBELL_LIVEKIT_SECRET too.")
    api = env.get("DESKBELL_LIVEKIT_API", "").rstrip("/") or "http" + url.removeprefix("ws")
    client = env.get("DESKBELL_LIVEKIT_CLIENT", "")
    return LiveKitSettings(url=url, api=api, key=key, secret=secret, client=Path(client) if client else None)
