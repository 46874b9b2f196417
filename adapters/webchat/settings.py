"""What the web chat takes from the environment; all else is on the desk's settings page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Settings:
    """`public_host` is the host and port people use when a proxy stands in front;
    `left_after` the seconds without an open page after which a visitor counts as gone."""

    public_host: str = ""
    left_after: float = 20.0

    @classmethod
    def of(cls, env: Mapping[str, str]) -> Settings:
        return cls(public_host=urlsplit(env.get("DESKBELL_PUBLIC_URL", "")).netloc)
