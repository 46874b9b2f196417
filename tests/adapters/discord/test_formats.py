"""Discord's markdown and CommonMark, both ways."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.discord.from_discord import to_commonmark
from adapters.discord.known import Known
from adapters.discord.to_discord import escaped, to_discord
from core.markdown import to_html

KNOWN = Known("1")
KNOWN.hear(
    "GUILD_CREATE",
    {"id": "9", "roles": [{"id": "5", "name": "team"}], "channels": [{"id": "6", "type": 0, "name": "help"}]},
)


def back(text: str) -> str:
    return to_commonmark(text, KNOWN, {"2": "Ada", "3": "A*b"})


@pytest.mark.parametrize(
    ("discord", "stored"),
    [
        ("<@2> and <@!3> and <@4>", "@Ada and @A\\*b and @somebody"),
        ("<@&5> <@&55> <#6> <#66>", "@team @a role #help #a channel"),
        ("<:party_cat:22> <a:x:3>", ":party\\_cat: :x:"),
        ("<t:1700000000:R> <t:1700000000>", "2023-11-14 22:13 UTC 2023-11-14 22:13 UTC"),
        ("<t:9999999999999:F>", "9999999999999"),
        ("</desk claim:12> <id:customize>", "/desk claim #customize"),
        ("a ||secret|| b", "a secret b"),
        ("-# small\n-# more", "small\nmore"),
        ("say:\n>>> one\ntwo", "say:\n> one\n> two"),
        ("look: ```py\nx = 1\n``` done", "look: \n```py\nx = 1\n```\n done"),
        ("```one line```", "```\none line\n```"),
        ("`<@2>` <@2>", "`<@2>` @Ada"),
        ("text\n---\nmore", "text\n\\---\nmore"),
        ("text\n===", "text\n\\==="),
        ("+ no list\n#### no heading\n1) no list", "\\+ no list\n\\#### no heading\n1\\) no list"),
        ("~~~\nno fence", "\\~~~\nno fence"),
        ("[a]: https://b.c", "\\[a]: https://b.c"),
        ("&amp; &x", "\\&amp; &x"),
        ("ends\\", "ends\\\\"),
        ("a | b\n-|-", "a | b\n\\-|-"),
        ("    indented", "indented"),
        ("\\*no\\* *yes* **yes** ~~yes~~", "\\*no\\* *yes* **yes** ~~yes~~"),
        ("https://a.b/x_y_z?q=1&lt=2", "https://a.b/x_y_z?q=1&lt=2"),
    ],
)
def test_what_comes_in(discord: str, stored: str) -> None:
    assert back(discord) == stored


@pytest.mark.parametrize(
    ("stored", "discord"),
    [
        ("**a** *b* ~~c~~ `d`", "**a** *b* ~~c~~ `d`"),
        ("__a__ _b_", "**a** *b*"),
        ("# A\n\n#### B", "# A\n\n**B**"),
        ("A\n===", "# A"),
        ("[x](https://a.b) <https://a.b/c_d>", "[x](https://a.b) https://a.b/c_d"),
        ("[x](https://a.b/(c))", "[x](<https://a.b/(c)>)"),
        ("[mail](mailto:a@b.c)", "mail (a@b.c)"),
        ("a | b\n-|-\n1|22", "```\na | b\n1 | 22\n```"),
        ("> a\n> > b", "> a\n> \n> b"),
        ("``a`b``", "``a`b``"),
        ("snake_case ||x|| @everyone @here", "snake\\_case \\|\\|x\\|\\| @\u200beveryone @\u200bhere"),
        ("<@1> <#2> <:a:3> <t:4> \\- x", "\\<@1> \\<#2> \\<:a:3> \\<t:4> - x"),
        ("\\- x\n\\> y\n1\\. z\n\\# h", "\\- x\n\\> y\n1\\. z\n\\# h"),
        ("\\-# small", "\\-# small"),
        ("![pic](https://a.b/c.png)", "![pic](https://a.b/c.png)"),
        ("<b>bold</b>", "<b>bold\\</b>"),
        ("7. a\n8. b", "7. a\n8. b"),
        ("- a\n\n  b\n- c\n  1. d", "- a\n  b\n- c\n  1. d"),
        ("````\n```\n````", "```\n`\u200b`\u200b`\n```"),
    ],
)
def test_what_goes_out(stored: str, discord: str) -> None:
    assert to_discord(stored) == discord


SAFE = "abc xyz.,!?*_~`|>#-+[]()<&@:\\é🎉1"
words = st.text(SAFE, min_size=1, max_size=12).map(lambda t: " ".join(t.split())).filter(bool)
plain = st.text("abcxyz1é🎉", min_size=1, max_size=8)


def marked(text: str) -> str:
    """Any words as CommonMark that means just these words."""
    return re.sub(r"([\\`*_{}\[\]()#+\-.!|<>~&:@])", r"\\\1", text)


inline = st.one_of(
    words.map(marked),
    plain.map(lambda t: f"**{t}**"),
    plain.map(lambda t: f"*{t}*"),
    plain.map(lambda t: f"~~{t}~~"),
    st.text("abc*_|<>@ é", min_size=1, max_size=8).filter(lambda t: t.strip() == t).map(lambda t: f"`{t}`"),
    plain.map(lambda t: f"[{t}](https://example.com/a_b)"),
)
line = st.lists(inline, min_size=1, max_size=4).map(" ".join)
code = st.text("abc <>*_|#@\n-", min_size=1, max_size=30).filter(lambda t: t.strip("\n") == t and t.strip())
block = st.one_of(
    st.lists(line, min_size=1, max_size=3).map("\n".join),
    line.map(lambda t: f"## {t}"),
    st.lists(line, min_size=1, max_size=3).map(lambda several: "\n".join(f"- {one}" for one in several)),
    st.lists(line, min_size=1, max_size=3).map(
        lambda several: "\n".join(f"{n}. {one}" for n, one in enumerate(several, 1))
    ),
    st.lists(line, min_size=1, max_size=3).map(lambda several: "\n".join(f"> {one}" for one in several)),
    code.map(lambda t: f"```py\n{t}\n```"),
)


@st.composite
def documents(draw: st.DrawFn) -> str:
    """Blocks that stay apart: two lists or quotes in a row would be one."""
    kinds: list[str] = []
    parts: list[str] = []
    for one in draw(st.lists(block, min_size=1, max_size=4)):
        kind = one[:1] if one[:2] in ("- ", "> ") else "1" if re.match(r"1\. ", one) else "p"
        if kind != "p" and kinds and kinds[-1] != "p":
            continue
        kinds.append(kind)
        parts.append(one)
    return "\n\n".join(parts)


@given(documents())
@settings(max_examples=300, deadline=None)
def test_there_and_back_it_means_the_same(stored: str) -> None:
    assert seen(back(to_discord(stored))) == seen(stored)


@given(st.text(max_size=300))
@settings(max_examples=300, deadline=None)
def test_any_text_stays_what_it_is_and_pings_nobody(text: str) -> None:
    shown = to_discord(text)
    assert "@everyone" not in shown.lower()
    assert not re.search(
        r"(?<!\\)(?:\\\\)*<@[!&]?\d+>", re.sub(r"```.*?```|`+[^`]*`+", "", shown, flags=re.S)
    )
    back(text)


@given(st.text(SAFE, max_size=60))
@settings(max_examples=300, deadline=None)
def test_escaped_words_come_back_as_words(text: str) -> None:
    text = " ".join(text.split())
    assert html_words(to_html(back(to_discord(marked(text))))) == text


def seen(markdown: str) -> str:
    return re.sub(r"\s+", " ", to_html(markdown)).replace("> <", "><")


def html_words(html: str) -> str:
    import html as html_module

    return " ".join(html_module.unescape(re.sub(r"<[^>]+>", "", html)).split())


def test_plain_words_are_escaped() -> None:
    assert escaped("a*b <@1> https://x.y/a_b @Everyone") == "a\\*b \\<@1> https://x.y/a_b @\u200bEveryone"
