"""From packets of one track to frames with times, for the recording.

Packets wait until the recorder asks: by then what was lost and asked for again has come. A frame
that never became whole is counted and left out, and a key frame is asked for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from operator import itemgetter

from adapters.media.aiortc.rtp import payload, vp8_piece
from adapters.media.webm import TRACK, Frame

_WAIT = 1.0
"""Seconds that a frame may take to become whole."""
_MOST_WAITING = 8_192
_OFF = 1_500
"""Milliseconds by which a track's clock may leave ours before it is set anew."""
_SURE = 1_000
"""A time that is so near needs no closer look."""
_HALF, _WHOLE = 1 << 31, 1 << 32

Arrived = tuple[int, int, int, bytes, float]
"""Sequence number, timestamp, mark, packet, arrival."""
_Packet = tuple[int, int, int, bytes, float]
"""The same, with a number that does not begin anew."""

_number = itemgetter(0)
_new = tuple.__new__


class Frames:
    """Collects packets of a track. `began` is the recording's zero on the clock of arrivals.

    What is done for each packet costs as much as the call itself does: taking one in is one call of
    the interpreter's own, and the loops below look at the usual packet themselves."""

    def __init__(self, *, video: bool, began: float, ask_key_frame: Callable[[], None]) -> None:
        self.lost = 0
        self.picture: tuple[int, int] | None = None
        self.waits_for_key = video
        self._video = video
        self._clock = 90 if video else 48
        self._began = began
        self._ask = ask_key_frame
        self._arrived: deque[Arrived] = deque(maxlen=_MOST_WAITING)
        self.packet: Callable[[Arrived], None] = self._arrived.append
        """Take a packet in."""
        self._packets: list[_Packet] = []
        self._done: list[Frame] = []
        self._high = -1
        self._next = -1
        self._stamp_zero = self._zero = 0
        self._anchored = False
        self._last_time = -1

    def restart(self) -> None:
        """Another sender: numbers and timestamps begin anew."""
        self._done += self._take(float("inf"))
        self._packets.clear()
        self._arrived.clear()
        self._high = self._next = -1
        self._anchored = False
        self.waits_for_key = self._video

    def take(self, now: float) -> list[Frame]:
        """The frames that are whole, or given up, by now; infinity takes all."""
        frames = self._done + self._take(now)
        self._done = []
        return frames

    def _take(self, now: float) -> list[Frame]:
        self._number_all()
        return self._pictures(now) if self._video else self._sounds()

    def _number_all(self) -> None:
        """What arrived, behind what waits, in the order in which it was sent."""
        if not self._arrived:
            return
        if self._high < 0:
            self._high = self._arrived[0][0] + 65_536
        low = self._high - 32_768
        packets = self._packets
        packets += [
            (low + ((sequence - low) & 0xFFFF), stamp, mark, data, at)
            for sequence, stamp, mark, data, at in self._arrived
        ]
        self._arrived.clear()
        packets.sort(key=_number)
        self._high = max(self._high, packets[-1][0])
        del packets[:-_MOST_WAITING]

    def _sounds(self) -> list[Frame]:
        frames, after = list[Frame](), self._next
        stamp_zero, zero, began = self._stamp_zero, self._zero, self._began
        for number, stamp, _mark, data, arrived in self._packets:
            if number < after:
                continue
            if data[0] == 0x90 and len(data) > 16:
                held = data[16 + (data[14] << 10 | data[15] << 2) :]
            else:
                held = _payload(data)
            if not held:
                continue
            after = number + 1
            time = zero + (stamp - stamp_zero) // 48
            if stamp < stamp_zero or time < self._last_time or abs(time - (arrived - began) * 1000) > _SURE:
                time = self._time(stamp, arrived)
                stamp_zero, zero = self._stamp_zero, self._zero
            self._last_time = time
            frames.append(_new(Frame, (time, True, (held,), TRACK)))
        self._next = after
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

    def _whole(self, group: list[_Packet]) -> list[bytes] | None:
        """The frame's parts, when nothing before or in it is missing; empty for padding alone."""
        first, last = group[0][0], group[-1][0]
        if last - first + 1 != len(group) or (not self.waits_for_key and 0 <= self._next < first):
            return None
        pieces: list[bytes] = []
        complete = 0
        try:
            for _number, _stamp, mark, data, _arrived in group:
                at = 16 + (data[14] << 10 | data[15] << 2)
                if data[0] == 0x90 and data[at] & 0x80 and data[at + 1] == 0x80 and at + 4 < len(data):
                    # With one header extension, and a number of the picture: what browsers send.
                    begins = data[at] & 0x17 == 0x10
                    piece = data[at + (4 if data[at + 2] & 0x80 else 3) :]
                else:
                    piece, begins = vp8_piece(data)
                if piece:
                    if begins is not (not pieces):
                        return None
                    pieces.append(piece)
                    complete = mark & 0x80
        except IndexError:
            return None
        return pieces if complete or not pieces else None

    def _add(self, held: list[bytes], group: list[_Packet], frames: list[Frame]) -> None:
        if not held:
            return
        key = not held[0][0] & 1
        if self.waits_for_key and not key:
            return
        self.waits_for_key = False
        if key and len(head := b"".join(held)[:10]) > 9:
            self.picture = (
                int.from_bytes(head[6:8], "little") & 0x3FFF,
                int.from_bytes(head[8:10], "little") & 0x3FFF,
            )
        frames.append(_new(Frame, (self._time(group[0][1], group[0][4]), key, held, TRACK)))

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


def _payload(data: bytes) -> bytes:
    try:
        return payload(data)
    except IndexError:
        return b""
