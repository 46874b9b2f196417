"""What a mail says, and its two forms: text and HTML from the same values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from babel.dates import format_date, format_time

from core import i18n
from core.markdown import to_html, to_text
from core.people.service import Known
from webui.rendering import environment


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """Something that was said, as it stands in a mail; `markdown` is what was written."""

    author: str
    at: str
    markdown: str
    files: int = 0

    @property
    def html(self) -> str:
        return to_html(self.markdown)

    @property
    def text(self) -> str:
        return to_text(self.markdown)


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """The content of a mail. `buttons` are (label, address), the first one the main one."""

    subject: str
    greeting: str = ""
    heading: str = ""
    paragraphs: tuple[str, ...] = ()
    quotes: tuple[Quote, ...] = ()
    buttons: tuple[tuple[str, str], ...] = ()
    after: tuple[str, ...] = ()
    why: str = ""
    """Why the reader gets this, in the foot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """What every mail of the desk looks like."""

    desk: str
    accent: str
    unsubscribe: str = ""

    @property
    def on_accent(self) -> str:
        """Black or white, whichever stands out more (relative luminance, WCAG 2.2)."""
        red, green, blue = (_linear(int(self.accent[i : i + 2], 16) / 255) for i in (1, 3, 5))
        return "#000000" if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 else "#ffffff"


def as_text(letter: Letter, sheet: Sheet) -> str:
    return _render("mail/letter.txt", letter, sheet)


def as_html(letter: Letter, sheet: Sheet) -> str:
    return _render("mail/letter.html", letter, sheet)


def moment(at: datetime, reader: Known) -> str:
    """A point in time as the reader reads it, in their zone."""
    there = at.astimezone(reader.zone)
    day = format_date(there, "medium", locale=i18n.language())
    return f"{day}, {format_time(there, 'short', tzinfo=reader.zone, locale=i18n.language())}"


def _render(template: str, letter: Letter, sheet: Sheet) -> str:
    whole = environment().get_template(template).render(letter=letter, sheet=sheet, language=i18n.language())
    return whole.strip() + "\n"


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)
