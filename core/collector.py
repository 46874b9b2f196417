"""How often Python looks for cycles of objects that nobody needs any more."""

from __future__ import annotations

import gc

OBJECTS = 20_000
"""How many more live objects than at the last look set it off; Python's own number is 700 to 2,000."""


def collect_seldom() -> None:
    """To be called once a program is up: what it is made of stays and need not be looked at again, and
    short-lived objects by the thousand (packets, rows) do not set off a look every few milliseconds. A
    look through everything holds up whoever waits by 100 ms and more."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(OBJECTS, 10, 5)
