"""Browser sessions: a cookie holds a token, the database its digest; listed and revocable."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from fastapi import Request, Response
from sqlalchemy import Uuid, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY

from core import clock, metrics
from core.access import Actor
from core.crypto import words
from core.crypto.fields import seal_json
from core.db import UnitOfWork
from core.i18n import LANGUAGES
from core.ids import new_token
from core.people import service as people
from core.people.events import SignedIn, SignedOut
from core.people.model import Person, Session, TeamMember
from core.people.service import Known

LIFETIME = timedelta(days=30)
STAFF_LIFETIME = timedelta(days=14)
IDLE = timedelta(days=14)
STAFF_IDLE = timedelta(days=4)
"""A session that nobody used for so long is over: a long weekend passes, a forgotten browser does not."""
_TOUCH = timedelta(minutes=5)
ANYONE = Actor(None, role="anyone")


@dataclass(slots=True)
class Viewer:
    """Who looks at a page: a signed-in person, or a stranger."""

    actor: Actor
    csrf_secret: str
    person: Person | None = None
    known: Known | None = None
    session: Session | None = None
    lacks_second_step: bool = False
    """A colleague whom the desk asks for one: until then they may do no more than a requester."""
    renewed: bool = False
    """The session goes on under another token."""

    @property
    def signed_in(self) -> bool:
        return self.person is not None

    @property
    def staff(self) -> bool:
        return self.person is not None and self.actor.staff


def cookie_name(secure: bool) -> str:
    """`__Host-` binds the cookie to this host over TLS (RFC 6265bis, 4.1.3)."""
    return "__Host-deskbell" if secure else "deskbell"


def visit_name(secure: bool) -> str:
    return "__Host-deskbell-visit" if secure else "deskbell-visit"


async def viewer_of(uow: UnitOfWork, request: Request, secure: bool) -> Viewer:
    """The person behind a request's cookie, or a stranger."""
    token = request.cookies.get(cookie_name(secure), "")
    visit = request.cookies.get(visit_name(secure), "")
    if token:
        found = await _find(uow, token)
        if found is not None:
            session, person, teams = found
            actor = people.actor_from(uow, person, teams)
            lacks = actor.staff and uow.settings.staff_second_step and not session.strong
            if lacks:
                actor = _as_requester(uow, actor)
            return Viewer(actor, token, person, await people.know(uow, person), session, lacks)
    return Viewer(ANYONE, visit)


async def start(
    uow: UnitOfWork,
    request: Request,
    response: Response,
    person: Person,
    *,
    how: str,
    secure: bool,
    strong: bool = False,
    first: str = "",
) -> Session:
    """Sign a person in: a fresh token, whatever the browser had before (no fixation). `first` is the first
    factor, where `how` is the second."""
    token = new_token()
    lifetime = _lifetime(person)
    now = clock.now()
    session = Session(
        person_id=person.id, digest=_digest(uow, token), expires_at=now + lifetime, strong=strong
    )
    key = await uow.keys.of_person(uow.session, person.id)
    seen = {
        "agent": request.headers.get("user-agent", "")[:300],
        "address": request.client.host if request.client else "",
        "first": first or how,
    }
    session.seen_from = seal_json(key, seen, "session.seen_from", session.id)
    uow.session.add(session)
    metrics.count_sign_in("done")
    uow.emit(SignedIn(subject=person.id, how=how), actor=await people.actor_of(uow, person))
    _give(response, token, lifetime, secure)
    return session


def renew(uow: UnitOfWork, viewer: Viewer) -> None:
    """Whoever has just proved themselves again goes on under a fresh token; who has a copy of the old one is out.
    The answer brings it along (`give_anew`)."""
    if viewer.session is not None:
        viewer.csrf_secret = new_token()
        viewer.session.digest = _digest(uow, viewer.csrf_secret)
        viewer.renewed = True


def give_anew(response: Response, viewer: Viewer, *, secure: bool) -> None:
    if viewer.renewed and viewer.session is not None:
        _give(response, viewer.csrf_secret, viewer.session.expires_at - clock.now(), secure)


def _give(response: Response, token: str, lasts: timedelta, secure: bool) -> None:
    response.set_cookie(
        cookie_name(secure),
        token,
        max_age=int(lasts.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=secure,
        path="/",
    )


async def end(uow: UnitOfWork, response: Response, viewer: Viewer, *, secure: bool) -> None:
    if viewer.session is not None and viewer.person is not None:
        viewer.session.revoked_at = clock.now()
        uow.emit(SignedOut(subject=viewer.person.id, session=viewer.session.id))
    response.delete_cookie(cookie_name(secure), path="/", secure=secure, httponly=True, samesite="lax")


def language_of(request: Request, viewer: Viewer, fallback: str) -> str:
    """The person's own language, else the browser's, else the desk's."""
    return viewer.person.locale if viewer.person is not None else browsers_language(request, fallback)


def browsers_language(request: Request, fallback: str) -> str:
    """The first language of ours that the browser asks for (RFC 9110, 12.5.4)."""
    for part in request.headers.get("accept-language", "").split(",")[:10]:
        code = part.split(";")[0].strip().split("-")[0].lower()
        if code in LANGUAGES:
            return code
    return fallback


_BY_DIGEST = (
    select(
        Session,
        Person,
        func.array(
            select(TeamMember.team_id).where(TeamMember.person_id == Person.id).scalar_subquery(),
            type_=ARRAY(Uuid()),
        ),
    )
    .join(Person, Person.id == Session.person_id)
    .where(
        Session.digest == bindparam("digest"),
        Session.revoked_at.is_(None),
        Session.expires_at > bindparam("now"),
        Person.active,
        Person.erased_at.is_(None),
    )
)


async def _find(uow: UnitOfWork, token: str) -> tuple[Session, Person, frozenset[UUID]] | None:
    now = clock.now()
    values = {"digest": _digest(uow, token), "now": now}
    row = (await uow.session.execute(_BY_DIGEST, values)).one_or_none()
    if row is None:
        return None
    session, person, teams = row
    if now - session.created_at > _lifetime(person):
        # Who became a colleague meanwhile stays no longer than colleagues do.
        return None
    if now - session.last_seen_at > (IDLE if person.role == "requester" else STAFF_IDLE):
        return None
    if now - session.last_seen_at > _TOUCH:
        session.last_seen_at = now
        person.last_seen_at = now
    return session, person, frozenset(teams if person.role != "requester" else ())


def _lifetime(person: Person) -> timedelta:
    return LIFETIME if person.role == "requester" else STAFF_LIFETIME


def _as_requester(uow: UnitOfWork, actor: Actor) -> Actor:
    role = "requester"
    return replace(actor, role=role, permissions=uow.means.roles[role], teams=frozenset())


def _digest(uow: UnitOfWork, token: str) -> bytes:
    return words.digest(uow.keys.lookup, f"session|{token}")
