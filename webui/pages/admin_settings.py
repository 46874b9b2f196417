"""Settings of the desk, group by group, made from the one typed class."""

from __future__ import annotations

import base64
import types
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, Literal, Union, get_args, get_origin
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from annotated_types import Ge, Le, MaxLen
from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic.fields import FieldInfo

from core import chat_secret, desk_settings
from core.admin import service
from core.calendar import DAYS, countries, parse_calendar, to_json
from core.db import UnitOfWork
from core.desk_settings import DeskSettings
from core.errors import Invalid, NotFound
from core.files.sniff import HEAD, sniff
from core.i18n import N_, _
from core.people.service import zone_of
from webui.deps import TheSite, Uow
from webui.pages.admin_shell import Given, ManagesDesk, done, given_by, show, take_effect, trying
from webui.sessions import Viewer

router = APIRouter()
LARGEST_LOGO = 200_000
LOGO_KINDS = ("image/png", "image/jpeg", "image/webp")
SPANS_SHOWN = 3
GROUPS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "look": (N_("Look and language"), ("name", "logo", "accent", "language", "zone")),
    "hours": (N_("Working hours"), ("hours",)),
    "tickets": (
        N_("Tickets"),
        (
            "hold_seconds",
            "claim_on_reply",
            "reopen_days",
            "close_after_days",
            "attachment_mb",
            "show_agent_names",
            "agent_pictures",
            "open_registration",
            "suggest_articles",
        ),
    ),
    "sign_in": (N_("Signing in"), ("staff_second_step",)),
    "chat": (N_("Web chat"), ("chat_origins", "live_chat", "offer_seconds")),
    "calls": (
        N_("Calls"),
        (
            "calls",
            "calls_by_requesters",
            "calls_in_hours_only",
            "call_waiting_room",
            "call_minutes",
            "calls_at_once",
            "call_ring_seconds",
            "recording_days",
        ),
    ),
    "quality": (N_("Quality"), ("review_percent", "review_low_ratings", "review_questions")),
    "guard": (
        N_("Spam and floods"),
        ("block_words", "messages_per_minute", "address_per_minute", "same_text_per_hour"),
    ),
}
MORE = "more"
HIDDEN = frozenset({"chat_secret_set"})
LABELS = {"logo": N_("Logo"), "chat_origins": N_("Sites that may show the chat")}
"""Where the setting's own description is more than a label."""
HINTS = {
    "name": N_("Stands in the navigation, in mails and above the chat."),
    "logo": N_("PNG, JPEG or WebP, at most 200 kB. It is shown 28 pixels high."),
    "accent": N_("Buttons and links. Its lightness is adjusted, so that text stays readable."),
    "language": N_("People choose their own; the browser decides for visitors."),
    "zone": N_("Such as Europe/Berlin. Working hours are meant in this zone."),
    "hold_seconds": N_("So long an agent can take a reply back. 0 sends at once."),
    "reopen_days": N_("A later reply opens a linked follow-up ticket."),
    "staff_second_step": N_(
        "Who has none sets it up at the next sign-in, before anything else. API tokens and linked chats are not asked."
    ),
    "attachment_mb": N_("Larger files are refused with words that say so."),
    "chat_origins": N_("One a line, such as https://shop.example.com. Empty: every site."),
    "offer_seconds": N_("Then the chat is offered to the next free agent."),
    "review_questions": N_("One a line, such as: Was the problem understood?"),
    "block_words": N_("One word or phrase a line. They are found as whole words, however they are written."),
    "open_registration": N_("Otherwise accounts are made by invitation."),
    "suggest_articles": N_(
        "Right after the question, and only when an article fits. A person reads it all the same."
    ),
    "show_agent_names": N_("Otherwise they read the desk's name."),
    "agent_pictures": N_(
        "Such as https://example.org/people/{id}.png; {id} is the number in the address of the agent's page here. "
        "The platform fetches it: beside replies in Slack, and in Discord where replies go by webhook."
    ),
    "same_text_per_hour": N_("What comes more often waits in the quarantine."),
}
UNITS = {
    "hold_seconds": N_("seconds"),
    "offer_seconds": N_("seconds"),
    "reopen_days": N_("days"),
    "close_after_days": N_("days"),
    "attachment_mb": N_("MB"),
}
LANGUAGES = {"en": "English", "de": "Deutsch"}
DAY_NAMES = {
    "mon": N_("Monday"),
    "tue": N_("Tuesday"),
    "wed": N_("Wednesday"),
    "thu": N_("Thursday"),
    "fri": N_("Friday"),
    "sat": N_("Saturday"),
    "sun": N_("Sunday"),
}


@router.get("/admin/settings")
async def first(request: Request, uow: Uow, viewer: ManagesDesk) -> Response:
    return await settings(request, uow, viewer, "look")


@router.get("/admin/settings/{group}")
async def settings(request: Request, uow: Uow, viewer: ManagesDesk, group: str) -> Response:
    stored = await desk_settings.load(uow.session)
    if group == "hours":
        return await _hours_page(request, uow, viewer, _hours_of(stored))
    return await _page(request, uow, viewer, group, stored.model_dump())


@router.post("/admin/settings/hours")
async def change_hours(request: Request, uow: Uow, viewer: ManagesDesk, site: TheSite) -> Response:
    given = await given_by(request)
    async with trying(uow) as trial:
        hours: dict[str, Any] = {}
        if given.on("on"):
            stored = await desk_settings.load(uow.session)
            hours = _calendar(given, stored.zone)
        await service.change_settings(uow, viewer.actor, {"hours": hours}, version=given.version)
    if trial.failed:
        return await _hours_page(
            request, uow, viewer, _hours_typed(given), errors=_near(trial.errors), status=trial.status
        )
    await take_effect(uow, site)
    return done("/admin/settings/hours")


@router.post("/admin/settings/chat/secret")
async def make_secret(request: Request, uow: Uow, viewer: ManagesDesk, site: TheSite) -> Response:
    """A fresh secret, shown on this answer and never again."""
    secret = await chat_secret.make(uow)
    service.record(uow, viewer.actor, "setting", "chat_secret", "made")
    await take_effect(uow, site)
    stored = await desk_settings.load(uow.session)
    return await _page(request, uow, viewer, "chat", stored.model_dump(), secret=secret)


@router.post("/admin/settings/chat/secret/delete")
async def forget_secret(request: Request, uow: Uow, viewer: ManagesDesk, site: TheSite) -> Response:
    await chat_secret.forget(uow)
    service.record(uow, viewer.actor, "setting", "chat_secret", "retired")
    await take_effect(uow, site)
    return done("/admin/settings/chat")


@router.post("/admin/settings/{group}")
async def change(request: Request, uow: Uow, viewer: ManagesDesk, site: TheSite, group: str) -> Response:
    names = _names_of(group)
    given = await given_by(request)
    typed = {name: _typed(name, given) for name in names if name != "logo"}
    async with trying(uow) as trial:
        values: dict[str, Any] = {}
        wrong: dict[str, str] = {}
        for name in names:
            try:
                values[name] = await _value(name, given, uow)
            except Invalid as error:
                wrong[name] = error.words
        if wrong:
            raise service.WrongSettings(wrong)
        await service.change_settings(uow, viewer.actor, values, version=given.version)
    if trial.failed:
        stored = await desk_settings.load(uow.session)
        return await _page(
            request, uow, viewer, group, stored.model_dump() | typed, errors=trial.errors, status=trial.status
        )
    await take_effect(uow, site)
    return done(f"/admin/settings/{group}")


# --- the page ---------------------------------------------------------------------------


async def _page(
    request: Request,
    uow: UnitOfWork,
    viewer: Viewer,
    group: str,
    values: Mapping[str, Any],
    **context: Any,
) -> Response:
    names = _names_of(group)
    return await show(
        request,
        uow,
        viewer,
        "admin/settings.html",
        area="settings",
        group=group,
        title=_group_name(group),
        groups=_group_tabs(group),
        fields=[_field(name, values[name]) for name in names],
        version=await service.settings_version(uow.session, names),
        vouching=uow.settings.chat_secret_set,
        zones=sorted(available_timezones()) if "zone" in names else [],
        **context,
    )


async def _hours_page(
    request: Request, uow: UnitOfWork, viewer: Viewer, hours: SimpleNamespace, **context: Any
) -> Response:
    return await show(
        request,
        uow,
        viewer,
        "admin/hours.html",
        area="settings",
        groups=_group_tabs("hours"),
        hours=hours,
        days=[(key, _(DAY_NAMES[key])) for key in DAYS],
        countries=[(code, code) for code in sorted(countries())],
        zone=uow.settings.zone,
        version=await service.settings_version(uow.session, ("hours",)),
        **context,
    )


def _names_of(group: str) -> tuple[str, ...]:
    if group == MORE:
        listed = {name for _title, names in GROUPS.values() for name in names} | HIDDEN
        rest = tuple(name for name in DeskSettings.model_fields if name not in listed)
        if rest:
            return rest
    if group not in GROUPS:
        raise NotFound(_("There is no such page."))
    return GROUPS[group][1]


def _group_name(group: str) -> str:
    return _(GROUPS[group][0]) if group in GROUPS else _("More")


def _group_tabs(current: str) -> list[SimpleNamespace]:
    """Settings that another part of the desk has added stand under “More”."""
    listed = {name for _title, names in GROUPS.values() for name in names} | HIDDEN
    keys = [*GROUPS, *([MORE] if set(DeskSettings.model_fields) - listed else [])]
    return [
        SimpleNamespace(text=_group_name(key), url=f"/admin/settings/{key}", current=key == current)
        for key in keys
    ]


def _field(name: str, value: Any) -> SimpleNamespace:
    """A setting as the page draws it, by the type it has."""
    info = DeskSettings.model_fields[name]
    least, most = _limits(info)
    return SimpleNamespace(
        name=name,
        kind=_kind(name, info),
        label=_(LABELS.get(name) or info.description or name),
        hint=_(HINTS[name]) if name in HINTS else None,
        unit=_(UNITS[name]) if name in UNITS else None,
        value="\n".join(value) if isinstance(value, list) else value,
        least=least,
        most=most,
        options=[(one, LANGUAGES.get(one, one)) for one in get_args(info.annotation)]
        if get_origin(info.annotation) is Literal
        else [],
    )


def _kind(name: str, info: FieldInfo) -> str:
    if name in ("logo", "accent", "zone"):
        return name
    annotation: Any = info.annotation
    if get_origin(annotation) in (Union, types.UnionType):
        annotation = next(each for each in get_args(annotation) if each is not type(None))
    if annotation is bool:
        return "bool"
    if annotation in (int, float):
        return "number"
    if get_origin(annotation) is Literal:
        return "choice"
    return "lines" if get_origin(annotation) is list else "text"


def _limits(info: FieldInfo) -> tuple[Any, Any]:
    least = next((each.ge for each in info.metadata if isinstance(each, Ge)), None)
    most = next((each.le for each in info.metadata if isinstance(each, Le)), None)
    longest = next((each.max_length for each in info.metadata if isinstance(each, MaxLen)), None)
    return least, most if most is not None else longest


# --- what was given ---------------------------------------------------------------------


def _typed(name: str, given: Given) -> Any:
    """What stood in the form, for showing it again."""
    match _kind(name, DeskSettings.model_fields[name]):
        case "bool":
            return given.on(name)
        case "lines":
            return given.text(name).splitlines()
        case _:
            return given.text(name)


async def _value(name: str, given: Given, uow: UnitOfWork) -> Any:
    match _kind(name, DeskSettings.model_fields[name]):
        case "bool":
            return given.on(name)
        case "number":
            return given.whole(name)
        case "lines":
            lines = list(dict.fromkeys(given.lines(name)))
            return [_origin(line) for line in lines] if name == "chat_origins" else _few(name, lines)
        case "logo":
            return await _logo(given, uow)
        case "zone":
            zone = given.text(name).strip()
            if zone_of(zone).key != zone:
                raise Invalid(_("There is no such time zone."), field=name)
            return zone
        case _:
            return given.text(name).strip()


def _origin(line: str) -> str:
    """A site as browsers name it (RFC 6454): scheme, host, and a port where it is not the usual."""
    try:
        parts = urlsplit(line if "://" in line else f"https://{line}")
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    host = parts.hostname or ""
    fine = parts.scheme in ("http", "https") and host and parts.path in ("", "/")
    if not fine or parts.query or parts.fragment or parts.username or any(char in host for char in " *,;'\""):
        raise Invalid(
            _("“{site}” is no site; write it as https://shop.example.com.").format(site=line[:80]),
            field="chat_origins",
        )
    usual = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{host}" + (f":{port}" if port and port != usual else "")


def _few(name: str, lines: list[str]) -> list[str]:
    if len(lines) > 500 or any(len(line) > 100 for line in lines):
        raise Invalid(_("At most 500 lines of 100 characters, please."), field=name)
    return lines


async def _logo(given: Given, uow: UnitOfWork) -> str:
    """The logo as a data address; unchanged when no file was given."""
    upload = given.upload("logo")
    content = await upload.read(LARGEST_LOGO + 1) if upload is not None else b""
    if upload is not None:
        await upload.close()
    if given.on("logo_delete"):
        return ""
    if upload is None or not upload.filename:
        return (await desk_settings.load(uow.session)).logo
    if len(content) > LARGEST_LOGO:
        raise Invalid(_("This file is too large: at most 200 kB, please."), field="logo")
    mime = sniff(content[:HEAD]).mime
    if mime not in LOGO_KINDS or not _is_whole(content):
        raise Invalid(_("This is not a PNG, JPEG or WebP picture."), field="logo")
    return f"data:{mime};base64,{base64.b64encode(content).decode()}"


def _is_whole(content: bytes) -> bool:
    """Whether the picture can be opened to its end."""
    from io import BytesIO

    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(BytesIO(content)) as picture:
            if picture.width * picture.height > 16_000_000:
                return False
            picture.load()
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return False
    return True


# --- working hours ----------------------------------------------------------------------


def _hours_of(stored: DeskSettings) -> SimpleNamespace:
    hours = stored.hours
    week = hours.get("week") or {}
    return SimpleNamespace(
        on=bool(hours),
        week={day: _padded(week.get(day) or []) for day in DAYS},
        holidays="\n".join(hours.get("holidays") or []),
        country=hours.get("country") or "",
        subdivision=hours.get("subdivision") or "",
    )


def _hours_typed(given: Given) -> SimpleNamespace:
    return SimpleNamespace(
        on=given.on("on"),
        week={day: _padded(_spans(given, day)) for day in DAYS},
        holidays=given.text("holidays"),
        country=given.text("country"),
        subdivision=given.text("subdivision"),
    )


def _calendar(given: Given, zone: str) -> dict[str, Any]:
    """The form as the calendar's JSON, read and written once: what is kept is in its own form."""
    json: dict[str, Any] = {
        "zone": zone,
        "week": {day: spans for day in DAYS if (spans := _spans(given, day))},
        "holidays": sorted(set(given.lines("holidays"))),
        "country": given.text("country") or None,
        "subdivision": given.text("subdivision").strip().upper() or None,
    }
    if not json["week"]:
        raise Invalid(_("With no hours at all the desk would never be open."), field="week")
    kept = dict(to_json(parse_calendar(json)))
    # The zone is a setting of its own: kept here too it would go stale.
    kept.pop("zone")
    return kept


def _spans(given: Given, day: str) -> list[list[str]]:
    begins, ends = given.texts(f"{day}-from"), given.texts(f"{day}-to")
    return [[begin, end] for begin, end in zip(begins, ends, strict=False) if begin or end]


def _padded(spans: list[list[str]]) -> list[list[str]]:
    """One empty line more than there are spans, so that one can be added without a script."""
    return [*spans, ["", ""]] if len(spans) < SPANS_SHOWN else spans


def _near(errors: Mapping[str, str]) -> dict[str, str]:
    """The calendar names paths (/week/mon/0/1); the form has one place for each day."""
    near: dict[str, str] = {}
    for name, words in errors.items():
        parts = name.strip("/").split("/")
        place = parts[1] if parts[0] == "week" and len(parts) > 1 else parts[0]
        near[place or "form"] = words
    return near
