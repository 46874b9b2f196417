"""A small local stand-in for a team chat with Slack's interfaces; the real SDKs talk to it unchanged.

`SlackServer` is the server, `seed` fills a small world, `slack.play` does what people do.
"""

from playground.slack.faults import Fault
from playground.slack.seed import Seeded, play_app, seed
from playground.slack.server import SlackServer
from playground.slack.webhooks import signature
from playground.slack.world import App

__all__ = ["App", "Fault", "Seeded", "SlackServer", "play_app", "seed", "signature"]
