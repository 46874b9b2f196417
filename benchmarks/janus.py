"""Janus beside us: the C server's VideoCall plugin, with the same two browsers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

_PLUGIN = "janus.plugin.videocall"
_UNUSED = ("audiobridge", "duktape", "echotest", "lua", "nosip", "recordplay", "sip", "streaming", "textroom",
           "videoroom", "voicemail")  # fmt: skip


class Janus:
    """A running server."""

    def __init__(self, pid: int, url: str) -> None:
        self._pid, self.url = pid, url

    def cpu(self) -> float:
        """Seconds of processor time that it used so far."""
        words = Path(f"/proc/{self._pid}/stat").read_text().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


class Handle:
    """One side of a call: a session with the plugin, whose events wait in a queue."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http, self._url = http, url
        self._events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._polling: asyncio.Task[None] | None = None

    async def open(self, name: str) -> None:
        session = (await self._post(self._url, janus="create"))["data"]["id"]
        self._session = f"{self._url}/{session}"
        handle = (await self._post(self._session, janus="attach", plugin=_PLUGIN))["data"]["id"]
        self._handle = f"{self._session}/{handle}"
        self._polling = asyncio.create_task(self._poll())
        await self.tell({"request": "register", "username": name})
        await self.event("registered")

    async def tell(self, body: dict[str, Any], jsep: dict[str, Any] | None = None) -> None:
        await self._post(self._handle, janus="message", body=body, **({"jsep": jsep} if jsep else {}))

    async def event(self, name: str) -> dict[str, Any]:
        """The next event of this name, with its description of a session."""
        async with asyncio.timeout(15):
            while True:
                event = await self._events.get()
                result = event.get("plugindata", {}).get("data", {}).get("result", {})
                if result.get("event") == name:
                    jsep: dict[str, Any] = event.get("jsep", {})
                    return jsep

    async def close(self) -> None:
        if self._polling is not None:
            self._polling.cancel()
            await asyncio.gather(self._polling, return_exceptions=True)
        with contextlib.suppress(aiohttp.ClientError):
            await self._post(self._session, janus="destroy")

    async def _post(self, url: str, **message: Any) -> dict[str, Any]:
        async with self._http.post(url, json={"transaction": os.urandom(6).hex(), **message}) as reply:
            told: dict[str, Any] = await reply.json()
            return told

    async def _poll(self) -> None:
        while True:
            async with self._http.get(self._session) as reply:
                event = await reply.json()
            if event.get("janus") == "event":
                await self._events.put(event)


@asynccontextmanager
async def janus(folder: Path) -> AsyncIterator[Janus | None]:
    """A server for this block; None where the program is not installed."""
    program = shutil.which("janus")
    if program is None:
        yield None
        return
    port = _configure(folder)
    process = await asyncio.create_subprocess_exec(
        program, f"--configs-folder={folder}",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        url = f"http://127.0.0.1:{port}/janus"
        await _up(f"{url}/info")
        yield Janus(process.pid, url)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), 10)
        if process.returncode is None:
            process.kill()
            await process.wait()


def _configure(folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
    unused = ",".join(f"libjanus_{name}.so" for name in _UNUSED)
    (folder / "janus.jcfg").write_text(
        "general: { debug_level = 1 }\nnat: { ice_lite = false }\n"
        f'plugins: {{ disable = "{unused}" }}\n'
        'transports: { disable = "libjanus_websockets.so,libjanus_pfunix.so,libjanus_mqtt.so,'
        'libjanus_nanomsg.so,libjanus_rabbitmq.so" }\n'
    )
    (folder / "janus.transport.http.jcfg").write_text(
        f'general: {{ json = "plain"\n base_path = "/janus"\n http = true\n port = {port}\n ip = "127.0.0.1"\n https = false }}\n'
        "admin: { admin_http = false }\n"
    )
    (folder / "janus.plugin.videocall.jcfg").write_text("general: { }\n")
    return port


async def _up(url: str) -> None:
    async with aiohttp.ClientSession() as http, asyncio.timeout(15):
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                async with http.get(url) as reply:
                    if reply.status == 200:
                        return
            await asyncio.sleep(0.1)
