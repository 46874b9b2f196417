"""How a call looks in a chat: the invitation with its link, and how it stands."""

from __future__ import annotations

from core.calls import calendar_file
from core.calls.model import Call, CallState
from core.chat import Button, Card, Field
from core.i18n import _

OPEN = (CallState.asked, CallState.ringing, CallState.joined, CallState.on_hold, CallState.scheduled)


def invitation(
    call: Call, who: str, url: str, when: str = "", *, number: int = 0, shared: bool = False
) -> Card:
    """For one person: who calls, and their own link. Over, it says so and leads nowhere. In a place
    that others read, a button stands for the link: it gives each one their own, to them alone."""
    if not call.live:
        return Card(text=state(call), tone="note", private=True)
    words = _("**{who}** calls you. Open the link in a browser; nothing has to be installed.")
    if call.state == CallState.asked:
        words = _("Your wish for a call is told to the desk. With this link you wait for an agent.")
    elif call.state == CallState.scheduled:
        words = _("A call with **{who}** is set for **{when}**. This is your link to it.")
    elif call.running:
        words = _("The call with **{who}** runs. This is your link to it.")
    if shared:
        words = _("**{who}** calls. Press the button: you get your own link, to you alone.")
        if call.state == CallState.scheduled:
            words = _("A call with **{who}** is set for **{when}**. Press the button for your own link.")
    return Card(
        text=words.format(who=who, when=when), buttons=_ways_in(call, url, number, shared), private=True
    )


def _ways_in(call: Call, url: str, number: int, shared: bool) -> tuple[Button, ...]:
    if shared:
        return (Button(_("Join the call"), f"call:ticket:{number}", style="primary"),)
    join = Button(_("Join the call"), url=url, style="primary")
    if call.state == CallState.scheduled:
        return (join, Button(_("Add to my calendar"), url=f"{url}/{calendar_file.NAME}"))
    return (join,)


def standing(call: Call, number: int, people: list[str], score: str = "", *, recorded: bool = False) -> Card:
    """For a desk room: how the call of a ticket stands. The button gives everyone their own link."""
    fields = [Field(_("Call"), state(call))]
    if people:
        fields.append(Field(_("In it"), ", ".join(people)))
    if call.seconds:
        fields.append(Field(_("Length"), length(call.seconds)))
    if recorded:
        fields.append(Field(_("Recording"), _("On the ticket's page")))
    if score:
        fields.append(Field(_("Rating"), score))
    buttons = (Button(_("Join the call"), f"call:ticket:{number}", style="primary"),) if call.live else ()
    return Card(fields=tuple(fields), buttons=buttons, tone="good" if call.running else "note")


def state(call: Call) -> str:
    """Where a call stands, in words."""
    return {
        "scheduled": _("Call is set"),
        "asked": _("A call is asked for"),
        "ringing": _("Ringing"),
        "joined": _("In the call"),
        "on_hold": _("On hold"),
        "ended": _("The call is over ({length}).").format(length=length(call.seconds)),
        "missed": _("Nobody came to the call"),
        "declined": _("The call was declined"),
        "failed": _("The call was ended by a fault"),
    }.get(call.state, call.state)


def length(seconds: int) -> str:
    return f"{seconds // 60}:{seconds % 60:02}"
