"""One's own account: profile, notices, password, second factor, sessions, tokens, and the
conversations that were begun before there was an account."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from functools import cache
from types import SimpleNamespace
from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

from fastapi import APIRouter, Request
from fastapi.responses import Response
from fastapi.routing import APIRoute

from core.access import Permission
from core.db import UnitOfWork
from core.errors import DeskError, Forbidden, Invalid, TooMany
from core.i18n import _
from core.notices import rules
from core.notices.service import set_preference
from core.people import credentials, linking, sign_in, tokens
from core.people import service as people
from core.people.model import Person
from core.tickets import joining
from webui import sessions
from webui.deps import SettingUp, SignedIn, TheSite, Uow, site_of
from webui.pages.desk_filters import CHANNELS
from webui.public import fields_of, limits_of, local_path, show
from webui.rendering import see_other
from webui.sessions import Viewer
from webui.site import Site


class AccountRoute(APIRoute):
    """Brings the fresh token of a session that was renewed to its browser, whatever the answer is."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            answer = await handle(request)
            sessions.give_anew(answer, request.state.viewer, secure=site_of(request).secure)
            return answer

        return handled


router = APIRouter(prefix="/account", route_class=AccountRoute)

_DONE = {
    "saved": lambda: _("Saved."),
    "proof": lambda: _("A link is on its way to the new address. Until it is used, the old one stays."),
    "address": lambda: _("This is your address now."),
    "password": lambda: _("The password is set. You were signed out everywhere else."),
    "app": lambda: _("The second step is switched off."),
    "second": lambda: _("The desk asks colleagues for a second step: please set up an app first."),
    "session": lambda: _("Signed out there."),
    "sessions": lambda: _("You were signed out everywhere else."),
    "token": lambda: _("The token is revoked."),
    "joined": lambda: _("Joined. You find everything under “My tickets”."),
}
_LANGUAGES = (("en", "English"), ("de", "Deutsch"))
_PROFILE = ("zone", "phone", "company", "about")


# --- profile ----------------------------------------------------------------------------


@router.get("")
async def profile_page(request: Request, uow: Uow, viewer: SignedIn) -> Response:
    return await _profile(request, uow, viewer)


@router.post("")
async def keep_profile(request: Request, uow: Uow, viewer: SignedIn, site: TheSite) -> Response:
    given = await fields_of(request)
    person = _person(viewer)
    try:
        email = people.checked_email(given.get("email", ""))
        if _is_new(viewer, email):
            # Whoever reads the mails of the address signs in: it is as good as a password.
            await _really_them(uow, viewer, site, given.get("current", ""), "current")
        await people.change(
            uow,
            person,
            name=given.get("name"),
            display_name=given.get("display_name"),
            locale=given.get("locale"),
            profile={name: given[name] for name in _PROFILE if name in given},
        )
        asked = await _new_address(uow, viewer, email)
    except (Invalid, TooMany, Forbidden) as error:
        field = (error.field if isinstance(error, Invalid) else "email") or "name"
        return await _profile(request, uow, viewer, given, {field: error.words}, error.status)
    if viewer.staff:
        person.preferences = {**person.preferences, "keys": "keys" in given}
    return see_other("/account?done=proof" if asked else "/account?done=saved")


@router.post("/chats/code")
async def link_chat(request: Request, uow: Uow, viewer: SignedIn, site: TheSite) -> Response:
    """A code for one's other chat, shown once. Whoever enters it speaks as this person from then on."""
    person, given = _person(viewer), await fields_of(request)
    try:
        await _really_them(uow, viewer, site, given.get("chats_current", ""), "chats")
        limits_of(site).codes.take(f"link {person.id}")
    except (Invalid, TooMany, Forbidden) as error:
        return await _profile(request, uow, viewer, errors={"chats": error.words}, status=error.status)
    return await _profile(request, uow, viewer, code=await linking.make_code(uow, person))


# --- notices ----------------------------------------------------------------------------


@router.get("/notices")
async def notices_page(request: Request, uow: Uow, viewer: SignedIn) -> Response:
    person = _person(viewer)
    rows = [
        SimpleNamespace(
            label=_(kind.label),
            ways=[
                SimpleNamespace(
                    name=f"{kind.code}-{way}", way=way, on=rules.wants(person.preferences, kind.code, way)
                )
                for way in ("bell", "mail")
                if way in kind.ways
            ],
        )
        for kind in _kinds(viewer)
    ]
    tabs = await _tabs(uow, viewer, "/account/notices")
    return show(request, "account/notices.html", done=_DONE, tabs=tabs, rows=rows)


@router.post("/notices")
async def keep_notices(request: Request, uow: Uow, viewer: SignedIn) -> Response:
    given = await fields_of(request)
    for kind in _kinds(viewer):
        for way in kind.ways:
            set_preference(_person(viewer), kind.code, way, f"{kind.code}-{way}" in given)
    return see_other("/account/notices?done=saved")


# --- security ---------------------------------------------------------------------------


@router.get("/security")
async def security_page(request: Request, uow: Uow, viewer: SettingUp) -> Response:
    return await _security(request, uow, viewer)


@router.post("/password")
async def set_password(request: Request, uow: Uow, viewer: SettingUp, site: TheSite) -> Response:
    given = await fields_of(request)
    try:
        if await _needs_present_password(uow, viewer):
            await _check_password(uow, viewer, site, given.get("current", ""), "current")
        else:
            await _really_them(uow, viewer, site, given.get("current", ""), "current")
        password = given.get("password", "")
        if given.get("again", password) != password:
            raise Invalid(_("The two passwords are not the same."), field="again")
        await sign_in.change_password(uow, _person(viewer), password, viewer.session)
        sessions.renew(uow, viewer)
    except (Invalid, TooMany, Forbidden) as error:
        return await _security(request, uow, viewer, error, fallback="password")
    return see_other("/account/security?done=password")


@router.post("/app")
async def begin_app(request: Request, uow: Uow, viewer: SettingUp, site: TheSite) -> Response:
    given = await fields_of(request)
    try:
        await _really_them(uow, viewer, site, given.get("app_current", ""), "app_current")
        await credentials.begin_totp(uow, _person(viewer), _called(viewer))
    except DeskError as error:
        return await _security(request, uow, viewer, error, fallback="app_current")
    return see_other("/account/app")


@router.get("/app")
async def app_page(request: Request, uow: Uow, viewer: SettingUp) -> Response:
    enrolment = await credentials.enrolment(uow, _person(viewer), _called(viewer))
    if enrolment is None:
        return see_other("/account/security")
    return show(request, "account/app.html", enrolment=enrolment, error=None)


@router.post("/app/confirm")
async def confirm_app(request: Request, uow: Uow, viewer: SettingUp, site: TheSite) -> Response:
    person, given = _person(viewer), await fields_of(request)
    try:
        limits_of(site).codes.take(str(person.id))
        codes = await credentials.confirm_totp(uow, person, given.get("code", "")[:20])
        if codes is None:
            raise Invalid(_("This code is not right. Look at the app again, and at your phone's clock."))
    except (Invalid, TooMany) as error:
        enrolment = await credentials.enrolment(uow, person, _called(viewer))
        if enrolment is None:
            return see_other("/account/security")
        return show(request, "account/app.html", status=error.status, enrolment=enrolment, error=error.words)
    limits_of(site).codes.give_back(str(person.id))
    if viewer.session is not None:
        viewer.session.strong = True
    await sign_in.revoke_others(uow, person, viewer.session.id if viewer.session else None)
    sessions.renew(uow, viewer)
    return show(request, "account/codes.html", codes=codes)


@router.post("/app/delete")
async def remove_app(request: Request, uow: Uow, viewer: SignedIn, site: TheSite) -> Response:
    try:
        await _second(request, uow, viewer, site, "remove_code")
    except (Invalid, TooMany) as error:
        return await _security(request, uow, viewer, error, fallback="remove_code")
    await credentials.remove_totp(uow, _person(viewer))
    if viewer.session is not None:
        viewer.session.strong = False
    await sign_in.revoke_others(uow, _person(viewer), viewer.session.id if viewer.session else None)
    return see_other("/account/security?done=app")


@router.post("/recovery-codes")
async def new_codes(request: Request, uow: Uow, viewer: SignedIn, site: TheSite) -> Response:
    try:
        await _second(request, uow, viewer, site, "codes_code")
    except (Invalid, TooMany) as error:
        return await _security(request, uow, viewer, error, fallback="codes_code")
    codes = await credentials.new_recovery_codes(uow, _person(viewer))
    return show(request, "account/codes.html", codes=codes)


@router.post("/sessions/{session_id}/delete")
async def end_session(request: Request, uow: Uow, viewer: SettingUp, session_id: UUID) -> Response:
    await sign_in.revoke(uow, _person(viewer), session_id)
    return see_other("/account/security?done=session")


@router.post("/sessions/delete")
async def end_others(request: Request, uow: Uow, viewer: SettingUp) -> Response:
    await sign_in.revoke_others(uow, _person(viewer), viewer.session.id if viewer.session else None)
    # Who has a copy of this browser's cookie is one of the others.
    sessions.renew(uow, viewer)
    return see_other("/account/security?done=sessions")


# --- tokens -----------------------------------------------------------------------------


@router.post("/tokens")
async def make_token(request: Request, uow: Uow, viewer: SignedIn, site: TheSite) -> Response:
    form = await request.form()
    scopes = [scope for scope in form.getlist("scopes") if isinstance(scope, str)]
    try:
        await _really_them(uow, viewer, site, str(form.get("token_current", "")), "token_current")
        days = int(str(form.get("days") or 90))
        token = await tokens.make(uow, _person(viewer), str(form.get("name", "")), scopes, days)
    except (TooMany, Forbidden) as error:
        return await _security(request, uow, viewer, error, fallback="token_name")
    except (Invalid, ValueError) as error:
        wrong = error if isinstance(error, Invalid) else Invalid(_("This is not a number."), field="days")
        named = Invalid(wrong.words, field={"name": "token_name"}.get(wrong.field or "", wrong.field))
        return await _security(request, uow, viewer, named, fallback="token_name")
    return show(request, "account/token.html", token=token)


@router.post("/tokens/{token_id}/delete")
async def revoke_token(request: Request, uow: Uow, viewer: SignedIn, token_id: UUID) -> Response:
    await tokens.revoke(uow, _person(viewer), token_id)
    return see_other("/account/security?done=token")


# --- earlier conversations --------------------------------------------------------------


@router.get("/earlier")
async def earlier_page(request: Request, uow: Uow, viewer: SignedIn) -> Response:
    found = await joining.earlier(uow, _person(viewer))
    tabs = await _tabs(uow, viewer, "/account/earlier")
    back = local_path(request.query_params.get("next"), "")
    return show(request, "account/earlier.html", done=_DONE, tabs=tabs, found=found, back=back)


@router.post("/earlier/{person_id}")
async def join_earlier(request: Request, uow: Uow, viewer: SignedIn, person_id: UUID) -> Response:
    back = (await fields_of(request)).get("next")
    await joining.join(uow, _person(viewer), person_id)
    return see_other(local_path(back, "/account/earlier?done=joined"))


# --- steps ------------------------------------------------------------------------------


def _person(viewer: Viewer) -> Person:
    assert viewer.person is not None
    return viewer.person


def _called(viewer: Viewer) -> str:
    assert viewer.known is not None
    return viewer.known.email or viewer.known.shown


def _kinds(viewer: Viewer) -> list[rules.Kind]:
    return [
        kind
        for kind in rules.KINDS.values()
        if kind.staff == viewer.staff and (kind.needs is None or viewer.actor.may(kind.needs))
    ]


async def _new_address(uow: UnitOfWork, viewer: Viewer, email: str) -> bool:
    """A changed address is asked to prove itself; whether a mail was sent for it."""
    if not _is_new(viewer, email) and not _waits_for_proof(viewer, email):
        return False
    await sign_in.ask_for_proof(uow, _person(viewer), email)
    return True


def _is_new(viewer: Viewer, email: str) -> bool:
    assert viewer.known is not None
    return bool(email) and email != viewer.known.email


def _waits_for_proof(viewer: Viewer, email: str) -> bool:
    assert viewer.known is not None
    return bool(email) and not viewer.known.email_verified


async def _really_them(uow: UnitOfWork, viewer: Viewer, site: Site, password: str, field: str) -> None:
    """What would let someone stay who only found a browser open needs a fresh sign-in, or the
    password. Raises `Invalid` or `TooMany`."""
    if sign_in.is_fresh(viewer.session):
        return
    person = _person(viewer)
    if not await credentials.has_password(uow, person):
        raise Forbidden(_("Please sign in again first; then you have a quarter of an hour for this."))
    await _check_password(uow, viewer, site, password, field)


async def _needs_present_password(uow: UnitOfWork, viewer: Viewer) -> bool:
    """A password is changed by who knows it; who forgot it has just come by mail."""
    came_by_mail = sign_in.is_fresh(viewer.session) and await sign_in.came_by_mail(uow, viewer.session)
    return not came_by_mail and await credentials.has_password(uow, _person(viewer))


async def _check_password(uow: UnitOfWork, viewer: Viewer, site: Site, password: str, field: str) -> None:
    person = _person(viewer)
    limits_of(site).password.take(f"person {person.id}")
    if not await credentials.check_password(uow, person, password):
        raise Invalid(_("This is not your present password."), field=field)
    limits_of(site).password.give_back(f"person {person.id}")
    sessions.renew(uow, viewer)


async def _second(request: Request, uow: UnitOfWork, viewer: Viewer, site: Site, field: str) -> None:
    person, given = _person(viewer), await fields_of(request)
    limits_of(site).codes.take(str(person.id))
    if not await credentials.check_second(uow, person, given.get(field, "")[:40]):
        raise Invalid(_("This code is not right, or was used already."), field=field)
    limits_of(site).codes.give_back(str(person.id))
    sessions.renew(uow, viewer)


async def _profile(
    request: Request,
    uow: UnitOfWork,
    viewer: Viewer,
    given: dict[str, str] | None = None,
    errors: dict[str, str] | None = None,
    status: int = 200,
    code: str = "",
) -> Response:
    known = viewer.known
    assert known is not None
    values = {
        "name": known.name, "display_name": known.display_name, "email": known.email, "locale": known.locale,
        "zone": known.profile.zone, "phone": known.profile.phone, "company": known.profile.company,
        "about": known.profile.about,
    } | (given or {})  # fmt: skip
    return show(
        request, "account/profile.html", status=status, done=_DONE, tabs=await _tabs(uow, viewer, "/account"),
        given=values, errors=errors or {}, known=known, languages=_LANGUAGES, zones=_zones(),
        keys=_person(viewer).preferences.get("keys", True), chats=await _chats(uow, viewer), code=code,
        fresh=sign_in.is_fresh(viewer.session), has_password=await credentials.has_password(uow, _person(viewer)),
    )  # fmt: skip


async def _chats(uow: UnitOfWork, viewer: Viewer) -> list[str]:
    """The platforms on which one is known, by their names."""
    known = await linking.identities(uow, _person(viewer))
    return [_(CHANNELS[name]) if name in CHANNELS else name.capitalize() for name in known]


async def _security(
    request: Request, uow: UnitOfWork, viewer: Viewer, error: DeskError | None = None, fallback: str = ""
) -> Response:
    person = _person(viewer)
    field = (error.field if isinstance(error, Invalid) else None) or fallback
    may_api = viewer.actor.may(Permission.use_api)
    context: dict[str, Any] = {
        "tabs": await _tabs(uow, viewer, "/account/security"),
        "errors": {field: error.words} if error is not None else {},
        "has_password": await credentials.has_password(uow, person),
        "fresh": sign_in.is_fresh(viewer.session),
        "needs_present": await _needs_present_password(uow, viewer),
        "has_app": await credentials.has_totp(uow, person),
        "codes_left": await credentials.recovery_codes_left(uow, person),
        "sessions": [
            SimpleNamespace(
                id=seen.id,
                device=_device(seen.agent),
                address=seen.address,
                strong=seen.strong,
                last_seen_at=seen.last_seen_at,
                here=viewer.session is not None and seen.id == viewer.session.id,
            )
            for seen in await sign_in.sessions_of(uow, person)
        ],
        "may_api": may_api,
        "tokens": await tokens.of_person(uow, person) if may_api else [],
        "scopes": [(code, _(label)) for code, label in tokens.SCOPES.items()],
        "token_days": [(30, _("30 days")), (90, _("90 days")), (365, _("a year"))],
    }
    status = error.status if error is not None else 200
    return show(request, "account/security.html", status=status, done=_DONE, **context)


async def _tabs(uow: UnitOfWork, viewer: Viewer, here: str) -> list[SimpleNamespace]:
    return _tab_list(viewer, here, here == "/account/earlier" or await _has_earlier(uow, viewer))


async def _has_earlier(uow: UnitOfWork, viewer: Viewer) -> bool:
    return bool(await joining.earlier(uow, _person(viewer)))


def _tab_list(viewer: Viewer, here: str, has_earlier: bool) -> list[SimpleNamespace]:
    items = [
        (_("Profile"), "/account"),
        (_("Notices"), "/account/notices"),
        (_("Security"), "/account/security"),
    ]
    if has_earlier:
        items.append((_("Earlier conversations"), "/account/earlier"))
    return [SimpleNamespace(text=text, url=url, current=url == here) for text, url in items]


@cache
def _zones() -> list[dict[str, Any]]:
    groups: dict[str, list[tuple[str, str]]] = {}
    for name in sorted(available_timezones()):
        region, slash, place = name.partition("/")
        if slash and region not in ("Etc", "posix", "right", "SystemV"):
            groups.setdefault(region, []).append((name, place.replace("_", " ")))
    return [{"label": "UTC", "options": [("UTC", "UTC")]}] + [
        {"label": region, "options": places} for region, places in groups.items()
    ]


_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("Mac OS", "macOS"),
    ("CrOS", "ChromeOS"), ("Linux", "Linux"),
)  # fmt: skip


def _device(agent: str) -> str:
    """A browser's name for itself, in two words."""
    browser = next((name for mark, name in _BROWSERS if mark in agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    if browser and system:
        return _("{browser} on {system}").format(browser=browser, system=system)
    return browser or system or re.sub(r"[^\w ./-]", "", agent)[:40] or _("Unknown device")
