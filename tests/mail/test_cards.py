"""The mails of the desk: from what happened, over a delivery row, to a letter in the outbox."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import select

from adapters.mail.outbox import OutboxMailer
from bot.mailing import MailPoster, Mails, make_teller
from bot.post import Posting
from core import clock
from core.calls import service as calls
from core.chat import Gone, PostFailed
from core.conversations.model import Message
from core.db import EventRow
from core.desk import Desk
from core.notices import outbox, unsubscribe
from core.notices.service import set_preference
from core.outbox_model import Delivery, OutboxMail
from core.people import links
from core.people.model import Person
from core.ports.mail import Mail
from core.tickets import access
from core.tickets import service as tickets
from core.tickets.events import RequesterLeft
from core.tickets.model import Ticket
from tests.notices.world import Clock, actor, agent, opened, requester, says, told

URL = "https://help.example.com"


@dataclass
class PostOffice:
    """The outbox as the way out, with a switch for when it fails."""

    desk: Desk
    time: Clock
    fails: PostFailed | None = None

    def __post_init__(self) -> None:
        self.kept = OutboxMailer(self.desk)
        self.mails = Mails(URL)
        self.posting = Posting(self.desk, {"mail": MailPoster(self)}, self.mails.makers)
        self.teller = make_teller(self.desk)

    async def send(self, mail: Mail) -> None:
        if self.fails is not None:
            raise self.fails
        await self.kept.send(mail)

    async def work(self, **forward: float) -> list[Mail]:
        """Tell and send what is due after some time; everything that has been mailed so far."""
        await told(self.desk, self.teller)
        self.time.forward(**forward)
        while await self.posting.send_due():
            pass
        admin = await agent(self.desk, "Admin", role="admin")
        who = await actor(self.desk, admin)
        async with self.desk.unit(who) as uow:
            return [one.mail for one in (await outbox.listed(uow, who))[::-1] if one.mail is not None]

    async def rows(self) -> list[Delivery]:
        async with self.desk.unit() as uow:
            return list(
                await uow.session.scalars(
                    select(Delivery).where(Delivery.kind == "mail").order_by(Delivery.id)
                )
            )


@pytest.fixture
async def office(desk: Desk) -> AsyncIterator[PostOffice]:
    time = Clock()
    with clock.fixed(time):
        yield PostOffice(desk, time)


async def answer(desk: Desk, person: Person, ticket: Ticket, text: str, hold: int = 0) -> Message:
    async with desk.unit(await actor(desk, person)) as uow:
        _opened, message = await tickets.reply(uow, uow.actor, ticket.number, text, hold=hold)
        return message


async def test_a_request_from_received_to_resolved_is_one_thread(desk: Desk, office: PostOffice) -> None:
    ada, bob = await requester(desk, zone="Europe/Berlin"), await agent(desk, "Bob")
    ticket = await opened(desk, ada, "The printer is on fire")
    (received,) = await office.work()
    assert received.to == "ada@example.org"
    assert received.subject == f"[#{ticket.number}] The printer is on fire"
    assert f"{URL}/t/{ticket.link}" in received.text
    message = await answer(desk, bob, ticket, "**Water** is on its way <script>alert(1)</script>")
    async with desk.unit(await actor(desk, bob)) as uow:
        await tickets.resolve(uow, uow.actor, ticket.number, "Secret solution")
    _received, answered, resolved = await office.work(seconds=61)
    root = f"<{ticket.id}@help.example.com>"
    assert received.message_id == root
    assert answered.message_id == f"<{message.id}@help.example.com>"
    assert answered.in_reply_to == resolved.in_reply_to == root
    assert answered.references == (root,)
    assert len({received.message_id, answered.message_id, resolved.message_id}) == 3
    assert {mail.subject for mail in (received, answered, resolved)} == {received.subject}
    assert "Water is on its way" in answered.text
    assert "<strong>Water</strong>" in answered.html
    assert "<script" not in answered.html
    assert "Bob, " in answered.text
    assert f"{URL}/t/{ticket.link}#rating" in resolved.html
    assert "Secret" not in resolved.text + resolved.html
    assert {row.state for row in await office.rows()} == {"sent"}


async def test_answers_close_together_are_one_mail_and_what_was_read_is_none(
    desk: Desk, office: PostOffice
) -> None:
    ada, bob = await requester(desk), await agent(desk, "Bob")
    ticket = await opened(desk, ada)
    await office.work()
    await answer(desk, bob, ticket, "One moment")
    assert len(await office.work(seconds=30)) == 1, "not before its time"
    await answer(desk, bob, ticket, "Found it")
    mails = await office.work(seconds=31)
    assert len(mails) == 2
    assert "One moment" in mails[1].text
    assert "Found it" in mails[1].text
    read = await answer(desk, bob, ticket, "Read in the chat")
    await office.work()
    async with desk.unit(await actor(desk, ada)) as uow:
        found = await access.by_id(uow, uow.actor, ticket.id)
        await tickets.mark_read(uow, found, ada.id, read.seq)
    assert len(await office.work(seconds=61)) == 2
    assert (await office.rows())[-1].state == "cancelled"


async def test_whoever_sits_in_the_live_chat_gets_the_mail_only_after_leaving_unread(
    desk: Desk, office: PostOffice
) -> None:
    office.mails.live = frozenset({"webchat"})
    ada, bob = await requester(desk), await agent(desk, "Bob")
    ticket = await opened(desk, ada)

    async def seen(*, back: bool) -> None:
        async with desk.unit() as uow:
            uow.emit(RequesterLeft(subject=ticket.id, number=ticket.number, back=back))

    await office.work()
    await answer(desk, bob, ticket, "Are you there?")
    for _again in range(3):
        assert len(await office.work(seconds=61)) == 1
    await seen(back=False)
    assert len(await office.work(seconds=61)) == 2
    await seen(back=True)
    await answer(desk, bob, ticket, "Back again?")
    assert len(await office.work(seconds=61)) == 2
    assert len(await office.work(minutes=31)) == 3, "nobody sits there for ever"


async def test_what_was_taken_back_is_not_mailed_and_what_is_held_waits(
    desk: Desk, office: PostOffice
) -> None:
    ada, bob = await requester(desk), await agent(desk, "Bob")
    ticket = await opened(desk, ada)
    await office.work()
    message = await answer(desk, bob, ticket, "Wrong window", hold=60)
    await office.work(seconds=10)
    from core.conversations import service as conversations

    async with desk.unit(await actor(desk, bob)) as uow:
        found = await access.by_id(uow, uow.actor, ticket.id, lock=True)
        mine = await tickets.message_in(uow, found, message.id)
        await conversations.delete(uow, found.thread, uow.actor, mine)
    assert len(await office.work(seconds=600)) == 1


async def test_an_address_that_proved_nothing_gets_only_what_its_owner_asked_for(
    desk: Desk, office: PostOffice
) -> None:
    bob = await agent(desk, "Bob")
    stranger = await requester(desk, "Buy now http://evil.example", verified=False)
    asked = await opened(desk, stranger, "Cheap pills at http://evil.example")
    (received,) = await office.work()
    assert received.subject == f"[#{asked.number}] Your request"
    assert "evil" not in received.text + received.html + received.subject
    made = await opened(desk, stranger, "They called us", by=bob)
    await answer(desk, bob, made, "Hello?")
    assert len(await office.work(seconds=61)) == 1, "nothing about what somebody else opened"
    await says(desk, stranger, made, "Yes, that was me")
    await answer(desk, bob, made, "Good")
    assert len(await office.work(seconds=61)) == 2


async def test_no_address_no_mail_and_blocked_or_gone_neither(desk: Desk, office: PostOffice) -> None:
    ticket = await opened(desk, await requester(desk, email=""))
    assert await office.work() == []
    assert await office.rows() == []
    ada = await requester(desk)
    await opened(desk, ada)
    await told(desk, office.teller)
    async with desk.unit() as uow:
        person = await uow.session.get(Person, ada.id)
        assert person is not None
        person.active = False
    assert await office.work() == []
    assert ticket.number


async def test_agents_are_mailed_what_is_theirs_in_their_language(desk: Desk, office: PostOffice) -> None:
    bob = await agent(desk, "Bob", email="bob@example.com", locale="de")
    eve = await agent(desk, "Eve", email="eve@example.com")
    ticket = await opened(desk, await requester(desk, email=""))
    async with desk.unit(await actor(desk, eve)) as uow:
        await tickets.assign(uow, uow.actor, ticket.number, to=bob.id)
        await tickets.note(uow, uow.actor, ticket.number, "Look at *this*", mentions=[bob.id])
    assigned, mentioned = await office.work()
    assert (assigned.to, mentioned.to) == ("bob@example.com", "bob@example.com")
    assert "Eve" in assigned.text
    assert f"{URL}/tickets/{ticket.number}" in assigned.text
    assert "<em>this</em>" in mentioned.html
    assert 'lang="de"' in mentioned.html
    async with desk.unit() as uow:
        person = await uow.session.get(Person, bob.id)
        assert person is not None
        set_preference(person, "mention", "mail", False)
    async with desk.unit(await actor(desk, eve)) as uow:
        await tickets.note(uow, uow.actor, ticket.number, "And this", mentions=[bob.id])
    assert len(await office.work()) == 2


async def test_who_was_given_a_ticket_by_a_rule_is_told_so(desk: Desk, office: PostOffice) -> None:
    bob = await agent(desk, "Bob", email="bob@example.com")
    ticket = await opened(desk, await requester(desk, email=""))
    async with desk.unit() as uow:
        await tickets.assign(uow, uow.actor, ticket.number, to=bob.id)
    [mail] = await office.work()
    assert "This ticket was assigned to you by a rule of the desk." in mail.text


async def test_mails_about_the_account_hold_their_link_and_grow_old(desk: Desk, office: PostOffice) -> None:
    ada = await requester(desk, verified=False)
    async with desk.unit() as uow:
        person = await uow.session.get(Person, ada.id)
        assert person is not None
        await links.mail(uow, person, "sign_in_link", path="/sign-in/link/abc123")
        await links.mail(uow, person, "verify_email", path="/verify/def456", to="new@example.org")
        await links.mail(uow, person, "invite", path="/invite/ghi789")
        await links.mail(uow, person, "account_exists", path="/sign-in/link/jkl")
    mails = await office.work()
    assert [(mail.to, mail.unsubscribe) for mail in mails] == [
        ("ada@example.org", ""),
        ("new@example.org", ""),
        ("ada@example.org", ""),
        ("ada@example.org", ""),
    ]
    for mail, path in zip(mails, ("sign-in/link/abc123", "verify/def456", "invite/ghi789"), strict=False):
        assert f"{URL}/{path}" in mail.text
        assert f"{URL}/{path}" in mail.html
    async with desk.unit() as uow:
        person = await uow.session.get(Person, ada.id)
        assert person is not None
        await links.mail(uow, person, "sign_in_link", path="/sign-in/link/late")
    assert len(await office.work(minutes=20)) == 4, "a link that no longer works is not sent"


async def test_a_sign_in_link_does_not_wait_behind_an_answer(desk: Desk, office: PostOffice) -> None:
    ada, bob = await requester(desk), await agent(desk, "Bob")
    ticket = await opened(desk, ada)
    await office.work()
    await answer(desk, bob, ticket, "In a minute")
    async with desk.unit() as uow:
        person = await uow.session.get(Person, ada.id)
        assert person is not None
        await links.mail(uow, person, "sign_in_link", path="/sign-in/link/abc")
    assert ["Your sign-in link" in mail.subject for mail in await office.work()] == [False, True]


async def test_a_transcript_holds_what_the_requester_may_see(desk: Desk, office: PostOffice) -> None:
    ada, bob = await requester(desk, verified=False), await agent(desk, "Bob")
    ticket = await opened(desk, ada)
    async with desk.unit(await actor(desk, bob)) as uow:
        await tickets.note(uow, uow.actor, ticket.number, "Internal thoughts")
    await answer(desk, bob, ticket, "Water is on its way")
    async with desk.unit() as uow:
        person = await uow.session.get(Person, ada.id)
        assert person is not None
        row = await links.mail(uow, person, "transcript", to="ada@home.example")
        row.args = {**row.args, "ticket": ticket.number}
    transcript = next(mail for mail in await office.work() if mail.to == "ada@home.example")
    assert transcript.text.index("The printer is on fire") < transcript.text.index("Water is on its way")
    assert "Internal" not in transcript.text + transcript.html


async def test_whoever_gave_no_name_still_reads_their_own_words_as_their_own(
    desk: Desk, office: PostOffice
) -> None:
    nobody, bob = await requester(desk, ""), await agent(desk, "Bob")
    ticket = await opened(desk, nobody)
    await answer(desk, bob, ticket, "Water is on its way")
    async with desk.unit() as uow:
        person = await uow.session.get(Person, nobody.id)
        assert person is not None
        row = await links.mail(uow, person, "transcript", to="ada@home.example")
        row.args = {**row.args, "ticket": ticket.number}
    text = next(mail for mail in await office.work() if mail.to == "ada@home.example").text
    before, _asked, _rest = text.partition("The printer is on fire")
    assert before.rstrip(" >\n").splitlines()[-1].lstrip("> ").startswith("You")


async def test_a_failure_is_tried_again_and_a_refusal_is_told(desk: Desk, office: PostOffice) -> None:
    ada, bob = await requester(desk), await agent(desk, "Bob")
    ticket = await opened(desk, ada, place=None)
    office.fails = PostFailed("later")
    assert await office.work() == []
    office.fails = None
    assert len(await office.work(minutes=1)) == 1
    office.fails = Gone("550")
    message = await answer(desk, bob, ticket, "Hello")
    await office.work(seconds=61)
    assert (await office.rows())[-1].state == "dead"
    async with desk.unit() as uow:
        told_of = await uow.session.scalars(
            select(EventRow.subject).where(EventRow.name == "message.undelivered")
        )
        assert list(told_of) == [message.id]


async def test_nothing_readable_lies_in_the_rows(desk: Desk, office: PostOffice) -> None:
    ada, bob = await requester(desk), await agent(desk, "Bob")
    ticket = await opened(desk, ada, "Extraordinary combustion")
    await answer(desk, bob, ticket, "Remarkable")
    await office.work(seconds=61)
    async with desk.unit() as uow:
        kept = list(await uow.session.scalars(select(OutboxMail.content)))
        rows = [str(row.args) + row.place_key for row in await uow.session.scalars(select(Delivery))]
    assert kept
    for content in (*kept, *(row.encode() for row in rows)):
        for word in (b"combustion", b"Remarkable", b"ada@example", b"Ada"):
            assert word not in content


def test_an_unsubscribe_token_names_one_person_and_one_kind_and_cannot_be_made() -> None:
    from core.errors import NotFound
    from core.ids import new_id

    person, key = new_id(), b"k" * 32
    good = unsubscribe.token(key, person, "answered")
    assert unsubscribe.read(key, good) == (person, "answered")
    for bad in (
        "",
        "x",
        good[:-2],
        good[::-1],
        "A" * 500,
        unsubscribe.token(b"j" * 32, person, "answered"),
        unsubscribe.token(key, person, "team_ticket"),
        unsubscribe.token(key, person, "ö" * 5),
    ):
        with pytest.raises(NotFound):
            unsubscribe.read(key, bad)


async def test_a_call_is_mailed_with_a_link_of_ones_own_and_a_calendar_file(
    desk: Desk, office: PostOffice
) -> None:
    ada, bob = await requester(desk), await agent(desk, "Bob", email="bob@example.org")
    eve = await agent(desk, "Eve", email="eve@example.org")
    ticket = await opened(desk, ada, "The printer is on fire")
    await office.work()
    at = clock.now() + timedelta(hours=5)
    async with desk.unit(await actor(desk, bob)) as uow:
        call, _mine = await calls.ask(uow, uow.actor, ticket.number, at=at)
        await calls.invite(uow, uow.actor, call.id, eve.id)
        await calls.invite_address(uow, uow.actor, call.id, "kim@example.net")
    by_address = {mail.to: mail for mail in (await office.work())[1:]}
    assert set(by_address) == {"ada@example.org", "eve@example.org", "kim@example.net"}
    ours, guest = by_address["ada@example.org"], by_address["kim@example.net"]
    [(name, mime, content)] = ours.attachments
    assert (name, mime) == ("call.ics", "text/calendar")
    assert f"{at:%Y%m%dT%H%M%SZ}".encode() in content
    assert f"{URL}/c/" in ours.text
    links_in = {re.search(rf"{URL}/c/\w+", mail.text) for mail in (ours, guest)}
    assert len({found.group() for found in links_in if found}) == 2
    assert "printer" not in guest.subject + guest.text, "a guest learns nothing of the request by mail"
    assert f"{URL}/tickets/{ticket.number}/call" in by_address["eve@example.org"].text
