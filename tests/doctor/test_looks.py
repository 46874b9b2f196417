"""What `deskbell doctor` finds, where it is found, and what it says to do."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text, update
from sqlalchemy.dialects.postgresql import insert

from adapters.files.memory import MemoryStore
from adapters.media import looking
from bot import doctor, secrets
from bot.doctor import outside, platforms, running, stored
from bot.doctor.patient import Patient
from core import clock, pulse
from core.admin.checkup import Line, title, worst
from core.chat import Finding, Guide, GuideField, Tried
from core.crypto.keys import MasterKey
from core.desk import Desk
from core.errors import Invalid
from core.ids import new_id
from core.installations import service
from core.lease import Lease
from core.outbox_model import ScheduledJob
from core.settings import Settings
from tests.cli.program import deskbell, free_port
from tests.fakes.otlp import collector
from tests.mail.smtp_server import SmtpServer

BASE64_KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
OTHER_KEY = "BBECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


def settings(**given: str) -> Settings:
    return Settings(_env_file=None, **given)  # type: ignore[arg-type, call-arg]


@pytest.fixture
def patient(desk: Desk, tmp_path: Path) -> Patient:
    secrets.make_file(tmp_path)
    given = settings(DESKBELL_PUBLIC_URL="https://help.example.com", DESKBELL_DATA=str(tmp_path))
    return Patient(given, tmp_path, desk.db, desk)


def changed(patient: Patient, **given: str) -> Patient:
    asked = {"DESKBELL_PUBLIC_URL": "https://help.example.com"} | given
    return Patient(settings(**asked), patient.folder, patient.db, patient.desk, patient.chats)


def told(lines: Sequence[Line]) -> tuple[str, str]:
    [line] = lines
    assert line.state == "ok" or line.mend
    return line.state, line.words


async def test_a_whole_look_tells_a_line_a_thing(patient: Patient) -> None:
    lines = await doctor.examine(patient)
    assert [line.name for line in lines] == list(doctor.LOOKS)
    states = {line.name: line.state for line in lines}
    assert {name for name, state in states.items() if state != "ok"} == {"backup", "mail", "turn"}
    assert worst(lines) == "warn"
    assert [title(line) for line in lines][:2] == ["Settings", "Database"]


async def test_a_database_that_is_away_fails_and_the_others_are_still_looked_at(patient: Patient) -> None:
    async def away(_patient: Patient) -> Sequence[Line]:
        raise ConnectionRefusedError

    looks = dict(doctor.LOOKS)
    doctor.LOOKS["database"] = away
    try:
        lines = {line.name: line for line in await doctor.examine(patient)}
    finally:
        doctor.LOOKS.update(looks)
    assert lines["database"].state == "fail"
    assert "ConnectionRefusedError" in lines["database"].words
    assert lines["migrations"].state == "ok"


@pytest.mark.parametrize(
    ("given", "state", "words"),
    [
        ({"DESKBELL_PUBLIC_URL": ""}, "warn", "is unset"),
        ({"DESKBELL_PUBLIC_URL": "http://help.example.com"}, "warn", "without TLS"),
        ({"DESKBELL_TRUSTED_PROXIES": "*"}, "warn", "any address"),
        ({}, "ok", "https://help.example.com"),
    ],
)
async def test_settings(patient: Patient, given: dict[str, str], state: str, words: str) -> None:
    found = told(await outside.settings(changed(patient, **given)))
    assert found[0] == state
    assert words in found[1]


@pytest.mark.parametrize(("revision", "mend"), [("0001", "deskbell migrate"), ("9999", "newer version")])
async def test_another_schema(patient: Patient, revision: str, mend: str) -> None:
    async with patient.db.sessions() as session:
        await session.execute(text("update alembic_version set version_num = :to"), {"to": revision})
        await session.commit()
    [line] = await stored.migrations(patient)
    assert line.state == "fail"
    assert mend in line.mend


async def test_the_master_key(patient: Patient, tmp_path: Path) -> None:
    assert told(await stored.master_key(patient))[0] == "ok"
    file = tmp_path / secrets.FILE
    file.chmod(0o644)
    assert told(await stored.master_key(patient))[0] == "warn"
    closed = Patient(patient.settings, patient.folder, patient.db)
    assert "cannot be opened" in told(await stored.master_key(closed))[1]
    file.unlink()
    assert told(await stored.master_key(patient)) == ("fail", "There is no master key.")


async def test_how_old_the_backup_is(patient: Patient) -> None:
    assert told(await stored.backup(patient))[0] == "warn"
    async with patient.db.sessions() as session:
        await session.execute(insert(ScheduledJob).values(name=stored.BACKUP, last_run_at=clock.now()))
        await session.commit()
    assert told(await stored.backup(patient))[0] == "ok"
    async with patient.db.sessions() as session:
        old = clock.now() - timedelta(days=3)
        await session.execute(
            update(ScheduledJob).where(ScheduledJob.name == stored.BACKUP).values(last_run_at=old)
        )
        await session.commit()
    assert told(await stored.backup(patient))[0] == "warn"


@pytest.mark.parametrize(("off", "state"), [(0, "ok"), (10, "warn"), (3_600, "fail")])
async def test_a_clock_that_is_wrong(
    patient: Patient, monkeypatch: pytest.MonkeyPatch, off: int, state: str
) -> None:
    real = clock.of_this_machine
    monkeypatch.setattr(clock, "of_this_machine", lambda: real() + timedelta(seconds=off))
    assert told(await stored.clock(patient))[0] == state


async def test_a_store_that_is_down(patient: Patient) -> None:
    desk = patient.desk
    assert desk is not None
    down = MemoryStore()
    down.down = True
    desk.means.files = down
    lines = {line.name: line for line in await doctor.examine(patient)}
    assert lines["storage"].state == "fail"
    assert "does not answer" in lines["storage"].words
    assert str(patient.folder / "files") in lines["storage"].mend
    desk.means.files = MemoryStore(room=0)
    [line] = await stored.storage(patient)
    assert "no room" in line.words
    assert str(patient.folder) in line.mend


async def test_redis_is_away_or_missing(patient: Patient) -> None:
    assert told(await outside.redis(patient))[0] == "ok"
    away = changed(patient, REDIS_URL=f"redis://127.0.0.1:{free_port()}")
    assert told(await outside.redis(away))[0] == "fail"
    async with patient.db.sessions() as session:
        until = clock.now() + timedelta(hours=1)
        session.add(Lease(name="gateway", epoch=1, holder=new_id(), until=until))
        await session.commit()
    assert "in parts without Redis" in told(await outside.redis(patient))[1]


async def test_parts_that_are_silent_or_of_another_version(patient: Patient) -> None:
    assert told(await running.parts(patient)) == ("ok", "No part of the desk runs now.")
    now = clock.now()
    async with patient.db.sessions() as session:
        await pulse.beat(session, new_id(), "web", now, {})
        await pulse.beat(session, new_id(), "gateway", now, {})
        await session.commit()
    assert told(await running.parts(patient)) == ("ok", "2 processes run.")
    async with patient.db.sessions() as session:
        await session.execute(update(pulse.RunningPart).values(version=pulse.RunningPart.name))
        await session.commit()
    assert "gateway, web" in told(await running.parts(patient))[1]
    with clock.fixed(lambda: now + timedelta(minutes=3)):
        state, words = told(await running.parts(patient))
    assert (state, words) == ("warn", "Silent, and did not end in order: gateway, web.")


async def test_the_collector_of_traces(patient: Patient) -> None:
    assert told(await running.traces(patient)) == ("ok", "Nothing is traced.")
    with collector() as kept:
        there = changed(patient, OTEL_EXPORTER_OTLP_ENDPOINT=kept.url)
        assert told(await running.traces(there))[0] == "ok"
        kept.answer = 401
        assert told(await running.traces(there))[0] == "warn"


async def test_the_mail_server(patient: Patient) -> None:
    nobody = changed(patient, DESKBELL_SMTP_URL=f"smtp://127.0.0.1:{free_port()}")
    assert told(await outside.mail(nobody))[0] == "fail"
    async with SmtpServer().running() as server:
        url = f"smtp://127.0.0.1:{server.port}"
        assert "is unset" in told(await outside.mail(changed(patient, DESKBELL_SMTP_URL=url)))[1]
        whole = changed(patient, DESKBELL_SMTP_URL=url, DESKBELL_MAIL_FROM="help@example.com")
        assert told(await outside.mail(whole))[0] == "ok"


class _Turn(asyncio.DatagramProtocol):
    """Says yes to every binding request."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.transport.sendto(b"\x01\x01\x00\x00" + data[4:20], addr)


async def test_turn(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(await outside.turn(patient))[0] == "warn"
    loop = asyncio.get_running_loop()
    transport, _protocol = await loop.create_datagram_endpoint(_Turn, local_addr=("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    monkeypatch.setenv("DESKBELL_TURN", f"turn:127.0.0.1:{port}?transport=udp")
    assert told(await outside.turn(patient))[0] == "fail"
    monkeypatch.setenv("DESKBELL_TURN_SECRET", "canary")
    assert told(await outside.turn(patient)) == ("ok", "The TURN servers answer.")
    transport.close()
    monkeypatch.setattr(looking, "SECONDS", 0.3)
    assert "Does not answer: turn:127.0.0.1" in told(await outside.turn(patient))[1]


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("turn:turn.example.com", ("turn", "turn.example.com", 3478, "udp")),
        ("turns:turn.example.com:443?transport=tcp", ("turns", "turn.example.com", 443, "tcp")),
        ("turn:[2001:db8::7]:3479", ("turn", "2001:db8::7", 3479, "udp")),
    ],
)
def test_addresses_of_turn_servers(url: str, parts: tuple[str, str, int, str]) -> None:
    assert looking.parse(url) == parts


class _Platform:
    """A platform that takes the token `good`, and misses a right."""

    findings: tuple[Finding, ...] = ()

    def guide(self, public_url: str) -> Guide:
        return Guide(steps=(), fields=(GuideField(name="bot_token", label="Token"),))

    async def try_out(self, values: Any) -> Tried:
        if values["bot_token"] != "good":
            raise Invalid("The platform does not take this token.", field="bot_token")
        return Tried(external="1", name="Acme", secrets=dict(values), findings=self.findings)

    async def candidates(self, installation: str) -> Sequence[Any]:
        return ()


@pytest.mark.parametrize(
    ("token", "findings", "state"),
    [
        ("good", (), "ok"),
        ("good", (Finding("history", False, "It cannot read."),), "warn"),
        ("revoked", (), "fail"),
    ],
)
async def test_a_platform_that_refuses_its_token_or_misses_a_right(
    patient: Patient, token: str, findings: tuple[Finding, ...], state: str
) -> None:
    desk = patient.desk
    assert desk is not None
    async with desk.unit() as uow:
        await service.connect(
            uow, uow.actor, platform="plain", external="1", name="Acme", secrets={"bot_token": token}
        )
    offer = _Platform()
    offer.findings = findings
    chats: Any = {"plain": offer}
    [line] = await platforms.platforms(Patient(patient.settings, patient.folder, desk.db, desk, chats))
    assert (line.name, line.state) == ("plain", state), line
    assert "Acme" in line.words
    assert title(line) == "Chat platforms"


def test_on_the_command_line(tmp_path: Path, fresh_url: str) -> None:
    """A whole look; then a setting that cannot be read, and a server that is not there."""
    given = {"DATABASE_URL": fresh_url, "DESKBELL_MASTER_KEY": BASE64_KEY}
    empty = deskbell(tmp_path, "doctor", "--json", **given)
    lines = {one["name"]: one for one in map(json.loads, empty.stdout.splitlines())}
    assert lines["migrations"]["state"] == "ok"
    assert lines["database"]["state"] == "ok"
    assert empty.returncode == 0, empty.stdout
    other = deskbell(tmp_path, "doctor", **given | {"DESKBELL_MASTER_KEY": OTHER_KEY})
    [line] = [one for one in other.stdout.splitlines() if "master_key" in one]
    assert line.startswith("fail")
    assert MasterKey(base64.b64decode(BASE64_KEY)).name in line, "which key is looked for"
    wrong = deskbell(tmp_path, "doctor", DESKBELL_PORT="many")
    assert wrong.returncode == 1
    assert wrong.stdout.startswith("fail  settings: The setting DESKBELL_PORT is malformed")
    away = deskbell(tmp_path, "doctor", DATABASE_URL=f"postgresql://x@127.0.0.1:{free_port()}/x")
    assert away.returncode == 1
    assert "fail  database: The database of DATABASE_URL cannot be reached" in away.stdout
    assert "Traceback" not in wrong.stderr + away.stderr
