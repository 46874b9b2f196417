"""What the pure converters are told beforehand: who people are, what channels are called, who we are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody as a workspace knows them. `external` is how the desk knows them: strangers of a
    shared channel carry their own workspace in it."""

    user: str
    external: str = ""
    name: str = ""
    email: str = ""
    vouched: bool = False
    locale: str = ""
    zone: str = ""
    bot: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """One workspace, as far as one payload needs it."""

    team: str
    bot_user: str = ""
    bot_id: str = ""
    bots: frozenset[str] = frozenset()
    """Our bot in each connected workspace: in a shared channel any of them may be called."""
    people: Mapping[str, Person] = field(default_factory=dict)
    channels: Mapping[str, str] = field(default_factory=dict)
    directs: Mapping[str, str] = field(default_factory=dict)
    """Under a person's id, their conversation with the bot."""
    commands: frozenset[str] = frozenset()

    @property
    def ours(self) -> frozenset[str]:
        """Every user that is the desk."""
        return self.bots | {self.bot_user} - {""}

    def person(self, user: str, team: str = "") -> Person:
        """Somebody; by the bare id where nothing is known of them."""
        found = self.people.get(user)
        if found is not None:
            return found
        return Person(user, f"{team}:{user}" if team and team != self.team else user)

    def named(self, user: str) -> str:
        return self.person(user).name or "someone"


def user_of(external: str) -> str:
    """The id that Slack takes of somebody whom the desk knows by `external`."""
    return external.rpartition(":")[2]
