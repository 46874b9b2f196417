"""From packets of one track to frames with times, for the recording.

Packets wait until the recorder asks: by then what was lost and asked for again has come. A frame
that never became whole is counted and left out, and a key frame is asked for.
"""

from __future__ import annotations

from collections.abc import Callable

from adapters.media.aiortc.rtp import payload, vp8_piece
from adapters.media.webm import Frame

_WAIT = 1.0
"""Seconds that a frame may take to become whole."""
_MOST_WAITING = 8_192
_OFF = 1_500
"""Milliseconds by which a track's clock may leave ours before it is set anew."""
_HALF, _WHOLE = 1 << 31, 1 << 32

_Packet = tuple[int, int, int, bytes, float]
"""Number, timestamp, mark, packet, arrival."""


class Frames:
    """Collects packets of a track. `began` is the recording's zero on the clock of arrivals."""

    def __init__(self, *, video: bool, began: float, ask_key_frame: Callable[[], None]) -> None:
        self.lost = 0
        self.picture: tuple[int, int] | None = None
        self.waits_for_key = video
        self._video = video
        self._clock = 90 if video else 48
        self._began = began
        self._ask = ask_key_frame
        self._packets: list[_Packet] = []
        self._done: list[Frame] = []
        self._high = -1
        self._next = -1
        self._stamp_zero = self._zero = 0
        self._anchored = False
        self._last_time = -1

    def packet(self, data: bytes, mark: int, sequence: int, stamp: int, now: float) -> None:
        if self._high < 0:
            self._high = sequence + 65_536
        number = self._high + ((sequence - self._high + 32_768) & 0xFFFF) - 32_768
        if number > self._high:
            self._high = number
        self._packets.append((number, stamp, mark, data, now))
        if len(self._packets) > _MOST_WAITING:
            del self._packets[: _MOST_WAITING // 2]

    def restart(self) -> None:
        """Another sender: numbers and timestamps begin anew."""
        self._done += self._take(float("inf"))
        self._packets.clear()
        self._high = self._next = -1
        self._anchored = False
        self.waits_for_key = self._video

    def take(self, now: float) -> list[Frame]:
        """The frames that are whole, or given up, by now; infinity takes all."""
        frames = self._done + self._take(now)
        self._done = []
        return frames

    def _take(self, now: float) -> list[Frame]:
        self._packets.sort(key=_number)
        return self._pictures(now) if self._video else self._sounds()

    def _sounds(self) -> list[Frame]:
        frames = []
        for number, stamp, _mark, data, arrived in self._packets:
            if number >= self._next and (held := _payload(data)):
                self._next = number + 1
                frames.append(Frame(self._time(stamp, arrived), True, held))
        self._packets.clear()
        return frames

    def _pictures(self, now: float) -> list[Frame]:
        frames: list[Frame] = []
        packets, at = self._packets, 0
        while at < len(packets):
            end = at + 1
            stamp = packets[at][1]
            while end < len(packets) and packets[end][1] == stamp:
                end += 1
            group = packets[at:end]
            frame = self._whole(group)
            if frame is None and now - group[-1][4] < _WAIT:
                break
            at = end
            if group[-1][0] < self._next:
                continue
            self._next = group[-1][0] + 1
            if frame is not None:
                self._add(frame, group, frames)
            elif not self.waits_for_key:
                self._give_up()
        del packets[:at]
        if self.waits_for_key:
            self._ask()
        return frames

    def _whole(self, group: list[_Packet]) -> bytes | None:
        """The frame's data, when nothing before or in it is missing; empty for padding alone."""
        first, last = group[0][0], group[-1][0]
        if last - first + 1 != len(group) or (not self.waits_for_key and 0 <= self._next < first):
            return None
        pieces: list[bytes] = []
        complete = False
        try:
            for _number, _stamp, mark, data, _arrived in group:
                piece, begins = vp8_piece(data)
                if piece:
                    if begins != (not pieces):
                        return None
                    pieces.append(piece)
                    complete = bool(mark & 0x80)
        except IndexError:
            return None
        return b"".join(pieces) if complete or not pieces else None

    def _add(self, data: bytes, group: list[_Packet], frames: list[Frame]) -> None:
        if not data:
            return
        key = not data[0] & 1
        if self.waits_for_key and not key:
            return
        self.waits_for_key = False
        if key and len(data) > 9:
            self.picture = (
                int.from_bytes(data[6:8], "little") & 0x3FFF,
                int.from_bytes(data[8:10], "little") & 0x3FFF,
            )
        frames.append(Frame(self._time(group[0][1], group[0][4]), key, data))

    def _give_up(self) -> None:
        self.lost += 1
        self.waits_for_key = True

    def _time(self, stamp: int, arrived: float) -> int:
        """Milliseconds since the recording began, by the sender's clock, set by our own."""
        came = int((arrived - self._began) * 1000)
        if self._anchored:
            passed = ((stamp - self._stamp_zero + _HALF) % _WHOLE) - _HALF
            time = self._zero + passed // self._clock
        if not self._anchored or abs(time - came) > _OFF:
            self._anchored, self._stamp_zero, self._zero = True, stamp, came
            time = came
        elif passed > _HALF >> 1:
            self._stamp_zero, self._zero = stamp, time
        self._last_time = time = max(time, self._last_time, 0)
        return time


def _number(packet: _Packet) -> int:
    return packet[0]


def _payload(data: bytes) -> bytes:
    try:
        return payload(data)
    except IndexError:
        return b""
