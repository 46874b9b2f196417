"""Who looks at a conversation right now, and who types in it: in memory, forgotten by itself.

Every process keeps its own book and learns of the others by signals, which hold ids only. A
book is told what it has not seen itself by `heard`, by whoever listens to the bus anyway.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from core.ports.bus import Signal

if TYPE_CHECKING:
    from core.ports.bus import Bus

LOOKING_FOR = 75.0
"""Seconds for which one look is remembered; a page that stays open says so again each 30."""
TYPING_FOR = 6.0
MOST_CONVERSATIONS = 5_000


@dataclass(slots=True)
class Present:
    """One person at one conversation: until when they count as looking and as typing."""

    person: UUID
    looking: float = 0.0
    typing: float = 0.0
    note: bool = False


@dataclass(slots=True)
class Presence:
    """The book of one process. `now` is a clock that only goes forward, in seconds."""

    bus: Bus
    now: Callable[[], float] = time.monotonic
    _at: dict[UUID, dict[UUID, Present]] = field(default_factory=dict)
    _places: dict[str, float] = field(default_factory=dict)
    _streams: Counter[tuple[UUID, UUID]] = field(default_factory=Counter)

    def comes(self, conversation: UUID, person: UUID) -> None:
        """A stream of somebody who looks at the conversation has begun; `leaves` ends it."""
        self._streams[conversation, person] += 1
        self.looks(conversation, person)

    def looks(self, conversation: UUID, person: UUID) -> None:
        """Somebody has the conversation open; says so again while it stays open."""
        new = not self._is(conversation, person, "looking")
        self._note(conversation, person, "looking", LOOKING_FOR)
        self._tell(conversation, person, "looking", new)

    def leaves(self, conversation: UUID, person: UUID) -> None:
        """One stream ended. A browser opens the next one before it ends the last: only who has
        none left is gone."""
        self._streams[conversation, person] -= 1
        if self._streams[conversation, person] > 0:
            return
        del self._streams[conversation, person]
        self._drop(conversation, person)
        self._tell(conversation, person, "left", True)

    def types(self, conversation: UUID, person: UUID, *, note: bool = False) -> None:
        """Somebody of the staff writes; `note` when it is an internal note, of which the
        requester's side hears nothing."""
        new = not self._is(conversation, person, "typing")
        self._note(conversation, person, "typing", TYPING_FOR, note=note)
        self._tell(conversation, person, "note" if note else "typing", new)
        if not note:
            self.bus.publish(
                Signal("typing", {"conversation": str(conversation), "on": True, "side": "staff"})
            )

    def stops(self, conversation: UUID, person: UUID) -> None:
        """What was being written has been sent, or given up."""
        if self._is(conversation, person, "typing"):
            self._note(conversation, person, "typing", 0)
            self._tell(conversation, person, "stopped", True)

    def heard(self, signal: Signal) -> None:
        """Take in what another process, or a chat platform, has said."""
        if signal.topic == "typing" and signal.data.get("side") == "requester":
            self._types_at(str(signal.data.get("place")), bool(signal.data.get("on", True)))
        if signal.topic != "presence":
            return
        try:
            conversation, person = UUID(str(signal.data["conversation"])), UUID(str(signal.data["person"]))
        except (KeyError, ValueError):
            return
        match signal.data.get("doing"):
            case "looking":
                self._note(conversation, person, "looking", LOOKING_FOR)
            case "typing" | "note" as doing:
                self._note(conversation, person, "typing", TYPING_FOR, note=doing == "note")
            case "stopped":
                self._note(conversation, person, "typing", 0)
            case "left":
                self._drop(conversation, person)

    def at(self, conversation: UUID, *, but: UUID | None = None) -> list[Present]:
        """Who is there, those who type first."""
        now = self.now()
        here = self._at.get(conversation, {})
        found = [one for one in here.values() if max(one.looking, one.typing) > now and one.person != but]
        return sorted(found, key=lambda one: (one.typing <= now, str(one.person)))

    def ends_in(self, conversation: UUID, places: Iterable[str], *, but: UUID | None = None) -> float | None:
        """Seconds until the first of what is seen there ends by itself, which nobody tells of; None where nothing is."""
        now = self.now()
        here = self.at(conversation, but=but)
        ends = [until for one in here for until in (one.looking, one.typing)]
        ends += [self._places.get(place, 0.0) for place in places]
        return min((until - now for until in ends if until > now), default=None)

    def is_typing(self, one: Present) -> bool:
        return one.typing > self.now()

    def said_at(self, places: Iterable[str]) -> None:
        """What was being typed at these places has arrived."""
        for place in places:
            self._places.pop(place, None)

    def typing_at(self, places: Iterable[str]) -> bool:
        """Whether somebody types at one of these places of a chat platform."""
        now = self.now()
        return any(self._places.get(place, 0) > now for place in places)

    def _types_at(self, place: str, on: bool) -> None:
        now = self.now()
        self._places = {each: until for each, until in self._places.items() if until > now}
        if on:
            self._places[place] = now + TYPING_FOR
        else:
            self._places.pop(place, None)

    def _is(self, conversation: UUID, person: UUID, what: str) -> bool:
        one = self._at.get(conversation, {}).get(person)
        return one is not None and float(getattr(one, what)) > self.now()

    def _note(
        self, conversation: UUID, person: UUID, what: str, seconds: float, *, note: bool = False
    ) -> None:
        if len(self._at) >= MOST_CONVERSATIONS:
            self._sweep()
        one = self._at.setdefault(conversation, {}).setdefault(person, Present(person))
        setattr(one, what, self.now() + seconds if seconds else 0.0)
        one.note = note if what == "typing" else one.note

    def _drop(self, conversation: UUID, person: UUID) -> None:
        here = self._at.get(conversation, {})
        here.pop(person, None)
        if not here:
            self._at.pop(conversation, None)

    def _sweep(self) -> None:
        now = self.now()
        for conversation, here in list(self._at.items()):
            alive = {who: one for who, one in here.items() if max(one.looking, one.typing) > now}
            if alive:
                self._at[conversation] = alive
            else:
                del self._at[conversation]

    def _tell(self, conversation: UUID, person: UUID, doing: str, new: bool) -> None:
        data = {"conversation": str(conversation), "person": str(person), "doing": doing, "new": new}
        self.bus.publish(Signal("presence", data))
