"""What requesters read about their ticket in a chat that shows no timeline of its own."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.cards.rooms import span
from core.chat import Button, Card
from core.i18n import _, ngettext
from core.tickets.access import Opened


def receipt(opened: Opened, usual: timedelta | None, open_now: bool, next_open: str) -> Card:
    """We have it: what happens next, and how long that usually takes (measured, not promised)."""
    lines = [_("We have your request as **#{number}**.").format(number=opened.number)]
    if not open_now and next_open:
        lines.append(_("We are back {when}; you will find the answer here.").format(when=next_open))
    elif usual is not None:
        lines.append(_("An answer usually takes {span}; you will find it here.").format(span=span(usual)))
    else:
        lines.append(_("A person reads it and answers here."))
    lines.append(_("Just write here to add something."))
    number = opened.number
    buttons = (
        Button(_("Close"), f"close:ticket:{number}"),
        Button(_("New ticket"), f"new:ticket:{number}"),
    )
    return Card(text=" ".join(lines), buttons=buttons)


def may_be_known(link: str) -> str:
    """A line under the first receipt of somebody whose address is known from elsewhere."""
    return _(
        "Somebody with your e-mail address is known here already. If that is you, get a code by “link” in your "
        "other chat, or in your account on our site, and write here: `{link} CODE`. Then you find all "
        "your requests in both places."
    ).format(link=link)


def fact(name: str, who: str, opened: Opened) -> Card | None:
    """What happened, in one line; None for what is none of a requester's business."""
    number = opened.number
    match name:
        case "ticket.claimed":
            return _line(_("{name} is looking into it.").format(name=who))
        case "ticket.assigned":
            return _line(_("{name} takes over from here.").format(name=who))
        case "ticket.closed":
            words = _("**#{number}** is closed. Write again whenever you like.").format(number=number)
            return Card(text=words, buttons=(Button(_("Reopen"), f"reopen:ticket:{number}"),))
        case "ticket.reopened":
            return _line(_("**#{number}** is open again.").format(number=number))
        case "ticket.merged":
            return _line(_("This was joined with another request about the same matter."))
        case _:
            return None


def file_lost(why: str) -> Card:
    words = _(
        "A file that you sent did not reach us: {why}. Please send it in another way, as a link for example."
    )
    return Card(text=words.format(why=why), tone="warning")


def with_end(card: Card, days: int) -> Card:
    """With when the place ends in which it stands; nothing where it stays."""
    if not days:
        return card
    words = ngettext(
        "This place closes in a day; what was said in it stays in the ticket.",
        "This place closes in {days} days; what was said in it stays in the ticket.",
        days,
    )
    return replace(card, text=f"{card.text}\n{words.format(days=days)}")


def resolved(opened: Opened) -> Card:
    """The ticket is solved: how was it, and a way back."""
    number = opened.number
    stars = tuple(Button("★" * score, f"rate:{score}:{number}") for score in range(1, 6))
    words = _("**#{number}** was marked as resolved. How was it? If something is missing, just write.")
    return Card(
        text=words.format(number=number),
        buttons=(*stars, Button(_("Reopen"), f"reopen:ticket:{number}")),
        tone="good",
    )


def _line(words: str) -> Card:
    return Card(text=words, tone="note")
