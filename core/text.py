"""What a person typed, made safe to keep: bounded, valid Unicode, without NUL."""

from __future__ import annotations

import re
import unicodedata

from core.errors import Invalid
from core.i18n import _

MOST_CHARACTERS = 50_000
SUBJECT_CHARACTERS = 200
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_BIDI_OVERRIDE = re.compile(r"[\u202a-\u202e\u2066-\u2069]")
_SPACES = re.compile(r"\s+")
_SHOWS_NOTHING = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Fillers and joiners that count as letters or signs, and are blank."""
_DEVIATIONS = frozenset("ßẞς\u200c\u200d")
"""Signs of which internationalised domains have been read in two ways."""
_BLOCK = re.compile(r"^(?:\s{0,3}(?:#{1,6}|>|[-*+])\s+)+")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_ASIDE = 0xE000
"""Escaped marks are words: put aside among the private-use characters, they are no Markdown."""
_PUT_ASIDE = re.compile("[\ue021-\ue07e]")
_INLINE = re.compile(r"(?<![\w*_~`])(\*{1,3}|_{1,3}|~~|`+)(?=\S)(.+?)(?<=\S)\1(?![\w*_~`])")


def clean(text: str) -> str:
    """A message as it is kept: line ends unified, control characters and lone surrogates
    replaced or dropped. May be empty afterwards."""
    unified = text.replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROL.sub("", _SURROGATE.sub("\ufffd", unified)).strip()


def message(text: str, *, may_be_empty: bool = False) -> str:
    """A cleaned message; raises `Invalid` in plain words when it is empty or too long."""
    # The length is looked at first, so that a megabyte costs nothing.
    if len(text) > MOST_CHARACTERS:
        raise Invalid(
            _(
                "This message is too long ({length} characters; {most} are possible). Please send it as a file."
            ).format(length=f"{len(text):,}", most=f"{MOST_CHARACTERS:,}"),
            field="text",
        )
    cleaned = clean(text)
    if not may_be_empty and not _shows(cleaned):
        raise Invalid(_("The message is empty. Please write something."), field="text")
    return cleaned


def folded_address(address: str) -> str:
    """An address, or a domain, as it is compared: without regard to large and small, and to nothing else.
    `casefold` would take `weiß@` for `weiss@`, which is another's mailbox; nor does a letter become an ASCII one."""
    return "".join(
        lower if (lower := char.lower()).isascii() == char.isascii() else char for char in address.strip()
    )


def ascii_domain(domain: str) -> str:
    """A domain as servers name it. Raises `UnicodeError` for what cannot be one.

    Python's own codec is of 2003, for which `straße` is `strasse`: since 2008 those are two owners' (RFC 5894)."""
    return ".".join(
        label.encode("idna").decode()
        if _DEVIATIONS.isdisjoint(label)
        else f"xn--{unicodedata.normalize('NFC', label.lower()).encode('punycode').decode()}"
        for label in domain.split(".")
    )


def line(text: str, *, field: str, most: int = SUBJECT_CHARACTERS, required: bool = True) -> str:
    """One line, such as a subject or a name: spaces folded, no direction overrides."""
    if len(text) > most * 8:
        text = text[: most * 8]
    folded = _SPACES.sub(" ", _BIDI_OVERRIDE.sub("", clean(text))).strip()
    if required and not _shows(folded):
        raise Invalid(_("This must not be empty."), field=field)
    if len(folded) > most:
        raise Invalid(_("This is too long: at most {most} characters.").format(most=most), field=field)
    return folded


def _shows(text: str) -> bool:
    """Whether a person sees anything of it: not only spaces, zero-width and formatting marks."""
    return any(
        not (char.isspace() or char in _SHOWS_NOTHING or "\ufe00" <= char <= "\ufe0f")
        and unicodedata.category(char) != "Cf"
        for char in text
    )


def subject_of(text: str, most: int = 80) -> str:
    """A subject made from the first line of a message, cut at a word."""
    first = next((part for part in clean(text).split("\n") if part.strip()), "")
    plain = _SPACES.sub(" ", _without_markdown(_BIDI_OVERRIDE.sub("", first[: most * 8]))).strip()
    if len(plain) <= most:
        return plain
    cut = plain[:most].rsplit(" ", 1)[0]
    return (cut if len(cut) > most // 2 else plain[:most]) + "…"


def _without_markdown(line: str) -> str:
    """Marks that are Markdown go; `a > b`, `#42` and `max_size` are words and stay."""
    kept = _ESCAPED.sub(lambda found: chr(_ASIDE + ord(found.group(1))), line)
    plain = _INLINE.sub(r"\2", _INLINE.sub(r"\2", _BLOCK.sub("", kept)))
    return _PUT_ASIDE.sub(lambda found: chr(ord(found.group()) - _ASIDE), plain)
