"""Who hears what: one short case for each event, pure over what was loaded.

The bell and the mail are ways to hear; each kind of notice has those that make sense for it,
and everybody may turn each of them off.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from core.access import Permission
from core.conversations import undelivered
from core.i18n import N_

Way = Literal["bell", "mail"]
BAD_RATING = 2
"""Ratings up to this one are told to the assignee and the leads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of notice: its code, its label for the profile page, and by which ways it is
    heard, each with whether it is on by default."""

    code: str
    label: str
    ways: Mapping[Way, bool]
    staff: bool = True
    needs: Permission | None = None
    """Only who may this hears of it."""


KINDS: Mapping[str, Kind] = {
    kind.code: kind
    for kind in (
        Kind(code="team_ticket", label=N_("A new ticket for my team"), ways={"bell": True}),
        Kind(code="assigned", label=N_("A ticket is assigned to me"), ways={"bell": True, "mail": True}),
        Kind(code="mention", label=N_("Somebody mentions me"), ways={"bell": True, "mail": True}),
        Kind(code="reply", label=N_("A reply on a ticket of mine, or one I follow"), ways={"bell": True}),
        Kind(code="offered", label=N_("A live chat is offered to me"), ways={"bell": True}),
        Kind(code="woken", label=N_("A ticket of mine wakes up"), ways={"bell": True}),
        Kind(code="undelivered", label=N_("A message could not be delivered"), ways={"bell": True}),
        Kind(code="call_asked", label=N_("A requester asks for a call"), ways={"bell": True}),
        Kind(code="call_invited", label=N_("I am invited to a call"), ways={"bell": True, "mail": True}),
        Kind(code="call_soon", label=N_("A call of mine is about to begin"), ways={"bell": True}),
        Kind(code="bad_rating", label=N_("A bad rating"), ways={"bell": True}),
        Kind(code="review_shared", label=N_("A review of my work is shared with me"), ways={"bell": True}),
        Kind(
            code="reported", label=N_("A message is reported"), ways={"bell": True}, needs=Permission.moderate
        ),
        Kind(
            code="held",
            label=N_("Messages wait in quarantine"),
            ways={"bell": True},
            needs=Permission.moderate,
        ),
        Kind(
            code="connection",
            label=N_("A connection or a desk room does not work any more"),
            ways={"bell": True},
            needs=Permission.manage_desk,
        ),
        Kind(
            code="review_asked",
            label=N_("A review of an article is asked for"),
            ways={"bell": True},
            needs=Permission.publish_articles,
        ),
        Kind(
            code="article_published",
            label=N_("An article of mine is approved and published"),
            ways={"bell": True},
            needs=Permission.write_articles,
        ),
        Kind(
            code="article_returned",
            label=N_("An article of mine is given back with a comment"),
            ways={"bell": True},
            needs=Permission.write_articles,
        ),
        Kind(code="ticket_received", label=N_("My request has arrived"), ways={"mail": True}, staff=False),
        Kind(code="answered", label=N_("My request is answered"), ways={"mail": True}, staff=False),
        Kind(code="resolved", label=N_("My request is resolved"), ways={"mail": True}, staff=False),
        Kind(code="call", label=N_("I am called about a request"), ways={"mail": True}, staff=False),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """An event with what was loaded of its ticket. `team` and `leads` are the active members of
    the ticket's team, and its leads; without a team, of the whole desk."""

    name: str
    data: Mapping[str, Any] = field(default_factory=dict)
    actor: UUID | None = None
    requester: UUID | None = None
    assignee: UUID | None = None
    offered_to: UUID | None = None
    followers: frozenset[UUID] = frozenset()
    team: frozenset[UUID] = frozenset()
    leads: frozenset[UUID] = frozenset()
    called: frozenset[UUID] = frozenset()
    """The desk's people in the call that it is about."""
    moderators: frozenset[UUID] = frozenset()
    admins: frozenset[UUID] = frozenset()
    """Who may manage the desk."""
    publishers: frozenset[UUID] = frozenset()
    """Who may publish articles."""
    author: UUID | None = None
    by_staff: bool = False
    """The message was said by the desk's side."""
    opening: bool = False
    """The message is the one that the ticket was opened with."""

    def id(self, key: str) -> UUID | None:
        value = self.data.get(key)
        return UUID(str(value)) if value else None


@dataclass(frozen=True, slots=True)
class Hearing:
    person: UUID
    kind: str


def hear(happened: Happened) -> tuple[Hearing, ...]:
    """Who hears of it, and as what; nobody twice, and nobody of what they did themselves."""
    heard: dict[UUID, Hearing] = {}
    for kind, people in _cases(happened):
        for person in people:
            if person is not None and person != happened.actor:
                heard.setdefault(person, Hearing(person, kind))
    for kind in _for_the_requester(happened):
        # Their own request is confirmed to them too, and they never hear as staff and requester.
        if happened.requester is not None and happened.requester not in heard:
            heard[happened.requester] = Hearing(happened.requester, kind)
    return tuple(heard.values())


def wants(preferences: Mapping[str, Any], kind: str, way: Way) -> bool:
    """Whether a person wants a kind of notice by a way: their own word, else the default."""
    default = KINDS[kind].ways.get(way)
    if default is None:
        return False
    own = preferences.get("notices")
    said = own.get(kind) if isinstance(own, Mapping) else None
    return bool(said.get(way, default)) if isinstance(said, Mapping) else default


def _cases(event: Happened) -> Iterator[tuple[str, Iterable[UUID | None]]]:
    match event.name:
        case "ticket.opened" if event.assignee is None:
            yield "team_ticket", event.team - {event.offered_to}
        case "ticket.assigned" if event.id("to"):
            yield "assigned", [event.id("to")]
        case "ticket.assigned" if event.data.get("team") != event.data.get("before_team"):
            yield "team_ticket", event.team
        case "ticket.offered":
            yield "offered", [event.id("to")]
        case "ticket.woken" if event.data.get("reason") == "time":
            yield "woken", [event.assignee]
        case "ticket.rated" if int(event.data.get("score", 5)) <= BAD_RATING:
            yield "bad_rating", [event.assignee, *event.leads]
        case "message.said":
            yield "mention", [UUID(str(one)) for one in event.data.get("mentions") or ()]
            if not event.opening:
                yield "reply", [event.assignee, *event.followers]
        case "message.reported":
            yield "reported", event.moderators
        case "inbound.held":
            yield "held", event.moderators
        case "desk.installation_broken" | "desk.room_shut":
            yield "connection", event.admins
        case "desk.room_removed" if event.data.get("reason") == "gone":
            yield "connection", event.admins
        case "article.sent_for_review":
            yield "review_asked", [event.id("reviewer")] if event.id("reviewer") else event.publishers
        case "article.returned" if not event.data.get("withdrawn"):
            yield "article_returned", [event.id("author")]
        case "article.published":
            yield "article_published", [event.id("author")]
        case "message.undelivered" if event.data.get("error") != undelivered.ASKED_TO_WAIT:
            yield "undelivered", [event.author if event.by_staff else event.assignee]
        case "call.asked":
            yield "call_asked", [event.assignee] if event.assignee else event.team
        case "call.invited":
            yield "call_invited" if event.data.get("staff") else "call", [event.id("person")]
        case "review.given":
            yield "review_shared", [UUID(str(one)) for one in event.data.get("readers") or ()]
        case "call.reminded":
            yield "call_soon", event.called
        case _:
            pass


def _for_the_requester(event: Happened) -> Iterator[str]:
    match event.name:
        case "ticket.opened" if not event.data.get("split_from"):
            yield "ticket_received"
        case "message.said" if event.data.get("side") == "staff" and event.data.get("audience") == "everyone":
            if event.actor != event.requester:
                yield "answered"
        case "ticket.resolved" if event.actor != event.requester:
            yield "resolved"
        case "call.scheduled":
            yield "call"
        case "call.rang" if event.actor != event.requester:
            yield "call"
        case _:
            pass
