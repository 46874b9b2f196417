"""What is shown fits the platform, and says the same as before."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.chat import Button, Card, Field, Limits, Option, Select
from core.fit import fit, shorten, split

WORDS = st.text(alphabet="abc de\n`~*_ü👍", max_size=800)


def bare(text: str) -> str:
    """The text without what splitting may add or drop: white space and fences."""
    return re.sub(r"[\s`~]+", "", text)


@given(WORDS, st.integers(40, 200))
@settings(max_examples=300)
def test_parts_fit_and_say_the_same(text: str, most: int) -> None:
    parts = split(text, most)
    assert all(len(part) <= most for part in parts)
    if "```" not in text and "~~~" not in text:
        assert bare("".join(parts)) == bare(text)


@given(WORDS, st.integers(40, 200))
def test_a_text_that_fits_stays_whole(text: str, most: int) -> None:
    if text.strip() and len(text) <= most:
        assert split(text, most) == [text]


def test_it_is_cut_between_paragraphs() -> None:
    assert split("one " * 10 + "\n\n" + "two " * 10, 50) == [("one " * 10), ("two " * 10)]


def test_a_code_block_is_closed_and_opened_again() -> None:
    code = "```python\n" + "\n".join(f"line {number}" for number in range(30)) + "\n```"
    parts = split(f"See:\n\n{code}", 100)
    assert len(parts) > 2
    for part in parts[1:]:
        assert part.startswith("```python\n")
        assert part.endswith("\n```")
    lines = [line for part in parts for line in part.split("\n") if line.startswith("line")]
    assert lines == [f"line {number}" for number in range(30)]


def test_one_endless_word_is_cut() -> None:
    parts = split("x" * 1_000, 100)
    assert "".join(parts) == "x" * 1_000
    assert max(map(len, parts)) == 100


def test_it_counts_as_the_platform_counts() -> None:
    parts = split("👍" * 100, 50, lambda text: len(text.encode("utf-16-le")) // 2)
    assert [len(part) for part in parts] == [25] * 4


def test_nothing_gives_no_part() -> None:
    assert split(" \n ", 100) == []


def test_a_short_text_ends_with_a_whole_word() -> None:
    assert shorten("the quick brown fox jumps", 20) == "the quick brown fox…"
    assert shorten("short", 20) == "short"


@given(
    st.builds(
        Card,
        text=WORDS,
        title=WORDS,
        fields=st.lists(st.builds(Field, label=WORDS, value=WORDS), max_size=40).map(tuple),
        buttons=st.lists(st.builds(Button, label=WORDS), max_size=40).map(tuple),
        selects=st.lists(
            st.builds(
                Select,
                id=st.just("x"),
                label=WORDS,
                options=st.lists(st.builds(Option, label=WORDS, value=st.just("v")), max_size=40).map(tuple),
            ),
            max_size=2,
        ).map(tuple),
    )
)
@settings(max_examples=100)
def test_a_card_never_exceeds_its_limits(card: Card) -> None:
    limits = Limits(text=200, title=50, buttons=5, options=10, fields=8, button_label=20)
    made = fit(card, limits)
    assert len(made.text) <= limits.text
    assert len(made.title) <= limits.title
    assert len(made.fields) <= limits.fields
    assert len(made.buttons) <= limits.buttons
    assert all(len(button.label) <= limits.button_label for button in made.buttons)
    assert all(len(select.options) <= limits.options for select in made.selects)


@pytest.mark.parametrize(
    "text",
    ["Wörter & *fett* " * 1_200, "a *b*\n\n" * 3_000, "- a\n" * 5_000, "x&" * 10_000, "one two\n" * 2_500],
)
def test_a_long_text_is_not_measured_over_and_over(text: str) -> None:
    """Measuring is slow where a platform has its own markup: the desk stood still over one long message."""
    measured = 0

    def measure(part: str) -> int:
        nonlocal measured
        measured += len(part)
        return len(part) * 5 // 4

    parts = split(text, 1_850, measure)
    assert all(measure(part) <= 1_850 for part in parts)
    assert bare("".join(parts)) == bare(text)
    assert measured < 20 * len(text)


@pytest.mark.parametrize("text", ["`" * 20_000, "`" * 5_000 + "\n" + "abc " * 1_000])
def test_endless_fences_are_words(text: str) -> None:
    parts = split(text, 1_850)
    assert len(parts) < 20
    assert re.sub(r"\s", "", "".join(parts)) == re.sub(r"\s", "", text)
