"""Subjects made from what was written: Markdown goes, words stay."""

from __future__ import annotations

import pytest

from core.text import ascii_domain, folded_address, subject_of


@pytest.mark.parametrize(
    ("written", "subject"),
    [
        ("# Printer is **on fire**", "Printer is on fire"),
        ("> - *really* `now`", "really now"),
        ("***both*** and ~~none~~", "both and none"),
        ("Is 5 > 3 in max_file_size * 2?", "Is 5 > 3 in max_file_size * 2?"),
        ("#42 is back, see C# and snake_case_name", "#42 is back, see C# and snake_case_name"),
        ("~100 users, 2 * 3 * 4", "~100 users, 2 * 3 * 4"),
        ("\n\n__init__ of _this_", "init of this"),
        (r"It does not \*charge\* **any** more \> 5", "It does not *charge* any more > 5"),
    ],
)
def test_only_markdown_leaves_a_subject(written: str, subject: str) -> None:
    assert subject_of(written) == subject


def test_a_line_of_marks_alone_costs_no_time() -> None:
    assert len(subject_of("*_`~" * 12_000)) <= 81


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("weiß@example.com", "weiss@example.com"),
        ("ada@straße.example", "ada@strasse.example"),
        ("miſe@example.com", "mise@example.com"),
        ("mi\u212ae@example.com", "mike@example.com"),
        ("\ufb01n@example.com", "fin@example.com"),
        ("ad\u0430@example.com", "ada@example.com"),
    ],
)
def test_an_address_that_looks_like_another_is_another(one: str, other: str) -> None:
    assert folded_address(one) != folded_address(other)


def test_large_and_small_letters_are_the_same_address() -> None:
    assert folded_address(" Ada.LÖWE@Example.COM") == folded_address("ada.löwe@example.com")


def test_a_domain_has_one_name_for_servers() -> None:
    assert ascii_domain("BÜCHER.example") == "xn--bcher-kva.example"
    assert ascii_domain("straße.example") == "xn--strae-oqa.example"
    assert ascii_domain("strasse.example") == "strasse.example"
