"""How updates reach a bot: long polling, or the webhook's settings."""

from __future__ import annotations

import re
from typing import Any

from playground.telegram.errors import ApiError, bad
from playground.telegram.methods.call import Call, method
from playground.telegram.world import Bot, Webhook, given

LONGEST_POLL = 50
_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")
_ALLOWED = ("http://", "https://")


@method("getUpdates")
async def get_updates(call: Call) -> list[dict[str, Any]]:
    """A newer poll ends an older one that still waits."""
    bot, queue = call.bot, call.bot.queue
    if bot.webhook:
        raise _conflict(
            "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
        )
    _set_allowed(call)
    limit = min(max(call.args.whole("limit") or 100, 1), 100)
    wait = min(max(call.args.whole("timeout") or 0, 0), LONGEST_POLL)
    queue.turn += 1
    turn = queue.turn
    queue.bell.ring()
    found = queue.take(call.args.whole("offset") or 0, limit)
    deadline = call.world.clock.now() + wait
    while not found and (left := deadline - call.world.clock.now()) > 0:
        await queue.bell.wait(left)
        _check_turn(bot, turn)
        found = queue.take(0, limit)
    return found


@method("setWebhook")
def set_webhook(call: Call) -> bool:
    url, secret = call.args.text("url"), call.args.text("secret_token")
    if not url:
        return bool(delete_webhook(call))
    if not url.startswith(_ALLOWED):
        raise bad("bad webhook: an HTTP URL must be provided for webhook")
    if secret and not _SECRET.fullmatch(secret):
        raise bad("secret token contains unallowed characters")
    _set_allowed(call)
    _drop_pending(call)
    call.bot.webhook = Webhook(url, secret, call.args.whole("max_connections") or 40)
    call.bot.queue.turn += 1
    call.bot.queue.bell.ring()
    return True


@method("deleteWebhook")
def delete_webhook(call: Call) -> bool:
    _drop_pending(call)
    call.bot.webhook = None
    call.bot.queue.bell.ring()
    return True


@method("getWebhookInfo")
def get_webhook_info(call: Call) -> dict[str, Any]:
    hook, queue = call.bot.webhook, call.bot.queue
    shown = {
        "url": hook.url if hook else "",
        "has_custom_certificate": False,
        "pending_update_count": len(queue),
    }
    if hook:
        shown |= {"max_connections": hook.max_connections}
        shown |= given(last_error_date=hook.last_error_at, last_error_message=hook.last_error)
    return shown | given(allowed_updates=queue.allowed)


def _set_allowed(call: Call) -> None:
    """What was asked for last stays, until something else is."""
    allowed = call.args.listed("allowed_updates")
    if allowed is not None:
        call.bot.queue.allowed = [str(kind) for kind in allowed]


def _drop_pending(call: Call) -> None:
    if call.args.flag("drop_pending_updates"):
        call.bot.queue.clear()


def _check_turn(bot: Bot, turn: int) -> None:
    if bot.webhook:
        raise _conflict("terminated by setWebhook request")
    if bot.queue.turn != turn:
        raise _conflict(
            "terminated by other getUpdates request; make sure that only one bot instance is running"
        )


def _conflict(reason: str) -> ApiError:
    return ApiError(409, f"Conflict: {reason}")
