"""A browser's offer, read with suspicion, and our answer to it.

One sound and one picture format for all (Opus, VP8), so that nothing is ever transcoded. All
sections travel over one connection (BUNDLE). The sources that a section sends are named by the
offer; what we send gets a source number of ours, which stays through later offers.
"""

from __future__ import annotations

import re
import secrets
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from aiortc import sdp
from aiortc.rtcdtlstransport import RTCDtlsFingerprint, RTCDtlsParameters

from adapters.media.aiortc.ice import Credentials
from core.errors import Invalid, TooLarge
from core.i18n import _
from core.ports.media import Source

LARGEST = 128 * 1024
MOST_SECTIONS = 24
LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
ROTATION = "urn:3gpp:video-orientation"

_FORMATS = {"audio": ("audio/opus", 48_000), "video": ("video/vp8", 90_000)}
_EXTENSIONS = {"audio": (LEVEL,), "video": (SEND_TIME, ROTATION)}
_FEEDBACK = ("nack", "nack pli", "ccm fir", "goog-remb")
_START_KILOBITS = 800
_MID = re.compile(r"[A-Za-z0-9_\-.]{1,16}")
_PARSE_FAULTS = (
    ValueError, AssertionError, KeyError, IndexError, StopIteration, AttributeError, TypeError, struct.error,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Section:
    """One section of an offer: `payload` is the number of our format, 0 when it is not offered."""

    kind: str
    mid: str
    payload: int = 0
    sends: bool = False
    receives: bool = False
    ssrc: int = 0
    extensions: Mapping[str, int] = ()  # type: ignore[assignment]
    feedback: tuple[str, ...] = ()

    @property
    def accepted(self) -> bool:
        return self.payload > 0


@dataclass(frozen=True, slots=True)
class Offer:
    fragment: str
    fingerprints: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]

    @property
    def dtls(self) -> RTCDtlsParameters:
        marks = [RTCDtlsFingerprint(algorithm=a, value=v) for a, v in self.fingerprints]
        return RTCDtlsParameters(fingerprints=marks, role="client")

    def continues(self, other: Offer) -> bool:
        """Whether both are of one connection."""
        return self.fragment == other.fragment and self.fingerprints == other.fingerprints


def read_offer(text: str) -> Offer:
    """Raises `Invalid` in words for everything that is not an offer we can take."""
    if len(text) > LARGEST:
        raise TooLarge(_("This connection offer is too large."), field="offer")
    try:
        described = sdp.SessionDescription.parse(_without_candidates(text))
        offer = _offer(described)
    except _PARSE_FAULTS:
        raise Invalid(_("This is not a connection offer of a browser."), field="offer") from None
    _check(offer)
    return offer


def sending(offer: Offer, sources: Mapping[str, Source] | None) -> dict[str, Source]:
    """Which section sends what: as told, or by order."""
    found: dict[str, Source] = {}
    for section in offer.sections:
        if not (section.accepted and section.sends):
            continue
        free = [s for s in _of_kind(section.kind) if s not in found.values()]
        told = sources.get(section.mid) if sources is not None else next(iter(free), None)
        if told in free:
            found[section.mid] = told
    return found


@dataclass(frozen=True, slots=True)
class Sending:
    """What we send in a section: our source number and the group of sections of one person."""

    ssrc: int
    stream: str


def fresh_ssrc() -> int:
    return secrets.randbelow(0xFFFF_FFFE) + 1


def write_answer(
    offer: Offer,
    *,
    local: Credentials,
    fingerprints: list[RTCDtlsFingerprint],
    candidates: list[str],
    sending: Mapping[str, Sending],
    taking: frozenset[str],
) -> str:
    """Our answer: what we send by section, and the sections that we take media of."""
    accepted = [section.mid for section in offer.sections if section.accepted]
    lines = ["v=0", f"o=- {secrets.randbits(62)} 2 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=ice-lite",
             f"a=group:BUNDLE {' '.join(accepted)}", "a=msid-semantic: WMS *"]  # fmt: skip
    transport = [f"a=ice-ufrag:{local.fragment}", f"a=ice-pwd:{local.password}",
                 *(f"a=fingerprint:{m.algorithm} {m.value}" for m in fingerprints[:1]), "a=setup:passive",
                 *(f"a={line}" for line in candidates), "a=end-of-candidates"]  # fmt: skip
    for section in offer.sections:
        lines += _answered(section, sending.get(section.mid), section.mid in taking, transport)
    return "\r\n".join(lines) + "\r\n"


def _answered(section: Section, sent: Sending | None, taken: bool, transport: list[str]) -> list[str]:
    if not section.accepted:
        protocol = (
            "UDP/DTLS/SCTP webrtc-datachannel" if section.kind == "application" else "UDP/TLS/RTP/SAVPF 0"
        )
        return [f"m={section.kind} 0 {protocol}", "c=IN IP4 0.0.0.0", f"a=mid:{section.mid}", "a=inactive"]
    payload = section.payload
    lines = [f"m={section.kind} 9 UDP/TLS/RTP/SAVPF {payload}", "c=IN IP4 0.0.0.0", f"a=mid:{section.mid}",
             f"a={_direction(sent is not None, taken)}", "a=rtcp-mux", "a=rtcp-rsize", *transport]  # fmt: skip
    lines += [f"a=extmap:{number} {uri}" for uri, number in section.extensions.items()]
    if section.kind == "audio":
        lines += [f"a=rtpmap:{payload} opus/48000/2", f"a=fmtp:{payload} minptime=10;useinbandfec=1"]
    else:
        lines += [
            f"a=rtpmap:{payload} VP8/90000",
            f"a=fmtp:{payload} x-google-start-bitrate={_START_KILOBITS}",
        ]
        lines += [f"a=rtcp-fb:{payload} {feedback}" for feedback in section.feedback]
    if sent is not None:
        track = f"{sent.stream} {sent.stream}-{section.mid}"
        lines += [f"a=msid:{track}", f"a=ssrc:{sent.ssrc} cname:desk", f"a=ssrc:{sent.ssrc} msid:{track}"]
    return lines


def _direction(sends: bool, takes: bool) -> str:
    return {(True, True): "sendrecv", (True, False): "sendonly", (False, True): "recvonly"}.get(
        (sends, takes), "inactive"
    )


def _of_kind(kind: str) -> tuple[Source, ...]:
    return (Source.mic,) if kind == "audio" else (Source.camera, Source.screen)


def _without_candidates(text: str) -> str:
    # We never send a check, so we need no address; a thousand of them cost nothing this way.
    return "\r\n".join(line for line in text.splitlines() if not line.startswith("a=candidate:"))


def _offer(described: sdp.SessionDescription) -> Offer:
    media = described.media
    marks = sorted({(f.algorithm.lower(), f.value) for m in media if m.dtls for f in m.dtls.fingerprints})
    return Offer(
        fragment=str((media[0].ice and media[0].ice.usernameFragment) or ""),
        fingerprints=tuple(marks),
        sections=tuple(_section(m) for m in media),
    )


def _section(media: sdp.MediaDescription) -> Section:
    mid = str(media.rtp.muxId or "")
    if not _MID.fullmatch(mid):
        raise ValueError("no name")
    if media.kind not in _FORMATS or media.port == 0:
        return Section(media.kind if media.kind in ("audio", "video") else "application", mid)
    format_name, rate = _FORMATS[media.kind]
    codec = next(
        (c for c in media.rtp.codecs if c.mimeType.lower() == format_name and c.clockRate == rate), None
    )
    if codec is None or not media.rtcp_mux:
        return Section(media.kind, mid)
    offered = {f"{f.type} {f.parameter}" if f.parameter else f.type for f in codec.rtcpFeedback}
    known = {e.uri: e.id for e in media.rtp.headerExtensions if 0 < e.id < 256}
    direction = media.direction or "sendrecv"
    return Section(
        kind=media.kind,
        mid=mid,
        payload=codec.payloadType or 0,
        sends=direction in ("sendrecv", "sendonly"),
        receives=direction in ("sendrecv", "recvonly"),
        ssrc=media.ssrc[0].ssrc if media.ssrc else 0,
        extensions={uri: known[uri] for uri in _EXTENSIONS[media.kind] if uri in known},
        feedback=tuple(f for f in _FEEDBACK if f in offered),
    )


def _check(offer: Offer) -> None:
    sections = offer.sections
    if len(sections) > MOST_SECTIONS:
        raise TooLarge(_("This connection offer has too many parts."), field="offer")
    if len({section.mid for section in sections}) != len(sections):
        raise Invalid(_("This is not a connection offer of a browser."), field="offer")
    if not offer.fragment or not any(algorithm == "sha-256" for algorithm, _value in offer.fingerprints):
        raise Invalid(_("This connection offer is not encrypted in a way that calls use."), field="offer")
    if not any(section.accepted for section in sections):
        raise Invalid(
            _("This browser offers neither the sound (Opus) nor the picture (VP8) that calls use."),
            field="offer",
        )
