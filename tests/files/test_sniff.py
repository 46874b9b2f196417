"""What a file is, from its bytes; whatever lies about itself is a download."""

from __future__ import annotations

import struct
import zipfile
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from core.files.sniff import HEAD, UNKNOWN, Kind, sniff

HTML = b"<!DOCTYPE html><html><script>alert(1)</script></html>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
MP3_FRAME = b"\xff\xfb\x90\x64" + bytes(413)  # MPEG-1 layer III, 128 kbit/s, 44.1 kHz: 417 bytes


def picture(format: str, mode: str = "RGB") -> bytes:
    out = BytesIO()
    Image.new(mode, (20, 10), 1).save(out, format)
    return out.getvalue()


def wav() -> bytes:
    return b"RIFF" + struct.pack("<I", 36) + b"WAVEfmt " + bytes(24)


def box(brand: bytes) -> bytes:
    return struct.pack(">I", 24) + b"ftyp" + brand + bytes(4) + b"isommp42" + bytes(40)


def ebml(doctype: bytes) -> bytes:
    inner = b"\x42\x86\x81\x01\x42\xf7\x81\x01\x42\x82" + bytes([0x80 | len(doctype)]) + doctype
    return b"\x1aE\xdf\xa3" + bytes([0x80 | len(inner)]) + inner + bytes(50)


def ogg(packet: bytes) -> bytes:
    return b"OggS\0\x02" + bytes(20) + bytes([1, len(packet)]) + packet


def zipped() -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.txt", "a")
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "mime", "kind"),
    [
        (picture("PNG"), "image/png", Kind.image),
        (picture("JPEG"), "image/jpeg", Kind.image),
        (picture("GIF"), "image/gif", Kind.image),
        (picture("GIF", "1"), "image/gif", Kind.image),
        (picture("WEBP"), "image/webp", Kind.image),
        (b"ID3\x04\0\0\0\0\x02\x01" + bytes(300), "audio/mpeg", Kind.audio),
        (MP3_FRAME * 3, "audio/mpeg", Kind.audio),
        (ogg(b"OpusHead" + bytes(11)), "audio/ogg", Kind.audio),
        (ogg(b"\x01vorbis" + bytes(23)), "audio/ogg", Kind.audio),
        (wav(), "audio/wav", Kind.audio),
        (box(b"M4A "), "audio/mp4", Kind.audio),
        (box(b"isom"), "video/mp4", Kind.video),
        (ebml(b"webm"), "video/webm", Kind.video),
    ],
)
def test_what_may_be_shown_inline(data: bytes, mime: str, kind: Kind) -> None:
    found = sniff(data[:HEAD], "wrong.html")
    assert (found.mime, found.kind, found.inline) == (mime, kind, True)


@pytest.mark.parametrize(
    ("data", "name", "mime", "kind"),
    [
        (b"%PDF-1.7\n", "a.pdf", "application/pdf", Kind.pdf),
        (zipped(), "a.zip", "application/zip", Kind.archive),
        (
            zipped(),
            "a.docx",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            Kind.other,
        ),
        (b"\x1f\x8b\x08" + bytes(20), "a.gz", "application/gzip", Kind.archive),
        (bytes(257) + b"ustar\x0000" + bytes(200), "a.tar", "application/x-tar", Kind.archive),
        (b"plain words, \xc3\xa4", "a.txt", "text/plain", Kind.text),
        (b"a < b and c > d, if x <3 then", "a.txt", "text/plain", Kind.text),
        (b'{"a": 1}', "a.json", "text/plain", Kind.text),
        (b"GIF89a is how such a file begins, they say", "a.txt", "text/plain", Kind.text),
        (b"ID3 tags are a mess", "a.txt", "text/plain", Kind.text),
        (box(b"qt  "), "a.mov", "video/quicktime", Kind.video),
        (box(b"heic"), "a.heic", "image/heic", Kind.image),
        (ebml(b"matroska"), "a.mkv", "video/matroska", Kind.video),
        (b"II*\0" + bytes(100), "a.tiff", "image/tiff", Kind.image),
        (b"fLaC" + bytes(100), "a.flac", "audio/flac", Kind.audio),
        (b"\x7fELF" + bytes(100), "a.png", UNKNOWN.mime, Kind.other),
        (b"MZ\x90\0" + bytes(100), "a.jpg", UNKNOWN.mime, Kind.other),
        (b"", "a.png", UNKNOWN.mime, Kind.other),
        ("words".encode("utf-16"), "a.mp3", UNKNOWN.mime, Kind.other),
    ],
)
def test_what_is_only_downloaded(data: bytes, name: str, mime: str, kind: Kind) -> None:
    found = sniff(data[:HEAD], name)
    assert (found.mime, found.kind, found.inline) == (mime, kind, False)


@pytest.mark.parametrize(
    "data",
    [
        HTML, b"\n\n  " + HTML, b"\xef\xbb\xbf" + HTML, b"words " * 300 + HTML, SVG,
        b'<?xml version="1.0"?>' + SVG, b"<!-- -->" + HTML, b"<IFRAME src=x>", b"<a href=javascript:x>",
        HTML.decode().encode("utf-16"), HTML.decode().encode("utf-32"),
        b"\x89PNG\r\n\x1a\n" + HTML, b"\x89PNG" + HTML, b"GIF89a" + HTML, b"\xff\xd8\xff" + HTML,
        b"RIFF\0\0\0\0" + HTML, b"OggS" + HTML, b"ID3" + HTML, b"\xff\xfb\x90\x64" + HTML, b"\x1aE\xdf\xa3" + HTML,
        b"#!/bin/sh\nrm -rf ~",
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["cat.png", "cat.txt", "", "cat.jpg.html"])
def test_what_a_browser_could_run_is_nothing_but_bytes(data: bytes, name: str) -> None:
    assert sniff(data[:HEAD], name) == UNKNOWN


@pytest.mark.parametrize("name", ["a.js", "a.HTML", "a.svg", "a.xml", "a.mjs", "a.xhtml"])
def test_text_with_the_name_of_a_program_is_nothing_but_bytes(name: str) -> None:
    assert sniff(b"alert(1)", name) == UNKNOWN


@given(st.integers(1, 3))
def test_a_letter_cut_at_the_end_of_the_head_is_text(cut: int) -> None:
    assert sniff("🙂".encode()[:cut].rjust(HEAD, b"a"), "").kind is Kind.text


@given(st.binary(max_size=600), st.text(max_size=30))
def test_no_bytes_and_no_name_are_too_strange(data: bytes, name: str) -> None:
    found = sniff(data, name)
    assert not any(word in found.mime for word in ("html", "svg", "xml;", "javascript", "text/xml"))
    assert found.inline is False or found.kind in (Kind.image, Kind.audio, Kind.video)


@given(st.text(max_size=300), st.text(max_size=30))
def test_no_text_is_ever_inline(text: str, name: str) -> None:
    assert not sniff(text.encode("utf-8", "ignore"), name).inline
