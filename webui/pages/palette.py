"""The command palette: everything that can be done from the page one is on, as JSON."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from core.access import Permission
from core.db import UnitOfWork
from core.errors import NotFound
from core.i18n import _
from core.tickets import access, macros, views
from webui import desk_context
from webui.deps import Staff, TheSite, Uow
from webui.desk_context import QUEUES
from webui.pages import desk_filters, ticket
from webui.pages.admin_shell import AREAS
from webui.sessions import Viewer

router = APIRouter()
_TICKET = re.compile(r"/tickets/(\d{1,18})(?:/.*)?", re.ASCII)
Item = dict[str, Any]


@router.get("/desk/palette.json")
async def palette(
    uow: Uow, viewer: Staff, site: TheSite, page: Annotated[str, Query(max_length=300)] = ""
) -> JSONResponse:
    """`[{title, hint, url, method, keys, fields, click}]`; the page's own verbs first."""
    items = await _offers(uow, viewer)
    if found := _TICKET.fullmatch(page):
        items += await _verbs(uow, viewer, int(found[1]), {each.name for each in site.commands})
    items += _places(viewer)
    items += await _views(uow, viewer)
    items += await _people(uow, viewer)
    return JSONResponse(items, headers={"cache-control": "no-store"})


async def _offers(uow: UnitOfWork, viewer: Viewer) -> list[Item]:
    """What cannot wait comes first: the chat that is offered right now."""
    offers = (await desk_context.offers_of(uow, viewer))[:1]
    return [
        {
            "title": title.format(name=offer.requester), "hint": f"#{offer.number}", "url": url.format(offer.number),
            "method": "post", "keys": key,
        }
        for offer in offers
        for title, url, key in (
            (_("Accept the chat of {name}"), "/tickets/{}/claim", "y"),
            (_("Pass the chat of {name} on"), "/desk/offers/{}/pass", "x"),
        )
    ]  # fmt: skip


async def _verbs(uow: UnitOfWork, viewer: Viewer, number: int, commands: set[str]) -> list[Item]:
    """The ticket's verbs; those that are commands of the bot too are found by their name there."""
    try:
        opened = await access.get(uow, viewer.actor, number)
    except NotFound:
        return []
    head = await ticket.head_of(uow, viewer, opened, await ticket.row_of(uow, viewer, number))
    may, base = head["may"], f"/tickets/{number}"
    known = [
        (may.claim, _("Claim"), "claim", "c", "claim"),
        (may.release, _("Give back to the queue"), "claim/delete", "", "release"),
        (may.resolve, _("Resolve"), "resolution", "e", "resolve"),
        (may.wait, _("Set waiting"), "waiting", "", "wait"),
        (may.wake, _("Wake up"), "snooze/delete", "", "wake"),
        (may.reopen, _("Reopen"), "resolution/delete", "", "reopen"),
        (may.close, _("Close"), "closing", "", "close"),
        (may.change, _("Follow"), "followers", "", "follow"),
    ]
    items: list[Item] = [
        {
            "title": title, "hint": f"/{name} #{number}" if name in commands else f"#{number}", "url": f"{base}/{path}",
            "method": "post", "keys": key,
        }
        for allowed, title, path, key, name in known
        if allowed
    ]  # fmt: skip
    focus = [
        (may.reply, _("Reply"), "#composer-reply", "r"),
        (may.note, _("Write a note"), "#composer-note", "n"),
        (may.change, _("Priority…"), "#f-priority", "p"),
        (may.change, _("Tags…"), "[data-key=t]", "t"),
        (may.assign, _("Assign to…"), "#f-assignee", "a"),
        (may.hand_over, _("Hand over…"), "[data-dialog=handover]", ""),
        (may.snooze, _("Snooze…"), "[data-dialog=snooze]", ""),
    ]
    items += [
        {"title": title, "hint": f"#{number}", "click": at, "keys": key}
        for allowed, title, at, key in focus
        if allowed
    ]
    if may.merge:
        items += [
            {"title": _("Merge into another ticket…"), "hint": f"#{number}", "url": f"{base}/merge"},
            {"title": _("Split messages into a new ticket…"), "hint": f"#{number}", "url": f"{base}/split"},
        ]
    if may.assign:
        items += [
            {
                "title": _("Assign to {name}").format(name=name), "hint": f"#{number}", "url": f"{base}/assignment",
                "method": "post", "fields": {"to": person},
            }
            for person, name in await desk_filters.colleagues(uow)
        ]  # fmt: skip
    if may.reply:
        items += [
            {
                "title": _("Macro: {name}").format(name=each.name),
                "hint": _("into the composer"),
                "click": f'[data-macro-url="{base}/macros/{each.id}"]',
            }
            for each in (await macros.listed(uow, viewer.actor))[: ticket.MOST_MACROS]
        ]
    if may.article:
        items.append(
            {
                "title": _("Make an article of this…"),
                "hint": f"#{number}",
                "url": f"/desk/articles/new?ticket={number}",
            }
        )
    if may.export:
        items.append({"title": _("Export as HTML"), "hint": f"#{number}", "url": f"{base}/export/html"})
    return items


def _places(viewer: Viewer) -> list[Item]:
    items: list[Item] = [
        {"title": _(text), "hint": _("Queue"), "url": f"/desk/queues/{name}"}
        for _queue, text, _icon, name in QUEUES
    ]
    items += [
        {"title": _("New ticket"), "hint": _("For a requester"), "url": "/desk/new"},
        {"title": _("Search"), "hint": _("Tickets"), "url": "/search", "keys": "/"},
        {"title": _("Notices"), "hint": "", "url": "/notices"},
        {"title": _("Profile and notices"), "hint": _("You"), "url": "/account"},
        {
            "title": _("I am available"),
            "hint": _("You"),
            "url": "/desk/availability",
            "method": "post",
            "fields": {"state": "here"},
        },
        {
            "title": _("I am away"),
            "hint": _("You"),
            "url": "/desk/availability",
            "method": "post",
            "fields": {"state": "away"},
        },
        {"title": _("Sign out"), "hint": _("You"), "url": "/sign-out", "method": "post"},
    ]
    if viewer.actor.may(Permission.write_articles):
        items += [
            {"title": title, "hint": _("Knowledge base"), "url": f"/desk/articles{path}"}
            for title, path in (
                (_("Articles"), ""),
                (_("New article"), "/new"),
                (_("Reviews"), "/reviews"),
                (_("Feedback"), "/feedback"),
            )
        ]
    if viewer.actor.may(Permission.see_reports):
        items += [
            {"title": title, "hint": _("Knowledge base"), "url": f"/desk/articles/reports{path}"}
            for title, path in ((_("Reports"), ""), (_("What to write next"), "/searches"))
        ]
    items.append({"title": _("Help centre"), "hint": _("As readers see it"), "url": "/help"})
    items += [
        {"title": _(area.text), "hint": _("Admin"), "url": area.url}
        for group in AREAS.values()
        for area in group
        if viewer.actor.may(area.needs)
    ]
    return items


async def _views(uow: UnitOfWork, viewer: Viewer) -> list[Item]:
    if not viewer.actor.may(Permission.change_ticket):
        return []
    return [
        {"title": each.name, "hint": _("Saved view"), "url": f"/desk/views/{each.id}"}
        for each in await views.views(uow, viewer.actor)
    ]


async def _people(uow: UnitOfWork, viewer: Viewer) -> list[Item]:
    """Colleagues, each leading to their tickets."""
    if not viewer.actor.may(Permission.see_people):
        return []
    return [
        {"title": name, "hint": _("Tickets of a colleague"), "url": f"/desk/queues/all?assignee={person}"}
        for person, name in await desk_filters.colleagues(uow)
    ]
