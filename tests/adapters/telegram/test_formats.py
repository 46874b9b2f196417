"""Text both ways: entities in UTF-16 to CommonMark, CommonMark to Telegram's HTML, and round."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.telegram.entities import to_markdown, utf16
from adapters.telegram.html import measure, to_html, visible
from core.fit import split
from core.markdown import to_text
from playground.telegram.entities import Entity, units
from playground.telegram.markup import parse_html

KINDS = ("bold", "italic", "strikethrough", "code", "underline", "spoiler", "text_link", "pre", "blockquote")
words = st.text(
    st.one_of(
        st.characters(blacklist_categories=("Cs", "Cc")),
        st.sampled_from(list("abc  .,-*_`~[]()<>#+|\\@😀é\n1")),
    ),
    max_size=60,
)


@st.composite
def texts_with_entities(draw: st.DrawFn) -> tuple[str, list[Entity]]:
    text = draw(words)
    many = units(text)
    entities = []
    for _number in range(draw(st.integers(0, 5)) if many else 0):
        start = draw(st.integers(0, many - 1))
        length = draw(st.integers(1, many - start))
        kind = draw(st.sampled_from(KINDS))
        more = {"url": "https://example.com/a_b?c=d"} if kind == "text_link" else {}
        entities.append({"type": kind, "offset": start, "length": length, **more})
    return text, entities


@pytest.mark.parametrize(
    ("text", "entities", "markdown"),
    [
        ("plain", [], "plain"),
        ("bold text", [("bold", 0, 4)], "**bold** text"),
        ("😀 bold", [("bold", 3, 4)], "😀 **bold**"),
        ("bold  text", [("bold", 0, 6)], "**bold**  text"),
        ("a both b", [("bold", 2, 4), ("italic", 2, 4)], "a **_both_** b"),
        ("run x=1", [("code", 4, 3)], "run `x=1`"),
        ("def f():\n  pass", [("pre", 0, 15)], "```\ndef f():\n  pass\n```"),
        ("he said\nhello\nbye", [("blockquote", 0, 13)], "> he said\n> hello\n\nbye"),
        ("2 * 3 * 4", [], r"2 \* 3 \* 4"),
        ("- not a list", [], r"\- not a list"),
        ("1. not a list", [], r"1\. not a list"),
        ("# not a heading", [], r"\# not a heading"),
        ("one\ntwo bold", [("bold", 0, 12)], "**one**\n**two bold**"),
    ],
)
def test_entities_become_commonmark(text: str, entities: list[tuple[str, int, int]], markdown: str) -> None:
    given_entities = [{"type": kind, "offset": at, "length": n} for kind, at, n in entities]
    assert to_markdown(text, given_entities) == markdown


def test_links_keep_their_address() -> None:
    entity = {"type": "text_link", "offset": 0, "length": 4, "url": "https://example.com/a_(b)"}
    assert to_text(to_markdown("here", [entity])) == "here (https://example.com/a_(b))"
    bare = "see https://example.com/a_b*c"
    found = to_markdown(bare, [{"type": "url", "offset": 4, "length": units(bare) - 4}])
    assert to_text(found) == bare


def test_a_quoted_name_of_ours_loses_its_invisible_mark() -> None:
    assert to_markdown("@\u2060ada wrote") == "@ada wrote"


@given(texts_with_entities())
@settings(max_examples=300, deadline=None)
def test_no_word_is_lost_or_changed(said: tuple[str, list[Entity]]) -> None:
    """Whatever is marked, the words that come out are those that went in."""
    text, entities = said
    shown = to_text(to_markdown(text, entities)).replace(" (https://example.com/a_b?c=d)", "")
    shown = "\n".join(line.removeprefix("> ") for line in shown.split("\n"))
    assert _letters(shown) == _letters(text.replace("@\u2060", "@"))


@given(texts_with_entities())
@settings(max_examples=300, deadline=None)
def test_round_by_telegram_and_back(said: tuple[str, list[Entity]]) -> None:
    """Telegram reads our HTML, says the same words, and what comes back says the same again."""
    markdown = to_markdown(*said)
    text, entities = parse_html(to_html(markdown))
    assert utf16(visible(to_html(markdown)).strip()) == units(text)
    again = to_markdown(text, entities)
    assert _letters(to_text(again)) == _letters(to_text(markdown).replace("@\u2060", "@"))


@given(st.lists(st.sampled_from(["**b**", "_i_", "~~s~~", "`c`", "[l](https://example.com)", "word", "😀"])))
@settings(max_examples=100, deadline=None)
def test_simple_marks_survive_the_whole_way(parts: list[str]) -> None:
    markdown = " ".join(parts)
    again = to_markdown(*parse_html(to_html(markdown)))
    assert again.replace("<https://example.com>", "https://example.com") == markdown


@given(st.text(max_size=300))
@settings(max_examples=300, deadline=None)
def test_any_text_gives_html_that_telegram_reads(text: str) -> None:
    shown, _entities = parse_html(to_html(text))
    assert units(shown) <= measure(text)


@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        ("# Title\n\nText", "<b>Title</b>\n\nText"),
        ("- a\n- b\n  - c", "• a\n• b\n  • c"),
        ("3. a\n4. b", "3. a\n4. b"),
        ("> quote\n> > inner", "<blockquote>quote\n\ninner</blockquote>"),
        ("```python\nx < 1\n```", '<pre><code class="language-python">x &lt; 1</code></pre>'),
        ("a & b <c>", "a &amp; b &lt;c&gt;"),
        ("[x](mailto:a@example.com)", "x (a@example.com)"),
        ("[x](javascript:alert(1))", "[x](javascript:alert(1))"),
        ("one\ntwo", "one\ntwo"),
        ("---", "———"),
        ("| a | b |\n|---|---|\n| 1 | 22 |", "<pre>a | b\n------\n1 | 22</pre>"),
    ],
)
def test_commonmark_as_html(markdown: str, html: str) -> None:
    assert to_html(markdown) == html


def test_nobody_is_pinged() -> None:
    shown = visible(to_html("@everyone and @ada_l, mail a@example.com, `@code`"))
    assert "@\u2060everyone and @\u2060ada_l" in shown
    assert "a@example.com" in shown


def test_a_long_text_is_cut_into_parts_that_fit() -> None:
    text = "\n\n".join(f"Paragraph {n} with **bold**." + " and 😀 words" * 60 for n in range(50))[:40_000]
    parts = split(text, 3_900, measure)
    assert len(parts) > 8
    assert all(measure(part) <= 3_900 for part in parts)
    assert _letters("".join(map(to_text, parts))) == _letters(to_text(text))


def test_a_flood_of_marks_is_shown_as_typed() -> None:
    text = "*_" * 5_000
    assert visible(to_html(text)) == text


def _letters(text: str) -> str:
    return "".join(text.split())
