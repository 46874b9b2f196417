"""How each platform misbehaves: of its answers and of what it tells, one in ten each goes wrong in each way."""

from __future__ import annotations

from typing import Any

OFTEN = 0.1


def slack(side: Any) -> None:
    faults = side.server.faults
    for on in ("chat.*", "conversations.*", "reactions.*"):
        faults.add(on, "ratelimited", probability=OFTEN, retry_after=1)
        faults.add(on, "status", probability=OFTEN, status=500)
        faults.add(on, "drop", probability=OFTEN / 2)
        faults.add(on, "commit_drop", probability=OFTEN / 2)
    faults.add("event:*", "duplicate", probability=OFTEN)
    faults.add("event:*", "reorder", probability=OFTEN, seconds=0.3)


def discord(side: Any) -> None:
    faults = side.server.faults
    faults.add("429", path="/channels/*", probability=OFTEN, seconds=0.4)
    faults.add("500", path="/channels/*", probability=OFTEN)
    faults.add("drop", path="/channels/*", probability=OFTEN / 2)
    faults.add("commit_drop", path="/channels/*", probability=OFTEN / 2)
    faults.add("duplicate", event="MESSAGE_*", probability=OFTEN)
    faults.add("reorder", event="MESSAGE_*", probability=OFTEN, seconds=0.3)


def telegram(side: Any) -> None:
    """An answer that is lost after the work is left out: docs/delivery.md says that Telegram has nothing by which
    a second try could be told from a first."""
    faults = side.server.faults
    for method in ("send*", "edit*", "delete*", "set*"):
        faults.add("too_many", method, probability=OFTEN, retry_after=1)
        faults.add("error", method, probability=OFTEN, status=500)
        faults.add("drop_before", method, probability=OFTEN)
    faults.add("error", "getUpdates", probability=OFTEN, status=502)
    faults.updates.duplicate = OFTEN
    faults.updates.reorder = OFTEN


BAD = {"slack": slack, "discord": discord, "telegram": telegram}
