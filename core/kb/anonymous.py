"""Words without the people in them: names, addresses and numbers give way to what they are.

What is known of a ticket's people is found wherever it stands; what looks like an address, a
number or a greeting by name is found by its shape. A person reads the result before it is kept:
nobody can find by rules alone who else is spoken of.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from core.i18n import N_, _

LABELS: Mapping[str, str] = {
    "name": N_("name"),
    "company": N_("company"),
    "mail": N_("mail address"),
    "link": N_("link"),
    "address": N_("address"),
    "phone": N_("phone number"),
    "account": N_("account number"),
    "number": N_("number"),
    "date": N_("date"),
}
SHORTEST = 3
MOST = 200
"""Different things that are listed as replaced."""

_WORD = r"[^\W\d_][\w'’-]*"
_NAME = r"(?:[A-ZÀ-ÖØ-ÞÄÖÜ][\w'’-]+)"
_PLACED = "\x00{}\x00"


@dataclass(slots=True)
class Cleaned:
    """A text without people, and what was replaced in it: what stood there, and what it was."""

    text: str
    replaced: dict[str, str] = field(default_factory=dict)


def clean(text: str, known: Mapping[str, Iterable[str]]) -> Cleaned:
    """Replace what is `known` (by kind: `name`, `company`, `number`, `phone`, `mail`) and what has
    the shape of something personal."""
    replaced: dict[str, str] = {}

    def put(kind: str, group: int = 0) -> Callable[[re.Match[str]], str]:
        def one(found: re.Match[str]) -> str:
            what = found[group]
            if len(replaced) < MOST:
                replaced.setdefault(what.strip(), kind)
            return found[0].replace(what, _PLACED.format(kind))

        return one

    for kind, pattern in _SHAPES_FIRST:
        text = pattern.sub(put(kind), text)
    for kind, values in known.items():
        for value in _longest_first(values):
            text = _whole(value).sub(put(kind), text)
    text = _CLOSING.sub(put("name", 2), text)
    text = _GREETING.sub(put("name", 2), text)
    text = _TITLED.sub(put("name", 2), text)
    for kind, pattern in _SHAPES_LAST:
        text = pattern.sub(put(kind), text)
    text = re.sub("\x00([a-z]+)\x00(?:[ ,]*\x00\\1\x00)*", lambda found: f"[{_(LABELS[found[1]])}]", text)
    return Cleaned(text, replaced)


def names_in(name: str) -> list[str]:
    """A whole name, and each of its parts that is long enough to be one."""
    parts = [part for part in re.split(r"[\s,]+", name) if len(part) >= SHORTEST and part[:1].isalpha()]
    return [name.strip(), *parts] if name.strip() else []


def _longest_first(values: Iterable[str]) -> list[str]:
    found = {value.strip() for value in values if len(value.strip()) >= SHORTEST}
    return sorted(found, key=lambda value: (-len(value), value))


def _whole(value: str) -> re.Pattern[str]:
    """The value as a word of its own, also with an `s` of possession."""
    return re.compile(rf"(?<![\w@]){re.escape(value)}(?=['’]?s?(?!\w))", re.IGNORECASE)


_SHAPES_FIRST: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("mail", re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}")),
    ("link", re.compile(r"(?:https?://|www\.)[^\s<>()\[\]]{3,500}")),
    ("account", re.compile(r"\b[A-Z]{2}\d{2}(?:[ ]?[A-Z0-9]{4}){3,7}(?:[ ]?[A-Z0-9]{1,3})?\b")),
    # A card: sixteen digits in fours, or fifteen as 4, 6 and 5.
    ("account", re.compile(r"\b(?:\d{4}[ -]?){3}\d{4}\b|\b3\d{3}[ -]?\d{6}[ -]?\d{5}\b")),
    ("date", re.compile(r"\b(?:\d{1,2}[./-]\d{1,2}[./-](?:19|20)\d{2}|(?:19|20)\d{2}-\d{2}-\d{2})\b")),
    # A way into a network: eight groups, or fewer with a gap; also that of a device.
    (
        "number",
        re.compile(
            r"(?<![\w:])(?:(?:[0-9A-Fa-f]{1,4}:){3,7}[0-9A-Fa-f]{1,4}"
            r"|(?=[0-9A-Fa-f:]*\d)[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){0,6}::[0-9A-Fa-f:]{0,39})(?![\w:])"
        ),
    ),
)
_SHAPES_LAST: tuple[tuple[str, re.Pattern[str]], ...] = (
    # A street with its number, in the German and in the English order; a code with a town.
    (
        "address",
        re.compile(
            r"\b(?:[A-ZÄÖÜ][\w.-]+ )?[A-ZÄÖÜ]?[\w.-]*(?:[Ss]traße|strasse|str\.|weg|gasse|platz|allee|ufer|damm|ring)\s+\d{1,4}\s?[a-z]?\b"
            r"|\b\d{1,5}[a-z]?\s+(?:[A-Z][\w'’-]+\s+){1,3}(?:Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Way|Close|Court|Square|Terrace)\b\.?"
            r"|\b(?:[A-Z]{1,2}[- ])?\d{5}\s+[A-ZÄÖÜ][\wäöüß-]{2,}(?:\s+(?:am|an|im|ob|in)\s+\w+)?"
            r"|\b[A-Z]{1,2}\d[A-Z\d]?\s?\d[A-Z]{2}\b"
        ),
    ),
    ("number", re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}\b")),
    # Letters and digits mixed, as serials and orders are: at least four digits of six characters.
    ("number", re.compile(r"#?\b(?=[\w-]{5,40}\b)(?=(?:[\w-]*?\d){4})(?=[\w-]*[A-Za-z])[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*\b")),
    ("phone", re.compile(r"(?<![\w.])(?:\+|00)\d[\d ()/.-]{6,20}\d\b|\b0\d{2,5}(?: ?[/-] ?| )\d[\d -]{3,14}\d\b"
        r"|(?<!\w)\(\d{2,5}\) ?\d[\d -]{3,14}\d\b|\b\d{3}[-. ]\d{3}[-. ]\d{4}\b")),
    ("number", re.compile(r"#?\b\d{5,20}(?:-\d{1,10})*\b")),
    ("name", re.compile(r"(?<![\w@/])@[A-Za-z0-9_]{3,32}\b(?![/.]\w)")),
)  # fmt: skip
_GREETING = re.compile(
    rf"(\b(?:Hi|Hello|Hey|Dear|Hallo|Moin|Servus|Liebe|Lieber|Guten Tag|Guten Morgen|Thanks|Thank you|Danke|Cheers)"
    rf"(?:\s+(?:Mr|Mrs|Ms|Dr|Herr|Frau)\.?)?,?\s+)({_NAME}(?:\s+{_NAME}){{0,2}})(?=\s*[,!.:–\n-]|\s*$)"
)
_TITLED = re.compile(rf"(\b(?:Mr|Mrs|Ms|Dr|Herrn|Herr|Frau)\.?\s+)({_NAME}(?:[ -]{_NAME})?)")
_CLOSING = re.compile(
    rf"((?:^|\n)[^\S\n]*+(?:(?:(?:Best|Kind|Warm)[^\S\n]+)?[Rr]egards|Best|Cheers|Thanks|Many thanks|Sincerely|Yours|"
    rf"(?:Viele|Liebe|Beste|Schöne|Herzliche|Mit freundlichen)\s+Gr(?:ü|ue)(?:ß|ss)en?|LG|VG|MfG|Gruß|Danke)"
    rf"[^\S\n]*+[,!.]?[^\S\n]*+\n\s*+)(?!.*(?:Gr(?:ü|ue)(?:ß|ss)|[Rr]egards|Best))({_WORD}(?:[ .]+{_WORD}){{0,3}})(?=[^\S\n]*(?:\n|$))"
)
