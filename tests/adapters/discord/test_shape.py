"""What the adapter is before any bot is connected; its cards, forms and commands within the limits."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

import bot.commands
from adapters.discord import commands, make, render
from adapters.discord.render import LIMITS
from bot import wiring
from bot.registry import typed
from core.chat import (
    Backfill,
    Button,
    Card,
    Checks,
    CommandSpec,
    Connects,
    Field,
    Files,
    Form,
    Input,
    Marks,
    Measures,
    Menus,
    Option,
    ParameterSpec,
    Post,
    Poster,
    Reacts,
    Rooms,
    Select,
    Types,
)
from core.desk import Desk
from playground.discord import limits
from tests.adapters import contract

text = st.text(max_size=3_000)
short = st.text(max_size=300)
option = st.builds(Option, short, short)
cards = st.builds(
    Card,
    text=text,
    title=short,
    fields=st.lists(st.builds(Field, short, text), max_size=30).map(tuple),
    buttons=st.integers(0, 30).flatmap(
        lambda n: st.just(tuple(Button(f"Button {i}" * 12, f"do:ticket:{i}") for i in range(n)))
    ),
    selects=st.lists(st.lists(option, max_size=30).map(tuple), max_size=3).map(
        lambda several: tuple(Select(f"s:x:{i}", "L" * 200, one) for i, one in enumerate(several))
    ),
    tone=st.sampled_from(["neutral", "good", "warning", "danger", "note"]),
    author=short,
)


def test_it_offers_what_the_platform_can(desk: Desk) -> None:
    adapter = make(desk, {})
    for protocol in (
        Poster, Reacts, Types, Rooms, Backfill, Files, Marks, Menus, Checks, Connects, Measures,
    ):  # fmt: skip
        assert isinstance(adapter, protocol)
    contract.check_shape("discord", adapter)
    contract.check_offers(adapter)
    contract.check_limits_agree(adapter)


def test_the_library_is_not_imported_before_it_is_needed() -> None:
    code = "import sys, adapters.discord, adapters.discord.inbound; assert 'discord' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@given(cards)
@example(Card(text="\x1c"))
@example(Card(text="\x85", tone="good"))
@settings(max_examples=150, deadline=None)
def test_cards_fit(card: Card) -> None:
    body = render.message(Post(card))
    limits.check_message(body, 0, flags=0)


@given(
    st.lists(
        st.builds(Input, st.uuids().map(str), short, required=st.booleans(), value=text),
        min_size=1,
        max_size=9,
    )
)
@settings(max_examples=60, deadline=None)
def test_forms_fit(inputs: list[Input]) -> None:
    choice = Input("c", "Choice", "choice", options=tuple(Option(f"o{i}", f"v{i}") for i in range(40)))
    body = render.modal(Form("ticket:new:1", "T" * 100, (*inputs, choice)))
    limits.check_modal(body)


def test_more_commands_than_fit_go_into_a_group() -> None:
    specs = [
        CommandSpec(
            f"c{n}", "Words " * 40, (ParameterSpec("a", "number", False), ParameterSpec("b", "text", True))
        )
        for n in range(36)
    ]
    desk, on_message = commands.as_json(specs)
    assert len(desk["options"]) == 25
    group = desk["options"][-1]
    assert (group["name"], len(group["options"])) == ("more", 12)
    assert [one["name"] for one in desk["options"][0]["options"]] == ["b", "a"]
    assert on_message["type"] == 3
    _check(desk)


def test_what_agents_do_all_day_is_no_part_of_the_group() -> None:
    specs = wiring.menu()
    first = {one["name"] for one in commands.as_json(specs)[0]["options"]}
    assert {"help", "new", "claim", "release", "assign", "priority", "reply", "note", "resolve"} <= first
    assert {one.name for one in specs if one.often} <= first
    assert len(specs) <= 24 + 25, "Discord has no room for more"


def test_all_our_commands_are_there_and_the_usual_ones_without_a_group() -> None:
    bot.commands.load()
    desk, _on_message = commands.as_json(bot.commands.specs())
    direct = {one["name"] for one in desk["options"]}
    grouped = {one["name"] for one in desk["options"][-1]["options"]}
    assert direct | grouped == {*bot.commands.COMMANDS, "more"}
    assert {"reply", "note", "claim", "assign", "resolve", "close", "kb", "search", "who", "call"} <= direct
    as_typed = {name: typed(name, LIMITS) for name in bot.commands.COMMANDS}
    assert as_typed == {
        name: f"/desk more {name}" if name in grouped else f"/desk {name}" for name in bot.commands.COMMANDS
    }


def _check(command: dict[str, Any]) -> None:
    assert 1 <= len(command["description"]) <= 100
    for one in command.get("options", []):
        _check(one)
