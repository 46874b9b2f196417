"""Mail by SMTP (RFC 5321): one connection a mail, every step with a time limit.

`smtps://` is TLS from the first byte; `smtp://` takes STARTTLS where the server offers it, and
insists on it before it gives a password away to another machine.
"""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.headerregistry import Address
from email.utils import parseaddr
from urllib.parse import unquote, urlsplit

import aiosmtplib

from adapters.mail.message import to_address, to_bytes, to_message
from core import clock
from core.chat import Gone, PostFailed
from core.errors import StartError
from core.ports.mail import Mail

STEP_SECONDS = 10.0
WHOLE_SECONDS = 25.0
_PORTS = {"smtp": 587, "smtps": 465}
_EXAMPLE = "Example: DESKBELL_SMTP_URL=smtps://desk:secret@mail.example.com:465"


@dataclass(frozen=True, slots=True)
class Server:
    """Where and how mails are handed in. The password never prints."""

    host: str
    port: int
    tls: bool
    user: str = ""
    password: str = ""

    def __repr__(self) -> str:
        return f"<Server {self.host}:{self.port}>"

    @property
    def local(self) -> bool:
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @classmethod
    def parse(cls, url: str) -> Server:
        """Read DESKBELL_SMTP_URL; raises `StartError` that says what is wrong."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise StartError(f"The setting DESKBELL_SMTP_URL is malformed: the port. {_EXAMPLE}") from None
        if parts.scheme not in _PORTS or not parts.hostname:
            raise StartError(
                "The setting DESKBELL_SMTP_URL is malformed: it must begin with smtp:// or smtps:// and "
                f"name a server. {_EXAMPLE}"
            )
        return cls(
            parts.hostname,
            port or _PORTS[parts.scheme],
            parts.scheme == "smtps",
            unquote(parts.username or ""),
            unquote(parts.password or ""),
        )


class SmtpMailer:
    """Hands mails to a server. `tls` replaces the system's trust, for a server of one's own."""

    def __init__(self, url: str, sender: Address, tls: ssl.SSLContext | None = None) -> None:
        self.server = Server.parse(url)
        self.sender = sender
        self.tls = tls

    async def send(self, mail: Mail) -> None:
        """Raises `Gone` when the server will never take it, `PostFailed` when it may later."""
        message = to_message(mail, self.sender, clock.now())
        async with self._signed_in() as client:
            try:
                await client.sendmail(self.sender.addr_spec, to_address(mail.to).addr_spec, to_bytes(message))
            except (aiosmtplib.SMTPRecipientsRefused, aiosmtplib.SMTPRecipientRefused) as error:
                raise _refusal(_code_of(error)) from None
            except aiosmtplib.SMTPDataError as error:
                raise _refusal(error.code) from None

    async def look(self) -> None:
        """Whether the server lets us in; raises `PostFailed`."""
        async with self._signed_in():
            return

    @asynccontextmanager
    async def _signed_in(self) -> AsyncIterator[aiosmtplib.SMTP]:
        """The server, for as long as a mail may take; raises `PostFailed` where it cannot be used."""
        try:
            async with asyncio.timeout(WHOLE_SECONDS), self._client() as client:
                await self._sign_in(client)
                yield client
        except aiosmtplib.SMTPResponseException as error:
            # Of the sender, of signing in, of the greeting: our settings, which somebody mends.
            raise PostFailed(f"smtp {error.code}") from None
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise PostFailed(type(error).__name__) from None

    def _client(self) -> aiosmtplib.SMTP:
        return aiosmtplib.SMTP(
            hostname=self.server.host,
            port=self.server.port,
            timeout=STEP_SECONDS,
            use_tls=self.server.tls,
            start_tls=self._start_tls(),
            tls_context=self.tls,
        )

    def _start_tls(self) -> bool | None:
        """None is where it is offered. Nothing leaves this machine to a server on it, whose
        certificate is hardly ever one that the system trusts."""
        if self.server.tls or (self.server.local and self.tls is None):
            return False
        return True if self.server.password and not self.server.local else None

    async def _sign_in(self, client: aiosmtplib.SMTP) -> None:
        if self.server.user:
            await client.login(self.server.user, self.server.password)


def parse_sender(setting: str, desk: str, host: str) -> Address:
    """The sender from DESKBELL_MAIL_FROM, such as `Help <help@example.com>`; a made-up one when
    it is unset. Raises `StartError`."""
    name, address = parseaddr(setting) if setting else (desk, f"deskbell@{host}")
    try:
        return to_address(address, name)
    except Gone:
        raise StartError(
            "The setting DESKBELL_MAIL_FROM is malformed: it needs an address. "
            "Example: DESKBELL_MAIL_FROM=Help <help@example.com>"
        ) from None


def _code_of(error: aiosmtplib.SMTPRecipientsRefused | aiosmtplib.SMTPRecipientRefused) -> int:
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return max((one.code for one in error.recipients), default=550)
    return error.code


def _refusal(code: int) -> PostFailed:
    """5xx is final, 4xx is not (RFC 5321, 4.2.1)."""
    return Gone(f"smtp {code}") if 500 <= code < 600 else PostFailed(f"smtp {code}")
