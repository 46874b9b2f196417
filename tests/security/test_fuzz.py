"""A short run of `benchmarks.fuzz`, and everything that it ever found."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from benchmarks import fuzz
from core.errors import Invalid

FOUND: list[tuple[str, Any]] = json.loads((Path(__file__).parent / "found.json").read_text("utf-8"))


@pytest.mark.parametrize(("name", "given"), FOUND)
def test_what_was_found_once_stays_mended(name: str, given: Any) -> None:
    if isinstance(given, dict) and "base64" in given:
        given = b64decode(given["base64"])
    assert fuzz.try_one(name, fuzz.readers()[name], 0, given) is None


def test_a_few_thousand_inputs_break_nothing() -> None:
    assert list(fuzz.run(4_000, seed=20_261_101)) == []


def test_a_fault_is_found_and_a_refusal_is_none() -> None:
    def refuses(_given: Any) -> None:
        raise Invalid("no")

    assert fuzz.try_one("x", fuzz.Reader(fuzz.made_text, refuses), 0, "") is None
    found = fuzz.try_one("x", fuzz.Reader(fuzz.made_text, len), 3, None)
    assert found is not None
    assert (found.number, found.error.split(":")[0]) == (3, "TypeError")
