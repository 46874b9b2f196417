"""Settings from the environment or `.env`: one typed class; secrets never print."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from core.crypto.keys import MasterKey
from core.errors import StartError


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

    @field_validator("public_url")
    @classmethod
    def _an_address(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return value.rstrip("/")

    @field_validator("database_url")
    @classmethod
    def _a_server(cls, value: SecretStr) -> SecretStr:
        address = value.get_secret_value()
        if address and not address.startswith(("postgresql://", "postgres://", "postgresql+asyncpg://")):
            raise ValueError("must begin with postgresql://")
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
        return [
            MasterKey.parse(part) for part in self.master_key.get_secret_value().split(",") if part.strip()
        ]


def load() -> Settings:
    """The settings; raises `StartError` that names the malformed one, with an example."""
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
    return f"The setting {alias} is malformed: {first['msg']}.{example}"
