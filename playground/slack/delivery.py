"""Brings events, commands and clicks to the app, over Socket Mode or HTTP, again when need be."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

import aiohttp

from playground.slack.faults import Fault, Faults
from playground.slack.sockets import Sockets
from playground.slack.webhooks import Webhooks
from playground.slack.world import World

Json = dict[str, Any]

KEPT = 2_000
_URLS = {"slash_commands": "commands_url", "interactive": "interactivity_url"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came back from the app."""

    ok: bool
    body: Any = None
    error: str = ""


class Delivery:
    """One way in, whichever transport the app chose."""

    def __init__(self, world: World, sockets: Sockets, webhooks: Webhooks, faults: Faults) -> None:
        self.world = world
        self.sockets = sockets
        self.webhooks = webhooks
        self.faults = faults
        self.ack_seconds = 3.0
        self.retry_delays: tuple[float, ...] = (0.0, 60.0, 300.0)
        self.lost: deque[Json] = deque(maxlen=KEPT)
        """Events given up after the last try."""
        self.sent: deque[Json] = deque(maxlen=KEPT)
        """Every try: type, event_id, attempt, transport, ok."""
        self._tasks: set[asyncio.Task[None]] = set()

    # --- events

    def event(self, callback: Json) -> None:
        """Send an event; nobody waits for it."""
        struck = self.faults.drawn("event:" + callback["event"]["type"])
        if "lose" in struck:
            self.lost.append(callback)
            return
        self.spawn(self._event(callback, struck))
        if "duplicate" in struck:
            self.spawn(self._event(callback, {}))

    async def _event(self, callback: Json, struck: dict[str, Fault]) -> None:
        if late := struck.get("reorder"):
            await asyncio.sleep(self.faults.random.uniform(0, late.seconds))
        reason, avoid, again = "", 0, "redeliver" in struck
        for attempt, delay in enumerate((0.0, *self.retry_delays)):
            if attempt and delay:
                await asyncio.sleep(delay)
            cut = "drop_socket" in struck and attempt == 0
            error, avoid = await self._try(callback, attempt, reason, avoid, cut)
            self._note(callback, attempt, error)
            if not error and not (again and attempt == 0):
                return
            reason = error or "timeout"
        self.lost.append(callback)

    async def _try(self, callback: Json, attempt: int, reason: str, avoid: int, cut: bool) -> tuple[str, int]:
        if not self.world.app.socket_mode:
            return await self._post_event(callback, attempt, reason), 0
        envelope = self._envelope("events_api", callback, attempt, reason)
        connection = self.sockets.pick(avoid)
        if connection is None:
            return "connection_failed", avoid
        try:
            await self.sockets.send(connection, envelope, self.ack_seconds, cut)
        except TimeoutError:
            return "timeout", connection.number
        except ConnectionError:
            return "connection_failed", connection.number
        return "", connection.number

    async def _post_event(self, callback: Json, attempt: int, reason: str) -> str:
        if not self.world.app.request_url:
            return "connection_failed"
        retry = {"x-slack-retry-num": str(attempt), "x-slack-retry-reason": reason} if attempt else {}
        error, _ = await self._post_json(self.world.app.request_url, callback, retry)
        return error

    async def _post_json(self, url: str, body: Json, headers: dict[str, str]) -> tuple[str, Any]:
        try:
            answer = await self.webhooks.post_json(url, body, self.ack_seconds, headers)
        except TimeoutError:
            return "http_timeout", None
        except (aiohttp.ClientError, OSError):
            return "connection_failed", None
        return ("" if answer.status < 300 else "http_error"), answer.body

    def _note(self, callback: Json, attempt: int, error: str) -> None:
        transport = "socket" if self.world.app.socket_mode else "http"
        note = {"type": callback["event"]["type"], "team": callback["team_id"], "attempt": attempt}
        note |= {"event_id": callback["event_id"]}
        self.sent.append({**note, "transport": transport, "error": error, "ok": not error})

    # --- commands and clicks

    async def ask(self, kind: str, payload: Json) -> Outcome:
        """Send what a person did and wait for the app's answer, once."""
        if self.world.app.socket_mode:
            return await self._ask_socket(kind, payload)
        return await self._ask_http(kind, payload)

    async def _ask_socket(self, kind: str, payload: Json) -> Outcome:
        connection = self.sockets.pick()
        if connection is None:
            return Outcome(False, error="dispatch_failed")
        envelope = self._envelope(kind, payload)
        cut = "drop_socket" in self.faults.drawn(f"{kind}:{_named(payload)}")
        try:
            answer = await self.sockets.send(connection, envelope, self.ack_seconds, cut)
        except TimeoutError:
            return Outcome(False, error="operation_timeout")
        except ConnectionError:
            return Outcome(False, error="dispatch_failed")
        return Outcome(True, answer.get("payload"))

    async def _ask_http(self, kind: str, payload: Json) -> Outcome:
        app = self.world.app
        url = getattr(app, _URLS[kind]) or app.request_url
        if payload.get("type") == "block_suggestion" and app.options_url:
            url = app.options_url
        form = payload if kind == "slash_commands" else {"payload": json.dumps(payload)}
        if not url:
            return Outcome(False, error="dispatch_failed")
        try:
            answer = await self.webhooks.post_form(url, _strings(form), self.ack_seconds)
        except TimeoutError:
            return Outcome(False, error="operation_timeout")
        except (aiohttp.ClientError, OSError):
            return Outcome(False, error="dispatch_failed")
        ok = answer.status == 200
        return Outcome(ok, answer.body, "" if ok else f"http_service_error_{answer.status}")

    async def verify(self, url: str) -> bool:
        """The handshake with which a request URL is accepted."""
        challenge = uuid.uuid4().hex
        token = self.world.app.verification
        body = {"type": "url_verification", "token": token, "challenge": challenge}
        error, answer = await self._post_json(url, body, {})
        if error or not isinstance(answer, dict):
            return False
        return challenge in (answer.get("challenge"), answer.get("text"))

    def _envelope(self, kind: str, payload: Json, attempt: int = 0, reason: str = "") -> Json:
        envelope: Json = {
            "envelope_id": str(uuid.UUID(int=self.faults.random.getrandbits(128), version=4)),
            "type": kind,
            "payload": payload,
            "accepts_response_payload": kind != "events_api",
        }
        if kind == "events_api":
            envelope |= {"retry_attempt": attempt, "retry_reason": reason}
        return envelope

    # --- tasks

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settled(self, timeout: float = 10.0) -> bool:
        """Whether everything sent so far has been acknowledged or given up within that time."""
        if not self._tasks:
            return True
        _, pending = await asyncio.wait(set(self._tasks), timeout=timeout)
        return not pending

    @property
    def pending(self) -> int:
        return len(self._tasks)

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.webhooks.close()


def _named(payload: Json) -> str:
    return str(payload.get("type") or payload.get("command") or "")


def _strings(form: Json) -> dict[str, str]:
    return {name: value if isinstance(value, str) else str(value).lower() for name, value in form.items()}
