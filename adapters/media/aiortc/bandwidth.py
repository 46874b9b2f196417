"""How much each sender is asked for, from what each viewer's network takes.

A viewer's browser estimates what comes through (REMB), but never much more than what is being
sent: while a sender has little to send, the estimate is no limit. It is one when it falls below
what is sent, or when packets are lost; else the allowance grows. The sender of a picture is asked
for the lowest share of those who see it, but never for less than a floor: a viewer below the
floor loses the pictures for a while and keeps the sound, and the others go on.
"""

from __future__ import annotations

FLOOR = 120_000
"""Bits a second below which a picture is not worth sending."""
SOUND = 48_000
"""What is kept free for each voice."""
_START = 1_200_000
_MOST = 20_000_000
_AHEAD = 3
"""The allowance stays below so many times what is sent, so that a burst cannot flood."""
_BELOW_SECONDS = 2.0
_FIRST_PAUSE = 8.0
_LONGEST_PAUSE = 64.0
_SETTLE_SECONDS = 5.0
_LOSS_HIGH, _LOSS_LOW = 0.10, 0.02
_LONG_TRIP = 300.0


class Room:
    """What one viewer's network takes, and whether it takes pictures at all."""

    def __init__(self) -> None:
        self.estimate = 0
        """By their browser; 0 is not known."""
        self.allowance = float(_START)
        self.paused = False
        self._strained = False
        self._below_since = 0.0
        self._resume_at = 0.0
        self._settled_at = 0.0
        self._pause = _FIRST_PAUSE

    def heard(self, share: float, round_trip: float, sent: int) -> None:
        """Once a second: the share of packets that did not arrive of so many bits, and how many
        milliseconds they took there and back."""
        # Some browsers estimate far too little while little is sent: only losses and queues prove
        # that pictures do not get through at all.
        self._strained = share > _LOSS_LOW or round_trip > _LONG_TRIP
        if self.paused:
            return
        if sent and share > _LOSS_HIGH:
            self.allowance = min(self.allowance, sent * (1 - share / 2))
        elif 0 < self.estimate < sent:
            self.allowance = min(self.allowance, self.estimate)
        elif share < _LOSS_LOW:
            ceiling = min(_MOST, max(_START, sent * _AHEAD))
            self.allowance = min(max(self.allowance * 1.15 + 10_000, self.estimate), ceiling)
        self.allowance = max(self.allowance, FLOOR / 4)

    def decide(self, now: float, pictures: int, voices: int) -> bool:
        """Pause or resume pictures; whether they are paused now."""
        if self.paused:
            if now >= self._resume_at:
                self._resume(now)
        elif self._too_narrow(pictures, voices) and now >= self._settled_at:
            self._below_since = self._below_since or now
            if now - self._below_since >= _BELOW_SECONDS:
                self._stop(now)
        else:
            self._below_since = 0.0
            if now > self._settled_at + _LONGEST_PAUSE:
                self._pause = _FIRST_PAUSE
        return self.paused

    def share(self, pictures: int, voices: int) -> int:
        """What each picture may take."""
        return max(1, int(self.allowance - SOUND * voices) // max(1, pictures))

    def _too_narrow(self, pictures: int, voices: int) -> bool:
        return self._strained and pictures > 0 and self.share(pictures, voices) < FLOOR

    def _stop(self, now: float) -> None:
        self.paused, self._below_since = True, 0.0
        self._resume_at = now + self._pause
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)

    def _resume(self, now: float) -> None:
        # What was estimated while nothing came says nothing: measure anew, from little.
        self.paused, self.estimate, self.allowance = False, 0, FLOOR * 3.0
        self._settled_at = now + _SETTLE_SECONDS


def asked_of(shares: list[int], most: int) -> int:
    """What the sender of a picture is asked for, by the shares of its viewers."""
    return min([most, *(max(FLOOR, share) for share in shares)])
