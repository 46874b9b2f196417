"""Connections: connect platforms, see how the connections are, choose desk rooms, send a test.

No page holds a connection of the database while a platform is asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response
from markupsafe import Markup
from sqlalchemy import select

from core.access import Permission
from core.chat import Candidate, Connects, Finding, Guide, Place
from core.db import UnitOfWork
from core.errors import DeskError, Invalid, NotFound, Unavailable
from core.i18n import N_, _, ngettext
from core.installations import connecting, environment, service
from core.installations.model import Installation, InstallationState
from core.markdown import to_html
from core.outbox_model import Delivery
from core.people.model import Team
from core.rooms import service as rooms
from core.rooms import testing
from core.rooms.model import DeskRoom, RoomRule
from webui.deps import TheSite, Uow, staff, visit
from webui.pages.admin_deliveries import ERRORS
from webui.pages.admin_shell import Given, ManagesDesk, done, given_by, show, trying
from webui.pages.desk_filters import CHANNELS
from webui.sessions import Viewer
from webui.site import Site

router = APIRouter()
HERE = "/admin/platforms"
RULES = {
    RoomRule.assignee: (
        N_("The assignee's words"),
        N_("What the assignee writes in a thread is a reply; what others write is a note."),
    ),
    RoomRule.everyone: (N_("Everyone's words"), N_("What any agent writes in a thread is a reply.")),
    RoomRule.command: (N_("Only /reply"), N_("All that is written is a note; /reply sends a reply.")),
}
STATES = {
    InstallationState.on.value: (N_("Connected"), "good", "check"),
    InstallationState.off.value: (N_("Disconnected"), None, "x"),
    InstallationState.broken.value: (N_("Refused"), "bad", "alert"),
}
NOT_RENEWED = (N_("No new token"), "warn", "alert")


# --- all of them ------------------------------------------------------------------------


@router.get(HERE)
async def platforms(request: Request, uow: Uow, viewer: ManagesDesk, site: TheSite) -> Response:
    listed = await service.listed(uow.session)
    return await show(
        request,
        uow,
        viewer,
        "admin/platforms.html",
        area="platforms",
        platforms=[
            SimpleNamespace(
                name=name,
                title=title_of(name),
                standing=_standing([row.state for row in listed if row.platform == name]),
            )
            for name in site.platforms
        ],
        connections=[_line(row) for row in listed],
        rooms=await _room_lines(uow, listed),
        lost=[_troubled(one, at) for one, at in await rooms.lost(uow.session)],
        shut=[_troubled(one, at) for one, at in await rooms.shut(uow.session)],
    )


# --- connecting one ---------------------------------------------------------------------


@router.get(HERE + "/{platform}")
async def guide(request: Request, uow: Uow, viewer: ManagesDesk, site: TheSite, platform: str) -> Response:
    return await _guide(request, uow, viewer, site, platform)


@router.post(HERE + "/{platform}")
async def connect(request: Request, site: TheSite, platform: str) -> Response:
    """The values are tried at the platform before they are kept; they are never shown again."""
    async with visit(request):
        viewer = _manages(request)
        offer = _offer(site, platform)
        given, asked = await given_by(request), offer.guide(site.public_url)
    values = {field.name: given.text(field.name) for field in asked.fields}
    try:
        kept, tried = await connecting.connect(site.desk, viewer.actor, platform, offer, asked, values)
    except (Invalid, Unavailable) as error:
        async with visit(request) as uow:
            return await _guide(request, uow, _manages(request), site, platform, asked, values, error)
    async with visit(request) as uow:
        return await _connection(request, uow, _manages(request), kept, findings=tried.findings, fresh=True)


# --- one connection ---------------------------------------------------------------------


@router.get(HERE + "/connections/{installation_id}")
async def connection(request: Request, site: TheSite, installation_id: UUID) -> Response:
    async with visit(request) as uow:
        _manages(request)
        line = _line(await service.get(uow.session, installation_id))
    found, trouble = await _candidates(site, line)
    async with visit(request) as uow:
        return await _connection(
            request, uow, _manages(request), installation_id, candidates=found, trouble=trouble, looked=True
        )


@router.post(HERE + "/connections/{installation_id}/check")
async def check(request: Request, site: TheSite, installation_id: UUID) -> Response:
    async with visit(request) as uow:
        viewer = _manages(request)
        line = _line(await service.get(uow.session, installation_id))
    findings: Sequence[Finding] = ()
    trouble = ""
    try:
        findings = await connecting.look(
            site.desk, viewer.actor, _offer(site, line.platform), line.platform, line.id
        )
    except Unavailable as error:
        trouble = error.words
    async with visit(request) as uow:
        return await _connection(request, uow, _manages(request), line.id, findings=findings, trouble=trouble)


@router.post(HERE + "/connections/{installation_id}/delete")
async def disconnect(uow: Uow, viewer: ManagesDesk, installation_id: UUID) -> Response:
    await service.disconnect(uow, viewer.actor, installation_id)
    return done(HERE, "disconnected")


@router.post(HERE + "/connections/{installation_id}/rooms")
async def add_room(request: Request, uow: Uow, viewer: ManagesDesk, installation_id: UUID) -> Response:
    row, given = await service.get(uow.session, installation_id), await given_by(request)
    async with trying(uow) as trial:
        channel, name = _chosen(given)
        place = Place(row.platform, row.external, channel)
        await rooms.add(
            uow, viewer.actor, place, name=name, team_id=given.id("team"), rule=_rule(given.text("rule"))
        )
    if trial.failed:
        return await _connection(request, uow, viewer, row.id, errors=trial.errors, status=trial.status)
    return done(f"{HERE}/connections/{row.id}", "room_added")


# --- one desk room ----------------------------------------------------------------------


@router.get(HERE + "/rooms/{room_id}")
async def room(request: Request, uow: Uow, viewer: ManagesDesk, room_id: UUID) -> Response:
    return await _room(request, uow, viewer, room_id)


@router.post(HERE + "/rooms/{room_id}")
async def change_room(request: Request, uow: Uow, viewer: ManagesDesk, room_id: UUID) -> Response:
    given = await given_by(request)
    async with trying(uow) as trial:
        team = given.id("team")
        if team is not None and await uow.session.get(Team, team) is None:
            raise Invalid(_("There is no such team."), field="team")
        await rooms.change(uow, viewer.actor, room_id, rule=_rule(given.text("rule")), team_id=team)
    if trial.failed:
        return await _room(request, uow, viewer, room_id, errors=trial.errors, status=trial.status)
    return done(HERE)


@router.post(HERE + "/rooms/{room_id}/test")
async def test_room(uow: Uow, viewer: ManagesDesk, site: TheSite, room_id: UUID) -> Response:
    await testing.send(uow, viewer.actor, await rooms.get(uow.session, room_id))
    uow.after(site.desk.wake.set)
    return done(HERE, "tested")


@router.post(HERE + "/rooms/{room_id}/delete")
async def remove_room(uow: Uow, viewer: ManagesDesk, room_id: UUID) -> Response:
    await rooms.remove(uow, viewer.actor, room_id)
    return done(HERE, "room_removed")


# --- pages ------------------------------------------------------------------------------


async def _guide(
    request: Request,
    uow: UnitOfWork,
    viewer: Viewer,
    site: Site,
    platform: str,
    asked: Guide | None = None,
    values: Mapping[str, str] | None = None,
    error: DeskError | None = None,
) -> Response:
    asked = asked or _offer(site, platform).guide(site.public_url)
    open_fields = {field.name for field in asked.fields if not field.secret}
    return await show(
        request,
        uow,
        viewer,
        "admin/platform_guide.html",
        area="platforms",
        status=error.status if error is not None else 200,
        platform=platform,
        title=title_of(platform),
        steps=[Markup(to_html(step)) for step in asked.steps],  # noqa: S704  sanitised there
        document=asked.document,
        fields=asked.fields,
        values={name: value for name, value in (values or {}).items() if name in open_fields},
        errors=_errors(error, asked),
        connections=[_line(row) for row in await service.listed(uow.session) if row.platform == platform],
    )


async def _connection(
    request: Request, uow: UnitOfWork, viewer: Viewer, installation_id: UUID, **context: Any
) -> Response:
    """One connection: what was found, its desk rooms, and a form for one more."""
    row = await service.get(uow.session, installation_id)
    mine = await _rooms_of(uow, row)
    taken = {Place.from_key(line.room.place_key).channel for line in mine}
    offered: Sequence[Candidate] = context.pop("candidates", ())
    return await show(
        request,
        uow,
        viewer,
        "admin/platform_connection.html",
        area="platforms",
        connection=_line(row),
        on=row.state != InstallationState.off,
        rooms=mine,
        candidates=[
            (f"{one.place.channel} {one.name}"[:200], one.name)
            for one in offered
            if one.place.channel not in taken
        ],
        teams=await _teams(uow),
        rules=_rules(),
        **context,
    )


async def _room(request: Request, uow: UnitOfWork, viewer: Viewer, room_id: UUID, **context: Any) -> Response:
    found = await rooms.get(uow.session, room_id)
    return await show(
        request,
        uow,
        viewer,
        "admin/room.html",
        area="platforms",
        room=found,
        name=room_name(found),
        teams=await _teams(uow),
        rules=_rules(),
        **context,
    )


# --- what stands on them ----------------------------------------------------------------


def title_of(platform: str) -> str:
    """A platform's name as people write it."""
    return _(CHANNELS[platform]) if platform in CHANNELS else platform.capitalize()


def _standing(states: Sequence[str]) -> str:
    """How many connections of a platform hold; where none does, why."""
    if holding := states.count(InstallationState.on):
        return ngettext("{n} connected", "{n} connected", holding).format(n=holding)
    return _("Refused") if InstallationState.broken in states else _("Not connected")


def room_name(found: DeskRoom) -> str:
    return found.name or Place.from_key(found.place_key).channel


def _line(row: Installation) -> SimpleNamespace:
    text, tone, icon = STATES[row.state]
    if row.state == InstallationState.on and row.problem:
        text, tone, icon = NOT_RENEWED
    by_environment = environment.names(row)
    return SimpleNamespace(
        id=row.id,
        platform=row.platform,
        title=title_of(row.platform),
        name=row.name or row.external or environment.setting(row.platform),
        external=row.external,
        by_environment=by_environment,
        may_end=not (by_environment and row.state == InstallationState.on),
        holds=row.state == InstallationState.on,
        state=SimpleNamespace(text=_(text), tone=tone, icon=icon),
        problem=connecting.problem_words(row),
        since=row.updated_at,
    )


async def _rooms_of(uow: UnitOfWork, row: Installation) -> list[SimpleNamespace]:
    return [
        line
        for line in await _room_lines(uow, [row])
        if (line.place.platform, line.place.installation) == (row.platform, row.external)
    ]


async def _room_lines(uow: UnitOfWork, listed: Sequence[Installation]) -> list[SimpleNamespace]:
    found = await rooms.rooms(uow.session)
    tests = await testing.last(uow.session, found)
    teams = {team.id: team.name for team in await uow.session.scalars(select(Team))}
    names = {(row.platform, row.external): row.name for row in listed}
    lines = []
    for one in found:
        place = Place.from_key(one.place_key)
        lines.append(
            SimpleNamespace(
                room=one,
                place=place,
                name=room_name(one),
                title=title_of(place.platform),
                connection=names.get((place.platform, place.installation)) or place.installation,
                team=teams.get(one.team_id) if one.team_id else None,
                rule=_(RULES[RoomRule(one.rule)][0]),
                test=_test(tests.get(one.place_key)),
            )
        )
    return lines


def _troubled(room: DeskRoom, at: datetime) -> SimpleNamespace:
    """A room in which agents see nothing, and since when."""
    return SimpleNamespace(
        name=room_name(room), title=title_of(Place.from_key(room.place_key).platform), at=at
    )


def _test(row: Delivery | None) -> SimpleNamespace | None:
    """How the last test of a room went."""
    if row is None:
        return None
    if row.state == "sent":
        return SimpleNamespace(text=_("Arrived"), tone="good", icon="check", at=row.sent_at, words="")
    error = row.error or ""
    words = _(ERRORS[error]) if error in ERRORS else _("The platform did not take it.")
    text, tone, icon = (
        (_("Not delivered"), "bad", "alert") if row.state == "dead" else (_("On its way"), None, "clock")
    )
    return SimpleNamespace(text=text, tone=tone, icon=icon, at=row.created_at, words=words if error else "")


async def _teams(uow: UnitOfWork) -> list[tuple[str, str]]:
    rows = await uow.session.scalars(select(Team).where(Team.active).order_by(Team.name))
    return [(str(team.id), team.name) for team in rows]


def _rules() -> list[tuple[str, str, str]]:
    return [(rule.value, _(name), _(hint)) for rule, (name, hint) in RULES.items()]


async def _candidates(site: Site, line: SimpleNamespace) -> tuple[Sequence[Candidate], str]:
    """Places to choose from; where the platform does not answer, words about that."""
    if not line.holds or line.platform not in site.platforms:
        return (), ""
    try:
        return await connecting.candidates(site.platforms[line.platform], line.external), ""
    except Unavailable as error:
        return (), error.words


# --- what a form says -------------------------------------------------------------------


def _manages(request: Request) -> Viewer:
    """What one may not do is not there."""
    viewer = staff(request)
    if not viewer.actor.may(Permission.manage_desk):
        raise NotFound(_("There is no such page."))
    return viewer


def _offer(site: Site, platform: str) -> Connects:
    found = site.platforms.get(platform)
    if found is None:
        raise NotFound(_("There is no such platform."))
    return found


def _chosen(given: Given) -> tuple[str, str]:
    """The place that was chosen from the list with its name, or the one that was typed."""
    typed = given.text("channel").strip()
    channel, _space, name = typed.partition(" ") if typed else given.text("place").partition(" ")
    if not channel or len(channel) > 200 or not channel.isprintable():
        raise Invalid(_("Choose a place, or give the platform's id of one."), field="place")
    return channel, name


def _rule(raw: str) -> RoomRule:
    try:
        return RoomRule(raw)
    except ValueError:
        raise Invalid(_("Please choose one of the list."), field="rule") from None


def _errors(error: DeskError | None, asked: Guide) -> dict[str, str]:
    if error is None:
        return {}
    name = error.field if isinstance(error, Invalid) else None
    return {name if name in {field.name for field in asked.fields} else "form": error.words}
