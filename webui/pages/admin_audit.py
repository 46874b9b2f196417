"""The audit: who changed what, who signed in; and whether the chain of seals is whole."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from types import SimpleNamespace
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy import select

from core.admin import audit, record
from core.admin.model import AuditSeal
from core.admin.record import Entry
from core.db import UnitOfWork
from core.i18n import N_, _
from core.people import service as people
from core.people.naming import named
from webui.deps import Uow
from webui.pages.admin_shell import SeesAudit, link, show

router = APIRouter()
HERE = "/admin/audit"
KINDS: Mapping[str, str] = {
    "desk.": N_("Changes of the desk"),
    "person.": N_("People and roles"),
    "session.": N_("Sign-ins and sign-outs"),
    "credential.": N_("Passwords and second factors"),
    "link.": N_("One-time links"),
    "token.": N_("API tokens"),
    "article.": N_("Articles"),
    "feedback.moderated": N_("Comments on articles"),
    "call.": N_("Recordings of calls"),
    "review.": N_("Reviews"),
    "ticket.exported": N_("Exports"),
    "message.hidden": N_("Hidden messages"),
}
SENTENCES: Mapping[str, str] = {
    "person.added": N_("{subject} was added"),
    "person.invited": N_("invited {subject} as {role}"),
    "person.changed": N_("changed {fields} of {subject}"),
    "person.role_given": N_("gave {subject} the role {after} (before: {before})"),
    "person.deactivated": N_("deactivated {subject}"),
    "person.reactivated": N_("reactivated {subject}"),
    "person.blocked": N_("blocked {subject}"),
    "person.unblocked": N_("unblocked {subject}"),
    "person.erased": N_("erased a person"),
    "person.email_verified": N_("{subject} proved an address"),
    "session.started": N_("{subject} signed in ({how})"),
    "session.refused": N_("a sign-in as {subject} was refused ({how})"),
    "session.ended": N_("{subject} was signed out"),
    "credential.added": N_("{subject} got a new {kind}"),
    "credential.removed": N_("{subject} lost a {kind}"),
    "link.issued": N_("a one-time link for {subject} was made ({purpose})"),
    "token.made": N_("{subject} made an API token"),
    "token.revoked": N_("an API token of {subject} was revoked"),
    "call.recording_played": N_("opened the recording of a call of #{number}"),
    "call.recording_taken": N_("took out the recording of a call of #{number} as a file"),
    "call.reviewed": N_("reviewed a call of #{number}"),
    "review.given": N_("reviewed #{number}, and gave {mark} of 5"),
    "review.opened": N_("opened #{number} for its review"),
    "ticket.exported": N_("exported a ticket"),
    "message.hidden": N_("hid a message, or showed it again"),
    "article.created": N_("began the article {thing} ({language})"),
    "article.changed": N_("changed {what} of the article {thing}"),
    "article.sent_for_review": N_("asked for a review of {thing} ({language})"),
    "article.returned": N_("gave {thing} back to be changed ({language})"),
    "article.scheduled": N_("set or removed the time at which {thing} is published ({language})"),
    "article.published": N_("published {thing} ({language}, revision {revision})"),
    "article.renamed": N_("gave {thing} another address ({language})"),
    "article.archived": N_("archived {thing}"),
    "article.restored": N_("took {thing} out of the archive"),
    "article.imported": N_("imported articles: {made} new, {changed} changed"),
    "feedback.moderated": N_("decided on a comment on {thing}: {state}"),
    "lesson.undone": N_("undid what a question had taught about {thing}"),
}
THINGS: Mapping[str, str] = {
    "team": N_("the team"),
    "team_members": N_("the members of the team"),
    "category": N_("the category"),
    "tag": N_("the tag"),
    "role": N_("the role"),
    "rule": N_("the routing rule"),
    "macro": N_("the macro"),
    "setting": N_("the setting"),
    "organisation": N_("an organisation"),
    "delivery": N_("a delivery"),
    "inbound": N_("an inbound message"),
    "quarantine": N_("a message in quarantine"),
    "report": N_("a reported message"),
}
HOWS: Mapping[str, str] = {
    "made": N_("made {thing}"),
    "changed": N_("changed {thing}"),
    "retired": N_("switched off {thing}"),
    "restored": N_("took {thing} into use again"),
    "moved": N_("moved {thing}"),
    "sent_again": N_("had {thing} sent again"),
    "cancelled": N_("cancelled {thing}"),
    "released": N_("released {thing}"),
    "discarded": N_("discarded {thing}"),
    "dismissed": N_("dismissed the report on {thing}"),
}
CODES: Mapping[str, str] = {
    "link": N_("by link"),
    "password": N_("password"),
    "invite": N_("invitation"),
    "sign_in": N_("sign-in"),
    "verify": N_("confirming an address"),
    "second": N_("second step"),
    "totp": N_("authenticator app"),
    "recovery": N_("recovery code"),
    "passkey": N_("passkey"),
    "requester": N_("Requester"),
    "agent": N_("Agent"),
    "lead": N_("Lead"),
    "admin": N_("Admin"),
    "name": N_("name"),
    "display_name": N_("display name"),
    "email": N_("address"),
    "locale": N_("language"),
    "zone": N_("time zone"),
    "profile": N_("profile"),
    "teams": N_("teams"),
    "skills": N_("skills"),
    "capacity": N_("capacity"),
    "organisation": N_("organisation"),
    "category": N_("category"),
    "audience": N_("audience"),
    "owner": N_("owner"),
    "review_by": N_("review date"),
    "tags": N_("tags"),
    "related": N_("related articles"),
    "public": N_("public"),
    "hidden": N_("hidden"),
    "waiting": N_("waiting"),
}
"""Words for what events hold as codes; a code without words stands as it is."""
KIND_ICONS = {
    "desk": "settings",
    "person": "user",
    "session": "lock",
    "credential": "shield",
    "token": "code",
    "link": "link",
    "ticket": "download",
    "call": "phone",
    "review": "star",
    "message": "eye",
    "article": "book",
    "feedback": "flag",
    "lesson": "undo",
}
PROBLEMS = {
    "count": N_("Events are missing, or were added."),
    "hash": N_("An event was changed."),
    "order": N_("Seals are out of order."),
}


@router.get(HERE)
async def page(
    request: Request,
    uow: Uow,
    viewer: SeesAudit,
    kind: str = "",
    person: str = "",
    since: str = "",
    until: str = "",
    after: str = "",
    verify: str = "",
) -> Response:
    errors: dict[str, str] = {}
    zone = viewer.known.zone if viewer.known else ZoneInfo("UTC")
    who = await _person(uow, person, errors)
    first, last = _day(since, "since", errors), _day(until, "until", errors)
    found = await record.entries(
        uow,
        viewer.actor,
        of=(kind,) if kind in KINDS else (),
        person=who,
        since=_begins(first, zone) if first else None,
        until=_begins(last + timedelta(days=1), zone) if last else None,
        after=after,
    )
    query = {"kind": kind, "person": person, "since": since, "until": until}
    shown = await named(uow, [who])
    return await show(
        request,
        uow,
        viewer,
        "admin/audit.html",
        area="audit",
        status=422 if errors else 200,
        errors=errors,
        entries=[_line(entry) for entry in found.entries] if not errors else [],
        kinds=[(key, _(text)) for key, text in KINDS.items()],
        query=SimpleNamespace(**query),
        who=shown[who].shown if who in shown else None,
        seal=await uow.session.scalar(select(AuditSeal).order_by(AuditSeal.id.desc()).limit(1)),
        verified=await _verified(uow) if verify else None,
        newer=link(HERE, **query) if after else None,
        older=link(HERE, **query, after=found.next) if found.next else None,
    )


def _line(entry: Entry) -> SimpleNamespace:
    actor = entry.actor.shown if entry.actor else None
    return SimpleNamespace(
        id=entry.id,
        at=entry.at,
        icon=KIND_ICONS.get(entry.name.partition(".")[0], "info"),
        code=entry.name,
        actor=SimpleNamespace(id=entry.actor.id, name=actor) if entry.actor and actor else None,
        actor_text=actor
        or {"system": _("The desk"), "rule": _("A rule"), "bot": _("The bot")}.get(
            entry.actor_kind, _("Somebody not signed in")
        ),
        subject_url=f"/admin/people/{entry.subject.id}"
        if entry.subject and not entry.subject.erased
        else None,
        words=_words(entry),
    )


def _words(entry: Entry) -> str:
    if entry.name == "desk.changed":
        return _changed(entry)
    template = SENTENCES.get(entry.name)
    if template is None:
        return entry.name
    facts = {
        key: ", ".join(map(_coded, value)) if isinstance(value, list) else _coded(value)
        for key, value in entry.data.items()
    }
    facts["thing"] = _("“{name}”").format(name=entry.thing) if entry.thing else _("an article")
    return _(template).format_map(_Facts(facts, entry.subject.shown if entry.subject else _("someone")))


def _changed(entry: Entry) -> str:
    what, how = str(entry.data.get("what", "")), str(entry.data.get("how", "changed"))
    thing = _(THINGS[what]) if what in THINGS else what
    key = str(entry.data.get("key", ""))
    name = entry.thing or (key if what in ("setting", "role") else "")
    whole = _("{thing} “{name}”").format(thing=thing, name=name) if name else thing
    return _(HOWS.get(how, N_("changed {thing}"))).format(thing=whole)


def _coded(value: object) -> str:
    words = CODES.get(str(value))
    return _(words) if words else str(value)


class _Facts(dict[str, str]):
    """The facts of an event; one that is missing leaves a dash, not an error."""

    def __init__(self, facts: Mapping[str, str], subject: str) -> None:
        super().__init__(facts)
        self["subject"] = subject

    def __missing__(self, key: str) -> str:
        return "–"


async def _verified(uow: UnitOfWork) -> SimpleNamespace:
    problems = await audit.verify(uow.session, most=20)
    return SimpleNamespace(
        fine=not problems,
        problems=[
            (one.seal, _(PROBLEMS.get(one.code, one.code)), one.first_event, one.last_event)
            for one in problems
        ],
    )


async def _person(uow: UnitOfWork, typed: str, errors: dict[str, str]) -> UUID | None:
    """A person by id (from a link) or by address."""
    if not typed.strip():
        return None
    try:
        return UUID(typed.strip())
    except ValueError:
        pass
    for verified in (True, False):
        found = await people.by_email(uow, typed[:254], verified=verified)
        if found is not None:
            return found.id
    errors["person"] = _("Nobody has this address.")
    return None


def _day(typed: str, name: str, errors: dict[str, str]) -> date | None:
    if not typed.strip():
        return None
    try:
        day = date.fromisoformat(typed.strip())
    except ValueError:
        day = date.min
    if not 2000 <= day.year <= 2200:
        errors[name] = _("A day such as 2026-12-24 is expected here.")
        return None
    return day


def _begins(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
