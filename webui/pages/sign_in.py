"""Sign-in: by link, by password, with a second factor; sign-up; invitations; sign-out.

A link's page only has a button: following a link uses nothing up.
"""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from core import clock, text
from core.db import UnitOfWork
from core.errors import DeskError, Invalid, TooMany
from core.i18n import _, language
from core.people import credentials, links, sign_in
from core.people import service as people
from core.people.events import SignedOut
from core.people.links import Purpose
from core.people.model import Person
from core.tickets import joining
from webui import sessions
from webui.deps import AnyViewer, SignInFirst, TheSite, Uow
from webui.public import Paced, client_key, fields_of, limits_of, local_path, show
from webui.rendering import see_other
from webui.sessions import Viewer
from webui.site import Site

router = APIRouter()
Next = Annotated[str, Query(alias="next", max_length=500)]

_DONE = {
    "out": lambda: _("You are signed out."),
}


# --- by password or link ----------------------------------------------------------------


@router.get("/sign-in")
async def sign_in_page(request: Request, uow: Uow, viewer: AnyViewer, back: Next = "") -> Response:
    if viewer.signed_in:
        return see_other(local_path(back))
    return _form(request, back=back)


@router.post("/sign-in")
async def signing_in(request: Request, uow: Uow, viewer: AnyViewer, site: TheSite) -> Response:
    begun = time.monotonic()
    given = await fields_of(request)
    email, back = given.get("email", "").strip(), given.get("next", "")
    try:
        if given.get("how") == "link":
            answer = await _by_link(request, uow, site, email, back)
        else:
            answer = await _by_password(request, uow, viewer, site, email, given.get("password", ""), back)
    except (Invalid, TooMany) as error:
        field = error.field if isinstance(error, Invalid) else None
        answer = _form(
            request, status=error.status, back=back, email=email, errors={field or "email": error.words}
        )
    return Paced(answer, begun)


@router.get("/sign-in/sent")
async def sent(request: Request, uow: Uow, viewer: AnyViewer) -> Response:
    return show(request, "sign_in/sent.html", bare=True)


@router.get("/sign-in/link/{token}")
async def link_page(request: Request, uow: Uow, viewer: AnyViewer, token: str, back: Next = "") -> Response:
    return await _link_page(request, uow, viewer, token, Purpose.sign_in, "sign_in/link.html", back)


@router.post("/sign-in/link/{token}")
async def by_link(request: Request, uow: Uow, viewer: AnyViewer, site: TheSite, token: str) -> Response:
    back = (await fields_of(request)).get("next", "")
    try:
        _not_anothers(viewer, (await links.look(uow, token, Purpose.sign_in)).person)
        found = await links.use(uow, token, Purpose.sign_in)
    except DeskError as error:
        return _refusal(request, viewer, error)
    await sign_in.arrived_by_mail(uow, found)
    second = await sign_in.second_step(uow, found.person, "link", found)
    if second is not None:
        return _to_second(site, second, back)
    waived = sign_in.is_waived(found)
    return await _enter(request, uow, viewer, site, found.person, "link", back, strong=waived)


# --- the second factor ------------------------------------------------------------------


@router.get("/sign-in/code")
async def code_page(
    request: Request, uow: Uow, viewer: AnyViewer, site: TheSite, back: Next = ""
) -> Response:
    try:
        await links.look(uow, request.cookies.get(_second_name(site), ""), Purpose.second)
    except DeskError:
        return see_other("/sign-in")
    return _code_form(request, back)


@router.post("/sign-in/code")
async def by_code(request: Request, uow: Uow, viewer: AnyViewer, site: TheSite) -> Response:
    given = await fields_of(request)
    back, token = given.get("next", ""), request.cookies.get(_second_name(site), "")
    try:
        found = await links.look(uow, token, Purpose.second)
    except DeskError:
        return see_other("/sign-in")
    budget, who = limits_of(site).codes, str(found.person.id)
    try:
        budget.take(who)
    except TooMany as error:
        return _code_form(request, back, error.words, status=error.status)
    if not await credentials.check_second(uow, found.person, given.get("code", "")[:40]):
        sign_in.refused(uow, found.person, "code")
        return _code_form(request, back, _("This code is not right, or was used already."), status=422)
    await links.use(uow, token, Purpose.second)
    budget.give_back(who)
    first = str(found.data.get("first", ""))
    answer = await _enter(request, uow, viewer, site, found.person, "code", back, strong=True, first=first)
    answer.delete_cookie(_second_name(site), path="/", secure=site.secure, httponly=True, samesite="lax")
    return answer


# --- accounts and invitations -----------------------------------------------------------


@router.get("/sign-up")
async def sign_up_page(request: Request, uow: Uow, viewer: AnyViewer) -> Response:
    if viewer.signed_in:
        return see_other("/")
    return show(request, "sign_in/sign_up.html", bare=True, errors={}, given={})


@router.post("/sign-up")
async def signing_up(request: Request, uow: Uow, viewer: AnyViewer, site: TheSite) -> Response:
    begun = time.monotonic()
    given = await fields_of(request)
    email = given.get("email", "").strip()
    answer: Response = see_other("/sign-in/sent")
    try:
        if not email:
            raise Invalid(_("Please type your e-mail address."), field="email")
        address, name = people.checked_email(email), _name(given)
        _spend_mail(request, site, address)
        await sign_in.sign_up(uow, name=name, email=address, locale=language())
    except (Invalid, TooMany) as error:
        field = (error.field if isinstance(error, Invalid) else None) or "email"
        answer = show(
            request,
            "sign_in/sign_up.html",
            status=error.status,
            bare=True,
            errors={field: error.words},
            given=given,
        )
    return Paced(answer, begun)


@router.get("/verify/{token}")
async def verify_page(request: Request, uow: Uow, viewer: AnyViewer, token: str, back: Next = "") -> Response:
    return await _link_page(request, uow, viewer, token, Purpose.verify, "sign_in/verify.html", back)


@router.post("/verify/{token}")
async def verify(request: Request, uow: Uow, viewer: AnyViewer, site: TheSite, token: str) -> Response:
    given = await fields_of(request)
    back = given.get("next", "")
    try:
        found = await links.look(uow, token, Purpose.verify)
        _not_anothers(viewer, found.person)
        is_change = await sign_in.address_of(uow, found) is not None
        if is_change and not viewer.signed_in:
            # Whoever reads a mistyped address must not come into the account by it.
            raise SignInFirst(_("Please sign in."))
        try:
            password = await _welcome(uow, found.person, {} if is_change else given)
        except Invalid as error:
            return await _again(request, uow, found, "sign_in/verify.html", error, given)
        await sign_in.prove(uow, token)
    except SignInFirst:
        raise
    except DeskError as error:
        return _refusal(request, viewer, error)
    if password:
        await sign_in.change_password(uow, found.person, password, None)
    if is_change:
        return see_other("/account?done=address")
    if not local_path(back, "") and await joining.earlier(uow, found.person):
        back = "/account/earlier"
    second = await sign_in.second_step(uow, found.person, "proof")
    if second is not None:
        return _to_second(site, second, back)
    return await _enter(request, uow, viewer, site, found.person, "proof", back)


@router.get("/invite/{token}")
async def invite_page(request: Request, uow: Uow, viewer: AnyViewer, token: str) -> Response:
    return await _link_page(request, uow, viewer, token, Purpose.invite, "sign_in/invite.html", "")


@router.post("/invite/{token}")
async def accept(request: Request, uow: Uow, viewer: AnyViewer, site: TheSite, token: str) -> Response:
    given = await fields_of(request)
    try:
        found = await links.look(uow, token, Purpose.invite)
        _not_anothers(viewer, found.person)
        try:
            password = await _welcome(uow, found.person, given)
        except Invalid as error:
            return await _again(request, uow, found, "sign_in/invite.html", error, given)
        await links.use(uow, token, Purpose.invite)
    except DeskError as error:
        return _refusal(request, viewer, error)
    await people.verify_email(uow, found.person)
    if password:
        await sign_in.change_password(uow, found.person, password, None)
    second = await sign_in.second_step(uow, found.person, "invite")
    if second is not None:
        return _to_second(site, second, "")
    return await _enter(request, uow, viewer, site, found.person, "invite", "")


@router.post("/sign-out")
async def sign_out(request: Request, uow: Uow, viewer: AnyViewer, site: TheSite) -> Response:
    back = local_path((await fields_of(request)).get("next"), "/sign-in?done=out")
    answer = see_other(back)
    await sessions.end(uow, answer, viewer, secure=site.secure)
    return answer


# --- steps ------------------------------------------------------------------------------


async def _by_link(request: Request, uow: UnitOfWork, site: Site, email: str, back: str) -> Response:
    if not email:
        raise Invalid(_("Please type your e-mail address."), field="email")
    address = people.checked_email(email)
    _spend_mail(request, site, address)
    await sign_in.request_link(uow, address, local_path(back, ""))
    return see_other("/sign-in/sent")


async def _by_password(
    request: Request, uow: UnitOfWork, viewer: Viewer, site: Site, email: str, password: str, back: str
) -> Response:
    if not email:
        raise Invalid(_("Please type your e-mail address."), field="email")
    if not password:
        raise Invalid(_("Please type your password, or let us send you a link."), field="password")
    # Counted by the address that it means: signs that nobody sees make no other account of it.
    limits, account = limits_of(site), (people.email_or_nothing(email) or email).casefold()
    here = f"{account} {client_key(request)}"
    limits.password_from.take(client_key(request))
    limits.password.take(here)
    limits.password_anywhere.take(account)
    person = await sign_in.by_password(uow, email, password)
    if person is None:
        raise Invalid(_("Address or password is not right."), field="password")
    limits.password.give_back(here)
    limits.password_anywhere.give_back(account)
    second = await sign_in.second_step(uow, person, "password")
    if second is not None:
        return _to_second(site, second, back)
    return await _enter(request, uow, viewer, site, person, "password", back)


def _spend_mail(request: Request, site: Site, address: str) -> None:
    limits = limits_of(site)
    limits.mails_from.take(client_key(request))
    limits.mails.take(f"{address.casefold()} {client_key(request)}")
    limits.mails_anywhere.take(address.casefold())


async def _enter(
    request: Request,
    uow: UnitOfWork,
    viewer: Viewer,
    site: Site,
    person: Person,
    how: str,
    back: str,
    *,
    strong: bool = False,
    first: str = "",
) -> Response:
    """Begin a session; the one this browser had before ends."""
    if viewer.session is not None and viewer.person is not None:
        viewer.session.revoked_at = clock.now()
        uow.emit(SignedOut(subject=viewer.person.id, session=viewer.session.id))
    answer = see_other(local_path(back))
    await sessions.start(
        uow, request, answer, person, how=how, secure=site.secure, strong=strong, first=first
    )
    return answer


def _to_second(site: Site, token: str, back: str) -> Response:
    path = local_path(back, "")
    answer = see_other("/sign-in/code" + (sign_in.next_query(path) if path else ""))
    answer.set_cookie(
        _second_name(site),
        token,
        max_age=int(links.LIFETIMES[Purpose.second].total_seconds()),
        httponly=True,
        samesite="lax",
        secure=site.secure,
        path="/",
    )
    return answer


def _second_name(site: Site) -> str:
    return "__Host-deskbell-second" if site.secure else "deskbell-second"


def _name(given: dict[str, str]) -> str:
    return text.line(given.get("name", ""), field="name", most=people.NAME_CHARACTERS)


async def _welcome(uow: UnitOfWork, person: Person, given: dict[str, str]) -> str:
    """Name and password that a newcomer may choose, checked before the link is used up."""
    name, password = given.get("name", "").strip(), given.get("password", "")
    if name:
        await people.change(uow, person, name=name)
    if password:
        credentials.checked_password(password, await people.know(uow, person))
    return password


async def _link_page(
    request: Request, uow: UnitOfWork, viewer: Viewer, token: str, purpose: Purpose, template: str, back: str
) -> Response:
    try:
        found = await links.look(uow, token, purpose)
        _not_anothers(viewer, found.person)
        new_address = await sign_in.address_of(uow, found) if purpose is Purpose.verify else None
    except DeskError as error:
        return _refusal(request, viewer, error)
    if new_address is not None and not viewer.signed_in:
        raise SignInFirst(_("Please sign in."))
    known = await people.know(uow, found.person)
    return show(
        request, template, bare=True, known=known, new_address=new_address, back=local_path(back, ""),
        errors={}, given={"name": known.name},
    )  # fmt: skip


async def _again(
    request: Request,
    uow: UnitOfWork,
    found: links.Found,
    template: str,
    error: Invalid,
    given: dict[str, str],
) -> Response:
    known = await people.know(uow, found.person)
    return show(
        request, template, status=error.status, bare=True, known=known, new_address=None,
        back=local_path(given.get("next"), ""), errors={error.field or "password": error.words}, given=given,
    )  # fmt: skip


class AnothersLink(DeskError):
    code = "anothers_link"
    status = 403

    def __init__(self) -> None:
        super().__init__(_("This link belongs to another account. Sign out first if it is yours as well."))


def _not_anothers(viewer: Viewer, person: Person) -> None:
    if viewer.person is not None and viewer.person.id != person.id:
        raise AnothersLink


def _refusal(request: Request, viewer: Viewer, error: DeskError) -> Response:
    return show(
        request, "sign_in/refused.html", status=error.status, bare=True, error=error,
        anothers=isinstance(error, AnothersLink), here=request.url.path,
    )  # fmt: skip


def _form(
    request: Request,
    *,
    status: int = 200,
    back: str = "",
    email: str = "",
    errors: dict[str, str] | None = None,
) -> Response:
    return show(
        request, "sign_in/sign_in.html", status=status, done=_DONE, bare=True,
        back=local_path(back, ""), email=email, errors=errors or {},
    )  # fmt: skip


def _code_form(request: Request, back: str, error: str | None = None, *, status: int = 200) -> Response:
    return show(
        request, "sign_in/code.html", status=status, bare=True, back=local_path(back, ""), error=error
    )
