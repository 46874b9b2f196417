"""Forms that people fill in, send or close, and what the app makes of them."""

from __future__ import annotations

from typing import Any

from playground.slack.api.views import DEPTH
from playground.slack.blocks import check_view
from playground.slack.errors import ApiError
from playground.slack.play.payloads import Payloads
from playground.slack.states import missing, values_of
from playground.slack.world import User, View

Json = dict[str, Any]


class Forms(Payloads):
    """A person before a form."""

    async def submit(self, user: str, values: Json | None = None, view_id: str = "") -> Json:
        """Fill in and send the top form (or that one). Values are plain: by action_id, or by block_id."""
        speaker = self._user(user)
        view = self._view(speaker, view_id)
        view.state = self._filled(speaker, view, values or {})
        empty = dict.fromkeys(missing(view.given["blocks"], view.state), "Please fill in this field.")
        if empty:
            view.errors = empty
            self.acts.redrawn(view)
            return {"ok": False, "error": "missing_values", "errors": empty}
        payload = {
            **self._common("view_submission", speaker),
            "view": self.shapes.view(view),
            "response_urls": [],
        }
        outcome = await self.server.delivery.ask("interactive", payload)
        if not outcome.ok:
            return self._told(outcome, payload["trigger_id"])
        return {"trigger_id": payload["trigger_id"], **self._after(view, outcome.body)}

    def _filled(self, speaker: User, view: View, values: Json) -> Json:
        """The state of the form; files that a person chose are uploaded first."""
        state = values_of(view.given["blocks"], values)
        for block in state.values():
            for one in block.values():
                if one["type"] == "file_input":
                    one["files"] = [self.shapes.file(self._file(speaker, file)) for file in one["files"]]
        return state

    def _after(self, view: View, body: Any) -> Json:
        """What the app wants to become of the form."""
        answer = body if isinstance(body, dict) else {}
        kind = answer.get("response_action", "")
        try:
            return self._followed(view, kind, answer)
        except ApiError as wrong:
            return {"ok": False, "error": wrong.error, **wrong.more}

    def _followed(self, view: View, kind: str, answer: Json) -> Json:
        if kind == "errors":
            view.errors = dict(answer.get("errors") or {})
            self.acts.redrawn(view)
            return {"ok": False, "error": "errors", "errors": view.errors}
        if kind == "update":
            view.given, view.state, view.errors = check_view(answer.get("view"), ("modal",)), {}, {}
            view.hash = self.world.new_ts()
            self.acts.redrawn(view)
        elif kind == "push":
            self._push(view, check_view(answer.get("view"), ("modal",)))
        elif kind == "clear":
            self._clear(view)
        else:
            self.acts.closed(view)
        return {"ok": True, "response_action": kind or "close"}

    def _push(self, below: View, given: Json) -> None:
        if len(self._stack(self.world.users[below.user])) >= DEPTH:
            raise ApiError("push_limit_reached")
        key = self.world.new_id("V")
        view = View(key, below.team, below.user, given, self.world.new_ts(), below.root, below.id)
        self.acts.opened(view)

    def _clear(self, view: View) -> None:
        for one in list(self._stack(self.world.users[view.user])):
            self.acts.closed(self.world.views[one])

    async def close_view(self, user: str, view_id: str = "", all: bool = False) -> Json:
        """Close the top form, or all; the app hears of it when it asked to."""
        speaker = self._user(user)
        view = self._view(speaker, view_id)
        payload = {
            **self._common("view_closed", speaker),
            "view": self.shapes.view(view),
            "is_cleared": all,
        }
        payload.pop("trigger_id")
        if all:
            self._clear(view)
        else:
            self.acts.closed(view)
        if view.given.get("notify_on_close"):
            return self._told(await self.server.delivery.ask("interactive", payload), "")
        return {"ok": True}
