"""How articles look in chats, beside the offer itself."""

from __future__ import annotations

from collections.abc import Sequence

from bot.cards.looking import line as ticket_line
from core.chat import Button, Card
from core.fit import shorten
from core.i18n import _
from core.kb.offer_card import address
from core.kb.sending import Sendable
from core.tickets.access import Opened
from core.tickets.queries import Row


def solved(opened: Opened, *, pressed: bool) -> Card:
    """The answer to who says that it is solved. Who pressed it on the offer finds the way back there: the
    offer's own card says it for all."""
    number = opened.number
    undo = Button(_("Undo, it is not solved"), f"unsolved:ticket:{number}")
    return Card(
        text=_("Good that it helped. **#{number}** is marked as resolved.").format(number=number),
        buttons=() if pressed else (undo,),
        tone="good",
        private=pressed,
    )


def found(articles: Sequence[Sendable], tickets: Sequence[Row], here: int | None, public_url: str) -> Card:
    """What there is to read and to send; a press sends the link to the requester of this ticket."""
    lines = [f"**{_('Articles')}**"] if articles else [_("No article fits.")]
    for each in articles:
        title = shorten(each.line.title, 120).replace("[", "(").replace("]", ")")
        lines.append(f"`{each.line.number}` [{title}]({address(each.line, public_url)})")
        if each.sentence:
            lines.append(each.sentence)
    if tickets:
        lines += ["", f"**{_('Solved before')}**", *(ticket_line(row) for row in tickets)]
    buttons: tuple[Button, ...] = ()
    if here is not None:
        buttons = tuple(
            Button(_("Send {number}").format(number=each.line.number), f"article:{each.line.number}:{here}")
            for each in articles
            if each.line.audience == "public"
        )
    return Card(title=_("Knowledge base"), text="\n".join(lines), buttons=buttons, private=True, inside=True)
