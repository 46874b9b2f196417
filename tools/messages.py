"""Collect the texts that people read into `core/locale/<language>/LC_MESSAGES/deskbell.po`.

Translations come from the catalogue itself and from `core/locale/<language>/parts/*.po`, where
whoever builds a part of the program leaves the translations of its texts; they are taken over
into the catalogue, and the part's file may then be removed. `--check` writes nothing and fails
when a text has no translation or the catalogue is not current.
"""

from __future__ import annotations

import sys
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from core.desk_settings import DeskSettings  # noqa: E402

LOCALE = ROOT / "core/locale"
LANGUAGES = ("de",)
FOLDERS = ("core", "adapters", "bot", "webui")
TEMPLATES = ("**/templates/**.html", "**/templates/**.txt", "templates/**.html", "templates/**.txt")
METHODS = [("**.py", "python"), *((pattern, "jinja2.ext:babel_extract") for pattern in TEMPLATES)]
JINJA = {"extensions": "jinja2.ext.do", "silent": "false"}
KEYWORDS = {"_": None, "N_": None, "gettext": None, "ngettext": (1, 2), "command": (2,)}
"""`@command("claim", "Take a ticket")` of the bot: the second is what people read."""
SETTINGS = "core/desk_settings.py"


def main() -> int:
    check = "--check" in sys.argv[1:]
    template = extracted()
    wrong = 0
    for language in LANGUAGES:
        path = LOCALE / language / "LC_MESSAGES/deskbell.po"
        catalogue = merged(template, language, path)
        missing = sum(1 for message in catalogue if message.id and not _translated(message.string))
        text = written(catalogue)
        current = path.exists() and path.read_bytes() == text
        sys.stdout.write(f"{language}: {len(catalogue)} texts, {missing} without a translation\n")
        wrong += bool(missing or not current)
        if not check and not current:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text)
    return int(check and wrong > 0)


def extracted() -> Catalog:
    """All texts of the program, with the files they stand in."""
    template = Catalog(project="Deskbell", charset="utf-8")
    for folder in FOLDERS:
        found = extract_from_dir(
            ROOT / folder,
            method_map=METHODS,
            options_map={
                "**/templates/**.*": {"extensions": "jinja2.ext.do,jinja2.ext.i18n", "silent": "false"}
            },
            keywords=KEYWORDS,
            comment_tags=("Translators:",),
            strip_comment_tags=True,
        )
        for name, _line, text, comments, context in found:
            if text and text != ("", ""):
                template.add(text, None, [(f"{folder}/{name}", 0)], auto_comments=comments, context=context)
    for field in DeskSettings.model_fields.values():
        if field.description:
            template.add(field.description, None, [(SETTINGS, 0)])
    return template


def merged(template: Catalog, language: str, path: Path) -> Catalog:
    """The texts of the program with the translations that there are."""
    catalogue = Catalog(locale=language, project="Deskbell", charset="utf-8", fuzzy=False)
    sources = [path, *sorted((LOCALE / language / "parts").glob("*.po"))]
    known = [read_po(BytesIO(source.read_bytes()), locale=language) for source in sources if source.exists()]
    for message in template:
        if not message.id:
            continue
        strings = [one.string for old in known if (one := old.get(message.id, message.context)) is not None]
        string = next((string for string in strings if _translated(string)), "")
        files = sorted({name for name, _line in message.locations})
        catalogue.add(
            message.id,
            string,
            [(name, 0) for name in files],
            flags=message.flags - {"fuzzy"},
            auto_comments=message.auto_comments,
            context=message.context,
        )
    return catalogue


def written(catalogue: Catalog) -> bytes:
    """The file: sorted, without line numbers and dates, so that only real changes show."""
    out = BytesIO()
    write_po(out, catalogue, width=110, sort_output=True, omit_header=True, include_lineno=False)
    header = (
        'msgid ""\nmsgstr ""\n'
        f'"Language: {catalogue.locale_identifier}\\n"\n'
        '"MIME-Version: 1.0\\n"\n"Content-Type: text/plain; charset=utf-8\\n"\n'
        '"Content-Transfer-Encoding: 8bit\\n"\n'
        f'"Plural-Forms: {catalogue.plural_forms}\\n"\n\n'
    )
    return header.encode() + out.getvalue()


def _translated(string: object) -> bool:
    return all(string) if isinstance(string, tuple | list) else bool(string)


if __name__ == "__main__":
    sys.exit(main())
