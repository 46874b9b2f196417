"""Settings from the environment: what is malformed is named, in our words, before anything starts."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bot import environment
from core import env_file, settings
from core.errors import StartError
from core.settings import Settings

Load = Callable[..., Settings]
KEY = base64.b64encode(bytes(32)).decode()


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Load the settings of an environment that holds what the test says and nothing else of ours."""
    for name in [name for name in os.environ if name.startswith(("DESKBELL_", "DATABASE_URL"))]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)

    def loading(**values: str) -> Settings:
        for name, value in values.items():
            monkeypatch.setenv(name, value)
        loaded = settings.load()
        environment.check()
        return loaded

    return loading


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DESKBELL_PUBLIC_URL", "http://"),
        ("DESKBELL_PUBLIC_URL", "https://a.example:eighty"),
        ("DESKBELL_PUBLIC_URL", "https://a.example/?a=1"),
        ("DESKBELL_PUBLIC_URL", "https://[::1"),
        ("DESKBELL_MAIL_FROM", "foo"),
        ("DESKBELL_TRUSTED_PROXIES", "foo"),
        ("DESKBELL_TRUSTED_PROXIES", "127.0.0.1,foo"),
        ("DESKBELL_SMTP_URL", "mail.example.com"),
        ("DESKBELL_SMTP_URL", "smtp://hunter2@mail.example.com:many"),
        ("DATABASE_URL", "postgresql://desk:hunter2@db:54a2/desk"),
        ("DATABASE_URL", "postgresql://desk:hunter2@db:99999/desk"),
        ("DATABASE_URL", "postgresql://desk:hun/ter2@db/desk"),
        ("DATABASE_URL", "postgresql://desk:hunter2@db/desk?colour=red"),
        ("DATABASE_URL", "postgresql://desk:hunter2@db/desk?sslmode=maybe"),
        ("DATABASE_URL", "postgresql://desk:hunter2@[db/desk"),
        ("DESKBELL_MASTER_KEY", f"{KEY},hunter2"),
        ("DESKBELL_PORT", "eighty"),
        ("DESKBELL_PORT", "0"),
    ],
)
def test_what_is_malformed_is_named_without_a_secret(load: Load, name: str, value: str) -> None:
    with pytest.raises(StartError) as refused:
        load(**{name: value})
    assert f"{name} is malformed: " in refused.value.words
    assert "hun" not in refused.value.words
    for phrase in ("Value error", "Input should", "unable to parse", "String should"):
        assert phrase not in refused.value.words


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DESKBELL_PUBLIC_URL", "https://help.example.com/"),
        ("DESKBELL_MAIL_FROM", "Help <help@example.com>"),
        ("DESKBELL_MAIL_FROM", "desk@localhost"),
        ("DESKBELL_TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8,::1"),
        ("DESKBELL_TRUSTED_PROXIES", "*"),
        ("DESKBELL_SMTP_URL", "smtps://desk:secret@mail.example.com:465"),
        ("DATABASE_URL", "postgres://desk:a%2Fb@db.example.com:5433/desk?sslmode=require"),
        ("DATABASE_URL", "postgresql://desk@/desk?host=/run/postgresql&port=5432"),
        ("DESKBELL_MASTER_KEY", f"{KEY},{KEY}"),
        ("DESKBELL_WEBCHAT_COLOUR", "an adapter looks after its own"),
        ("DESKBELL_HOST", "::1"),
        ("deskbell_port", "8081"),
        ("DESKTOP_SESSION", "none of ours"),
    ],
)
def test_what_people_set_is_taken(load: Load, name: str, value: str) -> None:
    load(**{name: value})


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("DESKBELL_PROT", "DESKBELL_PORT"),
        ("DESKBELL_SMTP_URI", "DESKBELL_SMTP_URL"),
        ("DESKBELL_ZZZ", "docs/"),
    ],
)
def test_a_name_that_nothing_reads_is_told(load: Load, name: str, near: str) -> None:
    with pytest.raises(StartError, match=f"no setting {name}. .*{near}"):
        load(**{name: "1"})


def test_the_env_file_reaches_adapters_too(load: Load, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DESKBELL_PORT=8099\nexport DESKBELL_MAIL_FROM='Help <a@b.example>'\n")
    assert load().port == 8099
    assert env_file.environment()["DESKBELL_MAIL_FROM"] == "Help <a@b.example>"


def test_the_environment_goes_before_the_env_file(load: Load, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DESKBELL_PORT=8099\n")
    assert load(DESKBELL_PORT="8098").port == 8098
    assert env_file.environment()["DESKBELL_PORT"] == "8098"
