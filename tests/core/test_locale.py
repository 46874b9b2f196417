"""The catalogues: whole, current, and with the same placeholders as the program's own words."""

from __future__ import annotations

import re
from functools import cache
from io import BytesIO

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

from bot.commands import COMMANDS
from core import i18n
from core.desk_settings import DeskSettings
from core.files.size import in_words
from tools import messages

PLACEHOLDERS = re.compile(r"\{[^{}]*\}|%\(\w+\)[a-z]|%[a-z](?![a-zäöüß])")
LANGUAGES = pytest.mark.parametrize("language", messages.LANGUAGES)


@cache
def extracted() -> Catalog:
    return messages.extracted()


@cache
def catalogue(language: str) -> Catalog:
    return read_po(BytesIO(path(language).read_bytes()), locale=language)


def path(language: str) -> messages.Path:
    return messages.LOCALE / language / "LC_MESSAGES/deskbell.po"


def forms(text: object) -> list[str]:
    """Singular and plural, or the one text; absent translations are empty."""
    return [form or "" for form in text] if isinstance(text, list | tuple) else [str(text or "")]


def entries(language: str) -> list[Message]:
    return [entry for entry in catalogue(language) if entry.id]


@LANGUAGES
def test_the_catalogue_is_current(language: str) -> None:
    made = messages.written(messages.merged(extracted(), language, path(language)))
    # Shown as a difference, two catalogues would keep pytest busy for minutes.
    is_current = made == path(language).read_bytes()
    assert is_current, "texts have changed: run `make messages`"


@LANGUAGES
def test_every_text_is_translated(language: str) -> None:
    known = catalogue(language)
    missing = []
    for wanted in extracted():
        if wanted.id:
            found = known.get(wanted.id, wanted.context)
            if found is None or not all(forms(found.string)):
                missing.append(wanted.id)
    assert not missing, f"without a translation: {missing}; run `make messages` and fill them in"


@LANGUAGES
def test_placeholders_are_the_same(language: str) -> None:
    wrong = {
        ours: theirs
        for entry in entries(language)
        for ours, theirs in zip(forms(entry.id), forms(entry.string), strict=True)
        if sorted(PLACEHOLDERS.findall(ours)) != sorted(PLACEHOLDERS.findall(theirs))
    }
    assert not wrong


@LANGUAGES
def test_spaces_at_the_ends_are_the_same(language: str) -> None:
    """“ and ” joins words: without its spaces they would run together."""
    wrong = {
        ours: theirs
        for entry in entries(language)
        for ours, theirs in zip(forms(entry.id), forms(entry.string), strict=True)
        if _ends(ours) != _ends(theirs)
    }
    assert not wrong


@LANGUAGES
def test_nothing_is_unsure_or_left_over(language: str) -> None:
    known = catalogue(language)
    assert not known.fuzzy
    assert not [entry.id for entry in known if entry.fuzzy and entry.id]
    assert not known.obsolete


@LANGUAGES
def test_every_plural_has_the_forms_of_its_language(language: str) -> None:
    known = catalogue(language)
    for entry in entries(language):
        if entry.pluralizable:
            assert len(forms(entry.string)) == known.num_plurals, entry.id


def test_german_counts_like_english() -> None:
    with i18n.speaking("de-AT"):
        said = [
            i18n.ngettext("{count} hour ago", "{count} hours ago", count).format(count=count)
            for count in (0, 1, 2)
        ]
    assert said == ["vor 0 Stunden", "vor 1 Stunde", "vor 2 Stunden"]


@pytest.mark.parametrize(
    ("size", "english", "german"),
    [
        (0, "1 kB", "1 kB"),
        (1_500, "1 kB", "1 kB"),
        (25 * 1024**2, "25 MB", "25 MB"),
        (1_468_007, "1.4 MB", "1,4 MB"),
        (75 * 1024**3 + 512 * 1024**2, "75.5 GB", "75,5 GB"),
    ],
)
def test_sizes_are_written_as_the_language_does(size: int, english: str, german: str) -> None:
    with i18n.speaking("en"):
        assert in_words(size) == english
    with i18n.speaking("de"):
        assert in_words(size) == german


def test_numbers_are_written_as_the_language_does() -> None:
    with i18n.speaking("de"):
        assert i18n.decimal(1234.56) == "1.234,6"
    with i18n.speaking("en"):
        assert i18n.decimal(1234.56) == "1,234.6"


@LANGUAGES
def test_the_program_speaks_from_the_catalogue(language: str) -> None:
    """What was compiled in memory answers for each entry, as a page would ask it."""
    with i18n.speaking(language):
        for entry in entries(language):
            if entry.pluralizable:
                one, many = forms(entry.id)
                assert [i18n.ngettext(one, many, 1), i18n.ngettext(one, many, 2)] == forms(entry.string)
            else:
                assert i18n._(str(entry.id)) == entry.string


def test_english_is_said_as_it_is_written() -> None:
    with i18n.speaking("en"):
        assert i18n._("Open") == "Open"


def test_texts_are_found_wherever_they_stand() -> None:
    """In macros and templates, in tables marked by N_, in what scripts get, in commands and settings."""
    found = {entry.id: {name for name, _line in entry.locations} for entry in extracted() if entry.id}
    assert "webui/templates/parts/badge.html" in found["In progress"]
    assert "webui/templates/mail/letter.html" in {name for names in found.values() for name in names}
    assert "webui/desk_context.py" in found["My teams"]
    assert "adapters/webchat/texts.py" in found["Try again"]
    assert "webui/templates/parts/page.html" in found["Draft saved"]
    assert {known.title for known in COMMANDS.values()} <= found.keys()
    assert {one.description for one in DeskSettings.model_fields.values() if one.description} <= found.keys()


def _ends(text: str) -> tuple[str, str]:
    return text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
