"""Formatting goes both ways: CommonMark to rich text and back, and what people type in Slack."""

from __future__ import annotations

import re
import string
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.slack import emoji, mrkdwn, reading, writing
from adapters.slack.names import Known, Person
from core.markdown import to_html

KNOWN = Known(
    "T1",
    bot_user="UBOT",
    people={"U1": Person("U1", name="Ada *the* Great"), "U2": Person("U2", name="😀")},
    channels={"C1": "general"},
)
WORDS = st.text(st.sampled_from(string.ascii_letters + "äß日 "), min_size=1, max_size=12).map(
    lambda text: " ".join(text.split()) or "x"
)
NASTY = st.text(st.sampled_from("ab *_~`<>[]()#&|!\\+-=.:1/@\"'é😀"), max_size=30)


def back(markdown: str) -> str:
    return reading.blocks(writing.rich(markdown), KNOWN)


@st.composite
def inlines(draw: st.DrawFn) -> str:
    parts = []
    for _number in range(draw(st.integers(1, 4))):
        word = draw(WORDS)
        kind = draw(st.sampled_from(["plain", "bold", "italic", "strike", "code", "link", "both"]))
        parts.append(
            {
                "plain": word,
                "bold": f"**{word}**",
                "italic": f"*{word}*",
                "strike": f"~~{word}~~",
                "code": f"`{word}`",
                "link": f"[{word}](<https://example.com/a_b?c=d>)",
                "both": f"***{word}***",
            }[kind]
        )
    return " ".join(parts)


@st.composite
def documents(draw: st.DrawFn) -> str:
    blocks = []
    for _number in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(["text", "quote", "code", "list", "numbers", "nested"]))
        lines = draw(st.lists(inlines(), min_size=1, max_size=3))
        blocks.append(
            {
                "text": "\n".join(lines),
                "quote": "\n".join(f"> {line}" for line in lines),
                "code": "```\n" + "\n".join(lines) + "\n```",
                "list": "\n".join(f"- {line}" for line in lines),
                "numbers": "\n".join(f"{at}. {line}" for at, line in enumerate(lines, 3)),
                "nested": "- top\n" + "\n".join(f"    - {line}" for line in lines),
            }[kind]
        )
    return "\n\n".join(blocks)


@settings(max_examples=300, deadline=None)
@given(documents())
def test_what_goes_out_comes_back_the_same(markdown: str) -> None:
    once = back(markdown)
    assert back(once) == once
    assert _shown(once) == _shown(markdown)


def _shown(markdown: str) -> str:
    """As people see it. Two lists or quotes in a row are one in Slack."""
    text = to_html(markdown)
    for tag in ("ul", "ol", "blockquote"):
        text = re.sub(rf"</{tag}>\s*<{tag}(?: start=\"\d+\")?>", "", text)
    text = re.sub(r"</p>\s*<p>(?=(?:(?!<blockquote>).)*</blockquote>)", "<br>", text, flags=re.DOTALL)
    text = re.sub(r"</?p>|<ol start=\"\d+\">|</?(ul|ol)>", "", text)
    text = re.sub(r"</(strong|em|s)>( ?)<\1>", r"\2", text)
    text = re.sub(r"(?:<br>|\s)+", " ", text)
    return re.sub(r" ?(</?(?:li|pre|blockquote)>) ?", r"\1", text).strip()


@settings(max_examples=500, deadline=None)
@given(NASTY)
def test_words_stay_words(text: str) -> None:
    """Whatever signs people type without formatting, they are read as they are."""
    section = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
    markdown = reading.blocks([section], KNOWN)
    shown = re.sub(r"\s+", "", _plain(to_html(markdown)))
    assert shown == re.sub(r"\s+", "", text)


def _plain(html: str) -> str:
    import html as escaping

    return escaping.unescape(re.sub(r"<[^>]*>", "", html))


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200))
def test_anything_can_be_read_and_written(text: str) -> None:
    reading.to_markdown({"text": text}, KNOWN)
    elements = writing.rich(text)
    assert all(element["elements"] for element in elements)
    writing.line(text)
    writing.words(elements)


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("*bold* _it_ ~no~ `a*b`", "**bold** *it* ~~no~~ `a*b`"),
        ("a*b*c 2 * 3 snake_case_name", r"a\*b\*c 2 \* 3 snake_case_name"),
        ("see <https://example.com|the page>", "see [the page](<https://example.com>)"),
        ("see <https://example.com/a>", "see https://example.com/a"),
        ("mail <mailto:a@example.com|a@example.com>", "mail a@example.com"),
        ("hi <@U1> and <@U9|zed>", r"hi @Ada \*the\* Great and @zed"),
        ("<!here> <!channel> <!subteam^S1|@team>", "@here @channel @team"),
        ("in <#C1> or <#C9|other>", "in #general or #other"),
        ("&gt; quoted\n&gt; twice\nafter", "> quoted\n> twice\n\nafter"),
        ("```\nx &lt; 1\n```", "```\nx < 1\n```"),
        ("• one\n• two\n1. first", "- one\n- two\n1. first"),
        (":tada: :+1::skin-tone-3: :our_logo:", "🎉 👍🏼 :our_logo:"),
        ("# not a heading", r"\# not a heading"),
        ("1 &lt; 2 &amp; 3 &gt; 2 &amp;amp;", r"1 \< 2 & 3 > 2 \&amp;"),
        ("<!date^1392734382^{date}|Feb 18>", "Feb 18"),
    ],
)
def test_what_people_type(said: str, read: str) -> None:
    assert reading.to_markdown({"text": said}, KNOWN) == read


def test_rich_text_as_the_composer_makes_it() -> None:
    bold = {"bold": True}
    elements: list[dict[str, Any]] = [
        {"type": "text", "text": "Hello ", "style": bold},
        {"type": "user", "user_id": "U2"},
        {"type": "text", "text": " and "},
        {"type": "link", "url": "https://example.com", "text": "here", "style": bold},
        {"type": "emoji", "name": "rocket", "unicode": "1f680"},
        {"type": "broadcast", "range": "everyone"},
    ]
    nested = [
        {"type": "rich_text_list", "style": "bullet", "indent": 0, "elements": [_section("a")]},
        {
            "type": "rich_text_list",
            "style": "ordered",
            "indent": 1,
            "elements": [_section("b"), _section("c")],
        },
        {"type": "rich_text_list", "style": "bullet", "indent": 0, "elements": [_section("d")]},
    ]
    block = {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": elements}, *nested]}
    assert reading.to_markdown({"blocks": [block], "text": "ignored"}, KNOWN) == (
        "**Hello** @😀 and **[here](<https://example.com>)**🚀@everyone\n\n- a\n    1. b\n    2. c\n- d"
    )


def _section(text: str) -> dict[str, Any]:
    return {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}


def test_a_message_that_was_passed_on_is_a_quote() -> None:
    shared = {"is_share": True, "author_name": "Ada", "text": "it *burns*"}
    assert reading.to_markdown({"text": "look", "attachments": [shared]}, KNOWN) == (
        "look\n\n> **Ada**\n> it **burns**"
    )


@pytest.mark.parametrize(
    "character", ["👍", "🎉", "❤️", "✅", "🔥", "🚀", "👀", "🙏🏽", "🦄", "1️⃣", "🇩🇪", ":logo:"]
)
def test_emoji_have_names_both_ways(character: str) -> None:
    name = emoji.name_of(character)
    assert name
    assert emoji.shown(name) == character


def test_what_is_no_emoji_has_no_name() -> None:
    assert [emoji.name_of(text) for text in ("a", "not", "", "👍👍", "漢")] == [""] * 5
    assert mrkdwn.unescape(mrkdwn.escape("<&>")) == "<&>"
