"""Subjects made from what was written: Markdown goes, words stay."""

from __future__ import annotations

import pytest

from core.text import subject_of


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
