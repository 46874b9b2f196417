"""Erasing a person: their key is destroyed, and what they left in other people's tickets goes.

With the key gone, all that was sealed under it (name, address, own tickets and their files) is
noise. The row stays with its id, so that counts and timelines keep their shape; the erase list
is applied again after every restore (`again`).
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Select, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from core import clock
from core.access import SYSTEM, Actor, Permission
from core.admin import staff
from core.calls.model import CallPerson, CallQuality, CallRecording, Presence
from core.conversations.model import (
    Attachment,
    Conversation,
    Draft,
    Message,
    MessageCopy,
    MessageRevision,
    PendingQuestion,
    Reaction,
    Seat,
)
from core.db import UnitOfWork
from core.errors import NotFound, Refused
from core.i18n import _
from core.kb.model import ArticleFeedback, Lesson, Suggestion
from core.notices.model import Notice
from core.outbox_model import Delivery, Inbound, OutboxMail
from core.people.events import PersonErased
from core.people.model import (
    ApiToken,
    Availability,
    Credential,
    Erased,
    Identity,
    OneTimeLink,
    Person,
    Session,
    TeamMember,
)
from core.reviews.model import Review
from core.tickets import service as tickets
from core.tickets.model import LIVE, Macro, SavedView, SurveyAnswer, Ticket

MOST_CLOSED = 1000


async def erase(uow: UnitOfWork, actor: Actor, person_id: UUID) -> None:
    """Erase a person for good. Their live tickets are closed first, those they worked on go back
    to the queue. Raises `Conflict` for the last admin, `Refused` for oneself."""
    actor.require(Permission.manage_staff)
    person = await uow.session.get(Person, person_id, with_for_update=True, populate_existing=True)
    if person is None:
        raise NotFound(_("There is no such person."))
    if person.erased_at is not None:
        return
    if person.id == actor.id:
        raise Refused(_("You cannot erase yourself; ask another admin."))
    if person.active and person.role != "requester":
        await staff.deactivate(uow, actor, person.id)
    await _close_tickets(uow, person.id)
    await uow.session.flush()
    await again(uow, person.id)
    uow.emit(PersonErased(subject=person.id), actor=actor)


async def again(uow: UnitOfWork, person_id: UUID) -> None:
    """Remove whatever there is of a person; harmless when repeated. For restores too."""
    await _redact_words(uow, person_id)
    await _empty_places(uow, person_id)
    await _silence_calls(uow, person_id)
    await _forget_questions(uow, person_id)
    await _forget_rows(uow, person_id)
    await uow.session.execute(
        update(Person)
        .where(Person.id == person_id)
        .values(
            name=None,
            display_name=None,
            email=None,
            profile=None,
            email_digest=None,
            email_verified_at=None,
            name_terms=[],
            preferences={},
            skills=[],
            organisation_id=None,
            active=False,
            availability=Availability.offline.value,
            erased_at=func.coalesce(Person.erased_at, clock.now()),
            version=Person.version + 1,
        )
    )
    await uow.session.execute(
        insert(Erased).values(person_id=person_id, at=clock.now()).on_conflict_do_nothing()
    )
    await uow.keys.destroy_person(uow.session, person_id)
    # A reader may have put the key back into the cache before the commit.
    uow.after(lambda: uow.keys.forget(person_id))


async def _close_tickets(uow: UnitOfWork, person_id: UUID) -> None:
    """Nobody can read or answer them any more, so they must not stand in a queue."""
    numbers = await uow.session.scalars(
        select(Ticket.number)
        .where(
            Ticket.requester_id == person_id,
            or_(Ticket.status.in_(LIVE), Ticket.status == "resolved"),
            Ticket.merged_into_id.is_(None),
        )
        .order_by(Ticket.number)
        .limit(MOST_CLOSED)
    )
    for number in list(numbers):
        await tickets.close(uow, SYSTEM, number, reason="erased")


async def _redact_words(uow: UnitOfWork, person_id: UUID) -> None:
    """What they wrote anywhere leaves the index; in others' tickets the words themselves go."""
    now = clock.now()
    own = _own_conversations(person_id)
    theirs = or_(Message.author_id == person_id, Message.conversation_id.in_(own))
    messages = select(Message.id).where(theirs)
    await uow.session.execute(delete(MessageRevision).where(MessageRevision.message_id.in_(messages)))
    await uow.session.execute(
        update(Attachment)
        .where(
            or_(
                Attachment.message_id.in_(messages),
                Attachment.conversation_id.in_(own),
                Attachment.uploader_id == person_id,
            ),
            Attachment.deleted_at.is_(None),
        )
        .values(deleted_at=now)
    )
    await uow.session.execute(
        update(Message)
        .where(theirs)
        .values(body=None, terms=[], deleted_at=func.coalesce(Message.deleted_at, now))
    )
    await uow.session.execute(
        update(SurveyAnswer).where(SurveyAnswer.person_id == person_id).values(comment=None)
    )
    await uow.session.execute(update(Review).where(Review.reviewer_id == person_id).values(words=None))
    # What they asked for lies under another's key where it was merged into another's ticket.
    await uow.session.execute(
        update(Ticket)
        .where(Ticket.requester_id == person_id, Ticket.conversation_id.not_in(own))
        .values(subject=None, fields=None, solution=None)
    )
    await uow.session.execute(delete(Reaction).where(Reaction.person_id == person_id))


async def _empty_places(uow: UnitOfWork, person_id: UUID) -> None:
    """Their places on platforms, what waits from there, and what was to be sent there."""
    own = _own_conversations(person_id)
    seats = or_(Seat.person_id == person_id, Seat.conversation_id.in_(own))
    places = select(Seat.place_key).where(seats, Seat.side == "requester")
    whose = or_(
        Inbound.place_key.in_(places),
        Inbound.sender.in_(select(Identity.digest).where(Identity.person_id == person_id)),
    )
    await uow.session.execute(
        update(Inbound)
        .where(whose, Inbound.state.in_(("received", "parked", "held")))
        .values(state="done", payload=None, place_key="", sender=None, error=None, result="erased")
    )
    await uow.session.execute(delete(PendingQuestion).where(PendingQuestion.person_id == person_id))
    about = or_(
        Delivery.person_id == person_id,
        Delivery.conversation_id.in_(own),
        Delivery.place_key.in_(places),
    )
    await uow.session.execute(
        update(Delivery)
        .where(about, Delivery.state.in_(("due", "dead")))
        .values(state="cancelled", error=None)
    )
    await uow.session.execute(update(Delivery).where(about).values(args={}, place_key="", native=None))
    await uow.session.execute(
        delete(MessageCopy).where(
            MessageCopy.message_id.in_(select(Message.id).where(Message.conversation_id.in_(own)))
        )
    )
    await uow.session.execute(update(Seat).where(seats).values(active=False, place_key="", person_id=None))


async def _silence_calls(uow: UnitOfWork, person_id: UUID) -> None:
    """No recording of theirs opens any more, and what lies in the store goes with the next sweep.
    That they agreed to it, and to which words, stays as what it is: the proof."""
    now = clock.now()
    await uow.session.execute(
        update(CallRecording)
        .where(CallRecording.person_id == person_id)
        .values(
            key=None,
            deleted_at=func.coalesce(CallRecording.deleted_at, now),
            stopped_at=func.coalesce(CallRecording.stopped_at, now),
        )
    )
    await uow.session.execute(
        update(CallPerson)
        .where(CallPerson.person_id == person_id)
        .values(turn=CallPerson.turn + 1, presence=Presence.left.value)
    )
    await uow.session.execute(delete(CallQuality).where(CallQuality.person_id == person_id))


async def _forget_questions(uow: UnitOfWork, person_id: UUID) -> None:
    """What they asked, remarked and taught. That an article was offered and what came of it stays
    as a number, without them."""
    await uow.session.execute(
        update(ArticleFeedback)
        .where(ArticleFeedback.person_id == person_id)
        .values(comment=None, person_id=None, reported_at=None)
    )
    await uow.session.execute(
        update(Suggestion).where(Suggestion.person_id == person_id).values(question=None, person_id=None)
    )
    await uow.session.execute(delete(Lesson).where(Lesson.person_id == person_id))


async def _forget_rows(uow: UnitOfWork, person_id: UUID) -> None:
    for column in (
        Identity.person_id,
        Session.person_id,
        Credential.person_id,
        OneTimeLink.person_id,
        ApiToken.person_id,
        TeamMember.person_id,
        Draft.person_id,
        Notice.person_id,
        OutboxMail.person_id,
        Macro.owner_id,
        SavedView.owner_id,
    ):
        await uow.session.execute(delete(column.class_).where(column == person_id))
    await uow.session.execute(delete(Draft).where(Draft.conversation_id.in_(_own_conversations(person_id))))


def _own_conversations(person_id: UUID) -> Select[UUID]:
    return select(Conversation.id).where(Conversation.owner_id == person_id)
