"""Articles as they are read: pictures of their own, headings with addresses, nothing that runs."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from core import clock
from core.ids import new_id
from core.kb import page, wording
from core.kb.page import show

OWN = f"/help/files/{new_id()}"


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


def tags(html: str) -> list[tuple[str, dict[str, str | None]]]:
    found = Tags()
    found.feed(html)
    return found.seen


def test_pictures_of_its_own_are_shown_and_those_of_others_linked() -> None:
    html = show(f"![A hub]({OWN})\n\n![spy](https://elsewhere.example/pixel.gif)").html
    pictures = [attributes for tag, attributes in tags(html) if tag == "img"]
    assert pictures == [{"src": OWN, "alt": "A hub", "loading": "lazy"}]
    assert '<a href="https://elsewhere.example/pixel.gif" target="_blank"' in html


@pytest.mark.parametrize(
    "evil",
    [
        "<script>alert(1)</script>",
        "<iframe src='https://evil.example'></iframe>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "![x](javascript:alert(1))",
        '![x](/help/files/../../evil "onload=alert(1)")',
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "<style>*{display:none}</style>",
        "# <svg onload=alert(1)>",
        "```<script>\nx\n```",
        "<!-- --><form action=/sign-out><button>",
        "| a |\n|---|\n| <script>alert(1)</script> |",
    ],
)
def test_nothing_in_it_can_run(evil: str) -> None:
    for tag, attributes in tags(show(evil).html):
        assert tag not in {"script", "iframe", "style", "svg", "form", "button", "object"}
        assert tag != "img", attributes
        assert not [name for name in attributes if name.startswith("on")]
        assert not (attributes.get("href") or "").lower().startswith(("javascript:", "data:"))


def test_headings_have_addresses_and_make_the_table_of_contents() -> None:
    shown = show("# Top\n\n## Über `uns`\n\n### Top\n\n#### ***\n")
    assert [(each.level, each.id, each.text) for each in shown.contents] == [
        (2, "top", "Top"), (2, "ueber-uns", "Über uns"), (3, "top-2", "Top"), (4, "article", "***"),
    ]  # fmt: skip
    assert '<h2 id="top">' in shown.html
    assert "<h1" not in shown.html


def test_links_stay_here_or_open_beside() -> None:
    html = show("[here](/help/en/x) [there](https://example.com) [mail](mailto:a@b.example)").html
    assert '<a href="/help/en/x">here</a>' in html
    assert 'target="_blank" rel="noopener noreferrer nofollow">there' in html


def test_a_table_of_a_thousand_rows() -> None:
    body = "| Code | Meaning | Do |\n|---|---|---|\n" + "".join(
        f"| E{n} | Sensor {n} is silent | Change the battery |\n" for n in range(1_000)
    )
    html = show(wording.body(body)).html
    assert html.count("<tr>") == 1_001


def test_files_are_found_and_replaced() -> None:
    old, new = new_id(), new_id()
    body = f"![a](/help/files/{old}) [b](/help/files/{old})"
    assert page.files_in(body) == [old]
    assert page.files_in(page.with_files(body, {old: new})) == [new]


@pytest.mark.parametrize(
    "monster",
    [
        "[a](" * 50_000,
        "*a _b " * 30_000,
        "![" * 90_000,
        "> " * 90_000,
        "|a" * 100_000 + "\n" + "|-" * 100,
        "`" * 200_000,
        "\n".join("#" * (n % 7) + " x" for n in range(20_000)),
        "- " * 90_000,
        "😀" * 200_000,
        "a@b.example " * 16_000,
        "﷽" * 10_000,
    ],
)
async def test_broken_and_huge_markdown_is_shown_in_time(monster: str) -> None:
    before = clock.now()
    shown = await page.shown(monster[: wording.MOST_BODY])
    assert shown.html
    assert (clock.now() - before).total_seconds() < 10


@pytest.mark.parametrize(
    ("body", "summary"),
    [
        ("# Head\n\n**Hold** the [button](https://x.example) for five seconds.", "Hold the button (https://x.example) for five seconds."),
        ("| a | b |\n|---|---|\n\nThe table says what each code means.", "The table says what each code means."),
        ("", ""),
        ("word " * 100, None),
    ],
)  # fmt: skip
def test_summaries(body: str, summary: str | None) -> None:
    made = wording.summary(body)
    assert made == summary if summary is not None else len(made) <= 201 and made.endswith("…")
    assert not re.search(r"[*#]", made)
