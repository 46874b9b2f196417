"""A mail as a MIME message. Pure; whatever stands in a mail, no header can be smuggled in."""

from __future__ import annotations

import re
from datetime import datetime
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy
from email.utils import format_datetime
from typing import Any

from core import text
from core.chat import Gone
from core.ports.mail import Mail

_BREAKS = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029]+")
_LONGEST_SUBJECT = 400


def to_message(mail: Mail, sender: Address, now: datetime) -> EmailMessage:
    """The message, with its threading and one-click unsubscribing. Raises `Gone` for an address
    that cannot be written as one."""
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = to_address(mail.to, mail.to_name)
    message["Subject"] = _line(mail.subject)[:_LONGEST_SUBJECT]
    message["Date"] = format_datetime(now)
    message["Message-ID"] = _line(mail.message_id)
    if mail.in_reply_to:
        message["In-Reply-To"] = _line(mail.in_reply_to)
    if mail.references:
        message["References"] = " ".join(map(_line, mail.references))
    if mail.unsubscribe:
        message["List-Unsubscribe"] = f"<{_line(mail.unsubscribe)}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    # So that out-of-office programs stay silent (RFC 3834, 5; the second is Exchange's).
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    for name, mime, content in mail.attachments:
        main, _slash, sub = mime.partition("/")
        message.add_attachment(content, maintype=main, subtype=sub or "octet-stream", filename=_line(name))
    return message


def to_bytes(message: EmailMessage) -> bytes:
    """The message as it goes over the wire: ASCII, whatever the server may know."""
    return message.as_bytes(policy=_WIRE)


def to_address(address: str, name: str = "") -> Address:
    """An address header's value; a domain beyond ASCII in its IDNA form (RFC 5891)."""
    local, at, domain = address.rpartition("@")
    try:
        ascii_domain = text.ascii_domain(domain)
        if not at or not local or not ascii_domain:
            raise Gone("not an address")
        local.encode("ascii")
        return Address(_line(name), local, ascii_domain)
    except (UnicodeError, ValueError, IndexError):
        raise Gone("not an address") from None


def _line(text: str) -> str:
    """One line: without the breaks by which a further header could begin."""
    return _BREAKS.sub(" ", text).strip()


class _WholeWords(EmailPolicy):
    """Python's own folding splits headers inside of words, where readers of mails then show a
    space; and it writes long addresses as encoded words (RFC 2047), which no program takes for
    an address: neither to thread by, nor to unsubscribe at."""

    def fold(self, name: str, value: Any) -> str:
        return _folded(name, value) or super().fold(name, value)

    def fold_binary(self, name: str, value: Any) -> bytes:
        return _folded(name, value).encode("ascii") or super().fold_binary(name, value)


_WIRE = _WholeWords(linesep="\r\n", cte_type="7bit")


def _folded(name: str, value: Any) -> str:
    """A header that Python would fold badly; nothing for all others."""
    match name:
        case "Subject":
            return _in_words(name, str(value))
        case "From" | "To":
            (address,) = value.addresses
            return _in_words(name, address.display_name, f"\r\n <{address.addr_spec}>")
        case "Message-ID" | "In-Reply-To" | "References" | "List-Unsubscribe":
            return f"{name}: " + "\r\n ".join(str(value).split()) + "\r\n"
        case _:
            return ""


def _in_words(name: str, words: str, rest: str = "") -> str:
    if words.isascii():
        return ""
    encoded = Header(words, "utf-8", header_name=name).encode(linesep="\r\n")
    return f"{name}: {encoded}{rest}\r\n"
