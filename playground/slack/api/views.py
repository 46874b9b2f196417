"""views.*: forms over what a person sees, and their home."""

from __future__ import annotations

import time
from typing import Any

from playground.slack.api.call import Call, Method
from playground.slack.blocks import check_view
from playground.slack.errors import ApiError
from playground.slack.world import Trigger, View

Json = dict[str, Any]

DEPTH = 3


async def open_view(call: Call) -> Json:
    trigger = _trigger(call)
    view = made(call, _modal(call), trigger.user)
    for old in list(call.team.stacks.get(trigger.user, [])):
        call.acts.closed(call.world.views[old])
    call.acts.opened(view)
    return {"view": call.shapes.view(view)}


async def push(call: Call) -> Json:
    trigger = _trigger(call)
    view = made(call, _modal(call), trigger.user)
    stack(call, view)
    return {"view": call.shapes.view(view)}


def stack(call: Call, view: View) -> None:
    """On top of what is open; three deep at most."""
    below = call.team.stacks.get(view.user, [])
    if not below:
        raise ApiError("not_found")
    if len(below) >= DEPTH:
        raise ApiError("push_limit_reached")
    view.root, view.previous = below[0], below[-1]
    call.acts.opened(view)


async def update(call: Call) -> Json:
    view = _named(call)
    _same(call, view)
    kinds = (str(view.given.get("type")),)
    redraw(call, view, check_view(call.args.parsed("view"), kinds))
    return {"view": call.shapes.view(view)}


def redraw(call: Call, view: View, given: Json) -> None:
    view.given, view.hash, view.errors = given, _hash(call), {}
    known = {block.get("block_id") for block in given["blocks"]}
    view.state = {block: values for block, values in view.state.items() if block in known}
    call.acts.redrawn(view)


async def publish(call: Call) -> Json:
    user = call.user("user_id")
    given = check_view(call.args.parsed("view"), ("home",))
    if old := call.team.homes.get(user.id):
        _same(call, old)
    view = made(call, given, user.id)
    call.acts.published(view)
    return {"view": call.shapes.view(view)}


METHODS: dict[str, Method] = {
    "views.open": open_view,
    "views.push": push,
    "views.update": update,
    "views.publish": publish,
}


def made(call: Call, given: Json, user: str) -> View:
    key = call.world.new_id("V")
    return View(key, call.team.id, user, given, _hash(call), root=key)


def _modal(call: Call) -> Json:
    given = check_view(call.args.parsed("view"), ("modal",))
    external = given.get("external_id")
    if external and any(view.given.get("external_id") == external for view in call.world.views.values()):
        raise ApiError("duplicate_external_id")
    return given


def _hash(call: Call) -> str:
    return f"{call.world.new_ts()}.play"


def _same(call: Call, view: View) -> None:
    if "hash" in call.args and call.args.text("hash") != view.hash:
        raise ApiError("hash_conflict")


def _trigger(call: Call) -> Trigger:
    """A trigger opens one view, soon after the click."""
    trigger = call.world.triggers.get(call.args.needed("trigger_id"))
    if trigger is None or trigger.team != call.team.id:
        raise ApiError("invalid_trigger_id")
    if trigger.used:
        raise ApiError("exchanged_trigger_id")
    if trigger.expires < time.monotonic():
        raise ApiError("expired_trigger_id")
    trigger.used = True
    return trigger


def _named(call: Call) -> View:
    key, external = call.args.text("view_id"), call.args.text("external_id")
    for view in call.world.views.values():
        if view.team == call.team.id and (
            view.id == key or (external and view.given.get("external_id") == external)
        ):
            return view
    raise ApiError("not_found")
