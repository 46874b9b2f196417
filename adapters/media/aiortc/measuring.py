"""How it goes for each person, and what each sender is asked for."""

from __future__ import annotations

from collections.abc import Iterable

from adapters.media.aiortc.bandwidth import FLOOR, SOUND, asked_of
from adapters.media.aiortc.peer import Peer
from adapters.media.aiortc.person import Person
from adapters.media.aiortc.slot import Slot
from core.ports.media import Quality


def make_room(peer: Peer, now: float) -> None:
    """Once a second: pause this viewer's pictures when their network does not take them."""
    pictures = [slot for slot in peer.slots() if _flows(slot) and slot.section.kind == "video"]
    voices = sum(1 for slot in peer.slots() if _flows(slot) and slot.section.kind == "audio")
    sent = sum(slot.octets for slot in pictures)
    loss = max((slot.loss for slot in pictures), default=0.0)
    trip = max((slot.round_trip for slot in pictures), default=0.0)
    peer.room.heard(loss, trip, max(0, sent - peer.sent_before) * 8)
    peer.sent_before = sent
    paused = peer.room.decide(now, len(pictures), voices)
    for slot in peer.slots():
        if slot.section.kind == "video":
            slot.pause(paused)


def asked(peer: Peer, viewers: Iterable[Peer], most: int) -> int:
    """What the sender at this connection may send in all."""
    total = SOUND
    watched: dict[object, list[int]] = {}
    for viewer in viewers:
        flowing = [slot for slot in viewer.slots() if _flows(slot)]
        pictures = sum(1 for slot in flowing if slot.section.kind == "video")
        for slot in flowing:
            if slot.section.kind == "video" and not slot.paused:
                share = viewer.room.share(pictures, len(flowing) - pictures)
                watched.setdefault(slot.track, []).append(share)
    for track in peer.pictures():
        total += asked_of(watched.get(track, []), most) if track.on else FLOOR
    return total


def quality(person: Person, now: float, *, keep: bool) -> Quality:
    """Since the last sample that was kept."""
    peer = person.peer
    if peer is None:
        return Quality()
    slots = [slot for slot in peer.slots() if _flows(slot)]
    seconds = max(0.001, now - person.sampled_at)
    up, down = peer.link.received_bytes, peer.link.sent_bytes
    before_up, before_down = person.counted
    told = Quality(
        up_bitrate=int(max(0, up - before_up) * 8 / seconds),
        up_loss=max((track.loss for track in person.tracks.values() if track.on), default=0.0),
        up_jitter=round(
            max((track.jitter_ms for track in person.tracks.values() if track.on), default=0.0), 1
        ),
        down_bitrate=int(max(0, down - before_down) * 8 / seconds),
        down_loss=max((slot.loss for slot in slots), default=0.0),
        down_room=peer.room.estimate,
        round_trip=round(max((slot.round_trip for slot in slots), default=0.0), 1),
        video_paused=peer.room.paused,
        over_limit=peer.over_limit,
    )
    if keep:
        person.counted, person.sampled_at = (up, down), now
    return told


def _flows(slot: Slot) -> bool:
    return slot.track is not None and slot.track.on
