"""A small SMTP server for tests (RFC 5321), with switches for everything that goes wrong."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser


@dataclass(slots=True)
class SmtpServer:
    """What came in is in `mails`. The switches: `refuse` (an answer to each recipient), `refuse_data`
    (an answer to the content), `silent` (never answers), `tls` (offers STARTTLS), `tls_first`
    (TLS from the first byte), `password` (asks for it), `drop` (hangs up in the middle)."""

    tls: ssl.SSLContext | None = None
    tls_first: bool = False
    password: str = ""
    refuse: str = ""
    refuse_data: str = ""
    silent: bool = False
    drop: bool = False
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    signed_in: list[str] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    port: int = 0
    talks: set[asyncio.Task[None]] = field(default_factory=set)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[SmtpServer]:
        server = await asyncio.start_server(
            self._talk, "127.0.0.1", 0, ssl=self.tls if self.tls_first else None
        )
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for talk in self.talks:
                talk.cancel()
            await asyncio.gather(*self.talks, return_exceptions=True)
            await server.wait_closed()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.talks.add(task)
        try:
            await _Talk(self, reader, writer).run()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.talks.discard(task)
            writer.close()


class _Talk:
    def __init__(
        self, server: SmtpServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.server, self.reader, self.writer = server, reader, writer
        self.secure = server.tls_first

    async def run(self) -> None:
        if self.server.silent:
            await asyncio.Event().wait()
        await self.say("220 test ESMTP")
        while line := (await self.reader.readline()).decode("utf-8").rstrip("\r\n"):
            verb = line.split(" ")[0].upper()
            if verb == "QUIT":
                await self.say("221 bye")
                return
            if self.server.drop and verb == "MAIL":
                return
            await getattr(self, f"do_{verb.lower()}", self.do_unknown)(line)

    async def do_unknown(self, line: str) -> None:
        await self.say("502 not here")

    async def do_ehlo(self, line: str) -> None:
        offers = ["8BITMIME", "SMTPUTF8"]
        if self.server.tls is not None and not self.secure:
            offers.append("STARTTLS")
        if self.server.password:
            offers.append("AUTH PLAIN")
        for offer in offers[:-1]:
            await self.say(f"250-{offer}")
        await self.say(f"250 {offers[-1]}")

    async def do_starttls(self, line: str) -> None:
        await self.say("220 go ahead")
        assert self.server.tls is not None
        await self.writer.start_tls(self.server.tls)
        self.secure = True

    async def do_auth(self, line: str) -> None:
        _empty, user, password = base64.b64decode(line.split(" ")[2]).decode().split("\0")
        if password != self.server.password:
            await self.say("535 no")
            return
        self.server.signed_in.append(user)
        await self.say("235 welcome")

    async def do_mail(self, line: str) -> None:
        await self.say("250 fine")

    async def do_rcpt(self, line: str) -> None:
        self.server.recipients.append(line.partition("<")[2].partition(">")[0])
        await self.say(self.server.refuse or "250 fine")

    async def do_rset(self, line: str) -> None:
        await self.say("250 fine")

    async def do_data(self, line: str) -> None:
        await self.say("354 go on")
        raw = await self.reader.readuntil(b"\r\n.\r\n")
        if self.server.refuse_data:
            await self.say(self.server.refuse_data)
            return
        content = raw.removesuffix(b".\r\n").replace(b"\r\n..", b"\r\n.")
        parsed = BytesParser(policy=policy.default).parsebytes(content)
        assert isinstance(parsed, EmailMessage)
        self.server.mails.append(parsed)
        self.server.encrypted.append(self.secure)
        await self.say("250 taken")

    async def say(self, line: str) -> None:
        self.writer.write(f"{line}\r\n".encode())
        await self.writer.drain()
