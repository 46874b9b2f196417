"""The demo desk itself: teams, categories with their fields, macros, rules, views, hours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from bot.demo.texts import Team, Topic, slot_values
from core.access import Actor
from core.admin import rules
from core.admin import service as desk
from core.db import UnitOfWork
from core.people.model import AssignMode
from core.tickets import fields, macros, views
from core.tickets.fields import CustomField

ZONE = "Europe/Berlin"
HOURS: dict[str, Any] = {
    "zone": ZONE,
    "week": {day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
    | {"sat": [["10:00", "14:00"]]},
}
SETTINGS: dict[str, Any] = {
    "name": "Nordlicht Cycles",
    "accent": "#0f766e",
    "language": "en",
    "zone": ZONE,
    "hours": HOURS,
}


@dataclass(frozen=True, slots=True)
class Made:
    """What the desk was furnished with, by the names that the texts use."""

    teams: dict[Team, UUID]
    categories: dict[Topic, UUID]
    asked: dict[Topic, tuple[str, ...]]
    """The ids of the fields that a topic's category asks for."""


@dataclass(frozen=True, slots=True)
class _Topic:
    name: str
    team: Team
    asks: tuple[str, ...]


_TEAMS: dict[Team, tuple[str, str, AssignMode]] = {
    "care": ("Customer care", "Accounts, orders, deliveries, returns, theft.", AssignMode.least_open),
    "workshop": ("Workshop", "Batteries, firmware, repairs, spare parts.", AssignMode.skill),
    "billing": ("Billing", "Invoices, payments, subscriptions.", AssignMode.round_robin),
}
TREE: dict[str, dict[Topic, _Topic]] = {
    "Account and app": {
        "signin": _Topic("Sign-in and account", "care", ()),
        "firmware": _Topic("App and firmware", "workshop", ("bike_model", "serial_number")),
        "privacy": _Topic("Privacy and my data", "care", ()),
    },
    "Orders": {
        "delivery": _Topic("Delivery", "care", ("order_number",)),
        "returns": _Topic("Returns and exchange", "care", ("order_number", "purchase_date", "amount")),
        "parts": _Topic("Parts and accessories", "workshop", ("bike_model", "order_number")),
    },
    "My bike": {
        "battery": _Topic("Battery and charger", "workshop", ("bike_model", "serial_number", "purchase_date", "under_warranty")),
        "workshop": _Topic("Repair and inspection", "workshop", ("bike_model", "serial_number", "purchase_date", "under_warranty")),
        "theft": _Topic("Theft and insurance", "care", ("bike_model", "serial_number")),
    },
    "Payment and plans": {
        "billing": _Topic("Invoices and payments", "billing", ("order_number", "amount")),
        "subscription": _Topic("Flex and Plus plans", "billing", ("bike_model", "amount")),
        "fleet": _Topic("Company fleets", "care", ("bike_model",)),
    },
}  # fmt: skip
_FIELDS = {
    each.id: each
    for each in (
        CustomField("order_number", "Order number", hint="It stands in the confirmation, such as NC-104882"),
        CustomField("serial_number", "Serial number", hint="Under the bottom bracket"),
        CustomField("purchase_date", "Purchase date", "date"),
        CustomField("amount", "Amount in euros", "number"),
        CustomField("under_warranty", "Under warranty", "bool"),
        CustomField("bike_model", "Bike model", "choice", options=slot_values().bike),
    )
}

_MACROS: Sequence[tuple[str, str, dict[str, Any]]] = (
    ("Ask for the order number", "Hi {requester.first_name|there}, could you send me the order number? It stands in "
     "the confirmation and begins with **NC-**. Then I can look it up at once.", {"move": "wait"}),
    ("Ask for a picture", "Thanks, {requester.first_name|hello}. A picture would help: one of the whole part, one "
     "from close by, in daylight if you can.", {"move": "wait"}),
    ("Return label is on its way", "The return label comes by e-mail within the hour. Put the part into any sturdy "
     "box, stick the label on, and hand it in at the parcel shop. The refund follows three working days after it "
     "has arrived.", {"add_tags": ["return"]}),
    ("Battery: safety first", "Please do not charge or ride with this battery for now. Put it outdoors on stone or "
     "concrete, away from anything that burns, and tell me when that is done.",
     {"priority": "urgent", "add_tags": ["safety"]}),
    ("Solved, closing words", "Glad that it works again! If anything else comes up, simply write here and number "
     "{ticket.number} opens by itself. Ride well, {agent.name}", {"move": "resolve"}),
    ("Hand over to the workshop", "I have asked our workshop to take this on. They see everything that we wrote, so "
     "there is no need to tell it twice.", {"add_tags": ["handed-over"]}),
    ("Bestellnummer erfragen", "Guten Tag {requester.name|}, schicken Sie mir bitte die Bestellnummer? Sie steht in "
     "der Bestätigung und beginnt mit **NC-**.", {"move": "wait"}),
    ("Foto erbitten", "Vielen Dank! Ein Foto würde helfen: eines vom ganzen Teil und eines aus der Nähe, am besten "
     "bei Tageslicht.", {"move": "wait"}),
    ("Rücksendeschein kommt", "Der Rücksendeschein kommt innerhalb einer Stunde per E-Mail. Drei Werktage nach "
     "Eingang der Ware ist das Geld wieder auf Ihrem Konto.", {"add_tags": ["return"]}),
    ("Inspektion vereinbaren", "Für die Inspektion haben wir diese Woche noch Termine frei. Passt Ihnen der Vormittag "
     "oder der Nachmittag besser? Bitte den Akku geladen mitbringen.", {"move": "wait"}),
    ("Rechnung liegt bei", "Anbei die Rechnung. Die Nummer {ticket.number} bitte bei Rückfragen angeben. Freundliche "
     "Grüße, {agent.name}, {desk.name}", {}),
    ("Gelöst, Abschied", "Schön, dass es wieder läuft! Falls noch etwas ist, einfach hier antworten. Gute Fahrt "
     "wünscht {agent.name}", {"move": "resolve"}),
)  # fmt: skip


async def furnish(uow: UnitOfWork, admin: Actor) -> Made:
    """Settings, teams and the tree of categories. The settings hold once `Desk.refresh` has run."""
    await desk.change_settings(uow, admin, SETTINGS)
    teams = {}
    for key, (name, about, mode) in _TEAMS.items():
        row = await desk.make_team(uow, admin, name=name, description=about, assign_mode=mode.value)
        teams[key] = row.id
    topics = {topic: each for below in TREE.values() for topic, each in below.items()}
    return Made(
        teams,
        await _categories(uow, admin, teams),
        {topic: each.asks for topic, each in topics.items()},
    )


async def equip(uow: UnitOfWork, made: Made, admin: Actor) -> None:
    """What makes work easier: macros, routing rules and shared views."""
    for name, body, actions in _MACROS:
        await macros.make(uow, admin, name=name, body=body, actions=actions, shared=True)
    for name, condition, actions, stop in _rules(made):
        await rules.make(uow, admin, name=name, condition=condition, actions=actions, stop=stop)
    for name, condition, sort in _views():
        await views.save(uow, admin, name=name, condition=condition, sort=sort, shared=True)


async def _categories(uow: UnitOfWork, admin: Actor, teams: dict[Team, UUID]) -> dict[Topic, UUID]:
    found: dict[Topic, UUID] = {}
    for place, (parent_name, below) in enumerate(TREE.items()):
        parent = await desk.make_category(uow, admin, name=parent_name, position=place)
        for position, (topic, each) in enumerate(below.items()):
            row = await desk.make_category(
                uow,
                admin,
                name=each.name,
                parent_id=parent.id,
                team_id=teams[each.team],
                position=position,
                form=fields.stored([_FIELDS[name] for name in each.asks]),
            )
            found[topic] = row.id
    return found


def _rules(made: Made) -> Sequence[tuple[str, dict[str, Any], dict[str, Any], bool]]:
    danger = ["burnt", "burning", "smoke", "smoking", "rauch", "raucht", "brennt", "verbrannt", "gequalmt"]
    stolen = ["stolen", "gestohlen", "geklaut", "theft", "diebstahl", "geklautes"]
    money = ["invoice", "refund", "charged", "rechnung", "abgebucht", "lastschrift", "mahnung"]
    return (
        (
            "Danger: smoke and fire",
            {"field": "words", "op": "in", "value": danger},
            {"team": str(made.teams["workshop"]), "priority": "urgent", "add_tags": ["safety"]},
            True,
        ),
        (
            "Stolen bikes first",
            {"field": "words", "op": "in", "value": stolen},
            {"priority": "high", "add_tags": ["theft"]},
            False,
        ),
        (
            "Money goes to billing",
            {"all": [{"field": "category", "op": "empty"}, {"field": "words", "op": "in", "value": money}]},
            {"category": str(made.categories["billing"]), "team": str(made.teams["billing"])},
            False,
        ),
        (
            "Chat outside working hours",
            {
                "all": [
                    {"field": "working_hours", "op": "is", "value": False},
                    {"field": "channel", "op": "is", "value": "webchat"},
                ]
            },
            {"add_tags": ["after-hours"]},
            False,
        ),
    )


def _views() -> Sequence[tuple[str, dict[str, Any], str]]:
    live = {"field": "status", "op": "in", "value": ["open", "in_progress", "waiting"]}
    pressing = {"field": "priority", "op": "ge", "value": "high"}
    return (
        (
            "Pressing and unassigned",
            {"all": [live, pressing, {"field": "assignee", "op": "empty"}]},
            "-priority_rank",
        ),
        (
            "Silent for a week",
            {
                "all": [
                    {"field": "status", "op": "is", "value": "waiting"},
                    {"field": "updated", "op": "before", "value": "-7d"},
                ]
            },
            "updated_at",
        ),
        (
            "Bad ratings",
            {
                "all": [
                    {"field": "rating", "op": "le", "value": 2},
                    {"field": "created", "op": "after", "value": "-30d"},
                ]
            },
            "-created_at",
        ),
    )
