"""What a file is, found from its bytes; what its sender calls it is believed nowhere.

Only the kinds of `_INLINE` may ever be shown inside a page, and each of them is recognised by
more than its first letters. All else is a download. Text that a browser could run (HTML, SVG,
XML, scripts) is `application/octet-stream`.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

import puremagic

HEAD = 4_096
"""Bytes from a file's beginning that `sniff` wants."""


class Kind(StrEnum):
    image = "image"
    audio = "audio"
    video = "video"
    pdf = "pdf"
    text = "text"
    archive = "archive"
    other = "other"


@dataclass(frozen=True)
class FileKind:
    """A file's type; `inline` says whether a page may show it in place."""

    mime: str
    kind: Kind
    inline: bool = False


UNKNOWN = FileKind("application/octet-stream", Kind.other)


def sniff(head: bytes, name: str = "") -> FileKind:
    """The type of a file from its first `HEAD` bytes.

    The name only chooses between downloads that share their bytes (a .docx is a zip) and never
    makes anything showable.
    """
    extension = name.rpartition(".")[2].lower() if "." in name else ""
    for test in _TESTS:
        if mime := test(head):
            return _found(mime)
    if head.startswith(_ZIP):
        return FileKind(_OFFICE[extension], Kind.other) if extension in _OFFICE else _found("application/zip")
    if _is_text(head):
        return UNKNOWN if _may_run(head, extension) else FileKind("text/plain", Kind.text)
    return _guess(head, extension)


def may_show(mime: str) -> bool:
    """Whether a file that was found to be of this type may be shown inside a page."""
    return mime in _INLINE


def _found(mime: str) -> FileKind:
    if mime == "application/pdf":
        return FileKind(mime, Kind.pdf)
    if mime in _ARCHIVES:
        return FileKind(mime, Kind.archive)
    family = mime.partition("/")[0]
    kind = Kind(family) if family in ("image", "audio", "video") else Kind.other
    return FileKind(mime, kind, mime in _INLINE)


def _png(head: bytes) -> str | None:
    # The signature alone is eight bytes anyone can put before HTML; the first chunk is fixed too.
    return "image/png" if head.startswith(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR") and any(head[16:24]) else None


def _jpeg(head: bytes) -> str | None:
    # After "start of image" comes a marker with a length: application data, tables or a frame.
    framed = head.startswith(b"\xff\xd8\xff") and len(head) > 5 and head[3] in _JPEG_MARKERS
    return "image/jpeg" if framed and int.from_bytes(head[4:6], "big") >= 2 else None


def _gif(head: bytes) -> str | None:
    if not head.startswith((b"GIF87a", b"GIF89a")) or len(head) < 14:
        return None
    width, height = int.from_bytes(head[6:8], "little"), int.from_bytes(head[8:10], "little")
    colours = 3 << ((head[10] & 7) + 1) if head[10] & 0x80 else 0
    block = head[13 + colours : 14 + colours]
    return "image/gif" if width and height and block in (b"!", b",") else None


def _riff(head: bytes) -> str | None:
    if not head.startswith(b"RIFF"):
        return None
    if head[8:12] == b"WEBP" and head[12:16] in (b"VP8 ", b"VP8L", b"VP8X"):
        return "image/webp"
    return {b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}.get(head[8:12])


def _ogg(head: bytes) -> str | None:
    if not head.startswith(b"OggS\0"):
        return None
    # The first page holds one packet: the codec's name at its start (RFC 3533, section 6).
    packet = head[27 + head[26] :] if len(head) > 27 else b""
    audio = packet.startswith((b"OpusHead", b"\x01vorbis", b"\x7fFLAC", b"Speex   "))
    return "audio/ogg" if audio else "video/ogg"


def _mp3(head: bytes) -> str | None:
    tagged = head.startswith(b"ID3") and len(head) >= 10 and head[3] in (2, 3, 4) and max(head[6:10]) < 0x80
    return "audio/mpeg" if tagged or _is_mp3_frame(head) else None


def _is_mp3_frame(head: bytes) -> bool:
    """An MPEG-1 or -2 layer III frame header, with a second one where the first says.

    Two bytes alone would also be the beginning of UTF-16 text.
    """
    first = _mp3_frame_size(head[:4])
    return first > 0 and _mp3_frame_size(head[first : first + 4]) > 0


def _mp3_frame_size(header: bytes) -> int:
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return 0
    version, rate, sampling = header[1] >> 3 & 3, header[2] >> 4, header[2] >> 2 & 3
    if version == 1 or rate in (0, 15) or sampling == 3:
        return 0
    rates, slots = (_MP3_RATES_1, 144) if version == 3 else (_MP3_RATES_2, 72)
    hertz = (44_100, 48_000, 32_000)[sampling] >> {3: 0, 2: 1, 0: 2}[version]
    return slots * rates[rate] * 1_000 // hertz + (header[2] >> 1 & 1)


def _matroska(head: bytes) -> str | None:
    if not head.startswith(b"\x1aE\xdf\xa3"):
        return None
    # Element 4282 is the document type (RFC 8794, 11.2.6); its size is one byte here.
    kind = re.search(rb"\x42\x82[\x81-\x8f]([a-z]+)", head[:128])
    if kind is None:
        return None
    return "video/webm" if kind[1] == b"webm" else "video/matroska"


def _mp4(head: bytes) -> str | None:
    # An ISO file begins with a box of size, "ftyp" and its brand (ISO/IEC 14496-12, 4.3).
    if head[4:8] != b"ftyp" or not 16 <= int.from_bytes(head[:4], "big") <= 512:
        return None
    return _BRANDS.get(head[8:12], "application/octet-stream")


def _plain_magic(head: bytes) -> str | None:
    if head[257:262] == b"ustar":
        return "application/x-tar"
    return next((mime for magic, mime in _MAGIC.items() if head.startswith(magic)), None)


def _is_text(head: bytes) -> bool:
    """Valid UTF-8 without NUL; the head may end inside a letter."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return bool(head) and b"\0" not in head


def _may_run(head: bytes, extension: str) -> bool:
    return extension in _ACTIVE or _MARKUP.search(head) is not None


def _guess(head: bytes, extension: str) -> FileKind:
    """A name for the long tail: pictures, sound and documents that are only ever downloaded.

    What the tests above turned down must not come back by its first letters.
    """
    if _MARKUP.search(head):
        return UNKNOWN
    for mime in _magic_mimes(head, extension):
        family = mime.partition("/")[0]
        if mime in _INLINE:
            return UNKNOWN
        if family in ("image", "audio", "video", "font") and "xml" not in mime:
            kind = Kind(family) if family != "font" else Kind.other
            return FileKind(mime, kind)
        if mime in _OFFICE.values():
            return FileKind(mime, Kind.other)
    return UNKNOWN


def _magic_mimes(head: bytes, extension: str) -> Iterator[str]:
    try:
        matches = puremagic.magic_string(head, f"file.{extension}" if extension.isalnum() else None)
    except (puremagic.PureError, ValueError):
        return
    # Two or three bytes are found in any noise.
    yield from (match.mime_type for match in matches if len(match.byte_match) >= 4)


_INLINE = {
    "image/png", "image/jpeg", "image/gif", "image/webp",
    "audio/mpeg", "audio/ogg", "audio/wav", "audio/mp4",
    "video/webm", "video/mp4",
}  # fmt: skip
_ARCHIVES = {
    "application/zip", "application/gzip", "application/x-7z-compressed", "application/vnd.rar",
    "application/x-xz", "application/x-bzip2", "application/zstd", "application/x-tar",
}  # fmt: skip
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_MAGIC = {
    b"%PDF-": "application/pdf",
    b"\x1f\x8b\x08": "application/gzip",
    b"7z\xbc\xaf\x27\x1c": "application/x-7z-compressed",
    b"Rar!\x1a\x07": "application/vnd.rar",
    b"\xfd7zXZ\0": "application/x-xz",
    b"\x28\xb5\x2f\xfd": "application/zstd",
    b"BZh91AY&SY": "application/x-bzip2",
}
_BRANDS = {
    **dict.fromkeys((b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1"), "video/mp4"),
    **dict.fromkeys((b"M4V ", b"dash", b"MSNV"), "video/mp4"),
    **dict.fromkeys((b"M4A ", b"M4B "), "audio/mp4"),
    **dict.fromkeys((b"heic", b"heix", b"mif1"), "image/heic"),
    **dict.fromkeys((b"avif", b"avis"), "image/avif"),
    b"qt  ": "video/quicktime",
}
_OFFICE = {
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "odt": "application/vnd.oasis.opendocument.text",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
    "odp": "application/vnd.oasis.opendocument.presentation",
    "epub": "application/epub+zip",
    "doc": "application/msword",
    "xls": "application/vnd.ms-excel",
    "ppt": "application/vnd.ms-powerpoint",
}
_ACTIVE = {
    "htm", "html", "shtml", "xht", "xhtml", "mht", "mhtml", "svg", "xml", "xsl", "xslt", "rdf", "rss",
    "atom", "js", "mjs", "cjs", "jsx", "ts", "css", "hta", "vbs", "wsf", "swf", "htc",
}  # fmt: skip
_MARKUP = re.compile(
    rb"<\s*(?:!doctype|!--|\?xml|html|head|body|script|svg|iframe|object|embed|style|title|meta|link|base|img"
    rb"|form|math|template|table|div|span|a|p|h[1-6]|br)(?![a-z0-9-])"
    rb"|^\s*#!",
    re.IGNORECASE,
)
_JPEG_MARKERS = {*range(0xE0, 0xF0), 0xC0, 0xC1, 0xC2, 0xC4, 0xDB, 0xDD, 0xFE}
_MP3_RATES_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_MP3_RATES_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_TESTS: tuple[Callable[[bytes], str | None], ...] = (
    _png, _jpeg, _gif, _riff, _ogg, _mp3, _matroska, _mp4, _plain_magic,
)  # fmt: skip
