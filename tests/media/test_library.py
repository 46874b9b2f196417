"""What we lean on inside aiortc and its friends. When one of these fails after an upgrade, read
`adapters/media/aiortc/link.py` again before anything else."""

from __future__ import annotations

import hashlib
import inspect
from importlib.metadata import version

import pylibsrtp
from aioice import stun
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsTransport

from adapters.media.aiortc.link import Link, _Handshake


def _source(thing: object) -> str:
    return hashlib.sha256(inspect.getsource(thing).encode()).hexdigest()[:12]  # type: ignore[arg-type]


def test_the_version_is_one_that_was_read() -> None:
    assert version("aiortc").split(".")[:2] == ["1", "16"]


def test_the_transport_asks_of_ice_only_what_we_offer() -> None:
    """Everything that it reads from `self.transport` must be in our stand-in."""
    import re

    source = inspect.getsource(RTCDtlsTransport)
    asked = set(re.findall(r"self\.transport\.(\w+)", source))
    assert asked == {"_recv", "_send", "role"}
    assert all(hasattr(_Handshake, name) for name in asked)


def test_the_handshake_is_as_it_was() -> None:
    assert _source(RTCDtlsTransport.start) == "3b3522667fe0"
    assert _source(RTCDtlsTransport._setup_srtp) == "75cc6ec308f1"
    assert _source(RTCDtlsTransport._recv_next) == "998076720c05"
    assert _source(RTCDtlsTransport.stop) == "44a8b3fc40aa"


def test_the_sessions_are_where_we_look_for_them() -> None:
    transport = RTCDtlsTransport(_Handshake(None), [RTCCertificate.generateCertificate()])  # type: ignore[arg-type]
    assert transport._tx_srtp is None
    assert transport._rx_srtp is None
    assert transport.state == "new"
    for name in ("protect", "unprotect", "protect_rtcp", "unprotect_rtcp"):
        assert callable(getattr(pylibsrtp.Session, name))
    assert "_dtls._tx_srtp" in inspect.getsource(Link)


def test_checks_prove_the_password() -> None:
    request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    request.attributes["USERNAME"] = "a:b"
    request.add_message_integrity(b"right")
    read = stun.parse_message(bytes(request))
    assert read.check_message_integrity(b"right")
    assert not read.check_message_integrity(b"wrong")
