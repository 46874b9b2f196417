"""Gettext: every text a person reads, in that person's language.

The catalogues lie in `core/locale/<language>/LC_MESSAGES/deskbell.po` and are compiled to
memory when first used, so that no built file has to be committed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

LANGUAGES = ("en", "de")
_language: ContextVar[str] = ContextVar("language", default="en")
_folder = Path(__file__).parent / "locale"


def _(text: str) -> str:
    """The text in the current language; the English text itself is the key."""
    return _catalogue(_language.get()).gettext(text)


def N_(text: str) -> str:
    """Mark a text that is data for the catalogues; it is translated where it is shown, by `_`."""
    return text


def ngettext(one: str, many: str, count: int) -> str:
    """The singular or plural form that fits the count in the current language."""
    return _catalogue(_language.get()).ngettext(one, many, count)


def decimal(number: float) -> str:
    """A number with at most one decimal, as the current language writes it: `1,234.5` or `1.234,5`."""
    from babel.numbers import format_decimal

    return str(format_decimal(number, "#,##0.#", locale=_language.get()))


def language() -> str:
    """The current language code, such as `de`."""
    return _language.get()


@contextmanager
def speaking(code: str | None) -> Iterator[None]:
    """Run a block in a person's language; an unknown language falls back to English."""
    token = _language.set(supported(code))
    try:
        yield
    finally:
        _language.reset(token)


def set_language(code: str | None) -> None:
    """Set the language for the rest of this context (a request)."""
    _language.set(supported(code))


def supported(code: str | None) -> str:
    """The nearest language we have for a code such as `de-AT`."""
    short = (code or "en").replace("_", "-").split("-")[0].lower()
    return short if short in LANGUAGES else "en"


@cache
def _catalogue(code: str) -> NullTranslations:
    path = _folder / code / "LC_MESSAGES" / "deskbell.po"
    if not path.exists():
        return NullTranslations()
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    compiled = BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, locale=code))
    compiled.seek(0)
    return GNUTranslations(compiled)
