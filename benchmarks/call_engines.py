"""What the benchmark of calls compares, each in a process of its own that says what it used.

    python -m benchmarks.call_engines KIND FOLDER

Commands come as JSON lines on standard input, replies go out the same way. KIND is `ours`,
`transcoding` (aiortc's MediaRelay, which decodes and encodes) or `floor` (datagrams passed on).
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

Act = Callable[[dict[str, Any]], Awaitable[Any]]


class Ours:
    """The engine as it is served, with a store on the disk."""

    def __init__(self, folder: Path) -> None:
        from adapters.files.disk import DiskStore
        from adapters.media.aiortc.engine import Engine
        from adapters.media.recordings import StoredRecordings
        from adapters.media.settings import Settings

        self.store = DiskStore(folder)
        self.spool = folder / "spool"
        self.recordings = StoredRecordings(self.store, self.spool)
        self.keys: dict[str, bytes] = {}
        self.events: list[tuple[str, float]] = []
        self._settings, self._engine_class = Settings, Engine
        self.engine: Any = None

    async def start(self, told: dict[str, Any]) -> int:
        from core.collector import collect_seldom

        public = tuple((host, port) for host, port in told.get("public", []))
        settings = self._settings(
            listen=("127.0.0.1",), ports=range(told.get("port", 0), told.get("port", 0) + 1), public=public
        )
        self.engine = self._engine_class(settings, self.store, self.spool)
        await self.engine.start()
        collect_seldom()
        port: int = self.engine.port
        return port

    async def open(self, told: dict[str, Any]) -> None:
        await self.engine.open(UUID(told["call"]))

    async def join(self, told: dict[str, Any]) -> str:
        answer = await self.engine.join(UUID(told["call"]), UUID(told["person"]), told["offer"])
        sdp: str = answer.sdp
        return sdp

    async def leave(self, told: dict[str, Any]) -> None:
        await self.engine.leave(UUID(told["call"]), UUID(told["person"]))

    async def end(self, told: dict[str, Any]) -> None:
        await self.engine.end(UUID(told["call"]))

    async def record(self, told: dict[str, Any]) -> list[str]:
        from core.ports.media import Recording

        made = [Recording(uuid4(), UUID(person), os.urandom(32)) for person in told["people"]]
        self.keys |= {str(one.id): one.key for one in made}
        await self.engine.record(UUID(told["call"]), tuple(made))
        return [str(one.id) for one in made]

    async def stop_recording(self, told: dict[str, Any]) -> int:
        """How many frames the recorder gave up."""
        call = self.engine._calls[UUID(told["call"])]
        recorders = [person.recorder for person in call.people.values() if person.recorder is not None]
        await self.engine.stop_recording(UUID(told["call"]))
        return sum(recorder.lost_frames for recorder in recorders)

    async def frames(self, told: dict[str, Any]) -> dict[str, list[float]]:
        """When each picture of a recording is shown, decoded."""
        import io

        import av

        from core.ports.media import Source

        times: dict[str, list[float]] = {}
        for recording in told["recordings"]:
            key = self.keys[recording]
            parts = self.recordings.read(UUID(recording), key, Source.camera)
            data = b"".join([part async for part in parts])
            with av.open(io.BytesIO(data)) as file:
                times[recording] = [float(frame.time or 0) for frame in file.decode(0)]
        return times


class Transcoding:
    """aiortc as its own examples use it: a relay that hands decoded media to encoders."""

    def __init__(self, _folder: Path) -> None:
        from aiortc.contrib.media import MediaRelay

        self.relay = MediaRelay()
        self.calls: dict[str, list[Any]] = {}

    async def start(self, _told: dict[str, Any]) -> int:
        return 0

    async def open(self, told: dict[str, Any]) -> None:
        self.calls[told["call"]] = []

    async def join(self, told: dict[str, Any]) -> str:
        from aiortc import RTCBundlePolicy, RTCConfiguration, RTCPeerConnection, RTCSessionDescription

        pc = RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
        people = self.calls[told["call"]]
        others = list(people)
        people.append(pc)
        await pc.setRemoteDescription(RTCSessionDescription(told["offer"], "offer"))
        for other in others:
            self._cross(pc, other)
            self._cross(other, pc)
        for transceiver in pc.getTransceivers():
            transceiver.direction = "sendrecv"
        await pc.setLocalDescription(await pc.createAnswer())
        sdp: str = pc.localDescription.sdp
        return sdp

    async def end(self, told: dict[str, Any]) -> None:
        for pc in self.calls.pop(told["call"]):
            await pc.close()

    def _cross(self, one: Any, other: Any) -> None:
        for mine, theirs in zip(one.getTransceivers(), other.getTransceivers(), strict=True):
            mine.sender.replaceTrack(self.relay.subscribe(theirs.receiver.track))


class Floor:
    """The least that a forwarder in Python can do: a datagram in, the same datagram out."""

    def __init__(self, _folder: Path) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setblocking(False)
        self.sock.bind(("127.0.0.1", 0))
        self.pairs: dict[Any, Any] = {}

    async def start(self, _told: dict[str, Any]) -> int:
        asyncio.get_running_loop().add_reader(self.sock.fileno(), self._read)
        port: int = self.sock.getsockname()[1]
        return port

    async def pair(self, told: dict[str, Any]) -> None:
        one, other = (tuple(address) for address in told["addresses"])
        self.pairs |= {one: other, other: one}

    def _read(self) -> None:
        for _ in range(64):
            try:
                data, address = self.sock.recvfrom(2048)
            except BlockingIOError:
                return
            if (other := self.pairs.get(address)) is not None:
                self.sock.sendto(data, other)


async def _used(_told: dict[str, Any]) -> dict[str, float]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return {"cpu": used.ru_utime + used.ru_stime, "at": time.monotonic(),
            "memory": pages * resource.getpagesize()}  # fmt: skip


async def main(kind: str, folder: str) -> None:
    out, sys.stdout = sys.stdout, sys.stderr  # logs must not mix with replies
    served = {"ours": Ours, "transcoding": Transcoding, "floor": Floor}[kind](Path(folder))
    reader = asyncio.StreamReader(limit=1 << 20)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    while line := await reader.readline():
        told = json.loads(line)
        act: Act = _used if told["do"] == "used" else getattr(served, told["do"])
        try:
            reply = {"value": await act(told)}
        except Exception as error:  # noqa: BLE001  told to the benchmark, which stops
            reply = {"error": repr(error)}
        print(json.dumps(reply), flush=True, file=out)


if __name__ == "__main__":
    if sys.argv[1] == "transcoding":
        asyncio.run(main(*sys.argv[1:]))  # as it is meant to be run
    else:
        import uvloop

        uvloop.run(main(*sys.argv[1:]))
