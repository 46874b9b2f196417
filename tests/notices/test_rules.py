"""Who hears what, as a pure rule: by example, and for any event at all."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Invalid
from core.ids import new_id
from core.notices.rules import KINDS, Happened, hear, wants
from core.notices.service import set_preference
from core.people.model import Person

ADA, BOB, EVE, ZOE, LEA = (new_id() for _each in range(5))


def heard(name: str, **facts: Any) -> dict[UUID, str]:
    return {one.person: one.kind for one in hear(Happened(name=name, requester=ADA, **facts))}


def test_a_new_ticket_is_told_to_its_team_and_confirmed_to_its_requester() -> None:
    team = frozenset({BOB, EVE})
    assert heard("ticket.opened", actor=ADA, team=team) == {
        BOB: "team_ticket",
        EVE: "team_ticket",
        ADA: "ticket_received",
    }
    assert heard("ticket.opened", actor=BOB, team=team) == {EVE: "team_ticket", ADA: "ticket_received"}
    assert heard("ticket.opened", actor=ADA, team=team, assignee=BOB) == {ADA: "ticket_received"}
    assert heard("ticket.opened", actor=ADA, team=team, offered_to=BOB) == {
        EVE: "team_ticket",
        ADA: "ticket_received",
    }


def test_what_is_to_be_moderated_is_told_to_moderators() -> None:
    assert heard("message.reported", actor=ADA, moderators=frozenset({LEA})) == {LEA: "reported"}
    assert heard("inbound.held", moderators=frozenset({LEA, ZOE})) == {LEA: "held", ZOE: "held"}


def test_assigned_is_told_to_the_agent_or_to_the_new_team() -> None:
    assert heard("ticket.assigned", actor=BOB, data={"to": str(EVE)}) == {EVE: "assigned"}
    assert heard("ticket.assigned", actor=EVE, data={"to": str(EVE)}) == {}
    to_team = {"team": str(new_id()), "before_team": None}
    assert heard("ticket.assigned", actor=BOB, data=to_team, team=frozenset({BOB, ZOE})) == {
        ZOE: "team_ticket"
    }


def test_a_reply_is_told_to_those_who_have_the_ticket_or_follow_it() -> None:
    followers = frozenset({EVE})
    asked = {"side": "requester", "audience": "everyone"}
    assert heard("message.said", actor=ADA, data=asked, assignee=BOB, followers=followers) == {
        BOB: "reply",
        EVE: "reply",
    }
    assert heard("message.said", actor=ADA, data=asked, assignee=BOB, opening=True) == {}
    answer = {"side": "staff", "audience": "everyone"}
    assert heard("message.said", actor=BOB, data=answer, assignee=BOB, followers=followers) == {
        EVE: "reply",
        ADA: "answered",
    }


def test_a_note_reaches_no_requester_and_a_mention_goes_before_a_reply() -> None:
    note = {"side": "staff", "audience": "staff", "mentions": [str(EVE), str(ZOE)]}
    assert heard("message.said", actor=BOB, data=note, assignee=EVE) == {EVE: "mention", ZOE: "mention"}


def test_bad_ratings_failures_and_waking() -> None:
    leads = frozenset({LEA})
    assert heard("ticket.rated", actor=ADA, data={"score": 2}, assignee=BOB, leads=leads) == {
        BOB: "bad_rating",
        LEA: "bad_rating",
    }
    assert heard("ticket.rated", actor=ADA, data={"score": 3}, assignee=BOB, leads=leads) == {}
    assert heard("message.undelivered", author=BOB, by_staff=True, assignee=EVE) == {BOB: "undelivered"}
    assert heard("message.undelivered", author=ADA, assignee=EVE) == {EVE: "undelivered"}
    assert heard("ticket.woken", data={"reason": "time"}, assignee=BOB) == {BOB: "woken"}
    assert heard("ticket.woken", data={"reason": "reply"}, assignee=BOB) == {}
    assert heard("ticket.offered", data={"to": str(BOB)}) == {BOB: "offered"}
    assert heard("ticket.resolved", actor=BOB) == {ADA: "resolved"}


SOMEBODY = st.sampled_from([ADA, BOB, EVE, ZOE, LEA])
SOME = st.frozensets(SOMEBODY)
NAMES = st.sampled_from(
    [
        "ticket.opened", "ticket.assigned", "ticket.offered", "ticket.woken", "ticket.rated", "ticket.resolved",
        "ticket.claimed", "ticket.closed", "message.said", "message.undelivered", "message.edited", "person.added",
    ]
)  # fmt: skip
DATA = st.fixed_dictionaries(
    {},
    optional={
        "to": SOMEBODY.map(str),
        "team": st.none() | SOMEBODY.map(str),
        "score": st.integers(1, 5),
        "reason": st.sampled_from(["time", "reply"]),
        "mentions": st.lists(SOMEBODY.map(str), max_size=3),
        "side": st.sampled_from(["staff", "requester"]),
        "audience": st.sampled_from(["everyone", "staff"]),
    },
)
EVENTS = st.builds(
    Happened,
    name=NAMES,
    data=DATA,
    actor=st.none() | SOMEBODY,
    requester=SOMEBODY,
    assignee=st.none() | SOMEBODY,
    offered_to=st.none() | SOMEBODY,
    followers=SOME,
    team=SOME,
    leads=SOME,
    author=st.none() | SOMEBODY,
    by_staff=st.booleans(),
    opening=st.booleans(),
)


@given(EVENTS)
def test_whatever_happens_nobody_hears_twice_and_staff_not_of_themselves(event: Happened) -> None:
    hearings = hear(event)
    assert len({one.person for one in hearings}) == len(hearings)
    for one in hearings:
        kind = KINDS[one.kind]
        assert one.person != event.actor or one.kind == "ticket_received"
        assert kind.staff or one.person == event.requester
        if event.data.get("audience") == "staff" and event.name == "message.said":
            assert kind.staff, "an internal note must never reach the requester as one"


@given(
    st.dictionaries(
        st.text(max_size=5), st.none() | st.integers() | st.dictionaries(st.text(), st.booleans())
    )
)
def test_odd_preferences_fall_back_on_the_defaults(preferences: dict[str, Any]) -> None:
    for odd in (preferences, {"notices": preferences}, {"notices": None}):
        for kind in KINDS.values():
            for way in ("bell", "mail"):
                assert wants(odd, kind.code, way) in (True, False)


def test_everybody_may_turn_each_kind_off_by_each_way() -> None:
    person = Person()
    assert wants(person.preferences, "assigned", "mail")
    set_preference(person, "assigned", "mail", False)
    assert not wants(person.preferences, "assigned", "mail")
    assert wants(person.preferences, "assigned", "bell")
    set_preference(person, "assigned", "mail", True)
    assert wants(person.preferences, "assigned", "mail")
    for kind, way in (("assigned", "pigeon"), ("nothing", "bell"), ("answered", "bell")):
        with pytest.raises(Invalid):
            set_preference(person, kind, way, True)  # type: ignore[arg-type]


def test_calls_are_told_to_those_who_are_called() -> None:
    assert heard("call.asked", actor=ADA, team=frozenset({BOB, EVE})) == {
        BOB: "call_asked",
        EVE: "call_asked",
    }
    assert heard("call.asked", actor=ADA, assignee=BOB, team=frozenset({BOB, EVE})) == {BOB: "call_asked"}
    assert heard("call.rang", actor=BOB) == {ADA: "call"}
    assert heard("call.rang", actor=ADA) == {}
    assert heard("call.scheduled", actor=BOB) == {ADA: "call"}
    assert heard("call.reminded", called=frozenset({BOB})) == {BOB: "call_soon"}
    for staff, kind in ((True, "call_invited"), (False, "call")):
        assert heard("call.invited", actor=BOB, data={"person": str(ZOE), "staff": staff}) == {ZOE: kind}
