"""What happened to a ticket, as a sentence in the reader's language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, tzinfo

from babel.dates import format_datetime

from core.access import ActorKind
from core.i18n import _, language
from core.tickets.lines import FactLine


def sentence(fact: FactLine, zone: tzinfo = UTC) -> str:
    """One sentence without a full stop, such as “Bob claimed the ticket”; times are of `zone`."""
    made = _SENTENCES.get(fact.name)
    return made(fact, zone) if made else _("{who}: {event}").format(who=fact.actor.name, event=fact.name)


def _priority(value: object) -> str:
    words = {"low": _("Low"), "normal": _("Normal"), "high": _("High"), "urgent": _("Urgent")}
    return words.get(str(value), str(value))


def _opened(fact: FactLine, zone: tzinfo) -> str:
    who = fact.actor.name
    if fact.data.get("follow_up_of"):
        return _("{who} opened the ticket, following up #{number}").format(
            who=who, number=fact.data["follow_up_of"]
        )
    if fact.data.get("split_from"):
        return _("{who} split the ticket off #{number}").format(who=who, number=fact.data["split_from"])
    return _("{who} opened the ticket").format(who=who)


def _released(fact: FactLine, zone: tzinfo) -> str:
    before = fact.data.get("before")
    if before and before != fact.actor.name:
        return _("{who} took the ticket from {before} and gave it back to the queue").format(
            who=fact.actor.name, before=before
        )
    return _("{who} gave the ticket back to the queue").format(who=fact.actor.name)


def _assigned(fact: FactLine, zone: tzinfo) -> str:
    who, to, team = fact.actor.name, fact.data.get("to"), fact.data.get("team")
    moved = team and fact.data.get("team") != fact.data.get("before_team")
    if fact.actor.kind == ActorKind.rule:
        return _("A rule assigned the ticket to {to}").format(to=to)
    if to and moved:
        return _("{who} assigned the ticket to {to} in {team}").format(who=who, to=to, team=team)
    if to:
        return _("{who} assigned the ticket to {to}").format(who=who, to=to)
    return _("{who} assigned the ticket to {team}").format(who=who, team=team or _("no team"))


def _categorised(fact: FactLine, zone: tzinfo) -> str:
    if fact.data.get("after"):
        return _("{who} set the category to {category}").format(
            who=fact.actor.name, category=fact.data["after"]
        )
    return _("{who} removed the category").format(who=fact.actor.name)


def _tagged(fact: FactLine, zone: tzinfo) -> str:
    who = fact.actor.name
    added, removed = ", ".join(fact.data.get("added") or ()), ", ".join(fact.data.get("removed") or ())
    if added and removed:
        return _("{who} added the tags {added} and removed {removed}").format(
            who=who, added=added, removed=removed
        )
    if added:
        return _("{who} added the tags {added}").format(who=who, added=added)
    return _("{who} removed the tags {removed}").format(who=who, removed=removed)


def _moment(fact: FactLine, zone: tzinfo) -> str:
    until = fact.data.get("until")
    if not isinstance(until, datetime):
        return "?"
    return format_datetime(until.astimezone(zone), "short", locale=language())


def _snoozed(fact: FactLine, zone: tzinfo) -> str:
    return _("{who} snoozed the ticket until {until}").format(who=fact.actor.name, until=_moment(fact, zone))


def _offered(fact: FactLine, zone: tzinfo) -> str:
    return _("The chat was offered to {to}").format(to=fact.data.get("to") or _("an agent"))


def _woken(fact: FactLine, zone: tzinfo) -> str:
    reason = fact.data.get("reason")
    if reason == "reply":
        return _("The ticket woke up, because {who} replied").format(who=fact.actor.name)
    if reason == "time":
        return _("The ticket woke up, because its time came")
    return _("{who} woke the ticket up").format(who=fact.actor.name)


def _closed(fact: FactLine, zone: tzinfo) -> str:
    reason = fact.data.get("reason")
    if reason == "merged":
        return _("The ticket was closed by the merge")
    if reason != "person":
        return _("The ticket was closed, because it was quiet for long")
    return _("{who} closed the ticket").format(who=fact.actor.name)


def _reopened(fact: FactLine, zone: tzinfo) -> str:
    if fact.data.get("reason") == "reply":
        return _("The ticket was reopened, because {who} replied").format(who=fact.actor.name)
    return _("{who} reopened the ticket").format(who=fact.actor.name)


def _merged(fact: FactLine, zone: tzinfo) -> str:
    number, into = fact.data.get("number"), fact.data.get("into_number")
    return _("{who} merged #{number} into #{into}").format(who=fact.actor.name, number=number, into=into)


def _split(fact: FactLine, zone: tzinfo) -> str:
    return _("{who} split messages into #{number}").format(
        who=fact.actor.name, number=fact.data.get("made_number")
    )


def _linked(fact: FactLine, zone: tzinfo) -> str:
    number = fact.data.get("to_number")
    if fact.data.get("kind") == "parent":
        return _("{who} made #{number} the parent").format(who=fact.actor.name, number=number)
    return _("{who} linked #{number}").format(who=fact.actor.name, number=number)


def _passed(fact: FactLine, zone: tzinfo) -> str:
    by = fact.data.get("by") or fact.actor.name
    if fact.data.get("reason") == "passed":
        return _("{who} passed the chat on").format(who=by)
    return _("{who} did not answer the offered chat").format(who=by)


def _left(fact: FactLine, zone: tzinfo) -> str:
    if fact.data.get("back"):
        return _("{who} came back to the chat").format(who=fact.actor.name)
    return _("{who} left the chat").format(who=fact.actor.name)


def _rated(fact: FactLine, zone: tzinfo) -> str:
    return _("{who} rated the help {score} of 5").format(who=fact.actor.name, score=fact.data.get("score"))


def _plain(template: Callable[[], str]) -> Callable[[FactLine, tzinfo], str]:
    return lambda fact, zone: template().format(who=fact.actor.name)


def _prioritised(fact: FactLine, zone: tzinfo) -> str:
    return _("{who} changed the priority from {before} to {after}").format(
        who=fact.actor.name,
        before=_priority(fact.data.get("before")),
        after=_priority(fact.data.get("after")),
    )


def _followed(fact: FactLine, zone: tzinfo) -> str:
    person = fact.data.get("person")
    if person == fact.actor.name:
        return _("{who} follows the ticket").format(who=person)
    return _("{who} added {person}").format(who=fact.actor.name, person=person)


def _unfollowed(fact: FactLine, zone: tzinfo) -> str:
    person = fact.data.get("person")
    if person == fact.actor.name:
        return _("{who} no longer follows the ticket").format(who=person)
    return _("{who} removed {person}").format(who=fact.actor.name, person=person)


def _requester_changed(fact: FactLine, zone: tzinfo) -> str:
    return _("{who} made {after} the requester, before it was {before}").format(
        who=fact.actor.name, after=fact.data.get("after"), before=fact.data.get("before")
    )


def _called(fact: FactLine, zone: tzinfo) -> str:
    if fact.data.get("video", True):
        return _("{who} calls, with video").format(who=fact.actor.name)
    return _("{who} calls").format(who=fact.actor.name)


def _call_time(fact: FactLine, zone: tzinfo) -> str:
    return _("{who} set a call for {until}").format(who=fact.actor.name, until=_moment(fact, zone))


def _of_person(template: Callable[[], str]) -> Callable[[FactLine, tzinfo], str]:
    return lambda fact, zone: template().format(who=fact.actor.name, person=fact.data.get("person") or "?")


def _came(fact: FactLine, zone: tzinfo) -> str:
    if fact.data.get("again"):
        return _("{person} came back to the call").format(person=fact.data.get("person"))
    return _("{person} joined the call").format(person=fact.data.get("person"))


def _consented(fact: FactLine, zone: tzinfo) -> str:
    if fact.data.get("given"):
        return _("{person} agreed to being recorded").format(person=fact.data.get("person"))
    return _("{person} does not want to be recorded").format(person=fact.data.get("person"))


def _recording_wanted(fact: FactLine, zone: tzinfo) -> str:
    if fact.data.get("on"):
        return _("{who} asked for the call to be recorded").format(who=fact.actor.name)
    return _("{who} stopped the recording").format(who=fact.actor.name)


def _recording_stopped(fact: FactLine, zone: tzinfo) -> str:
    person = fact.data.get("person")
    if fact.data.get("reason") in ("store_full", "store_down"):
        return _("The recording of {person} ended: there was no room to keep it").format(person=person)
    return _("The recording of {person} ended").format(person=person)


def _held(fact: FactLine, zone: tzinfo) -> str:
    if fact.data.get("on"):
        return _("{who} put the call on hold").format(who=fact.actor.name)
    return _("{who} took the call off hold").format(who=fact.actor.name)


def _call_ended(fact: FactLine, zone: tzinfo) -> str:
    minutes, seconds = divmod(int(fact.data.get("seconds") or 0), 60)
    return _("The call ended after {minutes}:{seconds} min, with {people} people").format(
        minutes=minutes, seconds=f"{seconds:02}", people=fact.data.get("people")
    )


def _file_lost(fact: FactLine, zone: tzinfo) -> str:
    return _("A file that came with a message is missing: {why}").format(why=why_lost(fact.data.get("error")))


def why_lost(code: object) -> str:
    """Why a file of a message cannot be had."""
    match code:
        case "too_large":
            return _("it is too large")
        case "too_many":
            return _("there were too many at once")
        case _:
            return _("it could not be fetched")


_SENTENCES: Mapping[str, Callable[[FactLine, tzinfo], str]] = {
    "message.file_lost": _file_lost,
    "ticket.opened": _opened,
    "ticket.claimed": _plain(lambda: _("{who} claimed the ticket")),
    "ticket.released": _released,
    "ticket.assigned": _assigned,
    "ticket.prioritised": _prioritised,
    "ticket.categorised": _categorised,
    "ticket.tagged": _tagged,
    "ticket.renamed": _plain(lambda: _("{who} changed the subject")),
    "ticket.fields_changed": _plain(lambda: _("{who} changed the fields")),
    "ticket.followed": _followed,
    "ticket.unfollowed": _unfollowed,
    "ticket.waiting": _plain(lambda: _("{who} waits for the requester")),
    "ticket.woken": _woken,
    "ticket.snoozed": _snoozed,
    "ticket.resolved": _plain(lambda: _("{who} resolved the ticket")),
    "ticket.closed": _closed,
    "ticket.reopened": _reopened,
    "ticket.merged": _merged,
    "ticket.split": _split,
    "ticket.linked": _linked,
    "ticket.unlinked": _plain(lambda: _("{who} removed a link")),
    "ticket.requester_changed": _requester_changed,
    "ticket.rated": _rated,
    "ticket.offered": _offered,
    "ticket.passed": _passed,
    "ticket.requester_left": _left,
    "call.asked": _plain(lambda: _("{who} asks for a call")),
    "call.scheduled": _call_time,
    "call.reminded": _plain(lambda: _("The call is about to begin")),
    "call.rang": _called,
    "call.invited": _of_person(lambda: _("{who} invited {person} to the call")),
    "call.knocked": _of_person(lambda: _("{person} waits to be let into the call")),
    "call.admitted": _of_person(lambda: _("{who} let {person} into the call")),
    "call.revoked": _of_person(lambda: _("{who} took {person}'s link to the call back")),
    "call.joined": _came,
    "call.left": _of_person(lambda: _("{person} left the call")),
    "call.held": _held,
    "call.recording_wanted": _recording_wanted,
    "call.consented": _consented,
    "call.recording_started": _of_person(lambda: _("{person} is recorded")),
    "call.recording_stopped": _recording_stopped,
    "call.transferred": lambda fact, zone: _("{who} gave the call to {to}").format(
        who=fact.actor.name, to=fact.data.get("to")
    ),
    "call.interrupted": _plain(lambda: _("The call was interrupted by a fault; the same links lead back")),
    "call.ended": _call_ended,
    "call.missed": _plain(lambda: _("Nobody came to the call")),
    "call.declined": lambda fact, zone: _("{who} declined the call").format(
        who=fact.data.get("by") or fact.actor.name
    ),
    "call.failed": _plain(lambda: _("The call failed")),
    "call.rated": lambda fact, zone: _("{person} rated the call {score} of 5").format(
        person=fact.data.get("person"), score=fact.data.get("score")
    ),
    "call.recording_taken": _plain(lambda: _("{who} took out the recording of the call as a file")),
    "call.reviewed": _plain(lambda: _("{who} reviewed the call")),
    "call.recording_played": _plain(lambda: _("{who} opened the recording of the call")),
    "ticket.exported": _plain(lambda: _("{who} exported the session")),
}
