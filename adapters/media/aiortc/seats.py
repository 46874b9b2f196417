"""Seats: which sections of a viewer's connection show whom.

One seat is for one other person: a section for the voice and one or two for pictures, under one
stream name, so that browsers keep the lips of a person with their voice.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from adapters.media.aiortc.offer import Sending
from adapters.media.aiortc.slot import Slot
from core.ports.media import Binding, Source


@dataclass(slots=True)
class Seat:
    """`person` is None while it is free."""

    stream: str
    voice: Slot | None = None
    pictures: list[Slot] = field(default_factory=list)
    person: UUID | None = None

    def sources(self, screen_on: bool) -> list[tuple[Slot, Source]]:
        """What each section shows. With one section for pictures, a screen goes before a face."""
        shown: list[tuple[Slot, Source]] = []
        if self.voice is not None:
            shown.append((self.voice, Source.mic))
        order = (
            (Source.camera, Source.screen) if len(self.pictures) > 1 or not screen_on else (Source.screen,)
        )
        return shown + list(zip(self.pictures, order, strict=False))

    @property
    def slots(self) -> list[Slot]:
        return [*([self.voice] if self.voice is not None else []), *self.pictures]


def arrange_slots(slots: list[Slot], before: list[Seat]) -> list[Seat]:
    """Seats of these slots in the order of the offer; who has a seat keeps it."""
    voices = [slot for slot in slots if slot.section.kind == "audio"]
    pictures = [slot for slot in slots if slot.section.kind == "video"]
    count = max(len(voices), 1 if pictures else 0)
    each = 2 if len(pictures) >= 2 * count else 1
    seats = []
    for number in range(count):
        seat = Seat(
            f"seat-{number}",
            voices[number] if number < len(voices) else None,
            pictures[number * each : (number + 1) * each],
        )
        if number < len(before):
            seat.person = before[number].person
        seats.append(seat)
    return seats


def sendings(seats: list[Seat]) -> dict[str, Sending]:
    return {slot.section.mid: Sending(slot.ssrc, seat.stream) for seat in seats for slot in seat.slots}


def bindings(seats: list[Seat], with_screen: set[UUID]) -> tuple[Binding, ...]:
    """What every section shows, for the viewer's page."""
    return tuple(
        Binding(slot.section.mid, seat.person, source)
        for seat in seats
        if seat.person is not None
        for slot, source in seat.sources(seat.person in with_screen)
    )
