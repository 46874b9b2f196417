"""The engine's certificate, and the ciphers under which it is shown."""

from __future__ import annotations

from aiortc.rtcdtlstransport import RTCCertificate, SRTPProtectionProfile
from OpenSSL import SSL

CIPHERS = b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305"
"""DTLS 1.2 with forward secrecy and authenticated encryption alone: browsers have the first of them (RFC 8827, 6.5).
The library offers CBC with SHA-1 besides."""


class Certificate(RTCCertificate):
    """Made at the engine's start, and never stored."""

    def _create_ssl_context(self, srtp_profiles: list[SRTPProtectionProfile]) -> SSL.Context:
        made = super()._create_ssl_context(srtp_profiles)
        made.set_cipher_list(CIPHERS)
        return made
