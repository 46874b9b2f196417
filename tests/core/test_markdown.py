"""Markdown: what is shown is safe, what is bounded is bounded, and words are kept."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import markdown
from core.markdown import to_html, to_text
from webui.pages.ticket_lines import _with_mentions

TAG = re.compile(r"</?([a-z0-9]+)")
ALLOWED = set(
    "a p br hr strong em s code pre blockquote ul ol li h1 h2 h3 h4 h5 h6 table thead tbody tr th td".split()  # noqa: SIM905  easier to read
)


@pytest.mark.parametrize(
    ("text", "html"),
    [
        (
            "**bold** *soft* ~~gone~~ `code`",
            "<p><strong>bold</strong> <em>soft</em> <s>gone</s> <code>code</code></p>",
        ),
        ("one\ntwo", "<p>one<br>\ntwo</p>"),
        ("a < b & c", "<p>a &lt; b &amp; c</p>"),
        ("report.pdf is no address", "<p>report.pdf is no address</p>"),
        (
            "![x](https://e.example/x.png)",
            '<p>!<a href="https://e.example/x.png" target="_blank" rel="noopener noreferrer nofollow">x</a></p>',
        ),
        ("[x](javascript:alert(1))", "<p>[x](javascript:alert(1))</p>"),
    ],
)
def test_html(text: str, html: str) -> None:
    assert to_html(text).strip() == html


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("**Hi** [there](https://x.example)", "Hi there (https://x.example)"),
        ("https://x.example/a", "https://x.example/a"),
        ("1. one\n2. two\n   - deep", "1. one\n2. two\n  - deep"),
        ("```\ncode\n```", "code"),
        ("[" * 60, "[" * 60),
    ],
)
def test_text(text: str, plain: str) -> None:
    assert to_text(text) == plain


@given(st.text(alphabet=st.sampled_from(list("ab <>[]()*_`~|#>-!\\&\n\"'=:/.@1")), max_size=300))
def test_nothing_but_the_allowed_tags_comes_out(text: str) -> None:
    html = to_html(text)
    assert set(TAG.findall(html)) <= ALLOWED
    assert not re.search(r"<[^>]*\s(on\w+|style|src)=", html)


class Parsed(HTMLParser):
    """What a browser would make of it: tags with their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


PAYLOADS = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg/onload=alert(1)>", "<svg><script>alert(1)</script></svg>",
    "<iframe src=javascript:alert(1)>", "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<a href=javascript:alert(1)>x</a>", "<base href=//e.example>", "<meta http-equiv=refresh content=0>", "<form action=//e.example>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>", "<!--><img src=x onerror=alert(1)>-->", "<![CDATA[<img onerror=alert(1)>]]>",
    "<x style=animation-name:x onanimationstart=alert(1)>", "<details open ontoggle=alert(1)>", "<p onclick=alert(1)>x",
    "[x](javascript:alert(1))", "[x](JaVaScRiPt:alert(1))", "[x](java\tscript:alert(1))", "[x](java&#10;script:alert(1))",
    "[x](&#106;avascript:alert(1))", "[x](\x01javascript:alert(1))", "[x](data:text/html;base64,PHNjcmlwdD4=)", "[x](vbscript:x)",
    "[x](file:///etc/passwd)", "[x](blob:https://x)", "<javascript:alert(1)>", "[x]: javascript:alert(1)\n\n[x]", "![x](javascript:alert(1))",
    "![x](https://e.example/track.png)", "[![x](https://e.example/t.png)](https://e.example)", '[x](https://e.example "\" onclick=alert(1) x=\"")',
    "[x](https://e.example '\"><img src=x onerror=alert(1)>')", "[x](https://e.example '>@Bob.Smith <img src=x onerror=alert(1)>')",
    "`<img src=x onerror=alert(1)>`", "```<img/onerror=alert(1)>\nx\n```", "```js\" onclick=\"alert(1)\nx\n```", "```x y=z onload=1\nx\n```",
    "| <img src=x onerror=alert(1)> |\n|---|\n| [x](javascript:1) |", "https://e.example/\"onmouseover=alert(1)", "https://e.example/<img/src=x>",
    "//e.example/x", "[x](//e.example/x)", "[x](/sign-out)", "&lt;script&gt;alert(1)&lt;/script&gt;", "\u2028<script>", "<scr\0ipt>alert(1)</scr\0ipt>",
    "<a/href='javascript:alert(1)'>", "<style>@import '//e.example'</style>", "<link rel=stylesheet href=//e.example>", "<template><img onerror=1></template>",
]  # fmt: skip
SCHEME = re.compile(r"[\x00-\x20]*([a-zA-Z][a-zA-Z0-9+.\-\t\r\n]*):")
"""As browsers read it (WHATWG URL, 4.4): control characters before it and line breaks in it do not count."""
ATTRIBUTES = {"href", "title", "target", "rel", "start", "class"}


@pytest.mark.parametrize("text", PAYLOADS)
@pytest.mark.parametrize("around", ["{}", "**{}**", "> {}", "- {}", "# {}", "@Bob.Smith {} @Bob.Smith"])
def test_nothing_typed_runs_or_loads(text: str, around: str) -> None:
    html = to_html(around.format(text))
    for shown in (html, _with_mentions(html, {"bob.smith": "1"})):
        for tag, attributes in Parsed(shown).tags:
            assert tag in ALLOWED | {"span"}
            assert tag != "span" or attributes == {"class": "mention"}
            assert attributes.keys() <= ATTRIBUTES
            if "href" in attributes:
                scheme = SCHEME.match(attributes["href"] or "")
                assert scheme is None or scheme[1].lower() in {"http", "https", "mailto", "tel"}, attributes
            assert tag != "a" or "noopener" in (attributes["rel"] or "")
            assert attributes.get("class", "mention") == "mention" or re.fullmatch(
                r"language-[\w+-]{1,20}", attributes["class"] or ""
            )


def test_deep_nesting_loses_no_words() -> None:
    assert "deep down" in to_html("> " * 40 + "deep down")
    assert "deep down" in to_html("- " * 40 + "deep down")


PIECES = [
    "http:", "https://", "//", "ftp://", "mailto:", "@", "a", "e.example", "www.", "10.0.0.1", ".de", " ", "\n", "\\", "&#64;",
    "&sol;", "&commat;", "<", ">", "[", "](", ")", "*", "`", ":", "/", "HTTPS:", "ß", "\u3002", "- ", "|",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_a_text_without_an_address_is_shown_alike_whether_one_is_looked_for(text: str) -> None:
    quick = markdown._parser(markdown._may_link(text)).render(text)
    assert quick == markdown._parser(True).render(text)
