"""What an article may begin with: a skeleton in the language of whoever writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from core.i18n import N_, _


@dataclass(frozen=True, slots=True)
class Template:
    """Its name and purpose for whoever chooses, and the Markdown that it begins with."""

    key: str
    name: str
    hint: str
    body: Callable[[], str]


def _how_to() -> str:
    return "\n\n".join(
        (
            _("In one or two sentences: what this is for, and when you need it."),
            _part(_("What you need")),
            "- ",
            _part(_("Step by step")),
            "1. \n2. \n3. ",
            _part(_("How you know that it worked")),
            "",
        )
    )


def _faq() -> str:
    return "\n\n".join(
        (
            _("The short answer, in one sentence."),
            _part(_("More about it")),
            "",
            _part(_("See also")),
            "- ",
        )
    )


def _troubleshooting() -> str:
    return "\n\n".join(
        (
            _("What one sees or hears, in the words that people use for it."),
            _part(_("Try this first")),
            "1. \n2. ",
            _part(_("If that did not help")),
            _table(_("What you see"), _("What it means"), _("What to do")),
            _part(_("When to write to us")),
            "",
        )
    )


TEMPLATES: Mapping[str, Template] = {
    each.key: each
    for each in (
        Template("plain", N_("Empty"), N_("A blank page"), lambda: ""),
        Template("how_to", N_("How-to"), N_("Steps that lead to something"), _how_to),
        Template("faq", N_("Question and answer"), N_("A short answer, and more below it"), _faq),
        Template(
            "troubleshooting",
            N_("Troubleshooting"),
            N_("A symptom, what to try, what it means"),
            _troubleshooting,
        ),
    )
}


def _part(title: str) -> str:
    return f"## {title}"


def _table(*titles: str) -> str:
    head = " | ".join(titles)
    return f"| {head} |\n|{'---|' * len(titles)}\n|{'  |' * len(titles)}"
