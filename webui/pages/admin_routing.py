"""Routing rules in order: edit, move, switch off, and try a text."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import Response

from core.admin import rules
from core.conditions import describe
from core.db import UnitOfWork
from core.errors import Invalid
from core.i18n import _
from core.tickets import intake
from core.tickets.model import RoutingRule
from core.tickets.routing import BY_TEAM_MODE, PRIORITIES, describe_actions
from webui.deps import Uow
from webui.pages import admin_rule_form as form
from webui.pages.admin_shell import Given, ManagesDesk, done, given_by, show, trying
from webui.pages.admin_teams import staff_of
from webui.pages.desk_filters import channels
from webui.sessions import Viewer

router = APIRouter()
LONGEST_TRIAL = 5_000


@router.get("/admin/routing")
async def routing(request: Request, uow: Uow, viewer: ManagesDesk) -> Response:
    return await _page(request, uow, viewer)


@router.post("/admin/routing/trial")
async def trial_of_a_text(request: Request, uow: Uow, viewer: ManagesDesk) -> Response:
    """Say which rule would fire for a text, and why. Nothing changes."""
    given = await given_by(request)
    words, channel = given.text("text")[:LONGEST_TRIAL], given.text("channel", "desk")
    async with trying(uow) as trial:
        if not words.strip():
            raise Invalid(_("Please write what someone might say."), field="text")
        lines = await intake.try_out(uow, words, channel=channel, category_id=given.id("category"))
    if trial.failed:
        return await _page(
            request, uow, viewer, errors=trial.errors, status=trial.status, tried=_tried(given)
        )
    return await _page(request, uow, viewer, tried=_tried(given), told=[_line(line) for line in lines])


@router.get("/admin/routing/new")
async def new(request: Request, uow: Uow, viewer: ManagesDesk) -> Response:
    blank = SimpleNamespace(field="words", op="contains", value="")
    values = SimpleNamespace(
        name="", how="all", rows=[blank], advanced="", stop=False, then=form.stored_actions({})
    )
    return await _form(request, uow, viewer, None, values)


@router.post("/admin/routing")
async def make(request: Request, uow: Uow, viewer: ManagesDesk) -> Response:
    given = await given_by(request)
    if given.text("step"):
        return await _form(request, uow, viewer, None, _stepped(given))
    async with trying(uow) as trial:
        await rules.make(uow, viewer.actor, **await _fields(uow, viewer, given))
    if trial.failed:
        return await _form(
            request, uow, viewer, None, _typed(given), errors=_near(trial.errors, given), status=trial.status
        )
    return done("/admin/routing", "made")


@router.get("/admin/routing/{rule_id:uuid}")
async def rule(request: Request, uow: Uow, viewer: ManagesDesk, rule_id: UUID) -> Response:
    found = await rules.get(uow, viewer.actor, rule_id)
    return await _form(request, uow, viewer, found, await _stored(uow, viewer, found))


@router.post("/admin/routing/{rule_id:uuid}")
async def change(request: Request, uow: Uow, viewer: ManagesDesk, rule_id: UUID) -> Response:
    given = await given_by(request)
    if given.text("step"):
        found = await rules.get(uow, viewer.actor, rule_id)
        return await _form(request, uow, viewer, found, _stepped(given))
    async with trying(uow) as trial:
        fields = await _fields(uow, viewer, given)
        await rules.change(uow, viewer.actor, rule_id, version=given.version, **fields)
    if trial.failed:
        found = await rules.get(uow, viewer.actor, rule_id)
        return await _form(
            request, uow, viewer, found, _typed(given), errors=_near(trial.errors, given), status=trial.status
        )
    return done("/admin/routing")


@router.post("/admin/routing/{rule_id:uuid}/position")
async def move(request: Request, uow: Uow, viewer: ManagesDesk, rule_id: UUID) -> Response:
    given = await given_by(request)
    await rules.move(uow, viewer.actor, rule_id, up=given.text("to") == "up")
    return done("/admin/routing", "moved")


@router.post("/admin/routing/{rule_id:uuid}/active")
async def restore(request: Request, uow: Uow, viewer: ManagesDesk, rule_id: UUID) -> Response:
    given = await given_by(request)
    await rules.keep(uow, viewer.actor, rule_id, version=given.version, active=True)
    return done("/admin/routing", "restored")


@router.post("/admin/routing/{rule_id:uuid}/active/delete")
async def retire(request: Request, uow: Uow, viewer: ManagesDesk, rule_id: UUID) -> Response:
    given = await given_by(request)
    await rules.keep(uow, viewer.actor, rule_id, version=given.version, active=False)
    return done("/admin/routing", "retired")


# --- the pages --------------------------------------------------------------------------


async def _page(request: Request, uow: UnitOfWork, viewer: Viewer, **context: Any) -> Response:
    rows = await rules.listed(uow, viewer.actor)
    words = await form.words_of(uow, viewer.actor, [row.condition for row in rows])
    names = {UUID(key): name for part in _all_words(words) for key, name in part.items()}
    staff = await staff_of(uow)
    names |= {one.id: one.shown for one in staff}
    blank: dict[str, Any] = {
        "tried": SimpleNamespace(text="", channel="desk", category=""),
        "told": [],
    }
    return await show(
        request,
        uow,
        viewer,
        "admin/routing.html",
        area="routing",
        rules=[_told(row, names) for row in rows],
        channels=[(name, text) for name, text in channels(uow).items() if name != "portal"],
        categories=list(words.categories.items()),
        **(blank | context),
    )


async def _form(
    request: Request,
    uow: UnitOfWork,
    viewer: Viewer,
    found: RoutingRule | None,
    values: SimpleNamespace,
    **context: Any,
) -> Response:
    words = await form.words_of(uow, viewer.actor, found.condition if found else None)
    staff = [(str(one.id), one.shown) for one in await staff_of(uow)]
    return await show(
        request,
        uow,
        viewer,
        "admin/rule.html",
        area="routing",
        rule=found,
        version=found.version if found else -1,
        values=values,
        offered=form.offered(words),
        teams=list(words.teams.items()),
        categories=list(words.categories.items()),
        priorities=[(key, _(name)) for key, name in PRIORITIES.items()],
        assign=[(BY_TEAM_MODE, _("As the team assigns")), {"label": _("One agent"), "options": staff}],
        **context,
    )


async def _fields(uow: UnitOfWork, viewer: Viewer, given: Given) -> dict[str, Any]:
    words = await form.words_of(uow, viewer.actor)
    return {
        "name": given.text("name"),
        "condition": await form.condition_of(uow, given, words),
        "actions": form.actions_of(given),
        "stop": given.on("stop"),
    }


def _stepped(given: Given) -> SimpleNamespace:
    """The form with a row more or less; nothing is saved yet."""
    values = _typed(given)
    step, _colon, at = given.text("step").partition(":")
    if step == "add" and len(values.rows) < form.MOST_ROWS:
        values.rows.append(SimpleNamespace(field="words", op="contains", value=""))
    elif step == "remove" and at.isdecimal() and int(at) < len(values.rows):
        del values.rows[int(at)]
    return values


def _typed(given: Given) -> SimpleNamespace:
    return SimpleNamespace(
        name=given.text("name"),
        how=given.text("how", "all"),
        rows=form.typed_rows(given),
        advanced=given.text("advanced"),
        stop=given.on("stop"),
        then=form.typed_actions(given),
    )


async def _stored(uow: UnitOfWork, viewer: Viewer, found: RoutingRule) -> SimpleNamespace:
    words = await form.words_of(uow, viewer.actor, found.condition)
    simple = form.rows_of(found.condition, words)
    pretty = orjson.dumps(found.condition, option=orjson.OPT_INDENT_2).decode()
    how, rows = simple or ("all", [])
    return SimpleNamespace(
        name=found.name,
        how=how,
        rows=rows,
        advanced="" if simple else pretty,
        stop=found.stop,
        then=form.stored_actions(found.actions),
    )


def _tried(given: Given) -> SimpleNamespace:
    return SimpleNamespace(
        text=given.text("text"), channel=given.text("channel"), category=given.text("category")
    )


def _line(line: str) -> SimpleNamespace:
    """A line of the trial with its depth, and how it went by its mark."""
    words = line.lstrip(" ")
    mark = words[:1] if words[:1] in "✓✗" else ""
    return SimpleNamespace(
        text=words[len(mark) :].strip(), depth=min((len(line) - len(words)) // 2, 6), mark=mark
    )


def _told(row: RoutingRule, names: dict[UUID, str]) -> SimpleNamespace:
    """A rule in words; one that can no longer be read says why."""
    told = SimpleNamespace(
        id=row.id, name=row.name, active=row.active, stop=row.stop, version=row.version, wrong=None
    )
    try:
        read = intake.rule_of(row)
    except Invalid as error:
        told.wrong, told.when, told.then = error.words, "", ""
        return told
    told.when, told.then = describe(read.condition, names), describe_actions(read.then, names)
    return told


def _all_words(words: form.Words) -> list[dict[str, str]]:
    return [words.categories, words.teams, words.organisations, words.people]


def _near(errors: dict[str, str], given: Given) -> dict[str, str]:
    """The language of conditions names paths such as /all/2/value; the form has rows."""
    near: dict[str, str] = {}
    for name, words in errors.items():
        if name.startswith("/"):
            parts = name.strip("/").split("/")
            in_row = not given.text("advanced").strip() and len(parts) > 1 and parts[1].isdecimal()
            near[
                f"c-{parts[1]}-value" if in_row else ("advanced" if given.text("advanced") else "condition")
            ] = words
        else:
            near[name] = words
    return near
