"""ICE lite (RFC 8445, 2.5): browsers check us, we only answer.

A server with an address of its own needs no more. Nothing is sent to an address before it has
shown the password, so a forged offer cannot make us flood anybody; candidates of the browser
need not be known at all.
"""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass, field

from aioice import stun

_ICE_CHARS = string.ascii_letters + string.digits
Address = tuple[str, int] | tuple[str, int, int, int]


@dataclass(frozen=True, slots=True)
class Credentials:
    """User name fragment and password of one side of a connection."""

    fragment: str
    password: str = field(repr=False)

    @classmethod
    def fresh(cls) -> Credentials:
        return cls(_word(8), _word(24))


@dataclass(frozen=True, slots=True)
class Check:
    """A connectivity check: `fragment` says whose it is, `nominated` that this way is to be used."""

    fragment: str
    nominated: bool
    message: stun.Message


def read_check(data: bytes) -> Check | None:
    """The check in a datagram, not yet believed; None for everything else."""
    try:
        message = stun.parse_message(data)
    except (ValueError, UnicodeDecodeError):
        return None
    user = message.attributes.get("USERNAME")
    if message.message_class != stun.Class.REQUEST or message.message_method != stun.Method.BINDING:
        return None
    if not isinstance(user, str):
        return None
    return Check(user.partition(":")[0], "USE-CANDIDATE" in message.attributes, message)


def answer_check(check: Check, local: Credentials, address: Address) -> bytes | None:
    """What to send back; None when the check does not know the password."""
    key = local.password.encode()
    if not check.message.check_message_integrity(key):
        return None
    answer = stun.Message(
        message_method=stun.Method.BINDING,
        message_class=stun.Class.RESPONSE,
        transaction_id=check.message.transaction_id,
    )
    answer.attributes["XOR-MAPPED-ADDRESS"] = (address[0], address[1])
    answer.add_message_integrity(key)
    return bytes(answer)


def candidate_line(host: str, port: int, index: int) -> str:
    """One of our addresses as a line of a session description; the first is preferred."""
    priority = (126 << 24) | ((65_535 - index) << 8) | 255
    return f"candidate:{index + 1} 1 udp {priority} {host} {port} typ host"


def _word(length: int) -> str:
    return "".join(secrets.choice(_ICE_CHARS) for _ in range(length))
