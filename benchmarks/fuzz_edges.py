"""More that is read of strangers: what stands in addresses and headers, what comes back sealed, whole archives;
and what may never come out, whatever went in: markup that runs, mentions that call, cells that calculate."""

from __future__ import annotations

import csv
import io
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from adapters.slack import writing
from adapters.telegram import buttons, html
from adapters.webchat import inbound as webchat
from adapters.webchat.tokens import Visitor
from bot import invoke
from bot.backup.archive import Manifest, NoBackup, Reading
from core import markdown, text
from core.chat import Place, Said, Sender
from core.chat_codec import to_json
from core.crypto.fields import unseal_json
from core.kb import page
from core.paging import read_cursor, read_numbered_cursor
from webui import csv_files
from webui.pages.ticket_files import range_of

Readers = dict[str, Callable[[Any], object]]
KEY = bytes(32)
NOW = datetime(2026, 11, 1, tzinfo=UTC)
VISITOR = Visitor("v", "v")
TAGS_OF_TELEGRAM = re.compile(r"</?(?:b|i|u|s|a|code|pre|blockquote|tg-spoiler)\b[^<>]*>")
CALLS = re.compile(r"<!(?:channel|here|everyone|subteam)|<@[UW]\w")


def of_text() -> Readers:
    return {
        "cursor": lambda given: (read_cursor(given), read_numbered_cursor(given)),
        "range": lambda given: _range(given),
        "telegram.button": lambda given: (buttons.decoded(given, {}), buttons.may_open(given)),
        "command": lambda given: invoke.as_command(_said(given)),
        "safe.markdown": lambda given: harmless(markdown.to_html(text.clean(given))),
        "safe.article": lambda given: harmless(page.show(text.clean(given)).html),
        "safe.telegram": lambda given: only_its_tags(html.to_html(given)),
        "safe.slack": lambda given: calls_nobody(writing.line(text.clean(given))),
        "safe.csv": calculates_nothing,
    }


def of_bytes() -> Readers:
    return {
        "webchat.body": _webchat,
        "sealed": lambda given: unseal_json(KEY, given, "x.y", 1),
        "backup": _backup,
    }


# --- what may never come out --------------------------------------------------------------


class _Harm(HTMLParser):
    """Whatever a browser would run, or load from elsewhere without being asked."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in (
            "script",
            "style",
            "iframe",
            "object",
            "embed",
            "base",
            "meta",
            "link",
            "form",
            "svg",
            "math",
        ):
            self.found.append(tag)
        for name, value in attrs:
            folded = "".join((value or "").split()).casefold()
            folded = "".join(sign for sign in folded if sign > " ")
            if name.startswith("on") or name in ("style", "srcdoc", "formaction"):
                self.found.append(f"{tag} {name}")
            if name in ("href", "src") and folded.startswith(("javascript:", "vbscript:", "data:", "blob:")):
                self.found.append(f"{tag} {name} {folded[:20]}")

    handle_startendtag = handle_starttag


def harmless(made: str) -> None:
    look = _Harm()
    look.feed(made)
    look.close()
    assert not look.found, look.found


def only_its_tags(made: str) -> None:
    """Anything else would make Telegram refuse the message, or mean what nobody wrote."""
    left = TAGS_OF_TELEGRAM.sub("", made)
    assert "<" not in left, left
    harmless(made)


def calls_nobody(made: Any) -> None:
    assert not CALLS.search(str(made)), made


def calculates_nothing(given: str) -> None:
    """Read as a spreadsheet reads it, no cell begins with what it would take for a formula."""
    answer = csv_files.csv_file("x.csv", ["a", given], [[given, f" {given}"], ["=1", given]])
    rows = csv.reader(io.StringIO(bytes(answer.body).decode("utf-8-sig"), newline=""))
    for cell in (cell for row in rows for cell in row):
        assert not cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n")), cell


# --- readers that need a little around them ---------------------------------------------------


def _said(given: str) -> Said:
    return Said(place=Place("x", "m", "c"), sender=Sender(external="a"), native="1", at=NOW, text=given)


def _range(given: str) -> None:
    for header in (given, "bytes=" + given):
        found = range_of(header, 1_000)
        assert found is None or found[0] >= 0


def _webchat(given: bytes) -> None:
    body = webchat.decoded(given)
    to_json(webchat.said(VISITOR, "t", body, NOW, "en"))


def _backup(given: bytes) -> None:
    with _file(given) as path, Reading(path) as archive:
        try:
            archive.check(archive.manifest(Manifest))
        except NoBackup:
            return


@contextmanager
def _file(given: bytes) -> Iterator[Path]:
    with tempfile.NamedTemporaryFile(suffix=".backup") as made:
        made.write(given)
        made.flush()
        yield Path(made.name)
