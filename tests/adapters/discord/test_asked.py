"""Commands, buttons, forms, completions and the context menu, through the real library."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from core.chat import (
    Answer,
    Button,
    Card,
    Completing,
    Form,
    Gathered,
    Inbound,
    Input,
    Invoked,
    Option,
    Post,
    Pressed,
    Select,
    Submitted,
)
from core.errors import Refused
from tests.adapters.discord.conftest import World

FORM = Form(
    "ticket:new:1",
    "New ticket",
    (
        Input("note", "Anything else?"),
        Input("subject", "What is it about?", required=True),
        Input("text", "What happened?", "long", required=True, hint="As you like"),
        Input("category", "Category", "choice", options=(Option("Printer", "p"), Option("Mouse", "m"))),
        Input("since", "Since when?", "date"),
        Input("urgent", "Is it urgent?", "bool", required=True),
    ),
)


async def settled(asked: Any) -> Any:
    async with asyncio.timeout(30):
        await asked.settled.wait()
    return asked


async def test_a_panel_opens_a_form_and_the_form_comes_in(world: World) -> None:
    panel = Card(
        title="Help",
        buttons=(Button("Get help", "new:ticket:0", style="primary"),),
        selects=(
            Select("category:new:0", "What is it about?", (Option("Printer", "p"), Option("Mouse", "m"))),
        ),
    )
    place = world.place(world.channel("help"))
    native = await world.adapter.post(place, Post(panel), key="panel")

    def answers(inbound: Inbound) -> Answer:
        if isinstance(inbound, Pressed):
            return Answer(form=FORM)
        return Answer(cards=(Card(text="Got it.", private=True),))

    world.ears.answers = answers
    asked = await settled(world.people.press("Ada", native, "category:new:0", ["m"]))
    pressed = await world.ears.hears(Pressed)
    assert (pressed.button, pressed.choice, pressed.message) == ("category:new:0", "m", native)
    assert (pressed.native, pressed.place, pressed.sender.locale) == (asked.id, place, "en-US")
    assert [row["label"] for row in asked.form["components"]] == [
        "Anything else?",
        "What is it about?",
        "What happened?",
        "Category",
        "Is it urgent?",
    ]
    filled = {"subject": "Mouse", "text": "dead", "category": "m", "urgent": "yes"}
    sent = await settled(world.people.submit("Ada", asked, filled))
    submitted = await world.ears.hears(Submitted)
    assert submitted.form == "ticket:new:1"
    assert submitted.values == {"note": "", **filled}
    assert submitted.place == place
    assert sent.original.only_for == world.standin.seeded.users[0].id


async def test_commands_with_options(world: World) -> None:
    world.ears.answers = lambda inbound: Answer(
        cards=(Card(text="**Set.**"), Card(text="More.", private=True))
    )
    asked = await settled(
        world.people.command("Bob", world.channel("general"), "desk priority", {"to": "high", "ticket": 7})
    )
    invoked = await world.ears.hears(Invoked)
    assert (invoked.command, dict(invoked.options)) == ("priority", {"to": "high", "ticket": "7"})
    assert not invoked.direct, "others read along in a channel"
    assert asked.original.content == "**Set.**"
    assert asked.original.only_for is None
    async with asyncio.timeout(30):
        while not asked.said:
            await asyncio.sleep(0.01)
    assert asked.said[0].only_for == asked.user.id
    direct = world.people.dm("Ada", world.standin.seeded.app)
    await settled(world.people.command("Ada", direct, "desk status", {}))
    again = await world.ears.hears(Invoked, 2)
    assert (again.place, again.direct) == (world.standin.place, True)


async def test_completions(world: World) -> None:
    world.ears.answers = lambda inbound: Answer(choices=(Option("Out of paper", "paper"),))
    asked = await settled(world.people.complete("Bob", world.channel("general"), "desk macro", "name", "pa"))
    completing = await world.ears.hears(Completing)
    assert (completing.command, completing.option, completing.typed) == ("macro", "name", "pa")
    assert asked.choices == [{"name": "Out of paper", "value": "paper"}]
    world.ears.answers = lambda inbound: Answer(choices=(Option("#7 Printer", "7"), Option("none", "x")))
    asked = await settled(
        world.people.complete("Bob", world.channel("general"), "desk status", "ticket", "pri")
    )
    assert (await world.ears.hears(Completing, 2)).typed == "pri"
    assert asked.choices == [{"name": "#7 Printer", "value": 7}]


async def test_a_message_becomes_a_ticket_and_a_thread_as_a_whole(world: World) -> None:
    channel = world.channel("general")
    world.ears.answers = lambda inbound: Answer(cards=(Card(text="Ticket made.", private=True),))
    message = world.people.say("Ada", channel, "my screen", files=[("a.png", b"x")])
    await settled(world.people.use_on_message("Bob", message, "Make a ticket"))
    alone = await world.ears.hears(Gathered)
    assert [one.text for one in alone.messages] == ["my screen"]
    assert alone.messages[0].files[0].name == "a.png"
    assert (alone.place.thread, alone.sender.name, alone.messages[0].sender.name) == (
        message.id,
        "Bob",
        "Ada",
    )
    thread = world.people.thread("Bob", channel, "screen", message=message)
    world.people.say("Bob", thread, "since when?")
    last = world.people.say("Ada", thread, "yesterday")
    await settled(world.people.use_on_message("Bob", last, "Make a ticket"))
    whole = await world.ears.hears(Gathered, 2)
    assert [one.text for one in whole.messages] == ["my screen", "since when?", "yesterday"]
    assert {one.place for one in whole.messages} == {whole.place} == {world.place(channel, thread)}


async def test_what_cannot_become_a_ticket_is_said_in_words(world: World) -> None:
    """A bot's card is nobody's message; "done" would be a lie."""
    place = replace(world.standin.place, channel=world.channel("general").id)
    native = await world.adapter.post(place, Post(Card(text="A card of ours")), key="k")
    asked = await settled(world.people.use_on_message("Bob", native, "Make a ticket"))
    assert "only what people wrote can" in str(asked.original.embeds)
    assert asked.original.only_for == asked.user.id
    assert not world.ears.of(Gathered)


async def test_what_takes_long_is_announced(world: World) -> None:
    released = asyncio.Event()

    async def answers(inbound: Inbound) -> Answer:
        await released.wait()
        return Answer(cards=(Card(text="Done at last."),))

    world.ears.answers = answers
    asked = world.people.command("Bob", world.channel("general"), "desk status", {})
    async with asyncio.timeout(30):
        await asked.answered.wait()
    assert asked.answer == 5
    released.set()
    await settled(asked)
    assert asked.original.content == "Done at last."


async def test_an_error_is_whispered_and_an_away_desk_is_told(world: World) -> None:
    def refuse(inbound: Inbound) -> Answer:
        raise Refused("The ticket is closed.")

    world.ears.answers = refuse
    asked = await settled(world.people.command("Bob", world.channel("general"), "desk status", {}))
    assert asked.original.only_for == asked.user.id
    assert asked.original.embeds[0]["description"] == "The ticket is closed."
    world.ears.away = True
    asked = await settled(world.people.command("Bob", world.channel("general"), "desk status", {}))
    assert "cannot be reached" in asked.original.embeds[0]["description"]


async def test_a_press_without_words_changes_nothing_to_see(world: World) -> None:
    card = Card(text="x", buttons=(Button("Follow", "follow:ticket:7"),))
    native = await world.adapter.post(world.place(world.channel("help")), Post(card), key="k")
    asked = await settled(world.people.press("Ada", native, "follow:ticket:7"))
    assert asked.answer == 6


async def test_a_lost_answer_to_an_interaction_is_no_trouble(world: World) -> None:
    world.ears.answers = lambda inbound: Answer(cards=(Card(text="ok"),))
    world.server.faults.add("commit_500", method="POST", path="/interactions/*", times=1)
    asked = await settled(world.people.command("Bob", world.channel("general"), "desk status", {}))
    assert asked.original.content == "ok"
    assert len(world.channel("general").messages) == 1
