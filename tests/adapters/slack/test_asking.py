"""Commands, buttons, choices, forms, shortcuts and the home."""

from __future__ import annotations

import asyncio
from typing import Any

from core.chat import (
    Answer,
    Button,
    Card,
    Form,
    Gathered,
    Inbound,
    Input,
    Invoked,
    Option,
    Place,
    Post,
    Pressed,
    Select,
    Submitted,
    Visited,
)
from core.errors import Forbidden, Invalid
from tests.adapters.slack.conftest import Hearing
from tests.adapters.slack.standin import Standin

FORM = Form(
    "ticket:new",
    "What do you need help with, exactly?",
    (
        Input("subject", "Subject", required=True),
        Input("text", "What happened?", "long", hint="As much as you like"),
        Input("category", "About", "choice", options=(Option("Printing", "c1"), Option("Mail", "c2"))),
        Input("urgent", "Urgent?", "bool"),
        Input("since", "Since when?", "date"),
        Input("email", "E-mail", "email"),
        Input("count", "How many?", "number"),
    ),
)


async def shown_to(live: Standin, user: str, most: float = 5) -> list[str]:
    """What only one person sees, as soon as there is something."""
    async with asyncio.timeout(most):
        while True:
            found = (await live.server.play.ephemerals(user))["ephemerals"]
            if found:
                return [str(one["text"]) for one in found]
            await live.server.changes.wait(live.server.changes.seq, 1)


async def test_the_command_and_its_answer_for_one_person(live: Standin, hearing: Hearing) -> None:
    hearing.answer = lambda inbound: Answer(cards=(Card(text="claimed", private=True),))
    assert (await live.server.play.command(live.world.ben, "desk", "/desk claim 42 & more"))["ok"]
    called = await hearing.first(Invoked)
    assert (called.command, called.arguments, called.place) == ("claim", "42 & more", live.room)
    assert await shown_to(live, live.world.ben) == ["claimed"]
    assert await live.shows(live.room) == []
    await live.server.play.command(live.world.ben, "desk", "/desk")
    assert (await hearing.first(Invoked, command="help")).arguments == ""


async def test_words_about_a_mistake_are_private(live: Standin, hearing: Hearing) -> None:
    def refuse(inbound: Any) -> Answer:
        raise Forbidden("That is not yours to do.")

    hearing.answer = refuse
    assert (await live.server.play.command(live.world.ben, "desk", "/desk claim 42"))["ok"]
    assert await shown_to(live, live.world.ben) == ["That is not yours to do."]


async def test_a_button_and_a_choice(live: Standin, hearing: Hearing) -> None:
    card = Card(
        title="#7",
        buttons=(Button("Claim", "claim:ticket:7"), Button("Look", url="https://desk.example.com/7")),
        selects=(Select("priority:ticket:7", "Priority", (Option("High", "high"), Option("Low", "low"))),),
    )
    made = await live.adapter.open_thread(live.room, "#7", Post(card), key="h")
    play = live.server.play
    assert (await play.click(live.world.ben, "claim:ticket:7#0", "desk", made.head))["ok"]
    pressed = await hearing.first(Pressed)
    assert (pressed.button, pressed.message, pressed.place) == ("claim:ticket:7", made.head, made.place)
    await play.click(live.world.ben, "priority:ticket:7#s0", "desk", made.head, value="low")
    chosen = await hearing.first(Pressed, choice="low")
    assert chosen.button == "priority:ticket:7"
    assert (await play.click(live.world.ben, "link#1", "desk", made.head))["ok"]
    assert len(hearing.all(Pressed)) == 2


async def test_a_form_from_opening_to_sending(live: Standin, hearing: Hearing) -> None:
    hearing.answer = lambda inbound: Answer(form=FORM) if isinstance(inbound, Invoked) else Answer()
    play = live.server.play
    await play.command(live.world.ada, "general", "/desk new")
    (view,) = (await play.views(live.world.ada))["views"]
    assert view["callback_id"] == "ticket:new"

    def refuse(inbound: Any) -> Answer:
        raise Invalid("Please say a little more.", field="text")

    hearing.answer = refuse
    values = {"subject": {"value": "Printer"}, "category": {"value": "c1"}, "urgent": {"value": ["true"]}}
    sent = await play.submit(live.world.ada, values)
    assert sent["errors"] == {"text": "Please say a little more."}
    hearing.answer = lambda inbound: Answer(cards=(Card(text="Thank you."),))
    more = values | {"text": {"value": "It burns"}, "since": {"value": "2026-11-02"}, "count": {"value": "3"}}
    assert (await play.submit(live.world.ada, more))["ok"]
    submitted = hearing.all(Submitted)[-1]
    assert submitted.place == Place("slack", live.world.team, live.world.general)
    assert submitted.values == {
        "subject": "Printer",
        "text": "It burns",
        "category": "c1",
        "urgent": "true",
        "since": "2026-11-02",
        "email": "",
        "count": "3",
    }
    assert await shown_to(live, live.world.ada) == ["Thank you."]


async def test_a_form_asked_for_by_words_is_opened_by_a_button(live: Standin, hearing: Hearing) -> None:
    from core.chat import CommandSpec

    live.adapter.offer([CommandSpec("new", "Ask")])
    hearing.answer = lambda inbound: Answer(form=FORM)
    await live.server.play.say(live.world.ada, "general", "@deskbell new")
    await shown_to(live, live.world.ada)
    (card,) = (await live.server.play.ephemerals(live.world.ada))["ephemerals"]
    await live.server.play.click(live.world.ada, "again", "general", card["ts"])
    assert (await live.server.play.views(live.world.ada))["views"]


async def test_a_mistake_is_told_once_though_a_mention_comes_as_two_events(
    live: Standin, hearing: Hearing
) -> None:
    from core.chat import CommandSpec

    def refuse(inbound: Inbound) -> Answer:
        raise Invalid("Which ticket?")

    live.adapter.offer([CommandSpec("claim", "Take a ticket")])
    hearing.answer = refuse
    await live.server.play.say(live.world.ben, "desk", "@deskbell claim")
    assert await shown_to(live, live.world.ben) == ["Which ticket?"]
    await live.server.play.settled()
    assert len(hearing.all(Invoked)) == 2
    assert len(await shown_to(live, live.world.ben)) == 1


async def test_the_global_shortcut_asks_for_help(live: Standin, hearing: Hearing) -> None:
    hearing.answer = lambda inbound: Answer(form=FORM)
    assert (await live.server.play.global_shortcut(live.world.ada, "get_help"))["ok"]
    called = await hearing.first(Invoked)
    assert (called.command, called.place) == ("new", live.place)
    assert (await live.server.play.views(live.world.ada))["views"]


async def test_the_shortcut_on_a_message_takes_the_whole_thread(live: Standin, hearing: Hearing) -> None:
    play = live.server.play
    head = await play.say(live.world.ada, "general", "it smells", files=[{"name": "a.txt", "text": "smoke"}])
    for number in range(3):
        await play.say(live.world.ben, "general", f"reply {number}", thread=head["ts"])
    last = await play.say(live.world.ada, "general", "now it burns", thread=head["ts"])
    assert (await play.message_shortcut(live.world.ben, "general", last["ts"], "make_ticket"))["ok"]
    taken = await hearing.first(Gathered)
    assert taken.place == Place("slack", live.world.team, live.world.general, head["ts"])
    assert taken.sender.external == live.world.ben
    assert [one.text for one in taken.messages] == [
        "it smells",
        "reply 0",
        "reply 1",
        "reply 2",
        "now it burns",
    ]
    assert taken.messages[0].sender.external == live.world.ada
    assert taken.messages[0].files[0].name == "a.txt"


async def test_the_shortcut_where_the_bot_is_not(live: Standin, hearing: Hearing) -> None:
    play = live.server.play
    await play.add_channel("secret", live.world.ada, private=True)
    said = await play.say(live.world.ada, "secret", "psst")
    assert (await play.message_shortcut(live.world.ada, "secret", said["ts"], "make_ticket"))["ok"]
    taken = await hearing.first(Gathered)
    assert (taken.place, [one.text for one in taken.messages]) == (live.place, ["psst"])
    await play.add_channel("open", live.world.ada)
    said = await play.say(live.world.ada, "open", "hey")
    await play.message_shortcut(live.world.ada, "open", said["ts"], "make_ticket")
    assert hearing.all(Gathered)[-1].place.thread == said["ts"]
    assert live.world.bot in live.server.world.channel_named(live.world.team, "open").members


async def test_the_home_shows_cards_and_what_is_pressed_there(live: Standin, hearing: Hearing) -> None:
    page = Answer(cards=(Card(title="Your tickets", buttons=(Button("Get help", "new:ticket:0"),)),))

    def answer(inbound: Any) -> Answer:
        return page if isinstance(inbound, Visited) else Answer(form=FORM)

    hearing.answer = answer
    play = live.server.play
    await play.open_home(live.world.ada)
    visited = await hearing.first(Visited)
    assert visited.place == live.place
    assert await play.settled(5)
    home = (await play.home(live.world.ada))["view"]
    assert home["blocks"][0]["text"]["text"] == "Your tickets"
    await play.click(live.world.ada, "new:ticket:0#0", view_id="home")
    pressed = await hearing.first(Pressed)
    assert (pressed.button, pressed.place) == ("new:ticket:0", live.place)
    assert (await play.views(live.world.ada))["views"]


async def test_people_of_another_company_are_told_apart(live: Standin, hearing: Hearing) -> None:
    from core.chat import Said

    await live.server.play.say(
        live.world.dan, "with-contoso", f"<@{live.world.bot}> hello from outside", raw=True
    )
    said = await hearing.first(Said)
    assert said.sender.external == f"{live.world.other_team}:{live.world.dan}"
    assert said.sender.name == "Dan Ivers (Contoso)"
    assert not said.sender.vouched
    hearing.answer = lambda inbound: Answer(cards=(Card(text="hello", private=True),))
    card = Card(title="#7", buttons=(Button("Close", "close:ticket:7"),))
    native = await live.adapter.post(said.place, Post(card), key="k")
    await live.server.play.click(live.world.dan, "close:ticket:7#0", live.world.shared, native)
    pressed = await hearing.first(Pressed)
    assert (pressed.sender.external, pressed.place) == (said.sender.external, said.place)
    assert await shown_to(live, live.world.dan) == ["hello"]
