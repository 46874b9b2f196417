"""Why a reply did not reach the requester, or has not yet, in words for whoever wrote it."""

from __future__ import annotations

import math
from datetime import timedelta

from core import outbox
from core.i18n import _, ngettext

ASKED_TO_WAIT = "asked_to_wait"
"""The platform named a time before which it takes nothing."""
TOKEN_REVOKED = "token_revoked"  # noqa: S105  a code
SHUT_OUT = outbox.SHUT_OUT
KEPT = (ASKED_TO_WAIT, TOKEN_REVOKED, SHUT_OUT)
"""With these it waits, and goes out by itself later."""


def why(code: str, wait: timedelta = timedelta()) -> str:
    """A failure in words, with the way out. `wait` is how long the platform lets us wait."""
    return {
        "gone": _(
            "they closed the chat, blocked the bot, or the place was deleted. Try another way, such as e-mail."
        ),
        "thread_gone": _("the thread was deleted there. It can be sent again from the desk."),
        "retry_after": _("the platform asked us to wait too long. It can be sent again from the desk."),
        ASKED_TO_WAIT: _("the platform asked us to wait {time}; it goes out by itself then.").format(
            time=_minutes(wait)
        ),
        "not_supported": _("the platform cannot show this."),
        TOKEN_REVOKED: _(
            "the platform does not accept our connection any more; an admin must renew it, then it goes out by "
            "itself."
        ),
        SHUT_OUT: _(
            "the channel was archived, or the bot was removed from it. Somebody there must open it again and invite "
            "the bot; then it goes out by itself."
        ),
        "MissingPermission": _("the bot may not write there. Who manages the place has to allow it."),
    }.get(code, _("the platform did not take it, after several tries. It can be sent again from the desk."))


def _minutes(wait: timedelta) -> str:
    minutes = max(1, math.ceil(wait.total_seconds() / 60))
    return ngettext("{n} minute", "{n} minutes", minutes).format(n=minutes)
