"""The person's side: everything that people do and see, for tests, programs and the page."""

from __future__ import annotations

from playground.slack.play.admin import Admin
from playground.slack.play.forms import Forms
from playground.slack.play.looks import Looks
from playground.slack.play.presses import Presses
from playground.slack.play.says import Says


class Play(Says, Presses, Forms, Looks, Admin):
    """All verbs. Each is also an address: POST /_play/<verb> with its arguments as JSON."""


VERBS = tuple(
    name for part in (Says, Presses, Forms, Looks, Admin) for name in vars(part) if not name.startswith("_")
)
