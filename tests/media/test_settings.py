"""What calls read from the environment, and the credentials of relays."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from adapters.media.aiortc.engine import Engine
from adapters.media.aiortc.ice import candidate_line
from adapters.media.relays import GOOD_SECONDS, ice_servers, turn_credentials
from adapters.media.settings import Settings
from core.errors import StartError


def test_without_anything_set() -> None:
    settings = Settings.of({})
    assert settings.ports == range(40_000, 40_010)
    assert settings.public == ()
    assert settings.livekit is None
    assert ice_servers(settings, "x", 0) == ()


def test_ports_and_addresses() -> None:
    settings = Settings.of({
        "DESKBELL_MEDIA_PORTS": "5000-5001",
        "DESKBELL_MEDIA_PUBLIC": "203.0.113.7, 203.0.113.8:6000, [2001:db8::7]:7000, 2001:db8::8",
        "DESKBELL_MEDIA_LISTEN": "127.0.0.1",
    })  # fmt: skip
    assert list(settings.ports) == [5000, 5001]
    assert settings.public == (
        ("203.0.113.7", 0),
        ("203.0.113.8", 6000),
        ("2001:db8::7", 7000),
        ("2001:db8::8", 0),
    )
    assert settings.listen == ("127.0.0.1",)
    assert list(Settings.of({"DESKBELL_MEDIA_PORTS": "7"}).ports) == [7]


@pytest.mark.parametrize(
    "env",
    [
        {"DESKBELL_MEDIA_PORTS": "x"},
        {"DESKBELL_MEDIA_PORTS": "9-8"},
        {"DESKBELL_MEDIA_PORTS": "1-70000"},
        {"DESKBELL_MEDIA_DRAIN": "a while"},
        {"DESKBELL_MEDIA_APART": "yes"},
        {"DESKBELL_MEDIA_PUBLIC": "media.example.com"},
        {"DESKBELL_MEDIA_PUBLIC": "203.0.113.7:x"},
        {"DESKBELL_LIVEKIT_URL": "wss://live.example.com"},
    ],
)
def test_what_is_malformed_is_named(env: dict[str, str]) -> None:
    with pytest.raises(StartError, match=next(iter(env))):
        Settings.of(env)


def test_secrets_do_not_print() -> None:
    settings = Settings.of({"DESKBELL_TURN_SECRET": "hidden-word", "DESKBELL_LIVEKIT_URL": "wss://l.example",
                            "DESKBELL_LIVEKIT_KEY": "k", "DESKBELL_LIVEKIT_SECRET": "other-word"})  # fmt: skip
    assert "hidden-word" not in repr(settings)
    assert "other-word" not in repr(settings)
    assert settings.livekit is not None
    assert settings.livekit.api == "https://l.example"


def test_turn_credentials_are_those_of_coturn() -> None:
    user, password = turn_credentials("north", "person", 1_700_000_000)
    assert user == "1700000000:person"
    expected = hmac.new(b"north", b"1700000000:person", hashlib.sha1).digest()
    assert base64.b64decode(password) == expected


def test_browsers_get_servers_that_end_by_themselves() -> None:
    settings = Settings.of({"DESKBELL_STUN": "stun:stun.example.com", "DESKBELL_TURN_SECRET": "north",
                            "DESKBELL_TURN": "turn:turn.example.com,turns:turn.example.com:443?transport=tcp"})  # fmt: skip
    stun, turn = ice_servers(settings, "p", 1_000)
    assert stun.urls == ("stun:stun.example.com",)
    assert turn.urls == ("turn:turn.example.com", "turns:turn.example.com:443?transport=tcp")
    assert turn.username == f"{1_000 + GOOD_SECONDS}:p"
    assert ice_servers(Settings.of({"DESKBELL_TURN": "turn:t"}), "p", 0) == ()


async def test_engines_take_the_first_free_port(settings: Settings, tmp_path: object) -> None:
    first = Engine(settings, None, tmp_path)  # type: ignore[arg-type]
    await first.start()
    both = range(first.port, first.port + 3)
    second = Engine(Settings(listen=("127.0.0.1",), ports=both), None, tmp_path)  # type: ignore[arg-type]
    await second.start()
    assert second.port in both[1:]
    third = Engine(Settings(listen=("127.0.0.1",), ports=range(first.port, first.port + 1)), None, tmp_path)  # type: ignore[arg-type]
    with pytest.raises(StartError, match="DESKBELL_MEDIA_PORTS"):
        await third.start()
    await second.close()
    await first.close()


async def test_the_public_address_is_what_browsers_are_told(tmp_path: object) -> None:
    settings = Settings(
        listen=("127.0.0.1",), ports=range(1), public=(("203.0.113.7", 0), ("203.0.113.8", 9))
    )
    engine = Engine(settings, None, tmp_path)  # type: ignore[arg-type]
    await engine.start()
    assert engine._candidates == [
        candidate_line("203.0.113.7", engine.port, 0), candidate_line("203.0.113.8", 9, 1),
    ]  # fmt: skip
    await engine.close()
