"""The places of which one of several processes takes care, as a condition for queries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ARRAY, Boolean, Text, TextClause, bindparam, text

from core.chat import BETWEEN
from core.lease import Pair

_PAIR = "split_part(place_key, :between, 1) || :between || split_part(place_key, :between, 2)"
CONDITION = f"""(:everything or {_PAIR} = any(:installations) or {_PAIR} <> all(:elsewhere) and (
    split_part(place_key, :between, 1) = any(:platforms)
    or :rest and split_part(place_key, :between, 1) <> all(:shared)))"""
"""Of a row with a `place_key`. To be bound by `bound`, with the parameters of a `Led`."""


@dataclass(frozen=True, slots=True)
class Led:
    """Places of these `installations`; of whole `platforms`, but for the installations that are led
    `elsewhere`; and the `rest`: what is neither one of those nor of a platform that is `shared`."""

    everything: bool = False
    installations: frozenset[Pair] = frozenset()
    platforms: frozenset[str] = frozenset()
    elsewhere: frozenset[Pair] = frozenset()
    rest: bool = False
    shared: frozenset[str] = frozenset()

    @property
    def nothing(self) -> bool:
        return not (self.everything or self.installations or self.platforms or self.rest)

    @property
    def parameters(self) -> Mapping[str, Any]:
        return {
            "everything": self.everything,
            "installations": sorted(map(BETWEEN.join, self.installations)),
            "platforms": sorted(self.platforms),
            "elsewhere": sorted(map(BETWEEN.join, self.elsewhere)),
            "rest": self.rest,
            "shared": sorted(self.shared),
        }


EVERYTHING = Led(everything=True)


def bound(sql: str) -> TextClause:
    """A statement that holds `CONDITION`."""
    lists = (
        bindparam(name, type_=ARRAY(Text)) for name in ("installations", "platforms", "elsewhere", "shared")
    )
    flags = (bindparam(name, type_=Boolean) for name in ("everything", "rest"))
    return text(sql).bindparams(*lists, *flags, between=BETWEEN)
