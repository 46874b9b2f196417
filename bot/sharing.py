"""Which lease a place hangs on, and which places this process takes care of.

What a connection to a platform hears and says hangs on a lease of its own, or on one with others that
have to run in the same process; everything else on the desk's. In a process that is alone nothing is shared.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext

from core import lease
from core.chat import Place
from core.lease import DESK, Pair
from core.led import EVERYTHING, Led


class Sharing:
    """`units` names for each lease but the desk's what hangs on it; an installation "" stands for whatever
    of its platform has no lease of its own."""

    def __init__(self) -> None:
        self.holds: Callable[[str], bool] | None = None
        """Whether this process has a lease; None where it is alone."""
        self.units: Mapping[str, frozenset[Pair]] = {}
        self.led: set[str] = set()
        """What this process leads, and has not begun to let go."""
        self._lease_of: Mapping[Pair, str] = {}

    def share(self, units: Mapping[str, frozenset[Pair]]) -> None:
        """From now on these are the leases beside the desk's."""
        self.units = units
        self._lease_of = {pair: name for name, pairs in units.items() for pair in pairs}

    def leads(self, place: Place) -> bool:
        if self.holds is None:
            return True
        name = self.lease_of((place.platform, place.installation))
        return name in self.led and self.holds(name)

    def lease_of(self, pair: Pair) -> str:
        return self._lease_of.get(pair) or self._lease_of.get((pair[0], "")) or DESK

    def leases_of_unit(self) -> Collection[str]:
        """What the present unit of work has to confirm."""
        about = lease.is_about()
        return {DESK} if about is None else {self.lease_of(pair) for pair in about}

    @property
    def apart(self) -> bool:
        """Whether others lead something."""
        return self.holds is not None and len(self.led) <= len(self.units)

    def mine(self) -> Led:
        """The places of which this process takes care now."""
        if self.holds is None:
            return EVERYTHING
        return self.of([name for name in self.led if self.holds(name)])

    def of(self, names: Collection[str]) -> Led:
        """The places that hang on these leases."""
        pairs = self._pairs(names)
        known = self._pairs(self.units)
        return Led(
            installations=frozenset(pair for pair in pairs if pair[1]),
            platforms=frozenset(platform for platform, installation in pairs if not installation),
            elsewhere=frozenset(pair for pair in known if pair[1]),
            rest=DESK in names,
            shared=frozenset(platform for platform, installation in known if not installation),
        )

    def about_mine(self) -> AbstractContextManager[None]:
        """For a unit of work that is about all of these places."""
        names = [] if self.holds is None else [name for name in self.led if self.holds(name)]
        # The desk's lease is that of a platform which nobody shares.
        return lease.about(*(next(iter(self.units.get(name, ())), ("", "")) for name in names))

    def _pairs(self, names: Iterable[str]) -> frozenset[Pair]:
        return frozenset(pair for name in names for pair in self.units.get(name, ()))


def about(place: Place) -> AbstractContextManager[None]:
    """The units of work inside are about this place."""
    return lease.about((place.platform, place.installation))


def heard_at(place: Place) -> AbstractContextManager[None]:
    """The same of what comes in there, unless whoever heard it has said by which connection of the platform: a bot
    may have several, and speak by one of them alone."""
    said = lease.is_about()
    is_said = bool(said) and all(platform == place.platform for platform, _installation in said or ())
    return nullcontext() if is_said else about(place)
