"""The mails by name. Each is made when it is sent, from the ids in its delivery row; None means
that there is nothing to say any more, a time that it is too early."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import Select, exists, or_, select

from bot.mailing.letter import Letter, Quote, Sheet, as_html, as_text, moment
from core import clock
from core.access import SYSTEM
from core.calls import access as call_access
from core.calls import calendar_file, join_links
from core.calls.model import Call, CallPerson
from core.conversations import service as conversations
from core.conversations.model import Audience, Conversation, Message
from core.conversations.service import Thread
from core.db import EventRow, UnitOfWork
from core.errors import NotFound
from core.i18n import _, speaking
from core.notices import unsubscribe
from core.notices.rules import KINDS, wants
from core.outbox_model import Delivery
from core.people import links
from core.people import service as people
from core.people.model import Person
from core.people.service import Known
from core.ports.mail import Mail
from core.tickets import access
from core.tickets.access import Opened
from core.tickets.events import RequesterLeft
from core.tickets.model import LIVE, Participant, Ticket

LOOK_AGAIN = timedelta(seconds=60)
"""A requester who sits in the live chat reads it there; when they leave unread, the mail goes."""
MOST_QUOTED = 20
GOOD_FOR = {
    "sign_in_link": links.LIFETIMES[links.Purpose.sign_in],
    "account_exists": links.LIFETIMES[links.Purpose.sign_in],
    "verify_email": links.LIFETIMES[links.Purpose.verify],
    "invite": links.LIFETIMES[links.Purpose.invite],
}
"""How long the link in a mail works, and so how long it is worth trying to send it."""

SITTING = timedelta(minutes=30)
"""Whoever was silent for longer does not sit there any more, even if nobody saw them leave."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who gets a mail: in the clear, with the address it goes to."""

    person: Person
    known: Known
    to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A letter and how it hangs in its thread; `number` heads the subject."""

    letter: Letter
    message_id: str = ""
    ticket_id: UUID | None = None
    root: bool = False
    attachments: tuple[tuple[str, str, bytes], ...] = ()


Write = Callable[["Mails", UnitOfWork, Delivery, Reader], Awaitable[Draft | datetime | None]]


class Mails:
    """Makes mails; `makers` is what the poster needs, by card name. `live` are the channels in
    which people sit and wait, and which say when they leave."""

    def __init__(self, public_url: str, live: Collection[str] = ()) -> None:
        self.url = public_url.rstrip("/")
        self.host = urlsplit(self.url).hostname or "localhost"
        self.live = frozenset(live)

    @property
    def makers(self) -> Mapping[str, Callable[[UnitOfWork, Delivery], Awaitable[Mail | datetime | None]]]:
        return dict.fromkeys(CARDS, self.make)

    async def make(self, uow: UnitOfWork, row: Delivery) -> Mail | datetime | None:
        """The mail of a delivery row, in its reader's language."""
        card = row.card or ""
        reader = await _reader(uow, row)
        if reader is None or (card in KINDS and not wants(reader.person.preferences, card, "mail")):
            return None
        with speaking(reader.known.locale):
            draft = await CARDS[card](self, uow, row, reader)
            return self._mail(uow, row, reader, draft) if isinstance(draft, Draft) else draft

    def _mail(self, uow: UnitOfWork, row: Delivery, reader: Reader, draft: Draft) -> Mail:
        stop = ""
        if row.card is not None and row.card in KINDS:
            token = unsubscribe.token(uow.keys.signing, reader.person.id, row.card)
            stop = f"{self.url}/unsubscribe/{token}"
        sheet = Sheet(desk=uow.settings.name, accent=uow.settings.accent, unsubscribe=stop)
        root = self.address(draft.ticket_id) if draft.ticket_id else ""
        message_id = root if draft.root else draft.message_id or self.address(row.id)
        replies = root if root and root != message_id else ""
        return Mail(
            person_id=reader.person.id,
            to=reader.to,
            to_name=reader.known.name,
            subject=draft.letter.subject,
            text=as_text(draft.letter, sheet),
            html=as_html(draft.letter, sheet),
            message_id=message_id,
            in_reply_to=replies,
            references=(replies,) if replies else (),
            unsubscribe=stop,
            attachments=draft.attachments,
        )

    def address(self, of: UUID) -> str:
        """A message id of ours (RFC 5322, 3.6.4): the same for the same thing, so that a mail
        that is sent twice is seen as one."""
        return f"<{of}@{self.host}>"

    def ticket_url(self, opened: Opened, *, staff: bool = False) -> str:
        return f"{self.url}/tickets/{opened.number}" if staff else f"{self.url}/t/{opened.ticket.link}"


# --- requesters -------------------------------------------------------------------------


async def ticket_received(
    mails: Mails, uow: UnitOfWork, row: Delivery, reader: Reader
) -> Draft | datetime | None:
    opened = await _own_ticket(uow, row, reader)
    if opened is None:
        return None
    letter = Letter(
        subject=_subject(opened, reader),
        greeting=_greeting(reader),
        heading=_("We have your request"),
        paragraphs=(
            _("Your request has the number {number}. We will answer as soon as we can.").format(
                number=opened.number
            ),
            _("There is nothing else you need to do. You can add to it at any time."),
        ),
        buttons=((_("See your request"), mails.ticket_url(opened)),),
        why=_("You get this because you asked {desk} for help.").format(desk=uow.settings.name),
    )
    return Draft(letter=letter, ticket_id=opened.ticket.id, root=True)


async def answered(mails: Mails, uow: UnitOfWork, row: Delivery, reader: Reader) -> Draft | datetime | None:
    """The answers that the requester has not read elsewhere in the meantime."""
    opened = await _own_ticket(uow, row, reader)
    if opened is None:
        return None
    answers = await _unread_answers(uow, opened, row, reader)
    if not answers:
        return None
    held = [m.visible_at for m in answers if m.visible_at is not None and m.visible_at > clock.now()]
    if held:
        return max(held)
    if opened.ticket.channel in mails.live and await _sits_there(uow, opened.ticket):
        return clock.now() + LOOK_AGAIN
    quotes = await _quotes(uow, answers, reader)
    letter = Letter(
        subject=_subject(opened, reader),
        greeting=_greeting(reader),
        quotes=quotes,
        buttons=((_("Answer"), mails.ticket_url(opened)),),
        why=_("You get this because your request {number} was answered.").format(number=opened.number),
    )
    return Draft(letter=letter, message_id=mails.address(answers[-1].id), ticket_id=opened.ticket.id)


async def resolved(mails: Mails, uow: UnitOfWork, row: Delivery, reader: Reader) -> Draft | datetime | None:
    opened = await _own_ticket(uow, row, reader)
    if opened is None or opened.ticket.status in LIVE:
        return None
    letter = Letter(
        subject=_subject(opened, reader),
        greeting=_greeting(reader),
        heading=_("Your request is resolved"),
        paragraphs=(
            _("We think that your request {number} is done.").format(number=opened.number),
            _("If it is not, simply answer within {days} days, and it is open again.").format(
                days=uow.settings.reopen_days
            ),
        ),
        buttons=(
            (_("How was it?"), mails.ticket_url(opened) + "#rating"),
            (_("See your request"), mails.ticket_url(opened)),
        ),
        why=_("You get this because you asked {desk} for help.").format(desk=uow.settings.name),
    )
    return Draft(letter=letter, ticket_id=opened.ticket.id)


# --- agents -----------------------------------------------------------------------------


async def assigned(mails: Mails, uow: UnitOfWork, row: Delivery, reader: Reader) -> Draft | datetime | None:
    opened = await _seen_by(uow, row, reader)
    if opened is None or opened.ticket.assignee_id != reader.person.id:
        return None
    letter = Letter(
        subject=_subject(opened, reader),
        greeting=_greeting(reader),
        heading=_("A ticket is yours"),
        paragraphs=(_assigned_by(await _name(uow, row, "by")),),
        buttons=((_("Open the ticket"), mails.ticket_url(opened, staff=True)),),
        why=_("You get this because tickets that are assigned to you are mailed to you."),
    )
    return Draft(letter=letter, ticket_id=opened.ticket.id)


async def mention(mails: Mails, uow: UnitOfWork, row: Delivery, reader: Reader) -> Draft | datetime | None:
    opened = await _seen_by(uow, row, reader)
    message_id = _uuid(row, "message")
    message = await uow.session.get(Message, message_id) if message_id else None
    if opened is None or message is None or message.deleted_at is not None:
        return None
    quotes = await _quotes(uow, [message], reader)
    letter = Letter(
        subject=_subject(opened, reader),
        greeting=_greeting(reader),
        heading=_("You were mentioned"),
        quotes=quotes,
        buttons=((_("Open the ticket"), mails.ticket_url(opened, staff=True)),),
        why=_("You get this because a colleague mentioned you."),
    )
    return Draft(letter=letter, message_id=mails.address(row.id), ticket_id=opened.ticket.id)


# --- accounts ---------------------------------------------------------------------------


async def sign_in_link(
    mails: Mails, uow: UnitOfWork, row: Delivery, reader: Reader
) -> Draft | datetime | None:
    return await _account(
        mails,
        uow,
        row,
        reader,
        subject=_("Your sign-in link for {desk}"),
        words=_("Here is the link that signs you in. It works once, for 10 minutes."),
        button=_("Sign in"),
        after=_("If you did not ask for it, you need do nothing: nobody can sign in without this mail."),
    )


async def verify_email(
    mails: Mails, uow: UnitOfWork, row: Delivery, reader: Reader
) -> Draft | datetime | None:
    return await _account(
        mails,
        uow,
        row,
        reader,
        subject=_("Confirm your address for {desk}"),
        words=_("Please confirm that this address is yours. The link works once, for a day."),
        button=_("Confirm the address"),
        after=_("If you did not ask for it, you need do nothing."),
    )


async def invite(mails: Mails, uow: UnitOfWork, row: Delivery, reader: Reader) -> Draft | datetime | None:
    return await _account(
        mails,
        uow,
        row,
        reader,
        subject=_("You are invited to {desk}"),
        words=_("You have an account there now. The link lets you in, and works once, for seven days."),
        button=_("Accept the invitation"),
        after=_("If you do not know why you get this, you need do nothing."),
    )


async def account_exists(
    mails: Mails, uow: UnitOfWork, row: Delivery, reader: Reader
) -> Draft | datetime | None:
    return await _account(
        mails,
        uow,
        row,
        reader,
        subject=_("You have an account at {desk} already"),
        words=_(
            "Somebody, probably you, gave this address for a new account. It has one: this link signs you in."
        ),
        button=_("Sign in"),
        after=_("If it was not you, you need do nothing."),
    )


async def transcript(mails: Mails, uow: UnitOfWork, row: Delivery, reader: Reader) -> Draft | datetime | None:
    """The conversation, as the requester sees it. To an address that is not proved it goes only
    once the desk has answered: else anybody could mail anybody whatever they like through us."""
    opened = await _own_ticket(uow, row, reader, asked_for=True)
    if opened is None:
        return None
    if not reader.known.email_verified and opened.ticket.first_answer_at is None:
        return None
    said = await uow.session.scalars(
        _visible_messages(opened).order_by(Message.at.desc(), Message.seq.desc()).limit(200)
    )
    quotes = await _quotes(uow, list(said)[::-1], reader)
    letter = Letter(
        subject=_subject(opened, reader),
        greeting=_greeting(reader),
        heading=_("Your conversation"),
        quotes=quotes,
        buttons=((_("See your request"), mails.ticket_url(opened)),),
        why=_("You get this because you asked for a transcript."),
    )
    return Draft(letter=letter, message_id=mails.address(row.id), ticket_id=opened.ticket.id)


# --- calls ------------------------------------------------------------------------------


async def call(mails: Mails, uow: UnitOfWork, row: Delivery, reader: Reader) -> Draft | datetime | None:
    """A personal link to a call, for the requester or a guest; with a file for their calendar."""
    opened, found, mine = await _called(uow, row, reader)
    if opened is None or found is None or mine is None:
        return None
    if opened.ticket.requester_id == reader.person.id and await _own_ticket(uow, row, reader) is None:
        return None
    url = mails.url + join_links.path(uow, mine)
    at = moment(found.scheduled_at, reader.known) if found.scheduled_at else ""
    heading = _("You are invited to a call")
    words = _(
        "Open the link in a browser; nothing has to be installed. It is for you alone: do not pass it on."
    )
    letter = Letter(
        subject=_("[#{number}] A call on {time}").format(number=opened.number, time=at)
        if at
        else _("[#{number}] You are called").format(number=opened.number),
        greeting=_greeting(reader),
        heading=_("A call is set for {time}").format(time=at) if at else heading,
        paragraphs=(words,),
        buttons=((_("Join the call"), url),),
        why=_("You get this because {desk} calls you about a request.").format(desk=uow.settings.name),
    )
    files: tuple[tuple[str, str, bytes], ...] = ()
    if found.scheduled_at is not None:
        title = _("Call with {desk}").format(desk=uow.settings.name)
        files = (
            (calendar_file.NAME, "text/calendar", calendar_file.calendar_file(found, title, words, url)),
        )
    thread = opened.ticket.id if opened.ticket.requester_id == reader.person.id else None
    return Draft(letter=letter, message_id=mails.address(row.id), ticket_id=thread, attachments=files)


async def call_invited(
    mails: Mails, uow: UnitOfWork, row: Delivery, reader: Reader
) -> Draft | datetime | None:
    """A colleague is asked into a call; their own link is behind the desk's sign-in."""
    opened, found, mine = await _called(uow, row, reader)
    if opened is None or found is None or mine is None or await _seen_by(uow, row, reader) is None:
        return None
    letter = Letter(
        subject=_subject(opened, reader),
        greeting=_greeting(reader),
        heading=_("You are invited to a call"),
        buttons=((_("Join the call"), f"{mails.ticket_url(opened, staff=True)}/call"),),
        why=_("You get this because a colleague invites you to a call."),
    )
    return Draft(letter=letter, ticket_id=opened.ticket.id)


async def _called(
    uow: UnitOfWork, row: Delivery, reader: Reader
) -> tuple[Opened | None, Call | None, CallPerson | None]:
    """The call of a row while it is to come or runs, and the reader's place in it."""
    opened, call_id = await _ticket(uow, row), _uuid(row, "call")
    found = await uow.session.get(Call, call_id) if call_id else None
    if opened is None or found is None or not found.live:
        return None, None, None
    mine = await call_access.person_in(uow, found.id, reader.person.id)
    return opened, found, mine


CARDS: Mapping[str, Write] = {
    card.__name__: card
    for card in (
        ticket_received,
        answered,
        resolved,
        assigned,
        mention,
        sign_in_link,
        verify_email,
        invite,
        account_exists,
        transcript,
        call,
        call_invited,
    )
}


# --- shared steps -----------------------------------------------------------------------


async def _reader(uow: UnitOfWork, row: Delivery) -> Reader | None:
    """Who gets it; nobody when they have gone, or have no address."""
    person = await uow.session.get(Person, row.person_id) if row.person_id else None
    if person is None or not person.active or person.erased_at is not None or person.blocked_at is not None:
        return None
    known = await people.know(uow, person)
    secret = await _secret(uow, row)
    to = secret.get("to") or known.email
    return Reader(person, known, to) if to else None


async def _secret(uow: UnitOfWork, row: Delivery) -> dict[str, str]:
    return await links.mailed(uow, row) if "sealed" in row.args else {}


async def _account(
    mails: Mails,
    uow: UnitOfWork,
    row: Delivery,
    reader: Reader,
    *,
    subject: str,
    words: str,
    button: str,
    after: str,
) -> Draft | None:
    """A mail about the reader's account; it holds a link and goes out whatever they have turned
    off. Once the link is too old it is not worth sending any more."""
    if clock.now() - row.created_at > GOOD_FOR.get(row.card or "", timedelta(days=1)):
        return None
    secret = await _secret(uow, row)
    url = mails.url + secret["path"] if "path" in secret else secret.get("url", "")
    if not url:
        return None
    desk = uow.settings.name
    return Draft(
        letter=Letter(
            subject=subject.format(desk=desk),
            greeting=_greeting(reader),
            paragraphs=(words,),
            buttons=((button, url),),
            after=(after,),
            why=_("This is about your account at {desk}.").format(desk=desk),
        )
    )


async def _own_ticket(
    uow: UnitOfWork, row: Delivery, reader: Reader, *, asked_for: bool = False
) -> Opened | None:
    """The reader's own ticket. To an address that is not proved only goes what its owner asked
    for: what they wrote on themselves."""
    opened = await _ticket(uow, row)
    if opened is None or not opened.key or opened.ticket.requester_id != reader.person.id:
        return None
    if asked_for or reader.known.email_verified or await _wrote_on(uow, opened, reader.person.id):
        return opened
    return None


async def _ticket(uow: UnitOfWork, row: Delivery) -> Opened | None:
    named = row.args.get("ticket")
    try:
        if isinstance(named, int):
            return await access.get(uow, SYSTEM, named)
        return await access.by_id(uow, SYSTEM, UUID(str(named))) if named else None
    except NotFound:
        return None


async def _seen_by(uow: UnitOfWork, row: Delivery, reader: Reader) -> Opened | None:
    """The ticket, if the reader may see it still, and the address is theirs."""
    if not reader.known.email_verified:
        return None
    ticket_id = _uuid(row, "ticket")
    actor = await people.actor_of(uow, reader.person)
    try:
        return await access.by_id(uow, actor, ticket_id) if ticket_id else None
    except NotFound:
        return None


async def _wrote_on(uow: UnitOfWork, opened: Opened, person_id: UUID) -> bool:
    wrote = exists().where(Message.conversation_id == opened.thread.id, Message.author_id == person_id)
    return bool(await uow.session.scalar(select(wrote)))


async def _sits_there(uow: UnitOfWork, ticket: Ticket) -> bool:
    """Whether the requester looks at the live chat: they said something, or came back, and were
    not seen leaving since."""
    seen = await uow.session.scalar(
        select(EventRow)
        .where(EventRow.subject == ticket.id, EventRow.name == RequesterLeft.name)
        .order_by(EventRow.at.desc())
        .limit(1)
    )
    said = ticket.last_requester_at or ticket.created_at
    if seen is not None and seen.at >= said:
        return bool(seen.data.get("back")) and clock.now() - seen.at < SITTING
    return clock.now() - said < SITTING


async def _unread_answers(
    uow: UnitOfWork, opened: Opened, row: Delivery, reader: Reader
) -> Sequence[Message]:
    mark = await uow.session.get(Participant, (opened.ticket.id, reader.person.id))
    query = _visible_messages(opened, held=True).where(
        Message.conversation_id == opened.thread.id,
        Message.side == "staff",
        Message.seq >= int(row.args.get("from", 0)),
        Message.seq <= int(row.args.get("upto", 0)),
        Message.seq > (mark.read_seq if mark else 0),
    )
    return list(await uow.session.scalars(query.order_by(Message.seq).limit(MOST_QUOTED)))


def _visible_messages(opened: Opened, *, held: bool = False) -> Select[Message]:
    query = (
        select(Message)
        .join(Conversation, Conversation.id == Message.conversation_id)
        .where(
            or_(Conversation.id == opened.thread.id, Conversation.root_id == opened.thread.id),
            Message.audience == Audience.everyone,
            Message.deleted_at.is_(None),
            Message.hidden_at.is_(None),
        )
    )
    return query if held else query.where(Message.visible_at <= clock.now())


async def _quotes(uow: UnitOfWork, messages: Sequence[Message], reader: Reader) -> tuple[Quote, ...]:
    known = await people.known(uow.session, uow, {message.author_id for message in messages})
    quotes = []
    for message in messages:
        thread = await _thread(uow, message.conversation_id)
        author = known.get(message.author_id) if message.author_id else None
        quotes.append(
            Quote(
                author=_author(uow, message, author, reader),
                at=moment(message.at, reader.known),
                markdown=conversations.read(thread, message) if thread.key else "",
                files=message.files,
            )
        )
    return tuple(quotes)


async def _thread(uow: UnitOfWork, conversation_id: UUID) -> Thread:
    conversation = await uow.session.get(Conversation, conversation_id)
    assert conversation is not None
    return Thread(conversation, await access.thread_key(uow.session, uow.keys, conversation))


def _author(uow: UnitOfWork, message: Message, author: Known | None, reader: Reader) -> str:
    """Who said it; requesters see agents' names only where the desk shows them. What one said
    oneself is one's own, also without a name."""
    for_requester = reader.known.role == "requester"
    if message.author_id == reader.person.id:
        return reader.known.display_name or reader.known.name or _("You")
    if message.side == "requester" and for_requester:
        return (author.display_name or author.name if author else "") or _("Another participant")
    if author is None or (message.side == "staff" and for_requester and not uow.settings.show_agent_names):
        return uow.settings.name
    return (author.display_name or author.name or uow.settings.name) if for_requester else author.shown


async def _name(uow: UnitOfWork, row: Delivery, key: str) -> str:
    person_id = _uuid(row, key)
    known = await people.known(uow.session, uow, [person_id])
    return known[person_id].shown if person_id in known else ""


def _assigned_by(name: str) -> str:
    if name:
        return _("{name} assigned this ticket to you.").format(name=name)
    return _("This ticket was assigned to you by a rule of the desk.")


def _subject(opened: Opened, reader: Reader) -> str:
    """One subject for the whole thread. An address that is not proved gets no words of the
    request: nobody shall mail strangers through us."""
    if reader.known.role == "requester" and not reader.known.email_verified:
        return _("[#{number}] Your request").format(number=opened.number)
    return _("[#{number}] {subject}").format(number=opened.number, subject=opened.subject)


def _greeting(reader: Reader) -> str:
    """By name only where the address has proved to belong to whoever gave the name."""
    name = reader.known.display_name or reader.known.name
    if not name or not reader.known.email_verified:
        return _("Hello,")
    return _("Hello {name},").format(name=name)


def _uuid(row: Delivery, key: str) -> UUID | None:
    value = row.args.get(key)
    return UUID(str(value)) if value else None
