"""A stand-in of a LiveKit server, made from its published protocol: rooms, people and egresses in memory."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import jwt
from aiohttp import web

KEY, SECRET = "devkey", "a secret that is long enough for it"
NEEDS = {"CreateRoom": "roomCreate", "ListRooms": "roomList", "DeleteRoom": "roomCreate"}


class Server:
    """Rooms and egresses in memory; every request must carry a token with the right grant."""

    def __init__(self) -> None:
        self.rooms: dict[str, dict[str, Any]] = {}
        self.people: dict[str, list[dict[str, Any]]] = {}
        self.egresses: list[dict[str, Any]] = []
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.broken = False

    async def answer(self, request: web.Request) -> web.Response:
        if self.broken:
            return web.Response(status=502, text="<html>")
        service, method = request.match_info["service"], request.match_info["method"]
        body = await request.json()
        token = jwt.decode(
            request.headers["Authorization"].removeprefix("Bearer "), SECRET, algorithms=["HS256"], issuer=KEY
        )
        needed = "roomRecord" if service == "livekit.Egress" else NEEDS.get(method, "roomAdmin")
        if not token["video"].get(needed):
            return web.json_response({"code": "permission_denied", "msg": ""}, status=403)
        self.asked.append((method, body))
        made = getattr(self, method)(body)
        if made is None:
            return web.json_response({"code": "not_found", "msg": "no such thing"}, status=404)
        return web.json_response(made)

    def CreateRoom(self, body: dict[str, Any]) -> dict[str, Any]:
        self.people.setdefault(body["name"], [])
        return self.rooms.setdefault(
            body["name"], {"sid": "RM_1", "name": body["name"], "creation_time": "1700000000"}
        )

    def ListRooms(self, body: dict[str, Any]) -> dict[str, Any]:
        names = body.get("names")
        return {"rooms": [room for name, room in self.rooms.items() if not names or name in names]}

    def DeleteRoom(self, body: dict[str, Any]) -> dict[str, Any] | None:
        return {} if self.rooms.pop(body["room"], None) else None

    def ListParticipants(self, body: dict[str, Any]) -> dict[str, Any]:
        return {"participants": self.people.get(body["room"], [])}

    def GetParticipant(self, body: dict[str, Any]) -> dict[str, Any] | None:
        return next((p for p in self.people[body["room"]] if p["identity"] == body["identity"]), None)

    def RemoveParticipant(self, body: dict[str, Any]) -> dict[str, Any] | None:
        found = self.GetParticipant(body)
        if found is not None:
            self.people[body["room"]].remove(found)
        return {} if found else None

    def MutePublishedTrack(self, body: dict[str, Any]) -> dict[str, Any]:
        found = self.GetParticipant(body)
        assert found is not None
        for track in found["tracks"]:
            if track["sid"] == body["track_sid"]:
                track["muted"] = body["muted"]
        return {}

    def UpdateParticipant(self, body: dict[str, Any]) -> dict[str, Any]:
        found = self.GetParticipant(body)
        assert found is not None
        found["permission"] = body["permission"]
        return found

    def StartParticipantEgress(self, body: dict[str, Any]) -> dict[str, Any]:
        egress = {"egress_id": f"EG_{len(self.egresses)}", "room_name": body["room_name"], "status": "EGRESS_STARTING",
                  "participant": {"identity": body["identity"], "file_outputs": body["file_outputs"]}}  # fmt: skip
        self.egresses.append(egress)
        return egress

    def ListEgress(self, body: dict[str, Any]) -> dict[str, Any]:
        return {
            "items": [
                e
                for e in self.egresses
                if body.get("room_name", e["room_name"]) == e["room_name"] and e["status"] != "EGRESS_ENDING"
            ]
        }

    def StopEgress(self, body: dict[str, Any]) -> dict[str, Any]:
        egress = next(e for e in self.egresses if e["egress_id"] == body["egress_id"])
        egress["status"] = "EGRESS_ENDING"
        return egress


def signed(body: bytes, *, secret: str = SECRET, digest: bytes | None = None, exp: float = 60) -> str:
    claims = {
        "iss": KEY,
        "exp": int(time.time() + exp),
        "sha256": base64.b64encode(digest or hashlib.sha256(body).digest()).decode(),
    }
    return jwt.encode(claims, secret, algorithm="HS256")


@asynccontextmanager
async def served() -> AsyncIterator[tuple[Server, str]]:
    """The server, and where its API is reached."""
    made = Server()
    app = web.Application()
    app.router.add_post("/twirp/{service}/{method}", made.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield made, f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()
