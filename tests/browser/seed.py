"""A desk as one meets it on a Tuesday morning: people, teams and some forty tickets, made by the
services, so that pages can be looked at and walked through."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from core import clock
from core.access import Actor
from core.conversations import attachments
from core.conversations import service as conversations
from core.desk import Desk
from core.people import service as people
from core.people.model import Availability, Person, Team, TeamMember
from core.tickets import access, macros, views
from core.tickets import service as tickets
from core.tickets.model import Category, Priority

AGENTS = (
    ("Sam Weller", "agent"), ("Mira Lindqvist", "agent"), ("Jonas Brandt", "lead"), ("Priya Raman", "admin"),
    ("Tomás Ferreira", "agent"),
)  # fmt: skip
REQUESTERS = (
    "Ada Okafor", "Theo Marchetti", "Lena Vogt", "Oskar Nyman", "Inés Duarte", "Bartholomew Featherstonehaugh",
    "Yuki Tanaka", "Samira Haddad", "Piotr Zieliński", "Grace Mbeki", "Noor van Dijk", "Felix Baumgartner",
)  # fmt: skip
TEAMS = ("Billing", "Access", "Product")
TALKS: tuple[tuple[str, str, str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("Invoice shows the wrong VAT rate for our Austrian branch", "Billing", "urgent", ("vat", "vip"),
     ("Hello, since last month the invoices for our branch in **Graz** say 19 % VAT instead of 20 %. Our accountant refuses them. Could you correct invoice `2291` and make sure the next one is right?",
      "You are right, and I am sorry. The rate of the branch is corrected; the next invoice will say 20 %. For 2291 I will send:\n\n- a credit note over the whole amount\n- a new invoice with the right rate",
      "Perfect, thank you! When can we expect the credit note?")),
    ("Cannot sign in after changing my phone", "Access", "high", ("2fa",),
     ("The code is never accepted, I tried both apps. I have a presentation at two, so this is a bit urgent for me.",
      "I can reset the second factor for you. For that I have to call you back under the number in your profile. Is now fine?")),
    ("Export to CSV stops at 10,000 rows", "Product", "normal", ("export",),
     ("We need the whole year for our auditor until Friday. The export stops at exactly 10,000 rows without saying so.",
      "That limit is real and the missing hint is a mistake of ours. Until it is mended you can export quarter by quarter.",
      "Quarter by quarter works. Still, a hint would have saved me an afternoon.")),
    ("Drucker im 3. OG druckt nur noch leere Seiten", "Product", "normal", ("hardware",),
     ("Seit heute früh kommen nur leere Seiten, der Toner ist neu. Was kann ich noch versuchen?",
      "Bitte einmal die Transportsicherung am neuen Toner prüfen: ein oranger Streifen an der linken Seite.")),
    ("How do I add a colleague?", "Product", "low", (), ("I only see an upgrade button where the manual shows “Invite”.",)),
    ("Webhook deliveries arrive twice", "Product", "high", ("api", "webhooks"),
     ("Same id, two seconds apart, only on production. Since Monday about one in fifty.",
      "Thanks for the ids, that helps. The first try runs into our timeout of two seconds, so it is sent again. Could your endpoint answer before it works?")),
    ("Refund for the duplicate payment of March", "Billing", "normal", ("refund",),
     ("We paid invoice 2188 twice, on the 3rd and on the 5th. Please send one payment back.",
      "I can see both payments. The second one goes back to your account today; it takes two to three working days.",
      "It has arrived. Thanks for looking into this so quickly!")),
    ("Please change the address on our contract", "Billing", "low", (), ("We move on the first. New address: Lindenallee 12, 04229 Leipzig.",)),
    ("The app signs me out every few minutes", "Access", "normal", ("mobile",), ("On the train it is unusable. At my desk it works.", "Does it happen when the phone changes between networks? Then there is a setting that helps.")),
    ("Two accounts for one person", "Access", "normal", (), ("I seem to have an account under my old name and one under the new one. Can they become one?",)),
)  # fmt: skip


@dataclass
class Seeded:
    """What the tests need to find again."""

    staff: dict[str, Person] = field(default_factory=dict)
    actors: dict[str, Actor] = field(default_factory=dict)
    requesters: list[Person] = field(default_factory=list)
    teams: dict[str, Team] = field(default_factory=dict)
    numbers: list[int] = field(default_factory=list)
    category: Category | None = None


async def seed(desk: Desk, count: int = 40) -> Seeded:
    """Fill an empty desk; the same tickets each time."""
    made = Seeded()
    await _people(desk, made)
    for index in range(count):
        made.numbers.append(await _ticket(desk, made, index))
    await _extras(desk, made)
    return made


async def _people(desk: Desk, made: Seeded) -> None:
    async with desk.unit() as uow:
        for name in TEAMS:
            made.teams[name] = Team(name=name)
            uow.session.add(made.teams[name])
        await uow.session.flush()
        for index, (name, role) in enumerate(AGENTS):
            email = f"{name.split()[0].lower()}@desk.example"
            person = await people.add(uow, name=name, email=email, role=role, verified=True)
            person.availability = (Availability.available, Availability.available, Availability.away)[
                index % 3
            ].value
            made.staff[name.split()[0]] = person
            for team in (TEAMS[index % 3], TEAMS[(index + 1) % 3]):
                uow.session.add(TeamMember(team_id=made.teams[team].id, person_id=person.id))
        await uow.session.flush()
        for person in made.staff.values():
            actor = await people.actor_of(uow, person)
            made.actors[next(n for n, p in made.staff.items() if p is person)] = actor
        for name in REQUESTERS:
            profile = people.Profile(
                zone="Europe/Vienna", company="Alpenglow GmbH" if name < "I" else "", phone="+43 1 555 01 23"
            )
            email = f"{name.split()[0].lower()}@alpenglow.example"
            made.requesters.append(
                await people.add(uow, name=name, email=email, verified=True, profile=profile)
            )
        made.category = Category(
            name="Invoices", team_id=made.teams["Billing"].id,
            fields=[
                {"id": "invoice", "label": "Invoice", "type": "text", "required": False, "options": [], "hint": ""},
                {"id": "since", "label": "Since when", "type": "date", "required": False, "options": [], "hint": ""},
                {"id": "plan", "label": "Plan", "type": "choice", "required": False, "options": ["Team", "Business"], "hint": ""},
            ],
        )  # fmt: skip
        uow.session.add(made.category)


async def _ticket(desk: Desk, made: Seeded, index: int) -> int:
    subject, team, priority, tags, talk = TALKS[index % len(TALKS)]
    if index >= len(TALKS):
        subject = f"{subject} ({('again', 'second site', 'another one')[index // len(TALKS) - 1]})"
    begun = clock.now() - timedelta(minutes=7 * (40 - index) ** 2 + 3)
    requester = made.requesters[(index * 5) % len(made.requesters)]
    names = list(made.staff)
    agent = made.actors[names[index % len(names)]]
    async with desk.unit() as uow:
        asking = await people.actor_of(uow, requester)
        opened = await tickets.open_ticket(
            uow, asking, requester,
            tickets.Request(
                subject=subject, text=talk[0], priority=Priority(priority), channel=("webchat", "portal", "desk")[index % 3],
                category_id=made.category.id if made.category and team == "Billing" else None,
                fields={"invoice": "2291"} if team == "Billing" else {}, at=begun,
            ),
        )  # fmt: skip
        number = opened.number
    async with desk.unit(agent) as uow:
        if tags:
            await tickets.tag(uow, agent, number, add=tags)
        if opened.ticket.team_id != made.teams[team].id:
            await tickets.assign(uow, agent, number, team=made.teams[team].id)
    if index % 3 != 1:
        async with desk.unit(agent) as uow:
            await tickets.claim(uow, agent, number)
            for turn, words in enumerate(talk[1:]):
                at = begun + timedelta(minutes=9 * (turn + 1))
                if turn % 2 == 0:
                    await tickets.reply(uow, agent, number, words, hold=0, at=at)
                else:
                    asked = await access.change(uow, agent, number)
                    asking = await people.actor_of(uow, requester)
                    await tickets.hear(
                        uow, asked, asking, conversations.Saying(text=words, via="webchat", at=at), requester
                    )
            if index % 4 == 0:
                await tickets.note(
                    uow,
                    agent,
                    number,
                    "@Mira.Lindqvist the branch was made *before* the country field existed, see the log. Please do not promise a date.",
                    mentions=[made.staff["Mira"].id],
                )
            if index % 6 == 2:
                await tickets.wait(uow, agent, number)
            elif index % 6 == 3:
                await tickets.resolve(uow, agent, number, "Answered from the manual")
            elif index % 11 == 5:
                await tickets.snooze(uow, agent, number, clock.now() + timedelta(days=2))
    return number


async def _extras(desk: Desk, made: Seeded) -> None:
    lead, sam = made.actors["Priya"], made.actors["Sam"]
    async with desk.unit(lead) as uow:
        await macros.make(
            uow,
            lead,
            name="Ask for the invoice number",
            body="Hi {requester.first_name|there}, could you tell us the invoice number? It stands at the top right.",
            shared=True,
        )
        await macros.make(
            uow,
            lead,
            name="Closing words",
            body="Glad that it works, {requester.first_name|all}!",
            actions={"move": "resolve", "add_tags": ["solved"]},
            shared=True,
        )
        await views.save(
            uow,
            lead,
            name="Urgent in Billing",
            condition={
                "all": [
                    {"field": "priority", "op": "is", "value": "urgent"},
                    {"field": "team", "op": "is", "value": str(made.teams["Billing"].id)},
                ]
            },
            shared=True,
        )
    picture = Path(__file__).with_name("invoice.png")
    async with desk.unit(sam) as uow:
        assert sam.id is not None
        row = await attachments.upload(
            uow, sam.id, "Rechnung März 2026.pdf", _bytes(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + b"0" * 180_000)
        )
        files = [row.id]
        if picture.exists():
            files.append(
                (await attachments.upload(uow, sam.id, "invoice-2291.png", _bytes(picture.read_bytes()))).id
            )
        await uow.session.flush()
        await tickets.note(uow, sam, made.numbers[0], "The invoice as they see it.", files=files)
        await tickets.link(uow, sam, made.numbers[0], made.numbers[10])
        await tickets.follow(uow, sam, made.numbers[0])


async def _bytes(data: bytes) -> AsyncIterator[bytes]:
    yield data
