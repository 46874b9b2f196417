"""People: colleagues and requesters; invite, roles, teams, block, erase."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy import func, select

from core import clock
from core.access import STAFF_ROLES, Permission
from core.admin import erase, organisations, service, staff
from core.db import UnitOfWork
from core.errors import Forbidden, Invalid
from core.i18n import LANGUAGES, _
from core.people import service as people
from core.people.find import find
from core.people.model import Identity, Person, Session, Team, TeamMember
from core.tickets import queries
from core.tickets.model import LIVE, Ticket
from webui.deps import TheSite, Uow
from webui.pages.admin_roles import ROLE_NAMES
from webui.pages.admin_shell import Given, ManagesStaff, done, given_by, link, show, trying
from webui.sessions import Viewer

router = APIRouter()
HERE = "/admin/people"
PAGE = 50
LANGUAGE_NAMES = {"en": "English", "de": "Deutsch"}


@router.get(HERE)
async def listed(
    request: Request, uow: Uow, viewer: ManagesStaff, q: str = "", role: str = "staff", after: str = ""
) -> Response:
    errors: dict[str, str] = {}
    lines: list[SimpleNamespace] = []
    following: UUID | None = None
    try:
        found = await find(
            uow,
            viewer.actor,
            q,
            role=role if role in ROLE_NAMES else None,
            staff=True if role == "staff" else None,
            after=_uuid(after),
            limit=PAGE,
        )
        lines, following = await _lines(uow, found.people), found.next
    except Invalid as error:
        errors["q"] = error.words
    return await show(
        request,
        uow,
        viewer,
        "admin/people.html",
        area="people",
        status=422 if errors else 200,
        errors=errors,
        lines=lines,
        q=q[:254],
        role=role,
        roles=_role_tabs(q, role),
        newer=link(HERE, q=q, role=role) if after else None,
        older=link(HERE, q=q, role=role, after=following) if following else None,
    )


@router.get(HERE + "/invitation")
async def invitation(request: Request, uow: Uow, viewer: ManagesStaff) -> Response:
    values = SimpleNamespace(email="", name="", role="agent", teams=[], locale=uow.settings.language)
    return await _invitation(request, uow, viewer, values)


@router.post(HERE + "/invitation")
async def invite(request: Request, uow: Uow, viewer: ManagesStaff, site: TheSite) -> Response:
    given = await given_by(request)
    async with trying(uow) as trial:
        person, path = await staff.invite(
            uow,
            viewer.actor,
            email=given.text("email"),
            name=given.text("name"),
            role=given.text("role"),
            team_ids=given.ids("teams"),
            locale=given.text("locale") or None,
        )
    if trial.failed:
        values = SimpleNamespace(
            **{name: given.text(name) for name in ("email", "name", "role", "locale")},
            teams=given.texts("teams"),
        )
        return await _invitation(request, uow, viewer, values, errors=trial.errors, status=trial.status)
    return await _detail(request, uow, viewer, person, invitation=site.public_url.rstrip("/") + path)


@router.get(HERE + "/{person_id:uuid}")
async def detail(request: Request, uow: Uow, viewer: ManagesStaff, person_id: UUID) -> Response:
    return await _detail(request, uow, viewer, await people.get(uow, person_id))


@router.post(HERE + "/{person_id:uuid}")
async def change(request: Request, uow: Uow, viewer: ManagesStaff, person_id: UUID) -> Response:
    given = await given_by(request)
    async with trying(uow) as trial:
        await staff.change(
            uow,
            viewer.actor,
            person_id,
            version=given.version,
            role=given.text("role"),
            team_ids=given.ids("teams"),
            skills=given.text("skills").split(","),
            capacity=given.whole("capacity") if given.text("capacity") else None,
        )
    if trial.failed:
        person = await people.get(uow, person_id)
        return await _detail(
            request, uow, viewer, person, errors=trial.errors, status=trial.status, typed=_typed(given)
        )
    return done(f"{HERE}/{person_id}")


@router.post(HERE + "/{person_id:uuid}/organisation")
async def place_in(request: Request, uow: Uow, viewer: ManagesStaff, person_id: UUID) -> Response:
    given = await given_by(request)
    async with trying(uow) as trial:
        await staff.place_in(
            uow, viewer.actor, person_id, version=given.version, organisation_id=given.id("organisation")
        )
    return await _after(request, uow, viewer, person_id, trial.errors, trial.status, "saved")


@router.post(HERE + "/{person_id:uuid}/invitation")
async def invite_again(
    request: Request, uow: Uow, viewer: ManagesStaff, site: TheSite, person_id: UUID
) -> Response:
    person = await people.get(uow, person_id)
    async with trying(uow) as trial:
        path = await staff.invite_again(uow, viewer.actor, person)
    if trial.failed:
        return await _after(request, uow, viewer, person_id, trial.errors, trial.status, "")
    return await _detail(request, uow, viewer, person, invitation=site.public_url.rstrip("/") + path)


@router.post(HERE + "/{person_id:uuid}/sessions/delete")
async def sign_out(request: Request, uow: Uow, viewer: ManagesStaff, person_id: UUID) -> Response:
    await staff.sign_out_everywhere(uow, viewer.actor, person_id)
    return done(f"{HERE}/{person_id}", "signed_out")


@router.post(HERE + "/{person_id:uuid}/active")
async def reactivate(request: Request, uow: Uow, viewer: ManagesStaff, person_id: UUID) -> Response:
    await staff.reactivate(uow, viewer.actor, person_id)
    return done(f"{HERE}/{person_id}", "restored")


@router.post(HERE + "/{person_id:uuid}/active/delete")
async def deactivate(request: Request, uow: Uow, viewer: ManagesStaff, person_id: UUID) -> Response:
    async with trying(uow) as trial:
        await staff.deactivate(uow, viewer.actor, person_id)
    return await _after(request, uow, viewer, person_id, trial.errors, trial.status, "retired")


@router.post(HERE + "/{person_id:uuid}/block")
async def block(request: Request, uow: Uow, viewer: ManagesStaff, person_id: UUID) -> Response:
    async with trying(uow) as trial:
        await staff.block(uow, viewer.actor, person_id, blocked=True)
    return await _after(request, uow, viewer, person_id, trial.errors, trial.status, "blocked")


@router.post(HERE + "/{person_id:uuid}/block/delete")
async def unblock(request: Request, uow: Uow, viewer: ManagesStaff, person_id: UUID) -> Response:
    await staff.block(uow, viewer.actor, person_id, blocked=False)
    return done(f"{HERE}/{person_id}", "unblocked")


@router.get(HERE + "/{person_id:uuid}/erasure")
async def erasure(request: Request, uow: Uow, viewer: ManagesStaff, person_id: UUID) -> Response:
    return await _erasure(request, uow, viewer, await people.get(uow, person_id))


@router.post(HERE + "/{person_id:uuid}/erasure")
async def erase_person(request: Request, uow: Uow, viewer: ManagesStaff, person_id: UUID) -> Response:
    given = await given_by(request)
    person = await people.get(uow, person_id)
    async with trying(uow) as trial:
        if given.text("word").strip().casefold() != _("ERASE").casefold():
            raise Invalid(_("Please type the word {word}.").format(word=_("ERASE")), field="word")
        await erase.erase(uow, viewer.actor, person_id)
    if trial.failed:
        person = await people.get(uow, person_id)
        return await _erasure(request, uow, viewer, person, errors=trial.errors, status=trial.status)
    return done(HERE, "erased")


# --- the pages --------------------------------------------------------------------------


async def _after(
    request: Request,
    uow: UnitOfWork,
    viewer: Viewer,
    person_id: UUID,
    errors: dict[str, str],
    status: int,
    code: str,
) -> Response:
    if errors:
        person = await people.get(uow, person_id)
        return await _detail(request, uow, viewer, person, errors=errors, status=status)
    return done(f"{HERE}/{person_id}", code)


async def _invitation(
    request: Request, uow: UnitOfWork, viewer: Viewer, values: SimpleNamespace, **context: Any
) -> Response:
    teams = await service.teams(uow.session)
    return await show(
        request,
        uow,
        viewer,
        "admin/invitation.html",
        area="people",
        values=values,
        roles=[(name, _(ROLE_NAMES[name])) for name in STAFF_ROLES],
        teams=[(str(line.team.id), line.team.name) for line in teams],
        languages=[(code, LANGUAGE_NAMES.get(code, code)) for code in LANGUAGES],
        **context,
    )


async def _detail(
    request: Request, uow: UnitOfWork, viewer: Viewer, person: Person, **context: Any
) -> Response:
    await uow.session.flush()
    known = await people.know(uow, person)
    companies, _more = await organisations.listed(uow, viewer.actor, most=200)
    mine = [one for one in companies if one.active or one.id == person.organisation_id]
    if person.organisation_id is not None and all(one.id != person.organisation_id for one in mine):
        mine.append(await organisations.get(uow, viewer.actor, person.organisation_id))
    teams = await service.teams(uow.session)
    stored = SimpleNamespace(
        role=person.role,
        teams=[str(one) for one in await staff.teams_of(uow, person)],
        skills=", ".join(await staff.skills_of(uow, person)),
        capacity=person.capacity,
    )
    return await show(
        request,
        uow,
        viewer,
        "admin/person.html",
        area="people",
        person=person,
        known=known,
        role_text=_(ROLE_NAMES.get(person.role, person.role)),
        roles=[(name, _(text)) for name, text in ROLE_NAMES.items()],
        teams=[(str(line.team.id), line.team.name) for line in teams],
        companies=[(str(one.id), one.name) for one in mine],
        **(await _about(uow, viewer, person)),
        **({"typed": stored, "invitation": None} | context),
    )


async def _about(uow: UnitOfWork, viewer: Viewer, person: Person) -> dict[str, Any]:
    """What is known beside the profile: tickets, ways in, sessions."""
    try:
        history = (await queries.history_of(uow, viewer.actor, person.id, limit=10)).rows
    except Forbidden:
        history = []
    platforms = await uow.session.execute(
        select(Identity.platform, Identity.verified_at).where(Identity.person_id == person.id).limit(20)
    )
    sessions = await uow.session.scalar(
        select(func.count())
        .select_from(Session)
        .where(Session.person_id == person.id, Session.revoked_at.is_(None), Session.expires_at > clock.now())
    )
    assigned = await uow.session.scalar(
        select(func.count())
        .select_from(Ticket)
        .where(Ticket.assignee_id == person.id, Ticket.status.in_(LIVE))
    )
    return {
        "history": [
            SimpleNamespace(
                number=row.number,
                url=f"/tickets/{row.number}",
                subject=row.subject,
                status=row.status,
                updated_at=row.updated_at,
            )
            for row in history
        ],
        "platforms": list(platforms),
        "sessions": sessions or 0,
        "assigned": assigned or 0,
        "may_moderate": viewer.actor.may(Permission.moderate),
        "myself": viewer.actor.id == person.id,
        "skill_names": [tag.name for tag in await service.tags(uow.session)],
    }


async def _erasure(
    request: Request, uow: UnitOfWork, viewer: Viewer, person: Person, **context: Any
) -> Response:
    tickets = await uow.session.scalar(
        select(func.count()).select_from(Ticket).where(Ticket.requester_id == person.id)
    )
    return await show(
        request,
        uow,
        viewer,
        "admin/erasure.html",
        area="people",
        person=person,
        known=await people.know(uow, person),
        tickets=tickets or 0,
        word=_("ERASE"),
        **context,
    )


async def _lines(uow: UnitOfWork, found: Sequence[people.Known]) -> list[SimpleNamespace]:
    ids = [known.id for known in found]
    rows = await uow.session.execute(
        select(TeamMember.person_id, Team.name)
        .join(Team, Team.id == TeamMember.team_id)
        .where(TeamMember.person_id.in_(ids), Team.active)
        .order_by(Team.name)
    )
    teams: dict[UUID, list[str]] = {}
    for person_id, name in rows:
        teams.setdefault(person_id, []).append(name)
    seen = await uow.session.execute(select(Person.id, Person.last_seen_at).where(Person.id.in_(ids)))
    last = dict(seen.all())
    return [
        SimpleNamespace(
            id=known.id,
            person=SimpleNamespace(id=known.id, name=known.shown),
            email=known.email,
            role=known.role,
            role_text=_(ROLE_NAMES.get(known.role, known.role)),
            teams=teams.get(known.id, []),
            active=known.active,
            blocked=known.blocked,
            last_seen_at=last.get(known.id),
        )
        for known in found
    ]


def _role_tabs(q: str, current: str) -> list[SimpleNamespace]:
    tabs = [
        ("staff", _("Colleagues")),
        *((name, _(ROLE_NAMES[name])) for name in ("agent", "lead", "admin", "requester")),
        ("all", _("Everyone")),
    ]
    return [
        SimpleNamespace(text=text, url=link(HERE, q=q, role=key), current=key == current)
        for key, text in tabs
    ]


def _typed(given: Given) -> SimpleNamespace:
    return SimpleNamespace(
        role=given.text("role"),
        teams=given.texts("teams"),
        skills=given.text("skills"),
        capacity=given.text("capacity"),
    )


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
