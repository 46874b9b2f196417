"""What requesters say to the desk: my tickets, status, close, reopen, rate, a human."""

from __future__ import annotations

from contextlib import suppress

from sqlalchemy import select

from bot import brought, forms, steps
from bot.cards import tickets as cards
from bot.registry import COMMANDS, Turn, command, typed, usage
from core.access import Permission
from core.chat import Button, Card, Form, Invoked, Option, Said, Select
from core.conversations import service as conversations
from core.conversations.model import Conversation
from core.conversations.service import Thread
from core.errors import Invalid, NotFound
from core.i18n import LANGUAGES, _, set_language
from core.ids import new_id
from core.kb import suggesting
from core.people import service as people
from core.tickets import access
from core.tickets import service as tickets
from core.tickets.access import Opened
from core.tickets.model import Ticket

MOST_LISTED = 10


@command("help", "What you can write here", often=True)
async def help_(turn: Turn) -> Card:
    lines = [
        f"`{usage(known, turn.limits)}` — {_(known.title)}"
        for known in COMMANDS.values()
        if known.needs is None or turn.actor.may(known.needs)
    ]
    return Card(title=_("What you can write here"), text="\n".join(lines), private=True)


@command("new", "Ask for help with something new", often=True)
async def new(turn: Turn, text: str = "") -> Card | Form:
    """The place lets go of the ticket that it held; what is said next opens another one."""
    own_place = await forms.needs_own_place(turn)
    if not own_place:
        await conversations.leave_seat(turn.uow, turn.inbound.place)
    if not text and not turn.files:
        return await forms.ticket(turn)
    inbound = turn.inbound
    request = tickets.Request(
        text=text,
        channel=inbound.place.platform,
        language=turn.person.locale,
        place=None if own_place else inbound.place,
        native=inbound.native if isinstance(inbound, Invoked) and inbound.standing and not own_place else "",
        message_id=new_id(),
        files=brought.stored(turn.files),
        files_follow=brought.follow(turn.files),
    )
    opened = await tickets.open_ticket(turn.uow, turn.actor, turn.person, request)
    assert request.message_id is not None
    brought.expect(turn, opened, request.message_id)
    return forms.received(turn, opened, own_place)


@command("ask", "Ask for help in a category")
async def ask(turn: Turn, category: str = "") -> Form:
    """What the panel's button and choice open; `category` is its id."""
    return await forms.ticket(turn, category.strip()[:40])


@command("panel", "Put a panel here by which people ask for help", needs=Permission.manage_desk)
async def panel(turn: Turn) -> Card:
    """A card that stays: a press opens the form, a choice opens it for a category."""
    options = await forms.categories(turn)
    selects = (Select("ask:category:0", _("What is it about?"), options),) if options else ()
    return Card(
        title=_("How can we help?"),
        text=_("Press the button, say what you need, and a person answers you here."),
        buttons=(Button(_("Ask for help"), "ask:ticket:0", style="primary"),),
        selects=selects,
    )


@command("tickets", "Your tickets", often=True)
async def mine(turn: Turn) -> Card:
    listed = await _own(turn)
    return cards.ticket_list(listed, here=turn.here)


@command("switch", "Go on with another of your tickets here")
async def switch(turn: Turn, ticket: int) -> Card:
    opened = await access.change(turn.uow, turn.actor, ticket)
    if opened.ticket.requester_id != turn.person.id:
        raise Invalid(_("You can go on here with your own tickets only."), field="ticket")
    if await forms.needs_own_place(turn):
        raise Invalid(_("Others read along here. Go on with your ticket in your own chat with the desk."))
    await conversations.take_seat(turn.uow, opened.thread, turn.inbound.place, person_id=turn.person.id)
    return cards.ticket(opened, turn.actor, note=_("What you write here goes to this ticket now."))


@command("start", "Begin")
async def start(turn: Turn, payload: str = "") -> Card | Form:
    """The first word on some platforms; a link may carry a category or one of one's own tickets."""
    kind, _sep, value = payload.strip().partition("-")
    if kind == "t" and value:
        opened = await access.by_link(turn.uow, turn.actor, value, lock=True)
        return await switch(turn, opened.number)
    if kind == "c" and value:
        return await forms.ticket(turn, value[:40])
    words = _(
        "Hello! Write what you need help with, and a person will answer here. {help} says what else you can do."
    )
    return Card(text=words.format(help=typed("help", turn.limits)))


@command("cancel", "Stop what is being asked")
async def cancel(turn: Turn) -> Card:
    if await steps.forget(turn):
        return Card(text=_("Cancelled."))
    return Card(text=_("There is nothing to cancel."))


@command("delete", "Take back the message that you reply to")
async def delete(turn: Turn) -> Card:
    """Where a platform does not tell of deleted messages."""
    native = turn.inbound.reply_to if isinstance(turn.inbound, (Invoked, Said)) else ""
    found = await conversations.standing_at(turn.uow, turn.inbound.place, native) if native else None
    if found is None:
        words = _("Reply to the message that you want to take back with {delete}.")
        raise Invalid(words.format(delete=typed("delete", turn.limits)))
    message, place = found
    opened = await access.by_message(turn.uow, turn.actor, message, lock=True)
    await turn.uow.session.refresh(message)
    await conversations.delete(turn.uow, opened.thread, turn.actor, message, origin=place)
    return Card(text=_("Taken back. Where we had shown it, it is gone; delete your own message yourself."))


@command("status", "Where a ticket stands", often=True)
async def status(turn: Turn, ticket: int) -> Card:
    opened = await access.get(turn.uow, turn.actor, ticket)
    known = await people.known(turn.uow.session, turn.uow, [opened.ticket.assignee_id])
    assignee = known.get(opened.ticket.assignee_id) if opened.ticket.assignee_id else None
    if not turn.actor.staff and not turn.uow.settings.show_agent_names:
        assignee = None
    return cards.ticket(opened, turn.actor, assignee)


@command("close", "Close a ticket", often=True)
async def close(turn: Turn, ticket: int) -> Card:
    opened = await tickets.close(turn.uow, turn.actor, ticket)
    return cards.ticket(opened, turn.actor, note=_("This ticket is closed."))


@command("reopen", "Open a ticket again", often=True)
async def reopen(turn: Turn, ticket: int) -> Card:
    opened = await tickets.reopen(turn.uow, turn.actor, ticket)
    return cards.ticket(opened, turn.actor, note=_("This ticket is open again."))


@command("rate", "Say how it was, 1 to 5")
async def rate(turn: Turn, score: int, ticket: int, comment: str = "") -> Card:
    await tickets.rate(turn.uow, turn.actor, ticket, score, comment)
    return Card(text=_("Thank you for telling us."), tone="good")


@command("human", "Talk to a person", often=True)
async def human(turn: Turn, number: int = 0) -> Card:
    """Whatever was suggested: a person reads it. `number` is the ticket that it is about."""
    if about := number or turn.here:
        with suppress(NotFound):
            await suggesting.dismissed(turn.uow, turn.actor, about, human=True)
    return Card(text=_("A person will read what you write here and answer as soon as someone is free."))


@command("language", "Choose your language")
async def language(turn: Turn, code: str = "") -> Card:
    wanted = code.strip().casefold()[:2]
    if not wanted:
        options = tuple(Option(name, short) for short, name in (("en", "English"), ("de", "Deutsch")))
        return Card(text=_("Which language?"), selects=(Select("language:is:0", _("Language"), options),))
    if wanted not in LANGUAGES:
        raise Invalid(_("We speak: {languages}.").format(languages=", ".join(LANGUAGES)), field="code")
    await people.change(turn.uow, turn.person, locale=wanted)
    set_language(wanted)
    return Card(text=_("Done."), tone="good")


async def home(turn: Turn) -> Card:
    """A page of one's own: the tickets, and a way to ask."""
    listed = await _own(turn)
    card = cards.ticket_list(listed, here=None)
    ask = Button(_("Ask for help"), "new:ticket:0", style="primary")
    return Card(card.text, _("Your tickets"), buttons=(ask, *card.buttons))


async def _own(turn: Turn) -> list[Opened]:
    rows = await turn.uow.session.execute(
        select(Ticket, Conversation)
        .join(Conversation, Conversation.id == Ticket.conversation_id)
        .where(Ticket.requester_id == turn.person.id)
        .order_by(Ticket.updated_at.desc())
        .limit(MOST_LISTED)
    )
    return [
        Opened(
            ticket,
            Thread(conversation, await access.thread_key(turn.uow.session, turn.uow.keys, conversation)),
        )
        for ticket, conversation in rows
    ]
