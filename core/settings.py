"""Settings from the environment or `.env`: one typed class; secrets never print."""

from __future__ import annotations

import ipaddress
import re
from email.utils import parseaddr
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from core import env_file
from core.crypto.keys import MasterKey
from core.errors import StartError

_AS_SIGNS = "; in a password write %2F for /, %23 for # and %40 for @"
_TLS = re.compile("disable|allow|prefer|require|verify-ca|verify-full")
_SERVER_OPTIONS = {
    "host": re.compile(".+"),
    "port": re.compile("[0-9]{1,5}"),
    "ssl": _TLS,
    "sslmode": _TLS,
    "prepared_statement_cache_size": re.compile("[0-9]{1,5}"),
    "target_session_attrs": re.compile("any|primary|standby|read-write|read-only|prefer-standby"),
}
"""What may stand behind the `?` of DATABASE_URL, and what it may say."""


class Settings(BaseSettings):
    """What the program must know before it can open its database."""

    model_config = SettingsConfigDict(
        env_file=".env", env_ignore_empty=True, extra="ignore", populate_by_name=True
    )

    host: str = Field(
        "127.0.0.1",
        alias="DESKBELL_HOST",
        description="Address to listen on",
        examples=["0.0.0.0"],  # noqa: S104  an example, not bound
    )
    port: int = Field(
        8080, ge=1, le=65535, alias="DESKBELL_PORT", description="Port to listen on", examples=["8080"]
    )
    data: Path = Field(
        Path("./data"),
        alias="DESKBELL_DATA",
        description="Folder for database, files and keys",
        examples=["/srv/deskbell"],
    )
    public_url: str = Field(
        "",
        alias="DESKBELL_PUBLIC_URL",
        description="The address people use, without a slash at the end",
        examples=["https://help.example.com"],
    )
    master_key: SecretStr = Field(
        SecretStr(""),
        alias="DESKBELL_MASTER_KEY",
        description="Master key, 32 bytes in base64; several, separated by commas, while rotating (the first wraps what is "
        "new). Made on first run beside the data when unset",
        examples=["the output of `openssl rand -base64 32`"],
    )
    database_url: SecretStr = Field(
        SecretStr(""),
        alias="DATABASE_URL",
        description="A PostgreSQL server instead of the embedded one",
        examples=["postgresql://deskbell:secret@db.example.com/deskbell"],
    )
    redis_url: SecretStr = Field(
        SecretStr(""),
        alias="REDIS_URL",
        description="A Redis that carries live updates and jobs between the parts of a desk. Nothing is lost with it",
        examples=["redis://:secret@redis.example.com/0"],
    )
    log_format: str = Field(
        "console",
        pattern="^(console|json)$",
        alias="DESKBELL_LOG",
        description="Form of the logs: console or json",
        examples=["json"],
    )
    trusted_proxies: str = Field(
        "",
        alias="DESKBELL_TRUSTED_PROXIES",
        description="Addresses of proxies whose forwarded headers are believed",
        examples=["127.0.0.1"],
    )
    smtp_url: SecretStr = Field(
        SecretStr(""),
        alias="DESKBELL_SMTP_URL",
        description="Mail server: smtp:// (STARTTLS where offered) or smtps://. Unset: mails go to the outbox page",
        examples=["smtps://desk:secret@mail.example.com:465"],
    )
    mail_from: str = Field(
        "",
        alias="DESKBELL_MAIL_FROM",
        description="Sender of the desk's mails",
        examples=["Help <help@example.com>"],
    )

    metrics_token: SecretStr = Field(
        SecretStr(""),
        alias="DESKBELL_METRICS_TOKEN",
        description="Bearer token with which /metrics may be read from elsewhere. Unset: from this machine only",
        examples=["the output of `openssl rand -hex 32`"],
    )

    otlp_endpoint: str = Field(
        "",
        alias="OTEL_EXPORTER_OTLP_ENDPOINT",
        description="Where traces go, by OTLP over HTTP (/v1/traces is added). Unset: nothing is traced",
        examples=["http://127.0.0.1:4318"],
    )
    otlp_headers: SecretStr = Field(
        SecretStr(""),
        alias="OTEL_EXPORTER_OTLP_HEADERS",
        description="Headers for it, such as a key: name=value, separated by commas",
        examples=["authorization=Bearer%20secret"],
    )
    trace_share: float = Field(
        1.0,
        alias="DESKBELL_TRACE_SHARE",
        description="How much of what comes in is traced, from 0 to 1",
        examples=["0.1"],
    )

    @field_validator("public_url")
    @classmethod
    def _an_address(cls, value: str) -> str:
        parts = _parts(value)
        if value and parts.scheme not in ("http", "https"):
            raise ValueError("it must begin with http:// or https://")
        if value and (not parts.hostname or " " in value):
            raise ValueError("it must name a host")
        if parts.query or parts.fragment or parts.username is not None:
            raise ValueError("it must be a plain address, with nothing behind a ? or # and no user")
        return value.rstrip("/")

    @field_validator("otlp_endpoint")
    @classmethod
    def _a_collector(cls, value: str) -> str:
        parts = _parts(value)
        if value and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise ValueError("it must begin with http:// or https:// and name a host")
        if parts.query or parts.fragment or parts.username is not None:
            raise ValueError(
                "it must be a plain address; what is secret belongs into OTEL_EXPORTER_OTLP_HEADERS"
            )
        return value.rstrip("/")

    @field_validator("trace_share")
    @classmethod
    def _a_share(cls, value: float) -> float:
        if not 0 <= value <= 1:
            raise ValueError("it must be a number from 0 to 1")
        return value

    @field_validator("database_url")
    @classmethod
    def _a_server(cls, value: SecretStr) -> SecretStr:
        address = value.get_secret_value()
        parts = _parts(address, _AS_SIGNS)
        if address and parts.scheme not in ("postgresql", "postgres", "postgresql+asyncpg"):
            raise ValueError("it must begin with postgresql://")
        for name, options in parse_qs(parts.query, keep_blank_values=True).items():
            if name not in _SERVER_OPTIONS:
                raise ValueError(
                    f"behind the ? stands {name[:40]!r}; possible are {', '.join(_SERVER_OPTIONS)}"
                )
            if not _SERVER_OPTIONS[name].fullmatch(options[-1]):
                raise ValueError(f"what it says of {name} cannot be")
        return value

    @field_validator("redis_url")
    @classmethod
    def _a_redis(cls, value: SecretStr) -> SecretStr:
        address = value.get_secret_value()
        parts = _parts(address, _AS_SIGNS)
        if address and parts.scheme not in ("redis", "rediss", "unix"):
            raise ValueError("it must begin with redis://, rediss:// or unix://")
        if parts.scheme in ("redis", "rediss") and not parts.hostname:
            raise ValueError("it must name a host")
        return value

    @field_validator("master_key")
    @classmethod
    def _keys(cls, value: SecretStr) -> SecretStr:
        _masters(value)
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _addresses(cls, value: str) -> str:
        proxies = [part.strip() for part in value.split(",") if part.strip()]
        for proxy in proxies:
            if proxy != "*":
                _network(proxy)
        return ",".join(proxies)

    @field_validator("smtp_url")
    @classmethod
    def _a_mail_server(cls, value: SecretStr) -> SecretStr:
        address = value.get_secret_value()
        parts = _parts(address, _AS_SIGNS)
        if address and (parts.scheme not in ("smtp", "smtps") or not parts.hostname):
            raise ValueError("it must begin with smtp:// or smtps:// and name a server")
        return value

    @field_validator("mail_from")
    @classmethod
    def _a_sender(cls, value: str) -> str:
        local, _at, domain = parseaddr(value)[1].rpartition("@")
        if value and not (local and domain):
            raise ValueError("it needs an address")
        return value

    @property
    def url(self) -> str:
        """Where people find the desk."""
        host = "localhost" if self.host in ("0.0.0.0", "::", "127.0.0.1") else self.host  # noqa: S104  compared, not bound
        return self.public_url or f"http://{host}:{self.port}"

    @property
    def sqlalchemy_url(self) -> str:
        """DATABASE_URL in the form that the engine takes; empty for the embedded server."""
        # libpq says `sslmode`, the driver `ssl`; people copy the former from their provider.
        url = self.database_url.get_secret_value().replace("?sslmode=", "?ssl=").replace("&sslmode=", "&ssl=")
        for prefix in ("postgres://", "postgresql://"):
            if url.startswith(prefix):
                return "postgresql+asyncpg://" + url.removeprefix(prefix)
        return url

    def masters(self) -> list[MasterKey]:
        """The master keys from the setting; empty when it is unset."""
        return _masters(self.master_key)


def load() -> Settings:
    """The settings; raises `StartError` that names the malformed one, with an example."""
    env_file.read()
    try:
        return Settings()
    except ValidationError as error:
        raise StartError(_in_words(error)) from None


def _in_words(error: ValidationError) -> str:
    first = error.errors()[0]
    name = str(first["loc"][0])
    field = next((f for n, f in Settings.model_fields.items() if name in (n, f.alias)), None)
    example = f" Example: {field.alias}={field.examples[0]}" if field is not None and field.examples else ""
    alias = field.alias if field is not None else name
    return f"The setting {alias} is malformed: {_why(first)}.{example}"


def _why(first: ErrorDetails) -> str:
    """Our own words; those of the library are for programmers."""
    kind, facts = first["type"], first.get("ctx", {})
    if kind == "value_error":
        return str(facts["error"])
    if kind == "string_pattern_mismatch":
        return "it must be console or json"
    if kind.startswith(("int_", "greater_", "less_")):
        return "it must be a whole number from 1 to 65535"
    return "it cannot be read"


def _masters(setting: SecretStr) -> list[MasterKey]:
    return [MasterKey.parse(part) for part in setting.get_secret_value().split(",") if part.strip()]


def _parts(address: str, hint: str = "") -> SplitResult:
    """The parts of an address; `ValueError` in words, which never repeat the address."""
    try:
        parts = urlsplit(address)
    except ValueError:
        raise ValueError("it is no address" + hint) from None
    try:
        _port = parts.port
    except ValueError:
        raise ValueError("its port is no number up to 65535" + hint) from None
    return parts


def _network(proxy: str) -> None:
    try:
        ipaddress.ip_network(proxy, strict=False)
    except ValueError:
        raise ValueError("it must hold addresses, separated by commas") from None
