"""Tables as files for a spreadsheet (RFC 4180), which runs nothing of what stands in them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from io import StringIO
from urllib.parse import quote

from fastapi.responses import Response

_RUNS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a cell must not begin with: spreadsheets take it for a formula."""


def csv_file(name: str, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """A download. It begins with a byte order mark, by which spreadsheets know UTF-8."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([cell(each) for each in heads])
    writer.writerows([cell(each) for each in row] for row in rows)
    return Response(
        ("\ufeff" + text.getvalue()).encode("utf-8", "replace"),
        media_type="text/csv; charset=utf-8",
        headers={
            "content-disposition": f"attachment; filename*=UTF-8''{quote(name)}",
            "cache-control": "no-store",
        },
    )


def cell(value: object) -> object:
    """A value as it may stand in a file: what would run is words, by an apostrophe before it."""
    if not isinstance(value, str):
        return "" if value is None else value
    plain = value.replace("\x00", "")
    return f"'{plain}" if plain.lstrip(" ").startswith(_RUNS) or plain.startswith(_RUNS) else plain
