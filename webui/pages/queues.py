"""The desk's lists: queues, teams, saved views, search; and what is done with several rows at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from markupsafe import Markup, escape
from starlette.datastructures import FormData

from core import clock
from core.access import Actor, Permission
from core.conditions import describe, parse
from core.db import UnitOfWork
from core.errors import DeskError, Forbidden, Invalid, NotFound
from core.i18n import _, language, ngettext
from core.people.model import Team
from core.recent import Recent
from core.tickets import queries, search, views
from core.tickets import service as tickets
from core.tickets.model import Priority, Ticket
from core.tickets.queries import SORTS, Page, Queue, Row
from core.tickets.query_words import TICKET_FIELDS
from core.tickets.search import Snippet
from core.tickets.views import COLUMNS, DEFAULT_COLUMNS, View
from webui import rendering
from webui.deps import Staff, TheSite, Uow
from webui.desk_context import QUEUES, answered, counted, staff_page, told
from webui.pages import desk_filters
from webui.pages.desk_filters import Choices, Filters, channel_words
from webui.public import local_path
from webui.sessions import Viewer

router = APIRouter()
ROWS = 50
MOST_BULK = 100
SEARCH_ROWS = 25
_QUEUE_OF = {name: queue for queue, _text, _icon, name in QUEUES}
_TEXT_OF = {queue: text for queue, text, _icon, _name in QUEUES}
_SORTED_BY = {
    "number": "number",
    "priority": "priority_rank",
    "status": "status",
    "created_at": "created_at",
    "updated_at": "updated_at",
    "last_requester_at": "last_requester_at",
}
_KEYS = {
    "created_at": "created",
    "updated_at": "updated",
    "last_requester_at": "heard",
    "snoozed_until": "snoozed",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a list one is: its order and its page."""

    sort: str
    after: str | None
    before: str | None


@router.get("/desk")
async def desk(uow: Uow, viewer: Staff) -> Response:
    """One's own work where there is some, else what waits for somebody."""
    mine = await queries.counts(uow, viewer.actor, [Queue.mine])
    return rendering.see_other("/desk/queues/mine" if mine[Queue.mine] else "/desk/queues/unassigned")


@router.get("/desk/queues/{name}")
async def queue(
    request: Request, uow: Uow, viewer: Staff, name: str,
    sort: Annotated[str, Query(max_length=40)] = "",
    after: Annotated[str | None, Query(max_length=400)] = None,
    before: Annotated[str | None, Query(max_length=400)] = None,
) -> Response:  # fmt: skip
    found = _QUEUE_OF.get(name)
    if found is None:
        raise NotFound(_("There is no such queue."))
    filters = Filters.of(request.query_params)
    where: Any = found
    if filters:
        expression = await queries.expression_of(uow, viewer.actor, found)
        where = expression & await queries.compiled(uow, viewer.actor, filters.condition())
    shown = _Listing(
        title=_(_TEXT_OF[found]),
        url=request.url.path,
        filters=filters,
        place=Place(sort, after, before),
        queue=found,
    )
    return await _list(request, uow, viewer, shown, where)


@router.get("/desk/teams/{team_id}")
async def team(
    request: Request, uow: Uow, viewer: Staff, team_id: UUID,
    sort: Annotated[str, Query(max_length=40)] = "",
    after: Annotated[str | None, Query(max_length=400)] = None,
    before: Annotated[str | None, Query(max_length=400)] = None,
) -> Response:  # fmt: skip
    """The live tickets of one team."""
    row = await uow.session.get(Team, team_id)
    if row is None or not row.active:
        raise NotFound(_("There is no such team."))
    filters = desk_filters.without(Filters.of(request.query_params), "team")
    where = (Ticket.team_id == team_id) & Ticket.status.in_(["open", "in_progress", "waiting"])
    if filters:
        where = where & await queries.compiled(uow, viewer.actor, filters.condition())
    shown = _Listing(
        title=row.name, url=request.url.path, filters=filters, place=Place(sort, after, before), team=team_id
    )
    return await _list(request, uow, viewer, shown, where)


# --- saved views ------------------------------------------------------------------------


@router.get("/desk/views/new")
async def new_view(
    request: Request, uow: Uow, viewer: Staff, queue: Annotated[str, Query(max_length=40)] = "all"
) -> Response:
    """A view of what the list shows at present."""
    condition = desk_filters.condition_json(_QUEUE_OF.get(queue, Queue.all), Filters.of(request.query_params))
    return await _view_form(
        request, uow, viewer, {"name": "", "sort": "-updated_at"}, condition, DEFAULT_COLUMNS
    )


@router.post("/desk/views")
async def make_view(request: Request, uow: Uow, viewer: Staff) -> Response:
    form = await request.form()
    condition, columns = _condition_in(form), _texts(form, "columns")
    try:
        made = await views.save(
            uow, viewer.actor, name=str(form.get("name", "")), condition=condition,
            sort=str(form.get("sort") or "-updated_at"), columns=columns or DEFAULT_COLUMNS,
            shared=bool(form.get("shared")),
        )  # fmt: skip
    except (Invalid, Forbidden) as error:
        return await _view_form(request, uow, viewer, _strings(form), condition, columns, error=error)
    return answered(request, f"/desk/views/{made.id}", _("The view is saved."), go=True)


@router.get("/desk/views/{view_id}")
async def view(
    request: Request, uow: Uow, viewer: Staff, view_id: UUID,
    sort: Annotated[str, Query(max_length=40)] = "",
    after: Annotated[str | None, Query(max_length=400)] = None,
    before: Annotated[str | None, Query(max_length=400)] = None,
) -> Response:  # fmt: skip
    found = await views.view(uow, viewer.actor, view_id)
    if found.condition is None:
        return rendering.see_other(f"/desk/views/{view_id}/edit")
    filters = Filters.of(request.query_params)
    where: Any = await queries.compiled(uow, viewer.actor, found.condition)
    if filters:
        where = where & await queries.compiled(uow, viewer.actor, filters.condition())
    shown = _Listing(
        title=found.name,
        url=request.url.path,
        filters=filters,
        place=Place(sort or found.sort, after, before),
        view=found,
    )
    return await _list(request, uow, viewer, shown, where)


@router.get("/desk/views/{view_id}/edit")
async def edit_view(request: Request, uow: Uow, viewer: Staff, view_id: UUID) -> Response:
    found = await views.view(uow, viewer.actor, view_id)
    if not found.mine:
        raise Forbidden(_("Only leads and admins can change shared views."))
    given = {"name": found.name, "sort": found.sort}
    return await _view_form(request, uow, viewer, given, found.json, found.columns, view=found)


@router.post("/desk/views/{view_id}")
async def change_view(request: Request, uow: Uow, viewer: Staff, view_id: UUID) -> Response:
    form = await request.form()
    found = await views.view(uow, viewer.actor, view_id)
    condition, columns = _condition_in(form, found), _texts(form, "columns")
    try:
        await views.change(
            uow, viewer.actor, view_id, version=_number(form, "version"), name=str(form.get("name", "")),
            condition=condition, sort=str(form.get("sort") or found.sort), columns=columns or DEFAULT_COLUMNS,
        )  # fmt: skip
    except Invalid as error:
        return await _view_form(
            request, uow, viewer, _strings(form), condition, columns, view=found, error=error
        )
    return answered(request, f"/desk/views/{view_id}", _("The view is saved."), go=True)


@router.post("/desk/views/{view_id}/delete")
async def delete_view(request: Request, uow: Uow, viewer: Staff, view_id: UUID) -> Response:
    form = await request.form()
    await views.remove(uow, viewer.actor, view_id, version=_number(form, "version"))
    return answered(request, "/desk", _("The view is deleted."), go=True)


async def _view_form(
    request: Request, uow: UnitOfWork, viewer: Viewer, given: dict[str, str], condition: dict[str, Any],
    columns: Sequence[str], *, view: View | None = None, error: DeskError | None = None,
) -> Response:  # fmt: skip
    known = desk_filters.filters_of(condition)
    status = error.status if error is not None else 200
    field = error.field if isinstance(error, Invalid) else None
    return await staff_page(
        request, uow, viewer, "desk/view_form.html", status=status, view=view, given=given,
        errors={field or "form": error.words} if error is not None else {},
        fields=await _selects(uow, known) if known is not None else [],
        said=_words_of(condition), column_options=[(key, _column_text(key)) for key in COLUMNS],
        column_values=list(columns), sort_options=_sort_options(),
        condition=_json(condition), may_share=_may_share(viewer.actor),
    )  # fmt: skip


# --- several at once --------------------------------------------------------------------


@router.post("/desk/bulk")
async def bulk(request: Request, uow: Uow, viewer: Staff, site: TheSite) -> Response:
    """One verb for the checked rows: each is a unit of its own, so that one that cannot be done
    does not undo the others; the answer says how many were done, and why the rest was not."""
    form = await request.form(max_files=0, max_fields=MOST_BULK * 3)
    numbers = list(
        dict.fromkeys(int(each) for each in _texts(form, "ticket") if each.isascii() and each.isdigit())
    )
    back = local_path(str(form.get("back") or ""), "/desk")
    if not numbers:
        return answered(request, back, _("No ticket is selected."), "warn")
    if len(numbers) > MOST_BULK:
        raise Invalid(_("At most {most} tickets at once.").format(most=MOST_BULK), field="ticket")
    steps = _steps(form)
    if not steps:
        return answered(request, back, _("Choose what to do with the selected tickets."), "warn")
    done, refused = 0, []
    for number in numbers:
        try:
            async with site.desk.unit(viewer.actor) as own:
                for step in steps:
                    await step(own, viewer.actor, number)
            done += 1
        except DeskError as error:
            refused.append(f"#{number}: {await told(uow, error)}")
    words = ngettext("{count} ticket changed.", "{count} tickets changed.", done).format(count=done)
    if refused:
        words = f"{words} {_('Not changed:')} " + " ".join(refused)
    return answered(request, back, words, "warn" if refused else "good", done_count=done, refused=refused)


Step = Callable[[UnitOfWork, Actor, int], Awaitable[Any]]


def _steps(form: FormData) -> list[Step]:
    match str(form.get("verb", "")):
        case "claim":
            return [tickets.claim]
        case "resolve":
            return [tickets.resolve]
        case "close":
            return [tickets.close]
        case "release":
            return [tickets.release]
        case "apply":
            return _given_steps(form)
    raise Invalid(_("Please choose one of the list."), field="verb")


def _given_steps(form: FormData) -> list[Step]:
    """What stands in the bar's fields, in an order in which each is lawful."""
    steps: list[Step] = []
    priority, assignee = str(form.get("priority") or ""), str(form.get("assignee") or "")
    team, tag = str(form.get("team") or ""), str(form.get("tag") or "").strip()
    if priority:
        if priority not in set(Priority):
            raise Invalid(_("Please choose one of the list."), field="priority")
        steps.append(lambda uow, actor, number: tickets.prioritise(uow, actor, number, Priority(priority)))
    if assignee or team:
        to, to_team = _uuid(assignee, "assignee"), _uuid(team, "team")
        steps.append(lambda uow, actor, number: tickets.assign(uow, actor, number, to=to, team=to_team))
    if tag:
        steps.append(lambda uow, actor, number: tickets.tag(uow, actor, number, add=[tag]))
    return steps


# --- search -----------------------------------------------------------------------------


@router.get("/search")
async def search_page(
    request: Request,
    uow: Uow,
    viewer: Staff,
    q: Annotated[str, Query(max_length=2_000)] = "",
    after: Annotated[str | None, Query(max_length=400)] = None,
) -> Response:
    typed = q.strip()
    zone = viewer.known.zone if viewer.known is not None else None
    results = None
    if typed:
        results = await search.search(
            uow, viewer.actor, typed, after=after, limit=SEARCH_ROWS, now=clock.now().astimezone(zone)
        )
    return await staff_page(
        request, uow, viewer, "desk/search.html", q=typed, results=results,
        hits=[_hit(viewer, hit) for hit in results.hits] if results else [],
        older_url=f"/search?{urlencode({'q': typed, 'after': results.next})}" if results and results.next else None,
        newer_url=f"/search?{urlencode({'q': typed})}" if after else None,
        hints=_hints(),
    )  # fmt: skip


def marked(snippet: Snippet) -> Markup:
    """A piece of text with its finds marked; everything in it is escaped."""
    parts, at = [], 0
    for start, end in snippet.marks:
        parts += [
            escape(snippet.text[at:start]),
            Markup("<mark>"),
            escape(snippet.text[start:end]),
            Markup("</mark>"),
        ]
        at = end
    return Markup("").join([*parts, escape(snippet.text[at:])])


def _hit(viewer: Viewer, hit: search.Hit) -> SimpleNamespace:
    anchor = f"#message-{hit.message_id}" if hit.message_id else ""
    shown = _shown(viewer, hit.row)
    shown.subject_html, shown.snippet_html = marked(hit.subject), marked(hit.snippet)
    shown.url, shown.note, shown.at = f"/tickets/{hit.row.number}{anchor}", hit.note, hit.at
    return shown


def _hints() -> list[tuple[str, str]]:
    return [
        ("status:open", _("open, in_progress, waiting, resolved, closed")),
        ("assignee:me", _("me, none, or a name")),
        ("team:billing", _("a team, or mine")),
        ('requester:"ada l"', _("the beginning of a name or address")),
        ("tag:vip -tag:trial", _("with one tag, without another")),
        ("priority:urgent", _("low, normal, high, urgent")),
        ("after:7d before:2026-11-01", _("opened within a time")),
        ("has:file is:snoozed", _("what else a ticket has or is")),
        ('"exact phrase"', _("words that stand together")),
    ]


# --- a list -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Listing:
    title: str
    url: str
    filters: Filters
    place: Place
    queue: Queue | None = None
    team: UUID | None = None
    view: View | None = None

    @property
    def columns(self) -> Sequence[str]:
        return self.view.columns if self.view is not None else DEFAULT_COLUMNS

    @property
    def sort(self) -> str:
        return self.place.sort if self.place.sort.removeprefix("-") in SORTS else "-updated_at"

    def address(self, **changes: str | None) -> str:
        """This list, with the filters, in this order, on another page."""
        parts = {**self.filters.chosen, "sort": self.place.sort, **changes}
        said = {key: value for key, value in parts.items() if value}
        return f"{self.url}?{urlencode(said)}" if said else self.url


async def _list(request: Request, uow: UnitOfWork, viewer: Viewer, shown: _Listing, where: Any) -> Response:
    typed = request.query_params.get("q", "").strip()
    if typed:
        words = desk_filters.in_search_words(shown.queue, shown.filters, await desk_filters.choices(uow))
        return rendering.see_other(f"/search?{urlencode({'q': f'{words} {typed}'.strip()})}")
    place = shown.place
    page = await queries.page(
        uow, viewer.actor, where, shown.sort, after=place.after, before=place.before, limit=ROWS
    )
    columns = _columns(shown)
    about: dict[str, Any] = {
        "listing": shown,
        "tickets": [_drawn_row(viewer, row, columns) for row in page.rows],
        "columns": columns,
        "newer_url": shown.address(before=page.previous) if page.previous else None,
        "older_url": shown.address(after=page.next) if page.next else None,
    }
    fragment = rendering.is_fragment(request)
    # The navigation shows how many a queue holds: what was counted for it need not be counted again.
    counts = None if fragment else await counted(uow, viewer)
    known = counts.get(shown.queue) if counts and shown.queue and not shown.filters else None
    total = await _total(uow, viewer, where, page, known)
    if fragment:
        rows = rendering.page(request, "desk/rows.html", **about)
        rows.headers["x-number"] = total
        return rows
    offered = await desk_filters.choices(uow)
    return await staff_page(
        request, uow, viewer, "desk/queue.html", **about, offered=offered,
        filters=_filter_selects(shown, offered), total=total, counts=counts,
        here=_here(request), save_url=_save_url(shown), may=_may(viewer.actor),
    )  # fmt: skip


async def _total(uow: UnitOfWork, viewer: Viewer, where: Any, page: Page, known: int | None) -> str:
    if page.next is None and page.previous is None:
        return str(len(page.rows))
    return queries.shown_count(await queries.count(uow, viewer.actor, where) if known is None else known)


def _here(request: Request) -> str:
    return f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path


def _save_url(shown: _Listing) -> str | None:
    if shown.view is not None:
        return None
    name = next((name for name, queue in _QUEUE_OF.items() if queue is shown.queue), "all")
    chosen = {**shown.filters.chosen, **({"team": str(shown.team)} if shown.team else {})}
    return f"/desk/views/new?{urlencode({'queue': name, **chosen})}"


def _may(actor: Actor) -> SimpleNamespace:
    return SimpleNamespace(
        claim=actor.may(Permission.claim_ticket),
        assign=actor.may(Permission.assign_ticket),
        change=actor.may(Permission.change_ticket),
        resolve=actor.may(Permission.resolve_ticket),
    )


_rows_drawn = Recent[Markup](most=5_000, seconds=60)


def _drawn_row(viewer: Viewer, row: Row, columns: Sequence[SimpleNamespace]) -> SimpleNamespace:
    """A row with its HTML. A live list fetches its rows again whenever something changed: those
    that did not are not drawn again. All that the macro reads is in the row, its marks and keys."""
    keys = ",".join(column.key for column in columns)

    def draw() -> Markup:
        macros: Any = rendering.environment().get_template("parts/queue.html").module
        return Markup(macros.ticket_row(_shown(viewer, row), columns))  # noqa: S704  the macro escapes

    shown = (
        row.number, row.subject, row.status, row.priority, row.tags, row.unread, row.requester_id,
        row.requester_name, row.assignee_id, row.assignee_name, row.team_name, row.category_name, row.channel,
        row.messages, row.rating, row.created_at, row.updated_at, row.last_requester_at, row.snoozed_until,
        _marks(row),
    )  # fmt: skip
    source = "\x1f".join((language(), keys, *map(str, shown)))
    return SimpleNamespace(drawn=_rows_drawn.get(source, draw))


def _shown(viewer: Viewer, row: Row) -> SimpleNamespace:
    """A row as the table's macros take it."""
    return SimpleNamespace(
        id=row.id, number=row.number, url=f"/tickets/{row.number}", subject=row.subject, snippet="",
        status=row.status, priority=row.priority, tags=row.tags, unread=row.unread,
        requester=SimpleNamespace(id=row.requester_id, name=row.requester_name),
        assignee=SimpleNamespace(id=row.assignee_id, name=row.assignee_name) if row.assignee_id else None,
        team=SimpleNamespace(name=row.team_name) if row.team_id else None,
        category=row.category_name, channel=channel_words(row.channel), messages=row.messages,
        rating=row.rating, created_at=row.created_at, updated_at=row.updated_at, heard_at=row.last_requester_at,
        snoozed_until=row.snoozed_until, marks=_marks(row), live=row.live,
    )  # fmt: skip


def _marks(row: Row) -> list[tuple[str, str]]:
    """Small signs beside a subject: icon and words."""
    marks = []
    if row.snoozed_until is not None and row.snoozed_until > clock.now():
        marks.append(("moon", _("Snoozed")))
    if row.has_file:
        marks.append(("clip", _("Has files")))
    if row.merged_into is not None:
        marks.append(("merge", _("Merged into #{number}").format(number=row.merged_into)))
    return marks


def _columns(shown: _Listing) -> list[SimpleNamespace]:
    order = [
        "priority",
        "number",
        "subject",
        *[key for key in shown.columns if key not in ("priority", "number", "subject")],
    ]
    return [_column(shown, key) for key in order if key in shown.columns or key == "subject"]


def _column(shown: _Listing, key: str) -> SimpleNamespace:
    by, sort = _SORTED_BY.get(key), shown.sort
    descending = sort == f"-{by}"
    url = shown.address(sort=by if descending else f"-{by}") if by else None
    state = (
        None if by is None or sort.removeprefix("-") != by else "descending" if descending else "ascending"
    )
    return SimpleNamespace(key=_KEYS.get(key, key), text=_column_text(key), sort_url=url, sorted=state)


def _column_text(key: str) -> str:
    return {
        "number": _("No."),
        "subject": _("Subject"),
        "status": _("Status"),
        "priority": _("Priority"),
        "requester": _("Requester"),
        "assignee": _("Assignee"),
        "team": _("Team"),
        "category": _("Category"),
        "tags": _("Tags"),
        "channel": _("Channel"),
        "created_at": _("Created"),
        "updated_at": _("Updated"),
        "last_requester_at": _("Heard"),
        "snoozed_until": _("Snoozed"),
        "messages": _("Messages"),
        "rating": _("Rating"),
    }[key]


def _sort_options() -> list[tuple[str, str]]:
    return [
        ("-updated_at", _("Last change, newest first")),
        ("updated_at", _("Last change, oldest first")),
        ("-created_at", _("Opened, newest first")),
        ("created_at", _("Opened, oldest first")),
        ("-priority_rank", _("Priority, urgent first")),
        ("-last_requester_at", _("Last heard from the requester, newest first")),
        ("last_requester_at", _("Last heard from the requester, oldest first")),
        ("-number", _("Number, highest first")),
        ("number", _("Number, lowest first")),
        ("status", _("Status")),
    ]


def _filter_selects(shown: _Listing, offered: Choices) -> list[dict[str, Any]]:
    selects = _select_list(offered, shown.filters)
    hidden = {
        Queue.mine: "assignee",
        Queue.unassigned: "assignee",
        Queue.waiting: "status",
        Queue.resolved: "status",
    }
    left_out = hidden.get(shown.queue) if shown.queue is not None else "team" if shown.team else None
    return [each for each in selects if each["name"] != left_out]


async def _selects(uow: UnitOfWork, filters: Filters) -> list[dict[str, Any]]:
    return _select_list(await desk_filters.choices(uow), filters)


def _select_list(offered: Choices, filters: Filters) -> list[dict[str, Any]]:
    none = ("none", _("None"))
    rows: list[tuple[str, str, list[tuple[str, str]]]] = [
        ("status", _("Any status"), offered.statuses),
        ("priority", _("Any priority"), offered.priorities),
        ("assignee", _("Anyone's"), offered.assignees),
        ("team", _("Any team"), [("mine", _("My teams")), *offered.teams]),
        ("category", _("Any category"), [*offered.categories, none]),
        ("tag", _("Any tag"), [*offered.tags, none]),
        ("channel", _("Any channel"), offered.channels),
    ]
    return [
        {"name": name, "label": label, "options": options, "value": filters.get(name)}
        for name, label, options in rows
        if options
    ]


# --- small readers ----------------------------------------------------------------------


def _texts(form: FormData, name: str) -> list[str]:
    return [value for value in form.getlist(name) if isinstance(value, str)]


def _strings(form: FormData) -> dict[str, str]:
    return {key: value for key, value in form.items() if isinstance(value, str)}


def _number(form: FormData, name: str) -> int:
    raw = str(form.get(name) or "")
    return int(raw) if raw.isascii() and raw.isdigit() and len(raw) < 12 else -1


def _uuid(raw: str, field: str) -> UUID | None:
    if not raw:
        return None
    try:
        return UUID(raw)
    except ValueError:
        raise Invalid(_("Please choose one of the list."), field=field) from None


def _condition_in(form: FormData, view: View | None = None) -> dict[str, Any]:
    """The condition that a form says: by its selects where they can say it, else as it was."""
    if form.get("by_filters"):
        filters = Filters.of(_strings(form))
        return {"all": filters.tests}
    if view is not None:
        return view.json
    return _from_json(str(form.get("condition") or ""))


def _json(condition: dict[str, Any]) -> str:
    return orjson.dumps(condition).decode()


def _from_json(raw: str) -> dict[str, Any]:
    try:
        value = orjson.loads(raw)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise Invalid(_("This form is not whole. Please begin again from a list."), field="condition")
    return value


def _words_of(condition: dict[str, Any]) -> str:
    try:
        return describe(parse(condition, TICKET_FIELDS))
    except Invalid:
        return _("(cannot be read)")


def _may_share(actor: Actor) -> bool:
    return actor.may(Permission.moderate) or actor.may(Permission.manage_desk)
