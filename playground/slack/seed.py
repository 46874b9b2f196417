"""A small world to begin with: a company with its desk, and a customer that shares a channel."""

from __future__ import annotations

from dataclasses import dataclass

from playground.slack.world import App, World


@dataclass(frozen=True, slots=True)
class Seeded:
    """Who and what is there."""

    team: str
    token: str
    bot: str
    ada: str
    """Works here and needs help."""
    ben: str
    """An agent."""
    cleo: str
    """Another agent, who administers the workspace."""
    general: str
    desk: str
    """The agents' room, where the bot sits."""
    other_team: str
    dan: str
    """Of the customer's workspace, where the app is not installed."""
    shared: str


def play_app(command: str = "/desk") -> App:
    app = App(commands=(command,))
    app.shortcuts = [
        {"type": "message", "callback_id": "make_ticket", "name": "Make a ticket"},
        {"type": "global", "callback_id": "get_help", "name": "Get help"},
    ]
    return app


def seed(world: World) -> Seeded:
    """Fill an empty world."""
    home = world.add_workspace("Northwind", "northwind")
    token = world.install(home.id)
    ada = world.add_user(home.id, "ada", "Ada Lind", email="ada@northwind.example")
    ben = world.add_user(home.id, "ben", "Ben Osei", email="ben@northwind.example")
    cleo = world.add_user(home.id, "cleo", "Cleo Marsh", email="cleo@northwind.example", is_admin=True)
    general = world.add_channel(home.id, "general", cleo.id)
    desk = world.add_channel(home.id, "desk", cleo.id, private=True)
    general.members += [ada.id, ben.id, home.bot_user]
    desk.members += [ben.id, home.bot_user]
    other = world.add_workspace("Contoso", "contoso")
    dan = world.add_user(other.id, "dan", "Dan Ivers", email="dan@contoso.example")
    shared = world.add_channel(home.id, "with-contoso", ben.id)
    shared.teams.append(other.id)
    shared.members += [dan.id, home.bot_user]
    for person in (ada, ben, cleo):
        world.direct(home.id, [home.bot_user, person.id])
    return Seeded(
        home.id,
        token.value,
        home.bot_user,
        ada.id,
        ben.id,
        cleo.id,
        general.id,
        desk.id,
        other.id,
        dan.id,
        shared.id,
    )
